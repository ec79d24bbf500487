//! Whether motion in the picture is noticed, and where it counts for nothing.

use super::parse::{nearest, number};
use super::{Kind, Opt, Target};
use crate::feed::motion::{
    IGNORE, MOTION, OFF, Sensitivity, Settings, ZONES_MAX, name_of, zones, zones_text,
};
use crate::problem::text;

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: MOTION,
        value: "SENSITIVITY",
        help: "Notice when something moves in the picture: off, low (only what is large), medium, or high (also what is \
               small); a camera in which it is noticed is always open",
        example: "medium",
        wrong: &["on", "5", ""],
        meant: |text| {
            let meant = match text.trim().to_ascii_lowercase().as_str() {
                "no" | "false" | "0" | "none" => OFF,
                "on" | "yes" | "true" | "1" | "auto" | "normal" => Sensitivity::Medium.name(),
                _ => return None,
            };
            Some(meant.to_owned())
        },
        target: Target::Camera {
            set: |camera, text| {
                camera.motion.sensitivity = Sensitivity::parse(text)?;
                Ok(())
            },
            get: |camera| Some(name_of(camera.motion.sensitivity).to_owned()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "motion-fps",
        value: "N",
        kind: Kind::Number,
        help: "Frames per second that are looked at for motion",
        example: "3",
        wrong: &["0", "31", "2.5"],
        meant: nearest,
        target: Target::Camera {
            set: |camera, text| {
                camera.motion.fps = number(text, 1, Settings::MAX_FPS)?;
                Ok(())
            },
            get: |camera| Some(camera.motion.fps.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: IGNORE,
        value: "X,Y,W,H",
        many: true,
        help: "A part of the picture where motion does not count, such as a tree or a road: left, top, width and \
               height in per cent of the picture as it is shown; also several, with blanks between them",
        example: "0,0,100,25",
        wrong: &["0,0,100", "50,0,60,10", "0,0,0,0", "tree"],
        target: Target::Camera {
            set: |camera, text| {
                let zones = zones(text)?;
                if zones.is_empty() || camera.motion.ignored.len() + zones.len() > ZONES_MAX {
                    return Err(text!("expected 1 to {} parts of the picture", ZONES_MAX));
                }
                camera.motion.ignored.extend(zones);
                Ok(())
            },
            get: |camera| Some(zones_text(&camera.motion.ignored)).filter(|text| !text.is_empty()),
        },
        ..Opt::EMPTY
    },
];
