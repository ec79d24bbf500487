//! Asks for a password on the terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::signals;
use crate::problem::Problem;

/// The exit status after Ctrl-C, as shells have it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Reads a password of at most `longest` bytes: on a terminal twice and without showing it, otherwise the first line of
/// standard input. Ctrl-C ends the program, and the terminal shows again what is typed.
///
/// # Errors
/// Input that ends, that is not UTF-8 or too long, or two passwords that differ.
pub fn password(longest: usize) -> Result<String, Problem> {
    if !io::stdin().is_terminal() {
        return line(longest);
    }
    let silent = Silent::begin()?;
    let before = silent.0.clone();
    let end = move || {
        restore(&before);
        let _ = writeln!(io::stderr()); // the shell's prompt gets a line of its own
        std::process::exit(INTERRUPTED);
    };
    signals::listen(end, || {})?;
    let first = ask("Password: ", longest)?;
    let again = ask("Repeat the password: ", longest)?;
    drop(silent);
    if first != again {
        let advice = "type the same password twice";
        return Err(Problem::new("cannot use this password", "the two passwords differ", advice));
    }
    Ok(first)
}

fn ask(what: &str, longest: usize) -> Result<String, Problem> {
    let mut out = io::stderr();
    let _ = write!(out, "{what}").and_then(|()| out.flush()); // one can type without seeing it
    let line = line(longest);
    let _ = writeln!(out);
    line
}

fn line(longest: usize) -> Result<String, Problem> {
    let unusable =
        |why: String| Problem::new("cannot read a password", why, "type one, or pass it on standard input");
    let mut line = Vec::new();
    // One byte more than the longest password, and the line break, which may be CR LF.
    let most = longest as u64 + 3;
    io::stdin()
        .lock()
        .take(most)
        .read_until(b'\n', &mut line)
        .map_err(|error| unusable(error.to_string()))?;
    let line = String::from_utf8(line)
        .map_err(|_| unusable("it is not UTF-8; is the terminal set to it?".to_owned()))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// While this lives, the terminal does not show what is typed.
struct Silent(Termios);

impl Silent {
    fn begin() -> Result<Self, Problem> {
        let failed = |error: rustix::io::Errno| {
            let advice = "pass the password on standard input instead";
            Problem::new("cannot keep the terminal from showing the password", error.to_string(), advice)
        };
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        restore(&self.0);
    }
}

fn restore(before: &Termios) {
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before); // nothing else can be done
}
