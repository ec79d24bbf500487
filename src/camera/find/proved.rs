//! A V4L2 device that has delivered a usable frame, and the wait for that frame.
//!
//! Used by [`super::Finder`] and by [`crate::camera::probe`]: a camera that opens without an error may still deliver
//! nothing, or only damaged pictures.

use std::time::{Duration, Instant};

use super::undelivered::{Instead, Undelivered};
use crate::camera::config::SourceConfig;
use crate::camera::node::Node;
use crate::camera::observer::{OBSERVE_PERIOD, Observer, cancelled};
use crate::camera::refusal::{Cause, Refusal};
use crate::camera::source::{Choices, Flaw, Frame, Source, SourceError, SourceInfo};
use crate::camera::v4l2::{Originals, V4l2, wait_for_source};
use crate::jpeg::passthrough::{Fault, Jpeg};
use crate::picture::{Layout, Picture, PixelError, Size};
use crate::problem::{Problem, Text, text};

/// How many damaged frames in a row are forgiven at the start; many cameras begin with a few.
pub const BAD_FRAMES: usize = 10;

/// How long a camera may take for its first picture in a mode that is tried because it does not deliver another one. It
/// has had time to warm up.
const OTHER_MODE: Duration = Duration::from_secs(3);

/// What is remembered of cameras that were opened before.
#[derive(Debug, Default)]
pub struct Known {
    undelivered: Undelivered,
    originals: Originals,
}

/// Opens a node and waits at most `patience` for its first usable frame. If none comes and the settings
/// name no size, up to three other modes are tried: cameras list sizes that they cannot deliver. `known` remembers these.
///
/// # Errors
/// It cannot be opened, delivers nothing usable in time, or the observer cancelled the wait.
pub fn open_and_prove(
    node: Node,
    config: &SourceConfig,
    patience: Duration,
    known: &mut Known,
    observer: &mut dyn Observer,
) -> Result<Proved, Refusal> {
    if let Some(Instead { config: other, failed }) = known.undelivered.instead(&node, config, Instant::now())
    {
        match in_other_mode(&node, &other, patience, &mut known.originals, observer) {
            Ok((mut source, frame)) => {
                source.chosen_instead(&instead(source.info(), failed, " when it was opened before"));
                return Ok(Proved { source, first: Some(frame), lent: None });
            }
            Err(refusal) if refusal.cause == Cause::Cancelled => return Err(refusal),
            Err(_) => known.undelivered.forget(&node),
        }
    }
    let mut source = with_a_signal(&node, config, patience, &mut known.originals, observer)?;
    let refusal = match first_frame(&mut source, patience, observer) {
        Ok(frame) => return Ok(Proved { source, first: Some(frame), lent: None }),
        Err(refusal) => refusal,
    };
    let (others, failed) = (source.others(), source.info().clone());
    drop(source); // before it is opened again
    let is_undelivered = matches!(refusal.cause, Cause::NoPicture | Cause::BadPictures);
    for other in others.iter().filter(|_| is_undelivered) {
        match in_other_mode(&node, other, patience, &mut known.originals, observer) {
            Ok((mut source, frame)) => {
                known.undelivered.note(&node, config, (&failed, source.info()), Instant::now());
                source.chosen_instead(&instead(source.info(), (failed.layout, failed.size), ""));
                return Ok(Proved { source, first: Some(frame), lent: None });
            }
            Err(refusal) if refusal.cause == Cause::Cancelled => return Err(refusal),
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// Opens a device in a mode that would not have been chosen, and waits for its first frame.
fn in_other_mode(
    node: &Node,
    config: &SourceConfig,
    patience: Duration,
    originals: &mut Originals,
    observer: &mut dyn Observer,
) -> Result<(V4l2, FrameCopy), Refusal> {
    let mut source = V4l2::start(node.clone(), config, originals)?;
    let frame = first_frame(&mut source, patience.min(OTHER_MODE), observer)?;
    Ok((source, frame))
}

/// Opens a device; a capture card without a signal is given `patience` to get one.
fn with_a_signal(
    node: &Node,
    config: &SourceConfig,
    patience: Duration,
    originals: &mut Originals,
    observer: &mut dyn Observer,
) -> Result<V4l2, Refusal> {
    let end = Instant::now() + patience;
    loop {
        let refusal = match V4l2::start(node.clone(), config, originals) {
            Err(refusal) if refusal.cause == Cause::NoSignal => refusal,
            opened => return opened,
        };
        observer.delayed(&refusal.problem);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(refusal);
            }
            if !observer.keep_waiting() {
                return Err(Refusal::new(Cause::Cancelled, cancelled()));
            }
            if wait_for_source(&node.path, left.min(OBSERVE_PERIOD)) {
                break;
            }
        }
    }
}

/// Why a mode is used that would not have been chosen.
fn instead(info: &SourceInfo, (layout, size): (Layout, Size), when: &str) -> String {
    format!(
        "{} {}: no usable picture came in {layout} {size}{when}, which the camera lists and which would have been \
         chosen",
        info.layout, info.size
    )
}

/// A device and its first frame. That frame is shown too: at 5 frames/s the next one is 200 ms away.
pub struct Proved {
    source: V4l2,
    /// The first frame, until it is asked for.
    first: Option<FrameCopy>,
    /// The first frame, while the caller borrows it.
    lent: Option<FrameCopy>,
}

/// A copy of a frame, which would otherwise borrow its source.
pub struct FrameCopy {
    /// As [`Frame::bytes`].
    pub bytes: Vec<u8>,
    captured: Instant,
    sequence: u32,
}

impl Source for Proved {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn choices(&self) -> Choices {
        self.source.choices()
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        self.lent = self.first.take();
        match &self.lent {
            Some(FrameCopy { bytes, captured, sequence }) => {
                Ok(Some(Frame { bytes, captured: *captured, sequence: *sequence, flaw: None, memory: None }))
            }
            None => self.source.next(timeout),
        }
    }
}

/// Waits until a source has delivered one frame that matches its [`SourceInfo`].
///
/// # Errors
/// None came within `patience`, the source ended, or the observer cancelled the wait.
pub fn first_frame(
    source: &mut dyn Source,
    patience: Duration,
    observer: &mut dyn Observer,
) -> Result<FrameCopy, Refusal> {
    // A copy, since a frame borrows its source.
    let info = source.info().clone();
    let end = Instant::now() + patience;
    let mut bad = 0;
    let mut last_fault = None;
    while bad <= BAD_FRAMES {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let next = source.next(left.min(OBSERVE_PERIOD));
        let Some(frame) = next.map_err(|SourceError(problem)| Refusal::new(Cause::Stopped, problem))? else {
            // Only now: the observer may draw a card, which takes longer than a working camera needs.
            if !observer.keep_waiting() {
                return Err(Refusal::new(Cause::Cancelled, cancelled()));
            }
            continue;
        };
        match fault(&frame, &info) {
            None => {
                let Frame { bytes, captured, sequence, .. } = frame;
                return Ok(FrameCopy { bytes: bytes.to_vec(), captured, sequence });
            }
            Some(Unusable::Flaw(Flaw::Fault(kind))) if kind.is_kind() => {
                observer.unusable(Flaw::Fault(kind));
                return Err(of_no_use(&info, kind));
            }
            Some(fault) => {
                if let Unusable::Flaw(flaw) = fault {
                    observer.unusable(flaw);
                }
                last_fault = Some(fault.text());
            }
        }
        bad += 1;
    }
    Err(no_usable_frame(&info, last_fault, patience))
}

/// Why a source is refused that delivered nothing usable in time.
fn no_usable_frame(info: &SourceInfo, last_fault: Option<Text>, patience: Duration) -> Refusal {
    let what = text!("cannot use {}", &info.source);
    match last_fault {
        Some(fault) => {
            let why = text!("it delivers only broken pictures: {}", fault);
            let advice = text!("check its cable and power supply, or try another format or size");
            Refusal::new(Cause::BadPictures, Problem::new(what, why, advice))
        }
        None => {
            let why = text!("no picture came within {} s", patience.as_secs());
            let advice = text!("unplug it and plug it in again, or try another format or size");
            Refusal::new(Cause::NoPicture, Problem::new(what, why, advice))
        }
    }
}

/// Why a source is refused whose JPEGs are of a kind that cannot be shown: the next one will be as well.
fn of_no_use(info: &SourceInfo, kind: Fault) -> Refusal {
    let what = text!("cannot use {}", &info.source);
    let why = text!("its pictures cannot be used: {}", kind.text());
    Refusal::new(Cause::BadPictures, Problem::new(what, why, text!("try another format or size")))
}

/// What is wrong with a frame.
enum Unusable {
    /// It is no JPEG that can be shown, or the source says what is wrong.
    Flaw(Flaw),
    /// It is no picture of the agreed size.
    Pixels(PixelError),
}

impl Unusable {
    fn text(&self) -> Text {
        match self {
            Unusable::Flaw(flaw) => flaw.text(),
            Unusable::Pixels(error) => error.text(),
        }
    }
}

/// What is wrong with a frame; `None` if it is usable.
fn fault(frame: &Frame<'_>, info: &SourceInfo) -> Option<Unusable> {
    if let Some(flaw) = frame.flaw {
        return Some(Unusable::Flaw(flaw));
    }
    match info.layout {
        Layout::Mjpeg => Jpeg::parse(frame.bytes).err().map(|fault| Unusable::Flaw(Flaw::Fault(fault))),
        Layout::Raw(raw) => {
            let picture = Picture::new(frame.bytes, raw, info.size, info.stride, info.range);
            picture.err().map(Unusable::Pixels)
        }
    }
}
