//! The cookie of a signed-in browser.

use rouille::Request;

use crate::protocol::COOKIE_PREFIX;

/// Cookies of ours that are read in one request. A browser sends one.
const COOKIES_MAX: usize = 8;

/// The values of our cookies.
pub(super) fn secrets(request: &Request) -> impl Iterator<Item = &str> {
    ours(request).map(|(_, secret)| secret)
}

/// Names and values of our cookies.
fn ours(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie"));
    let pairs = lines.flat_map(|(_, line)| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.starts_with(COOKIE_PREFIX)).take(COOKIES_MAX)
}

/// The name of our cookie on this server: with its port, since browsers send the cookies of all servers on one host.
pub(super) fn name(request: &Request) -> String {
    format!("{COOKIE_PREFIX}{}", port(request))
}

/// Before the port in the name of the cookie that belongs to the form for signing in.
const FORM: &str = "form-";

/// The name of that cookie.
pub(super) fn form_name(request: &Request) -> String {
    format!("{COOKIE_PREFIX}{FORM}{}", port(request))
}

/// The secret in that cookie; `None` for one that we cannot have made.
pub(super) fn form_secret(request: &Request) -> Option<&str> {
    let name = form_name(request);
    let found = ours(request).find(|(own, _)| *own == name);
    found
        .map(|(_, secret)| secret)
        .filter(|secret| secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The port by which the client knows this server.
fn port(request: &Request) -> &str {
    let port = request.header("Host").and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    port.unwrap_or("default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_two_servers_on_one_host_are_not_mixed_up() {
        let name_at = |host: &str| {
            name(&Request::fake_http("GET", "/stream", vec![("Host".to_owned(), host.to_owned())], vec![]))
        };
        assert_eq!(name_at("board.local:8080"), "boardcam-8080");
        assert_eq!(name_at("[::1]:81"), "boardcam-81");
        for host in ["board.local", "[::1]", "a:"] {
            assert_eq!(name_at(host), "boardcam-default", "{host}");
        }
    }
}
