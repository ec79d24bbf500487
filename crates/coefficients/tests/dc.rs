//! DC values without the rest: those that the full decoding gives, of every kind of JPEG, damaged ones too.

mod common;

use std::fs;
use std::path::Path;

use coefficients::dc::DcGrid;
use coefficients::{Coefficients, DecodeError};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use proptest::prelude::*;

const SAMPLINGS: [SamplingFactor; 7] = [
    SamplingFactor::R_4_4_4,
    SamplingFactor::R_4_4_0,
    SamplingFactor::R_4_4_1,
    SamplingFactor::R_4_2_2,
    SamplingFactor::R_4_2_0,
    SamplingFactor::R_4_1_1,
    SamplingFactor::R_4_1_0,
];

/// Asserts that reading the values gives what decoding gives; returns whether there is a picture. A grid that was used
/// before may hold nothing of that.
fn assert_alike(grid: &mut DcGrid, jpeg: &[u8]) -> bool {
    let (mut coefficients, mut whole) = (Coefficients::default(), DcGrid::default());
    match (coefficients.decode(jpeg), grid.read(jpeg)) {
        (Ok(()), Ok(())) => {
            whole.take(&coefficients);
            assert_eq!(grid.component(0), whole.component(0));
            assert_eq!(grid.component(1), None);
            true
        }
        // The last bits of a block that is damaged may have been looked at in another order.
        (Err(DecodeError::Damaged { mcus, .. }), Err(DecodeError::Damaged { mcus: whole, .. })) => {
            assert_eq!(whole, mcus);
            assert_eq!(grid.component(0), None);
            false
        }
        (decoded, read) => {
            assert_eq!(read, decoded);
            assert_eq!(grid.component(0), None);
            false
        }
    }
}

fn picture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pictures").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// A picture of which `noise` parts in 256 are noise, which gives long codes, and blocks with all coefficients.
#[derive(Debug, Clone)]
struct Case {
    size: (u16, u16),
    noise: u32,
    quality: u8,
    sampling: Option<SamplingFactor>,
    restart_interval: u16,
    has_own_tables: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let side = || prop_oneof![1..=17u16, 1..=90u16];
    let sampling = prop::option::weighted(0.9, prop::sample::select(&SAMPLINGS[..]));
    let interval = prop_oneof![Just(0), 1..=9u16];
    ((side(), side()), 0..=256u32, 1..=100u8, sampling, interval, any::<bool>()).prop_map(
        |(size, noise, quality, sampling, restart_interval, has_own_tables)| Case {
            size,
            noise,
            quality,
            sampling,
            restart_interval,
            has_own_tables,
        },
    )
}

impl Case {
    fn encode(&self) -> Vec<u8> {
        let (width, height) = self.size;
        let mut seed = 1u32;
        let mut sample = |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let smooth = 128.0 + 120.0 * (n as f32 / 200.0).sin();
            ((smooth as u32 * (256 - self.noise) + (seed >> 24) * self.noise) / 256) as u8
        };
        let (channels, color) =
            if self.sampling.is_some() { (3, ColorType::Rgb) } else { (1, ColorType::Luma) };
        let count = u32::from(width) * u32::from(height) * channels;
        let samples: Vec<u8> = (0..count).map(&mut sample).collect();
        let mut jpeg = Vec::new();
        let mut encoder = Encoder::new(&mut jpeg, self.quality);
        if let Some(sampling) = self.sampling {
            encoder.set_sampling_factor(sampling);
        }
        // It cannot do both at once.
        if self.has_own_tables {
            encoder.set_optimized_huffman_tables(true);
        } else {
            encoder.set_restart_interval(self.restart_interval);
        }
        encoder.encode(&samples, width, height, color).expect("encoded");
        jpeg
    }
}

proptest! {
    #[test]
    fn the_values_are_those_that_the_whole_picture_has(cases in prop::collection::vec(case(), 1..4)) {
        let mut grid = DcGrid::default();
        for case in cases {
            assert!(assert_alike(&mut grid, &case.encode()));
        }
    }

    #[test]
    fn a_damaged_picture_is_refused_where_decoding_refuses_it(
        case in case(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut jpeg = case.encode();
        // Of others, what stands behind the scan with luma is not looked at.
        prop_assume!(jpeg.windows(2).filter(|two| two == b"\xff\xda").count() == 1);
        for (at, value) in damage {
            let at = at.index(jpeg.len());
            jpeg[at] = value;
        }
        jpeg.truncate(cut.map_or(jpeg.len(), |cut| cut.index(jpeg.len())));
        assert_alike(&mut DcGrid::default(), &jpeg);
    }
}

#[test]
fn every_kind_of_picture_gives_its_values_or_the_reason_why_not() {
    let mut grid = DcGrid::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pictures/kinds");
    let mut read = 0;
    for entry in fs::read_dir(folder).expect("a folder of pictures") {
        let path = entry.expect("an entry").path();
        read += usize::from(assert_alike(&mut grid, &fs::read(&path).expect("a picture")));
    }
    assert!(read > 10, "{read} were read");
    assert_eq!(grid.read(&picture("kinds/progressive-2x2.jpg")), Err(DecodeError::Progressive));
}

#[test]
fn what_stands_behind_the_scan_with_luma_is_not_looked_at() {
    let jpeg = picture("kinds/baseline-three-scans.jpg");
    let scans: Vec<usize> = (0..jpeg.len() - 1).filter(|&at| jpeg[at..].starts_with(b"\xff\xda")).collect();
    let (mut whole, mut cut) = (DcGrid::default(), DcGrid::default());
    whole.read(&jpeg).expect("a JPEG that can be read");
    cut.read(&jpeg[..scans[1]]).expect("luma is there");
    assert_eq!(cut.component(0), whole.component(0));
    // Chroma first: its scan is passed over.
    let end = jpeg.len() - 2;
    let turned = [&jpeg[..scans[0]], &jpeg[scans[1]..end], &jpeg[scans[0]..scans[1]], &jpeg[end..]].concat();
    cut.read(&turned).expect("luma is there");
    assert_eq!(cut.component(0), whole.component(0));
}

#[test]
fn no_damaged_byte_makes_it_panic() {
    let mut grid = DcGrid::default();
    for name in ["2x1", "restarts", "three-scans", "grey"] {
        let mut jpeg = picture(&format!("kinds/baseline-{name}.jpg"));
        for at in 0..jpeg.len() {
            let was = jpeg[at];
            for value in [0x00, 0xff, was ^ 0x01, was ^ 0x80] {
                jpeg[at] = value;
                let _ = grid.read(&jpeg);
            }
            jpeg[at] = was;
        }
        assert!(assert_alike(&mut grid, &jpeg), "{name}: is read after all that");
    }
}
