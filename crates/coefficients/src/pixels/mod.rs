//! Rows of pixels to JPEG: colour conversion, DCT, quantization, Huffman coding.

use std::ops::Range;

use crate::{Quality, Sampling, TooLarge, Transform};

/// How the samples of a picture lie in memory. Each plane has rows with a stride of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Luma only, one plane.
    Grey,
    /// Planes of luma, Cb and Cr, in this sampling (not [`Sampling::Grey`]). YV12 is this with its planes exchanged.
    Planar(Sampling),
    /// 4:2:0: a plane of luma, one of Cb Cr pairs.
    Nv12,
    /// 4:2:0: a plane of luma, one of Cr Cb pairs.
    Nv21,
    /// 4:2:2, one plane of Y0 Cb Y1 Cr.
    Yuyv,
    /// 4:2:2, one plane of Cb Y0 Cr Y1.
    Uyvy,
    /// 4:2:2, one plane of Y0 Cr Y1 Cb.
    Yvyu,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// 16 bits a pixel, little endian: 5 of red (the highest), 6 of green, 5 of blue.
    Rgb565,
}

impl Layout {
    /// The sampling of the samples themselves.
    pub const fn sampling(self) -> Sampling {
        match self {
            Layout::Grey => Sampling::Grey,
            Layout::Planar(sampling) => sampling,
            Layout::Nv12 | Layout::Nv21 => Sampling::Both,
            Layout::Yuyv | Layout::Uyvy | Layout::Yvyu => Sampling::Across,
            Layout::Rgb | Layout::Bgr | Layout::Rgb565 => Sampling::Full,
        }
    }
}

/// A plane of samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plane<'a> {
    /// From the first row to the end of the last; the last row need not be padded.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// Pixels to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    /// Pixels in a row, 1 to 65535.
    pub width: u32,
    /// Rows, 1 to 65535.
    pub height: u32,
    /// How the samples lie in `planes`.
    pub layout: Layout,
    /// Those that the layout lacks are empty. With an odd width or height, chroma is rounded up.
    pub planes: [Plane<'a>; 3],
    /// Whether samples have the limited range (luma and RGB 16 to 235, chroma 16 to 240) and are to be widened.
    pub limited: bool,
}

/// How to encode a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// JPEG quality.
    pub quality: Quality,
    /// The sampling of the pixels as they lie, at most that of [`Layout::sampling`]. The JPEG has the same, or
    /// [`Sampling::transposed`] if `transform` says so.
    pub sampling: Sampling,
    /// How the picture is turned and mirrored.
    pub transform: Transform,
}

/// Encodes pictures; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Encoder {}

impl Encoder {
    /// Encodes a whole picture into the beginning of `out`, and returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode(
        &mut self,
        pixels: &Pixels<'_>,
        settings: Settings,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let _ = (pixels, settings, out);
        todo!()
    }

    /// Encodes some rows of MCUs of the JPEG, without headers and markers, for bands that are joined by restart markers.
    /// Returns the length in bytes.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn encode_band(
        &mut self,
        pixels: &Pixels<'_>,
        settings: Settings,
        mcu_rows: Range<u32>,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let _ = (pixels, settings, mcu_rows, out);
        todo!()
    }

    /// Writes everything up to the coded data of the first band into the beginning of `out`, and returns its length. A
    /// restart interval of 0 MCUs means none.
    ///
    /// # Errors
    /// `out` is too small.
    pub fn write_head(
        pixels: &Pixels<'_>,
        settings: Settings,
        restart_interval: u16,
        out: &mut [u8],
    ) -> Result<usize, TooLarge> {
        let _ = (pixels, settings, restart_interval, out);
        todo!()
    }
}
