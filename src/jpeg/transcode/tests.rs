use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::pixels::full_range_ycbcr;
use super::*;
use crate::jpeg::decodable::MAX_DECODED;
use crate::jpeg::passthrough::Jpeg;
use crate::picture::{Picture, Range};

fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

/// A JPEG of smooth shades and colours: luma grows to the right, Cb downwards, Cr is even.
fn picture(of: Size) -> Vec<u8> {
    let row = Raw::Yuyv.row_len(of.width);
    let shade = |position: u32, count: u32| (40 + position * 160 / count) as u8;
    let bytes: Vec<u8> = (0..of.height)
        .flat_map(|y| {
            (0..row / 4).flat_map(move |pair| {
                [shade(pair * 4, row), shade(y, of.height), shade(pair * 4 + 2, row), 90]
            })
        })
        .collect();
    let mut jpeg = vec![0; Transcoder::output_len(of)];
    let yuyv = Picture::new(&bytes, Raw::Yuyv, of, row, Range::Full).unwrap();
    let length = Encoder::new(95).encode(&yuyv, &mut jpeg).unwrap();
    jpeg.truncate(length);
    jpeg
}

fn transcode(jpeg: &[u8], within: Option<Size>, quality: u8) -> Vec<u8> {
    made(&mut Transcoder::new(within, Encoder::new(quality)), jpeg)
}

fn made(transcoder: &mut Transcoder, jpeg: &[u8]) -> Vec<u8> {
    let size = transcoder.decode(jpeg).unwrap().size;
    let mut out = vec![0; Transcoder::output_len(size).max(jpeg.len())];
    let length = transcoder.encode(jpeg, &mut out).unwrap();
    out.truncate(length);
    assert_eq!(Jpeg::parse(&out).unwrap().size(), size);
    out
}

/// The samples Y Cb Cr at a position in hundredths of the picture's width and height.
fn sample(jpeg: &[u8], across: usize, down: usize) -> [u8; 3] {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    let at = (height * down / 100 * width + width * across / 100) * 3;
    [pixels[at], pixels[at + 1], pixels[at + 2]]
}

#[test]
fn a_smaller_picture_shows_the_same() {
    let jpeg = picture(size(640, 480));
    for within in [size(320, 240), size(213, 999), size(1, 1), size(639, 479)] {
        let smaller = transcode(&jpeg, Some(within), 90);
        let places = if within.width == 1 { vec![(50, 50)] } else { vec![(10, 10), (50, 50), (90, 20)] };
        for (across, down) in places {
            let (is, was) = (sample(&smaller, across, down), sample(&jpeg, across, down));
            let near = is.iter().zip(was).all(|(is, was)| is.abs_diff(was) <= 3);
            assert!(near, "{is:?} in place of {was:?} at {across}, {down} of {within}");
        }
    }
}

#[test]
fn quality_alone_keeps_the_size_and_costs_bytes() {
    let jpeg = picture(size(320, 200));
    let lengths = [5, 50, 95].map(|quality| {
        let out = transcode(&jpeg, None, quality);
        assert_eq!(Jpeg::parse(&out).unwrap().size(), size(320, 200));
        out.len()
    });
    assert!(lengths.is_sorted_by(|less, more| less < more), "{lengths:?}");
}

#[test]
fn pictures_keep_their_proportions_and_never_grow() {
    for (from, within, to) in [
        ((1280, 720), (640, 640), (640, 360)),
        ((1280, 720), (9999, 360), (640, 360)),
        ((1280, 720), (1280, 720), (1280, 720)),
        ((1280, 720), (65535, 65535), (1280, 720)),
        ((65535, 1), (100, 100), (100, 1)),
        ((1, 65535), (100, 100), (1, 100)),
        ((640, 480), (333, 333), (333, 250)),
    ] {
        assert_eq!(fit(size(from.0, from.1), size(within.0, within.1)), size(to.0, to.1), "{from:?}");
    }
}

#[test]
fn odd_and_tiny_sizes_work() {
    for of in [size(1, 1), size(2, 1), size(7, 5), size(17, 33), size(161, 3)] {
        transcode(&picture(of), None, 50);
        transcode(&picture(of), Some(size(3, 3)), 50);
    }
}

/// Writes another size into the frame header, as damage or malice would.
fn claiming(mut jpeg: Vec<u8>, of: Size) -> Vec<u8> {
    let at = jpeg.windows(2).position(|two| two == b"\xff\xc0").unwrap() + 5;
    let sides = [of.height, of.width].map(|side| (side as u16).to_be_bytes());
    jpeg[at..at + 4].copy_from_slice(sides.as_flattened());
    jpeg
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused_before_it_costs_memory() {
    let huge = claiming(picture(size(16, 16)), size(65_535, 65_535));
    let mut transcoder = Transcoder::new(Some(size(8, 8)), Encoder::new(50));
    assert!(matches!(transcoder.decode(&huge), Err(TranscodeError::Fault(Fault::Oversized))));
    let large = claiming(picture(size(16, 16)), size(6000, 4000));
    let refused = transcoder.decode(&large);
    assert!(matches!(refused, Err(TranscodeError::Undecodable(Undecodable::TooManyPixels))), "{refused:?}");
    assert_eq!(transcoder.pixels.memory(), 0);
}

#[test]
fn a_refused_picture_leaves_nothing_to_encode() {
    let good = picture(size(16, 16));
    let mut transcoder = Transcoder::new(None, Encoder::new(50));
    transcoder.decode(&good).unwrap();
    for kind in [b"\xff\xc3", b"\xff\xc9"] {
        let mut other = good.clone();
        let at = other.windows(2).position(|two| two == b"\xff\xc0").unwrap();
        other[at..at + 2].copy_from_slice(kind);
        assert!(matches!(
            transcoder.decode(&other),
            Err(TranscodeError::Fault(Fault::Lossless | Fault::Arithmetic))
        ));
        assert!(transcoder.encode(&other, &mut [0; 4096]).is_err());
    }
}

/// Mean Y Cb Cr of each of 4x4 areas.
fn areas(jpeg: &[u8]) -> Vec<[i32; 3]> {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    decoder.decode_headers().unwrap();
    let colours = match decoder.input_colorspace() {
        Some(same @ (ColorSpace::Luma | ColorSpace::RGB)) => same,
        _ => ColorSpace::YCbCr,
    };
    decoder.set_options(DecoderOptions::default().jpeg_set_out_colorspace(colours));
    let mut pixels = decoder.decode().unwrap();
    match colours {
        ColorSpace::Luma => pixels = pixels.iter().flat_map(|luma| [*luma, 128, 128]).collect(),
        ColorSpace::RGB => {
            pixels.as_chunks_mut().0.iter_mut().for_each(|pixel| *pixel = full_range_ycbcr(*pixel));
        }
        _ => {}
    }
    let (width, height) = decoder.dimensions().unwrap();
    let mean = |area: usize| {
        let (left, top) = (area % 4 * width / 4, area / 4 * height / 4);
        let places = (0..height / 4).flat_map(|y| (0..width / 4).map(move |x| (top + y) * width + left + x));
        let sums = places.clone().fold([0; 3], |sums: [i32; 3], at| {
            std::array::from_fn(|component| sums[component] + i32::from(pixels[at * 3 + component]))
        });
        sums.map(|sum| sum / places.clone().count() as i32)
    };
    (0..16).map(mean).collect()
}

/// Whether two pictures show the same, as far as one sees it from afar; `in_colour`, or only in their brightness.
fn same(one: &[u8], other: &[u8], in_colour: bool) -> bool {
    let components = if in_colour { 3 } else { 1 };
    areas(one)
        .iter()
        .flatten()
        .zip(areas(other).iter().flatten())
        .enumerate()
        .all(|(at, (one, other))| at % 3 >= components || one.abs_diff(*other) <= 4)
}

/// The same picture of 71x39 pixels as many kinds of JPEG, made by libjpeg-turbo's `cjpeg`.
fn kinds() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/kinds");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Trims nothing.
const TRANSPOSE: Transform = Transform { transpose: true, mirror_across: false, mirror_down: false };

/// Those of [`kinds`] that are refused, and why, if pictures are made to fit into `within`, of this quality, with rows
/// as columns; all others are shown right.
fn refused(within: Option<Size>, quality: u8) -> Vec<(String, &'static str)> {
    let kinds = kinds();
    let (_, usual) = kinds.iter().find(|(name, _)| name == "baseline-1x1").unwrap();
    let mut turned = Transcoder::new(within, Encoder::new(100));
    turned.set_transform(TRANSPOSE);
    let usual = made(&mut turned, usual);
    let mut refused = Vec::new();
    for (name, jpeg) in &kinds {
        let mut transcoder = Transcoder::new(within, Encoder::new(quality));
        transcoder.set_transform(TRANSPOSE);
        let mut out = vec![0; 100_000];
        match transcoder.decode(jpeg).and_then(|_| transcoder.encode(jpeg, &mut out)) {
            Ok(length) => {
                let is_right = same(&out[..length], &usual, !name.ends_with("grey"));
                // Our reference decodes some unusual samplings wrongly; those the crate's own tests see.
                assert!(
                    is_right || Decodable::check(jpeg).unwrap().has_pixels().is_err(),
                    "{name} {within:?}"
                );
            }
            Err(TranscodeError::Fault(fault)) => refused.push((name.clone(), fault.name())),
            Err(TranscodeError::Undecodable(reason)) => refused.push((name.clone(), reason.name())),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    refused.sort();
    refused
}

#[test]
fn every_kind_of_jpeg_is_shown_right_or_refused_with_its_reason() {
    let never = [
        ("arithmetic", "arithmetic"),
        ("arithmetic-progressive", "arithmetic"),
        ("progressive-1x1_2x2_1x1", "sampling"),
        ("progressive-1x4", "sampling"),
        ("progressive-3x1", "sampling"),
        ("progressive-4x2", "sampling"),
    ];
    let not_smaller = [
        ("baseline-1x1_2x2_1x1", "sampling"),
        ("baseline-1x4", "sampling"),
        ("baseline-3x1", "sampling"),
        ("baseline-4x2", "sampling"),
    ];
    let owned = |list: &[(&str, &'static str)]| {
        let mut list: Vec<_> = list.iter().map(|(name, why)| ((*name).to_owned(), *why)).collect();
        list.sort();
        list
    };
    assert_eq!(refused(None, 90), owned(&never));
    assert_eq!(refused(Some(size(60, 60)), 95), owned(&[&never[..], &not_smaller].concat()));
}

#[test]
fn a_jpeg_with_one_scan_for_each_colour_is_shown_smaller_in_its_colours() {
    // Means of four areas, from libjpeg-turbo's djpeg.
    let diagonal = [[41, 172, 121], [87, 96, 222], [66, 213, 96], [211, 77, 136]];
    let jpeg = include_bytes!("../../../tests/pictures/non-interleaved.jpg");
    for (within, is) in [(None, size(320, 240)), (Some(size(160, 120)), size(160, 120))] {
        let out = transcode(jpeg, within, 50);
        assert_eq!(Jpeg::parse(&out).unwrap().size(), is);
        for (area, wanted) in areas(&out).iter().step_by(5).zip(diagonal) {
            let near = area.iter().zip(wanted).all(|(one, other): (&i32, i32)| one.abs_diff(other) <= 5);
            assert!(near, "{area:?} in place of {wanted:?} in {is}");
        }
    }
}

#[test]
fn no_picture_gets_a_higher_quality_than_it_has() {
    let low = transcode(&picture(size(320, 200)), None, 40);
    for quality in [40, 41, 95, 100] {
        let mut transcoder = Transcoder::new(None, Encoder::new(quality));
        assert!(transcoder.decode(&low).unwrap().is_unchanged);
        assert_eq!(transcode(&low, None, quality), low, "{quality}");
    }
    let mut turned = Transcoder::new(None, Encoder::new(95));
    turned.set_transform(Transform::FLIP_VERTICAL);
    let high = made(&mut turned, &low);
    assert!(high.len() < low.len() * 6 / 5, "{} bytes of {}", high.len(), low.len());
}

#[test]
fn a_turn_alone_changes_no_coefficient() {
    let jpeg = picture(size(64, 48));
    let mut transcoder = Transcoder::new(None, Encoder::new(10));
    transcoder.set_quality(10, false);
    let mut of = |way, jpeg: &[u8]| {
        transcoder.set_transform(way);
        made(&mut transcoder, jpeg)
    };
    let [quarter, half] = [Transform::ROTATE_90, Transform::ROTATE_180].map(|way| of(way, &jpeg));
    let [four, two] = [of(Transform::ROTATE_270, &quarter), of(Transform::ROTATE_180, &half)];
    assert_eq!(four, two);
    assert_eq!(sample(&four, 30, 70), sample(&jpeg, 30, 70));
}

#[test]
fn a_damaged_picture_is_not_shown_half_grey() {
    let jpeg = picture(size(320, 200));
    for (within, quality) in [(None, 95), (None, 30), (Some(size(100, 100)), 95)] {
        let mut transcoder = Transcoder::new(within, Encoder::new(quality));
        let cut = [&jpeg[..jpeg.len() / 2], b"\xff\xd9"].concat();
        let refused = transcoder.decode(&cut).unwrap_err();
        assert!(matches!(refused, TranscodeError::Coded(DecodeError::Damaged { .. })), "{refused}");
        assert!(transcoder.encode(&cut, &mut [0; 9000]).is_err());
    }
}

/// The luma of the corners, from left to right and from top to bottom.
fn corners(jpeg: &[u8]) -> [u8; 4] {
    [(10, 10), (90, 10), (10, 90), (90, 90)].map(|(across, down)| sample(jpeg, across, down)[0])
}

#[test]
fn each_turn_looks_the_same_whatever_way_it_is_made() {
    let of = size(320, 192);
    let [kept, lower, smaller] = [(None, 100), (None, 50), (Some(size(100, 60)), 90)];
    for way in Transform::ALL {
        for (within, quality) in [kept, lower, smaller] {
            let mut transcoder = Transcoder::new(within, Encoder::new(quality));
            transcoder.set_transform(way);
            // Luma grows to the right, Cb downwards.
            let jpeg = picture(of);
            let made = made(&mut transcoder, &jpeg);
            let wide = Jpeg::parse(&made).unwrap().size();
            assert_eq!(wide.width < wide.height, way.transpose, "{way:?}");
            let [left, right, bottom, _] = corners(&made);
            let (along, is_mirrored) =
                if way.transpose { (bottom, way.mirror_down) } else { (right, way.mirror_across) };
            assert!((along > left + 50) != is_mirrored && along.abs_diff(left) > 50, "{way:?} {within:?}");
        }
    }
}

#[test]
fn what_is_no_whole_block_is_trimmed_only_where_it_must_be_and_the_size_says_so() {
    let jpeg = picture(size(40, 30));
    for (way, within, is) in [
        (Transform::NONE, None, size(40, 30)),
        (Transform::ROTATE_90, None, size(24, 40)),
        (Transform::ROTATE_180, None, size(32, 24)),
        (Transform::FLIP_HORIZONTAL, None, size(32, 30)),
        (Transform::ROTATE_90, Some(size(20, 15)), size(15, 20)),
    ] {
        let mut transcoder = Transcoder::new(within, Encoder::new(80));
        transcoder.set_transform(way);
        let told = transcoder.decode(&jpeg).unwrap();
        assert_eq!(
            (told.size, Jpeg::parse(&made(&mut transcoder, &jpeg)).unwrap().size()),
            (is, is),
            "{way:?}"
        );
        let whole = if within.is_some() { size(20, 15) } else { size(40, 30) };
        assert_eq!(told.untrimmed, transformed(whole, way));
    }
}

#[test]
fn a_cmyk_picture_is_shown_smaller_in_its_colours() {
    let [cmyk, other] = [
        &include_bytes!("../../../tests/pictures/cmyk.jpg")[..],
        &include_bytes!("../../../tests/pictures/progressive.jpg")[..],
    ]
    .map(|jpeg| transcode(jpeg, Some(size(160, 90)), 95));
    assert!(same(&cmyk, &other, true), "{:?} in place of {:?}", areas(&cmyk), areas(&other));
    // Without Adobe's segment, nobody says what its four components are.
    let mut bare = include_bytes!("../../../tests/pictures/cmyk.jpg").to_vec();
    bare.drain(2..18);
    let refused = Transcoder::new(None, Encoder::new(50)).decode(&bare);
    assert!(matches!(refused, Err(TranscodeError::Undecodable(Undecodable::Colours))), "{refused:?}");
}

/// EXIF data that turn the picture by 270 degrees.
const EXIF: &[u8] =
    b"\xff\xe1\0\x22Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0\0\0\0\0";

#[test]
fn a_picture_that_exif_data_turn_is_turned_from_how_it_is_seen() {
    let plain = picture(size(48, 32));
    let seen = [&plain[..2], EXIF, &plain[2..]].concat();
    for (wished, both) in [
        (Transform::ROTATE_90, Transform::NONE),
        (Transform::ROTATE_180, Transform::ROTATE_90),
        (Transform::FLIP_HORIZONTAL, Transform { transpose: true, mirror_across: true, mirror_down: true }),
    ] {
        for within in [None, Some(size(24, 16))] {
            let [mut one, mut other] = [wished, both].map(|way| {
                let mut transcoder = Transcoder::new(within, Encoder::new(85));
                transcoder.set_transform(way);
                transcoder
            });
            let out = made(&mut one, &seen);
            assert!(Decodable::check(&out).unwrap().orientation.is_none(), "{wished:?}");
            assert_eq!(areas(&out), areas(&made(&mut other, &plain)), "{wished:?}");
        }
    }
}

#[test]
fn a_picture_that_is_encoded_again_stays_the_right_way_up() {
    let plain = picture(size(48, 32));
    let turned = [&plain[..2], EXIF, &plain[2..]].concat();
    let out = transcode(&turned, None, 80);
    let orientation = Decodable::check(&out).unwrap().orientation;
    assert!(orientation.is_some());
    assert_eq!(orientation, Decodable::check(&turned).unwrap().orientation);
    assert_eq!(areas(&out), areas(&transcode(&plain, None, 80)));
    let mut transcoder = Transcoder::new(None, Encoder::new(80));
    transcoder.decode(&turned).unwrap();
    assert!(transcoder.encode(&turned, &mut [0; 20]).is_err());
}

/// How many damaged pictures are tried.
const DAMAGES: usize = 1000;

#[test]
fn damaged_pictures_neither_panic_nor_use_more_memory() {
    let mut good: Vec<Vec<u8>> = kinds().into_iter().map(|(_, jpeg)| jpeg).collect();
    good.sort_by_key(Vec::len);
    good.push(picture(size(64, 48)));
    let mut transcoder = Transcoder::new(Some(size(30, 30)), Encoder::new(50));
    let mut seed = 1u32;
    for number in 0..DAMAGES {
        let mut bad = good[number % good.len()].clone();
        for _ in 0..4 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let index = seed as usize / 256 % bad.len();
            bad[index] = seed as u8;
        }
        if transcoder.decode(&bad).is_ok() {
            let _ = transcoder.encode(&bad, &mut [0; 64 << 10]); // a header may have another size now
        }
    }
    assert!(transcoder.pixels.memory() as u64 <= 3 * MAX_DECODED);
}
