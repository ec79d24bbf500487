//! Answers to clients: the gate's own refusals, and the site's answers without their private headers.

use std::fmt::Write;

use super::head::Refusal;
use super::limits::HEADERS_MAX;
use crate::problem::{MESSAGE_HEADER, text};
use crate::protocol::{self, CHECK_HEADER, FileOrder, Order, OrderKind, reason};

/// What to do with an answer of the site.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Send these bytes.
    Send {
        /// Head and body.
        bytes: Vec<u8>,
    },
    /// Let the fan-out serve the connection.
    HandOver {
        /// What to serve.
        order: Order,
        /// The head that comes before it: whole for a stream, up to Content-Length for a snapshot.
        head: Vec<u8>,
    },
    /// Let the fan-out send a file.
    File {
        /// Which file, and which part of it.
        order: FileOrder,
        /// What comes before it: of a recording as it is the whole head, of others the lines of it that the site knows.
        head: Vec<u8>,
    },
}

fn connection(keep_alive: bool) -> &'static str {
    if keep_alive { "keep-alive" } else { "close" }
}

/// The whole answer to a request that the gate refuses.
pub fn refusal(refusal: &Refusal, keep_alive: bool) -> Vec<u8> {
    let Refusal { status, why } = refusal;
    let retry = if *status == 503 { "Retry-After: 1\r\n" } else { "" };
    let message = why.to_header().map(|json| format!("{MESSAGE_HEADER}: {json}\r\n")).unwrap_or_default();
    let why = why.to_string();
    format!(
        "HTTP/1.1 {status} {}\r\nConnection: {}\r\nCache-Control: no-store\r\n\
         Content-Type: text/plain; charset=utf-8\r\n{retry}{message}Content-Length: {}\r\n\r\n{why}\n",
        reason(*status),
        connection(keep_alive),
        why.len() + 1
    )
    .into_bytes()
}

/// The site's answer, taken apart.
struct SiteAnswer<'a> {
    status: u16,
    /// What the site orders instead of a body.
    order: Option<AnyOrder>,
    /// The header lines that the client gets, except Content-Type.
    headers: String,
    content_type: Option<&'a str>,
    /// The length of the body in bytes; for an answer to HEAD, the length that the body would have.
    content_length: usize,
    /// Whether the client gets that length.
    has_length: bool,
    body: &'a [u8],
}

/// An order in the private header.
enum AnyOrder {
    Live(Order),
    File(FileOrder),
}

/// A refusal for an answer that the site should not have given.
fn bad_answer() -> Refusal {
    Refusal::new(502, text!("The site inside this program gave a wrong answer."))
}

/// Whether an answer with this status has no body (RFC 9110 sections 15.3.5, 15.4.5).
fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

impl<'a> SiteAnswer<'a> {
    fn parse(answer: &'a [u8]) -> Result<Self, Refusal> {
        let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Response::new(&mut lines);
        let Ok(httparse::Status::Complete(length)) = parsed.parse(answer) else { return Err(bad_answer()) };
        let status = parsed.code.ok_or_else(bad_answer)?;
        let body = answer.get(length..).unwrap_or_default();
        let content_length = if is_bodiless(status) { 0 } else { body.len() };
        let (order, content_type) = (None, None);
        let (headers, has_length) = (String::new(), !is_bodiless(status));
        let mut this = Self { status, order, headers, content_type, content_length, has_length, body };
        for header in parsed.headers.iter() {
            this.add(header)?;
        }
        // An answer to HEAD names a length and has no body. In any other answer, a wrong length means that it was cut
        // off, or that the client would take its rest for the next answer. So would a body where none is allowed.
        if !body.is_empty() && (is_bodiless(status) || body.len() != this.content_length) {
            return Err(bad_answer());
        }
        Ok(this)
    }

    /// Takes one header.
    fn add(&mut self, header: &httparse::Header<'a>) -> Result<(), Refusal> {
        let value = std::str::from_utf8(header.value).map_err(|_| bad_answer())?;
        if header.name.eq_ignore_ascii_case(protocol::HEADER) {
            let file = FileOrder::from_header(value).map(AnyOrder::File);
            let order = file.or_else(|| Order::from_header(value).map(AnyOrder::Live));
            self.order = Some(order.ok_or_else(bad_answer)?);
            return Ok(());
        }
        if header.name.eq_ignore_ascii_case(protocol::NO_LENGTH_HEADER) {
            self.has_length = false;
        }
        let private = header.name.get(..protocol::PREFIX.len());
        match header.name.to_ascii_lowercase().as_str() {
            _ if private.is_some_and(|start| start.eq_ignore_ascii_case(protocol::PREFIX)) => {}
            "connection" | "server" | "transfer-encoding" => {}
            "content-length" => self.content_length = value.parse().map_err(|_| bad_answer())?,
            "content-type" => self.content_type = Some(value),
            _ => {
                let _ = write!(self.headers, "{}: {value}\r\n", header.name); // writing to a String cannot fail
            }
        }
        Ok(())
    }

    /// The head for the client, up to Content-Length.
    fn head(&self, version: &str, keep_alive: bool) -> String {
        let status = self.status;
        format!("HTTP/{version} {status} {}\r\n{}", reason(status), self.lines(keep_alive))
    }

    /// The lines of the head behind its first one, up to Content-Length.
    fn lines(&self, keep_alive: bool) -> String {
        let headers = &self.headers;
        // Last, because some clients read a stream's boundary up to the end of the line and no further.
        let content_type =
            self.content_type.map_or_else(String::new, |value| format!("Content-Type: {value}\r\n"));
        format!("Connection: {}\r\n{headers}{content_type}", connection(keep_alive))
    }
}

/// The line to wait in, if the site says in its answer that a password must be hashed first.
pub fn asks_for_check(answer: &[u8]) -> Option<u64> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    parsed.parse(answer).ok()?;
    let header = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(CHECK_HEADER))?;
    std::str::from_utf8(header.value).ok()?.parse().ok()
}

/// Turns the site's whole answer into what the client gets.
///
/// # Errors
/// A refusal with 502 when the answer is not valid.
pub fn from_site(answer: &[u8], keep_alive: bool) -> Result<Answer, Refusal> {
    let mut answer = SiteAnswer::parse(answer)?;
    let order = answer.order.take();
    // A stream ends with its connection, which HTTP/1.0 implies.
    let is_stream = matches!(&order, Some(AnyOrder::Live(order)) if order.kind == OrderKind::Stream);
    let mut head =
        if is_stream { answer.head("1.0", false) + "\r\n" } else { answer.head("1.1", keep_alive) };
    Ok(match order {
        Some(AnyOrder::File(order)) => {
            let head = match &order {
                FileOrder::Recording(order) => format!("{head}Content-Length: {}\r\n\r\n", order.length),
                FileOrder::Video(_) | FileOrder::Page(_) | FileOrder::Frame(_) => answer.lines(keep_alive),
            };
            Answer::File { order, head: head.into_bytes() }
        }
        Some(AnyOrder::Live(order)) => Answer::HandOver { order, head: head.into_bytes() },
        None => {
            if answer.has_length {
                head += &format!("Content-Length: {}\r\n", answer.content_length);
            }
            head += "\r\n";
            Answer::Send { bytes: [head.as_bytes(), answer.body].concat() }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: Answer) -> String {
        match answer {
            Answer::Send { bytes } => String::from_utf8(bytes).unwrap(),
            Answer::HandOver { head, .. } | Answer::File { head, .. } => String::from_utf8(head).unwrap(),
        }
    }

    #[test]
    fn the_sites_answer_goes_out_without_its_private_parts() {
        let answer = b"HTTP/1.0 200 OK\r\nServer: x\r\nX-Boardcam-Secret: y\r\nContent-Type: text/html\r\n\
                       ETag: \"1\"\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(
            text(from_site(answer, true).unwrap()),
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nETag: \"1\"\r\nContent-Type: text/html\r\n\
             Content-Length: 2\r\n\r\nhi"
        );
    }

    #[test]
    fn every_status_that_the_program_answers_has_its_own_words() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut statuses = std::collections::BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let code = std::fs::read_to_string(path).unwrap();
                for before in [
                    "plain_text(",
                    "Refusal::new(",
                    "Answer::text(",
                    "with_status_code(",
                    "redirect_",
                    "=> (",
                    "} => ",
                ] {
                    let digits = |rest: &str| rest.trim_start().get(..3)?.parse::<u16>().ok();
                    statuses.extend(code.split(before).skip(1).filter_map(digits));
                }
            }
        }
        statuses.retain(|status| (200..600).contains(status));
        assert!(
            statuses.contains(&206) && statuses.contains(&307) && statuses.contains(&429),
            "{statuses:?}"
        );
        for status in statuses {
            assert_ne!(reason(status), "Status", "{status}");
        }
    }

    #[test]
    fn an_answer_to_head_keeps_its_length() {
        let answer = b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n";
        assert!(text(from_site(answer, false).unwrap()).contains("Content-Length: 99\r\n"));
        let live = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nX-Boardcam-No-Length: 1\r\n\r\n";
        let live = text(from_site(live, true).unwrap());
        assert_eq!(live, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", "a stream is not empty");
    }

    #[test]
    fn an_answer_that_broke_off_does_not_leave_the_client_waiting() {
        let status = |answer: &str| from_site(answer.as_bytes(), true).map_err(|refusal| refusal.status);
        assert_eq!(status("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel"), Err(502));
        assert_eq!(status("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello, world"), Err(502));
        assert_eq!(status("HTTP/1.0 200 OK\r\nContent-Length: ?\r\n\r\nhello"), Err(502));
        assert_eq!(status("HTTP/1.0 304 Not Modified\r\n\r\nhello"), Err(502));
        assert!(status("HTTP/1.0 200 OK\r\n\r\nhello").is_ok());
    }

    #[test]
    fn a_stream_is_close_delimited_and_names_its_boundary_last() {
        let answer = b"HTTP/1.0 200 OK\r\nX-Boardcam-Serve: stream camera=0 id=me\r\n\
                       Content-Type: multipart/x-mixed-replace;boundary=b\r\nPragma: no-cache\r\n\
                       Content-Length: 0\r\n\r\n";
        let answer = from_site(answer, true).unwrap();
        let Answer::HandOver { order, .. } = &answer else { panic!("{answer:?}") };
        assert_eq!((order.kind, order.camera, order.id.as_deref()), (OrderKind::Stream, 0, Some("me")));
        assert_eq!(
            text(answer),
            "HTTP/1.0 200 OK\r\nConnection: close\r\nPragma: no-cache\r\n\
             Content-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"
        );
    }

    #[test]
    fn a_recording_goes_out_with_the_length_of_what_is_sent_of_it() {
        let answer = b"HTTP/1.0 206 Partial Content\r\nContent-Length: 0\r\nContent-Range: bytes 2-6/9\r\n\
                       X-Boardcam-Serve: file door_2026-11-25_22-15-09Z.mkv 2 5 1\r\n\r\n";
        let answer = from_site(answer, true).unwrap();
        let Answer::File { order: FileOrder::Recording(order), .. } = &answer else { panic!("{answer:?}") };
        assert_eq!((order.from, order.length), (2, 5));
        assert_eq!(
            text(answer),
            "HTTP/1.1 206 Partial Content\r\nConnection: keep-alive\r\nContent-Range: bytes 2-6/9\r\n\
             Content-Length: 5\r\n\r\n"
        );
    }

    #[test]
    fn an_answer_that_is_not_valid_is_refused_with_502() {
        let with_a_body = b"HTTP/1.0 204 No Content\r\nContent-Length: 2\r\n\r\nhi";
        for bad in [&b""[..], b"nonsense", b"HTTP/1.0 200 OK\r\nX-Boardcam-Serve: ?\r\n\r\n", with_a_body] {
            assert_eq!(from_site(bad, true).unwrap_err().status, 502);
        }
    }
}
