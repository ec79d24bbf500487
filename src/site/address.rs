//! `/qr.svg`: this board's address for another device, to be scanned from the screen. It is in numbers, since some
//! phones do not find names that end in `.local`.

use std::net::{IpAddr, SocketAddr};

use rouille::Response;

use super::{RequestContext, sentence};
use crate::host::addresses;
use crate::qr::Code;

/// `/qr.svg`
pub(super) fn code(visit: &RequestContext<'_>) -> Response {
    match url(visit).and_then(|url| Code::of(&url)) {
        Some(code) => Response::from_data("image/svg+xml", code.to_svg()).with_no_cache(),
        None => sentence(
            404,
            "No other device can reach this board: it has no network, or listens on itself only.",
        ),
    }
}

/// What to open on another device: the address by which this browser came, so that it is one of a network that
/// both are in; else the board's best.
pub(super) fn url(visit: &RequestContext<'_>) -> Option<String> {
    let host = visit.request.header("Host").unwrap_or_default();
    if is_address_elsewhere(host) {
        let scheme = if visit.house.guard.is_secure(visit.request) { "https" } else { "http" };
        return Some(format!("{scheme}://{host}/"));
    }
    addresses::urls(&visit.house.opened, visit.house.https_port.is_some()).into_iter().next()
}

/// Whether this Host header is an address, with or without port, by which not only this machine reaches it.
fn is_address_elsewhere(host: &str) -> bool {
    let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = host.parse().map(|address: SocketAddr| address.ip()).or_else(|_| unbracketed.parse());
    address.is_ok_and(|address: IpAddr| !address.is_loopback() && !address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::tests::{ask, house};
    use super::*;
    use crate::protocol::SECURE_HEADER;

    #[test]
    fn who_came_by_https_is_told_an_address_with_https() {
        let house = house();
        let told = |headers: &[(&str, &str)]| {
            let state: serde_json::Value = {
                let mut text = String::new();
                let (mut body, _) = ask(&house, "GET", "/state", headers, "").data.into_reader_and_size();
                body.read_to_string(&mut text).unwrap();
                serde_json::from_str(&text).unwrap()
            };
            state["network"]["url"].as_str().unwrap_or_default().to_owned()
        };
        let host = ("Host", "192.168.1.9:8443");
        assert_eq!(told(&[host]), "http://192.168.1.9:8443/");
        assert_eq!(told(&[host, (SECURE_HEADER, "1")]), "https://192.168.1.9:8443/");
    }

    #[test]
    fn the_address_in_the_browser_is_taken_if_another_device_can_use_it() {
        for host in ["192.168.1.9", "192.168.1.9:8080", "[2001:db8::9]", "[2001:db8::9]:8080"] {
            assert!(is_address_elsewhere(host), "{host}");
        }
        for host in
            ["", "localhost:8080", "boardcam.local", "127.0.0.1:8080", "[::1]:8080", "[::1]", "0.0.0.0", "[x"]
        {
            assert!(!is_address_elsewhere(host), "{host}");
        }
    }
}
