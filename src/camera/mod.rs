//! Where frames come from: a V4L2 device, another program, or the built-in test pattern.
//!
//! Called by [`crate::stream`] alone (and by `boardcam probe` and `boardcam snapshot`). A [`Source`] hands
//! out one borrowed frame at a time; it never touches the ring, never encodes and knows no viewer. Every
//! call ends: a wait takes a time-out, and what cannot go on is an [`Ended`] that says why.

pub mod find;
mod layout;
pub mod node;
pub mod pattern;
pub mod pipe;
pub mod probe;
pub mod v4l2;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::problem::Problem;
pub use layout::{Layout, Plane, Raw};
use pipe::Piped;

/// The largest width or height of a baseline JPEG (ITU T.81 B.2.2: X and Y are 16 bits).
pub const MAX_SIDE: u32 = 65_535;

/// A picture's size in pixels, each side 1 to [`MAX_SIDE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Asked of a camera when nothing else is said.
    pub const DEFAULT: Size = Size { width: 1280, height: 720 };

    /// Pixels in all.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=MAX_SIDE).contains(n));
        text.split_once(['x', 'X'])
            .and_then(|(w, h)| Some(Size { width: side(w)?, height: side(h)? }))
            .ok_or_else(|| format!("expected WIDTHxHEIGHT such as 1280x720, each side 1 to {MAX_SIDE}"))
    }
}

/// How far the samples of raw pixels reach (V4L2 "quantization", BT.601 section 2.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Range {
    /// Luma, red, green and blue 16 to 235, chroma 16 to 240: what V4L2 means for Y'CbCr unless the driver says
    /// otherwise.
    #[default]
    Limited,
    /// 0 to 255 for all, as in JPEG: V4L2_QUANTIZATION_FULL_RANGE, or the default of RGB, of
    /// luma alone, and with V4L2_COLORSPACE_JPEG.
    Full,
}

/// Which source was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The first capture device that delivers a real frame.
    Auto,
    /// One device node, or a stable name below /dev/v4l.
    Device(PathBuf),
    /// The built-in test pattern.
    Pattern,
    /// Another program.
    Pipe(Piped),
}

impl Which {
    /// What everybody may see of it; its text in the settings may hold passwords.
    pub fn label(&self) -> String {
        match self {
            Which::Pipe(piped) => piped.label(),
            Which::Auto | Which::Device(_) | Which::Pattern => self.to_string(),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Auto => f.write_str("auto"),
            Which::Device(path) => write!(f, "{}", path.display()),
            Which::Pattern => f.write_str("pattern"),
            Which::Pipe(piped) => write!(f, "{piped}"),
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Which::Auto),
            "pattern" => Ok(Which::Pattern),
            path if path.starts_with('/') => Ok(Which::Device(path.into())),
            _ => text.parse().map(Which::Pipe).map_err(|()| {
                "expected auto, pattern, rpicam, pipe:COMMAND, - (standard input), or the path of a device such \
                 as /dev/video0"
                    .to_owned()
            }),
        }
    }
}

/// How frames become JPEGs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoder {
    /// The camera's own JPEGs where it makes them, else encoding here.
    #[default]
    Auto,
    /// The camera's own JPEGs or nothing.
    Passthrough,
    /// Always encode here: from the camera's raw pixels, or from its JPEGs where it has nothing else.
    Software,
}

impl Encoder {
    /// All choices.
    pub const ALL: [Encoder; 3] = [Encoder::Auto, Encoder::Passthrough, Encoder::Software];

    /// The name on the command line and in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            Encoder::Auto => "auto",
            Encoder::Passthrough => "passthrough",
            Encoder::Software => "software",
        }
    }
}

impl fmt::Display for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is asked of a source; `None` means that the user did not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which source.
    pub which: Which,
    /// Picture size; [`Size::DEFAULT`] if not said.
    pub size: Option<Size>,
    /// Frames per second, 1 to 240; 30 if not said.
    pub fps: Option<u32>,
    /// Layout of frames; [`Layout::all`] in order if not said.
    pub layout: Option<Layout>,
    /// How frames become JPEGs.
    pub encoder: Encoder,
    /// JPEG quality 1 to 100. Said together with passthrough, the camera's own control is set to it.
    pub quality: Option<u8>,
    /// Unusable frames in a row that are tolerated before the camera is opened anew, 1 to 1000.
    pub bad_frames: u32,
}

impl Wanted {
    /// Unusable frames in a row that are tolerated when nothing else is said.
    pub const DEFAULT_BAD_FRAMES: u32 = 10;

    /// Rate asked of a source when nothing else is said.
    pub const DEFAULT_FPS: u32 = 30;

    /// This source, and all else as it comes.
    pub fn of(which: Which) -> Self {
        Self {
            which,
            size: None,
            fps: None,
            layout: None,
            encoder: Encoder::Auto,
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
    pub fn passes_on(&self, about: &About) -> bool {
        about.layout == Layout::Mjpeg && self.encoder != Encoder::Software
    }
}

/// What an opened source is and what it agreed to deliver. Shown in the log, in `/state` and by `probe`.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
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

impl About {
    /// Frames per second as agreed, to a thousandth; `None` where the driver does not tell.
    pub fn fps(&self) -> Option<f64> {
        self.interval.map(|interval| (1e3 / interval.as_secs_f64()).round() / 1e3)
    }
}

/// One captured frame, borrowed from the source until its next call.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The bytes that the camera filled (V4L2 bytesused), laid out as [`About::layout`] says.
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
pub struct Ended(pub Problem);

/// An open source of frames. Dropping it releases the device; no drop panics.
pub trait Source: Send {
    /// What this source is and delivers; does not change while it is open.
    fn about(&self) -> &About;

    /// Waits at most `timeout` for the next frame; `Ok(None)` means none came, and asking again is right.
    ///
    /// # Errors
    /// [`Ended`] when the source can deliver no more: unplugged, or any answer of the driver after which
    /// only opening anew helps.
    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, Ended>;
}

/// Text from a device or a driver, made safe for a terminal and a log line: what is no text goes (control
/// characters, and half a character where a name was cut).
pub(crate) fn plain(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let legible = |c: &char| !c.is_control() && *c != char::REPLACEMENT_CHARACTER;
    text.chars().filter(legible).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cameras_name_cannot_play_tricks_on_a_terminal() {
        assert_eq!(plain(b"  Cam\x1b[2J\r\nera \0\0"), "Cam[2Jera");
        assert_eq!(plain(b"Cam\xc3\xa9ra \xc3"), "Cam\u{e9}ra");
    }

    #[test]
    fn sizes_that_no_jpeg_can_have_are_refused() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        for bad in ["", "640", "640x", "x480", "0x0", "65536x1", "-1x5", "640x480x2", "a x b", "640 x 480"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?} was accepted");
        }
    }
}
