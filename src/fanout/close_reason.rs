//! Why the fan-out has finished with a connection.

use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::feed::Status;
use crate::problem::{Problem, Text};

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
    /// The whole snapshot or file has been sent.
    Complete,
    /// All of the recording that is played has been sent.
    Played,
    /// No fresh picture came for a snapshot within [`SNAPSHOT_LIMIT`].
    NoPicture,
    /// The camera has no pictures now, or the smaller one that was asked for cannot be made.
    NotMade(Problem),
    /// The camera gave pictures in [`SNAPSHOT_LIMIT`], and the smaller one that was asked for was not ready.
    NotInTime,
    /// The session ended or the token was revoked that the client was admitted with.
    PassEnded,
    /// The same, and nothing of the answer has been sent yet.
    PassEndedUnanswered,
    /// Its client had more than half of all connections, or more than its share of downloads, and others waited.
    Displaced,
    /// The file cannot be read, and nothing of the answer has been sent yet.
    Unreadable,
    /// The recording has no frame that can be shown, and nothing of the answer has been sent yet.
    Unplayable(Text),
    /// The recording's pictures cannot be shown now, since others have the memory, and nothing of the answer has been sent yet.
    BoardBusy,
    /// The file cannot be read, since its disk did not answer.
    DiskSilent,
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
            CloseReason::Played => f.write_str("the recording ended"),
            CloseReason::PassEnded | CloseReason::PassEndedUnanswered => {
                f.write_str("its session or token ended")
            }
            CloseReason::Displaced => {
                f.write_str("its address had more than half of all connections, and others waited")
            }
            CloseReason::Panicked => f.write_str("an error in this program stopped it; see above"),
            CloseReason::Unplayable(why) => why.fmt(f),
            CloseReason::BoardBusy => f.write_str("this board was busy with other recordings"),
            CloseReason::Unreadable => f.write_str("the file cannot be read"),
            CloseReason::NotMade(problem) => problem.fmt(f),
            CloseReason::DiskSilent => f.write_str("the file's disk does not answer"),
            CloseReason::NotInTime => {
                write!(f, "the smaller picture was not ready within {} s", SNAPSHOT_LIMIT.as_secs())
            }
            CloseReason::NoPicture => write!(f, "no fresh picture within {} s", SNAPSHOT_LIMIT.as_secs()),
        }
    }
}

/// Why a snapshot's client that came at `since` got no picture of a camera, its own or a smaller one.
pub(super) fn no_picture(camera: &Status, since: Instant, is_smaller: bool) -> CloseReason {
    if is_smaller && camera.last_frame.is_some_and(|at| at > since) {
        return CloseReason::NotInTime;
    }
    camera.problem().cloned().map_or(CloseReason::NoPicture, CloseReason::NotMade)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::feed::{CaptureState, Feed};
    use crate::problem::text;

    #[test]
    fn a_snapshot_that_does_not_come_blames_the_camera_only_if_that_gave_none() {
        let (feed, _) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Auto));
        let since = Instant::now();
        let mut status = feed.status();
        assert_eq!(no_picture(&status, since, true), CloseReason::NoPicture);
        let problem =
            Problem::new(text!("cannot open {}", "/dev/video0"), text!("it is busy"), text!("wait"));
        status.state = CaptureState::Waiting(problem.clone());
        assert_eq!(no_picture(&status, since, false), CloseReason::NotMade(problem.clone()));
        status.last_frame = Some(since + Duration::from_millis(1));
        assert_eq!(no_picture(&status, since, true), CloseReason::NotInTime);
        assert_eq!(no_picture(&status, since, false), CloseReason::NotMade(problem));
    }
}
