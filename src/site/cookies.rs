//! The cookie of a signed-in browser.

use rouille::Request;

use crate::protocol::COOKIE_PREFIX;

/// Cookies of ours that are read in one request. A browser sends one.
const COOKIES_MAX: usize = 8;

/// The values of our cookies.
pub(super) fn secrets(request: &Request) -> impl Iterator<Item = &str> {
    let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie"));
    let pairs = lines.flat_map(|(_, line)| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.starts_with(COOKIE_PREFIX)).map(|(_, secret)| secret).take(COOKIES_MAX)
}

/// The name of our cookie on this server: with its port, since browsers send the cookies of all servers on one host.
pub(super) fn name(request: &Request) -> String {
    let port = request.header("Host").and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    let port = port.filter(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    format!("{COOKIE_PREFIX}{}", port.unwrap_or("default"))
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
