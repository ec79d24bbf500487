//! Frames per second, measured.

use std::time::{Duration, Instant};

/// Frames a rate is measured over.
const RATE_WINDOW: usize = 32;

/// Measures frames per second over the last frames.
#[derive(Debug, Default)]
pub struct RateMeter(heapless::Deque<Instant, RATE_WINDOW>);

impl RateMeter {
    /// Counts a frame that was captured at `at`, and returns the rate in frames per second; 0 until there are two
    /// frames.
    pub fn count(&mut self, at: Instant) -> f32 {
        if self.0.is_full() {
            self.0.pop_front();
        }
        let _ = self.0.push_back(at); // cannot fail: one place is free
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) if last > first => {
                let span: Duration = *last - *first;
                (self.0.len() - 1) as f32 / span.as_secs_f32()
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_frames_a_second_measure_as_thirty() {
        let start = Instant::now();
        let mut rate = RateMeter::default();
        let measured = (0..100u32).map(|n| rate.count(start + Duration::from_millis(100) * n / 3)).last();
        assert!((measured.unwrap() - 30.0).abs() < 0.01, "{measured:?}");
    }
}
