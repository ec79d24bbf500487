//! What is said of a line that is not TOML: it depends on the setting and the kind of mistake.

use std::ops::Range;

use toml::de::DeTable;

use super::mend::is_curly;
use super::section::Section;
use super::{Reader, our_spelling};
use crate::camera::SourceSpec;
use crate::config::foreign;
use crate::config::mistakes::Mistake;
use crate::config::options::{self, Kind};
use crate::config::toml_text::quoted;
use crate::problem::{Text, text};

/// A line `key = value`, as far as it is one.
struct Line<'a> {
    key: &'a str,
    has_equals: bool,
    /// Without quotes and remark.
    value: &'a str,
    /// With them.
    raw: &'a str,
}

/// The most lines that are not TOML which are told; more of them are no settings file.
const LINES_TOLD: usize = 50;

impl Reader<'_> {
    /// The mistakes of a text that is not TOML; none if it is. The parser passes over some behind a first one, so those
    /// that were found are blotted out, and the rest is read again.
    pub(super) fn not_toml(&self) -> Vec<Mistake> {
        let mut left = self.text.to_owned();
        let mut mistakes = Vec::new();
        while mistakes.len() < LINES_TOLD {
            let (_, errors) = DeTable::parse_recoverable(&left);
            let mut lines: Vec<_> =
                errors.iter().map(|error| (self.line_of(error), error.message())).collect();
            lines.sort_by_key(|(line, _)| line.start);
            lines.dedup_by_key(|(line, _)| line.start);
            lines.truncate(LINES_TOLD);
            let mut blotted = left.clone();
            for (line, message) in lines {
                let blank = " ".repeat(line.len());
                if left[line.clone()] != blank || mistakes.is_empty() {
                    let (why, advice) =
                        explain(&self.text[line.clone()], self.section_at(line.start), message);
                    let mistake = self.mistake(line.clone(), why, advice);
                    // The names below the beginning of a table are not those above it.
                    let table = format!("[-{}]", mistake.line);
                    let is_table =
                        left[line.clone()].trim_start().starts_with('[') && table.len() <= line.len();
                    let blank = if is_table { format!("{table:0$}", line.len()) } else { blank };
                    mistakes.push(mistake);
                    blotted.replace_range(line, &blank);
                }
            }
            if blotted == left {
                break;
            }
            left = blotted;
        }
        mistakes
    }

    /// The line that an error is in. Of an error at the end of a line, it begins there.
    fn line_of(&self, error: &toml::de::Error) -> Range<usize> {
        let at = error.span().map_or(0, |span| span.start.min(self.text.len()));
        let start = self.text.as_bytes()[..at].iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let len = self.text.as_bytes()[start..].iter().position(|b| *b == b'\n');
        start..len.map_or(self.text.len(), |len| start + len)
    }

    /// The part of the file that the line at this place is in.
    fn section_at(&self, at: usize) -> Section {
        let header = self.text[..at].lines().map(str::trim).rfind(|line| line.starts_with('['));
        header.map_or(Section::Top, |header| {
            let name = our_spelling(header.trim_matches(|c: char| !c.is_alphanumeric()));
            section_of(&name).unwrap_or(Section::Top)
        })
    }
}

fn section_of(table: &str) -> Option<Section> {
    Section::TABLES.iter().find(|(name, ..)| *name == table).map(|(_, _, section)| *section)
}

fn explain(line: &str, section: Section, message: &str) -> (Text, Text) {
    let reason = || text!("it is not TOML: {}", message.replace('\n', ", "));
    let trimmed = line.trim();
    if trimmed.starts_with('[') {
        return (
            if message.contains("duplicate") { text!("the table is there twice") } else { reason() },
            header(trimmed, message),
        );
    }
    let Some(Line { key, has_equals, value, raw }) = parts(trimmed) else {
        return (
            reason(),
            text!("write NAME = VALUE, such as {}; a remark begins with #", "size = \"640x480\""),
        );
    };
    let (section, name) = match key.split_once('.') {
        Some((table, name)) => (section_of(&our_spelling(table)).unwrap_or(section), our_spelling(name)),
        None => (section, our_spelling(key)),
    };
    let opt =
        options::all().find(|opt| opt.name == name && (section == Section::Top || opt.is_for_cameras()));
    let opt = opt.filter(|_| matches!(section, Section::Top | Section::Camera));
    if message.contains("duplicate") {
        let advice = match opt.filter(|opt| opt.many) {
            Some(opt) => text!("write both in one line: {} = [\"...\", \"...\"]", opt.name),
            None => text!("leave one of the two out"),
        };
        return (text!("{} is there twice", &name), advice);
    }
    if raw.contains(is_curly) {
        // No password must get into the log.
        let is_secret =
            ["key", "pass", "psk", "secret", "auth", "cred"].iter().any(|word| name.contains(word));
        let value = if is_secret { "its password" } else { value };
        return (
            text!("the quotes around {} are not straight ones", &name),
            text!("put straight quotes around it: {} = \"{}\"", key, value),
        );
    }
    let quotes = |quote: char| raw.starts_with(quote) && (raw.len() == 1 || !raw.ends_with(quote));
    let why = if !has_equals {
        text!("there is no = between name and value")
    } else if raw.is_empty() {
        text!("{} has no value", &name)
    } else if quotes('"') || quotes('\'') {
        text!("the quotes around {} do not match", &name)
    } else if opt.is_none_or(|opt| opt.kind == Kind::Text) && !raw.starts_with(['"', '\'', '[', '{']) {
        text!("{} must be a text in quotes", &name)
    } else {
        reason()
    };
    (why, advice(section, &name, Some(value).filter(|value| !value.is_empty())))
}

/// A right line for this name, with its value if that can be used.
fn advice(section: Section, name: &str, value: Option<&str>) -> Text {
    if section == Section::Camera && name == "source" {
        let source = value.filter(|value| value.parse::<SourceSpec>().is_ok()).unwrap_or("/dev/video0");
        return text!("write {}", format!("source = {}", quoted(source)));
    }
    if let Some(example) = section.example(name) {
        return example;
    }
    let is_here = |opt: &&options::Opt| opt.name == name && section.names().contains(&opt.name);
    if let Some(opt) = options::all().find(is_here) {
        return section.place().advice(opt, value);
    }
    if matches!(section, Section::Top | Section::Camera)
        && let Some(advice) = foreign::in_file(name, value, section.place())
    {
        return advice;
    }
    section.unknown(name, value).1
}

/// A right line in place of this one, which begins a table.
fn header(line: &str, message: &str) -> Text {
    let name = our_spelling(line.trim_matches(|c: char| !c.is_alphanumeric()));
    let found = Section::TABLES.iter().find(|(table, ..)| name.starts_with(table));
    match found {
        Some((_, header, _)) if message.contains("duplicate") => {
            text!("write {} once, and all its lines below it", *header)
        }
        Some((_, header, _)) => text!("write {}", *header),
        // crowsnest's `[cam 1]`
        None if name.starts_with("cam") => text!("write {}", "[[camera]]"),
        None => text!("there are {}", Section::TABLES.map(|(_, header, _)| header).join(", ")),
    }
}

/// `key = value`, as other programs' files have it too: `key: value`, `key value`, and `--key value`.
fn parts(line: &str) -> Option<Line<'_>> {
    let line = line.trim_start_matches('-');
    let end =
        line.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let has_equals = rest.starts_with('=');
    let raw = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    let raw = raw.split(" #").next().unwrap_or_default().trim();
    let value = raw.trim_matches(|c: char| matches!(c, '"' | '\'' | ';' | ',') || is_curly(c)).trim();
    // Prose has no name of a setting in front.
    let is_setting = has_equals || rest.starts_with(':') || !value.contains(' ') && !value.is_empty();
    (!key.is_empty() && is_setting).then_some(Line { key, has_equals, value, raw })
}
