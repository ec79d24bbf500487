//! What may be a name, and text from outside made safe to show.
//!
//! There is one rule for each kind of name, used for settings, URLs, cookies and the files of recordings alike.

use std::fmt;

/// The longest name of a camera, a user or a token, in bytes.
pub const NAME_MAX: usize = 32;

/// The longest title of a camera, in characters.
pub const TITLE_MAX: usize = 64;

/// The longest name that a viewer may give itself, in bytes.
pub const VIEWER_ID_MAX: usize = 32;

/// The name of a single camera that the user has not named.
pub const DEFAULT_CAMERA: &str = "camera";

/// The name of a further camera that the user has not named: `camera-2`.
pub fn default_camera(number: usize) -> String {
    format!("{DEFAULT_CAMERA}-{number}")
}

/// A camera in log lines and messages: `camera door`, or just `camera` or `camera-2` for one that the user has not
/// named.
#[derive(Debug, Clone, Copy)]
pub struct CameraLabel<'a>(pub &'a str);

impl fmt::Display for CameraLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.strip_prefix(DEFAULT_CAMERA).and_then(|rest| rest.strip_prefix('-'));
        let is_numbered = number.is_some_and(|number| number.parse::<usize>().is_ok());
        let kind = if is_numbered || self.0 == DEFAULT_CAMERA { "" } else { "camera " };
        write!(f, "{kind}{}", self.0)
    }
}

/// Whether a camera may have this title, which people read on the page: any language, but one line.
pub fn is_title(text: &str) -> bool {
    let hidden = |c: char| c.is_control() || is_bidi_control(c);
    (1..=TITLE_MAX).contains(&text.chars().count()) && text.trim() == text && !text.contains(hidden)
}

/// Whether this character turns the direction of what follows, also of text that it is not part of (Unicode UAX #9,
/// embeddings, overrides and isolates).
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a camera may have this name, which is used in URLs, file names and private headers.
pub fn is_camera_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(is_word)
}

/// Whether a user or a token may have this name, which is used in Basic authentication (so no colon), logs and URLs.
pub fn is_user_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'@'))
}

/// Whether a viewer may give itself this name: short, and safe in headers, logs and JSON.
pub fn is_viewer_id(text: &str) -> bool {
    (1..=VIEWER_ID_MAX).contains(&text.len()) && text.bytes().all(is_word)
}

/// Letters, digits, `-` and `_`.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Text from a device or a driver, made safe for a terminal and a log line: without control characters, and without the
/// half of a character that is left if a name was cut.
pub fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let legible = |c: &char| !c.is_control() && *c != char::REPLACEMENT_CHARACTER;
    text.chars().filter(legible).collect::<String>().trim().to_owned()
}

/// Removes user and password from URLs (userinfo, RFC 3986 section 3.2.1): neither the log nor a viewer should get what
/// the settings, or ffmpeg's messages, say of a network camera. People write passwords with `/` and `#` as they are.
pub fn without_passwords(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        rest = behind;
        if let Some(at) = userinfo_end(behind) {
            safe.push_str("***");
            rest = behind.get(at..).unwrap_or_default();
        }
    }
    safe + rest
}

/// Where the `@` behind user and password is, if this text behind `://` begins with them.
fn userinfo_end(text: &str) -> Option<usize> {
    let until = |ends: fn(char) -> bool| text.get(..text.find(ends).unwrap_or(text.len()));
    let authority = until(|c| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace())?;
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    // What stands behind the colon is a password unless it is a port.
    let (_, behind) = authority.split_once(':').filter(|_| !authority.starts_with('['))?;
    let is_port = behind.bytes().all(|b| b.is_ascii_digit());
    until(char::is_whitespace)?.rfind('@').filter(|_| !is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (message, safe) in [
            ("rtsp://admin:s3cret@10.0.0.7/live: refused", "rtsp://***@10.0.0.7/live: refused"),
            ("rtsp://admin:a@b@cam/x and http://u@h", "rtsp://***@cam/x and http://***@h"),
            ("rtsp://admin:s3/cr#t@cam/x", "rtsp://***@cam/x"),
            ("rtsp://admin:it's@cam/x", "rtsp://***@cam/x"),
            ("http://cam/mail@example: no", "http://cam/mail@example: no"),
            (
                "http://cam:80/mail@example and http://[::1]/a@b",
                "http://cam:80/mail@example and http://[::1]/a@b",
            ),
            ("'rtsp://cam'@x", "'rtsp://cam'@x"),
            ("no address @ all", "no address @ all"),
        ] {
            assert_eq!(without_passwords(message), safe);
        }
    }

    #[test]
    fn a_camera_that_nobody_named_is_just_a_camera() {
        let labels = ["camera", "camera-2", "door", "camera-door", "cameras"]
            .map(|name| CameraLabel(name).to_string());
        assert_eq!(labels, ["camera", "camera-2", "camera door", "camera camera-door", "camera cameras"]);
        assert_eq!(CameraLabel(&default_camera(3)).to_string(), "camera-3");
    }

    #[test]
    fn a_title_is_one_line_in_any_language() {
        for title in ["Küche", "front door", "Кухня", "📷", &"é".repeat(TITLE_MAX)] {
            assert!(is_title(title), "{title}");
        }
        for wrong in ["", " ", " a", "a\n", "a\tb", "\u{1b}[2J", "a\u{202e}b", &"é".repeat(TITLE_MAX + 1)] {
            assert!(!is_title(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_cameras_name_cannot_play_tricks_on_a_terminal() {
        assert_eq!(printable(b"  Cam\x1b[2J\r\nera \0\0"), "Cam[2Jera");
        assert_eq!(printable(b"Cam\xc3\xa9ra \xc3"), "Cam\u{e9}ra");
    }
}
