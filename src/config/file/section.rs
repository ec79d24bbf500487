//! The parts of a settings file, and what is said of a name that is unknown in one.

use super::super::advice::Place;
use super::super::foreign;
use super::super::options;
use super::super::wifi::WifiValues;
use crate::problem::{Text, text};

/// How similar a misspelt name must be to a right one to be suggested (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// Keys of a `[[camera]]` table besides the options of a camera.
pub(super) const CAMERA_KEYS: [&str; 2] = ["name", "source"];

/// Keys of a `[[user]]` table.
pub(super) const USER_KEYS: [&str; 3] = ["name", "role", "password"];

/// Where a `[[user]]` table comes from.
pub(super) const USER_ADVICE: Text = text!("let boardcam hash-password NAME write the table");

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What stands above all tables.
    Top,
    /// A `[[camera]]` table.
    Camera,
    /// The `[wifi]` table.
    Wifi,
    /// A `[[user]]` table.
    User,
}

impl Section {
    /// The name of its tables, and their first line.
    pub(super) const TABLES: [(&str, &str, Section); 3] = [
        ("camera", "[[camera]]", Section::Camera),
        ("wifi", "[wifi]", Section::Wifi),
        ("user", "[[user]]", Section::User),
    ];

    /// The line that its tables begin with.
    fn header(self) -> &'static str {
        Self::TABLES.iter().find(|(_, _, section)| *section == self).map_or("", |(_, header, _)| header)
    }

    pub(super) fn place(self) -> Place {
        if self == Section::Camera { Place::Camera } else { Place::File }
    }

    /// All names that it may have.
    pub(super) fn names(self) -> Vec<&'static str> {
        let tables = Self::TABLES.iter().map(|(name, ..)| *name).filter(|name| *name != "camera");
        match self {
            Section::Top => options::all().map(|opt| opt.name).chain(tables).collect(),
            Section::Camera => {
                let options = options::all().filter(|opt| opt.is_for_cameras()).map(|opt| opt.name);
                CAMERA_KEYS.into_iter().chain(options).collect()
            }
            Section::Wifi => WifiValues::KEYS.to_vec(),
            Section::User => USER_KEYS.to_vec(),
        }
    }

    /// A right line for one of its names that is no option.
    pub(super) fn example(self, name: &str) -> Option<Text> {
        let example = match (self, name) {
            (Section::Camera, "name") => "door",
            (Section::Camera, "source") => "/dev/video0",
            (Section::Wifi, "name") => "my network",
            (Section::Wifi, "key") => "its password",
            (Section::Wifi, "country") => "DE",
            (Section::User, "name") => "anna",
            (Section::User, "role") => "watch",
            (Section::User, "password") => return Some(USER_ADVICE),
            _ => return None,
        };
        Some(text!("write for example {} = \"{}\"", name, example))
    }

    /// Why this name cannot be used here, and what to do.
    pub(super) fn unknown(self, name: &str, value: Option<&str>) -> (Text, Text) {
        let unknown = text!("there is no setting called \"{}\" here", name);
        if let Some((why, advice)) = self.misplaced(name) {
            return (why, advice);
        }
        if let Some(advice) = self.called(name).and_then(|name| self.example(name)) {
            return (unknown, advice);
        }
        let foreign = match self {
            Section::Top | Section::Camera => foreign::in_file(name, value, self.place()),
            Section::Wifi | Section::User => None,
        };
        if let Some(advice) = foreign {
            return (unknown, advice);
        }
        let names = self.names();
        let alike = |other: &str| strsim::jaro_winkler(other, name);
        let nearest = names.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let advice = match nearest.filter(|name| alike(name) >= ALIKE) {
            Some(name) => text!("did you mean {}?", *name),
            None => text!("there are {}", names.join(", ")),
        };
        (unknown, advice)
    }

    /// For a name that belongs into another part of the file.
    fn misplaced(self, name: &str) -> Option<(Text, Text)> {
        if self == Section::Top {
            let header = match name {
                "source" => Section::Camera.header(),
                "ssid" | "psk" | "country" => Section::Wifi.header(),
                "role" => Section::User.header(),
                _ => return None,
            };
            return Some((text!("{} belongs below {}", name, header), text!("write {} above it", header)));
        }
        let opt = options::all().find(|opt| opt.name == name)?;
        let is_table = |(table, ..): &(&str, &str, Section)| *table == name;
        if Self::TABLES.iter().any(is_table) {
            return None;
        }
        Some((
            text!("{} is no setting of {}", opt.name, self.header()),
            text!("move this line up, above the first line with brackets"),
        ))
    }

    /// Our name for what other programs call it.
    fn called(self, name: &str) -> Option<&'static str> {
        Some(match (self, name) {
            (Section::Wifi, "ssid" | "essid" | "network" | "wifi") => "name",
            (Section::Wifi, "password" | "passwd" | "pass" | "psk" | "passphrase" | "wpa-psk" | "secret") => {
                "key"
            }
            (Section::Wifi, "country-code") => "country",
            (Section::User, "user" | "username" | "login") => "name",
            (Section::User, "hash" | "passwd" | "pass" | "key") => "password",
            (Section::User, "rights" | "access" | "level" | "permission" | "permissions") => "role",
            (Section::Camera, "device" | "input" | "path" | "url") => "source",
            _ => return None,
        })
    }
}
