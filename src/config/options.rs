//! The one table of everything that can be set: name, help, default and meaning stand here and nowhere else.
//! The command line, the settings file, `--help` and `boardcam check` are made from it.

use std::net::SocketAddr;
use std::str::FromStr;

use super::{CameraValues, Values};
use crate::auth::network::Network;
use crate::camera::{Encoder, Layout, Which};
use crate::host::log::Target;

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

/// The longest camera name; it stands in URLs and on buttons.
const NAME_MAX: usize = 32;

/// Checks a camera's name: letters, digits, `-` and `_`.
pub(super) fn camera_name(text: &str) -> Result<String, String> {
    let fits = (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !fits {
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
    let which: Which = source.parse()?;
    values.cameras.push(CameraValues { name, which: Some(which), ..CameraValues::default() });
    Ok(())
}

fn listen(values: &mut Values, text: &str) -> Result<(), String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "expected an address and a port, the address in numbers; [::] and 0.0.0.0 mean all")?;
    values.listen.push(address);
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

/// The largest rate that can be asked for, in frames per second.
pub const MAX_FPS: u32 = 240;

/// The most unusable frames in a row that can be tolerated; half a minute at 30/s.
const MAX_BAD_FRAMES: u32 = 1000;

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
            camera.encoder = Some(one_of(text, &Encoder::ALL.map(|encoder| (encoder.name(), encoder)))?);
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
        apply: Apply::Program(listen),
    },
    Opt {
        name: "host",
        short: None,
        value: "NAME",
        kind: Kind::Text,
        many: true,
        default: "this machine's name, with and without .local",
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
        ] {
            assert!(apply(find(name), bad).is_err(), "--{name} {bad} was accepted");
        }
    }
}
