//! Which threads run: those that the settings need, and each of them is in the documentation.

use std::collections::BTreeMap;
use std::fs;

use client::{Outcome, ensure, wait_for};

use crate::boardcam::Boardcam;
use crate::recording::{Place, record_one, start};

const ARCHITECTURE: &str = include_str!("../../docs/architecture.md");

/// How many threads have each name, numbers at their ends left out. Those that encode bands are not counted: there are
/// as many as the machine allows.
fn threads(boardcam: &Boardcam) -> Outcome<BTreeMap<String, usize>> {
    let mut names = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{}/task", boardcam.id()))? {
        // One that has ended since has no name.
        let Ok(name) = fs::read_to_string(task?.path().join("comm")) else { continue };
        let name = name.trim_end().trim_end_matches(|letter: char| letter.is_ascii_digit());
        if name != "band " {
            *names.entry(name.to_owned()).or_default() += 1;
        }
    }
    Ok(names)
}

/// The nice value of the thread with this name (proc_pid_stat(5), field 19).
fn nice(boardcam: &Boardcam, name: &str) -> Outcome<i32> {
    for task in fs::read_dir(format!("/proc/{}/task", boardcam.id()))? {
        let stat = fs::read_to_string(task?.path().join("stat"))?;
        let (start, rest) = stat.rsplit_once(") ").ok_or("an odd line")?;
        if start.ends_with(&format!("({name}")) {
            return Ok(rest.split(' ').nth(16).ok_or("an odd line")?.parse()?);
        }
    }
    Err(format!("no thread {name}").into())
}

/// Waits until exactly these run, once the first pictures are through.
fn run_only(boardcam: &Boardcam, expected: &[(&str, usize)]) -> Outcome {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let mut last = BTreeMap::new();
    let same = wait_for("the threads to be those that are needed", || {
        last = threads(boardcam)?;
        Ok((last == expected).then_some(()))
    });
    same.map_err(|why| format!("{why}: {last:?} in place of {expected:?}"))?;
    let table = ARCHITECTURE.split_once("\n## Threads\n").and_then(|(_, rest)| rest.split_once("\n## "));
    let (table, _) = table.ok_or("no table of threads")?;
    for name in expected.keys() {
        let kind = name.split([' ', '-']).next().unwrap_or_default();
        ensure!(table.contains(&format!("`{kind}")), "docs/architecture.md does not name {name}");
    }
    Ok(())
}

/// Those of every start. A worker of the site may come and go with a request, so they are counted when it is quiet.
const ALWAYS: [(&str, usize); 7] = [
    ("boardcam", 1),
    ("site", 10),
    ("relay-", 4),
    ("camera camera", 1),
    ("ctrl-c", 1),
    ("log", 1),
    ("signals", 1),
];

#[test]
fn a_plain_start_runs_only_the_threads_that_it_needs() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    boardcam.get("/state")?;
    run_only(&boardcam, &ALWAYS)
}

#[test]
fn https_brings_its_loop_and_the_thread_that_renews_the_certificate() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--tls", "auto", "--tls-listen", "127.0.0.1:0"])?;
    run_only(&boardcam, &[&ALWAYS[..], &[("https", 1), ("certificate", 1)]].concat())
}

#[test]
fn each_of_those_who_are_told_what_happens_has_a_thread() -> Outcome {
    let told =
        ["--notify", "http://127.0.0.1:9/", "--notify-command", "true", "--mqtt", "mqtt://127.0.0.1:9"];
    let boardcam = Boardcam::start(&[&["--camera", "pattern", "--size", "320x240"], &told[..]].concat())?;
    boardcam.get("/state")?;
    run_only(&boardcam, &[&ALWAYS[..], &[("notify hook", 1), ("notify command", 1), ("mqtt", 1)]].concat())
}

#[test]
fn motion_brings_a_thread_for_the_camera_in_which_it_is_looked_for() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--motion", "low"])?;
    run_only(&boardcam, &[&ALWAYS[..], &[("motion camera", 1)]].concat())
}

#[test]
fn the_threads_that_read_recordings_start_with_the_first_download_of_each_kind() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (_, listed) = record_one(&boardcam, &place, 3)?;
    let name = listed["name"].as_str().ok_or("a recording without a name")?;
    let record = [("record camera", 1), ("disk camera", 1), ("recordings", 1)];
    let mut expected = [&ALWAYS[..], &record].concat();
    run_only(&boardcam, &expected)?;
    ensure!(boardcam.get(&format!("/api/recordings/{name}"))?.status == 200, "no recording");
    expected.push(("read-", 1));
    run_only(&boardcam, &expected)?;
    ensure!(boardcam.get(&format!("/api/recordings/{name}?format=mov"))?.status == 200, "no video file");
    expected.push(("find-", 1));
    run_only(&boardcam, &expected)?;
    let frame = boardcam.get(&format!("/api/recordings/{name}/frame?size=32x24"))?;
    ensure!(frame.status == 200, "no smaller frame: {}", frame.text());
    expected.push(("frame-", 1));
    run_only(&boardcam, &expected)?;
    ensure!(nice(&boardcam, "frame-0")? == 10 && nice(&boardcam, "read-0")? == 0, "the priority of threads");
    Ok(())
}

#[test]
fn a_time_lapse_beside_what_moves_has_two_threads_of_its_own() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--record", "motion", "--record-every", "60"])?;
    boardcam.get("/state")?;
    let record = [("record camera", 1), ("disk camera", 1), ("lapse camera", 1), ("lapse disk came", 1)];
    let others = [("recordings", 1), ("motion camera", 1)];
    run_only(&boardcam, &[&ALWAYS[..], &record, &others].concat())
}

#[test]
fn a_recording_is_played_by_a_thread_that_ends_with_it() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (_, listed) = record_one(&boardcam, &place, 30)?;
    let url = listed["url"].as_str().ok_or("a recording without a URL")?;
    let mut expected = [&ALWAYS[..], &[("record camera", 1), ("disk camera", 1), ("recordings", 1)]].concat();
    let viewer = boardcam.watch(&format!("{url}/stream?speed=0.25"))?;
    expected.push(("play camera", 1));
    run_only(&boardcam, &expected)?;
    drop(viewer);
    expected.pop();
    run_only(&boardcam, &expected)
}
