//! When a camera is recorded: only by the switch, always, or while something moves; the last two also only at some hours
//! of each day.

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
    /// While something moves, between two times or at all times.
    Motion(Option<Daily>),
}

/// What a plan asks for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// Nothing is recorded.
    #[default]
    Nothing,
    /// All that comes.
    All,
    /// What comes while something moves, and some seconds before and after.
    Motion,
}

/// The word for recording what moves.
const MOTION: &str = "motion";

impl Plan {
    /// What the plan asks for now.
    pub fn wanted(self) -> Wanted {
        self.wanted_at(Daily::is_now)
    }

    /// The same at another time, of which this says whether it is between two times.
    fn wanted_at(self, is_between: impl FnOnce(Daily) -> bool) -> Wanted {
        let wanted = match self {
            Plan::Off => Wanted::Nothing,
            Plan::Always | Plan::Daily(_) => Wanted::All,
            Plan::Motion(_) => Wanted::Motion,
        };
        if self.hours().is_none_or(is_between) { wanted } else { Wanted::Nothing }
    }

    /// Whether it depends on what moves.
    pub fn is_by_motion(self) -> bool {
        matches!(self, Plan::Motion(_))
    }

    /// The hours of the day to which it is limited.
    pub fn hours(self) -> Option<Daily> {
        match self {
            Plan::Off | Plan::Always => None,
            Plan::Daily(hours) => Some(hours),
            Plan::Motion(hours) => hours,
        }
    }

    /// What was probably meant by a text that is no plan.
    pub fn meant(text: &str) -> Option<String> {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "on" | "yes" | "true" | "1" | "always" => Some("always".to_owned()),
            "no" | "none" | "never" | "false" | "0" | "off" => Some("off".to_owned()),
            "event" | "events" | "movement" | "on motion" | "motions" | "motion" => Some(MOTION.to_owned()),
            _ => match text.strip_prefix(MOTION) {
                None => Daily::meant(&text).map(|hours| hours.unwrap_or_else(|WholeDay| "always".to_owned())),
                Some(rest) => {
                    Daily::meant(rest.trim_start_matches([',', ':', '@', ' '])).map(|hours| match hours {
                        Ok(hours) => format!("{MOTION} {hours}"),
                        Err(WholeDay) => MOTION.to_owned(),
                    })
                }
            },
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Off => f.write_str("off"),
            Plan::Always => f.write_str("always"),
            Plan::Daily(hours) => hours.fmt(f),
            Plan::Motion(None) => f.write_str(MOTION),
            Plan::Motion(Some(hours)) => write!(f, "{MOTION} {hours}"),
        }
    }
}

impl FromStr for Plan {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let hours = |text: &str| {
            let daily = text.parse::<Daily>();
            daily.map_err(|why| {
                why.text(text!(
                    "expected off, always, motion, times such as 08:00-18:00, or motion 22:00-06:00"
                ))
            })
        };
        match (text, text.strip_prefix(MOTION)) {
            ("off", _) => Ok(Plan::Off),
            ("always", _) => Ok(Plan::Always),
            (_, Some("")) => Ok(Plan::Motion(None)),
            (_, Some(rest)) if rest.starts_with(' ') => Ok(Plan::Motion(Some(hours(rest.trim())?))),
            _ => hours(text).map(Plan::Daily),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for text in ["off", "always", "22:30-06:00", "motion", "motion 22:00-06:00"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "on",
            "8-18",
            "08:00-08:00",
            "motion22:00-06:00",
            "motion 22",
            "motion motion",
            "motion 08:00-08:00",
        ] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
        assert_eq!("motion  8:00-18:00".parse::<Plan>().unwrap().to_string(), "motion 08:00-18:00");
    }

    #[test]
    fn motion_is_waited_for_at_all_times_or_at_some_hours() {
        let wanted = |plan: &str, is_between| plan.parse::<Plan>().unwrap().wanted_at(|_| is_between);
        for is_between in [false, true] {
            assert_eq!(wanted("always", is_between), Wanted::All);
            assert_eq!(wanted("off", is_between), Wanted::Nothing);
            assert_eq!(wanted("motion", is_between), Wanted::Motion);
        }
        assert_eq!(wanted("22:00-06:00", true), Wanted::All);
        assert_eq!(wanted("22:00-06:00", false), Wanted::Nothing);
        assert_eq!(wanted("motion 22:00-06:00", true), Wanted::Motion);
        assert_eq!(wanted("motion 22:00-06:00", false), Wanted::Nothing);
    }

    #[test]
    fn what_was_meant_is_a_plan() {
        for (text, plan) in [
            ("yes", "always"),
            ("8-18", "08:00-18:00"),
            ("08:00-08:00", "always"),
            ("events", "motion"),
            ("motions", "motion"),
            ("Motion,22:00-06:00", "motion 22:00-06:00"),
            ("motion 22-6", "motion 22:00-06:00"),
            ("motion 08:00-08:00", "motion"),
        ] {
            assert_eq!(Plan::meant(text).as_deref(), Some(plan), "{text}");
            plan.parse::<Plan>().unwrap();
        }
        assert_eq!(Plan::meant("sometimes"), None);
        assert_eq!(Plan::meant("motion sometimes"), None);
    }
}
