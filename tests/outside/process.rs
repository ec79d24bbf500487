//! What happens to the process as a whole: signals, and errors in the program itself.

use std::time::Duration;

use rustix::process::Signal;

use client::{Outcome, ensure, wait_for};

use crate::boardcam::Boardcam;

/// What ends the program must end it so soon.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn the_end_of_the_terminal_is_not_the_end_of_the_program() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    boardcam.tell(Signal::HUP)?;
    wait_for("the log to be open anew", || {
        Ok(boardcam.log().contains("SIGHUP: the log is open anew").then_some(()))
    })?;
    for _ in 0..5 {
        viewer.next()?;
    }
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    Ok(())
}

#[test]
fn whatever_it_does_it_ends_soon_when_told() -> Outcome {
    // Without a camera; with a snapshot and a half request under way; while one viewer takes nothing.
    let waiting = Boardcam::start(&["--camera", "/dev/video-not-here"])?;
    waiting.get("/state")?;
    let busy = Boardcam::start(&["--camera", "pattern", "--fps", "1"])?;
    let _snapshot = client::request(busy.address, b"GET /snapshot HTTP/1.0\r\n\r\n")?;
    let _half = client::request(busy.address, b"GET /sna")?;
    let _lazy = client::request(busy.address, b"GET /stream HTTP/1.0\r\n\r\n")?;
    busy.get("/state")?;
    for boardcam in [waiting, busy] {
        let (code, after) = boardcam.end_by(Signal::TERM)?;
        ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    }
    Ok(())
}

#[test]
fn a_viewer_is_still_served_after_the_board_was_frozen() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    boardcam.tell(Signal::STOP)?;
    // Longer than any of its deadlines; nothing can be awaited here, since nothing may happen.
    std::thread::sleep(Duration::from_secs(16));
    boardcam.tell(Signal::CONT)?;
    let last = boardcam.state()?["cameras"][0]["frames"]["published"].as_u64();
    wait_for("frames to flow", || {
        viewer.next()?;
        Ok((boardcam.state()?["cameras"][0]["frames"]["published"].as_u64() > last).then_some(()))
    })?;
    ensure!(!boardcam.log().contains("dropped"), "{}", boardcam.log());
    Ok(())
}

/// With `cargo test --features inject --test outside inject`.
#[cfg(feature = "inject")]
mod inject {
    use super::*;

    fn broken_at(place: &str) -> Outcome<Boardcam> {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_boardcam"));
        command.env(::boardcam::host::inject::VARIABLE, place);
        Boardcam::start_by(command, &["--camera", "pattern", "--size", "640x480"])
    }

    fn said_so(boardcam: &Boardcam, place: &str) -> Outcome {
        wait_for("the panic in the log", || {
            let log = boardcam.log();
            let told = log.lines().any(|line| line.contains("panic in thread") && line.contains(place));
            Ok(told.then_some(()))
        })
    }

    #[test]
    fn a_panic_in_a_request_is_answered_with_500_and_the_next_is_served() -> Outcome {
        let boardcam = broken_at("request")?;
        let viewer = boardcam.watch("/stream")?;
        ensure!(boardcam.get("/state")?.status == 500, "no 500");
        said_so(&boardcam, "request")?;
        ensure!(boardcam.get("/state")?.status == 200, "the next one failed, too");
        viewer.next()?;
        Ok(())
    }

    #[test]
    fn a_panic_in_one_viewer_ends_that_one() -> Outcome {
        let boardcam = broken_at("viewer")?;
        let first = boardcam.watch("/stream")?;
        ensure!(first.next().is_err(), "it goes on");
        said_so(&boardcam, "viewer")?;
        let second = boardcam.watch("/stream")?;
        for _ in 0..5 {
            second.next()?;
        }
        ensure!(boardcam.state()?["viewers"].as_array().map(Vec::len) == Some(1), "{}", boardcam.state()?);
        Ok(())
    }

    #[test]
    fn a_panic_in_a_camera_is_shown_and_the_camera_comes_back_on_the_same_connection() -> Outcome {
        comes_back_after_a_panic_at("camera")
    }

    #[test]
    fn a_panic_in_a_thread_that_encodes_a_part_of_a_picture_is_one_in_the_camera() -> Outcome {
        // On one core no other thread encodes.
        if std::thread::available_parallelism()?.get() == 1 {
            Ok(())
        } else {
            comes_back_after_a_panic_at("band")
        }
    }

    fn comes_back_after_a_panic_at(place: &str) -> Outcome {
        let boardcam = broken_at(place)?;
        let viewer = boardcam.watch("/stream")?;
        said_so(&boardcam, place)?;
        wait_for("the picture", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
        let published = boardcam.state()?["cameras"][0]["frames"]["published"].as_u64();
        wait_for("pictures on the same connection", || {
            viewer.next()?;
            Ok((boardcam.state()?["cameras"][0]["frames"]["published"].as_u64() > published).then_some(()))
        })
    }
}
