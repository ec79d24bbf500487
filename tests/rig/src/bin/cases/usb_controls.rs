//! The controls of a simulated webcam, by the kernel's uvcvideo.

use std::process::Command;
use std::time::{Duration, Instant};

use client::{Outcome, ensure, wait_for};
use serde_json::{Value, json};

use crate::Case;
use crate::boardcam::{Boardcam, PROGRAM, count};
use crate::controls::{controls, find, list, put, wait_until_set};
use crate::guest::Camera;

pub const CASES: &[Case] = &[
    ("the_controls_of_a_webcam_are_listed_as_the_page_expects_them", webcam_controls_are_listed),
    ("probe_shows_the_controls_with_range_and_value", probe_shows_the_controls),
    ("exposure_and_focus_are_set_and_hold_for_the_next_camera_too", exposure_and_focus_are_set_and_hold),
    ("one_bad_control_does_not_hide_the_others", one_bad_control_does_not_hide_the_others),
    ("a_control_that_takes_seconds_holds_no_frame", a_control_that_takes_seconds_holds_no_frame),
    ("a_camera_without_controls_is_fine", a_camera_without_controls_is_fine),
];

/// A rate that the guest keeps up with.
const STEADY: [&str; 4] = ["--size", "640x480", "--fps", "15"];

/// What the page's checks take for the answer of a webcam.
const EXPECTED: &str = include_str!("../../../../clients/webcam_controls.json");

fn webcam_controls_are_listed() -> Outcome {
    let _camera = Camera::plug_in_with(&["--controls", "all"])?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    let listed = list(&boardcam)?;
    let expected: Value = serde_json::from_str(EXPECTED)?;
    ensure!(listed == expected, "tests/clients/webcam_controls.json is not what is answered: {listed:#}");
    Ok(())
}

fn probe_shows_the_controls() -> Outcome {
    let _camera = Camera::plug_in_with(&["--controls", "all,gain:unreadable"])?;
    let probe = |form: &[&str]| -> Outcome<String> {
        Ok(String::from_utf8(Command::new(PROGRAM).arg("probe").args(form).output()?.stdout)?)
    };
    let text = probe(&[])?;
    for line in [
        "    brightness                  128, from 0 to 255\n",
        "    exposure_time_absolute      250, from 3 to 2047; it waits for auto_exposure\n",
        "    auto_exposure               Aperture Priority Mode (3), of Manual Mode (1), Aperture Priority\n",
        "    note: gain cannot be read: the camera does not answer properly\n",
    ] {
        ensure!(text.contains(line), "no line {line} in {text}");
    }
    let found: Value = serde_json::from_str(&probe(&["--json"])?)?;
    let expected: Value = serde_json::from_str(EXPECTED)?;
    let camera = &found["cameras"][0];
    for (printed, served) in camera["controls"]
        .as_array()
        .ok_or("no list")?
        .iter()
        .zip(expected["controls"].as_array().ok_or("no list")?)
    {
        let name = &printed["name"];
        ensure!(
            name == "gain"
                || served
                    .as_object()
                    .ok_or("no control")?
                    .iter()
                    .all(|(key, value)| key == "kept" || printed[key] == *value),
            "{printed}, not {served}"
        );
    }
    ensure!(camera["control_problems"].as_array().map(Vec::len) == Some(1), "{camera}");
    Ok(())
}

fn exposure_and_focus_are_set_and_hold() -> Outcome {
    let plug_in = || Camera::plug_in_with(&["--controls", "all"]);
    let camera = plug_in()?;
    let boardcam = Boardcam::start(&["--control", "contrast=44"])?;
    boardcam.wait_until_live()?;
    let listed = list(&boardcam)?;
    let exposure = find(&listed, "exposure_time_absolute")?;
    ensure!(exposure["inactive"] == true && exposure["waits_for"] == "auto_exposure", "{exposure}");
    let (status, why) = controls(&boardcam, "PUT", "", &json!({ "exposure_time_absolute": 5000 }))?;
    ensure!(
        status == 400 && why.as_str().is_some_and(|why| why.contains("from 3 to 2047")),
        "{status} {why}"
    );
    // Its automatic is switched off for it.
    let listed = put(&boardcam, &json!({ "exposure_time_absolute": 100 }))?;
    ensure!(find(&listed, "auto_exposure")?["value"] == 1, "{listed}");
    // In one request, named before what it waits for: by the alphabet.
    put(&boardcam, &json!({ "focus_absolute": 30, "focus_automatic_continuous": false }))?;
    put(&boardcam, &json!({ "power_line_frequency": "50 Hz" }))?;
    let values = json!({
        "exposure_time_absolute": 100, "auto_exposure": 1, "focus_absolute": 30, "power_line_frequency": 1, "contrast": 44,
        "white_balance_automatic": true,
    });
    wait_until_set(&boardcam, &values)?;
    camera.unplug()?;
    boardcam.wait_until_waiting()?;
    let other = plug_in()?; // it knows nothing of that
    boardcam.wait_until_live()?;
    wait_until_set(&boardcam, &values)?;
    boardcam.terminate()?;
    other.unplug()?;
    let _another = plug_in()?;
    let boardcam = Boardcam::start(&["--control", "contrast=44"])?;
    boardcam.wait_until_live()?;
    wait_until_set(&boardcam, &values)?;
    controls(&boardcam, "DELETE", "", &Value::Null)?;
    wait_until_set(&boardcam, &json!({ "auto_exposure": 3, "power_line_frequency": 2, "contrast": 44 }))
}

fn one_bad_control_does_not_hide_the_others() -> Outcome {
    // uvcvideo reads the mode to tell whether the exposure is inactive.
    let faults = "all,brightness:reversed,contrast:stepless,gain:unreadable,power_line_frequency:limitless,auto_exposure:unreadable";
    let _camera = Camera::plug_in_with(&["--controls", faults])?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    let listed = list(&boardcam)?;
    let names: Vec<_> =
        listed["controls"].as_array().ok_or("no list")?.iter().map(|one| &one["name"]).collect();
    let problems: Vec<_> =
        listed["problems"].as_array().ok_or("no problems")?.iter().map(|one| &one["control"]).collect();
    for name in ["gain", "power_line_frequency", "auto_exposure", "exposure_time_absolute"] {
        ensure!(problems.contains(&&json!(name)), "nothing is said of {name}: {listed}");
    }
    for name in ["brightness", "contrast", "gain", "white_balance_automatic", "focus_absolute"] {
        ensure!(names.contains(&&json!(name)), "{name} is hidden: {listed}");
    }
    let brightness = find(&listed, "brightness")?;
    ensure!(brightness["min"] == 255 && brightness["max"] == 0, "{brightness}");
    for values in [json!({ "contrast": 40 }), json!({ "focus_absolute": 15 })] {
        let (status, answered) = controls(&boardcam, "PUT", "", &values)?;
        ensure!(status == 200, "{answered}");
        wait_until_set(&boardcam, &values)?;
    }
    let (status, why) = controls(&boardcam, "PUT", "", &json!({ "exposure_time_absolute": 100 }))?;
    ensure!(
        status == 400 && why.as_str().is_some_and(|why| why.contains("does not say what")),
        "{status} {why}"
    );
    boardcam.wait_until_live().map(drop)
}

fn a_control_that_takes_seconds_holds_no_frame() -> Outcome {
    const SECONDS: Duration = Duration::from_secs(4);
    /// 15 come in a second, fewer on a slow machine.
    const FRAMES: u64 = 3;
    /// The camera does not say the contrast: longer than an answer is waited for.
    const MUTE: Duration = Duration::from_millis(2500);
    let slow = format!("all,gain:slow={},contrast:mute={}", SECONDS.as_millis(), MUTE.as_millis());
    let _camera = Camera::plug_in_with(&["--controls", &slow])?;
    let boardcam = Boardcam::start(&STEADY)?;
    boardcam.wait_until_live()?;
    list(&boardcam)?;
    // That is not tried again each time.
    let (_, answered) = controls(&boardcam, "PUT", "", &json!({ "brightness": 3 }))?;
    let told = answered["problems"].as_array().ok_or("no problems")?;
    ensure!(told.len() == 1 && told[0]["control"] == "contrast", "{answered}");
    let before = count(&boardcam.camera()?, "captured");
    let begin = Instant::now();
    let (status, answered) = controls(&boardcam, "PUT", "", &json!({ "gain": 99 }))?;
    ensure!(
        status == 200 && answered["problems"].to_string().contains("gain is still being set"),
        "{status} {answered}"
    );
    let came = count(&boardcam.camera()?, "captured") - before;
    ensure!(came > FRAMES, "{came} frames while it is set");
    // Meanwhile the last values are answered.
    let (_, listed) = controls(&boardcam, "GET", "", &Value::Null)?;
    ensure!(find(&listed, "gain")?["kept"] == true, "{listed}");
    wait_until_set(&boardcam, &json!({ "gain": 99 }))?;
    ensure!(begin.elapsed() >= SECONDS, "it was not slow");
    wait_for("no other problem", || {
        Ok(list(&boardcam)?["problems"].as_array().filter(|all| all.len() == 1).map(drop))
    })
}

fn a_camera_without_controls_is_fine() -> Outcome {
    let _camera = Camera::plug_in_with(&["--controls", "none"])?;
    let boardcam = Boardcam::start(&["--control", "brightness=3"])?;
    boardcam.wait_until_live()?;
    let (status, listed) = wait_for("the answer that it has none", || {
        let answer = controls(&boardcam, "GET", "", &Value::Null)?;
        Ok((answer.1["why"] == "the camera has no controls").then_some(answer))
    })?;
    ensure!(status == 200 && listed["available"] == false && listed["controls"] == json!([]), "{listed}");
    let (status, why) = controls(&boardcam, "PUT", "", &json!({ "brightness": 3 }))?;
    let why = why.as_str().unwrap_or_default().trim();
    ensure!(status == 400 && why == "The camera has no controls.", "{status} {why}");
    ensure!(boardcam.log()?.contains("The camera has no controls"), "the log does not say it");
    boardcam.wait_until_live().map(drop)
}
