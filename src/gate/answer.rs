//! Answers on their way out: the gate's own refusals, and the site's answers without what is private.

use std::fmt::Write;

use super::head::Refusal;
use super::limits::HEADERS_MAX;
use crate::protocol::{self, FileOrder, Kind, Order};

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
        /// What was asked for.
        order: Order,
        /// The head that comes before it: whole for a stream, up to Content-Length for a snapshot.
        head: Vec<u8>,
    },
    /// Let the fan-out send a recording.
    File {
        /// Which one, and what of it.
        order: FileOrder,
        /// The whole head that comes before it.
        head: Vec<u8>,
    },
}

/// The words that belong to a status code (RFC 9110 section 15); clients ignore them.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        303 => "See Other",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

fn connection(keep_alive: bool) -> &'static str {
    if keep_alive { "keep-alive" } else { "close" }
}

/// The whole answer to a request that the gate refuses.
pub fn refusal(refusal: &Refusal, keep_alive: bool) -> Vec<u8> {
    let Refusal { status, why } = refusal;
    let retry = if *status == 503 { "Retry-After: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} {}\r\nConnection: {}\r\nCache-Control: no-store\r\n\
         Content-Type: text/plain; charset=utf-8\r\n{retry}Content-Length: {}\r\n\r\n{why}\n",
        reason(*status),
        connection(keep_alive),
        why.len() + 1
    )
    .into_bytes()
}

/// Turns the site's whole answer into what the client gets.
///
/// # Errors
/// A refusal with 502 when the answer is none.
pub fn from_site(answer: &[u8], keep_alive: bool) -> Result<Answer, Refusal> {
    let bad = || Refusal::new(502, "The site inside this program gave a wrong answer.");
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(length)) = parsed.parse(answer) else { return Err(bad()) };
    let status = parsed.code.ok_or_else(bad)?;
    let body = answer.get(length..).unwrap_or_default();

    let bodiless = matches!(status, 204 | 304);
    let (mut order, mut file, mut kept, mut content_type) = (None, None, String::new(), None);
    let mut content_length = if bodiless { 0 } else { body.len() };
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| bad())?;
        if header.name.eq_ignore_ascii_case(protocol::HEADER) {
            file = FileOrder::from_header(value);
            order = Order::from_header(value);
            if file.is_none() && order.is_none() {
                return Err(bad());
            }
            continue;
        }
        let private = header.name.get(..protocol::PREFIX.len());
        match header.name.to_ascii_lowercase().as_str() {
            _ if private.is_some_and(|start| start.eq_ignore_ascii_case(protocol::PREFIX)) => {}
            "connection" | "server" | "transfer-encoding" => {}
            "content-length" => content_length = value.parse().map_err(|_| bad())?,
            "content-type" => content_type = Some(value),
            _ => {
                let _ = write!(kept, "{}: {value}\r\n", header.name); // a String takes everything
            }
        }
    }
    // An answer to HEAD names a length and has no body. Any other that differs broke off, or its rest would be
    // taken for the next answer; so would be any body of a status that has none (RFC 9110 sections 15.3.5, 15.4.5).
    if !body.is_empty() && (bodiless || body.len() != content_length) {
        return Err(bad());
    }
    // Last, because some clients read a stream's boundary up to the end of the line and no further.
    if let Some(value) = content_type {
        let _ = write!(kept, "Content-Type: {value}\r\n");
    }
    let start = |version: &str, keep_alive: bool| {
        let connection = connection(keep_alive);
        format!("HTTP/{version} {status} {}\r\nConnection: {connection}\r\n{kept}", reason(status))
    };
    if let Some(order) = file {
        let length = order.length;
        let head = start("1.1", keep_alive) + &format!("Content-Length: {length}\r\n\r\n");
        return Ok(Answer::File { order, head: head.into_bytes() });
    }
    Ok(match order {
        // A stream ends with its connection, which is what HTTP/1.0 says without words.
        Some(order) if order.kind == Kind::Stream => {
            Answer::HandOver { order, head: (start("1.0", false) + "\r\n").into_bytes() }
        }
        Some(order) => Answer::HandOver { order, head: start("1.1", keep_alive).into_bytes() },
        None => {
            let mut bytes = start("1.1", keep_alive).into_bytes();
            if !bodiless {
                bytes.extend_from_slice(format!("Content-Length: {content_length}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(body);
            Answer::Send { bytes }
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
    fn an_answer_to_head_keeps_its_length() {
        let answer = b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n";
        assert!(text(from_site(answer, false).unwrap()).contains("Content-Length: 99\r\n"));
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
        assert_eq!((order.kind, order.camera, order.id.as_deref()), (Kind::Stream, 0, Some("me")));
        assert_eq!(
            text(answer),
            "HTTP/1.0 200 OK\r\nConnection: close\r\nPragma: no-cache\r\n\
             Content-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"
        );
    }

    #[test]
    fn a_recording_goes_out_with_the_length_of_what_is_sent_of_it() {
        let answer = b"HTTP/1.0 206 Partial Content\r\nContent-Length: 0\r\nContent-Range: bytes 2-6/9\r\n\
                       X-Boardcam-Serve: file door_2026-11-25_22-15-09Z.mkv 2 5\r\n\r\n";
        let answer = from_site(answer, true).unwrap();
        let Answer::File { order, .. } = &answer else { panic!("{answer:?}") };
        assert_eq!((order.from, order.length), (2, 5));
        assert_eq!(
            text(answer),
            "HTTP/1.1 206 Partial Content\r\nConnection: keep-alive\r\nContent-Range: bytes 2-6/9\r\n\
             Content-Length: 5\r\n\r\n"
        );
    }

    #[test]
    fn an_answer_that_is_none_is_told_as_such() {
        let with_a_body = b"HTTP/1.0 204 No Content\r\nContent-Length: 2\r\n\r\nhi";
        for bad in [&b""[..], b"nonsense", b"HTTP/1.0 200 OK\r\nX-Boardcam-Serve: ?\r\n\r\n", with_a_body] {
            assert_eq!(from_site(bad, true).unwrap_err().status, 502);
        }
    }
}
