//! Recordings that are played: as a stream, frame by frame, while they grow, cut, deleted, and garbage.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::{Answer, Outcome, Viewer, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::{Boardcam, goes_on};
use crate::passwords::guarded;
use crate::recording::{Place, ask, record_one, recording, start, switch, wait_for_frames};
use crate::sessions::sign_in;

const BOUNDARY: &[u8] = b"--boardcamframe\r\n";

/// A recording of the pattern.
struct Recorded {
    place: Place,
    boardcam: Boardcam,
    path: PathBuf,
    url: String,
    duration: f64,
}

impl Recorded {
    fn new(frames: u64) -> Outcome<Self> {
        let place = Place::new()?;
        let boardcam = start(&place.0, &[])?;
        let (path, listed) = record_one(&boardcam, &place, frames)?;
        let url = listed["url"].as_str().ok_or("no url")?.to_owned();
        let duration = wait_for("its duration to be known", || Ok(duration_of(&boardcam, &url)?.as_f64()))?;
        Ok(Self { place, boardcam, path, url, duration })
    }

    fn frame(&self, query: &str) -> Outcome<Answer> {
        self.boardcam.get(&format!("{}/frame?{query}", self.url))
    }

    /// A copy of it under another name that is a recording's, with these bytes.
    fn put(&self, second: u32, bytes: &[u8]) -> Outcome<String> {
        let name = format!("camera_2026-11-25_22-15-{second:02}Z.mkv");
        fs::write(self.place.0.join(&name), bytes)?;
        let url = format!("/api/recordings/{name}");
        wait_for("it to be listed", || Ok((!duration_of(&self.boardcam, &url)?.is_boolean()).then_some(())))?;
        Ok(url)
    }
}

/// What the list says of a recording's duration; `false` if it is not listed.
fn duration_of(boardcam: &Boardcam, url: &str) -> Outcome<Value> {
    let mut list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
    let list = list["recordings"].as_array_mut().ok_or("no list")?;
    let found = list.iter_mut().find(|one| one["url"] == url);
    Ok(found.map_or(Value::Bool(false), |one| one["duration_s"].take()))
}

/// Asks for a stream; its head is read.
fn open(boardcam: &Boardcam, url: &str) -> Outcome<(Answer, BufReader<TcpStream>)> {
    let mut reader = ask(boardcam, "GET", url, "", "")?;
    let head = Answer::read_head(&mut reader)?;
    Ok((head, reader))
}

/// All frames of a stream until it ends.
fn play(boardcam: &Boardcam, url: &str) -> Outcome<Vec<Vec<u8>>> {
    let (head, mut reader) = open(boardcam, url)?;
    ensure!(head.status == 200, "{url}: {}", head.status);
    ensure!(head.headers["content-type"].starts_with("multipart/x-mixed-replace"), "{:?}", head.headers);
    let mut boundary = [0; BOUNDARY.len()];
    reader.read_exact(&mut boundary)?;
    ensure!(boundary == BOUNDARY, "another boundary");
    let mut frames = Vec::new();
    while !reader.fill_buf()?.is_empty() {
        frames.push(Answer::read_part(&mut reader)?);
        reader.read_exact(&mut [0; BOUNDARY.len() + 2])?;
    }
    Ok(frames)
}

fn at(answer: &Answer) -> Outcome<f64> {
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    Ok(answer.headers.get("boardcam-at").ok_or("no Boardcam-At")?.parse()?)
}

#[test]
fn a_recording_is_played_frame_for_frame_and_the_connection_ends_with_it() -> Outcome {
    let recorded = Recorded::new(60)?;
    let file = fs::read(&recorded.path)?;
    let begin = Instant::now();
    let frames = play(&recorded.boardcam, &format!("{}/stream", recorded.url))?;
    let took = begin.elapsed().as_secs_f64();
    ensure!(frames.len() >= 40, "{} frames", frames.len());
    let mut from = 0;
    for frame in &frames {
        let found = memchr::memmem::find(&file[from..], frame).ok_or("a frame that is not the next one")?;
        from += found + frame.len();
    }
    ensure!(took >= recorded.duration - 0.1, "{took} s for {} s", recorded.duration);
    Ok(())
}

#[test]
fn it_begins_where_one_wants_and_fast_ones_leave_frames_out() -> Outcome {
    let recorded = Recorded::new(90)?;
    let play = |query: &str| play(&recorded.boardcam, &format!("{}/stream?{query}", recorded.url));
    let rest = recorded.duration - 0.5;
    let end = play(&format!("start={rest:.3}"))?;
    ensure!((5..=25).contains(&end.len()), "{} frames of the last 0.5 s", end.len());
    let begin = Instant::now();
    let fast = play("speed=8")?;
    let took = begin.elapsed().as_secs_f64();
    ensure!(took >= recorded.duration / 8.0 - 0.1, "{took} s for {} s", recorded.duration);
    let most = (recorded.duration / 8.0 * 30.0) as usize + 3;
    ensure!((1..=most).contains(&fast.len()), "{} frames, and not {most} at most", fast.len());
    ensure!(play("start=99999")?.len() == 1, "behind its end there is its last frame");
    for wrong in ["speed=0.1", "speed=33", "speed=x", "start=-1", "start=x", "start=1e3", "size=0x0", "fps=0"]
    {
        let (head, _) = open(&recorded.boardcam, &format!("{}/stream?{wrong}", recorded.url))?;
        ensure!(head.status == 400, "{wrong}: {}", head.status);
    }
    Ok(())
}

#[test]
fn single_frames_come_by_time_and_step_by_step_and_smaller() -> Outcome {
    let recorded = Recorded::new(60)?;
    let file = fs::read(&recorded.path)?;
    let first = recorded.frame("at=0")?;
    ensure!(at(&first)? == 0.0, "{:?}", first.headers);
    ensure!(first.headers["content-type"] == "image/jpeg", "{:?}", first.headers);
    ensure!(memchr::memmem::find(&file, &first.body).is_some(), "other bytes");
    let captured: f64 = first.headers["x-timestamp"].parse()?;
    let middle = recorded.frame("at=1.0")?;
    let middle_at = at(&middle)?;
    ensure!((0.5..=1.0).contains(&middle_at), "{middle_at}");
    let later = middle.headers["x-timestamp"].parse::<f64>()? - captured;
    ensure!((later - middle_at).abs() < 0.01, "{later} s later, at {middle_at}");
    let next = recorded.frame(&format!("at={middle_at}&step=1"))?;
    ensure!(at(&next)? > middle_at && next.body != middle.body, "{:?}", next.headers);
    let back = recorded.frame(&format!("at={}&step=-1", at(&next)?))?;
    ensure!(at(&back)? == middle_at && back.body == middle.body, "{:?}", back.headers);
    ensure!(at(&recorded.frame("at=0&step=-1")?)? == 0.0, "before the first");
    let last = at(&recorded.frame("at=9999")?)?;
    ensure!((last - recorded.duration).abs() < 0.002, "{last} of {}", recorded.duration);
    ensure!(at(&recorded.frame("at=9999&step=1")?)? == last, "behind the last");
    let small = recorded.frame("at=1&size=32x24&quality=50")?;
    ensure!(at(&small)? == middle_at && small.body.len() < middle.body.len(), "{} bytes", small.body.len());
    ensure!(crate::serving::dimensions(&small.body)? == (32, 24), "another size");
    for wrong in ["at=x", "at=-1", "step=2", "size=x"] {
        ensure!(recorded.frame(wrong)?.status == 400, "{wrong}");
    }
    ensure!(
        recorded.boardcam.get("/api/recordings/camera_2020-01-01_00-00-00Z.mkv/frame")?.status == 404,
        "none"
    );
    let smaller = play(&recorded.boardcam, &format!("{}/stream?size=32x24&speed=32", recorded.url))?;
    ensure!(crate::serving::dimensions(&smaller[0])? == (32, 24), "another size");
    Ok(())
}

#[test]
fn a_recording_that_grows_is_played_on_until_it_stops_growing() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    switch(&boardcam, true)?;
    wait_for_frames(&boardcam, 30)?;
    let name = recording(&boardcam)?["file"].as_str().ok_or("no file")?.to_owned();
    let url = format!("/api/recordings/{name}");
    wait_for("it to be listed", || Ok((!duration_of(&boardcam, &url)?.is_boolean()).then_some(())))?;
    ensure!(duration_of(&boardcam, &url)?.is_null(), "nobody knows yet how long it becomes");
    let viewer = boardcam.watch(&format!("{url}/stream?speed=32"))?;
    wait_for("what is there to be played", || Ok((viewer.received() > 1).then_some(())))?;
    let before = viewer.received();
    wait_for_frames(&boardcam, 60)?;
    wait_for("it to go on", || Ok((viewer.received() > before).then_some(())))?;
    switch(&boardcam, false)?;
    viewer.wait_for_end()
}

#[test]
fn a_deleted_one_is_played_to_its_end_and_cut_or_garbage_ones_as_far_as_they_go() -> Outcome {
    let recorded = Recorded::new(60)?;
    let file = fs::read(&recorded.path)?;
    let cut = recorded.put(1, &file[..file.len() / 2])?;
    let frames = play(&recorded.boardcam, &format!("{cut}/stream?speed=4"))?;
    ensure!(!frames.is_empty(), "nothing of a cut file");
    let length = wait_for("its duration", || Ok(duration_of(&recorded.boardcam, &cut)?.as_f64()))?;
    ensure!(length > 0.0 && length < recorded.duration, "{length}");
    ensure!(at(&recorded.boardcam.get(&format!("{cut}/frame?at=9999"))?)? == length, "its last frame");
    for (second, bytes) in [(2, &b"garbage"[..]), (3, &b""[..]), (4, &[0; 100_000][..]), (5, &file[..100])] {
        let url = recorded.put(second, bytes)?;
        for what in ["stream", "frame"] {
            let answer = recorded.boardcam.get(&format!("{url}/{what}"))?;
            ensure!(answer.status == 409, "{second} {what}: {}", answer.status);
            ensure!(answer.text().contains("cannot be played"), "{}", answer.text());
        }
    }
    ensure!(recorded.boardcam.log().contains("cannot play recording"), "the log says nothing");
    let viewer = recorded.boardcam.watch(&format!("{}/stream?speed=0.25", recorded.url))?;
    viewer.next()?;
    fs::remove_file(&recorded.path)?;
    goes_on(&viewer, 10)
}

#[test]
fn only_so_many_are_played_at_once_and_a_player_that_jumps_is_one() -> Outcome {
    let recorded = Recorded::new(60)?;
    let url = |id: &str| format!("{}/stream?speed=0.25&id={id}", recorded.url);
    let first = recorded.boardcam.watch(&url("one"))?;
    first.next()?;
    for _ in 0..5 {
        recorded.boardcam.watch(&url("page"))?.next()?;
    }
    let second = recorded.boardcam.watch(&url("page"))?;
    second.next()?;
    let (third, _) = open(&recorded.boardcam, &url("other"))?;
    ensure!(third.status == 503, "{}", third.status);
    let state = recorded.boardcam.state()?;
    let viewers = state["viewers"].as_array().ok_or("no viewers")?;
    let playing = viewers.iter().filter(|viewer| viewer["kind"] == "playback").count();
    ensure!(playing >= 2 && state["cameras"][0]["viewers"] == 0, "{state}");
    ensure!(
        viewers.iter().all(|viewer| recorded.url.ends_with(viewer["recording"].as_str().unwrap_or("?"))),
        "{state}"
    );
    goes_on(&first, 3)?;
    drop((first, second));
    wait_for("another one to be played", || {
        let (head, _) = open(&recorded.boardcam, &url("other"))?;
        Ok((head.status == 200).then_some(()))
    })
}

#[test]
fn no_camera_is_woken_and_no_thread_stays() -> Outcome {
    let recorded = Recorded::new(30)?;
    let encoded = |boardcam: &Boardcam| -> Outcome<u64> {
        Ok(boardcam.state()?["cameras"][0]["frames"]["encoded"].as_u64().ok_or("no number")?)
    };
    let before = encoded(&recorded.boardcam)?;
    play(&recorded.boardcam, &format!("{}/stream", recorded.url))?;
    ensure!(encoded(&recorded.boardcam)? == before, "frames were encoded");
    let threads = || -> Outcome<usize> {
        let mut count = 0;
        for task in fs::read_dir(format!("/proc/{}/task", recorded.boardcam.id()))? {
            let name = fs::read_to_string(task?.path().join("comm")).unwrap_or_default();
            count += usize::from(name.starts_with("play "));
        }
        Ok(count)
    };
    let viewer = recorded.boardcam.watch(&format!("{}/stream?speed=0.25", recorded.url))?;
    viewer.next()?;
    ensure!(threads()? == 1, "{} threads", threads()?);
    drop(viewer);
    let begin = Instant::now();
    wait_for("its thread to end", || Ok((threads()? == 0).then_some(())))?;
    ensure!(begin.elapsed() < Duration::from_secs(5), "its thread stayed for {:?}", begin.elapsed());
    Ok(())
}

#[test]
fn who_signs_out_watches_no_recording_any_more() -> Outcome {
    let recorded = Recorded::new(90)?;
    let folder = recorded.place.0.to_str().ok_or("an odd path")?;
    let boardcam = guarded("playback.toml", &["--record-folder", folder, "--record-min-free", "1"])?;
    let ours = format!("Cookie: {}", sign_in(&boardcam, "anna")?);
    let url = format!("{}/stream?speed=0.25", recorded.url);
    ensure!(client::ask(boardcam.address, "GET", &url, &[], "")?.status == 401, "without a user");
    wait_for("the folder to be listed", || {
        let frame = format!("{}/frame", recorded.url);
        Ok((client::ask(boardcam.address, "GET", &frame, &[&ours], "")?.status == 200).then_some(()))
    })?;
    let viewer = Viewer::connect_with(boardcam.address, &url, &[&ours])?;
    goes_on(&viewer, 3)?;
    client::ask(boardcam.address, "POST", "/sign-out", &[&ours], "")?;
    viewer.wait_for_end()
}
