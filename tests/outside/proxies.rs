//! What proxies, routers and browsers really send: names for this server, headers and cookies that are not for it.

use std::io::Write;

use crate::boardcam::Boardcam;
use crate::passwords::guarded;
use crate::sessions::sign_in;

use client::{Answer, Outcome, ask, ensure, request, wait_for};
use rustix::process::Signal;

const OPTIONS: [&str; 4] = ["--camera", "pattern", "--size", "64x48"];

/// Starts it and waits for the first picture, before which snapshots are refused.
fn start() -> Outcome<Boardcam> {
    let boardcam = Boardcam::start(&OPTIONS)?;
    wait_for("the first picture", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    Ok(boardcam)
}

/// The first label of this machine's name.
fn label() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// The status of an answer to a request with these lines, each ended.
fn status(boardcam: &Boardcam, lines: &[u8]) -> Outcome<u16> {
    Ok(Answer::read(&mut request(boardcam.address, &[lines, b"\r\n"].concat())?)?.status)
}

/// The status for a client that calls the server `host`.
fn called(boardcam: &Boardcam, host: &str) -> Outcome<u16> {
    status(boardcam, format!("GET /state HTTP/1.1\r\nHost: {host}\r\n").as_bytes())
}

#[test]
fn it_answers_to_its_own_names_and_to_no_other() -> Outcome {
    let boardcam = Boardcam::start(&[&OPTIONS[..], &["--host", "garden.example"]].concat())?;
    let (own, port) =
        (rustix::system::uname().nodename().to_string_lossy().into_owned(), boardcam.address.port());
    let label = label();
    let mut wrong = Vec::new();
    let mut check = |host: &str, right: u16| -> Outcome {
        let status = called(&boardcam, host)?;
        if status != right {
            wrong.push(format!("{status} as {host:?}"));
        }
        Ok(())
    };
    for host in
        ["127.0.0.1", "[::1]:8080", "LocalHost", &own, "garden.example:443", &format!("127.0.0.1:{port}")]
    {
        check(host, 200)?;
    }
    for domain in ["local", "lan", "home.arpa", "fritz.box", "internal", "tail1234.ts.net", "iot.lan"] {
        check(&format!("{label}.{domain}"), 200)?;
        check(&format!("not-{label}.{domain}"), 421)?;
    }
    for host in [
        "evil.example",
        &format!("{label}.evil.example"),
        "evil.garden.example",
        "garden.example.evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:8080",
        "localhost@evil.example",
        "[evil]",
        "a b",
        "",
    ] {
        check(host, 421)?;
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn the_proxy_of_mainsail_and_fluidd_gets_pictures_under_its_upstreams_name() -> Outcome {
    let boardcam = start()?;
    for host in ["mjpgstreamer1", "mjpgstreamer4:8080", "mjpg_streamer"] {
        let ask = format!("GET /?action=snapshot HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
        ensure!(answer.status == 200 && answer.headers["content-type"] == "image/jpeg", "{}", answer.status);
    }
    Ok(())
}

#[test]
fn a_refused_name_is_logged_once_with_the_option_that_admits_it() -> Outcome {
    /// Lines about refused names in a minute.
    const LINES: usize = 20;
    let boardcam = Boardcam::start(&OPTIONS)?;
    for host in ["Board.Example:8080", "board.example", "board.example.", "evil\x1b[31m", "other.example"] {
        ensure!(called(&boardcam, host)? == if host.contains('\x1b') { 400 } else { 421 }, "{host:?}");
    }
    let lines = |name: &str| boardcam.log().lines().filter(|line| line.contains(name)).count();
    wait_for("both to be logged", || Ok((lines("other.example") > 0).then_some(())))?;
    ensure!(lines("--host board.example,") == 1 && lines("board.example") == 1, "{}", boardcam.log());
    let admitted = Boardcam::start(&[&OPTIONS[..], &["--host", "board.example"]].concat())?;
    ensure!(called(&admitted, "board.example")? == 200, "the option that the log names does not help");
    for number in 0..2 * LINES {
        called(&boardcam, &format!("scan-{number}.example"))?;
    }
    boardcam.signal(Signal::TERM)?;
    let left_out = "22 more log lines about host names were left out";
    wait_for("what was left out", || Ok((lines(left_out) == 1).then_some(())))?;
    ensure!(lines("--host ") == LINES, "{} lines: {}", lines("--host "), boardcam.log());
    Ok(())
}

#[test]
fn headers_that_nobody_asked_about_may_hold_any_bytes() -> Outcome {
    let boardcam = start()?;
    for line in [
        &b"cf-ipcity: S\xc3\xa3o Paulo"[..],
        b"cf-ipcity: S\xe3o Paulo",
        b"Cookie: name=J\xc3\xb6rg",
        b"Cookie: name=J\xf6rg; \x01; =;;",
        b"User-Agent: K\xfcche",
        b"Referer: http://board/K\xc3\xbcche",
        b"X-Controls: \x01\x02\x08\x0b\x0c\x1b\x1f\x7f\xff",
        b"X-Empty:",
    ] {
        let lines = [b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n", line, b"\r\n"].concat();
        let status = status(&boardcam, &lines)?;
        ensure!(status == 200, "{status} with {:?}", line.escape_ascii().to_string());
    }
    Ok(())
}

#[test]
fn other_programs_cookies_on_the_same_host_do_not_lock_a_browser_out() -> Outcome {
    let boardcam = guarded("foreign-cookies.toml", &[])?;
    let ours = sign_in(&boardcam, "ben")?;
    let foreign = format!("session_P80={}; name=J\u{f6}rg; theme=dark", "x".repeat(10_000));
    let state = |cookies: &str| -> Outcome<u16> {
        Ok(ask(boardcam.address, "GET", "/state", &[&format!("Cookie: {cookies}")], "")?.status)
    };
    for cookies in
        [format!("{foreign}; {ours}"), format!("{ours}; {foreign}"), format!("{foreign};{ours};{foreign}")]
    {
        ensure!(state(&cookies)? == 200, "{} bytes of cookies", cookies.len());
    }
    ensure!(state(&foreign)? == 401, "foreign cookies alone");
    Ok(())
}

#[test]
fn a_forward_proxys_absolute_form_is_served_and_its_authority_judged_like_a_host() -> Outcome {
    let boardcam = start()?;
    for (target, host, right) in [
        ("http://127.0.0.1:8080/snapshot", "127.0.0.1:8080", 200),
        ("http://127.0.0.1:8080/snapshot", "evil.example", 200), // the authority takes the place of Host
        ("HTTP://LOCALHOST", "localhost", 200),
        ("http://localhost?action=snapshot", "localhost", 200),
        ("http://evil.example/snapshot", "localhost", 421),
        ("http://localhost@evil.example/", "localhost", 421),
        ("http:///snapshot", "localhost", 421),
        ("http://", "localhost", 421),
        ("ftp://localhost/", "localhost", 400),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        let status = status(&boardcam, head.as_bytes())?;
        ensure!(status == right, "{target} for {host}: {status} in place of {right}");
    }
    ensure!(status(&boardcam, b"GET http://localhost/ HTTP/1.1\r\n")? == 400, "HTTP/1.1 without Host");
    Ok(())
}

#[test]
fn a_simple_client_whose_requests_are_a_little_off_is_served() -> Outcome {
    let boardcam = start()?;
    let host = "Host: localhost\r\n";
    // An empty line behind a body, as old clients send it, and then the next request on the same connection.
    let body = "{\"quality\": 60}";
    let put = format!("PUT /api/quality HTTP/1.1\r\n{host}Content-Length: {}\r\n\r\n{body}\r\n", body.len());
    let mut kept = request(boardcam.address, put.as_bytes())?;
    ensure!(Answer::read(&mut kept)?.status == 200, "the first request");
    kept.get_mut().write_all(format!("GET /snapshot#top HTTP/1.1\r\n{host}\r\n").as_bytes())?;
    let picture = Answer::read(&mut kept)?;
    ensure!(picture.status == 200 && picture.headers["content-type"] == "image/jpeg", "{}", picture.text());
    for (lines, expected) in [
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n", 204),
        ("GET /snapshot? HTTP/1.0\r\n", 200),
        ("GET /snapshot HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\nIf-None-Match: *\r\n", 200),
        ("GET /snapshot HTTP/1.1\r\nHost: localhost\r\nAccept: image/webp\r\nExpect: 100-continue\r\n", 200),
        ("get / HTTP/1.1\r\nHost: localhost\r\n", 400),
    ] {
        let mut reader = request(boardcam.address, format!("{lines}\r\n").as_bytes())?;
        let status = Answer::read_head(&mut reader)?.status;
        ensure!(status == expected, "{status} for {lines:?}");
    }
    for url in ["/stream", "/snapshot", "/?action=stream"] {
        let head = format!("HEAD {url} HTTP/1.1\r\n{host}\r\nGET /healthz HTTP/1.1\r\n{host}\r\n");
        let mut both = request(boardcam.address, head.as_bytes())?;
        let answer = Answer::read_head(&mut both)?;
        ensure!(answer.status == 200 && !answer.headers.contains_key("content-length"), "{url} seems empty");
        ensure!(Answer::read(&mut both)?.text() == "ok\n", "behind HEAD {url}");
    }
    Ok(())
}
