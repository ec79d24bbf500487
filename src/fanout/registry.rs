//! The viewers and what each one got, for `/state` and the log. Written by the fan-out, read by the site.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::close_reason::CloseReason;
use super::viewer_log::{ViewerLog, Visit};
use crate::auth::passes::{Pass, Passes};
use crate::feed::DeliveryStats;
use crate::protocol::{Order, OrderKind};
use crate::sync::lock;
use crate::time::nanos;

/// A viewer's rate is a moving average in which the last frame weighs one part in this many.
const RATE_WEIGHT: u64 = 16;

/// What one viewer ordered and got.
#[derive(Debug)]
pub struct ViewerStats {
    /// What it ordered.
    pub order: Order,
    /// The client's address.
    pub peer: SocketAddr,
    /// When its request was complete.
    pub since: Instant,
    /// Frames that were sent to it in whole or in part.
    pub frames: AtomicU64,
    /// Frames that it missed because it was still taking an earlier one.
    pub skipped: AtomicU64,
    /// Bytes that its socket took.
    pub bytes: AtomicU64,
    /// When its socket had taken the last frame whole, in nanoseconds after `since`; 0 before the first.
    taken: AtomicU64,
    /// Mean time between two such moments, in nanoseconds; 0 before the second.
    interval: AtomicU64,
    /// The age of the last frame at the moment of `taken`, in nanoseconds.
    age: AtomicU64,
    /// The statistics of all viewers of the camera together.
    delivery: Arc<DeliveryStats>,
}

impl ViewerStats {
    pub(super) fn new(order: Order, peer: SocketAddr, since: Instant, delivery: Arc<DeliveryStats>) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            order,
            peer,
            since,
            frames: zero(),
            skipped: zero(),
            bytes: zero(),
            taken: zero(),
            interval: zero(),
            age: zero(),
            delivery,
        }
    }

    /// Its socket has taken, at `now`, the last byte of the frame that was captured at `captured`. Only one
    /// thread at a time calls this, under the fan-out's lock, so that loading and storing need not be one step.
    pub(super) fn took(&self, captured: Instant, now: Instant) {
        let taken = nanos(now.saturating_duration_since(self.since)).max(1);
        let before = self.taken.swap(taken, Ordering::Relaxed);
        if before > 0 {
            let gap = taken.saturating_sub(before);
            let intervals = self.frames.load(Ordering::Relaxed).saturating_sub(1);
            let weight = intervals.clamp(1, RATE_WEIGHT);
            let mean = self.interval.load(Ordering::Relaxed);
            self.interval.store(mean - mean / weight + gap / weight, Ordering::Relaxed);
        }
        let age = now.saturating_duration_since(captured);
        self.age.store(nanos(age), Ordering::Relaxed);
        self.delivery.delay.observe(age);
    }

    /// Frames per second that its socket took recently (0 before the second frame), and how long before `now` it
    /// took the last one. `None` before the first frame.
    pub fn rate(&self, now: Instant) -> Option<(f64, Duration)> {
        let taken = Some(self.taken.load(Ordering::Relaxed)).filter(|taken| *taken > 0)?;
        let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed)).as_secs_f64();
        let fps = if interval > 0.0 { 1.0 / interval } else { 0.0 };
        let ago = now.saturating_duration_since(self.since).saturating_sub(Duration::from_nanos(taken));
        Some((fps, ago))
    }

    /// The time from the capture of the last frame until the socket had taken its last byte; `None` before
    /// the first frame. The time on the network after that is not included.
    pub fn age(&self) -> Option<Duration> {
        let any = self.taken.load(Ordering::Relaxed) > 0;
        any.then(|| Duration::from_nanos(self.age.load(Ordering::Relaxed)))
    }

    /// A frame was begun, after `missed` frames that it did not get.
    pub(super) fn begun(&self, missed: u64) {
        let delivery = &self.delivery;
        let frames = match self.order.kind {
            OrderKind::Stream => &delivery.frames,
            OrderKind::Snapshot { .. } => &delivery.snapshots,
        };
        for counter in [&self.frames, frames] {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        for counter in [&self.skipped, &delivery.skipped] {
            counter.fetch_add(missed, Ordering::Relaxed);
        }
    }

    /// Its socket took `count` more bytes.
    pub(super) fn took_bytes(&self, count: usize) {
        for counter in [&self.bytes, &self.delivery.bytes] {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    }
}

/// All viewers of all event loops, and the memory that slow ones take.
#[derive(Debug, Default)]
pub struct ViewerRegistry {
    viewers: Mutex<Vec<Arc<ViewerStats>>>,
    log: Mutex<ViewerLog>,
    /// Says whether a pass still holds.
    passes: Arc<Passes>,
    /// Memory of the frames that slow viewers have not taken whole yet, in bytes; see [`super::HELD_CAP`].
    pub held: Arc<AtomicUsize>,
}

impl ViewerRegistry {
    /// An empty registry. Viewers that were admitted with a pass may watch while it holds.
    pub fn new(passes: Arc<Passes>) -> Self {
        Self { passes, ..Self::default() }
    }

    /// Whether a viewer with this pass may still watch at `now`; one without a pass always may.
    pub(super) fn may_watch(&self, pass: Option<Pass>, now: Instant) -> bool {
        pass.is_none_or(|pass| self.passes.is_valid(pass, now))
    }

    /// The viewers, in the order in which they came.
    pub fn list(&self) -> Vec<Arc<ViewerStats>> {
        self.lock().clone()
    }

    /// Lists a viewer of this camera.
    pub(super) fn add(&self, camera: &str, stats: Arc<ViewerStats>) {
        lock(&self.log).started(camera, &stats.order, stats.peer, Instant::now());
        self.lock().push(stats);
    }

    /// Takes a viewer of this camera off the list.
    pub(super) fn remove(&self, camera: &str, stats: &Arc<ViewerStats>, reason: &CloseReason) {
        self.lock().retain(|other| !Arc::ptr_eq(other, stats));
        let now = Instant::now();
        let visit = Visit {
            peer: stats.peer,
            time: now.saturating_duration_since(stats.since),
            frames: stats.frames.load(Ordering::Relaxed),
            skipped: stats.skipped.load(Ordering::Relaxed),
        };
        lock(&self.log).stopped(camera, visit, reason, now);
    }

    /// Whether the log has left out lines and not said so yet.
    pub(super) fn is_log_pending(&self) -> bool {
        lock(&self.log).is_pending()
    }

    /// Logs how many lines about viewers were left out in periods that are over.
    pub(super) fn report(&self, now: Instant) {
        lock(&self.log).report(now);
    }

    /// Logs how many lines about viewers were left out until now. Called at the end of the program.
    pub fn report_all(&self) {
        lock(&self.log).report_all(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<ViewerStats>>> {
        lock(&self.viewers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> ViewerStats {
        let order = Order::new(OrderKind::Stream, 0);
        ViewerStats::new(order, SocketAddr::from(([127, 0, 0, 1], 1)), Instant::now(), Arc::default())
    }

    #[test]
    fn a_viewers_rate_and_age_are_those_of_its_last_frames() {
        let stats = stats();
        assert_eq!((stats.rate(stats.since), stats.age()), (None, None));
        let (mut now, delay) = (stats.since, Duration::from_millis(7));
        for (frames, gap) in [(100, 100), (100, 50)] {
            for _ in 0..frames {
                now += Duration::from_millis(gap);
                stats.begun(0);
                stats.took(now - delay, now);
            }
            let (fps, ago) = stats.rate(now + Duration::from_secs(9)).unwrap();
            assert!((fps - 1000.0 / gap as f64).abs() < 0.1, "{fps} at one every {gap} ms");
            assert_eq!((ago, stats.age()), (Duration::from_secs(9), Some(delay)));
        }
    }

    #[test]
    fn the_first_two_frames_make_a_rate() {
        let stats = stats();
        for (number, at) in [(1, 10), (2, 260)] {
            stats.begun(0);
            let now = stats.since + Duration::from_millis(at);
            stats.took(now, now);
            assert_eq!(stats.rate(now).unwrap().0, if number == 1 { 0.0 } else { 4.0 });
        }
    }
}
