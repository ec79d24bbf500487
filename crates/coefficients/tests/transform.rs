//! JPEG to JPEG on coefficients: turned, mirrored, in lower quality. What comes out is compared with what jpegtran makes
//! of the same JPEG, coefficient by coefficient.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use coefficients::{Coefficients, Quality, Sampling, TooLarge, Transform};
use common::{blocks, decoded};

/// What jpegtran calls the transforms, in the order of `Transform::ALL`.
const JPEGTRAN: [(Transform, &[&str]); 8] = [
    (Transform::NONE, &[]),
    (Transform { transpose: true, mirror_across: false, mirror_down: false }, &["-transpose"]),
    (Transform::FLIP_HORIZONTAL, &["-flip", "horizontal"]),
    (Transform::FLIP_VERTICAL, &["-flip", "vertical"]),
    (Transform::ROTATE_90, &["-rotate", "90"]),
    (Transform::ROTATE_180, &["-rotate", "180"]),
    (Transform::ROTATE_270, &["-rotate", "270"]),
    (Transform { transpose: true, mirror_across: true, mirror_down: true }, &["-transverse"]),
];

/// A JPEG of something like a photograph, with noise.
fn jpeg(sampling: Sampling, width: u32, height: u32, quality: u8) -> Vec<u8> {
    let mut noise = 7u32;
    common::encoded(sampling, (width, height), quality, |width, height, n| {
        let shift = f64::from(n);
        let samples = (0..height).flat_map(|y| (0..width).map(move |x| (f64::from(x), f64::from(y))));
        let sample = |(x, y): (f64, f64)| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (120.0 + 80.0 * (x / 9.0 + shift).sin() * (y / 14.0).cos() + y / 4.0 + f64::from(noise >> 28))
                as u8
        };
        samples.map(sample).collect()
    })
}

fn encoded(coefficients: &Coefficients, transform: Transform, quality: Option<u8>) -> Vec<u8> {
    let mut out = vec![0; 1 << 18];
    let length = coefficients.encode(transform, quality.map(Quality::new), &mut out).expect("room enough");
    out.truncate(length);
    out
}

/// Everything that makes the picture: size, sampling factors, quantization, and blocks without those that only fill MCUs.
fn contents(jpeg: &[u8]) -> Contents {
    let coefficients = decoded(jpeg);
    let components = coefficients.components();
    Contents {
        size: coefficients.size(),
        components: components.iter().map(|one| (one.id, one.factors, one.quantization)).collect(),
        blocks: (0..components.len()).map(|n| blocks(&coefficients, n)).collect(),
    }
}

#[derive(Debug, PartialEq)]
struct Contents {
    size: (u32, u32),
    components: Vec<(u8, (u32, u32), [u16; 64])>,
    blocks: Vec<Vec<[i16; 64]>>,
}

/// What jpegtran makes of it; `None` if there is no jpegtran.
fn jpegtran(jpeg: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let options = [options, &["-trim"]].concat();
    let output = common::programs::run("jpegtran", "libjpeg-turbo-progs", &options, jpeg)?;
    assert!(output.status.success(), "jpegtran {options:?}");
    Some(output.stdout)
}

#[test]
fn every_turn_gives_the_coefficients_that_jpegtran_gives() {
    for (sampling, (width, height)) in Sampling::ALL.iter().flat_map(|sampling| {
        [(64, 48), (80, 32), (16, 16), (70, 50), (33, 47), (16, 17)].map(|size| (*sampling, size))
    }) {
        let jpeg = jpeg(sampling, width, height, 80);
        for (transform, options) in JPEGTRAN {
            let Some(wanted) = jpegtran(&jpeg, options) else { return };
            let ours = encoded(&decoded(&jpeg), transform, None);
            let name = format!("{sampling:?} {width}x{height} {options:?}");
            let (ours, wanted) = (contents(&ours), contents(&wanted));
            assert_eq!(ours.size, wanted.size, "{name}");
            assert_eq!(ours.components, wanted.components, "{name}");
            assert!(ours.blocks == wanted.blocks, "{name}");
        }
    }
}

#[test]
fn every_kind_of_picture_is_turned_as_jpegtran_turns_it() {
    let kinds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pictures/kinds");
    let files =
        fs::read_dir(&kinds).expect("pictures of every kind").map(|file| file.expect("a file").path());
    let is_baseline =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("baseline-"));
    let mut count = 0;
    for path in files.filter(is_baseline) {
        let jpeg = fs::read(&path).expect("a picture");
        for (transform, options) in JPEGTRAN {
            let Some(wanted) = jpegtran(&jpeg, options) else { return };
            let (ours, wanted) = (contents(&encoded(&decoded(&jpeg), transform, None)), contents(&wanted));
            let name = format!("{} {options:?}", path.display());
            assert_eq!((ours.size, &ours.components), (wanted.size, &wanted.components), "{name}");
            assert!(ours.blocks == wanted.blocks, "{name}");
        }
        count += 1;
    }
    assert!(count > 10, "{count} pictures");
}

#[test]
fn what_is_turned_all_the_way_round_is_the_same_bit_for_bit() {
    for sampling in Sampling::ALL {
        let jpeg = jpeg(sampling, 64, 48, 90);
        let before = contents(&jpeg);
        for (transform, times) in [
            (Transform::ROTATE_90, 4),
            (Transform::ROTATE_270, 4),
            (Transform::ROTATE_180, 2),
            (Transform::FLIP_HORIZONTAL, 2),
            (Transform::FLIP_VERTICAL, 2),
        ] {
            let turned = (0..times).fold(jpeg.clone(), |jpeg, _| encoded(&decoded(&jpeg), transform, None));
            assert_eq!(contents(&turned), before, "{sampling:?} {transform:?}");
            let once = encoded(&decoded(&jpeg), transform, None);
            assert_ne!(contents(&once), before);
        }
        assert_eq!(encoded(&decoded(&jpeg), Transform::NONE, None), jpeg, "{sampling:?}");
    }
}

#[test]
fn a_lower_quality_takes_fewer_bytes_and_a_higher_one_changes_nothing() {
    for sampling in Sampling::ALL {
        let jpeg = jpeg(sampling, 80, 64, 85);
        let coefficients = decoded(&jpeg);
        assert!(
            coefficients.is_finer_than(Quality::new(50)) && !coefficients.is_finer_than(Quality::new(85))
        );
        assert_eq!(encoded(&coefficients, Transform::NONE, Some(95)), jpeg);
        let lower = encoded(&coefficients, Transform::NONE, Some(50));
        assert!(lower.len() < jpeg.len() * 3 / 4, "{} of {}", lower.len(), jpeg.len());
        let (before, after) = (contents(&jpeg), contents(&lower));
        for ((_, _, steps), (n, (_, _, old))) in
            after.components.iter().zip(before.components.iter().enumerate())
        {
            assert_eq!(*steps, Quality::new(50).tables()[n.min(1)]);
            for (new_block, old_block) in after.blocks[n].iter().zip(&before.blocks[n]) {
                for k in 0..64 {
                    let (was, is) = (
                        i32::from(old_block[k]) * i32::from(old[k]),
                        i32::from(new_block[k]) * i32::from(steps[k]),
                    );
                    assert!((was - is).abs() * 2 <= i32::from(steps[k]), "{was} became {is}");
                }
            }
        }
    }
}

#[test]
fn a_slice_that_is_too_small_is_an_error() {
    let coefficients = decoded(&jpeg(Sampling::Both, 50, 40, 85));
    let length = encoded(&coefficients, Transform::ROTATE_90, Some(60)).len();
    for capacity in 0..length {
        let error = coefficients.encode(Transform::ROTATE_90, Some(Quality::new(60)), &mut vec![0; capacity]);
        assert_eq!(error, Err(TooLarge { capacity }));
    }
}
