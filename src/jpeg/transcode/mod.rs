//! JPEG to another JPEG: decodes, scales and re-encodes as baseline.
//!
//! Called by [`crate::variants`] for viewers that ask for less than the camera delivers, and by [`crate::stream`] if a
//! camera's own JPEGs are to be re-encoded, or are not baseline. Memory is reused from frame to frame; the largest
//! picture, at most [`super::decodable::MAX_DECODED`], determines how much it takes.

use std::fmt;

use coefficients::exif::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::decodable::{Colours, Decodable, Refused, Undecodable};
use super::encode::{EncodeError, Encoder};
use super::fault::Fault;
use super::marker;
use super::scale::Scaler;
use crate::picture::Picture;
use crate::picture::{MAX_SIDE, Range, Raw, Size};
use crate::problem::{Text, text};

/// Bytes that the headers and tables of a JPEG of our own take at most.
const HEADERS: usize = 4 << 10;

/// Why a JPEG cannot be made smaller.
#[derive(Debug)]
pub enum TranscodeError {
    /// It is not a complete JPEG.
    Fault(Fault),
    /// It is of a kind that is not decoded.
    Undecodable(Undecodable),
    /// The decoder failed.
    Damaged(DecodeErrors),
    /// No picture was decoded before.
    Nothing,
    /// The encoder failed.
    Encode(EncodeError),
}

impl From<Refused> for TranscodeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Fault(fault) => TranscodeError::Fault(fault),
            Refused::Undecodable(reason) => TranscodeError::Undecodable(reason),
        }
    }
}

impl TranscodeError {
    /// What failed, in words.
    pub fn text(&self) -> Text {
        match self {
            TranscodeError::Fault(fault) => fault.text(),
            TranscodeError::Undecodable(reason) => reason.text(),
            TranscodeError::Damaged(error) => text!("it cannot be decoded: {}", error.to_string()),
            TranscodeError::Nothing => text!("no picture was decoded"),
            TranscodeError::Encode(error) => error.text(),
        }
    }
}

impl fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
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
    /// Which side of it is up.
    orientation: Option<Orientation>,
}

impl Transcoder {
    /// Pictures are scaled to the largest size that fits into `within` and keeps their proportions, are never enlarged,
    /// and are encoded by `encoder`.
    pub fn new(within: Option<Size>, encoder: Encoder) -> Self {
        let scaler = Scaler::default();
        let size = Size { width: 0, height: 0 };
        let (decoded, scaled) = (Vec::new(), Vec::new());
        Self { within, encoder, decoded, scaler, scaled, size, orientation: None }
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
        let Decodable { size: from, colours, orientation } = Decodable::check(jpeg)?;
        self.orientation = orientation;
        let components = if colours == Colours::Grey { 1 } else { 3 };
        let sides = MAX_SIDE as usize;
        let options = DecoderOptions::default().set_max_width(sides).set_max_height(sides);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(TranscodeError::Damaged)?;
        // Whatever the decoder takes three components for: it leaves them as they are if it is asked for the same.
        let output = match (colours, decoder.input_colorspace()) {
            (Colours::Grey, _) => ColorSpace::Luma,
            (Colours::Inks, _) => ColorSpace::RGB,
            (_, Some(ColorSpace::YCbCr | ColorSpace::YCCK)) => ColorSpace::YCbCr,
            _ => ColorSpace::RGB,
        };
        decoder.set_options(options.jpeg_set_out_colorspace(output));
        self.decoded.resize(from.area() as usize * components, 0); // at most 3 * MAX_DECODED
        decoder.decode_into(&mut self.decoded).map_err(TranscodeError::Damaged)?;
        if matches!(colours, Colours::Rgb | Colours::Inks) {
            let (pixels, _) = self.decoded.as_chunks_mut();
            pixels.iter_mut().for_each(|pixel| *pixel = full_range_ycbcr(*pixel));
        }
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
        let Some(orientation) = self.orientation else {
            return self.encoder.encode(&picture, out).map_err(TranscodeError::Encode);
        };
        // The picture is encoded behind the place of the segment that says which side is up. SOI then moves before it.
        let (capacity, segment) = (out.len(), orientation.segment());
        let too_large = TranscodeError::Encode(EncodeError::TooLarge { capacity });
        let place = out.get_mut(segment.len()..).ok_or(too_large)?;
        let length = self.encoder.encode(&picture, place).map_err(TranscodeError::Encode)?;
        let soi = marker::bytes(marker::SOI);
        out[..soi.len()].copy_from_slice(&soi);
        out[soi.len()..][..segment.len()].copy_from_slice(&segment);
        Ok(segment.len() + length)
    }

    /// The length of an output slice that is large enough for a picture of this size, unless it shows only noise.
    pub fn output_len(size: Size) -> usize {
        let row = Raw::Yuyv.row_len(size.width) as usize;
        row.saturating_mul(size.height as usize).saturating_add(HEADERS)
    }
}

/// Y'CbCr of a pixel of red, green and blue, all from 0 to 255 (ITU T.871 section 7, in 65536ths).
fn full_range_ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let luma = (19_595 * r + 38_470 * g + 7_471 * b + (1 << 15)) >> 16; // the factors add up to 65536
    let chroma = |sum: i32| ((sum + (128 << 16) + (1 << 15)) >> 16).min(255) as u8;
    let cb = chroma(-11_059 * r - 21_709 * g + 32_768 * b);
    let cr = chroma(32_768 * r - 27_439 * g - 5_329 * b);
    [luma as u8, cb, cr]
}

/// The largest size with the proportions of `size` that fits into `within` and is not larger than `size`.
pub fn fit(size: Size, within: Size) -> Size {
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
