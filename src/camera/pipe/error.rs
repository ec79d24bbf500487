//! Why a pipe delivers nothing, or no more.

use std::process::ExitStatus;
use std::time::Duration;

use crate::camera::config::PipeSpec;
use crate::camera::observer::cancelled;
use crate::jpeg::passthrough::Fault;
use crate::problem::{Problem, Text, text};

/// Exit status of a shell that did not find the command (POSIX.1-2017, Shell Command Language 2.8.2).
const NOT_FOUND: i32 = 127;

/// Exit status of a shell that found the command but could not execute it (same section).
const NOT_EXECUTABLE: i32 = 126;

/// What a program must do.
const EXPECTED: Text = text!("it must write JPEGs one after the other, as `ffmpeg ... -f mjpeg -` does");

/// Why a pipe delivers nothing, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipeError {
    /// The observer cancelled the wait for the first picture.
    Cancelled,
    /// Standard input is a terminal.
    Terminal,
    /// `rpicam-vid` is not installed.
    NoRpicam,
    /// The program could not be started; the text is the system's error.
    Start(String),
    /// No usable picture came in time.
    NoPicture {
        /// The time that it had.
        within: Duration,
        /// What was wrong with the last picture; `None` if there was none.
        fault: Option<Fault>,
        /// Bytes that were not part of a JPEG.
        garbage: u64,
    },
    /// This many bytes came, and no JPEG.
    Garbage(u64),
    /// The program that wrote to standard input closed it.
    StdinClosed,
    /// The program ended.
    Ended {
        /// How it ended; `None` if it only closed its output.
        status: Option<ExitStatus>,
        /// The last line that it wrote to standard error; empty if there was none.
        last_words: String,
    },
    /// Reading failed; the text is the system's error.
    Read(String),
}

impl PipeError {
    /// The error in words, about the pipe that `spec` names.
    pub fn problem(&self, spec: &PipeSpec) -> Problem {
        let label = || spec.label();
        let ended = |why: Text, advice: Text| Problem::new(text!("{} ended", label()), why, advice);
        match self {
            PipeError::Cancelled => cancelled(),
            PipeError::Terminal => {
                let advice = text!("pipe a program into it; {}", EXPECTED);
                Problem::new(text!("cannot use {}", label()), text!("it is a terminal"), advice)
            }
            PipeError::NoRpicam => Problem::new(
                text!("cannot use a Raspberry Pi camera module"),
                text!("there is no rpicam-vid (nor libcamera-vid) on PATH"),
                text!("install it: sudo apt install rpicam-apps-lite"),
            ),
            PipeError::Start(error) => {
                let advice = text!("is the system out of processes, files or memory?");
                Problem::new(text!("cannot start {}", label()), error, advice)
            }
            PipeError::NoPicture { within, fault, garbage } => {
                let time = within.as_secs();
                let why = match (fault, garbage) {
                    (Some(fault), _) => text!("no good picture came within {} s: {}", time, fault.text()),
                    (None, 0) => text!("nothing came within {} s", time),
                    (None, garbage) => {
                        text!("no picture came within {} s, but {} bytes of something else", time, *garbage)
                    }
                };
                Problem::new(text!("cannot use {}", label()), why, EXPECTED)
            }
            PipeError::Garbage(bytes) => ended(text!("it wrote {} bytes without a JPEG", *bytes), EXPECTED),
            PipeError::StdinClosed => ended(
                text!("the program that wrote to it closed it"),
                text!("it cannot be reopened: restart boardcam behind the program that writes to it"),
            ),
            PipeError::Ended { status, last_words } => {
                let (why, advice) = how_it_ended(*status, last_words);
                ended(why, advice)
            }
            PipeError::Read(error) => ended(error.into(), text!("it is reopened automatically")),
        }
    }
}

/// How a program ended, as far as it is known, and what to do about it.
fn how_it_ended(status: Option<ExitStatus>, last_words: &str) -> (Text, Text) {
    let how = match status {
        Some(status) => how_it_exited(status),
        None => text!("it closed its output"),
    };
    let how = if last_words.is_empty() { how } else { text!("{}; it last said: {}", how, last_words) };
    match status.and_then(|status| status.code()) {
        Some(NOT_FOUND) => {
            (text!("the command was not found ({})", how), text!("install it, or give its full path"))
        }
        Some(NOT_EXECUTABLE) => {
            (text!("the command cannot be executed ({})", how), text!("is it a program, with mode +x?"))
        }
        _ => (how, text!("it is restarted automatically; try it in a terminal to see what it needs")),
    }
}

/// A program's exit status as std words it: `exit status: 1`, `signal: 9 (SIGKILL)`.
fn how_it_exited(status: ExitStatus) -> Text {
    match status.code() {
        Some(code) => text!("exit status: {}", code),
        None => match status.to_string().strip_prefix("signal: ") {
            Some(signal) => text!("signal: {}", signal),
            None => status.to_string().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_program_is_reported_with_its_last_words() {
        use std::os::unix::process::ExitStatusExt;
        let code = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let message = |status, words| how_it_ended(status, words).0.to_string();
        assert_eq!(
            message(code(1), "no cameras available"),
            "exit status: 1; it last said: no cameras available"
        );
        assert_eq!(message(Some(ExitStatus::from_raw(9)), ""), "signal: 9 (SIGKILL)");
        assert!(message(code(127), "sh: 1: x: not found").starts_with("the command was not found"));
        assert!(message(code(126), "").starts_with("the command cannot be executed"));
        assert_eq!(message(None, ""), "it closed its output");
    }
}
