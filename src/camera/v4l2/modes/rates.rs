//! Frame rates as V4L2 lists them: single values or a range.

use std::fmt;
use std::time::Duration;

use v4l::format::FourCC;
use v4l::fraction::Fraction;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::video::Capture;

use super::some_of;
use crate::camera::v4l2::catch::catch_panic;
use crate::picture::Size;

/// The longest plausible frame interval; a longer one counts as garbage from the driver.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// The most rates of one size that are looked at; cameras list up to about 10.
const RATES_MAX: usize = 128;

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
        let found = catch_panic(|| device.enum_frameintervals(fourcc, size.width, size.height));
        Rates::listed(found.unwrap_or_default().into_iter().map(|found| found.interval))
    }

    /// What a driver's list makes sense of.
    fn listed(found: impl Iterator<Item = FrameIntervalEnum>) -> Rates {
        let mut list = Vec::new();
        for interval in found {
            match interval {
                FrameIntervalEnum::Discrete(interval) if list.len() < RATES_MAX => {
                    list.extend(Rate::new(interval));
                }
                FrameIntervalEnum::Discrete(_) => {}
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

#[cfg(test)]
mod tests {
    use v4l::frameinterval::Stepwise;

    use super::super::tests::rate;
    use super::*;

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
    fn a_driver_that_lists_impossible_rates_is_believed_only_where_it_makes_sense() {
        let each = |n, d| FrameIntervalEnum::Discrete(Fraction::new(n, d));
        let range = |min: (u32, u32), max: (u32, u32)| {
            let of = |(n, d)| Fraction::new(n, d);
            FrameIntervalEnum::Stepwise(Stepwise { min: of(min), max: of(max), step: of((0, 0)) })
        };
        let listed = |all: Vec<FrameIntervalEnum>| Rates::listed(all.into_iter());
        let garbage = [each(0, 30), each(1, 0), each(1, 15), each(u32::MAX, 1), each(1, 30), each(1, 15)];
        assert_eq!(listed(garbage.into()), Rates::List(vec![rate(1, 30), rate(1, 15)]));
        assert_eq!(listed(vec![range((1, 60), (1, 5))]), Rates::Range(rate(1, 5), rate(1, 60)), "step 0");
        assert_eq!(listed(vec![range((1, 30), (1, 30))]), Rates::Range(rate(1, 30), rate(1, 30)));
        let swapped = listed(vec![range((1, 5), (1, 60)), each(1, 25)]);
        assert_eq!(swapped, Rates::List(vec![rate(1, 25)]), "a range whose minimum is above its maximum");
        assert_eq!(listed(vec![range((0, 0), (1, 5))]), Rates::List(Vec::new()));
        let Rates::List(many) = listed((1..100_000).map(|d| each(1, d)).collect()) else { panic!("a range") };
        assert_eq!(many.len(), RATES_MAX);
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
    fn slower_rates_are_found_in_lists_and_ranges() {
        let rates = Rates::List(vec![rate(1, 30), rate(1, 15), rate(1, 5)]);
        assert_eq!(rates.slower_than(rate(1, 30)), [rate(1, 15), rate(1, 5)]);
        assert_eq!(rates.slower_than(rate(1, 5)), []);
        let range = Rates::Range(rate(1, 7), rate(1, 60));
        assert_eq!(range.slower_than(rate(1, 30)), [rate(2, 30), rate(4, 30)]);
        assert_eq!(range.slower_than(rate(1, u32::MAX)).len(), 29);
    }
}
