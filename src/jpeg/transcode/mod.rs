//! JPEG to another JPEG: smaller, turned, of lower quality; always baseline.
//!
//! A baseline JPEG in Y'CbCr or grey is never decoded to all its pixels: its coefficients are turned and quantized more
//! coarsely, and a smaller picture is made from those of low frequencies. Others, and those with unusual sampling, are
//! decoded to pixels and encoded again. A JPEG that would not change is copied.
//!
//! Called by [`crate::variants`] for viewers that ask for less than the camera delivers, and by [`crate::stream`] if a
//! camera's own JPEGs are to be re-encoded, or are not baseline. Memory is reused from frame to frame; the largest
//! picture, at most [`super::decodable::MAX_DECODED`], determines how much it takes.

mod memory;
mod pixels;

use std::fmt;

use coefficients::exif::Orientation;
use coefficients::picture::Colours;
use coefficients::reduce::Reducer;
use coefficients::{Coefficients, DecodeError, Quality, Transform};
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
    /// Its coded data are damaged.
    Coded(DecodeError),
    /// The decoder of pixels failed.
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

impl From<DecodeError> for TranscodeError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Sampling | DecodeError::Components => {
                TranscodeError::Undecodable(Undecodable::Sampling)
            }
            DecodeError::TooManyPixels | DecodeError::TooManyCoefficients => {
                TranscodeError::Undecodable(Undecodable::TooManyPixels)
            }
            damage => TranscodeError::Coded(damage),
        }
    }
}

impl TranscodeError {
    /// What failed, in words.
    pub fn text(&self) -> Text {
        match self {
            TranscodeError::Fault(fault) => fault.text(),
            TranscodeError::Undecodable(reason) => reason.text(),
            TranscodeError::Coded(error) => text!("it cannot be decoded: {}", error.to_string()),
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
    quality: Quality,
    /// Whether pictures of a higher quality are brought down to it also if all else stays as it is.
    lowers_quality: bool,
    encoder: Encoder,
    coefficients: Coefficients,
    reducer: Reducer,
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
    /// Whether it is passed on as it is, since nothing would change.
    pub is_unchanged: bool,
}

/// How a decoded picture is encoded.
#[derive(Debug, Clone, Copy)]
struct Plan {
    way: Way,
    /// What is done to it.
    transform: Transform,
    /// Which side of the result is up.
    orientation: Option<Orientation>,
}

/// From the decoded picture to the JPEG.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Copied.
    Same,
    /// From its coefficients.
    Coefficients,
    /// From pixels of this size that are made from its coefficients.
    Reduced(Decodable, Size),
    /// From its pixels.
    Pixels,
}

impl Transcoder {
    /// Pictures are scaled to the largest size that fits into `within` and keeps their proportions, are never enlarged,
    /// and are encoded by `encoder` where their pixels change. None gets a higher quality than it has.
    pub fn new(within: Option<Size>, encoder: Encoder) -> Self {
        Self {
            within,
            transform: Transform::NONE,
            quality: encoder.quality(),
            lowers_quality: true,
            encoder,
            coefficients: Coefficients::default(),
            reducer: Reducer::default(),
            pixels: Pixels::default(),
            plan: None,
        }
    }

    /// Changes the quality from the next picture on: that of all pictures, or, unless `lowers`, of those only whose
    /// pixels are encoded again.
    pub fn set_quality(&mut self, quality: u8, lowers: bool) {
        (self.quality, self.lowers_quality) = (Quality::new(quality), lowers);
        self.encoder.set_quality(quality);
    }

    /// Turns and mirrors pictures from the next one on, as they are seen: one that EXIF data turn is turned from there.
    pub fn set_transform(&mut self, transform: Transform) {
        self.transform = transform;
    }

    /// Decodes a mended JPEG as far as it must be, and says what becomes of it.
    ///
    /// # Errors
    /// A [`TranscodeError`] if the JPEG cannot be decoded, or its data are damaged; there is nothing to encode then.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<Made, TranscodeError> {
        self.plan = None;
        let head = Decodable::check(jpeg)?;
        let (transform, orientation) = whole_transform(&head, self.transform);
        let to = self.within.map_or(head.size, |within| fit(head.size, within));
        let way = self.way(jpeg, head, to, transform)?;
        self.plan = Some(Plan { way, transform, orientation });
        Ok(Made {
            size: made_size(&head, self.within, self.transform),
            untrimmed: transformed(to, transform),
            is_unchanged: matches!(way, Way::Same),
        })
    }

    /// Decodes it as the way needs it.
    fn way(
        &mut self,
        jpeg: &[u8],
        head: Decodable,
        to: Size,
        transform: Transform,
    ) -> Result<Way, TranscodeError> {
        if !head.has_coefficients() || to != head.size && head.colours == Colours::Rgb {
            self.pixels.decode(jpeg, &head, to)?;
            return Ok(Way::Pixels);
        }
        self.coefficients.decode(jpeg)?;
        if to != head.size {
            return Ok(Way::Reduced(head, to));
        }
        let is_lowered = self.lowers_quality && self.coefficients.is_finer_than(self.quality);
        // EXIF data may turn it back: then they must go.
        let is_turned = transform != Transform::NONE || self.transform != Transform::NONE;
        Ok(if is_lowered || is_turned { Way::Coefficients } else { Way::Same })
    }

    /// Encodes the decoded picture into the beginning of `out` and returns the JPEG's length in bytes. `jpeg` is the one
    /// that was decoded.
    ///
    /// # Errors
    /// [`TranscodeError::Nothing`] if the last picture could not be decoded, [`TranscodeError::Encode`] if `out` is too
    /// small, and others if only now the picture turns out to be of a kind whose pixels cannot be decoded.
    pub fn encode(&mut self, jpeg: &[u8], out: &mut [u8]) -> Result<usize, TranscodeError> {
        let plan = self.plan.ok_or(TranscodeError::Nothing)?;
        let too_large = TranscodeError::Encode(EncodeError::TooLarge { capacity: out.len() });
        if matches!(plan.way, Way::Same) {
            out.get_mut(..jpeg.len()).ok_or(too_large)?.copy_from_slice(jpeg);
            return Ok(jpeg.len());
        }
        let Some(orientation) = plan.orientation else { return self.encode_picture(plan, jpeg, out) };
        // The picture is encoded behind the place of the segment that says which side is up. SOI then moves before it.
        let segment = orientation.segment();
        let place = out.get_mut(segment.len()..).ok_or(too_large)?;
        let length = self.encode_picture(plan, jpeg, place)?;
        let soi = marker::bytes(marker::SOI);
        out[..soi.len()].copy_from_slice(&soi);
        out[soi.len()..][..segment.len()].copy_from_slice(&segment);
        Ok(segment.len() + length)
    }

    fn encode_picture(&mut self, plan: Plan, jpeg: &[u8], out: &mut [u8]) -> Result<usize, TranscodeError> {
        self.encoder.set_transform(plan.transform);
        if let Way::Reduced(head, to) = plan.way {
            if let Some(pixels) = self.reducer.at_size(&self.coefficients, (to.width, to.height)) {
                return self.encoder.encode_pixels(&pixels, out).map_err(TranscodeError::Encode);
            }
            // Sampled in an unusual way.
            self.pixels.decode(jpeg, &head, to)?;
        }
        if matches!(plan.way, Way::Coefficients) {
            let quality = self.lowers_quality.then_some(self.quality);
            let encoded = self.coefficients.encode(plan.transform, quality, out);
            return encoded.map_err(|error| TranscodeError::Encode(error.into()));
        }
        self.pixels.encode(&mut self.encoder, out)
    }

    /// The length of an output slice that is large enough for a picture of this size, unless it shows only noise.
    pub fn output_len(size: Size) -> usize {
        let row = Raw::Yuyv.row_len(size.width) as usize;
        row.saturating_mul(size.height as usize).saturating_add(HEADERS)
    }
}

/// What is done to a picture in all to turn it by `transform` as it is seen, and which side of the result is up. One that
/// EXIF data turn keeps them, unless it is turned anyway: then both are done in one.
fn whole_transform(head: &Decodable, transform: Transform) -> (Transform, Option<Orientation>) {
    match head.orientation {
        Some(orientation) if transform != Transform::NONE => (orientation.upright().then(transform), None),
        orientation => (transform, orientation),
    }
}

/// The size of what a [`Transcoder`] makes of a picture.
pub fn made_size(head: &Decodable, within: Option<Size>, transform: Transform) -> Size {
    let (transform, _) = whole_transform(head, transform);
    let to = within.map_or(head.size, |within| fit(head.size, within));
    if !head.has_coefficients() || to != head.size {
        return transformed(to, transform);
    }
    let (width, height) = transform.trimmed_size((to.width, to.height), head.mcu);
    Size { width, height }
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

#[cfg(test)]
mod tests;
