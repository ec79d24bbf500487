//! Blocks to pixels at 1/8 to 8/8 of the size: the inverse DCT of the lowest NxN coefficients gives NxN samples.

use std::f64::consts::PI;

use crate::block::{LEN, SIDE};
use crate::picture::{Colours, Component};
use crate::pixels::{Layout, Pixels, Plane};
use crate::scale::Scaler;
use crate::{Coefficients, Sampling};

/// Makes samples from coefficients. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct Reducer {
    /// The planes of components, in whole blocks.
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
    scaled: [Vec<u8>; 3],
    scaler: Scaler,
}

impl Reducer {
    /// The picture at exactly this size in pixels, at least 1x1: at the smallest number of eighths that is not smaller, and
    /// from there each new sample is the mean of the area that it covers. `None` as for [`Reducer::reduce`], or if the
    /// size is larger than the picture.
    pub fn at_size(
        &mut self,
        coefficients: &Coefficients,
        (width, height): (u32, u32),
    ) -> Option<Pixels<'_>> {
        let (from_width, from_height) = coefficients.size();
        let eighths = (1..=SIDE as u32)
            .find(|n| part(from_width, *n) >= width && part(from_height, *n) >= height)
            .filter(|_| width > 0 && height > 0)?;
        let sampling = self.fill(coefficients, eighths)?;
        let from = (part(from_width, eighths), part(from_height, eighths));
        if from == (width, height) {
            return Some(self.pixels(from, sampling));
        }
        let planes = self.planes.iter().zip(self.strides).zip(&mut self.scaled);
        for (component, ((plane, stride), scaled)) in planes.take(sampling.components()).enumerate() {
            let of = |size| plane_size(size, sampling, component);
            self.scaler.scale(plane, stride, of(from), of((width, height)), scaled);
        }
        let plane = |component: usize| {
            let (width, _) = plane_size((width, height), sampling, component);
            Plane { bytes: &self.scaled[component], stride: width }
        };
        Some(pixels((width, height), sampling, plane))
    }

    /// Makes samples of a picture at `eighths` (1 to 8) of its size, rounded up. `None` if its components are not grey or
    /// Y'CbCr in one of the samplings that [`Pixels`] knows.
    pub fn reduce(&mut self, coefficients: &Coefficients, eighths: u32) -> Option<Pixels<'_>> {
        let sampling = self.fill(coefficients, eighths)?;
        let (width, height) = coefficients.size();
        Some(self.pixels((part(width, eighths), part(height, eighths)), sampling))
    }

    fn pixels(&self, size: (u32, u32), sampling: Sampling) -> Pixels<'_> {
        let plane =
            |component: usize| Plane { bytes: &self.planes[component], stride: self.strides[component] };
        pixels(size, sampling, plane)
    }

    /// Makes the planes.
    fn fill(&mut self, coefficients: &Coefficients, eighths: u32) -> Option<Sampling> {
        let sampling = sampling(coefficients)?;
        for (number, component) in coefficients.components().iter().enumerate() {
            let plane = &mut self.planes[number];
            let of = (coefficients, number, component);
            self.strides[number] = match eighths {
                1 => inverse::<1, 4>(of, plane),
                2 => inverse::<2, 4>(of, plane),
                3 => inverse::<3, 4>(of, plane),
                4 => inverse::<4, 4>(of, plane),
                5 => inverse::<5, 8>(of, plane),
                6 => inverse::<6, 8>(of, plane),
                7 => inverse::<7, 8>(of, plane),
                8 => inverse::<8, 8>(of, plane),
                _ => return None,
            };
        }
        Some(sampling)
    }
}

/// Eighths of a side, rounded up.
fn part(side: u32, eighths: u32) -> u32 {
    (side * eighths).div_ceil(SIDE as u32)
}

/// The size of a component's plane in a picture of this size.
fn plane_size((width, height): (u32, u32), sampling: Sampling, component: usize) -> (usize, usize) {
    let (across, down) = if component == 0 { (1, 1) } else { sampling.factors() };
    (width.div_ceil(across) as usize, height.div_ceil(down) as usize)
}

fn pixels<'a>(
    (width, height): (u32, u32),
    sampling: Sampling,
    plane: impl Fn(usize) -> Plane<'a>,
) -> Pixels<'a> {
    let mut planes = [Plane::default(); 3];
    for (number, place) in planes.iter_mut().enumerate().take(sampling.components()) {
        *place = plane(number);
    }
    let layout = if sampling == Sampling::Grey { Layout::Grey } else { Layout::Planar(sampling) };
    Pixels { width, height, layout, planes, limited: false }
}

/// The sampling, if it is one of those that [`Pixels`] knows and the colours are Y'CbCr.
fn sampling(coefficients: &Coefficients) -> Option<Sampling> {
    match (coefficients.colours(), coefficients.components()) {
        (Colours::Grey, [_]) => Some(Sampling::Grey),
        (Colours::YCbCr, [luma, cb, cr]) if cb.factors == cr.factors => {
            let whole = |luma: u32, chroma: u32| luma.is_multiple_of(chroma).then_some(luma / chroma);
            match (whole(luma.factors.0, cb.factors.0)?, whole(luma.factors.1, cb.factors.1)?) {
                (1, 1) => Some(Sampling::Full),
                (2, 1) => Some(Sampling::Across),
                (1, 2) => Some(Sampling::Down),
                (2, 2) => Some(Sampling::Both),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What a coefficient of frequency `u` adds to each of `N` samples: the inverse DCT of `N` numbers, times the square root of
/// N/8, so that a flat block keeps its shade. Lanes above `N` are 0.
fn waves<const N: usize, const LANES: usize>() -> [[f32; LANES]; N] {
    std::array::from_fn(|u| {
        std::array::from_fn(|x| {
            if x >= N {
                return 0.0;
            }
            let scale = if u == 0 { 1.0 / 8.0 } else { 2.0 / 8.0 };
            (f64::sqrt(scale) * ((2 * x + 1) as f64 * u as f64 * PI / (2 * N) as f64).cos()) as f32
        })
    })
}

/// Fills a plane with `N`x`N` samples for each block of a component; returns the length of its rows.
fn inverse<const N: usize, const LANES: usize>(
    (coefficients, number, component): (&Coefficients, usize, &Component),
    plane: &mut Vec<u8>,
) -> usize {
    let waves = waves::<N, LANES>();
    let steps: [f32; LEN] = std::array::from_fn(|n| f32::from(component.quantization[n]));
    let (across, down) = component.blocks;
    let stride = across as usize * N;
    plane.resize(stride * down as usize * N, 0);
    for (row, line) in plane.chunks_exact_mut(stride * N).enumerate() {
        for column in 0..across {
            let at = column as usize * N;
            let dc = f32::from(coefficients.dc(number, column, row as u32)) * steps[0];
            let entries = coefficients.entries(number, column, row as u32);
            // By vertical frequency, with the horizontal ones made samples already.
            let mut rows = [[0.0; LANES]; N];
            rows[0] = [dc * waves[0][0] + 128.0 / waves[0][0]; LANES];
            let mut used = 1;
            for entry in entries {
                let (v, u) = (usize::from(entry.index) / SIDE, usize::from(entry.index) % SIDE);
                if v < N && u < N {
                    let value = f32::from(entry.value) * steps[v * SIDE + u];
                    for (sample, wave) in rows[v].iter_mut().zip(&waves[u]) {
                        *sample += value * wave;
                    }
                    used = used.max(v + 1);
                }
            }
            for y in 0..N {
                let mut samples = [0.0; LANES];
                for (row, wave) in rows[..used].iter().zip(&waves) {
                    for (sample, value) in samples.iter_mut().zip(row) {
                        *sample += value * wave[y];
                    }
                }
                let out = &mut line[y * stride + at..][..N];
                // From a float, `as` cuts off what is beyond 0 and 255.
                out.iter_mut().zip(samples).for_each(|(out, sample)| *out = (sample + 0.5) as u8);
            }
        }
    }
    stride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_keeps_its_shade_at_every_size() {
        let one = waves::<5, 8>();
        // Twice, once for each direction, and a DC coefficient is eight times the shade.
        assert!((one[0][0] * one[0][0] * 8.0 - 1.0).abs() < 1e-6);
        assert_eq!(one[4][5..], [0.0; 3]);
    }
}
