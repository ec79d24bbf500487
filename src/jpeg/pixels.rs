//! Raw pixels from a camera, checked once.
//!
//! Made by [`crate::stream`] from a frame and by [`crate::canvas`] from itself; read by
//! [`super::encode`]. After [`Yuyv::new`] every row is in bounds.

use std::fmt;

use crate::camera::{MAX_SIDE, Range, Size};

/// A 4:2:2 picture, packed Y0 Cb Y1 Cr (V4L2 fourcc YUYV): two pixels share their chroma.
#[derive(Debug, Clone, Copy)]
pub struct Yuyv<'a> {
    bytes: &'a [u8],
    size: Size,
    stride: usize,
    range: Range,
}

/// Why bytes are no picture of the size that was agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelError {
    /// A side is 0 or above [`MAX_SIDE`].
    Size(Size),
    /// A row does not fit into the stride.
    Stride {
        /// Bytes from one row to the next.
        stride: u32,
        /// Bytes that a row takes.
        row: u32,
    },
    /// There are fewer bytes than rows need: the transfer was cut short.
    Short {
        /// Bytes that came.
        len: usize,
        /// Bytes that the picture takes, the last row without what pads it to the stride.
        needed: u64,
    },
}

impl fmt::Display for PixelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PixelError::Size(size) => write!(f, "no picture has the size {size}"),
            PixelError::Stride { stride, row } => {
                write!(f, "a row of {row} bytes does not fit into a stride of {stride}")
            }
            PixelError::Short { len, needed } => {
                write!(f, "the frame is cut short: {len} bytes, but {needed} were agreed")
            }
        }
    }
}

impl std::error::Error for PixelError {}

impl<'a> Yuyv<'a> {
    /// Bytes that a row of `width` pixels takes. An odd width has one luma sample at its end that no pixel
    /// uses. `width` is at most [`MAX_SIDE`].
    pub const fn row_len(width: u32) -> u32 {
        width.div_ceil(2) * 4
    }

    /// Checks that `bytes` hold `size.height` rows which begin `stride` bytes apart. The last row may end
    /// short of the stride; bytes behind it are ignored.
    ///
    /// # Errors
    /// [`PixelError`] says what does not fit.
    pub fn new(bytes: &'a [u8], size: Size, stride: u32, range: Range) -> Result<Self, PixelError> {
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            return Err(PixelError::Size(size));
        }
        let row = Self::row_len(size.width);
        if stride < row {
            return Err(PixelError::Stride { stride, row });
        }
        let needed = u64::from(stride) * u64::from(size.height - 1) + u64::from(row);
        // A length that no usize can hold is longer than any slice.
        match usize::try_from(needed).ok().and_then(|needed| bytes.get(..needed)) {
            Some(bytes) => Ok(Self { bytes, size, stride: stride as usize, range }),
            None => Err(PixelError::Short { len: bytes.len(), needed }),
        }
    }

    /// The picture's size, each side 1 to [`MAX_SIDE`].
    pub fn size(&self) -> Size {
        self.size
    }

    /// How far its samples reach.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Row `y` from the top, [`Yuyv::row_len`] bytes; below the last row, the last row.
    pub fn row(&self, y: u32) -> &'a [u8] {
        let y = y.min(self.size.height - 1) as usize;
        &self.bytes[y * self.stride..][..Self::row_len(self.size.width) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yuyv(bytes: &[u8], width: u32, height: u32, stride: u32) -> Result<Yuyv<'_>, PixelError> {
        Yuyv::new(bytes, Size { width, height }, stride, Range::Limited)
    }

    #[test]
    fn rows_are_found_whatever_the_stride() {
        let bytes: Vec<u8> = (0..40).collect();
        let padded = yuyv(&bytes, 3, 3, 12).expect("three rows of 8 bytes, 12 apart");
        assert_eq!(padded.row(0), &bytes[..8]);
        assert_eq!(padded.row(2), &bytes[24..32]);
        assert_eq!(padded.row(9), padded.row(2));
    }

    #[test]
    fn the_last_row_may_end_short_of_the_stride_but_not_of_the_picture() {
        assert!(yuyv(&[0; 32], 4, 3, 12).is_ok());
        assert_eq!(yuyv(&[0; 31], 4, 3, 12).unwrap_err(), PixelError::Short { len: 31, needed: 32 });
    }

    #[test]
    fn sizes_and_strides_that_cannot_be_are_refused() {
        assert!(matches!(yuyv(&[0; 64], 0, 1, 64), Err(PixelError::Size(_))));
        assert!(matches!(yuyv(&[0; 64], 1, 65_536, 4), Err(PixelError::Size(_))));
        assert_eq!(yuyv(&[0; 64], 5, 1, 8).unwrap_err(), PixelError::Stride { stride: 8, row: 12 });
        assert!(matches!(yuyv(&[0; 64], 65_535, 65_535, u32::MAX), Err(PixelError::Short { .. })));
    }
}
