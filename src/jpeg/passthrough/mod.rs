//! Checks a camera's own JPEG and mends it, in one copy and without decoding.
//!
//! To mend a JPEG means to add what many cameras leave out, the standard Huffman tables before SOS and EOI at the end,
//! and to leave out what keeps clients from showing it: what stands behind its end, and thumbnails. Clients that split
//! a stream wherever FF D8 stands (Mainsail, Fluidd), or take a still from FF D8 to the first FF D9 (Home Assistant),
//! show broken pictures if EXIF data or other segments of applications hold these bytes. Of EXIF data the orientation
//! stays.
//!
//! Called by [`crate::stream`] for every frame of a source whose layout is MJPEG. [`Jpeg::parse`] walks the headers
//! once; everything asked of the [`Jpeg`] afterwards is in bounds. The compressed scan is never inspected, except for
//! its last bytes: decoders cope with damage there, and inspecting it would cost more than everything else.

use std::fmt;

use coefficients::STANDARD_TABLES;
use coefficients::exif::Orientation;
use coefficients::segment::Segment;
use memchr::{memchr_iter, memmem};

pub use super::fault::Fault;
use super::marker;
use crate::picture::Size;

const SOI: [u8; 2] = marker::bytes(marker::SOI);
const EOI: [u8; 2] = marker::bytes(marker::EOI);

/// The most bytes that mending adds.
pub const MENDING_MAX: usize = STANDARD_TABLES.len() + 2;

/// How far from the end of a frame EOI is looked for: some drivers count stale bytes of an earlier frame, which may hold
/// another EOI, or padding, as part of the frame.
const STALE_MAX: usize = 8 << 10;

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

/// A JPEG whose headers were checked, borrowed from the camera's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jpeg<'a> {
    /// From SOI up to the marker SOS, excluding it.
    head: &'a [u8],
    /// From the marker SOS to the end, excluding padding.
    tail: &'a [u8],
    size: Size,
    is_progressive: bool,
    has_huffman_tables: bool,
    has_eoi: bool,
    left_out: LeftOut,
}

/// The segments of the head that mending leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct LeftOut {
    /// Their length in bytes.
    bytes: usize,
    /// The orientation that one of them says: a shorter segment takes its place.
    orientation: Option<Orientation>,
}

impl LeftOut {
    /// Notes a segment if it is one to leave out. `whole` is all of it, from its marker on.
    #[inline]
    fn note(&mut self, segment: &Segment<'_>, whole: &[u8]) {
        if !is_left_out(segment, whole) {
            return;
        }
        self.bytes += whole.len();
        // Mending must not make a frame longer than announced.
        let has_place = segment.code == marker::APP1 && whole.len() >= Orientation::SEGMENT;
        if self.orientation.is_none() && has_place {
            self.orientation = Orientation::in_app1(segment.payload);
        }
    }

    /// Bytes that take their place.
    fn replacement(&self) -> usize {
        self.orientation.map_or(0, |_| Orientation::SEGMENT)
    }
}

/// Whether a segment before the first scan holds what clients take for the beginning or the end of a picture, and is of
/// no use to a decoder. `whole` is all of it, from its marker on.
#[inline]
fn is_left_out(segment: &Segment<'_>, whole: &[u8]) -> bool {
    let is_edge = |at: usize| matches!(whole.get(at + 1), Some(&(marker::SOI | marker::EOI)));
    segment.is_optional() && memchr_iter(marker::PREFIX, whole).any(is_edge)
}

impl<'a> Jpeg<'a> {
    /// Walks the marker segments from SOI to SOS (ITU T.81 B.1.1, B.2) and looks for EOI at the end.
    ///
    /// Zero bytes behind the picture are padding: many UVC cameras fill the rest of a packet with them. EOI is looked
    /// for only near the end, since a thumbnail inside an EXIF segment has its own EOI.
    ///
    /// # Errors
    /// A [`Fault`]. A missing EOI and missing Huffman tables are not faults.
    pub fn parse(bytes: &'a [u8]) -> Result<Jpeg<'a>, Fault> {
        if bytes.is_empty() {
            return Err(Fault::Empty);
        }
        if !bytes.starts_with(&SOI) {
            return Err(Fault::NoSoi);
        }
        let mut at = SOI.len();
        let mut header = None;
        let mut has_huffman_tables = false;
        let mut left_out = LeftOut::default();
        loop {
            let segment = Segment::at(bytes, at)?;
            match segment.code {
                marker::SOS => {
                    let (size, is_progressive) = header.ok_or(Fault::NoFrameHeader)?;
                    let (head, tail) = bytes.split_at(at);
                    let header = segment.end - at;
                    let (tail, has_eoi) = without_padding(tail, header).ok_or(Fault::NoSos)?;
                    return Ok(Jpeg {
                        head,
                        tail,
                        size,
                        is_progressive,
                        has_huffman_tables,
                        has_eoi,
                        left_out,
                    });
                }
                marker::EOI => return Err(Fault::NoSos),
                marker::SOI => return Err(Fault::BadSegment),
                marker::DHP => return Err(Fault::Hierarchical),
                marker::DHT => has_huffman_tables = true,
                sof if marker::is_frame_header(sof) => {
                    let earlier = header.replace((frame_size(sof, segment.payload)?, sof == marker::SOF2));
                    if earlier.is_some() {
                        return Err(Fault::NoFrameHeader);
                    }
                }
                _ => left_out.note(&segment, &bytes[at..segment.end]),
            }
            at = segment.end;
        }
    }

    /// The picture's size. It may differ from the size that the camera agreed to.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Whether it is progressive and not baseline: browsers show it, but most players and other clients of a stream
    /// do not.
    pub fn is_progressive(&self) -> bool {
        self.is_progressive
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
        let pieces: usize = self.pieces().iter().map(|piece| piece.len()).sum();
        pieces - self.left_out.bytes + self.left_out.replacement()
    }

    /// Copies the mended frame, without padding and thumbnails, to the beginning of `out` and returns its length in
    /// bytes. A frame that lacks nothing is copied byte for byte.
    ///
    /// # Errors
    /// [`TooLarge`] if `out` is shorter than [`Jpeg::mended_len`]; nothing is written then.
    pub fn copy_into(&self, out: &mut [u8]) -> Result<usize, TooLarge> {
        let needed = self.mended_len();
        let capacity = out.len();
        let mut out = out.get_mut(..needed).ok_or(TooLarge { needed, capacity })?;
        let [head, others @ ..] = self.pieces();
        if self.left_out.bytes == 0 {
            append(&mut out, head);
        } else {
            self.copy_head_into(&mut out);
        }
        for piece in others {
            append(&mut out, piece);
        }
        Ok(needed)
    }

    /// Copies the head without the segments that are left out.
    fn copy_head_into(&self, out: &mut &mut [u8]) {
        append(out, &SOI);
        let mut orientation = self.left_out.orientation;
        let mut at = SOI.len();
        // The head was walked before, so that each segment is whole.
        while let Ok(segment) = Segment::at(self.head, at) {
            let whole = &self.head[at..segment.end];
            if !is_left_out(&segment, whole) {
                append(out, whole);
            } else if let Some(orientation) = orientation.take() {
                append(out, &orientation.segment());
            }
            at = segment.end;
        }
    }

    /// The parts of the mended frame, in order, with the whole head.
    fn pieces(&self) -> [&[u8]; 4] {
        // A progressive picture says its tables itself: each scan has others.
        let has_tables = self.has_huffman_tables || self.is_progressive;
        let tables: &[u8] = if has_tables { &[] } else { &STANDARD_TABLES };
        let end: &[u8] = if self.has_eoi { &[] } else { &EOI };
        [self.head, tables, self.tail, end]
    }
}

/// Copies `piece` to the beginning of `out`, which is then what follows it.
fn append(out: &mut &mut [u8], piece: &[u8]) {
    let (here, rest) = std::mem::take(out).split_at_mut(piece.len());
    here.copy_from_slice(piece);
    *out = rest;
}

/// The size in a frame header (ITU T.81 B.2.2): precision, Y, X, count, then three bytes per component.
fn frame_size(sof: u8, payload: &[u8]) -> Result<Size, Fault> {
    match sof {
        marker::SOF0 | marker::SOF1 | marker::SOF2 => {}
        marker::SOF3 => return Err(Fault::Lossless),
        marker::SOF9..=marker::SOF11 => return Err(Fault::Arithmetic),
        _ => return Err(Fault::Hierarchical),
    }
    let &[precision, y1, y0, x1, x0, count, ref components @ ..] = payload else {
        return Err(Fault::NoFrameHeader);
    };
    if precision != 8 {
        return Err(Fault::Not8Bit);
    }
    let (width, height) = (u16::from_be_bytes([x1, x0]).into(), u16::from_be_bytes([y1, y0]).into());
    // A height of 0 is legal and means that a DNL segment behind the scan has it, but browsers do not support that.
    if width == 0 || height == 0 || count == 0 || components.len() != usize::from(count) * 3 {
        return Err(Fault::NoFrameHeader);
    }
    let size = Size { width, height };
    if size.is_possible() { Ok(size) } else { Err(Fault::Oversized) }
}

/// Cuts what stands behind EOI off a scan whose header takes the first `header` bytes, and says whether it has EOI;
/// `None` if it has no compressed data.
fn without_padding(scan: &[u8], header: usize) -> Option<(&[u8], bool)> {
    let whole = scan.get(header..)?;
    let (data, ending) = match before_eoi(whole) {
        Some(data) => (data, EOI.len()),
        None => {
            let data = without_trailing(0, whole);
            // A zero behind 0xFF is not padding, but says that the 0xFF is data (F.1.2.3).
            (data.len(), usize::from(data.ends_with(&[marker::PREFIX])))
        }
    };
    let end = (header + data + ending).min(scan.len());
    let scan = scan.get(..end)?;
    (data > 0).then_some((scan, ending == EOI.len()))
}

/// The offset of EOI in compressed data: near the end, or near the beginning of padding with one value, however long. The
/// first one that is found is the picture's, since compressed data cannot hold one; what stands behind it may be the end
/// of another picture, or several.
fn before_eoi(data: &[u8]) -> Option<usize> {
    let near_end = |data: &[u8]| {
        let skipped = data.len().saturating_sub(STALE_MAX);
        memmem::find(&data[skipped..], &EOI).map(|at| skipped + at)
    };
    let padding = *data.last()?;
    let mut first = near_end(data).or_else(|| near_end(without_trailing(padding, data)))?;
    while let Some(earlier) = near_end(&data[..first]) {
        first = earlier;
    }
    Some(first)
}

/// Compares eight bytes at a time, since a camera may pad each frame to megabytes.
fn without_trailing(padding: u8, bytes: &[u8]) -> &[u8] {
    const WORD: usize = size_of::<u64>();
    let words = bytes.rchunks_exact(WORD).take_while(|word| *word == [padding; WORD]).count();
    let rest = &bytes[..bytes.len() - words * WORD];
    let run = rest.iter().rev().take_while(|&&b| b == padding).count();
    &rest[..rest.len() - run]
}

#[cfg(test)]
mod tests;
