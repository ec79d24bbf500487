//! Whatever bytes a client sends and however they are cut up, the verdict on a request head is the same, and what
//! reaches the site is one request that cannot be read in two ways.
//!
//! The first byte of the input is the number of cuts, the next bytes are the lengths of the pieces; the rest is what
//! the client sends, with everything after the last cut in one piece.
#![no_main]

use std::sync::LazyLock;

use boardcam::gate::head::{FORWARDED_HEADERS, Head, Refusal, read};
use boardcam::gate::hosts::AllowedHosts;
use boardcam::gate::limits::{BODY_MAX, HEAD_MAX};
use libfuzzer_sys::fuzz_target;

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

fn check(head: &Head, input: &[u8]) {
    assert!(head.length <= input.len() && head.length <= HEAD_MAX);
    assert!(input[..head.length].ends_with(b"\r\n\r\n"));
    assert!(head.body <= BODY_MAX);

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
        let ours = |pair: &str| pair.starts_with("boardcam-");
        assert!(name != "cookie" || value.split("; ").all(ours), "{line:?}");
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
        Some(Err(refusal)) => assert!((400..600).contains(&refusal.status) && !refusal.why.is_empty()),
        None => assert!(input.len() < HEAD_MAX),
    }
});
