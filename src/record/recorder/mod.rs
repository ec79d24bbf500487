//! Takes a camera's frames for its recording, as a viewer does, and gathers them into clusters.
//!
//! Where it is left to [`motion`] what is recorded, it keeps the last seconds in memory until something moves.
//!
//! It never waits for the disk. The queue for the disk has a bound; frames beyond it are lost for the recording, and
//! counted.

mod motion;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use super::before::Before;
use super::clock::Clock;
use super::disk::{Batch, Job};
use super::matroska::{Cluster, Unfit};
use super::plan::Wanted;
use super::status::Recording;
use crate::events::Events;
use crate::feed::{Demand, Feed};
use crate::host::shutdown::Shutdown;
use crate::picture::Size;
use crate::ring::{Frame, Meta};
use motion::Moves;

/// The longest wait before it checks the switch and the plan again.
const PAUSE: Duration = Duration::from_millis(250);

/// A cluster goes to the disk when it holds frames of this much time, ...
const CLUSTER_TIME: Duration = Duration::from_secs(1);

/// ... or this many bytes.
const CLUSTER_BYTES: usize = 2 << 20;

/// The most bytes that wait for the disk: more than a second of any usual camera. A single cluster may be larger.
const QUEUE_BYTES: usize = 8 << 20;

/// After this long without a picture, a file is closed.
const GAP: Duration = Duration::from_secs(10);

/// Milliseconds that a frame of a time-lapse is shown: it plays at 25 frames per second.
const TIME_LAPSE_FRAME_MS: u64 = 40;

/// When a file is closed and the next one begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileLimits {
    length: Duration,
    bytes: u64,
}

impl FileLimits {
    /// The most bytes of a file. FAT, which most USB sticks come with, has no files of 4 GiB.
    const BYTES: u64 = 2 << 30;

    /// A file is at most this part of all bytes that may be kept, since whole files are deleted to stay below that.
    const PART: u64 = 8;

    pub(super) fn new(length: Duration, max_bytes: Option<u64>) -> Self {
        let bytes = max_bytes.map_or(Self::BYTES, |most| (most / Self::PART).min(Self::BYTES));
        Self { length, bytes }
    }
}

/// The file that is being recorded into.
#[derive(Debug, Clone, Copy)]
struct CurrentFile {
    /// Time of its first frame on the timeline, in ms.
    start: u64,
    size: Size,
    bytes: u64,
    /// When its last frame was captured.
    captured: Instant,
}

pub(super) struct Recorder {
    recording: Arc<Recording>,
    feed: Arc<Feed>,
    limits: FileLimits,
    jobs: SyncSender<Job>,
    events: Arc<Events>,
    /// What is to be recorded, when that was last looked at.
    wanted: Wanted,
    /// The last seconds, while it is left to motion what is recorded.
    before: Before,
    /// The motion that is recorded.
    moves: Option<Moves>,
    /// The number of the last motion that was recorded to its end.
    done: u64,
    /// The zero of the timeline.
    zero: Instant,
    /// Time of the last frame on it, in ms.
    at: u64,
    /// Frames captured before this are not wanted.
    due: Instant,
    /// Number of the last frame that was seen.
    last: u64,
    file: Option<CurrentFile>,
    /// The frames that are being gathered.
    batch: Option<Batch>,
    /// Bytes of the last cluster; the next one will have about as many.
    expected: usize,
    /// Whether the file is to be closed, but the disk's queue was full.
    close_pending: bool,
    clock: Clock,
}

impl Recorder {
    pub(super) fn new(
        recording: Arc<Recording>,
        feed: Arc<Feed>,
        limits: FileLimits,
        jobs: SyncSender<Job>,
        events: Arc<Events>,
    ) -> Self {
        let zero = Instant::now();
        Self {
            recording,
            feed,
            limits,
            jobs,
            events,
            wanted: Wanted::Nothing,
            before: Before::default(),
            moves: None,
            done: 0,
            zero,
            at: 0,
            due: zero,
            last: 0,
            file: None,
            batch: None,
            expected: 0,
            close_pending: false,
            clock: Clock::new(SystemTime::now(), zero),
        }
    }

    /// Records while it is turned on, until the program ends. Then the disk's thread closes the file.
    pub(super) fn run(mut self, shutdown: &Shutdown) {
        let mut was_on = false;
        while !shutdown.has_begun() {
            let on = self.is_on();
            if on && !was_on {
                self.due = Instant::now();
            }
            was_on = on;
            let early = self.due.saturating_duration_since(Instant::now());
            if on && early.is_zero() {
                self.record(shutdown);
            } else {
                if !on {
                    self.close_file();
                }
                self.recording.wait(if on { early.min(PAUSE) } else { PAUSE });
            }
            self.tick();
        }
        self.pass_on();
        self.hand_over();
    }

    /// Whether something is to be recorded, now or when it moves.
    fn is_on(&mut self) -> bool {
        let is_private = self.feed.is_private();
        self.wanted = if is_private { Wanted::Nothing } else { self.recording.wanted() };
        self.wanted != Wanted::Nothing
    }

    /// Takes frames: all of them, or the next one of a time-lapse.
    fn record(&mut self, shutdown: &Shutdown) {
        let (feed, due) = (self.feed.clone(), self.due);
        let _demand = Demand::new(feed.clone());
        let listener = feed.listen();
        self.last = feed.ring.newest().saturating_sub(1);
        while !shutdown.has_begun() && self.is_on() && self.due == due {
            if listener.wait(self.last, PAUSE) {
                match feed.ring.frame() {
                    Some(frame) => self.take(&frame),
                    None => self.last = feed.ring.newest(), // which nobody may see
                }
            }
            self.tick();
        }
    }

    fn take(&mut self, frame: &Frame) {
        let missed = frame.number.saturating_sub(self.last + 1);
        self.last = frame.number;
        let captured = frame.meta.captured;
        if frame.meta.card || captured < self.due {
            return;
        }
        match self.wanted {
            Wanted::Motion => self.take_by_motion(frame, missed),
            Wanted::All | Wanted::Nothing => {
                self.leave_motion(); // whose frames come before this one
                self.take_at_once(frame, missed);
            }
        }
    }

    /// Takes a frame that is to be recorded.
    fn take_at_once(&mut self, frame: &Frame, missed: u64) {
        let captured = frame.meta.captured;
        match self.recording.settings.every {
            None => {
                self.recording.drop_frames(missed);
                self.put_at_its_time(frame.meta, frame.jpeg());
            }
            Some(every) => {
                // Counted from the last frame, unless that was long ago.
                self.due = (self.due + every).max(captured + every / 2);
                self.at += TIME_LAPSE_FRAME_MS;
                self.put(frame.meta, frame.jpeg());
            }
        }
    }

    /// Puts a frame into a cluster, at the time when it was captured.
    fn put_at_its_time(&mut self, meta: Meta, jpeg: &[u8]) {
        let ms = meta.captured.saturating_duration_since(self.zero).as_millis();
        self.at = u64::try_from(ms).unwrap_or(u64::MAX).max(self.at + 1);
        self.put(meta, jpeg);
    }

    /// Puts a frame into a cluster, and begins a new file when that is due.
    fn put(&mut self, meta: Meta, jpeg: &[u8]) {
        let Meta { captured, size, .. } = meta;
        let current = self.file.filter(|file| {
            file.size == size
                && Duration::from_millis(self.at - file.start) < self.limits.length
                && file.bytes < self.limits.bytes
                && captured.saturating_duration_since(file.captured) < self.gap()
        });
        let new_file = current.is_none();
        if new_file {
            self.hand_over();
        }
        let mut file = current.unwrap_or(CurrentFile { start: self.at, size, bytes: 0, captured });
        for _ in 0..2 {
            let new = || Batch {
                cluster: Cluster::new(self.at, self.expected.max(jpeg.len()) + jpeg.len() / 4),
                captured,
                size,
                frames: 0,
                end_ms: self.at,
                new_file,
            };
            let batch = self.batch.get_or_insert_with(new);
            match batch.cluster.push(self.at, jpeg) {
                Ok(()) => {
                    batch.frames += 1;
                    batch.end_ms = self.at;
                    file.bytes += jpeg.len() as u64;
                    file.captured = captured;
                    self.file = Some(file);
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
        GAP + self.recording.settings.every.unwrap_or_default()
    }

    /// Passes on frames that have waited long enough, and closes a file that gets no new frames.
    fn tick(&mut self) {
        let now = Instant::now();
        self.follow_late(now);
        let due = |batch: &Batch| now.saturating_duration_since(batch.captured) >= CLUSTER_TIME + PAUSE;
        if self.batch.as_ref().is_some_and(due) {
            self.hand_over();
        }
        let is_old = |file: CurrentFile| now.saturating_duration_since(file.captured) >= self.gap();
        let stale = self.file.is_some_and(is_old) && !self.has_frames_to_pass_on();
        // After the clock was set the next file has a name of the new time; the disk corrects the name of this one.
        if self.clock.has_jumped(SystemTime::now(), now) || stale {
            self.close_file();
        }
        if self.close_pending {
            let sent = self.jobs.try_send(Job::Close);
            self.close_pending = matches!(sent, Err(TrySendError::Full(_)));
        }
    }

    /// Asks the disk's thread to close the file, if there is one.
    fn close_file(&mut self) {
        let is_open = self.file.is_some();
        self.hand_over(); // which forgets the file if the disk is too slow
        self.file = None;
        self.close_pending |= is_open;
    }

    /// Passes the gathered frames to the disk, or drops them when too many bytes wait already.
    fn hand_over(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        let (frames, length) = (batch.frames, batch.cluster.length());
        self.expected = length;
        let queued = self.recording.queued.fetch_add(length, Ordering::AcqRel);
        let fits = queued == 0 || queued + length <= QUEUE_BYTES;
        if !fits || self.jobs.try_send(Job::Write(batch)).is_err() {
            self.recording.queued.fetch_sub(length, Ordering::AcqRel);
            self.recording.drop_frames(frames);
            self.file = None; // the next frames get another file, so that the picture does not freeze in this one
        }
    }
}

#[cfg(test)]
mod tests;
