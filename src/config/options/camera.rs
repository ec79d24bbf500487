//! Where pictures come from, and how they are asked for.

use v4l2_calls::inputs::standard_names;

use super::camera_values::{controls, file, input, likely_flip, likely_rotation, title};
use super::parse::{meant_switch, nearest, number, one_of, seconds, seconds_in, switch};
use super::{Kind, Opt, Target};
use crate::camera::{EncodeMode, PrivacyPlan, SourceSpec};
use crate::names::{TITLE_MAX, is_bidi_control, is_camera_name};
use crate::picture::spelling::{self, AUTO, likely_size};

/// The most unusable frames in a row that can be tolerated; half a minute at 30 frames a second.
const MAX_BAD_FRAMES: u32 = 1000;

/// The longest timeout, in seconds: a day.
const MAX_TIMEOUT: u32 = 86_400;

/// The longest time that a camera stays open for nobody, in seconds: a day.
const MAX_ON_DEMAND: u32 = 86_400;

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: "camera",
        value: "[NAME=]SOURCE",
        many: true,
        unset: "auto",
        help: "Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, \
               rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs, one after the other, from a \
               command or from standard input), or pattern (a moving test picture)",
        example: "/dev/video0",
        wrong: &["webcam", "a b=auto", "=auto"],
        meant: |text| match text.split_once('=') {
            Some((name, source)) if is_camera_name(name) => {
                Some(format!("{name}={}", SourceSpec::meant(source)?))
            }
            _ => SourceSpec::meant(text),
        },
        target: Target::Source,
        ..Opt::EMPTY
    },
    Opt {
        name: "title",
        value: "TITLE",
        unset: "the camera's name",
        help: "What people call the camera, in any language, for the page and /state; URLs, files and metrics have its \
               name",
        example: "Front door",
        wrong: &["", " ", "two\nlines"],
        meant: |text| {
            let plain = text.replace(char::is_control, " ").replace(is_bidi_control, "");
            Some(plain.chars().take(TITLE_MAX).collect())
        },
        target: Target::Camera {
            set: |camera, text| {
                camera.source.title = Some(title(text)?);
                Ok(())
            },
            get: |camera| camera.source.title.clone(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "size",
        value: "WIDTHxHEIGHT",
        unset: "chosen, up to 1280x720",
        help: "Picture size to ask the camera for, also by a name such as VGA or 720p; it may give the nearest one that it has",
        example: "640x480",
        wrong: &["0x0", "big"],
        meant: likely_size,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.size = Some(spelling::size(text)?);
                Ok(())
            },
            get: |camera| Some(camera.source.size?.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "fps",
        value: "N",
        kind: Kind::Number,
        unset: "the highest up to 30",
        help: "Frames per second to ask the camera for",
        example: "15",
        wrong: &["0", "-1", "241"],
        meant: nearest,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.fps = Some(spelling::rate(text)?);
                Ok(())
            },
            get: |camera| Some(camera.source.fps?.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "steady-fps",
        kind: Kind::Flag,
        help: "Forbids the camera to deliver fewer frames in little light, where it would expose each longer; pictures \
               are darker then",
        example: "true",
        wrong: &["yes"],
        meant: meant_switch,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.steady_fps = switch(text)?;
                Ok(())
            },
            get: |camera| Some(camera.source.steady_fps.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "format",
        value: "FORMAT",
        help: "What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if it \
               has that, otherwise the pixels that cost least)",
        example: "mjpeg",
        wrong: &["gif"],
        target: Target::Camera {
            set: |camera, text| {
                camera.source.layout = spelling::layout(text)?;
                Ok(())
            },
            get: |camera| Some(spelling::layout_name(camera.source.layout).to_owned()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "quality",
        value: "1-100",
        kind: Kind::Number,
        unset: "85, or what a camera that makes JPEGs chooses",
        help: "JPEG quality of frames that are encoded here; if it is set, a camera that makes JPEGs is set to it, or its \
               JPEGs are brought down to it",
        example: "85",
        wrong: &["0", "101", "85.5"],
        meant: nearest,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.quality = Some(spelling::quality(text)?);
                Ok(())
            },
            get: |camera| Some(camera.source.quality?.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "rotate",
        value: "DEGREES",
        kind: Kind::Number,
        help: "Turns the picture clockwise by 90, 180 or 270 degrees, without a loss where the camera makes the JPEGs",
        example: "180",
        wrong: &["45", "360", "-90", "left"],
        meant: likely_rotation,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.orientation.rotation = text.parse()?;
                Ok(())
            },
            get: |camera| Some(camera.source.orientation.rotation.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "flip",
        value: "DIRECTION",
        help: "Mirrors the picture after it was turned: h or horizontal (left and right change places), v or vertical \
               (top and bottom), both, or none",
        example: "horizontal",
        wrong: &["diagonal", ""],
        meant: likely_flip,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.orientation.flip = text.parse()?;
                Ok(())
            },
            get: |camera| Some(camera.source.orientation.flip.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "control",
        value: "NAME=VALUE",
        many: true,
        help: "Sets one of the camera's own controls whenever it is opened, as v4l2-ctl names it; also several, with commas \
               between them",
        example: "brightness=10",
        wrong: &["brightness", "=1", "Bright ness=1", "a=1,,b=2", "a=1,b"],
        target: Target::Camera {
            set: |camera, text| {
                for (name, value) in controls(text)? {
                    camera.source.controls.retain(|(own, _)| *own != name);
                    camera.source.controls.push((name, value));
                }
                Ok(())
            },
            get: |camera| {
                let set: Vec<_> =
                    camera.source.controls.iter().map(|(name, value)| format!("{name}={value}")).collect();
                (!set.is_empty()).then(|| set.join(","))
            },
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "encoder",
        value: "ENCODER",
        help: "Who makes the JPEGs: passthrough (the camera), hardware (the board's encoder, of raw pixels), software (this \
               program), or auto",
        example: "passthrough",
        wrong: &["gpu"],
        meant: |text| {
            let mode = match text.to_ascii_lowercase().as_str() {
                "cpu" | "sw" => EncodeMode::Software,
                "hw" | "camera" | "noop" => EncodeMode::Passthrough,
                "omx" | "m2m" | "m2m-image" | "m2m-video" | "gpu" => EncodeMode::Hardware,
                _ => return None,
            };
            Some(mode.to_string())
        },
        target: Target::Camera {
            set: |camera, text| {
                camera.source.encoder = one_of(text, &EncodeMode::ALL.map(|mode| (mode.name(), mode)))?;
                Ok(())
            },
            get: |camera| Some(camera.source.encoder.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "input",
        value: "INPUT",
        unset: "the one that is chosen already",
        help: "The input of a capture card, by its number, its name or a part of it; boardcam probe lists them",
        example: "HDMI",
        wrong: &["", "input_uvc.so -d /dev/video0"],
        target: Target::Camera {
            set: |camera, text| {
                camera.source.capture.input = Some(input(text)?);
                Ok(())
            },
            get: |camera| camera.source.capture.input.clone(),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "standard",
        value: "STANDARD",
        help: "The television standard of an analogue input: pal, ntsc, secam, one of them with its letter such as \
               pal-m, or auto (the one that the signal has)",
        example: "pal",
        wrong: &["atsc", ""],
        target: Target::Camera {
            set: |camera, text| {
                let mut choices = vec![(AUTO, None)];
                choices.extend(standard_names().map(|name| (name, Some(name))));
                camera.source.capture.standard = one_of(text, &choices)?;
                Ok(())
            },
            get: |camera| Some(camera.source.capture.standard.unwrap_or(AUTO).to_owned()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "edid",
        value: "FILE",
        unset: "the one that is set already",
        help: "File with the EDID that an HDMI input shows to its source, which tells the source what it may send",
        example: "/etc/boardcam/1080p.edid",
        wrong: &[""],
        target: Target::Camera {
            set: |camera, text| {
                camera.source.capture.edid = Some(file(text)?);
                Ok(())
            },
            get: |camera| Some(camera.source.capture.edid.as_ref()?.display().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "bad-frames",
        value: "N",
        kind: Kind::Number,
        help: "Unusable frames in a row that are tolerated before the camera is reopened",
        example: "10",
        wrong: &["0", "1001"],
        target: Target::Camera {
            set: |camera, text| {
                camera.source.bad_frames = number(text, 1, MAX_BAD_FRAMES)?;
                Ok(())
            },
            get: |camera| Some(camera.source.bad_frames.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "timeout",
        value: "SECONDS",
        kind: Kind::Number,
        unset: "learned from the camera's own rate",
        help: "How long a camera or command may deliver nothing before it is reopened; for stills that come once in \
               some minutes",
        example: "90",
        wrong: &["0", "86401", "1m"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Camera {
            set: |camera, text| {
                camera.source.timeout = Some(seconds(text, MAX_TIMEOUT)?);
                Ok(())
            },
            get: |camera| Some(camera.source.timeout?.as_secs().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "on-demand",
        value: "SECONDS",
        kind: Kind::Number,
        unset: "the camera stays open",
        help: "Close the camera, so that its light goes out, this long after the last viewer, recording and snapshot, \
               and open it again for the next one",
        example: "10",
        wrong: &["0", "86401", "10s"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Camera {
            set: |camera, text| {
                camera.source.on_demand = Some(seconds(text, MAX_ON_DEMAND)?);
                Ok(())
            },
            get: |camera| Some(camera.source.on_demand?.as_secs().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "privacy",
        value: "WHEN",
        help: "When the camera is closed and shows nothing: off (only when it is switched on, on the page or by the \
               API), on, or between two times of the board's time zone, such as 22:00-06:00",
        example: "22:00-06:00",
        wrong: &["22-6"],
        meant: PrivacyPlan::meant,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.privacy = text.parse()?;
                Ok(())
            },
            get: |camera| Some(camera.source.privacy.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "drop-same-frames",
        kind: Kind::Flag,
        help: "Leave out frames that are the same as the one before, byte for byte, down to one a second: a computer's \
               screen on a capture card, or a still picture",
        example: "true",
        wrong: &["yes"],
        meant: meant_switch,
        target: Target::Camera {
            set: |camera, text| {
                camera.source.drops_repeats = switch(text)?;
                Ok(())
            },
            get: |camera| Some(camera.source.drops_repeats.to_string()),
        },
        ..Opt::EMPTY
    },
];
