//! Raw pixels to JPEG.
//!
//! Called by [`crate::stream`] for sources without JPEGs of their own, and for the drawn card.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::{fmt, io, thread};

use jpeg_encoder::EncodingError;

pub use super::bands::MAX_BANDS;
use super::bands::{Cut, Helpers};
use super::rows::{Rows, sampling};
use crate::picture::Picture;

/// Used when nobody said a quality.
pub const DEFAULT_QUALITY: u8 = 85;

/// Encodes pictures, each on several cores where it is large enough.
#[derive(Debug)]
pub struct Encoder {
    quality: u8,
    bands: usize,
    helpers: Helpers,
}

/// Why a picture was not encoded.
#[derive(Debug)]
pub enum EncodeError {
    /// The JPEG is larger than the `room` there was, in bytes.
    TooLarge {
        /// Bytes that there were.
        room: usize,
    },
    /// The encoder refused the picture, which no picture of [`Picture`] gives it a reason to.
    Refused(EncodingError),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::TooLarge { room } => {
                write!(f, "the encoded picture does not fit into {room} bytes")
            }
            EncodeError::Refused(error) => write!(f, "the picture cannot be encoded: {error}"),
        }
    }
}

impl std::error::Error for EncodeError {}

impl Encoder {
    /// `quality` is that of libjpeg, 1 to 100; what lies outside counts as the nearest. Pictures are encoded in
    /// as many bands as there are cores, up to [`MAX_BANDS`].
    pub fn new(quality: u8) -> Self {
        Self::in_bands(quality, thread::available_parallelism().map_or(1, NonZeroUsize::get))
    }

    /// The same, in at most so many bands, 1 to [`MAX_BANDS`].
    pub fn in_bands(quality: u8, bands: usize) -> Self {
        let mut encoder = Self { quality: 0, bands, helpers: Helpers::default() };
        encoder.set_quality(quality);
        encoder
    }

    /// Changes the quality from the next picture on; costs nothing.
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
        let encode = |rows: Range<u32>, restart_interval, room: &mut [u8]| {
            let rows = Rows { picture, top: rows.start, count: rows.len() as u32, sampling };
            encode(rows, quality, restart_interval, room)
        };
        if let Some(cut) = Cut::new(picture.raw(), picture.size(), sampling, self.bands)
            && let Some(len) =
                cut.encode(&mut self.helpers, out, |rows, interval, room| encode(rows, interval, room).ok())
        {
            return Ok(len);
        }
        encode(0..picture.size().height, 0, out)
    }
}

/// Encodes rows as a picture of their own; a restart interval of 0 is none.
fn encode(rows: Rows<'_>, quality: u8, restart_interval: u16, out: &mut [u8]) -> Result<usize, EncodeError> {
    let room = out.len();
    let mut sink = Sink { rest: out };
    let mut encoder = jpeg_encoder::Encoder::new(&mut sink, quality);
    encoder.set_sampling_factor(rows.sampling);
    encoder.set_restart_interval(restart_interval);
    match encoder.encode_image(rows) {
        Ok(()) => Ok(room - sink.rest.len()),
        Err(EncodingError::IoError(_)) => Err(EncodeError::TooLarge { room }),
        Err(error) => Err(EncodeError::Refused(error)),
    }
}

/// A slice to write to, from its front. The encoder writes a few bytes at a time, so this must be cheap.
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
