//! How long a source may deliver nothing, learned from what it does.
//!
//! Used only by [`super::Stream`]. Drivers say how often frames come, but programs do not: one delivers 30 frames a
//! second, another one a still every half minute. What was learned is kept when the source is reopened.

use std::time::{Duration, Instant};

use crate::camera::SourceInfo;

/// A camera that has delivered pictures and then none for this many agreed frame intervals has stalled, ...
const INTERVALS: u32 = 10;
/// ... though never before this time.
const LEAST: Duration = Duration::from_secs(2);

/// Where no interval is agreed, a source has stalled after this many times the longest of its recent gaps, ...
const GAPS: u32 = 4;
/// ... though never before this time, ...
const LEAST_LEARNED: Duration = Duration::from_secs(10);
/// ... or, for a program that has delivered one picture only, this time. It may be a still that comes once a minute.
const UNKNOWN: Duration = Duration::from_secs(75);

/// The longest time that is learned; the settings may say more.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Pictures that come less often than this come seldom: the newest one is what a viewer gets who does not want to wait.
const SELDOM: Duration = Duration::from_secs(2);

/// The longest recent gap weighs less by one part in this many with each frame.
const DECAY: u32 = 8;

/// What is known about a source's rate.
#[derive(Debug)]
pub(super) struct Patience {
    /// What the settings say.
    set: Option<Duration>,
    /// What the driver says.
    interval: Option<Duration>,
    /// Whether the source is a device; otherwise it is a program.
    is_device: bool,
    /// The longest of the recent gaps between two frames.
    gap: Option<Duration>,
    /// When the last frame was captured.
    last: Option<Instant>,
    /// At least this long, since the source stalled before it showed its rate.
    least: Duration,
}

impl Patience {
    pub(super) fn new(set: Option<Duration>) -> Self {
        Self { set, interval: None, is_device: true, gap: None, last: None, least: Duration::ZERO }
    }

    /// A source was opened.
    pub(super) fn begin(&mut self, info: &SourceInfo) {
        (self.interval, self.is_device, self.last) = (info.interval, info.is_device(), None);
    }

    /// A frame came that was captured at `at`.
    pub(super) fn frame(&mut self, at: Instant) {
        if let Some(last) = self.last.replace(at) {
            let gap = at.saturating_duration_since(last);
            self.gap = Some(self.gap.map_or(gap, |longest| gap.max(longest - longest / DECAY)));
            self.least = Duration::ZERO;
        }
    }

    /// The source was given up after it had delivered nothing for [`Patience::limit`]. If it had shown no rate since it
    /// was opened, it gets twice as long the next time.
    pub(super) fn stalled(&mut self) {
        self.least = (self.limit() * 2).min(LONGEST);
    }

    /// The source has stalled if it delivers nothing for this long.
    pub(super) fn limit(&self) -> Duration {
        if let Some(set) = self.set {
            return set;
        }
        if let Some(interval) = self.interval {
            return (interval * INTERVALS).max(LEAST);
        }
        let learned = match self.gap {
            Some(gap) => (gap * GAPS).max(LEAST_LEARNED),
            None if self.is_device => LEAST_LEARNED,
            None => UNKNOWN,
        };
        learned.max(self.least).min(LONGEST)
    }

    /// After this time without a frame, something is wrong, though the source is not given up yet.
    pub(super) fn overdue(&self, soon: Duration) -> Duration {
        match self.gap {
            Some(gap) if self.interval.is_none() => (gap * 2).max(soon).min(self.limit()),
            _ => self.limit(),
        }
    }

    /// Whether pictures come seldom, as far as that is known.
    pub(super) fn is_seldom(&self) -> bool {
        self.gap.map_or(self.interval.is_none() && !self.is_device, |gap| gap >= SELDOM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1500);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn of_a_program(set: Option<Duration>) -> Patience {
        Patience { is_device: false, ..Patience::new(set) }
    }

    fn frames(patience: &mut Patience, gaps: impl IntoIterator<Item = Duration>) {
        let mut now = patience.last.unwrap_or_else(Instant::now);
        patience.frame(now);
        for gap in gaps {
            now += gap;
            patience.frame(now);
        }
    }

    #[test]
    fn a_still_each_half_minute_is_waited_for_and_a_fast_source_is_not_waited_for_as_long() {
        let mut patience = of_a_program(None);
        assert_eq!((patience.limit(), patience.is_seldom()), (UNKNOWN, true));
        frames(&mut patience, [seconds(30)]);
        assert_eq!((patience.limit(), patience.is_seldom()), (seconds(120), true));
        assert_eq!(patience.overdue(SOON), seconds(60));
        frames(&mut patience, [Duration::from_millis(33); 100]);
        assert_eq!((patience.limit(), patience.is_seldom()), (LEAST_LEARNED, false));
        assert_eq!(patience.overdue(SOON), SOON);
    }

    #[test]
    fn a_source_that_becomes_slow_is_given_more_time_at_each_attempt_until_it_shows_its_rate() {
        let mut patience = of_a_program(None);
        frames(&mut patience, [Duration::from_millis(33); 100]);
        let mut limits = Vec::new();
        while patience.limit() < seconds(100) {
            limits.push(patience.limit().as_secs());
            patience.stalled();
            patience.last = None; // reopened
            patience.frame(Instant::now());
        }
        assert_eq!(limits, [10, 20, 40, 80]);
        frames(&mut patience, [seconds(100)]);
        assert_eq!(patience.limit(), seconds(400));
        (0..20).for_each(|_| patience.stalled());
        assert_eq!(patience.limit(), LONGEST);
    }

    #[test]
    fn what_the_settings_or_the_driver_say_counts_more() {
        let mut patience = of_a_program(Some(seconds(90)));
        frames(&mut patience, [seconds(1), seconds(100)]);
        assert_eq!(patience.limit(), seconds(90));
        let mut patience = Patience { interval: Some(Duration::from_millis(500)), ..Patience::new(None) };
        frames(&mut patience, [seconds(4)]);
        assert_eq!((patience.limit(), patience.overdue(SOON)), (seconds(5), seconds(5)));
        assert_eq!(Patience::new(None).limit(), LEAST_LEARNED);
    }
}
