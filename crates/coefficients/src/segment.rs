//! A walk over the marker segments in the head of a JPEG (ITU T.81 B.1.1).

use std::fmt;

use crate::marker;

/// Why there is no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentError {
    /// The JPEG ends before the segment does.
    Cut,
    /// There is no marker, or the length is impossible.
    Bad,
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SegmentError::Cut => "the headers are cut short",
            SegmentError::Bad => "the headers are damaged",
        })
    }
}

impl std::error::Error for SegmentError {}

/// A marker and the segment that it begins.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The second byte of the marker.
    pub code: u8,
    /// The segment without its length field; empty if the marker has no segment.
    pub payload: &'a [u8],
    /// The offset of the next marker.
    pub end: usize,
}

impl<'a> Segment<'a> {
    /// The segment whose marker, or the fill bytes before it, begins at offset `at`.
    ///
    /// # Errors
    /// [`SegmentError`] if there is none.
    #[inline]
    pub fn at(bytes: &'a [u8], at: usize) -> Result<Self, SegmentError> {
        let rest = bytes.get(at..).ok_or(SegmentError::Cut)?;
        // Any number of fill bytes may come before a marker (B.1.1.2).
        let fill = rest.iter().take_while(|&&b| b == marker::PREFIX).count();
        let code = *rest.get(fill).ok_or(SegmentError::Cut)?;
        if fill == 0 || code == marker::STUFFED {
            return Err(SegmentError::Bad);
        }
        let start = fill + 1;
        let mut length = 0;
        if marker::has_segment(code) {
            let field = rest.get(start..).and_then(|rest| rest.first_chunk()).ok_or(SegmentError::Cut)?;
            length = usize::from(u16::from_be_bytes(*field));
            if length < field.len() {
                return Err(SegmentError::Bad); // the length counts its own two bytes (B.1.1.4)
            }
        }
        let body = rest.get(start..start + length).ok_or(SegmentError::Cut)?;
        Ok(Segment { code, payload: body.get(2..).unwrap_or_default(), end: at + start + length })
    }

    /// Whether decoders need not look at it: an application's segment or a comment. Not Adobe's, which says what the
    /// components are.
    #[inline]
    pub fn is_optional(&self) -> bool {
        match self.code {
            marker::APP14 => !self.payload.starts_with(b"Adobe"),
            code => (marker::APP0..=marker::APP15).contains(&code) || code == marker::COM,
        }
    }
}
