//! The thread of one variant: takes the camera's newest frame, makes it smaller, and puts it into the variant's ring.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use log::{debug, warn};
use rustix::process::setpriority_process;

use super::{IDLE_LIMIT, RunningVariant, Variants};
use crate::feed::{CaptureState, Demand, DropReason, Feed, FramePicker, RateMeter};
use crate::host::log::bounded::{self, Subject};
use crate::host::log::camera_scope;
use crate::host::process::thread_cpu_time;
use crate::jpeg::card::Card;
use crate::jpeg::encode::Encoder;
use crate::jpeg::transcode::{TranscodeError, Transcoder};
use crate::names::CameraLabel;
use crate::problem::{Problem, Text, text};
use crate::ring::{Frame, Meta, NoMemory, Unpublished, Writer};

/// The nice value of a variant's thread, so that the cameras and their own viewers come first
/// (sched(7), "The nice value").
const NICE: i32 = 10;

/// The longest wait before it checks whether anybody still watches.
const PATIENCE: Duration = Duration::from_millis(250);

/// After this time without a good frame, a card shows viewers why; it is drawn again after each further such time.
const CARD_PERIOD: Duration = Duration::from_secs(1);

/// The CPU time per frame is a moving average in which the last frame weighs one part in this many.
const COST_WEIGHT: u32 = 8;

pub(super) struct Worker {
    registry: Arc<Variants>,
    running: Arc<RunningVariant>,
    source: Arc<Feed>,
    writer: Writer,
    transcoder: Transcoder,
    /// Chooses the camera's frames that are made smaller.
    picker: FramePicker,
    /// The number of the last frame of the camera that was considered.
    last: u64,
    rate: RateMeter,
    /// When a picture or a card was last published.
    last_shown: Instant,
    /// Whether the log already says that frames cannot be made smaller.
    logged: bool,
}

impl Worker {
    pub(super) fn new(
        registry: Arc<Variants>,
        running: Arc<RunningVariant>,
        source: Arc<Feed>,
        writer: Writer,
    ) -> Self {
        // In one band: the other cores are for the cameras and other variants.
        let encoder = Encoder::in_bands(running.variant.quality, 1);
        let transcoder = Transcoder::new(running.variant.size, encoder);
        let (rate, last_shown) = (RateMeter::default(), Instant::now());
        let picker = FramePicker::default();
        Self {
            registry,
            running,
            source,
            writer,
            transcoder,
            picker,
            last: 0,
            rate,
            last_shown,
            logged: false,
        }
    }

    /// Makes frames while somebody watches. Ends after [`IDLE_LIMIT`] without a viewer.
    pub(super) fn run(mut self) {
        // On Linux this affects the calling thread only (setpriority(2), "C library/kernel differences"). If it is
        // refused, this thread runs at the usual priority.
        let _ = setpriority_process(None, NICE);
        let running = self.running.clone();
        let _scope = camera_scope(&running.feed.name);
        let mut idle_since = Instant::now();
        loop {
            if running.feed.is_wanted() {
                self.serve();
                idle_since = Instant::now();
            } else if self.registry.retire(&running, idle_since.elapsed() >= IDLE_LIMIT) {
                break;
            } else {
                thread::park_timeout(PATIENCE);
            }
        }
        debug!("{}: stopped making {}: nobody watches it", CameraLabel(&self.source.name), running.variant);
    }

    fn serve(&mut self) {
        let (running, source) = (self.running.clone(), self.source.clone());
        let mut total = running.feed.total_demand();
        let mut _demand = Demand::limited(source.clone(), total.fps());
        let listener = source.listen();
        self.last_shown = Instant::now();
        while running.feed.is_wanted() {
            let now = running.feed.total_demand();
            if now != total {
                (total, _demand) = (now, Demand::limited(source.clone(), now.fps()));
            }
            if listener.wait(self.last, PATIENCE) {
                self.take();
            }
        }
        let mut status = running.feed.status();
        (status.state, status.fps) = (CaptureState::Starting, 0.0);
    }

    /// Makes the camera's newest frame smaller, if it is wanted.
    fn take(&mut self) {
        let Some(frame) = self.source.ring.frame() else {
            self.last = self.source.ring.newest(); // which nobody may see: the next one is waited for
            return;
        };
        self.last = frame.number;
        let (meta, feed) = (frame.meta, &self.running.feed);
        if !self.picker.wants(feed, meta.captured) {
            return;
        }
        let counters = &feed.counters;
        counters.captured.fetch_add(1, Ordering::Relaxed);
        let begin = thread_cpu_time();
        // Unwind safety: a transcoder keeps nothing from one frame to the next, and the ring takes care of its slots.
        let made = catch_unwind(AssertUnwindSafe(|| self.transcode(&frame)));
        let counters = &self.running.feed.counters;
        match made {
            Ok(Ok(())) => {
                let cost = thread_cpu_time().saturating_sub(begin);
                self.count_cost(cost);
                self.source.delivery.made_smaller(cost);
                (self.last_shown, self.logged) = (Instant::now(), false);
                self.picker.made(meta.captured);
                counters.encoded.fetch_add(1, Ordering::Relaxed);
                counters.published.fetch_add(1, Ordering::Relaxed);
                let fps = self.rate.count(meta.captured);
                let (seldom, patience) = {
                    let status = self.source.status();
                    (status.seldom, status.patience)
                };
                let mut status = self.running.feed.status();
                (status.fps, status.last_frame) = (fps, Some(meta.captured));
                status.state = CaptureState::Starting; // a problem there was is over
                (status.seldom, status.patience) = (seldom, patience);
                drop(status);
                (self.registry.wake)();
            }
            Ok(Err((reason, why))) => {
                counters.count_drop(reason);
                debug!("{}: {} cannot be made: {why}", CameraLabel(&self.source.name), self.running.variant);
                if reason.is_kind() {
                    self.say(&problem(&why));
                }
                self.show_problem(&why);
            }
            Err(_) => {
                counters.count_drop(DropReason::Unencodable);
                self.show_problem(&text!("an error in this program; see its log"));
                // A camera whose every frame causes a panic must not flood the log.
                thread::park_timeout(PATIENCE);
            }
        }
    }

    fn transcode(&mut self, frame: &Frame) -> Result<(), (DropReason, Text)> {
        let unencodable = |error: TranscodeError| (DropReason::from(&error), error.text());
        let jpeg = frame.jpeg();
        let size = self.transcoder.decode(jpeg).map_err(unencodable)?.size;
        self.writer
            .reserve(Transcoder::output_len(size).max(jpeg.len()))
            .map_err(|NoMemory| (DropReason::Unencodable, text!("there is not enough memory for them")))?;
        let transcoder = &mut self.transcoder;
        match self.writer.publish(Meta { size, ..frame.meta }, |slot| transcoder.encode(jpeg, slot)) {
            Ok(_) => Ok(()),
            Err(Unpublished::NoSlot) => {
                Err((DropReason::NoSlot, text!("viewers hold all memory for frames")))
            }
            Err(Unpublished::Unfilled(error)) => Err(unencodable(error)),
        }
    }

    /// Shows viewers a card that says `why`, if they have seen nothing for [`CARD_PERIOD`].
    fn show_problem(&mut self, why: &Text) {
        let now = Instant::now();
        if now.duration_since(self.last_shown) < CARD_PERIOD {
            return;
        }
        self.last_shown = now;
        let problem = problem(why);
        self.say(&problem);
        if self.writer.reserve(Card::MAX_JPEG).is_err() {
            return; // the log says why
        }
        let size = self.running.variant.size.unwrap_or(self.source.asked_size());
        let card = Card { title: Card::NO_PICTURE, name: &self.source.name, problem: &problem };
        let meta = Meta { captured: now, size: Card::size(size), card: true };
        if self.writer.publish(meta, |slot| card.encode(size, SystemTime::now(), slot)).is_ok() {
            (self.registry.wake)();
        }
    }

    /// Answers snapshots with this problem until a picture is made, and logs it once.
    fn say(&mut self, problem: &Problem) {
        self.running.feed.status().state = CaptureState::Waiting(problem.clone());
        let is_said = std::mem::replace(&mut self.logged, true);
        if !is_said && bounded::may_log(Subject::SmallerPictures, &self.source.name) {
            warn!("{}: {problem}", CameraLabel(&self.source.name));
        }
        (self.registry.wake)();
    }

    fn count_cost(&self, time: Duration) {
        let now = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let mean = match self.running.cost.load(Ordering::Relaxed) {
            0 => now,
            mean => mean - mean / COST_WEIGHT + now / COST_WEIGHT,
        };
        self.running.cost.store(mean, Ordering::Relaxed);
    }
}

/// Why there are no smaller pictures.
fn problem(why: &Text) -> Problem {
    let advice = text!("take the picture without size and quality");
    Problem::new(text!("cannot make smaller pictures"), why.clone(), advice)
}
