//! Redirects plain requests to HTTPS.

use rouille::{Request, Response};

use super::app::AppState;
use super::guard;
use super::response::plain_text;
use super::url::{HEALTH, Target};
use crate::gate::authority::{Authority, Host};
use crate::host::resolver::own_label;
use crate::problem::text;
use crate::socket::FILE_CLIENTS;

/// The redirect of a plain request, if HTTPS is served, so that in plain no password is asked for or taken. It is
/// temporary (307): a browser that remembered it could not come back after HTTPS is switched off. Clients on this
/// machine that call this server localhost, or come through a tunnel that ends here, stay with plain HTTP: nobody can
/// listen in, and no certificate would fit. So does a proxy on this machine that calls this server by a name of its own
/// (`mjpgstreamer1`), which no browser could open. Health checks stay while they need no password.
pub(super) fn redirect(app: &AppState, request: &Request, target: &Target) -> Option<Response> {
    let port = app.https_port?;
    if app.guard.is_secure(request) || target.path == HEALTH && app.guard.access.is_open() {
        return None;
    }
    let Some(Authority { host, .. }) = request.header("Host").and_then(Authority::parse) else {
        let why = text!("HTTPS is on port {}. A request with a Host header is redirected there.", port);
        return Some(plain_text(400, why));
    };
    let is_local =
        guard::peer(request).is_some_and(|peer| peer.to_canonical().is_loopback() || peer == FILE_CLIENTS);
    if is_local && (host.is_loopback() || is_proxys_own(host)) {
        return None;
    }
    let there = format!("https://{host}:{port}{}", request.raw_url());
    Some(Response::redirect_307(there).with_no_cache())
}

/// Whether it is a name without a dot that is not this machine's.
fn is_proxys_own(host: Host<'_>) -> bool {
    let name = host.name();
    matches!(host, Host::Name(_)) && !name.contains('.') && own_label().is_none_or(|own| own != name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PEER_HEADER, SECURE_HEADER};
    use crate::site::tests::{app, ask, ben, guard, header};

    #[test]
    fn plain_requests_are_led_to_https_and_those_from_this_machine_are_not() {
        let led = |host: Option<&str>, secure: bool, https_port| {
            let host = host.map(|host| ("Host".to_owned(), host.to_owned()));
            let secure = secure.then(|| (SECURE_HEADER.to_owned(), "1".to_owned()));
            let peer = (PEER_HEADER.to_owned(), "127.0.0.1".to_owned());
            let headers = host.into_iter().chain(secure).chain([peer]).collect();
            let request = Request::fake_http("GET", "/stream?fps=5", headers, vec![]);
            let app = AppState { https_port, ..app() };
            let response = redirect(&app, &request, &Target::of(&request));
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
            redirect(&AppState { https_port: Some(8443), ..app() }, &request, &Target::of(&request)).is_some()
        };
        assert!(!led("mjpgstreamer1", "127.0.0.1") && !led("mjpgstreamer1:8080", "::1"));
        assert!(led("mjpgstreamer1", "192.168.1.5"), "a proxy elsewhere");
        assert!(led("board.local", "127.0.0.1") && led("192.168.1.5", "127.0.0.1"));
        assert!(own_label().is_none_or(|own| led(&own, "127.0.0.1")), "this machine's own name");
    }

    #[test]
    fn calling_it_localhost_spares_nobody_elsewhere_from_https() {
        let led = |host: &str, peer: &str| {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let headers = vec![pair("Host", host), pair(PEER_HEADER, peer)];
            let request = Request::fake_http("GET", "/state", headers, vec![]);
            let app = AppState { https_port: Some(8443), ..app() };
            redirect(&app, &request, &Target::of(&request))
                .and_then(|response| header(&response, "Location"))
                .unwrap_or_default()
        };
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
            assert_eq!(led(host, "127.0.0.1"), "", "{host}");
            assert_eq!(led(host, "::ffff:127.0.0.1"), "", "{host}");
            assert!(led(host, "192.168.1.5").starts_with("https://"), "{host}");
        }
        assert_eq!(led("[fe80::1%eth0]:80", "fe80::2"), "https://[fe80::1]:8443/state");
        assert_eq!(led("[fe80::1%@evil.example/]", "fe80::2"), "", "a Location that leads elsewhere");
    }

    #[test]
    fn a_health_check_is_led_to_https_where_it_would_need_a_password() {
        let ask_for = |app: &AppState, more: &[(&str, &str)]| {
            let headers = [&[("Host", "board.local"), (PEER_HEADER, "192.168.1.5")], more].concat();
            let response = ask(app, "GET", "/healthz", &headers, "");
            (response.status_code, header(&response, "WWW-Authenticate"))
        };
        let open = AppState { https_port: Some(8443), ..app() };
        assert_eq!(ask_for(&open, &[]), (503, None), "there is no picture");
        let guarded = AppState { guard: guard(&[ben()]), https_port: Some(8443), ..app() };
        for more in [&[][..], &[("Authorization", "Basic YmVuOnBhc3N3b3Jk")]] {
            assert_eq!(ask_for(&guarded, more), (307, None), "{more:?}");
        }
    }
}
