//! The [`Source`] trait, the frames that a source hands out, and what an open source says about itself.

use std::time::{Duration, Instant};

use crate::jpeg::passthrough::Fault;
use crate::picture::{Layout, Memory, Range, Size};
use crate::problem::{Problem, Text, text};

/// The kinds of sources, which differ in what can go wrong and in what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A device with a driver.
    Device,
    /// A program that boardcam starts.
    Program,
    /// A program that writes to our standard input.
    Stdin,
    /// The test pattern, which boardcam draws.
    Pattern,
}

/// What an open source is and what it agreed to deliver. Shown in the log, in `/state` and by `probe`.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceInfo {
    /// What kind of source it is.
    pub kind: SourceKind,
    /// The source by the name that would open it again: `/dev/video0`, `pattern`. A command appears without its
    /// arguments.
    pub source: String,
    /// The device's own name; empty if it has none.
    pub card: String,
    /// The kernel driver, such as `uvcvideo`; empty if there is none.
    pub driver: String,
    /// Where the device is connected, such as `usb-0000:01:00.0-1.2`; empty if it is not a device.
    pub bus: String,
    /// The layout of its frames.
    pub layout: Layout,
    /// The size of its pictures, which may differ from the size asked for.
    pub size: Size,
    /// Bytes from one row to the next; 0 for MJPEG.
    pub stride: u32,
    /// The range of its samples; meaningless for MJPEG.
    pub range: Range,
    /// The largest frame that the source announces (V4L2 sizeimage), or, where none does, that its first picture lets
    /// expect, in bytes, 1 or more.
    pub max_frame: usize,
    /// Agreed time between two frames; `None` if the driver does not say.
    pub interval: Option<Duration>,
    /// The JPEG quality, 1 to 100, that the source itself was told to use; `None` if it was told nothing, or makes no
    /// JPEGs.
    pub own_quality: Option<u8>,
    /// What was chosen of all that a device offers, and why, in one sentence; `None` if it is not a device.
    pub chosen: Option<String>,
    /// Whether a camera may deliver fewer frames to expose each of them longer (V4L2_CID_EXPOSURE_AUTO_PRIORITY); `None`
    /// if it does not say.
    pub lowers_rate: Option<bool>,
    /// One sentence for each setting that the source did not meet: `asked for 1281x720, got 1280x720`.
    pub compromises: Vec<String>,
}

impl SourceInfo {
    /// A source of JPEGs of which nothing else is known.
    pub fn of_jpegs(kind: SourceKind, source: String, size: Size) -> Self {
        Self {
            kind,
            source,
            card: String::new(),
            driver: String::new(),
            bus: String::new(),
            layout: Layout::Mjpeg,
            size,
            stride: 0,
            range: Range::Full,
            max_frame: 1,
            interval: None,
            own_quality: None,
            chosen: None,
            lowers_rate: None,
            compromises: Vec::new(),
        }
    }

    /// Whether this is a device with a driver, and not another program or the test pattern.
    pub fn is_device(&self) -> bool {
        self.kind == SourceKind::Device
    }

    /// Agreed frames per second, rounded to a thousandth; `None` if the driver does not say.
    pub fn fps(&self) -> Option<f64> {
        self.interval.map(|interval| (1e3 / interval.as_secs_f64()).round() / 1e3)
    }
}

/// What can be asked of a source, as far as it lists that; empty where it lists nothing, or takes anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// Sizes, the smallest first.
    pub sizes: Vec<Size>,
    /// Frames per second at the size in use, the fewest first.
    pub rates: Vec<u32>,
    /// Layouts, the best first.
    pub layouts: Vec<Layout>,
}

/// One captured frame, borrowed from the source until its next call.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The bytes that the camera filled (V4L2 bytesused), laid out as [`SourceInfo::layout`] says.
    pub bytes: &'a [u8],
    /// When it was captured.
    pub captured: Instant,
    /// The source's own frame number; a gap means that frames were lost before they reached us.
    pub sequence: u32,
    /// Why it is not to be shown, as far as the source knows; `None` for most frames.
    pub flaw: Option<Flaw>,
    /// The memory that begins with these bytes, if another driver can read it.
    pub memory: Option<Memory<'a>>,
}

/// Why a frame of a source is not to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The driver marked the contents as corrupt (V4L2_BUF_FLAG_ERROR), or says that they are more than its buffer.
    Flagged,
    /// It is larger than any frame may be, and was not read whole.
    TooLarge,
    /// Its bytes were damaged on their way: it holds what no JPEG holds.
    Damaged,
    /// It is not a JPEG that can be shown.
    Fault(Fault),
}

impl Flaw {
    /// What is wrong with frames like this, in words.
    pub fn text(self) -> Text {
        match self {
            Flaw::Flagged => text!("its driver marks them as damaged"),
            Flaw::TooLarge => text!("they are larger than 16 MiB"),
            Flaw::Damaged => text!("their bytes are damaged: they hold what no JPEG holds"),
            Flaw::Fault(fault) => fault.text(),
        }
    }
}

/// Why an open source stopped delivering. It must be dropped and opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(pub Problem);

/// An open source of frames. Dropping it releases the device; the drop never panics.
pub trait Source: Send {
    /// What this source is and delivers; does not change while it is open.
    fn info(&self) -> &SourceInfo;

    /// Waits at most `timeout` for the next frame. `Ok(None)` means that none came in time; call again.
    ///
    /// # Errors
    /// [`SourceError`] if the source can deliver no more: it was unplugged, or the driver failed in a way that only
    /// reopening can fix. Every later call returns the same error.
    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError>;

    /// What it could be opened with in place of what it was.
    fn choices(&self) -> Choices {
        Choices::default()
    }

    /// While no frames come: what comes in their place, if the source knows that.
    fn instead(&self) -> Option<Problem> {
        None
    }
}
