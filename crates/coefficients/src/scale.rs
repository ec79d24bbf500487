//! Makes planes of samples smaller by averaging areas: each new sample is the mean of the area that it covers, with old
//! samples at the edge counted in part. Nothing flickers, as it would if samples were left out. Used by [`crate::reduce`]
//! on planes that the inverse DCT has made smaller already.

use crate::Sampling;
use crate::pixels::Plane;

/// The sum of the weights of one new sample. A weighted sum of 8-bit samples then fits into 16 bits.
const WHOLE: u64 = 256;

/// How long one side of a picture is, and how long it is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its old length in eighths of a sample: the last sample may reach beyond the picture.
    pub(crate) eighths: u32,
    /// Its new length in samples, at least 1 and at most the old one rounded up.
    pub(crate) to: u32,
}

/// Which old samples make up each new sample, along one side of a plane.
#[derive(Debug, Default)]
struct Spans {
    /// For each new sample the index of its first old sample, and the index of that one's weight; then one final entry.
    starts: Vec<(usize, usize)>,
    /// The weights of the old samples of all new ones, in order.
    weights: Vec<u16>,
}

impl Spans {
    /// Plans a plane whose samples are shared by `group` of the picture's pixels, along this side. The last may be shared
    /// by fewer.
    fn plan(&mut self, extent: Extent, group: u32) {
        self.starts.clear();
        self.weights.clear();
        let (from, to, group) = (u64::from(extent.eighths), u64::from(extent.to), u64::from(group));
        // In units of which a new pixel takes `from` and an old one `8 * to`, so that all numbers are whole.
        let old = 8 * to * group;
        for first in (0..to).step_by(group as usize) {
            let (begin, end) = (first * from, (first + group).min(to) * from);
            self.starts.push(((begin / old) as usize, self.weights.len()));
            let (mut at, mut given) = (begin, 0);
            while at < end {
                at = ((at / old + 1) * old).min(end);
                let due = ((at - begin) * WHOLE + (end - begin) / 2) / (end - begin);
                self.weights.push((due - given) as u16);
                given = due;
            }
        }
        self.starts.push((0, self.weights.len()));
    }

    /// The number of new samples.
    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// For each new sample, the index of its first old sample and the weights from there on.
    fn iter(&self) -> impl Iterator<Item = (usize, &[u16])> {
        let ends = self.starts.iter().skip(1);
        self.starts.iter().zip(ends).map(|(start, end)| (start.0, &self.weights[start.1..end.1]))
    }
}

/// Scales planes. It keeps its memory, and its spans while the sizes stay the same.
#[derive(Debug, Default)]
pub(crate) struct Scaler {
    /// What the spans are for.
    planned: Option<(Sampling, Extent, Extent)>,
    /// Across and down, for luma and for chroma.
    spans: [[Spans; 2]; 2],
    /// The weighted sums of one new row that still has the old width.
    sums: Vec<u16>,
    planes: [Vec<u8>; 3],
}

impl Scaler {
    /// Scales all planes of a picture. The result has no padding between rows.
    ///
    /// # Panics
    /// A plane is smaller than its extents.
    pub(crate) fn scale(
        &mut self,
        old: [Plane<'_>; 3],
        sampling: Sampling,
        across: Extent,
        down: Extent,
    ) -> [Plane<'_>; 3] {
        let plan = (sampling, across, down);
        if self.planned.replace(plan) != Some(plan) {
            let (group_across, group_down) = sampling.factors();
            self.spans[0][0].plan(across, 1);
            self.spans[0][1].plan(down, 1);
            self.spans[1][0].plan(across, group_across);
            self.spans[1][1].plan(down, group_down);
        }
        for (n, (new, old)) in self.planes.iter_mut().zip(old).enumerate() {
            new.clear();
            if n < sampling.components() {
                let [across, down] = &self.spans[n.min(1)];
                plane(old, across, down, &mut self.sums, new);
            }
        }
        let strides = [0, 1, 1].map(|n: usize| self.spans[n][0].len());
        std::array::from_fn(|n| Plane { bytes: &self.planes[n], stride: strides[n] })
    }
}

fn plane(old: Plane<'_>, across: &Spans, down: &Spans, sums: &mut Vec<u16>, new: &mut Vec<u8>) {
    new.reserve_exact(across.len() * down.len());
    sums.resize(old.stride, 0);
    for (first, weights) in down.iter() {
        sums.fill(0);
        for (n, &weight) in weights.iter().enumerate() {
            let row = &old.bytes[(first + n) * old.stride..][..old.stride];
            // Cannot overflow: 255 * WHOLE is below 65536.
            sums.iter_mut().zip(row).for_each(|(sum, &sample)| *sum += u16::from(sample) * weight);
        }
        new.extend(across.iter().map(|(first, weights)| {
            let span = &sums[first..first + weights.len()];
            let sum = span.iter().zip(weights).map(|(&sum, &weight)| u32::from(sum) * u32::from(weight));
            ((sum.sum::<u32>() + (1 << 15)) >> 16) as u8
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey picture in whole samples.
    fn scaled(samples: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
        let plane = Plane { bytes: samples, stride: from.0 as usize };
        let extent = |from: u32, to| Extent { eighths: from * 8, to };
        let old = [plane, Plane::default(), Plane::default()];
        let mut scaler = Scaler::default();
        scaler.scale(old, Sampling::Grey, extent(from.0, to.0), extent(from.1, to.1))[0].bytes.to_vec()
    }

    #[test]
    fn a_new_sample_is_the_mean_of_the_area_that_it_covers() {
        // 3 to 2: a whole sample and half of its neighbour each.
        assert_eq!(scaled(&[0, 90, 240], (3, 1), (2, 1)), [30, 190]);
        // 4x4 to 2x1: eight samples each.
        let samples: Vec<u8> = (0..16).map(|n| if n % 4 < 2 { 200 } else { n }).collect();
        assert_eq!(scaled(&samples, (4, 4), (2, 1)), [200, 9]); // of 2, 3, 6, 7, 10, 11, 14, 15
    }

    #[test]
    fn what_of_a_sample_lies_beyond_the_picture_does_not_count() {
        // A sample and a half to one: two thirds and one third.
        let plane = Plane { bytes: &[0, 240], stride: 2 };
        let (across, down) = (Extent { eighths: 12, to: 1 }, Extent { eighths: 8, to: 1 });
        let old = [plane, Plane::default(), Plane::default()];
        assert_eq!(Scaler::default().scale(old, Sampling::Grey, across, down)[0].bytes, [80]);
        // Three pixels whose last one has chroma of its own, to two that share theirs.
        let (luma, chroma) = (Plane { bytes: &[9; 3], stride: 3 }, Plane { bytes: &[0, 240], stride: 2 });
        let across = Extent { eighths: 24, to: 2 };
        let mut scaler = Scaler::default();
        let new = scaler.scale([luma, chroma, chroma], Sampling::Across, across, down);
        assert_eq!((new[0].bytes, new[1].bytes), ([9, 9].as_slice(), [80].as_slice()));
    }

    #[test]
    fn an_even_grey_stays_exactly_that_grey_at_any_size() {
        let sizes = [((9, 9), (8, 8)), ((100, 3), (7, 2)), ((4000, 2), (1, 1)), ((1280, 720), (641, 359))];
        let count = if cfg!(miri) { 2 } else { sizes.len() };
        for (from, to) in sizes.into_iter().take(count) {
            for shade in [0, 1, 128, 255] {
                let new = scaled(&vec![shade; from.0 as usize * from.1 as usize], from, to);
                assert_eq!(new, vec![shade; (to.0 * to.1) as usize], "{from:?}");
            }
        }
    }

    #[test]
    fn a_gradient_stays_a_gradient() {
        let rows = if cfg!(miri) { 2 } else { 50 };
        let samples: Vec<u8> =
            (0..rows).flat_map(|_| (0..999u32).map(|x| ((x * 255 + 499) / 998) as u8)).collect();
        for row in scaled(&samples, (999, rows), (100, rows)).chunks(100) {
            for (x, sample) in row.iter().enumerate() {
                let wanted = (x as f64 + 0.5) * 2.55;
                assert!((f64::from(*sample) - wanted).abs() <= 1.0, "{sample} at {x}, not {wanted}");
            }
        }
    }
}
