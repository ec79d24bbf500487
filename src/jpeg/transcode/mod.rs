//! JPEG to a smaller JPEG: decoded, made smaller, encoded anew.
//!
//! Called by [`crate::variants`] for viewers who want less than the camera gives, and by [`crate::stream`] for
//! a camera whose own JPEGs are to be encoded anew. Its memory is reused from frame to frame and follows the
//! largest picture, which is at most [`MAX_PIXELS`].

use std::fmt;

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::encode::{EncodeError, Encoder};
use super::passthrough::{Fault, Jpeg};
use super::scale::Scaler;
use crate::picture::Picture;
use crate::picture::{MAX_SIDE, Range, Raw, Size};

/// The largest picture that is decoded, in pixels: 4096 x 4096, which takes 48 MiB. A header may claim 256
/// times as many.
pub const MAX_PIXELS: u64 = 1 << 24;

/// What headers and tables of a JPEG take at most, in bytes.
const HEADERS: usize = 4 << 10;

/// Why there is no smaller JPEG.
#[derive(Debug)]
pub enum TranscodeError {
    /// It is no whole baseline JPEG.
    Fault(Fault),
    /// It has more than [`MAX_PIXELS`].
    TooLarge(Size),
    /// It is neither grey nor Y'CbCr.
    Colours,
    /// The decoder gave up.
    Damaged(DecodeErrors),
    /// There is no decoded picture.
    Nothing,
    /// It was not encoded.
    Encode(EncodeError),
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscodeError::Fault(fault) => fault.fmt(f),
            TranscodeError::TooLarge(size) => {
                write!(f, "a picture of {size} has more than {MAX_PIXELS} pixels")
            }
            TranscodeError::Colours => f.write_str("its colours are neither grey nor Y'CbCr"),
            TranscodeError::Damaged(error) => write!(f, "it cannot be decoded: {error}"),
            TranscodeError::Nothing => f.write_str("no picture was decoded"),
            TranscodeError::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TranscodeError {}

/// Makes JPEGs smaller in one way.
#[derive(Debug)]
pub struct Transcoder {
    within: Option<Size>,
    encoder: Encoder,
    decoded: Vec<u8>,
    scaler: Scaler,
    /// The picture as it is to be encoded, in YUYV rows.
    scaled: Vec<u8>,
    size: Size,
}

impl Transcoder {
    /// Pictures become as large as fits into `within` in their proportions, never larger than they are, and
    /// are encoded by `encoder`.
    pub fn new(within: Option<Size>, encoder: Encoder) -> Self {
        let scaler = Scaler::default();
        let size = Size { width: 0, height: 0 };
        Self { within, encoder, decoded: Vec::new(), scaler, scaled: Vec::new(), size }
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.encoder.set_quality(quality);
    }

    /// Decodes a JPEG with Huffman tables and an end, scales it, and says its new size. What is damaged inside
    /// the compressed data is decoded as well as can be.
    ///
    /// # Errors
    /// [`TranscodeError`] says what kind of JPEG it is not; then there is nothing to encode.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<Size, TranscodeError> {
        self.scaled.clear();
        let from = Jpeg::check(jpeg).map_err(TranscodeError::Fault)?.size();
        let pixels = from.area();
        if pixels > MAX_PIXELS {
            return Err(TranscodeError::TooLarge(from));
        }
        let sides = MAX_SIDE as usize;
        let options = DecoderOptions::default().set_max_width(sides).set_max_height(sides);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(TranscodeError::Damaged)?;
        let colours = decoder.input_colorspace();
        let components = match colours {
            Some(ColorSpace::YCbCr) => 3,
            Some(ColorSpace::Luma) => 1,
            _ => return Err(TranscodeError::Colours),
        };
        decoder.set_options(options.jpeg_set_out_colorspace(colours.unwrap_or(ColorSpace::YCbCr)));
        self.decoded.resize(pixels as usize * components, 0); // at most 3 * MAX_PIXELS
        decoder.decode_into(&mut self.decoded).map_err(TranscodeError::Damaged)?;
        self.size = self.within.map_or(from, |within| fit(from, within));
        self.scaler.scale(&self.decoded, components, from, self.size, &mut self.scaled);
        Ok(self.size)
    }

    /// Encodes what was decoded last into the beginning of `out`; the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`TranscodeError::Nothing`] after a picture that could not be decoded, [`TranscodeError::Encode`] if `out`
    /// is too small.
    pub fn encode(&mut self, out: &mut [u8]) -> Result<usize, TranscodeError> {
        let stride = Raw::Yuyv.row_len(self.size.width);
        let picture = Picture::new(&self.scaled, Raw::Yuyv, self.size, stride, Range::Full);
        let picture = picture.map_err(|_| TranscodeError::Nothing)?;
        self.encoder.encode(&picture, out).map_err(TranscodeError::Encode)
    }

    /// Bytes that a JPEG of this size takes at most, unless it shows nothing but noise.
    pub fn room(size: Size) -> usize {
        let row = Raw::Yuyv.row_len(size.width) as usize;
        row.saturating_mul(size.height as usize).saturating_add(HEADERS)
    }
}

/// The largest size in the proportions of `size` that is not larger than `within` nor `size` itself.
fn fit(size: Size, within: Size) -> Size {
    let (width, height) = (u64::from(size.width), u64::from(size.height));
    let (most_width, most_height) = (u64::from(within.width), u64::from(within.height));
    if width <= most_width && height <= most_height {
        return size;
    }
    // To the nearest pixel, and at least one. No more than the most allowed, since that is a whole number.
    let part = |side: u64, of: u64, is: u64| ((side * is + of / 2) / of).max(1) as u32;
    if most_width * height <= most_height * width {
        Size { width: within.width, height: part(height, width, most_width) }
    } else {
        Size { width: part(width, height, most_height), height: within.height }
    }
}

#[cfg(test)]
mod tests;
