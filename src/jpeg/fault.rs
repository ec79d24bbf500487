//! Why a frame cannot be passed on.

use std::fmt;

use crate::picture::{MAX_PIXELS, MAX_SIDE};
use crate::problem::{Text, text};

/// Why a frame cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It has no bytes.
    Empty,
    /// It does not begin with SOI.
    NoSoi,
    /// Something between SOI and SOS is not a marker segment, or has an impossible length.
    BadSegment,
    /// It is coded arithmetically.
    Arithmetic,
    /// Its samples do not have 8 bits.
    Not8Bit,
    /// It is coded without loss.
    Lossless,
    /// It is coded hierarchically, as differences between several pictures.
    Hierarchical,
    /// Its header says a size that no picture may have ([`crate::picture::Size::is_possible`]).
    Oversized,
    /// No SOF before SOS, or two, or one without width, height or components.
    NoFrameHeader,
    /// The bytes end before the compressed data begins.
    NoSos,
    /// No EOI at the end: the transfer was cut short. [`super::passthrough::Jpeg::parse`] never returns this, see
    /// [`super::eoi::Policy`].
    Truncated,
}

impl Fault {
    /// All faults, in the order of [`Fault::index`].
    pub const ALL: [Fault; 11] = [
        Fault::Empty,
        Fault::NoSoi,
        Fault::BadSegment,
        Fault::Arithmetic,
        Fault::Not8Bit,
        Fault::Lossless,
        Fault::Hierarchical,
        Fault::Oversized,
        Fault::NoFrameHeader,
        Fault::NoSos,
        Fault::Truncated,
    ];

    /// The index in [`Fault::ALL`], for a table of counters.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its counter in `/state` and `/metrics`.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Empty => "empty",
            Fault::NoSoi => "no_soi",
            Fault::BadSegment => "bad_segment",
            Fault::Arithmetic => "arithmetic",
            Fault::Not8Bit => "sample_depth",
            Fault::Lossless => "lossless",
            Fault::Hierarchical => "hierarchical",
            Fault::Oversized => "oversized",
            Fault::NoFrameHeader => "no_frame_header",
            Fault::NoSos => "no_sos",
            Fault::Truncated => "truncated",
        }
    }

    /// Whether this is a kind of JPEG that cannot be shown, and not damage: the next frame will have it too.
    pub const fn is_kind(self) -> bool {
        matches!(
            self,
            Fault::Arithmetic | Fault::Not8Bit | Fault::Lossless | Fault::Hierarchical | Fault::Oversized
        )
    }

    /// What is wrong with the frame, in words.
    pub fn text(self) -> Text {
        match self {
            Fault::Empty => text!("the frame is empty"),
            Fault::NoSoi => text!("the frame does not begin like a JPEG (no SOI)"),
            Fault::BadSegment => text!("the frame's headers are damaged"),
            Fault::Arithmetic => text!("the frame is an arithmetic-coded JPEG, which browsers cannot show"),
            Fault::Not8Bit => {
                text!("the frame is a JPEG with 12 bits per sample, which browsers cannot show")
            }
            Fault::Lossless => text!("the frame is a lossless JPEG, which browsers cannot show"),
            Fault::Hierarchical => text!("the frame is a hierarchical JPEG, which browsers cannot show"),
            Fault::Oversized => text!(
                "the frame's header says a size above {} pixels a side or {} megapixels",
                MAX_SIDE,
                MAX_PIXELS / 1_000_000
            ),
            Fault::NoFrameHeader => text!("the frame does not say its size (no usable SOF)"),
            Fault::NoSos => text!("the frame ends before its picture begins (no SOS)"),
            Fault::Truncated => text!("the frame is cut short (no EOI)"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for Fault {}
