//! Raw pixels to JPEG.
//!
//! Called by [`crate::stream`] for sources that make no JPEGs, by [`super::transcode`], and for the card.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::{fmt, io, thread};

use jpeg_encoder::EncodingError;

pub use super::bands::MAX_BANDS;
use super::bands::{Cut, Helpers};
use super::rows::{Rows, sampling};
use crate::picture::Picture;
use crate::problem::{Text, text};

/// The JPEG quality if none is configured.
pub const DEFAULT_QUALITY: u8 = 85;

/// Encodes pictures, each on several cores if it is large enough.
#[derive(Debug)]
pub struct Encoder {
    quality: u8,
    bands: usize,
    helpers: Helpers,
}

/// Why a picture was not encoded.
#[derive(Debug)]
pub enum EncodeError {
    /// The JPEG is larger than the output slice.
    TooLarge {
        /// The length of the output slice in bytes.
        capacity: usize,
    },
    /// The encoder refused the picture; no valid [`Picture`] gives it a reason to.
    Refused(EncodingError),
}

impl EncodeError {
    /// Why it was not encoded, in words.
    pub fn text(&self) -> Text {
        match self {
            EncodeError::TooLarge { capacity } => {
                text!("the encoded picture does not fit into {} bytes", *capacity)
            }
            EncodeError::Refused(error) => text!("the picture cannot be encoded: {}", error.to_string()),
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for EncodeError {}

impl Encoder {
    /// `quality` is libjpeg's, 1 to 100; values outside are clamped. Pictures are encoded in as many bands as there are
    /// cores, up to [`MAX_BANDS`].
    pub fn new(quality: u8) -> Self {
        Self::in_bands(quality, thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// The same in at most `bands` bands, 1 to [`MAX_BANDS`].
    pub fn in_bands(quality: u8, bands: usize) -> Self {
        let mut encoder = Self { quality: 0, bands, helpers: Helpers::default() };
        encoder.set_quality(quality);
        encoder
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.quality = quality.clamp(1, 100);
    }

    /// Encodes into the beginning of `out` and returns the JPEG's length in bytes. The decoded picture does not
    /// depend on the number of bands.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small; its contents are then of no use.
    pub fn encode(&mut self, picture: &Picture<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        let quality = self.quality;
        let sampling = sampling(picture.raw(), quality);
        let encode = |rows: Range<u32>, restart_interval, out: &mut [u8]| {
            let rows = Rows { picture, top: rows.start, count: rows.len() as u32, sampling };
            encode(rows, quality, restart_interval, out)
        };
        if let Some(cut) = Cut::new(picture.raw(), picture.size(), sampling, self.bands)
            && let Some(len) =
                cut.encode(&mut self.helpers, out, |rows, interval, share| encode(rows, interval, share).ok())
        {
            return Ok(len);
        }
        encode(0..picture.size().height, 0, out)
    }
}

/// Encodes rows as a separate picture; a restart interval of 0 means none.
fn encode(rows: Rows<'_>, quality: u8, restart_interval: u16, out: &mut [u8]) -> Result<usize, EncodeError> {
    let capacity = out.len();
    let mut sink = Sink { rest: out };
    let mut encoder = jpeg_encoder::Encoder::new(&mut sink, quality);
    encoder.set_sampling_factor(rows.sampling);
    encoder.set_restart_interval(restart_interval);
    match encoder.encode_image(rows) {
        Ok(()) => Ok(capacity - sink.rest.len()),
        Err(EncodingError::IoError(_)) => Err(EncodeError::TooLarge { capacity }),
        Err(error) => Err(EncodeError::Refused(error)),
    }
}

/// Writes into a slice from its front. The encoder writes a few bytes at a time, so this must be cheap.
struct Sink<'a> {
    rest: &'a mut [u8],
}

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match std::mem::take(&mut self.rest).split_at_mut_checked(bytes.len()) {
            Some((here, rest)) => {
                here.copy_from_slice(bytes);
                self.rest = rest;
                Ok(())
            }
            None => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
