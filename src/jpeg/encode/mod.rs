//! Raw pixels to JPEG, by [`coefficients::pixels`], on several cores.
//!
//! Called by [`crate::stream`] for sources that make no JPEGs, by [`super::transcode`], and for the card.

use std::num::NonZeroUsize;
use std::{fmt, thread};

use coefficients::pixels::{self, Layout, Pixels, Settings};
use coefficients::{Quality, Sampling, TooLarge, Transform};

pub use super::bands::MAX_BANDS;
use super::bands::{Cut, Helpers};
use crate::picture::{Picture, Range, Raw, Size};
use crate::problem::{Text, text};

/// The JPEG quality if none is configured.
pub const DEFAULT_QUALITY: u8 = 85;

/// From this quality on, 4:2:2 stays 4:2:2. Below it, two rows share their chroma (4:2:0). On photographs at quality 85
/// that saves 10 % of the bytes and adds 0.1 to 0.2 to the mean CIEDE2000 difference, where 1 is just noticeable; only
/// edges between saturated colours show it.
pub const FULL_CHROMA_FROM: u8 = 90;

/// Encodes pictures, each on several cores if it is large enough.
#[derive(Debug)]
pub struct Encoder {
    quality: Quality,
    transform: Transform,
    /// One for each band, with its own memory; at least one.
    coders: Vec<pixels::Encoder>,
    helpers: Helpers,
}

/// Why a picture was not encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncodeError {
    /// The JPEG is larger than the output slice.
    TooLarge {
        /// The length of the output slice in bytes.
        capacity: usize,
    },
}

impl EncodeError {
    /// Why it was not encoded, in words.
    pub fn text(&self) -> Text {
        let EncodeError::TooLarge { capacity } = self;
        text!("the encoded picture does not fit into {} bytes", *capacity)
    }
}

impl From<TooLarge> for EncodeError {
    fn from(TooLarge { capacity }: TooLarge) -> Self {
        EncodeError::TooLarge { capacity }
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
        let mut coders = Vec::new();
        coders.resize_with(bands.clamp(1, MAX_BANDS), pixels::Encoder::default);
        let (quality, transform) = (Quality::new(quality), Transform::NONE);
        Self { quality, transform, coders, helpers: Helpers::default() }
    }

    /// The JPEG quality.
    pub fn quality(&self) -> Quality {
        self.quality
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.quality = Quality::new(quality);
    }

    /// Turns and mirrors pictures from the next one on. Nothing is trimmed, whatever the size.
    pub fn set_transform(&mut self, transform: Transform) {
        self.transform = transform;
    }

    /// Encodes into the beginning of `out` and returns the JPEG's length in bytes. The decoded picture does not
    /// depend on the number of bands.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small; its contents are then of no use.
    pub fn encode(&mut self, picture: &Picture<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.encode_pixels(&pixels(picture), out)
    }

    /// The same for samples that were made here.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn encode_pixels(&mut self, pixels: &Pixels<'_>, out: &mut [u8]) -> Result<usize, EncodeError> {
        let sampling = sampling(pixels.layout.sampling(), self.quality);
        let settings = Settings { quality: self.quality, sampling, transform: self.transform };
        if let Some(len) = self.encode_bands(pixels, settings, out) {
            return Ok(len);
        }
        Ok(self.coders[0].encode(pixels, settings, out)?)
    }

    /// `None` if the picture can only be encoded in one piece.
    fn encode_bands(&mut self, pixels: &Pixels<'_>, settings: Settings, out: &mut [u8]) -> Option<usize> {
        let cut = Cut::new(settings.mcus(pixels), self.coders.len())?;
        let head = pixels::Encoder::write_head(pixels, settings, cut.restart_interval(), out).ok()?;
        let coded =
            cut.encode(&mut self.helpers, &mut self.coders, &mut out[head..], |coder, rows, share| {
                coder.encode_band(pixels, settings, rows, share).ok()
            })?;
        Some(head + coded)
    }
}

/// How many pixels share their chroma in the JPEG, if so many do `now`.
fn sampling(now: Sampling, quality: Quality) -> Sampling {
    match now {
        Sampling::Grey | Sampling::Both => now,
        _ if quality.get() < FULL_CHROMA_FROM => Sampling::Both,
        Sampling::Down => Sampling::Down,
        Sampling::Full | Sampling::Across => Sampling::Across,
    }
}

/// The picture as the coefficients' crate takes it: the same bytes.
fn pixels<'a>(picture: &Picture<'a>) -> Pixels<'a> {
    let plane = |index| {
        let (bytes, stride) = picture.plane(index);
        pixels::Plane { bytes, stride }
    };
    let mut planes = [plane(0), plane(1), plane(2)];
    let layout = match picture.raw() {
        Raw::Grey => Layout::Grey,
        Raw::Nv12 => Layout::Nv12,
        Raw::Nv21 => Layout::Nv21,
        Raw::Yu12 => Layout::Planar(Sampling::Both),
        Raw::Yv12 => {
            planes.swap(1, 2);
            Layout::Planar(Sampling::Both)
        }
        Raw::Nv16 => Layout::Nv16,
        Raw::Nv61 => Layout::Nv61,
        Raw::Nv24 => Layout::Nv24,
        Raw::Yuv422p => Layout::Planar(Sampling::Across),
        Raw::Yuv444p => Layout::Planar(Sampling::Full),
        Raw::Yuyv => Layout::Yuyv,
        Raw::Uyvy => Layout::Uyvy,
        Raw::Yvyu => Layout::Yvyu,
        Raw::Rgb24 => Layout::Rgb,
        Raw::Bgr24 => Layout::Bgr,
        Raw::Rgb565 => Layout::Rgb565,
    };
    let Size { width, height } = picture.size();
    Pixels { width, height, layout, planes, limited: picture.range() == Range::Limited }
}

#[cfg(test)]
mod tests;
