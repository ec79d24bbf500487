//! What is said of names for which there is no option with a value like theirs.

use super::super::advice::Place;
use super::{plugins, write};
use crate::problem::{Text, text};

/// A setting that only serves this machine.
const THIS_MACHINE: &str = "localhost:8080";

pub(super) fn mirror(place: Place, value: Option<&str>) -> Text {
    flip(place, value, "horizontal")
}

pub(super) fn upside_down(place: Place, value: Option<&str>) -> Text {
    flip(place, value, "vertical")
}

/// Elsewhere each direction is a switch of its own.
fn flip(place: Place, value: Option<&str>, direction: &str) -> Text {
    match value {
        Some("off" | "false" | "0" | "no") => needless(place, value),
        _ => text!(
            "write {}, or {} to mirror it in the other direction too",
            write(place, "flip", direction),
            write(place, "flip", "both")
        ),
    }
}

pub(super) fn controls(_: Place, _: Option<&str>) -> Text {
    text!(
        "set it in the camera, before boardcam starts or while it runs: v4l2-ctl -d /dev/video0 --list-ctrls shows its \
         controls, --set-ctrl brightness=128 sets one"
    )
}

pub(super) fn passwords(place: Place, _: Option<&str>) -> Text {
    match place {
        Place::Line => {
            "let boardcam hash-password NAME write a user into the settings file, and name that by --config"
                .into()
        }
        Place::File | Place::Camera => {
            text!(
                "let boardcam hash-password NAME write a [[user]] table, and put it at the end of this file"
            )
        }
    }
}

pub(super) fn certificate(place: Place, _: Option<&str>) -> Text {
    text!(
        "write {} for a certificate that boardcam makes, or {}",
        write(place, "tls", "auto"),
        write(place, "tls", "CERT.pem,KEY.pem")
    )
}

pub(super) fn plugin(place: Place, value: Option<&str>) -> Text {
    if let Some(options) = value.and_then(|value| plugins::in_our_options(place, value)) {
        return text!("there are no plugins here: write {} instead", options);
    }
    if value.is_some_and(|value| value.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit())) {
        return needless(place, value); // the number of an input of the device
    }
    let input = ["/dev/video0", "640x480", "15"].iter().zip(["camera", "size", "fps"]);
    let input: Vec<_> = input.map(|(value, name)| write(place, name, value)).collect();
    text!(
        "there are no plugins here: write for example {} for the input, and {} for the output",
        plugins::joined(place, &input),
        write(place, "listen", "[::]:8090")
    )
}

pub(super) fn service(_: Place, _: Option<&str>) -> Text {
    text!(
        "leave it out: boardcam stays in the foreground; the package and board/install start it with the board"
    )
}

pub(super) fn needless(_: Place, _: Option<&str>) -> Text {
    text!("leave it out: boardcam does without it")
}

pub(super) fn motion(place: Place, _: Option<&str>) -> Text {
    text!("leave it out: boardcam notices motion in its own way: {}", write(place, "motion", "medium"))
}

pub(super) fn movies(place: Place, _: Option<&str>) -> Text {
    text!(
        "leave it out: boardcam records the pictures as they are, with {}",
        write(place, "record", "always")
    )
}

pub(super) fn picture_text(_: Place, _: Option<&str>) -> Text {
    text!("leave it out: boardcam writes nothing into the picture")
}

pub(super) fn programs(_: Place, _: Option<&str>) -> Text {
    text!(
        "leave it out: boardcam starts no programs and fills no databases; they can ask /state and /metrics"
    )
}

pub(super) fn sinks(_: Place, _: Option<&str>) -> Text {
    text!("leave it out: other programs on this machine read http://localhost:8080/stream or /snapshot")
}

pub(super) fn pins(_: Place, _: Option<&str>) -> Text {
    text!("leave it out: boardcam switches no pins")
}

pub(super) fn localhost(place: Place, value: Option<&str>) -> Text {
    let here = write(place, "listen", THIS_MACHINE);
    match value {
        Some("off" | "false" | "0" | "no") => {
            text!("leave it out: other devices are served unless you write {}", here)
        }
        _ => text!("write {}", here),
    }
}

pub(super) fn both_sides(place: Place, _: Option<&str>) -> Text {
    text!("write both in one, such as {}", write(place, "size", "640x480"))
}

pub(super) fn yuyv(place: Place, _: Option<&str>) -> Text {
    text!("write {}", write(place, "format", "yuyv"))
}

pub(super) fn verbose(place: Place, _: Option<&str>) -> Text {
    text!("write {} for more log lines", write(place, "verbose", "true"))
}

pub(super) fn log_file(place: Place, value: Option<&str>) -> Text {
    if value.is_none() {
        return needless(place, value); // ustreamer's -l is --slowdown
    }
    text!("write {}, or send standard error to a file: 2> FILE", write(place, "log", "syslog"))
}

pub(super) fn unix(place: Place, _: Option<&str>) -> Text {
    text!(
        "write {}; mode and owner stand behind the path",
        write(place, "listen", "unix:/run/boardcam.sock,mode=660")
    )
}

pub(super) fn config_or_encoder(place: Place, value: Option<&str>) -> Text {
    match value {
        Some(encoder @ ("CPU" | "HW" | "OMX" | "M2M-IMAGE" | "M2M-VIDEO" | "NOOP" | "cpu" | "hw")) => {
            super::advice(place, "encoder", Some(encoder))
        }
        _ => super::advice(place, "config", value),
    }
}
