//! Requests that are broken, too large or too many: each gets a clear answer, and the rest goes on.

use std::process::Command;

use crate::boardcam::{Boardcam, goes_on};

use client::{Answer, Outcome, ensure, request, wait_for};

#[test]
fn a_request_that_announces_a_hundred_gigabytes_leaves_it_serving() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for method in ["POST", "GET"] {
        let ask = format!("{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\nx");
        let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
        ensure!(answer.status == 413, "{method}: {}", answer.status);
    }
    boardcam.watch("/stream")?.next()?;
    Ok(())
}

#[test]
fn twelve_streams_at_once_all_get_frames_and_the_rest_is_served() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewers = (0..12).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    for viewer in &viewers {
        for _ in 0..5 {
            viewer.next()?;
        }
    }
    ensure!(boardcam.get("/snapshot")?.status == 200, "no snapshot beside twelve streams");
    ensure!(boardcam.state()?["viewers"].as_array().map(Vec::len) == Some(12), "{}", boardcam.state()?);
    Ok(())
}

#[test]
fn what_is_not_a_request_gets_a_reason_and_leaves_the_server_running() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(50_000));
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00"[..], 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
        (b"DELETE /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (long.as_bytes(), 431),
    ] {
        let answer = Answer::read(&mut request(boardcam.address, bytes)?)?;
        ensure!(answer.status == status, "{} in place of {status}", answer.status);
        ensure!(answer.body.len() > 10, "no words for {status}");
    }
    boardcam.watch("/stream")?.next()?;
    Ok(())
}

#[test]
fn clients_that_come_and_go_leave_nothing_behind() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    boardcam.watch("/stream")?.next()?; // what is made once is made now
    wait_for("the viewer to be gone", || Ok((boardcam.state()?["connections"]["open"] == 1).then_some(())))?;
    let before = boardcam.files_and_threads()?;
    for round in 0..200 {
        let ask: &[u8] = if round % 2 == 0 { b"GET /stream HTTP/1.0\r\n\r\n" } else { b"GET /st" };
        let reader = request(boardcam.address, ask)?;
        if round % 3 == 0 {
            // A reset in place of an orderly end, with bytes unread.
            socket2::SockRef::from(reader.get_ref()).set_linger(Some(std::time::Duration::ZERO))?;
        }
    }
    wait_for("them to be gone", || Ok((boardcam.state()?["connections"]["open"] == 1).then_some(())))?;
    boardcam.wait_for_no_more_than(before)
}

#[test]
fn private_headers_of_a_client_do_not_reach_the_site() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let ask =
        b"GET /state HTTP/1.1\r\nHost: localhost\r\nX-Boardcam-Key: x\r\nX-Boardcam-Serve: stream 0\r\n\r\n";
    let answer = Answer::read(&mut request(boardcam.address, ask)?)?;
    ensure!(answer.status == 200 && answer.headers["content-type"].contains("json"), "{}", answer.status);
    ensure!(!answer.headers.keys().any(|name| name.starts_with("x-boardcam")), "{:?}", answer.headers);
    Ok(())
}

#[test]
fn with_few_descriptors_it_refuses_politely_viewers_go_on_and_it_serves_again() -> Outcome {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_boardcam")]);
    let boardcam = Boardcam::start_by(shell, &["--camera", "pattern", "--size", "64x48"])?;
    let viewers = (0..2).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 1))?;
    // Streams, since connections without a request would be closed for new ones.
    let ask = b"GET /stream HTTP/1.0\r\n\r\n";
    let held: Vec<_> = (0..80).filter_map(|_| request(boardcam.address, ask).ok()).collect();
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 10))?;
    let mut refused = 0;
    for mut reader in held {
        reader.get_ref().set_read_timeout(Some(std::time::Duration::from_millis(1)))?;
        refused += usize::from(Answer::read(&mut reader).is_ok_and(|answer| answer.status == 503));
    }
    ensure!(refused > 0, "nobody was told");
    wait_for("it to serve again", || {
        Ok(boardcam.get("/state").is_ok_and(|a| a.status == 200).then_some(()))
    })?;
    boardcam.watch("/stream")?.next()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 10))?;
    let log = boardcam.log();
    ensure!(
        !log.contains("panic") && !log.contains("server ended"),
        "the site had no descriptor left: {log}"
    );
    Ok(())
}
