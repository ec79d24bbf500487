//! JPEG to another JPEG: decodes, scales and re-encodes as baseline.
//!
//! Called by [`crate::variants`] for viewers that ask for less than the camera delivers, and by [`crate::stream`] if a
//! camera's own JPEGs are to be re-encoded, or are not baseline. Memory is reused from frame to frame; the largest
//! picture, at most [`super::decodable::MAX_DECODED`], determines how much it takes.

mod pixels;

use std::fmt;

use coefficients::Transform;
use coefficients::exif::Orientation;
use zune_jpeg::errors::DecodeErrors;

use super::decodable::{Decodable, Refused, Undecodable};
use super::encode::{EncodeError, Encoder};
use super::fault::Fault;
use super::marker;
use crate::picture::{Raw, Size};
use crate::problem::{Text, text};
use pixels::Pixels;

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

/// Makes JPEGs smaller, turned, or of lower quality, all in the same way.
#[derive(Debug)]
pub struct Transcoder {
    /// The largest size of the result, before it is turned; `None` keeps the size.
    within: Option<Size>,
    transform: Transform,
    encoder: Encoder,
    pixels: Pixels,
    /// What is to become of the last picture; `None` if it could not be decoded.
    plan: Option<Plan>,
}

/// What becomes of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its size.
    pub size: Size,
    /// The size that it would have if nothing were trimmed.
    pub untrimmed: Size,
    /// Whether it is passed on as it is.
    pub is_unchanged: bool,
}

/// How a decoded picture is encoded.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// What is done to it.
    transform: Transform,
    /// Which side of the result is up.
    orientation: Option<Orientation>,
}

impl Transcoder {
    /// Pictures are scaled to the largest size that fits into `within` and keeps their proportions, are never enlarged,
    /// and are encoded by `encoder`.
    pub fn new(within: Option<Size>, encoder: Encoder) -> Self {
        Self { within, transform: Transform::NONE, encoder, pixels: Pixels::default(), plan: None }
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.encoder.set_quality(quality);
    }

    /// Turns and mirrors pictures from the next one on, as they are seen: one that EXIF data turn is turned from there.
    pub fn set_transform(&mut self, transform: Transform) {
        self.transform = transform;
    }

    /// Decodes a mended JPEG as far as it must be, and says what becomes of it.
    ///
    /// # Errors
    /// A [`TranscodeError`] if the JPEG cannot be decoded; there is nothing to encode then.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<Made, TranscodeError> {
        self.plan = None;
        let head = Decodable::check(jpeg)?;
        let plan = Plan::new(self.transform, head.orientation);
        let to = self.within.map_or(head.size, |within| fit(head.size, within));
        self.pixels.decode(jpeg, &head, to)?;
        self.plan = Some(plan);
        let size = transformed(to, plan.transform);
        Ok(Made { size, untrimmed: size, is_unchanged: false })
    }

    /// Encodes the decoded picture into the beginning of `out` and returns the JPEG's length in bytes. `jpeg` is the one
    /// that was decoded.
    ///
    /// # Errors
    /// [`TranscodeError::Nothing`] if the last picture could not be decoded, [`TranscodeError::Encode`] if `out` is too
    /// small.
    pub fn encode(&mut self, _jpeg: &[u8], out: &mut [u8]) -> Result<usize, TranscodeError> {
        let Plan { transform, orientation } = self.plan.ok_or(TranscodeError::Nothing)?;
        let Some(orientation) = orientation else {
            return self.pixels.encode(&mut self.encoder, transform, out);
        };
        // The picture is encoded behind the place of the segment that says which side is up. SOI then moves before it.
        let (capacity, segment) = (out.len(), orientation.segment());
        let too_large = TranscodeError::Encode(EncodeError::TooLarge { capacity });
        let place = out.get_mut(segment.len()..).ok_or(too_large)?;
        let length = self.pixels.encode(&mut self.encoder, transform, place)?;
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

fn transformed(size: Size, transform: Transform) -> Size {
    let (width, height) = transform.size((size.width, size.height));
    Size { width, height }
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

impl Plan {
    /// A picture that EXIF data turn keeps them, unless it is turned anyway: then both are done in one.
    fn new(wished: Transform, orientation: Option<Orientation>) -> Self {
        match orientation {
            Some(orientation) if wished != Transform::NONE => {
                Self { transform: orientation.upright().then(wished), orientation: None }
            }
            orientation => Self { transform: wished, orientation },
        }
    }
}

#[cfg(test)]
mod tests;
