//! A walk over the marker segments in the head of a JPEG (ITU T.81 B.1.1).
//!
//! Used by [`super::passthrough`] for every frame, and by [`super::decodable`] before a picture is decoded.

use super::fault::Fault;
use super::marker;

/// A marker and the segment that it begins.
pub(super) struct Segment<'a> {
    pub(super) code: u8,
    /// The segment without its length field; empty if the marker has no segment.
    pub(super) payload: &'a [u8],
    /// The offset of the next marker.
    pub(super) end: usize,
}

impl<'a> Segment<'a> {
    /// The segment whose marker, or the fill bytes before it, begins at offset `at`.
    #[inline]
    pub(super) fn at(bytes: &'a [u8], at: usize) -> Result<Self, Fault> {
        let rest = bytes.get(at..).ok_or(Fault::NoSos)?;
        // Any number of fill bytes may come before a marker (B.1.1.2).
        let fill = rest.iter().take_while(|&&b| b == marker::PREFIX).count();
        let code = *rest.get(fill).ok_or(Fault::NoSos)?;
        if fill == 0 || code == marker::STUFFED {
            return Err(Fault::BadSegment);
        }
        let start = fill + 1;
        let mut length = 0;
        if marker::has_segment(code) {
            let field = rest.get(start..).and_then(|rest| rest.first_chunk()).ok_or(Fault::NoSos)?;
            length = usize::from(u16::from_be_bytes(*field));
            if length < field.len() {
                return Err(Fault::BadSegment); // the length counts its own two bytes (B.1.1.4)
            }
        }
        let body = rest.get(start..start + length).ok_or(Fault::NoSos)?;
        Ok(Segment { code, payload: body.get(2..).unwrap_or_default(), end: at + start + length })
    }

    /// Whether decoders need not look at it: an application's segment or a comment. Not Adobe's, which says what the
    /// components are.
    #[inline]
    pub(super) fn is_optional(&self) -> bool {
        match self.code {
            marker::APP14 => !self.payload.starts_with(b"Adobe"),
            code => (marker::APP0..=marker::APP15).contains(&code) || code == marker::COM,
        }
    }
}
