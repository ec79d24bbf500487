//! Checks a request head: one that passes is safe to hand to the site.
//!
//! It refuses all forms that two parsers could read in two ways (RFC 9112 section 11.2): bare line feeds,
//! folded lines, several or odd lengths, Transfer-Encoding. A header that the site does not get may hold any other
//! byte: proxies add headers such as `cf-ipcity: São Paulo`, and a page elsewhere on the board may set any cookie.

use std::borrow::Cow;
use std::fmt::Write;

use crate::problem::Text;
use crate::protocol::COOKIE_PREFIX;

use super::authority::{Authority, Host};
use super::hosts::AllowedHosts;
use super::limits::{BODY_MAX, HEAD_MAX, HEADERS_MAX};

/// A client's headers that the site gets, in lower case; all others stop here.
pub const FORWARDED_HEADERS: [&str; 22] = [
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
    "sec-fetch-dest",
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

/// Those of [`FORWARDED_HEADERS`] that say who sends a request, or from which page. A second one would contradict the
/// first, or is there to be overlooked.
const SINGLE_HEADERS: [&str; 6] =
    ["authorization", "origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "x-requested-with"];

/// The most of a wrong Host that an answer shows, in characters.
const SHOWN_MAX: usize = 64;

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
    // Old clients send an empty line behind a body, before their next request (RFC 9112 section 2.2).
    if input == b"\r" {
        return None;
    }
    let empty_line = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let read = read_line_by_line(&input[empty_line..], seen.saturating_sub(empty_line), hosts)?;
    Some(read.map(|head| Head { length: head.length + empty_line, ..head }))
}

fn read_line_by_line(input: &[u8], seen: usize, hosts: &AllowedHosts) -> Option<Result<Head, Refusal>> {
    let from = seen.saturating_sub(3);
    let fresh = input.get(from..).unwrap_or_default();
    let end = fresh.windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
    let head = &input[..end.unwrap_or(input.len()).min(HEAD_MAX)];
    let bare = |at: usize| head[at] == b'\n' && (at == 0 || head[at - 1] != b'\r');
    // TLS on the plain port (its first record is a handshake, 0x16) and other such bytes: refuse them at once.
    if let Some(first) = head.first().filter(|byte| !byte.is_ascii_uppercase()) {
        let why = match first {
            0x16 => "This is not an HTTP request. Use http://, not https://.",
            b'a'..=b'z' => "A request begins with its method in capitals, such as GET.",
            _ => "This is not an HTTP request.",
        };
        return Some(Err(Refusal::new(400, why)));
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
        Err(httparse::Error::Version) => {
            let why = "The first line must be a method, a URL without spaces, and HTTP/1.1 or HTTP/1.0.";
            return Err(Refusal::new(400, why));
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
    let is_odd = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\0' | b'\t' | b'\n' | b'\r');
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
        None if target == "*" && method == "OPTIONS" => (None, "/"), // of the server as a whole
        None => (None, target),
    };
    // Browsers keep a fragment for themselves; some simple clients send it.
    let path = path.split('#').next().unwrap_or_default();
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
            single if SINGLE_HEADERS.contains(&single) && self.has_line(single) => {
                return Err(Refusal::new(400, format!("The request has more than one {}.", header.name)));
            }
            _ if is_ours => {
                let _ = write!(self.forwarded, "{name}: {value}\r\n"); // writing to a String cannot fail
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a header of this name, in lower case, was read before.
    fn has_line(&self, name: &str) -> bool {
        self.forwarded.lines().any(|line| line.split_once(':').is_some_and(|(own, _)| own == name))
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
    let why = match Authority::parse(host) {
        Some(Authority { host: host @ Host::Name(_), .. }) if host.name().contains(|c| c != '.') => {
            let name = host.name();
            format!(
                "This server does not go by the name {name:?}. If that is its name, start boardcam with --host \
                 {name}."
            )
        }
        _ => {
            let shown: String = host.chars().take(SHOWN_MAX).collect();
            format!("The Host {shown:?} is no name or address. Use this server's name or address.")
        }
    };
    Err(Refusal::new(421, why))
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
mod tests;
