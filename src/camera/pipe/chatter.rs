//! What a program says on its standard error, line by line into the log.
//!
//! Used by [`super::Pipe`] alone. Lines are cut, made safe for a terminal and freed of passwords, and a program
//! that says too much is left out; its last line is kept, since it often is the reason why it ended.

use std::time::{Duration, Instant};

use log::{Level, log};

use crate::names::printable;

/// The longest line in bytes; what is beyond is left out.
const LINE_MAX: usize = 300;

/// So many lines are logged ...
const LINES_MAX: u32 = 20;
/// ... in so much time; further ones are counted.
const PERIOD: Duration = Duration::from_secs(60);

/// Makes log lines of what a program says.
#[derive(Debug)]
pub struct Chatter {
    /// Before each line.
    prefix: String,
    level: Level,
    line: Vec<u8>,
    /// The last line that said anything.
    last: String,
    period: Instant,
    logged: u32,
    left_out: u64,
}

impl Chatter {
    /// Puts `prefix` before each line.
    pub fn new(prefix: String, level: Level) -> Self {
        let line = Vec::with_capacity(LINE_MAX);
        Self { prefix, level, line, last: String::new(), period: Instant::now(), logged: 0, left_out: 0 }
    }

    /// Takes in what was said.
    pub fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                // ffmpeg's progress ends with a carriage return alone.
                b'\n' | b'\r' => self.end_line(),
                byte if self.line.len() < LINE_MAX => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// The last line, also one that has no end; empty if nothing was said.
    pub fn last_words(&mut self) -> &str {
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
            self.tell_left_out();
            (self.period, self.logged) = (Instant::now(), 0);
        }
        if self.logged < LINES_MAX {
            self.logged += 1;
            log!(self.level, "{}: {line}", self.prefix);
        } else {
            self.left_out += 1;
        }
        self.last = line;
    }

    fn tell_left_out(&mut self) {
        if self.left_out > 0 {
            log!(self.level, "{}: ({} more lines were left out)", self.prefix, self.left_out);
            self.left_out = 0;
        }
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        self.end_line();
        self.tell_left_out();
    }
}

/// What stands between `://` and `@` of a URL (RFC 3986 section 3.2.1) is not for the log, and not for whoever
/// watches: ffmpeg names the address of a network camera with its password when it cannot reach it.
fn without_passwords(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("://") {
        safe.push_str(before);
        safe.push_str("://");
        let authority = behind.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace());
        let authority = behind.get(..authority.unwrap_or(behind.len())).unwrap_or_default();
        rest = behind;
        if let Some((_, host)) = authority.rsplit_once('@') {
            safe.push_str("***@");
            rest = behind.get(authority.len() - host.len()..).unwrap_or_default();
        }
    }
    safe + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chatter() -> Chatter {
        Chatter::new("test".to_owned(), Level::Info)
    }

    #[test]
    fn the_last_line_is_kept_however_it_came() {
        let mut chatter = chatter();
        for piece in ["first\nno cam", "eras avai", "lable\n", "\n\x1b[31m\n"] {
            chatter.hear(piece.as_bytes());
        }
        assert_eq!(chatter.last_words(), "[31m");
        chatter.hear(b"frame=1\rframe=2");
        assert_eq!(chatter.last_words(), "frame=2");
    }

    #[test]
    fn a_flood_of_lines_and_a_line_without_end_are_bounded() {
        let mut chatter = chatter();
        for _ in 0..1000 {
            chatter.hear(b"again\n");
        }
        assert_eq!((chatter.logged, chatter.left_out), (LINES_MAX, 1000 - u64::from(LINES_MAX)));
        chatter.hear(&[b'x'; 100_000]);
        assert_eq!(chatter.last_words().len(), LINE_MAX);
    }

    #[test]
    fn passwords_in_addresses_are_not_told() {
        for (told, safe) in [
            ("rtsp://admin:s3cret@10.0.0.7/live: refused", "rtsp://***@10.0.0.7/live: refused"),
            ("rtsp://admin:a@b@cam/x and http://u@h", "rtsp://***@cam/x and http://***@h"),
            ("http://cam/mail@example: no", "http://cam/mail@example: no"),
            ("'rtsp://cam'@x", "'rtsp://cam'@x"),
            ("no address @ all", "no address @ all"),
        ] {
            assert_eq!(without_passwords(told), safe);
        }
    }
}
