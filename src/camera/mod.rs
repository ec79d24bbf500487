//! Where frames come from: a V4L2 device, another program, or the built-in test pattern.
//!
//! Called by [`crate::stream`] alone (and by `boardcam probe` and `boardcam snapshot`). A [`Source`] hands
//! out one borrowed frame at a time; it never touches the ring, never encodes and knows no viewer. Every
//! call ends: a wait takes a time-out, and what cannot go on is an [`SourceError`] that says why.

pub mod find;
pub mod node;
pub mod pattern;
pub mod pipe;
pub mod probe;
pub mod v4l2;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::picture::{Layout, Range, Size};
use crate::problem::Problem;
use pipe::Piped;

/// Which source was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// The first capture device that delivers a real frame.
    Auto,
    /// One device node, or a stable name below /dev/v4l.
    Device(PathBuf),
    /// The built-in test pattern.
    Pattern,
    /// Another program.
    Pipe(Piped),
}

impl SourceSpec {
    /// What everybody may see of it; its text in the settings may hold passwords.
    pub fn label(&self) -> String {
        match self {
            SourceSpec::Pipe(piped) => piped.label(),
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
            SourceSpec::Pipe(piped) => write!(f, "{piped}"),
        }
    }
}

impl FromStr for SourceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(SourceSpec::Auto),
            "pattern" => Ok(SourceSpec::Pattern),
            path if path.starts_with('/') => Ok(SourceSpec::Device(path.into())),
            _ => text.parse().map(SourceSpec::Pipe).map_err(|()| {
                "expected auto, pattern, rpicam, pipe:COMMAND, - (standard input), or the path of a device such \
                 as /dev/video0"
                    .to_owned()
            }),
        }
    }
}

/// How frames become JPEGs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EncodeMode {
    /// The camera's own JPEGs where it makes them, else encoding here.
    #[default]
    Auto,
    /// The camera's own JPEGs or nothing.
    Passthrough,
    /// Always encode here: from the camera's raw pixels, or from its JPEGs where it has nothing else.
    Software,
}

impl EncodeMode {
    /// All choices.
    pub const ALL: [EncodeMode; 3] = [EncodeMode::Auto, EncodeMode::Passthrough, EncodeMode::Software];

    /// The name on the command line and in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            EncodeMode::Auto => "auto",
            EncodeMode::Passthrough => "passthrough",
            EncodeMode::Software => "software",
        }
    }
}

impl fmt::Display for EncodeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked of a source; `None` means that the user did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Which source.
    pub which: SourceSpec,
    /// Picture size; [`Size::DEFAULT`] if not said.
    pub size: Option<Size>,
    /// Frames per second, 1 to 240; 30 if not said.
    pub fps: Option<u32>,
    /// Layout of frames; [`Layout::all`] in order if not said.
    pub layout: Option<Layout>,
    /// How frames become JPEGs.
    pub encoder: EncodeMode,
    /// JPEG quality 1 to 100. Said together with passthrough, the camera's own control is set to it.
    pub quality: Option<u8>,
    /// Unusable frames in a row that are tolerated before the camera is opened anew, 1 to 1000.
    pub bad_frames: u32,
}

impl SourceConfig {
    /// Unusable frames in a row that are tolerated when nothing else is said.
    pub const DEFAULT_BAD_FRAMES: u32 = 10;

    /// Rate asked of a source when nothing else is said.
    pub const DEFAULT_FPS: u32 = 30;

    /// This source, and all else as it comes.
    pub fn of(which: SourceSpec) -> Self {
        Self {
            which,
            size: None,
            fps: None,
            layout: None,
            encoder: EncodeMode::Auto,
            quality: None,
            bad_frames: Self::DEFAULT_BAD_FRAMES,
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

    /// Whether the JPEGs of a source like this are passed on as they are.
    pub fn is_passthrough(&self, about: &SourceInfo) -> bool {
        about.layout == Layout::Mjpeg && self.encoder != EncodeMode::Software
    }
}

/// What an opened source is and what it agreed to deliver. Shown in the log, in `/state` and by `probe`.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceInfo {
    /// The source as one would name it to open it again: `/dev/video0`, `pattern`; of a command only its name.
    pub source: String,
    /// What the device calls itself; empty where it has no name.
    pub card: String,
    /// The kernel driver, such as `uvcvideo`; empty for the pattern.
    pub driver: String,
    /// Where it is connected, such as `usb-0000:01:00.0-1.2`; empty for the pattern.
    pub bus: String,
    /// How frames arrive.
    pub layout: Layout,
    /// The size that it really delivers.
    pub size: Size,
    /// Bytes from one row to the next; 0 for MJPEG.
    pub stride: u32,
    /// How far its samples reach; of no meaning for MJPEG.
    pub range: Range,
    /// The largest frame in bytes that the source announces (V4L2 sizeimage), 1 or more.
    pub max_frame: usize,
    /// Time between two frames as agreed; `None` where the driver does not tell.
    pub interval: Option<Duration>,
    /// One sentence for each wish that the source did not fulfil: `asked for 1281x720, got 1280x720`.
    pub compromises: Vec<String>,
}

impl SourceInfo {
    /// Frames per second as agreed, to a thousandth; `None` where the driver does not tell.
    pub fn fps(&self) -> Option<f64> {
        self.interval.map(|interval| (1e3 / interval.as_secs_f64()).round() / 1e3)
    }
}

/// One captured frame, borrowed from the source until its next call.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The bytes that the camera filled (V4L2 bytesused), laid out as [`SourceInfo::layout`] says.
    pub bytes: &'a [u8],
    /// When it was captured.
    pub captured: Instant,
    /// The source's own count; a gap means frames that were lost before they reached us.
    pub sequence: u32,
    /// The driver says that the contents are corrupt (V4L2_BUF_FLAG_ERROR), or it was too large to be read whole.
    pub flagged: bool,
}

/// Why a source that was open delivers no more; it must be dropped and opened anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(pub Problem);

/// An open source of frames. Dropping it releases the device; no drop panics.
pub trait Source: Send {
    /// What this source is and delivers; does not change while it is open.
    fn about(&self) -> &SourceInfo;

    /// Waits at most `timeout` for the next frame; `Ok(None)` means none came, and asking again is right.
    ///
    /// # Errors
    /// [`SourceError`] when the source can deliver no more: unplugged, or any answer of the driver after which
    /// only opening anew helps.
    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError>;
}
