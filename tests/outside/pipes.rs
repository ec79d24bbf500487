//! Pictures from other programs. Whatever such a program does affects only its own camera.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use client::{Outcome, Viewer, ensure, wait_for};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::boardcam::{Boardcam, complaint, goes_on, run};

/// boardcam must end within this time.
const SOON: Duration = Duration::from_secs(2);

/// A folder with a script that stands in for a program that delivers pictures. It is removed when the test ends.
struct Program(PathBuf);

/// Reads `mode` at each start to know what to do, and appends its process group to `groups`.
const SCRIPT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
cut -d ' ' -f 5 /proc/$$/stat >>groups
shows() { while cat frame.jpg; do sleep 0.05; done; }
case $(cat mode) in
shows) shows ;;
dies) cat frame.jpg frame.jpg; echo 'rtsp://me:secret@cam: the lens fell off' >&2; exit 3 ;;
is-not-there) exec ./not-there ;;
garbage) yes garbage ;;
halves) for n in 1 2 3 4 5 6 7 8 9; do head -c 2000 frame.jpg; sleep 0.02; done ;;
huge) cat frame.jpg; head -c 2000 frame.jpg; head -c 1000000000 /dev/zero; shows ;;
hangs) cat frame.jpg; sleep 1000 ;;
nothing) sleep 1000 ;;
chatters) yes 'so many words' >&2 & shows ;;
stubborn) trap '' TERM; sleep 1000 & shows; while :; do sleep 1; done ;;
esac
"#;

/// Accepts the options of rpicam-vid, complains like it, and then runs the other script.
const RPICAM: &str = r#"#!/bin/sh
folder=$(dirname "$0")
echo "$*" >"$folder/arguments"
[ "$(cat "$folder/mode")" != no-module ] || { echo 'ERROR: *** no cameras available ***' >&2; exit 255; }
seen=
while [ $# -gt 0 ]; do
    case $1 in
    --codec | --width | --height | --framerate | --quality | --timeout | --output | --camera) value=$2; shift ;;
    --nopreview | --flush | --hflip) value= ;;
    *) echo "ERROR: *** unrecognised option '$1' ***" >&2; exit 255 ;;
    esac
    case $seen in *" $1$value "*) echo 'ERROR: *** an option is given twice ***' >&2; exit 255 ;; esac
    seen="$seen $1$value "
    shift
done
exec "$folder/script"
"#;

struct Process {
    state: String,
    parent: i32,
    group: i32,
}

/// All processes on this machine.
fn processes() -> Vec<Process> {
    // pid (name) state ppid pgrp ...; see proc(5).
    let parse = |stat: &str| {
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let state = fields.next()?.to_owned();
        Some(Process { state, parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = folders.filter_map(|folder| fs::read_to_string(folder.path().join("stat")).ok());
    stats.filter_map(|stat| parse(&stat)).collect()
}

impl Program {
    fn new(name: &str, mode: &str) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("boardcam-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let program = Self(folder);
        let frame = program.path("frame.jpg");
        let picture = run(&["--camera", "pattern", "--size", "320x240", "snapshot", "-o", &frame])?;
        ensure!(picture.status.success(), "no picture to show");
        program.does(mode)?;
        program.install("script", SCRIPT)?;
        Ok(program)
    }

    fn install(&self, name: &str, script: &str) -> Outcome {
        fs::write(self.0.join(name), script)?;
        Ok(fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o755))?)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Sets what it does from its next start on.
    fn does(&self, mode: &str) -> Outcome {
        // By a rename, so that the script never reads half a word.
        fs::write(self.0.join("mode.new"), mode)?;
        Ok(fs::rename(self.0.join("mode.new"), self.0.join("mode"))?)
    }

    fn frame(&self) -> Outcome<Vec<u8>> {
        Ok(fs::read(self.0.join("frame.jpg"))?)
    }

    /// The process groups that were started and still have a running process.
    fn running(&self) -> Vec<i32> {
        let groups = fs::read_to_string(self.0.join("groups")).unwrap_or_default();
        let groups: Vec<i32> = groups.lines().filter_map(|pid| pid.parse().ok()).collect();
        let alive = processes().into_iter().filter(|process| process.state != "Z");
        let mut running: Vec<_> =
            alive.map(|process| process.group).filter(|id| groups.contains(id)).collect();
        running.sort();
        running.dedup();
        running
    }

    /// Kills what runs now, as if it crashed.
    fn crash(&self) -> Outcome {
        for group in self.running().into_iter().filter_map(Pid::from_raw) {
            kill_process_group(group, Signal::KILL)?;
        }
        Ok(())
    }

    fn is_gone(&self) -> Outcome {
        wait_for("the program to be gone", || Ok(self.running().is_empty().then_some(())))
    }

    fn camera(&self) -> String {
        format!("pipe:{} --password=secret", self.path("script"))
    }

    /// Starts boardcam with this program as camera `camera`, and the test pattern as another camera.
    fn boardcam(&self) -> Outcome<Boardcam> {
        let camera = format!("camera={}", self.camera());
        Boardcam::start(&["--camera", &camera, "--camera", "other=pattern", "--size", "320x240"])
    }

    /// Waits until a viewer sees the picture.
    fn is_seen(&self, viewer: &Viewer) -> Outcome {
        let frame = self.frame()?;
        viewer.wait_for("the picture", |seen| seen == frame)?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn dropped(boardcam: &Boardcam, reason: &str) -> Outcome<u64> {
    let count = boardcam.state()?["cameras"][0]["frames"]["dropped"][reason].as_u64();
    Ok(count.ok_or("no such counter")?)
}

#[test]
fn the_pictures_of_a_program_are_shown_unchanged_and_its_arguments_to_nobody() -> Outcome {
    let program = Program::new("shown", "shows")?;
    let boardcam = program.boardcam()?;
    let camera =
        || Ok::<_, Box<dyn std::error::Error + Send + Sync>>(boardcam.state()?["cameras"][0].clone());
    wait_for("pictures that nobody watches", || {
        Ok((camera()?["frames"]["captured"].as_u64() > Some(10)).then_some(()))
    })?;
    ensure!(camera()?["frames"]["published"] == 0, "they were published");
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

/// The program crashes and is restarted in `mode`, `is_reported` becomes true, and then the program shows pictures again.
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
    trouble("garbage", |boardcam| Ok(boardcam.log().contains("bytes without a JPEG; it must write JPEGs")))
}

#[test]
fn half_frames_are_dropped_and_counted() -> Outcome {
    trouble("halves", |boardcam| Ok(dropped(boardcam, "truncated")? > 3))
}

#[test]
fn a_jpeg_of_a_gigabyte_is_dropped_and_takes_no_memory() -> Outcome {
    trouble("huge", |boardcam| Ok(dropped(boardcam, "flagged")? > 0))
}

#[test]
fn a_program_that_hangs_is_ended_and_restarted() -> Outcome {
    trouble("hangs", |boardcam| {
        Ok(boardcam.log().contains("cannot get pictures from pipe:script: none came"))
    })
}

#[test]
fn a_program_that_delivers_nothing_is_reported() -> Outcome {
    trouble("nothing", |boardcam| Ok(boardcam.log().contains("cannot use pipe:script: nothing came within")))
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

/// Starts boardcam with this folder first on PATH, so that it finds this rpicam-vid.
fn with_rpicam(program: &Program, name: &str, camera: &str) -> Outcome<Boardcam> {
    program.install(name, RPICAM)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_boardcam"));
    let path = std::env::var("PATH")?;
    command.env("PATH", format!("{}:{path}", program.0.display()));
    Boardcam::start_by(command, &["--camera", camera, "--size", "320x240", "--fps", "15", "--quality", "70"])
}

#[test]
fn a_camera_module_is_read_through_rpicam_vid_or_libcamera_vid() -> Outcome {
    for name in ["rpicam-vid", "libcamera-vid"] {
        let program = Program::new(name, "shows")?;
        let boardcam = with_rpicam(&program, name, "rpicam:--camera 1 --hflip")?;
        program.is_seen(&boardcam.watch("/stream")?)?;
        let arguments = fs::read_to_string(program.0.join("arguments"))?;
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
        ensure!(line.contains("rpicam, pipe:COMMAND, - (standard input)"), "{camera}: {line}");
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
        let starts =
            || -> Outcome<usize> { Ok(fs::read_to_string(program.0.join("groups"))?.lines().count()) };
        ensure!(starts()? == 1 && !boardcam.log().contains(logged), "too early: {}", boardcam.log());
        fs::write(program.0.join("now"), "")?;
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
