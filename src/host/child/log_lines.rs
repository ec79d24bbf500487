//! Writes what a program says to the log, line by line. Lines are cut to a maximum length and made safe for a terminal,
//! passwords are removed, and the number of lines is limited, however often the program is started. The last line is
//! kept, since it often says why the program ended.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use log::{Level, log};

use crate::host::log::Allowance;
use crate::names::{printable, without_passwords};
use crate::sync::lock;

/// The longest line in bytes; the rest is cut off.
const LINE_MAX: usize = 300;

/// The most lines that are logged per [`PERIOD`]; further lines are only counted.
const LINES_MAX: u32 = 20;
/// See [`LINES_MAX`].
const PERIOD: Duration = Duration::from_secs(60);

/// Lines that these programs may write to the log at once, ...
const FIRST: u32 = 40;
/// ... and after that one in this time: one that reports its progress, or its last words at each start, must not fill an
/// SD card. The others are there at debug level.
const REFILL: Duration = Duration::from_secs(15 * 60);

/// What is said of further lines, once an hour.
const LEFT_OUT: &str = "more lines were left out";

/// How many more lines the programs of one camera, or of another subject, may write to the log.
#[derive(Debug, Clone)]
pub struct Words(Option<Arc<Mutex<Allowance>>>);

impl Default for Words {
    fn default() -> Self {
        Self(Some(Arc::new(Mutex::new(Allowance::new(FIRST, REFILL)))))
    }
}

impl Words {
    /// Of a program that the user has not asked for: its lines are logged at debug level.
    pub const fn unasked() -> Self {
        Self(None)
    }

    /// The level of this line.
    fn level(&self, line: &str, now: Instant) -> Level {
        let is_allowed = self.0.as_ref().is_some_and(|lines| lock(lines).take_for(line, now).is_some());
        if is_allowed { Level::Info } else { Level::Debug }
    }
}

/// Makes log lines of what a program writes.
#[derive(Debug)]
pub struct LogLines {
    /// Stands before each line.
    prefix: String,
    words: Words,
    /// The current line as far as it was written.
    line: Vec<u8>,
    /// The last line that was not empty.
    last: String,
    /// When the current [`PERIOD`] began.
    period: Instant,
    /// Lines logged in this period.
    logged: u32,
    /// Lines left out since the last line that was logged.
    left_out: u64,
}

impl LogLines {
    /// Puts `prefix` before each line.
    pub fn new(prefix: String, words: Words) -> Self {
        let line = Vec::with_capacity(LINE_MAX);
        Self { prefix, words, line, last: String::new(), period: Instant::now(), logged: 0, left_out: 0 }
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                // ffmpeg's progress ends with only a carriage return.
                b'\n' | b'\r' => self.end_line(),
                byte if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// The last line, even if it is unfinished; empty if nothing was written.
    pub fn last_line(&mut self) -> &str {
        self.end_line();
        &self.last
    }

    fn end_line(&mut self) {
        let line = without_passwords(&printable(&self.line));
        self.line.clear();
        if line.is_empty() {
            return;
        }
        if self.period.elapsed() >= PERIOD {
            self.log_left_out();
            (self.period, self.logged) = (Instant::now(), 0);
        }
        if self.logged < LINES_MAX {
            self.logged += 1;
            log!(self.words.level(&line, Instant::now()), "{}: {line}", self.prefix);
        } else {
            self.left_out += 1;
        }
        self.last = line;
    }

    fn log_left_out(&mut self) {
        if self.left_out > 0 {
            log!(
                self.words.level(LEFT_OUT, Instant::now()),
                "{}: ({} {LEFT_OUT})",
                self.prefix,
                self.left_out
            );
            self.left_out = 0;
        }
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        self.end_line();
        self.log_left_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> LogLines {
        LogLines::new("test".to_owned(), Words::default())
    }

    #[test]
    fn the_last_line_is_kept_however_it_is_split() {
        let mut lines = lines();
        for piece in ["first\nno cam", "eras avai", "lable\n", "\n\x1b[31m\n"] {
            lines.write(piece.as_bytes());
        }
        assert_eq!(lines.last_line(), "[31m");
        lines.write(b"frame=1\rframe=2");
        assert_eq!(lines.last_line(), "frame=2");
    }

    #[test]
    fn a_flood_of_lines_and_an_endless_line_are_bounded() {
        let mut lines = lines();
        for _ in 0..1000 {
            lines.write(b"again\n");
        }
        assert_eq!((lines.logged, lines.left_out), (LINES_MAX, 1000 - u64::from(LINES_MAX)));
        lines.write(&[b'x'; 100_000]);
        assert_eq!(lines.last_line().len(), LINE_MAX);
    }

    #[test]
    fn a_program_that_is_restarted_all_day_says_little_in_the_log() {
        let (words, begin) = (Words::default(), Instant::now());
        let of_a_day = |words: &Words, line: &dyn Fn(u64) -> String| {
            let level = |second: &u64| words.level(&line(*second), begin + Duration::from_secs(*second));
            (0..86_400).filter(|second| level(second) == Level::Info).count()
        };
        let other = of_a_day(&words, &|second| format!("frame={second}"));
        assert!((FIRST as usize + 80..=FIRST as usize + 96).contains(&other), "{other} lines");
        assert_eq!(of_a_day(&Words::default(), &|_| "connection refused".to_owned()), 24);
        assert_eq!(of_a_day(&Words::unasked(), &|_| "hello".to_owned()), 0);
    }
}
