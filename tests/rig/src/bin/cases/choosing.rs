//! Which mode is chosen, what `probe` says of it, and what happens if a camera does not deliver what it lists.

use std::process::Command;

use client::{Outcome, ensure};
use rig::feed::SIZES;
use serde_json::Value;
use v4l::Device;
use v4l::control;

use crate::Case;
use crate::boardcam::{Boardcam, PROGRAM};
use crate::guest::{Camera, Vivid, feed};

pub const CASES: &[Case] = &[
    ("the_cameras_own_720p_is_chosen", the_cameras_own_720p_is_chosen),
    ("a_size_that_is_listed_but_not_delivered_is_followed_by_another", a_silent_size_is_followed_by_another),
    ("a_size_that_comes_in_another_is_shown_as_it_comes", a_size_that_comes_in_another_is_shown_as_it_comes),
    ("raw_pixels_are_taken_in_a_size_that_the_board_encodes", raw_pixels_are_taken_in_a_size_that_is_encoded),
    ("a_range_of_sizes_is_chosen_from", a_range_of_sizes_is_chosen_from),
    ("probe_prints_json", probe_prints_json),
    ("a_camera_that_is_slow_in_the_dark_is_noticed", a_camera_that_is_slow_in_the_dark_is_noticed),
    ("steady_fps_keeps_the_rate_in_the_dark", steady_fps_keeps_the_rate_in_the_dark),
];

/// V4L2_CID_EXPOSURE_AUTO_PRIORITY (linux/v4l2-controls.h).
const LOWERS_RATE: u32 = 0x009a_0903;

fn has_size(camera: &Value, (width, height): (u16, u16)) -> bool {
    camera["format"]["width"] == width && camera["format"]["height"] == height
}

fn says(camera: &Value, words: &str) -> bool {
    camera["chosen"].as_str().is_some_and(|text| text.contains(words))
}

fn the_cameras_own_720p_is_chosen() -> Outcome {
    let _camera = Camera::plug_in_with(&["--size", "640x480", "--size", "1280x720"])?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["format"]["layout"] == "mjpeg" && has_size(&state, SIZES[0]), "{state}");
    ensure!(state["format"]["fps"] == 30.0 && says(&state, "the largest size up to 1280x720"), "{state}");
    ensure!(boardcam.log()?.contains("chose mjpeg 1280x720 at 30/s"), "the log does not say why");
    Ok(())
}

fn a_silent_size_is_followed_by_another() -> Outcome {
    let _camera = Camera::plug_in_with(&["--size", "1280x720:silent", "--size", "640x480"])?;
    let feed = feed(SIZES[1])?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    ensure!(
        has_size(&state, SIZES[1]) && says(&state, "no usable picture came in mjpeg 1280x720"),
        "{state}"
    );
    boardcam.watch_first()?.wait_for("the camera's picture", |frame| feed.find(frame).is_some()).map(drop)
}

fn a_size_that_comes_in_another_is_shown_as_it_comes() -> Outcome {
    let _camera = Camera::plug_in_with(&["--size", "1280x720:640x480"])?;
    let feed = feed(SIZES[1])?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.watch_first()?.wait_for("the camera's picture", |frame| feed.find(frame).is_some())?;
    boardcam.wait_until("the real size", |camera| has_size(camera, SIZES[1]))?;
    ensure!(boardcam.log()?.contains("agreed to 1280x720 but delivers 640x480"), "the log does not say it");
    Ok(())
}

fn raw_pixels_are_taken_in_a_size_that_is_encoded() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    // How fast the guest is depends on the machine.
    let (width, height) = (&state["format"]["width"], &state["format"]["height"]);
    ensure!(width.as_u64() <= Some(1280) && height.as_u64() <= Some(720), "{state}");
    ensure!(state["encoder"] == "software" && says(&state, "this board encodes"), "{state}");
    ensure!(says(&state, " ms for each frame"), "it does not say how long it takes: {state}");
    Ok(())
}

fn a_range_of_sizes_is_chosen_from() -> Outcome {
    let _vivid = Vivid::television()?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    let (width, height) = (&state["format"]["width"], &state["format"]["height"]);
    ensure!(width.as_u64() <= Some(1280) && height.as_u64() <= Some(720), "{state}");
    ensure!(state["chosen"].is_string(), "{state}");
    Ok(())
}

fn probe_prints_json() -> Outcome {
    let camera = Camera::plug_in()?;
    let output = Command::new(PROGRAM).args(["probe", "--json"]).output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{}: {text}", output.status);
    let found: Value = serde_json::from_str(&text)?;
    ensure!(found["version"] == 1 && found["usable"] == true && found["problem"].is_null(), "{text}");
    let [cameras, others] =
        ["cameras", "others"].map(|name| found[name].as_array().cloned().unwrap_or_default());
    let ([probed], [metadata]) = (cameras.as_slice(), others.as_slice()) else {
        return Err(format!("not one camera and one other node: {text}").into());
    };
    ensure!(probed["source"] == camera.path()? && probed["usable"] == true, "{probed}");
    ensure!(probed["mode"]["format"] == "mjpeg" && probed["mode"]["width"] == 1280, "{probed}");
    ensure!(says(probed, "the largest size up to 1280x720"), "{probed}");
    let sizes = probed["formats"][0]["sizes"].as_array().map(Vec::len);
    ensure!(probed["formats"][0]["code"] == "MJPG" && sizes == Some(SIZES.len()), "{probed}");
    ensure!(probed["formats"][0]["sizes"][0]["rates"].as_array().map(Vec::len) == Some(2), "{probed}");
    ensure!(metadata["kind"] == "metadata", "{metadata}");
    Ok(())
}

/// A rate that the guest keeps up with.
const STEADY: [&str; 4] = ["--size", "640x480", "--fps", "15"];

fn a_camera_that_is_slow_in_the_dark_is_noticed() -> Outcome {
    let mut camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&STEADY)?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["slow"].is_null() && state["format"]["fps"] == 15.0, "{state}");
    camera.suffer("dark:200")?;
    let state = boardcam.wait_until("the slow camera to be noticed", |camera| camera["slow"].is_object())?;
    let slow = &state["slow"];
    ensure!(slow["agreed"] == 15.0 && slow["delivered"].as_f64() < Some(8.0), "{slow}");
    ensure!(slow["why"].as_str().is_some_and(|why| why.contains("little light")), "{slow}");
    ensure!(slow["problem"]["advice"].as_str().is_some_and(|text| text.contains("--steady-fps")), "{slow}");
    camera.suffer("none")?;
    boardcam.wait_until("the usual rate", |camera| camera["slow"].is_null()).map(drop)
}

fn steady_fps_keeps_the_rate_in_the_dark() -> Outcome {
    let mut camera = Camera::plug_in()?;
    camera.suffer("dark:200")?;
    let boardcam = Boardcam::start(&[&STEADY[..], &["--steady-fps"]].concat())?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["compromises"].as_array().is_some_and(Vec::is_empty), "{state}");
    let value = Device::with_path(&camera.node)?.control(LOWERS_RATE)?.value;
    ensure!(matches!(value, control::Value::Boolean(false)), "the control is {value:?}");
    // Three windows of the rate.
    let state = boardcam
        .wait_until("some seconds of frames", |camera| camera["frames"]["captured"].as_u64() > Some(180))?;
    ensure!(state["slow"].is_null(), "{state}");
    Ok(())
}
