//! Pixels at a part of the size are those of the whole picture, made smaller.

mod common;

use coefficients::pixels::{Encoder, Pixels, Settings};
use coefficients::reduce::Reducer;
use coefficients::{Coefficients, Quality, Sampling, Transform};
use common::{decoded, encoded};

/// A smooth picture; `shift` makes each component another.
fn sample(x: f64, y: f64, shift: f64) -> f64 {
    128.0 + 90.0 * (x * 5.0 + shift).sin() * (y * 4.0 - shift).cos()
}

fn plane(width: u32, height: u32, shift: f64) -> Vec<u8> {
    let at = |n: u32, of: u32| (f64::from(n) + 0.5) / f64::from(of);
    let samples = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    samples.map(|(x, y)| sample(at(x, width), at(y, height), shift) as u8).collect()
}

fn coefficients(sampling: Sampling, size: (u32, u32)) -> Coefficients {
    decoded(&encoded(sampling, size, 95, |width, height, n| plane(width, height, f64::from(n))))
}

fn check(pixels: &Pixels<'_>, sampling: Sampling, most: f64, name: &str) {
    let (across, down) = sampling.factors();
    let size = |n: usize| {
        let (across, down) = if n == 0 { (1, 1) } else { (across, down) };
        (pixels.width.div_ceil(across), pixels.height.div_ceil(down))
    };
    for n in 0..sampling.components() {
        let (width, height) = size(n);
        let wanted = plane(width, height, n as f64);
        let plane = &pixels.planes[n];
        let mut sum = 0.0;
        for (n, wanted) in wanted.iter().enumerate() {
            let (x, y) = (n % width as usize, n / width as usize);
            let off = f64::from(plane.bytes[y * plane.stride + x]) - f64::from(*wanted);
            assert!(off.abs() <= most, "{name}: {off} at {x}, {y} of component");
            sum += off;
        }
        let mean = sum / wanted.len() as f64;
        assert!(mean.abs() < 1.0, "{name}: {mean} in the mean");
    }
}

#[test]
fn every_part_of_the_size_shows_the_same() {
    let mut reducer = Reducer::default();
    for sampling in Sampling::ALL {
        let coefficients = coefficients(sampling, (320, 240));
        for eighths in 1..=8 {
            let pixels = reducer.reduce(&coefficients, eighths).expect("it can be reduced");
            assert_eq!((pixels.width, pixels.height), (40 * eighths, 30 * eighths));
            check(&pixels, sampling, 7.0, &format!("{sampling:?} {eighths}/8"));
        }
        assert!(reducer.reduce(&coefficients, 0).is_none() && reducer.reduce(&coefficients, 9).is_none());
    }
}

#[test]
fn a_picture_of_any_size_is_made_any_smaller_size() {
    let mut reducer = Reducer::default();
    for sampling in [Sampling::Grey, Sampling::Across, Sampling::Both] {
        for (from, to) in [
            ((320, 240), (200, 150)),
            ((333, 251), (160, 120)),
            ((319, 239), (319, 239)),
            ((320, 241), (81, 61)),
        ] {
            let coefficients = coefficients(sampling, from);
            let pixels = reducer.at_size(&coefficients, to).expect("it can be made smaller");
            assert_eq!((pixels.width, pixels.height), to);
            check(&pixels, sampling, 9.0, &format!("{sampling:?} {from:?} to {to:?}"));
            assert!(reducer.at_size(&coefficients, (from.0 + 1, from.1)).is_none());
        }
        for side in 1..40 {
            let coefficients = coefficients(sampling, (side, 41 - side));
            for to in [(1, 1), (side.div_ceil(2), (41 - side).div_ceil(3)), (side, 41 - side)] {
                let pixels = reducer.at_size(&coefficients, to).expect("it can be made smaller");
                assert_eq!((pixels.width, pixels.height), to);
                let settings = Settings { quality: Quality::new(80), sampling, transform: Transform::NONE };
                assert!(Encoder::default().encode(&pixels, settings, &mut vec![0; 1 << 16]).is_ok());
            }
        }
    }
}
