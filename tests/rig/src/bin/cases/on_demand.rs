//! Cameras that are closed while nobody watches.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use client::{Outcome, ensure, wait_for};
use rig::feed::SIZES;
use serde_json::{Value, json};

use crate::Case;
use crate::boardcam::Boardcam;
use crate::controls::{controls, find, list, put};
use crate::guest::{Camera, Vivid, feed};
use crate::replug::{see_the_camera, see_the_card};

pub const CASES: &[Case] = &[
    (
        "a_camera_that_rests_is_held_by_nobody_and_wakes_in_its_own_start_time",
        a_camera_that_rests_is_held_by_nobody_and_wakes_in_its_own_start_time,
    ),
    (
        "a_camera_that_is_unplugged_while_it_rests_is_no_error",
        a_camera_that_is_unplugged_while_it_rests_is_no_error,
    ),
    (
        "a_control_that_is_set_while_the_camera_rests_holds",
        a_control_that_is_set_while_the_camera_rests_holds,
    ),
];

/// How much longer than at a start of the program the first picture may take.
const MARGIN: Duration = Duration::from_secs(5);

/// Whether any process has the device open.
fn is_held(node: &Path) -> Outcome<bool> {
    for process in fs::read_dir("/proc")? {
        // Processes end, and the kernel's own threads have no descriptors.
        let Ok(files) = fs::read_dir(process?.path().join("fd")) else { continue };
        if files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == node)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn rests(boardcam: &Boardcam) -> Outcome<Value> {
    let camera = boardcam.wait_until("the camera to rest", |camera| camera["state"] == "resting")?;
    ensure!(camera["problem"].is_null(), "{camera}");
    Ok(camera)
}

fn a_camera_that_rests_is_held_by_nobody_and_wakes_in_its_own_start_time() -> Outcome {
    let feed = feed(SIZES[0])?;
    let camera = Camera::plug_in()?;
    let begin = Instant::now();
    let always = Boardcam::start(&[])?;
    see_the_camera(&always.watch_first()?, &feed)?;
    let start = begin.elapsed();
    ensure!(is_held(&camera.node)?, "it is not seen who has the device");
    always.terminate()?;

    let boardcam = Boardcam::start(&["--on-demand", "1"])?;
    for _ in 0..3 {
        rests(&boardcam)?;
        ensure!(!is_held(&camera.node)?, "somebody has the device");
        let begin = Instant::now();
        let viewer = boardcam.watch_first()?;
        see_the_camera(&viewer, &feed)?;
        let woken = begin.elapsed();
        println!("  {woken:?} after it rested, {start:?} at a start");
        ensure!(woken <= start + MARGIN, "{woken:?} in place of {start:?}");
        ensure!(is_held(&camera.node)?, "nobody has the device");
    }
    rests(&boardcam)?;
    ensure!(boardcam.openings()? == 3, "{} openings", boardcam.openings()?);
    ensure!(!is_held(&camera.node)?, "somebody has the device");
    Ok(())
}

fn a_camera_that_is_unplugged_while_it_rests_is_no_error() -> Outcome {
    let feed = feed(SIZES[0])?;
    let camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&["--on-demand", "1"])?;
    see_the_camera(&boardcam.watch_first()?, &feed)?;
    rests(&boardcam)?;
    camera.unplug()?;
    ensure!(boardcam.get("/healthz")?.status == 200, "not healthy");
    rests(&boardcam)?;
    let viewer = boardcam.watch_first()?;
    see_the_card(&viewer, &feed)?;
    boardcam.wait_until_waiting()?;
    let _camera = Camera::plug_in()?;
    see_the_camera(&viewer, &feed)
}

fn a_control_that_is_set_while_the_camera_rests_holds() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--on-demand", "1", "--size", "640x360"])?;
    rests(&boardcam)?;
    // Before it was ever open it is not known which controls it has.
    let (status, why) = controls(&boardcam, "PUT", "", &json!({ "brightness": 10 }))?;
    ensure!(status == 503, "{status} {why}");
    let viewer = boardcam.watch_first()?;
    list(&boardcam)?;
    drop(viewer);
    rests(&boardcam)?;
    let (status, why) = controls(&boardcam, "PUT", "", &json!({ "brightness": 256 }))?;
    ensure!(status == 400 && why.to_string().contains("from 0 to 255"), "{status} {why}");
    let kept = put(&boardcam, &json!({ "brightness": 10 }))?;
    ensure!(find(&kept, "brightness")?["kept"] == true, "{kept}");
    rests(&boardcam)?;
    let _viewer = boardcam.watch_first()?;
    wait_for("the control", || {
        let all = list(&boardcam)?;
        Ok((find(&all, "brightness")?["value"] == 10).then_some(()))
    })
}
