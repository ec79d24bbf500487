//! JPEG to a smaller JPEG: decodes, scales and re-encodes.
//!
//! Called by [`crate::variants`] for viewers that ask for less than the camera delivers, and by [`crate::stream`] if a
//! camera's own JPEGs are to be re-encoded. Memory is reused from frame to frame; the largest picture, at most
//! [`MAX_PIXELS`], determines how much it takes.

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

/// The largest picture that is decoded, in pixels: 4096 x 4096, which takes 48 MiB. A header may claim 256 times as
/// many.
pub const MAX_PIXELS: u64 = 1 << 24;

/// Bytes that the headers and tables of a JPEG of our own take at most.
const HEADERS: usize = 4 << 10;

/// Why a JPEG cannot be made smaller.
#[derive(Debug)]
pub enum TranscodeError {
    /// It is not a complete baseline JPEG.
    Fault(Fault),
    /// It has more than [`MAX_PIXELS`] pixels.
    TooLarge(Size),
    /// It is neither grey nor Y'CbCr.
    Colours,
    /// The decoder failed.
    Damaged(DecodeErrors),
    /// No picture was decoded before.
    Nothing,
    /// The encoder failed.
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

/// Makes JPEGs smaller, all in the same way.
#[derive(Debug)]
pub struct Transcoder {
    /// The largest size of the result; `None` keeps the size.
    within: Option<Size>,
    encoder: Encoder,
    /// The samples of the decoded picture.
    decoded: Vec<u8>,
    scaler: Scaler,
    /// The picture to be encoded, in rows of YUYV.
    scaled: Vec<u8>,
    /// The size of that picture.
    size: Size,
}

impl Transcoder {
    /// Pictures are scaled to the largest size that fits into `within` and keeps their proportions, are never enlarged,
    /// and are encoded by `encoder`.
    pub fn new(within: Option<Size>, encoder: Encoder) -> Self {
        let scaler = Scaler::default();
        let size = Size { width: 0, height: 0 };
        Self { within, encoder, decoded: Vec::new(), scaler, scaled: Vec::new(), size }
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.encoder.set_quality(quality);
    }

    /// Decodes a mended JPEG, scales it, and returns its new size. Damaged parts of the compressed data are decoded as
    /// far as possible.
    ///
    /// # Errors
    /// A [`TranscodeError`] if the JPEG cannot be decoded; there is nothing to encode then.
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

    /// Encodes the decoded picture into the beginning of `out` and returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`TranscodeError::Nothing`] if the last picture could not be decoded, [`TranscodeError::Encode`] if `out` is too
    /// small.
    pub fn encode(&mut self, out: &mut [u8]) -> Result<usize, TranscodeError> {
        let stride = Raw::Yuyv.row_len(self.size.width);
        let picture = Picture::new(&self.scaled, Raw::Yuyv, self.size, stride, Range::Full);
        let picture = picture.map_err(|_| TranscodeError::Nothing)?;
        self.encoder.encode(&picture, out).map_err(TranscodeError::Encode)
    }

    /// The length of an output slice that is large enough for a picture of this size, unless it shows only noise.
    pub fn output_len(size: Size) -> usize {
        let row = Raw::Yuyv.row_len(size.width) as usize;
        row.saturating_mul(size.height as usize).saturating_add(HEADERS)
    }
}

/// The largest size with the proportions of `size` that fits into `within` and is not larger than `size`.
fn fit(size: Size, within: Size) -> Size {
    let (width, height) = (u64::from(size.width), u64::from(size.height));
    let (most_width, most_height) = (u64::from(within.width), u64::from(within.height));
    if width <= most_width && height <= most_height {
        return size;
    }
    // Rounded to the nearest pixel, and at least one. Cannot exceed the limit, since that is a whole number.
    let part = |side: u64, of: u64, is: u64| ((side * is + of / 2) / of).max(1) as u32;
    if most_width * height <= most_height * width {
        Size { width: within.width, height: part(height, width, most_width) }
    } else {
        Size { width: part(width, height, most_height), height: within.height }
    }
}

#[cfg(test)]
mod tests;
