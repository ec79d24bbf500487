//! Takes a camera's frames for its recording, as a viewer does, and gathers them into clusters.
//!
//! It looks at the ring, never waits for the disk, and holds what the disk has not taken yet within a bound; beyond
//! it frames are lost for the recording, and counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use super::disk::{Batch, Job};
use super::keeper::Clock;
use super::matroska::{Cluster, Unfit};
use super::status::Recording;
use crate::feed::{Demand, Feed};
use crate::host::shutdown::Shutdown;
use crate::picture::Size;
use crate::ring::Stored;

/// The longest wait without a look at the switch and the plan.
const PAUSE: Duration = Duration::from_millis(250);

/// Frames are handed to the disk together that were captured within so long, ...
const CLUSTER_TIME: Duration = Duration::from_secs(1);

/// ... or fill so many bytes.
const CLUSTER_BYTES: usize = 2 << 20;

/// The most that waits for the disk, in bytes: more than a second of any usual camera. A single larger cluster may.
const QUEUE_BYTES: usize = 8 << 20;

/// Without a picture for so long, a file is closed.
const GAP: Duration = Duration::from_secs(10);

/// A time-lapse is played at 25 frames a second.
const LAPSE_MS: u64 = 40;

/// How long files become.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileLimits {
    length: Duration,
    bytes: u64,
}

impl FileLimits {
    /// The most bytes of a file: FAT, which most USB sticks come with, holds no file of 4 GiB.
    const BYTES: u64 = 2 << 30;

    /// Of all that may be kept a file is at most so small a part, so that the limit is met by deleting whole files.
    const PART: u64 = 8;

    pub(super) fn new(length: Duration, max_bytes: Option<u64>) -> Self {
        let bytes = max_bytes.map_or(Self::BYTES, |most| (most / Self::PART).min(Self::BYTES));
        Self { length, bytes }
    }
}

/// The file that is being recorded into.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// Where it began on the timeline, in ms.
    start: u64,
    size: Size,
    bytes: u64,
    /// Its last frame.
    captured: Instant,
}

pub(super) struct Recorder {
    recording: Arc<Recording>,
    feed: Arc<Feed>,
    limits: FileLimits,
    jobs: SyncSender<Job>,
    /// Where the timeline begins.
    zero: Instant,
    /// The last frame's place on it, in ms.
    at: u64,
    /// No frame from before this is wanted.
    due: Instant,
    /// Number of the frame that was looked at last.
    last: u64,
    now: Option<Now>,
    /// What is being gathered.
    batch: Option<Batch>,
    /// Bytes of the last cluster, about as many as the next one will have.
    expected: usize,
    /// The disk has yet to be told that the file ends.
    unended: bool,
    clock: Clock,
}

impl Recorder {
    pub(super) fn new(
        recording: Arc<Recording>,
        feed: Arc<Feed>,
        limits: FileLimits,
        jobs: SyncSender<Job>,
    ) -> Self {
        let zero = Instant::now();
        Self {
            recording,
            feed,
            limits,
            jobs,
            zero,
            at: 0,
            due: zero,
            last: 0,
            now: None,
            batch: None,
            expected: 0,
            unended: false,
            clock: Clock::new(SystemTime::now(), zero),
        }
    }

    /// Records when it is to, until the program is to end. The disk's thread then closes the file.
    pub(super) fn run(mut self, shutdown: &Shutdown) {
        let mut was_on = false;
        while !shutdown.has_begun() {
            let on = self.recording.is_on();
            if on && !was_on {
                self.due = Instant::now();
            }
            was_on = on;
            let early = self.due.saturating_duration_since(Instant::now());
            if on && early.is_zero() {
                self.record(shutdown);
            } else {
                if !on {
                    self.end();
                }
                self.recording.wait(if on { early.min(PAUSE) } else { PAUSE });
            }
            self.tick();
        }
        self.hand_over();
    }

    /// Takes frames, all of them or the next one of a time-lapse.
    fn record(&mut self, shutdown: &Shutdown) {
        let (feed, due) = (self.feed.clone(), self.due);
        let _demand = Demand::new(feed.clone());
        let listener = feed.listen();
        self.last = feed.ring.newest().saturating_sub(1);
        while !shutdown.has_begun() && self.recording.is_on() && self.due == due {
            if listener.wait(self.last, PAUSE) {
                feed.ring.with_newest(|frame| self.take(&frame));
            }
            self.tick();
        }
    }

    fn take(&mut self, frame: &Stored<'_>) {
        let missed = frame.number.saturating_sub(self.last + 1);
        self.last = frame.number;
        let captured = frame.meta.captured;
        if frame.meta.card || captured < self.due {
            return;
        }
        let at = match self.recording.wish.every {
            None => {
                self.recording.drop_frames(missed);
                let ms = captured.saturating_duration_since(self.zero).as_millis();
                u64::try_from(ms).unwrap_or(u64::MAX)
            }
            Some(every) => {
                // From the last one on, unless that is long past.
                self.due = (self.due + every).max(captured + every / 2);
                self.at + LAPSE_MS
            }
        };
        self.at = at.max(self.at + 1);
        self.put(frame);
    }

    /// Puts a frame into a cluster, in a new file where that is time.
    fn put(&mut self, frame: &Stored<'_>) {
        let (captured, size, jpeg) = (frame.meta.captured, frame.meta.size, frame.jpeg());
        let goes_on = self.now.filter(|now| {
            now.size == size
                && Duration::from_millis(self.at - now.start) < self.limits.length
                && now.bytes < self.limits.bytes
                && captured.saturating_duration_since(now.captured) < self.gap()
        });
        let anew = goes_on.is_none();
        if anew {
            self.hand_over();
        }
        let mut now = goes_on.unwrap_or(Now { start: self.at, size, bytes: 0, captured });
        for _ in 0..2 {
            let new = || Batch {
                cluster: Cluster::new(self.at, self.expected.max(jpeg.len()) + jpeg.len() / 4),
                captured,
                size,
                frames: 0,
                end: self.at,
                anew,
            };
            let batch = self.batch.get_or_insert_with(new);
            match batch.cluster.push(self.at, jpeg) {
                Ok(()) => {
                    (batch.frames, batch.end) = (batch.frames + 1, self.at);
                    now.bytes += jpeg.len() as u64;
                    now.captured = captured;
                    self.now = Some(now);
                    let full = batch.cluster.length() >= CLUSTER_BYTES
                        || captured.saturating_duration_since(batch.captured) >= CLUSTER_TIME;
                    if full {
                        self.hand_over();
                    }
                    return;
                }
                Err(Unfit::Full) => self.hand_over(),
                Err(Unfit::TooLarge) => break,
            }
        }
        self.batch.take_if(|batch| batch.frames == 0);
        self.recording.drop_frames(1);
    }

    fn gap(&self) -> Duration {
        GAP + self.recording.wish.every.unwrap_or_default()
    }

    /// What time brings about.
    fn tick(&mut self) {
        let now = Instant::now();
        let due = |batch: &Batch| now.saturating_duration_since(batch.captured) >= CLUSTER_TIME + PAUSE;
        if self.batch.as_ref().is_some_and(due) {
            self.hand_over();
        }
        let stale = self.now.is_some_and(|file| now.saturating_duration_since(file.captured) >= self.gap());
        // After a leap of the clock names begin with another time; the disk puts that of this file right.
        if self.clock.look(SystemTime::now(), now) || stale {
            self.end();
        }
        if self.unended {
            self.unended =
                self.jobs.try_send(Job::End).is_err_and(|error| matches!(error, TrySendError::Full(_)));
        }
    }

    /// Ends the file.
    fn end(&mut self) {
        self.hand_over();
        self.unended |= self.now.take().is_some();
    }

    /// Gives the disk what has been gathered, or drops it where too much waits already.
    fn hand_over(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        let (frames, length) = (batch.frames, batch.cluster.length());
        self.expected = length;
        let queued = self.recording.queued.fetch_add(length, Ordering::AcqRel);
        let fits = queued == 0 || queued + length <= QUEUE_BYTES;
        if !fits || self.jobs.try_send(Job::Cluster(batch)).is_err() {
            self.recording.queued.fetch_sub(length, Ordering::AcqRel);
            self.recording.drop_frames(frames);
            self.now = None; // what comes later is another file, lest a picture stands still in this one
        }
    }
}

#[cfg(test)]
mod tests;
