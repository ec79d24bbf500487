//! What is recorded, where, and how long it is kept.

use std::time::Duration;

use super::parse::{folder, in_megabytes, megabytes, number, seconds, seconds_in};
use super::{Kind, Opt, Target};
use crate::record::plan::Plan;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// The longest time between two frames of a time-lapse, in seconds: a day.
const MAX_EVERY: u32 = 86_400;

/// The longest time before a motion, in seconds.
const MAX_BEFORE: u32 = 60;

/// The longest time after a motion, in seconds: an hour.
const MAX_AFTER: u32 = 3600;

/// The longest recorded file, in seconds: six hours.
const MAX_SEGMENT: u32 = 21_600;

/// The longest time that recordings are kept, in days: a hundred years.
const MAX_AGE: u32 = 36_500;

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: "record-folder",
        value: "FOLDER",
        unset: "none, nothing can be recorded",
        help: "Where recordings go; the folder must exist. On a disk of its own, name a folder on it rather than its \
               mount point",
        example: "/var/lib/boardcam",
        wrong: &["recordings"],
        target: Target::Program {
            set: |settings, text| {
                settings.record.folder = Some(folder(text)?);
                Ok(())
            },
            get: |settings| {
                settings.record.folder.iter().map(|path| path.to_string_lossy().into_owned()).collect()
            },
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record",
        value: "WHEN",
        help: "When to record: off (only when it is switched on, on the page or by the API), always, between two times \
               of the board's time zone, such as 08:00-18:00, while something moves (motion), or both: motion \
               22:00-06:00",
        example: "always",
        wrong: &["8-18"],
        meant: Plan::meant,
        target: Target::Camera {
            set: |camera, text| {
                camera.record.plan = text.parse()?;
                Ok(())
            },
            get: |camera| Some(camera.record.plan.to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-every",
        value: "SECONDS",
        kind: Kind::Number,
        unset: "every frame",
        help: "For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second. With record = \
               motion, it goes on beside what moves",
        example: "10",
        wrong: &["0", "86401"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Camera {
            set: |camera, text| {
                camera.record.every = Some(seconds(text, MAX_EVERY)?);
                Ok(())
            },
            get: |camera| Some(camera.record.every?.as_secs().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-before",
        value: "SECONDS",
        kind: Kind::Number,
        help: "With record = motion, how long before the motion a recording begins; so long is kept in memory",
        example: "5",
        wrong: &["61"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Camera {
            set: |camera, text| {
                camera.record.before = Duration::from_secs(number::<u32>(text, 0, MAX_BEFORE)?.into());
                Ok(())
            },
            get: |camera| Some(camera.record.before.as_secs().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-after",
        value: "SECONDS",
        kind: Kind::Number,
        help: "With record = motion, how long after the motion a recording ends",
        example: "10",
        wrong: &["3601"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Camera {
            set: |camera, text| {
                camera.record.after = Duration::from_secs(number::<u32>(text, 0, MAX_AFTER)?.into());
                Ok(())
            },
            get: |camera| Some(camera.record.after.as_secs().to_string()),
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-segment",
        value: "SECONDS",
        kind: Kind::Number,
        help: "How long a recorded file plays before the next one begins",
        example: "300",
        wrong: &["0", "21601"],
        meant: |text| Some(seconds_in(text)?.to_string()),
        target: Target::Program {
            set: |settings, text| {
                settings.record.segment = seconds(text, MAX_SEGMENT)?;
                Ok(())
            },
            get: |settings| vec![settings.record.segment.as_secs().to_string()],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-max-size",
        value: "MB",
        kind: Kind::Number,
        unset: "as much as the disk holds",
        help: "Megabytes (or with a unit, such as 8GB) that all recordings together may take; the oldest are deleted first",
        example: "8000",
        wrong: &["0"],
        target: Target::Program {
            set: |settings, text| {
                settings.record.limits.max_bytes = Some(megabytes(text)?);
                Ok(())
            },
            get: |settings| {
                settings.record.limits.max_bytes.iter().map(|bytes| in_megabytes(*bytes)).collect()
            },
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-min-free",
        value: "MB",
        kind: Kind::Number,
        help: "Megabytes of the disk that recordings leave free; the oldest are deleted first",
        example: "1000",
        wrong: &["99999999999999999999"],
        target: Target::Program {
            set: |settings, text| {
                settings.record.limits.min_free = megabytes(text)?;
                Ok(())
            },
            get: |settings| vec![in_megabytes(settings.record.limits.min_free)],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "record-max-age",
        value: "DAYS",
        kind: Kind::Number,
        unset: "no limit",
        help: "Days that recordings are kept",
        example: "30",
        wrong: &["0", "36501"],
        meant: |text| Some((seconds_in(text)? / DAY).to_string()),
        target: Target::Program {
            set: |settings, text| {
                let days: u32 = number(text, 1, MAX_AGE)?;
                settings.record.limits.max_age = Some(Duration::from_secs(u64::from(days) * DAY));
                Ok(())
            },
            get: |settings| {
                settings.record.limits.max_age.iter().map(|age| (age.as_secs() / DAY).to_string()).collect()
            },
        },
        ..Opt::EMPTY
    },
];
