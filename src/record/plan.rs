//! When a camera is recorded: only by the switch, always, or at some hours of each day.

use std::fmt;
use std::str::FromStr;

use crate::host::daily::{Daily, WholeDay};
use crate::problem::{Text, text};

/// When a camera is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Only when somebody turns it on.
    #[default]
    Off,
    /// Whenever the program runs.
    Always,
    /// Every day between two times.
    Daily(Daily),
}

impl Plan {
    /// Whether the plan says to record now.
    pub fn is_active(self) -> bool {
        match self {
            Plan::Off => false,
            Plan::Always => true,
            Plan::Daily(daily) => daily.is_now(),
        }
    }

    /// What was probably meant by a text that is no plan.
    pub fn meant(text: &str) -> Option<String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" | "1" | "always" => Some("always".to_owned()),
            "no" | "none" | "never" | "false" | "0" | "off" => Some("off".to_owned()),
            _ => Daily::meant(text).map(|daily| daily.unwrap_or_else(|WholeDay| "always".to_owned())),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Off => f.write_str("off"),
            Plan::Always => f.write_str("always"),
            Plan::Daily(daily) => daily.fmt(f),
        }
    }
}

impl FromStr for Plan {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        match text {
            "off" => Ok(Plan::Off),
            "always" => Ok(Plan::Always),
            _ => text
                .parse()
                .map(Plan::Daily)
                .map_err(|why| why.text(text!("expected off, always, or times such as 08:00-18:00"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for text in ["off", "always", "22:30-06:00"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
        for bad in ["", "on", "8-18", "08:00-08:00"] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
        assert!("always".parse::<Plan>().unwrap().is_active() && !Plan::Off.is_active());
    }
}
