//! Settings that are changed while the camera runs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use client::{Outcome, Viewer, ask, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::{Boardcam, PROGRAM, goes_on};
use crate::program::{Program, with_rpicam};
use crate::serving::dimensions;

/// A folder for what was set, which goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("boardcam-{}-{name}", std::process::id())))
    }

    /// The pattern in 320x240, at the end of options.
    fn start(&self, options: &[&str]) -> Outcome<Boardcam> {
        let mut command = Command::new(PROGRAM);
        command.env("STATE_DIRECTORY", &self.0).args(["--camera", "pattern", "--size", "320x240"]);
        Boardcam::start_by(command, options)
    }

    fn kept(&self) -> String {
        fs::read_to_string(self.0.join("cameras.json")).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // it may never have been made
    }
}

/// Asks `/api/settings` of the camera; returns the status and the answer, which is `null` if it is no JSON.
fn settings(boardcam: &Boardcam, method: &str, body: &str) -> Outcome<(u16, Value, String)> {
    let answer = ask(boardcam.address, method, "/api/cameras/camera/settings", &[], body)?;
    let text = answer.text();
    Ok((answer.status, serde_json::from_str(&text).unwrap_or_default(), text))
}

fn camera(boardcam: &Boardcam) -> Outcome<Value> {
    Ok(boardcam.state()?["cameras"][0].clone())
}

fn is_shown_in(viewer: &Viewer, size: (usize, usize)) -> Outcome {
    viewer.wait_for(&format!("{size:?}"), |frame| dimensions(frame).is_ok_and(|found| found == size))?;
    Ok(())
}

#[test]
fn size_rate_and_quality_change_while_a_viewer_stays_and_hold_over_a_restart_until_they_are_reset() -> Outcome
{
    let folder = Folder::new("running");
    let boardcam = folder.start(&[])?;
    let viewer = boardcam.watch("/stream")?;
    is_shown_in(&viewer, (320, 240))?;
    let (status, answer, text) =
        settings(&boardcam, "PUT", "{\"size\": \"640x360\", \"fps\": 20, \"quality\": 40}")?;
    ensure!(status == 200 && answer["applied"] == true && answer["problem"].is_null(), "{text}");
    let size = &answer["settings"]["size"];
    ensure!(
        size["value"] == "640x360" && size["configured"] == "320x240" && size["overruled"] == true,
        "{text}"
    );
    ensure!(
        answer["settings"]["fps"]["actual"] == 20.0 && answer["settings"]["quality"]["value"] == 40,
        "{text}"
    );
    is_shown_in(&viewer, (640, 360))?;
    let state = camera(&boardcam)?;
    ensure!(state["overruled"].as_array().is_some_and(|names| names.len() == 3), "{state}");
    ensure!(state["format"]["fps"] == 20.0 && state["quality"] == 40, "{state}");
    drop(boardcam);

    let boardcam = folder.start(&[])?;
    is_shown_in(&boardcam.watch("/stream")?, (640, 360))?;
    ensure!(boardcam.log().contains("size and fps and quality as set by page or API"), "{}", boardcam.log());
    // As people write it in the settings file.
    for size in ["720p", "1280\u{d7}720"] {
        let (status, answer, text) = settings(&boardcam, "PUT", &format!("{{\"size\": \"{size}\"}}"))?;
        ensure!(status == 200 && answer["settings"]["size"]["actual"] == "1280x720", "{size}: {text}");
    }
    let format = &settings(&boardcam, "GET", "")?.1["settings"]["format"];
    ensure!(format["choices"][0] == "auto" && format["choices"][1] == format["actual"], "{format}");
    let (_, answer, text) = settings(&boardcam, "PUT", "{\"size\": null}")?;
    ensure!(
        answer["settings"]["size"]["value"] == "320x240" && answer["settings"]["fps"]["value"] == 20,
        "{text}"
    );
    let viewer = boardcam.watch("/stream")?;
    is_shown_in(&viewer, (320, 240))?;
    let (status, answer, text) = settings(&boardcam, "DELETE", "")?;
    ensure!(
        status == 200 && answer["settings"]["fps"]["overruled"] == false && answer["applied"] == true,
        "{text}"
    );
    ensure!(folder.kept() == "{}", "{}", folder.kept());
    goes_on(&viewer, 3)
}

#[test]
fn a_size_that_the_camera_refuses_leaves_the_stream_as_it_was_and_says_why() -> Outcome {
    let folder = Folder::new("refused");
    let boardcam = folder.start(&[])?;
    let viewer = boardcam.watch("/stream")?;
    let (_, answer, text) = settings(&boardcam, "PUT", "{\"fps\": 25}")?;
    ensure!(answer["applied"] == true, "{text}");
    // No camera has to be asked for these.
    for (body, says) in [
        ("{\"size\": \"huge\"}", "WIDTHxHEIGHT"),
        ("{\"fps\": 500}", "1 to 240"),
        ("{\"fps\": 10, \"format\": \"gif\"}", "auto, mjpeg"),
        ("{\"zoom\": 2}", "expected size, fps, format, quality"),
        ("{\"quality\": 0}", "1 to 100"),
        ("[]", "must look like"),
    ] {
        let (status, _, text) = settings(&boardcam, "PUT", body)?;
        ensure!(status == 400 && text.contains(says), "{body}: {status} {text}");
    }
    // The pattern has at most 8192 pixels a side, which shows when it is opened.
    let (status, answer, text) = settings(&boardcam, "PUT", "{\"size\": \"16000x100\"}")?;
    ensure!(status == 200, "{text}");
    let why = answer["problem"].to_string();
    ensure!(why.contains("16000x100") && why.contains("1 to 8192") && why.contains("in use again"), "{text}");
    ensure!(
        answer["settings"]["size"]["value"] == "320x240" && answer["settings"]["fps"]["value"] == 25,
        "{text}"
    );
    is_shown_in(&viewer, (320, 240))?;
    goes_on(&viewer, 3)?;
    let state = camera(&boardcam)?;
    ensure!(state["state"] == "live" && state["change_refused"].to_string().contains("16000x100"), "{state}");
    wait_for("what was refused to be forgotten", || {
        let kept: Value = serde_json::from_str(&folder.kept())?;
        Ok((kept == serde_json::json!({"camera": {"fps": "25"}})).then_some(()))
    })?;
    let (_, answer, text) = settings(&boardcam, "PUT", "{\"size\": \"160x120\"}")?;
    ensure!(answer["problem"].is_null() && camera(&boardcam)?["change_refused"].is_null(), "{text}");
    Ok(())
}

#[test]
fn many_changes_at_once_end_in_one_of_them_and_the_stream_goes_on() -> Outcome {
    let folder = Folder::new("at-once");
    let boardcam = folder.start(&[])?;
    let viewer = boardcam.watch("/stream")?;
    let bodies: Vec<String> = (1..=8).map(|n| format!("{{\"size\": \"{}x{}\"}}", n * 80, n * 60)).collect();
    let put = |body: &String| settings(&boardcam, "PUT", body);
    std::thread::scope(|scope| {
        let asked: Vec<_> = bodies.iter().map(|body| scope.spawn(move || put(body))).collect();
        asked.into_iter().try_for_each(|asked| -> Outcome {
            let (status, _, text) = asked.join().map_err(|_| "a request panicked")??;
            ensure!(status == 200, "{text}");
            Ok(())
        })
    })?;
    let settled = wait_for("the last change to hold", || {
        let (_, answer, _) = settings(&boardcam, "GET", "")?;
        Ok((answer["applied"] == true).then(|| answer["settings"]["size"].clone()))
    })?;
    ensure!(settled["value"] == settled["actual"], "{settled}");
    let size = settled["value"].as_str().ok_or("no size")?.to_owned();
    let (width, height) = size.split_once('x').ok_or("no size")?;
    is_shown_in(&viewer, (width.parse()?, height.parse()?))?;
    drop(boardcam);
    let boardcam = folder.start(&[])?;
    ensure!(settings(&boardcam, "GET", "")?.1["settings"]["size"]["value"] == *size, "another one is kept");
    Ok(())
}

#[test]
fn a_change_while_the_camera_is_away_holds_when_it_is_back() -> Outcome {
    let program = Program::new("away", "no-module")?;
    let boardcam = with_rpicam(&program, "rpicam-vid", "rpicam")?;
    wait_for("the camera to be missed", || Ok((camera(&boardcam)?["state"] == "waiting").then_some(())))?;
    let (status, answer, text) = settings(&boardcam, "PUT", "{\"size\": \"640x480\", \"fps\": 10}")?;
    ensure!(status == 200 && answer["applied"] == false, "{text}");
    program.does("shows")?;
    wait_for("the camera to be back", || Ok((camera(&boardcam)?["state"] == "live").then_some(())))?;
    let arguments = fs::read_to_string(program.path("arguments"))?;
    ensure!(arguments.contains("--width 640 --height 480 --framerate 10 "), "{arguments}");
    let (_, answer, text) = settings(&boardcam, "GET", "")?;
    ensure!(answer["applied"] == true, "{text}");
    let (status, _, text) = settings(&boardcam, "PUT", "{\"format\": \"yuyv\"}")?;
    ensure!(status == 400 && text.contains("mjpeg only"), "{status} {text}");
    Ok(())
}
