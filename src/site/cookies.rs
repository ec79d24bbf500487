//! The cookie of a signed-in browser.

use rouille::Request;

use crate::gate::authority::Authority;
use crate::protocol::COOKIE_PREFIX;

/// Cookies of sessions that are read in one request, this server's first. A browser sends one for each boardcam on the
/// host, and each that another program there has set under the same name for some path. It keeps fewer for one host.
const COOKIES_MAX: usize = 256;

/// The values of the cookies of sessions.
pub(super) fn secrets(request: &Request) -> impl Iterator<Item = &str> {
    let own = name(request);
    let of_form = format!("{COOKIE_PREFIX}{FORM}");
    let mut found: Vec<_> = ours(request).filter(|(name, _)| !name.starts_with(&of_form)).collect();
    found.sort_by_key(|(name, _)| *name != own); // stable
    found.into_iter().map(|(_, secret)| secret).take(COOKIES_MAX)
}

/// Whether this browser has signed in here before.
pub(super) fn has_session(request: &Request) -> bool {
    let own = name(request);
    ours(request).any(|(name, _)| name == own)
}

/// Names and values of the cookies of every boardcam on the host.
fn ours(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    let lines = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie"));
    let pairs = lines.flat_map(|(_, line)| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| name.starts_with(COOKIE_PREFIX))
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

/// The secrets in that cookie, of which there may be several for different paths; none that we cannot have made.
pub(super) fn form_secrets(request: &Request) -> impl Iterator<Item = &str> {
    let name = form_name(request);
    let found = ours(request).filter(move |(own, _)| *own == name);
    let secrets = found.map(|(_, secret)| secret);
    secrets.filter(|secret| secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The port by which the client knows this server.
fn port(request: &Request) -> String {
    let port = request.header("Host").and_then(Authority::parse).and_then(|authority| authority.port);
    port.map_or_else(|| "default".to_owned(), |port| port.to_string())
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

    #[test]
    fn a_program_on_the_same_host_that_sets_cookies_of_our_name_locks_nobody_out() {
        let (own, form) = ("boardcam-8080", "boardcam-form-8080");
        let planted = |name: &str, value: &str| format!("{name}={value}; ").repeat(180);
        let secret = "0123456789abcdef0123456789abcdef";
        let cookie = planted(own, "x") + &planted(form, "x") + &format!("{own}=ours; {form}={secret}");
        let headers = vec![("Host".to_owned(), "board.local:8080".to_owned()), ("Cookie".to_owned(), cookie)];
        let request = Request::fake_http("POST", "/sign-in", headers, vec![]);
        assert!(secrets(&request).any(|secret| secret == "ours"));
        assert_eq!(form_secrets(&request).next(), Some(secret));
    }

    #[test]
    fn many_boardcams_on_one_host_do_not_sign_each_other_out() {
        let cookies: String =
            (1..10).map(|port| format!("boardcam-{port}=a; boardcam-form-{port}=b; ")).collect();
        let headers = |cookie: String| {
            vec![("Host".to_owned(), "board.local:8080".to_owned()), ("Cookie".to_owned(), cookie)]
        };
        let request =
            Request::fake_http("GET", "/stream", headers(cookies.clone() + "boardcam-8080=own"), vec![]);
        assert_eq!(secrets(&request).next(), Some("own"));
        assert_eq!(secrets(&request).filter(|secret| *secret == "b").count(), 0);
        assert!(has_session(&request));
        assert!(!has_session(&Request::fake_http("GET", "/stream", headers(cookies), vec![])));
    }
}
