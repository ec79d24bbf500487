//! The form of every error message for people: what was tried and on what, what the system answered, and what the user
//! can do about it.
//!
//! Used by every module that talks to the outside. A message is one line: `cannot start /dev/video0: the USB
//! bus lacks the bandwidth for yuyv 1920x1080 at 30/s (ENOSPC); try --format mjpeg, or another USB port`.

use std::fmt;

/// A failure, described so that somebody who does not know this program can act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What was tried and on what: `cannot open /dev/video0`.
    pub what: String,
    /// What the system answered: `permission denied (EACCES)`.
    pub why: String,
    /// What the user can do: `add your user to group video: sudo usermod -aG video pi`.
    pub advice: String,
}

impl Problem {
    /// Puts a problem together; each part without a final full stop.
    pub fn new(what: impl Into<String>, why: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), advice: advice.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Always one line, whatever a driver or a file name contains: logs are read line by line.
        let line = format!("{}: {}; {}", self.what, self.why, self.advice);
        for c in line.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_of_what_why_and_advice() {
        let problem = Problem::new("cannot open /dev/vid\neo0", "no such file (ENOENT)", "plug it in");
        assert_eq!(problem.to_string(), "cannot open /dev/vid\\neo0: no such file (ENOENT); plug it in");
    }
}
