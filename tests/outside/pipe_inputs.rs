//! What users really pipe into it: other formats, text, damage, stills that come seldom, streams of other servers.

use std::time::Duration;

use client::{Outcome, ensure, wait_for};
use serde_json::Value;

use crate::boardcam::{Boardcam, File, goes_on, run};
use crate::program::{Program, dropped};

/// A camera that runs this command in the program's folder.
fn in_folder(program: &Program, name: &str, command: &str) -> String {
    format!("{name}=pipe:cd {} && {command}", program.path("."))
}

fn camera(boardcam: &Boardcam, name: &str) -> Outcome<Value> {
    let state = boardcam.state()?;
    let mut cameras = state["cameras"].as_array().into_iter().flatten();
    Ok(cameras.find(|camera| camera["name"] == name).ok_or("no such camera")?.clone())
}

/// Waits until page, `/state` and log say this of a camera.
fn is_said(boardcam: &Boardcam, name: &str, words: &str) -> Outcome<Value> {
    wait_for(&format!("{name} to be explained by {words:?}"), || {
        let camera = camera(boardcam, name)?;
        let is_said = camera["problem"]["why"].as_str().is_some_and(|why| why.contains(words));
        Ok((is_said && boardcam.log().contains(words)).then_some(camera))
    })
    .map_err(|why| format!("{why}: {:?}\n{}", camera(boardcam, name), boardcam.log()).into())
}

#[test]
fn whatever_a_command_writes_in_place_of_jpegs_is_named_while_it_still_runs() -> Outcome {
    const CASES: [(&str, &str, &str); 10] = [
        ("bmp", "printf 'BM6\\204\\3\\0\\0\\0\\0\\0'; sleep 100", "it writes BMP pictures"),
        ("ts", "while cat film.ts; do sleep 0.1; done", "it writes a film (MPEG transport stream)"),
        ("png", "printf '\\211PNG\\r\\n\\032\\n0000'; sleep 100", "it writes PNG pictures and not JPEGs"),
        ("h264", "printf '\\0\\0\\0\\001\\147\\144'; sleep 100", "it writes H.264 or H.265 video"),
        ("page", "echo '<!DOCTYPE html><title>401'; sleep 100", "begins with \"<!DOCTYPE html><title>401\""),
        (
            "words",
            "while echo no camera; do sleep 0.1; done",
            "it writes text that begins with \"no camera\"",
        ),
        ("pixels", "head -c 100000 /dev/urandom; sleep 100", "no picture or film known here"),
        ("nothing", "sleep 100", "nothing has come from it yet"),
        ("half", "head -c 2000 frame.jpg; sleep 100", "a picture has begun, and its end does not come"),
        ("damaged", "while cat bad.jpg; do sleep 0.1; done", "their bytes are damaged"),
    ];
    let program = Program::new("formats", "nothing")?;
    program.write("bad.jpg", &damaged(&program.frame()?))?;
    program.write("film.ts", &in_packets(&program.frame()?))?;
    let mut options = Vec::new();
    for (name, command, _) in &CASES {
        options.extend(["--camera".to_owned(), in_folder(&program, name, command)]);
    }
    let boardcam = Boardcam::start(&options.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (name, _, words) in CASES {
        let camera = is_said(&boardcam, name, words)?;
        ensure!(camera["state"] == "starting", "{camera}");
        let advice = camera["problem"]["advice"].as_str().unwrap_or_default();
        ensure!(!advice.contains("cable"), "{camera}");
        let health = boardcam.get(&format!("/cameras/{name}/healthz"))?;
        let text = String::from_utf8(health.body)?;
        ensure!(health.status == 503 && text.contains(words), "{text}");
    }
    let damaged = camera(&boardcam, "damaged")?;
    ensure!(damaged["frames"]["dropped"]["damaged"].as_u64() > Some(3), "{damaged}");
    let lines = boardcam.log().matches("camera words: ").count();
    ensure!(lines == 1, "{lines} lines about the same trouble: {}", boardcam.log());
    Ok(())
}

#[test]
fn a_command_that_ends_again_and_again_is_explained_by_the_best_reason_all_the_time() -> Outcome {
    // It is silent for longer than boardcam waits until it says that nothing has come.
    const GIF: &str = "echo >>starts; sleep 2; printf GIF89a0000";
    const HUGE: &str = "echo >>starts; sleep 2; cat huge.jpg";
    let program = Program::new("again", "nothing")?;
    let huge =
        b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0x\xff\xd9";
    program.write("huge.jpg", huge)?;
    let [gif, huge] =
        [("gif", GIF), ("huge", HUGE)].map(|(name, command)| in_folder(&program, name, command));
    let boardcam = Boardcam::start(&["--camera", &gif, "--camera", &huge])?;
    for (name, words) in
        [("gif", "GIF pictures"), ("huge", "its pictures cannot be used: the frame's header says a size")]
    {
        is_said(&boardcam, name, words)?;
    }
    wait_for("the third start of each", || {
        for (name, words) in [("gif", "GIF pictures"), ("huge", "its pictures cannot be used")] {
            let camera = camera(&boardcam, name)?;
            ensure!(camera["problem"]["why"].as_str().is_some_and(|why| why.contains(words)), "{camera}");
        }
        Ok((std::fs::read_to_string(program.path("starts"))?.lines().count() >= 6).then_some(()))
    })?;
    for name in ["gif", "huge"] {
        let lines = boardcam.log().matches(&format!("camera {name}: ")).count();
        ensure!((1..=3).contains(&lines), "{lines} lines: {}", boardcam.log());
    }
    Ok(())
}

#[test]
fn what_a_command_delivered_stays_the_reason_when_its_restart_is_given_up_in_silence() -> Outcome {
    let program = Program::new("then-silent", "nothing")?;
    let command = "echo >>starts; [ $(wc -l <starts) = 1 ] || exec sleep 100; printf GIF89a0000";
    let gif = in_folder(&program, "gif", command);
    let boardcam = Boardcam::start(&["--camera", &gif, "--timeout", "2"])?;
    is_said(&boardcam, "gif", "GIF pictures")?;
    wait_for("the third start", || {
        let camera = camera(&boardcam, "gif")?;
        ensure!(camera["problem"]["why"].as_str().is_some_and(|why| why.contains("GIF")), "{camera}");
        Ok((std::fs::read_to_string(program.path("starts"))?.lines().count() >= 3).then_some(()))
    })
}

#[test]
fn a_command_whose_pictures_cease_is_explained_before_it_is_given_up() -> Outcome {
    const FRAMES: &str = "for n in 1 2 3 4 5; do cat frame.jpg; sleep 0.1; done";
    const CASES: [(&str, &str, &str); 2] = [
        (
            "words",
            "yes 'lens cap on' | head -n 1000; sleep 100",
            "it writes text that begins with \"lens cap on\"",
        ),
        ("silence", "sleep 100", "none has come for longer than usual"),
    ];
    let program = Program::new("cease", "nothing")?;
    let mut options = Vec::new();
    for (name, then, _) in &CASES {
        options.extend(["--camera".to_owned(), in_folder(&program, name, &format!("{FRAMES}; {then}"))]);
    }
    let boardcam = Boardcam::start(&options.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (name, _, words) in CASES {
        let camera = is_said(&boardcam, name, words)?;
        ensure!(camera["state"] == "live", "{camera}");
    }
    Ok(())
}

#[test]
fn a_command_that_writes_nothing_and_ends_is_said_to_have_written_nothing() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "empty=pipe:true"])?;
    is_said(&boardcam, "empty", "it wrote no picture")?;
    Ok(())
}

#[test]
fn a_command_that_takes_one_picture_and_ends_gets_the_advice_to_repeat_it() -> Outcome {
    let program = Program::new("once", "nothing")?;
    let camera = in_folder(&program, "once", "cat frame.jpg");
    let boardcam = Boardcam::start(&["--camera", &camera])?;
    wait_for("the advice", || {
        let camera = self::camera(&boardcam, "once")?;
        Ok(camera["problem"]["advice"]
            .as_str()
            .is_some_and(|text| text.contains("while COMMAND"))
            .then_some(()))
    })
}

/// A picture with a marker in its compressed data that cannot be there, and what follows reads as a length of 63,505.
fn damaged(jpeg: &[u8]) -> Vec<u8> {
    let middle = jpeg.len() - 500;
    [&jpeg[..middle], b"\xff\x57\xf8\x11", &jpeg[middle..]].concat()
}

/// A picture in packets of an MPEG transport stream, behind one without data (ISO 13818-1, 2.4.3).
fn in_packets(jpeg: &[u8]) -> Vec<u8> {
    const EMPTY: [u8; 12] = [0x47, 1, 0, 0x30, 7, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let packets = jpeg.chunks_exact(176).map(|data| [&EMPTY[..], data].concat());
    [[&[0x47][..], &[0; 187]].concat()].into_iter().chain(packets).flatten().collect()
}

#[test]
fn a_damaged_picture_among_others_is_lost_alone_counted_and_said_once() -> Outcome {
    let program = Program::new("damage", "nothing")?;
    program.write("bad.jpg", &damaged(&program.frame()?))?;
    let four = "cat frame.jpg frame.jpg frame.jpg frame.jpg bad.jpg";
    let camera = in_folder(&program, "camera", &format!("while {four}; do sleep 0.05; done"));
    let boardcam = Boardcam::start(&["--camera", &camera])?;
    program.is_seen(&boardcam.watch("/stream")?)?;
    wait_for("damaged frames", || Ok((dropped(&boardcam, "damaged")? >= 10).then_some(())))?;
    let camera = self::camera(&boardcam, "camera")?;
    let (lost, all) = (dropped(&boardcam, "damaged")?, camera["frames"]["captured"].as_u64().unwrap_or(0));
    ensure!(lost * 5 <= all + 10, "{lost} of {all} frames were lost: {camera}");
    let lines = boardcam.log().matches("dropped a frame").count();
    ensure!(lines == 1 && camera["problem"].is_null(), "{lines} lines; {camera}");
    Ok(())
}

#[test]
fn something_small_may_come_first_and_large_pictures_later() -> Outcome {
    let program = Program::new("growth", "nothing")?;
    let head = b"\xff\xd8\xff\xc0\0\x0b\x08\x04\x38\x07\x80\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0";
    let data: Vec<u8> = (0..700_000).map(|n| (n % 251) as u8 + 1).collect();
    program.write("large.jpg", &[&head[..], &data, b"\xff\xd9"].concat())?;
    let command = "cat frame.jpg frame.jpg frame.jpg; while cat large.jpg; do sleep 0.1; done";
    let boardcam = Boardcam::start(&["--camera", &in_folder(&program, "camera", command)])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.wait_for("a large picture", |seen| seen.len() > 700_000)?;
    goes_on(&viewer, 5)?;
    let state = camera(&boardcam, "camera")?;
    let dropped = &state["frames"]["dropped"];
    ensure!(
        dropped["flagged"] == 0 && dropped["too_large"] == 0 && state["format"]["width"] == 1920,
        "{state}"
    );
    Ok(())
}

#[test]
fn a_still_that_comes_seldom_is_served_at_once_with_its_age_and_its_command_is_left_alone() -> Outcome {
    let program = Program::new("still", "hangs")?; // one picture, and then none for a long time
    let boardcam = program.boardcam()?;
    wait_for("the still", || {
        Ok((camera(&boardcam, "camera")?["frames"]["captured"].as_u64() > Some(0)).then_some(()))
    })?;
    let answer = wait_for("an age", || {
        let answer = boardcam.get("/snapshot")?;
        ensure!(answer.status == 200 && answer.body == program.frame()?, "{}", answer.status);
        let age = answer.headers.get("age").and_then(|age| age.parse::<u64>().ok());
        Ok(age.is_some_and(|age| age >= 3).then_some(answer))
    })?;
    ensure!(answer.headers.contains_key("x-timestamp"), "no X-Timestamp");
    program.is_seen(&boardcam.watch("/stream")?)?;
    let small = boardcam.get("/snapshot?size=160x120")?;
    ensure!(small.status == 200 && small.body.len() < answer.body.len(), "{}", small.status);
    let state = camera(&boardcam, "camera")?;
    ensure!(state["state"] == "live" && state["problem"].is_null(), "{state}");
    ensure!(boardcam.get("/healthz")?.status == 200 && program.running().len() == 1, "it was ended");
    Ok(())
}

#[test]
fn the_stream_of_another_server_is_shown_as_curl_delivers_it() -> Outcome {
    let program = Program::new("relay", "shows")?;
    let first = program.boardcam()?;
    if std::process::Command::new("curl").arg("-V").output().is_err() {
        println!("skipped: there is no curl");
        return Ok(());
    }
    let camera = format!("pipe:curl -sN http://{}/stream", first.address);
    let boardcam = Boardcam::start(&["--camera", &camera])?;
    program.is_seen(&boardcam.watch("/stream")?)?;
    ensure!(camera_is_fine(&boardcam)?, "{}", boardcam.state()?);
    Ok(())
}

fn camera_is_fine(boardcam: &Boardcam) -> Outcome<bool> {
    let camera = camera(boardcam, "camera")?;
    Ok(camera["problem"].is_null() && camera["state"] == "live" && dropped(boardcam, "damaged")? == 0)
}

#[test]
fn the_settings_for_other_programs_in_the_recipes_are_taken() -> Outcome {
    let recipes = include_str!("../../docs/recipes.md");
    let block = recipes.split_once("```toml programs\n").and_then(|(_, rest)| rest.split_once("```"));
    let file = File::new("programs.toml", block.ok_or("no settings")?.0)?;
    let checked = run(&["--config", file.path(), "check"])?;
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    Ok(())
}

#[test]
fn a_timeout_in_the_settings_is_taken_for_one_camera() -> Outcome {
    let program = Program::new("timeout", "nothing")?;
    let boardcam = Boardcam::start(&["--camera", &program.camera(), "--timeout", "2"])?;
    wait_for("a second start", || {
        let groups = std::fs::read_to_string(program.path("groups")).unwrap_or_default();
        Ok((groups.lines().count() >= 2).then_some(()))
    })?;
    ensure!(
        boardcam.end_by(rustix::process::Signal::TERM)?.1 < Duration::from_secs(2),
        "it did not end soon"
    );
    Ok(())
}
