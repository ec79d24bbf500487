//! `--on-demand`: a camera is closed while nobody wants it, and opened for the next one.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use client::{Answer, Outcome, ask, ensure, get, wait_for};
use rustix::process::Signal;
use serde_json::Value;

use crate::boardcam::Boardcam;
use crate::program::Program;
use crate::recording::Place;
use crate::serving::dimensions;

/// What the tests set: the shortest.
const AFTER: Duration = Duration::from_secs(1);

/// For so long it is looked whether something happens that must not.
const LOOK: Duration = Duration::from_millis(1500);

/// The program as a camera that is opened on demand.
fn start(program: &Program) -> Outcome<Boardcam> {
    Boardcam::start(&["--camera", &program.camera(), "--size", "320x240", "--on-demand", "1"])
}

fn camera(boardcam: &Boardcam) -> Outcome<Value> {
    Ok(boardcam.state()?["cameras"][0].take())
}

/// Waits until it rests, which is not an error.
fn rests(boardcam: &Boardcam) -> Outcome<Value> {
    let camera = wait_for("the camera to rest", || {
        Ok(Some(camera(boardcam)?).filter(|camera| camera["state"] == "resting"))
    })
    .map_err(|why| format!("{why}: {:?}", camera(boardcam)))?;
    ensure!(camera["problem"].is_null() && camera["on_demand"] == 1, "{camera}");
    let health = boardcam.get("/healthz")?;
    ensure!(health.status == 200, "{}: {}", health.status, health.text());
    let metrics = boardcam.get("/metrics")?.text();
    ensure!(metrics.contains("boardcam_camera_resting{camera=\"camera\"} 1\n"), "{metrics}");
    Ok(camera)
}

/// A snapshot. This machine may be too slow to start the camera in the time that one waits for its picture.
fn snapshot(address: SocketAddr, path: &str) -> Outcome<Answer> {
    wait_for("a snapshot", || {
        let answer = get(address, path)?;
        let is_late = answer.status == 503 && answer.text().contains("The camera gave no new picture within");
        ensure!(answer.status == 200 || is_late, "{path}: {} {}", answer.status, answer.text());
        Ok((!is_late).then_some(answer))
    })
}

/// How often the program was started.
fn starts(program: &Program) -> usize {
    fs::read_to_string(program.path("groups")).unwrap_or_default().lines().count()
}

/// How often the camera's thread went to sleep, and so was woken.
fn sleeps(boardcam: &Boardcam) -> Outcome<u64> {
    for task in fs::read_dir(format!("/proc/{}/task", boardcam.id()))? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "camera camera") {
            let status = fs::read_to_string(task.join("status"))?;
            let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            return Ok(count.ok_or("no count")?.trim().parse()?);
        }
    }
    Err("no thread of the camera".into())
}

#[test]
fn the_camera_is_closed_while_nobody_watches_and_the_next_viewer_sees_the_card_until_it_has_started()
-> Outcome {
    let program = Program::new("demand", "slow")?;
    let boardcam = start(&program)?;
    rests(&boardcam)?;
    ensure!(starts(&program) == 0, "it was opened at the start");
    for visit in 1..=2 {
        let viewer = boardcam.watch("/stream")?;
        ensure!(viewer.next()? != program.frame()?, "no card while it starts");
        program.is_seen(&viewer)?;
        wait_for("it to be live", || Ok((camera(&boardcam)?["state"] == "live").then_some(())))?;
        ensure!(starts(&program) == visit, "{} starts for visit {visit}", starts(&program));
        let begin = Instant::now();
        drop(viewer);
        program.is_gone()?;
        ensure!(begin.elapsed() >= AFTER, "closed after {:?}", begin.elapsed());
        rests(&boardcam)?;
    }
    let log = boardcam.log();
    ensure!(log.contains("rests until somebody watches or records") && !log.contains("WARN"), "{log}");
    Ok(())
}

#[test]
fn the_thread_of_a_camera_that_rests_sleeps_and_the_program_ends_at_once() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--on-demand", "1"])?;
    rests(&boardcam)?;
    let mut last = None;
    let before = wait_for("it to sleep", || {
        let now = sleeps(&boardcam)?;
        Ok((last.replace(now) == Some(now)).then_some(now))
    })?;
    thread::sleep(LOOK);
    ensure!(sleeps(&boardcam)? == before, "it was woken {} times", sleeps(&boardcam)? - before);
    boardcam.signal(Signal::TERM)?;
    let log =
        wait_for("the end", || Ok(Some(boardcam.log()).filter(|log| log.contains("boardcam stopped"))))?;
    ensure!(!log.contains("did not finish in time"), "{log}");
    Ok(())
}

#[test]
fn snapshots_wait_for_a_camera_that_rests_also_while_it_starts() -> Outcome {
    let program = Program::new("demand-snapshot", "slow")?;
    let boardcam = start(&program)?;
    rests(&boardcam)?;
    let address = boardcam.address;
    let first = thread::spawn(move || snapshot(address, "/snapshot"));
    wait_for("it to start", || Ok((camera(&boardcam)?["state"] == "starting").then_some(())))?;
    ensure!(boardcam.get("/healthz")?.status == 200, "not healthy while it starts");
    let smaller = snapshot(address, "/snapshot?size=160x120")?;
    let whole = first.join().map_err(|_| "a panic")??;
    ensure!(whole.status == 200 && whole.body == program.frame()?, "{}: {}", whole.status, whole.text());
    ensure!(smaller.status == 200, "{}: {}", smaller.status, smaller.text());
    ensure!(dimensions(&smaller.body)? == (160, 120), "{:?}", dimensions(&smaller.body)?);
    ensure!(starts(&program) == 1, "{} starts", starts(&program));
    program.is_gone()?;
    rests(&boardcam)?;
    // Who would also take the card gets the picture, too, and the card if there will be none.
    let picture = snapshot(address, "/snapshot?card=1")?;
    ensure!(picture.body == program.frame()?, "{} and another picture", picture.status);
    rests(&boardcam)?;
    let picture = snapshot(address, "/snapshot?size=160x120&card=1")?;
    ensure!(picture.body == smaller.body, "{} and another smaller picture", picture.status);
    rests(&boardcam)?;
    program.does("is-not-there")?;
    for path in ["/snapshot?card=1", "/snapshot?size=160x120&card=1"] {
        let card = boardcam.get(path)?;
        ensure!(card.status == 200, "{path}: {}: {}", card.status, card.text());
        ensure!(card.body != program.frame()? && card.body != smaller.body, "{path}: no card");
    }
    Ok(())
}

#[test]
fn a_time_lapse_opens_the_camera_for_each_of_its_pictures() -> Outcome {
    let program = Program::new("demand-lapse", "shows")?;
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let record =
        ["--record-folder", folder, "--record-min-free", "1", "--record", "always", "--record-every", "4"];
    let camera = program.camera();
    let boardcam = Boardcam::start(
        &[&["--camera", &camera, "--on-demand", "1", "--size", "320x240"][..], &record].concat(),
    )?;
    wait_for("its third start", || Ok((starts(&program) >= 3).then_some(())))?;
    let metrics = boardcam.get("/metrics")?.text();
    ensure!(metrics.contains("boardcam_recording_failing{camera=\"camera\"} 0\n"), "{metrics}");
    Ok(())
}

#[test]
fn what_is_set_while_the_camera_rests_holds_at_its_next_opening_and_does_not_wake_it() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--on-demand", "1"])?;
    rests(&boardcam)?;
    let begin = Instant::now();
    let put = |path: &str, body: &str| -> Outcome<Value> {
        let answer = ask(boardcam.address, "PUT", path, &[], body)?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
        Ok(serde_json::from_slice(&answer.body)?)
    };
    let settings = put("/api/settings", "{\"size\": \"160x120\"}")?;
    ensure!(settings["applied"] == false && settings["settings"]["size"]["value"] == "160x120", "{settings}");
    ensure!(begin.elapsed() < Duration::from_secs(3), "it waited for the camera: {:?}", begin.elapsed());
    put("/api/orientation", "{\"rotate\": 90}")?;
    let camera = rests(&boardcam)?;
    ensure!(camera["frames"]["captured"] == 0, "it was opened: {camera}");
    let snapshot = snapshot(boardcam.address, "/snapshot")?;
    ensure!(dimensions(&snapshot.body)? == (120, 160), "{:?}", dimensions(&snapshot.body)?);
    Ok(())
}

#[test]
fn a_camera_that_cannot_be_opened_is_an_error_only_while_somebody_wants_it() -> Outcome {
    let program = Program::new("demand-away", "dies")?;
    let boardcam = start(&program)?;
    rests(&boardcam)?;
    let viewer = boardcam.watch("/stream")?;
    wait_for("the reason", || Ok(camera(&boardcam)?["problem"].is_object().then_some(())))?;
    ensure!(boardcam.get("/healthz")?.status == 503, "healthy without pictures");
    drop(viewer);
    rests(&boardcam)?;
    program.is_gone()?;
    let tried = starts(&program);
    thread::sleep(LOOK);
    ensure!(starts(&program) == tried, "it is tried although nobody wants it");
    program.does("shows")?;
    let viewer = boardcam.watch("/stream")?;
    program.is_seen(&viewer)
}
