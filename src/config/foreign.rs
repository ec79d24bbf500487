//! How the options of other streamers are called here. Whoever comes from ustreamer, mjpg-streamer, motion,
//! camera-streamer or crowsnest types what their documentation says; the answer names our option.
//!
//! Called for names that are not ours, on the command line and in the settings file.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::options::{self, Kind};
use super::settings::DEFAULT_PORT;
use crate::gate::every_address;
use crate::problem::Problem;

/// What stands for it here.
enum Ours {
    /// One of our options, and how its value is made from the other one's.
    Option(&'static str, fn(&str) -> String),
    /// Something else, in words.
    Words(&'static str),
}
use Ours::{Option as Opt, Words};

const TURN: &str = "let the camera turn its pictures: v4l2-ctl -d /dev/video0 --set-ctrl rotate=180, or \
                    horizontal_flip=1, for those that can; a Raspberry Pi camera module by --camera \
                    \"rpicam:--rotation 180\"";
const CONTROLS: &str = "set it in the camera, before boardcam starts or while it runs: v4l2-ctl -d /dev/video0 \
                        --list-ctrls shows its controls, --set-ctrl brightness=128 sets one";
const PASSWORDS: &str =
    "let boardcam hash-password NAME write a user into the settings file, and name that by --config";
const CERTIFICATE: &str = "write --tls auto for a certificate that boardcam makes, or --tls CERT.pem,KEY.pem";
const PLUGINS: &str = "there are no plugins here: write for example --camera /dev/video0 --size 640x480 --fps 15 for \
                       the input, and --listen [::]:8090 for the output";
const SERVICE: &str = "it stays in the foreground; the package and board/install start it with the board";
const NEEDLESS: &str = "leave it out: boardcam does without it";
const MOTION: &str = "leave it out: boardcam records always, by the clock, or when it is switched on, and looks for no \
                      motion; see --record";
const TEXT: &str = "leave it out: boardcam writes nothing into the picture";

/// Their names, without dashes in front and with - for _, and ours.
static NAMES: &[(&[&str], Ours)] = &[
    (
        &["device", "d", "dev", "input-device", "video-device", "videodevice", "camera-path", "netcam-url"],
        Opt("camera", as_it_is),
    ),
    (&["resolution", "r", "geometry", "video-size", "res"], Opt("size", as_it_is)),
    (
        &["width", "height", "camera-width", "camera-height", "snapshot-width", "snapshot-height"],
        Words("write both in one, such as --size 640x480"),
    ),
    (
        &["desired-fps", "f", "framerate", "frame-rate", "max-fps", "rate", "camera-fps", "stream-maxrate"],
        Opt("fps", as_it_is),
    ),
    (
        &["m", "pixel-format", "pixelformat", "input-format", "camera-format", "v4l2-palette", "palette"],
        Opt("format", as_it_is),
    ),
    (&["y", "yuv"], Words("write --format yuyv")),
    (&["q", "jpeg-quality", "stream-quality", "picture-quality"], Opt("quality", as_it_is)),
    (
        &["port", "p", "http-port", "stream-port", "webcontrol-port", "listen-port"],
        Opt("listen", |port| {
            port.parse().map_or_else(|_| port.to_owned(), |port| every_address(port).to_string())
        }),
    ),
    (
        &["s", "bind", "address", "addr", "ip", "listen-address", "http-listen", "server"],
        Opt("listen", with_default_port),
    ),
    (&["stream-localhost", "webcontrol-localhost"], Words("write --listen localhost:8080")),
    (&["allow-origin", "cors"], Opt("cors-origin", as_it_is)),
    (
        &[
            "ssl",
            "https",
            "cert",
            "certificate",
            "key",
            "ssl-cert",
            "ssl-key",
            "webcontrol-tls",
            "webcontrol-cert",
        ],
        Words(CERTIFICATE),
    ),
    (
        &[
            "user",
            "passwd",
            "password",
            "username",
            "credentials",
            "auth",
            "stream-auth-method",
            "http-user",
            "stream-authentication",
            "webcontrol-authentication",
            "http-password",
        ],
        Words(PASSWORDS),
    ),
    (
        &[
            "rotate",
            "rotation",
            "rot",
            "flip",
            "hflip",
            "vflip",
            "flip-horizontal",
            "flip-vertical",
            "flip-axis",
            "mirror",
            "camera-hflip",
            "camera-vflip",
        ],
        Words(TURN),
    ),
    (
        &[
            "brightness",
            "contrast",
            "saturation",
            "hue",
            "gamma",
            "sharpness",
            "gain",
            "white-balance",
            "exposure",
            "color-effect",
            "backlight-compensation",
            "image-default",
            "video-params",
            "vid-control-params",
            "v4l2ctl",
            "power-line-frequency",
            "led",
            "camera-options",
            "dv-timings",
            "tv-standard",
            "norm",
        ],
        Words(CONTROLS),
    ),
    (&["i", "input", "o", "output"], Words(PLUGINS)),
    (&["c", "conf", "config-file"], Opt("config", as_it_is)),
    (&["n", "camera-name", "hostname", "server-name"], Opt("name", as_it_is)),
    (&["max-clients", "max-streams", "stream-limit"], Opt("max-connections", as_it_is)),
    (&["target-dir", "record-dir", "output-dir", "recordings"], Opt("record-folder", as_it_is)),
    (&["snapshot-interval", "timelapse-interval"], Opt("record-every", as_it_is)),
    (
        &["b", "daemon", "daemonize", "background", "fork", "setup-mode", "pid-file", "process-id-file"],
        Words(SERVICE),
    ),
    (&["log-level", "debug", "perf", "log-type"], Words("write --verbose for more log lines")),
    (&["l", "log-file", "logfile"], Words("write --log syslog, or send standard error to a file: 2> FILE")),
    (
        &["unix", "u", "unix-path"],
        Words("it serves on TCP only; for this machine alone write --listen localhost:8080"),
    ),
    (
        &[
            "buffers",
            "workers",
            "tcp-nodelay",
            "persistent",
            "slowdown",
            "drop-same-frames",
            "io-method",
            "www",
            "w",
            "last-as-blank",
            "nocommands",
            "no-dynctrl",
            "static",
            "min-frame-size",
            "minimum-size",
            "device-timeout",
            "device-error-delay",
            "process-name-prefix",
            "format-swap-rgb",
            "blank",
            "fake-resolution",
            "every-frame",
            "http-maxports",
            "webcontrol-interface",
            "no-log-colors",
            "custom-flags",
            "mode",
            "stop-on-no-clients",
            "exit-on-no-clients",
            "no-proxy",
            "camera-type",
            "server-timeout",
            "m2m-device",
        ],
        Words(NEEDLESS),
    ),
    (
        &[
            "threshold",
            "noise-level",
            "movie-output",
            "picture-output",
            "minimum-motion-frames",
            "event-gap",
            "pre-capture",
            "post-capture",
            "emulate-motion",
            "on-event-start",
            "on-motion-detected",
            "mask-file",
        ],
        Words(MOTION),
    ),
    (&["text-left", "text-right", "text-scale", "timestamp", "overlay"], Words(TEXT)),
];

fn as_it_is(value: &str) -> String {
    value.to_owned()
}

/// An address without a port is to have the usual one.
pub(super) fn with_default_port(value: &str) -> String {
    let bare =
        value.parse::<std::net::IpAddr>().map(|ip| std::net::SocketAddr::new(ip, DEFAULT_PORT).to_string());
    match bare {
        Ok(both) => both,
        Err(_) if value.contains(':') => value.to_owned(),
        Err(_) => format!("{value}:{DEFAULT_PORT}"),
    }
}

fn find(name: &str) -> Option<&'static Ours> {
    let name = name.replace('_', "-");
    NAMES.iter().find(|(theirs, _)| theirs.contains(&name.as_str())).map(|(_, ours)| ours)
}

/// What to write in the settings file for a name of another streamer's. In a `[[camera]]` table its device is `source`.
pub(super) fn in_file(name: &str, in_camera: bool) -> Option<String> {
    let (ours, example) = match find(&name.to_ascii_lowercase())? {
        Words(words) => return Some((*words).to_owned()),
        Opt("camera", _) if in_camera => {
            return Some("write for example source = \"/dev/video0\"".to_owned());
        }
        Opt(ours, _) => options::all().find(|opt| opt.name == *ours).map(|opt| (opt, opt.example))?,
    };
    let literal = match ours.kind {
        Kind::Text => format!("\"{example}\""),
        Kind::Number | Kind::Flag => example.to_owned(),
    };
    Some(format!("write for example {} = {literal}", ours.name))
}

/// What to do about a word of the command line that clap does not know; `None` if nothing but clap's own message helps.
pub(super) fn on_line(error: &clap::Error, line: &[OsString]) -> Option<Problem> {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => return None,
    };
    let ContextValue::String(word) = error.get(kind)? else { return None };
    let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = line.iter().map(AsRef::as_ref).collect();
    explain(word, &words)
}

fn explain(word: &str, line: &[&str]) -> Option<Problem> {
    if let Some(rest) = word.strip_prefix(['\u{2013}', '\u{2014}', '\u{2212}']) {
        let rest = rest.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2212}']);
        let why = "it begins with a dash that is no hyphen, as phones and word processors put it";
        return Some(Problem::new(format!("cannot use {word}"), why, format!("write --{rest}")));
    }
    let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
        let is_camera = word.starts_with("/dev/") || word.contains("://");
        let device = is_camera.then(|| format!("write --camera {word}"));
        return device.map(|advice| Problem::new(format!("cannot use {word}"), "it is no command", advice));
    };
    let ours = find(name.split('=').next().unwrap_or(name))?;
    let value = value(word, line);
    let advice = match (ours, &value) {
        (Words(words), Some(value)) => plugin(value).unwrap_or_else(|| (*words).to_owned()),
        (Words(words), None) => (*words).to_owned(),
        (Opt("listen", convert), Some(value)) => {
            let both = host_and_port(line).map(|(host, port)| format!("{host}:{port}"));
            option("listen", both.or_else(|| Some(convert(value))))
        }
        (Opt(ours, convert), value) => option(ours, value.as_deref().map(convert)),
    };
    // A password that was typed stays out of the log; a plugin's options may hold one.
    let shown = match ours {
        Words(PASSWORDS | PLUGINS) => word.to_owned(),
        _ => [word].into_iter().chain(value.as_deref()).collect::<Vec<_>>().join(" "),
    };
    Some(Problem::new(format!("cannot use {shown}"), "boardcam has no option of this name", advice))
}

/// Host and port, if the line has both: the advice for a port alone would open the server to everybody.
fn host_and_port(line: &[&str]) -> Option<(String, String)> {
    let given = |names: [&str; 2]| names.iter().find_map(|name| value(name, line));
    let (host, port) = (given(["--host", "-s"])?, given(["--port", "-p"])?);
    let is_ipv6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    Some((if is_ipv6 { format!("[{host}]") } else { host }, port))
}

/// The value that follows `word`, or is part of the same argument.
fn value(word: &str, line: &[&str]) -> Option<String> {
    let is_it = |argument: &&str| {
        *argument == word
            || argument.strip_prefix(word).is_some_and(|rest| rest.starts_with('=') || word.len() == 2)
    };
    let at = line.iter().position(is_it)?;
    let text = match line.get(at)?.strip_prefix(word)? {
        "" => line.get(at + 1).filter(|next| !next.starts_with('-'))?,
        rest => rest.strip_prefix('=').unwrap_or(rest),
    };
    Some(text.to_owned())
}

/// The option with this value, if it takes that, or else with its example.
fn option(name: &str, value: Option<String>) -> String {
    let Some(opt) = options::all().find(|opt| opt.name == name) else {
        return format!("write --{name} {}", value.as_deref().unwrap_or("FILE"));
    };
    match value.filter(|value| opt.check(value).is_ok()) {
        Some(value) => format!("write --{name} {value}"),
        None => format!("write for example --{name} {}", opt.example),
    }
}

/// Of mjpg-streamer's plugins, the options that have one of ours.
const PLUGIN_OPTIONS: [(&str, &[&str]); 2] = [
    ("input_uvc", &["d", "device", "r", "resolution", "f", "fps", "q", "quality"]),
    ("output_http", &["p", "port"]),
];

/// mjpg-streamer's `input_uvc.so -d /dev/video0 -r 640x480`, in our options.
fn plugin(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let (library, rest) = words.split_first()?;
    let (_, known) = PLUGIN_OPTIONS.iter().find(|(plugin, _)| library.contains(plugin))?;
    let ours = rest.iter().enumerate().filter_map(|(at, word)| {
        let name = word.strip_prefix('-')?.trim_matches('-');
        match find(name).filter(|_| known.contains(&name))? {
            Opt(name, convert) => Some((*name, convert(rest.get(at + 1)?))),
            Words(_) => None,
        }
    });
    let ours: Vec<_> = ours.map(|(name, value)| format!("--{name} {value}")).collect();
    (!ours.is_empty()).then(|| format!("there are no plugins here: write {} instead", ours.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &[&str]) -> String {
        explain(line[0].split('=').next().unwrap(), line)
            .map(|problem| problem.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_other_streamers_call_it_is_answered_with_our_name_and_the_same_value() {
        for (line, ours) in [
            (&["--port", "8090"][..], "write --listen [::]:8090"),
            (&["--port=8090"], "write --listen [::]:8090"),
            (&["-p", "8090"], "write --listen [::]:8090"),
            (&["-p8090"], "write --listen [::]:8090"),
            (&["--device", "/dev/video2"], "write --camera /dev/video2"),
            (&["--resolution=640x480"], "write --size 640x480"),
            (&["--desired-fps", "15"], "write --fps 15"),
            (&["--allow-origin", "*"], "write for example --cors-origin http"),
            (&["--rotate", "180"], "rpicam:--rotation 180"),
            (&["--stream_quality", "70"], "write --quality 70"),
            (&["-s", "0.0.0.0"], "write --listen 0.0.0.0:8080"),
            (&["--device"], "write for example --camera /dev/video0"),
            (
                &["-i", "input_uvc.so -d /dev/video1 -r 640x480 -f 15"],
                "--camera /dev/video1 --size 640x480 --fps 15",
            ),
            (&["-o", "output_http.so -p 8090 -w ./www"], "write --listen [::]:8090 instead"),
            (&["-o", "output_http.so -p 8090 -c anna:geheim"], "write --listen [::]:8090 instead"),
            (&["-o", "x"], "no plugins"),
            (&["-i", "input_file.so -f /tmp -n x.jpg"], "write for example --camera /dev/video0"),
            (&["-p", "9200", "-s", "127.0.0.1"], "write --listen 127.0.0.1:9200"),
            (&["--port=9200", "--host=localhost"], "write --listen localhost:9200"),
        ] {
            let line: Vec<&str> = line.to_vec();
            let word = if line[0].starts_with("-p8") { "-p" } else { line[0].split('=').next().unwrap() };
            let told = explain(word, &line).unwrap().to_string();
            assert!(told.contains(ours), "{line:?}: {told}");
        }
        assert_eq!(told(&["--qualty"]), "");
        assert!(!told(&["--passwd", "geheim"]).contains("geheim"));
        assert!(!told(&["-o", "output_http.so -p 8090 -c anna:geheim"]).contains("geheim"));
        assert!(told(&["\u{2014}size"]).contains("write --size"));
        assert!(told(&["/dev/video0"]).contains("write --camera /dev/video0"));
    }

    #[test]
    fn no_name_of_another_streamer_is_one_of_ours_and_each_of_ours_exists() {
        let mut seen = std::collections::HashSet::new();
        for (theirs, ours) in NAMES {
            for name in *theirs {
                assert!(seen.insert(name) && !options::all().any(|opt| opt.name == *name), "{name}");
            }
            if let Opt(name, _) = ours {
                assert!(*name == "config" || options::all().any(|opt| opt.name == *name), "{name}");
            }
        }
    }
}
