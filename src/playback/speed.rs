//! How fast a recording is played.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::problem::{Text, text};

/// A speed in thousandths of the recording's own, [`Speed::MIN`] to [`Speed::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed(u32);

impl Speed {
    /// A quarter.
    pub const MIN: Speed = Speed(250);
    /// As it was recorded.
    pub const NORMAL: Speed = Speed(1000);
    /// 32 times as fast.
    pub const MAX: Speed = Speed(32_000);

    /// How long so much of a recording takes.
    pub fn time_of(self, recorded: Duration) -> Duration {
        let nanos = recorded.as_nanos().saturating_mul(1000) / u128::from(self.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1e3)
    }
}

impl FromStr for Speed {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        // Digits and at most one point. Rust's parser would also accept infinities and exponents.
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let thousandths = text.parse::<f64>().ok().filter(|_| plain).map(|speed| speed * 1e3);
        let range = f64::from(Self::MIN.0)..=f64::from(Self::MAX.0);
        let within = thousandths.filter(|thousandths| range.contains(thousandths));
        within.map(|thousandths| Self(thousandths.round() as u32)).ok_or_else(|| {
            text!("expected a number from {} to {}", Self::MIN.to_string(), Self::MAX.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_numbers_within_the_range() {
        for good in ["0.25", "1", "1.5", "32"] {
            let speed: Speed = good.parse().unwrap();
            assert_eq!(speed.to_string(), good);
        }
        for bad in ["", "0", "-1", "0.2", "33", "1e1", "inf", "nan", "+1", "1,5"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad} was accepted");
        }
        let (slow, fast): (Speed, Speed) = ("0.25".parse().unwrap(), "32".parse().unwrap());
        assert_eq!(slow.time_of(Duration::from_secs(1)), Duration::from_secs(4));
        assert_eq!(fast.time_of(Duration::from_secs(32)), Duration::from_secs(1));
        assert!(slow.time_of(Duration::MAX) > Duration::from_secs(1));
    }
}
