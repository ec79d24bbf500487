//! The one table of everything that can be set. The command line, the settings file, `--help`, `boardcam check`, the
//! man pages and the shell completions are made from it.
//!
//! To add an option, add a row to one of the groups, and the field that it sets to the settings type of the module that
//! uses it. No other code changes; regenerate the man pages and document the option. For example, this row of
//! `recording.rs` is all that `--record-every` needs here:
//!
//! ```text
//! Opt {
//!     name: "record-every",
//!     value: "SECONDS",
//!     kind: Kind::Number,
//!     unset: "every frame",
//!     help: "For a time-lapse, record one frame every this many seconds; it plays at 25 frames a second",
//!     example: "10",
//!     wrong: &["0", "86401"],
//!     meant: |text| Some(seconds_in(text)?.to_string()),
//!     target: Target::Camera {
//!         set: |camera, text| {
//!             camera.record.every = Some(seconds(text, MAX_EVERY)?);
//!             Ok(())
//!         },
//!         get: |camera| Some(camera.record.every?.as_secs().to_string()),
//!     },
//!     ..Opt::EMPTY
//! },
//! ```

mod camera;
mod camera_values;
mod log;
mod motion;
mod network;
mod notify;
mod parse;
mod recording;

use super::settings::{CameraSettings, Settings};

use crate::problem::Text;
pub(super) use camera_values::{camera_name, named_source};

/// How an option's value is written in the settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`; on the command line the bare option.
    Flag,
}

/// What an option sets, and how it is read back. `set` says what it expected of a wrong text.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// Adds a camera: `[NAME=]SOURCE`.
    Source,
    /// A setting of a camera. It may be in `[[camera]]`, or outside for all cameras.
    Camera {
        /// Takes the text.
        set: fn(&mut CameraSettings, &str) -> Result<(), Text>,
        /// The text that sets the same; `None` if nothing is set.
        get: fn(&CameraSettings) -> Option<String>,
    },
    /// A setting of the whole program.
    Program {
        /// Takes the text.
        set: fn(&mut Settings, &str) -> Result<(), Text>,
        /// The texts that set the same; empty if nothing is set.
        get: fn(&Settings) -> Vec<String>,
    },
}

/// An option, with everything that is known about it.
#[derive(Debug)]
pub struct Opt {
    /// `--NAME` on the command line, `NAME = ` in the settings file.
    pub name: &'static str,
    /// One letter for the command line.
    pub short: Option<char>,
    /// The name of its value in `--help`.
    pub value: &'static str,
    /// How its value is written in the settings file.
    pub kind: Kind,
    /// May be given several times; an array in the settings file.
    pub many: bool,
    /// What applies if nothing is set and `get` returns nothing, in words.
    pub unset: &'static str,
    /// What it does, without a full stop at the end.
    pub help: &'static str,
    /// A right value, for messages about a wrong one.
    pub example: &'static str,
    /// Values that it refuses, for the test of the table.
    pub wrong: &'static [&'static str],
    /// What somebody who writes this wrong value probably means, if that can be told.
    pub meant: fn(&str) -> Option<String>,
    /// Whether `--appliance` keeps it in force when the settings file has a mistake elsewhere: it says how the board is
    /// reached, and by whom.
    pub kept: bool,
    /// Whether its value may hold secrets: no message shows it, and `check` only if it is asked for secrets.
    pub secret: bool,
    /// What it sets.
    pub target: Target,
}

impl Opt {
    /// The base of a row: a text option that is given once.
    const EMPTY: Opt = Opt {
        name: "",
        short: None,
        value: "",
        kind: Kind::Text,
        many: false,
        unset: "none",
        help: "",
        example: "",
        wrong: &[],
        meant: |_| None,
        kept: false,
        secret: false,
        target: Target::Source,
    };

    /// What applies if it is not set: as `check` prints it, otherwise in words.
    pub fn default_text(&self) -> String {
        let texts = match self.target {
            Target::Source => Vec::new(),
            Target::Camera { get, .. } => get(&CameraSettings::default()).into_iter().collect(),
            Target::Program { get, .. } => get(&Settings::default()),
        };
        if texts.is_empty() { self.unset.to_owned() } else { texts.join(", ") }
    }

    /// A value of it as messages show it.
    pub(super) fn shown<'a>(&self, value: &'a str) -> &'a str {
        if self.secret { "***" } else { value }
    }

    /// Whether it takes this text.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn check(&self, text: &str) -> Result<(), Text> {
        match self.target {
            Target::Source => named_source(text).map(drop),
            Target::Camera { set, .. } => set(&mut CameraSettings::default(), text),
            Target::Program { set, .. } => set(&mut Settings::default(), text),
        }
    }

    /// This value if it takes it, or else what was probably meant by it.
    pub(super) fn meant_by(&self, value: &str) -> Option<String> {
        let candidates = [Some(value.to_owned()), (self.meant)(value)];
        candidates.into_iter().flatten().find(|candidate| self.check(candidate).is_ok())
    }

    /// Whether it may be in `[[camera]]`.
    pub(super) fn is_for_cameras(&self) -> bool {
        matches!(self.target, Target::Camera { .. })
    }
}

/// Everything that can be set, by group, in the order of `--help`.
pub static GROUPS: [(&str, &[Opt]); 6] = [
    ("Cameras", camera::OPTIONS),
    ("Network", network::OPTIONS),
    ("Recording", recording::OPTIONS),
    ("Motion", motion::OPTIONS),
    ("Notifications", notify::OPTIONS),
    ("Log", log::OPTIONS),
];

/// Everything that can be set, in the order of `--help`.
pub fn all() -> impl Iterator<Item = &'static Opt> + Clone {
    GROUPS.iter().flat_map(|(_, options)| options.iter())
}

#[cfg(test)]
mod tests;
