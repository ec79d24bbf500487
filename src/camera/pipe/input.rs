//! What a pipe reads from: a program, or our own standard input.
//!
//! Used only by [`super::Pipe`].

use std::io::{self, Stdin};
use std::os::fd::AsFd;
use std::time::Duration;

use super::content::Content;
use super::error::PipeError;
use crate::host::child::read::{Read, Wait, read, wait_for_input};
use crate::host::child::{LogLines, Process};

/// Reads of standard error before each read of pictures; a program that writes more is logged in part.
const ERROR_READS: usize = 16;

/// Where bytes come from.
pub enum Input {
    /// Our own standard input. It stays in blocking mode, since it may be shared with other programs; a read after
    /// poll(2) announced data does not block.
    Stdin(Stdin),
    /// A program, and the log of its standard error.
    Program(Process, LogLines),
}

impl Input {
    /// Waits at most `timeout` for input, and reads it.
    ///
    /// # Errors
    /// poll(2) or read(2) failed.
    pub fn read(&mut self, buffer: &mut [u8], timeout: Duration) -> io::Result<Read> {
        match self {
            Input::Stdin(stdin) => match wait_for_input([Some(stdin.as_fd())], timeout)? {
                Wait::Ready => read(stdin, buffer),
                Wait::TimedOut => Ok(Read::Nothing),
            },
            Input::Program(process, log) => {
                process.wait(timeout)?;
                read_errors(process, log);
                process.read(buffer)
            }
        }
    }

    /// Why no more comes, after [`Read::End`]: after so many `pictures`, and what was `written` in their place.
    pub fn end(&mut self, pictures: u32, written: Option<Content>) -> PipeError {
        match self {
            Input::Stdin(_) => PipeError::StdinClosed { written },
            Input::Program(process, log) => {
                let status = process.wait_for_end();
                read_errors(process, log);
                PipeError::Ended {
                    status,
                    pictures,
                    written,
                    flaw: None,
                    last_words: log.last_line().to_owned(),
                }
            }
        }
    }
}

/// Logs what a program wrote to standard error.
fn read_errors(process: &mut Process, log: &mut LogLines) {
    let mut bytes = [0; 4096];
    for _ in 0..ERROR_READS {
        let Some(length) = process.read_errors(&mut bytes) else { return };
        log.write(&bytes[..length]);
    }
}
