//! Many viewers at once, some of which are asleep: the others do not notice.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::boardcam::{Boardcam, open_many};

use client::{Outcome, Viewer, ensure, narrow, wait_for};

/// Opens a stream and reads no further than the status line; the socket's receive buffer is as small as can be.
fn asleep(address: SocketAddr) -> Outcome<BufReader<TcpStream>> {
    let mut socket = narrow(address, b"GET /stream?id=asleep HTTP/1.0\r\n\r\n")?;
    let mut status = String::new();
    socket.read_line(&mut status)?;
    ensure!(status == "HTTP/1.0 200 OK\r\n", "{status}");
    Ok(socket)
}

/// How many frames the camera has published.
fn published(boardcam: &Boardcam) -> Outcome<u64> {
    Ok(boardcam.state()?["cameras"][0]["frames"]["published"].as_u64().ok_or("no number of frames")?)
}

/// The smallest share of the camera's next `frames` frames that any of these viewers got.
fn least_share(boardcam: &Boardcam, viewers: &[Viewer], frames: u64) -> Outcome<f64> {
    let before: Vec<_> = viewers.iter().map(Viewer::received).collect();
    let first = published(boardcam)?;
    let enough = || Ok(Some(published(boardcam)? - first).filter(|came| *came >= frames));
    let all = wait_for("frames", enough)? as f64;
    let came = viewers.iter().zip(before).map(|(viewer, before)| viewer.received() - before);
    Ok(came.map(|came| came as f64 / all).fold(f64::INFINITY, f64::min))
}

#[test]
fn ten_viewers_of_a_hundred_that_never_read_are_dropped_and_the_others_keep_their_rate() -> Outcome {
    const ASLEEP: usize = 10;
    const AWAKE: usize = 90;
    const AT_ONCE: usize = 30;
    const FRAMES: u64 = 40;
    /// A few of the frames that a viewer should have got may still be on the way when they are counted.
    const LEAST: f64 = 0.85;
    /// Part of a frame for each sleeper, their connections, and what the allocator holds.
    const MARGIN_KIB: u64 = 2 << 10;
    open_many()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "10"])?;
    let mut awake: Vec<Viewer> = Vec::new();
    while awake.len() < AWAKE {
        // Not all at once: only this many requests may wait for their answers.
        let more = (0..AT_ONCE).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
        for viewer in &more {
            viewer.next()?;
        }
        awake.extend(more);
    }
    let alone = least_share(&boardcam, &awake, FRAMES)?;
    let before = boardcam.resident()?;
    let sleeping = || -> Outcome<usize> {
        let state = boardcam.state()?;
        let viewers = state["viewers"].as_array().ok_or("no viewers")?;
        Ok(viewers.iter().filter(|viewer| viewer["id"] == "asleep").count())
    };
    let sleepers = (0..ASLEEP).map(|_| asleep(boardcam.address)).collect::<Outcome<Vec<_>>>()?;
    wait_for("the sleepers", || Ok((sleeping()? == ASLEEP).then_some(())))?;
    let beside = least_share(&boardcam, &awake, FRAMES)?;
    let most = boardcam.resident()?;
    ensure!(sleeping()? == ASLEEP, "dropped before their time");
    wait_for("the sleepers to be dropped", || Ok((sleeping()? == 0).then_some(())))?;
    let after = least_share(&boardcam, &awake, FRAMES)?;
    println!("each got {alone:.2} of all frames, beside sleepers {beside:.2}, after them {after:.2}");
    println!("{before} KiB before, {most} KiB with {ASLEEP} sleepers");
    ensure!(alone.min(beside).min(after) >= LEAST, "a viewer missed frames");
    ensure!(most < before + MARGIN_KIB, "{before} KiB have become {most}");
    let log = boardcam.log();
    ensure!(log.contains("dropped because it took nothing for 10 s"), "{log}");
    drop(sleepers);
    Ok(())
}

#[test]
fn a_page_that_reconnects_again_and_again_does_not_fill_the_log() -> Outcome {
    const VISITS: usize = 30;
    /// A client's lines in a minute.
    const LINES: usize = 6;
    let boardcam = Boardcam::pattern()?;
    for _ in 0..VISITS {
        boardcam.watch("/stream")?.next()?;
    }
    wait_for("the viewers to be gone", || {
        Ok(boardcam.state()?["viewers"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })?;
    boardcam.signal(Signal::TERM)?;
    let summary = "viewers from 127.0.0.1 also started watching ";
    wait_for("what was left out", || Ok(boardcam.log().contains(summary).then_some(())))?;
    let log = boardcam.log();
    ensure!(log.matches("viewer 127.0.0.1:").count() == LINES, "{log}");
    ensure!(log.contains(" started watching\n") && !log.contains("camera camera"), "{log}");
    Ok(())
}
