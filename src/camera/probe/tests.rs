//! The text is read as a user would: for a webcam, the nodes of a Raspberry Pi, a capture card, and none.

use std::time::Duration;

use serde_json::{Value, json};
use v4l2_calls::controls::{Control, Item, Kind, Listed, Value as ControlValue};

use super::found::{Camera, Format, Input, Other, Report, Usable};
use super::{gather, json as printed_json, table};
use crate::camera::node::tests::node;
use crate::camera::refusal::{Cause, Refusal};
use crate::camera::source::{SourceInfo, SourceKind};
use crate::camera::v4l2::controls::ControlList;
use crate::camera::v4l2::modes::tests::{rate, size};
use crate::camera::v4l2::modes::{Rates, Sizes};
use crate::picture::{Layout, Range, Raw};
use crate::problem::Problem;

const USB: &str = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0";

fn rates(list: &[u32]) -> Rates {
    Rates::List(list.iter().map(|fps| rate(1, *fps)).collect())
}

fn format(code: &str, description: &str, layout: Option<&'static str>, sizes: &[(&str, &[u32])]) -> Format {
    Format {
        code: code.to_owned(),
        description: description.to_owned(),
        layout,
        sizes: Sizes::List(sizes.iter().map(|(text, _)| size(text)).collect()),
        rates: sizes.iter().map(|(text, list)| (size(text), rates(list))).collect(),
    }
}

fn usable(layout: Layout, text: &str, fps: u32, chosen: &str) -> Usable {
    let info = SourceInfo {
        kind: SourceKind::Device,
        source: "/dev/video0".to_owned(),
        card: String::new(),
        driver: "uvcvideo".to_owned(),
        bus: String::new(),
        layout,
        size: size(text),
        stride: 0,
        range: Range::Full,
        max_frame: 1,
        interval: Some(rate(1, fps).interval()),
        own_quality: None,
        chosen: Some(format!("{layout} {text} at {fps}/s: {chosen}")),
        lowers_rate: None,
        compromises: Vec::new(),
    };
    Usable { info, took: Duration::from_millis(180) }
}

/// A node that is refused, as [`gather`] sees it.
fn other(minor: u32, name: &str, driver: &str, cause: Cause, why: &'static str) -> Other {
    let node = node(minor, name, driver, USB, "");
    let told = || Refusal::new(cause, Problem::new("cannot use it", why, "see probe"));
    gather::other(&node, &node.barred().unwrap_or_else(told)).expect("it is no camera")
}

fn power_line() -> Control {
    Control {
        id: 0x0098_0918,
        label: "Power Line Frequency".to_owned(),
        kind: Kind::Menu,
        minimum: 0,
        maximum: 2,
        step: 1,
        default: 1,
        flags: 0,
        menu: vec![Item { index: 1, label: "50 Hz".to_owned() }],
    }
}

/// All kinds, in all states.
fn controls() -> ControlList {
    let other = |id, label: &str, kind, (minimum, maximum), flags| Control {
        label: label.to_owned(),
        ..Control { id, kind, minimum, maximum, flags, menu: Vec::new(), ..power_line() }
    };
    let inactive = 0x10;
    let listed = Listed {
        controls: vec![
            power_line(),
            other(2, "Brightness", Kind::Integer, (-64, 64), 0),
            Control { step: 5, ..other(3, "Focus, Absolute", Kind::Integer, (0, 250), inactive) },
            other(4, "Focus, Automatic Continuous", Kind::Boolean, (0, 1), 0),
            other(5, "Pan, Reset", Kind::Button, (0, 0), 0),
            other(6, "Leds", Kind::Bitmask, (0, 15), 0),
            other(7, "Serial", Kind::String, (0, 31), 0x4),
            other(8, "Gain", Kind::Integer, (0, 255), inactive),
        ],
        unreadable: vec![(0x009a_090d, std::io::Error::from_raw_os_error(5))],
        ..Listed::default()
    };
    ControlList::of(listed, |control| match control.kind {
        Kind::String => Ok(Some(ControlValue::Text("A1".to_owned()))),
        _ if control.label == "Gain" => Err(std::io::Error::from_raw_os_error(5)),
        _ => Ok(Some(ControlValue::Number(1))),
    })
}

fn webcam() -> Report {
    let camera = Camera {
        source: "/dev/video0".to_owned(),
        name: "HD Pro Webcam C920".to_owned(),
        stable_names: vec!["/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0".to_owned()],
        driver: "uvcvideo".to_owned(),
        bus: "usb-0000:00:14.0-2".to_owned(),
        formats: vec![
            format("MJPG", "Motion-JPEG", Some("mjpeg"), &[("1280x720", &[30, 15]), ("640x480", &[30])]),
            format("H264", "H.264", None, &[]),
        ],
        inputs: Vec::new(),
        controls: controls(),
        tried: Ok(usable(
            Layout::Mjpeg,
            "1280x720",
            30,
            "the largest size up to 1280x720 that the camera compresses itself; this is its highest rate up to 30/s",
        )),
    };
    let metadata = "it is for figures about pictures (metadata), not for pictures";
    Report {
        encoder: "none".to_owned(),
        cameras: vec![Box::new(camera)],
        others: vec![other(1, "HD Pro Webcam C920", "uvcvideo", Cause::Metadata, metadata)],
    }
}

fn raspberry_pi() -> Report {
    let why = "not looked at";
    let of = |minors: &[u32], name: &str, driver: &str| -> Vec<Other> {
        minors.iter().map(|minor| other(*minor, name, driver, Cause::NotACamera, why)).collect()
    };
    let others = [
        of(&[0], "unicam-image", "unicam"),
        of(&[10, 11, 12, 18, 31], "bcm2835-codec-decode", "bcm2835-codec"),
        of(&[13, 14, 15, 16, 20, 21, 22, 23], "bcm2835-isp-output0", "bcm2835-isp"),
        of(&[19], "rpivid", "rpivid"),
    ];
    Report { cameras: Vec::new(), others: others.concat(), encoder: String::new() }
}

fn capture_card() -> Report {
    let camera = Camera {
        source: "/dev/video2".to_owned(),
        name: "USB Video: USB Video".to_owned(),
        stable_names: Vec::new(),
        driver: "uvcvideo".to_owned(),
        bus: "usb-0000:00:14.0-1".to_owned(),
        formats: vec![format("YUYV", "YUYV 4:2:2", Some("yuyv"), &[("1920x1080", &[5]), ("640x480", &[30])])],
        inputs: Vec::new(),
        controls: ControlList::default(),
        tried: Ok(usable(
            Layout::Raw(Raw::Yuyv),
            "640x480",
            30,
            "the camera makes no JPEGs; the largest size up to 1280x720 that this board encodes in time: about 9.1 ms of \
             33 ms for each frame",
        )),
    };
    let busy = Camera {
        source: "/dev/video4".to_owned(),
        name: "Second card".to_owned(),
        stable_names: Vec::new(),
        driver: "uvcvideo".to_owned(),
        bus: String::new(),
        formats: Vec::new(),
        inputs: Vec::new(),
        controls: ControlList::default(),
        tried: Err(Problem::new(
            "cannot start /dev/video4",
            "another program is using the camera (EBUSY)",
            "find out which with: fuser -v /dev/video4",
        )),
    };
    Report { cameras: vec![Box::new(camera), Box::new(busy)], others: Vec::new(), encoder: String::new() }
}

/// A card with an HDMI input that has no signal, and one for television.
fn without_a_signal() -> Report {
    let input = |index, name: &str| Input { index, name: name.to_owned(), is_chosen: index == 0 };
    let mut report = capture_card();
    report.cameras.truncate(1);
    let card = &mut report.cameras[0];
    card.inputs = vec![input(0, "HDMI 0"), input(1, "S-Video")];
    card.tried = Err(Problem::new(
        "cannot use /dev/video2",
        "no signal at input HDMI 0 (ENOLINK)",
        "check its cable, and whether the source is switched on; the picture comes by itself",
    ));
    report
}

fn text(report: &Report) -> String {
    let mut out = Vec::new();
    for camera in &report.cameras {
        table::camera(camera, &mut out).unwrap();
    }
    table::end(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_webcam_is_shown_with_what_was_chosen_first_and_its_metadata_node_last() {
    assert_eq!(
        text(&webcam()),
        "\
/dev/video0  HD Pro Webcam C920
  can be used: mjpeg 1280x720 at 30/s (first picture after 180 ms)
  chosen: mjpeg 1280x720 at 30/s: the largest size up to 1280x720 that the camera compresses itself;
          this is its highest rate up to 30/s
  the same by a name that stays: /dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0
  driver uvcvideo, at usb-0000:00:14.0-2
  MJPG Motion-JPEG
    1280x720   30, 15 frames/s
    640x480    30 frames/s
  formats that boardcam does not use: H264
  controls:
    power_line_frequency        50 Hz (1), of 50 Hz (1)
    brightness                  1, from -64 to 64
    focus_absolute              1, from 0 to 250 in steps of 5; it waits for
                                focus_automatic_continuous
    focus_automatic_continuous  on
    pan_reset                   a button
    leds                        0x1, bits of 0xf
    serial                      \"A1\", a text of 0 to 31 bytes; it can only be read
    gain                        -, from 0 to 255; it cannot be set now
    note: gain cannot be read: the camera does not answer properly
    note: The camera does not say what zoom_absolute is: the camera does not answer properly

to see the picture:
  boardcam --camera /dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0
  then open the address that it shows in a browser

not cameras:
  /dev/video1
    HD Pro Webcam C920: it is for figures about pictures (metadata), not for pictures

hardware encoder: none; software does what a camera does not compress itself
"
    );
}

#[test]
fn a_raspberry_pi_with_a_camera_module_says_the_line_that_works() {
    assert_eq!(
        text(&raspberry_pi()),
        "\
no camera that can be used as it is: there is a camera module, which needs libcamera
  what to do: run boardcam --camera rpicam, which reads it through libcamera (needs rpicam-vid,
              which Raspberry Pi OS has)

camera modules, which libcamera reads:
  /dev/video0
    unicam-image: it delivers raw sensor data, which only libcamera can turn into pictures

not cameras:
  /dev/video10 /dev/video11 /dev/video12 /dev/video18 /dev/video31
    bcm2835-codec: it is the board's video codec
  /dev/video13 /dev/video14 /dev/video15 /dev/video16 /dev/video20 /dev/video21 /dev/video22
  /dev/video23
    bcm2835-isp: it is the board's image processor
  /dev/video19
    rpivid: it is the board's video decoder
"
    );
}

#[test]
fn a_capture_card_and_a_busy_one_say_what_is_used_and_what_to_do() {
    assert_eq!(
        text(&capture_card()),
        "\
/dev/video2  USB Video: USB Video
  can be used: yuyv 640x480 at 30/s (first picture after 180 ms)
  chosen: yuyv 640x480 at 30/s: the camera makes no JPEGs; the largest size up to 1280x720 that this
          board encodes in time: about 9.1 ms of 33 ms for each frame
  driver uvcvideo, at usb-0000:00:14.0-1
  YUYV YUYV 4:2:2
    1920x1080  5 frames/s
    640x480    30 frames/s

/dev/video4  Second card
  cannot be used: another program is using the camera (EBUSY)
  what to do: find out which with: fuser -v /dev/video4
  driver uvcvideo

to see the picture:
  boardcam --camera /dev/video2
  then open the address that it shows in a browser

"
    );
}

#[test]
fn a_card_without_a_signal_shows_its_inputs() {
    let text = text(&without_a_signal());
    let begin = "\
/dev/video2  USB Video: USB Video
  cannot be used: no signal at input HDMI 0 (ENOLINK)
  what to do: check its cable, and whether the source is switched on; the picture comes by itself
  driver uvcvideo, at usb-0000:00:14.0-1
  inputs, for --input: 0 (HDMI 0, used now), 1 (S-Video)
";
    assert!(text.starts_with(begin) && !text.contains("to see the picture"), "{text}");
    let json = printed_json::value(&without_a_signal());
    assert_eq!(json["cameras"][0]["inputs"][1], json!({ "index": 1, "name": "S-Video", "chosen": false }));
}

#[test]
fn a_board_without_any_camera_says_what_to_do() {
    assert_eq!(
        text(&Report::default()),
        "\
no camera found: there is no /dev/video device
  what to do: plug in a USB camera, then run boardcam probe again (lsusb shows whether the board
              sees it). A Raspberry Pi camera module needs rpicam-vid, which Raspberry Pi OS has. To
              try boardcam without a camera: boardcam --camera pattern
"
    );
}

/// The names in a JSON value, with the kind of each value.
fn form(value: &Value) -> Value {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
        Value::Array(list) => json!(list.first().map(form).into_iter().collect::<Vec<_>>()),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!(0),
        Value::Bool(_) => json!(true),
        Value::Null => Value::Null,
    }
}

#[test]
fn the_json_has_the_form_that_is_documented() {
    let of_webcam = json!({
        "version": 0, "usable": true, "problem": null, "hardware_encoder": "text",
        "cameras": [{
            "source": "text", "name": "text", "stable_names": ["text"], "driver": "text", "bus": "text",
            "inputs": [], "formats": [{
                "code": "text", "description": "text", "format": "text",
                "sizes": [{ "width": 0, "height": 0, "rates": [0], "rate_range": null }],
                "size_range": null,
            }],
            "controls": [{
                "name": "text", "label": "text", "type": "text", "class": "text", "min": 0, "max": 0, "step": 0, "default": 0,
                "value": 0, "menu": [{ "value": 0, "label": "text" }], "inactive": true, "waits_for": null,
                "read_only": true, "write_only": true,
            }],
            "controls_left_out": [], "control_problems": ["text"],
            "usable": true,
            "mode": { "format": "text", "width": 0, "height": 0, "rate": 0 },
            "chosen": "text", "compromises": [], "first_picture_ms": 0, "problem": null,
        }],
        "others": [{
            "source": "text", "name": "text", "driver": "text", "kind": "text", "why": "text", "advice": null,
        }],
    });
    assert_eq!(form(&printed_json::value(&webcam())), of_webcam);
    let of_pi = printed_json::value(&raspberry_pi());
    assert_eq!(of_pi["usable"], false);
    assert_eq!(of_pi["others"][0]["kind"], "raw-sensor");
    assert!(of_pi["others"][0]["advice"].as_str().unwrap().contains("boardcam --camera rpicam"));
    let kinds = |value: &Value| {
        value["others"].as_array().unwrap().iter().map(|o| o["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&of_pi)[1..3], [json!("codec"), json!("codec")]);
    let busy = &printed_json::value(&capture_card())["cameras"][1];
    assert_eq!((&busy["usable"], &busy["mode"]), (&json!(false), &Value::Null));
    assert_eq!(busy["problem"]["why"], "another program is using the camera (EBUSY)");
    let none = printed_json::value(&Report::default());
    assert_eq!(none["problem"], "there is no /dev/video device");
}

#[test]
fn ranges_of_sizes_and_rates_are_shown_as_such() {
    let mut report = webcam();
    report.cameras[0].formats = vec![Format {
        code: "MJPG".to_owned(),
        description: "Motion-JPEG".to_owned(),
        layout: Some("mjpeg"),
        sizes: Sizes::Range { min: size("32x32"), max: size("2592x1944"), step: (2, 0) },
        rates: vec![(size("2592x1944"), Rates::Range(rate(1, 1), rate(1, 90)))],
    }];
    let text = text(&report);
    assert!(
        text.contains("32x32 to 2592x1944 in steps of 2x0; at the largest:\n    2592x1944  1 to 90 frames/s"),
        "{text}"
    );
    let value = printed_json::value(&report);
    assert_eq!(
        value["cameras"][0]["formats"][0]["size_range"],
        json!({
            "min": { "width": 32, "height": 32 },
            "max": { "width": 2592, "height": 1944, "rates": [], "rate_range": { "min": 1.0, "max": 90.0 } },
            "step": { "width": 2, "height": 1 },
        })
    );
}
