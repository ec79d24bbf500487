//! How long something took, counted in fixed buckets: the delays in `/metrics`.
//!
//! Updated for every frame, so it takes no lock and allocates nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::time::nanos;

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
    /// One count for each bound, and one for durations above all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// The sum in nanoseconds; it overflows after centuries.
    sum: AtomicU64,
}

impl Histogram {
    /// Counts `time`, in the first bucket whose bound it does not exceed.
    pub fn observe(&self, time: Duration) {
        let index = BOUNDS.partition_point(|bound| *bound < time);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(nanos(time), Ordering::Relaxed);
    }

    /// For each of [`BOUNDS`], how many durations were within it; last, the number of all durations.
    pub fn cumulative(&self) -> [u64; BOUNDS.len() + 1] {
        let mut total = 0;
        std::array::from_fn(|index| {
            total += self.buckets[index].load(Ordering::Relaxed);
            total
        })
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_equal_to_a_bound_is_within_it_and_none_is_lost() {
        let histogram = Histogram::default();
        let just_over = |bound: Duration| bound + Duration::from_nanos(1);
        let times = [Duration::ZERO, BOUNDS[0], just_over(BOUNDS[0]), BOUNDS[13], just_over(BOUNDS[13])];
        times.iter().for_each(|time| histogram.observe(*time));
        let counts = histogram.cumulative();
        assert_eq!((counts[0], counts[1], counts[12], counts[13], counts[14]), (2, 3, 3, 4, 5));
        assert_eq!(histogram.sum(), times.iter().sum::<Duration>());
    }
}
