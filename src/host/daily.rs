//! Times of each day by the board's clock, between which something is to be. Used by [`crate::record`] and
//! [`crate::feed`].

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::zone;
use crate::problem::{Text, text};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// So many minutes after a moment there has been a change: a day, and more than clocks are ever set by.
const CHANGE_WITHIN: i64 = 27 * 60;

/// Every day between these times of the board's time zone, in minutes after midnight; across midnight if `to` is less
/// than `from`. On days when the clocks change, what the clock shows counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daily {
    /// The first minute, 0 to 1439.
    from: u16,
    /// The minute after the last one, 1 to 1440.
    to: u16,
}

impl Daily {
    /// Whether it is now.
    pub fn is_now(self) -> bool {
        self.is_at(Timestamp::now(), &zone::system())
    }

    /// When it next begins or ends after this moment.
    pub fn next_change(self, after: Timestamp) -> Option<Timestamp> {
        self.next_change_in(&zone::system(), after)
    }

    /// What was probably meant by a text that is none; `Err` for the whole day.
    pub fn meant(text: &str) -> Option<Result<String, WholeDay>> {
        let (from, to) = text.split_once(['-', '\u{2013}'])?;
        let time = |text: &str| match text.trim().replace('.', ":") {
            time if time.contains(':') => time,
            hour => format!("{hour:0>2}:00"),
        };
        let (from, to) = (time(from), time(to));
        Some(if from == to { Err(WholeDay) } else { Ok(format!("{from}-{to}")) })
    }

    fn is_at(self, moment: Timestamp, zone: &TimeZone) -> bool {
        let time = moment.to_zoned(zone.clone()).time();
        self.includes(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }

    fn includes(self, minute: u16) -> bool {
        let Self { from, to } = self;
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    fn next_change_in(self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let before = self.is_at(after, zone);
        let minute = after.as_second().div_euclid(60);
        let moments = (1..=CHANGE_WITHIN).map(|later| Timestamp::from_second(60 * (minute + later)));
        moments.map_while(Result::ok).find(|moment| self.is_at(*moment, zone) != before)
    }
}

/// From a time to the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeDay;

impl fmt::Display for Daily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// Why a text is not two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDaily {
    /// They are the same.
    Same,
    /// It is something else.
    Other,
}

impl NotDaily {
    /// What to tell people; `expected` names what else there is.
    pub fn text(self, expected: Text) -> Text {
        match self {
            Self::Same => text!(
                "expected two different times: from a time to the same may be a whole day, or none of it"
            ),
            Self::Other => expected,
        }
    }
}

impl FromStr for Daily {
    type Err = NotDaily;

    fn from_str(text: &str) -> Result<Self, NotDaily> {
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
            (from < DAY).then_some(Self { from, to })
        };
        match daily() {
            Some(Self { from, to }) if from == to => Err(NotDaily::Same),
            Some(daily) => Ok(daily),
            None => Err(NotDaily::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for text in ["08:00-18:00", "22:30-06:00", "00:00-24:00", "00:00-00:01"] {
            assert_eq!(text.parse::<Daily>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "on",
            "8-18",
            "8:0-18:00",
            "008:00-18:00",
            "08:00",
            "24:00-25:00",
            "08:60-09:00",
            "24:00-01:00",
            "+8:00-09:00",
        ] {
            assert_eq!(bad.parse::<Daily>(), Err(NotDaily::Other), "{bad}");
        }
        assert_eq!("08:00-08:00".parse::<Daily>(), Err(NotDaily::Same));
    }

    #[test]
    fn an_hour_of_one_digit_is_taken() {
        for (text, daily) in [
            ("8:00-18:00", "08:00-18:00"),
            ("22:00-6:30", "22:00-06:30"),
            ("0:00-9:00", "00:00-09:00"),
            ("8:00 - 18:00", "08:00-18:00"),
            ("8:00\u{2013}18:00", "08:00-18:00"),
        ] {
            assert_eq!(text.parse::<Daily>().unwrap().to_string(), daily);
        }
    }

    /// The minutes that it holds from noon (UTC) of this day on, for a day.
    fn minutes(daily: &str, zone: &TimeZone, noon: &str) -> usize {
        let daily: Daily = daily.parse().unwrap();
        let noon: Timestamp = noon.parse().unwrap();
        let minute = |minute: i64| Timestamp::from_second(noon.as_second() + 60 * minute).unwrap();
        (0..24 * 60).filter(|at| daily.is_at(minute(*at), zone)).count()
    }

    #[test]
    fn a_night_lasts_through_the_changes_to_and_from_summer_time() {
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
        let holds = |daily: &str, minutes: &[u16]| {
            let daily: Daily = daily.parse().unwrap();
            minutes.iter().map(|minute| daily.includes(*minute)).collect::<Vec<_>>()
        };
        assert_eq!(holds("08:00-18:00", &[479, 480, 1079, 1080]), [false, true, true, false]);
        assert_eq!(
            holds("22:00-06:00", &[1319, 1320, 1439, 0, 359, 360]),
            [false, true, true, true, true, false]
        );
        assert_eq!(holds("00:00-24:00", &[0, 1439]), [true, true]);
    }

    #[test]
    fn the_next_change_is_the_beginning_or_the_end_whichever_comes_first() {
        let next = |daily: &str, after: &str| {
            let daily: Daily = daily.parse().unwrap();
            let after: Timestamp = after.parse().unwrap();
            daily.next_change_in(&TimeZone::UTC, after).map(|moment| moment.to_string())
        };
        for (after, change) in [
            ("2026-11-28T21:30:40Z", "2026-11-28T22:00:00Z"),
            ("2026-11-28T22:00:00Z", "2026-11-29T06:00:00Z"),
            ("2026-11-29T05:59:59Z", "2026-11-29T06:00:00Z"),
            ("2026-11-29T06:00:00Z", "2026-11-29T22:00:00Z"),
        ] {
            assert_eq!(next("22:00-06:00", after).as_deref(), Some(change), "{after}");
        }
        assert_eq!(next("00:00-24:00", "2026-11-29T06:00:00Z"), None, "it never changes");
    }
}
