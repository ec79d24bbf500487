//! Raw pixels to JPEG.
//!
//! Called by [`crate::stream`] for sources without JPEGs of their own, and for the drawn card.

use std::{fmt, io};

use jpeg_encoder::EncodingError;

use super::pixels::Picture;
use super::rows::{Rows, sampling};

/// Used when nobody said a quality.
pub const DEFAULT_QUALITY: u8 = 85;

/// Encodes pictures at one quality.
#[derive(Debug, Clone)]
pub struct Encoder {
    quality: u8,
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
    /// `quality` is that of libjpeg, 1 to 100; what lies outside counts as the nearest.
    pub fn new(quality: u8) -> Self {
        Self { quality: quality.clamp(1, 100) }
    }

    /// Encodes into the beginning of `out` and returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small; its contents are then of no use.
    pub fn encode(&mut self, picture: &Picture<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        let room = out.len();
        let mut sink = Sink { rest: out };
        let mut encoder = jpeg_encoder::Encoder::new(&mut sink, self.quality);
        let sampling = sampling(picture.raw(), self.quality);
        encoder.set_sampling_factor(sampling);
        match encoder.encode_image(Rows { picture, top: 0, count: picture.size().height, sampling }) {
            Ok(()) => Ok(room - sink.rest.len()),
            Err(EncodingError::IoError(_)) => Err(EncodeError::TooLarge { room }),
            Err(error) => Err(EncodeError::Refused(error)),
        }
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
