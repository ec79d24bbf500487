//! How long something took, counted in fixed buckets: what `/metrics` tells of delays.
//!
//! Written on the way of each frame, so it takes no lock and allocates nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets: from a frame that is only copied to the longest that a viewer may be behind.
pub const BOUNDS: [Duration; 14] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Counts durations by [`BOUNDS`], and adds them up.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each bound, and what is longer than all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// The sum, in nanoseconds; enough for centuries.
    sum: AtomicU64,
}

impl Histogram {
    /// Counts `time`, in the first bucket whose bound it does not exceed.
    pub fn observe(&self, time: Duration) {
        let place = BOUNDS.partition_point(|bound| *bound < time);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many exceeded no bound up to each of [`BOUNDS`], and at last how many there were in all.
    pub fn cumulative(&self) -> [u64; BOUNDS.len() + 1] {
        let mut total = 0;
        std::array::from_fn(|place| {
            total += self.buckets[place].load(Ordering::Relaxed);
            total
        })
    }

    /// All of them added up.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_as_long_as_a_bound_is_within_it_and_nothing_is_lost() {
        let histogram = Histogram::default();
        let just_over = |bound: Duration| bound + Duration::from_nanos(1);
        let times = [Duration::ZERO, BOUNDS[0], just_over(BOUNDS[0]), BOUNDS[13], just_over(BOUNDS[13])];
        times.iter().for_each(|time| histogram.observe(*time));
        let counts = histogram.cumulative();
        assert_eq!((counts[0], counts[1], counts[12], counts[13], counts[14]), (2, 3, 3, 4, 5));
        assert_eq!(histogram.sum(), times.iter().sum::<Duration>());
    }
}
