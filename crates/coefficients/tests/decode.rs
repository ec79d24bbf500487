//! Coefficients out of JPEGs: of every kind, damaged ones too. What comes out is compared with what zune-jpeg makes of
//! the same JPEG.

use std::f64::consts::PI;
use std::fs;
use std::path::{Path, PathBuf};

use coefficients::picture::{Colours, Component};
use coefficients::{Coefficients, DecodeError};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pictures")
}

fn picture(name: &str) -> Vec<u8> {
    let path = pictures().join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

fn decoded(jpeg: &[u8]) -> Coefficients {
    let mut coefficients = Coefficients::default();
    coefficients.decode(jpeg).expect("a JPEG that can be read");
    coefficients
}

fn refused(jpeg: &[u8]) -> DecodeError {
    let mut coefficients = Coefficients::default();
    let error = coefficients.decode(jpeg).expect_err("a JPEG that cannot be read");
    assert!(coefficients.components().is_empty(), "after an error there is no picture");
    error
}

/// A block in natural order.
fn block(coefficients: &Coefficients, component: usize, column: u32, row: u32) -> [i16; 64] {
    let mut block = [0; 64];
    block[0] = coefficients.dc(component, column, row);
    for entry in coefficients.entries(component, column, row) {
        assert!(entry.value != 0 && (1..64).contains(&entry.index), "{entry:?}");
        block[usize::from(entry.index)] = entry.value;
    }
    block
}

/// All blocks of the picture, without those that only fill MCUs.
fn blocks(coefficients: &Coefficients) -> Vec<[i16; 64]> {
    let of = |(n, component): (usize, &Component)| {
        let (across, down) = component.blocks;
        let places = (0..down).flat_map(move |row| (0..across).map(move |column| (column, row)));
        places.map(move |(column, row)| block(coefficients, n, column, row)).collect::<Vec<_>>()
    };
    coefficients.components().iter().enumerate().flat_map(of).collect()
}

/// The samples of a component by the inverse DCT of the standard (ITU T.81 A.3.3), in rows as long as its blocks.
fn samples(coefficients: &Coefficients, n: usize) -> (usize, Vec<f64>) {
    let component = &coefficients.components()[n];
    let cosine: Vec<f64> =
        (0..64).map(|i| f64::from((2 * (i / 8) + 1) * (i % 8)) * PI / 16.0).map(f64::cos).collect();
    let (across, down) = component.blocks;
    let stride = across as usize * 8;
    let mut samples = vec![0.0; stride * down as usize * 8];
    for (column, row) in (0..down).flat_map(|row| (0..across).map(move |column| (column, row))) {
        let block = block(coefficients, n, column, row);
        for (y, x) in (0..8).flat_map(|y| (0..8).map(move |x| (y, x))) {
            let mut sum = 0.0;
            for (i, &value) in block.iter().enumerate().filter(|(_, value)| **value != 0) {
                let (v, u) = (i / 8, i % 8);
                let root = |frequency: usize| if frequency == 0 { 0.5f64.sqrt() } else { 1.0 };
                let value = f64::from(value) * f64::from(component.quantization[i]);
                sum += root(u) * root(v) * value * cosine[x * 8 + u] * cosine[y * 8 + v];
            }
            let place = (row as usize * 8 + y) * stride + column as usize * 8 + x;
            samples[place] = (sum / 4.0 + 128.0).clamp(0.0, 255.0);
        }
    }
    (stride, samples)
}

/// Compares the first `planes` components with what zune-jpeg decodes. They must have a sample for each pixel.
fn assert_like_zune(name: &str, jpeg: &[u8], planes: usize) {
    let space = if planes == 1 { ColorSpace::Luma } else { ColorSpace::YCbCr };
    let options = DecoderOptions::default().jpeg_set_out_colorspace(space);
    let pixels = JpegDecoder::new_with_options(ZCursor::new(jpeg), options).decode().expect("decodable");
    let coefficients = decoded(jpeg);
    let (width, height) = coefficients.size();
    assert_eq!(pixels.len(), (width * height) as usize * planes, "{name}");
    for plane in 0..planes {
        let (stride, samples) = samples(&coefficients, plane);
        for (y, x) in (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (y, x))) {
            let theirs = f64::from(pixels[(y * width as usize + x) * planes + plane]);
            let ours = samples[y * stride + x];
            assert!((theirs - ours).abs() <= 2.0, "{name}: plane {plane} at {x}, {y}: {ours} and {theirs}");
        }
    }
}

#[test]
fn every_sampling_is_decoded_as_another_decoder_does() {
    for kind in ["1x1", "1x2", "1x4", "2x1", "2x2", "4x1", "4x2", "grey", "restarts"] {
        let name = format!("kinds/baseline-{kind}.jpg");
        assert_like_zune(&name, &picture(&name), if kind == "1x1" { 3 } else { 1 });
    }
    for name in ["small.jpg", "thumbnail.jpg"] {
        assert_like_zune(name, &picture(name), 1);
    }
}

#[test]
fn the_order_of_scans_and_restart_markers_change_nothing() {
    for (one, other) in
        [("2x2", "restarts"), ("2x2", "three-scans"), ("2x2", "two-scans"), ("1x1", "three-scans-1x1")]
    {
        let [one, other] = [one, other].map(|kind| decoded(&picture(&format!("kinds/baseline-{kind}.jpg"))));
        assert_eq!(blocks(&one), blocks(&other));
    }
}

#[test]
fn luma_is_the_same_in_every_sampling() {
    let luma = |kind: &str| {
        let coefficients = decoded(&picture(&format!("kinds/baseline-{kind}.jpg")));
        let (across, down) = coefficients.components()[0].blocks;
        assert_eq!((across, down), (9, 5), "{kind}: 71x39 pixels");
        let places = (0..down).flat_map(|row| (0..across).map(move |column| (column, row)));
        places.map(|(column, row)| block(&coefficients, 0, column, row)).collect::<Vec<_>>()
    };
    let full = luma("1x1");
    let others =
        ["1x2", "1x4", "2x1", "2x2", "2x2_1x2_1x2", "2x2_2x1_2x1", "3x1", "4x1", "4x2", "grey", "two-scans"];
    for kind in others {
        assert!(luma(kind) == full, "{kind}");
    }
}
