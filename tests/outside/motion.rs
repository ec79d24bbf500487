//! Motion in the picture: noticed while something moves, by a thread that runs only while it is looked for.

use std::fs;
use std::process::Command;

use ::boardcam::jpeg::encode::Encoder;
use ::boardcam::picture::{Picture, Range, Raw, Size};
use client::{Outcome, ask, ensure, wait_for};
use serde_json::{Value, json};

use crate::boardcam::{Boardcam, PROGRAM};
use crate::program::Program;

/// The size of the scenes.
const SIZE: Size = Size { width: 320, height: 240 };

/// How many places somebody walks through.
const STEPS: usize = 24;

/// Looks after which a new picture is known, so that what moves in it is noticed: those of 3 seconds, and some more.
const KNOWN: f64 = 45.0;

/// A room at 10 pictures a second, in which somebody walks along the lower half if `mode` says so.
const ROOM: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
echo started >>starts
step=0
while :; do
    case $(cat mode) in
    walks) step=$(((step + 1) % 24)); cat "$step.jpg" ;;
    spoilt-walks) step=$(((step + 1) % 24)); cat "$step.jpg"; sleep 0.1; cat spoilt.jpg ;;
    spoilt) cat spoilt.jpg ;;
    gone) exit 3 ;;
    *) cat empty.jpg ;;
    esac || exit
    sleep 0.1
done
"#;

/// The room, empty or with somebody at this distance from the left, in pixels.
fn scene(person: Option<usize>) -> Outcome<Vec<u8>> {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let luma = |x: usize, y: usize| match person {
        Some(left) if (left..left + 60).contains(&x) && (130..230).contains(&y) => 220,
        _ => 60 + ((x / 20 + y / 15) % 5) as u8 * 12,
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(|at| [luma(at % width, at / width), 128]).collect();
    let picture = Picture::new(&pixels, Raw::Yuyv, SIZE, SIZE.width * 2, Range::Full)
        .map_err(|error| format!("{error:?}"))?;
    let mut jpeg = vec![0; 256 << 10];
    let length = Encoder::new(85).encode(&picture, &mut jpeg).map_err(|error| format!("{error:?}"))?;
    jpeg.truncate(length);
    Ok(jpeg)
}

/// The room as a program.
fn room(name: &str) -> Outcome<Program> {
    let room = Program::new(name, "empty")?;
    room.install("script", ROOM)?;
    room.write("empty.jpg", &scene(None)?)?;
    let mut spoilt = scene(None)?;
    let middle = spoilt.len() / 2;
    spoilt[middle..middle + 200].copy_from_slice(&[0xff, 0].repeat(100)); // ones only, which are no code
    room.write("spoilt.jpg", &spoilt)?;
    for step in 0..STEPS {
        room.write(&format!("{step}.jpg"), &scene(Some(step * 10))?)?;
    }
    Ok(room)
}

fn start(room: &Program, options: &[&str]) -> Outcome<Boardcam> {
    let mut command = Command::new(PROGRAM);
    command.env("STATE_DIRECTORY", room.path("state"));
    Boardcam::start_by(command, &[&["--camera", &room.camera()], options].concat())
}

fn motion(boardcam: &Boardcam) -> Outcome<Value> {
    let answer = boardcam.get("/api/motion")?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    Ok(serde_json::from_slice(&answer.body)?)
}

fn change(boardcam: &Boardcam, method: &str, body: &str) -> Outcome<(u16, String)> {
    let answer = ask(boardcam.address, method, "/api/cameras/camera/motion", &[], body)?;
    Ok((answer.status, answer.text()))
}

fn put(boardcam: &Boardcam, body: &Value) -> Outcome<Value> {
    let (status, text) = change(boardcam, "PUT", &body.to_string())?;
    ensure!(status == 200, "{body}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Waits until something moves, or nothing does.
fn moves(boardcam: &Boardcam, moves: bool) -> Outcome<Value> {
    let mut last = Value::Null;
    let seen = wait_for(if moves { "motion" } else { "no motion" }, || {
        last = motion(boardcam)?;
        Ok((last["level"].is_number() && last["moving"] == moves).then(|| last.clone()))
    });
    seen.map_err(|why| format!("{why}: {last}\n{}", boardcam.log()).into())
}

/// The value of a metric of the camera.
fn metric(boardcam: &Boardcam, name: &str) -> Outcome<f64> {
    let metrics = boardcam.get("/metrics")?.text();
    let start = format!("{name}{{camera=\"camera\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&start));
    Ok(value.ok_or_else(|| format!("no {name}"))?.parse()?)
}

/// Waits until so many more frames were looked at.
fn looks(boardcam: &Boardcam, more: f64) -> Outcome {
    let looks = || metric(boardcam, "boardcam_motion_frames_total");
    let until = looks()? + more;
    wait_for("frames to be looked at", || Ok((looks()? >= until).then_some(())))
}

/// Whether it has a thread for motion.
fn has_thread(boardcam: &Boardcam) -> Outcome<bool> {
    for task in fs::read_dir(format!("/proc/{}/task", boardcam.id()))? {
        let name = fs::read_to_string(task?.path().join("comm")).unwrap_or_default();
        if name.starts_with("motion ") {
            return Ok(true);
        }
    }
    Ok(false)
}

#[test]
fn somebody_who_walks_through_a_room_is_motion_until_the_room_is_empty_again() -> Outcome {
    let room = room("motion-walk")?;
    let boardcam = start(&room, &["--motion", "medium", "--motion-fps", "10"])?;
    let empty = moves(&boardcam, false)?;
    ensure!(empty["sensitivity"] == "medium" && empty["fps"] == 10 && empty["since"].is_null(), "{empty}");
    looks(&boardcam, KNOWN)?;
    ensure!(motion(&boardcam)?["moving"] == false, "the empty room moves: {}", motion(&boardcam)?);
    for _ in 0..2 {
        room.does("walks")?;
        let walks = moves(&boardcam, true)?;
        let (level, threshold) = (walks["level"].as_f64(), walks["threshold"].as_f64());
        ensure!(level > Some(0.0) && threshold > Some(0.0), "{walks}");
        let since = walks["since"].as_str().ok_or("no time")?.to_owned();
        ensure!(boardcam.state()?["cameras"][0]["motion"]["since"] == since, "{}", boardcam.state()?);
        ensure!(metric(&boardcam, "boardcam_motion")? == 1.0, "the metric says that nothing moves");
        looks(&boardcam, 10.0)?;
        let still = motion(&boardcam)?;
        ensure!(still["moving"] == true && still["since"] == since, "it ended meanwhile: {still}");
        room.does("empty")?;
        moves(&boardcam, false)?;
    }
    ensure!(metric(&boardcam, "boardcam_motion_cpu_seconds_total")? > 0.0, "it cost nothing");
    Ok(())
}

#[test]
fn no_thread_looks_before_motion_is_switched_on_and_none_after_it_is_switched_off() -> Outcome {
    let room = room("motion-thread")?;
    let boardcam = start(&room, &[])?;
    let off = motion(&boardcam)?;
    ensure!(off["sensitivity"] == "off" && off["available"] == true && off["level"].is_null(), "{off}");
    ensure!(boardcam.state()?["cameras"][0]["motion"].is_null(), "{}", boardcam.state()?);
    ensure!(!has_thread(&boardcam)? && metric(&boardcam, "boardcam_motion_frames_total")? == 0.0, "it works");
    for _ in 0..2 {
        put(&boardcam, &json!({ "sensitivity": "high" }))?;
        looks(&boardcam, 3.0)?;
        ensure!(has_thread(&boardcam)?, "no thread");
        put(&boardcam, &json!({ "sensitivity": "off" }))?;
        wait_for("the thread to end", || Ok((!has_thread(&boardcam)?).then_some(())))?;
        ensure!(motion(&boardcam)?["level"].is_null(), "{}", motion(&boardcam)?);
    }
    Ok(())
}

#[test]
fn what_is_switched_off_while_something_moves_no_longer_moves() -> Outcome {
    let room = room("motion-off")?;
    let boardcam = start(&room, &["--motion", "high", "--motion-fps", "10"])?;
    moves(&boardcam, false)?;
    room.does("walks")?;
    moves(&boardcam, true)?;
    put(&boardcam, &json!({ "sensitivity": "off" }))?;
    wait_for("the thread to end", || Ok((!has_thread(&boardcam)?).then_some(())))?;
    let off = motion(&boardcam)?;
    ensure!(off["moving"] == false && off["since"].is_null(), "{off}");
    ensure!(metric(&boardcam, "boardcam_motion")? == 0.0, "the metric says that something moves");
    Ok(())
}

#[test]
fn motion_in_a_part_that_is_left_out_counts_for_nothing_also_when_the_picture_is_turned() -> Outcome {
    let room = room("motion-zone")?;
    let boardcam = start(
        &room,
        &[
            "--motion",
            "medium",
            "--motion-fps",
            "10",
            "--motion-ignore",
            "90,0,10,10",
            "--motion-ignore",
            "0,50,100,50",
        ],
    )?;
    ensure!(
        motion(&boardcam)?["ignore"] == json!([[0.9, 0.0, 0.1, 0.1], [0.0, 0.5, 1.0, 0.5]]),
        "{}",
        motion(&boardcam)?
    );
    looks(&boardcam, KNOWN)?;
    room.does("walks")?;
    looks(&boardcam, 30.0)?;
    ensure!(motion(&boardcam)?["moving"] == false, "{}", motion(&boardcam)?);
    // It stays where it is in the scene.
    let turned = ask(boardcam.address, "PUT", "/api/orientation", &[], "{\"rotate\": 90}")?;
    ensure!(turned.status == 200, "{}", turned.text());
    looks(&boardcam, 2.0 * KNOWN)?;
    let turned = motion(&boardcam)?;
    ensure!(turned["moving"] == false && turned["level"].is_number(), "{turned}");
    ensure!(turned["ignore"] == json!([[0.9, 0.9, 0.1, 0.1], [0.0, 0.0, 0.5, 1.0]]), "{turned}");
    let left = put(&boardcam, &json!({ "ignore": [[0.5, 0, 0.5, 1]] }))?;
    ensure!(left["ignore"] == json!([[0.5, 0.0, 0.5, 1.0]]) && left["sensitivity"] == "medium", "{left}");
    moves(&boardcam, true)?;
    Ok(())
}

#[test]
fn a_camera_that_is_lost_while_something_moves_ends_the_motion_and_says_why_nothing_is_seen() -> Outcome {
    let room = room("motion-lost")?;
    let boardcam = start(&room, &["--motion", "medium", "--motion-fps", "10"])?;
    moves(&boardcam, false)?;
    room.does("walks")?;
    moves(&boardcam, true)?;
    room.does("gone")?;
    let lost = wait_for("it to see nothing", || {
        let motion = motion(&boardcam)?;
        Ok((motion["available"] == false).then_some(motion))
    })?;
    ensure!(
        lost["moving"] == false && lost["level"].is_null() && lost["why"] == "there are no pictures",
        "{lost}"
    );
    // What moved before it was lost is no motion when it is back.
    room.does("empty")?;
    moves(&boardcam, false)?;
    looks(&boardcam, KNOWN)?;
    ensure!(motion(&boardcam)?["moving"] == false, "{}", motion(&boardcam)?);
    Ok(())
}

#[test]
fn pictures_that_cannot_be_read_are_passed_over_and_said_when_there_are_no_others() -> Outcome {
    let room = room("motion-spoilt")?;
    let boardcam = start(&room, &["--motion", "medium", "--motion-fps", "20"])?;
    moves(&boardcam, false)?;
    room.does("spoilt-walks")?;
    moves(&boardcam, true)?;
    room.does("spoilt")?;
    let unread = wait_for("it to see nothing", || {
        let motion = motion(&boardcam)?;
        Ok((motion["available"] == false).then_some(motion))
    })?;
    ensure!(
        unread["why"].as_str().is_some_and(|why| why.starts_with("a picture cannot be read: ")),
        "{unread}"
    );
    ensure!(unread["moving"] == false, "{unread}");
    room.does("empty")?;
    moves(&boardcam, false)?;
    let said = boardcam.log().matches("cannot look for motion").count();
    ensure!(said == 1, "said {said} times:\n{}", boardcam.log());
    Ok(())
}

#[test]
fn in_privacy_nothing_moves_and_motion_is_noticed_again_afterwards() -> Outcome {
    let room = room("motion-private")?;
    let boardcam = start(&room, &["--motion", "medium", "--motion-fps", "10"])?;
    let privacy = |on: bool| -> Outcome {
        let answer = ask(boardcam.address, "PUT", "/api/privacy", &[], &json!({ "on": on }).to_string())?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    };
    room.does("walks")?;
    moves(&boardcam, true)?;
    privacy(true)?;
    let hidden = wait_for("it to see nothing", || {
        let motion = motion(&boardcam)?;
        Ok((motion["available"] == false).then_some(motion))
    })?;
    ensure!(hidden["moving"] == false && hidden["level"].is_null(), "{hidden}");
    privacy(false)?;
    moves(&boardcam, true)?;
    Ok(())
}

#[test]
fn what_was_set_holds_over_a_restart_until_it_is_reset_to_the_settings() -> Outcome {
    let room = room("motion-kept")?;
    let options = ["--motion", "low", "--motion-ignore", "0,0,100,25"];
    let boardcam = start(&room, &options)?;
    let set = put(
        &boardcam,
        &json!({ "sensitivity": "high", "ignore": [[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 0.1234]] }),
    )?;
    ensure!(set["problem"].is_null() && set["overruled"] == json!(["motion", "motion-ignore"]), "{set}");
    drop(boardcam);
    let boardcam = start(&room, &options)?;
    let kept = motion(&boardcam)?;
    ensure!(kept["sensitivity"] == "high" && kept["ignore"] == set["ignore"], "{kept}");
    ensure!(boardcam.log().contains("motion and motion-ignore as set by page or API"), "{}", boardcam.log());
    put(&boardcam, &json!({ "ignore": [] }))?;
    drop(boardcam);
    let boardcam = start(&room, &options)?;
    ensure!(motion(&boardcam)?["ignore"] == json!([]), "{}", motion(&boardcam)?);
    let (status, text) = change(&boardcam, "DELETE", "")?;
    let reset: Value = serde_json::from_str(&text)?;
    ensure!(status == 200 && reset["sensitivity"] == "low" && reset["overruled"] == json!([]), "{reset}");
    ensure!(reset["ignore"] == json!([[0.0, 0.0, 1.0, 0.25]]), "{reset}");
    drop(boardcam);
    let boardcam = start(&room, &[])?;
    ensure!(motion(&boardcam)?["sensitivity"] == "off", "it was kept although it was reset");
    Ok(())
}

#[test]
fn a_camera_that_rests_is_opened_to_look_for_motion_and_rests_again_when_nobody_does() -> Outcome {
    let room = room("motion-demand")?;
    let boardcam = start(&room, &["--on-demand", "1", "--motion-fps", "10"])?;
    let state = || -> Outcome<String> {
        Ok(boardcam.state()?["cameras"][0]["state"].as_str().unwrap_or_default().to_owned())
    };
    let is = |wanted: &str| wait_for(wanted, || Ok((state()? == wanted).then_some(())));
    is("resting")?;
    put(&boardcam, &json!({ "sensitivity": "medium" }))?;
    // For longer than it stays open for nobody.
    looks(&boardcam, 20.0)?;
    ensure!(state()? == "live", "it is {}", state()?);
    put(&boardcam, &json!({ "sensitivity": "off" }))?;
    is("resting")
}

#[test]
fn a_wrong_wish_is_refused_in_words_and_changes_nothing() -> Outcome {
    let room = room("motion-wrong")?;
    let boardcam = start(&room, &[])?;
    let many = format!("{{\"ignore\": [{}]}}", vec!["[0,0,1,1]"; 17].join(","));
    let long = format!("{{\"sensitivity\": \"{}\"}}", "x".repeat(50_000));
    for (body, says) in [
        ("", "The body must look like "),
        ("[]", "The body must look like "),
        ("{\"sensitivity\": \"high\", \"zones\": []}", "The body must look like "),
        ("{\"sensitivity\": \"most\"}", "expected \"off\", \"low\", \"medium\" or \"high\""),
        ("{\"sensitivity\": 7}", "expected \"off\""),
        (&long, "expected \"off\""),
        ("{\"ignore\": {}}", "expected a list of at most 16"),
        (&many, "expected a list of at most 16"),
        ("{\"ignore\": [[0, 0, 1]]}", "expected left, top, width and height"),
        ("{\"ignore\": [[0, 0, 1, 1e300]]}", "each from 0 to 1"),
        ("{\"ignore\": [[0.5, 0, 0.6, 1]]}", "within the picture"),
        ("{\"ignore\": [[0, 0, 0, 0]]}", "within the picture"),
        ("{\"sensitivity\": \"high\", \"ignore\": [[0, \"0\", 1, 1]]}", "within the picture"),
    ] {
        let (status, text) = change(&boardcam, "PUT", body)?;
        ensure!(status == 400 && text.contains(says) && text.len() < 300, "{body:.80}: {status} {text}");
    }
    let off = motion(&boardcam)?;
    ensure!(off["sensitivity"] == "off" && off["ignore"] == json!([]), "{off}");
    Ok(())
}

/// With `cargo test --features inject --test outside inject`.
#[cfg(feature = "inject")]
#[test]
fn inject_a_panic_while_a_picture_is_looked_at_is_logged_and_motion_is_noticed_afterwards() -> Outcome {
    let room = room("motion-inject")?;
    let mut command = Command::new(PROGRAM);
    command.env(::boardcam::host::inject::VARIABLE, "motion").env("STATE_DIRECTORY", room.path("state"));
    let camera = room.camera();
    let options = ["--camera", &camera, "--motion", "medium", "--motion-fps", "10"];
    let boardcam = Boardcam::start_by(command, &options)?;
    let log = wait_for("the injected panic", || {
        Ok(Some(boardcam.log())
            .filter(|log| log.contains("cannot look for motion: an error in this program")))
    })?;
    ensure!(log.contains("injected at motion"), "{log}");
    moves(&boardcam, false)?;
    room.does("walks")?;
    moves(&boardcam, true)?;
    Ok(())
}
