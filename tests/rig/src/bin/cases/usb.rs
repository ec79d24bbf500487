//! Cameras that violate USB or its video class, and one that is unplugged during a request.

use client::{Outcome, ensure, wait_for};

use crate::Case;
use crate::boardcam::{count, dropped};
use crate::faults::see_only_the_camera;
use crate::guest::{Camera, DamagedFramesToo, setting};
use crate::replug::{Watched, see_the_camera, see_the_card};

pub const CASES: &[Case] = &[
    ("frames_larger_than_announced_are_dropped", frames_larger_than_announced_are_dropped),
    (
        "a_camera_whose_every_frame_is_too_large_comes_back",
        a_camera_whose_every_frame_is_too_large_comes_back,
    ),
    ("a_camera_that_babbles_comes_back", a_camera_that_babbles_comes_back),
    ("payloads_longer_than_announced_do_no_harm", payloads_longer_than_announced_do_no_harm),
    (
        "a_camera_that_vanishes_inside_any_request_comes_back",
        a_camera_that_vanishes_inside_any_request_comes_back,
    ),
];

fn frames_larger_than_announced_are_dropped() -> Outcome {
    let _damaged = DamagedFramesToo::set()?;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer("large:7")?;
    boardcam.wait_until("frames that are too large", |camera| dropped(camera, "flagged") > 1)?;
    see_only_the_camera(&viewer, &feed)?;
    ensure!(boardcam.openings()? == 1, "the camera was reopened");
    boardcam.ensure_no_more_than(before)
}

/// With uvcvideo dropping such frames, so that none comes, and with uvcvideo delivering them.
fn a_camera_whose_every_frame_is_too_large_comes_back() -> Outcome {
    for hands_over in [false, true] {
        let _damaged = hands_over.then(DamagedFramesToo::set).transpose()?;
        let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
        camera.suffer("large:1")?;
        let state = boardcam.wait_until_waiting()?;
        let why = state["problem"]["why"].as_str().unwrap_or_default();
        let expected = if hands_over { "unusable, the last one: the driver marks" } else { "none came for" };
        ensure!(why.contains(expected), "{state}");
        see_the_card(&viewer, &feed)?;
        camera.suffer("none")?;
        see_the_camera(&viewer, &feed)?;
        boardcam.wait_until_live()?;
        boardcam.ensure_no_more_than(before)?;
    }
    Ok(())
}

fn a_camera_that_babbles_comes_back() -> Outcome {
    /// uvcvideo does not submit a transfer again that overran; it has 5 (UVC_URBS).
    const ALL_TRANSFERS: usize = 5;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    // After one overrun the stream continues; after one for each transfer nothing more comes.
    camera.suffer("babble:1")?;
    boardcam.wait_until("flagged frames", |camera| dropped(camera, "flagged") > 0)?;
    see_only_the_camera(&viewer, &feed)?;
    ensure!(boardcam.openings()? == 1, "the camera was reopened for one transfer");
    camera.suffer(&format!("babble:{ALL_TRANSFERS}"))?;
    wait_for("the camera to be reopened", || Ok((boardcam.openings()? == 2).then_some(())))?;
    see_only_the_camera(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn payloads_longer_than_announced_do_no_harm() -> Outcome {
    const FRAMES: u64 = 60;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    camera.suffer("overlong")?;
    // It does not matter which pictures get through.
    viewer.wait_for("a picture that suffered, or the card", |frame| feed.find(frame).is_none())?;
    let captured = count(&boardcam.camera()?, "captured");
    boardcam.wait_until("more of them", |camera| count(camera, "captured") > captured + FRAMES)?;
    camera.suffer("none")?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    see_only_the_camera(&viewer, &feed)?;
    boardcam.ensure_no_more_than(before)
}

fn a_camera_that_vanishes_inside_any_request_comes_back() -> Outcome {
    /// Setting format and rate and starting are more requests than this.
    const FEWEST: u64 = 5;
    /// Only every fourth request is tried by default, since each takes seconds.
    const STEP: u64 = 4;
    let step = setting("RIG_REQUEST_STEP", STEP)?;
    let Watched { feed, mut camera, boardcam, viewer, before } = Watched::start()?;
    let mut openings = 0;
    for request in (1..).step_by(usize::try_from(step)?) {
        // The log is written by a thread of its own, so the line may come after the picture.
        openings = wait_for("the opening in the log", || {
            Ok(Some(boardcam.openings()?).filter(|now| *now > openings))
        })?;
        camera.suffer(&format!("vanish:{request}"))?;
        boardcam.wait_until_waiting()?;
        // Its frames are not pictures, so a successful opening ends with a message about that.
        let vanished = wait_for("the camera to vanish or to be opened", || {
            let tried = boardcam.log()?.matches("delivers only broken pictures").count();
            let vanished = camera.has_vanished()?;
            Ok((vanished || tried > 0).then_some(vanished))
        })?;
        ensure!(boardcam.openings()? == openings, "a camera without pictures was shown");
        if !vanished {
            ensure!(request > FEWEST, "fewer than {request} requests were made");
            camera.suffer("none")?;
            break;
        }
        see_the_card(&viewer, &feed)?;
        camera = Camera::plug_in()?;
        see_the_camera(&viewer, &feed)?;
        boardcam.ensure_no_more_than(before)?;
    }
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    ensure!(!boardcam.log()?.contains("panicked"), "it panicked");
    boardcam.ensure_no_more_than(before)
}
