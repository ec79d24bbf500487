//! The thread of one variant: takes the camera's newest frame, makes it smaller, puts it into a ring of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use log::{debug, info, warn};
use rustix::process::setpriority_process;
use rustix::time::{ClockId, clock_gettime};

use super::{IDLE_LIMIT, Running, Variants};
use crate::feed::{Demand, DropReason, Feed, FramePicker, RateMeter};
use crate::host::log::camera_scope;
use crate::jpeg::card::Card;
use crate::jpeg::encode::Encoder;
use crate::jpeg::transcode::{TranscodeError, Transcoder};
use crate::names::CameraLabel;
use crate::problem::Problem;
use crate::ring::{Meta, NoMemory, Unpublished, Writer};

/// The nice value of a variant's thread, so that all that the cameras and their own viewers need comes first
/// (sched(7), "The nice value").
const NICE: i32 = 10;

/// The longest wait without a look at whether anybody still watches.
const PATIENCE: Duration = Duration::from_millis(250);

/// After so long without one good frame viewers are told why, and again as often.
const TELL: Duration = Duration::from_secs(1);

/// The mean of what a frame costs moves by one part in so many with each frame.
const INERTIA: u32 = 8;

pub(super) struct Worker {
    registry: Arc<Variants>,
    running: Arc<Running>,
    source: Arc<Feed>,
    writer: Writer,
    transcoder: Transcoder,
    /// The camera's frame, copied so that its slot is free while it is decoded.
    jpeg: Vec<u8>,
    /// Which of them are worth it.
    picker: FramePicker,
    /// Number of the camera's frame that was looked at last.
    last: u64,
    /// Bytes that slots have room for.
    room: usize,
    rate: RateMeter,
    /// When viewers were last shown something.
    shown: Instant,
    /// The log says already that frames cannot be made smaller.
    told: bool,
}

impl Worker {
    pub(super) fn new(
        registry: Arc<Variants>,
        running: Arc<Running>,
        source: Arc<Feed>,
        writer: Writer,
    ) -> Self {
        // In one band: the other cores are for the cameras and other variants.
        let encoder = Encoder::in_bands(running.variant.quality, 1);
        let transcoder = Transcoder::new(running.variant.size, encoder);
        let (rate, shown) = (RateMeter::default(), Instant::now());
        let (jpeg, picker) = (Vec::new(), FramePicker::default());
        Self {
            registry,
            running,
            source,
            writer,
            transcoder,
            jpeg,
            picker,
            last: 0,
            room: 0,
            rate,
            shown,
            told: false,
        }
    }

    /// Works while somebody watches, waits a while for somebody who does, and ends.
    pub(super) fn run(mut self) {
        // For the calling thread only, whatever POSIX says (setpriority(2), "C library/kernel differences").
        // Where that is refused, all share what there is.
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
        info!("{}: {} ends: nobody watches it", CameraLabel(&self.source.name), running.variant);
    }

    fn serve(&mut self) {
        let (running, source) = (self.running.clone(), self.source.clone());
        let mut asked = running.feed.total_demand();
        let mut _demand = Demand::limited(source.clone(), asked.fps());
        let listener = source.listen();
        self.shown = Instant::now();
        while running.feed.is_wanted() {
            let now = running.feed.total_demand();
            if now != asked {
                (asked, _demand) = (now, Demand::limited(source.clone(), now.fps()));
            }
            if listener.wait(self.last, PATIENCE) {
                self.take();
            }
        }
        running.feed.status().fps = 0.0;
    }

    /// Makes the camera's newest frame smaller, if it is wanted.
    fn take(&mut self) {
        let (jpeg, picker, feed) = (&mut self.jpeg, &mut self.picker, &self.running.feed);
        let looked = self.source.ring.with_newest(|frame| {
            let wanted = picker.wants(feed, frame.meta.captured);
            if wanted {
                jpeg.clear();
                jpeg.extend_from_slice(frame.jpeg());
            }
            (frame.number, wanted.then_some(frame.meta))
        });
        let Some((number, wanted)) = looked else { return };
        self.last = number;
        let Some(meta) = wanted else { return };
        let counters = &feed.counters;
        counters.captured.fetch_add(1, Ordering::Relaxed);
        let begin = cpu_time();
        // Unwind safety: a transcoder begins anew with each frame, and the ring sees to its slots.
        let made = catch_unwind(AssertUnwindSafe(|| self.transcode(meta)));
        let counters = &self.running.feed.counters;
        match made {
            Ok(Ok(())) => {
                let cost = cpu_time().saturating_sub(begin);
                self.count_cost(cost);
                self.source.delivery.made_smaller(cost);
                (self.shown, self.told) = (Instant::now(), false);
                self.picker.made(meta.captured);
                counters.encoded.fetch_add(1, Ordering::Relaxed);
                counters.published.fetch_add(1, Ordering::Relaxed);
                let fps = self.rate.count(meta.captured);
                let mut status = self.running.feed.status();
                (status.fps, status.last_frame) = (fps, Some(meta.captured));
                drop(status);
                (self.registry.wake)();
            }
            Ok(Err((reason, why))) => {
                counters.drop_one(reason);
                debug!("{}: {} cannot be made: {why}", CameraLabel(&self.source.name), self.running.variant);
                self.tell(&why);
            }
            Err(_) => {
                counters.drop_one(DropReason::Unencodable);
                self.tell("an error in this program; see its log");
                // Lest a camera of which each frame does it fills the log.
                thread::park_timeout(PATIENCE);
            }
        }
    }

    fn transcode(&mut self, meta: Meta) -> Result<(), (DropReason, String)> {
        let unencodable = |error: TranscodeError| (DropReason::Unencodable, error.to_string());
        let size = self.transcoder.decode(&self.jpeg).map_err(unencodable)?;
        self.reserve(Transcoder::output_len(size))
            .map_err(|NoMemory| (DropReason::Unencodable, "there is no memory for them".to_owned()))?;
        let transcoder = &mut self.transcoder;
        match self.writer.publish(Meta { size, ..meta }, |room| transcoder.encode(room)) {
            Ok(_) => Ok(()),
            Err(Unpublished::Full) => Err((DropReason::NoSlot, "viewers held every slot".to_owned())),
            Err(Unpublished::Unfilled(error)) => Err(unencodable(error)),
        }
    }

    /// Makes room for frames of this many bytes, which makes the ring empty if it had less.
    fn reserve(&mut self, room: usize) -> Result<(), NoMemory> {
        if room > self.room {
            self.writer.reserve(room)?;
            self.room = room;
        }
        Ok(())
    }

    /// Shows viewers who have seen nothing for a while why that is.
    fn tell(&mut self, why: &str) {
        let now = Instant::now();
        if now.duration_since(self.shown) < TELL {
            return;
        }
        self.shown = now;
        let problem =
            Problem::new("cannot make smaller pictures", why, "take the stream without size and quality");
        if !std::mem::replace(&mut self.told, true) {
            warn!("{}: {problem}", CameraLabel(&self.source.name));
        }
        if self.reserve(Card::MAX_JPEG).is_err() {
            return; // the log tells
        }
        let asked = self.running.variant.size.unwrap_or(self.source.config.size());
        let card = Card { title: Card::NO_PICTURE, name: &self.source.name, problem: &problem };
        let meta = Meta { captured: now, size: Card::size(asked), card: true };
        if self.writer.publish(meta, |room| card.encode(asked, SystemTime::now(), room)).is_ok() {
            (self.registry.wake)();
        }
    }

    fn count_cost(&self, time: Duration) {
        let now = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let mean = match self.running.cost.load(Ordering::Relaxed) {
            0 => now,
            mean => mean - mean / INERTIA + now / INERTIA,
        };
        self.running.cost.store(mean, Ordering::Relaxed);
    }
}

/// CPU time that this thread has used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32) // never negative
}
