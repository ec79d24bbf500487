//! A picture as the encoder takes it: row by row, luma and chroma separately, directly from the camera's layout and
//! never through RGB.
//!
//! Used only by [`super::encode`]. The encoder expects chroma for each pixel, but uses only that of the left pixel of
//! each pair, and with 4:2:0 only that of the upper row of each pair. What it does not use is not computed.

use jpeg_encoder::{ImageBuffer, JpegColorType, SamplingFactor};

use crate::picture::Picture;
use crate::picture::{Range, Raw};

/// From this quality on, 4:2:2 stays 4:2:2. Below it, two rows share their chroma (4:2:0). On photographs at quality 85
/// that saves 10 % of the bytes and adds 0.1 to 0.2 to the mean CIEDE2000 difference, where 1 is just noticeable; only
/// edges between saturated colours show it.
pub const FULL_CHROMA_FROM: u8 = 90;

/// How many pixels share their chroma, horizontally and vertically.
pub(super) fn sampling(raw: Raw, quality: u8) -> SamplingFactor {
    match raw {
        Raw::Grey => SamplingFactor::R_4_4_4,
        Raw::Nv12 | Raw::Nv21 | Raw::Yu12 | Raw::Yv12 => SamplingFactor::R_4_2_0,
        _ if quality < FULL_CHROMA_FROM => SamplingFactor::R_4_2_0,
        _ => SamplingFactor::R_4_2_2,
    }
}

/// Some rows of a picture.
pub(super) struct Rows<'a> {
    pub(super) picture: &'a Picture<'a>,
    /// The first row; even.
    pub(super) top: u32,
    /// The number of rows.
    pub(super) count: u32,
    pub(super) sampling: SamplingFactor,
}

impl ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        match self.picture.raw() {
            Raw::Grey => JpegColorType::Luma,
            _ => JpegColorType::Ycbcr,
        }
    }

    fn width(&self) -> u16 {
        side(self.picture.size().width)
    }

    fn height(&self) -> u16 {
        side(self.count)
    }

    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let y = u32::from(y);
        match self.picture.range() {
            Range::Limited => self.fill(y, luma, [cb, cr], full_luma, full_chroma),
            Range::Full => self.fill(y, luma, [cb, cr], |y| y, |c| c),
        }
    }
}

fn side(pixels: u32) -> u16 {
    u16::try_from(pixels).unwrap_or(u16::MAX) // never above MAX_SIDE
}

impl Rows<'_> {
    /// Appends row `y` of these rows: as many samples to each plane as the picture is wide. `to_luma` and `to_chroma`
    /// convert samples to full range; `to_luma` also converts red, green and blue.
    #[inline(always)]
    fn fill(
        &self,
        y: u32,
        luma: &mut Vec<u8>,
        chroma: [&mut Vec<u8>; 2],
        to_luma: impl Fn(u8) -> u8 + Copy,
        to_chroma: impl Fn(u8) -> u8 + Copy,
    ) {
        let end = luma.len() + self.picture.size().width as usize;
        self.fill_luma(self.top + y, luma, to_luma);
        luma.truncate(end); // an odd width leaves half a pair over
        if self.picture.raw() == Raw::Grey {
            return;
        }
        let [cb, cr] = chroma;
        let halved = self.sampling == SamplingFactor::R_4_2_0;
        // The encoder repeats the last row downwards, even if it is the upper one of a pair.
        if !halved || y.is_multiple_of(2) || y + 1 == self.count {
            self.fill_chroma(self.top + y, halved, cb, cr, to_luma, to_chroma);
        }
        for plane in [cb, cr] {
            plane.resize(end, 0);
        }
    }

    #[inline(always)]
    fn fill_luma(&self, y: u32, luma: &mut Vec<u8>, to_luma: impl Fn(u8) -> u8) {
        let row = self.picture.row(0, y);
        match self.picture.raw() {
            Raw::Nv12 | Raw::Nv21 | Raw::Yu12 | Raw::Yv12 | Raw::Grey => {
                append(row, row, luma, |&[y], _| [to_luma(y)]);
            }
            Raw::Yuyv | Raw::Yvyu => append(row, row, luma, |&[y0, _, y1, _], _| [y0, y1].map(&to_luma)),
            Raw::Uyvy => append(row, row, luma, |&[_, y0, _, y1], _| [y0, y1].map(&to_luma)),
            Raw::Rgb24 => append(row, row, luma, |&[r, g, b], _| [rgb_luma([r, g, b].map(&to_luma))]),
            Raw::Bgr24 => append(row, row, luma, |&[b, g, r], _| [rgb_luma([r, g, b].map(&to_luma))]),
        }
    }

    #[inline(always)]
    fn fill_chroma(
        &self,
        y: u32,
        halved: bool,
        cb: &mut Vec<u8>,
        cr: &mut Vec<u8>,
        to_luma: impl Fn(u8) -> u8,
        to_chroma: impl Fn(u8) -> u8 + Copy,
    ) {
        let row = |plane| self.picture.row(plane, y / 2);
        let above = self.picture.row(0, y);
        let below = self.picture.row(0, if halved { y + 1 } else { y });
        match self.picture.raw() {
            Raw::Nv12 | Raw::Nv21 => {
                let (first, second) = if self.picture.raw() == Raw::Nv12 { (cb, cr) } else { (cr, cb) };
                component::<2, 0>(row(1), row(1), first, to_chroma);
                component::<2, 1>(row(1), row(1), second, to_chroma);
            }
            Raw::Yu12 | Raw::Yv12 => {
                let (first, second) = if self.picture.raw() == Raw::Yu12 { (cb, cr) } else { (cr, cb) };
                component::<1, 0>(row(1), row(1), first, to_chroma);
                component::<1, 0>(row(2), row(2), second, to_chroma);
            }
            Raw::Yuyv | Raw::Yvyu => {
                let (first, second) = if self.picture.raw() == Raw::Yuyv { (cb, cr) } else { (cr, cb) };
                component::<4, 1>(above, below, first, to_chroma);
                component::<4, 3>(above, below, second, to_chroma);
            }
            Raw::Uyvy => {
                component::<4, 0>(above, below, cb, to_chroma);
                component::<4, 2>(above, below, cr, to_chroma);
            }
            Raw::Rgb24 => rgb_chroma::<0, 2>(above, below, cb, cr, to_luma),
            Raw::Bgr24 => rgb_chroma::<2, 0>(above, below, cb, cr, to_luma),
            Raw::Grey => {}
        }
    }
}

/// Appends what `samples` makes of each unit of `above` and the unit below it. An incomplete unit at the end of the
/// rows is left to the caller. Works in blocks of a fixed size, which the compiler turns into vector code.
#[inline(always)]
fn append<const UNIT: usize, const SAMPLES: usize>(
    above: &[u8],
    below: &[u8],
    out: &mut Vec<u8>,
    samples: impl Fn(&[u8; UNIT], &[u8; UNIT]) -> [u8; SAMPLES],
) {
    const BLOCK: usize = 32;
    let (above, below) = (above.as_chunks().0, below.as_chunks().0);
    let ((above, above_rest), (below, below_rest)) = (above.as_chunks::<BLOCK>(), below.as_chunks::<BLOCK>());
    for (above, below) in above.iter().zip(below) {
        let mut block = [[0; SAMPLES]; BLOCK];
        for ((sample, above), below) in block.iter_mut().zip(above).zip(below) {
            *sample = samples(above, below);
        }
        out.extend_from_slice(block.as_flattened());
    }
    for (above, below) in above_rest.iter().zip(below_rest) {
        out.extend_from_slice(&samples(above, below));
    }
}

/// Appends the chroma at `INDEX` in each unit, the mean of two rows, for both pixels that share it.
#[inline(always)]
fn component<const UNIT: usize, const INDEX: usize>(
    above: &[u8],
    below: &[u8],
    out: &mut Vec<u8>,
    to_chroma: impl Fn(u8) -> u8,
) {
    append::<UNIT, 2>(above, below, out, |above, below| {
        let mean = (u16::from(above[INDEX]) + u16::from(below[INDEX])).div_ceil(2);
        [to_chroma(mean as u8); 2]
    });
}

/// Y of RGB, both from 0 to 255 (ITU T.871 section 7, in 65536ths).
#[inline(always)]
fn rgb_luma(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(u32::from);
    ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8 // the factors add up to 65536
}

/// Y'CbCr of one pixel of red, green and blue (ITU T.871 section 7, in 65536ths).
#[inline]
pub(super) fn full_range_ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let chroma = |sum: i32| ((sum + (128 << 16) + (1 << 15)) >> 16).min(255) as u8;
    let cb = chroma(-11_059 * r - 21_709 * g + 32_768 * b);
    let cr = chroma(32_768 * r - 27_439 * g - 5_329 * b);
    [rgb_luma(rgb), cb, cr]
}

/// Appends Cb and Cr of RGB (ITU T.871 section 7, in 65536ths) for each two pixels in a row, from the mean of these and
/// the two below. `RED` and `BLUE` are the offsets of those samples in a pixel.
#[inline(always)]
fn rgb_chroma<const RED: usize, const BLUE: usize>(
    above: &[u8],
    below: &[u8],
    cb: &mut Vec<u8>,
    cr: &mut Vec<u8>,
    to_full: impl Fn(u8) -> u8,
) {
    let to_full = |value: u8| i32::from(to_full(value));
    // Of the sum of four pixels; 128 is the offset of chroma, and a half is added for rounding.
    let chroma = |above: &[u8; 6], below: &[u8; 6], [r, g, b]: [i32; 3]| {
        let sum =
            |at: usize| [above[at], above[at + 3], below[at], below[at + 3]].map(to_full).iter().sum::<i32>();
        let chroma = (r * sum(RED) + g * sum(1) + b * sum(BLUE) + (128 << 18) + (1 << 17)) >> 18;
        [chroma.min(255) as u8; 2]
    };
    let to_cb = |above: &[u8; 6], below: &[u8; 6]| chroma(above, below, [-11_059, -21_709, 32_768]);
    let to_cr = |above: &[u8; 6], below: &[u8; 6]| chroma(above, below, [32_768, -27_439, -5_329]);
    append(above, below, cb, to_cb);
    append(above, below, cr, to_cr);
    // The last pixel of an odd width has no partner.
    if let (&[.., a, b, c], &[.., d, e, f]) = (above, below)
        && !above.len().is_multiple_of(6)
    {
        let (above, below) = ([a, b, c, a, b, c], [d, e, f, d, e, f]);
        cb.extend_from_slice(&to_cb(&above, &below));
        cr.extend_from_slice(&to_cr(&above, &below));
    }
}

/// Maps luma 16 to 235 to 0 to 255 (JFIF, ITU T.871 section 7), rounded: 149 / 128 is about 255 / 219.
#[inline(always)]
fn full_luma(y: u8) -> u8 {
    let wide = (u16::from(y.saturating_sub(16)) * 149 + 64) >> 7;
    wide.min(255) as u8
}

/// Maps chroma 16 to 240 to 0 to 255 around 128, rounded: 1 + 71 / 512 is about 255 / 224.
#[inline(always)]
fn full_chroma(c: u8) -> u8 {
    let distance = i16::from(c) - 128;
    let wide = distance + ((distance * 71 + 256) >> 9) + 128;
    wide.clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limited_sample_maps_to_the_nearest_full_one() {
        for v in 0..=255u8 {
            let luma = ((f64::from(v) - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
            let chroma = ((f64::from(v) - 128.0) * 255.0 / 224.0 + 128.0).clamp(0.0, 255.0);
            assert!((f64::from(full_luma(v)) - luma).abs() < 0.6, "luma {v}: {}", full_luma(v));
            assert!((f64::from(full_chroma(v)) - chroma).abs() < 0.6, "chroma {v}: {}", full_chroma(v));
        }
        assert_eq!([16, 235].map(full_luma), [0, 255]);
        assert_eq!([128].map(full_chroma), [128]);
    }
}
