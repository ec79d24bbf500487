//! Who sends a request, from where, and what they may do. All permissions are here and in the route table.
//!
//! A client shows who it is in one of three ways: by the cookie of a signed-in browser, by Basic authentication
//! (RFC 7617; for programs), or by `?token=` (for pictures in other servers' pages).

use std::net::{IpAddr, Ipv4Addr};

use rouille::{Request, Response};

use super::basic::{Credentials, credentials};
use super::cookies;
use super::frame::may_use_session;
use super::response::plain_text;
use super::url::{SIGN_IN, Target, param};
use crate::auth::network::{Network, client_behind, is_in};
use crate::auth::{Access, Identity, PasswordError, Role, whole_seconds};
use crate::problem::text;
use crate::protocol::{CHECK_HEADER, PEER_HEADER, SECURE_HEADER};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Everybody. The answer reveals nothing.
    Public,
    /// [`Role::Watch`]. Others are redirected to the form for signing in.
    Page,
    /// [`Role::Watch`]. Scripts of [`Guard::origins`] may read the answer.
    Watch,
    /// [`Role::Control`].
    Control,
}

impl Permission {
    /// The role that it needs; `None` if it needs none.
    pub(super) fn role(self) -> Option<Role> {
        match self {
            Permission::Public => None,
            Permission::Page | Permission::Watch => Some(Role::Watch),
            Permission::Control => Some(Role::Control),
        }
    }
}

/// Decides whether a request may reach its handler.
#[derive(Debug)]
pub struct Guard {
    /// Users, sessions and tokens.
    pub access: Access,
    /// Origins of web pages on other servers whose scripts may read answers.
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-` headers are trusted.
    pub proxies: Vec<Network>,
}

impl Guard {
    /// Who sent the request, if they have this permission; `None` if it is public.
    ///
    /// # Errors
    /// The answer to a client that has not.
    pub(super) fn admit(
        &self,
        request: &Request,
        target: &Target,
        permission: Permission,
    ) -> Result<Option<Identity>, Response> {
        let Some(role) = permission.role() else { return Ok(None) };
        if let Some(anonymous) = self.access.anonymous() {
            return Ok(Some(anonymous));
        }
        let secrets = cookies::secrets(request)
            .filter(|_| may_use_session(&self.origins, request, permission == Permission::Page));
        let by_cookie = secrets.filter_map(|secret| self.access.by_session(secret));
        // A token is for pictures. The page would not work with it, since its further requests have none.
        let token = (permission != Permission::Page).then(|| param(request, "token")).flatten();
        let by_token = token.and_then(|secret| self.access.by_token(&secret));
        let mut is_known = false;
        for identity in by_cookie.chain(by_token) {
            if identity.role >= role {
                return Ok(Some(identity));
            }
            is_known = true;
        }
        if let Some(Credentials { name, passwords }) = credentials(request) {
            if let Some(later) = self.check_later(request, &name, &passwords) {
                return Err(later);
            }
            match self.access.by_spellings(&name, &passwords, self.address(request)) {
                Ok(identity) if identity.role >= role => return Ok(Some(identity)),
                Ok(_) => is_known = true,
                Err(PasswordError::Wrong) => {}
                Err(error) => return Err(try_again_later(&error)),
            }
        }
        Err(match permission {
            _ if is_known => plain_text(403, text!("You may watch, but not change anything.")),
            Permission::Page => Response::redirect_303(target.relative(SIGN_IN)).with_no_cache(),
            _ => unauthorized(request),
        })
    }

    /// The answer that makes the gate put the request into the queue for password checks, unless it comes from there
    /// or its password need not be hashed.
    pub(super) fn check_later<S: AsRef<str>>(
        &self,
        request: &Request,
        name: &str,
        passwords: &[S],
    ) -> Option<Response> {
        if request.header(CHECK_HEADER).is_some() {
            return None;
        }
        let line = self.access.line(name, passwords, self.address(request))?;
        let later = try_again_later(&PasswordError::Busy);
        Some(later.with_additional_header(CHECK_HEADER, line.to_string()))
    }

    /// The client's address: that of the connection, or the one that a trusted proxy reports.
    pub(super) fn address(&self, request: &Request) -> IpAddr {
        let peer = peer(request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("X-Forwarded-For"));
        client_behind(&self.proxies, peer, lines.map(|(_, value)| value))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        is_in(&self.proxies, address)
    }

    /// Whether the client's connection is encrypted: it came by HTTPS to us, or to a trusted proxy.
    pub(super) fn is_secure(&self, request: &Request) -> bool {
        request.header(SECURE_HEADER).is_some()
            || self.schemes(request).next().is_some() && self.schemes(request).all(is_https)
    }

    /// What trusted proxies say that the client speaks, for each line of the header. Of several proxies in a row, the
    /// first one knows it: `https, http`.
    fn schemes<'r>(&self, request: &'r Request) -> impl Iterator<Item = &'r str> {
        let is_trusted = peer(request).is_some_and(|peer| self.trusts(peer));
        let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case(PROTO_HEADER));
        lines.filter(move |_| is_trusted).map(|(_, value)| value.split(',').next().unwrap_or_default().trim())
    }

    /// The answer to a request of which a trusted proxy says both that it came encrypted and that it did not: it added
    /// its own line, and left the client's.
    pub(super) fn contradiction(&self, request: &Request) -> Option<Response> {
        let first = self.schemes(request).next().map(is_https)?;
        self.schemes(request).any(|scheme| is_https(scheme) != first).then(|| {
            let why = "The request has two X-Forwarded-Proto that contradict each other. Let the proxy replace the \
                       client's own.";
            plain_text(400, why)
        })
    }
}

/// In it, a proxy says how its client came.
const PROTO_HEADER: &str = "X-Forwarded-Proto";

fn is_https(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https")
}

/// The address at the other end of the connection.
pub(super) fn peer(request: &Request) -> Option<IpAddr> {
    request.header(PEER_HEADER).and_then(|peer| peer.parse().ok())
}

/// Asks for a password, except in a browser with a cookie of ours: it would open a window of its own.
fn unauthorized(request: &Request) -> Response {
    let has_cookie = cookies::has_session(request);
    let why = if credentials(request).is_some() {
        text!("Wrong user name or password.")
    } else if request.header("Authorization").is_some() {
        text!("The Authorization header cannot be read: it must be Basic, with a user name and a password.")
    } else if param(request, "token").is_some() {
        text!("There is no such token: it was revoked, or a part of it is missing.")
    } else if has_cookie {
        text!("You are not signed in any more. Open /sign-in.")
    } else {
        text!("You need a user name and a password, or a token.")
    };
    let response = plain_text(401, why);
    if has_cookie {
        return response;
    }
    response.with_additional_header("WWW-Authenticate", "Basic realm=\"boardcam\", charset=\"UTF-8\"")
}

fn try_again_later(error: &PasswordError) -> Response {
    let (status, wait) = status_of(error);
    plain_text(status, error.to_string()).with_additional_header("Retry-After", wait.to_string())
}

/// The status code of an answer to it, and the seconds after which the client may try again.
pub(super) fn status_of(error: &PasswordError) -> (u16, u64) {
    match error {
        PasswordError::Wrong => (403, 0),
        PasswordError::Throttled(wait) => (429, whole_seconds(*wait)),
        PasswordError::Busy => (503, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ben, guard, header};
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::fake_http("GET", "/stream", headers, vec![])
    }

    #[test]
    fn a_client_cannot_give_itself_another_address() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let guard = Guard { proxies, ..guard(&[]) };
        let peer = |address| (PEER_HEADER, address);
        let said = |addresses| ("X-Forwarded-For", addresses);
        for (headers, address) in [
            (&[peer("192.0.2.1")][..], "192.0.2.1"),
            (&[peer("192.0.2.1"), said("198.51.100.7")], "192.0.2.1"),
            (&[peer("10.0.0.1")], "10.0.0.1"),
            (&[peer("10.0.0.1"), said("198.51.100.7")], "198.51.100.7"),
            (&[peer("::1"), said("203.0.113.9, 198.51.100.7")], "198.51.100.7"),
            (&[peer("10.0.0.1"), said("203.0.113.9"), said("198.51.100.7,10.0.0.2")], "198.51.100.7"),
            (&[peer("10.0.0.1"), said("198.51.100.7, unknown")], "10.0.0.1"),
            (&[peer("10.0.0.1"), said("")], "10.0.0.1"),
            (&[said("198.51.100.7")], "0.0.0.0"),
            (&[peer("10.0.0.1"), said("198.51.100.7:5678")], "198.51.100.7"),
            (&[peer("10.0.0.1"), said("[2001:db8::1]:80")], "2001:db8::1"),
            (&[peer("10.0.0.1"), said("[2001:db8::1], 10.0.0.2:80")], "2001:db8::1"),
            (&[peer("10.0.0.1"), said("198.51.100.7:x")], "10.0.0.1"),
        ] {
            assert_eq!(guard.address(&request(headers)).to_string(), address, "{headers:?}");
        }
    }

    #[test]
    fn only_the_gate_and_trusted_proxies_say_that_a_connection_is_secure() {
        let guard = Guard { proxies: vec!["10.0.0.1".parse().unwrap()], ..guard(&[]) };
        let https = ("X-Forwarded-Proto", "https");
        assert!(guard.is_secure(&request(&[(PEER_HEADER, "192.0.2.1"), (SECURE_HEADER, "1")])));
        assert!(guard.is_secure(&request(&[(PEER_HEADER, "10.0.0.1"), https])));
        assert!(!guard.is_secure(&request(&[(PEER_HEADER, "192.0.2.1"), https])));
        assert!(!guard.is_secure(&request(&[https])));
        let is_secure = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (PROTO_HEADER, *line));
            let headers: Vec<_> = lines.chain([(PEER_HEADER, "10.0.0.1")]).collect();
            let contradicts = guard.contradiction(&request(&headers)).map(|answer| answer.status_code);
            (guard.is_secure(&request(&headers)), contradicts)
        };
        for lines in [&["HTTPS"][..], &["https,http"], &[" Https , http"], &["https", "https,http"]] {
            assert_eq!(is_secure(lines), (true, None), "{lines:?}");
        }
        for lines in [&["http"][..], &["http, https"], &[""], &["httpsx"], &["http", "HTTP"]] {
            assert_eq!(is_secure(lines), (false, None), "{lines:?}");
        }
        for lines in [&["https", "http"], &["http", "https"]] {
            assert_eq!(is_secure(lines), (false, Some(400)), "{lines:?}");
        }
    }

    #[test]
    fn a_password_opens_what_its_role_may_have() {
        let guard = guard(&[ben()]);
        let headers = [("Authorization", "Basic YmVuOnBhc3N3b3Jk"), (PEER_HEADER, "192.0.2.1")];
        let answer = guard.admit(&request(&headers), &Target::of(&request(&headers)), Permission::Watch);
        let waits = answer.err().and_then(|answer| header(&answer, CHECK_HEADER));
        assert!(
            waits.is_some_and(|line| line.parse::<u64>().is_ok()),
            "a password is hashed before its turn"
        );
        let ben = request(&[&headers[..], &[(CHECK_HEADER, "1")]].concat());
        let status = |permission| {
            guard.admit(&ben, &Target::of(&ben), permission).map_or_else(|answer| answer.status_code, |_| 200)
        };
        assert_eq!([Permission::Page, Permission::Watch, Permission::Control].map(status), [200, 200, 403]);
    }
}
