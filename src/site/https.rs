//! Redirects plain requests to HTTPS.

use std::net::IpAddr;

use rouille::{Request, Response};

use super::app::AppState;
use super::response::plain_text;
use crate::gate::hosts::without_port;

/// The redirect of a plain request, if HTTPS is served. It is temporary (307): a browser that remembered it could
/// not come back after HTTPS is switched off. Clients that call this server localhost are on the same machine or
/// come through a tunnel, so nobody can listen in; they stay with plain HTTP, since no certificate would fit.
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
    (!is_this_machine(name)).then(|| Response::redirect_307(target).with_no_cache())
}

fn is_this_machine(name: &str) -> bool {
    let bare = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::SECURE_HEADER;
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
}
