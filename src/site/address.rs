//! `/qr.svg`: this board's URL as a QR code, for another device to scan from the screen. The host is an IP address,
//! since some phones cannot resolve names that end in `.local`.

use std::net::{IpAddr, SocketAddr};

use rouille::Response;

use super::request::RequestContext;
use super::response::plain_text;
use crate::host::addresses;
use crate::qr::Code;

/// `GET /qr.svg`
pub(super) fn code(ctx: &RequestContext<'_>) -> Response {
    match url(ctx).and_then(|url| Code::of(&url)) {
        Some(code) => Response::from_data("image/svg+xml", code.to_svg()).with_no_cache(),
        None => plain_text(
            404,
            "No other device can reach this board: it has no network, or boardcam listens on the loopback interface only.",
        ),
    }
}

/// The URL for another device: with the address that this browser used, since both are then likely in the same
/// network; otherwise with the board's best address.
pub(super) fn url(ctx: &RequestContext<'_>) -> Option<String> {
    let host = ctx.request.header("Host").unwrap_or_default();
    if is_reachable_address(host) {
        let scheme = if ctx.app.guard.is_secure(ctx.request) { "https" } else { "http" };
        return Some(format!("{scheme}://{host}/"));
    }
    addresses::urls(&ctx.app.addresses, ctx.app.https_port.is_some()).into_iter().next()
}

/// Whether this Host header is an IP address, with or without a port, that other machines can reach, too.
fn is_reachable_address(host: &str) -> bool {
    let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = host.parse().map(|address: SocketAddr| address.ip()).or_else(|_| unbracketed.parse());
    address.is_ok_and(|address: IpAddr| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::tests::{app, ask};
    use super::*;
    use crate::protocol::SECURE_HEADER;

    #[test]
    fn a_client_that_came_by_https_gets_a_url_with_https() {
        let app = app();
        let url = |headers: &[(&str, &str)]| {
            let state: serde_json::Value = {
                let mut text = String::new();
                let (mut body, _) = ask(&app, "GET", "/state", headers, "").data.into_reader_and_size();
                body.read_to_string(&mut text).unwrap();
                serde_json::from_str(&text).unwrap()
            };
            state["network"]["url"].as_str().unwrap_or_default().to_owned()
        };
        let host = ("Host", "192.168.1.9:8443");
        assert_eq!(url(&[host]), "http://192.168.1.9:8443/");
        assert_eq!(url(&[host, (SECURE_HEADER, "1")]), "https://192.168.1.9:8443/");
    }

    #[test]
    fn the_address_in_the_browser_is_taken_if_another_device_can_use_it() {
        for host in ["192.168.1.9", "192.168.1.9:8080", "[2001:db8::9]", "[2001:db8::9]:8080"] {
            assert!(is_reachable_address(host), "{host}");
        }
        for host in
            ["", "localhost:8080", "boardcam.local", "127.0.0.1:8080", "[::1]:8080", "[::1]", "0.0.0.0", "[x"]
        {
            assert!(!is_reachable_address(host), "{host}");
        }
    }
}
