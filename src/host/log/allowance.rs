//! How many lines one source of trouble may write.

use std::time::{Duration, Instant};

/// The same line is written again after this time.
pub const AGAIN: Duration = Duration::from_secs(3600);

/// How many lines are remembered.
const REMEMBERED: usize = 16;

/// Lines that may be written: some at once, and then one more each period.
#[derive(Debug)]
pub struct Allowance {
    most: u32,
    period: Duration,
    left: u32,
    /// Until when `left` has been counted up; `None` while it is at its most.
    counted: Option<Instant>,
    left_out: u64,
    /// What was written lately, and when.
    written: heapless::Deque<(String, Instant), REMEMBERED>,
}

impl Allowance {
    /// For `most` lines at once, and one more each `period`.
    pub const fn new(most: u32, period: Duration) -> Self {
        Self { most, period, left: most, counted: None, left_out: 0, written: heapless::Deque::new() }
    }

    /// Whether one more line may be written; if so, how many were left out since the last one.
    pub fn take(&mut self, now: Instant) -> Option<u64> {
        self.count_up(now);
        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        self.counted.get_or_insert(now);
        Some(std::mem::take(&mut self.left_out))
    }

    /// The same for `line`, which is not written if it was lately.
    pub fn take_for(&mut self, line: &str, now: Instant) -> Option<u64> {
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < AGAIN;
        if self.written.iter().any(|(written, at)| written == line && is_recent(at)) {
            return None;
        }
        let left_out = self.take(now)?;
        if self.written.is_full() {
            self.written.pop_front();
        }
        let _ = self.written.push_back((line.to_owned(), now)); // there is space for it
        Some(left_out)
    }

    /// Any line may be written again.
    pub fn forget(&mut self) {
        self.written.clear();
    }

    fn count_up(&mut self, now: Instant) {
        let Some(counted) = self.counted else { return };
        let periods = now.saturating_duration_since(counted).as_nanos() / self.period.as_nanos().max(1);
        let missing = self.most - self.left;
        let periods = u32::try_from(periods).unwrap_or(u32::MAX).min(missing);
        self.left += periods;
        self.counted = (periods < missing).then(|| counted + self.period * periods);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_at_once_then_one_each_period_and_what_was_left_out_is_counted() {
        let minute = Duration::from_secs(60);
        let mut allowance = Allowance::new(3, minute);
        let begin = Instant::now();
        let mut take = |minutes: u32| allowance.take(begin + minute * minutes / 2);
        assert_eq!([0; 5].map(&mut take), [Some(0), Some(0), Some(0), None, None]);
        assert_eq!([1, 2, 2, 3, 4].map(&mut take), [None, Some(3), None, None, Some(2)]);
        // After a long time all of them are there again, and no more.
        assert_eq!([1000; 4].map(&mut take), [Some(0), Some(0), Some(0), None]);
    }

    #[test]
    fn the_same_line_is_written_once_an_hour_and_does_not_count_against_others() {
        let mut allowance = Allowance::new(3, AGAIN * 100);
        let now = Instant::now();
        let lines = ["a", "b", "a", "b", "a"].map(|line| allowance.take_for(line, now).is_some());
        assert_eq!(lines, [true, true, false, false, false]);
        assert_eq!(allowance.take_for("a", now + AGAIN), Some(0));
        assert_eq!(allowance.take_for("c", now + AGAIN), None, "there were three lines");
    }
}
