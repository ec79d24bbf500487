//! A picture like a photograph, always the same: detail of every size, less of it the finer it is, as in nature (its
//! spectrum falls with 1/f), shapes with edges before it, and a little of a sensor's noise.

use coefficients::pixels::{Layout, Pixels, Plane};
use coefficients::{Quality, Sampling, Transform, pixels};

/// A number from -1 to 1 that depends on a place alone.
fn chance(x: u32, y: u32, seed: u32) -> f32 {
    let mut n = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    for _ in 0..2 {
        n = (n ^ n >> 15).wrapping_mul(0x2c1b_3c6d);
    }
    (n >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Smooth noise whose hills are `side` wide.
fn hills(x: u32, y: u32, side: u32, seed: u32) -> f32 {
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (column, row) = (x / side, y / side);
    let part = |n: u32| ease((n % side) as f32 / side as f32);
    let between = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let line = |row| between(chance(column, row, seed), chance(column + 1, row, seed), part(x));
    between(line(row), line(row + 1), part(y))
}

/// Y, Cb or Cr at a place.
fn sample(x: u32, y: u32, component: u32) -> u8 {
    // Colours change less than brightness, and a sensor's noise is in the brightness.
    let (smallest, height) = if component == 0 { (2, 52.0) } else { (16, 16.0) };
    let mut value = 122.0 + if component == 0 { 0.0 } else { 6.0 };
    let (mut side, mut height) = (256, height);
    while side >= smallest {
        value += height * hills(x, y, side, component * 100 + side);
        side /= 2;
        height *= 0.66;
    }
    // Discs with edges, one for each square of 200.
    let (column, row) = (x / 200, y / 200);
    let middle = |n: u32, seed| (n * 200 + 100) as f32 + 40.0 * chance(column, row, seed);
    let distance = f32::hypot(x as f32 - middle(column, 1), y as f32 - middle(row, 2));
    if distance < 45.0 + 30.0 * chance(column, row, 3) {
        value += chance(column, row, 4 + component) * if component == 0 { 60.0 } else { 25.0 };
    }
    if component == 0 {
        value += 3.0 * chance(x, y, 7);
    }
    value.clamp(0.0, 255.0) as u8
}

/// A picture in planes, as libjpeg-turbo takes it, and in the layout of a camera.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) size: (u32, u32),
    pub(crate) sampling: Sampling,
    pub(crate) planes: [Vec<u8>; 3],
    /// Luma and pairs, or pixels.
    pub(crate) packed: [Vec<u8>; 2],
}

impl Scene {
    /// As YUYV for 4:2:2, as NV12 for 4:2:0. Sides must be even.
    pub(crate) fn new(size: (u32, u32), sampling: Sampling) -> Self {
        let (across, down) = sampling.factors();
        let plane = |component: u32, across: u32, down: u32| -> Vec<u8> {
            let places = (0..size.1 / down).flat_map(|y| (0..size.0 / across).map(move |x| (x, y)));
            places.map(|(x, y)| sample(x * across, y * down, component)).collect()
        };
        let planes = [plane(0, 1, 1), plane(1, across, down), plane(2, across, down)];
        let pairs = || planes[1].iter().zip(&planes[2]);
        let packed = if sampling == Sampling::Across {
            let luma = planes[0].as_chunks::<2>().0.iter();
            let pixels = luma.zip(pairs()).flat_map(|([left, right], (cb, cr))| [*left, *cb, *right, *cr]);
            [pixels.collect(), Vec::new()]
        } else {
            [planes[0].clone(), pairs().flat_map(|(cb, cr)| [*cb, *cr]).collect()]
        };
        Self { size, sampling, planes, packed }
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.sampling == Sampling::Across { "YUYV, 4:2:2" } else { "NV12, 4:2:0" }
    }

    /// The picture as a camera delivers it.
    pub(crate) fn pixels(&self) -> Pixels<'_> {
        let (width, height) = self.size;
        let yuyv = self.sampling == Sampling::Across;
        let stride = width as usize * if yuyv { 2 } else { 1 };
        let planes = [
            Plane { bytes: &self.packed[0], stride },
            Plane { bytes: &self.packed[1], stride: if yuyv { 0 } else { stride } },
            Plane::default(),
        ];
        let layout = if yuyv { Layout::Yuyv } else { Layout::Nv12 };
        Pixels { width, height, layout, planes, limited: false }
    }

    pub(crate) fn settings(&self, quality: u8) -> pixels::Settings {
        let quality = Quality::new(quality);
        pixels::Settings { quality, sampling: self.sampling, transform: Transform::NONE }
    }

    /// The planes anew from the camera's layout, as libjpeg-turbo's caller has to make them.
    pub(crate) fn unpack(&self, planes: &mut [Vec<u8>; 3]) {
        let [luma, cb, cr] = planes;
        if self.sampling == Sampling::Across {
            let pixels = self.packed[0].as_chunks::<4>().0;
            let pairs = luma.as_chunks_mut::<2>().0.iter_mut().zip(cb).zip(cr);
            for ([y0, cb0, y1, cr0], ((y, cb), cr)) in pixels.iter().zip(pairs) {
                (*y, *cb, *cr) = ([*y0, *y1], *cb0, *cr0);
            }
        } else {
            luma.copy_from_slice(&self.packed[0]);
            for ([cb0, cr0], (cb, cr)) in self.packed[1].as_chunks::<2>().0.iter().zip(cb.iter_mut().zip(cr))
            {
                (*cb, *cr) = (*cb0, *cr0);
            }
        }
    }
}
