//! Makes a decoded picture smaller by averaging areas: each new pixel is the mean of the area that it covers, with old
//! pixels at the edge counted in part. Nothing flickers, as it would if pixels were left out.
//!
//! Used only by [`super::transcode`], for JPEGs that must be decoded to pixels: progressive ones, CMYK and unusual sampling.
//! Their samples come interleaved, and the result is laid out as [`crate::picture::Raw::Yuyv`]. All others become smaller from
//! their coefficients ([`coefficients::reduce`]), whose scaler works on planes that are a part of the size already.

use crate::picture::Size;

/// The sum of the weights of one new sample. A weighted sum of 8-bit samples then fits into 16 bits.
const WHOLE: u64 = 256;

/// Which old samples make up each new sample, along one side of the picture.
#[derive(Debug, Default)]
struct Spans {
    /// For each new sample the index of its first old sample, and the index of that one's weight; then one final entry.
    starts: Vec<(usize, usize)>,
    /// The weights of the old samples of all new ones, in order.
    weights: Vec<u16>,
}

impl Spans {
    /// Cuts `from` old samples into spans that each cover `group` of the `to` new samples; the last may cover fewer.
    fn plan(&mut self, from: u32, to: u32, group: usize) {
        self.starts.clear();
        self.weights.clear();
        let (from, to) = (u64::from(from), u64::from(to));
        for first in (0..to).step_by(group) {
            // In units of which an old sample takes `to` and a new one `from`, so that all numbers are whole.
            let (begin, end) = (first * from, (first + group as u64).min(to) * from);
            self.starts.push(((begin / to) as usize, self.weights.len()));
            let (mut at, mut given) = (begin, 0);
            while at < end {
                at = ((at / to + 1) * to).min(end);
                let due = ((at - begin) * WHOLE + (end - begin) / 2) / (end - begin);
                self.weights.push((due - given) as u16);
                given = due;
            }
        }
        self.starts.push((from as usize, self.weights.len()));
    }

    /// For each new sample, the index of its first old sample and the weights from there on.
    fn iter(&self) -> impl Iterator<Item = (usize, &[u16])> {
        let ends = self.starts.iter().skip(1);
        self.starts.iter().zip(ends).map(|(start, end)| (start.0, &self.weights[start.1..end.1]))
    }
}

/// Scales pictures. It keeps its memory, and its spans while the sizes stay the same.
#[derive(Debug, Default)]
pub struct InterleavedScaler {
    /// The old and the new size that the spans are for.
    planned: Option<(Size, Size)>,
    rows: Spans,
    luma: Spans,
    chroma: Spans,
    /// The weighted sums of one new row that still has the old width.
    sums: Vec<u16>,
}

impl InterleavedScaler {
    /// Scales `pixels` of size `from` to size `to`, into `yuyv` without padding between rows. `components` is 3 for
    /// interleaved Y Cb Cr and 1 for Y. No side of `to` may be 0 or larger than that of `from`, and `pixels` must hold
    /// a complete picture.
    pub fn scale(&mut self, pixels: &[u8], components: usize, from: Size, to: Size, yuyv: &mut Vec<u8>) {
        if self.planned.replace((from, to)) != Some((from, to)) {
            self.rows.plan(from.height, to.height, 1);
            self.luma.plan(from.width, to.width, 1);
            self.chroma.plan(from.width, to.width, 2);
        }
        let stride = from.width as usize * components;
        yuyv.clear();
        if from == to && components == 3 {
            pixels.chunks_exact(stride).for_each(|row| append_pairs(row, yuyv));
            return;
        }
        for (first, weights) in self.rows.iter() {
            let old = pixels.chunks_exact(stride).skip(first);
            self.sums.clear();
            self.sums.resize(stride, 0);
            for (row, &weight) in old.zip(weights) {
                // Cannot overflow: 255 * WHOLE is below 65536.
                self.sums.iter_mut().zip(row).for_each(|(sum, &sample)| *sum += u16::from(sample) * weight);
            }
            match components {
                3 => append_row(&self.sums, &self.luma, &self.chroma, yuyv),
                _ => append_grey_row(&self.sums, &self.luma, yuyv),
            }
        }
    }
}

/// Appends a row that keeps its width: only chroma is averaged.
fn append_pairs(row: &[u8], yuyv: &mut Vec<u8>) {
    let (pixels, _) = row.as_chunks::<3>();
    let (pairs, last) = pixels.as_chunks::<2>();
    yuyv.extend(pairs.iter().flat_map(|[left, right]| {
        let chroma =
            |channel: usize| (u16::from(left[channel]) + u16::from(right[channel])).div_ceil(2) as u8;
        [left[0], chroma(1), right[0], chroma(2)]
    }));
    if let [[luma, cb, cr]] = last {
        yuyv.extend([luma, cb, luma, cr]);
    }
}

/// The mean of the samples of `channel` in a row of pixels with `N` samples each.
#[inline(always)]
fn mean<const N: usize>(sums: &[u16], channel: usize, (first, weights): (usize, &[u16])) -> u8 {
    let (pixels, _) = sums.as_chunks::<N>();
    let span = pixels.get(first..first + weights.len()).unwrap_or_default();
    let sum = span.iter().zip(weights).map(|(pixel, &weight)| u32::from(pixel[channel]) * u32::from(weight));
    ((sum.sum::<u32>() + (1 << 15)) >> 16) as u8
}

fn append_row(sums: &[u16], luma: &Spans, chroma: &Spans, yuyv: &mut Vec<u8>) {
    let mut luma = luma.iter();
    for pair in chroma.iter() {
        let Some(left) = luma.next() else { return };
        let left = mean::<3>(sums, 0, left);
        let right = luma.next().map_or(left, |right| mean::<3>(sums, 0, right));
        yuyv.extend_from_slice(&[left, mean::<3>(sums, 1, pair), right, mean::<3>(sums, 2, pair)]);
    }
}

fn append_grey_row(sums: &[u16], luma: &Spans, yuyv: &mut Vec<u8>) {
    /// The chroma of grey.
    const NEUTRAL: u8 = 128;
    let mut luma = luma.iter();
    while let Some(left) = luma.next() {
        let left = mean::<1>(sums, 0, left);
        let right = luma.next().map_or(left, |right| mean::<1>(sums, 0, right));
        yuyv.extend_from_slice(&[left, NEUTRAL, right, NEUTRAL]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    fn scaled(pixels: &[u8], components: usize, from: Size, to: Size) -> Vec<u8> {
        let mut yuyv = Vec::new();
        InterleavedScaler::default().scale(pixels, components, from, to, &mut yuyv);
        yuyv
    }

    #[test]
    fn a_picture_that_keeps_its_size_keeps_its_samples() {
        let pixels: Vec<u8> = (0..5 * 3).flat_map(|n| [n * 16, n, 255 - n]).collect();
        let out = scaled(&pixels, 3, size(5, 3), size(5, 3));
        for (row, old) in out.chunks(12).zip(pixels.chunks(15)) {
            let luma: Vec<u8> = row.iter().step_by(2).copied().collect();
            assert_eq!(luma[..5], [old[0], old[3], old[6], old[9], old[12]]);
            // The middle of two old chroma samples, rounded up, and the last one by itself.
            assert_eq!([row[1], row[5], row[9]], [(old[1] + old[4]).div_ceil(2), old[7] + 1, old[13]]);
        }
    }

    #[test]
    fn a_new_pixel_is_the_mean_of_the_area_that_it_covers() {
        // 3 to 2: a whole pixel and half of its neighbour each.
        let out = scaled(&[0, 90, 240], 1, size(3, 1), size(2, 1));
        assert_eq!((out[0], out[2]), (30, 190));
        // 4x4 to 2x1: eight pixels each.
        let pixels: Vec<u8> = (0..16).map(|n| if n % 4 < 2 { 200 } else { n }).collect();
        let out = scaled(&pixels, 1, size(4, 4), size(2, 1));
        assert_eq!((out[0], out[2]), (200, 9)); // of 2, 3, 6, 7, 10, 11, 14, 15
    }

    #[test]
    fn an_even_grey_stays_exactly_that_grey_at_any_size() {
        for (from, to) in
            [((1280, 720), (641, 359)), ((1000, 3), (7, 2)), ((4000, 2), (1, 1)), ((9, 9), (8, 8))]
        {
            let from = size(from.0, from.1);
            for shade in [0, 1, 128, 255] {
                let pixels = vec![shade; (from.width * from.height * 3) as usize];
                let out = scaled(&pixels, 3, from, size(to.0, to.1));
                assert!(out.iter().all(|&sample| sample == shade), "{shade} from {from}");
                assert_eq!(out.len() as u32, to.0.div_ceil(2) * 4 * to.1);
            }
        }
    }

    #[test]
    fn a_gradient_stays_a_gradient() {
        let from = size(999, 50);
        let pixels: Vec<u8> =
            (0..50).flat_map(|_| (0..999u32).map(|x| ((x * 255 + 499) / 998) as u8)).collect();
        let out = scaled(&pixels, 1, from, size(100, 50));
        for row in out.chunks(200) {
            for (x, sample) in row.iter().step_by(2).enumerate() {
                let wanted = (x as f64 + 0.5) * 2.55;
                assert!((f64::from(*sample) - wanted).abs() <= 1.0, "{sample} at {x}, not {wanted}");
            }
        }
    }
}
