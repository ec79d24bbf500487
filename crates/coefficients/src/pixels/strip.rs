//! Rows of MCUs as planes of samples: converted from the camera's layout, mirrored, and filled up to whole MCUs.

use super::units::{map, map_two, mean, one_of, pairs};
use super::{Layout, Pixels, Plane};
use crate::Sampling;
use crate::block::SIDE;

/// Which samples of a plane make a strip: columns `left..left + width` and rows `top..top + height` of the mirrored
/// picture, in whole blocks.
#[derive(Debug, Clone, Copy)]
struct Region {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// The samples of a row of MCUs, or of a column of them. Keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Strip {
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

/// How a picture is cut into strips.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// The sampling of the planes.
    pub(super) sampling: Sampling,
    /// Whether left and right change places.
    pub(super) mirror_across: bool,
    /// Whether top and bottom change places.
    pub(super) mirror_down: bool,
    /// Whether rows become columns, so that a column of MCUs is encoded after the other.
    pub(super) columns: bool,
    /// MCUs in a row of them, or in a column if `columns`.
    pub(super) mcus: usize,
    /// Rows of MCUs, or columns of them if `columns`.
    pub(super) lines: usize,
}

/// As many columns of MCUs are converted at once. A single one would take a few bytes out of each line of the cache.
const COLUMNS: usize = 8;

impl Strip {
    /// A plane, and the bytes from one row to the next.
    #[inline(always)]
    pub(super) fn plane(&self, component: usize) -> (&[u8], usize) {
        (&self.planes[component], self.strides[component])
    }

    /// Fills the strip with the row `number` of MCUs, or with the column and those beside it. `is_first` says that nothing
    /// was filled before. Returns how many columns are left of it in the strip.
    #[inline(always)]
    pub(super) fn fill(&mut self, pixels: &Pixels<'_>, cut: Cut, number: usize, is_first: bool) -> usize {
        let before = if cut.columns { number % COLUMNS } else { 0 };
        if before == 0 || is_first {
            self.fill_anew(pixels, cut, number);
        }
        before
    }

    #[inline(always)]
    fn fill_anew(&mut self, pixels: &Pixels<'_>, cut: Cut, number: usize) {
        if pixels.limited {
            self.convert(pixels, cut, number, full_luma, full_chroma);
        } else {
            self.convert(pixels, cut, number, |y| y, |c| c);
        }
    }

    #[inline(always)]
    fn convert(
        &mut self,
        pixels: &Pixels<'_>,
        cut: Cut,
        number: usize,
        to_luma: impl Fn(u8) -> u8 + Copy,
        to_chroma: impl Fn(u8) -> u8 + Copy,
    ) {
        let (across, down) = cut.sampling.factors();
        let (width, height) = (pixels.width as usize, pixels.height as usize);
        let [luma, cb, cr] = &mut self.planes;
        let region = cut.region((across, down), number);
        self.strides[0] = region.width;
        fill_planes([luma], region, (width, height), cut, Luma { pixels, to_luma });
        if cut.sampling == Sampling::Grey {
            return;
        }
        let region = cut.region((1, 1), number);
        (self.strides[1], self.strides[2]) = (region.width, region.width);
        let size = (width.div_ceil(across as usize), height.div_ceil(down as usize));
        let chroma = Chroma { pixels, sampling: cut.sampling, to_luma, to_chroma };
        fill_planes([cb, cr], region, size, cut, chroma);
    }
}

/// Makes samples of pixels. A trait and not a closure, since only methods can be inlined always, and so be compiled for the
/// processor at hand.
trait Convert<const COUNT: usize> {
    /// Fills a row of each plane with the samples from (x, y) on.
    fn row(&self, rows: [&mut [u8]; COUNT], x: usize, y: usize);
}

struct Luma<'a, L> {
    pixels: &'a Pixels<'a>,
    to_luma: L,
}

impl<L: Fn(u8) -> u8 + Copy> Convert<1> for Luma<'_, L> {
    #[inline(always)]
    fn row(&self, [row]: [&mut [u8]; 1], x: usize, y: usize) {
        luma_row(self.pixels, x, y, row, self.to_luma);
    }
}

struct Chroma<'a, L, C> {
    pixels: &'a Pixels<'a>,
    sampling: Sampling,
    to_luma: L,
    to_chroma: C,
}

impl<L: Fn(u8) -> u8 + Copy, C: Fn(u8) -> u8 + Copy> Convert<2> for Chroma<'_, L, C> {
    #[inline(always)]
    fn row(&self, rows: [&mut [u8]; 2], x: usize, y: usize) {
        chroma_row(self.pixels, self.sampling, (x, y), rows, self.to_luma, self.to_chroma);
    }
}

impl Cut {
    /// The samples of a component with these sampling factors.
    fn region(self, (across, down): (u32, u32), number: usize) -> Region {
        let (width, height) = (SIDE * across as usize, SIDE * down as usize);
        if self.columns {
            let first = number / COLUMNS * COLUMNS;
            let count = COLUMNS.min(self.lines - first);
            Region { left: first * width, top: 0, width: count * width, height: self.mcus * height }
        } else {
            Region { left: 0, top: number * height, width: self.mcus * width, height }
        }
    }
}

/// Fills planes of components with `size` samples each.
#[inline(always)]
fn fill_planes<const COUNT: usize>(
    planes: [&mut Vec<u8>; COUNT],
    region: Region,
    (width, height): (usize, usize),
    cut: Cut,
    convert: impl Convert<COUNT>,
) {
    let mut planes = planes.map(|plane| {
        plane.resize(region.width * region.height, 0);
        plane.as_mut_slice()
    });
    let count = region.width.min(width - region.left);
    let x = if cut.mirror_across { width - region.left - count } else { region.left };
    for line in 0..region.height {
        let start = line * region.width;
        let y = region.top + line;
        if y >= height && line > 0 {
            for plane in &mut planes {
                plane.copy_within(start - region.width..start, start);
            }
            continue;
        }
        let y = y.min(height - 1);
        let y = if cut.mirror_down { height - 1 - y } else { y };
        convert.row(planes.each_mut().map(|plane| &mut plane[start..start + count]), x, y);
        for plane in &mut planes {
            let line = &mut plane[start..start + region.width];
            if cut.mirror_across {
                line[..count].reverse();
            }
            let last = line[count - 1];
            line[count..].fill(last);
        }
    }
}

impl<'a> Plane<'a> {
    /// Row `y` from byte `at` on; empty if there is none.
    #[inline(always)]
    fn row(&self, y: usize, at: usize) -> &'a [u8] {
        self.bytes.get(y.saturating_mul(self.stride).saturating_add(at)..).unwrap_or_default()
    }

    #[inline(always)]
    fn rows(&self, rows: [usize; 2], at: usize) -> [&'a [u8]; 2] {
        rows.map(|y| self.row(y, at))
    }
}

#[inline(always)]
fn luma_row(pixels: &Pixels<'_>, x: usize, y: usize, out: &mut [u8], full: impl Fn(u8) -> u8 + Copy) {
    let row = |unit: usize| pixels.planes[0].row(y, x * unit);
    match pixels.layout {
        Layout::Grey
        | Layout::Planar(_)
        | Layout::Nv12
        | Layout::Nv21
        | Layout::Nv16
        | Layout::Nv61
        | Layout::Nv24 => map(row(1), out, |&[y]| full(y)),
        // The last row of an odd width ends with a pair.
        Layout::Yuyv | Layout::Yvyu => one_of::<2, 0>([row(2); 2], out, full),
        Layout::Uyvy => one_of::<2, 1>([row(2); 2], out, full),
        Layout::Rgb => map(row(3), out, |&pixel| luma(each(pixel, full))),
        Layout::Bgr => map(row(3), out, |&[b, g, r]| luma(each([r, g, b], full))),
        Layout::Rgb565 => map(row(2), out, |&pixel| luma(each(rgb565(pixel), full))),
    }
}

/// A row of Cb and one of Cr in this sampling, from sample (x, y) on.
#[inline(always)]
fn chroma_row(
    pixels: &Pixels<'_>,
    sampling: Sampling,
    (x, y): (usize, usize),
    [cb, cr]: [&mut [u8]; 2],
    to_luma: impl Fn(u8) -> u8 + Copy,
    full: impl Fn(u8) -> u8 + Copy,
) {
    let [packed, second, third] = pixels.planes;
    let (_, down) = sampling.factors();
    let (_, own_down) = pixels.layout.sampling().factors();
    // The rows that share this one's chroma.
    let step = (down / own_down).max(1) as usize;
    let last = (pixels.height.div_ceil(own_down) as usize).saturating_sub(1);
    let rows = [y * step, y * step + step - 1].map(|y| y.min(last));
    match pixels.layout {
        Layout::Grey => {}
        Layout::Nv12 | Layout::Nv16 => {
            one_of::<2, 0>(second.rows(rows, x * 2), cb, full);
            one_of::<2, 1>(second.rows(rows, x * 2), cr, full);
        }
        Layout::Nv21 | Layout::Nv61 => {
            one_of::<2, 0>(second.rows(rows, x * 2), cr, full);
            one_of::<2, 1>(second.rows(rows, x * 2), cb, full);
        }
        Layout::Nv24 if sampling.factors().0 == 1 => {
            one_of::<2, 0>(second.rows(rows, x * 2), cb, full);
            one_of::<2, 1>(second.rows(rows, x * 2), cr, full);
        }
        Layout::Nv24 => {
            let (rows, width) = (second.rows(rows, 0), pixels.width as usize);
            let four = |[a, b, c, d]: [u8; 4]| full(mean_of_four([a, b, c, d]));
            pairs(rows, width, x, cb, |&[a, _], &[b, _], &[c, _], &[d, _]| four([a, b, c, d]));
            pairs(rows, width, x, cr, |&[_, a], &[_, b], &[_, c], &[_, d]| four([a, b, c, d]));
        }
        Layout::Yuyv => {
            one_of::<4, 1>(packed.rows(rows, x * 4), cb, full);
            one_of::<4, 3>(packed.rows(rows, x * 4), cr, full);
        }
        Layout::Yvyu => {
            one_of::<4, 1>(packed.rows(rows, x * 4), cr, full);
            one_of::<4, 3>(packed.rows(rows, x * 4), cb, full);
        }
        Layout::Uyvy => {
            one_of::<4, 0>(packed.rows(rows, x * 4), cb, full);
            one_of::<4, 2>(packed.rows(rows, x * 4), cr, full);
        }
        Layout::Planar(own) => {
            let step_across = (sampling.factors().0 / own.factors().0).max(1) as usize;
            for (plane, out) in [(second, cb), (third, cr)] {
                if step_across == 1 {
                    map_two(plane.rows(rows, x), out, |&[a], &[b]| full(mean(a, b)));
                } else {
                    let width = (pixels.width.div_ceil(own.factors().0)) as usize;
                    let rows = plane.rows(rows, 0);
                    pairs(rows, width, x, out, |&[a], &[b], &[c], &[d]| full(mean_of_four([a, b, c, d])));
                }
            }
        }
        Layout::Rgb => rgb_chroma(pixels, sampling, rows, x, [cb, cr], |&pixel| each(pixel, to_luma)),
        Layout::Bgr => {
            rgb_chroma(pixels, sampling, rows, x, [cb, cr], |&[b, g, r]| each([r, g, b], to_luma));
        }
        Layout::Rgb565 => {
            rgb_chroma(pixels, sampling, rows, x, [cb, cr], |&pixel| each(rgb565(pixel), to_luma));
        }
    }
}

#[inline(always)]
fn rgb_chroma<const UNIT: usize>(
    pixels: &Pixels<'_>,
    sampling: Sampling,
    rows: [usize; 2],
    x: usize,
    [cb, cr]: [&mut [u8]; 2],
    rgb: impl Fn(&[u8; UNIT]) -> [u8; 3] + Copy,
) {
    const CB: [i32; 3] = [-11_059, -21_709, 32_768];
    const CR: [i32; 3] = [32_768, -27_439, -5_329];
    let rows = pixels.planes[0].rows(rows, 0);
    for (out, factors) in [(cb, CB), (cr, CR)] {
        // ITU T.871 section 7, in 65536ths, of the sum of four pixels. A half is added for rounding.
        let chroma = move |[a, b, c, d]: [[u8; 3]; 4]| {
            let sum = |n: usize| i32::from(a[n]) + i32::from(b[n]) + i32::from(c[n]) + i32::from(d[n]);
            let sum = factors[0] * sum(0) + factors[1] * sum(1) + factors[2] * sum(2);
            ((sum + (128 << 18) + (1 << 17)) >> 18).min(255) as u8
        };
        if sampling.factors().0 == 2 {
            pairs(rows, pixels.width as usize, x, out, |a, b, c, d| chroma([rgb(a), rgb(b), rgb(c), rgb(d)]));
        } else {
            let rows = rows.map(|row| row.get(x * UNIT..).unwrap_or_default());
            map_two(rows, out, |a, b| chroma([rgb(a), rgb(a), rgb(b), rgb(b)]));
        }
    }
}

#[inline(always)]
fn mean_of_four([a, b, c, d]: [u8; 4]) -> u8 {
    ((u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d) + 2) / 4) as u8
}

/// Y of RGB, both from 0 to 255 (ITU T.871 section 7, in 65536ths).
#[inline(always)]
fn luma(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = [u32::from(rgb[0]), u32::from(rgb[1]), u32::from(rgb[2])];
    ((19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16) as u8 // the factors add up to 65536
}

/// What `to` makes of red, green and blue. (The compiler does not inline `array::map` here, which costs more than the rest.)
#[inline(always)]
fn each([r, g, b]: [u8; 3], to: impl Fn(u8) -> u8) -> [u8; 3] {
    [to(r), to(g), to(b)]
}

/// Samples of 5 and 6 bits, widened to 8 by repeating their highest bits.
#[inline(always)]
fn rgb565(pixel: [u8; 2]) -> [u8; 3] {
    let pixel = u16::from_le_bytes(pixel);
    let (r, g, b) = (pixel >> 11, pixel >> 5 & 63, pixel & 31);
    [(r << 3 | r >> 2) as u8, (g << 2 | g >> 4) as u8, (b << 3 | b >> 2) as u8]
}

/// Maps luma 16 to 235 to 0 to 255 (ITU T.871 section 7), rounded: 149 / 128 is about 255 / 219.
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
