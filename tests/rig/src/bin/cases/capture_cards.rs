//! Capture cards: vivid's HDMI and TV inputs, with signals that change, are lost, and are of no use.

use std::fs::{self, File};

use client::{Outcome, ensure};
use v4l::Device;
use v4l::control::{Control, Value};
use v4l2_calls::edid;

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::Vivid;

pub const CASES: &[Case] = &[
    ("an_input_is_chosen_by_its_name_and_another_is_not_taken", an_input_is_chosen_by_its_name),
    ("the_card_says_why_there_is_no_signal_and_the_picture_comes_back", the_card_says_why_there_is_no_signal),
    ("a_source_that_changes_its_size_is_followed", a_source_that_changes_its_size_is_followed),
    ("the_television_standard_is_set", the_television_standard_is_set),
    ("an_edid_is_shown_to_the_source", an_edid_is_shown_to_the_source),
];

const NODE: &str = "/dev/video0";

// Controls of vivid (vivid-ctrls.c), and what they are set to.
const STANDARD_SIGNAL: u32 = 0xf0_f03c;
const TIMINGS_SIGNAL: u32 = 0xf0_f03e;
const TIMINGS: u32 = 0xf0_f03f;
const CURRENT: i64 = 0;
const NO_SIGNAL: i64 = 1;
const NO_LOCK: i64 = 2;
const OUT_OF_RANGE: i64 = 3;
const SELECTED: i64 = 4;
/// 720x480i59.94 and 720x576p50 among its timings (v4l2_dv_timings_presets in v4l2-dv-timings.c).
const INTERLACED: i64 = 1;
const SMALL: i64 = 4;

/// Sets a control of vivid, as if its source did something.
fn set(id: u32, value: i64) -> Outcome {
    Ok(Device::with_path(NODE)?.set_control(Control { id, value: Value::Integer(value) })?)
}

fn size(state: &serde_json::Value) -> String {
    state["format"]["width"].to_string() + "x" + &state["format"]["height"].to_string()
}

fn an_input_is_chosen_by_its_name() -> Outcome {
    let _vivid = Vivid::capture_card()?;
    let boardcam = Boardcam::start(&["--input", "SCART"])?;
    let state = boardcam.wait_until_waiting()?;
    let why = state["problem"]["why"].as_str().unwrap_or_default();
    ensure!(why.contains("no input SCART") && why.contains("HDMI") && why.contains("TV"), "{state}");
    boardcam.terminate()?;
    // PAL is vivid's first standard; the HDMI input has 720p.
    for (input, wanted) in [("tv", "720x576"), ("HDMI", "1280x720"), ("1", "720x576"), ("0", "1280x720")] {
        let boardcam = Boardcam::start(&["--input", input])?;
        let state = boardcam.wait_until_live()?;
        ensure!(size(&state) == wanted, "--input {input}: not {wanted}: {state}");
        boardcam.terminate()?;
    }
    Ok(())
}

fn the_card_says_why_there_is_no_signal() -> Outcome {
    let _vivid = Vivid::capture_card()?;
    let boardcam = Boardcam::start(&["--input", "HDMI"])?;
    boardcam.wait_until_live()?;
    let _viewer = boardcam.watch_first()?;
    for (mode, word) in [(NO_SIGNAL, "ENOLINK"), (NO_LOCK, "ENOLCK"), (OUT_OF_RANGE, "ERANGE")] {
        set(TIMINGS_SIGNAL, mode)?;
        boardcam.wait_until(word, |camera| {
            let why = camera["problem"]["why"].as_str().unwrap_or_default();
            camera["state"] != "live" && why.contains(word) && why.contains("HDMI")
        })?;
        set(TIMINGS_SIGNAL, CURRENT)?;
        boardcam.wait_until_live()?;
    }
    boardcam.terminate().map(drop)
}

fn a_source_that_changes_its_size_is_followed() -> Outcome {
    let _vivid = Vivid::capture_card()?;
    let boardcam = Boardcam::start(&["--input", "HDMI"])?;
    boardcam.wait_until_live()?;
    set(TIMINGS, SMALL)?;
    set(TIMINGS_SIGNAL, SELECTED)?;
    let state =
        boardcam.wait_until("720x576", |camera| camera["state"] == "live" && size(camera) == "720x576")?;
    let chosen = state["chosen"].as_str().unwrap_or_default();
    ensure!(chosen.ends_with("the signal has 720x576"), "it says who asked for the size wrongly: {state}");
    set(TIMINGS, INTERLACED)?;
    // vivid does not take these timings itself.
    boardcam.wait_until("interlaced video to be refused", |camera| {
        let why = camera["problem"]["why"].as_str().unwrap_or_default();
        why.contains("does not take the timings of its signal, 720x480i")
    })?;
    set(TIMINGS, SMALL)?;
    boardcam.wait_until("720x576 again", |camera| camera["state"] == "live" && size(camera) == "720x576")?;
    boardcam.terminate().map(drop)
}

fn the_television_standard_is_set() -> Outcome {
    let _vivid = Vivid::capture_card()?;
    for (standard, wanted) in [("ntsc", "720x480"), ("pal", "720x576"), ("auto", "720x576")] {
        let boardcam = Boardcam::start(&["--input", "TV", "--standard", standard])?;
        let state = boardcam.wait_until_live()?;
        ensure!(size(&state) == wanted, "--standard {standard}: not {wanted}: {state}");
        boardcam.terminate()?;
    }
    let boardcam = Boardcam::start(&["--input", "TV"])?;
    boardcam.wait_until_live()?;
    set(STANDARD_SIGNAL, NO_SIGNAL)?;
    boardcam.wait_until("no signal", |camera| {
        let why = camera["problem"]["why"].as_str().unwrap_or_default();
        camera["state"] != "live" && why.contains("no signal at input TV")
    })?;
    set(STANDARD_SIGNAL, CURRENT)?;
    boardcam.wait_until_live()?;
    boardcam.terminate().map(drop)
}

fn an_edid_is_shown_to_the_source() -> Outcome {
    const FILE: &str = "/tmp/edid";
    let _vivid = Vivid::capture_card()?;
    let mut bytes = [0_u8; edid::BLOCK];
    bytes[..8].copy_from_slice(&[0, 255, 255, 255, 255, 255, 255, 0]);
    bytes[20] = 0x80; // a digital input
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[127] = sum(&bytes).wrapping_neg();
    fs::write(FILE, bytes)?;
    let boardcam = Boardcam::start(&["--input", "HDMI", "--edid", FILE])?;
    boardcam.wait_until_live()?;
    ensure!(edid::get(File::open(NODE)?, 0)? == bytes, "another EDID");
    boardcam.terminate()?;
    fs::write(FILE, &bytes[..100])?;
    let boardcam = Boardcam::start(&["--input", "HDMI", "--edid", FILE])?;
    let state = boardcam.wait_until_waiting()?;
    let why = state["problem"]["why"].as_str().unwrap_or_default();
    ensure!(why.contains(FILE) && why.contains("100 bytes"), "{state}");
    boardcam.terminate().map(drop)
}
