//! What is logged, where, and how.

use super::parse::{meant_switch, one_of, switch};
use super::{Kind, Opt, Target};
use crate::host::log::{self, Format};

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        name: "log",
        value: "TARGET",
        help: "Where log lines go: stderr, syslog, or auto (syslog if stderr leads nowhere)",
        example: "syslog",
        wrong: &["file"],
        target: Target::Program {
            set: |settings, text| {
                settings.log = one_of(text, &log::Target::ALL.map(|target| (target.name(), target)))?;
                Ok(())
            },
            get: |settings| vec![settings.log.to_string()],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "log-format",
        value: "FORMAT",
        help: "What log lines look like: text, or json (for machines, one object a line)",
        example: "json",
        wrong: &["xml"],
        target: Target::Program {
            set: |settings, text| {
                settings.log_format = one_of(text, &Format::ALL.map(|format| (format.name(), format)))?;
                Ok(())
            },
            get: |settings| vec![settings.log_format.to_string()],
        },
        ..Opt::EMPTY
    },
    Opt {
        name: "verbose",
        short: Some('v'),
        kind: Kind::Flag,
        help: "Log more: a line every 30 frames, and each request",
        example: "true",
        wrong: &["yes"],
        meant: meant_switch,
        target: Target::Program {
            set: |settings, text| {
                settings.verbose = switch(text)?;
                Ok(())
            },
            get: |settings| vec![settings.verbose.to_string()],
        },
        ..Opt::EMPTY
    },
];
