//! Checks a camera's own JPEG and mends it, in one copy and without decoding.
//!
//! To mend a JPEG means to add what many cameras leave out: the standard Huffman tables before SOS, and EOI at the end.
//!
//! Called by [`crate::stream`] for every frame of a source whose layout is MJPEG. [`Jpeg::check`] walks the headers
//! once; everything asked of the [`Jpeg`] afterwards is in bounds. The compressed scan is never inspected: decoders
//! cope with damage there, and inspecting it would cost more than everything else.

use std::fmt;

use super::huffman::STANDARD_TABLES;
use super::marker;
use crate::picture::Size;

const SOI: [u8; 2] = marker::bytes(marker::SOI);
const EOI: [u8; 2] = marker::bytes(marker::EOI);

/// The most bytes that mending adds.
pub const MENDING_MAX: usize = STANDARD_TABLES.len() + 2;

/// Why a frame cannot be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It has no bytes.
    Empty,
    /// It does not begin with SOI.
    NoSoi,
    /// Something between SOI and SOS is not a marker segment, or has an impossible length.
    BadSegment,
    /// Progressive, lossless or arithmetic coded, or samples of more than 8 bits: not every viewer can show it.
    NotBaseline,
    /// No SOF before SOS, or two, or one without width, height or components.
    NoFrameHeader,
    /// The bytes end before the compressed data begins.
    NoSos,
    /// No EOI at the end: the transfer was cut short. [`Jpeg::check`] never returns this, see [`super::eoi::Policy`].
    Truncated,
}

impl Fault {
    /// All faults, in the order of [`Fault::index`].
    pub const ALL: [Fault; 7] = [
        Fault::Empty,
        Fault::NoSoi,
        Fault::BadSegment,
        Fault::NotBaseline,
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
            Fault::NotBaseline => "not_baseline",
            Fault::NoFrameHeader => "no_frame_header",
            Fault::NoSos => "no_sos",
            Fault::Truncated => "truncated",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Empty => "the frame is empty",
            Fault::NoSoi => "the frame does not begin like a JPEG (no SOI)",
            Fault::BadSegment => "the frame's headers are damaged",
            Fault::NotBaseline => "the frame is not a baseline JPEG",
            Fault::NoFrameHeader => "the frame does not say its size (no usable SOF)",
            Fault::NoSos => "the frame ends before its picture begins (no SOS)",
            Fault::Truncated => "the frame is cut short (no EOI)",
        })
    }
}

impl std::error::Error for Fault {}

/// The output slice is shorter than [`Jpeg::mended_len`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// Bytes that the mended frame takes.
    pub needed: usize,
    /// The length of the output slice in bytes.
    pub capacity: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame of {} bytes does not fit into {} bytes", self.needed, self.capacity)
    }
}

impl std::error::Error for TooLarge {}

/// A baseline JPEG whose headers were checked, borrowed from the camera's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jpeg<'a> {
    /// From SOI up to the marker SOS, excluding it.
    head: &'a [u8],
    /// From the marker SOS to the end, excluding padding.
    tail: &'a [u8],
    size: Size,
    has_huffman_tables: bool,
    has_eoi: bool,
}

impl<'a> Jpeg<'a> {
    /// Walks the marker segments from SOI to SOS (ITU T.81 B.1.1, B.2) and looks for EOI at the very end.
    ///
    /// Zero bytes behind the picture are padding: many UVC cameras fill the rest of a packet with them. EOI is looked
    /// for only at the end, since a thumbnail inside an EXIF segment has its own EOI.
    ///
    /// # Errors
    /// A [`Fault`]. A missing EOI and missing Huffman tables are not faults.
    pub fn check(bytes: &'a [u8]) -> Result<Jpeg<'a>, Fault> {
        if bytes.is_empty() {
            return Err(Fault::Empty);
        }
        if !bytes.starts_with(&SOI) {
            return Err(Fault::NoSoi);
        }
        let mut at = SOI.len();
        let mut size = None;
        let mut has_huffman_tables = false;
        loop {
            let segment = Segment::at(bytes, at)?;
            match segment.code {
                marker::SOS => {
                    let size = size.ok_or(Fault::NoFrameHeader)?;
                    let (head, tail) = bytes.split_at(at);
                    let header = segment.end - at;
                    let (tail, has_eoi) = without_padding(tail, header).ok_or(Fault::NoSos)?;
                    return Ok(Jpeg { head, tail, size, has_huffman_tables, has_eoi });
                }
                marker::EOI => return Err(Fault::NoSos),
                marker::SOI => return Err(Fault::BadSegment),
                marker::DHT => has_huffman_tables = true,
                sof if marker::is_frame_header(sof) => {
                    let earlier = size.replace(frame_size(sof, segment.payload)?);
                    if earlier.is_some() {
                        return Err(Fault::NoFrameHeader);
                    }
                }
                _ => {}
            }
            at = segment.end;
        }
    }

    /// The picture's size. It may differ from the size that the camera agreed to.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Whether it has Huffman tables; many UVC cameras leave the standard ones out.
    pub fn has_huffman_tables(&self) -> bool {
        self.has_huffman_tables
    }

    /// Whether it ends with EOI.
    pub fn has_eoi(&self) -> bool {
        self.has_eoi
    }

    /// Bytes that [`Jpeg::copy_into`] writes.
    pub fn mended_len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }

    /// Copies the mended frame, without padding, to the beginning of `out` and returns its length in bytes. A frame
    /// that lacks nothing is copied byte for byte.
    ///
    /// # Errors
    /// [`TooLarge`] if `out` is shorter than [`Jpeg::mended_len`]; nothing is written then.
    pub fn copy_into(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        let needed = self.mended_len();
        let capacity = out.len();
        let mut out = out.get_mut(..needed).ok_or(TooLarge { needed, capacity })?;
        for piece in self.pieces() {
            let (here, rest) = out.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            out = rest;
        }
        Ok(needed)
    }

    /// The parts of the mended frame, in order.
    fn pieces(&self) -> [&[u8]; 4] {
        let tables: &[u8] = if self.has_huffman_tables { &[] } else { &STANDARD_TABLES };
        let end: &[u8] = if self.has_eoi { &[] } else { &EOI };
        [self.head, tables, self.tail, end]
    }
}

/// A marker and the segment that it begins.
struct Segment<'a> {
    code: u8,
    /// The segment without its length field; empty if the marker has no segment.
    payload: &'a [u8],
    /// The offset of the next marker.
    end: usize,
}

impl<'a> Segment<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Result<Self, Fault> {
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
}

/// The size in a frame header (ITU T.81 B.2.2): precision, Y, X, count, then three bytes per component.
fn frame_size(sof: u8, payload: &[u8]) -> Result<Size, Fault> {
    if sof != marker::SOF0 && sof != marker::SOF1 {
        return Err(Fault::NotBaseline);
    }
    let &[precision, y1, y0, x1, x0, count, ref components @ ..] = payload else {
        return Err(Fault::NoFrameHeader);
    };
    if precision != 8 {
        return Err(Fault::NotBaseline);
    }
    let (width, height) = (u16::from_be_bytes([x1, x0]).into(), u16::from_be_bytes([y1, y0]).into());
    // A height of 0 is legal and means that a DNL segment behind the scan has it, but browsers do not support that.
    if width == 0 || height == 0 || count == 0 || components.len() != usize::from(count) * 3 {
        return Err(Fault::NoFrameHeader);
    }
    Ok(Size { width, height })
}

/// Cuts the padding off a scan whose header takes the first `header` bytes, and says whether it ends with EOI; `None`
/// if it has no compressed data.
fn without_padding(scan: &[u8], header: usize) -> Option<(&[u8], bool)> {
    let trimmed = without_trailing_zeros(scan.get(header..)?);
    let (data, ending) = match trimmed.strip_suffix(&EOI) {
        Some(data) => (data.len(), EOI.len()),
        // A zero behind 0xFF is not padding, but says that the 0xFF is data (F.1.2.3).
        None => (trimmed.len(), usize::from(trimmed.ends_with(&[marker::PREFIX]))),
    };
    let end = (header + data + ending).min(scan.len());
    let scan = scan.get(..end)?;
    (data > 0).then_some((scan, ending == EOI.len()))
}

/// Compares eight bytes at a time, since a camera may pad each frame to megabytes.
fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    const WORD: usize = size_of::<u64>();
    let words = bytes.rchunks_exact(WORD).take_while(|word| *word == [0; WORD]).count();
    let rest = &bytes[..bytes.len() - words * WORD];
    let zeros = rest.iter().rev().take_while(|&&b| b == 0).count();
    &rest[..rest.len() - zeros]
}

#[cfg(test)]
mod tests;
