//! DC values without the rest: those that the full decoding gives, of every kind of JPEG, damaged ones too.

mod common;

use std::fs;
use std::ops::Range;
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
    /// Which sixteenths show nothing.
    flat: Range<u32>,
    quality: u8,
    sampling: Option<SamplingFactor>,
    restart_interval: u16,
    has_own_tables: bool,
}

fn case() -> impl Strategy<Value = Case> {
    case_of(|| prop_oneof![1..=17u16, 1..=90u16].boxed())
}

/// With so many bytes that they are read in parts.
fn large_case() -> impl Strategy<Value = Case> {
    case_of(|| (100..=260u16).boxed())
}

fn case_of(side: fn() -> BoxedStrategy<u16>) -> impl Strategy<Value = Case> {
    let sampling = prop::option::weighted(0.9, prop::sample::select(&SAMPLINGS[..]));
    let interval = prop_oneof![Just(0), 1..=9u16];
    let flat = (0..16u32, 0..12u32).prop_map(|(begin, len)| begin..begin + len);
    ((side(), side()), 0..=256u32, flat, 1..=100u8, sampling, interval, any::<bool>()).prop_map(
        |(size, noise, flat, quality, sampling, restart_interval, has_own_tables)| Case {
            size,
            noise,
            flat,
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
        let (channels, color) =
            if self.sampling.is_some() { (3, ColorType::Rgb) } else { (1, ColorType::Luma) };
        let count = u32::from(width) * u32::from(height) * channels;
        let mut seed = 1u32;
        let mut sample = |n: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let smooth = 128.0 + 120.0 * (n as f32 / 200.0).sin();
            let is_flat = self.flat.contains(&(n * 16 / count));
            let noise = if is_flat { 0 } else { self.noise };
            let smooth = if is_flat { 128 } else { smooth as u32 };
            ((smooth * (256 - noise) + (seed >> 24) * noise) / 256) as u8
        };
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

/// A grey picture with these differences of DC, which all have codes of other lengths than usual, up to 16 bits: the more
/// often a difference comes, the longer. Each block has a coefficient beside, or none.
fn with_long_codes(size: (u16, u16), differences: &[i32]) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    jpeg.extend([1; 64]);
    let [[y1, y0], [x1, x0]] = [size.1, size.0].map(u16::to_be_bytes);
    jpeg.extend([0xff, 0xc0, 0, 11, 8, y1, y0, x1, x0, 1, 1, 0x11, 0]);
    // Codes 0, 10, 110 and so on, of 5 bits and of 10 to 16: the last for differences of 3 bits and less.
    let lengths = [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1];
    jpeg.extend([0xff, 0xc4, 0, 19 + 12, 0]);
    jpeg.extend(lengths);
    jpeg.extend((0..12).rev());
    // 0 ends a block; 10 is a coefficient of 1 bit.
    jpeg.extend([0xff, 0xc4, 0, 21, 0x10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    jpeg.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    let code_lengths: Vec<u32> = (1..=16).filter(|length| lengths[*length as usize - 1] > 0).collect();
    let (mut bits, mut codes, mut code, mut before) = (Vec::new(), Vec::new(), 0u32, 0);
    for length in code_lengths {
        code <<= length - before;
        codes.push((code, length));
        (code, before) = (code + 1, length);
    }
    let mut put = |value: u32, length: u32| bits.extend((0..length).rev().map(|bit| value >> bit & 1));
    for &difference in differences {
        let size = 32 - difference.unsigned_abs().leading_zeros();
        let (code, length) = codes[11 - size as usize];
        put(code, length);
        let value = if difference < 0 { difference - 1 } else { difference };
        put(value as u32, size);
        if difference % 3 == 0 {
            put(0b101, 3);
        }
        put(0, 1);
    }
    for bits in bits.chunks(8) {
        let byte = (0..8).fold(0, |byte, n| byte << 1 | bits.get(n).copied().unwrap_or(1) as u8);
        jpeg.push(byte);
        if byte == 0xff {
            jpeg.push(0);
        }
    }
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

#[test]
fn codes_of_every_length_are_read() {
    let mut seed = 7u32;
    let mut differences = Vec::new();
    let mut last = 0;
    for _ in 0..60 * 60 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = (seed >> 16) % 11;
        let value = ((seed >> 20) as i32 & ((1 << size) - 1)) - (1 << size >> 1);
        let value = if (-1000..1000).contains(&(last + value)) { value } else { 0 };
        last += value;
        differences.push(value);
    }
    let jpeg = with_long_codes((480, 480), &differences);
    let mut grid = DcGrid::default();
    assert!(assert_alike(&mut grid, &jpeg));
    let sums = differences.iter().scan(0, |sum, difference| {
        *sum += difference;
        Some(*sum as i16)
    });
    assert!(grid.component(0).expect("luma").values.iter().copied().eq(sums));
}

/// This JPEG with other bytes in some places, cut off somewhere or not.
fn damaged(
    mut jpeg: Vec<u8>,
    damage: Vec<(prop::sample::Index, u8)>,
    cut: Option<prop::sample::Index>,
) -> Vec<u8> {
    for (at, value) in damage {
        let at = at.index(jpeg.len());
        jpeg[at] = value;
    }
    jpeg.truncate(cut.map_or(jpeg.len(), |cut| cut.index(jpeg.len())));
    jpeg
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_values_of_large_pictures_are_those_that_the_whole_picture_has(
        cases in prop::collection::vec(large_case(), 1..3),
    ) {
        let mut grid = DcGrid::default();
        for case in cases {
            assert!(assert_alike(&mut grid, &case.encode()));
        }
    }

    #[test]
    fn a_damaged_large_picture_is_refused_where_decoding_refuses_it(
        case in large_case(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let jpeg = case.encode();
        prop_assume!(jpeg.windows(2).filter(|two| two == b"\xff\xda").count() == 1);
        assert_alike(&mut DcGrid::default(), &damaged(jpeg, damage, cut));
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
        let jpeg = case.encode();
        // Of others, what stands behind the scan with luma is not looked at.
        prop_assume!(jpeg.windows(2).filter(|two| two == b"\xff\xda").count() == 1);
        assert_alike(&mut DcGrid::default(), &damaged(jpeg, damage, cut));
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
