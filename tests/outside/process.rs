//! The process as a whole: signals, limits, a log that nobody reads, and panics.

use std::io::Write;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Signal};

use client::{Answer, Outcome, ensure, narrow, request, wait_for};

use crate::boardcam::{Boardcam, goes_on};

/// The program ends within this time.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn closing_the_terminal_does_not_end_the_program() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    boardcam.signal(Signal::HUP)?;
    wait_for("the log to be reopened", || {
        Ok(boardcam.log().contains("SIGHUP: reopened the log").then_some(()))
    })?;
    for _ in 0..5 {
        viewer.next()?;
    }
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    Ok(())
}

/// Sends SIGTERM, whatever the program is doing, and expects an orderly end.
fn ends_soon(boardcam: Boardcam, doing: &str) -> Outcome {
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "{doing}: exit code {code:?} after {after:?}");
    Ok(())
}

#[test]
fn without_a_camera_and_while_its_card_is_watched_it_ends_soon() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "/dev/video-not-here", "--size", "320x240"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    ends_soon(boardcam, "no camera")
}

#[test]
fn with_viewers_that_keep_up_and_one_that_takes_nothing_it_ends_soon() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    let _asleep = narrow(boardcam.address, b"GET /stream?id=asleep HTTP/1.0\r\n\r\n")?;
    wait_for("a viewer that is behind", || {
        let state = boardcam.state()?;
        let viewers = state["viewers"].as_array().ok_or("no viewers")?;
        let sent = |asleep: bool| {
            let viewer = viewers.iter().find(|viewer| (viewer["id"] == "asleep") == asleep);
            viewer.and_then(|viewer| viewer["frames_sent"].as_u64())
        };
        Ok(sent(true).zip(sent(false)).filter(|(asleep, awake)| asleep + 5 < *awake))
    })?;
    viewer.next()?;
    ends_soon(boardcam, "viewers")
}

#[test]
fn with_a_snapshot_and_half_a_request_under_way_it_ends_soon() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--fps", "1"])?;
    let _snapshot = request(boardcam.address, b"GET /snapshot HTTP/1.0\r\n\r\n")?;
    let _half = request(boardcam.address, b"GET /sna")?;
    boardcam.state()?;
    ends_soon(boardcam, "a snapshot and half a request")
}

#[test]
fn with_hundreds_of_requests_waiting_it_ends_soon() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let asks = "GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let asking = (0..100).map(|_| request(boardcam.address, asks.as_bytes()));
    let mut asking = asking.collect::<Outcome<Vec<_>>>()?;
    Answer::read(asking.first_mut().ok_or("nobody asks")?)?;
    ends_soon(boardcam, "requests")
}

#[test]
fn a_signal_while_frozen_ends_it_soon_afterwards() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    boardcam.watch("/stream")?.next()?;
    boardcam.signal(Signal::STOP)?;
    boardcam.signal(Signal::TERM)?;
    let (code, after) = boardcam.end_by(Signal::CONT)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    Ok(())
}

/// Requests with long paths: what -v logs of them fills every pipe.
const LOGGED: usize = 150;

fn log_much(boardcam: &Boardcam) -> Outcome {
    let path = format!("/{}", "x".repeat(4 << 10));
    for _ in 0..LOGGED {
        ensure!(boardcam.get(&path)?.status == 404, "no 404");
    }
    Ok(())
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up_and_says_later_what_is_missing() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "-v"])?;
    let viewer = boardcam.watch("/stream")?;
    let reading = boardcam.reading();
    let unread = reading.lock().map_err(|_| "the log's reader panicked")?;
    log_much(&boardcam)?;
    goes_on(&viewer, 60)?; // the camera's thread logs every 30 frames
    drop(unread);
    let came = wait_for("each line or its loss", || {
        let log = boardcam.log();
        let came = log.lines().filter(|line| line.contains("requests GET /xxx")).count();
        let told =
            log.lines().filter_map(|line| line.split_once(" log lines were lost")?.0.rsplit(' ').next());
        let lost = told.map(str::parse::<usize>).sum::<Result<usize, _>>()?;
        Ok(Some(came).filter(|came| came + lost >= LOGGED))
    })?;
    ensure!(came < LOGGED, "no line was lost, so this tests nothing");
    boardcam.get("/after")?;
    wait_for("the log to go on", || Ok(boardcam.log().contains("requests GET /after").then_some(())))
}

#[test]
fn with_a_log_that_nobody_reads_it_ends_soon() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "-v"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let reading = boardcam.reading();
    let unread = reading.lock().map_err(|_| "the log's reader panicked")?;
    log_much(&boardcam)?;
    ends_soon(boardcam, "a full log")?;
    drop(unread);
    Ok(())
}

#[test]
fn the_last_line_of_the_log_says_that_it_ended() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "-v"])?;
    log_much(&boardcam)?;
    boardcam.signal(Signal::TERM)?;
    wait_for("the last line", || Ok(boardcam.log().contains("boardcam stopped after").then_some(())))?;
    let all = boardcam.log().lines().filter(|line| line.contains("requests GET /xxx")).count();
    ensure!(all == LOGGED, "{all} of {LOGGED} lines");
    Ok(())
}

fn is_served_after_it_was_frozen_for(freeze: Duration) -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    boardcam.signal(Signal::STOP)?;
    // No condition to wait for: nothing may happen in the meantime.
    thread::sleep(freeze);
    boardcam.signal(Signal::CONT)?;
    let last = boardcam.state()?["cameras"][0]["frames"]["published"].as_u64();
    wait_for("frames to flow", || {
        viewer.next()?;
        Ok((boardcam.state()?["cameras"][0]["frames"]["published"].as_u64() > last).then_some(()))
    })?;
    ensure!(!boardcam.log().contains("dropped"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn a_viewer_is_still_served_after_the_board_was_frozen() -> Outcome {
    is_served_after_it_was_frozen_for(Duration::from_secs(16)) // longer than any of its deadlines
}

#[test]
#[ignore = "takes more than a minute; .ci/run --all runs it"]
fn a_viewer_is_still_served_after_the_board_was_frozen_for_a_minute() -> Outcome {
    is_served_after_it_was_frozen_for(Duration::from_secs(60))
}

/// What the program keeps free for present clients, in bytes.
const RESERVE: u64 = 8 << 20;

fn short_of(resource: Resource, used: &str, told: &str) -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let mut kept = request(boardcam.address, b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    ensure!(Answer::read(&mut kept)?.status == 200, "no icon");
    let refused = wait_for("somebody to be refused", || {
        // Anew each time, since threads of the site end and give memory back.
        boardcam.limit(resource, Some((boardcam.memory(used)? << 10) + RESERVE / 4))?;
        Ok(Some(boardcam.get("/state")?).filter(|answer| answer.status == 503))
    })?;
    ensure!(boardcam.watch("/stream")?.next().is_err(), "one more viewer was served");
    ensure!(refused.text().starts_with("No memory for more"), "{}", refused.text());
    kept.get_ref().write_all(b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    ensure!(Answer::read(&mut kept)?.status == 503, "an old client got more than it has");
    goes_on(&viewer, 30)?;
    boardcam.limit(resource, None)?;
    wait_for("it to serve again", || Ok((boardcam.get("/state")?.status == 200).then_some(())))?;
    goes_on(&viewer, 10)?;
    let log = boardcam.log();
    for line in [&format!("memory is short: {told} leaves"), "memory is no longer short"] {
        ensure!(log.matches(line).count() == 1, "not one line {line:?} in {log}");
    }
    Ok(())
}

#[test]
fn with_little_address_space_left_new_clients_are_refused_and_present_ones_continue() -> Outcome {
    short_of(Resource::As, "VmSize", "RLIMIT_AS")
}

#[test]
fn with_little_memory_left_new_clients_are_refused_and_present_ones_continue() -> Outcome {
    short_of(Resource::Data, "VmData", "RLIMIT_DATA")
}

#[test]
fn pictures_too_large_for_the_memory_are_reported_and_shown_once_there_is_enough() -> Outcome {
    // Its size says that others may have megabytes; nobody decodes it here.
    const PICTURE: &[u8] =
        b"\xff\xd8\xff\xc0\0\x0b\x08\x0f\xa0\x0f\xa0\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\xff\xd9";
    let folder = std::env::temp_dir().join(format!("boardcam-{}-large", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("frame.jpg"), PICTURE)?;
    let camera = format!(
        "pipe:cd {}; until [ -e go ]; do sleep 0.1; done; while cat frame.jpg; do sleep 0.1; done",
        folder.display()
    );
    let boardcam = Boardcam::start(&["--camera", &camera])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?; // the card
    boardcam.limit(Resource::Data, Some((boardcam.memory("VmData")? << 10) + RESERVE + (4 << 20)))?;
    std::fs::write(folder.join("go"), "")?;
    let health = || boardcam.get("/healthz");
    wait_for("the problem to be reported", || {
        Ok(health()?.text().contains("not enough memory for 4 pictures of up to").then_some(()))
    })?;
    viewer.next()?;
    boardcam.limit(Resource::Data, None)?;
    wait_for("the picture", || Ok((health()?.status == 200).then_some(())))?;
    viewer.next()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn clients_that_would_fill_the_memory_are_refused_before_it_is_full() -> Outcome {
    const CLIENTS: usize = 600;
    const BODY: usize = 64 << 10;
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    boardcam.state()?;
    boardcam.limit(Resource::Data, Some((boardcam.memory("VmData")? << 10) + RESERVE + (8 << 20)))?;
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n");
    let unfinished = [head.as_bytes(), &vec![b'x'; BODY - 1]].concat();
    // Those who are refused may be reset while they send.
    let held: Vec<_> = (0..CLIENTS).filter_map(|_| request(boardcam.address, &unfinished).ok()).collect();
    goes_on(&viewer, 30)?;
    ensure!(boardcam.log().contains("memory is short"), "{}", boardcam.log());
    drop(held);
    wait_for("it to serve again", || {
        Ok(boardcam.get("/state").is_ok_and(|answer| answer.status == 200).then_some(()))
    })?;
    goes_on(&viewer, 10)
}
