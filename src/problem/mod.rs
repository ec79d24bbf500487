//! The form of every error message for people: what was tried and on what, what the system answered, and what the user
//! can do about it.
//!
//! Used by every module that talks to the outside. A message is one line: `cannot start /dev/video0: the USB
//! bus lacks the bandwidth for yuyv 1920x1080 at 30/s (ENOSPC); try format mjpeg, or another USB port`.
//!
//! Logs are in English. The page shows messages in its own language: it gets a [`Text`] as a template and its values,
//! and looks the template up in its translations.

pub mod promise;
mod shell;
mod system;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::names::without_passwords;
pub use shell::shell_quoted;

/// The header of a refusal with its text as a template and values ([`Text::to_header`]), for a page in another language.
/// Clients get it too.
pub const MESSAGE_HEADER: &str = "Boardcam-Message";

/// A text for people: an English template, in which each `{}` stands for a value. Made by [`text!`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    template: &'static str,
    values: Vec<Value>,
}

/// A value in a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A name, a path, a whole number: the same in every language.
    Plain(String),
    /// A number with decimals, which other languages write with a comma.
    #[serde(serialize_with = "as_number")]
    Decimal(String),
    /// A text of its own.
    Text(Text),
}

/// A [`Text`]: `text!("cannot open {}", path)`. The template is a literal, so that a test can find all templates and
/// see that each is translated.
macro_rules! text {
    ($template:literal $(, $value:expr)* $(,)?) => {{
        const { assert!($crate::problem::blanks($template) == <[&str]>::len(&[$(stringify!($value)),*])) };
        $crate::problem::Text::new($template, vec![$($crate::problem::Value::from($value)),*])
    }};
}
pub(crate) use text;

/// The number of `{}` in a template.
pub(crate) const fn blanks(template: &str) -> usize {
    let bytes = template.as_bytes();
    let (mut at, mut count) = (1, 0);
    while at < bytes.len() {
        count += (bytes[at - 1] == b'{' && bytes[at] == b'}') as usize;
        at += 1;
    }
    count
}

impl Text {
    /// For [`text!`], which checks that there is a value for each blank.
    pub(crate) const fn new(template: &'static str, values: Vec<Value>) -> Self {
        Self { template, values }
    }

    /// It as JSON in ASCII, for a header; `None` if it has no template that could be translated.
    pub fn to_header(&self) -> Option<String> {
        if !self.template.contains(|c: char| c.is_alphabetic())
            && !self.values.iter().any(|value| matches!(value, Value::Text(_)))
        {
            return None;
        }
        let json = serde_json::to_string(self).ok()?;
        let escape = |c: char| match c {
            ' '..='~' => c.to_string(),
            _ => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        };
        Some(json.chars().map(escape).collect())
    }

    /// These texts, with `separator` between them.
    pub fn list(texts: impl IntoIterator<Item = Text>, separator: Text) -> Self {
        let mut texts = texts.into_iter();
        let first = texts.next().unwrap_or_else(|| text!(""));
        texts.fold(first, |list, next| text!("{}{}{}", list, &separator, next))
    }
}

/// In English, on one line whatever a driver or a file name contains: logs are read line by line.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.values.iter();
        let mut parts = self.template.split("{}");
        f.write_str(parts.next().unwrap_or_default())?;
        for part in parts {
            match values.next() {
                Some(Value::Plain(value) | Value::Decimal(value)) => on_one_line(value, f)?,
                Some(Value::Text(text)) => text.fmt(f)?,
                None => {}
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl std::error::Error for Text {}

fn on_one_line(value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in value.chars() {
        if c.is_control() {
            write!(f, "{}", c.escape_default())?;
        } else {
            write!(f, "{c}")?;
        }
    }
    Ok(())
}

/// A text without a template, which stays as it is in every language: what the system or another program says.
impl From<String> for Text {
    fn from(text: String) -> Self {
        text!("{}", text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.to_owned().into()
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&Text> for Value {
    fn from(text: &Text) -> Self {
        Self::Text(text.clone())
    }
}

/// A value as messages show it: settings of cameras, and what programs say about them, may hold passwords.
fn shown(value: String) -> String {
    if value.contains("://") { without_passwords(&value) } else { value }
}

macro_rules! plain {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::Plain(shown(value.to_string()))
            }
        })*
    };
}
plain!(&str, String, &String, u8, u16, u32, u64, usize, i32);

fn as_number<S: Serializer>(number: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match number.parse::<f64>() {
        Ok(number) => serializer.serialize_f64(number),
        Err(_) => serializer.serialize_str(number),
    }
}

/// A failure, described so that somebody who does not know this program can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was tried and on what: `cannot open /dev/video0`.
    pub what: Text,
    /// What the system answered: `permission denied (EACCES)`.
    pub why: Text,
    /// What the user can do: `add your user to group video: sudo usermod -aG video pi`.
    pub advice: Text,
}

impl Problem {
    /// Puts a problem together; each part without a final full stop.
    pub fn new(what: impl Into<Text>, why: impl Into<Text>, advice: impl Into<Text>) -> Self {
        Self { what: what.into(), why: why.into(), advice: advice.into() }
    }

    /// All of it as one text.
    pub fn line(&self) -> Text {
        text!("{}: {}; {}", &self.what, &self.why, &self.advice)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line().fmt(f)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_of_what_why_and_advice() {
        let what = text!("cannot open {}", "/dev/vid\neo0");
        let problem = Problem::new(what, "no such file (ENOENT)", "plug it in");
        assert_eq!(problem.to_string(), "cannot open /dev/vid\\neo0: no such file (ENOENT); plug it in");
    }

    #[test]
    fn a_page_in_another_language_gets_the_template_and_the_values() {
        let late = text!("nothing came within {} s", Value::Decimal("2.5".to_owned()));
        let text = text!("{} in a row, {}", 7, late);
        assert_eq!(text.to_string(), "7 in a row, nothing came within 2.5 s");
        assert_eq!(
            serde_json::to_value(&text).unwrap(),
            serde_json::json!({
                "template": "{} in a row, {}",
                "values": ["7", { "template": "nothing came within {} s", "values": [2.5] }],
            })
        );
    }

    #[test]
    fn a_header_has_the_template_in_ascii_whatever_the_values_hold() {
        let header = text!("cannot open {}", "/k\u{fc}\u{1f600}\n\"").to_header().unwrap();
        assert_eq!(header, r#"{"template":"cannot open {}","values":["/k\u00fc\ud83d\ude00\n\""]}"#);
        assert_eq!(Text::from("as it is").to_header(), None);
        assert!(Problem::new(text!("a"), "b", "c").line().to_header().is_some());
    }

    #[test]
    fn the_password_of_a_camera_is_in_no_message() {
        let camera = "rtsp://anna:geheim@cam/live".to_owned();
        for text in
            [text!("cannot use {}", &camera), Text::from(&camera), text!("{}", text!("a {}", camera.clone()))]
        {
            let json = serde_json::to_string(&text).unwrap();
            assert!(!text.to_string().contains("geheim") && !json.contains("geheim"), "{json}");
            assert!(text.to_string().contains("rtsp://***@cam/live"), "{text}");
        }
    }

    #[test]
    fn a_value_may_look_like_a_blank() {
        let text = text!("cannot open {}: {}", "{}", "x");
        assert_eq!(text.to_string(), "cannot open {}: x");
        assert_eq!(Text::from("100 {}").to_string(), "100 {}");
        assert_eq!(Text::list([text!("a"), text!("b"), text!("c")], ", ".into()).to_string(), "a, b, c");
    }
}
