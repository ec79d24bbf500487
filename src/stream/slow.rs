//! Whether a camera delivers fewer frames than it agreed to, because it exposes each of them longer.
//!
//! Used only by [`super::Stream`]. The camera's own frame numbers count, so frames that were lost on their way do not make
//! it slow: the rate is how far the numbers went on. It is taken over windows of a few seconds; two in a row make a
//! camera slow, and one in which it is nearly as fast as agreed ends that.

use std::time::{Duration, Instant};

use crate::camera::SourceInfo;
use crate::feed::Slow;
use crate::problem::{Problem, Value, text};

/// The length of a window, ...
const WINDOW: Duration = Duration::from_secs(4);
/// ... but at least this many agreed intervals.
const INTERVALS: u32 = 8;

/// Below this part of the agreed rate, a camera is slow, ...
const SLOW: f64 = 0.85;
/// ... and from this part on it no longer is.
const FAST: f64 = 0.93;

/// How many slow windows in a row make a camera slow.
const WINDOWS: u32 = 2;

/// A rate is said anew if it has changed by this part.
const CHANGE: f64 = 0.1;

/// A source's rate since it was opened.
#[derive(Debug)]
pub(super) struct SlowWatch {
    /// The agreed time between two frames; `None` if nothing can be said.
    interval: Option<Duration>,
    window: Option<Window>,
    /// Slow windows in a row.
    slow: u32,
    /// The rate that was said last.
    said: Option<f64>,
}

/// Frames since some time.
#[derive(Debug, Clone, Copy)]
struct Window {
    begin: Instant,
    /// The number of the frame at its begin, and of the last one.
    numbers: (u32, u32),
    /// How many frames came since its begin.
    frames: u32,
}

/// What a frame changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum News {
    /// The camera is slow, at this rate in frames per second.
    Slow(f64),
    /// It is no longer slow.
    Fast,
}

impl SlowWatch {
    /// For a source that was just opened.
    pub(super) fn new(info: &SourceInfo) -> Self {
        let interval = info.interval.filter(|interval| info.is_device() && !interval.is_zero());
        Self { interval, window: None, slow: 0, said: None }
    }

    /// A frame came with this number, captured at `at`.
    pub(super) fn frame(&mut self, at: Instant, number: u32) -> Option<News> {
        let interval = self.interval?;
        let begin = Window { begin: at, numbers: (number, number), frames: 0 };
        let window = self.window.get_or_insert(begin);
        window.frames += u32::from(number != window.numbers.1);
        window.numbers.1 = number;
        let elapsed = at.saturating_duration_since(window.begin);
        if elapsed < WINDOW.max(interval.saturating_mul(INTERVALS)) {
            return None;
        }
        let Window { numbers: (first, last), frames, .. } = *window;
        self.window = Some(begin);
        let advance = last.wrapping_sub(first);
        // A driver that does not number its frames, or counts anew, says nothing.
        if frames < 2 || advance < frames || advance > u32::MAX / 2 {
            return None;
        }
        self.judge(f64::from(advance) / elapsed.as_secs_f64(), 1.0 / interval.as_secs_f64())
    }

    /// A window has ended.
    fn judge(&mut self, rate: f64, agreed: f64) -> Option<News> {
        if rate >= agreed * FAST {
            self.slow = 0;
            return self.said.take().map(|_| News::Fast);
        }
        if rate >= agreed * SLOW {
            return None; // it stays what it was
        }
        self.slow = self.slow.saturating_add(1);
        let is_news = self.said.is_none_or(|said| (rate - said).abs() > said * CHANGE);
        (self.slow >= WINDOWS && is_news).then(|| {
            self.said = Some(rate);
            News::Slow(rate)
        })
    }
}

/// What is said of a slow camera.
pub(super) fn slow(info: &SourceInfo, rate: f64) -> Slow {
    let agreed = info.fps().unwrap_or_default();
    let delivered = (rate * 10.0).round() / 10.0;
    let number = |rate: f64| Value::Decimal(format!("{rate}"));
    let what =
        text!("{} delivers {} frames/s instead of {}", &info.source, number(delivered), number(agreed));
    let problem = if info.lowers_rate == Some(true) {
        Problem::new(
            what,
            text!("it exposes each picture longer where there is little light (exposure_dynamic_framerate)"),
            text!("give it more light, or forbid it with --steady-fps, which makes pictures darker"),
        )
    } else {
        Problem::new(
            what,
            text!("no frames are lost on their way: it exposes longer in little light, or cannot do more"),
            text!("give it more light, or try a smaller size"),
        )
    };
    Slow { agreed, delivered, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::SourceKind;
    use crate::picture::Size;

    fn info() -> SourceInfo {
        SourceInfo {
            interval: Some(Duration::from_secs(1) / 30),
            ..SourceInfo::of_jpegs(SourceKind::Device, "/dev/video0".to_owned(), Size::DEFAULT)
        }
    }

    fn watch(fps: u32) -> SlowWatch {
        SlowWatch::new(&SourceInfo { interval: Some(Duration::from_secs(1) / fps), ..info() })
    }

    /// Frames at `rate` for some seconds, of which only each `every`th arrives; what they changed.
    struct Camera {
        watch: SlowWatch,
        now: Instant,
        number: u32,
    }

    impl Camera {
        fn new(fps: u32) -> Self {
            Self { watch: watch(fps), now: Instant::now(), number: 7 }
        }

        fn delivers(&mut self, rate: f64, seconds: f64, every: u32) -> Vec<News> {
            let mut news = Vec::new();
            for _ in 0..(rate * seconds) as u32 {
                self.now += Duration::from_secs_f64(1.0 / rate);
                self.number = self.number.wrapping_add(1);
                if self.number.is_multiple_of(every) {
                    news.extend(self.watch.frame(self.now, self.number));
                }
            }
            news
        }
    }

    fn rounded(news: &[News]) -> Vec<f64> {
        let rate = |news: &News| match news {
            News::Slow(rate) => rate.round(),
            News::Fast => 0.0,
        };
        news.iter().map(rate).collect()
    }

    #[test]
    fn a_camera_that_slows_down_in_the_dark_is_noticed_within_some_seconds_and_so_is_its_end() {
        let mut camera = Camera::new(30);
        assert_eq!(camera.delivers(30.0, 20.0, 1), []);
        assert_eq!(rounded(&camera.delivers(12.0, 13.0, 1)), [12.0]);
        assert_eq!(camera.delivers(12.0, 60.0, 1), [], "it is said once");
        assert_eq!(rounded(&camera.delivers(8.0, 13.0, 1)).last(), Some(&8.0), "a new rate is");
        assert_eq!(camera.delivers(30.0, 13.0, 1).last(), Some(&News::Fast));
        assert_eq!(camera.delivers(30.0, 60.0, 1), []);
    }

    #[test]
    fn a_camera_whose_frames_are_lost_on_their_way_is_not_slow() {
        assert_eq!(Camera::new(30).delivers(30.0, 60.0, 3), []);
        assert_eq!(rounded(&Camera::new(30).delivers(15.0, 30.0, 3)), [15.0], "it is slow as well");
    }

    #[test]
    fn a_rate_that_goes_up_and_down_about_the_limit_does_not_flap() {
        let mut camera = Camera::new(30);
        let mut news = Vec::new();
        for _ in 0..20 {
            news.extend(camera.delivers(25.0, 4.0, 1));
            news.extend(camera.delivers(27.5, 4.0, 1));
        }
        assert!(news.len() <= 1, "{news:?}");
        let mut short = Camera::new(30);
        assert_eq!(short.delivers(10.0, 3.0, 1), []);
        assert_eq!(short.delivers(30.0, 20.0, 1), [], "a moment is not enough");
        for _ in 0..10 {
            assert_eq!(short.delivers(5.0, 1.0, 1), []);
            assert_eq!(short.delivers(30.0, 20.0, 1), [], "nor are several, far apart");
        }
        assert_eq!(Camera::new(30).delivers(27.0, 60.0, 1), [], "a tenth less is not slow");
    }

    #[test]
    fn a_driver_that_does_not_number_its_frames_says_nothing() {
        let mut watch = watch(30);
        let begin = Instant::now();
        let at = |n: u32| begin + Duration::from_millis(100) * n;
        assert!((0..1000).all(|n| watch.frame(at(n), 0).is_none()));
        let mut other = SlowWatch::new(&SourceInfo { interval: None, ..info() });
        assert!((0..1000).all(|n| other.frame(at(n), n).is_none()));
        assert!((0..1000).all(|n| watch.frame(at(n), 1000 - n).is_none()), "backwards");
        let mut to_and_fro = SlowWatch::new(&info());
        assert!((0..1000).all(|n| to_and_fro.frame(at(n), n % 2).is_none()));
        let program = SourceInfo { kind: SourceKind::Program, ..info() };
        let mut program = SlowWatch::new(&program);
        assert!((0..1000).all(|n| program.frame(at(n), n).is_none()), "a program counts what it delivers");
    }

    #[test]
    fn a_slow_camera_that_counts_anew_is_still_slow() {
        let mut camera = Camera::new(30);
        assert_eq!(rounded(&camera.delivers(12.0, 13.0, 1)), [12.0]);
        camera.number = 0;
        assert_eq!(camera.delivers(12.0, 30.0, 1), []);
    }

    #[test]
    fn a_camera_of_one_frame_a_second_may_be_late_now_and_then() {
        let mut watch = SlowWatch::new(&SourceInfo { interval: Some(Duration::from_secs(1)), ..info() });
        let begin = Instant::now();
        let late = |n: u32| if n.is_multiple_of(16) { 0.0 } else { 0.9 * f64::from(n % 16 / 4) };
        let at = |n: u32| begin + Duration::from_secs_f64(f64::from(n) + late(n));
        assert_eq!((0..64).find_map(|n| watch.frame(at(n), n)), None);
    }

    #[test]
    fn a_camera_that_makes_a_picture_in_ten_seconds_has_longer_windows() {
        let mut watch = SlowWatch::new(&SourceInfo { interval: Some(Duration::from_secs(10)), ..info() });
        let begin = Instant::now();
        assert!((0..100).all(|n| watch.frame(begin + Duration::from_secs(10) * n, n).is_none()));
    }

    #[test]
    fn what_to_do_is_said_by_whether_the_camera_may_lower_its_rate() {
        let of = |lowers_rate| slow(&SourceInfo { lowers_rate, ..info() }, 12.46).problem.to_string();
        assert!(of(Some(true)).contains("12.5 frames/s") && of(Some(true)).contains("--steady-fps"));
        assert!(!of(None).contains("--steady-fps") && !of(Some(false)).contains("--steady-fps"));
    }
}
