//! Privacy: a camera that is switched off for everybody, by API and by plan.

use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::Command;

use client::{Answer, Outcome, ask, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::{Boardcam, PROGRAM, complaint};
use crate::program::Program;
use crate::recording::Place;
use crate::serving::dimensions;

const PATTERN: [&str; 4] = ["--camera", "pattern", "--size", "320x240"];

fn switch(address: SocketAddr, on: bool) -> Outcome<Value> {
    let answer = ask(address, "PUT", "/api/privacy", &[], &format!("{{\"on\": {on}}}"))?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    Ok(serde_json::from_slice(&answer.body)?)
}

fn state(boardcam: &Boardcam) -> Outcome<String> {
    Ok(boardcam.state()?["cameras"][0]["state"].as_str().ok_or("no state")?.to_owned())
}

fn is(boardcam: &Boardcam, wanted: &str) -> Outcome {
    wait_for(wanted, || Ok((state(boardcam)? == wanted).then_some(())))
}

/// No picture can be had, whatever is asked for.
fn shows_nothing(boardcam: &Boardcam) -> Outcome {
    for path in [
        "/snapshot",
        "/snapshot?size=160x120",
        "/snapshot?quality=20",
        "/?action=snapshot",
        "/cameras/camera/snapshot",
    ] {
        let refused = boardcam.get(path)?;
        ensure!(
            refused.status == 503 && refused.text().contains("privacy is on"),
            "{path}: {}",
            refused.text()
        );
    }
    is(boardcam, "private")?;
    let metrics = boardcam.get("/metrics")?.text();
    ensure!(metrics.contains("boardcam_camera_private{camera=\"camera\"} 1\n"), "{metrics}");
    let health = boardcam.get("/healthz")?;
    ensure!(health.status == 200, "it is as somebody wants it: {}", health.text());
    Ok(())
}

/// The program with this folder for what it keeps.
fn keeping(place: &Place, options: &[&str]) -> Outcome<Boardcam> {
    let mut command = Command::new(PROGRAM);
    command.env("STATE_DIRECTORY", &place.0);
    Boardcam::start_by(command, options)
}

#[test]
fn the_camera_is_closed_at_once_for_all_and_its_viewers_see_the_card_in_its_size_until_it_is_opened_again()
-> Outcome {
    let program = Program::new("private", "shows")?;
    let boardcam = Boardcam::start(&["--camera", &program.camera()])?;
    let viewer = boardcam.watch("/stream")?;
    program.is_seen(&viewer)?;
    let smaller = boardcam.watch("/stream?size=160x120")?;
    let small = smaller.next()?;
    let size = dimensions(&program.frame()?)?;

    ensure!(switch(boardcam.address, true)?["on"] == true, "it is on");
    shows_nothing(&boardcam)?;
    program.is_gone()?;
    is(&boardcam, "private")?;
    let frame = program.frame()?;
    let card = viewer.wait_for("the card", |seen| *seen != frame)?;
    let card_size = dimensions(&card)?;
    ensure!(card_size.0 >= size.0 && card_size.1 >= size.1, "{card_size:?} in place of {size:?}");
    let small_card = smaller.wait_for("the smaller card", |seen| *seen != small)?;
    ensure!(dimensions(&small_card)?.0 <= 160, "{:?}", dimensions(&small_card)?);
    shows_nothing(&boardcam)?;
    // A new viewer gets the card and nothing else.
    let late = boardcam.watch("/stream")?;
    for _ in 0..2 {
        ensure!(late.next()? != frame, "the last picture");
    }
    let asked = boardcam.get("/snapshot?card=1")?;
    ensure!(asked.status == 200 && asked.body != frame, "{} {}", asked.status, asked.text());

    ensure!(switch(boardcam.address, false)?["on"] == false, "it is off");
    for viewer in [&viewer, &late] {
        program.is_seen(viewer)?;
    }
    smaller.wait_for("the smaller picture", |seen| *seen == small)?;
    let snapshot: Answer =
        wait_for(
            "a snapshot",
            || Ok(Some(boardcam.get("/snapshot")?).filter(|answer| answer.status == 200)),
        )?;
    ensure!(snapshot.body == frame, "another picture");
    Ok(())
}

#[test]
fn privacy_holds_over_a_restart_until_it_is_switched_off_and_the_camera_is_not_opened() -> Outcome {
    let place = Place::new()?;
    let program = Program::new("private-restart", "shows")?;
    let options = ["--camera", &program.camera()];
    let boardcam = keeping(&place, &options)?;
    ensure!(switch(boardcam.address, true)?["problem"].is_null(), "it is not kept");
    is(&boardcam, "private")?;
    program.is_gone()?;
    drop(boardcam);
    let starts = fs::read_to_string(program.path("groups")).unwrap_or_default();
    let boardcam = keeping(&place, &options)?;
    is(&boardcam, "private")?;
    shows_nothing(&boardcam)?;
    ensure!(fs::read_to_string(program.path("groups")).unwrap_or_default() == starts, "it was opened");
    switch(boardcam.address, false)?;
    is(&boardcam, "live")?;
    drop(boardcam);
    is(&keeping(&place, &options)?, "live")
}

#[test]
fn with_a_damaged_file_the_camera_stays_closed_and_says_why_until_it_is_switched_off() -> Outcome {
    let place = Place::new()?;
    fs::write(place.0.join("cameras.json"), "{\"camera\": {\"priv")?;
    let boardcam = keeping(&place, &PATTERN)?;
    shows_nothing(&boardcam)?;
    wait_for("the log to say so", || Ok(boardcam.log().contains("all cameras stay private").then_some(())))?;
    let told = boardcam.get("/api/privacy")?.text();
    ensure!(told.contains("cannot be read") && told.contains("switch privacy off"), "{told}");
    let picture = place.0.join("picture.jpg");
    let mut snapshot = Command::new(PROGRAM);
    let snapshot =
        snapshot.env("STATE_DIRECTORY", &place.0).args(PATTERN).args(["snapshot", "-o"]).arg(&picture);
    let refused = snapshot.output()?;
    ensure!(!refused.status.success() && !picture.exists(), "{refused:?}");
    let answer = switch(boardcam.address, false)?;
    ensure!(answer["cameras"][0]["reason"].is_null() && answer["problem"].is_null(), "{answer}");
    is(&boardcam, "live")?;
    drop(boardcam);
    is(&keeping(&place, &PATTERN)?, "live")?;
    switch(keeping(&place, &PATTERN)?.address, true)?;
    let refused = snapshot.output()?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(!refused.status.success() && said.contains("privacy was switched on"), "{said}");
    let boardcam = keeping(&place, &PATTERN)?;
    wait_for("the log to say so", || {
        Ok(boardcam.log().contains("privacy is on as switched on the page").then_some(()))
    })
}

#[test]
fn a_camera_that_rests_stays_closed_for_whoever_wants_it() -> Outcome {
    let boardcam = Boardcam::start(&[&PATTERN[..], &["--on-demand", "1"]].concat())?;
    is(&boardcam, "resting")?;
    switch(boardcam.address, true)?;
    is(&boardcam, "private")?;
    shows_nothing(&boardcam)?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    ensure!(state(&boardcam)? == "private", "{}", state(&boardcam)?);
    switch(boardcam.address, false)?;
    is(&boardcam, "live")
}

#[test]
fn the_plan_closes_the_camera_and_the_switch_overrules_it() -> Outcome {
    for (plan, on) in [("on", true), ("off", false), ("00:00-24:00", true)] {
        let boardcam = Boardcam::start(&[&PATTERN[..], &["--privacy", plan]].concat())?;
        is(&boardcam, if on { "private" } else { "live" })?;
        switch(boardcam.address, !on)?;
        is(&boardcam, if on { "live" } else { "private" })?;
        let told = boardcam.get("/api/privacy")?.text();
        ensure!(told.contains(&format!("\"plan\":\"{plan}\"")), "{told}");
    }
    Ok(())
}

#[test]
fn a_recording_is_closed_without_the_card_and_goes_on_in_another_file() -> Outcome {
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let record = ["--record-folder", folder, "--record-min-free", "1", "--record", "always"];
    let boardcam = Boardcam::start(&[&PATTERN[..], &record].concat())?;
    let list = || -> Outcome<Vec<Value>> {
        let list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
        Ok(list["recordings"].as_array().ok_or("no list")?.clone())
    };
    wait_for("a recording", || Ok(list()?.first().filter(|one| one["bytes"].as_u64() > Some(0)).map(drop)))?;
    switch(boardcam.address, true)?;
    let closed = wait_for("the file to be closed", || {
        Ok(list()?.into_iter().next().filter(|one| one["recording"] == false))
    })?;
    let _viewer = boardcam.watch("/stream")?; // so that the card is drawn
    _viewer.next()?;
    let now = list()?;
    ensure!(now.len() == 1 && now[0]["bytes"] == closed["bytes"], "{now:?} after {closed}");
    let mut begin = [0; 4];
    fs::File::open(place.0.join(closed["name"].as_str().ok_or("no name")?))?.read_exact(&mut begin)?;
    ensure!(begin == [0x1a, 0x45, 0xdf, 0xa3], "no Matroska file");
    switch(boardcam.address, false)?;
    wait_for("another file", || Ok((list()?.len() == 2).then_some(())))
}

#[test]
fn a_snapshot_that_waits_is_refused_when_privacy_is_switched_on() -> Outcome {
    let program = Program::new("private-waits", "slow")?;
    let boardcam = Boardcam::start(&["--camera", &program.camera(), "--on-demand", "1"])?;
    is(&boardcam, "resting")?;
    let address = boardcam.address;
    let waits = std::thread::spawn(move || client::get(address, "/snapshot"));
    is(&boardcam, "starting")?;
    switch(address, true)?;
    let refused = waits.join().map_err(|_| "a panic")??;
    ensure!(refused.status == 503 && refused.text().contains("privacy is on"), "{}", refused.text());
    Ok(())
}

#[test]
fn a_picture_without_a_server_is_not_taken_while_the_settings_say_privacy() -> Outcome {
    let line = complaint(&[&PATTERN[..], &["--privacy", "on", "snapshot", "-o", "-"]].concat(), 1)?;
    ensure!(line.contains("privacy is on in the settings"), "{line}");
    Ok(())
}
