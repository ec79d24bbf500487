//! mjpg-streamer's plugins: `-i "input_uvc.so -d /dev/video0 -r 640x480"`.

use super::super::advice::Place;
use super::{Ours, find, write};

/// Of the plugins, the options that have one of ours.
const OPTIONS: [(&str, &[&str]); 2] = [
    ("input_uvc", &["d", "device", "r", "resolution", "f", "fps", "q", "quality"]),
    ("output_http", &["p", "port", "l", "listen"]),
];

/// A plugin with its options, in our options; `None` if none of them is one of ours.
pub(super) fn in_our_options(place: Place, value: &str) -> Option<String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let (library, rest) = words.split_first()?;
    let (plugin, known) = OPTIONS.iter().find(|(plugin, _)| library.contains(plugin))?;
    let given = |word: &str| {
        known
            .iter()
            .copied()
            .find(|name| word.strip_prefix('-').is_some_and(|word| word.trim_matches('-') == *name))
    };
    let of = |wanted: [&str; 2]| {
        let at = rest.iter().position(|word| given(word).is_some_and(|name| wanted.contains(&name)))?;
        rest.get(at + 1).copied()
    };
    let listen = (*plugin == "output_http").then(|| match (of(["l", "listen"]), of(["p", "port"])) {
        (Some(host), port) => Some(write(place, "listen", &format!("{host}:{}", port.unwrap_or("8080")))),
        (None, _) => None,
    });
    if let Some(Some(listen)) = listen {
        return Some(listen);
    }
    let ours = rest.iter().enumerate().filter_map(|(at, word)| {
        let name = given(word)?;
        let value = rest.get(at + 1)?;
        match find(name) {
            Some(Ours::Option(name, convert)) => Some(write(place, name, &convert(value))),
            None => Some(write(place, name, value)), // --fps and --quality are called the same here
            Some(_) => None,
        }
    });
    let ours: Vec<_> = ours.collect();
    (!ours.is_empty()).then(|| joined(place, &ours))
}

/// Several options after another.
pub(super) fn joined(place: Place, assignments: &[String]) -> String {
    assignments.join(if place == Place::Line { " " } else { ", " })
}
