//! Whatever bytes a client sends and however they are cut up, the verdict on a request head is the same, and what
//! reaches the site is one request that cannot be read in two ways. What is not forwarded changes nothing.
//!
//! The first byte of the input is the number of cuts, the next bytes are the lengths of the pieces; the rest is what
//! the client sends, with everything after the last cut in one piece.
#![no_main]

use std::sync::LazyLock;

use boardcam::gate::head::{FORWARDED_HEADERS, Head, Refusal, read};
use boardcam::gate::hosts::AllowedHosts;
use boardcam::gate::limits::{BODY_MAX, HEAD_MAX};
use libfuzzer_sys::fuzz_target;

/// The beginning of the names of the cookies that are forwarded.
const PREFIX: &[u8] = b"boardcam-";

/// Headers that are not forwarded, but say where the request ends and what becomes of its connection.
const FRAMING: [&str; 4] = ["connection", "content-length", "expect", "transfer-encoding"];

static HOSTS: LazyLock<AllowedHosts> = LazyLock::new(|| AllowedHosts::new(vec!["camera.local".to_owned()]));

/// Reads `input` in pieces of these `lengths`, as it may come over a connection.
fn in_pieces(input: &[u8], lengths: impl IntoIterator<Item = usize>) -> Option<Result<Head, Refusal>> {
    let (mut seen, mut lengths) = (0, lengths.into_iter());
    loop {
        let end = lengths.next().map_or(input.len(), |length| input.len().min(seen + length));
        let verdict = read(&input[..end], seen, &HOSTS);
        if verdict.is_some() || end == input.len() {
            return verdict;
        }
        seen = end;
    }
}

/// The header lines of a request head, without their ends.
fn header_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&byte| byte == b'\n')
        .skip(1)
        .filter_map(|line| line.strip_suffix(b"\r"))
        .filter(|line| !line.is_empty())
}

/// The name of a header in lower case, and its value.
fn name_and_value(line: &[u8]) -> (String, &[u8]) {
    let colon = line.iter().position(|&byte| byte == b':').expect("a header without a colon passed");
    (
        String::from_utf8(line[..colon].to_ascii_lowercase()).expect("a name that is not ASCII passed"),
        &line[colon + 1..],
    )
}

/// What two parsers could read in two ways is nowhere in a head that passed, forwarded or not.
fn check_framing(head: &[u8]) {
    assert!(!head.contains(&0));
    for (at, &byte) in head.iter().enumerate() {
        assert!(byte != b'\r' || head.get(at + 1) == Some(&b'\n'), "a bare CR passed");
        assert!(byte != b'\n' || head[at - 1] == b'\r', "a bare LF passed");
    }
    let mut names = Vec::new();
    for line in header_lines(head) {
        let (name, value) = name_and_value(line);
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}"); // no folded line, no space before the colon
        assert!(!FRAMING[..2].contains(&&*name) || value.is_ascii(), "{name}");
        names.push(name);
    }
    let count = |name: &str| names.iter().filter(|other| *other == name).count();
    let single = ["content-length", "host", "origin", "sec-fetch-site", "authorization", "x-requested-with"];
    assert!(single.iter().all(|name| count(name) <= 1) && count("transfer-encoding") == 0, "{names:?}");
}

/// The head with other bytes in every header that is not forwarded, and with other cookies of other programs.
fn with_other_ballast(head: &[u8], filling: u8) -> Vec<u8> {
    let end = head.iter().position(|&byte| byte == b'\n').expect("a request line") + 1;
    let mut other = head[..end].to_vec();
    for line in header_lines(head) {
        let (name, value) = name_and_value(line);
        other.extend_from_slice(&line[..=name.len()]);
        let (is_cookie, is_read) =
            (name == "cookie", [&FORWARDED_HEADERS[..], &FRAMING].concat().contains(&&*name));
        match value.windows(PREFIX.len()).any(|bytes| bytes == PREFIX) {
            false if is_cookie => other.resize(other.len() + value.len(), filling),
            _ if is_read => other.extend_from_slice(value),
            _ => other.resize(other.len() + value.len(), filling),
        }
        other.extend_from_slice(b"\r\n");
    }
    other.extend_from_slice(b"\r\n");
    other
}

/// Whether public DNS cannot answer a stranger for this name, with or without a port. This board has no label here.
fn is_admitted(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    bare || host.starts_with('[')
        || name == "camera.local"
        || name.ends_with(".localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok()
}

fn check(head: &Head, input: &[u8]) {
    if let Some(rest) = input.strip_prefix(b"\r\n") {
        let again = read(rest, 0, &HOSTS);
        let length = head.length - 2;
        assert_eq!(
            again.as_ref().map(Result::as_ref),
            Some(Ok(&Head { length, ..head.clone() })),
            "an empty line counts"
        );
        assert!(!rest.starts_with(b"\r"), "many empty lines passed");
        return check(&Head { length, ..head.clone() }, rest);
    }
    assert!(head.length <= input.len() && head.length <= HEAD_MAX);
    let raw = &input[..head.length];
    assert!(raw.ends_with(b"\r\n\r\n"));
    assert!(head.body <= BODY_MAX);
    check_framing(raw);
    for filling in [b'x', 0x01, 0x7f, 0xe9] {
        let again = read(&with_other_ballast(raw, filling), 0, &HOSTS);
        assert_eq!(
            again.as_ref().map(Result::as_ref),
            Some(Ok(head)),
            "with {filling:#x} in what is not forwarded"
        );
    }

    let lines = head.for_site.strip_suffix("\r\n").expect("the last line is whole");
    let mut lines = lines.split("\r\n");
    let request: Vec<_> = lines.next().expect("a request line").split(' ').collect();
    let [method, target, "HTTP/1.0"] = request[..] else { panic!("{request:?}") };
    assert!(!method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase()));
    assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()));

    let (mut hosts, mut lengths) = (0, 0);
    for line in lines {
        let (name, value) = line.split_once(": ").expect("name: value");
        assert!(value.bytes().all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte)), "{line:?}");
        match name {
            "content-length" => {
                lengths += 1;
                assert_eq!(value, head.body.to_string());
            }
            _ => assert!(FORWARDED_HEADERS.contains(&name), "{line:?}"),
        }
        hosts += usize::from(name == "host");
        let ours = |pair: &str| pair.as_bytes().starts_with(PREFIX);
        assert!(name != "cookie" || value.split("; ").all(ours), "{line:?}");
        assert!(name != "host" || is_admitted(value), "{line:?}");
    }
    assert_eq!(lengths, 1);
    assert!(hosts <= 1);
}

fuzz_target!(|data: &[u8]| {
    let Some((&cuts, rest)) = data.split_first() else { return };
    let Some((cuts, input)) = rest.split_at_checked(cuts.into()) else { return };
    let at_once = read(input, 0, &HOSTS);
    assert_eq!(in_pieces(input, cuts.iter().map(|&length| length.into())), at_once, "in pieces");
    assert_eq!(in_pieces(input, std::iter::repeat(1)), at_once, "byte by byte");
    match at_once {
        Some(Ok(head)) => check(&head, input),
        Some(Err(refusal)) => {
            assert!((400..600).contains(&refusal.status) && !refusal.why.to_string().is_empty())
        }
        None => assert!(input.len() < HEAD_MAX + 2), // with an empty line before it
    }
});
