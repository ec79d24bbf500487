//! How messages tell what to write: on the command line, quoted for a shell, or in the settings file.

use super::options::{self, Kind, Opt};
use super::toml_text::quoted;
use crate::names::without_passwords;
use crate::problem::{Text, shell_quoted, text};

/// Where a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the command line.
    Line,
    /// In the settings file, above its tables.
    File,
    /// In a `[[camera]]` table of the settings file.
    Camera,
}

impl Place {
    /// An option with its value, as it is written here: `--size 640x480`, or `size = "640x480"`.
    pub(super) fn assignment(self, opt: &Opt, value: &str) -> String {
        let value = without_passwords(value);
        let literal = match opt.kind {
            Kind::Text => None,
            Kind::Number => value.parse::<u64>().ok().map(|number| number.to_string()), // without zeros in front
            Kind::Flag => Some(value.to_ascii_lowercase()),
        };
        match self {
            Place::Line if opt.kind == Kind::Flag => format!("--{}", opt.name),
            Place::Line => format!("--{} {}", opt.name, shell_quoted(&value)),
            Place::Camera if opt.name == "camera" => format!("source = {}", quoted(&value)),
            Place::File | Place::Camera => {
                format!("{} = {}", opt.name, literal.unwrap_or_else(|| quoted(&value)))
            }
        }
    }

    /// What to write in place of this value, or of none: what was probably meant, or an example.
    pub(super) fn advice(self, opt: &Opt, value: Option<&str>) -> Text {
        match value.filter(|_| !opt.secret).and_then(|value| opt.meant_by(value)) {
            Some(meant) => text!("write {}", self.assignment(opt, &meant)),
            None => text!("write for example {}", self.assignment(opt, opt.example)),
        }
    }

    /// Another option that is needed too.
    pub(super) fn example(self, name: &str, value: &str) -> Text {
        let assignment = options::all().find(|opt| opt.name == name).map(|opt| self.assignment(opt, value));
        text!("write for example {}", assignment.unwrap_or_default())
    }
}
