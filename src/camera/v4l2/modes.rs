//! Frame sizes and rates as V4L2 lists them: single values or ranges.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use v4l::format::FourCC;
use v4l::fraction::Fraction;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;

use super::catch::catch_panic;
use crate::picture::Size;

/// How many values a sentence names before it only counts the rest.
const NAMED: usize = 8;

/// The most sizes of one format that are looked at; cameras list up to about 30.
const SIZES_MAX: usize = 128;

/// The longest plausible frame interval; a longer one counts as garbage from the driver.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// A frame rate as in V4L2: the time between two frames as a fraction of a second. It need not be 1/N: 2/25 s makes
/// 12.5 frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    numerator: u32,
    denominator: u32,
}

impl Rate {
    /// `None` for a fraction that cannot be a frame interval: 0, infinite, or above one hour.
    pub fn new(interval: Fraction) -> Option<Rate> {
        let Fraction { numerator, denominator } = interval;
        if numerator == 0 || denominator == 0 {
            return None;
        }
        let rate = Rate { numerator, denominator };
        (rate.interval() <= LONGEST_INTERVAL).then_some(rate)
    }

    /// The time between two frames in seconds, as V4L2 has it.
    pub fn fraction(self) -> Fraction {
        Fraction::new(self.numerator, self.denominator)
    }

    /// The time between two frames.
    pub fn interval(self) -> Duration {
        Duration::from_secs(self.numerator.into()) / self.denominator
    }

    /// Frames per second.
    pub fn per_second(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator)
    }

    /// Whether it is `fps` within 1 %: 29.97 passes for 30.
    pub fn meets(self, fps: u32) -> bool {
        let fps = f64::from(fps);
        (self.per_second() - fps).abs() <= fps / 100.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rate_text(self.per_second()))
    }
}

/// Frames per second with no more digits than needed: `30`, `12.5`, `29.97`.
pub fn rate_text(per_second: f64) -> String {
    let text = format!("{per_second:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rates of one format at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rates {
    /// These rates, the fastest first; empty if the driver lists none.
    List(Vec<Rate>),
    /// Any rate from the first, the slowest, to the second, the fastest.
    Range(Rate, Rate),
}

impl Rates {
    /// What the driver lists, which may be nothing.
    pub fn of(device: &v4l::Device, fourcc: FourCC, size: Size) -> Rates {
        let mut list = Vec::new();
        for found in
            catch_panic(|| device.enum_frameintervals(fourcc, size.width, size.height)).unwrap_or_default()
        {
            match found.interval {
                FrameIntervalEnum::Discrete(interval) => list.extend(Rate::new(interval)),
                FrameIntervalEnum::Stepwise(range) => {
                    if let (Some(slowest), Some(fastest)) = (Rate::new(range.max), Rate::new(range.min))
                        && slowest.interval() >= fastest.interval()
                    {
                        return Rates::Range(slowest, fastest);
                    }
                }
            }
        }
        list.sort_by_key(|rate| rate.interval());
        list.dedup();
        Rates::List(list)
    }

    /// The rates from the highest up to `fps` on, within 1 %, the fastest first; the slowest alone if all are above. In a
    /// range, the highest halved again and again. Empty if the driver lists none.
    pub fn up_to(&self, fps: u32) -> Vec<Rate> {
        let is_above = |rate: &Rate| rate.per_second() > f64::from(fps) && !rate.meets(fps);
        match self {
            Rates::List(list) => {
                let within: Vec<Rate> = list.iter().copied().filter(|rate| !is_above(rate)).collect();
                if within.is_empty() { list.last().copied().into_iter().collect() } else { within }
            }
            Rates::Range(slowest, _) if is_above(slowest) => vec![*slowest],
            Rates::Range(_, fastest) => {
                let wanted = Rate { numerator: 1, denominator: fps.max(1) };
                let first = if is_above(fastest) { wanted } else { *fastest };
                [vec![first], self.slower_than(first)].concat()
            }
        }
    }

    /// By how many thousandths of a frame per second the fastest rate falls short of `fps`; 0 if it is fast enough or
    /// the driver lists none.
    pub fn shortfall(&self, fps: u32) -> u64 {
        let fastest = match self {
            Rates::List(list) => list.first(),
            Rates::Range(_, fastest) => Some(fastest),
        };
        let short = |rate: &Rate| ((f64::from(fps) - rate.per_second()).max(0.0) * 1e3) as u64;
        fastest.filter(|rate| !rate.meets(fps)).map_or(0, short)
    }

    /// The rates below `rate`, the fastest first; in a range, `rate` halved again and again down to the slowest.
    pub fn slower_than(&self, rate: Rate) -> Vec<Rate> {
        let below = |r: &Rate| r.interval() > rate.interval();
        match self {
            Rates::List(list) => list.iter().copied().filter(below).collect(),
            Rates::Range(slowest, _) => {
                let half = |r: &Rate| Some(Rate { numerator: r.numerator.checked_mul(2)?, ..*r });
                let halves = std::iter::successors(half(&rate), half);
                halves.take_while(|r| r.interval() <= slowest.interval()).collect()
            }
        }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rates::List(list) => f.write_str(&some_of(list)),
            Rates::Range(slowest, fastest) => write!(f, "{slowest} to {fastest}"),
        }
    }
}

/// The sizes of one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// These sizes, in the driver's order; empty if it lists none.
    List(Vec<Size>),
    /// Any size from the smallest to the largest, in steps.
    Range {
        /// The smallest.
        min: Size,
        /// The largest.
        max: Size,
        /// Steps of width and height in pixels; 0 and 1 mean any.
        step: (u32, u32),
    },
}

impl Sizes {
    /// What the driver lists, which may be nothing.
    pub fn of(device: &v4l::Device, fourcc: FourCC) -> Sizes {
        let mut list = Vec::new();
        for found in catch_panic(|| device.enum_framesizes(fourcc)).unwrap_or_default() {
            match found.size {
                FrameSizeEnum::Discrete(d) => {
                    let size = Size { width: d.width, height: d.height };
                    if size.is_possible() && !list.contains(&size) && list.len() < SIZES_MAX {
                        list.push(size);
                    }
                }
                FrameSizeEnum::Stepwise(s) => {
                    let min = Size { width: s.min_width, height: s.min_height };
                    let max = Size { width: s.max_width, height: s.max_height };
                    if let Some(range) = Sizes::range(min, max, (s.step_width, s.step_height)) {
                        return range;
                    }
                }
            }
        }
        Sizes::List(list)
    }

    /// A range as the driver lists it; `None` if no picture can have a size in it, or its minimum is above its maximum.
    fn range(min: Size, max: Size, step: (u32, u32)) -> Option<Sizes> {
        let is_sane = min.is_possible() && min.width <= max.width && min.height <= max.height;
        is_sane.then_some(Sizes::Range { min, max, step })
    }

    /// The sizes to choose from: those of a list, in the driver's order; of a range, the largest within `limit`, or else
    /// its smallest, and that size halved again and again. `limit` itself if the driver lists none.
    pub fn candidates(&self, limit: Size) -> Vec<Size> {
        match self {
            Sizes::List(list) if list.is_empty() => vec![limit],
            Sizes::List(list) => list.clone(),
            Sizes::Range { min, max, step } => {
                let side = |limit: u32, min: u32, max: u32, step: u32| {
                    let top = limit.min(max).max(min);
                    top - (top - min) % step.max(1)
                };
                let at = |size: Size| Size {
                    width: side(size.width, min.width, max.width, step.0),
                    height: side(size.height, min.height, max.height, step.1),
                };
                let first = at(limit);
                let mut all = vec![first];
                all.extend(self.smaller_than(first).into_iter().map(at));
                all.dedup();
                all
            }
        }
    }

    /// Whether exactly `size` is offered; true if the driver lists nothing.
    pub fn may_offer(&self, size: Size) -> bool {
        match self {
            Sizes::List(list) => list.is_empty() || list.contains(&size),
            Sizes::Range { min, max, step } => {
                let fits = |n: u32, min: u32, max: u32, step: u32| {
                    (min..=max).contains(&n) && (n - min).is_multiple_of(step.max(1))
                };
                fits(size.width, min.width, max.width, step.0)
                    && fits(size.height, min.height, max.height, step.1)
            }
        }
    }

    /// The listed size with the smallest [`Sizes::distance`] from `wanted`, the larger of two equals. `wanted` itself
    /// if the driver lists none, or a range, in which it rounds by itself.
    pub fn nearest(&self, wanted: Size) -> Size {
        match self {
            Sizes::List(list) => list
                .iter()
                .min_by_key(|s| (distance(**s, wanted), u64::MAX - s.area()))
                .copied()
                .unwrap_or(wanted),
            Sizes::Range { .. } => wanted,
        }
    }

    /// How far the nearest size is from `wanted`: difference in width plus difference in height, in pixels; 0 if the
    /// driver lists none. Steps of a range do not count.
    pub fn distance(&self, wanted: Size) -> u64 {
        let nearest = match self {
            Sizes::List(_) => self.nearest(wanted),
            // Not clamp(), which panics if a driver swaps minimum and maximum.
            Sizes::Range { min, max, .. } => Size {
                width: wanted.width.min(max.width).max(min.width),
                height: wanted.height.min(max.height).max(min.height),
            },
        };
        distance(nearest, wanted)
    }

    /// The sizes with fewer pixels than `size`, the largest first; in a range, `size` halved again and again down to
    /// the smallest.
    pub fn smaller_than(&self, size: Size) -> Vec<Size> {
        match self {
            Sizes::List(list) => {
                let mut below: Vec<Size> = list.iter().copied().filter(|s| s.area() < size.area()).collect();
                below.sort_by_key(|s| Reverse(s.area()));
                below
            }
            // The driver rounds to its own steps.
            Sizes::Range { min, .. } => {
                let half = |s: &Size| Some(Size { width: s.width / 2, height: s.height / 2 });
                let halves = std::iter::successors(half(&size), half);
                halves.take_while(|s| s.width >= min.width.max(1) && s.height >= min.height.max(1)).collect()
            }
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::List(list) => f.write_str(&some_of(list)),
            Sizes::Range { min, max, step: (0 | 1, 0 | 1) } => write!(f, "any from {min} to {max}"),
            Sizes::Range { min, max, step } => write!(f, "{min} to {max} in steps of {}x{}", step.0, step.1),
        }
    }
}

fn distance(one: Size, other: Size) -> u64 {
    u64::from(one.width.abs_diff(other.width)) + u64::from(one.height.abs_diff(other.height))
}

/// The first few values for a sentence: `30, 15, 10`, or `8x8, ... and 12 more`.
pub fn some_of(list: &[impl fmt::Display]) -> String {
    let named: Vec<String> = list.iter().take(NAMED).map(|item| item.to_string()).collect();
    match list.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn size(text: &str) -> Size {
        text.parse().unwrap()
    }

    pub fn sizes(texts: &[&str]) -> Sizes {
        Sizes::List(texts.iter().map(|t| size(t)).collect())
    }

    pub fn rate(numerator: u32, denominator: u32) -> Rate {
        Rate::new(Fraction::new(numerator, denominator)).unwrap()
    }

    #[test]
    fn a_rate_need_not_be_a_whole_number() {
        let half = rate(2, 25);
        assert_eq!(half.to_string(), "12.5");
        assert_eq!(half.interval(), Duration::from_millis(80));
        assert!(!half.meets(12) && !half.meets(13));
        assert_eq!(rate(1001, 30_000).to_string(), "29.97");
        assert!(rate(1001, 30_000).meets(30));
        assert_eq!(rate(1, 100).to_string(), "100");
        assert_eq!(rate(333_333, 10_000_000).to_string(), "30");
    }

    #[test]
    fn an_impossible_rate_is_rejected() {
        for (numerator, denominator) in [(0, 30), (1, 0), (0, 0), (u32::MAX, 1)] {
            assert_eq!(Rate::new(Fraction::new(numerator, denominator)), None);
        }
        assert!(rate(1, u32::MAX).interval().is_zero());
    }

    #[test]
    fn the_nearest_size_is_chosen_if_the_configured_one_is_not_offered() {
        let offered = sizes(&["640x480", "1280x720", "1920x1080"]);
        for (wanted, got) in [
            ("1281x721", "1280x720"),
            ("1x1", "640x480"),
            ("8192x8192", "1920x1080"),
            ("1600x900", "1920x1080"),
        ] {
            assert_eq!(offered.nearest(size(wanted)), size(got), "{wanted}");
        }
        assert_eq!(sizes(&[]).nearest(size("800x600")), size("800x600"));
        assert_eq!(offered.smaller_than(size("1920x1080")), [size("1280x720"), size("640x480")]);
        assert_eq!(offered.smaller_than(size("640x480")), []);
    }

    #[test]
    fn a_range_of_sizes_offers_only_its_steps() {
        let range = Sizes::Range { min: size("32x32"), max: size("1920x1080"), step: (8, 2) };
        assert!(range.may_offer(size("640x480")) && range.may_offer(size("32x32")));
        assert!(!range.may_offer(size("641x480")) && !range.may_offer(size("1928x480")));
        let any = Sizes::Range { min: size("1x1"), max: size("64x64"), step: (0, 0) };
        assert!(any.may_offer(size("63x7")));
        assert_eq!(any.to_string(), "any from 1x1 to 64x64");
        assert_eq!(range.smaller_than(size("130x132")), [size("65x66"), size("32x33")]);
    }

    #[test]
    fn a_range_is_chosen_from_on_its_steps_and_never_above_the_limit() {
        let hd = size("1280x720");
        let texts = |sizes: Sizes| sizes.candidates(hd).iter().map(Size::to_string).collect::<Vec<_>>();
        let range = |min: &str, max: &str, step| Sizes::range(size(min), size(max), step).unwrap();
        assert_eq!(
            texts(range("32x32", "2592x1944", (2, 2))),
            ["1280x720", "640x360", "320x180", "160x90", "80x44"]
        );
        assert_eq!(texts(range("16x16", "640x480", (48, 0)))[0], "640x480");
        assert_eq!(texts(range("16x16", "1920x1080", (100, 100)))[0], "1216x716");
        assert_eq!(texts(range("1920x1080", "3840x2160", (8, 8))), ["1920x1080"], "all are larger");
        assert_eq!(sizes(&[]).candidates(hd), [hd]);
        let swapped = Sizes::range(size("1920x1080"), size("32x32"), (2, 2));
        let empty = Sizes::range(Size { width: 0, height: 0 }, size("64x64"), (1, 1));
        assert_eq!((swapped, empty), (None, None), "a driver's lies are passed over");
    }

    #[test]
    fn the_highest_rate_up_to_thirty_is_first() {
        let texts = |rates: Rates| rates.up_to(30).iter().map(Rate::to_string).collect::<Vec<_>>();
        assert_eq!(texts(Rates::List(vec![rate(1, 60), rate(1001, 30_000), rate(1, 15)])), ["29.97", "15"]);
        assert_eq!(texts(Rates::List(vec![rate(1, 60), rate(1, 50)])), ["50"], "the nearest above");
        assert_eq!(texts(Rates::List(Vec::new())), Vec::<String>::new());
        assert_eq!(texts(Rates::Range(rate(1, 7), rate(1, 90))), ["30", "15", "7.5"]);
        assert_eq!(texts(Rates::Range(rate(1, 7), rate(1, 20))), ["20", "10"]);
        assert_eq!(texts(Rates::Range(rate(1, 50), rate(1, 60))), ["50"]);
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let many = Sizes::List((1..=20).map(|n| Size { width: n, height: n }).collect());
        assert!(many.to_string().ends_with("8x8 and 12 more"), "{many}");
    }

    #[test]
    fn slower_rates_are_found_in_lists_and_ranges() {
        let rates = Rates::List(vec![rate(1, 30), rate(1, 15), rate(1, 5)]);
        assert_eq!(rates.slower_than(rate(1, 30)), [rate(1, 15), rate(1, 5)]);
        assert_eq!(rates.slower_than(rate(1, 5)), []);
        let range = Rates::Range(rate(1, 7), rate(1, 60));
        assert_eq!(range.slower_than(rate(1, 30)), [rate(2, 30), rate(4, 30)]);
        assert_eq!(range.slower_than(rate(1, u32::MAX)).len(), 29);
    }

    #[test]
    fn how_far_a_camera_falls_short_of_the_settings_can_be_compared() {
        let rates = Rates::List(vec![rate(1001, 30_000), rate(1, 5)]);
        assert_eq!([15, 30].map(|fps| rates.shortfall(fps)), [0, 0]);
        assert_eq!(Rates::Range(rate(1, 5), rate(1, 50)).shortfall(60), 10_000);
        assert_eq!(Rates::List(Vec::new()).shortfall(60), 0);
        let range = Sizes::Range { min: size("32x32"), max: size("640x480"), step: (8, 2) };
        assert_eq!(["641x481", "5x32", "64x64"].map(|wanted| range.distance(size(wanted))), [2, 27, 0]);
        assert_eq!(sizes(&["640x480", "320x240"]).distance(size("330x250")), 20);
        assert_eq!(sizes(&[]).distance(size("330x250")), 0);
    }
}
