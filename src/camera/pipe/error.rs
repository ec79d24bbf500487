//! Why a pipe delivers nothing, or no more.

use std::process::ExitStatus;

use super::content::Content;
use crate::camera::config::PipeSpec;
use crate::camera::observer::cancelled;
use crate::camera::source::Flaw;
use crate::jpeg::passthrough::Fault;
use crate::problem::{Problem, Text, promise, text};

/// Exit status of a shell that did not find the command (POSIX.1-2017, Shell Command Language 2.8.2).
const NOT_FOUND: i32 = 127;

/// Exit status of a shell that found the command but could not execute it (same section).
const NOT_EXECUTABLE: i32 = 126;

/// What a program must do.
const EXPECTED: Text = text!("it must write JPEGs one after the other, as `ffmpeg ... -f mjpeg -` does");

/// What to do about a kind of JPEG that cannot be shown.
const BASELINE: Text = text!("set what makes the pictures to baseline JPEGs with 8 bits per sample");

/// What to do if a command writes one picture and ends.
const REPEAT: Text = text!("if it takes one picture, repeat it: pipe:while COMMAND; do sleep 1; done");

/// What to do if a command writes some pictures and ends.
const LOOP: Text =
    text!("if it plays a file, let it begin again at the end: ffmpeg -stream_loop -1 -i FILE ...");

/// What to do if nothing comes.
const SILENT: Text = text!(
    "try the command in a terminal to see what it waits for; if its pictures are more than a minute apart, set timeout"
);

/// The same for standard input.
const SILENT_STDIN: Text = text!("see what the program that writes to it waits for");

/// What comes in place of a picture that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Nothing at all.
    Nothing,
    /// The beginning of a picture, and not its end.
    Unfinished,
    /// The beginning of a film of JPEGs, and none of them.
    InFilm(Content),
    /// Something else than JPEGs.
    Other(Content),
    /// Pictures that cannot be used, for this reason.
    Unusable(Flaw),
}

impl Lack {
    /// Whether it does not say what the program delivers.
    pub fn is_silence(&self) -> bool {
        matches!(self, Lack::Nothing | Lack::Unfinished | Lack::InFilm(_))
    }

    /// Why pictures with this flaw cannot be used, and what to do about it.
    fn of_pictures(flaw: Flaw) -> (Text, Text) {
        let advice = match flaw {
            Flaw::TooLarge | Flaw::Fault(Fault::Oversized) => {
                text!("set a smaller size where the pictures are made")
            }
            Flaw::Fault(fault) if fault.is_kind() => BASELINE,
            _ => EXPECTED,
        };
        (text!("its pictures cannot be used: {}", flaw.text()), advice)
    }
}

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
    Start(Text),
    /// No usable picture has come so far.
    NoPicture(Lack),
    /// The program that wrote to standard input closed it.
    StdinClosed {
        /// What it wrote in place of pictures.
        written: Option<Content>,
    },
    /// The program ended.
    Ended {
        /// How it ended; `None` if it only closed its output.
        status: Option<ExitStatus>,
        /// How many pictures it wrote.
        pictures: u32,
        /// What it wrote in place of pictures.
        written: Option<Content>,
        /// What was wrong with its pictures, if none could be used.
        flaw: Option<Flaw>,
        /// The last line that it wrote to standard error; empty if there was none.
        last_words: String,
    },
    /// Reading failed; the text is the system's error.
    Read(Text),
}

impl PipeError {
    /// The same, if none of its pictures could be used since they all had a flaw like this one.
    pub fn with_flaw(self, last_flaw: Option<Flaw>) -> Self {
        match self {
            PipeError::Ended { status, pictures, written, last_words, .. } => {
                PipeError::Ended { status, pictures, written, last_words, flaw: last_flaw }
            }
            other => other,
        }
    }

    /// Whether it says what the program delivers.
    pub fn says_content(&self) -> bool {
        match self {
            PipeError::NoPicture(lack) => !lack.is_silence(),
            PipeError::StdinClosed { written } => written.is_some(),
            PipeError::Ended { written, flaw, .. } => written.is_some() || flaw.is_some(),
            _ => false,
        }
    }

    /// The error in words, about the pipe that `spec` names.
    pub fn problem(&self, spec: &PipeSpec) -> Problem {
        let label = || spec.label();
        let silent = || if *spec == PipeSpec::Stdin { SILENT_STDIN } else { SILENT };
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
                Problem::new(text!("cannot start {}", label()), error.clone(), advice)
            }
            PipeError::NoPicture(lack) => {
                let (why, advice) = match lack {
                    Lack::Nothing => (text!("nothing has come from it yet"), silent()),
                    Lack::Unfinished => (text!("a picture has begun, and its end does not come"), silent()),
                    Lack::InFilm(content) => {
                        (text!("it writes {}, and none of them has come yet", content.text()), silent())
                    }
                    Lack::Other(content) => {
                        (text!("it writes {} and not JPEGs", content.text()), content.advice())
                    }
                    Lack::Unusable(flaw) => Lack::of_pictures(*flaw),
                };
                Problem::new(text!("cannot use {}", label()), why, advice)
            }
            PipeError::StdinClosed { written } => {
                let why = text!("the program that wrote to it closed it");
                let why = with_content(why, written.as_ref());
                ended(
                    why,
                    text!("it cannot be reopened: restart boardcam behind the program that writes to it"),
                )
            }
            PipeError::Ended { status, pictures, written, flaw, last_words } => {
                let (why, mut advice) = how_it_ended(*status, last_words);
                let mut why = with_content(why, written.as_ref());
                let succeeded = status.is_some_and(|status| status.success());
                if let Some(flaw) = flaw {
                    let unusable;
                    (unusable, advice) = Lack::of_pictures(*flaw);
                    why = text!("{}; {}", why, unusable);
                } else if let Some(written) = written {
                    advice = written.advice();
                } else if *pictures > 0 && succeeded {
                    advice = if *pictures == 1 { REPEAT } else { LOOP };
                } else if succeeded {
                    why = text!("{}; it wrote no picture", why);
                }
                ended(why, advice)
            }
            PipeError::Read(error) => {
                ended(error.clone(), text!("see whether the program still runs").and(promise::RESTARTED))
            }
        }
    }
}

/// The same, and what was written in place of pictures.
fn with_content(why: Text, written: Option<&Content>) -> Text {
    match written {
        Some(written) => text!("{}; it wrote {} and not JPEGs", why, written.text()),
        None => why,
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
        _ => (how, text!("try it in a terminal to see what it needs").and(promise::RESTARTED)),
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
    fn the_advice_fits_the_reason_why_pictures_cannot_be_used() {
        let advice = |fault| {
            let error = PipeError::NoPicture(Lack::Unusable(Flaw::Fault(fault)));
            error.problem(&PipeSpec::Rpicam(String::new())).advice.to_string()
        };
        assert!(advice(Fault::Oversized).starts_with("set a smaller size"));
        assert!(advice(Fault::Arithmetic).contains("baseline"));
    }

    #[test]
    fn a_command_that_plays_a_file_to_its_end_is_not_told_to_repeat_one_picture() {
        use std::os::unix::process::ExitStatusExt;
        let advice = |pictures| {
            let (status, last_words) = (Some(ExitStatus::from_raw(0)), String::new());
            let ended = PipeError::Ended { status, pictures, written: None, flaw: None, last_words };
            ended.problem(&PipeSpec::Command("x".to_owned())).advice.to_string()
        };
        assert!(advice(1).contains("while COMMAND") && advice(60).contains("-stream_loop"), "{}", advice(60));
    }

    #[test]
    fn standard_input_has_no_command_to_try() {
        for lack in [Lack::Nothing, Lack::Unfinished] {
            let problem = |spec| PipeError::NoPicture(lack.clone()).problem(&spec).advice.to_string();
            assert!(!problem(PipeSpec::Stdin).contains("command"), "{lack:?}");
            assert!(problem(PipeSpec::Command("x".to_owned())).contains("command"), "{lack:?}");
        }
    }

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
