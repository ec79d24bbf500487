//! Size, rate, format and quality that are changed while somebody watches.

use client::{Outcome, Viewer, ask, ensure};
use rig::feed::SIZES;
use serde_json::{Value, json};

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::{Camera, Vivid, feed};
use crate::picture::Picture;

pub const CASES: &[Case] = &[
    ("size_rate_format_and_quality_change_while_i_watch", size_rate_format_and_quality_change_while_i_watch),
    ("a_size_that_is_set_holds_over_replug_and_restart", a_size_that_is_set_holds_over_replug_and_restart),
    ("a_size_that_does_not_come_leaves_the_stream", a_size_that_does_not_come_leaves_the_stream),
    ("a_change_is_not_tried_with_another_camera", a_change_is_not_tried_with_another_camera),
    (
        "a_size_that_did_not_come_is_not_tried_again_at_once",
        a_size_that_did_not_come_is_not_tried_again_at_once,
    ),
];

/// Asks `/api/settings`; returns the settings and the whole answer.
fn settings(boardcam: &Boardcam, method: &str, body: &Value) -> Outcome<(Value, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = ask(boardcam.address, method, "/api/cameras/camera/settings", &[], &body)?;
    let text = answer.text();
    ensure!(answer.status == 200, "{method} {body}: status {}, {text}", answer.status);
    let answer: Value = serde_json::from_str(&text)?;
    Ok((answer["settings"].clone(), answer))
}

fn put(boardcam: &Boardcam, body: &Value) -> Outcome<Value> {
    let (settings, answer) = settings(boardcam, "PUT", body)?;
    ensure!(answer["problem"].is_null(), "{body}: {answer}");
    Ok(settings)
}

fn see_size(viewer: &Viewer, (width, height): (usize, usize)) -> Outcome {
    let is_that = |picture: Picture| (picture.width, picture.height) == (width, height);
    viewer.wait_for(&format!("{width}x{height}"), |frame| Picture::decode(frame).is_ok_and(is_that)).map(drop)
}

fn size_rate_format_and_quality_change_while_i_watch() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--size", "320x180", "--fps", "10"])?;
    boardcam.wait_until_live()?;
    let viewer = boardcam.watch_first()?;
    see_size(&viewer, (320, 180))?;
    let (before, _) = settings(&boardcam, "GET", &Value::Null)?;
    let offers =
        |name: &str, value: Value| before[name]["choices"].as_array().is_some_and(|all| all.contains(&value));
    ensure!(offers("size", json!("640x360")) && offers("fps", json!(15)), "{before}");
    ensure!(offers("format", json!("auto")) && offers("format", json!("yuyv")), "{before}");
    ensure!(!offers("format", json!("mjpeg")) && before["quality"]["range"]["max"] == 100, "{before}");

    let now = put(&boardcam, &json!({ "size": "640\u{d7}360" }))?;
    ensure!(now["size"]["actual"] == "640x360" && now["size"]["overruled"] == true, "{now}");
    see_size(&viewer, (640, 360))?;
    let now = put(&boardcam, &json!({ "fps": 15 }))?;
    ensure!(now["fps"]["actual"] == 15.0 && now["fps"]["configured"] == 10, "{now}");
    let other = if now["format"]["actual"] == "yuyv" { "uyvy" } else { "yuyv" };
    let now = put(&boardcam, &json!({ "format": other }))?;
    ensure!(now["format"]["actual"] == other, "{now}");
    see_size(&viewer, (640, 360))?;
    let openings = boardcam.openings()?;
    put(&boardcam, &json!({ "quality": 20 }))?;
    let state = boardcam.camera()?;
    ensure!(state["quality"] == 20 && boardcam.openings()? == openings, "reopened for a quality: {state}");
    ensure!(state["overruled"] == json!(["size", "fps", "format", "quality"]), "{state}");
    let length = viewer.next()?.len();

    let (now, answer) = settings(&boardcam, "DELETE", &Value::Null)?;
    ensure!(answer["applied"] == true && now["size"]["actual"] == "320x180", "{answer}");
    see_size(&viewer, (320, 180))?;
    let state = boardcam.camera()?;
    ensure!(state["overruled"] == json!([]) && state["quality"] == 85, "{state}");
    ensure!(length > 0, "an empty frame");
    Ok(())
}

fn a_size_that_is_set_holds_over_replug_and_restart() -> Outcome {
    let feeds = [feed(SIZES[0])?, feed(SIZES[1])?];
    let camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    let viewer = boardcam.watch_first()?;
    viewer.wait_for("the camera's picture", |frame| feeds[0].find(frame).is_some())?;
    let now = put(&boardcam, &json!({ "size": "640x480" }))?;
    ensure!(now["size"]["choices"].as_array().map(Vec::len) == Some(SIZES.len()), "{now}");
    viewer.wait_for("the smaller picture", |frame| feeds[1].find(frame).is_some())?;

    camera.unplug()?;
    viewer.wait_for("the card", |frame| feeds[1].find(frame).is_none())?;
    let _camera = Camera::plug_in()?;
    viewer.wait_for("the smaller picture again", |frame| feeds[1].find(frame).is_some())?;
    boardcam.terminate()?;

    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["format"]["width"] == 640 && state["overruled"] == json!(["size"]), "{state}");
    ensure!(boardcam.log()?.contains("size as set by page or API, not as in the settings"), "not in the log");
    let viewer = boardcam.watch_first()?;
    viewer.wait_for("the smaller picture", |frame| feeds[1].find(frame).is_some())?;
    settings(&boardcam, "DELETE", &Value::Null)?;
    viewer.wait_for("the larger picture", |frame| feeds[0].find(frame).is_some())?;
    boardcam.terminate()?;

    let state = Boardcam::start(&[])?.wait_until_live()?;
    ensure!(state["format"]["width"] == 1280 && state["overruled"] == json!([]), "{state}");
    Ok(())
}

/// Asks for 1280x720, which does not come, and waits until 640x480 does again.
fn be_refused(boardcam: &Boardcam, viewer: &Viewer) -> Outcome {
    let feed = feed(SIZES[1])?;
    viewer.wait_for("the camera's picture", |frame| feed.find(frame).is_some())?;
    let (size, _) = settings(boardcam, "PUT", &json!({ "size": "1280x720" }))?;
    ensure!(size["size"]["overruled"] == true, "{size}");
    let state =
        boardcam.wait_until("the size to be refused", |camera| camera["change_refused"].is_object())?;
    let why = state["change_refused"].to_string();
    ensure!(why.contains("size 1280x720") && why.contains("no picture came within"), "{why}");
    ensure!(why.contains("in use again"), "{why}");
    let state = boardcam.wait_until_live()?;
    ensure!(state["format"]["width"] == 640 && state["overruled"] == json!([]), "{state}");
    let (now, answer) = settings(boardcam, "GET", &Value::Null)?;
    ensure!(now["size"]["value"] == "640x480" && answer["problem"].is_object(), "{answer}");
    viewer.wait_for("the camera's picture again", |frame| feed.find(frame).is_some()).map(drop)
}

const LYING: [&str; 4] = ["--size", "640x480", "--size", "1280x720:silent"];

fn a_size_that_does_not_come_leaves_the_stream() -> Outcome {
    let _camera = Camera::plug_in_with(&LYING)?;
    let boardcam = Boardcam::start(&["--size", "640x480"])?;
    be_refused(&boardcam, &boardcam.watch_first()?)?;
    boardcam.terminate()?;
    let state = Boardcam::start(&["--size", "640x480"])?.wait_until_live()?;
    ensure!(state["overruled"] == json!([]), "what was refused is kept: {state}");
    Ok(())
}

fn a_change_is_not_tried_with_another_camera() -> Outcome {
    let mine = Camera::plug_in_with(&LYING)?;
    let boardcam = Boardcam::start(&["--size", "640x480"])?;
    boardcam.wait_until_live()?;
    let _other = Camera::plug_in_with(&["--port", "1", "--serial", "2", "--size", "1280x720"])?;
    be_refused(&boardcam, &boardcam.watch_first()?)?;
    let state = boardcam.camera()?;
    ensure!(state["device"]["path"] == mine.path()?, "another camera: {state}");
    Ok(())
}

fn a_size_that_did_not_come_is_not_tried_again_at_once() -> Outcome {
    const LYING: [&str; 4] = ["--size", "1280x720:silent", "--size", "640x480"];
    let says =
        |camera: &Value, words: &str| camera["chosen"].as_str().is_some_and(|text| text.contains(words));
    let camera = Camera::plug_in_with(&LYING)?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_live()?;
    ensure!(says(&state, "no usable picture came in mjpeg 1280x720, which the camera lists"), "{state}");
    let (_, answer) = settings(&boardcam, "PUT", &json!({ "fps": 15 }))?;
    ensure!(answer["applied"] == true, "it waits for the size again: {answer}");
    let state = boardcam.camera()?;
    ensure!(says(&state, "no usable picture came in mjpeg 1280x720 when it was opened before"), "{state}");
    camera.unplug()?;
    boardcam.wait_until_waiting()?;
    let _camera = Camera::plug_in_with(&LYING)?;
    let state = boardcam.wait_until_live()?;
    ensure!(says(&state, "no usable picture came in mjpeg 1280x720, which"), "not tried anew: {state}");
    Ok(())
}
