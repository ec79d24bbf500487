//! What became of the frames of one camera, up to its ring.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::histogram::Histogram;
use crate::camera::Flaw;
use crate::jpeg::decodable::{Refused, Undecodable};
use crate::jpeg::passthrough::Fault;
use crate::jpeg::transcode::TranscodeError;
use crate::problem::{Text, text};

/// Why a captured frame was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// The driver marked its contents as corrupt.
    Flagged,
    /// A program's frame was damaged on its way.
    Damaged,
    /// It is not a whole JPEG, or of a kind that cannot be shown.
    Fault(Fault),
    /// It is a JPEG that had to be decoded and cannot be.
    Undecodable(Undecodable),
    /// Its size is not the one that was agreed with the camera.
    WrongSize,
    /// It is larger than a slot, or than any frame may be.
    TooLarge,
    /// It has too few pixels for a picture, or could not be encoded.
    Unencodable,
    /// Encoding is slower than the camera, and a newer frame was waiting.
    Late,
    /// Readers held every slot of the ring, and there was no memory for another.
    NoSlot,
}

impl DropReason {
    const OWN: [DropReason; 7] = [
        DropReason::Flagged,
        DropReason::Damaged,
        DropReason::WrongSize,
        DropReason::TooLarge,
        DropReason::Unencodable,
        DropReason::Late,
        DropReason::NoSlot,
    ];

    /// Whether the frame itself was bad; otherwise this program was too slow.
    pub fn is_bad_frame(self) -> bool {
        !matches!(self, DropReason::Late | DropReason::NoSlot)
    }

    /// Whether this is a kind of JPEG, and not damage or a lack of time or memory: the next frame will have it too.
    pub fn is_kind(self) -> bool {
        match self {
            DropReason::Fault(fault) => fault.is_kind(),
            DropReason::Undecodable(reason) => reason.is_kind(),
            _ => false,
        }
    }

    /// All reasons.
    pub fn all() -> impl Iterator<Item = DropReason> {
        let undecodable = Undecodable::ALL.into_iter().map(DropReason::Undecodable);
        Self::OWN.into_iter().chain(Fault::ALL.into_iter().map(DropReason::Fault)).chain(undecodable)
    }

    /// The name in `/state` and `/metrics`.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::Flagged => "flagged",
            DropReason::Damaged => "damaged",
            DropReason::Fault(fault) => fault.name(),
            DropReason::Undecodable(reason) => reason.name(),
            DropReason::WrongSize => "wrong_size",
            DropReason::TooLarge => "too_large",
            DropReason::Unencodable => "unencodable",
            DropReason::Late => "late",
            DropReason::NoSlot => "no_slot",
        }
    }

    /// Its place among [`DropReason::all`].
    pub fn index(self) -> usize {
        match self {
            DropReason::Fault(fault) => Self::OWN.len() + fault as usize,
            DropReason::Undecodable(reason) => Self::OWN.len() + Fault::ALL.len() + reason as usize,
            own => Self::OWN.into_iter().position(|reason| reason == own).unwrap_or(0),
        }
    }

    /// Why the frame was not published, in words.
    pub fn text(self) -> Text {
        match self {
            DropReason::Flagged => text!("the driver marks the frame as damaged"),
            DropReason::Damaged => text!("the frame's bytes are damaged: they hold what no JPEG holds"),
            DropReason::Fault(fault) => fault.text(),
            DropReason::Undecodable(reason) => reason.text(),
            DropReason::WrongSize => text!("the frame has another size than those before it"),
            DropReason::TooLarge => {
                text!("the frame is larger than 16 MiB, or than there is memory for")
            }
            DropReason::Unencodable => {
                text!("the frame has too few bytes for a picture, or cannot be encoded")
            }
            DropReason::Late => text!("encoding is slower than the camera"),
            DropReason::NoSlot => text!("viewers hold all memory for frames"),
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl From<Refused> for DropReason {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) => DropReason::Fault(fault),
            Refused::Undecodable(reason) => DropReason::Undecodable(reason),
        }
    }
}

impl From<Flaw> for DropReason {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Flagged => DropReason::Flagged,
            Flaw::TooLarge => DropReason::TooLarge,
            Flaw::Damaged => DropReason::Damaged,
            Flaw::Fault(fault) => DropReason::Fault(fault),
        }
    }
}

impl From<&TranscodeError> for DropReason {
    fn from(error: &TranscodeError) -> Self {
        match error {
            TranscodeError::Fault(fault) => DropReason::Fault(*fault),
            TranscodeError::Undecodable(reason) => DropReason::Undecodable(*reason),
            TranscodeError::Coded(_) | TranscodeError::Damaged(_) => {
                DropReason::Undecodable(Undecodable::Damaged)
            }
            TranscodeError::Nothing | TranscodeError::Encode(_) => DropReason::Unencodable,
        }
    }
}

const REASONS: usize = DropReason::OWN.len() + Fault::ALL.len() + Undecodable::ALL.len();

/// Counters of one camera's frames since the program started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames that the source delivered.
    pub captured: AtomicU64,
    /// Frames that were put into the ring, without the drawn card.
    pub published: AtomicU64,
    /// Frames that were encoded here.
    pub encoded: AtomicU64,
    /// Frames among the encoded that the board's hardware encoded.
    pub by_hardware: AtomicU64,
    /// Frames among the encoded with which the board's hardware failed, so that this program encoded them.
    pub hardware_failures: AtomicU64,
    /// Frames that were left out because they show what the one before shows.
    pub repeated: AtomicU64,
    /// Frames that were passed on with something added (Huffman tables, EOI) or removed (padding, thumbnails).
    pub mended: AtomicU64,
    /// Frames among the encoded that the source delivered as JPEGs of a kind that many clients cannot show.
    pub converted: AtomicU64,
    /// Time from the capture of a frame until it was in the ring.
    pub delay: Histogram,
    dropped: [AtomicU64; REASONS],
}

impl Counters {
    /// Counts a dropped frame.
    pub fn count_drop(&self, reason: DropReason) {
        self.dropped[reason.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// The number of dropped frames for each reason.
    pub fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::all().map(|reason| (reason, self.dropped[reason.index()].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_for_a_drop_has_a_name_and_a_counter_of_its_own() {
        let counters = Counters::default();
        assert!(DropReason::all().map(DropReason::index).eq(0..REASONS));
        for reason in DropReason::all() {
            counters.count_drop(reason);
        }
        assert!(counters.dropped().all(|(_, count)| count == 1));
        let names: HashSet<_> = DropReason::all().map(DropReason::name).collect();
        assert_eq!(names.len(), REASONS);
    }
}
