//! Conversions between durations, steady time, the wall clock and plain numbers.

use std::time::{Duration, Instant, SystemTime};

/// A duration in nanoseconds; 584 years at most.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The time of day of a recent moment, by what the wall clock shows now.
pub fn wall_clock(moment: Instant) -> SystemTime {
    let now = SystemTime::now();
    now.checked_sub(moment.elapsed()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_too_long_for_the_number_becomes_the_largest_one() {
        assert_eq!(nanos(Duration::new(3, 7)), 3_000_000_007);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }

    #[test]
    fn the_time_of_day_of_a_moment_is_as_long_ago_as_the_moment() {
        let moment = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let ago = SystemTime::now().duration_since(wall_clock(moment)).unwrap();
        assert!((Duration::from_secs(1)..Duration::from_secs(30)).contains(&ago), "{ago:?}");
    }
}
