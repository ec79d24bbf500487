//! A panic on purpose, in a build with feature `inject`, ends one camera, viewer, request or event, and nothing else.
//!
//! With `cargo test --features inject --test outside inject`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use ::boardcam::host::inject::{VARIABLE, WHEN};
use client::{Outcome, ensure, wait_for};

use crate::boardcam::{Boardcam, PROGRAM};
use crate::notify::{Receiver, accepts, target};
use crate::program::Program;
use crate::recording::{Place, record_one, start_by};

fn broken_at(place: &str) -> Outcome<Boardcam> {
    let mut command = Command::new(PROGRAM);
    command.env(VARIABLE, place);
    Boardcam::start_by(command, &["--camera", "pattern", "--size", "640x480"])
}

#[test]
fn a_panic_of_the_whole_program_is_in_its_log() -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.args(["--camera", "pattern", "--listen", "127.0.0.1:0"]);
    let output = command.env(VARIABLE, "main").output()?;
    let log = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(101), "{}", output.status);
    // Not always the last line: the camera's thread may say something while the program ends.
    let told = log.lines().any(|line| line.contains("panic in thread \"main\"") && line.contains("injected"));
    ensure!(told, "{log}");
    Ok(())
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
    if thread::available_parallelism()?.get() == 1 { Ok(()) } else { comes_back_after_a_panic_at("band") }
}

fn comes_back_after_a_panic_at(place: &str) -> Outcome {
    let now = std::env::temp_dir().join(format!("boardcam-inject-{}-{place}", std::process::id()));
    let mut command = Command::new(PROGRAM);
    command.env(VARIABLE, place);
    command.env(WHEN, &now);
    let boardcam = Boardcam::start_by(command, &["--camera", "pattern", "--size", "640x480"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    ensure!(!boardcam.log().contains("panic in thread"), "too early: {}", boardcam.log());
    fs::write(&now, "")?;
    let told = said_so(&boardcam, place);
    fs::remove_file(&now)?;
    told?;
    wait_for("the picture", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    let published = boardcam.state()?["cameras"][0]["frames"]["published"].as_u64();
    wait_for("pictures on the same connection", || {
        viewer.next()?;
        Ok((boardcam.state()?["cameras"][0]["frames"]["published"].as_u64() > published).then_some(()))
    })
}

/// boardcam that fails once at this place, with these options.
fn fails_at(place: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env(VARIABLE, place);
    command
}

#[test]
fn a_panic_while_somebody_is_told_costs_that_one_event() -> Outcome {
    for kind in ["hook", "command"] {
        let (program, receiver) =
            (Program::new(&format!("inject-{kind}"), "shows")?, Receiver::new(accepts)?);
        let url = format!("http://{}/", receiver.address);
        let told = if kind == "hook" { ["--notify", &url] } else { ["--notify-command", "true"] };
        let boardcam =
            Boardcam::start_by(fails_at(kind), &[&["--camera", &program.camera()], &told[..]].concat())?;
        wait_for("pictures", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
        program.does("nothing")?;
        program.crash()?;
        said_so(&boardcam, kind)?;
        let failed = wait_for("it to be counted", || {
            Ok(Some(target(&boardcam, kind)?).filter(|target| target["failed"] == 1))
        })?;
        let why = failed["problem"].to_string();
        ensure!(failed["works"] == false && why.contains("an error in this program"), "{failed}");
        program.does("shows")?;
        program.crash()?;
        wait_for("the next event to be told", || {
            let target = target(&boardcam, kind)?;
            Ok((target["works"] == true && target["sent"].as_u64() >= Some(1)).then_some(()))
        })
        .map_err(|why| format!("{kind}: {why}\n{}", boardcam.log()))?;
    }
    Ok(())
}

#[test]
fn a_panic_in_a_session_with_the_broker_ends_that_one_and_another_begins() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mqtt = format!("mqtt://{}/", listener.local_addr()?);
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = socket.write_all(b"\x20\x02\x00\x00"); // CONNACK: welcome
                while socket.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {}
            });
        }
    });
    let boardcam =
        Boardcam::start_by(fails_at("mqtt"), &["--camera", "pattern", "--size", "320x240", "--mqtt", &mqtt])?;
    said_so(&boardcam, "mqtt")?;
    wait_for("another session", || {
        let target = target(&boardcam, "mqtt")?;
        Ok((target["failed"] == 1 && target["works"] == true).then_some(()))
    })
    .map_err(|why| format!("{why}\n{}", boardcam.log()).into())
}

#[test]
fn a_panic_while_a_recording_is_read_ends_that_request_alone() -> Outcome {
    let place = Place::new()?;
    let boardcam = start_by(fails_at("read"), &place.0, &[])?;
    let (_, listed) = record_one(&boardcam, &place, 3)?;
    let url = listed["url"].as_str().ok_or("a recording without a URL")?;
    let refused = boardcam.get(url)?;
    ensure!(refused.status == 503, "{} {}", refused.status, refused.text());
    said_so(&boardcam, "read")?;
    for _ in 0..4 {
        ensure!(boardcam.get(url)?.status == 200, "the next one failed, too");
    }
    Ok(())
}

#[test]
fn a_panic_while_a_recording_is_played_ends_that_playback_alone() -> Outcome {
    let place = Place::new()?;
    let boardcam = start_by(fails_at("play"), &place.0, &[])?;
    let (_, listed) = record_one(&boardcam, &place, 3)?;
    let url = format!("{}/stream", listed["url"].as_str().ok_or("a recording without a URL")?);
    ensure!(!boardcam.watch(&url).is_ok_and(|viewer| viewer.next().is_ok()), "it was played");
    said_so(&boardcam, "play")?;
    let viewer = boardcam.watch(&url)?;
    viewer.next()?;
    viewer.wait_for_end()
}

#[test]
fn a_panic_while_a_recording_is_looked_at_leaves_that_without_a_duration_and_others_are_listed() -> Outcome {
    let place = Place::new()?;
    let boardcam = start_by(fails_at("duration"), &place.0, &[])?;
    let (_, first) = record_one(&boardcam, &place, 3)?;
    said_so(&boardcam, "duration")?;
    let (_, second) = record_one(&boardcam, &place, 3)?;
    let duration = |listed: &serde_json::Value| -> Outcome<serde_json::Value> {
        let list: serde_json::Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
        let found = list["recordings"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == listed["name"]));
        Ok(found.ok_or("it is not listed")?["duration_s"].clone())
    };
    wait_for("the second one's duration", || Ok(duration(&second)?.is_number().then_some(())))?;
    ensure!(duration(&first)?.is_null(), "{first}");
    Ok(())
}
