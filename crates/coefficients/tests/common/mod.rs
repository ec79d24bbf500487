//! What several tests of this crate need.
#![allow(dead_code)] // not each of them needs all

pub mod layouts;
pub mod programs;

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Coefficients, Quality, Sampling, Transform};

/// The JPEG of a picture whose planes are made by `plane` from their width, height and number.
pub fn encoded(
    sampling: Sampling,
    (width, height): (u32, u32),
    quality: u8,
    mut plane: impl FnMut(u32, u32, u32) -> Vec<u8>,
) -> Vec<u8> {
    let (across, down) = sampling.factors();
    let chroma = (width.div_ceil(across), height.div_ceil(down));
    let sizes = [(width, height), chroma, chroma];
    let planes = [0, 1, 2].map(|n: u32| plane(sizes[n as usize].0, sizes[n as usize].1, n));
    let planes = [0, 1, 2].map(|n: usize| Plane { bytes: &planes[n], stride: sizes[n].0 as usize });
    let pixels = Pixels { width, height, layout: Layout::of_planes(sampling), planes, limited: false };
    let settings = Settings { quality: Quality::new(quality), sampling, transform: Transform::NONE };
    let mut out = vec![0; 1 << 20];
    let length = Encoder::default().encode(&pixels, settings, &mut out).expect("room enough");
    out.truncate(length);
    out
}

/// The coefficients of a JPEG that can be read.
pub fn decoded(jpeg: &[u8]) -> Coefficients {
    let mut coefficients = Coefficients::default();
    coefficients.decode(jpeg).expect("a JPEG that can be read");
    coefficients
}

/// The blocks of a component in natural order, without those that only fill MCUs.
pub fn blocks(coefficients: &Coefficients, component: usize) -> Vec<[i16; 64]> {
    let (across, down) = coefficients.components()[component].blocks;
    let places = (0..down).flat_map(|row| (0..across).map(move |column| (column, row)));
    places.map(|(column, row)| block(coefficients, component, column, row)).collect()
}

/// A block in natural order.
pub fn block(coefficients: &Coefficients, component: usize, column: u32, row: u32) -> [i16; 64] {
    let mut block = [0; 64];
    block[0] = coefficients.dc(component, column, row);
    for entry in coefficients.entries(component, column, row) {
        assert!(entry.value != 0 && (1..64).contains(&entry.index), "{entry:?}");
        block[usize::from(entry.index)] = entry.value;
    }
    block
}
