//! Raw pixels to JPEG.
//!
//! Called by [`crate::stream`] for sources without JPEGs of their own, and for the drawn card. The samples
//! go into the JPEG as the camera gave them: luma and chroma straight from its rows, never through RGB, and
//! 4:2:2 as they came, so that nothing is lost but what the quantiser takes.

use std::{fmt, io};

use jpeg_encoder::{EncodingError, ImageBuffer, JpegColorType, SamplingFactor};

use super::pixels::Yuyv;
use crate::camera::Range;

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
    /// The encoder refused the picture, which no picture of [`Yuyv`] gives it a reason to.
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
    pub fn encode(&mut self, picture: &Yuyv<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        let room = out.len();
        let mut sink = Sink { rest: out };
        let mut encoder = jpeg_encoder::Encoder::new(&mut sink, self.quality);
        encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
        match encoder.encode_image(Rows(picture)) {
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

/// The picture as the encoder wants it: a row at a time, each component by itself and chroma for each pixel
/// (of which it takes every other one again, for 4:2:2).
struct Rows<'a>(&'a Yuyv<'a>);

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        side(self.0.size().width)
    }

    fn height(&self) -> u16 {
        side(self.0.size().height)
    }

    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let row = self.0.row(y.into());
        match self.0.range() {
            Range::Limited => split(row, luma, cb, cr, full_luma, full_chroma),
            Range::Full => split(row, luma, cb, cr, |y| y, |c| c),
        }
        // An odd width leaves half a pair over.
        let odd = self.0.size().width % 2;
        for plane in [luma, cb, cr] {
            plane.truncate(plane.len() - odd as usize);
        }
    }
}

fn side(pixels: u32) -> u16 {
    u16::try_from(pixels).unwrap_or(u16::MAX) // never above MAX_SIDE
}

/// Appends a YUYV row to three planes: each component of a block of fixed size by itself, which the compiler
/// turns into vector code, three times as fast as pair by pair or through tables.
#[inline(always)]
fn split(
    row: &[u8],
    luma: &mut Vec<u8>,
    cb: &mut Vec<u8>,
    cr: &mut Vec<u8>,
    to_luma: impl Fn(u8) -> u8,
    to_chroma: impl Fn(u8) -> u8,
) {
    const PAIRS: usize = 32;
    let mut append = |pairs: &[[u8; 4]; PAIRS], count: usize| {
        let y = pairs.map(|pair| [pair[0], pair[2]]).map(|two| two.map(&to_luma));
        let u = pairs.map(|pair| to_chroma(pair[1])).map(|c| [c; 2]);
        let v = pairs.map(|pair| to_chroma(pair[3])).map(|c| [c; 2]);
        luma.extend_from_slice(y[..count].as_flattened());
        cb.extend_from_slice(u[..count].as_flattened());
        cr.extend_from_slice(v[..count].as_flattened());
    };
    let (blocks, rest) = row.as_chunks().0.as_chunks();
    for block in blocks {
        append(block, PAIRS);
    }
    let mut last = [[0; 4]; PAIRS];
    last[..rest.len()].copy_from_slice(rest);
    append(&last, rest.len());
}

/// Luma 16 to 235 onto 0 to 255 (JFIF, ITU T.871 section 7), to the nearest: 149 / 128 is 255 / 219.
#[inline(always)]
fn full_luma(y: u8) -> u8 {
    let wide = (u16::from(y.saturating_sub(16)) * 149 + 64) >> 7;
    wide.min(255) as u8
}

/// Chroma 16 to 240 onto 0 to 255 around 128, to the nearest: 1 + 71 / 512 is 255 / 224.
#[inline(always)]
fn full_chroma(c: u8) -> u8 {
    let distance = i16::from(c) - 128;
    let wide = distance + ((distance * 71 + 256) >> 9) + 128;
    wide.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests;
