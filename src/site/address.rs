//! `/qr.svg`: this board's URL as a QR code, for another device to scan from the screen. The host is an IP address,
//! since some phones cannot resolve names that end in `.local`.

use rouille::Response;

use super::request::RequestContext;
use super::response::plain_text;
use super::url::{Selected, camera_url};
use crate::gate::authority::{Authority, Host};
use crate::host::addresses;
use crate::problem::text;
use crate::qr::Code;

/// `GET /qr.svg`
pub(super) fn code(ctx: &RequestContext<'_>) -> Response {
    let Some(url) = url(ctx) else {
        let why = if ctx.app.addresses.iter().all(|address| address.ip().is_loopback()) {
            text!("No other device can reach this board: boardcam listens on the loopback interface only.")
        } else {
            text!("No other device can reach this board: it has no network.")
        };
        return plain_text(404, why);
    };
    match Code::of(&url) {
        Some(code) => Response::from_data("image/svg+xml", code.to_svg()).with_no_cache(),
        None => plain_text(404, text!("The URL is too long for a QR code: {}", url)),
    }
}

/// The URL for another device: the one that this browser used, since both are then likely in the same network, if it
/// has an IP address; otherwise with the board's best address. Our page names its URL in Referer, with the prefix of a
/// proxy, if there is one.
pub(super) fn url(ctx: &RequestContext<'_>) -> Option<String> {
    let page = page_root(ctx);
    if let Some((_, url)) = page.as_ref().filter(|(host, _)| is_reachable_address(host)) {
        return Some(url.clone());
    }
    let host = ctx.request.header("Host").unwrap_or_default();
    if is_reachable_address(host) {
        let scheme = if ctx.app.guard.is_secure(ctx.request) { "https" } else { "http" };
        return Some(format!("{scheme}://{host}/"));
    }
    let own = addresses::urls(&ctx.app.addresses, ctx.app.https_port.is_some()).into_iter().next();
    // A proxy on this board may be reachable where boardcam itself is not.
    let proxied = page
        .filter(|(host, _)| !Authority::parse(host).is_some_and(|authority| authority.host.is_loopback()));
    own.or_else(|| proxied.map(|(_, url)| url))
}

/// The host and the root of the page of ours that sent the request, as its browser sees them.
fn page_root(ctx: &RequestContext<'_>) -> Option<(String, String)> {
    let referer = ctx.request.header("Referer")?.split(['?', '#']).next()?;
    let (scheme, rest) =
        referer.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))?;
    let (host, path) = rest.split_once('/')?;
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    let folder = match &ctx.target.camera {
        Selected::Named(name) => {
            folder.strip_suffix(camera_url(name).trim_matches('/'))?.trim_end_matches('/')
        }
        Selected::First | Selected::Numbered(_) => folder,
    };
    let slash = if folder.is_empty() { "" } else { "/" };
    Some((host.to_owned(), format!("{scheme}://{host}/{folder}{slash}")))
}

/// Whether this Host header is an IP address, with or without a port, that other machines can reach, too.
fn is_reachable_address(host: &str) -> bool {
    Authority::parse(host).is_some_and(|Authority { host, .. }| match host {
        Host::Name(_) => false,
        Host::V4(address) => !host.is_loopback() && !address.is_unspecified(),
        Host::V6(address) => !host.is_loopback() && !address.is_unspecified(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::tests::{app, ask};
    use super::*;
    use crate::protocol::SECURE_HEADER;

    #[test]
    fn the_url_for_another_device_is_the_one_in_the_browser_with_its_scheme_and_prefix() {
        let app = app();
        let url_at = |path: &str, headers: &[(&str, &str)]| {
            let state: serde_json::Value = {
                let mut text = String::new();
                let (mut body, _) = ask(&app, "GET", path, headers, "").data.into_reader_and_size();
                body.read_to_string(&mut text).unwrap();
                serde_json::from_str(&text).unwrap()
            };
            state["network"]["url"].as_str().unwrap_or_default().to_owned()
        };
        let url = |headers: &[(&str, &str)]| url_at("/state", headers);
        let page = "http://192.168.1.9/webcam/cameras/door/";
        let proxied = [("Host", "127.0.0.1:8080"), ("Referer", page)];
        assert_eq!(url_at("/cameras/door/state", &proxied), "http://192.168.1.9/webcam/");
        let page = "https://[2001:db8::9]:81/webcam/?x=/y";
        assert_eq!(url(&[("Host", "127.0.0.1:8080"), ("Referer", page)]), "https://[2001:db8::9]:81/webcam/");
        assert_eq!(url(&[("Host", "x"), ("Referer", "http://mainsail.local/")]), "http://mainsail.local/");
        for page in ["http://localhost:81/webcam/", "http://127.0.0.1/", "javascript:x/", "http://", ""] {
            assert_eq!(url(&[("Host", "x"), ("Referer", page)]), "", "{page}");
        }
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
