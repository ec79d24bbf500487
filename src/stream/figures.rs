//! A line of figures in the log, once an hour.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::info;

use crate::feed::Feed;
use crate::names::CameraLabel;

/// Time from one line of figures to the next.
const PERIOD: Duration = Duration::from_secs(3600);

/// The counters at the last line of figures.
pub(super) struct Figures {
    next: Instant,
    captured: u64,
    published: u64,
}

impl Figures {
    /// The first line is due a period from now.
    pub(super) fn new() -> Self {
        Self { next: Instant::now() + PERIOD, captured: 0, published: 0 }
    }

    /// The time of this length does not count, in which the camera was closed.
    pub(super) fn slept(&mut self, time: Duration) {
        self.next += time;
    }

    /// Writes a line if it is due.
    pub(super) fn log(&mut self, feed: &Feed) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        let captured = feed.counters.captured.load(Ordering::Relaxed);
        let published = feed.counters.published.load(Ordering::Relaxed);
        let dropped: Vec<_> = (feed.counters.dropped())
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{} {count}", reason.name()))
            .collect();
        info!(
            "{}: {}; in the last hour {} frames captured and {} published; dropped since the start: {}",
            CameraLabel(&feed.name),
            users(feed.demand_count()),
            captured - self.captured,
            published - self.published,
            if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") },
        );
        *self = Self { next: now + PERIOD, captured, published };
    }
}

/// Who uses the camera, in words.
fn users(demands: usize) -> String {
    match demands {
        0 => "nobody watches or records".to_owned(),
        1 => "1 viewer or recording".to_owned(),
        more => format!("{more} viewers or recordings"),
    }
}
