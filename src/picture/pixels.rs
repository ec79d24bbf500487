//! A view of raw pixels that is checked once.
//!
//! Made by [`crate::stream`] from a frame and by [`crate::canvas`] from itself; read by [`crate::jpeg::encode`]. After
//! [`Picture::new`] every row is in bounds.

use std::fmt;
use std::os::fd::BorrowedFd;

use super::{Range, Raw, Size};
use crate::problem::{Text, text};

/// A picture in the buffer that the camera filled: rows of samples in one to three planes.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    planes: [Rows<'a>; Raw::MAX_PLANES],
    raw: Raw,
    size: Size,
    range: Range,
    memory: Option<Memory<'a>>,
}

/// A driver's memory that begins with a picture, and that another driver can read where it is (DMABUF).
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// Its descriptor.
    pub fd: BorrowedFd<'a>,
    /// Its length in bytes.
    pub len: usize,
    /// Its number among those of its driver.
    pub index: usize,
}

/// The rows of a plane; empty if the layout lacks the plane.
#[derive(Debug, Clone, Copy, Default)]
struct Rows<'a> {
    /// From the first row to the end of the last.
    bytes: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
}

/// Why bytes cannot be a picture of the agreed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelError {
    /// No picture may have this size ([`Size::is_possible`]).
    Size(Size),
    /// A row does not fit into the stride.
    Stride {
        /// Bytes from one row to the next.
        stride: u32,
        /// Bytes that a row takes.
        row: u32,
    },
    /// There are fewer bytes than the rows need: the transfer was cut short.
    Short {
        /// Bytes that arrived.
        len: usize,
        /// Bytes that the picture takes, without the padding of its last row.
        needed: u64,
    },
}

impl PixelError {
    /// What does not fit, in words.
    pub fn text(&self) -> Text {
        match self {
            PixelError::Size(size) => text!("no picture can have the size {}", size.to_string()),
            PixelError::Stride { stride, row } => {
                text!("a row of {} bytes does not fit into a stride of {}", *row, *stride)
            }
            PixelError::Short { len, needed } => {
                text!("the frame is cut short: {} bytes, but {} were agreed", *len, *needed)
            }
        }
    }
}

impl fmt::Display for PixelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for PixelError {}

impl<'a> Picture<'a> {
    /// Checks that `bytes` hold a picture of this layout and size. The rows of the first plane begin `stride` bytes
    /// apart. The last row need not be padded; further bytes are ignored.
    ///
    /// # Errors
    /// A [`PixelError`] that says what does not fit.
    pub fn new(bytes: &'a [u8], raw: Raw, size: Size, stride: u32, range: Range) -> Result<Self, PixelError> {
        Self::check(raw, size, stride)?;
        let needed = raw.frame_len(size, stride);
        let short = PixelError::Short { len: bytes.len(), needed };
        // A length beyond usize is longer than any slice.
        let mut rest = usize::try_from(needed).ok().and_then(|needed| bytes.get(..needed)).ok_or(short)?;
        let planes = raw.planes(size, stride).map(|plane| {
            // All of these are at most `needed`, which is a usize.
            let (stride, rows) = (plane.stride as usize, plane.rows as usize);
            let bytes;
            (bytes, rest) = rest.split_at((stride * rows).min(rest.len()));
            Rows { bytes, stride }
        });
        Ok(Self { planes, raw, size, range, memory: None })
    }

    /// Says that the picture's bytes are the first of this memory.
    pub fn in_memory(self, memory: Option<Memory<'a>>) -> Self {
        Self { memory, ..self }
    }

    /// The memory that begins with the picture, if another driver can read it.
    pub fn memory(&self) -> Option<Memory<'a>> {
        self.memory
    }

    /// Checks what can be checked without the bytes.
    ///
    /// # Errors
    /// No picture can have this size, or a row does not fit into this stride.
    pub fn check(raw: Raw, size: Size, stride: u32) -> Result<(), PixelError> {
        if !size.is_possible() {
            return Err(PixelError::Size(size));
        }
        let row = raw.row_len(size.width);
        if stride < row { Err(PixelError::Stride { stride, row }) } else { Ok(()) }
    }

    /// The layout of its pixels.
    pub fn raw(&self) -> Raw {
        self.raw
    }

    /// The picture's size, a possible one.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The range of its samples.
    pub fn range(&self) -> Range {
        self.range
    }

    /// A plane's bytes, from its first row to the end of its last, and the number of bytes from one row to the next. The
    /// last row may lack its padding. Empty if the layout lacks the plane.
    pub fn plane(&self, index: usize) -> (&'a [u8], usize) {
        self.planes.get(index).map_or((&[], 0), |plane| (plane.bytes, plane.stride))
    }

    /// Row `y` of a plane, without padding. Empty if the layout lacks the plane.
    #[cfg(test)]
    pub fn row(&self, plane: usize, y: u32) -> &'a [u8] {
        let (bytes, stride) = self.plane(plane);
        let row = self.raw.planes(self.size, 0).get(plane).map_or(0, |shape| shape.row) as usize;
        if row == 0 { &[] } else { &bytes[y as usize * stride..][..row] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Layout;
    use proptest::prelude::*;

    fn picture(
        raw: Raw,
        bytes: &[u8],
        width: u32,
        height: u32,
        stride: u32,
    ) -> Result<Picture<'_>, PixelError> {
        Picture::new(bytes, raw, Size { width, height }, stride, Range::Limited)
    }

    #[test]
    fn rows_are_found_whatever_the_stride() {
        let bytes: Vec<u8> = (0..40).collect();
        let padded = picture(Raw::Yuyv, &bytes, 3, 3, 12).expect("three rows of 8 bytes, 12 apart");
        assert_eq!(padded.row(0, 0), &bytes[..8]);
        assert_eq!(padded.row(0, 2), &bytes[24..32]);
        assert!(padded.row(1, 0).is_empty() && padded.row(3, 0).is_empty());
    }

    #[test]
    fn planes_follow_each_other_with_their_own_strides() {
        let bytes: Vec<u8> = (0..100).collect();
        let pairs = picture(Raw::Nv12, &bytes, 3, 3, 8).expect("3 rows of luma, 2 of chroma");
        assert_eq!(pairs.row(0, 2), [16, 17, 18]);
        assert_eq!(pairs.row(1, 0), [24, 25, 26, 27]);
        assert_eq!(pairs.row(1, 1), [32, 33, 34, 35]);
        let planes = picture(Raw::Yu12, &bytes, 3, 3, 8).expect("3 rows of luma, 2 and 2 of chroma");
        assert_eq!([planes.row(1, 0), planes.row(1, 1)], [[24, 25], [28, 29]]);
        assert_eq!([planes.row(2, 0), planes.row(2, 1)], [[32, 33], [36, 37]]);
    }

    #[test]
    fn the_last_row_may_lack_padding_but_no_samples() {
        for (raw, stride, needed) in
            [(Raw::Yuyv, 12, 32), (Raw::Grey, 12, 28), (Raw::Nv12, 12, 52), (Raw::Yu12, 12, 56)]
        {
            let bytes = vec![0; needed];
            assert!(picture(raw, &bytes, 4, 3, stride).is_ok(), "{raw:?}");
            let short = PixelError::Short { len: needed - 1, needed: needed as u64 };
            assert_eq!(picture(raw, &bytes[1..], 4, 3, stride).unwrap_err(), short);
        }
    }

    #[test]
    fn impossible_sizes_and_strides_are_refused() {
        for raw in Layout::all().filter_map(Layout::raw) {
            for (width, height) in
                [(0, 1), (1, 0), (1, 16_385), (16_385, 1), (8193, 8192), (u32::MAX, u32::MAX)]
            {
                let refused = picture(raw, &[0; 64], width, height, u32::MAX);
                assert_eq!(refused.unwrap_err(), PixelError::Size(Size { width, height }));
            }
            let row = raw.row_len(5);
            let refused = picture(raw, &[0; 64], 5, 1, row - 1);
            assert_eq!(refused.unwrap_err(), PixelError::Stride { stride: row - 1, row });
            let refused = picture(raw, &[0; 64], 8192, 8192, u32::MAX);
            assert!(matches!(refused, Err(PixelError::Short { .. })), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn every_row_is_in_bounds_or_the_frame_is_refused(
            index in 0..11usize,
            width in 0..40u32,
            height in 0..20u32,
            stride in 0..200u32,
            len in 0..6000usize,
        ) {
            let raw = Layout::all().filter_map(Layout::raw).nth(index).expect("eleven of them");
            let bytes = vec![0; len];
            if let Ok(picture) = picture(raw, &bytes, width, height, stride) {
                prop_assert!(raw.frame_len(picture.size(), stride) <= len as u64);
                for (plane, shape) in raw.planes(picture.size(), stride).iter().enumerate() {
                    for y in 0..shape.rows as u32 {
                        prop_assert_eq!(picture.row(plane, y).len() as u64, shape.row);
                    }
                }
            }
        }
    }
}
