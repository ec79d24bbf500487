//! Who asks, from where, and whether they may: told from the headers of each request. Permissions are here and in the
//! route table, and nowhere else.
//!
//! Three ways lead in: the cookie of a signed-in browser, Basic authentication (RFC 7617) for programs, and `?token=`
//! for pictures in pages elsewhere.

use std::net::{IpAddr, Ipv4Addr};

use rouille::{Request, Response, input};

use super::{secure, sentence};
use crate::auth::network::Network;
use crate::auth::{Access, Refused, Role, Visitor, seconds};
use crate::protocol::PEER_HEADER;

/// Cookies of ours are called so, and then by the port: browsers mix up the cookies of servers on one host.
const COOKIE: &str = "boardcam-";

/// Cookies of ours that are looked at; a browser sends one.
const COOKIES_MAX: usize = 8;

/// The page on which one signs in.
pub(super) const SIGN_IN: &str = "/sign-in";

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing; it tells nothing either.
    Nothing,
    /// [`Role::Watch`], of a person: who is not signed in is led to where one does it.
    Page,
    /// [`Role::Watch`], and scripts of pages that the settings name may read it.
    Watch,
    /// [`Role::Control`].
    Control,
}

impl Needs {
    fn role(self) -> Option<Role> {
        match self {
            Needs::Nothing => None,
            Needs::Page | Needs::Watch => Some(Role::Watch),
            Needs::Control => Some(Role::Control),
        }
    }
}

/// What stands between a request and its page.
#[derive(Debug)]
pub struct Guard {
    /// Who may do what.
    pub access: Access,
    /// Web pages elsewhere whose scripts may read, as browsers name them in Origin.
    pub origins: Vec<String>,
    /// Proxies that may say whom they speak for.
    pub proxies: Vec<Network>,
}

impl Guard {
    /// Who asks, if they may have what `needs` says; `None` where it needs nothing.
    ///
    /// # Errors
    /// The answer to whoever may not.
    pub(super) fn admit(&self, request: &Request, needs: Needs) -> Result<Option<Visitor>, Response> {
        let Some(role) = needs.role() else { return Ok(None) };
        if let Some(anybody) = self.access.anybody() {
            return Ok(Some(anybody));
        }
        let by_cookie = cookies(request).filter_map(|secret| self.access.by_session(secret));
        // A token shows a picture; a page with one could not show anything else.
        let token = (needs != Needs::Page).then(|| request.get_param("token")).flatten();
        let by_token = token.and_then(|secret| self.access.by_token(&secret));
        let mut known = false;
        for visitor in by_cookie.chain(by_token) {
            if visitor.role >= role {
                return Ok(Some(visitor));
            }
            known = true;
        }
        if let Some(input::HttpAuthCredentials { login, password }) = input::basic_http_auth(request) {
            match self.access.by_password(&login, &password, self.address(request)) {
                Ok(visitor) if visitor.role >= role => return Ok(Some(visitor)),
                Ok(_) => known = true,
                Err(Refused::Wrong) => {}
                Err(refused) => return Err(again_later(&refused)),
            }
        }
        Err(match needs {
            _ if known => sentence(403, "You may watch, but not change anything."),
            Needs::Page => Response::redirect_303(SIGN_IN).with_no_cache(),
            _ => stranger(request),
        })
    }

    /// Where the request comes from: the client of the gate, or whoever a trusted proxy speaks for.
    pub(super) fn address(&self, request: &Request) -> IpAddr {
        let peer = request.header(PEER_HEADER).and_then(|peer| peer.parse().ok());
        let mut address: IpAddr = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("X-Forwarded-For"));
        let said: Vec<&str> = lines.flat_map(|(_, value)| value.split(',')).collect();
        // Each proxy adds the one that it was asked by at the end; what strangers wrote stands before that.
        for said in said.into_iter().rev() {
            if !self.trusts(address) {
                break;
            }
            match said.trim().parse::<IpAddr>() {
                Ok(said) => address = said.to_canonical(),
                Err(_) => break,
            }
        }
        address
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.holds(address))
    }

    /// Whether nobody on the way can read along: it came by HTTPS to us, or to a trusted proxy.
    pub(super) fn is_secure(&self, request: &Request) -> bool {
        let peer = request.header(PEER_HEADER).and_then(|peer| peer.parse().ok());
        secure::is_secure(request)
            || (peer.is_some_and(|peer| self.trusts(peer))
                && request.header("X-Forwarded-Proto") == Some("https"))
    }

    /// Lets scripts of the pages that the settings name read this answer (the Fetch standard's CORS protocol).
    pub(super) fn share(&self, request: &Request, response: Response) -> Response {
        if self.origins.is_empty() {
            return response;
        }
        let response = response.with_additional_header("Vary", "Origin");
        match request.header("Origin").filter(|origin| self.origins.iter().any(|named| named == origin)) {
            None => response,
            Some(origin) => response
                .with_additional_header("Access-Control-Allow-Origin", origin.to_owned())
                .with_additional_header("Access-Control-Allow-Credentials", "true"),
        }
    }

    /// The same for the question whether a request may be sent.
    pub(super) fn share_preflight(&self, request: &Request, response: Response) -> Response {
        let response = self.share(request, response);
        if !response.headers.iter().any(|(name, _)| name == "Access-Control-Allow-Origin") {
            return response;
        }
        response
            .with_additional_header("Access-Control-Allow-Methods", "GET, HEAD")
            .with_additional_header("Access-Control-Allow-Headers", "Authorization, Cache-Control, Pragma")
            .with_additional_header("Access-Control-Max-Age", "600")
    }
}

/// Whether a page elsewhere makes a browser ask for this. Browsers say it in Sec-Fetch-Site where the connection is
/// secure, and else by an Origin that is not ours; other programs say neither, and nobody can make them ask.
pub(super) fn is_from_elsewhere(request: &Request) -> bool {
    if let Some(site) = request.header("Sec-Fetch-Site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = request.header("Origin") else { return false };
    let host = request.header("Host").unwrap_or_default();
    !origin.split_once("://").is_some_and(|(_, own)| !own.is_empty() && own.eq_ignore_ascii_case(host))
}

/// What the cookies of ours hold.
pub(super) fn cookies(request: &Request) -> impl Iterator<Item = &str> {
    let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie"));
    let pairs = lines.flat_map(|(_, line)| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.starts_with(COOKIE)).map(|(_, secret)| secret).take(COOKIES_MAX)
}

/// The name of our cookie on this server.
pub(super) fn cookie_name(request: &Request) -> String {
    let port = request.header("Host").and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    format!("{COOKIE}{}", port.unwrap_or("default"))
}

/// Asks for a password. Browsers that were signed in once are not asked: they would show a window of their own.
fn stranger(request: &Request) -> Response {
    let response = sentence(401, "This needs a user and a password, or a token.");
    if cookies(request).next().is_some() {
        return response;
    }
    response.with_additional_header("WWW-Authenticate", "Basic realm=\"boardcam\", charset=\"UTF-8\"")
}

/// The answer to whoever has to wait.
fn again_later(refused: &Refused) -> Response {
    let (status, wait) = status_of(refused);
    sentence(status, refused.to_string()).with_additional_header("Retry-After", wait.to_string())
}

/// The status code that says so, and after how many seconds one may ask again.
pub(super) fn status_of(refused: &Refused) -> (u16, u64) {
    match refused {
        Refused::Wrong => (403, 0),
        Refused::Slowed(wait) => (429, seconds(*wait)),
        Refused::Busy => (503, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ben, guard};
    use super::*;
    use crate::protocol::SECURE_HEADER;

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
        ] {
            assert_eq!(guard.address(&request(headers)).to_string(), address, "{headers:?}");
        }
    }

    #[test]
    fn only_the_gate_and_trusted_proxies_say_that_nobody_reads_along() {
        let guard = Guard { proxies: vec!["10.0.0.1".parse().unwrap()], ..guard(&[]) };
        let https = ("X-Forwarded-Proto", "https");
        assert!(guard.is_secure(&request(&[(PEER_HEADER, "192.0.2.1"), (SECURE_HEADER, "1")])));
        assert!(guard.is_secure(&request(&[(PEER_HEADER, "10.0.0.1"), https])));
        assert!(!guard.is_secure(&request(&[(PEER_HEADER, "192.0.2.1"), https])));
        assert!(!guard.is_secure(&request(&[https])));
    }

    #[test]
    fn cookies_of_two_servers_on_one_host_are_not_mixed_up() {
        assert_eq!(cookie_name(&request(&[("Host", "board.local:8080")])), "boardcam-8080");
        assert_eq!(cookie_name(&request(&[("Host", "[::1]:81")])), "boardcam-81");
        for host in ["board.local", "[::1]", "a:"] {
            assert_eq!(cookie_name(&request(&[("Host", host)])), "boardcam-default", "{host}");
        }
    }

    #[test]
    fn a_password_opens_what_its_role_may_have() {
        let guard = guard(&[ben()]);
        let ben = request(&[("Authorization", "Basic YmVuOnBhc3N3b3Jk"), (PEER_HEADER, "192.0.2.1")]);
        let status = |needs| guard.admit(&ben, needs).map_or_else(|refused| refused.status_code, |_| 200);
        assert_eq!([Needs::Page, Needs::Watch, Needs::Control].map(status), [200, 200, 403]);
    }
}
