//! `boardcam snapshot`, as people type it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use client::{Outcome, ensure, wait_for};
use rustix::process::{Pid, Signal, kill_process};

use crate::boardcam::{PROGRAM, complaint, run};
use crate::program::Program;

/// What a snapshot of this command prints, and its exit code.
fn snapshot(command: &str, options: &[&str]) -> Outcome<(String, Option<i32>)> {
    let output = run(&[
        &["--camera", &format!("pipe:{command}")],
        options,
        &["snapshot", "-o", "/dev/null"],
    ]
    .concat())?;
    Ok((String::from_utf8(output.stderr)?, output.status.code()))
}

#[test]
fn a_picture_without_its_end_is_waited_for_as_long_as_the_settings_tolerate_it() -> Outcome {
    let program = Program::new("no-end", "nothing")?;
    let whole = program.frame()?;
    program.write("cut.jpg", &whole[..whole.len() - 2])?;
    let command = format!("cd {}; while cat cut.jpg; do sleep 0.05; done", program.path("."));
    let (said, code) = snapshot(&command, &[])?;
    ensure!(code == Some(0), "{said}");
    ensure!(said.contains("cut short (no EOI)") && said.contains(" s more"), "{said}");
    Ok(())
}

#[test]
fn what_is_known_after_two_seconds_is_said_then_and_ctrl_c_ends_the_command_too() -> Outcome {
    let program = Program::new("said-soon", "nothing")?;
    let camera = format!("pipe:echo $$ >{}; printf GIF89a; exec sleep 1000", program.path("pid"));
    let mut process = Command::new(PROGRAM)
        .args(["--camera", &camera, "snapshot", "-o", "/dev/null"])
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stderr = BufReader::new(process.stderr.take().ok_or("no stderr")?);
    let (mut line, begin) = (String::new(), Instant::now());
    stderr.read_line(&mut line)?;
    ensure!(line.contains("it writes GIF pictures and not JPEGs") && line.contains(" s more"), "{line}");
    ensure!(!line.contains("automatically") && !line.contains("restart"), "{line}");
    ensure!(begin.elapsed() < Duration::from_secs(10), "after {:?}", begin.elapsed());
    let of_command = fs::read_to_string(program.path("pid"))?;
    kill_process(Pid::from_child(&process), Signal::INT)?;
    let status = wait_for("the end", || Ok(process.try_wait()?))?;
    line.clear();
    stderr.read_line(&mut line)?;
    ensure!(status.code() == Some(1) && line.contains("it was interrupted"), "{status}: {line}");
    ensure!(!fs::exists(format!("/proc/{}", of_command.trim()))?, "the command still runs");
    Ok(())
}

#[test]
fn a_snapshot_promises_nothing_that_only_a_server_does() -> Outcome {
    for command in ["exit 3", "echo hello", "/not/there"] {
        let (said, code) = snapshot(command, &[])?;
        ensure!(code == Some(1) && said.lines().count() == 1, "{said}");
        ensure!(!said.contains("restart") && !said.contains("automatically"), "{said}");
    }
    let said = complaint(&["--camera", "/dev/not-there", "snapshot", "-o", "/dev/null"], 1)?;
    ensure!(!said.contains("automatically"), "{said}");
    Ok(())
}

#[test]
fn a_full_disk_and_a_folder_are_said_and_nothing_is_left_behind() -> Outcome {
    let full = Command::new(PROGRAM)
        .args(["--camera", "pattern", "snapshot", "-o", "-"])
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full")?)
        .output()?;
    let said = String::from_utf8(full.stderr)?;
    ensure!(full.status.code() == Some(1) && said.contains("the disk is full (ENOSPC); free some"), "{said}");
    let program = Program::new("place", "nothing")?;
    let folder = program.path("");
    let said = complaint(&["--camera", "pattern", "snapshot", "-o", &folder], 1)?;
    ensure!(said.contains("it is a folder; name a file in it"), "{said}");
    let written = run(&[
        "--camera",
        "front=pattern",
        "--camera",
        "back=pattern",
        "snapshot",
        "-o",
        &program.path("x.jpg"),
    ])?;
    let said = String::from_utf8(written.stderr)?;
    ensure!(written.status.success() && said.contains("of front, the first camera"), "{said}");
    let left = fs::read_dir(&folder)?
        .flatten()
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "part"));
    ensure!(left.count() == 0, "a part is left");
    Ok(())
}
