//! The board's time zone: TZ, otherwise /etc/localtime, otherwise UTC (localtime(5), tzset(3)).
//!
//! A zone that is named but cannot be read is UTC too, as everywhere on the system. Where that matters, [`problem`]
//! says it.

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::problem::Problem;

/// The file or link that sets the zone where TZ does not.
const LOCALTIME: &str = "/etc/localtime";

/// Where the zones are.
const ZONES: &str = "/usr/share/zoneinfo";

/// The zone; UTC if there is none.
pub fn system() -> TimeZone {
    TimeZone::try_system().unwrap_or(TimeZone::UTC)
}

/// The zone's name and what the clock shows in it, for people: `Europe/Berlin, where it is 2026-03-29 03:00`.
pub fn describe() -> String {
    let zone = system();
    let name = zone.iana_name().unwrap_or("without a name").to_owned();
    format!("{name}, where it is {}", Timestamp::now().to_zoned(zone).strftime("%F %H:%M, UTC%:z"))
}

/// Why the zone that somebody chose is not in force; `None` if it is, or if nobody chose one.
pub fn problem() -> Option<Problem> {
    if TimeZone::try_system().is_ok() {
        return None;
    }
    let advice =
        format!("the times are UTC until then; {ZONES} has the zones that there are, from package tzdata");
    let chosen = env::var_os("TZ").filter(|zone| !zone.is_empty());
    if let Some(zone) = chosen {
        let name = zone.to_string_lossy().into_owned();
        let why = if Path::new(ZONES).is_dir() {
            "no zone of this name can be read, and it is no rule such as CET-1CEST,M3.5.0,M10.5.0/3"
        } else {
            "there are no files of zones on this system"
        };
        return Some(Problem::new(format!("cannot use the time zone TZ={name}"), why, advice));
    }
    match fs::symlink_metadata(LOCALTIME) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        _ => {
            let to =
                fs::read_link(LOCALTIME).map_or_else(|_| String::new(), |to| format!(" ({})", to.display()));
            let why = fs::metadata(LOCALTIME)
                .map_or_else(|error| error.to_string(), |_| "it has no zone".to_owned());
            Some(Problem::new(format!("cannot read the time zone in {LOCALTIME}{to}"), why, advice))
        }
    }
}
