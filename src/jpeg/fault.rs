//! Why a frame cannot be passed on.

use coefficients::segment::SegmentError;

use super::reasons::reasons;
use crate::picture::{MAX_PIXELS, MAX_SIDE};
use crate::problem::text;

reasons! {
    /// Why a frame cannot be passed on.
    pub enum Fault {
        /// It has no bytes.
        Empty = "empty", text!("the frame is empty");
        /// It does not begin with SOI.
        NoSoi = "no_soi", text!("the frame does not begin like a JPEG (no SOI)");
        /// Something between SOI and SOS is not a marker segment, or has an impossible length.
        BadSegment = "bad_segment", text!("the frame's headers are damaged");
        /// It is coded arithmetically.
        Arithmetic = "arithmetic", text!("the frame is an arithmetic-coded JPEG, which browsers cannot show");
        /// Its samples do not have 8 bits.
        Not8Bit = "sample_depth",
            text!("the frame is a JPEG with 12 bits per sample, which browsers cannot show");
        /// It is coded without loss.
        Lossless = "lossless", text!("the frame is a lossless JPEG, which browsers cannot show");
        /// It is coded hierarchically, as differences between several pictures.
        Hierarchical = "hierarchical", text!("the frame is a hierarchical JPEG, which browsers cannot show");
        /// Its header says a size that no picture may have ([`crate::picture::Size::is_possible`]).
        Oversized = "oversized",
            text!(
                "the frame's header says a size above {} pixels a side or {} megapixels",
                MAX_SIDE,
                MAX_PIXELS / 1_000_000
            );
        /// No SOF before SOS, or two, or one without width, height or components.
        NoFrameHeader = "no_frame_header", text!("the frame does not say its size (no usable SOF)");
        /// The bytes end before the compressed data begins.
        NoSos = "no_sos", text!("the frame ends before its picture begins (no SOS)");
        /// No EOI at the end: the transfer was cut short. [`super::passthrough::Jpeg::parse`] never returns this, see
        /// [`super::eoi::Policy`].
        Truncated = "truncated", text!("the frame is cut short (no EOI)");
    }
}

impl Fault {
    /// Whether this is a kind of JPEG that cannot be shown, and not damage: the next frame will have it too.
    pub const fn is_kind(self) -> bool {
        matches!(
            self,
            Fault::Arithmetic | Fault::Not8Bit | Fault::Lossless | Fault::Hierarchical | Fault::Oversized
        )
    }
}

impl From<SegmentError> for Fault {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Cut => Fault::NoSos,
            SegmentError::Bad => Fault::BadSegment,
        }
    }
}

impl std::error::Error for Fault {}
