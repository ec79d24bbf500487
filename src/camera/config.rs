//! What the user asks for: which source, its size, rate and layout, and how frames become JPEGs.
//!
//! Read from the command line and the settings file by [`crate::config`]; used by every source when it is opened.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::privacy::PrivacyPlan;
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::picture::{Layout, Orientation, Size};
use crate::problem::{Text, shell_quoted, text};

/// Which source to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// The first capture device that delivers a usable frame.
    Auto,
    /// A device node, or a stable name below /dev/v4l.
    Device(PathBuf),
    /// The built-in test pattern.
    Pattern,
    /// Another program.
    Pipe(PipeSpec),
}

impl SourceSpec {
    /// What was probably meant by a text that names no source: what other programs take for a camera.
    pub fn meant(text: &str) -> Option<String> {
        let number = text.strip_prefix("video").unwrap_or(text);
        if text.contains("://") {
            return Some(format!("pipe:ffmpeg -v error -i {} -f mjpeg -", shell_quoted(text)));
        }
        if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
            return Some(format!("/dev/video{number}"));
        }
        let spec = match text.to_ascii_lowercase().as_str() {
            "pattern" | "test" | "testpattern" | "testpicture" => "pattern",
            "rpicam" | "picamera" | "picam" | "raspicam" | "raspivid" | "rpicam-vid" | "libcamera"
            | "csi" => "rpicam",
            "auto" | "default" | "any" => "auto",
            "stdin" => "-",
            _ => return None,
        };
        Some(spec.to_owned())
    }

    /// The source without its secrets, safe to show to anyone. Its full text, as in the settings, may hold passwords.
    pub fn label(&self) -> String {
        match self {
            SourceSpec::Pipe(pipe) => pipe.label(),
            SourceSpec::Auto | SourceSpec::Device(_) | SourceSpec::Pattern => self.to_string(),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceSpec::Auto => f.write_str("auto"),
            SourceSpec::Device(path) => write!(f, "{}", path.display()),
            SourceSpec::Pattern => f.write_str("pattern"),
            SourceSpec::Pipe(pipe) => write!(f, "{pipe}"),
        }
    }
}

impl FromStr for SourceSpec {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        match text {
            "auto" => Ok(SourceSpec::Auto),
            "pattern" => Ok(SourceSpec::Pattern),
            list if list.starts_with('/') && list.contains(",/") => {
                Err(text!("expected one device; each camera is named by itself"))
            }
            path if path.starts_with('/') => Ok(SourceSpec::Device(path.into())),
            _ => PipeSpec::parse(text).map(SourceSpec::Pipe).ok_or_else(|| expected(text)),
        }
    }
}

/// What was expected in place of this text.
fn expected(text: &str) -> Text {
    if text.contains("://") {
        return text!("expected a camera of this board; one of the network comes through a program");
    }
    match SourceSpec::meant(text) {
        _ if text
            .split_once(':')
            .is_some_and(|(kind, command)| kind == "pipe" && command.trim().is_empty()) =>
        {
            text!("expected a command behind pipe: that writes JPEGs")
        }
        Some(device) if device.starts_with('/') => text!("expected the whole path of a device"),
        _ => text!(
            "expected auto, pattern, rpicam, pipe:COMMAND, - (standard input), or the path of a device such as \
             /dev/video0"
        ),
    }
}

/// Where a [`super::pipe::Pipe`] reads its JPEGs from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipeSpec {
    /// Our own standard input.
    Stdin,
    /// A command line for the shell.
    Command(String),
    /// The Raspberry Pi's own tool for its camera modules, with these extra options.
    Rpicam(String),
}

impl PipeSpec {
    /// Parses `-`, `pipe:COMMAND`, `rpicam` or `rpicam:OPTIONS`; `None` for any other text.
    pub fn parse(text: &str) -> Option<PipeSpec> {
        match text.split_once(':').unwrap_or((text, "")) {
            ("-", "") => Some(PipeSpec::Stdin),
            ("pipe", command) if !command.trim().is_empty() => Some(PipeSpec::Command(command.to_owned())),
            ("rpicam", options) => Some(PipeSpec::Rpicam(options.to_owned())),
            _ => None,
        }
    }

    /// The name to show to anyone: a command without its arguments, which often hold passwords.
    pub fn label(&self) -> String {
        match self {
            PipeSpec::Stdin => "standard input".to_owned(),
            PipeSpec::Command(command) => {
                let word = command.split_whitespace().find(|word| *word != "exec").unwrap_or_default();
                // Shell syntax (`A=b ffmpeg`, `(cd x; ...`) says nothing useful, or gives away too much.
                let is_path = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.+".contains(&b));
                match word.rsplit('/').next() {
                    Some(name) if is_path => format!("pipe:{name}"),
                    _ => "pipe".to_owned(),
                }
            }
            PipeSpec::Rpicam(_) => "rpicam".to_owned(),
        }
    }
}

/// As in the settings file; [`PipeSpec::parse`] reads it back.
impl fmt::Display for PipeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PipeSpec::Stdin => f.write_str("-"),
            PipeSpec::Command(command) => write!(f, "pipe:{command}"),
            PipeSpec::Rpicam(options) if options.is_empty() => f.write_str("rpicam"),
            PipeSpec::Rpicam(options) => write!(f, "rpicam:{options}"),
        }
    }
}

/// How frames become JPEGs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncodeMode {
    /// Pass on the camera's own JPEGs if it makes any, in the quality that somebody asks for; otherwise encode, by the
    /// board's hardware if it has an encoder.
    #[default]
    Auto,
    /// Pass on the camera's own JPEGs; refuse a camera that makes none.
    Passthrough,
    /// As [`EncodeMode::Auto`], but prefer raw pixels, which the board's hardware encodes, and say so where it cannot.
    Hardware,
    /// Always encode, and here: from raw pixels, or from the camera's JPEGs if it offers nothing else. These keep a lower quality
    /// than is asked for.
    Software,
}

impl EncodeMode {
    /// All modes.
    pub const ALL: [EncodeMode; 4] =
        [EncodeMode::Auto, EncodeMode::Passthrough, EncodeMode::Hardware, EncodeMode::Software];

    /// The name on the command line and in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            EncodeMode::Auto => "auto",
            EncodeMode::Passthrough => "passthrough",
            EncodeMode::Hardware => "hardware",
            EncodeMode::Software => "software",
        }
    }
}

impl fmt::Display for EncodeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked of a capture card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptureSettings {
    /// The number or name of its input; if not set, the one that is chosen already.
    pub input: Option<String>,
    /// The television standard; if not set, the one that the signal has.
    pub standard: Option<&'static str>,
    /// The file of the EDID that its input shows to the source.
    pub edid: Option<PathBuf>,
}

/// What is asked of a source. `None` means that the user did not set the option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Which source to open.
    pub spec: SourceSpec,
    /// What people call the camera, if not by its name in URLs.
    pub title: Option<String>,
    /// The devices of other cameras, which [`SourceSpec::Auto`] leaves alone.
    pub reserved: Vec<PathBuf>,
    /// Picture size; [`Size::DEFAULT`] if not set.
    pub size: Option<Size>,
    /// Frames per second, 1 to [`crate::picture::MAX_FPS`]; [`SourceConfig::DEFAULT_FPS`] if not set.
    pub fps: Option<u32>,
    /// Whether the camera must not lower its rate to expose longer.
    pub steady_fps: bool,
    /// Layout of frames; if not set, the first of [`Layout::all`] that the source offers.
    pub layout: Option<Layout>,
    /// How frames become JPEGs.
    pub encoder: EncodeMode,
    /// Values of the camera's own controls, by name, which are set whenever it is opened.
    pub controls: Vec<(String, String)>,
    /// JPEG quality, 1 to 100. A camera that makes JPEGs and has a quality control is set to it.
    pub quality: Option<u8>,
    /// How pictures are turned and mirrored.
    pub orientation: Orientation,
    /// For capture cards.
    pub capture: CaptureSettings,
    /// How many unusable frames in a row are tolerated before the camera is reopened, 1 to 1000.
    pub bad_frames: u32,
    /// How long the source may deliver nothing before it is reopened. If not set, it is learned from the source's own
    /// rate.
    pub timeout: Option<Duration>,
    /// Whether frames that show what the one before shows are left out, down to one a second.
    pub drops_repeats: bool,
    /// The camera is closed this long after the last one who wanted pictures, and opened for the next one. If not set, it
    /// stays open.
    pub on_demand: Option<Duration>,
    /// When it is closed, and shows nothing.
    pub privacy: PrivacyPlan,
}

impl SourceConfig {
    /// The default of [`SourceConfig::bad_frames`].
    pub const DEFAULT_BAD_FRAMES: u32 = 10;

    /// The default of [`SourceConfig::fps`].
    pub const DEFAULT_FPS: u32 = 30;

    /// This source with default settings.
    pub fn of(spec: SourceSpec) -> Self {
        Self {
            spec,
            title: None,
            reserved: Vec::new(),
            size: None,
            fps: None,
            steady_fps: false,
            layout: None,
            encoder: EncodeMode::Auto,
            quality: None,
            orientation: Orientation::default(),
            capture: CaptureSettings::default(),
            bad_frames: Self::DEFAULT_BAD_FRAMES,
            timeout: None,
            drops_repeats: false,
            on_demand: None,
            privacy: PrivacyPlan::Off,
            controls: Vec::new(),
        }
    }

    /// The size to ask for.
    pub fn size(&self) -> Size {
        self.size.unwrap_or(Size::DEFAULT)
    }

    /// The rate to ask for, in frames per second.
    pub fn fps(&self) -> u32 {
        self.fps.unwrap_or(Self::DEFAULT_FPS)
    }

    /// The quality that JPEGs of a source are brought down to that was told to use `own` itself, if somebody wishes
    /// `wished`; `None` if they keep theirs.
    pub fn jpeg_quality(&self, own: Option<u8>, wished: Option<u8>) -> Option<u8> {
        match self.encoder {
            EncodeMode::Passthrough => None,
            EncodeMode::Auto | EncodeMode::Hardware => wished.filter(|_| wished != own),
            EncodeMode::Software => Some(wished.unwrap_or(DEFAULT_QUALITY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_a_command_shows_no_secret() {
        for (command, label) in [
            ("ffmpeg -i rtsp://admin:secret@cam -f mjpeg -", "pipe:ffmpeg"),
            ("exec /usr/bin/ffmpeg -i x", "pipe:ffmpeg"),
            ("TOKEN=secret ffmpeg", "pipe"),
            ("'/opt/my secret/tool'", "pipe"),
            ("$(secret)", "pipe"),
        ] {
            assert_eq!(PipeSpec::Command(command.to_owned()).label(), label);
        }
    }
}
