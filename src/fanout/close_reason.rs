//! Why the fan-out has finished with a connection.

use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::time::Duration;

use crate::problem::Problem;

/// A viewer that takes nothing for this long is dropped.
pub const STALL_LIMIT: Duration = Duration::from_secs(10);

/// A snapshot for which no fresh picture comes within this time is answered with 503.
pub const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);

/// Why a viewer or a download ends. Some are served to the end, some are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection, or its network failed.
    Disconnected(ErrorKind),
    /// The client took nothing for [`STALL_LIMIT`].
    Stalled,
    /// The memory for slow viewers ran out, and this one was the furthest behind.
    NoMemory,
    /// The whole snapshot or recording has been sent.
    Complete,
    /// No fresh picture came for a snapshot within [`SNAPSHOT_LIMIT`].
    NoPicture,
    /// The smaller picture that was asked for cannot be made.
    NotMade(Problem),
    /// The session ended or the token was revoked that the client was admitted with.
    PassEnded,
    /// The recording cannot be read, and nothing of the answer has been sent yet.
    Unreadable,
    /// The code that served it panicked.
    Panicked,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Disconnected(_) => f.write_str("it disconnected"),
            CloseReason::Stalled => write!(f, "it took nothing for {} s", STALL_LIMIT.as_secs()),
            CloseReason::NoMemory => {
                f.write_str("it was the furthest behind when memory for slow viewers ran out")
            }
            CloseReason::Complete => f.write_str("everything was sent"),
            CloseReason::PassEnded => f.write_str("its session or token ended"),
            CloseReason::Panicked => f.write_str("an error in this program stopped it; see above"),
            CloseReason::Unreadable => f.write_str("the recording cannot be read"),
            CloseReason::NotMade(problem) => problem.fmt(f),
            CloseReason::NoPicture => write!(f, "no fresh picture within {} s", SNAPSHOT_LIMIT.as_secs()),
        }
    }
}

/// Whether to keep a connection, or why it ends here.
pub(super) type Flow<T = ()> = ControlFlow<CloseReason, T>;

/// The result of a non-blocking call: `None` when it would have blocked.
pub(super) fn attempt<T>(result: io::Result<T>) -> Flow<Option<T>> {
    match result {
        Ok(done) => Flow::Continue(Some(done)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Flow::Continue(None),
        Err(error) => Flow::Break(CloseReason::Disconnected(error.kind())),
    }
}
