//! Pictures in a part of their size, compared with what another decoder makes of them; and the means of their blocks.

mod common;

use coefficients::dc::DcGrid;
use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::reduce::Reducer;
use coefficients::{Quality, Sampling, Transform};
use common::encoded;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Something with edges, slopes and fine detail.
fn sample(x: u32, y: u32, component: u32) -> u8 {
    let (fx, fy) = (f64::from(x), f64::from(y));
    let slope = 120.0 + 60.0 * (fx / 23.0 + f64::from(component)).sin() * (fy / 31.0).cos();
    let edge = if (x / 21 + y / 17).is_multiple_of(3) { 25.0 } else { -10.0 };
    (slope + edge + f64::from((x * 7 + y * 13) % 5)) as u8
}

fn jpeg(layout: Layout, size: (u32, u32)) -> Vec<u8> {
    let factors = layout.sampling().factors();
    encoded(layout.sampling(), size, 85, |width, height, n| {
        let (across, down) = if n == 0 { (1, 1) } else { factors };
        (0..height).flat_map(|y| (0..width).map(move |x| sample(x * across, y * down, n))).collect()
    })
}

/// All samples of a JPEG, by another decoder: luma, or Y, Cb and Cr interleaved.
fn decoded(jpeg: &[u8], colours: ColorSpace) -> Vec<u8> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(colours);
    JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().expect("a JPEG of ours")
}

/// A plane without what only fills its rows.
fn rows(plane: Plane<'_>, width: u32, height: u32) -> Vec<u8> {
    let rows = plane.bytes.chunks(plane.stride).take(height as usize);
    rows.flat_map(|row| row[..width as usize].to_vec()).collect()
}

/// The luma of a picture.
fn luma(pixels: &Pixels<'_>) -> Vec<u8> {
    rows(pixels.planes[0], pixels.width, pixels.height)
}

/// The peak signal-to-noise ratio in dB.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) * a.len() as f64 / squares.max(1e-9)).log10()
}

/// Each sample is the mean of the area that it covers, computed slowly.
fn averaged(samples: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    // The part of old sample `n` that new sample `at` covers.
    let part = |at: u32, n: u32, from: u32, to: u32| {
        let step = f64::from(from) / f64::from(to);
        let (begin, end) = (f64::from(at) * step, f64::from(at + 1) * step);
        (end.min(f64::from(n + 1)) - begin.max(f64::from(n))).max(0.0)
    };
    let span = |at: u32, from: u32, to: u32| at * from / to..((at + 1) * from).div_ceil(to);
    let mut new = Vec::new();
    for (y, x) in (0..to.1).flat_map(|y| (0..to.0).map(move |x| (y, x))) {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (j, i) in span(y, from.1, to.1).flat_map(|j| span(x, from.0, to.0).map(move |i| (j, i))) {
            let weight = part(y, j, from.1, to.1) * part(x, i, from.0, to.0);
            sum += weight * f64::from(samples[(j * from.0 + i) as usize]);
            weights += weight;
        }
        new.push((sum / weights).round() as u8);
    }
    new
}

const LAYOUTS: [Layout; 5] = [
    Layout::Grey,
    Layout::Planar(Sampling::Full),
    Layout::Planar(Sampling::Across),
    Layout::Planar(Sampling::Down),
    Layout::Planar(Sampling::Both),
];

#[test]
fn the_whole_picture_is_what_another_decoder_makes_of_it() {
    for layout in LAYOUTS {
        for size in [(1, 1), (17, 9), (160, 96), (203, 117)] {
            let jpeg = jpeg(layout, size);
            let mut reducer = Reducer::default();
            let coefficients = common::decoded(&jpeg);
            let pixels = reducer.reduce(&coefficients, 8).expect("a usual sampling");
            assert_eq!((pixels.width, pixels.height, pixels.layout), (size.0, size.1, layout));
            let near = |ours: &[u8], theirs: &[u8]| {
                assert_eq!(ours.len(), theirs.len());
                let worst = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(worst <= Some(2), "{layout:?} {size:?}: off by {worst:?}");
            };
            near(&luma(&pixels), &decoded(&jpeg, ColorSpace::Luma));
            if layout == Layout::Planar(Sampling::Full) {
                let theirs = decoded(&jpeg, ColorSpace::YCbCr);
                for n in [1, 2] {
                    let theirs: Vec<u8> = theirs.chunks(3).map(|pixel| pixel[n]).collect();
                    near(&rows(pixels.planes[n], size.0, size.1), &theirs);
                }
            }
        }
    }
}

#[test]
fn a_part_of_the_size_looks_like_the_whole_picture_made_smaller() {
    let size = (320, 240);
    let jpeg = jpeg(Layout::Planar(Sampling::Both), size);
    let whole = decoded(&jpeg, ColorSpace::Luma);
    let coefficients = common::decoded(&jpeg);
    let mut reducer = Reducer::default();
    for eighths in 1..=8 {
        let pixels = reducer.reduce(&coefficients, eighths).expect("a usual sampling");
        assert_eq!((pixels.width, pixels.height), (40 * eighths, 30 * eighths));
        let ratio = psnr(&luma(&pixels), &averaged(&whole, size, (pixels.width, pixels.height)));
        assert!(ratio > 40.0, "{eighths}/8: {ratio} dB");
    }
}

#[test]
fn every_size_is_made_in_every_sampling() {
    let from = (203, 117);
    for layout in LAYOUTS {
        let jpeg = jpeg(layout, from);
        let whole = decoded(&jpeg, ColorSpace::Luma);
        let coefficients = common::decoded(&jpeg);
        let mut reducer = Reducer::default();
        for to in
            [(203, 117), (202, 116), (150, 100), (102, 59), (101, 58), (100, 117), (64, 37), (9, 5), (1, 1)]
        {
            let pixels = reducer.at_size(&coefficients, to).expect("a usual sampling");
            assert_eq!((pixels.width, pixels.height, pixels.layout), (to.0, to.1, layout));
            let ratio = psnr(&luma(&pixels), &averaged(&whole, from, to));
            assert!(ratio > 30.0, "{layout:?} {to:?}: {ratio} dB");
            // It can be encoded again.
            let settings = Settings {
                quality: Quality::new(85),
                sampling: layout.sampling(),
                transform: Transform::NONE,
            };
            let mut out = vec![0; 1 << 20];
            Encoder::default().encode(&pixels, settings, &mut out).expect("room enough");
        }
    }
}

#[test]
fn chroma_stays_where_it_is() {
    // Left half without, right half with much of it.
    for (layout, size) in
        LAYOUTS[1..].iter().flat_map(|layout| [(layout, (320u32, 64u32)), (layout, (302, 62))])
    {
        let (across, down) = layout.sampling().factors();
        let (width, height) = (size.0.div_ceil(across), size.1.div_ceil(down));
        let chroma: Vec<u8> =
            (0..width * height).map(|n| if n % width * across < size.0 / 2 { 100 } else { 200 }).collect();
        let luma = vec![128; (size.0 * size.1) as usize];
        let chroma = Plane { bytes: &chroma, stride: width as usize };
        let planes = [Plane { bytes: &luma, stride: size.0 as usize }, chroma, chroma];
        let pixels = Pixels { width: size.0, height: size.1, layout: *layout, planes, limited: false };
        let sampling = layout.sampling();
        let settings = Settings { quality: Quality::new(95), sampling, transform: Transform::NONE };
        let mut out = vec![0; 1 << 18];
        let length = Encoder::default().encode(&pixels, settings, &mut out).expect("room enough");
        let coefficients = common::decoded(&out[..length]);
        let mut reducer = Reducer::default();
        for to in [size, (160, 32), (151, 31), (100, 20), (33, 7)] {
            let pixels = reducer.at_size(&coefficients, to).expect("a usual sampling");
            for plane in &pixels.planes[1..] {
                assert!(plane.stride >= to.0.div_ceil(across) as usize);
                for row in plane.bytes.chunks(plane.stride).take(to.1.div_ceil(down) as usize) {
                    let first = row.iter().position(|sample| *sample > 150).expect("the right half");
                    let middle = f64::from(to.0) / 2.0 / f64::from(across);
                    assert!((first as f64 - middle).abs() <= 1.0, "{layout:?} {to:?}: {first}, not {middle}");
                }
            }
        }
    }
}

#[test]
fn dc_values_are_the_means_of_blocks() {
    let size = (197, 117); // luma has a column of blocks that only fills MCUs
    let jpeg = jpeg(Layout::Planar(Sampling::Both), size);
    let coefficients = common::decoded(&jpeg);
    let mut grid = DcGrid::default();
    grid.take(&coefficients);
    let sizes = [(25, 15), (13, 8), (13, 8)];
    for (n, (width, height)) in sizes.into_iter().enumerate() {
        let plane = grid.component(n).expect("three components");
        assert_eq!((plane.width, plane.height, plane.values.len() as u32), (width, height, width * height));
    }
    assert_eq!(grid.component(3), None);
    let whole = decoded(&jpeg, ColorSpace::Luma);
    let luma = grid.component(0).expect("luma");
    for (x, y) in (0..14).flat_map(|y| (0..24).map(move |x| (x, y))) {
        let sum: u32 =
            (0..64).map(|n| u32::from(whole[((y * 8 + n / 8) * size.0 + x * 8 + n % 8) as usize])).sum();
        let mean = f64::from(luma.values[(y * luma.width + x) as usize]) / 8.0 + 128.0;
        assert!((mean - f64::from(sum) / 64.0).abs() <= 1.0, "block {x}, {y}: {mean}");
    }
    assert_eq!(DcGrid::default().component(0), None);
}

#[test]
fn other_samplings_and_colours_are_left_to_others() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pictures/kinds/baseline-");
    for (kind, known) in [
        ("1x1", true),
        ("1x2", true),
        ("2x1", true),
        ("2x2", true),
        ("grey", true),
        ("restarts", true),
        ("three-scans", true),
        ("2x1_2x1_1x1", false),
        ("2x2_1x2_1x2", true),
        ("4x1", false),
        ("rgb", false),
    ] {
        let jpeg = std::fs::read(format!("{folder}{kind}.jpg")).expect("a picture of the tests");
        let coefficients = common::decoded(&jpeg);
        let mut reducer = Reducer::default();
        assert_eq!(reducer.at_size(&coefficients, (8, 8)).is_some(), known, "{kind}");
        let pixels = reducer.reduce(&coefficients, 8);
        assert_eq!(pixels.is_some(), known, "{kind}");
        let Some(pixels) = pixels else { continue };
        if kind == "three-scans" {
            continue; // zune-jpeg shows something else than libjpeg; ours is within 1 of libjpeg's
        }
        let theirs = decoded(&jpeg, ColorSpace::Luma);
        let worst = luma(&pixels).iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(2), "{kind}: off by {worst:?}");
    }
}
