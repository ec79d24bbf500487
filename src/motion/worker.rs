//! The thread that looks for motion in one camera's pictures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use coefficients::Transform;
use coefficients::dc::DcGrid;
use log::{debug, warn};
use rustix::process::setpriority_process;

use super::detector::{Detector, Look, threshold};
use super::{Detection, moment};
use crate::events::{Event, Kind};
use crate::feed::motion::{Seen, Sensitivity, Sight, Wanted};
use crate::feed::{CaptureState, Demand, Feed};
use crate::host::inject;
use crate::host::log::camera_scope;
use crate::host::process::thread_cpu_time;
use crate::jpeg::decodable::Decodable;
use crate::jpeg::transcode::TranscodeError;
use crate::picture::Orientation;
use crate::problem::{Text, text};
use crate::ring::Frame;
use crate::time::wall_clock;

/// The nice value of the thread, so that cameras and viewers come first (sched(7), "The nice value").
const NICE: i32 = 10;

/// The longest wait for a frame before it checks whether motion is still looked for.
const PATIENCE: Duration = Duration::from_millis(250);

/// Motion has ended when nothing has moved for so long: who stands still for a moment does not begin anew.
pub(super) const QUIET: Duration = Duration::from_secs(3);

/// The log says again only after so long that frames cannot be looked at.
const SAYS_AGAIN: Duration = Duration::from_secs(600);

/// After a change of how pictures are turned, frames that were made before it may still come for so long.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) struct Worker {
    detection: Arc<Detection>,
    camera: usize,
    feed: Arc<Feed>,
    grid: DcGrid,
    /// What is known of the picture without what moves; `None` if nothing is, or no longer.
    background: Option<Background>,
    /// Frames that were captured earlier than this are not looked at.
    from: Instant,
    /// The number of the last frame that was considered.
    last: u64,
    /// Since when something moves, and when that was last seen; `None` if nothing moves.
    moving: Option<(SystemTime, Instant)>,
    /// When a frame was last read.
    read: Instant,
    /// When the log last said that frames cannot be looked at.
    logged: Option<Instant>,
}

/// What is remembered of earlier frames.
struct Background {
    detector: Detector,
    /// When the last one of them was captured.
    captured: Instant,
    /// Which cells count for nothing, for ...
    ignored: Vec<bool>,
    /// ... pictures like this.
    view: View,
}

/// What makes cells of one frame show the same as those of another, and be left out as there.
#[derive(Clone, PartialEq)]
struct View {
    /// Cells across and down.
    size: (u32, u32),
    orientation: Orientation,
    /// How the shown picture is made of the frame: EXIF data may turn it.
    upright: Transform,
    wanted: Arc<Wanted>,
}

impl View {
    /// Which cells count for nothing; empty if all count.
    fn ignored(&self) -> Vec<bool> {
        let way = self.orientation.transform().then(self.upright.inverse());
        let zones: Vec<_> = self.wanted.ignored.iter().map(|zone| zone.turned(way)).collect();
        if zones.is_empty() {
            return Vec::new();
        }
        let (columns, rows) = self.size;
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        cells.map(|cell| zones.iter().any(|zone| zone.has_cell(cell, self.size))).collect()
    }

    fn shows_as(&self, other: &Self) -> bool {
        (self.size, self.orientation, self.upright) == (other.size, other.orientation, other.upright)
    }
}

impl Worker {
    pub(super) fn new(detection: Arc<Detection>, camera: usize, feed: Arc<Feed>) -> Self {
        Self {
            detection,
            camera,
            feed,
            grid: DcGrid::default(),
            background: None,
            from: Instant::now(),
            last: 0,
            moving: None,
            read: Instant::now(),
            logged: None,
        }
    }

    /// Looks until motion is no longer looked for, or the program ends.
    pub(super) fn run(mut self) {
        // On Linux this affects the calling thread only (setpriority(2), "C library/kernel differences"). If it is
        // refused, this thread runs at the usual priority.
        let _ = setpriority_process(None, NICE);
        let _scope = camera_scope(&self.feed.name.clone());
        loop {
            self.watch();
            self.forget();
            self.feed.motion.sees(Seen::Nothing);
            if self.detection.retire(self.camera) {
                break;
            }
        }
        debug!("{}: no longer looking for motion", self.feed.label());
    }

    fn watch(&mut self) {
        let (feed, detection) = (self.feed.clone(), self.detection.clone());
        let _demand = Demand::limited(feed.clone(), feed.motion.rate());
        let period = Duration::from_secs(1) / feed.motion.fps;
        let mut due = Instant::now();
        // Between two looks it listens to no frame, so that it is not woken for those that it does not take.
        while !detection.shutdown.wait(due.saturating_duration_since(Instant::now())) {
            let wanted = feed.motion.wanted();
            let Some(sensitivity) = wanted.sensitivity else { break };
            if let Some(why) = self.blindness() {
                self.is_blind(why);
            }
            if feed.listen().wait(self.last, PATIENCE) {
                due = (due + period).max(Instant::now());
                self.take(sensitivity, wanted);
            }
            if self.moving.is_some_and(|(_, last)| last.elapsed() >= QUIET) {
                self.ends();
            }
        }
    }

    /// Why there is nothing to look at; `None` if there is.
    fn blindness(&self) -> Option<Text> {
        let is_live = matches!(self.feed.status().state, CaptureState::Live(_));
        (!is_live).then(|| text!("there are no pictures"))
    }

    /// Looks at the newest frame.
    fn take(&mut self, sensitivity: Sensitivity, wanted: Arc<Wanted>) {
        let Some(frame) = self.feed.ring.frame() else {
            self.last = self.feed.ring.newest(); // which nobody may see: the next one is waited for
            return;
        };
        self.last = frame.number;
        if frame.meta.card {
            self.is_blind(text!("there are no pictures"));
        }
        if frame.meta.card || frame.meta.captured < self.from || self.blindness().is_some() {
            return;
        }
        let begin = thread_cpu_time();
        // Unwind safety: what may be half changed, the background, is forgotten.
        let seen = catch_unwind(AssertUnwindSafe(|| self.look(&frame, sensitivity, wanted)));
        self.feed.motion.looked(thread_cpu_time().saturating_sub(begin));
        match seen {
            Ok(Ok(Some(look))) => self.found(&frame, look, sensitivity),
            Ok(Ok(None)) => self.read = Instant::now(),
            // One of them is passed over.
            Ok(Err(_)) if self.read.elapsed() < QUIET => {}
            Ok(Err(why)) => self.cannot_look(text!("a picture cannot be read: {}", why)),
            Err(_) => {
                self.cannot_look(text!("an error in this program; see its log"));
                // A camera whose every frame causes a panic must not flood the log.
                self.from = Instant::now() + QUIET;
            }
        }
    }

    /// What moves in this frame; `None` if it is of a time in which pictures were being turned.
    fn look(
        &mut self,
        frame: &Frame,
        sensitivity: Sensitivity,
        wanted: Arc<Wanted>,
    ) -> Result<Option<Look>, Text> {
        inject::panic_at("motion");
        let jpeg = frame.jpeg();
        let head = Decodable::check(jpeg).map_err(|refused| TranscodeError::from(refused).text())?;
        self.grid.read(jpeg).map_err(|error| TranscodeError::from(error).text())?;
        let Some(plane) = self.grid.component(0) else { return Ok(None) };
        let view = View {
            size: (plane.width, plane.height),
            orientation: self.feed.orientation(),
            upright: head.upright(),
            wanted,
        };
        let before = self.background.take();
        let is_turned = before.as_ref().is_some_and(|before| before.view.orientation != view.orientation);
        if is_turned {
            self.from = Instant::now() + SETTLE;
            return Ok(None);
        }
        let captured = frame.meta.captured;
        let mut background = match before.filter(|before| before.view.shows_as(&view)) {
            Some(before) if before.view == view => before,
            Some(before) => Background { ignored: view.ignored(), view, ..before },
            None => Background { detector: Detector::default(), captured, ignored: view.ignored(), view },
        };
        let since = captured.saturating_duration_since(background.captured);
        let look = background.detector.look(plane, since, sensitivity, &background.ignored);
        background.captured = captured;
        self.background = Some(background);
        Ok(Some(look))
    }

    fn found(&mut self, frame: &Frame, look: Look, sensitivity: Sensitivity) {
        self.read = Instant::now();
        let captured = frame.meta.captured;
        let begins = look.is_motion && self.moving.is_none();
        if look.is_motion {
            let since = self.moving.map_or_else(|| wall_clock(captured), |(since, _)| since);
            self.moving = Some((since, captured));
        }
        let since = self.moving.map(|(since, _)| since);
        let threshold = threshold(sensitivity);
        // Before the event: who hears of it and asks at once is told the same.
        self.feed.motion.sees(Seen::Sight(Sight { level: look.level, threshold, since }));
        if begins {
            self.begins(frame);
        }
    }

    fn begins(&self, frame: &Frame) {
        debug!("{}: something moves", self.feed.label());
        // Unwind safety: it keeps nothing.
        let picture = catch_unwind(|| moment::picture(frame.jpeg())).unwrap_or_default();
        let picture = picture.filter(|_| !self.feed.is_private()); // privacy may have begun meanwhile
        let event = Event::new(&self.feed.name, Kind::MotionBegan);
        self.detection.events.publish(event.captured(frame.meta.captured).with_picture(picture));
    }

    /// Nothing moves any more.
    fn ends(&mut self) {
        if self.moving.take().is_none() {
            return;
        }
        debug!("{}: nothing moves any more", self.feed.label());
        if let Seen::Sight(sight) = self.feed.motion.seen() {
            self.feed.motion.sees(Seen::Sight(Sight { since: None, ..sight }));
        }
        self.detection.events.publish(Event::new(&self.feed.name, Kind::MotionEnded));
    }

    /// Forgets all earlier frames.
    fn forget(&mut self) {
        self.ends();
        self.background = None;
    }

    fn is_blind(&mut self, why: Text) {
        self.forget();
        self.feed.motion.sees(Seen::Blind(why));
    }

    /// The same for pictures that come and cannot be looked at, which the log says once in a while.
    fn cannot_look(&mut self, why: Text) {
        if self.logged.is_none_or(|at| at.elapsed() >= SAYS_AGAIN) {
            self.logged = Some(Instant::now());
            warn!("{}: cannot look for motion: {why}", self.feed.label());
        }
        self.is_blind(why);
    }
}
