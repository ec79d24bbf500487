//! When a camera is recorded: only by the switch, always, or at some hours of each day.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::host::zone;
use crate::problem::{Text, text};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// When a camera is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Only when somebody turns it on.
    #[default]
    Off,
    /// Whenever the program runs.
    Always,
    /// Every day between these times of the board's time zone, in minutes after midnight; across midnight if `to` is
    /// less than `from`. On days when the clocks change, what the clock shows counts.
    Daily {
        /// The first minute, 0 to 1439.
        from: u16,
        /// The minute after the last one, 1 to 1440.
        to: u16,
    },
}

impl Plan {
    /// Whether the plan says to record now.
    pub fn is_active(self) -> bool {
        match self {
            Plan::Off => false,
            Plan::Always => true,
            Plan::Daily { .. } => self.is_active_at(Timestamp::now(), zone::system()),
        }
    }

    /// What was probably meant by a text that is no plan.
    pub fn meant(text: &str) -> Option<String> {
        match text.to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" | "1" | "always" => return Some("always".to_owned()),
            "no" | "none" | "never" | "false" | "0" | "off" => return Some("off".to_owned()),
            _ => {}
        }
        let (from, to) = text.split_once(['-', '\u{2013}'])?;
        let time = |text: &str| match text.trim().replace('.', ":") {
            time if time.contains(':') => time,
            hour => format!("{hour:0>2}:00"),
        };
        let (from, to) = (time(from), time(to));
        Some(if from == to { "always".to_owned() } else { format!("{from}-{to}") })
    }

    fn is_active_at(self, moment: Timestamp, zone: TimeZone) -> bool {
        let time = moment.to_zoned(zone).time();
        self.includes(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }

    fn includes(self, minute: u16) -> bool {
        match self {
            Plan::Off => false,
            Plan::Always => true,
            Plan::Daily { from, to } if from < to => (from..to).contains(&minute),
            Plan::Daily { from, to } => minute >= from || minute < to,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Off => f.write_str("off"),
            Plan::Always => f.write_str("always"),
            Plan::Daily { from, to } => {
                write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
            }
        }
    }
}

impl FromStr for Plan {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let number = |text: &str, digits: RangeInclusive<usize>, below: u16| {
                let plain = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                text.parse::<u16>().ok().filter(|number| plain && *number < below)
            };
            Some(number(hour, 1..=2, 25)? * 60 + number(minute, 2..=2, 60)?).filter(|minute| *minute <= DAY)
        };
        let daily = || {
            let (from, to) = text.split_once(['-', '\u{2013}'])?; // a dash, as phones put between numbers
            let (from, to) = (minute(from.trim())?, minute(to.trim())?);
            (from < DAY).then_some((from, to))
        };
        match text {
            "off" => Ok(Plan::Off),
            "always" => Ok(Plan::Always),
            _ => match daily() {
                Some((from, to)) if from == to => Err(text!(
                    "expected two different times: from a time to the same may be a whole day, or none of it"
                )),
                Some((from, to)) => Ok(Plan::Daily { from, to }),
                None => Err(text!("expected off, always, or times such as 08:00-18:00")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        for text in ["off", "always", "08:00-18:00", "22:30-06:00", "00:00-24:00", "00:00-00:01"] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "on",
            "8-18",
            "8:0-18:00",
            "008:00-18:00",
            "08:00",
            "08:00-08:00",
            "24:00-25:00",
            "08:60-09:00",
            "24:00-01:00",
            "+8:00-09:00",
        ] {
            assert!(bad.parse::<Plan>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_hour_of_one_digit_is_taken() {
        for (text, plan) in [
            ("8:00-18:00", "08:00-18:00"),
            ("22:00-6:30", "22:00-06:30"),
            ("0:00-9:00", "00:00-09:00"),
            ("8:00 - 18:00", "08:00-18:00"),
            ("8:00\u{2013}18:00", "08:00-18:00"),
        ] {
            assert_eq!(text.parse::<Plan>().unwrap().to_string(), plan);
        }
    }

    /// The minutes that the plan holds from noon (UTC) of this day on, for a day.
    fn minutes(plan: &str, zone: &TimeZone, noon: &str) -> usize {
        let plan: Plan = plan.parse().unwrap();
        let noon: Timestamp = noon.parse().unwrap();
        let minute = |minute: i64| Timestamp::from_second(noon.as_second() + 60 * minute).unwrap();
        (0..24 * 60).filter(|at| plan.is_active_at(minute(*at), zone.clone())).count()
    }

    #[test]
    fn a_night_is_recorded_through_the_changes_to_and_from_summer_time() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let new_york = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        for (zone, noon, hours) in [
            (&berlin, "2026-03-27T12:00Z", 4),
            (&berlin, "2026-03-28T12:00Z", 4), // 01:59 is followed by 03:00, when it is over
            (&berlin, "2026-10-24T12:00Z", 4), // 02:59 by 02:00, when it is over
            (&new_york, "2026-03-07T16:00Z", 4), // 01:59 by 03:00
            (&new_york, "2026-10-31T16:00Z", 5), // 01:59 by 01:00: the hour comes twice
        ] {
            assert_eq!(minutes("22:00-02:00", zone, noon), hours * 60, "{noon}");
        }
        assert_eq!(minutes("22:00-04:00", &berlin, "2026-03-28T12:00Z"), 5 * 60, "an hour is left out");
        assert_eq!(minutes("22:00-04:00", &berlin, "2026-10-24T12:00Z"), 7 * 60, "an hour comes twice");
        assert_eq!(minutes("02:00-03:00", &berlin, "2026-03-28T12:00Z"), 0, "the clock skips this hour");
        assert_eq!(minutes("02:00-03:00", &berlin, "2026-10-24T12:00Z"), 120);
    }

    #[test]
    fn hours_may_go_over_midnight() {
        let holds = |plan: &str, minutes: &[u16]| {
            let plan: Plan = plan.parse().unwrap();
            minutes.iter().map(|minute| plan.includes(*minute)).collect::<Vec<_>>()
        };
        assert_eq!(holds("08:00-18:00", &[479, 480, 1079, 1080]), [false, true, true, false]);
        assert_eq!(
            holds("22:00-06:00", &[1319, 1320, 1439, 0, 359, 360]),
            [false, true, true, true, true, false]
        );
        assert_eq!(holds("00:00-24:00", &[0, 1439]), [true, true]);
        assert_eq!((holds("always", &[0]), holds("off", &[0])), (vec![true], vec![false]));
    }
}
