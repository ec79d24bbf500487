//! Cameras that come and go while somebody is watching.

use std::fs::File;

use client::{Outcome, Viewer, ensure, wait_for};
use rig::feed::{Feed, SIZES};

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::{Camera, feed};
use crate::picture::Picture;

pub const CASES: &[Case] = &[
    ("unplugging_and_replugging_five_times_is_fine", unplugging_and_replugging_five_times_is_fine),
    ("my_camera_comes_back_under_another_number", my_camera_comes_back_under_another_number),
    ("a_camera_that_comes_late_is_shown", a_camera_that_comes_late_is_shown),
];

fn unplugging_and_replugging_five_times_is_fine() -> Outcome {
    let feed = feed(SIZES[0])?;
    let mut camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch()?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    let (descriptors, threads) = boardcam.holdings()?;
    for _ in 0..5 {
        camera.unplug()?;
        boardcam.wait_until_waiting()?;
        see_the_card(&viewer, &feed)?;
        camera = Camera::plug_in()?;
        see_the_camera(&viewer, &feed)?;
    }
    // The connections of questions for /state are let go of a little later.
    wait_for("as few descriptors and threads as before", || {
        let (d, t) = boardcam.holdings()?;
        Ok((d <= descriptors && t <= threads).then_some(()))
    })
}

fn my_camera_comes_back_under_another_number() -> Outcome {
    let feed = feed(SIZES[0])?;
    // Both when it was found and when it was asked for by its number.
    for by_number in [false, true] {
        let camera = Camera::plug_in()?;
        let old = camera.node.clone();
        let source = if by_number { old.display().to_string() } else { "auto".to_owned() };
        let boardcam = Boardcam::start(&["--camera", &source])?;
        let viewer = boardcam.watch()?;
        see_the_camera(&viewer, &feed)?;
        let _keeps_the_number = File::open(&old)?;
        camera.unplug()?;
        see_the_card(&viewer, &feed)?;
        let camera = Camera::plug_in()?;
        ensure!(camera.node != old, "the guest gave the old number {} again", old.display());
        see_the_camera(&viewer, &feed)?;
        let state = boardcam.wait_until_live()?;
        ensure!(state["device"]["path"].as_str() == camera.node.to_str(), "not on the new node: {state}");
    }
    Ok(())
}

fn a_camera_that_comes_late_is_shown() -> Outcome {
    let feed = feed(SIZES[0])?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_waiting()?;
    ensure!(boardcam.get("/healthz")?.status == 503, "/healthz is well without a camera");
    let viewer = boardcam.watch()?;
    see_the_card(&viewer, &feed)?;
    let _camera = Camera::plug_in()?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    ensure!(boardcam.get("/healthz")?.status == 200, "/healthz is unwell with a camera");
    Ok(())
}

fn see_the_camera(viewer: &Viewer, feed: &Feed) -> Outcome {
    viewer.wait_for("the camera's picture", |frame| feed.find(frame).is_some()).map(drop)
}

/// The card is in the size of the last picture, and its clock moves.
pub fn see_the_card(viewer: &Viewer, feed: &Feed) -> Outcome {
    let card = viewer.wait_for("the card", |frame| feed.find(frame).is_none())?;
    let picture = Picture::decode(&card)?;
    ensure!((picture.width, picture.height) == (1280, 720), "{}x{}", picture.width, picture.height);
    viewer.wait_for("a moving card", |frame| *frame != *card && feed.find(frame).is_none()).map(drop)
}
