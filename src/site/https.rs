//! Redirects plain requests to HTTPS.

use std::net::IpAddr;

use rouille::{Request, Response};

use super::app::AppState;
use super::guard;
use super::response::plain_text;
use crate::gate::hosts::without_port;
use crate::host::resolver::own_label;

/// The redirect of a plain request, if HTTPS is served. It is temporary (307): a browser that remembered it could
/// not come back after HTTPS is switched off. Clients that call this server localhost are on the same machine or
/// come through a tunnel, so nobody can listen in; they stay with plain HTTP, since no certificate would fit. So does a
/// proxy on this machine that calls this server by a name of its own (`mjpgstreamer1`), which no browser could open.
pub(super) fn redirect(app: &AppState, request: &Request) -> Option<Response> {
    let port = app.https_port?;
    if app.guard.is_secure(request) {
        return None;
    }
    let Some(host) = request.header("Host") else {
        let why = format!("HTTPS is on port {port}. A request with a Host header is redirected there.");
        return Some(plain_text(400, why));
    };
    let name = without_port(host);
    let target = format!("https://{name}:{port}{}", request.raw_url());
    let stays = is_this_machine(name)
        || is_proxys_own(name) && guard::peer(request).is_some_and(|peer| peer.is_loopback());
    (!stays).then(|| Response::redirect_307(target).with_no_cache())
}

/// Whether it is a name without a dot that is not this machine's.
fn is_proxys_own(name: &str) -> bool {
    !name.contains(['.', ':']) && own_label().is_none_or(|own| !own.eq_ignore_ascii_case(name))
}

pub(super) fn is_this_machine(name: &str) -> bool {
    let bare = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PEER_HEADER, SECURE_HEADER};
    use crate::site::tests::{app, header};

    #[test]
    fn plain_requests_are_led_to_https_and_those_from_this_machine_are_not() {
        let led = |host: Option<&str>, secure: bool, https_port| {
            let host = host.map(|host| ("Host".to_owned(), host.to_owned()));
            let secure = secure.then(|| (SECURE_HEADER.to_owned(), "1".to_owned()));
            let headers = host.into_iter().chain(secure).collect();
            let request = Request::fake_http("GET", "/stream?fps=5", headers, vec![]);
            let response = redirect(&AppState { https_port, ..app() }, &request);
            response.map(|response| (response.status_code, header(&response, "Location")))
        };
        for (host, name) in [
            ("board.local:8080", "board.local"),
            ("192.168.1.5", "192.168.1.5"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            let there = format!("https://{name}:8443/stream?fps=5");
            assert_eq!(led(Some(host), false, Some(8443)), Some((307, Some(there))), "{host}");
            assert_eq!(led(Some(host), true, Some(8443)), None, "{host} by HTTPS");
            assert_eq!(led(Some(host), false, None), None, "{host} without HTTPS");
        }
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"] {
            assert_eq!(led(Some(host), false, Some(8443)), None, "{host}");
        }
        assert_eq!(led(None, false, Some(8443)).map(|(status, _)| status), Some(400));
    }

    #[test]
    fn a_printers_proxy_on_this_machine_is_not_led_to_a_name_that_only_it_knows() {
        let led = |host: &str, peer: &str| {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let headers = vec![pair("Host", host), pair(PEER_HEADER, peer)];
            let request = Request::fake_http("GET", "/?action=stream", headers, vec![]);
            redirect(&AppState { https_port: Some(8443), ..app() }, &request).is_some()
        };
        assert!(!led("mjpgstreamer1", "127.0.0.1") && !led("mjpgstreamer1:8080", "::1"));
        assert!(led("mjpgstreamer1", "192.168.1.5"), "a proxy elsewhere");
        assert!(led("board.local", "127.0.0.1") && led("192.168.1.5", "127.0.0.1"));
        assert!(own_label().is_none_or(|own| led(&own, "127.0.0.1")), "this machine's own name");
    }
}
