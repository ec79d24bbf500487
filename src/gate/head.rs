//! Checks a request head: one that passes is safe to hand to the site.
//!
//! It refuses all forms that two parsers could read in two ways (RFC 9112 section 11.2): bare line feeds,
//! folded lines, several or odd lengths, Transfer-Encoding; and bytes that tiny_http drops without an answer.

use std::fmt::Write;

use crate::host::discovery::Announced;

use super::limits::{BODY_MAX, HEAD_MAX, HEADERS_MAX};

/// A client's headers that the site gets, in lower case; all others stop here.
pub const FORWARDED_HEADERS: [&str; 18] = [
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
    "x-forwarded-proto",
    "x-requested-with",
];

/// Methods that the site knows.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// An answer from the gate itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// One sentence for the user of the client.
    pub why: String,
}

impl Refusal {
    pub(super) fn new(status: u16, why: impl Into<String>) -> Self {
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

/// The host names that clients may use for this server (against DNS rebinding).
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts {
    /// Names from the settings, in lower case, without port.
    fixed: Vec<String>,
    /// The name under which this board is announced now.
    announced: Announced,
}

impl AllowedHosts {
    /// Names in lower case, without port. Addresses and localhost always pass.
    pub fn new(names: Vec<String>) -> Self {
        Self { fixed: names, announced: Announced::default() }
    }

    /// The names that were given when the program started.
    pub fn fixed(&self) -> &[String] {
        &self.fixed
    }

    /// Also admits the name under which this board is announced at that time.
    pub fn and(mut self, announced: Announced) -> Self {
        self.announced = announced;
        self
    }

    fn admit(&self, host: &str) -> bool {
        let name = without_port(host);
        let unbracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        if let Some(address) = unbracketed {
            // A zone (fe80::1%eth0) names the client's interface and is not part of the address (RFC 6874).
            return address.split('%').next().unwrap_or("").parse::<std::net::Ipv6Addr>().is_ok();
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name.parse::<std::net::Ipv4Addr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.fixed.contains(&name)
            || self.announced.is(&name)
    }
}

/// The name or address in a Host header.
pub fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
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
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::new(400, "The request's head is torn.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("The request has more than {HEADERS_MAX} headers.")));
        }
        Err(error) => return Err(Refusal::new(400, format!("The request's head is wrong: {error}."))),
    }
    let is_http_1_1 = request.version == Some(1);
    let mut fields = Fields::new(request_line(&request)?, is_http_1_1);
    for header in request.headers.iter() {
        fields.add(header)?;
    }
    check_host(fields.host, is_http_1_1, hosts)?;
    let Fields { mut for_site, length, keep_alive, expects_continue, .. } = fields;
    let body = length.unwrap_or(0);
    let _ = write!(for_site, "content-length: {body}\r\n"); // writing to a String cannot fail
    Ok(Head { length: head.len(), body, keep_alive, expects_continue, for_site })
}

/// The request line as the site gets it.
fn request_line(request: &httparse::Request<'_, '_>) -> Result<String, Refusal> {
    let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
    if !METHODS.contains(&method) {
        return Err(Refusal::new(501, "This method is not served here."));
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        return Err(Refusal::new(400, "The request's target must be a path in plain ASCII."));
    }
    Ok(format!("{method} {target} HTTP/1.0\r\n"))
}

/// What the headers say that were read so far.
struct Fields<'a> {
    /// The head as the site gets it.
    for_site: String,
    host: Option<&'a str>,
    /// Bytes of the body.
    length: Option<usize>,
    keep_alive: bool,
    expects_continue: bool,
}

impl<'a> Fields<'a> {
    fn new(request_line: String, is_http_1_1: bool) -> Self {
        Self {
            for_site: request_line,
            host: None,
            length: None,
            keep_alive: is_http_1_1,
            expects_continue: false,
        }
    }

    /// Takes one more header.
    fn add(&mut self, header: &httparse::Header<'a>) -> Result<(), Refusal> {
        let value = std::str::from_utf8(header.value).ok();
        let is_ascii = |value: &&str| value.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == b'\t');
        let Some(value) = value.filter(is_ascii) else {
            return Err(Refusal::new(400, "A header holds bytes that are not ASCII."));
        };
        let name = header.name.to_ascii_lowercase();
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
            _ => {}
        }
        if FORWARDED_HEADERS.contains(&name.as_str()) {
            let _ = write!(self.for_site, "{name}: {value}\r\n"); // writing to a String cannot fail
        }
        Ok(())
    }
}

/// Whether this server is called by one of its names; HTTP/1.0 needs no Host.
fn check_host(host: Option<&str>, is_http_1_1: bool, hosts: &AllowedHosts) -> Result<(), Refusal> {
    match host {
        None if is_http_1_1 => Err(Refusal::new(400, "The request has no Host.")),
        Some(host) if !hosts.admit(host) => {
            let why = format!(
                "This server does not go by the name {host:?}. If it should, start it with --host NAME."
            );
            Err(Refusal::new(421, why))
        }
        _ => Ok(()),
    }
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
            "cookie: a=b; c=d",
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
            ("A: \u{e9}\r\n", 400),
            ("Host: localhost\r\n", 400),
        ] {
            assert_eq!(status(&get(headers)), expected, "{headers:?}");
        }
        assert_eq!(status("GET / HTTP/1.1\n\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400, "HTTP/1.1 without Host");
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200, "HTTP/1.0 without Host");
        assert_eq!(status("\x16\x03\x01\x02\x00"), 400, "TLS on the plain port");
        assert_eq!(status("BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 501);
        assert_eq!(status("GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
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

    #[test]
    fn a_page_elsewhere_cannot_reach_us_under_a_name_of_its_own() {
        let admits = |host: &str| names().admit(host);
        for own in
            ["camera.local", "Camera.Local.:80", "192.168.1.5:8080", "[fe80::1]", "[::1]:80", "localhost"]
        {
            assert!(admits(own), "{own}");
        }
        for foreign in
            ["evil.example", "camera.local.evil.example", "", ":80", "[evil]", "1.2.3.4.evil.example"]
        {
            assert!(!admits(foreign), "{foreign}");
        }
        assert_eq!(status("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
    }

    #[test]
    fn the_announced_name_is_accepted_while_it_is_announced() {
        let announced = Announced::default();
        let names = names().and(announced.clone());
        announced.set(Some("boardcam-2.local".to_owned()));
        assert!(names.admit("Boardcam-2.local:8080") && names.admit("camera.local"));
        assert!(!names.admit("boardcam.local") && !names.admit("boardcam-2"));
        announced.set(None);
        assert!(!names.admit("boardcam-2.local:8080"));
    }
}
