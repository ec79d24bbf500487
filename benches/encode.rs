//! Milliseconds to encode one frame: `cargo bench --bench encode`.

use std::hint::black_box;
use std::time::Instant;

use boardcam::camera::{Range, Raw, Size};
use boardcam::jpeg::encode::{DEFAULT_QUALITY, Encoder};
use boardcam::jpeg::pixels::Picture;

/// Frames measured for each line.
const FRAMES: usize = 101;

/// Something like a photograph to the encoder: smooth shapes with a little noise.
fn scene(size: Size) -> Vec<u8> {
    let mut noise = 1u32;
    let mut bytes = Vec::new();
    for y in 0..size.height {
        for x in 0..Raw::Yuyv.row_len(size.width) {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (fx, fy) = (f64::from(x / 2) / 90.0, f64::from(y) / 70.0);
            let shade = 126.0 + 60.0 * (fx.sin() * fy.cos() + (fx * 0.3 + fy).sin() * 0.5);
            let grain = if x % 2 == 0 { f64::from(noise >> 29) } else { 0.0 };
            bytes.push((shade + grain) as u8);
        }
    }
    bytes
}

/// The middle one of many times, in milliseconds.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..FRAMES)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[FRAMES / 2]
}

fn main() {
    for size in [Size { width: 1280, height: 720 }, Size { width: 1920, height: 1080 }] {
        let bytes = scene(size);
        let mut out = vec![0; bytes.len()];
        for range in [Range::Full, Range::Limited] {
            let picture = Picture::new(&bytes, Raw::Yuyv, size, Raw::Yuyv.row_len(size.width), range)
                .expect("a whole picture");
            let mut encoder = Encoder::new(DEFAULT_QUALITY);
            let mut len = 0;
            let ms = median(|| len = encoder.encode(black_box(&picture), &mut out).expect("room enough"));
            println!("encode {size} {range:?}, quality {DEFAULT_QUALITY}, {len} bytes: {ms:.2} ms");
        }
    }
}
