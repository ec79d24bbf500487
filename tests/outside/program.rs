//! A script that stands in for a program that delivers pictures.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use client::{Outcome, Viewer, ensure, wait_for};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::boardcam::{Boardcam, run};

/// A folder with a script that stands in for a program that delivers pictures. It is removed when the test ends.
pub struct Program(PathBuf);

/// Reads `mode` at each start to know what to do, and appends its process group to `groups`.
const SCRIPT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
cut -d ' ' -f 5 /proc/$$/stat >>groups
shows() { while cat frame.jpg; do sleep 0.05; done; }
case $(cat mode) in
shows) shows ;;
slow) sleep 1; shows ;;
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

/// A process, as proc(5) shows it.
pub struct Process {
    pub state: String,
    pub parent: i32,
    pub group: i32,
}

/// All processes on this machine.
pub fn processes() -> Vec<Process> {
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
    /// A program that does what `mode` says, and its picture.
    pub fn new(name: &str, mode: &str) -> Outcome<Self> {
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

    /// Puts an executable script into the folder.
    pub fn install(&self, name: &str, script: &str) -> Outcome {
        fs::write(self.0.join(name), script)?;
        Ok(fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o755))?)
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Puts a file beside the script.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Outcome<String> {
        fs::write(self.0.join(name), bytes)?;
        Ok(self.path(name))
    }

    /// Sets what it does from its next start on.
    pub fn does(&self, mode: &str) -> Outcome {
        // By a rename, so that the script never reads half a word.
        fs::write(self.0.join("mode.new"), mode)?;
        Ok(fs::rename(self.0.join("mode.new"), self.0.join("mode"))?)
    }

    /// The picture that it shows.
    pub fn frame(&self) -> Outcome<Vec<u8>> {
        Ok(fs::read(self.0.join("frame.jpg"))?)
    }

    /// The process groups that were started and still have a running process.
    pub fn running(&self) -> Vec<i32> {
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
    pub fn crash(&self) -> Outcome {
        for group in self.running().into_iter().filter_map(Pid::from_raw) {
            kill_process_group(group, Signal::KILL)?;
        }
        Ok(())
    }

    /// Waits until nothing of it runs.
    pub fn is_gone(&self) -> Outcome {
        wait_for("the program to be gone", || Ok(self.running().is_empty().then_some(())))
    }

    /// The source that runs it.
    pub fn camera(&self) -> String {
        format!("pipe:{} --password=secret", self.path("script"))
    }

    /// Starts boardcam with this program as camera `camera`, and the test pattern as another camera.
    pub fn boardcam(&self) -> Outcome<Boardcam> {
        let camera = format!("camera={}", self.camera());
        Boardcam::start(&["--camera", &camera, "--camera", "other=pattern", "--size", "320x240"])
    }

    /// Waits until a viewer sees the picture.
    pub fn is_seen(&self, viewer: &Viewer) -> Outcome {
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

/// How many frames of the first camera were dropped for this reason.
pub fn dropped(boardcam: &Boardcam, reason: &str) -> Outcome<u64> {
    let count = boardcam.state()?["cameras"][0]["frames"]["dropped"][reason].as_u64();
    Ok(count.ok_or("no such counter")?)
}

/// Starts boardcam with this folder first on PATH, so that it finds this rpicam-vid.
pub fn with_rpicam(program: &Program, name: &str, camera: &str) -> Outcome<Boardcam> {
    program.install(name, RPICAM)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_boardcam"));
    let path = std::env::var("PATH")?;
    command.env("PATH", format!("{}:{path}", program.0.display()));
    Boardcam::start_by(command, &["--camera", camera, "--size", "320x240", "--fps", "15", "--quality", "70"])
}
