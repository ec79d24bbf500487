//! Whether a page of another server made a browser send a request (CSRF).
//!
//! Browsers say so in Sec-Fetch-Site if the connection is secure, and otherwise by an Origin that is not ours. Programs
//! that are not browsers send neither, and no page can make them send requests. Where a proxy forwards another Host than
//! the browser's, Origin cannot be compared; our own page then vouches for itself by X-Requested-With, which browsers
//! let no page send to another server unless that one agrees.

use rouille::{Request, Response};

use super::guard::Guard;
use super::response::plain_text;
use crate::gate::authority::{Authority, Host};
use crate::problem::text;

/// What our own page sends in X-Requested-With. Apps that show web pages send their own name in it, whatever the page.
const OUR_PAGE: &str = "boardcam";

/// Scheme, host and port of a page, as a browser writes them in Origin (RFC 6454 section 6.2).
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_https: bool,
    /// In lower case.
    host: String,
    port: u16,
}

impl Origin {
    /// Reads all of `text`; `None` for what no browser sends: other schemes, capitals, a default port, a path.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = Authority::parse(rest)?;
        let is_as_written = authority.to_string() == rest && !rest.bytes().any(|b| b.is_ascii_uppercase());
        let is_default = authority.port == Some(default_port(is_https));
        (is_as_written && !is_default).then(|| Self::new(is_https, authority))
    }

    fn new(is_https: bool, Authority { host, port }: Authority<'_>) -> Self {
        let host = match host {
            Host::Name(name) => name.to_ascii_lowercase(),
            address => address.to_string(),
        };
        Self { is_https, host, port: port.unwrap_or(default_port(is_https)) }
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

/// Whether a page of another server sent this request, or it contradicts itself about that.
pub(super) fn is_cross_site(guard: &Guard, request: &Request) -> bool {
    match request.header("Sec-Fetch-Site") {
        None | Some("same-origin" | "none") => {}
        Some(_) => return true,
    }
    let Some(origin) = request.header("Origin") else { return false };
    let own = request.header("Host").and_then(Authority::parse);
    let own = own.map(|host| Origin::new(guard.is_secure(request), host));
    let is_ours = Origin::parse(origin).is_some_and(|origin| own == Some(origin));
    !is_ours && request.header("X-Requested-With") != Some(OUR_PAGE)
}

/// The answer to a request that [`is_cross_site`].
pub(super) fn other_servers_page() -> Response {
    let why = text!(
        "A page of another server sent this request, so nothing was changed. If it was boardcam's page, behind a \
         proxy: reload it."
    );
    plain_text(403, why)
}

#[cfg(test)]
mod tests {
    use super::super::tests::guard;
    use super::*;
    use crate::protocol::SECURE_HEADER;

    fn is_refused(headers: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        is_cross_site(&guard(&[]), &Request::fake_http("POST", "/sign-out", headers, vec![]))
    }

    #[test]
    fn a_page_of_this_server_and_programs_may_change_things() {
        let host = ("Host", "board.local:8080");
        let own = ("Origin", "http://board.local:8080");
        let page = ("X-Requested-With", "boardcam");
        let from = |site| ("Sec-Fetch-Site", site);
        for headers in [
            &[host][..],
            &[host, own],
            &[host, own, from("same-origin")],
            &[host, from("same-origin")],
            &[host, from("none")],
            &[("Host", "board.local"), ("Origin", "http://board.local")],
            &[("Host", "board.local:80"), ("Origin", "http://board.local")],
            &[("Host", "Board.Local"), ("Origin", "http://board.local")],
            &[("Host", "[::1]:8080"), ("Origin", "http://[::1]:8080")],
            &[("Host", "board.local:443"), ("Origin", "https://board.local"), (SECURE_HEADER, "1")],
            // A proxy forwards another Host, or speaks HTTPS itself.
            &[("Host", "mjpgstreamer1"), ("Origin", "https://printer.example"), page],
            &[("Host", "mjpgstreamer1"), ("Origin", "https://printer.example"), from("same-origin"), page],
        ] {
            assert!(!is_refused(headers), "{headers:?}");
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_server() {
        for origin in [
            "https://board.local:8080",
            "http://board.local",
            "http://board.local:80",
            "http://board.local:8081",
            "http://evil.example",
            "http://board.local.evil.example:8080",
            "null",
        ] {
            assert!(is_refused(&[("Host", "board.local:8080"), ("Origin", origin)]), "{origin}");
        }
        let secure = [("Host", "board.local"), ("Origin", "http://board.local"), (SECURE_HEADER, "1")];
        assert!(is_refused(&secure), "a plain page may be anybody's");
    }

    #[test]
    fn what_no_browser_sends_is_not_believed() {
        for origin in [
            "http://board.local:8080/",
            "http://board.local:8080/page",
            "http://anna@board.local:8080",
            "http://board.local:8080 x",
            "http://board.local:8080, http://evil.example",
            "x://board.local:8080",
            "HTTP://board.local:8080",
            "http://Board.local:8080",
            "://board.local:8080",
            "board.local:8080",
            "",
        ] {
            assert!(is_refused(&[("Host", "board.local:8080"), ("Origin", origin)]), "{origin:?}");
        }
        let explicit = [("Host", "board.local:80"), ("Origin", "http://board.local:80")];
        assert!(is_refused(&explicit), "browsers leave out the default port");
        for site in ["", "Same-Origin", "same-origin, none", "same-site", "cross-site"] {
            assert!(is_refused(&[("Sec-Fetch-Site", site), ("X-Requested-With", "boardcam")]), "{site:?}");
        }
    }

    #[test]
    fn headers_that_contradict_each_other_are_refused() {
        let host = ("Host", "board.local");
        for site in ["same-origin", "none"] {
            assert!(
                is_refused(&[host, ("Origin", "http://evil.example"), ("Sec-Fetch-Site", site)]),
                "{site}"
            );
        }
        let own = ("Origin", "http://board.local");
        assert!(is_refused(&[host, own, ("Sec-Fetch-Site", "cross-site")]));
    }

    #[test]
    fn an_app_that_sends_its_own_name_with_every_page_does_not_vouch_for_them() {
        let evil = ("Origin", "http://evil.example");
        for app in ["com.example.browser", "XMLHttpRequest", "Boardcam", ""] {
            assert!(is_refused(&[("Host", "board.local"), evil, ("X-Requested-With", app)]), "{app:?}");
        }
    }
}
