//! The command line: words that are no option or command here.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::super::advice::Place;
use super::super::options::{self, Kind};
use super::{Ours, find, ours, write};
use crate::problem::{Problem, Text, shell_quoted};

/// Our commands, which are no values of the words in front of them.
pub(super) const COMMANDS: [&str; 6] = ["probe", "snapshot", "check", "hash-password", "wifi", "help"];

/// What to do about a word of the command line that clap does not know; `None` if nothing but clap's own message helps.
pub(in crate::config) fn on_line(error: &clap::Error, line: &[OsString]) -> Option<Problem> {
    let line: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
    let words: Vec<&str> = line.iter().map(AsRef::as_ref).collect();
    let kind = match error.kind() {
        ErrorKind::MissingRequiredArgument => return no_output(&words),
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => return None,
    };
    let ContextValue::String(word) = error.get(kind)? else { return None };
    explain(word, &words)
}

/// `line` begins with the name of the program.
pub(super) fn explain(word: &str, line: &[&str]) -> Option<Problem> {
    let unknown =
        |shown: &str, why: Text, advice: Text| Some(Problem::new(format!("cannot use {shown}"), why, advice));
    if let Some(rest) = word.strip_prefix(['\u{2013}', '\u{2014}', '\u{2212}']) {
        let rest = rest.trim_start_matches(['-', '\u{2013}', '\u{2014}', '\u{2212}']);
        let why = "it begins with a dash that is no hyphen, as phones and word processors put it".into();
        return unknown(word, why, format!("write --{}", rest).into());
    }
    if let Some(whole) = cut_off(word, line) {
        return unknown(
            word,
            "the shell took it for a word of its own".into(),
            format!("write {}", whole).into(),
        );
    }
    if !word.starts_with('-') {
        let advice = value_of_ours(word, line).or_else(|| command(word))?;
        return unknown(word, "it is no command".into(), advice);
    }
    let (dashed, found) = named(word, line)?;
    let value = value(&dashed, line);
    let advice = match found {
        Ours::Option("listen", convert) => {
            let both =
                pair(line, ["--host", "-s"], ["--port", "-p"]).map(|(host, port)| address(&host, &port));
            super::advice(Place::Line, "listen", both.or_else(|| value.as_deref().map(convert)).as_deref())
        }
        Ours::Option(name, convert) => {
            super::advice(Place::Line, name, value.as_deref().map(convert).as_deref())
        }
        Ours::Words(words) | Ours::Secret(words) => words(Place::Line, value.as_deref()),
    };
    let advice = match pair(line, ["--width", "-x"], ["--height", "-y"]) {
        Some((width, height)) if dashed == "--width" || dashed == "--height" => {
            super::advice(Place::Line, "size", Some(&format!("{width}x{height}")))
        }
        _ => advice,
    };
    // A password that was typed stays out of the log.
    let shown = value.filter(|_| !matches!(found, Ours::Secret(_)));
    let shown = [Some(dashed), shown].into_iter().flatten().collect::<Vec<_>>().join(" ");
    unknown(&shown, "boardcam has no option of this name".into(), advice)
}

/// The option of another streamer's that clap means by `word`, with its dashes: of `-rot` it names only `-r`.
fn named(word: &str, line: &[&str]) -> Option<(String, &'static Ours)> {
    let name_of = |argument: &str| {
        let name = argument.trim_start_matches('-');
        name.split('=').next().unwrap_or_default().to_owned()
    };
    let letter = word.strip_prefix('-').filter(|letter| letter.len() == 1);
    let is_long = |argument: &&&str| {
        let name = argument.strip_prefix('-').filter(|name| !name.starts_with('-') && name.len() > 1);
        name.zip(letter).is_some_and(|(name, letter)| name.contains(letter) && find(&name_of(name)).is_some())
    };
    if let Some(argument) = line.iter().find(is_long) {
        let name = name_of(argument);
        return find(&name).map(|found| (format!("-{name}"), found));
    }
    let name = name_of(word);
    let dashes = if letter.is_some() { "-" } else { "--" };
    find(&name).map(|found| (format!("{dashes}{name}"), found))
}

/// `snapshot` with the name of a picture, but without -o in front of it.
fn no_output(line: &[&str]) -> Option<Problem> {
    let is_picture =
        |word: &&&str| [".jpg", ".jpeg"].iter().any(|end| word.to_ascii_lowercase().ends_with(end));
    let picture = line.iter().find(is_picture).filter(|_| line.contains(&"snapshot"))?;
    let advice = format!("write -o {}", shell_quoted(picture));
    Some(Problem::new(format!("cannot use {picture}"), "the name of a file stands behind -o", advice))
}

/// What to do for a word that was meant for something in front of it which takes none.
fn value_of_ours(word: &str, line: &[&str]) -> Option<Text> {
    let before = line.iter().take_while(|argument| **argument != word).last()?;
    matches!(*before, "-v" | "--verbose").then(|| "leave it out: --verbose has no levels".into())
}

/// What to do for a word without a dash that is no command here.
fn command(word: &str) -> Option<Text> {
    if word.starts_with("/dev/") || word.contains("://") {
        return Some(super::advice(Place::Line, "camera", Some(word)));
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "serve" | "start" | "run" | "stream" | "server" | "daemon" | "watch" | "live" => {
            "leave it out: without a command, boardcam serves".into()
        }
        "stop" | "restart" | "status" | "reload" | "enable" | "disable" => format!(
            "where it was installed, write sudo systemctl {} boardcam; elsewhere, Ctrl+C ends it",
            word.to_ascii_lowercase()
        )
        .into(),
        "list" | "ls" | "devices" | "list-devices" | "cameras" | "detect" | "scan" => {
            "write boardcam probe".into()
        }
        "photo" | "picture" | "capture" | "shot" | "still" | "grab" | "take" => {
            "write boardcam snapshot -o picture.jpg".into()
        }
        "user" | "users" | "adduser" | "useradd" | "passwd" | "password" | "login" => {
            "write boardcam hash-password NAME".into()
        }
        "version" => "write boardcam --version".into(),
        "config" | "settings" | "test" | "validate" | "verify" | "doctor" => "write boardcam check".into(),
        _ => return None,
    })
}

/// The option with its whole value in quotes, if this word was cut off a value with a space: `--title Front door`.
fn cut_off(word: &str, line: &[&str]) -> Option<String> {
    let at = line
        .iter()
        .position(|argument| *argument == word || word.len() == 2 && argument.starts_with(word))?;
    let is_option = |word: &str| {
        let name = word.strip_prefix("--").unwrap_or_default();
        name == "config" || name == "appliance" || options::all().any(|opt| opt.name == name)
    };
    let before = line[..at].iter().rposition(|argument| is_option(argument))?;
    let opt = ours(line[before].strip_prefix("--")?).filter(|opt| opt.kind == Kind::Text)?;
    let value = line.get(before + 1).filter(|_| before + 1 < at)?;
    if word.starts_with("--") || word.starts_with('-') && at != before + 2 {
        return None; // more likely an option of another streamer's
    }
    let is_command = value.contains("pipe:") || value.contains("rpicam:");
    // Only these values have spaces; of a title, no option is a part.
    if !is_command && (opt.name != "title" || word.starts_with('-')) {
        return None;
    }
    let ends = |argument: &&str| {
        is_option(argument) || COMMANDS.contains(argument) || !is_command && argument.starts_with('-')
    };
    let rest = line[before + 1..].iter().take_while(|argument| !ends(argument));
    Some(write(Place::Line, opt.name, &rest.copied().collect::<Vec<_>>().join(" ")))
}

/// Two values, if the line has both: the advice for a port alone would open the server to everybody.
fn pair(line: &[&str], one: [&str; 2], other: [&str; 2]) -> Option<(String, String)> {
    let given = |names: [&str; 2]| names.iter().find_map(|name| value(name, line));
    Some((given(one)?, given(other)?))
}

fn address(host: &str, port: &str) -> String {
    let is_ipv6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    if is_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The value that follows `word`, or is part of the same argument.
fn value(word: &str, line: &[&str]) -> Option<String> {
    let is_it = |argument: &&str| {
        *argument == word
            || argument.strip_prefix(word).is_some_and(|rest| rest.starts_with('=') || word.len() == 2)
    };
    let at = line.iter().position(is_it)?;
    let text = match line.get(at)?.strip_prefix(word)? {
        "" => line.get(at + 1).filter(|next| !next.starts_with('-') && !COMMANDS.contains(next))?,
        rest => rest.strip_prefix('=').unwrap_or(rest),
    };
    Some(text.to_owned())
}
