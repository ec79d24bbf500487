//! Finds a camera that really delivers, and says why each other candidate does not.
//!
//! Called by [`crate::stream`] each time it has no source. Each stream has one [`Finder`], which remembers its
//! camera and finds it again under another device number.

mod last;
mod proved;
mod undelivered;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::config::{SourceConfig, SourceSpec};
use super::node::{self, Node, STABLE_NAMES};
use super::observer::{Observer, cancelled};
use super::pattern::Pattern;
use super::pipe::{Pipe, Words, rpicam};
use super::refusal::{Cause, Refusal};
use super::source::Source;
use crate::problem::{Problem, Text, promise, text};
use last::Last;

pub use super::node::{any_device, devices_fingerprint};
pub(super) use proved::{Known, open_and_prove};

/// How long a camera may take to deliver its first picture. Some warm up for seconds; programs that gave them one
/// second looped forever (ustreamer issues 7, 278, 284).
const FIRST_PICTURE: Duration = Duration::from_secs(10);

/// The same while further candidates wait for their turn.
const FIRST_PICTURE_OF_SEVERAL: Duration = Duration::from_secs(5);

/// How long a search among all cameras waits before it tries `rpicam-vid` again after a failure. Camera modules are not
/// plugged in while the power is on, and starting the tool costs a Pi half a second of CPU time.
const RPICAM_AGAIN: Duration = Duration::from_secs(60);

/// Opens the configured source, again and again.
pub struct Finder {
    /// The camera's name, for log lines.
    name: String,
    config: SourceConfig,
    /// The camera that was opened last.
    last: Option<Last>,
    /// Whether `rpicam-vid` was opened last, and not a device.
    was_rpicam: bool,
    /// Whether a search takes only what was opened last.
    only_last: bool,
    known: Known,
    /// Why `rpicam-vid` gave no picture, and when.
    rpicam: Option<(Refusal, Instant)>,
    /// How much the log has of what programs say.
    words: Words,
}

impl Finder {
    /// For the camera with this name; opens nothing yet.
    pub fn new(name: String, config: SourceConfig) -> Self {
        Self {
            name,
            config,
            last: None,
            was_rpicam: false,
            only_last: false,
            known: Known::default(),
            rpicam: None,
            words: Words::default(),
        }
    }

    /// From the next opening on, asks for this; it is the same source. With `only_last`, a search among all cameras takes
    /// only the one that was opened last, if there was one.
    pub fn ask_for(&mut self, config: SourceConfig, only_last: bool) {
        (self.config, self.only_last) = (config, only_last);
    }

    /// Opens the configured source and waits until it has delivered one usable frame, which is then the first that the
    /// source hands out.
    ///
    /// A camera that is configured as /dev/videoN and was opened before is found under another number too; the stable
    /// names below /dev/v4l are taken literally. `auto` tries the previous camera first. If there was another camera of
    /// the same model and serial number, only the port distinguishes them.
    ///
    /// # Errors
    /// If no candidate can be used, the one problem that matters most to the user. Also if the observer cancelled the
    /// search.
    pub fn open(&mut self, observer: &mut dyn Observer) -> Result<Box<dyn Source>, Problem> {
        let source = self.search(observer)?;
        #[cfg(feature = "inject")]
        let source = Box::new(super::faulty::Faulty(source));
        Ok(source)
    }

    fn search(&mut self, observer: &mut dyn Observer) -> Result<Box<dyn Source>, Problem> {
        match self.config.spec.clone() {
            SourceSpec::Pattern => Ok(Box::new(Pattern::open(&self.config)?)),
            SourceSpec::Pipe(pipe) => {
                let opened = Pipe::open(&self.name, &pipe, &self.config, &self.words, observer);
                Ok(Box::new(opened.map_err(|error| error.problem(&pipe))?))
            }
            SourceSpec::Device(path) => {
                let name = path.display().to_string();
                let node = self.locate(&path).inspect_err(|problem| observer.refused(&name, problem))?;
                if !observer.keep_waiting() {
                    return Err(cancelled());
                }
                let patience = self.config.timeout.unwrap_or(FIRST_PICTURE);
                self.open_device(node, patience, observer).map_err(|refusal| *refusal.problem)
            }
            SourceSpec::Auto => self.search_all(observer),
        }
    }

    /// Tries all devices, and then a camera module.
    fn search_all(&mut self, observer: &mut dyn Observer) -> Result<Box<dyn Source>, Problem> {
        let mut candidates = node::list(self.last.as_ref().map(|last| &last.identity));
        if self.only_last {
            keep_last(&mut candidates, self.last.as_ref().filter(|_| !self.was_rpicam));
        }
        let several = cameras_among(&candidates) > 1;
        let patience = if several { FIRST_PICTURE_OF_SEVERAL } else { FIRST_PICTURE };
        let mut refusals = Vec::new();
        for node in candidates {
            if !observer.keep_waiting() {
                return Err(cancelled());
            }
            if let Some(refusal) = reserved(&node, &self.config.reserved, minor_at) {
                observer.refused(&node.path.display().to_string(), &refusal.problem);
                refusals.push(refusal);
                continue;
            }
            match self.open_device(node, patience, observer) {
                Ok(source) => return Ok(source),
                Err(refusal) => refusals.push(refusal),
            }
        }
        let may_be_rpicam = !self.only_last || self.was_rpicam;
        match may_be_rpicam.then(|| self.try_rpicam(observer)).flatten() {
            Some(Ok(source)) => {
                self.was_rpicam = true;
                return Ok(Box::new(source));
            }
            Some(Err(refusal)) => {
                observer.refused(&rpicam::PLAIN.label(), &refusal.problem);
                // A missing camera module is not worth mentioning if there is another camera.
                if refusal.is_camera() {
                    refusals.push(refusal);
                }
            }
            None => {}
        }
        Err(summary(&refusals))
    }

    /// Opens one device, and remembers it if it delivers.
    fn open_device(
        &mut self,
        node: Node,
        patience: Duration,
        observer: &mut dyn Observer,
    ) -> Result<Box<dyn Source>, Refusal> {
        let (name, identity) = (node.path.display().to_string(), node.identity.clone());
        let opened = open_and_prove(node, &self.config, patience, &mut self.known, observer);
        let source = opened.inspect_err(|refusal| observer.refused(&name, &refusal.problem))?;
        self.was_rpicam = false;
        self.last = Some(Last::new(identity, self.last.as_ref(), &node::list(None)));
        Ok(Box::new(source))
    }

    /// To be called when the opened source has just ended.
    pub fn ended(&mut self) {
        if let Some(last) = &mut self.last {
            last.look_for_twins(&node::list(None));
        }
    }

    /// Opens a camera module, if the tool for it is installed; after a failure not again for a while.
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

    /// The node that a configured path means now.
    fn locate(&self, path: &Path) -> Result<Node, Problem> {
        let there = Node::at(path);
        let Some(last) = self.last.as_ref().filter(|_| !path.starts_with(STABLE_NAMES)) else { return there };
        last.find(there, node::list(Some(&last.identity)))
    }
}

/// The minor number of the node that a path leads to, if there is one.
fn minor_at(path: &Path) -> Option<u32> {
    Node::at(path).ok().map(|node| node.minor)
}

/// Why a search does not try this node: another camera of the settings has it, under one of these paths.
fn reserved(node: &Node, paths: &[PathBuf], minor_at: impl Fn(&Path) -> Option<u32>) -> Option<Refusal> {
    let path = paths.iter().find(|path| minor_at(path) == Some(node.minor))?;
    let problem = Problem::new(
        text!("cannot use {}", node.path.display().to_string()),
        text!("another camera of the settings has it, as {}", path.display().to_string()),
        text!("plug in one more camera, or leave one of the two out of the settings"),
    );
    Some(Refusal::new(Cause::Reserved, problem))
}

/// Leaves only the node of the camera that was opened last.
fn keep_last(candidates: &mut Vec<Node>, last: Option<&Last>) {
    // The likeliest is the first.
    candidates.truncate(1);
    candidates.retain(|node| last.is_some_and(|last| last.is(node)));
}

/// How many devices these nodes belong to, leaving out those that are not cameras. One camera often has a second node,
/// for metadata.
fn cameras_among(nodes: &[Node]) -> usize {
    let mut ports: Vec<&Path> =
        nodes.iter().filter(|node| node.barred().is_none()).map(|node| node.identity.port()).collect();
    ports.sort();
    ports.dedup();
    ports.len()
}

/// Advice if there is no camera.
fn plug_in(modules_need_another_system: bool) -> Text {
    if modules_need_another_system {
        text!(
            "{}. Camera modules that need libcamera (Module 3 and others) do not work on this system: use Raspberry \
             Pi OS with --camera rpicam for them",
            text!("plug in a USB camera").and(promise::PICKED_UP)
        )
    } else {
        text!("plug one in").and(promise::PICKED_UP)
    }
}

/// The problem that matters most if every candidate was refused.
fn summary(refusals: &[Refusal]) -> Problem {
    let cameras: Vec<&Refusal> = refusals.iter().filter(|refusal| refusal.is_camera()).collect();
    match cameras.as_slice() {
        [] => {
            let why = match refusals.len() {
                0 => text!("there is no /dev/video device"),
                1 => text!("the one /dev/video device is not for pictures"),
                n => text!("none of the {} /dev/video devices is for pictures", n),
            };
            Problem::new(text!("no camera found"), why, plug_in(rpicam::is_missing_on_a_raspberry_pi()))
        }
        // One camera can have several nodes, and they usually meet the same obstacle.
        [first, rest @ ..] if rest.iter().all(|other| other.cause == first.cause) => (*first.problem).clone(),
        // The likeliest camera, which was tried first, matters most; `probe` shows the others.
        [first, rest @ ..] => {
            let also = rest.len();
            let why = &first.problem.why;
            let why = match also {
                1 => text!("{} (another camera cannot be used either)", why),
                also => text!("{} ({} other cameras cannot be used either)", why, also),
            };
            Problem::new(first.problem.what.clone(), why, first.problem.advice.clone())
        }
    }
}

#[cfg(test)]
mod tests;
