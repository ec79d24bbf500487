//! Why a camera's session ended, as values. The text for people is made from them.

use std::time::Duration;

use crate::camera::{SourceInfo, SourceKind};
use crate::feed::DropReason;
use crate::jpeg::decodable::Undecodable;
use crate::jpeg::passthrough::Fault;
use crate::problem::{Problem, Text, promise, text};
use crate::ring::{MAX_FRAME, SLOTS};

/// Why there are no more frames from a camera.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEnd {
    /// The search found no camera that can be used.
    NotFound(Problem),
    /// There is not enough memory for frames of `capacity` bytes.
    NoMemory { source: String, capacity: usize },
    /// Too many frames in a row were unusable.
    Unusable { source: String, kind: SourceKind, frames: u32, last: DropReason },
    /// No frame came for this long.
    Stalled { source: String, kind: SourceKind, time: Duration },
    /// The source ended.
    SourceEnded(Problem),
    /// This program's own code panicked.
    Panicked { camera: String },
    /// Other settings were asked for.
    Changed,
    /// Nobody has wanted the camera for a while, which is opened on demand, or nobody is to see it.
    Unwanted,
    /// The program ends.
    Shutdown,
}

impl SessionEnd {
    /// The end, or the interruption, of a source whose last `frames` frames were unusable.
    pub(super) fn unusable(info: &SourceInfo, frames: u32, last: DropReason) -> Self {
        SessionEnd::Unusable { source: info.source.clone(), kind: info.kind, frames, last }
    }

    /// The end of a source that delivered nothing for this long.
    pub(super) fn stalled(info: &SourceInfo, time: Duration) -> Self {
        SessionEnd::Stalled { source: info.source.clone(), kind: info.kind, time }
    }

    /// What it is, without what changes each time: how long it took, and how many frames it were. A source that has
    /// ended for good has the same when it ends and in each search that does not find it.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Stalled { source, .. } => format!("{source} stalled"),
            Self::Unusable { source, last, .. } => format!("{source} {}", last.name()),
            Self::Panicked { .. } => "panicked".to_owned(),
            _ => self.problem().map(|problem| problem.to_string()).unwrap_or_default(),
        }
    }

    /// What to show people; `None` if nothing is wrong.
    pub fn problem(&self) -> Option<Problem> {
        Some(match self {
            Self::NotFound(problem) | Self::SourceEnded(problem) => problem.clone(),
            Self::NoMemory { source, capacity } => Problem::new(
                text!("cannot keep pictures of {}", source),
                text!(
                    "there is not enough memory for {} pictures of up to {} KiB",
                    SLOTS,
                    (*capacity).min(MAX_FRAME) >> 10
                ),
                text!("try a smaller size, or stop other programs that need memory")
                    .and(promise::KEEPS_TRYING),
            ),
            Self::Unusable { source, kind, frames, last } => Problem::new(
                text!("cannot use the pictures of {}", source),
                if *frames == 1 {
                    last.text()
                } else {
                    text!("{} in a row were unusable, the last one: {}", *frames, last.text())
                },
                advice(*last, *kind),
            ),
            Self::Stalled { source, kind, time } => {
                let time = format!("{:.0}", time.as_secs_f32());
                silent(source, *kind, text!("none came for {} s", time))
            }
            Self::Panicked { camera } => Problem::new(
                text!("cannot go on with {}", camera),
                text!("an error in this program stopped it"),
                text!("please report what the log says").and(promise::RESTARTED),
            ),
            Self::Changed | Self::Unwanted | Self::Shutdown => return None,
        })
    }
}

/// No pictures come from a source; `why` says for how long.
pub(super) fn silent(source: &str, kind: SourceKind, why: Text) -> Problem {
    let advice = match kind {
        SourceKind::Device => text!("check the cable and the power supply").and(promise::REOPENED),
        SourceKind::Program => text!("see what the program waits for").and(promise::RESTARTED_LATER),
        SourceKind::Stdin => text!("see what the program that writes to it waits for"),
        SourceKind::Pattern => text!("see what else keeps the board busy, or set a smaller size"),
    };
    Problem::new(text!("cannot get pictures from {}", source), why, advice)
}

/// What to do about frames that were dropped for this reason.
fn advice(reason: DropReason, kind: SourceKind) -> Text {
    let is_device = kind == SourceKind::Device;
    match reason {
        _ if kind == SourceKind::Pattern => {
            text!("set a smaller size; if that does not help, please report it")
        }
        DropReason::Fault(Fault::Oversized)
        | DropReason::Undecodable(Undecodable::TooManyPixels)
        | DropReason::TooLarge => {
            if is_device {
                text!("set a smaller size")
            } else {
                text!("set a smaller size where the pictures are made")
            }
        }
        reason if is_device && reason.is_kind() => text!("try another format or size"),
        DropReason::Fault(fault) if fault.is_kind() => {
            text!("set what makes the pictures to baseline JPEGs with 8 bits per sample")
        }
        DropReason::Undecodable(reason) if reason.is_kind() => {
            text!("set what makes the pictures to baseline JPEGs, in colour or grey")
        }
        _ if is_device => text!("check the cable").and(promise::REOPENED),
        _ => text!("check what the program writes: JPEGs, one after the other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_the_kind_of_source() {
        let advice = |kind, reason| {
            let unusable = SessionEnd::Unusable { source: "x".to_owned(), kind, frames: 2, last: reason };
            let silent = silent("x", kind, "none came".into()).advice.to_string();
            (silent, unusable.problem().unwrap().advice.to_string())
        };
        for reason in DropReason::all() {
            for kind in [SourceKind::Device, SourceKind::Program, SourceKind::Stdin, SourceKind::Pattern] {
                let (silent, unusable) = advice(kind, reason);
                for text in [&silent, &unusable] {
                    let is_program = matches!(kind, SourceKind::Program | SourceKind::Stdin);
                    assert!(is_program || !text.contains("program"), "{kind:?}, {reason:?}: {text}");
                    assert!(
                        kind == SourceKind::Device || !text.contains("cable"),
                        "{kind:?}, {reason:?}: {text}"
                    );
                }
            }
        }
        assert!(!advice(SourceKind::Stdin, DropReason::Damaged).0.contains("restarts"));
    }

    #[test]
    fn the_same_trouble_has_the_same_key_whatever_its_numbers_are() {
        let stalled = |seconds| SessionEnd::Stalled {
            source: "x".to_owned(),
            kind: SourceKind::Program,
            time: Duration::from_secs(seconds),
        };
        assert_eq!(stalled(10).key(), stalled(11).key());
        let problem = Problem::new("x ended", "exit status: 1", "try it");
        assert_eq!(SessionEnd::NotFound(problem.clone()).key(), SessionEnd::SourceEnded(problem).key());
    }
}
