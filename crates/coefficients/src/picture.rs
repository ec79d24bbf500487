//! All blocks of a picture: taken out of a JPEG, and made into another.

use std::fmt;

use crate::{Quality, TooLarge, Transform};

/// The coefficients of a picture. Keeps its memory from one picture to the next.
///
/// They are kept sparsely: of the 63 AC coefficients of a block a photograph has four or five that are not 0.
#[derive(Debug, Default)]
pub struct Coefficients {}

/// Why the coefficients of a JPEG cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is a kind of JPEG that this crate does not know: progressive, arithmetic, lossless, not 8-bit.
    Unsupported,
    /// Its headers are damaged.
    Head,
    /// Its coded data are damaged, or end too early.
    Damaged {
        /// The offset in bytes at which it was found.
        offset: usize,
        /// How many MCUs were whole.
        mcus: u32,
    },
    /// It has more pixels or coefficients than the limits allow.
    TooLarge,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for DecodeError {}

impl Coefficients {
    /// The most pixels of a picture: 4096x4096.
    pub const MAX_PIXELS: u64 = 1 << 24;

    /// Reads the coefficients of a whole JPEG: baseline or extended sequential, 8 bits, Huffman coded, with any sampling,
    /// restart intervals, interleaved or not. After an error there is no picture.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<(), DecodeError> {
        let _ = jpeg;
        todo!()
    }

    /// The size in pixels: width, height.
    pub fn size(&self) -> (u32, u32) {
        todo!()
    }

    /// The size in pixels of the transformed picture. What is left over at an edge that becomes the left or upper one,
    /// less than an MCU, is trimmed: there the result would have to begin inside an MCU.
    pub fn transformed_size(&self, transform: Transform) -> (u32, u32) {
        let _ = transform;
        todo!()
    }

    /// Whether encoding with this quality would change anything: coefficients are never quantized more finely than they
    /// are.
    pub fn is_finer_than(&self, quality: Quality) -> bool {
        let _ = quality;
        todo!()
    }

    /// Makes a JPEG of them, turned and mirrored, and with `quality` quantized more coarsely, in the beginning of `out`;
    /// returns its length in bytes.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode(
        &mut self,
        transform: Transform,
        quality: Option<Quality>,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let _ = (transform, quality, out);
        todo!()
    }
}
