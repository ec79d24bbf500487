//! When each frame of a recording is due, and which are left out.

use std::time::{Duration, Instant};

use super::Speed;
use crate::pace::{Fps, Pace};

/// The most frames per second that are shown of a recording that is played fast.
const FAST: u32 = 30;

/// A frame that is later than this is not caught up with: the rest is as much later.
const LATE: Duration = Duration::from_millis(500);

/// The longest time between two frames that is waited for, as recorded: after more, the recorder begins another file.
const GAP_MAX: Duration = Duration::from_secs(10);

/// The schedule of a playback.
#[derive(Debug)]
pub(super) struct Clock {
    speed: Speed,
    pace: Option<Pace>,
    /// The time in the recording of the frame that was last looked at, and when it was due.
    last: Option<(Duration, Instant)>,
}

impl Clock {
    /// Frames at this speed, as many per second as somebody wants, or as they can be seen.
    pub(super) fn new(speed: Speed, fps: Option<Fps>) -> Self {
        let fast = (speed != Speed::NORMAL).then(|| Fps::of_thousandths(FAST * 1000)).flatten();
        let least = match (fps, fast) {
            (Some(fps), Some(fast)) if fast.thousandths() < fps.thousandths() => Some(fast),
            (fps, fast) => fps.or(fast),
        };
        Self { speed, pace: least.map(Pace::new), last: None }
    }

    /// When the frame at `at` of the recording is due, if it is shown.
    pub(super) fn due(&mut self, at: Duration, now: Instant) -> Option<Instant> {
        let due = match self.last {
            None => now,
            Some((before, due)) => {
                let due = due + self.speed.time_of(at.saturating_sub(before).min(GAP_MAX));
                if due + LATE < now { now } else { due }
            }
        };
        self.last = Some((at, due));
        let Some(pace) = &mut self.pace else { return Some(due) };
        if !pace.wants(due) {
            return None;
        }
        pace.taken(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the frames of 10 s at 30/s are due, in ms after the first one.
    fn due(speed: &str, fps: Option<&str>) -> Vec<u128> {
        let (start, fps) = (Instant::now(), fps.map(|fps| fps.parse().unwrap()));
        let mut clock = Clock::new(speed.parse().unwrap(), fps);
        let frames = (0..300).map(|number| Duration::from_millis(number * 100 / 3));
        frames.filter_map(|at| clock.due(at, start)).map(|due| (due - start).as_millis()).collect()
    }

    #[test]
    fn frames_are_due_at_their_times_and_at_high_speeds_some_are_left_out() {
        let normal = due("1", None);
        assert_eq!((normal.len(), normal[30], normal[299]), (300, 1000, 9966));
        let slow = due("0.25", None);
        assert_eq!((slow.len(), slow[30]), (300, 4000));
        for (speed, seconds) in [("2", 5.0), ("8", 1.25), ("32", 0.3125)] {
            let shown = due(speed, None);
            let most = seconds * f64::from(FAST);
            assert!((most - 2.0..most + 2.0).contains(&(shown.len() as f64)), "{speed}: {shown:?}");
        }
        assert!((24..=26).contains(&due("4", Some("10")).len()));
        assert!((49..=51).contains(&due("1", Some("5")).len()));
    }

    #[test]
    fn what_was_late_is_not_caught_up_with_and_a_gap_is_not_waited_for_without_end() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut clock = Clock::new(Speed::NORMAL, None);
        assert_eq!(clock.due(second, start), Some(start));
        // The disk took five seconds.
        assert_eq!(clock.due(second * 2, start + second * 5), Some(start + second * 5));
        assert_eq!(clock.due(second * 3, start + second * 5), Some(start + second * 6));
        assert_eq!(clock.due(second * 1_000_000, start + second * 6), Some(start + second * 16));
    }
}
