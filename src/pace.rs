//! Fewer frames than the camera delivers, for viewers that ask for that: `?fps=`.
//!
//! [`crate::site`] reads the rate from the URL. [`crate::fanout`] applies it to each viewer, and [`crate::feed`]
//! applies the highest rate of all viewers to the thread that encodes. Frames are chosen by their capture time, each
//! time the frame nearest to the next due time, so that the mean rate is exact and the motion as even as the camera's
//! rate allows.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::picture::MAX_FPS;
use crate::problem::{Text, text};
use crate::time::nanos;

/// A rate in thousandths of a frame per second, [`Fps::MIN`] to [`Fps::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fps(u32);

impl Fps {
    /// One frame in 100 seconds.
    pub const MIN: Fps = Fps(10);
    /// The highest rate that a camera may be asked for.
    pub const MAX: Fps = Fps(MAX_FPS * 1000);

    /// Thousandths of a frame per second.
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// A rate of `thousandths` of a frame per second; `None` outside [`Fps::MIN`] to [`Fps::MAX`].
    pub fn of_thousandths(thousandths: u32) -> Option<Fps> {
        (Fps::MIN.0..=Fps::MAX.0).contains(&thousandths).then_some(Fps(thousandths))
    }

    /// The time from one frame to the next.
    fn period(self) -> Duration {
        Duration::from_secs(1000) / self.0
    }
}

impl fmt::Display for Fps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1e3)
    }
}

impl FromStr for Fps {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        // Digits and at most one point. Rust's parser would also accept infinities and exponents.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let thousandths = text.parse::<f64>().ok().filter(|_| plain).map(|fps| fps * 1e3);
        let range = f64::from(Fps::MIN.0)..=f64::from(Fps::MAX.0);
        let within = thousandths.filter(|thousandths| range.contains(thousandths));
        within.map(|thousandths| Fps(thousandths.round() as u32)).ok_or_else(|| {
            text!(
                "expected a number from {} to {} such as 5 or 0.5",
                Fps::MIN.to_string(),
                Fps::MAX.to_string()
            )
        })
    }
}

/// Chooses the frames for one viewer, or for one thread that encodes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    period: Duration,
    /// When the next frame is due; `None` before the first.
    due: Option<Instant>,
    /// When the last frame that was offered was captured, whether it was taken or not.
    last: Option<Instant>,
    /// The time from the capture of the frame before that one to its capture.
    interval: Duration,
}

impl Pace {
    /// Takes `fps` frames per second, or every frame if the camera delivers fewer.
    pub fn new(fps: Fps) -> Self {
        Self { period: fps.period(), due: None, last: None, interval: Duration::ZERO }
    }

    /// Whether to take a frame that was captured at `at`: it is due, or nearer to the due time than the next frame
    /// would be.
    pub fn wants(&mut self, at: Instant) -> bool {
        // A frame is offered again if the socket could not take it.
        if self.last != Some(at) {
            self.interval = self.last.map_or(Duration::ZERO, |last| at.saturating_duration_since(last));
            self.last = Some(at);
        }
        // After a pause, the interval says nothing about when the next frame comes.
        let early = self.interval.min(self.period) / 2;
        self.due.is_none_or(|due| due.saturating_duration_since(at) <= early)
    }

    /// How many frames were due before one that was captured at `at`.
    pub fn overdue(&self, at: Instant) -> u64 {
        let late = self.due.map_or(Duration::ZERO, |due| at.saturating_duration_since(due));
        nanos(late) / nanos(self.period).max(1)
    }

    /// Notes that a frame captured at `at` was taken.
    pub fn taken(&mut self, at: Instant) {
        let next = self.due.unwrap_or(at) + self.period;
        // A frame that is late by more than a period starts a new schedule: nobody wants to catch up.
        self.due = Some(if next > at { next } else { at + self.period });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The capture times of the frames that a viewer gets at `fps` from a camera that delivers `source` frames per
    /// second for `seconds`, each captured up to `jitter` milliseconds late.
    fn taken(source: u32, seconds: u32, fps: &str, jitter: u32) -> Vec<Duration> {
        let start = Instant::now();
        let mut pace = Pace::new(fps.parse().unwrap());
        let mut seed = 7u32;
        (0..source * seconds)
            .filter_map(|number| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let late = if jitter == 0 { 0 } else { (seed >> 8) % (jitter * 1000) };
                let at =
                    start + Duration::from_secs(1) * number / source + Duration::from_micros(late.into());
                pace.wants(at).then(|| {
                    pace.taken(at);
                    at - start
                })
            })
            .collect()
    }

    #[test]
    fn the_mean_rate_is_the_one_that_was_asked_for() {
        for (source, fps, frames) in [
            (30, "5", 500),
            (30, "25", 2500),
            (30, "0.5", 50),
            (30, "29.97", 2997),
            (25, "7", 700),
            (30, "30", 3000),
        ] {
            for jitter in [0, 3] {
                let got = taken(source, 100, fps, jitter).len();
                assert!(got.abs_diff(frames) <= 1 + frames / 500, "{got} of {frames} at {fps} from {source}");
            }
        }
    }

    #[test]
    fn frames_come_as_evenly_as_the_camera_allows() {
        for (fps, least, most) in [("5", 190, 210), ("10", 90, 110), ("7", 130, 170)] {
            for gap in taken(30, 20, fps, 3).windows(2).map(|two| two[1] - two[0]) {
                assert!((least..=most).contains(&gap.as_millis()), "{gap:?} at {fps}/s");
            }
        }
    }

    #[test]
    fn a_rate_above_the_cameras_takes_every_frame() {
        assert_eq!(taken(30, 10, "60", 3).len(), 300);
        assert_eq!(taken(1, 10, "240", 3).len(), 10);
    }

    #[test]
    fn after_a_pause_nothing_is_caught_up_and_what_was_missed_is_known() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut pace = Pace::new("5".parse().unwrap());
        assert!(pace.wants(at(0)));
        pace.taken(at(0));
        assert!(pace.wants(at(1000)));
        assert_eq!(pace.overdue(at(1000)), 4);
        pace.taken(at(1000));
        assert!(!pace.wants(at(1033)));
        assert!(pace.wants(at(1200)));
        assert_eq!(pace.overdue(at(1200)), 0);
    }

    #[test]
    fn a_frame_that_was_wanted_is_wanted_until_it_is_taken() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut pace = Pace::new("5".parse().unwrap());
        pace.taken(at(0));
        assert!(!pace.wants(at(160)));
        assert!(pace.wants(at(190)) && pace.wants(at(190)));
    }

    #[test]
    fn rates_are_numbers_within_the_range() {
        for good in ["0.01", "0.5", "5", "29.97", "240", "007", "5."] {
            assert!(good.parse::<Fps>().is_ok(), "{good} was refused");
        }
        for bad in ["", "0", "-1", "0.009", "240.1", "1e3", "inf", "nan", "+5", "5,5", "1.2.3", "fast"] {
            assert!(bad.parse::<Fps>().is_err(), "{bad} was accepted");
        }
        let fps: Fps = "29.97".parse().unwrap();
        assert_eq!(fps.to_string().parse(), Ok(fps));
    }
}
