//! A camera's own controls, by means of vivid's, which has all kinds of them (kernel
//! Documentation/admin-guide/media/vivid.rst, "Controls").

use client::{Outcome, ask, ensure, wait_for};
use serde_json::{Value, json};
use v4l::Device;
use v4l::control;

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::{Vivid, nodes};

pub const CASES: &[Case] = &[
    ("controls_of_all_kinds_are_listed_and_set", controls_of_all_kinds_are_listed_and_set),
    ("controls_hold_over_a_reopening_and_a_restart", controls_hold_over_a_reopening_and_a_restart),
    ("a_control_that_another_program_changes_is_shown", a_control_that_another_program_changes_is_shown),
];

/// V4L2_CID_BRIGHTNESS.
const BRIGHTNESS: u32 = 0x0098_0900;

/// Asks for `/api/cameras/camera/controls`; returns the status and the JSON, or the text of a refusal.
pub fn controls(boardcam: &Boardcam, method: &str, query: &str, body: &Value) -> Outcome<(u16, Value)> {
    let path = format!("/api/cameras/camera/controls{query}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = ask(boardcam.address, method, &path, &[], &body)?;
    let text = answer.text();
    Ok((answer.status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

/// The controls, once they are known.
pub fn list(boardcam: &Boardcam) -> Outcome<Value> {
    wait_for("the controls", || {
        let (_, list) = controls(boardcam, "GET", "", &Value::Null)?;
        Ok((list["available"] == true).then_some(list))
    })
}

pub fn find<'l>(list: &'l Value, name: &str) -> Outcome<&'l Value> {
    let all = list["controls"].as_array().ok_or("no list")?;
    let found = all.iter().find(|control| control["name"] == name);
    Ok(found.ok_or_else(|| format!("no control {name} in {list}"))?)
}

/// Sets these, again while this machine is too slow for an answer in time.
pub fn put(boardcam: &Boardcam, values: &Value) -> Outcome<Value> {
    wait_for("the controls to be set", || {
        let (status, list) = controls(boardcam, "PUT", "", values)?;
        let problems = list["problems"].to_string();
        let is_late = ["is still being set", "busy with earlier"].iter().any(|late| problems.contains(late));
        ensure!(status == 200 && (is_late || problems == "[]"), "{values}: status {status}, {list}");
        Ok((!is_late).then_some(list))
    })
}

fn controls_of_all_kinds_are_listed_and_set() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--control", "contrast=77"])?;
    boardcam.wait_until_live()?;
    let listed = list(&boardcam)?;
    let arrays = listed["left_out"].to_string();
    ensure!(arrays.contains("Array: arrays are not supported"), "{arrays}");
    ensure!(find(&listed, "contrast")?["value"] == 77, "{listed}");
    ensure!(find(&listed, "gain")?["inactive"] == true, "gain is active while automatic");
    ensure!(find(&listed, "gain")?["waits_for"] == "gain_automatic", "{listed}");
    for (name, value) in [
        ("brightness", json!(10)),
        ("boolean", json!(false)),
        ("integer_32_bits", json!(-5)),
        ("integer_64_bits", json!(5_000_000_000_i64)),
        ("menu", json!(4)),
        ("integer_menu", json!(5)),
        ("string", json!("abcd")),
        ("bitmask", json!(0x2000)),
    ] {
        let list = put(&boardcam, &json!({ name: value }))?;
        let control = find(&list, name)?;
        ensure!(control["value"] == value && control["kept"] == true, "{value}: {control}");
    }
    let list = put(&boardcam, &json!({ "button": true }))?;
    ensure!(find(&list, "button")?["kept"] == false, "it would be pressed at each start: {list}");
    // What waits for an automatic is set by switching that off.
    let list = put(&boardcam, &json!({ "gain": 33 }))?;
    ensure!(find(&list, "gain")?["value"] == 33 && find(&list, "gain")?["inactive"] == false, "{list}");
    ensure!(find(&list, "gain_automatic")?["value"] == false, "{list}");

    for (wrong, told) in [
        (json!({ "brightness": 256 }), "from 0 to 255"),
        (json!({ "brightnes": 1 }), "did you mean brightness?"),
        (json!({ "boolean": 7 }), "expected true or false"),
        (json!({ "string": "abcdefgh" }), "bytes"),
    ] {
        let (status, why) = controls(&boardcam, "PUT", "", &wrong)?;
        ensure!(
            status == 400 && why.as_str().is_some_and(|why| why.contains(told)),
            "{wrong}: {status} {why}"
        );
    }
    // One that is right is set, though another is wrong.
    let (status, list) = controls(&boardcam, "PUT", "", &json!({ "brightness": 11, "nonsense": 1 }))?;
    ensure!(status == 200 && find(&list, "brightness")?["value"] == 11, "{status} {list}");
    ensure!(list["problems"][0]["control"] == "nonsense", "{list}");

    let (_, list) = controls(&boardcam, "DELETE", "?control=brightness", &Value::Null)?;
    ensure!(find(&list, "brightness")?["value"] == 128, "{list}");
    ensure!(find(&list, "integer_32_bits")?["value"] == -5, "another was reset too: {list}");
    let (_, list) = controls(&boardcam, "DELETE", "", &Value::Null)?;
    ensure!(find(&list, "integer_32_bits")?["value"] == 0, "{list}");
    ensure!(find(&list, "contrast")?["value"] == 77, "not as the settings say: {list}");
    boardcam.wait_until_live().map(drop)
}

/// Waits until the controls have these values.
pub fn wait_until_set(boardcam: &Boardcam, values: &Value) -> Outcome {
    wait_for("the values to be set again", || {
        let list = list(boardcam)?;
        for (name, value) in values.as_object().ok_or("no values")? {
            if find(&list, name)?["value"] != *value {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

fn controls_hold_over_a_reopening_and_a_restart() -> Outcome {
    let values = json!({ "brightness": 20, "gain_automatic": false, "gain": 44 });
    {
        let _vivid = Vivid::webcam()?;
        let boardcam = Boardcam::start(&[])?;
        boardcam.wait_until_live()?;
        list(&boardcam)?;
        put(&boardcam, &values)?;
        std::fs::write("/sys/bus/platform/drivers/vivid/unbind", "vivid.0")?;
        boardcam.wait_until_waiting()?;
        // It forgets what was set.
        std::fs::write("/sys/bus/platform/drivers/vivid/bind", "vivid.0")?;
        boardcam.wait_until_live()?;
        wait_until_set(&boardcam, &values)?;
    }
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    wait_until_set(&boardcam, &values)
}

fn a_control_that_another_program_changes_is_shown() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    list(&boardcam)?;
    let before = boardcam.camera()?["controls"].clone();
    let nodes = nodes()?;
    let (path, _) = nodes.first().ok_or("no video node")?;
    let brightness = control::Control { id: BRIGHTNESS, value: control::Value::Integer(99) };
    Device::with_path(path)?.set_control(brightness)?;
    // Nobody asks for the list: only the camera's event tells of it.
    boardcam.wait_until("another number of controls", |camera| camera["controls"] != before)?;
    ensure!(find(&list(&boardcam)?, "brightness")?["value"] == 99, "not shown");
    Ok(())
}
