//! Recordings in other formats: whole, cut, in ranges, while they are written, cut off, and no recordings at all.

use std::fs;

use client::{Answer, Outcome, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::Boardcam;
use crate::recording::{Place, ask, record_one, start, switch, wait_for_frames};

fn send(boardcam: &Boardcam, method: &str, path: &str, headers: &str) -> Outcome<Answer> {
    let mut reader = ask(boardcam, method, path, headers, "")?;
    if method == "HEAD" { Answer::read_head(&mut reader) } else { Answer::read(&mut reader) }
}

fn get(boardcam: &Boardcam, path: &str, headers: &str) -> Outcome<Answer> {
    send(boardcam, "GET", path, headers)
}

fn header(answer: &Answer, name: &str) -> Outcome<String> {
    Ok(answer.headers.get(&name.to_lowercase()).ok_or(format!("no {name}"))?.to_owned())
}

/// How long the JPEGs of a video file are and where they are in it, by its tables.
fn frames(file: &[u8]) -> Outcome<Vec<(usize, usize)>> {
    let table = |name: &[u8], skip: usize| -> Outcome<Vec<usize>> {
        let at = memchr::memmem::find(file, name).ok_or("a table is missing")?;
        let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap_or_default()) as usize;
        let (from, end) = (at + 4 + skip, at - 4 + number(at - 4));
        Ok((from..end).step_by(4).map(number).collect())
    };
    Ok(table(b"stco", 8)?.into_iter().zip(table(b"stsz", 12)?).collect())
}

fn jpegs(file: &[u8]) -> Outcome<Vec<&[u8]>> {
    let all = frames(file)?.into_iter().map(|(at, length)| file.get(at..at + length));
    let all: Vec<_> = all.collect::<Option<_>>().ok_or("a frame outside the file")?;
    let is_whole = |jpeg: &&[u8]| jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]);
    ensure!(!all.is_empty() && all.iter().all(is_whole), "not JPEGs");
    Ok(all)
}

#[test]
fn a_recording_comes_as_mp4_and_mov_whole_and_in_ranges_that_fit_together() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (path, listed) = record_one(&boardcam, &place, 40)?;
    let url = listed["url"].as_str().ok_or("no url")?;
    let matroska = fs::read(path)?;
    for (format, kind) in [("mp4", "video/mp4"), ("mov", "video/quicktime")] {
        let url = format!("{url}?format={format}");
        let whole = get(&boardcam, &url, "")?;
        ensure!(whole.status == 200 && header(&whole, "Content-Type")? == kind, "{}", whole.text());
        let name = header(&whole, "Content-Disposition")?;
        ensure!(name.ends_with(&format!("Z.{format}\"")), "{name}");
        let own = jpegs(&whole.body)?;
        ensure!(own.len() >= 40, "{} frames", own.len());
        ensure!(own.iter().all(|jpeg| memchr::memmem::find(&matroska, jpeg).is_some()), "other frames");
        let tag = header(&whole, "ETag")?;
        let head = send(&boardcam, "HEAD", &url, "")?;
        ensure!(header(&head, "Content-Length")? == whole.body.len().to_string(), "HEAD: {:?}", head.headers);
        ensure!(header(&head, "ETag")? == tag, "HEAD: {:?}", head.headers);
        let mut all = Vec::new();
        while all.len() < whole.body.len() {
            let range = format!("Range: bytes={}-{}\r\nIf-Range: {tag}\r\n", all.len(), all.len() + 30_000);
            let part = get(&boardcam, &url, &range)?;
            ensure!(part.status == 206, "{}", part.status);
            all.extend(part.body);
        }
        ensure!(all == whole.body, "the parts are not the whole");
        let behind = get(&boardcam, &url, &format!("Range: bytes={}-\r\n", all.len()))?;
        ensure!(behind.status == 416, "{}", behind.status);
        ensure!(
            header(&behind, "Content-Range")? == format!("bytes */{}", all.len()),
            "{:?}",
            behind.headers
        );
        let condition = format!("If-None-Match: {tag}\r\n");
        let known = Answer::read_head(&mut ask(&boardcam, "GET", &url, &condition, "")?)?;
        ensure!(known.status == 304, "{}", known.status);
        let other = get(&boardcam, &url, "Range: bytes=0-9\r\nIf-Range: \"x\"\r\n")?;
        ensure!(other.status == 200 && other.body == whole.body, "{}", other.status);
    }
    Ok(())
}

#[test]
fn a_cut_has_the_frames_between_two_moments_and_wrong_ones_are_refused() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--fps", "20"])?;
    let (_, listed) = record_one(&boardcam, &place, 40)?;
    let url = listed["url"].as_str().ok_or("no url")?;
    let count = |query: &str| -> Outcome<usize> {
        let answer = get(&boardcam, &format!("{url}?format=mov{query}"), "")?;
        ensure!(answer.status == 200, "{query}: {} {}", answer.status, answer.text());
        Ok(jpegs(&answer.body)?.len())
    };
    let all = count("")?;
    let (first, rest) = (count("&to=0.5")?, count("&from=0.5")?);
    ensure!(first < all && rest < all, "{first} and {rest} of {all}");
    // The frame that is shown at 0.5 is the last of one and the first of the other, unless it begins then.
    ensure!([all, all + 1].contains(&(first + rest)), "{first} and {rest} of {all}");
    let one = count("&from=0.5&to=0.501")?;
    ensure!(one == 1, "{one} frames in a millisecond");
    for (query, expected) in [
        ("?format=avi", "mp4 or mov"),
        ("?format=mp4&from=x", "12.5"),
        ("?format=mp4&from=-1", "12.5"),
        ("?format=mp4&to=1e3", "12.5"),
        ("?format=mp4&from=1&from=2", "2 times"),
        ("?format=mp4&from=2&to=2", "after from"),
        ("?from=2", "format=mp4"),
        ("?format=mp4&from=99999", "before the end"),
    ] {
        let answer = get(&boardcam, &format!("{url}{query}"), "")?;
        ensure!(answer.status == 400 && answer.text().contains(expected), "{query}: {}", answer.text());
    }
    Ok(())
}

#[test]
fn a_recording_that_is_being_written_comes_as_it_is_at_that_moment() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &["--record", "always"])?;
    wait_for_frames(&boardcam, 40)?;
    let listed = wait_for("it to be listed", || {
        let list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
        Ok(list["recordings"].as_array().and_then(|all| all.first()).cloned())
    })?;
    ensure!(listed["recording"] == true, "{listed}");
    let url = format!("{}?format=mp4", listed["url"].as_str().ok_or("no url")?);
    let earlier = jpegs(&get(&boardcam, &url, "")?.body)?.len();
    let past = get(&boardcam, &format!("{url}&to=0.5"), "")?;
    wait_for_frames(&boardcam, 60)?;
    let later = jpegs(&get(&boardcam, &url, "")?.body)?.len();
    ensure!(later > earlier, "{earlier}, then {later}");
    let again = get(&boardcam, &format!("{url}&to=0.5"), "")?;
    ensure!(again.body == past.body && header(&again, "ETag")? == header(&past, "ETag")?, "the past changed");
    switch(&boardcam, false)?;
    Ok(())
}

#[test]
fn a_recording_that_was_cut_off_comes_up_to_its_last_frame_and_garbage_is_refused() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let (path, _) = record_one(&boardcam, &place, 40)?;
    drop(boardcam);
    let whole = fs::read(&path)?;
    fs::write(&path, &whole[..whole.len() * 2 / 3])?;
    let name = |second: u32| format!("pattern_2026-02-03_04-05-0{second}Z.mkv");
    fs::write(place.0.join(name(1)), "not a recording")?;
    fs::write(place.0.join(name(2)), "")?;
    fs::write(place.0.join(name(3)), &whole[..200])?;
    let boardcam = start(&place.0, &[])?;
    wait_for("them to be listed", || {
        let list: Value = serde_json::from_slice(&boardcam.get("/api/recordings")?.body)?;
        Ok((list["count"] == 4).then_some(()))
    })?;
    let own = path.file_name().and_then(|name| name.to_str()).ok_or("no name")?;
    let answer = get(&boardcam, &format!("/api/recordings/{own}?format=mov"), "")?;
    ensure!(answer.status == 200, "{}", answer.text());
    let count = jpegs(&answer.body)?.len();
    ensure!(count > 10, "{count} frames");
    for (second, expected) in [(1, "not a recording"), (2, "no whole picture"), (3, "not a recording")] {
        let answer = get(&boardcam, &format!("/api/recordings/{}?format=mp4", name(second)), "")?;
        ensure!(answer.status == 409 && answer.text().contains(expected), "{second}: {}", answer.text());
    }
    Ok(())
}
