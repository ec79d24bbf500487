//! Whom to tell, as the settings name it.

use std::fmt;
use std::str::FromStr;

use super::address::Address;
use super::mqtt::Broker;
use crate::problem::{Text, text};

/// Whom to tell. By default nobody is told anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// A URL that is called.
    pub hook: Option<HookUrl>,
    /// A program that is run.
    pub command: Option<CommandLine>,
    /// A broker.
    pub mqtt: Option<Broker>,
}

/// The URL of a web hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookUrl {
    text: String,
    pub(super) address: Address,
}

impl HookUrl {
    /// Without its secrets.
    pub fn shown(&self) -> String {
        self.address.to_string()
    }
}

impl FromStr for HookUrl {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        Ok(Self { text: text.to_owned(), address: Address::parse(text, &["http", "https"])? })
    }
}

/// As it was written, with its secrets.
impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A program and its arguments. No shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    text: String,
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

impl CommandLine {
    /// Without its arguments, which may hold secrets.
    pub fn shown(&self) -> String {
        self.program.clone()
    }
}

/// Words between spaces; quotes and backslashes keep spaces in a word, as in a shell. Nothing else has a meaning; what a
/// shell would take as a comment is refused.
impl FromStr for CommandLine {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        if text.contains(char::is_control) {
            return Err(text!("expected a program and its arguments on one line"));
        }
        let words = shlex::split(text).ok_or_else(|| text!("expected every quote to have an end"))?;
        // Crate shlex leaves out what follows a # at the beginning of a word.
        let plain = |text: &str| text.replace('#', "x");
        if shlex::split(&plain(text)) != Some(words.iter().map(|word| plain(word)).collect()) {
            return Err(text!("expected quotes around a word that begins with #"));
        }
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| text!("expected a program and its arguments"))?;
        Ok(Self { text: text.to_owned(), program, arguments: words.collect() })
    }
}

/// As it was written.
impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_at_spaces_and_shown_without_its_arguments() {
        let line: CommandLine = r#"/usr/bin/tell --to "Front door" it\'s '$HOME;*' "#.parse().unwrap();
        assert_eq!(line.arguments, ["--to", "Front door", "it's", "$HOME;*"]);
        for comment in ["/usr/bin/irc #alarm --all", "#x", "a 'b' #c"] {
            assert!(comment.parse::<CommandLine>().unwrap_err().to_string().contains('#'), "{comment}");
        }
        for (quoted, argument) in
            [("irc '#alarm'", "#alarm"), ("irc a#b", "a#b"), (r"irc \#a", "#a"), ("irc 'a #b'", "a #b")]
        {
            assert_eq!(quoted.parse::<CommandLine>().unwrap().arguments, [argument], "{quoted}");
        }
        assert_eq!(line.shown(), "/usr/bin/tell");
        for wrong in ["", "  ", "tell 'it", "''", "tell\nme"] {
            assert!(wrong.parse::<CommandLine>().unwrap_err().to_string().starts_with("expected"), "{wrong}");
        }
    }
}
