//! Pictures of unusual kinds, as people's programs and cameras deliver them: each is shown right, or refused with its
//! reason.

use std::time::{Duration, Instant};

use client::{Outcome, ask, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::Boardcam;
use crate::serving::dimensions;

/// Pictures of all kinds; its README says what they are.
pub const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures");

/// What cannot be used is said within this time.
const SOON: Duration = Duration::from_secs(2);

/// The program starts and listens within this time, also on a busy machine.
const STARTING: Duration = Duration::from_secs(2);

/// Pictures that cannot be shown, the counters of their reasons, and what page and log say.
const CASES: [(&str, &str, &str); 2] = [
    ("size-lies.jpg", "oversized", "header says a size above 16384 pixels a side"),
    ("kinds/arithmetic.jpg", "arithmetic", "arithmetic-coded JPEG"),
];

/// A camera that shows `picture` again and again, after `first`.
fn camera(first: &str, picture: &str) -> Outcome<Boardcam> {
    let command = format!("pipe:cd {PICTURES}; cat {first}; while cat {picture}; do sleep 0.05; done");
    let boardcam = Boardcam::start(&["--camera", &command])?;
    wait_for("the camera", || Ok((boardcam.log().contains("opened pipe:")).then_some(())))?;
    Ok(boardcam)
}

fn count(boardcam: &Boardcam, name: &str) -> Outcome<u64> {
    Ok(boardcam.state()?["cameras"][0]["frames"][name].as_u64().ok_or("no such counter")?)
}

fn edges(jpeg: &[u8], edge: [u8; 2]) -> usize {
    jpeg.windows(2).filter(|two| *two == edge).count()
}

#[test]
fn progressive_pictures_are_shown_to_players_that_read_only_baseline() -> Outcome {
    let boardcam = camera("progressive.jpg", "progressive.jpg")?;
    let viewer = boardcam.watch("/stream")?;
    for _ in 0..3 {
        let frame = viewer.next()?;
        ensure!(edges(&frame, [0xff, 0xc0]) == 1 && edges(&frame, [0xff, 0xc2]) == 0, "not baseline");
        ensure!(dimensions(&frame)? == (320, 180), "{:?}", dimensions(&frame)?);
    }
    ensure!(count(&boardcam, "converted")? >= 3, "{}", boardcam.state()?);
    let said = boardcam.log().matches("progressive").count();
    ensure!(said == 1, "said {said} times:\n{}", boardcam.log());
    Ok(())
}

#[test]
fn a_picture_too_large_to_be_made_smaller_is_shown_whole_and_a_smaller_one_is_refused_with_the_reason()
-> Outcome {
    // 5000x4000 by its head; only that is looked at.
    let head = r"printf '\377\330\377\300\0\013\010\017\240\023\210\1\1\021\0\377\332\0\010\1\1\0\0\077\0data\377\331'";
    let command = format!("pipe:while {head}; do sleep 0.05; done");
    let boardcam = Boardcam::start(&["--camera", &command])?;
    wait_for("the camera", || Ok((boardcam.log().contains("opened pipe:")).then_some(())))?;
    let whole = boardcam.get("/snapshot")?;
    ensure!(whole.status == 200 && whole.body.ends_with(b"data\xff\xd9"), "{}", whole.status);
    let small = boardcam.get("/snapshot?size=640x480")?;
    let why = String::from_utf8(small.body)?;
    ensure!(
        small.status == 503 && why.contains("the picture has more than 16 megapixels"),
        "{}: {why}",
        small.status
    );
    ensure!(why.contains("take the picture without size"), "{why}");
    Ok(())
}

#[test]
fn a_progressive_still_that_comes_seldom_is_served_at_once() -> Outcome {
    let boardcam =
        Boardcam::start(&["--camera", &format!("pipe:cd {PICTURES}; cat progressive.jpg; sleep 1000")])?;
    wait_for("the still", || Ok((count(&boardcam, "published")? > 0).then_some(())))?;
    let answer = boardcam.get("/snapshot")?;
    ensure!(answer.status == 200 && dimensions(&answer.body)? == (320, 180), "{}", answer.status);
    ensure!(edges(&answer.body, [0xff, 0xc2]) == 0, "not baseline");
    Ok(())
}

#[test]
fn a_thumbnail_does_not_break_mainsail_fluidd_and_home_assistant() -> Outcome {
    let boardcam = camera("thumbnail.jpg", "thumbnail.jpg")?;
    let viewer = boardcam.watch("/stream")?;
    let frame = viewer.next()?;
    ensure!(edges(&frame, [0xff, 0xd8]) == 1 && edges(&frame, [0xff, 0xd9]) == 1, "a thumbnail is in it");
    ensure!(count(&boardcam, "mended")? > 0, "not counted as mended: {}", boardcam.state()?);
    Ok(())
}

#[test]
fn a_smaller_picture_of_a_cmyk_jpeg_is_shown() -> Outcome {
    let boardcam = camera("cmyk.jpg", "cmyk.jpg")?;
    let whole = boardcam.get("/snapshot")?.body;
    ensure!(whole == std::fs::read(format!("{PICTURES}/cmyk.jpg"))?, "it was not passed on as it is");
    let answer = boardcam.get("/snapshot?size=160x90")?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    ensure!(dimensions(&answer.body)? == (160, 90), "{:?}", dimensions(&answer.body)?);
    Ok(())
}

#[test]
fn a_smaller_picture_that_cannot_be_made_is_refused_at_once_with_the_true_reason() -> Outcome {
    let boardcam = camera("kinds/baseline-4x2.jpg", "kinds/baseline-4x2.jpg")?;
    let whole = boardcam.get("/snapshot")?;
    ensure!(whole.status == 200, "{}: {}", whole.status, whole.text());
    let asked = Instant::now();
    let answer = boardcam.get("/snapshot?size=40x22")?;
    ensure!(answer.status == 503, "{}", answer.status);
    ensure!(answer.text().contains("cannot make smaller pictures"), "{}", answer.text());
    ensure!(answer.text().contains("sampled in an unusual way"), "{}", answer.text());
    ensure!(asked.elapsed() < SOON, "after {:?}", asked.elapsed());
    let dropped = &boardcam.state()?["variants"][0]["frames"]["dropped"]["sampling"];
    ensure!(dropped.as_u64() > Some(0), "{dropped}");
    Ok(())
}

#[test]
fn a_first_picture_that_cannot_be_shown_is_said_by_name_within_two_seconds() -> Outcome {
    for (picture, counter, words) in CASES {
        let command = format!("pipe:cd {PICTURES}; while cat {picture}; do sleep 0.1; done");
        let began = Instant::now();
        let boardcam = Boardcam::start(&["--camera", &command])?;
        let camera = wait_for("the reason", || {
            let camera = boardcam.state()?["cameras"][0].clone();
            let is_said = camera["problem"]["why"].as_str().is_some_and(|why| why.contains(words));
            Ok((is_said && boardcam.log().contains(words)).then_some(camera))
        })?;
        ensure!(began.elapsed() < SOON + STARTING, "{picture}: after {:?}", began.elapsed());
        ensure!(camera["frames"]["dropped"][counter].as_u64() > Some(0), "{picture}: {camera}");
        ensure!(
            camera["problem"]["advice"].as_str().is_some_and(|advice| !advice.contains("cable")),
            "{camera}"
        );
    }
    Ok(())
}

#[test]
fn what_cannot_be_shown_is_said_by_name_within_two_seconds() -> Outcome {
    for (picture, counter, words) in CASES {
        let boardcam = camera("small.jpg", picture)?;
        let viewer = boardcam.watch("/stream")?;
        let began = Instant::now();
        let camera = wait_for("the state", || {
            let camera = boardcam.state()?["cameras"][0].clone();
            let is_said = camera["state"] == "waiting" && boardcam.log().contains(words);
            Ok(is_said.then_some(camera))
        })?;
        ensure!(began.elapsed() < SOON, "{picture}: after {:?}", began.elapsed());
        let why = camera["problem"]["why"].as_str().unwrap_or_default();
        ensure!(why.contains(words), "{picture}: {why}");
        ensure!(camera["frames"]["dropped"][counter].as_u64() > Some(0), "{picture}: {camera}");
        ensure!(camera["format"] == Value::Null, "{picture}: {camera}");
        viewer.wait_for("the card", |frame| dimensions(frame).is_ok_and(|size| size == (320, 240)))?;
    }
    Ok(())
}

#[test]
fn a_camera_of_jpegs_shows_less_quality_and_smaller_pictures_as_asked_for() -> Outcome {
    let command = format!("pipe:cd {PICTURES}; while cat non-interleaved.jpg; do sleep 0.05; done");
    let original = std::fs::read(format!("{PICTURES}/non-interleaved.jpg"))?;
    let boardcam = Boardcam::start(&["--camera", &command, "--quality", "30"])?;
    let viewer = boardcam.watch("/stream")?;
    let frame = viewer.next()?;
    ensure!(dimensions(&frame)? == dimensions(&original)?, "{:?}", dimensions(&frame)?);
    ensure!(frame.len() < original.len(), "{} bytes of {}", frame.len(), original.len());
    let small = boardcam.watch("/stream?size=160x120&quality=20")?.next()?;
    ensure!(dimensions(&small)?.0 == 160, "{:?}", dimensions(&small)?);
    let answer = ask(boardcam.address, "PUT", "/api/quality", &[], "{\"quality\": 5}")?;
    ensure!(answer.status == 200, "{}", answer.status);
    viewer.wait_for("less quality", |less| less.len() * 4 < frame.len() * 3)?;
    let state = &boardcam.state()?["cameras"][0];
    ensure!(state["quality"] == 5 && state["quality_can_be_set"] == true, "{state}");
    ensure!(!boardcam.log().contains("unchanged"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn a_camera_of_jpegs_whose_pictures_are_to_be_left_alone_says_that_the_quality_does_not_apply() -> Outcome {
    let command = format!("pipe:cd {PICTURES}; while cat non-interleaved.jpg; do sleep 0.05; done");
    let original = std::fs::read(format!("{PICTURES}/non-interleaved.jpg"))?;
    let boardcam = Boardcam::start(&["--camera", &command, "--quality", "30", "--encoder", "passthrough"])?;
    let frame = boardcam.watch("/stream")?.next()?;
    ensure!(frame == original, "{} bytes of {}", frame.len(), original.len());
    ensure!(boardcam.log().contains("with --encoder auto the quality applies"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn a_camera_of_jpegs_is_turned_for_everybody_and_smaller_pictures_are_too() -> Outcome {
    let command = format!("pipe:cd {PICTURES}; while cat non-interleaved.jpg; do sleep 0.05; done");
    let options = ["--camera", &command, "--encoder", "passthrough", "--rotate", "90"];
    let boardcam = Boardcam::start(&options)?;
    let (frame, snapshot) = (boardcam.watch("/stream")?.next()?, boardcam.get("/snapshot")?.body);
    ensure!(dimensions(&frame)? == (240, 320) && dimensions(&snapshot)? == (240, 320), "not turned");
    let small = boardcam.watch("/stream?size=120x160")?.next()?;
    ensure!(dimensions(&small)? == (120, 160), "{:?}", dimensions(&small)?);
    let told = &boardcam.state()?["result"]["source"]["resolution"];
    ensure!(told["width"] == 240 && told["height"] == 320, "{told}");
    let picture = &boardcam.state()?["cameras"][0]["picture"];
    ensure!(picture["width"] == 240 && picture["height"] == 320, "{picture}");
    Ok(())
}
