//! The one table of everything that can be set: name, help, default and meaning stand here and nowhere else.
//! The command line, the settings file, `--help` and `boardcam check` are made from it.

use std::net::SocketAddr;
use std::str::FromStr;

use super::settings::{MEGABYTE, UNNAMED};
use super::values::{CameraValues, Values};
use crate::auth::network::Network;
use crate::camera::{EncodeMode, SourceSpec};
use crate::host::log::{Format, Target};
use crate::names::{NAME_MAX, is_camera_name};
use crate::picture::{Layout, MAX_FPS};

/// How an option's value is written in the settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`; on the command line the bare option.
    Flag,
}

/// What takes an option's text in.
#[derive(Debug, Clone, Copy)]
pub enum Apply {
    /// Belongs to a camera: may stand in `[[camera]]`, or outside for all cameras.
    Camera(fn(&mut CameraValues, &str) -> Result<(), String>),
    /// Belongs to the whole program.
    Program(fn(&mut Values, &str) -> Result<(), String>),
}

/// One thing that can be set.
#[derive(Debug)]
pub struct Opt {
    /// `--NAME` on the command line, `NAME = ` in the settings file.
    pub name: &'static str,
    /// One letter for the command line.
    pub short: Option<char>,
    /// How the value is called in `--help`.
    pub value: &'static str,
    /// How the value is written in the settings file.
    pub kind: Kind,
    /// May be given several times; an array in the settings file.
    pub many: bool,
    /// What holds when it is not given, in words.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// A right value, for messages about a wrong one.
    pub example: &'static str,
    /// Takes the value in, or says what was expected.
    pub apply: Apply,
}

fn take<T: FromStr<Err = String>>(place: &mut Option<T>, text: &str) -> Result<(), String> {
    *place = Some(text.parse()?);
    Ok(())
}

fn number<T: FromStr + PartialOrd + Copy + std::fmt::Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        format!("expected {}", names.join(", "))
    })
}

/// Checks a camera's name.
pub(super) fn camera_name(text: &str) -> Result<String, String> {
    if !is_camera_name(text) {
        return Err(format!("expected a name of 1 to {NAME_MAX} letters, digits, - and _"));
    }
    Ok(text.to_owned())
}

fn camera(values: &mut Values, text: &str) -> Result<(), String> {
    // A path or a command may hold `=`; a name holds neither `/` nor `:`.
    let (name, source) = match text.split_once('=') {
        Some((name, source)) if !name.contains(['/', ':']) => (Some(camera_name(name)?), source),
        _ => (None, text),
    };
    let spec: SourceSpec = source.parse()?;
    values.cameras.push(CameraValues { name, spec: Some(spec), ..CameraValues::default() });
    Ok(())
}

fn address(places: &mut Vec<SocketAddr>, text: &str) -> Result<(), String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "expected an address and a port, the address in numbers; [::] and 0.0.0.0 mean all")?;
    places.push(address);
    Ok(())
}

fn host(values: &mut Values, text: &str) -> Result<(), String> {
    let fits = (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !fits {
        return Err("expected a host name without port".to_owned());
    }
    values.hosts.push(text.to_ascii_lowercase());
    Ok(())
}

fn cors_origin(values: &mut Values, text: &str) -> Result<(), String> {
    let authority = ["http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    // As browsers write it (RFC 6454 section 6.2), since it is compared with what they send.
    let is_plain = |b: u8| b.is_ascii_alphanumeric() && !b.is_ascii_uppercase() || b"-._:[]".contains(&b);
    if !authority.is_some_and(|rest| (1..=253).contains(&rest.len()) && rest.bytes().all(is_plain)) {
        return Err(
            "expected a scheme, a name in lower case and a port unless it is the usual one".to_owned()
        );
    }
    values.origins.push(text.to_owned());
    Ok(())
}

fn trusted_proxy(values: &mut Values, text: &str) -> Result<(), String> {
    let network: Network = text.parse()?;
    values.proxies.push(network);
    Ok(())
}

/// The longest name to be found under: with a number behind it (`-99`) it is still a label of 63 bytes (RFC 1035).
const LABEL_MAX: usize = 60;

fn name(values: &mut Values, text: &str) -> Result<(), String> {
    let fits = text.len() <= LABEL_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !fits {
        return Err(format!("expected 1 to {LABEL_MAX} letters, digits and -, or none"));
    }
    let label = text.to_ascii_lowercase();
    values.name = Some(Some(label).filter(|label| !label.is_empty() && label != UNNAMED));
    Ok(())
}

/// The most unusable frames in a row that can be tolerated; half a minute at 30/s.
const MAX_BAD_FRAMES: u32 = 1000;

/// The longest time between two frames of a time-lapse, in seconds: a day.
const MAX_EVERY: u32 = 86_400;

/// The longest that a recorded file may be, in seconds: six hours.
const MAX_SEGMENT: u32 = 21_600;

/// A number of megabytes as bytes.
fn megabytes(text: &str) -> Result<u64, String> {
    number(text, 1, u64::MAX / MEGABYTE / 2).map(|megabytes| megabytes * MEGABYTE)
}

fn record_folder(values: &mut Values, text: &str) -> Result<(), String> {
    if !text.starts_with('/') || text.contains(char::is_control) {
        return Err("expected the path of a folder, from / on".to_owned());
    }
    values.record_folder = Some(text.into());
    Ok(())
}

/// Everything that can be set, in the order of `--help`.
pub static OPTIONS: &[Opt] = &[
    Opt {
        name: "camera",
        short: None,
        value: "[NAME=]SOURCE",
        kind: Kind::Text,
        many: true,
        default: "auto",
        help: "Where pictures come from: auto (the first camera that delivers), a device such as /dev/video0, \
               rpicam[:OPTIONS] (a Raspberry Pi camera module), pipe:COMMAND or - (JPEGs that a command, or \
               whoever writes to standard input, delivers one behind the other), or pattern (a moving test picture)",
        example: "/dev/video0",
        apply: Apply::Program(camera),
    },
    Opt {
        name: "size",
        short: None,
        value: "WIDTHxHEIGHT",
        kind: Kind::Text,
        many: false,
        default: "1280x720",
        help: "Picture size to ask the camera for; it may give the nearest that it has",
        example: "640x480",
        apply: Apply::Camera(|camera, text| take(&mut camera.size, text)),
    },
    Opt {
        name: "fps",
        short: None,
        value: "N",
        kind: Kind::Number,
        many: false,
        default: "30",
        help: "Frames per second to ask the camera for",
        example: "15",
        apply: Apply::Camera(|camera, text| {
            camera.fps = Some(number(text, 1, MAX_FPS)?);
            Ok(())
        }),
    },
    Opt {
        name: "format",
        short: None,
        value: "FORMAT",
        kind: Kind::Text,
        many: false,
        default: "auto",
        help: "What to ask the camera for: mjpeg (its own JPEGs), raw pixels such as yuyv or nv12, or auto (mjpeg if \
               it has it, else the pixels that cost least)",
        example: "mjpeg",
        apply: Apply::Camera(|camera, text| {
            let mut choices = vec![("auto", None)];
            choices.extend(Layout::all().map(|layout| (layout.name(), Some(layout))));
            camera.layout = Some(one_of(text, &choices)?);
            Ok(())
        }),
    },
    Opt {
        name: "quality",
        short: None,
        value: "1-100",
        kind: Kind::Number,
        many: false,
        default: "85",
        help: "JPEG quality, for frames encoded here; a camera that makes JPEGs itself is asked for it only if given",
        example: "85",
        apply: Apply::Camera(|camera, text| {
            camera.quality = Some(number(text, 1, 100)?);
            Ok(())
        }),
    },
    Opt {
        name: "encoder",
        short: None,
        value: "ENCODER",
        kind: Kind::Text,
        many: false,
        default: "auto",
        help: "Who makes the JPEGs: passthrough (the camera), software (this program), or auto",
        example: "passthrough",
        apply: Apply::Camera(|camera, text| {
            camera.encoder = Some(one_of(text, &EncodeMode::ALL.map(|encoder| (encoder.name(), encoder)))?);
            Ok(())
        }),
    },
    Opt {
        name: "bad-frames",
        short: None,
        value: "N",
        kind: Kind::Number,
        many: false,
        default: "10",
        help: "Unusable frames in a row that are tolerated before the camera is opened anew",
        example: "10",
        apply: Apply::Camera(|camera, text| {
            camera.bad_frames = Some(number(text, 1, MAX_BAD_FRAMES)?);
            Ok(())
        }),
    },
    Opt {
        name: "listen",
        short: None,
        value: "ADDR:PORT",
        kind: Kind::Text,
        many: true,
        default: "[::]:8080",
        help: "Address and port to serve on; [::] is every address of this machine, IPv4 too",
        example: "0.0.0.0:8080",
        apply: Apply::Program(|values, text| address(&mut values.listen, text)),
    },
    Opt {
        name: "tls",
        short: None,
        value: "CERTIFICATE",
        kind: Kind::Text,
        many: false,
        default: "off",
        help: "Serve HTTPS, with a certificate that boardcam makes and renews itself (auto) or one of your own \
               (CERT.pem,KEY.pem, read anew when they change); plain HTTP then leads there, except for /healthz \
               and for programs on this machine that call it localhost or 127.0.0.1",
        example: "auto",
        apply: Apply::Program(|values, text| take(&mut values.https, text)),
    },
    Opt {
        name: "tls-listen",
        short: None,
        value: "ADDR:PORT",
        kind: Kind::Text,
        many: true,
        default: "[::]:8443",
        help: "Address and port to serve HTTPS on",
        example: "0.0.0.0:8443",
        apply: Apply::Program(|values, text| address(&mut values.https_listen, text)),
    },
    Opt {
        name: "name",
        short: None,
        value: "NAME",
        kind: Kind::Text,
        many: false,
        default: "boardcam",
        help: "The name to be found under in the network: http://NAME.local (mDNS). A second board of this name is \
               NAME-2; none means not announced",
        example: "garden",
        apply: Apply::Program(name),
    },
    Opt {
        name: "host",
        short: None,
        value: "NAME",
        kind: Kind::Text,
        many: true,
        default: "this machine's name, with and without .local, and the one it is found under",
        help: "A further name under which browsers may open this server",
        example: "camera.example.org",
        apply: Apply::Program(host),
    },
    Opt {
        name: "cors-origin",
        short: None,
        value: "ORIGIN",
        kind: Kind::Text,
        many: true,
        default: "none",
        help: "A web page elsewhere whose scripts may read streams, snapshots and state (Mainsail, Fluidd)",
        example: "http://mainsail.local",
        apply: Apply::Program(cors_origin),
    },
    Opt {
        name: "trusted-proxy",
        short: None,
        value: "ADDR[/BITS]",
        kind: Kind::Text,
        many: true,
        default: "none",
        help: "A proxy in front of this server that may say whom it speaks for (X-Forwarded-For)",
        example: "127.0.0.1",
        apply: Apply::Program(trusted_proxy),
    },
    Opt {
        name: "max-connections",
        short: None,
        value: "N",
        kind: Kind::Number,
        many: false,
        default: "1024",
        help: "Connections served at once; fewer if the system allows fewer open files",
        example: "100",
        apply: Apply::Program(|values, text| {
            values.max_connections = Some(number(text, 1, 100_000)?);
            Ok(())
        }),
    },
    Opt {
        name: "record-folder",
        short: None,
        value: "FOLDER",
        kind: Kind::Text,
        many: false,
        default: "none, nothing can be recorded",
        help: "Where recordings go; it must be there, and is not made. On a disk of its own, name a folder on it rather \
               than its mount point",
        example: "/var/lib/boardcam",
        apply: Apply::Program(record_folder),
    },
    Opt {
        name: "record",
        short: None,
        value: "WHEN",
        kind: Kind::Text,
        many: false,
        default: "off",
        help: "When to record: off (only when somebody says so on the page or by the API), always, or from one time \
               of the board's time zone to another, such as 08:00-18:00",
        example: "always",
        apply: Apply::Camera(|camera, text| take(&mut camera.record, text)),
    },
    Opt {
        name: "record-every",
        short: None,
        value: "SECONDS",
        kind: Kind::Number,
        many: false,
        default: "every frame",
        help: "For a time-lapse, record a frame each so many seconds; it plays at 25 frames a second",
        example: "10",
        apply: Apply::Camera(|camera, text| {
            camera.record_every = Some(number(text, 1, MAX_EVERY)?);
            Ok(())
        }),
    },
    Opt {
        name: "record-segment",
        short: None,
        value: "SECONDS",
        kind: Kind::Number,
        many: false,
        default: "300",
        help: "How long a recorded file plays before the next one begins",
        example: "300",
        apply: Apply::Program(|values, text| {
            values.record_segment = Some(number(text, 1, MAX_SEGMENT)?);
            Ok(())
        }),
    },
    Opt {
        name: "record-max-size",
        short: None,
        value: "MB",
        kind: Kind::Number,
        many: false,
        default: "as much as the disk holds",
        help: "Megabytes that all recordings may take; beyond it the oldest are deleted",
        example: "8000",
        apply: Apply::Program(|values, text| {
            values.record_max_bytes = Some(megabytes(text)?);
            Ok(())
        }),
    },
    Opt {
        name: "record-min-free",
        short: None,
        value: "MB",
        kind: Kind::Number,
        many: false,
        default: "256",
        help: "Megabytes of the disk that recordings leave free; the oldest are deleted for it",
        example: "1000",
        apply: Apply::Program(|values, text| {
            values.record_min_free = Some(megabytes(text)?);
            Ok(())
        }),
    },
    Opt {
        name: "record-max-age",
        short: None,
        value: "DAYS",
        kind: Kind::Number,
        many: false,
        default: "none",
        help: "Days that recordings are kept",
        example: "30",
        apply: Apply::Program(|values, text| {
            values.record_max_age = Some(number(text, 1, 36_500)?);
            Ok(())
        }),
    },
    Opt {
        name: "log",
        short: None,
        value: "TARGET",
        kind: Kind::Text,
        many: false,
        default: "auto",
        help: "Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere)",
        example: "syslog",
        apply: Apply::Program(|values, text| {
            values.log = Some(one_of(text, &Target::ALL.map(|target| (target.name(), target)))?);
            Ok(())
        }),
    },
    Opt {
        name: "log-format",
        short: None,
        value: "FORMAT",
        kind: Kind::Text,
        many: false,
        default: "text",
        help: "What log lines look like: text, or json (for machines, one object a line)",
        example: "json",
        apply: Apply::Program(|values, text| {
            values.log_format = Some(one_of(text, &Format::ALL.map(|format| (format.name(), format)))?);
            Ok(())
        }),
    },
    Opt {
        name: "verbose",
        short: Some('v'),
        value: "",
        kind: Kind::Flag,
        many: false,
        default: "off",
        help: "Log more: a line every 30 frames, and each request",
        example: "true",
        apply: Apply::Program(|values, text| {
            values.verbose = Some(one_of(text, &[("true", true), ("false", false)])?);
            Ok(())
        }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(opt: &Opt, text: &str) -> Result<(), String> {
        match opt.apply {
            Apply::Camera(apply) => apply(&mut CameraValues::default(), text),
            Apply::Program(apply) => apply(&mut Values::default(), text),
        }
    }

    #[test]
    fn every_option_takes_its_example_and_refuses_nonsense_in_words() {
        for opt in OPTIONS {
            assert_eq!(apply(opt, opt.example), Ok(()), "--{}", opt.name);
            let refused = apply(opt, "\u{1}no such/thing\n");
            assert!(refused.unwrap_err().starts_with("expected "), "--{}", opt.name);
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let find = |name: &str| OPTIONS.iter().find(|opt| opt.name == name).unwrap();
        for (name, bad) in [
            ("quality", "0"),
            ("quality", "101"),
            ("quality", "85.5"),
            ("bad-frames", "0"),
            ("bad-frames", "1001"),
            ("fps", "0"),
            ("fps", "-1"),
            ("fps", "241"),
            ("name", "a.b"),
            ("name", "-a"),
            ("name", "a-"),
            ("name", "my_camera"),
            ("name", &"a".repeat(LABEL_MAX + 1)),
            ("listen", "localhost"),
            ("listen", "300.1.1.1:80"),
            ("listen", "127.0.0.1:65536"),
            ("camera", "a b=auto"),
            ("camera", "=auto"),
            ("cors-origin", "mainsail.local"),
            ("cors-origin", "http://"),
            ("cors-origin", "*"),
            ("cors-origin", "null"),
            ("cors-origin", "http://mainsail.local/"),
            ("cors-origin", "http://Mainsail.local"),
            ("trusted-proxy", "10.0.0.0/33"),
            ("record", "8-18"),
            ("record-folder", "recordings"),
            ("record-every", "0"),
            ("record-segment", "21601"),
            ("record-max-size", "0"),
            ("record-min-free", "99999999999999999999"),
            ("record-max-age", "0"),
        ] {
            assert!(apply(find(name), bad).is_err(), "--{name} {bad} was accepted");
        }
    }
}
