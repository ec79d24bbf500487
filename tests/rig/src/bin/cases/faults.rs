//! Cameras that misbehave while plugged in, and one that is unplugged at the worst moment.

use std::time::{Duration, Instant};

use client::{Outcome, PATIENCE, Viewer, ensure, wait_for};
use rig::feed::{Feed, SIZES};

use crate::Case;
use crate::boardcam::{Boardcam, count, dropped};
use crate::guest::{Camera, feed};
use crate::replug::{Watched, see_the_camera, see_the_card};

pub const CASES: &[Case] = &[
    ("a_frame_that_is_cut_short_now_and_then_is_dropped", a_frame_that_is_cut_short_now_and_then_is_dropped),
    ("a_camera_that_never_sends_eoi_is_shown", a_camera_that_never_sends_eoi_is_shown),
    (
        "stale_bytes_behind_whole_pictures_cost_none_of_them",
        stale_bytes_behind_whole_pictures_cost_none_of_them,
    ),
    ("a_camera_that_sends_garbage_is_reopened", a_camera_that_sends_garbage_is_reopened),
    ("a_camera_that_stops_sending_comes_back", a_camera_that_stops_sending_comes_back),
    ("unplugging_inside_a_frame_tears_no_picture", unplugging_inside_a_frame_tears_no_picture),
    ("a_silent_camera_is_named_and_shown_once_it_sends", a_silent_camera_is_named_and_shown_once_it_sends),
    ("auto_chooses_the_camera_that_is_not_silent", auto_chooses_the_camera_that_is_not_silent),
];

/// Frames that are examined one by one during a fault.
const LOOKED_AT: usize = 60;

fn a_frame_that_is_cut_short_now_and_then_is_dropped() -> Outcome {
    const EVERY: u64 = 7;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer(&format!("cut:{EVERY}"))?;
    let begin = boardcam.wait_until("a truncated frame", |camera| dropped(camera, "truncated") > 0)?;
    see_only_the_camera(&viewer, &feed)?;
    let end = boardcam.camera()?;
    let captured = count(&end, "captured") - count(&begin, "captured");
    let truncated = dropped(&end, "truncated") - dropped(&begin, "truncated");
    ensure!((captured / EVERY).abs_diff(truncated) <= 1, "{truncated} of {captured} frames were dropped");
    ensure!(boardcam.openings()? == 1, "the camera was reopened");
    camera.suffer("none")?;
    see_the_camera(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn a_camera_that_never_sends_eoi_is_shown() -> Outcome {
    /// About a second at 30/s.
    const LOST: std::ops::Range<u64> = 20..46;
    const NOTICE: &str = "nearly every frame lacks its end";
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer("no-end")?;
    boardcam.wait_until("mended frames", |camera| count(camera, "mended") > 0)?;
    see_only_the_camera(&viewer, &feed)?;
    let state = boardcam.camera()?;
    ensure!(LOST.contains(&dropped(&state, "truncated")), "{state}");
    let notices = boardcam.log()?.lines().filter(|line| line.contains(NOTICE)).count();
    ensure!(notices == 1, "{notices} lines say that {NOTICE}");
    camera.suffer("none")?;
    wait_for("the end of the notice", || Ok(boardcam.log()?.contains("have their end").then_some(())))?;
    see_the_camera(&viewer, &feed)?;
    ensure!(boardcam.openings()? == 1, "the camera was reopened");
    boardcam.ensure_no_more_than(before)
}

fn stale_bytes_behind_whole_pictures_cost_none_of_them() -> Outcome {
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer("stale")?;
    boardcam.wait_until("mended frames", |camera| count(camera, "mended") > 0)?;
    see_only_the_camera(&viewer, &feed)?;
    let state = boardcam.camera()?;
    for reason in ["truncated", "bad_segment", "flagged", "wrong_size"] {
        ensure!(dropped(&state, reason) == 0, "{reason}: {state}");
    }
    ensure!(count(&state, "mended") > 40 && boardcam.openings()? == 1, "{state}");
    camera.suffer("none")?;
    see_the_camera(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn a_camera_that_sends_garbage_is_reopened() -> Outcome {
    const TOLERATED: u64 = 5;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer(&format!("no-begin:{TOLERATED}"))?;
    boardcam.wait_until("unusable frames", |camera| dropped(camera, "no_soi") == TOLERATED)?;
    see_only_the_camera(&viewer, &feed)?;
    ensure!(boardcam.openings()? == 1, "the camera was reopened for {TOLERATED} unusable frames");
    // 11 end the session, and the search forgives as many as may be left.
    camera.suffer("no-begin:16")?;
    wait_for("the camera to be reopened", || Ok((boardcam.openings()? == 2).then_some(())))?;
    ensure!(boardcam.log()?.contains("11 in a row were unusable"), "the log does not say why");
    see_only_the_camera_again(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn a_camera_that_stops_sending_comes_back() -> Outcome {
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    // Between two frames, and inside one.
    for fault in ["silent", "stall"] {
        camera.suffer(fault)?;
        let state = boardcam.wait_until_waiting()?;
        let why = state["problem"]["why"].as_str().unwrap_or_default();
        ensure!(why.starts_with("none came for"), "{fault}: {state}");
        see_the_card(&viewer, &feed)?;
        camera.suffer("none")?;
        see_the_camera(&viewer, &feed)?;
        boardcam.wait_until_live()?;
    }
    boardcam.ensure_no_more_than(before)
}

fn unplugging_inside_a_frame_tears_no_picture() -> Outcome {
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer("stall")?;
    wait_until_none_come(&boardcam)?;
    camera.unplug()?;
    see(&viewer, &feed, "the card", |frame| feed.find(frame).is_none())?;
    let _camera = Camera::plug_in()?;
    see_only_the_camera_again(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn a_silent_camera_is_named_and_shown_once_it_sends() -> Outcome {
    let feed = feed(SIZES[0])?;
    let mut camera = Camera::plug_in()?;
    camera.suffer("silent")?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch_first()?;
    see_the_card(&viewer, &feed)?;
    let path = camera.path()?.to_owned();
    boardcam.wait_until("what is wrong with the camera", |state| {
        let says = |part: &str, text: &str| {
            state["problem"][part].as_str().is_some_and(|problem| problem.contains(text))
        };
        says("what", &path) && says("why", "no picture came within") && says("advice", "plug it in again")
    })?;
    let before = boardcam.holdings()?;
    camera.suffer("none")?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    // The camera's own descriptor is added to those that were open without a camera.
    camera.suffer("silent")?;
    boardcam.wait_until_waiting()?;
    boardcam.ensure_no_more_than(before)
}

fn auto_chooses_the_camera_that_is_not_silent() -> Outcome {
    let feed = feed(SIZES[0])?;
    let mut silent = Camera::plug_in()?;
    silent.suffer("silent")?;
    let good = Camera::plug_in_with(&["--port", "1", "--serial", "2"])?;
    let boardcam = Boardcam::start(&["--camera", "auto"])?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["device"]["path"] == good.path()?, "not the good one: {state}");
    ensure!(boardcam.log()?.contains(silent.path()?), "the log does not say why not the silent one");
    see_the_camera(&boardcam.watch_first()?, &feed)
}

/// Checks that each of the next frames is one of the camera's.
pub fn see_only_the_camera(viewer: &Viewer, feed: &Feed) -> Outcome {
    see_the_camera(viewer, feed)?;
    for number in 0..LOOKED_AT {
        ensure!(feed.find(&viewer.next()?).is_some(), "frame {number} is none of the camera's");
    }
    Ok(())
}

/// Waits until the camera's picture is back, and checks that nothing else comes from then on.
fn see_only_the_camera_again(viewer: &Viewer, feed: &Feed) -> Outcome {
    see(viewer, feed, "the camera's picture", |frame| feed.find(frame).is_some())?;
    see_only_the_camera(viewer, feed)
}

/// Examines frames, none of which may be torn, until one meets the condition.
fn see(viewer: &Viewer, feed: &Feed, what: &str, mut wished: impl FnMut(&[u8]) -> bool) -> Outcome {
    let begin = Instant::now();
    loop {
        let frame = viewer.next()?;
        ensure!(!feed.is_torn(&frame), "a torn frame while waiting for {what}");
        if wished(&frame) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "waited {} s for {what} in the stream", PATIENCE.as_secs());
    }
}

/// Waits until the camera has stopped sending, long before boardcam calls it stalled.
fn wait_until_none_come(boardcam: &Boardcam) -> Outcome {
    const QUIET: Duration = Duration::from_millis(300);
    let mut last = (0, Instant::now());
    wait_for("the camera to stop sending", || {
        let captured = count(&boardcam.camera()?, "captured");
        if captured != last.0 {
            last = (captured, Instant::now());
        }
        Ok((last.1.elapsed() > QUIET).then_some(()))
    })
}
