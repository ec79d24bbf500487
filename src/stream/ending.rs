//! Why a camera's session ended, as values. The text for people is made from them.

use std::time::Duration;

use crate::camera::SourceInfo;
use crate::feed::DropReason;
use crate::jpeg::decodable::Undecodable;
use crate::jpeg::passthrough::Fault;
use crate::problem::{Problem, Text, text};
use crate::ring::{MAX_FRAME, SLOTS};

/// Why there are no more frames from a camera.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEnd {
    /// The search found no camera that can be used.
    NotFound(Problem),
    /// There is not enough memory for frames of `capacity` bytes.
    NoMemory { source: String, capacity: usize },
    /// Too many frames in a row were unusable. `is_device`: it is a device with a driver.
    Unusable { source: String, is_device: bool, frames: u32, last: DropReason },
    /// No frame came for this long.
    Stalled { source: String, is_device: bool, time: Duration },
    /// The source ended.
    SourceEnded(Problem),
    /// This program's own code panicked.
    Panicked { camera: String },
    /// The program ends.
    Shutdown,
}

impl SessionEnd {
    /// The end, or the interruption, of a source whose last `frames` frames were unusable.
    pub(super) fn unusable(info: &SourceInfo, frames: u32, last: DropReason) -> Self {
        SessionEnd::Unusable { source: info.source.clone(), is_device: info.is_device(), frames, last }
    }

    /// The end of a source that delivered nothing for this long.
    pub(super) fn stalled(info: &SourceInfo, time: Duration) -> Self {
        SessionEnd::Stalled { source: info.source.clone(), is_device: info.is_device(), time }
    }

    /// Whether the log already says this. A source that has ended for good is reported once when it ends, and not
    /// again by each search that does not find it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NotFound(one) | Self::SourceEnded(one), Self::NotFound(two) | Self::SourceEnded(two)) => {
                one == two
            }
            (Self::Stalled { source: one, .. }, Self::Stalled { source: two, .. }) => one == two,
            (
                Self::Unusable { source, last, .. },
                Self::Unusable { source: other_source, last: other_last, .. },
            ) => source == other_source && last == other_last,
            _ => self == other,
        }
    }

    /// What to show people; `None` if nothing is wrong.
    pub(super) fn problem(&self) -> Option<Problem> {
        Some(match self {
            Self::NotFound(problem) | Self::SourceEnded(problem) => problem.clone(),
            Self::NoMemory { source, capacity } => Problem::new(
                text!("cannot keep pictures of {}", source),
                text!(
                    "there is not enough memory for {} pictures of up to {} KiB",
                    SLOTS,
                    (*capacity).min(MAX_FRAME) >> 10
                ),
                text!("try a smaller --size, or stop other programs that need memory; boardcam keeps trying"),
            ),
            Self::Unusable { source, is_device, frames, last } => Problem::new(
                text!("cannot use the pictures of {}", source),
                if *frames == 1 {
                    last.text()
                } else {
                    text!("{} in a row were unusable, the last one: {}", *frames, last.text())
                },
                advice(*last, *is_device),
            ),
            Self::Stalled { source, is_device, time } => {
                let time = format!("{:.0}", time.as_secs_f32());
                silent(source, *is_device, text!("none came for {} s", time))
            }
            Self::Panicked { camera } => Problem::new(
                text!("cannot go on with {}", camera),
                text!("an error in this program stopped it"),
                text!("boardcam restarts it by itself; please report what the log says"),
            ),
            Self::Shutdown => return None,
        })
    }
}

/// No pictures come from a source; `why` says for how long.
pub(super) fn silent(source: &str, is_device: bool, why: Text) -> Problem {
    let advice = if is_device {
        text!("check the cable and the power supply; boardcam reopens the camera")
    } else {
        text!("see what the program waits for; boardcam restarts it, and waits longer if timeout is set")
    };
    Problem::new(text!("cannot get pictures from {}", source), why, advice)
}

/// What to do about frames that were dropped for this reason.
fn advice(reason: DropReason, is_device: bool) -> Text {
    match reason {
        DropReason::Fault(Fault::Oversized) | DropReason::Undecodable(Undecodable::TooManyPixels) => {
            text!("set a smaller size where the pictures are made")
        }
        DropReason::Fault(fault) if fault.is_kind() => {
            text!("set what makes the pictures to baseline JPEGs with 8 bits per sample")
        }
        DropReason::Undecodable(reason) if reason.is_kind() => {
            text!("set what makes the pictures to baseline JPEGs, in colour or grey")
        }
        _ if is_device => text!("check the cable; boardcam reopens the camera"),
        _ => text!("check what the program writes: JPEGs, one after the other"),
    }
}
