//! Whether the wall clock can be trusted.

use std::time::{Duration, Instant, SystemTime};

/// The clock must have run without a jump for this long before anything is deleted for its age: a board that starts
/// with a wrong clock has set it from the network by then.
const STEADY: Duration = Duration::from_secs(3600);

/// A jump: wall clock and steady clock differ by more than this between two readings.
const JUMP: Duration = Duration::from_secs(30);

/// Notices when the wall clock jumps.
#[derive(Debug)]
pub(super) struct Clock {
    /// Both clocks at the last reading.
    wall: SystemTime,
    steady: Instant,
    /// When it last jumped, or the program started.
    steady_since: Instant,
}

impl Clock {
    pub(super) fn new(wall: SystemTime, now: Instant) -> Self {
        Self { wall, steady: now, steady_since: now }
    }

    /// Reads both clocks; returns whether the wall clock has jumped since the last reading.
    pub(super) fn has_jumped(&mut self, wall: SystemTime, now: Instant) -> bool {
        let expected = self.wall + now.saturating_duration_since(self.steady);
        let apart = wall.duration_since(expected).unwrap_or_else(|before| before.duration());
        self.wall = wall;
        self.steady = now;
        if apart > JUMP {
            self.steady_since = now;
        }
        apart > JUMP
    }

    /// Whether the wall clock has not jumped for long enough to be trusted with ages.
    pub(super) fn is_steady(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.steady_since) >= STEADY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_believed_an_hour_after_its_last_jump() {
        let (wall, begin) = (SystemTime::UNIX_EPOCH, Instant::now());
        let mut clock = Clock::new(wall, begin);
        let after = |seconds| Duration::from_secs(seconds);
        assert!(
            !clock.has_jumped(wall + after(3599), begin + after(3599))
                && !clock.is_steady(begin + after(3599))
        );
        assert!(
            !clock.has_jumped(wall + after(3620), begin + after(3600))
                && clock.is_steady(begin + after(3600))
        );
        let set = wall + after(1_800_000_000);
        assert!(clock.has_jumped(set, begin + after(3602)) && !clock.is_steady(begin + after(3602)));
        assert!(
            !clock.has_jumped(set + after(3600), begin + after(7202)) && clock.is_steady(begin + after(7202))
        );
        assert!(clock.has_jumped(set, begin + after(7203)), "it was put back");
    }
}
