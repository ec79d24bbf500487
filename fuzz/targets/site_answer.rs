//! Whatever the site answers, the client gets one complete answer without private headers.
//!
//! The first byte says whether the connection is kept alive.
#![no_main]

use boardcam::gate::answer::{Answer, from_site};
use boardcam::protocol::PREFIX;
use libfuzzer_sys::fuzz_target;

/// The header lines of a head; fails if one is private or incomplete.
fn lines(head: &str) -> Vec<(String, &str)> {
    let mut lines = head.split("\r\n");
    assert!(lines.next().is_some_and(|status| status.starts_with("HTTP/1.")), "{head:?}");
    let lines = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{head:?}"));
        assert!(!value.contains(['\r', '\n']), "{head:?}");
        (name.to_ascii_lowercase(), value)
    });
    let lines: Vec<_> = lines.collect();
    assert!(lines.iter().all(|(name, _)| !name.starts_with(&PREFIX.to_ascii_lowercase())), "{head:?}");
    assert_eq!(lines.iter().filter(|(name, _)| name == "connection").count(), 1, "{head:?}");
    lines
}

fuzz_target!(|data: &[u8]| {
    let Some((&flags, answer)) = data.split_first() else { return };
    match from_site(answer, flags & 1 == 1) {
        Err(refusal) => assert_eq!(refusal.status, 502),
        Ok(Answer::HandOver { head, .. } | Answer::File { head, .. }) => {
            let head = String::from_utf8(head).expect("text");
            lines(head.trim_end_matches("\r\n"));
        }
        Ok(Answer::Send { bytes }) => {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an empty line");
            let head = std::str::from_utf8(&bytes[..end]).expect("text");
            let body = &bytes[end + 4..];
            let lines = lines(head);
            let mut lengths =
                lines.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value);
            let length: Option<usize> = lengths.next().map(|value| value.parse().expect("a number"));
            assert_eq!(lengths.next(), None, "{head:?}");
            // A longer body would be read as the next answer, of a shorter one the client waits for the rest.
            // An empty one may be that of HEAD.
            assert!(body.is_empty() || length == Some(body.len()), "{head:?} {body:?}");
        }
    }
});
