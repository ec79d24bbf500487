//! How the options of other streamers are called here. Whoever comes from ustreamer, mjpg-streamer, motion,
//! camera-streamer or crowsnest types what their documentation says; the answer names our option.
//!
//! Called for names that are not ours, on the command line and in the settings file.

mod line;
mod names;
mod plugins;
mod words;

use super::advice::Place;
use super::options::{self, Opt};
use crate::problem::{Text, shell_quoted, text};
pub(super) use line::on_line;
use names::find;

/// What stands here for a name of another streamer's.
enum Ours {
    /// One of our options, and how its value is made from the other one's.
    Option(&'static str, fn(&str) -> String),
    /// Something else, in words, which may depend on the value.
    Words(fn(Place, Option<&str>) -> Text),
    /// The same for a name whose value may hold a password: it stays out of the log.
    Secret(fn(Place, Option<&str>) -> Text),
}

/// The option of ours with this name.
fn ours(name: &str) -> Option<&'static Opt> {
    options::all().find(|opt| opt.name == name)
}

/// One of our options with this value, as it is written at this place.
fn write(place: Place, name: &str, value: &str) -> String {
    ours(name).map(|opt| place.assignment(opt, value)).unwrap_or_default()
}

/// What to write for one of our options, with the value of another streamer's if ours takes it.
fn advice(place: Place, name: &str, value: Option<&str>) -> Text {
    match ours(name) {
        Some(opt) => place.advice(opt, value),
        None => format!("write --{name} {}", shell_quoted(value.unwrap_or("FILE"))).into(), // --config
    }
}

/// What to write in the settings file for a name of another streamer's and its value.
pub(super) fn in_file(name: &str, value: Option<&str>, place: Place) -> Option<Text> {
    Some(match find(&name.to_ascii_lowercase())? {
        Ours::Option("config", _) => words::needless(place, value),
        Ours::Option(name, convert) => {
            let value = value.map(convert);
            let is_here = *name == "camera" || ours(name).is_some_and(Opt::is_for_cameras);
            match place {
                Place::Camera if !is_here => {
                    let advice = advice(Place::File, name, value.as_deref());
                    text!("{}, above the first line with brackets", advice)
                }
                _ => advice(place, name, value.as_deref()),
            }
        }
        Ours::Words(words) | Ours::Secret(words) => words(place, value),
    })
}

#[cfg(test)]
mod tests;
