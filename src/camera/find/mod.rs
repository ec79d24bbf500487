//! Finds a camera that really delivers, and says why each other candidate does not.
//!
//! Called by [`crate::stream`] each time it has no source. A [`Finder`] lives as long as its stream: it
//! remembers which camera it had, and finds that one again under another device number.

mod last;

use std::path::Path;
use std::time::{Duration, Instant};

use log::Level;

use super::config::{SourceConfig, SourceSpec};
use super::node::{self, Node, STABLE_NAMES};
use super::observer::{OBSERVE_PERIOD, Observer, cancelled};
use super::pattern::Pattern;
use super::pipe::{Pipe, rpicam};
use super::refusal::Refusal;
use super::source::{Frame, Source, SourceError, SourceInfo};
use super::v4l2::V4l2;
use crate::jpeg::passthrough::Jpeg;
use crate::picture::Layout;
use crate::problem::Problem;
use last::Last;

pub use super::node::{any_device, devices_fingerprint};

/// How long a camera may take to its first picture: some warm up for seconds, and a fixed second made
/// other programs loop on them (ustreamer issues 7, 278, 284).
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// The same while further candidates wait for their turn.
const FIRST_PICTURE_OF_SEVERAL: Duration = Duration::from_secs(5);

/// Bad frames in a row at the start that are forgiven; many cameras begin with a few.
const BAD_FRAMES: usize = 10;

/// How often a search among all cameras tries the tool for camera modules that had none: these are not plugged in
/// while the power is on, and a start of the tool costs a Pi half a second of CPU time.
const RPICAM_AGAIN: Duration = Duration::from_secs(60);

/// Opens what is wanted, again and again.
pub struct Finder {
    /// The camera's, for log lines.
    name: String,
    config: SourceConfig,
    /// The camera that was opened last.
    last: Option<Last>,
    /// Why the tool for camera modules gave no picture, and when.
    rpicam: Option<(Refusal, Instant)>,
}

impl Finder {
    /// For the camera of this name; nothing is opened yet.
    pub fn new(name: String, config: SourceConfig) -> Self {
        Self { name, config, last: None, rpicam: None }
    }

    /// Opens what is wanted and waits until it has delivered one real frame; that is the first one that comes from
    /// the source.
    ///
    /// A camera that was asked for as /dev/videoN and opened before is found under another number too; the
    /// stable names below /dev/v4l are taken at their word. `auto` tries the camera of before first. Where there
    /// was another camera of the same model and serial number, only the port tells which is which.
    ///
    /// # Errors
    /// The one problem that matters most to the user when no candidate can be used, or when the observer
    /// ended the search.
    pub fn open(&mut self, observer: &mut dyn Observer) -> Result<Box<dyn Source>, Problem> {
        let candidates = match &self.config.spec {
            SourceSpec::Pattern => return Ok(Box::new(Pattern::open(&self.config)?)),
            SourceSpec::Pipe(piped) => {
                return Ok(Box::new(Pipe::open(&self.name, piped, &self.config, Level::Info, observer)?));
            }
            SourceSpec::Device(path) => vec![self.locate(path).inspect_err(|problem| {
                observer.refused(&path.display().to_string(), problem);
            })?],
            SourceSpec::Auto => node::list(self.last.as_ref().map(|last| &last.identity)),
        };
        let several = cameras_among(&candidates) > 1;
        let patience = if several { FIRST_PICTURE_OF_SEVERAL } else { FIRST_PICTURE };
        let mut refusals = Vec::new();
        for node in candidates {
            if !observer.keep_waiting() {
                return Err(cancelled());
            }
            let (name, identity) = (node.path.display().to_string(), node.identity.clone());
            match open_and_prove(node, &self.config, patience, observer) {
                Ok(source) => {
                    self.last = Some(Last::new(identity, self.last.as_ref(), &node::list(None)));
                    return Ok(Box::new(source));
                }
                Err(refusal) => {
                    observer.refused(&name, &refusal.problem);
                    refusals.push(refusal);
                }
            }
        }
        if self.config.spec == SourceSpec::Auto
            && let Some(tried) = self.try_rpicam(observer)
        {
            match tried {
                Ok(source) => return Ok(Box::new(source)),
                Err(refusal) => {
                    observer.refused(&rpicam::PLAIN.label(), &refusal.problem);
                    // That there is no camera module is no news where there is another camera.
                    if refusal.camera {
                        refusals.push(refusal);
                    }
                }
            }
        }
        Err(match (&self.config.spec, refusals.as_slice()) {
            // Whatever it is, it is what was asked for.
            (SourceSpec::Device(_), [refusal]) => refusal.problem.clone(),
            _ => summary(&refusals),
        })
    }

    /// What was opened has ended in this moment.
    pub fn ended(&mut self) {
        if let Some(last) = &mut self.last {
            last.look_for_twins(&node::list(None));
        }
    }

    /// A camera module, where the tool for it is there; tried anew after a while.
    fn try_rpicam(&mut self, observer: &mut dyn Observer) -> Option<Result<Pipe, Refusal>> {
        rpicam::program()?;
        if let Some((refusal, at)) = &self.rpicam
            && at.elapsed() < RPICAM_AGAIN
        {
            return Some(Err(refusal.clone()));
        }
        let tried = rpicam::open(&self.name, &self.config, observer);
        self.rpicam = tried.as_ref().err().map(|refusal| (refusal.clone(), Instant::now()));
        Some(tried)
    }

    /// The node that a path means now.
    fn locate(&self, path: &Path) -> Result<Node, Problem> {
        let there = Node::at(path);
        let Some(last) = self.last.as_ref().filter(|_| !path.starts_with(STABLE_NAMES)) else { return there };
        last.find(there, node::list(Some(&last.identity)))
    }
}

/// How many devices the nodes that may be cameras belong to: one camera often has a second node, for
/// metadata.
fn cameras_among(nodes: &[Node]) -> usize {
    let mut ports: Vec<&Path> =
        nodes.iter().filter(|node| node.barred().is_none()).map(|node| node.identity.port()).collect();
    ports.sort();
    ports.dedup();
    ports.len()
}

/// Opens a node and waits for its first picture.
pub(super) fn open_and_prove(
    node: Node,
    config: &SourceConfig,
    patience: Duration,
    observer: &mut dyn Observer,
) -> Result<Proved, Refusal> {
    let mut source = V4l2::start(node, config)?;
    let picture = first_picture(&mut source, patience, observer).map_err(Refusal::camera)?;
    Ok(Proved { source, waiting: Some(picture), given: None })
}

/// A source with the picture that proved it, which is worth showing: at 5/s the next is 200 ms away.
pub(super) struct Proved {
    source: V4l2,
    /// Not asked for yet.
    waiting: Option<Picture>,
    /// Borrowed by who asked for it.
    given: Option<Picture>,
}

/// A copy of a frame.
struct Picture {
    bytes: Vec<u8>,
    captured: Instant,
    sequence: u32,
}

impl Source for Proved {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        self.given = self.waiting.take();
        match &self.given {
            Some(Picture { bytes, captured, sequence }) => {
                Ok(Some(Frame { bytes, captured: *captured, sequence: *sequence, flagged: false }))
            }
            None => self.source.next(timeout),
        }
    }
}

/// Waits until a source has delivered one frame that is what it says.
fn first_picture(
    source: &mut dyn Source,
    patience: Duration,
    observer: &mut dyn Observer,
) -> Result<Picture, Problem> {
    let what = format!("cannot use {}", source.info().source);
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
        let Some(frame) = source.next(left.min(OBSERVE_PERIOD)).map_err(|ended| ended.0)? else {
            // Only now: it may draw a card, which takes longer than a camera that works needs.
            if !observer.keep_waiting() {
                return Err(cancelled());
            }
            continue;
        };
        match fault(&frame, &info) {
            None => {
                let (captured, sequence) = (frame.captured, frame.sequence);
                return Ok(Picture { bytes: frame.bytes.to_vec(), captured, sequence });
            }
            Some(fault) => last_fault = Some(fault),
        }
        bad += 1;
    }
    Err(match last_fault {
        Some(fault) => Problem::new(
            what,
            format!("it delivers only broken pictures: {fault}"),
            "check its cable and power supply, or try another --format or --size",
        ),
        None => Problem::new(
            what,
            format!("no picture came within {} s", patience.as_secs()),
            "unplug it and plug it in again, or try another --format or --size",
        ),
    })
}

/// What is wrong with a frame, if anything.
fn fault(frame: &Frame<'_>, info: &SourceInfo) -> Option<String> {
    if frame.flagged {
        return Some("its driver marks them as damaged".to_owned());
    }
    match info.layout {
        Layout::Mjpeg => Jpeg::check(frame.bytes).err().map(|fault| fault.to_string()),
        Layout::Raw(raw) => {
            let picture = crate::picture::Picture::new(frame.bytes, raw, info.size, info.stride, info.range);
            picture.err().map(|error| error.to_string())
        }
    }
}

/// What to do where there is no camera.
fn plug_in(modules_need_another_system: bool) -> &'static str {
    if modules_need_another_system {
        "plug in a USB camera; it is picked up by itself. Camera modules that need libcamera (Module 3 and others) do \
         not work on this system: for them use Raspberry Pi OS with --camera rpicam"
    } else {
        "plug one in; it is picked up by itself"
    }
}

/// The problem that matters most when no candidate was taken.
fn summary(refusals: &[Refusal]) -> Problem {
    let cameras: Vec<&Refusal> = refusals.iter().filter(|refusal| refusal.camera).collect();
    match cameras.as_slice() {
        [] => {
            let why = match refusals.len() {
                0 => "there is no /dev/video device".to_owned(),
                1 => "the one /dev/video device is not for pictures".to_owned(),
                n => format!("none of the {n} /dev/video devices is for pictures"),
            };
            Problem::new("no camera found", why, plug_in(rpicam::is_missing_on_a_raspberry_pi()))
        }
        // One camera can have several nodes, and what bars one of them bars all.
        [first, rest @ ..] if rest.iter().all(|other| other.problem.why == first.problem.why) => {
            first.problem.clone()
        }
        // What matters is the likeliest camera, which was tried first; `probe` tells the rest.
        [first, rest @ ..] => {
            let also = rest.len();
            let others =
                if also == 1 { "another camera".to_owned() } else { format!("{also} other cameras") };
            let why = format!("{} (nor can {others} be used)", first.problem.why);
            Problem::new(first.problem.what.clone(), why, first.problem.advice.clone())
        }
    }
}

#[cfg(test)]
mod tests;
