//! Recordings: the switch, the files, the list, downloads, deletion, and folders that are not as they should be.

use std::fs;
use std::io::BufReader;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use client::{Answer, Outcome, ensure, request, wait_for};
use rustix::process::Signal;
use serde_json::Value;

use crate::boardcam::{Boardcam, PROGRAM, complaint, goes_on};

/// Matroska's identifier of the index, which only a closed file has (RFC 9559 section 5.1.5).
const CUES: [u8; 4] = [0x1C, 0x53, 0xBB, 0x6B];

/// A folder of one test, which goes with it.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Outcome<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("boardcam-outside-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// The recordings in it.
    pub fn files(&self) -> Outcome<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            files.push(entry?.path());
        }
        files.retain(|file| file.to_string_lossy().ends_with("Z.mkv"));
        files.sort();
        Ok(files)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // some tests remove it themselves
    }
}

/// A pattern that can be recorded into this folder.
pub fn start(folder: &Path, options: &[&str]) -> Outcome<Boardcam> {
    start_by(Command::new(PROGRAM), folder, options)
}

/// The same by a command that runs boardcam.
pub fn start_by(command: Command, folder: &Path, options: &[&str]) -> Outcome<Boardcam> {
    let folder = folder.to_str().ok_or("an odd path")?;
    let pattern =
        ["--camera", "pattern", "--size", "64x48", "--record-folder", folder, "--record-min-free", "1"];
    Boardcam::start_by(command, &[&pattern, options].concat())
}

/// Asks with any method; the connection may go on.
pub fn ask(
    boardcam: &Boardcam,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Outcome<BufReader<TcpStream>> {
    let length = body.len();
    let host = boardcam.address;
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    request(boardcam.address, text.as_bytes())
}

fn get(boardcam: &Boardcam, path: &str, headers: &str) -> Outcome<Answer> {
    Answer::read(&mut ask(boardcam, "GET", path, headers, "")?)
}

pub fn switch(boardcam: &Boardcam, on: bool) -> Outcome {
    let body = format!("{{\"on\": {on}}}");
    let mut reader = ask(boardcam, "POST", "/api/recording", "Content-Type: application/json\r\n", &body)?;
    let answer = Answer::read(&mut reader)?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let state: Value = serde_json::from_slice(&answer.body)?;
    ensure!(state["on"] == on, "{state}");
    Ok(())
}

pub fn recording(boardcam: &Boardcam) -> Outcome<Value> {
    Ok(boardcam.state()?["cameras"][0]["recording"].clone())
}

fn list(boardcam: &Boardcam) -> Outcome<Vec<Value>> {
    let list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
    Ok(list["recordings"].as_array().ok_or("no list")?.clone())
}

pub fn wait_for_frames(boardcam: &Boardcam, more: u64) -> Outcome {
    let count =
        || -> Outcome<u64> { Ok(recording(boardcam)?["frames"].as_u64().ok_or("no number of frames")?) };
    let before = count()?;
    wait_for("frames to be recorded", || Ok((count()? >= before + more).then_some(())))
}

/// Records some frames into one file; the file, closed, and as it is listed.
pub fn record_one(boardcam: &Boardcam, place: &Place, frames: u64) -> Outcome<(PathBuf, Value)> {
    let before = place.files()?;
    switch(boardcam, true)?;
    wait_for_frames(boardcam, frames)?;
    switch(boardcam, false)?;
    let mut new = wait_for("a closed file", || {
        let files = place.files()?.into_iter().filter(|file| !before.contains(file)).collect::<Vec<_>>();
        let ended = recording(boardcam)?["file"].is_null();
        Ok((ended && !files.is_empty()).then_some(files))
    })?;
    ensure!(new.len() == 1, "{new:?}");
    let file = new.remove(0);
    let bytes = fs::metadata(&file)?.len();
    let listed = wait_for("it to be listed", || {
        Ok(list(boardcam)?.into_iter().find(|one| one["bytes"] == bytes && one["recording"] == false))
    })?;
    Ok((file, listed))
}

fn contains(file: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(file, part).is_some()
}

#[test]
fn what_was_on_while_it_recorded_is_in_the_file_byte_for_byte() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let viewer = boardcam.watch("/stream")?;
    switch(&boardcam, true)?;
    wait_for_frames(&boardcam, 1)?;
    let mut seen = Vec::new();
    for _ in 0..10 {
        seen.push(viewer.next()?);
    }
    wait_for_frames(&boardcam, 60)?; // what was seen is surely handed over
    switch(&boardcam, false)?;
    wait_for("the file to be closed", || Ok(recording(&boardcam)?["file"].is_null().then_some(())))?;
    let files = place.files()?;
    ensure!(files.len() == 1, "{files:?}");
    let file = fs::read(&files[0])?;
    let found = seen.iter().filter(|frame| contains(&file, frame)).count();
    // The viewer may be ahead of the ring at the beginning, and the recorder misses a frame on a busy machine.
    ensure!(found >= 7, "{found} of {} frames", seen.len());
    ensure!(contains(&file, &CUES), "it has no index");
    Ok(())
}

#[test]
fn a_recording_is_downloaded_whole_and_in_parts_on_one_connection() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (path, listed) = record_one(&boardcam, &place, 30)?;
    let (url, file) = (listed["url"].as_str().ok_or("no url")?, fs::read(path)?);
    let whole = get(&boardcam, url, "")?;
    ensure!(whole.status == 200 && whole.body == file, "{}: {} bytes", whole.status, whole.body.len());
    ensure!(whole.headers["content-type"] == "video/matroska", "{:?}", whole.headers);
    ensure!(whole.headers["content-disposition"].starts_with("attachment"), "{:?}", whole.headers);
    let (size, tag) = (file.len(), &whole.headers["etag"]);
    for (range, part) in [
        ("0-0".to_owned(), 0..1),
        ("5-99".to_owned(), 5..100),
        ("-7".to_owned(), size - 7..size),
        (format!("{}-", size - 1), size - 1..size),
        (format!("7-{}", u64::MAX), 7..size),
    ] {
        let answer = get(&boardcam, url, &format!("Range: bytes={range}\r\nIf-Range: {tag}\r\n"))?;
        let told = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        ensure!(
            answer.status == 206 && answer.headers["content-range"] == told,
            "{range}: {:?}",
            answer.headers
        );
        ensure!(answer.body == file[part], "{range}: other bytes");
    }
    let answer = get(&boardcam, url, &format!("Range: bytes={size}-\r\n"))?;
    ensure!(
        answer.status == 416 && answer.headers["content-range"] == format!("bytes */{size}"),
        "{}",
        answer.status
    );
    let answer = get(&boardcam, url, "Range: bytes=5-9\r\nIf-Range: \"another\"\r\n")?;
    ensure!(answer.status == 200 && answer.body == file, "If-Range: {}", answer.status);
    let answer = get(&boardcam, url, "Range: bytes=9-5,x\r\n")?;
    ensure!(answer.status == 200 && answer.body == file, "a range that is none: {}", answer.status);
    let mut reader = ask(&boardcam, "HEAD", url, "", "")?;
    let head = Answer::read_head(&mut reader)?;
    ensure!(head.status == 200 && head.headers["content-length"] == size.to_string(), "{:?}", head.headers);
    // One connection, one request behind the other.
    let line = format!("GET {url} HTTP/1.1\r\nHost: {}\r\nRange: bytes=3-4\r\n\r\n", boardcam.address);
    let mut reader = request(boardcam.address, line.repeat(3).as_bytes())?;
    for _ in 0..3 {
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 206 && answer.body == file[3..5], "{}: {}", answer.status, answer.text());
    }
    Ok(())
}

#[test]
fn no_name_reaches_a_file_that_is_not_a_recording() -> Outcome {
    let place = Place::new()?;
    let secret = place.0.join("secret");
    fs::write(&secret, "secret")?;
    let link = "camera_2026-11-25_22-15-09Z.mkv";
    symlink(&secret, place.0.join(link))?;
    let boardcam = start(&place.0, &[])?;
    let (_, listed) = record_one(&boardcam, &place, 5)?;
    let name = listed["name"].as_str().ok_or("no name")?;
    ensure!(list(&boardcam)?.len() == 1, "the link is listed");
    for path in [
        "secret".to_owned(),
        link.to_owned(),
        "../secret".to_owned(),
        "..%2Fsecret".to_owned(),
        format!("../{name}"),
        format!("%2E%2E%2F{name}"),
        format!("{}/{name}", place.0.display()),
        format!("{name}%00"),
        format!("%00{name}"),
        format!("x{}", "y".repeat(4000)),
    ] {
        for method in ["GET", "DELETE"] {
            let answer =
                Answer::read(&mut ask(&boardcam, method, &format!("/api/recordings/{path}"), "", "")?)?;
            ensure!(answer.status == 404, "{method} {path}: {}", answer.status);
        }
    }
    ensure!(fs::read_to_string(&secret)? == "secret", "the secret was changed");
    ensure!(fs::symlink_metadata(place.0.join(link)).is_ok(), "the link was deleted");
    Ok(())
}

#[test]
fn deleting_a_recording_deletes_that_one_and_not_the_one_being_made() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (first, listed) = record_one(&boardcam, &place, 5)?;
    switch(&boardcam, true)?;
    wait_for_frames(&boardcam, 5)?;
    let busy = recording(&boardcam)?["file"].as_str().ok_or("no file")?.to_owned();
    wait_for("both to be listed", || Ok((list(&boardcam)?.len() == 2).then_some(())))?;
    let delete =
        |url: &str| -> Outcome<u16> { Ok(Answer::read(&mut ask(&boardcam, "DELETE", url, "", "")?)?.status) };
    let status = delete(&format!("/api/recordings/{busy}"))?;
    ensure!(status == 409, "{status} for the one being made");
    let status = delete(listed["url"].as_str().ok_or("no url")?)?;
    ensure!(status == 202, "{status}");
    wait_for("the file to be gone", || Ok((!first.exists()).then_some(())))?;
    ensure!(place.0.join(busy).exists(), "the other one is gone, too");
    Ok(())
}

#[test]
fn the_oldest_recordings_make_room_and_other_files_stay() -> Outcome {
    let place = Place::new()?;
    fs::write(place.0.join("holiday.mkv"), vec![0; 3_000_000])?;
    let options =
        ["--record", "always", "--record-segment", "1", "--record-max-size", "1", "--size", "320x240"];
    let folder = place.0.to_str().ok_or("an odd path")?;
    let more = ["--camera", "pattern", "--record-folder", folder, "--record-min-free", "1"];
    let boardcam = Boardcam::start(&[&options[..], &more].concat())?;
    let first = wait_for("a recording", || Ok(place.files()?.into_iter().next()))?;
    wait_for("the first to make room", || Ok((!first.exists()).then_some(())))?;
    for _ in 0..3 {
        wait_for_frames(&boardcam, 30)?;
        let total = || -> Outcome<u64> {
            let sizes = place.files()?.into_iter().filter_map(|file| fs::metadata(file).ok());
            Ok(sizes.map(|file| file.len()).sum())
        };
        // What was written since the last look comes on top.
        wait_for("the limit to hold", || Ok((total()? < 1_300_000).then_some(())))?;
    }
    ensure!(
        fs::metadata(place.0.join("holiday.mkv"))?.len() == 3_000_000,
        "a file of somebody else was touched"
    );
    Ok(())
}

#[test]
fn frames_are_encoded_for_a_recording_alone_and_for_nobody_not_at_all() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let count = |what: &str| -> Outcome<u64> {
        Ok(boardcam.state()?["cameras"][0]["frames"][what].as_u64().ok_or("no number")?)
    };
    let captured = |more: u64| -> Outcome {
        let before = count("captured")?;
        wait_for("frames", || Ok((count("captured")? > before + more).then_some(())))
    };
    captured(10)?;
    ensure!(count("encoded")? == 0, "{} frames were encoded for nobody", count("encoded")?);
    record_one(&boardcam, &place, 10)?;
    let before = count("encoded")?;
    ensure!(before >= 10, "{before}");
    captured(20)?;
    ensure!(count("encoded")? <= before + 1, "{} frames were encoded for nobody", count("encoded")? - before);
    Ok(())
}

#[test]
fn a_folder_that_comes_and_goes_is_reported_and_live_pictures_continue() -> Outcome {
    let place = Place::new()?;
    let folder = place.0.join("disk/recordings");
    let boardcam = start(&folder, &["--record", "always"])?;
    let viewer = boardcam.watch("/stream")?;
    let told = |what: &str| {
        wait_for(what, || {
            let why = recording(&boardcam)?["problem"]["advice"].as_str().unwrap_or_default().to_owned();
            Ok((why.contains("mount its disk")).then_some(()))
        })
    };
    told("a missing folder to be told")?;
    ensure!(boardcam.log().contains("create that folder"), "the log says nothing");
    ensure!(!folder.exists(), "it made the folder");
    goes_on(&viewer, 10)?;
    for _ in 0..2 {
        fs::create_dir_all(&folder)?;
        wait_for_frames(&boardcam, 30)?;
        ensure!(recording(&boardcam)?["problem"].is_null(), "{}", recording(&boardcam)?);
        fs::rename(place.0.join("disk"), place.0.join("pulled out"))?;
        told("a folder that went to be told")?;
        goes_on(&viewer, 10)?;
        fs::remove_dir_all(place.0.join("pulled out"))?;
    }
    let dropped = recording(&boardcam)?["dropped"].as_u64();
    ensure!(dropped > Some(0), "{dropped:?} frames were dropped");
    Ok(())
}

#[test]
fn a_file_that_is_being_recorded_is_closed_when_the_program_is_to_end() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--record", "always"])?;
    wait_for_frames(&boardcam, 10)?;
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < Duration::from_secs(2), "exit code {code:?} after {after:?}");
    let files = place.files()?;
    ensure!(files.len() == 1 && contains(&fs::read(&files[0])?, &CUES), "{files:?} without an index");
    Ok(())
}

#[test]
fn a_file_that_was_cut_off_is_listed_and_downloaded_after_the_next_start() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--record", "always"])?;
    wait_for_frames(&boardcam, 30)?;
    drop(boardcam); // by SIGKILL
    let file = fs::read(&place.files()?[0])?;
    let boardcam = start(&place.0, &[])?;
    let listed = wait_for("it to be listed", || Ok(list(&boardcam)?.into_iter().next()))?;
    let answer = get(&boardcam, listed["url"].as_str().ok_or("no url")?, "")?;
    ensure!(answer.body == file && !contains(&file, &CUES), "{} of {} bytes", answer.body.len(), file.len());
    Ok(())
}

#[test]
fn the_card_is_not_recorded() -> Outcome {
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let boardcam = Boardcam::start(&[
        "--camera",
        "/dev/no-such-camera",
        "--record",
        "always",
        "--record-folder",
        folder,
    ])?;
    goes_on(&boardcam.watch("/stream")?, 4)?; // the card
    ensure!(recording(&boardcam)?["on"] == true, "{}", recording(&boardcam)?);
    ensure!(recording(&boardcam)?["frames"] == 0 && place.files()?.is_empty(), "{:?}", place.files()?);
    Ok(())
}

#[test]
fn recording_without_a_folder_is_reported_as_a_mistake() -> Outcome {
    let told = complaint(&["--camera", "pattern", "--record", "always"], 2)?;
    ensure!(told.contains("no folder") && told.contains("record-folder"), "{told}");
    let boardcam = Boardcam::pattern()?;
    ensure!(recording(&boardcam)?.is_null() && boardcam.state()?["recordings"].is_null(), "it says more");
    let answer = boardcam.get("/api/recordings")?;
    ensure!(answer.status == 409 && answer.text().contains("record-folder"), "{}", answer.text());
    Ok(())
}

#[test]
fn recordings_and_their_downloads_have_descriptors_of_their_own() -> Outcome {
    let limit = |options: &[&str]| -> Outcome<usize> {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n 400; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_boardcam")]);
        let pattern = ["--camera", "pattern", "--size", "64x48"];
        let state = Boardcam::start_by(shell, &[&pattern[..], options].concat())?.state()?;
        Ok(usize::try_from(state["connections"]["limit"].as_u64().ok_or("no limit")?)?)
    };
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let (without, with) = (limit(&[])?, limit(&["--record-folder", folder])?);
    ensure!(without - with > 16, "{without} connections, {with} with recordings");
    Ok(())
}
