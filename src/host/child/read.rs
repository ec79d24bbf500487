//! Reads with a timeout.
//!
//! Used by [`super::Process`], and by `camera::pipe` for our own standard input.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::time::Timespec;

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// This many bytes, at least one.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The end of the stream.
    End,
}

/// How a wait for input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// There is something to read, or a stream has ended.
    Ready,
    /// Nothing came in time.
    TimedOut,
}

/// Waits at most `timeout` until one of these can be read or has ended. A signal may end the wait early, as
/// [`Wait::TimedOut`].
///
/// # Errors
/// poll(2) failed.
pub fn wait_for_input<const N: usize>(
    inputs: [Option<BorrowedFd<'_>>; N],
    timeout: Duration,
) -> io::Result<Wait> {
    let mut watched = heapless::Vec::<PollFd<'_>, N>::new();
    for input in inputs.into_iter().flatten() {
        let _ = watched.push(PollFd::from_borrowed_fd(input, PollFlags::IN)); // has space for N
    }
    let timeout = Timespec::try_from(timeout).ok();
    match poll(&mut watched, timeout.as_ref()) {
        Ok(0) | Err(Errno::INTR) => Ok(Wait::TimedOut),
        Ok(_) => Ok(Wait::Ready),
        Err(error) => Err(error.into()),
    }
}

/// Reads what has arrived.
///
/// # Errors
/// read(2) failed.
pub fn read(input: impl AsFd, buffer: &mut [u8]) -> io::Result<Read> {
    match rustix::io::read(input, buffer) {
        Ok(0) => Ok(Read::End),
        Ok(length) => Ok(Read::Bytes(length)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(Read::Nothing),
        Err(error) => Err(error.into()),
    }
}
