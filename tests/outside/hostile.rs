//! Clients that send what no browser would: each gets a clear answer or is dropped, and the others notice nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

use crate::boardcam::{Boardcam, POOL, goes_on};
use crate::slow::skipped;

use client::{Answer, Outcome, ensure, request, wait_for};

/// The largest request body, in bytes.
const BODY_MAX: usize = 64 << 10;

/// The largest request head in bytes, and the most header lines in it.
const HEAD_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 64;

#[test]
fn five_thousand_pipelined_requests_are_answered_in_order_by_as_many_threads_as_before() -> Outcome {
    const REQUESTS: usize = 5_000;
    let boardcam = Boardcam::pattern()?;
    let (_, threads) = boardcam.files_and_threads()?;
    // Not periodic, so that no mix-up goes unnoticed: this number's bits say which of the two comes next.
    let is_page = |number: usize| (0xb7e1_5162_8aed_2a6b_u64 >> (number % 61)) & 1 == 1;
    let reader = &mut request(boardcam.address, b"")?;
    let mut socket = reader.get_ref().try_clone()?;
    thread::scope(|scope| -> Outcome {
        scope.spawn(move || {
            let targets = (0..REQUESTS).map(|number| if is_page(number) { "icon.svg" } else { "nowhere" });
            let all: String =
                targets.map(|target| format!("GET /{target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect();
            let _ = socket.write_all(all.as_bytes()); // what is missing will be missed by the reader
        });
        for number in 0..REQUESTS {
            let answer = Answer::read(reader)?;
            let right = if is_page(number) { 200 } else { 404 };
            ensure!(answer.status == right, "answer {number} has status {}", answer.status);
            if number % 1_000 == 500 {
                let now = boardcam.files_and_threads()?.1;
                ensure!(now <= threads + POOL, "{now} threads in place of {threads}");
            }
        }
        Ok(())
    })
}

#[test]
fn viewers_that_send_a_megabyte_while_they_watch_cost_no_memory_and_disturb_nobody() -> Outcome {
    const SENDERS: usize = 8;
    const MARGIN_KIB: u64 = 2 << 10; // of 8 MiB that are sent
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    goes_on(&viewer, 10)?;
    let readers = (0..SENDERS)
        .map(|_| request(boardcam.address, b"GET /stream HTTP/1.0\r\n\r\n"))
        .collect::<Outcome<Vec<_>>>()?;
    let mut sinks = Vec::new();
    for reader in &readers {
        let mut socket = reader.get_ref().try_clone()?;
        sinks.push(thread::spawn(move || std::io::copy(&mut socket, &mut std::io::sink())));
    }
    wait_for("all to watch", || {
        let watching = boardcam.state()?["viewers"].as_array().map(Vec::len);
        Ok((watching == Some(SENDERS + 1)).then_some(()))
    })?;
    let before = boardcam.resident()?;
    for reader in &readers {
        let mut socket = reader.get_ref().try_clone()?;
        socket.set_write_timeout(Some(Duration::from_millis(500)))?;
        let _ = socket.write_all(&vec![b'x'; 1 << 20]); // it need not take all of that
    }
    goes_on(&viewer, 10)?;
    let after = boardcam.resident()?;
    ensure!(after < before + MARGIN_KIB, "{before} KiB have become {after}");
    let skipped = skipped(&boardcam)?;
    ensure!(skipped < 10, "the viewer missed {skipped} frames");
    for reader in &readers {
        let _ = reader.get_ref().shutdown(Shutdown::Both); // may be dropped already
    }
    for sink in sinks {
        let _ = sink.join();
    }
    wait_for("them to be gone", || Ok((boardcam.connections()? == 2).then_some(())))
}

#[test]
fn head_and_options_are_answered_without_opening_a_stream() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let ask = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for path in ["/", "/stream", "/snapshot", "/state", "/nowhere"] {
        // On one connection, where a body that does not belong would be read as the next answer.
        let asks = ask("HEAD", path) + &ask("OPTIONS", path) + &ask("GET", "/icon.svg");
        let mut reader = request(boardcam.address, asks.as_bytes())?;
        let head = Answer::read_head(&mut reader)?;
        let right = if path == "/nowhere" { 404 } else { 200 };
        ensure!(head.status == right, "HEAD {path}: {}", head.status);
        let options = Answer::read_head(&mut reader)?;
        if right == 200 {
            ensure!(options.status == 204, "OPTIONS {path}: {}", options.status);
            ensure!(options.headers["allow"] == "GET, HEAD, OPTIONS", "{:?}", options.headers);
        } else {
            let length: usize = options.headers["content-length"].parse()?;
            reader.read_exact(&mut vec![0; length])?;
        }
        let icon = Answer::read(&mut reader)?;
        ensure!(icon.headers["content-type"] == "image/svg+xml", "{path}: {:?}", icon.headers);
    }
    ensure!(boardcam.state()?["cameras"][0]["frames"]["encoded"] == 0, "a frame was made for them");
    Ok(())
}

#[test]
fn a_client_without_host_that_speaks_http_1_0_is_served_and_its_connection_closed() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let mut reader = request(boardcam.address, b"GET /state HTTP/1.0\r\n\r\n")?;
    let answer = Answer::read(&mut reader)?;
    ensure!(answer.status == 200 && answer.headers["connection"] == "close", "{:?}", answer.headers);
    ensure!(reader.read(&mut [0])? == 0, "the connection is still open");
    Ok(())
}

#[test]
fn a_client_that_expects_100_continue_gets_it_and_then_an_answer() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let ask = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    let mut reader = request(boardcam.address, ask)?;
    ensure!(Answer::read_head(&mut reader)?.status == 100, "not told to go on");
    reader.get_mut().write_all(b"abc")?;
    let answer = Answer::read(&mut reader)?;
    ensure!(answer.status == 405, "{}", answer.status);
    let ask = String::from_utf8_lossy(ask).replace("Length: 3", &format!("Length: {}", BODY_MAX + 1));
    let refused = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
    ensure!(refused.status == 413, "told to go on with a body that is too large: {}", refused.status);
    Ok(())
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_refused() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for (length, status) in [(BODY_MAX, 405), (BODY_MAX + 1, 413)] {
        let mut ask = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        ask.push_str(&"x".repeat(length));
        let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
        ensure!(answer.status == status, "{length} bytes: {}", answer.status);
    }
    Ok(())
}

#[test]
fn ambiguous_requests_are_refused_and_nothing_after_them_is_served() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let get = |headers: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let post = |headers: &str| get(headers).replacen("GET", "POST", 1) + "x";
    let line = |line: &str| get("").replacen("GET / HTTP/1.1", line, 1);
    let behind = line("GET /icon.svg HTTP/1.1");
    let mut wrong = Vec::new();
    for (head, status) in [
        (line("BREW /pot HTTP/1.1"), 501),
        (line("TRACE / HTTP/1.1"), 501),
        (line("CONNECT localhost:80 HTTP/1.1"), 501),
        (line("get / HTTP/1.1"), 400),
        (line("GET  / HTTP/1.1"), 400),
        (line("GET ftp://localhost/ HTTP/1.1"), 400),
        (line("GET localhost/ HTTP/1.1"), 400),
        (line("GET ?action=stream HTTP/1.1"), 400),
        (line("GET * HTTP/1.1"), 400),
        (line("GET /\u{e9} HTTP/1.1"), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        (post("Content-Length: 1\r\nContent-Length: 1\r\n"), 400),
        (post("Content-Length: 1\r\ncontent-length: 99\r\n"), 400),
        (post("Content-Length: 1, 1\r\n"), 400),
        (post("Content-Length: +1\r\n"), 400),
        (post("Content-Length: 0x1\r\n"), 400),
        (post("Content-Length:\r\n"), 400),
        (post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 501),
        (post("transfer-encoding: identity\r\n"), 501),
        (post("Content-Length : 1\r\n"), 400),
        (get("X: a\r\n b\r\n"), 400),
        (get("X: a\r\n\tb\r\n"), 400),
        (get("X Y: a\r\n"), 400),
        (get("X: a\nY: b\r\n"), 400),
        (get("X: a\rY: b\r\n"), 400),
        (get("X: \0\r\n"), 400),
        (get("X\u{e9}: a\r\n"), 400),
        (get("Origin: http://\u{e9}\r\n"), 400),
        (get("Connection: \u{e9}\r\n"), 400),
        (post("Content-Length: 1\u{a0}\r\n"), 400),
        (post("Transfer-Encoding: \u{b}chunked\r\n"), 400),
        (get("Host: localhost\r\n"), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
    ] {
        let mut reader = request(boardcam.address, (head.clone() + &behind).as_bytes())?;
        let answer = Answer::read(&mut reader)?;
        if answer.status != status || answer.body.len() < 10 {
            wrong.push(format!("{head:?}: {} in place of {status}", answer.status));
        } else if reader.take(1).read_to_end(&mut Vec::new())? > 0 {
            wrong.push(format!("{head:?}: what is behind it was served"));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn the_sites_private_port_refuses_requests_without_the_key() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48", "-v"])?;
    let site: SocketAddr = wait_for("the site to listen", || {
        let log = boardcam.log();
        let place = log.split_once("the site listens on ").and_then(|(_, rest)| rest.lines().next());
        Ok(place.map(str::parse).transpose()?)
    })?;
    ensure!(site.ip().is_loopback(), "the site listens on {site}");
    for key in ["", "X-Boardcam-Key: guess\r\n", "X-Boardcam-Key:\r\n"] {
        for path in ["/", "/state", "/stream"] {
            let ask = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{key}\r\n");
            let answer = Answer::read(&mut request(site, ask.as_bytes())?)?;
            ensure!(answer.status == 403, "{path} with {key:?}: {}", answer.status);
            ensure!(!answer.headers.contains_key("x-boardcam-serve"), "{:?}", answer.headers);
        }
    }
    ensure!(boardcam.get("/state")?.status == 200, "the gate has no key either");
    Ok(())
}

#[test]
fn a_head_at_the_limit_is_taken_and_one_byte_or_line_more_is_refused() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let start = "GET /state HTTP/1.1\r\nHost: localhost\r\n";
    let long = |length: usize| format!("{start}X: {}\r\n\r\n", "x".repeat(length - start.len() - 7));
    let lines = |count: usize| format!("{start}{}\r\n", "X: y\r\n".repeat(count - 1));
    ensure!(long(HEAD_MAX).len() == HEAD_MAX, "this test is wrong");
    for (head, status) in [
        (long(HEAD_MAX), 200),
        (long(HEAD_MAX + 1), 431),
        (lines(HEADERS_MAX), 200),
        (lines(HEADERS_MAX + 1), 431),
    ] {
        let answer = Answer::read(&mut request(boardcam.address, head.as_bytes())?)?;
        ensure!(answer.status == status, "{} bytes: {} in place of {status}", head.len(), answer.status);
    }
    Ok(())
}

#[test]
fn heads_of_megabytes_are_refused_at_once_and_cost_no_memory() -> Outcome {
    const CLIENTS: usize = 4;
    const LENGTH: usize = 10 << 20;
    const MARGIN_KIB: u64 = 2 << 10; // of 80 MiB that are sent
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    goes_on(&viewer, 10)?;
    let before = boardcam.resident()?;
    let start = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    let heads =
        [format!("{start}X: {}", "x".repeat(LENGTH)), start.to_owned() + &"X:\r\n".repeat(LENGTH / 4)];
    thread::scope(|scope| -> Outcome {
        for head in heads.iter().cycle().take(2 * CLIENTS) {
            let mut reader = request(boardcam.address, b"")?;
            let mut socket = reader.get_ref().try_clone()?;
            scope.spawn(move || socket.write_all(head.as_bytes())); // it need not take all of that
            let answer = Answer::read(&mut reader)?;
            ensure!(answer.status == 431, "{}", answer.status);
        }
        Ok(())
    })?;
    let after = boardcam.resident()?;
    println!("{before} KiB before, {after} KiB after");
    ensure!(after < before + MARGIN_KIB, "{before} KiB have become {after}");
    goes_on(&viewer, 10)
}

#[test]
fn clients_that_close_their_half_get_all_that_they_asked_for() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (asks, answers) in [
        ("GET /state HTTP/1.0\r\n\r\n".to_owned(), 1),
        (get("/icon.svg") + &get("/snapshot") + &get("/state"), 3),
        (get("/state") + "GET /sta", 1), // a request that is not whole gets none
        ("GET /sta".to_owned(), 0),
    ] {
        let mut reader = request(boardcam.address, asks.as_bytes())?;
        reader.get_ref().shutdown(Shutdown::Write)?;
        for number in 0..answers {
            let answer = Answer::read(&mut reader)?;
            ensure!(answer.status == 200, "answer {number} to {asks:?} has status {}", answer.status);
        }
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest)?;
        ensure!(rest.is_empty(), "behind the answers to {asks:?}: {:?}", String::from_utf8_lossy(&rest));
    }
    wait_for("all to be let go", || Ok((boardcam.connections()? == 1).then_some(())))
}

#[test]
fn no_path_reaches_a_file_of_the_board() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for path in [
        "/etc/passwd",
        "//etc/passwd",
        "/../etc/passwd",
        "/../../../../../../../etc/passwd",
        "/./../etc/passwd",
        "/page.css/../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e/%252e%252e/etc/passwd",
        "/..\\..\\..\\etc\\passwd",
        "/..%5c..%5c..%5cetc%5cpasswd",
        "/cameras/../../../etc/passwd",
        "/icon.svg%00/../../etc/passwd",
        "/%c0%ae%c0%ae/etc/passwd",
        "/proc/self/environ",
    ] {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
        ensure!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        ensure!(!answer.text().contains("root:"), "{path}: {}", answer.text());
    }
    Ok(())
}

#[test]
fn a_request_for_part_of_a_page_gets_all_of_it() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for path in ["/icon.svg", "/snapshot"] {
        for range in ["bytes=0-9", "bytes=-1", "bytes=99999999999999999999-", "bytes=0-0,2-2", "lines=1"] {
            let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n");
            let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
            ensure!(answer.status == 200 && answer.body.len() > 100, "{path}, {range}: {}", answer.status);
        }
    }
    Ok(())
}

#[test]
fn no_answer_shows_the_private_headers_of_gate_and_site() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for path in ["/", "/stream", "/snapshot", "/state", "/healthz", "/nowhere"] {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let head = Answer::read_head(&mut request(boardcam.address, ask.as_bytes())?)?;
        let private = |name: &&String| name.starts_with("x-boardcam") || *name == "server";
        ensure!(head.headers.keys().find(private).is_none(), "{path}: {:?}", head.headers);
    }
    Ok(())
}
