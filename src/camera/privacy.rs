//! When a camera is to be closed for privacy, as the settings say. [`crate::feed::privacy`] follows it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::host::daily::{Daily, WholeDay};
use crate::problem::{Text, text};

/// When a camera is closed, and shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PrivacyPlan {
    /// Only when somebody switches it on.
    #[default]
    Off,
    /// Until somebody switches it off.
    On,
    /// Every day between two times.
    Daily(Daily),
}

impl PrivacyPlan {
    /// Whether it says so now.
    pub fn is_on(self) -> bool {
        match self {
            Self::Off => false,
            Self::On => true,
            Self::Daily(daily) => daily.is_now(),
        }
    }

    /// When it next changes after this moment.
    pub fn next_change(self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Off | Self::On => None,
            Self::Daily(daily) => daily.next_change(after),
        }
    }

    /// What was probably meant by a text that is no plan.
    pub fn meant(text: &str) -> Option<String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" | "1" | "always" => Some("on".to_owned()),
            "no" | "none" | "never" | "false" | "0" | "off" => Some("off".to_owned()),
            _ => Daily::meant(text).map(|daily| daily.unwrap_or_else(|WholeDay| "on".to_owned())),
        }
    }
}

impl fmt::Display for PrivacyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On => f.write_str("on"),
            Self::Daily(daily) => daily.fmt(f),
        }
    }
}

impl FromStr for PrivacyPlan {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        match text {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            _ => text
                .parse()
                .map(Self::Daily)
                .map_err(|why| why.text(text!("expected off, on, or times such as 22:00-06:00"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for text in ["off", "on", "22:30-06:00"] {
            assert_eq!(text.parse::<PrivacyPlan>().unwrap().to_string(), text);
        }
        for (bad, meant) in [("always", "on"), ("22-6", "22:00-06:00"), ("0", "off"), ("8:00-8:00", "on")] {
            assert!(bad.parse::<PrivacyPlan>().is_err(), "{bad}");
            assert_eq!(PrivacyPlan::meant(bad).unwrap(), meant);
        }
        assert!(PrivacyPlan::On.is_on() && !PrivacyPlan::Off.is_on());
    }
}
