//! Names of recordings: the camera, and when its first frame was captured, in UTC: `door_2026-11-25_22-15-09Z.mkv`.
//! That of a time-lapse says so: `door_2026-11-25_22-15-09Z_time-lapse.mkv`.
//!
//! A file with such a name in the recordings' folder is ours: it is listed, served, and deleted when space is needed.
//! Other files are never touched. A name has no `/`, so it cannot lead into another folder.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::host::clock::SET_SINCE;
use crate::names::is_camera_name;

/// The format of the time.
const TIME: &str = "%Y-%m-%d_%H-%M-%SZ";

/// Bytes of a time in this format.
const TIME_LENGTH: usize = "2026-11-25_22-15-09Z".len();

/// What follows the time in the name of a time-lapse.
const TIME_LAPSE: &str = "_time-lapse";

/// The end of every name.
const END: &str = ".mkv";

/// A recording's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name {
    /// The camera's name.
    pub camera: String,
    /// When the first frame was captured, in seconds since 1970.
    pub start: i64,
    /// Whether it is a time-lapse.
    pub time_lapse: bool,
}

impl Name {
    /// The name of a recording that begins at `start`.
    pub fn new(camera: &str, start: SystemTime, time_lapse: bool) -> Self {
        let start = Timestamp::try_from(start).unwrap_or_default();
        Self { camera: camera.to_owned(), start: start.as_second(), time_lapse }
    }

    /// Reads a name; `None` unless it is exactly as [`Name`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_suffix(END)?;
        let (bare, time_lapse) = match bare.strip_suffix(TIME_LAPSE) {
            Some(bare) => (bare, true),
            None => (bare, false),
        };
        let (camera, time) = bare.split_at_checked(bare.len().checked_sub(TIME_LENGTH)?)?;
        let camera = camera.strip_suffix('_').filter(|camera| is_camera_name(camera))?;
        let start = DateTime::strptime(TIME, time).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let name = Self { camera: camera.to_owned(), start: start.timestamp().as_second(), time_lapse };
        (name.to_string() == text).then_some(name) // strptime also takes other forms of numbers
    }

    /// The same name a second later, for use if that file exists already, for example after a clock was put back.
    pub fn next(self) -> Self {
        Self { start: self.start + 1, ..self }
    }

    /// The key that recordings are sorted by: time, then camera; a time-lapse after what else begins in that second.
    pub fn rank(&self) -> (i64, &str, bool) {
        (self.start, &self.camera, self.time_lapse)
    }

    /// It without the end that says what kind of file it is.
    pub fn without_end(&self) -> String {
        let start = Timestamp::from_second(self.start).unwrap_or_default();
        let kind = if self.time_lapse { TIME_LAPSE } else { "" };
        format!("{}_{}{kind}", self.camera, start.strftime(TIME))
    }

    /// Whether the clock was set when the recording began; if not, nobody knows how old it is.
    pub fn has_time(&self) -> bool {
        self.start >= SET_SINCE
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the name of a recording")
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{END}", self.without_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_name_contains_camera_and_time() {
        let name = Name::new("front-door_2", UNIX_EPOCH + Duration::from_secs(1_795_644_909), false);
        assert_eq!(name.to_string(), "front-door_2_2026-11-25_22-15-09Z.mkv");
        assert_eq!(Name::parse(&name.to_string()), Some(name.clone()));
        assert!(name.has_time() && !Name { start: 12, ..name }.has_time());
    }

    #[test]
    fn a_time_lapse_is_told_by_its_name_and_both_kinds_may_begin_in_one_second() {
        let name =
            |time_lapse| Name::new("door", UNIX_EPOCH + Duration::from_secs(1_795_644_909), time_lapse);
        let time_lapse = name(true);
        assert_eq!(time_lapse.to_string(), "door_2026-11-25_22-15-09Z_time-lapse.mkv");
        assert_eq!(Name::parse(&time_lapse.to_string()), Some(time_lapse.clone()));
        assert!(name(false).rank() < time_lapse.rank());
        // A camera may have any name.
        let odd = Name { camera: "door_time-lapse".to_owned(), ..time_lapse };
        assert_eq!(Name::parse(&odd.to_string()), Some(odd));
    }

    #[test]
    fn every_other_name_is_refused() {
        for bad in [
            "",
            ".mkv",
            "_2026-11-25_22-15-09Z.mkv",
            "2026-11-25_22-15-09Z.mkv",
            "door2026-11-25_22-15-09Z.mkv",
            "../door_2026-11-25_22-15-09Z.mkv",
            "/etc/door_2026-11-25_22-15-09Z.mkv",
            "a/b_2026-11-25_22-15-09Z.mkv",
            "..\\door_2026-11-25_22-15-09Z.mkv",
            "door\0_2026-11-25_22-15-09Z.mkv",
            "door_2026-11-25_22-15-09Z.mkv\0",
            "door_2026-11-25_22-15-09Z.mkv/",
            "door_2026-11-25_22-15-09Z.MKV",
            "door_2026-11-25_22-15-09.mkv",
            "door_2026-11-25_22-15-61Z.mkv",
            "door_2026-13-25_22-15-09Z.mkv",
            "door_2026-02-30_22-15-09Z.mkv",
            "door_2026-1-025_22-15-09Z.mkv",
            "door_+026-11-25_22-15-09Z.mkv",
            "door_2026-11-25_22-15-09Z_time-lapse_time-lapse.mkv",
            "door_2026-11-25_22-15-09Z_time-lapse",
            "door_2026-11-25_22-15-09Z-time-lapse.mkv",
            "door_time-lapse.mkv",
            "_time-lapse.mkv",
            "döör_2026-11-25_22-15-09Z.mkv",
            "door_2026-11-25_22-15-0９Z.mkv",
        ] {
            assert_eq!(Name::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_read_is_the_name_that_was_written(text in "[a-z_/.0-9Z-]{0,40}\\PC{0,3}", start in 0i64..4_000_000_000, time_lapse: bool) {
            if let Some(name) = Name::parse(&text) {
                prop_assert_eq!(name.to_string(), text);
            }
            let name = Name { camera: "a_b-c".to_owned(), start, time_lapse };
            prop_assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
    }
}
