//! Pictures from other programs. Whatever such a program does affects only its own camera.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use client::{Outcome, ensure, wait_for};
use rustix::process::Signal;

use crate::boardcam::{Boardcam, complaint, goes_on, run};
use crate::program::{Program, dropped, processes, with_rpicam};

/// boardcam must end within this time.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn the_pictures_of_a_program_are_shown_unchanged_and_its_arguments_to_nobody() -> Outcome {
    let program = Program::new("shown", "shows")?;
    let boardcam = program.boardcam()?;
    let camera =
        || Ok::<_, Box<dyn std::error::Error + Send + Sync>>(boardcam.state()?["cameras"][0].clone());
    wait_for("pictures that nobody watches", || {
        Ok((camera()?["frames"]["captured"].as_u64() > Some(10)).then_some(()))
    })?;
    // The first one is kept: it may be a still, and the next one half a minute away.
    ensure!(camera()?["frames"]["published"].as_u64() <= Some(1), "they were published");
    let viewer = boardcam.watch("/stream")?;
    program.is_seen(&viewer)?;
    let message = camera()?.to_string();
    ensure!(
        camera()?["device"]["path"] == "pipe:script" && camera()?["source"] == "pipe:script",
        "{message}"
    );
    ensure!(camera()?["format"]["layout"] == "mjpeg" && camera()?["format"]["width"] == 320, "{message}");
    ensure!(
        !message.contains("secret") && !boardcam.log().contains("secret"),
        "{message}\n{}",
        boardcam.log()
    );
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    program.is_gone()
}

/// The program crashes and is restarted in `mode`, `is_reported` becomes true, and then the program shows pictures
/// again.
fn trouble(mode: &str, is_reported: impl Fn(&Boardcam) -> Outcome<bool>) -> Outcome {
    const MARGIN_KIB: u64 = 4 << 10;
    let program = Program::new(mode, "shows")?;
    let boardcam = program.boardcam()?;
    let (viewer, other) = (boardcam.watch("/stream")?, boardcam.watch("/cameras/other/stream")?);
    program.is_seen(&viewer)?;
    goes_on(&other, 5)?;
    let (before, memory) = (boardcam.files_and_threads()?, boardcam.resident()?);
    program.does(mode)?;
    program.crash()?;
    let mut most = 0;
    wait_for(&format!("{mode} to show"), || {
        goes_on(&other, 1)?;
        most = most.max(boardcam.resident()?);
        Ok(is_reported(&boardcam)?.then_some(()))
    })
    .map_err(|why| format!("{why}\n{}", boardcam.log()))?;
    program.does("shows")?;
    if mode == "nothing" {
        program.crash()?; // it would be waited for for a minute
    }
    program.is_seen(&viewer).map_err(|why| format!("{why}\n{}", boardcam.log()))?;
    goes_on(&other, 5)?;
    boardcam.wait_for_no_more_than(before)?;
    ensure!(program.running().len() == 1, "{} run", program.running().len());
    let us = i32::try_from(boardcam.id())?;
    let children = processes().iter().filter(|process| process.parent == us).count();
    ensure!(children == 1, "{children} children, zombies among them");
    let now = boardcam.resident()?;
    ensure!(now < memory + MARGIN_KIB, "{mode}: {memory} KiB have become {now}");
    ensure!(most < memory + (64 << 10), "{mode}: {memory} KiB were {most} meanwhile");
    ensure!(!boardcam.log().contains("panic"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn a_program_that_dies_is_restarted_and_its_last_words_are_reported() -> Outcome {
    trouble("dies", |boardcam| {
        let log = boardcam.log();
        ensure!(!log.contains("secret"), "a password is in the log");
        Ok(log.contains("pipe:script ended: exit status: 3; it last said: rtsp://***@cam: the lens fell off"))
    })
}

#[test]
fn a_command_that_is_not_found_is_reported_and_tried_again() -> Outcome {
    trouble("is-not-there", |boardcam| {
        Ok(boardcam.state()?["cameras"][0]["problem"].to_string().contains("the command was not found"))
    })
}

#[test]
fn a_program_that_writes_garbage_is_reported() -> Outcome {
    trouble("garbage", |boardcam| {
        Ok(boardcam.log().contains("it writes text that begins with \"garbage\" and not JPEGs"))
    })
}

#[test]
fn half_frames_are_dropped_and_counted() -> Outcome {
    trouble("halves", |boardcam| Ok(dropped(boardcam, "truncated")? > 3))
}

#[test]
fn a_jpeg_of_a_gigabyte_is_dropped_and_takes_no_memory() -> Outcome {
    trouble("huge", |boardcam| Ok(dropped(boardcam, "too_large")? > 0))
}

#[test]
fn a_program_that_hangs_is_ended_and_restarted() -> Outcome {
    trouble("hangs", |boardcam| {
        Ok(boardcam.log().contains("cannot get pictures from pipe:script: none came"))
    })
}

#[test]
fn a_program_that_delivers_nothing_is_reported() -> Outcome {
    trouble("nothing", |boardcam| {
        Ok(boardcam.log().contains("cannot use pipe:script: nothing has come from it yet"))
    })
}

#[test]
fn a_program_that_talks_endlessly_shows_its_pictures_and_does_not_fill_the_log() -> Outcome {
    let program = Program::new("chatters", "chatters")?;
    let boardcam = program.boardcam()?;
    let viewer = boardcam.watch("/stream")?;
    program.is_seen(&viewer)?;
    goes_on(&viewer, 20)?;
    let lines = boardcam.log().matches("camera: pipe:script: so many words").count();
    ensure!((1..=20).contains(&lines), "{lines} lines in the log");
    ensure!(boardcam.end_by(Signal::TERM)?.1 < SOON, "it did not end soon");
    program.is_gone()
}

#[test]
fn a_program_that_ignores_sigterm_is_killed_with_its_children_before_boardcam_ends() -> Outcome {
    let program = Program::new("stubborn", "stubborn")?;
    let boardcam = program.boardcam()?;
    program.is_seen(&boardcam.watch("/stream")?)?;
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    program.is_gone()
}

#[test]
fn boardcam_ends_soon_even_if_a_program_has_not_delivered_yet() -> Outcome {
    let program = Program::new("waits", "nothing")?;
    let boardcam = program.boardcam()?;
    wait_for("the program", || Ok((!program.running().is_empty()).then_some(())))?;
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < SOON, "exit code {code:?} after {after:?}");
    program.is_gone()
}

#[test]
fn a_program_that_writes_ends_even_if_boardcam_is_killed() -> Outcome {
    let program = Program::new("orphan", "shows")?;
    let boardcam = program.boardcam()?;
    program.is_seen(&boardcam.watch("/stream")?)?;
    drop(boardcam); // by SIGKILL
    program.is_gone()
}

#[test]
fn standard_input_is_shown_until_it_ends_and_then_the_user_gets_advice() -> Outcome {
    let program = Program::new("stdin", "shows")?;
    let fifo = program.path("fifo");
    ensure!(Command::new("mkfifo").arg(&fifo).status()?.success(), "no fifo");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" \"$@\" <{fifo}"), env!("CARGO_BIN_EXE_boardcam")]);
    let mut writer =
        Command::new("sh").args(["-c", &format!("exec >{fifo}; exec {}", program.path("script"))]).spawn()?;
    let boardcam = Boardcam::start_by(shell, &["--camera", "-", "--camera", "pattern", "--size", "320x240"])?;
    let viewer = boardcam.watch("/stream")?;
    program.is_seen(&viewer)?;
    writer.kill()?;
    writer.wait()?;
    let message = wait_for("the reason", || {
        let problem = boardcam.state()?["cameras"][0]["problem"].clone();
        Ok(problem.is_object().then(|| problem.to_string()))
    })?;
    ensure!(message.contains("standard input ended") && message.contains("restart boardcam"), "{message}");
    goes_on(&viewer, 2)?; // the card
    goes_on(&boardcam.watch("/cameras/camera-2/stream")?, 5)?;
    let ended = boardcam.log().matches("standard input ended").count();
    ensure!(ended == 1, "reported {ended} times");
    ensure!(boardcam.end_by(Signal::TERM)?.1 < SOON, "it did not end soon");
    Ok(())
}

#[test]
fn a_camera_module_is_read_through_rpicam_vid_or_libcamera_vid() -> Outcome {
    for name in ["rpicam-vid", "libcamera-vid"] {
        let program = Program::new(name, "shows")?;
        let boardcam = with_rpicam(&program, name, "rpicam:--camera 1 --hflip")?;
        program.is_seen(&boardcam.watch("/stream")?)?;
        let arguments = fs::read_to_string(program.path("arguments"))?;
        ensure!(
            arguments
                == "--codec mjpeg --width 320 --height 240 --framerate 15 --quality 70 --timeout 0 --nopreview \
                    --flush --output - --camera 1 --hflip\n",
            "{arguments}"
        );
    }
    Ok(())
}

#[test]
fn a_camera_module_is_found_automatically_if_there_is_no_other_camera() -> Outcome {
    if Path::new("/dev/video0").exists() {
        println!("skipped: this machine has a video device");
        return Ok(());
    }
    let program = Program::new("auto", "shows")?;
    let boardcam = with_rpicam(&program, "rpicam-vid", "auto")?;
    program.is_seen(&boardcam.watch("/stream")?)?;
    ensure!(boardcam.state()?["cameras"][0]["device"]["path"] == "rpicam", "{}", boardcam.state()?);
    drop(boardcam);

    program.does("no-module")?;
    let boardcam = with_rpicam(&program, "rpicam-vid", "auto")?;
    let camera = wait_for("the refusal", || {
        let camera = boardcam.state()?["cameras"][0].clone();
        Ok((camera["state"] == "waiting").then_some(camera))
    })?;
    ensure!(camera["refused"].to_string().contains("no cameras available"), "{camera}");
    ensure!(camera["problem"]["why"] == "there is no /dev/video device", "{camera}");
    Ok(())
}

#[test]
fn impossible_sources_are_reported() -> Outcome {
    for camera in ["pipe:", "pipe", "rpicam2"] {
        let line = complaint(&["--camera", camera], 2)?;
        let is_told = line.contains("rpicam, pipe:COMMAND, - (standard input)");
        ensure!(is_told || line.contains("a command behind pipe:"), "{camera}: {line}");
    }
    let output = run(&["--camera", "pipe:exec boardcam-is-not-here", "probe"])?;
    let message = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(1) && message.contains("the command was not found"), "{message}");
    let line = complaint(&["--camera", "pipe:echo broken >&2; exit 5", "snapshot", "-o", "/dev/null"], 1)?;
    ensure!(line.contains("exit status: 5; it last said: broken"), "{line}");
    Ok(())
}

#[test]
fn a_moving_picture_of_ffmpeg_is_shown() -> Outcome {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        println!("skipped: there is no ffmpeg; tests/clients/run has it");
        return Ok(());
    }
    let camera = "pipe:ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=320x240:rate=25 -f mjpeg -";
    let boardcam = Boardcam::start(&["--camera", camera])?;
    let viewer = boardcam.watch("/stream")?;
    wait_for("ffmpeg", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    let first = viewer.wait_for("a picture", |jpeg| jpeg.starts_with(b"\xff\xd8"))?;
    viewer.wait_for("another picture", |jpeg| jpeg != first)?;
    let state = boardcam.state()?;
    ensure!(state["cameras"][0]["format"]["width"] == 320, "{state}");
    ensure!(boardcam.end_by(Signal::TERM)?.1 < SOON, "it did not end soon");
    Ok(())
}

/// With `cargo test --features inject --test outside inject`.
#[cfg(feature = "inject")]
mod inject {
    use super::*;

    /// The camera fails at `place` once its picture was seen; its program is ended and another one started.
    fn is_restarted_after_a_fault_at(place: &str, logged: &str) -> Outcome {
        let program = Program::new(place, "shows")?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcam"));
        command.env(::boardcam::host::inject::VARIABLE, place);
        command.env(::boardcam::host::inject::WHEN, program.path("now"));
        let boardcam = Boardcam::start_by(command, &["--camera", &program.camera()])?;
        let viewer = boardcam.watch("/stream")?;
        program.is_seen(&viewer)?;
        let starts = || -> Outcome<usize> { Ok(fs::read_to_string(program.path("groups"))?.lines().count()) };
        ensure!(starts()? == 1 && !boardcam.log().contains(logged), "too early: {}", boardcam.log());
        fs::write(program.path("now"), "")?;
        wait_for("the second start", || Ok((starts()? == 2).then_some(())))?;
        ensure!(boardcam.log().contains(logged), "no fault: {}", boardcam.log());
        program.is_seen(&viewer)?;
        let (starts, running) = (starts()?, program.running());
        ensure!(starts == 2 && running.len() == 1, "{starts} starts, {running:?} run");
        Ok(())
    }

    #[test]
    fn a_panic_in_a_camera_restarts_its_program() -> Outcome {
        is_restarted_after_a_fault_at("camera", "panic in thread")
    }

    #[test]
    fn an_error_in_a_camera_restarts_its_program() -> Outcome {
        is_restarted_after_a_fault_at("camera-error", "pipe:script stopped: injected at camera-error")
    }
}
