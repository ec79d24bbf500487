//! The settings file: TOML with the names of the command line, `[[camera]]` for each camera, and `[[user]]` for each
//! user.

mod decode;
mod mend;
mod section;
mod syntax;
mod tables;
mod user;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use argon2::ARGON2ID_IDENT;
use toml::de::DeTable;

use super::mistakes::{Mistake, Mistakes};
use super::options;
use super::values::Values;
use crate::problem::{Problem, Text, text};
use decode::decode;
use mend::mend;
use section::Section;
pub(super) use user::parse_role;

/// The largest settings file, in bytes: a hundred times what all settings need.
const MAX_FILE: u64 = 64 << 10;

/// Reads the settings file at `path`.
pub(super) fn read(path: &Path) -> Result<Values, Mistakes> {
    parse(&path.display().to_string(), &text(path)?)
}

/// The settings that stay in force although the settings file at `path` has a mistake: how to reach the board, and who
/// may do so.
pub(super) fn rescue(path: &Path) -> Values {
    let text = mend(&text(path).unwrap_or_default());
    let reader = Reader::new("", &text);
    let (table, _) = DeTable::parse_recoverable(&text);
    let mut values = Values::default();
    for (key, value) in table.get_ref() {
        let word = our_spelling(key.get_ref());
        if word == "wifi" {
            values.wifi = reader.wifi(value).ok();
        } else if word == "user" {
            values.users = reader.users(value);
        } else if let Some(opt) = options::all().find(|opt| opt.kept && opt.name == word) {
            // An option that is itself wrong does not stay in force.
            let _ = reader.take(opt, value, Section::Top, |text| values.set(opt, text));
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
        line.contains("[user") || line.starts_with("user") || line.contains(ARGON2ID_IDENT.as_str())
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
pub(super) fn parse(name: &str, text: &str) -> Result<Values, Mistakes> {
    let text = mend(text);
    let reader = Reader::new(name, &text);
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        // What else is wrong cannot be told, since what is not TOML may have been the beginning of a table.
        let whole = || reader.mistake(0..0, text!("it is not TOML"), text!("is it the right file?")).problem;
        return Err(Mistakes::of_file(reader.not_toml()).unwrap_or_else(|| Problem::clone(&whole()).into()));
    }
    let mut values = Values::default();
    for entry in table.get_ref() {
        reader.keep(reader.entry(entry, &mut values));
    }
    Mistakes::of_file(reader.mistakes.into_inner()).map_or(Ok(values), Err)
}

/// A name as it is in our tables: phones begin each line with a capital, and other programs write `_` for `-`.
fn our_spelling(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Reads the tables of a file, and keeps what is wrong with them.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Reader<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        Self { name, text, mistakes: RefCell::default() }
    }

    /// A mistake at this place of the text.
    fn mistake(&self, at: Range<usize>, why: impl Into<Text>, advice: impl Into<Text>) -> Mistake {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let what = text!("cannot use line {} of the settings file {}", line, self.name);
        Mistake { line, problem: Box::new(Problem::new(what, why, advice)) }
    }

    /// What was read; or nothing, and the mistake is kept.
    fn keep<T>(&self, read: Result<T, Mistake>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.borrow_mut().push(mistake)).ok()
    }
}

#[cfg(test)]
mod tests;
