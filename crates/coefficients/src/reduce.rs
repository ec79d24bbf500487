//! Blocks to pixels at 1/8 to 8/8 of the size: the inverse DCT of the lowest NxN coefficients gives NxN samples.
//!
//! So a smaller picture costs less than the whole one, and its pixels are never made. What is left to a size between two
//! eighths is scaled plane by plane. libjpeg's `scale_num` works in the same way.

use std::f64::consts::PI;

use crate::block::{LEN, SIDE};
use crate::picture::{Colours, Component, Entry, Stored};
use crate::pixels::{Layout, Pixels, Plane};
use crate::round::nearest;
use crate::scale::{Extent, Scaler};
use crate::{Coefficients, Sampling};

/// Samples made from coefficients. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct Reducer {
    planes: [Vec<u8>; 3],
    /// The last eighths, and what they need.
    basis: Option<(u32, Basis)>,
    scaler: Scaler,
}

/// `basis[k][x]` is what a coefficient of frequency `k` adds to sample `x`, along one side; 0 from N on.
type Basis = [[f32; SIDE]; SIDE];

/// The basis of an inverse DCT of `n` samples, for coefficients of one of eight (ITU T.81 A.3.3; that of fewer samples
/// differs in scale only).
fn basis(n: u32) -> Basis {
    let side = f64::from(n);
    std::array::from_fn(|k| {
        std::array::from_fn(|x| {
            if k >= n as usize || x >= n as usize {
                return 0.0;
            }
            let scale = if k == 0 { 1.0 / 8.0 } else { 2.0 / 8.0 };
            (f64::sqrt(scale) * ((2 * x + 1) as f64 * k as f64 * PI / (2.0 * side)).cos()) as f32
        })
    })
}

impl Reducer {
    /// Makes samples of a picture at `eighths` (1 to 8) of its size, rounded up. `None` for other eighths, or if its
    /// components are not grey or Y'CbCr in one of the samplings that [`Pixels`] knows.
    pub fn reduce(&mut self, coefficients: &Coefficients, eighths: u32) -> Option<Pixels<'_>> {
        let sampling = sampling(coefficients)?;
        if !(1..=8).contains(&eighths) {
            return None;
        }
        self.fill(coefficients, eighths);
        let (width, height) = coefficients.size();
        let part = |side: u32| (side * eighths).div_ceil(8);
        let stride = |n: usize| stride(coefficients, n, eighths);
        Some(Pixels {
            width: part(width),
            height: part(height),
            layout: Layout::of_planes(sampling),
            planes: std::array::from_fn(|n| Plane { bytes: &self.planes[n], stride: stride(n) }),
            limited: false,
        })
    }

    /// The picture at exactly this size in pixels: only as many coefficients are used as it needs, and from there each
    /// sample is the mean of the area that it covers. `None` as for [`Reducer::reduce`], or if the size is 0 or larger
    /// than the picture.
    pub fn at_size(&mut self, coefficients: &Coefficients, to: (u32, u32)) -> Option<Pixels<'_>> {
        let sampling = sampling(coefficients)?;
        let from = coefficients.size();
        let enough =
            |eighths: &u32| (from.0 * eighths).div_ceil(8) >= to.0 && (from.1 * eighths).div_ceil(8) >= to.1;
        let eighths = (1..=8).find(enough).filter(|_| to.0 > 0 && to.1 > 0)?;
        // The picture ends inside a sample if it has no whole number of them. A sample that is the mean of one old one is
        // that one.
        if (from.0 * eighths, from.1 * eighths) == (to.0 * 8, to.1 * 8) {
            return self.reduce(coefficients, eighths);
        }
        self.fill(coefficients, eighths);
        let extent = |side: u32, to: u32| Extent { eighths: side * eighths, to };
        let across = extent(from.0, to.0);
        let down = extent(from.1, to.1);
        let stride = |n: usize| stride(coefficients, n, eighths);
        let planes = &self.planes;
        let old = std::array::from_fn(|n| Plane { bytes: &planes[n], stride: stride(n) });
        let planes = self.scaler.scale(old, sampling, across, down);
        Some(Pixels {
            width: to.0,
            height: to.1,
            layout: Layout::of_planes(sampling),
            planes,
            limited: false,
        })
    }

    /// Fills the planes with NxN samples for each block.
    fn fill(&mut self, coefficients: &Coefficients, eighths: u32) {
        if self.basis.as_ref().is_none_or(|(n, _)| *n != eighths) {
            self.basis = Some((eighths, basis(eighths)));
        }
        let Some((_, basis)) = &self.basis else { return }; // set above
        for (plane, component) in self.planes.iter_mut().zip(coefficients.components()) {
            // Four numbers fill a vector of every processor.
            match eighths {
                1 => means(coefficients, component, plane),
                2 => blocks::<2, 4>(coefficients, component, basis, plane),
                3 => blocks::<3, 4>(coefficients, component, basis, plane),
                4 => blocks::<4, 4>(coefficients, component, basis, plane),
                5 => blocks::<5, 8>(coefficients, component, basis, plane),
                6 => blocks::<6, 8>(coefficients, component, basis, plane),
                7 => blocks::<7, 8>(coefficients, component, basis, plane),
                _ => blocks::<8, 8>(coefficients, component, basis, plane),
            }
        }
        for plane in self.planes.iter_mut().skip(coefficients.components().len()) {
            plane.clear();
        }
    }
}

/// Bytes from one row of a component's samples to the next.
fn stride(coefficients: &Coefficients, component: usize, eighths: u32) -> usize {
    coefficients.components().get(component).map_or(0, |component| (component.blocks.0 * eighths) as usize)
}

/// The sampling of a picture, if it is one of those that encoders take.
fn sampling(coefficients: &Coefficients) -> Option<Sampling> {
    match (coefficients.colours(), coefficients.components()) {
        (Colours::Grey, [_]) => Some(Sampling::Grey),
        (Colours::YCbCr, [luma, cb, cr]) if cb.factors == cr.factors => {
            let (chroma_across, chroma_down) = cb.factors;
            [Sampling::Full, Sampling::Across, Sampling::Down, Sampling::Both].into_iter().find(|sampling| {
                let (across, down) = sampling.factors();
                luma.factors == (chroma_across * across, chroma_down * down)
            })
        }
        _ => None,
    }
}

/// Each row of blocks of a component, without those that only fill MCUs.
fn rows<'a>(coefficients: &'a Coefficients, component: &'a Component) -> impl Iterator<Item = &'a [Stored]> {
    let (across, down) = component.blocks;
    (0..down as usize).map(move |row| {
        &coefficients.blocks[component.first + row * component.padded.0 as usize..][..across as usize]
    })
}

/// A sample from its distance from 128.
#[inline(always)]
fn sample(value: f32) -> u8 {
    let value = value + 128.0;
    // Not `clamp`, which minds NaN. There is none: all numbers are products of integers and cosines.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    nearest(value) as u8
}

/// One sample for each block: its DC coefficient is eight times the mean.
fn means(coefficients: &Coefficients, component: &Component, plane: &mut Vec<u8>) {
    let step = f32::from(component.quantization[0]) / 8.0;
    plane.clear();
    for row in rows(coefficients, component) {
        plane.extend(row.iter().map(|block| sample(f32::from(block.dc) * step)));
    }
}

/// NxN samples for each block. `LANES` is the length of vectors, at least N.
fn blocks<const N: usize, const LANES: usize>(
    coefficients: &Coefficients,
    component: &Component,
    basis: &Basis,
    plane: &mut Vec<u8>,
) {
    let steps: [f32; LEN] = component.quantization.map(f32::from);
    let basis: [[f32; LANES]; SIDE] = basis.map(|row| std::array::from_fn(|x| row[x]));
    let stride = component.blocks.0 as usize * N;
    plane.resize(stride * component.blocks.1 as usize * N, 0);
    for (row, samples) in rows(coefficients, component).zip(plane.chunks_exact_mut(stride * N)) {
        for (column, stored) in row.iter().enumerate() {
            let entries = coefficients.entries_of(*stored);
            let dc = f32::from(stored.dc) * steps[0];
            let lines = samples.chunks_exact_mut(stride).map(|line| &mut line[column * N..][..N]);
            if entries.is_empty() {
                let mean = sample(dc / 8.0);
                lines.for_each(|line| line.fill(mean));
                continue;
            }
            let (used, sums) = across::<LANES>(dc, entries, &steps, &basis);
            down::<N, LANES>(used, &sums, &basis, lines);
        }
    }
}

/// For each vertical frequency the samples across; and the frequencies that there are, one bit each.
#[inline(always)]
fn across<const LANES: usize>(
    dc: f32,
    entries: &[Entry],
    steps: &[f32; LEN],
    basis: &[[f32; LANES]; SIDE],
) -> (u32, [[f32; LANES]; SIDE]) {
    let mut sums = [[0.0; LANES]; SIDE];
    sums[0] = [dc * basis[0][0]; LANES];
    let mut used = 1;
    for entry in entries {
        let index = usize::from(entry.index) % LEN;
        let (v, u) = (index / SIDE, index % SIDE);
        let value = f32::from(entry.value) * steps[index];
        for (sum, part) in sums[v].iter_mut().zip(basis[u]) {
            *sum += value * part;
        }
        used |= 1 << v;
    }
    (used, sums)
}

/// N lines of a block from what [`across`] made.
#[inline(always)]
fn down<'a, const N: usize, const LANES: usize>(
    used: u32,
    sums: &[[f32; LANES]; SIDE],
    basis: &[[f32; LANES]; SIDE],
    lines: impl Iterator<Item = &'a mut [u8]>,
) {
    let mut values = [[0.0; LANES]; N];
    // Frequencies from N on have no part in N samples.
    let mut left = used & ((1 << N) - 1);
    while left != 0 {
        let v = left.trailing_zeros() as usize % SIDE;
        left &= left - 1;
        for (y, line) in values.iter_mut().enumerate() {
            for (value, sum) in line.iter_mut().zip(sums[v]) {
                *value += sum * basis[v][y];
            }
        }
    }
    for (line, values) in lines.zip(values) {
        let samples = values.map(sample);
        line.copy_from_slice(&samples[..N]);
    }
}
