//! Encodes the same picture some times, for counting what that costs on a processor that is only emulated:
//!
//! ```text
//! instructions coefficients 320 240 2    what this crate does, two frames of 320x240
//! instructions jpeg-encoder 320 240 2    the same frames by jpeg-encoder
//! ```
//!
//! The picture comes as YUYV and becomes 4:2:2 at quality 85. Says the JPEG's length and a checksum, which must be the
//! same on every processor. docs/performance.md has the command that counts.

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, Transform};

const QUALITY: u8 = 85;

/// Smooth shapes with some noise, by integers only: the same on every processor.
fn scene(width: u32, height: u32) -> Vec<u8> {
    let mut noise = 0u32;
    let wave = |n: u32, period: u32| {
        let n = n % (2 * period);
        (n.min(2 * period - n) * 100 / period) as u8
    };
    let samples = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixel = |(x, y): (u32, u32)| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let luma = 20 + wave(x, 90) + wave(y + x / 2, 70) + (noise >> 29) as u8;
        let chroma = if x.is_multiple_of(2) { 80 + wave(x + y, 130) } else { 90 + wave(x + 2 * y, 110) };
        [luma, chroma]
    };
    samples.flat_map(pixel).collect()
}

fn coefficients(yuyv: &[u8], width: u32, height: u32, out: &mut [u8], encoder: &mut Encoder) -> usize {
    let plane = Plane { bytes: yuyv, stride: 2 * width as usize };
    let planes = [plane, Plane::default(), Plane::default()];
    let pixels = Pixels { width, height, layout: Layout::Yuyv, planes, limited: false };
    let (quality, sampling) = (Quality::new(QUALITY), Sampling::Across);
    let settings = Settings { quality, sampling, transform: Transform::NONE };
    encoder.encode(&pixels, settings, out).expect("room enough")
}

/// The rows of YUYV, as jpeg-encoder takes them.
struct Rows<'a> {
    yuyv: &'a [u8],
    width: u32,
    height: u32,
}

impl jpeg_encoder::ImageBuffer for Rows<'_> {
    fn get_jpeg_color_type(&self) -> jpeg_encoder::JpegColorType {
        jpeg_encoder::JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width as u16
    }

    fn height(&self) -> u16 {
        self.height as u16
    }

    fn fill_buffers(&self, y: u16, [luma, cb, cr, _]: &mut [Vec<u8>; 4]) {
        let stride = 2 * self.width as usize;
        let row = &self.yuyv[usize::from(y) * stride..][..stride];
        for &[y0, first, y1, second] in row.as_chunks().0 {
            luma.extend([y0, y1]);
            cb.extend([first; 2]);
            cr.extend([second; 2]);
        }
    }
}

fn jpeg_encoder(yuyv: &[u8], width: u32, height: u32, out: &mut Vec<u8>) {
    out.clear();
    let mut encoder = jpeg_encoder::Encoder::new(out, QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_2);
    encoder.encode_image(Rows { yuyv, width, height }).expect("a whole picture");
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, encoder, width, height, frames] = arguments.as_slice() else {
        eprintln!("instructions coefficients|jpeg-encoder WIDTH HEIGHT FRAMES");
        std::process::exit(2);
    };
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let (width, height, frames) = (number(width), number(height), number(frames));
    let yuyv = scene(width, height);
    let mut out = vec![0; yuyv.len() + 4096];
    let mut ours = Encoder::default();
    let mut length = 0;
    for _ in 0..frames {
        if encoder == "coefficients" {
            length = coefficients(&yuyv, width, height, &mut out, &mut ours);
        } else {
            jpeg_encoder(&yuyv, width, height, &mut out);
            length = out.len();
        }
    }
    let sum = out[..length].iter().fold(0u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
    println!("{length} bytes, checksum {sum:08x}");
}
