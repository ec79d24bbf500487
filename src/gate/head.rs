//! Checks a request head: one that passes is safe to hand to the site.
//!
//! It refuses all forms that two parsers could read in two ways (RFC 9112 section 11.2): bare line feeds,
//! folded lines, several or odd lengths, Transfer-Encoding. A header that the site does not get may hold any other
//! byte: proxies add headers such as `cf-ipcity: São Paulo`, and a page elsewhere on the board may set any cookie.

use std::borrow::Cow;
use std::fmt::Write;

use crate::problem::Text;
use crate::protocol::COOKIE_PREFIX;

use super::hosts::{self, AllowedHosts};
use super::limits::{BODY_MAX, HEAD_MAX, HEADERS_MAX};

/// A client's headers that the site gets, in lower case; all others stop here.
pub const FORWARDED_HEADERS: [&str; 21] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "cookie",
    "host",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "origin",
    "range",
    "referer",
    "sec-fetch-mode",
    "sec-fetch-site",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-ingress-path",
    "x-requested-with",
    "x-script-name",
];

/// Headers that say where a request ends and what becomes of its connection. They are read, and not forwarded.
const FRAMING_HEADERS: [&str; 4] = ["connection", "content-length", "expect", "transfer-encoding"];

/// Those of [`FORWARDED_HEADERS`] that the site can do without: one with bytes that are not ASCII does not reach it.
/// Others decide what a client may do, so that a request is refused rather than judged without them.
const OPTIONAL_HEADERS: [&str; 3] = ["accept-language", "referer", "user-agent"];

/// Methods that the site knows.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// An answer from the gate itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// One sentence for the user of the client.
    pub why: Text,
}

impl Refusal {
    pub(super) fn new(status: u16, why: impl Into<Text>) -> Self {
        Self { status, why: why.into() }
    }
}

/// A request head that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head in the input, the empty line included.
    pub length: usize,
    /// Bytes of the body behind it, at most [`BODY_MAX`].
    pub body: usize,
    /// Whether the client wants its connection kept open.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The head as the site gets it: HTTP/1.0, only [`FORWARDED_HEADERS`], without the empty line.
    pub for_site: String,
}

/// Looks for a whole head at the beginning of `input`; `None` means that more must come. In the first `seen` bytes
/// none was found before.
///
/// # Errors
/// A [`Refusal`] as soon as it is clear that this cannot become a valid request.
pub fn read(input: &[u8], seen: usize, hosts: &AllowedHosts) -> Option<Result<Head, Refusal>> {
    let from = seen.saturating_sub(3);
    let fresh = input.get(from..).unwrap_or_default();
    let end = fresh.windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
    let head = &input[..end.unwrap_or(input.len()).min(HEAD_MAX)];
    let bare = |at: usize| head[at] == b'\n' && (at == 0 || head[at - 1] != b'\r');
    // TLS on the plain port (its first record is a handshake, 0x16) and other such bytes: refuse them at once.
    if head.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return Some(Err(Refusal::new(400, "This is not an HTTP request. Use http://, not https://.")));
    }
    if (seen.saturating_sub(1)..head.len()).any(bare) {
        return Some(Err(Refusal::new(400, "A line of the request's head does not end with CR LF.")));
    }
    // Last, so that the answer does not depend on how the network cuts the head up.
    if end.map_or(input.len() >= HEAD_MAX, |end| end > HEAD_MAX) {
        return Some(Err(Refusal::new(431, format!("The request's head is larger than {HEAD_MAX} bytes."))));
    }
    end.map(|end| parse(&input[..end], hosts))
}

fn parse(head: &[u8], hosts: &AllowedHosts) -> Result<Head, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let readable = without_controls(head);
    match request.parse(&readable) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::new(400, "The request's head is torn.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("The request has more than {HEADERS_MAX} headers.")));
        }
        Err(error) => return Err(Refusal::new(400, format!("The request's head is wrong: {error}."))),
    }
    let is_http_1_1 = request.version == Some(1);
    let (line, authority) = request_line(&request)?;
    let mut fields = Fields::new(is_http_1_1);
    for header in request.headers.iter() {
        fields.add(header)?;
    }
    if fields.host.is_none() && is_http_1_1 {
        return Err(Refusal::new(400, "The request has no Host."));
    }
    let Fields { host, forwarded, cookies, length, keep_alive, expects_continue } = fields;
    // The target's authority takes the place of Host (RFC 9112 section 3.2.2).
    let host = authority.or(host);
    let mut for_site = line;
    if let Some(host) = host {
        check_host(host, hosts)?;
        let _ = write!(for_site, "host: {host}\r\n"); // writing to a String cannot fail
    }
    for_site += &forwarded;
    if !cookies.is_empty() {
        let _ = write!(for_site, "cookie: {cookies}\r\n");
    }
    let body = length.unwrap_or(0);
    let _ = write!(for_site, "content-length: {body}\r\n");
    Ok(Head { length: head.len(), body, keep_alive, expects_continue, for_site })
}

/// The head with 0xff in place of each control byte that cannot be mistaken for the end of a line or of a string.
/// httparse refuses those in every header; 0xff is refused where it matters, see [`Fields::add`].
fn without_controls(head: &[u8]) -> Cow<'_, [u8]> {
    let is_odd = |byte: &u8| {
        (byte.is_ascii_control() && !matches!(byte, b'\0' | b'\t' | b'\n' | b'\r')) || *byte == 0x7f
    };
    if !head.iter().any(is_odd) {
        return Cow::Borrowed(head);
    }
    Cow::Owned(head.iter().map(|byte| if is_odd(byte) { 0xff } else { *byte }).collect())
}

/// The request line as the site gets it, and the authority of a target in absolute form.
fn request_line<'a>(request: &httparse::Request<'_, 'a>) -> Result<(String, Option<&'a str>), Refusal> {
    let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
    if !METHODS.contains(&method) {
        return Err(Refusal::new(501, "This method is not served here."));
    }
    let (authority, path) = match absolute(target) {
        Some((authority, path)) => (Some(authority), path),
        None => (None, target),
    };
    let is_path = path.starts_with('/') || authority.is_some() && (path.is_empty() || path.starts_with('?'));
    if !is_path || !target.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        return Err(Refusal::new(400, "The request's target must be a path in plain ASCII."));
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((format!("{method} {slash}{path} HTTP/1.0\r\n"), authority))
}

/// The authority and the path of a target in absolute form, which clients send to a proxy (RFC 9112 section 3.2.2).
fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())))
}

/// What the headers say that were read so far.
struct Fields<'a> {
    /// The lines for the site, without those of `host` and `cookies`.
    forwarded: String,
    host: Option<&'a str>,
    /// Our cookies, as the value of a Cookie header.
    cookies: String,
    /// Bytes of the body.
    length: Option<usize>,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'a> Fields<'a> {
    fn new(is_http_1_1: bool) -> Self {
        Self {
            forwarded: String::new(),
            host: None,
            cookies: String::new(),
            length: None,
            keep_alive: is_http_1_1,
            expects_continue: false,
        }
    }

    /// Takes one more header.
    fn add(&mut self, header: &httparse::Header<'a>) -> Result<(), Refusal> {
        let name = header.name.to_ascii_lowercase();
        let is_ours = FORWARDED_HEADERS.contains(&name.as_str());
        if name == "cookie" {
            self.add_cookies(header.value);
            return Ok(());
        }
        let is_ascii = |value: &&str| value.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == b'\t');
        let Some(value) = std::str::from_utf8(header.value).ok().filter(is_ascii) else {
            let matters = is_ours && !OPTIONAL_HEADERS.contains(&name.as_str());
            return if matters || FRAMING_HEADERS.contains(&name.as_str()) {
                Err(Refusal::new(400, format!("The header {name} holds bytes that are not ASCII.")))
            } else {
                Ok(())
            };
        };
        match name.as_str() {
            "transfer-encoding" => {
                return Err(Refusal::new(501, "Send the body with Content-Length, not Transfer-Encoding."));
            }
            "content-length" => {
                if self.length.is_some() {
                    return Err(Refusal::new(400, "The request has more than one Content-Length."));
                }
                self.length = Some(body_length(value)?);
            }
            "connection" => {
                let says = |word: &str| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(word));
                self.keep_alive = !says("close") && (self.keep_alive || says("keep-alive"));
            }
            "expect" => self.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            "host" => match self.host.replace(value) {
                None => {}
                Some(_) => return Err(Refusal::new(400, "The request has more than one Host.")),
            },
            _ if is_ours => {
                let _ = write!(self.forwarded, "{name}: {value}\r\n"); // writing to a String cannot fail
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes our cookies from a Cookie header. Browsers send those of every program on the same host, whatever its
    /// port, so others may hold anything and do not count.
    fn add_cookies(&mut self, value: &[u8]) {
        let pairs = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        for pair in pairs.filter(|pair| pair.starts_with(COOKIE_PREFIX.as_bytes())) {
            if let Some(pair) =
                std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_graphic()))
            {
                let separator = if self.cookies.is_empty() { "" } else { "; " };
                let _ = write!(self.cookies, "{separator}{pair}"); // writing to a String cannot fail
            }
        }
    }
}

/// Whether this server is called by one of its names; HTTP/1.0 needs no Host.
fn check_host(host: &str, hosts: &AllowedHosts) -> Result<(), Refusal> {
    if hosts.admit(host) {
        return Ok(());
    }
    let name = hosts::without_port(host);
    let advice = if hosts::is_name(name) {
        format!("If that is its name, start boardcam with --host {name}.")
    } else {
        "Use its name or address.".to_owned()
    };
    Err(Refusal::new(421, format!("This server does not go by the name {name:?}. {advice}")))
}

fn body_length(value: &str) -> Result<usize, Refusal> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new(400, "Content-Length is not a number."));
    }
    // A number that is too large to be parsed is above the limit, too.
    match value.parse::<usize>() {
        Ok(length) if length <= BODY_MAX => Ok(length),
        _ => Err(Refusal::new(413, format!("The request's body is larger than {BODY_MAX} bytes."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> AllowedHosts {
        AllowedHosts::new(vec!["camera.local".to_owned()])
    }

    fn status(request: &str) -> u16 {
        match read(request.as_bytes(), 0, &names()) {
            None => 0,
            Some(Ok(_)) => 200,
            Some(Err(refusal)) => refusal.status,
        }
    }

    #[test]
    fn an_ordinary_request_reaches_the_site_without_headers_that_it_must_not_see() {
        let request = "GET /stream?x=1 HTTP/1.1\r\nHost: 10.0.0.7:8080\r\nX-Boardcam-Key: guess\r\n\
                       X-Boardcam-Peer: 1.2.3.4\r\nX-Boardcam-Secure: 1\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\nGET";
        let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
        assert_eq!(head.length, request.len() - 3);
        assert!(head.keep_alive && head.body == 0);
        assert_eq!(
            head.for_site,
            "GET /stream?x=1 HTTP/1.0\r\nhost: 10.0.0.7:8080\r\naccept: */*\r\ncontent-length: 0\r\n"
        );
    }

    #[test]
    fn credentials_and_headers_that_say_where_a_request_comes_from_reach_the_site() {
        for line in [
            "authorization: Basic YTpi",
            "cookie: boardcam-80=b; boardcam-default=d",
            "origin: http://a",
            "sec-fetch-site: none",
            "x-forwarded-for: 1.2.3.4",
            "x-forwarded-proto: https",
        ] {
            let request = format!("POST / HTTP/1.0\r\n{line}\r\n\r\n");
            let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
            assert!(head.for_site.contains(&format!("{line}\r\n")), "{}", head.for_site);
        }
    }

    #[test]
    fn a_proxy_may_add_headers_with_any_bytes() {
        for line in [
            "cf-ipcity: S\u{e3}o Paulo",
            "User-Agent: J\u{f6}rg's camera",
            "Referer: http://board/K\u{fc}che",
            "X-Odd: \x01\x7f\x1b[31m",
            "Cookie: name=J\u{f6}rg",
        ] {
            let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n");
            let head = read(request.as_bytes(), 0, &names()).unwrap().expect(line);
            assert_eq!(head.for_site, "GET / HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n");
        }
        let latin1 = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-City: S\xe3o Paulo\r\n\r\n";
        assert!(read(latin1, 0, &names()).unwrap().is_ok());
    }

    #[test]
    fn cookies_of_other_programs_on_the_board_do_not_count() {
        let foreign = format!("session_P80={}; theme=d\u{fc}ster", "x".repeat(20_000));
        let request = format!(
            "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {foreign};boardcam-80=abc; a=boardcam-\r\n\r\n"
        );
        let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
        assert_eq!(
            head.for_site,
            "GET / HTTP/1.0\r\nhost: localhost\r\ncookie: boardcam-80=abc\r\ncontent-length: 0\r\n"
        );
    }

    #[test]
    fn a_proxys_absolute_form_names_the_host() {
        let get = |target: &str, host: &str| {
            let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            read(request.as_bytes(), 0, &names()).unwrap().map(|head| head.for_site)
        };
        for (target, line) in [
            ("http://camera.local/snapshot?a=b", "GET /snapshot?a=b HTTP/1.0"),
            ("HTTP://camera.local", "GET / HTTP/1.0"),
            ("https://camera.local?action=stream", "GET /?action=stream HTTP/1.0"),
        ] {
            let expected = format!("{line}\r\nhost: camera.local\r\ncontent-length: 0\r\n");
            assert_eq!(get(target, "evil.example"), Ok(expected), "{target}");
        }
        for (target, status) in [
            ("http://evil.example/", 421),
            ("http://user@camera.local/", 421),
            ("http:///snapshot", 421),
            ("ftp://camera.local/", 400),
        ] {
            assert_eq!(
                get(target, "camera.local").map_err(|refusal| refusal.status),
                Err(status),
                "{target}"
            );
        }
        assert_eq!(status("GET http://camera.local/ HTTP/1.1\r\n\r\n"), 400, "HTTP/1.1 without Host");
    }

    #[test]
    fn a_refused_name_is_answered_with_the_option_that_admits_it() {
        let refusal = |host: &str| {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            read(request.as_bytes(), 0, &names()).unwrap().unwrap_err()
        };
        let named = refusal("board.example:8080");
        assert_eq!(named.status, 421);
        assert!(
            named.why.to_string().ends_with("start boardcam with --host board.example."),
            "{}",
            named.why
        );
        assert!(!refusal("a;b").why.to_string().contains("--host"));
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_found_when_it_is_whole() {
        let request = b"GET / HTTP/1.0\r\n\r\n";
        for length in 0..request.len() {
            assert_eq!(read(&request[..length], length.saturating_sub(1), &names()), None);
        }
        assert!(read(request, request.len() - 1, &names()).unwrap().is_ok());
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_refused() {
        let get = |headers: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        for (headers, expected) in [
            ("", 200),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
            ("Content-Length: +3\r\n", 400),
            ("Content-Length: 3, 3\r\n", 400),
            ("Content-Length: 0x3\r\n", 400),
            ("Content-Length: 100000000000\r\n", 413),
            ("Content-Length: 99999999999999999999999999\r\n", 413),
            ("Transfer-Encoding: chunked\r\n", 501),
            ("A: b\r\n c\r\n", 400),
            ("A : b\r\n", 400),
            ("A: b\nB: c\r\n", 400),
            ("A: b\0c\r\n", 400),
            ("Host: caf\u{e9}\r\n", 400),
            ("Origin: http://caf\u{e9}\r\n", 400),
            ("Content-Length: 3\x01\r\n", 400),
            ("Transfer-Encoding: \x01\r\n", 400),
            ("Conn\x01ection: close\r\n", 400),
            ("Host: localhost\r\n", 400),
        ] {
            assert_eq!(status(&get(headers)), expected, "{headers:?}");
        }
        assert_eq!(status("GET / HTTP/1.1\n\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400, "HTTP/1.1 without Host");
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200, "HTTP/1.0 without Host");
        assert_eq!(status("\x16\x03\x01\x02\x00"), 400, "TLS on the plain port");
        assert_eq!(status("BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 501);
        assert_eq!(status("GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
        assert_eq!(status("GET ?action=stream HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
        assert_eq!(status("GET localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
        assert_eq!(status("GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    }

    #[test]
    fn heads_beyond_the_limits_are_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_MAX));
        assert_eq!(status(&long), 431);
        let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX));
        assert_eq!(status(&many), 431);
    }

    #[test]
    fn a_head_is_judged_the_same_however_the_network_cuts_it_up() {
        let long = "x".repeat(HEAD_MAX);
        for request in [
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\nA: {long}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nA: {long}\nB: c\r\n\r\n"),
            format!("\x16\x03\x01{long}"),
        ] {
            let input = request.as_bytes();
            let bytewise = (1..=input.len()).find_map(|length| read(&input[..length], length - 1, &names()));
            assert_eq!(read(input, 0, &names()), bytewise, "{request:.20}");
        }
    }
}
