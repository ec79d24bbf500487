//! Writes a JPEG of each layout, in small and odd sizes, turned and not, into a folder, for other decoders:
//!
//! ```text
//! pictures FOLDER
//! ```
//!
//! The names are `LAYOUT-SAMPLING-WIDTHxHEIGHT-TURN.jpg`, with the size before the turn, and the turn's place in
//! [`Transform::ALL`].

#[path = "../tests/common/layouts.rs"]
mod layouts;

use std::fs;
use std::path::PathBuf;

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, Transform};

const SIZES: [(u32, u32); 6] = [(1, 1), (7, 5), (8, 16), (17, 9), (33, 20), (80, 48)];

/// Their places in [`Transform::ALL`].
const TURNS: [usize; 3] = [0, 2, 5];

/// Waves of luma and chroma.
fn scene(x: f64, y: f64) -> [f64; 3] {
    [2.0, 3.5, 1.5].map(|wave| 125.0 + 80.0 * (x * wave + 1.0).sin() * (y * (4.0 - wave)).cos())
}

fn samplings(layout: Layout) -> Vec<Sampling> {
    match layout {
        // 4:2:0 of a camera's 4:2:2.
        Layout::Yuyv => vec![Sampling::Across, Sampling::Both],
        Layout::Rgb => vec![Sampling::Full, Sampling::Across, Sampling::Down, Sampling::Both],
        other => vec![other.sampling()],
    }
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("a folder"));
    let mut encoder = Encoder::default();
    for layout in Layout::ALL {
        for sampling in samplings(layout) {
            for (size, turn) in SIZES.into_iter().flat_map(|size| TURNS.map(|turn| (size, turn))) {
                let transform = Transform::ALL[turn];
                let planes = layouts::laid_out(layout, size, scene);
                let planes = planes.each_ref().map(|(bytes, stride)| Plane { bytes, stride: *stride });
                let ((width, height), quality) = (size, Quality::new(90));
                let pixels = Pixels { width, height, layout, planes, limited: false };
                let settings = Settings { quality, sampling, transform };
                let mut jpeg = vec![0; 1 << 16];
                let length = encoder.encode(&pixels, settings, &mut jpeg).expect("room");
                let name = format!("{layout:?}-{sampling:?}-{width}x{height}-{turn}.jpg");
                let name = name.replace(['(', ')'], "");
                fs::write(folder.join(name), &jpeg[..length]).expect("a file");
            }
        }
    }
}
