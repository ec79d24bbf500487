//! What the values of a camera's options are, and what was probably meant by wrong ones.

use std::path::PathBuf;

use crate::camera::SourceSpec;
use crate::names::{NAME_MAX, TITLE_MAX, is_bidi_control, is_camera_name, is_title};
use crate::picture::Flip;
use crate::problem::{Text, text};

/// The longest name of an input, in characters; drivers' names have up to 31 bytes.
const INPUT_MAX: usize = 32;

/// The turn that was probably meant: `-90` is a turn to the left, `360` none, and many write the unit behind it.
pub(super) fn likely_rotation(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let degrees = match text.as_str() {
        "left" | "ccw" | "counterclockwise" | "anticlockwise" => 270,
        "right" | "cw" | "clockwise" => 90,
        "upside-down" | "upside down" | "down" | "true" | "yes" | "on" => 180,
        "none" | "false" | "no" | "off" => 0,
        _ => {
            let number =
                text.trim_end_matches("deg").trim_end_matches("degrees").trim_end_matches('°').trim();
            number.parse::<i32>().ok()?.rem_euclid(360)
        }
    };
    Some(degrees.to_string())
}

/// The flip that was probably meant: `true` is the mirror that a switch of that name turns on elsewhere.
pub(super) fn likely_flip(text: &str) -> Option<String> {
    let flip = match text.trim().to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
        "hflip" | "mirror" | "left-right" | "x" | "true" | "yes" | "on" | "1" => Flip::Horizontal,
        "vflip" | "up-down" | "top-bottom" | "y" => Flip::Vertical,
        "hvflip" | "h,v" | "h+v" | "all" | "xy" => Flip::Both,
        "no" | "off" | "false" | "0" => Flip::None,
        _ => return None,
    };
    Some(flip.to_string())
}

/// `NAME=VALUE`, or several with commas between them, as v4l2-ctl takes them.
pub(super) fn controls(text: &str) -> Result<Vec<(String, String)>, Text> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts = text.split(',').map(|part| match part.split_once('=') {
        Some((name, value)) if is_name(name.trim()) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(text!(
            "expected NAME=VALUE; the names are those of `v4l2-ctl --list-ctrls`, such as brightness=10"
        )),
    });
    parts.collect()
}

/// Checks a camera's title. Blanks around it are left out.
pub(super) fn title(text: &str) -> Result<String, Text> {
    let title = text.trim();
    if let Some(control) = title.chars().find(|c| is_bidi_control(*c)) {
        let code = format!("U+{:04X}", u32::from(control));
        return Err(text!("expected no {}, which turns the direction of the text that follows", code));
    }
    if !is_title(title) {
        return Err(text!("expected 1 to {} characters on one line", TITLE_MAX));
    }
    Ok(title.to_owned())
}

/// The number or name of a capture card's input.
pub(super) fn input(text: &str) -> Result<String, Text> {
    let name = text.trim();
    if name.contains(".so") {
        return Err(text!(
            "expected an input of a capture card; there are no plugins here, so write for example {}",
            "--camera /dev/video0"
        ));
    }
    if name.is_empty() || name.chars().count() > INPUT_MAX || name.contains(char::is_control) {
        return Err(text!("expected the number or the name of an input, 1 to {} characters", INPUT_MAX));
    }
    Ok(name.to_owned())
}

/// The path of a file.
pub(super) fn file(text: &str) -> Result<PathBuf, Text> {
    if text.starts_with('/') {
        Ok(text.into())
    } else {
        Err(text!("expected the full path of a file, beginning with /"))
    }
}

/// Checks a camera's name.
pub(in crate::config) fn camera_name(text: &str) -> Result<String, Text> {
    if !is_camera_name(text) {
        return Err(text!(
            "expected a name of 1 to {} letters from a to z, digits, - and _; any other text can be its title",
            NAME_MAX
        ));
    }
    Ok(text.to_owned())
}

/// `[NAME=]SOURCE`. A path or a command may hold `=`; a name holds neither `/` nor `:`.
pub(in crate::config) fn named_source(text: &str) -> Result<(Option<String>, SourceSpec), Text> {
    let (name, source) = match text.split_once('=') {
        Some((name, source)) if !name.contains(['/', ':']) => (Some(camera_name(name)?), source),
        _ => (None, text),
    };
    Ok((name, source.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_a_turn_or_a_mirror_in_the_words_of_other_programs_is_told_the_right_value() {
        for (written, meant) in [
            ("-90", "270"),
            ("450", "90"),
            ("360", "0"),
            ("180°", "180"),
            ("90 degrees", "90"),
            ("left", "270"),
            ("CW", "90"),
            ("upside-down", "180"),
            ("off", "0"),
        ] {
            assert_eq!(likely_rotation(written).as_deref(), Some(meant), "{written}");
        }
        for (written, meant) in [
            ("mirror", "horizontal"),
            ("VFLIP", "vertical"),
            ("hvflip", "both"),
            ("off", "none"),
            ("true", "horizontal"),
        ] {
            assert_eq!(likely_flip(written).as_deref(), Some(meant), "{written}");
        }
        assert_eq!((likely_rotation("sideways"), likely_flip("diagonal")), (None, None));
    }
}
