//! Frame sizes and rates as V4L2 lists them: single values or ranges.

mod rates;
mod sizes;

use std::fmt;

pub use rates::{Rate, Rates, rate_text};
pub use sizes::Sizes;

/// How many values a sentence names before it only counts the rest.
const NAMED: usize = 8;

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
    use v4l::fraction::Fraction;

    use super::*;
    use crate::picture::Size;

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
