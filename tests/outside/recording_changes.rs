//! Recordings while something changes around them: the picture is turned, another program records into the same folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use client::{Answer, Outcome, ensure, wait_for};
use memchr::memmem;

use crate::boardcam::{Boardcam, PROGRAM};
use crate::recording::{Place, ask, record_one, recording, start, switch, wait_for_frames};
use crate::serving::dimensions;

/// Width and height.
type Size = (usize, usize);

/// Width and height in the header of a recording (RFC 9559 sections 5.1.4.1.28.6 and 7), and of all pictures in it.
fn sizes(file: &Path) -> Outcome<(Size, Vec<Size>)> {
    let bytes = fs::read(file)?;
    // Both have an identifier of one byte, a length of one, and a value of one or two; the height follows the width.
    let (width, height) = (0xB0, 0xBA);
    let sides = bytes.windows(8).find_map(|eight| match *eight {
        [id, 0x81, w, next, 0x81, h, ..] if (id, next) == (width, height) => Some((w.into(), h.into())),
        [id, 0x81, w, next, 0x82, h, l, _] if (id, next) == (width, height) => {
            Some((w.into(), usize::from(h) << 8 | usize::from(l)))
        }
        [id, 0x82, w, l, next, 0x81, h, _] if (id, next) == (width, height) => {
            Some((usize::from(w) << 8 | usize::from(l), h.into()))
        }
        _ => None,
    });
    let pictures = memmem::find_iter(&bytes, b"\xff\xd8\xff").map(|at| dimensions(&bytes[at..]));
    Ok((sides.ok_or("no width and height")?, pictures.collect::<Outcome<_>>()?))
}

#[test]
fn a_picture_that_is_turned_while_it_is_recorded_goes_on_in_a_file_of_its_own_size() -> Outcome {
    let place = Place::new()?;
    let state = Place::new()?;
    let mut command = Command::new(PROGRAM);
    command.env("STATE_DIRECTORY", &state.0);
    let folder = place.0.to_str().ok_or("an odd path")?;
    let options =
        ["--camera", "pattern", "--size", "320x240", "--record-folder", folder, "--record-min-free", "1"];
    let boardcam = Boardcam::start_by(command, &options)?;
    let turn = |degrees: u16| -> Outcome {
        let body = format!("{{\"rotate\": {degrees}}}");
        let json = "Content-Type: application/json\r\n";
        let answer = Answer::read(&mut ask(&boardcam, "PUT", "/api/orientation", json, &body)?)?;
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
        Ok(())
    };
    switch(&boardcam, true)?;
    for degrees in [0, 180, 90] {
        turn(degrees)?;
        wait_for_frames(&boardcam, 40)?; // more than wait to be written
    }
    switch(&boardcam, false)?;
    wait_for("the file to be closed", || Ok(recording(&boardcam)?["file"].is_null().then_some(())))?;
    let files = place.files()?;
    ensure!(files.len() == 2, "{files:?}");
    for (file, size) in files.iter().zip([(320, 240), (240, 320)]) {
        let (told, pictures) = sizes(file)?;
        ensure!(told == size, "{}: {told:?}", file.display());
        ensure!(pictures.len() >= 5 && pictures.iter().all(|one| *one == size), "{told:?}: {pictures:?}");
    }
    Ok(())
}

#[test]
fn two_boardcams_that_record_into_one_folder_say_so_once() -> Outcome {
    let place = Place::new()?;
    let both = [start(&place.0, &["--record", "always"])?, start(&place.0, &["--record", "always"])?];
    let said = |boardcam: &Boardcam| boardcam.log().matches("another one is writing ").count();
    wait_for("both to say so", || Ok(both.iter().all(|one| said(one) > 0).then_some(())))?;
    for boardcam in &both {
        wait_for_frames(boardcam, 60)?; // another scan or two
        ensure!(
            said(boardcam) == 1 && boardcam.log().contains("record-folder of its own"),
            "{}",
            boardcam.log()
        );
    }
    Ok(())
}

#[test]
fn metrics_show_what_is_recorded_and_whether_it_works() -> Outcome {
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let value = |name: &str| -> Outcome<f64> {
        let text = boardcam.get("/metrics")?.text().to_string();
        let line = text.lines().find(|line| line.starts_with(&format!("boardcam_{name}")));
        let value = line.and_then(|line| line.rsplit(' ').next()).ok_or_else(|| format!("no {name}"))?;
        Ok(value.parse()?)
    };
    ensure!(value("recording{")? == 0.0 && value("recordings ")? == 0.0, "nothing is recorded yet");
    let (file, _) = record_one(&boardcam, &place, 5)?;
    ensure!(value("recordings ")? == 1.0 && value("recording_frames_total{")? >= 5.0, "a file with frames");
    ensure!(value("recordings_bytes ")? == fs::metadata(&file)?.len() as f64, "its bytes");
    ensure!(value("recordings_free_bytes ")? > 0.0 && value("recordings_failing ")? == 0.0, "the disk");
    switch(&boardcam, true)?;
    wait_for("it to be recorded", || Ok((value("recording{")? == 1.0).then_some(())))?;
    fs::remove_dir_all(&place.0)?;
    wait_for("a folder that went to be counted", || {
        Ok((value("recording_failing{")? == 1.0 && value("recordings_failing ")? == 1.0).then_some(()))
    })
}
