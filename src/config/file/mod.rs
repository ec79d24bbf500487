//! The settings file: TOML with the names of the command line, `[[camera]]` for each camera, and `[[user]]` for each
//! user.

mod decode;
mod mend;
mod user;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::advice::Place;
use super::foreign;
use super::options::{self, Kind, Opt, camera_name};
use super::values::{CameraValues, Values};
use super::wifi::{Wifi, WifiValues};
use crate::problem::{Problem, Text, text};
use argon2::ARGON2ID_IDENT;
use decode::decode;
use mend::{is_curly, mend};
pub(super) use user::parse_role;

/// The largest settings file, in bytes: a hundred times what all settings need.
const MAX_FILE: u64 = 64 << 10;

/// How similar a misspelt name must be to a right one to be suggested (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// Keys of a `[[camera]]` table besides the options of a camera.
const CAMERA_KEYS: [&str; 2] = ["name", "source"];

/// The key of the tables with the cameras.
const CAMERA: &str = "camera";

/// The key of the table with the wireless network.
const WIFI: &str = "wifi";

/// The key of the tables with the users.
const USER: &str = "user";

/// Reads the settings file at `path`.
pub(super) fn read(path: &Path) -> Result<Values, Problem> {
    parse(&path.display().to_string(), &text(path)?)
}

/// The settings that stay in force although the settings file at `path` has a mistake: how to reach the board, and who
/// may do so.
pub(super) fn rescue(path: &Path) -> Values {
    let text = mend(&text(path).unwrap_or_default());
    let reader = Reader { name: "", text: &text };
    let (table, _) = DeTable::parse_recoverable(&text);
    let mut values = Values::default();
    for (key, value) in table.get_ref() {
        let word = our_spelling(key.get_ref());
        if word == WIFI {
            values.wifi = reader.wifi(value).ok();
        } else if word == USER {
            values.users = reader.readable_users(value);
        } else if let Some(opt) = options::all().find(|opt| opt.kept && opt.name == word) {
            // An option that is itself wrong does not stay in force.
            let _ = reader.take(opt, value, |text| values.set(opt, text));
        }
    }
    if values.texts.get("tls").is_empty() {
        values.texts.remove("tls-listen"); // one without the other is a mistake again
    }
    values
}

/// Whether the settings file at `path` mentions users, as far as that can be seen in a file with a mistake. A file that
/// cannot be read counts as one that does; of a file that is too large, only the first part counts.
pub(super) fn names_users(path: &Path) -> bool {
    let bytes = match beginning(path) {
        Ok(Some(bytes)) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
        _ => return true,
    };
    // This also works for UTF-16, whole or not, since the words are ASCII; and whatever blanks, quotes and line ends
    // there are beside them.
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let text =
        text.replace(|c: char| !c.is_ascii_graphic() && c != '\n' && c != '\r' || c == '"' || c == '\'', "");
    let mut lines = text.split(['\n', '\r']).filter(|line| !line.starts_with('#'));
    lines.any(|line| {
        line.contains("[user") || line.starts_with(USER) || line.contains(ARGON2ID_IDENT.as_str())
    })
}

/// The beginning of the file at `path`: one byte more than [`MAX_FILE`] if it is larger. `None` if it is not an
/// ordinary file.
fn beginning(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // Checked before it is opened, since opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The text of the file at `path`.
fn text(path: &Path) -> Result<String, Problem> {
    let shown = path.display().to_string();
    let unreadable = |why: Text, advice: Text| {
        Problem::new(text!("cannot read the settings file {}", &shown), why, advice)
    };
    let failed = |error: io::Error| {
        unreadable((&error).into(), text!("check the path after --config and the file's permissions"))
    };
    let Some(text) = beginning(path).map_err(failed)? else {
        return Err(unreadable(
            text!("it is not an ordinary file"),
            text!("name a text file after --config"),
        ));
    };
    if text.len() as u64 > MAX_FILE {
        let why = text!("it is larger than {} bytes", MAX_FILE);
        return Err(unreadable(why, text!("is it the right file?")));
    }
    decode(&text)
        .ok_or_else(|| unreadable(text!("it is not UTF-8 text"), text!("save it as plain text in UTF-8")))
}

/// Parses the text of a settings file that is called `name` in messages.
pub(super) fn parse(name: &str, text: &str) -> Result<Values, Problem> {
    let text = mend(text);
    let reader = Reader { name, text: &text };
    let table = DeTable::parse(&text).map_err(|error| reader.not_toml(&error))?;
    let mut values = Values::default();
    for (key, value) in table.get_ref() {
        let word = our_spelling(key.get_ref());
        if word == CAMERA && value.get_ref().is_table() {
            let why = text!("it makes one table of all cameras");
            return Err(reader.problem(
                key.span(),
                why,
                text!("write [[camera]], with two brackets, above each camera"),
            ));
        }
        if word == CAMERA && is_tables(value.get_ref()) {
            for table in value.get_ref().as_array().into_iter().flat_map(|array| array.iter()) {
                values.cameras.push(reader.camera(table)?);
            }
            continue;
        }
        if word == WIFI {
            values.wifi = Some(reader.wifi(value)?);
            continue;
        }
        if word == USER {
            values.users = reader.users(value)?;
            continue;
        }
        let names = || options::all().map(|opt| opt.name).chain([WIFI, USER]);
        let opt = options::all().find(|opt| opt.name == word).ok_or_else(|| reader.unknown(key, names()))?;
        reader.take(opt, value, |text| values.set(opt, text))?;
    }
    Ok(values)
}

/// A name as it is in our tables: phones begin each line with a capital, and other programs write `_` for `-`.
fn our_spelling(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn is_tables(value: &DeValue<'_>) -> bool {
    value.as_array().is_some_and(|array| array.iter().any(|item| item.get_ref().is_table()))
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn problem(&self, at: Range<usize>, why: impl Into<Text>, advice: impl Into<Text>) -> Problem {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        Problem::new(text!("cannot use line {} of the settings file {}", line, self.name), why, advice)
    }

    /// A text that is not TOML. Of what phones type, the quotes that [`mend()`] could not pair are the usual cause.
    fn not_toml(&self, error: &toml::de::Error) -> Problem {
        let at = error.span().unwrap_or(0..0);
        let before = self.text.get(..at.start).unwrap_or_default();
        let line =
            self.text[before.rfind('\n').map_or(0, |end| end + 1)..].lines().next().unwrap_or_default();
        let advice = match line.split_once('=') {
            Some((key, value)) if value.contains(is_curly) => {
                let value = value.replace(is_curly, "");
                let value = value.trim();
                // A network's key must not get into the log.
                let value = if key.to_ascii_lowercase().contains("key") { "its password" } else { value };
                text!("put straight quotes around it: {} = \"{}\"", key.trim(), value)
            }
            _ => text!("write for example {} = \"{}\"", "size", "640x480"),
        };
        self.problem(at, error.message().replace('\n', ", "), advice)
    }

    fn unknown<'n>(
        &self,
        key: &Spanned<DeString<'_>>,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Problem {
        let (at, word) = (key.span(), key.get_ref().as_ref());
        let alike = |name: &str| strsim::jaro_winkler(name, word);
        let nearest = names.clone().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let in_camera = names.clone().any(|name| name == CAMERA_KEYS[1]);
        let place = if in_camera { Place::Camera } else { Place::File };
        let advice = match (foreign::in_file(word, None, place), nearest.filter(|name| alike(name) >= ALIKE))
        {
            (Some(advice), _) => advice,
            (None, Some(name)) => text!("did you mean {}?", name),
            (None, None) => text!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.problem(at, text!("there is no setting called \"{}\" here", word), advice)
    }

    /// Gives the text of `value` to `apply`, each item of an array in turn.
    fn take(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        mut apply: impl FnMut(&str) -> Result<(), Text>,
    ) -> Result<(), Problem> {
        match value.get_ref() {
            DeValue::Array(items) if opt.many => {
                for item in items.iter() {
                    self.take_one(opt, item, &mut apply)?;
                }
                Ok(())
            }
            _ => self.take_one(opt, value, &mut apply),
        }
    }

    fn take_one(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        apply: &mut impl FnMut(&str) -> Result<(), Text>,
    ) -> Result<(), Problem> {
        let advice = || match opt.kind {
            Kind::Text => text!("write for example {} = \"{}\"", opt.name, opt.example),
            Kind::Number | Kind::Flag => text!("write for example {} = {}", opt.name, opt.example),
        };
        let text = match (opt.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => text.as_ref(),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => number.as_str(),
            (Kind::Flag, DeValue::Boolean(true)) => "true",
            (Kind::Flag, DeValue::Boolean(false)) => "false",
            // A number in quotes, or a port without them: what it means is plain.
            (_, DeValue::String(text)) if opt.check(text).is_ok() => text.as_ref(),
            (_, DeValue::Integer(number)) if number.radix() == 10 && opt.check(number.as_str()).is_ok() => {
                number.as_str()
            }
            (kind, other) => {
                let expected = match kind {
                    Kind::Text => text!("a text in quotes"),
                    Kind::Number => text!("a whole number without quotes"),
                    Kind::Flag => text!("true or false"),
                };
                let why = text!("{} must be {}, not this {}", opt.name, expected, other.type_str());
                return Err(self.problem(value.span(), why, advice()));
            }
        };
        apply(text).map_err(|why| {
            self.problem(value.span(), text!("cannot use {} = \"{}\": {}", opt.name, text, why), advice())
        })
    }

    fn wifi(&self, table: &Spanned<DeValue<'_>>) -> Result<Wifi, Problem> {
        const ADVICE: Text =
            text!("write [wifi] and below it name = \"my network\" and key = \"its password\"");
        let wrong = |at: Range<usize>, why: Text| self.problem(at, why, ADVICE);
        let entries = table.get_ref().as_table().ok_or_else(|| {
            wrong(table.span(), text!("{} must be a table, not this {}", WIFI, table.get_ref().type_str()))
        })?;
        let mut wifi = WifiValues::default();
        for (key, value) in entries {
            let word = our_spelling(key.get_ref());
            let word = word.as_str();
            if !WifiValues::KEYS.contains(&word) {
                return Err(self.unknown(key, WifiValues::KEYS.into_iter()));
            }
            let text = value.get_ref().as_str().ok_or_else(|| {
                let why = text!(
                    "{} must be {}, not this {}",
                    word,
                    text!("a text in quotes"),
                    value.get_ref().type_str()
                );
                wrong(value.span(), why)
            })?;
            // Only of a text that is not TOML such quotes are left: they are no part of the name.
            let written = self.text.get(value.span()).unwrap_or_default();
            if written.starts_with(is_curly)
                || !written.starts_with(['"', '\'']) && written.ends_with(is_curly)
            {
                return Err(wrong(value.span(), text!("the quotes around {} are not straight ones", word)));
            }
            // The message does not contain the key.
            wifi.apply(word, text)
                .map_err(|why| wrong(value.span(), text!("cannot use this {}: {}", word, why)))?;
        }
        wifi.finish().map_err(|why| wrong(table.span(), why))
    }

    fn camera(&self, table: &Spanned<DeValue<'_>>) -> Result<CameraValues, Problem> {
        let Some(entries) = table.get_ref().as_table() else {
            let why = text!("camera must be all texts or all [[camera]] tables");
            return Err(self.problem(
                table.span(),
                why,
                text!("write [[camera]] and below it source = \"auto\""),
            ));
        };
        let mut camera = CameraValues::default();
        for (key, value) in entries {
            let word = our_spelling(key.get_ref());
            let word = word.as_str();
            if CAMERA_KEYS.contains(&word) {
                let text = value.get_ref().as_str().ok_or_else(|| {
                    let why = text!("{} must be a text in quotes", word);
                    self.problem(value.span(), why, text!("write for example {} = \"{}\"", word, "auto"))
                })?;
                let taken = match word {
                    "name" => camera_name(text).map(|name| camera.name = Some(name)),
                    _ => text.parse().map(|spec| camera.spec = Some(spec)),
                };
                taken.map_err(|why| {
                    let advice = text!("write for example source = \"/dev/video0\" and name = \"door\"");
                    self.problem(value.span(), text!("cannot use {} = \"{}\": {}", word, text, why), advice)
                })?;
                continue;
            }
            let mut options = options::all().filter(|opt| opt.is_for_cameras());
            let opt = options.clone().find(|opt| opt.name == word).ok_or_else(|| {
                let names =
                    CAMERA_KEYS.into_iter().chain(options.by_ref().map(|opt| opt.name)).collect::<Vec<_>>();
                self.unknown(key, names.into_iter())
            })?;
            self.take(opt, value, |text| camera.texts.set(opt, text))?;
        }
        Ok(camera)
    }
}

#[cfg(test)]
mod tests;
