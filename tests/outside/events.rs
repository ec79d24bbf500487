//! What moves in front of a camera: it is recorded, with the seconds before and after, and listed, also after a restart.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use client::{Answer, Outcome, ensure, wait_for};
use jpeg_encoder::{ColorType, Encoder};
use rustix::process::Signal;
use serde_json::Value;

use crate::boardcam::{Boardcam, PROGRAM};
use crate::program::Program;
use crate::recording::{Place, ask, recording, start, switch};

/// Width and height of the pictures.
const SIZE: (usize, usize) = (320, 240);

/// A grey picture with a bright box, whose left edge is here.
fn picture(left: usize) -> Outcome<Vec<u8>> {
    let (width, height) = SIZE;
    let inside = |x: usize, y: usize| (left..left + 64).contains(&x) && (80..176).contains(&y);
    let grey = (0..width * height).map(|at| if inside(at % width, at / width) { 220 } else { 90 });
    let grey: Vec<u8> = grey.collect();
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 90).encode(&grey, width as u16, height as u16, ColorType::Luma)?;
    Ok(jpeg)
}

/// A camera in front of which a box moves when the test wants it, and what it keeps.
struct Scene {
    program: Program,
    folder: Place,
    state: Place,
}

impl Scene {
    fn new(name: &str) -> Outcome<Self> {
        let scene =
            Self { program: Program::new(name, "shows")?, folder: Place::new()?, state: Place::new()? };
        scene.show(0)?;
        Ok(scene)
    }

    /// Shows the box at this place, by a rename, so that nobody reads half a picture.
    fn show(&self, left: usize) -> Outcome {
        let new = self.program.write("frame.new", &picture(left)?)?;
        Ok(fs::rename(new, self.program.path("frame.jpg"))?)
    }

    /// The box goes to and fro, until `is_done`.
    fn moves_until(&self, what: &str, mut is_done: impl FnMut() -> Outcome<bool>) -> Outcome {
        let begin = Instant::now();
        for step in 0.. {
            if is_done()? {
                return Ok(());
            }
            ensure!(begin.elapsed() < Duration::from_secs(60), "{what} did not happen");
            self.show(step % 8 * 32)?;
            thread::sleep(Duration::from_millis(100)); // so fast it moves
        }
        Ok(())
    }

    fn start(&self, options: &[&str]) -> Outcome<Boardcam> {
        let mut command = Command::new(PROGRAM);
        command.env("STATE_DIRECTORY", &self.state.0);
        let camera = format!("pipe:{}", self.program.path("script"));
        let folder = self.folder.0.to_str().ok_or("an odd path")?;
        let pattern = ["--camera", &camera, "--record-folder", folder, "--record-min-free", "1"];
        Boardcam::start_by(command, &[&pattern, options].concat())
    }
}

fn events(boardcam: &Boardcam) -> Outcome<Vec<Value>> {
    let list: Value = serde_json::from_slice(&boardcam.get("/api/events")?.body)?;
    Ok(list["events"].as_array().ok_or("no list")?.clone())
}

/// Waits until the camera has shown still pictures for long enough to know what is background.
fn settle(boardcam: &Boardcam) -> Outcome {
    let captured = || -> Outcome<u64> {
        Ok(boardcam.state()?["cameras"][0]["frames"]["captured"].as_u64().ok_or("no number")?)
    };
    let before = captured()?;
    wait_for("still pictures", || Ok((captured()? > before + 60).then_some(())))
}

#[test]
fn what_moves_is_recorded_and_listed_and_the_list_outlives_a_restart_and_the_recording() -> Outcome {
    let scene = Scene::new("moves")?;
    let options = ["--record", "motion", "--record-before", "1", "--record-after", "1"];
    let boardcam = scene.start(&options)?;
    wait_for("it to be armed", || Ok((recording(&boardcam)?["armed"] == true).then_some(())))?;
    settle(&boardcam)?;
    ensure!(events(&boardcam)?.is_empty() && scene.folder.files()?.is_empty(), "nothing has moved");
    scene.moves_until("an event with a recording", || {
        Ok(events(&boardcam)?.first().is_some_and(|event| event["recording"].is_string()))
    })?;
    ensure!(recording(&boardcam)?["on"] == true, "{}", recording(&boardcam)?);
    scene.show(0)?;
    wait_for("the file to be closed", || {
        let state = recording(&boardcam)?;
        Ok((state["on"] == false && state["file"].is_null()).then_some(()))
    })?;
    let before = events(&boardcam)?;
    let files = scene.folder.files()?;
    ensure!(before.len() == 1 && files.len() == 1, "{before:?} {files:?}");
    let event = &before[0];
    let name = files[0].file_name().and_then(|name| name.to_str()).ok_or("no name")?.to_owned();
    ensure!(event["recording"] == name && event["end"].is_string(), "{event}");
    let at = event["at_s"].as_f64().ok_or("no place")?;
    ensure!((0.0..=2.0).contains(&at), "{event}");
    picture_is_there(&boardcam, event)?;
    let (code, _) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0), "{code:?}");

    let boardcam = scene.start(&options)?;
    wait_for(
        "the recording to be listed",
        || Ok((events(&boardcam)?[0]["recording"] == name).then_some(())),
    )?;
    ensure!(events(&boardcam)? == before, "{:?}", events(&boardcam)?);
    let url = format!("/api/recordings/{name}");
    let deleted = Answer::read(&mut ask(&boardcam, "DELETE", &url, "", "")?)?;
    ensure!(deleted.status == 202, "{}", deleted.status);
    let left = events(&boardcam)?;
    ensure!(left.len() == 1 && left[0]["recording"].is_null() && left[0]["at_s"].is_null(), "{left:?}");
    Ok(())
}

/// The picture of an event is a JPEG.
fn picture_is_there(boardcam: &Boardcam, event: &Value) -> Outcome {
    let url = event["picture"].as_str().ok_or("no picture")?;
    let picture = boardcam.get(url)?;
    ensure!(picture.status == 200 && picture.body.starts_with(b"\xff\xd8\xff"), "{url}: {}", picture.status);
    Ok(())
}

#[test]
fn a_motion_that_lasts_when_the_power_is_cut_has_ended_after_the_next_start() -> Outcome {
    let scene = Scene::new("cut")?;
    let boardcam = scene.start(&["--record", "motion"])?;
    settle(&boardcam)?;
    let journal = scene.state.0.join("events.jsonl");
    let is_kept = |journal: &Path| fs::read_to_string(journal).is_ok_and(|text| text.contains(".mkv"));
    scene.moves_until("the event to be written down", || Ok(is_kept(&journal)))?;
    ensure!(events(&boardcam)?[0]["end"].is_null(), "it lasts");
    drop(boardcam); // by SIGKILL
    let boardcam = scene.start(&["--record", "motion"])?;
    let event = events(&boardcam)?.pop().ok_or("no event")?;
    ensure!(event["end"].as_str() >= event["start"].as_str() && event["end"].is_string(), "{event}");
    Ok(())
}

#[test]
fn who_waits_for_motion_in_vain_is_told_so_and_one_that_was_switched_off_waits_again_when_it_is_switched_on()
-> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--record", "motion"])?;
    let is = |what: &str, armed: bool, disarmed: bool, is_blind: bool| {
        wait_for(what, || {
            let state = recording(&boardcam)?;
            let said = state["problem"]["why"] == "motion is not looked for";
            let is_it = state["armed"] == armed && state["disarmed"] == disarmed && said == is_blind;
            Ok((is_it && state["on"] == false).then_some(()))
        })
        .map_err(|why| format!("{why}: {}\n{}", recording(&boardcam).unwrap_or_default(), boardcam.log()))
    };
    let send = |method: &str, path: &str, body: &str| -> Outcome {
        let mut reader = ask(&boardcam, method, path, "Content-Type: application/json\r\n", body)?;
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        Ok(())
    };
    is("it to wait", true, false, false)?;
    send("PUT", "/api/motion", r#"{"sensitivity": "off"}"#)?;
    is("it to wait in vain", true, false, true)?;
    wait_for("the log to say so", || {
        Ok(boardcam.log().contains("cannot record what moves: motion is not looked for").then_some(()))
    })?;
    send("POST", "/api/recording", r#"{"on": false}"#)?;
    is("it to wait no longer", false, true, false)?;
    send("PUT", "/api/motion", r#"{"sensitivity": "low"}"#)?;
    send("POST", "/api/recording", r#"{"on": true}"#)?;
    is("it to wait again", true, false, false).map_err(Into::into)
}

#[test]
fn a_broken_list_is_said_and_set_aside_and_nothing_else_suffers() -> Outcome {
    let scene = Scene::new("broken")?;
    fs::write(scene.state.0.join("events.jsonl"), "no list\n{}\n")?;
    let boardcam = scene.start(&[])?;
    ensure!(boardcam.log().contains("cannot read all events in"), "{}", boardcam.log());
    let aside = fs::read_to_string(scene.state.0.join("events.jsonl.broken"))?;
    ensure!(aside == "no list\n{}\n" && events(&boardcam)?.is_empty(), "{aside}");
    Ok(())
}

/// The names of the time-lapses, or of the other recordings, in the list.
fn listed(boardcam: &Boardcam, time_lapse: bool) -> Outcome<Vec<String>> {
    let list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
    let all = list["recordings"].as_array().ok_or("no list")?.iter();
    let names = all.filter(|one| one["time_lapse"] == time_lapse).filter_map(|one| one["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn with_record_every_a_time_lapse_goes_on_beside_what_moves_and_one_switch_or_privacy_ends_both() -> Outcome {
    let scene = Scene::new("beside")?;
    let beside = ["--record", "motion", "--record-before", "1", "--record-after", "1", "--record-every", "1"];
    let boardcam = scene.start(&beside)?;
    let state = || recording(&boardcam);
    let lapse = wait_for("the time-lapse", || Ok(state()?["time_lapse_file"].as_str().map(str::to_owned)))?;
    ensure!(lapse.ends_with("Z_time-lapse.mkv"), "{lapse}");
    ensure!(state()?["armed"] == true && state()?["on"] == false && state()?["every_s"] == 1, "{}", state()?);
    settle(&boardcam)?;
    scene.moves_until("an event with a recording", || {
        Ok(events(&boardcam)?.first().is_some_and(|event| event["recording"].is_string()))
    })?;
    let moved = state()?["file"].as_str().ok_or("no file of the motion")?.to_owned();
    ensure!(events(&boardcam)?[0]["recording"] == moved.as_str() && moved != lapse, "{moved} {lapse}");
    scene.show(0)?;
    wait_for("the motion's file to be closed", || Ok(state()?["file"].is_null().then_some(())))?;
    ensure!(state()?["time_lapse_file"] == lapse.as_str(), "the time-lapse ended: {}", state()?);
    wait_for("both in the list", || {
        Ok((listed(&boardcam, true)? == [lapse.as_str()] && listed(&boardcam, false)? == [moved.as_str()])
            .then_some(()))
    })?;
    let answer = |method, name: &str| {
        Answer::read(&mut ask(&boardcam, method, &format!("/api/recordings/{name}"), "", "")?)
    };
    ensure!(answer("DELETE", &lapse)?.status == 409, "it is being written");
    ensure!(boardcam.get(&format!("/api/recordings/{lapse}/frame"))?.status == 200, "no frame of {lapse}");
    ensure!(answer("DELETE", &moved)?.status == 202, "what moved stays");
    switch(&boardcam, false)?;
    wait_for("both to end", || Ok(state()?["time_lapse_file"].is_null().then_some(())))?;
    ensure!(state()?["disarmed"] == true, "{}", state()?);
    let body = "{\"on\": true}"; // which arms it again
    Answer::read(&mut ask(&boardcam, "POST", "/api/recording", "Content-Type: application/json\r\n", body)?)?;
    wait_for("another time-lapse", || Ok(state()?["time_lapse_file"].is_string().then_some(())))?;
    let kind = "Content-Type: application/json\r\n";
    let private = Answer::read(&mut ask(&boardcam, "PUT", "/api/privacy", kind, "{\"on\": true}")?)?;
    ensure!(private.status == 200, "{} {}", private.status, private.text());
    wait_for("privacy to end it", || Ok(state()?["time_lapse_file"].is_null().then_some(())))?;
    wait_for("two time-lapses in the list", || {
        let list = listed(&boardcam, true)?;
        Ok((list.len() == 2 && list.contains(&lapse)).then_some(()))
    })?;
    ensure!(answer("DELETE", &lapse)?.status == 202, "the time-lapse stays");
    Ok(())
}
