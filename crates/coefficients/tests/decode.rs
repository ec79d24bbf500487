//! Coefficients out of JPEGs: of every kind, damaged ones too. What comes out is compared with what zune-jpeg makes of
//! the same JPEG.

mod common;

use std::f64::consts::PI;
use std::fs;
use std::path::{Path, PathBuf};

use coefficients::picture::Colours;
use coefficients::{Coefficients, DecodeError};
use common::{block, decoded};
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

fn refused(jpeg: &[u8]) -> DecodeError {
    let mut coefficients = Coefficients::default();
    let error = coefficients.decode(jpeg).expect_err("a JPEG that cannot be read");
    assert!(coefficients.components().is_empty(), "after an error there is no picture");
    error
}

/// All blocks of the picture, without those that only fill MCUs.
fn blocks(coefficients: &Coefficients) -> Vec<[i16; 64]> {
    (0..coefficients.components().len()).flat_map(|n| common::blocks(coefficients, n)).collect()
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

/// The offset of the first marker `code` in the head.
fn marker(jpeg: &[u8], code: u8) -> usize {
    let mut at = 2;
    while jpeg[at + 1] != code {
        assert!(jpeg[at] == 0xff && jpeg[at + 1] != 0xda, "no marker {code:x}");
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

/// The JPEG with the byte `offset` behind the first marker `code` set.
fn patched(jpeg: &[u8], code: u8, offset: usize, value: u8) -> Vec<u8> {
    let mut jpeg = jpeg.to_vec();
    let at = marker(&jpeg, code) + offset;
    jpeg[at] = value;
    jpeg
}

/// The JPEG with `segment` in front of its first marker `code`.
fn with_segment(jpeg: &[u8], code: u8, segment: &[u8]) -> Vec<u8> {
    let at = marker(jpeg, code);
    [&jpeg[..at], segment, &jpeg[at..]].concat()
}

/// The JPEG without its segments `code`.
fn without(mut jpeg: Vec<u8>, code: u8) -> Vec<u8> {
    while jpeg[..marker(&jpeg, 0xda)].windows(2).any(|two| two == [0xff, code]) {
        let at = marker(&jpeg, code);
        let len = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        jpeg.drain(at..at + len);
    }
    jpeg
}

/// 2x1, with the standard tables.
fn usual(width: u16, height: u16) -> Vec<u8> {
    let rgb: Vec<u8> =
        (0..u32::from(width) * u32::from(height) * 3).map(|i| ((i * 7) ^ (i / 50)) as u8).collect();
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_2);
    encoder.encode(&rgb, width, height, jpeg_encoder::ColorType::Rgb).expect("encoded");
    jpeg
}

#[test]
fn what_another_encoder_made_is_decoded() {
    for (width, height) in [(1, 1), (16, 8), (17, 9), (64, 40), (75, 33)] {
        assert_like_zune(&format!("{width}x{height}"), &usual(width, height), 1);
    }
}

#[test]
fn kinds_that_are_not_known_are_refused_by_name() {
    for (kind, reason) in [
        ("progressive-2x2", DecodeError::Progressive),
        ("progressive-grey", DecodeError::Progressive),
        ("arithmetic", DecodeError::Arithmetic),
        ("arithmetic-progressive", DecodeError::Arithmetic),
    ] {
        assert_eq!(refused(&picture(&format!("kinds/{kind}.jpg"))), reason, "{kind}");
    }
    assert_eq!(refused(&picture("size-lies.jpg")), DecodeError::TooManyPixels);
    let usual = usual(40, 30);
    let sof = |offset, value| refused(&patched(&usual, 0xc0, offset, value));
    assert_eq!(sof(1, 0xc3), DecodeError::Lossless);
    assert_eq!(sof(1, 0xc5), DecodeError::Hierarchical);
    assert_eq!(sof(4, 12), DecodeError::Not8Bit);
    assert_eq!(sof(6, 0), DecodeError::NoHeight);
    assert_eq!(sof(8, 0), DecodeError::BadFrame, "no width");
    assert_eq!(sof(9, 2), DecodeError::BadFrame, "components that are not there");
    for factors in [0x00, 0x01, 0x10, 0x51, 0x15, 0x33] {
        assert_eq!(sof(11, factors), DecodeError::Sampling, "{factors:x}");
    }
    assert_eq!(sof(12, 3), DecodeError::BadQuantizationTable, "a table that is not there");
    assert_eq!(refused(&patched(&usual, 0xdb, 5, 0)), DecodeError::BadQuantizationTable, "a step of 0");
    assert_eq!(refused(&patched(&usual, 0xda, 6, 0x33)), DecodeError::BadHuffmanTable);
    assert_eq!(refused(&patched(&usual, 0xda, 5, 77)), DecodeError::BadScan, "no such component");
    assert_eq!(refused(b""), DecodeError::NotJpeg);
    assert_eq!(refused(b"\xff\xd8\xff\xd9"), DecodeError::BadScan);
    assert_eq!(refused(&[&usual[..2], &usual].concat()), DecodeError::BadHead, "a second SOI");
    for text in
        [DecodeError::Progressive, DecodeError::Damaged { offset: 7, mcus: 3 }].map(|it| it.to_string())
    {
        assert!(text.contains("JPEG"), "{text}");
    }
}

#[test]
fn huffman_tables_that_cannot_be_are_refused() {
    let usual = usual(40, 30);
    let table = |counts: &[u8], symbols: &[u8]| {
        let mut segment = vec![0xff, 0xc4, 0, (19 + symbols.len()) as u8, 0x00];
        segment.extend(counts);
        segment.resize(21, 0);
        segment.extend(symbols);
        refused(&with_segment(&usual, 0xda, &segment))
    };
    assert_eq!(table(&[], &[]), DecodeError::BadHuffmanTable, "no codes");
    assert_eq!(table(&[3], &[0, 1, 2]), DecodeError::BadHuffmanTable, "three codes of one bit");
    assert_eq!(table(&[1, 3], &[0, 1, 2, 3]), DecodeError::BadHuffmanTable, "more codes than there are");
    assert_eq!(table(&[1, 1], &[0]), DecodeError::BadHuffmanTable, "fewer symbols than codes");
    assert!(matches!(table(&[1], &[12]), DecodeError::Damaged { .. }), "a difference of 12 bits");
}

#[test]
fn a_table_of_the_picture_before_does_not_count() {
    let usual = usual(40, 30);
    // Luma takes AC table 2, a copy of table 0.
    let own = patched(&usual, 0xda, 6, 0x02);
    let mut at = marker(&usual, 0xc4);
    while usual[at + 4] != 0x10 {
        at += 2 + usize::from(u16::from_be_bytes([usual[at + 2], usual[at + 3]]));
    }
    let mut table = usual[at..at + 2 + usize::from(usual[at + 3])].to_vec();
    table[4] = 0x12;
    let mut coefficients = Coefficients::default();
    coefficients.decode(&with_segment(&own, 0xda, &table)).expect("a JPEG with table 2");
    assert!(blocks(&coefficients) == blocks(&decoded(&usual)));
    assert_eq!(coefficients.decode(&own), Err(DecodeError::BadHuffmanTable));
}

#[test]
fn what_cameras_leave_out_or_add_is_no_fault() {
    let usual = usual(75, 33);
    let blocks_of = |jpeg: &[u8]| blocks(&decoded(jpeg));
    let wanted = blocks_of(&usual);
    assert!(blocks_of(&without(usual.clone(), 0xc4)) == wanted, "no Huffman tables");
    assert!(blocks_of(&usual[..usual.len() - 2]) == wanted, "no EOI");
    assert!(blocks_of(&[&usual[..], &[0; 700], b"\xff\xd8\xff"].concat()) == wanted, "padding");
    assert!(blocks_of(&with_segment(&usual, 0xc0, &[0xff; 9])) == wanted, "fill bytes");
    assert!(blocks_of(&with_segment(&usual, 0xda, b"\xff\xfe\0\x06\xff\xd8\xff\xd9")) == wanted, "a comment");
    let two_tables = with_segment(&usual, 0xda, b"\xff\xc4\0\x14\x03\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert!(blocks_of(&two_tables) == wanted, "a table that is not used");
    // The same table with 16 bits (SOF1 allows it).
    let at = marker(&usual, 0xdb);
    assert_eq!(usual[at + 3], 67, "one table in the segment");
    let mut wide = vec![0xff, 0xdb, 0, 131, 0x10];
    wide.extend(usual[at + 5..at + 69].iter().flat_map(|&step| [0, step]));
    let wide = decoded(&patched(&with_segment(&usual, 0xda, &wide), 0xc0, 1, 0xc1));
    assert!(blocks(&wide) == wanted, "quantization tables of 16 bits");
    assert_eq!(wide.components()[0].quantization, decoded(&usual).components()[0].quantization);
}

#[test]
fn what_the_components_are_is_decided_as_browsers_do() {
    let of = |name: &str| decoded(&picture(name)).colours();
    assert_eq!(of("kinds/baseline-2x2.jpg"), Colours::YCbCr);
    assert_eq!(of("kinds/baseline-grey.jpg"), Colours::Grey);
    assert_eq!(of("kinds/baseline-rgb.jpg"), Colours::Rgb);
    let by_name = without(picture("kinds/baseline-rgb.jpg"), 0xee);
    assert_eq!(decoded(&by_name).colours(), Colours::Rgb, "its components are called R, G and B");
    let jfif = b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
    assert_eq!(decoded(&with_segment(&by_name, 0xc0, jfif)).colours(), Colours::YCbCr, "JFIF knows no RGB");
    assert_eq!(of("cmyk.jpg"), Colours::Cmyk);
    let exif = b"\xff\xe1\0\x22Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let turned = decoded(&with_segment(&usual(16, 16), 0xc0, exif));
    assert_eq!(turned.orientation().map(|orientation| orientation.get()), Some(6));
}

#[test]
fn a_grey_picture_has_one_block_in_an_mcu_whatever_its_factors() {
    let grey = picture("kinds/baseline-grey.jpg");
    let wanted = blocks(&decoded(&grey));
    for factors in [0x21, 0x22, 0x44] {
        let decoded = decoded(&patched(&grey, 0xc0, 11, factors));
        assert_eq!((decoded.components()[0].factors, decoded.mcu()), ((1, 1), (8, 8)));
        assert!(blocks(&decoded) == wanted);
    }
}

#[test]
fn restart_markers_must_be_there_in_order() {
    let jpeg = picture("kinds/baseline-restarts.jpg");
    let scan = marker(&jpeg, 0xda);
    let restarts: Vec<usize> = (scan..jpeg.len() - 1)
        .filter(|&at| jpeg[at] == 0xff && (0xd0..0xd8).contains(&jpeg[at + 1]))
        .collect();
    assert!(restarts.len() >= 2, "{restarts:?}");
    let mut mcus = 0;
    for &at in &restarts {
        let mut swapped = jpeg.clone();
        swapped[at + 1] ^= 1;
        let DecodeError::Damaged { offset, mcus: whole } = refused(&swapped) else { panic!("damage") };
        assert_eq!(offset, at);
        assert!(whole > mcus, "{whole} MCUs in front of it");
        mcus = whole;
        let gone = [&jpeg[..at], &jpeg[at + 2..]].concat();
        assert!(matches!(refused(&gone), DecodeError::Damaged { .. }));
        let more = [&jpeg[..at], &[0x55, 0x55], &jpeg[at..]].concat();
        assert!(matches!(refused(&more), DecodeError::Damaged { .. }), "bytes in front of it");
        let filled = [&jpeg[..at], &[0xff; 3], &jpeg[at..]].concat();
        assert!(blocks(&decoded(&filled)) == blocks(&decoded(&jpeg)), "fill bytes in front of it");
    }
}

#[test]
fn tables_and_restart_intervals_change_between_scans() {
    let jpeg = picture("kinds/baseline-three-scans.jpg");
    let scans: Vec<usize> = (0..jpeg.len() - 1).filter(|&at| jpeg[at..].starts_with(b"\xff\xda")).collect();
    let between = |segment: &[u8]| [&jpeg[..scans[2]], segment, &jpeg[scans[2]..]].concat();
    let unused = decoded(&between(b"\xff\xdd\0\x04\x03\xe8"));
    assert!(blocks(&unused) == blocks(&decoded(&jpeg)), "an interval longer than the scan");
    let first_two: u32 =
        unused.components()[..2].iter().map(|component| component.blocks.0 * component.blocks.1).sum();
    let error = refused(&between(b"\xff\xdd\0\x04\0\x02"));
    assert!(matches!(error, DecodeError::Damaged { mcus, .. } if mcus == first_two + 2), "{error:?}");
    let mut steps = b"\xff\xdb\0\x43\x01".to_vec();
    steps.extend([77; 64]);
    let [luma, _, cr] = decoded(&between(&steps)).components()[..] else { panic!("three components") };
    assert!(cr.quantization == [77; 64] && luma.quantization != [77; 64]);
    // The picture's DC table has other codes: all of one value.
    let error = refused(&between(b"\xff\xc4\0\x14\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b"));
    assert!(matches!(error, DecodeError::Damaged { mcus, .. } if mcus >= first_two), "{error:?}");
}

#[test]
fn a_cut_picture_is_refused_and_says_where_it_ends() {
    for name in ["baseline-2x1", "baseline-restarts", "baseline-three-scans", "baseline-4x2"] {
        let jpeg = picture(&format!("kinds/{name}.jpg"));
        let end = jpeg.len() - 2;
        let begin = marker(&jpeg, 0xda);
        let mut coefficients = Coefficients::default();
        let mut most = 0;
        for len in 0..end {
            match coefficients.decode(&jpeg[..len]) {
                Err(DecodeError::Damaged { offset, mcus }) => {
                    assert!(len > begin && offset <= len && mcus >= most, "{name} cut to {len} of {end}");
                    assert!(offset + 2 >= len, "the end is what is wrong");
                    most = mcus;
                }
                Err(_) => assert!(len <= begin + 20 || name.contains("scans"), "{name} cut to {len}"),
                Ok(()) => panic!("{name} cut to {len} of {end}"),
            }
        }
        assert!(most > 0);
    }
}

#[test]
fn no_damaged_byte_makes_it_panic() {
    let mut coefficients = Coefficients::default();
    for name in ["2x1", "restarts", "three-scans", "grey"] {
        let jpeg = picture(&format!("kinds/baseline-{name}.jpg"));
        let mut damaged = jpeg.clone();
        let mut refused = 0;
        for at in 0..jpeg.len() {
            for value in [0x00, 0xff, jpeg[at] ^ 0x01, jpeg[at] ^ 0x80, jpeg[at].wrapping_add(0x11)] {
                damaged[at] = value;
                refused += usize::from(coefficients.decode(&damaged).is_err());
            }
            damaged[at] = jpeg[at];
        }
        assert!(refused > jpeg.len() / 10, "{name}: {refused} refused");
        coefficients.decode(&jpeg).expect("is decoded after all that");
        assert!(blocks(&coefficients) == blocks(&decoded(&jpeg)), "{name}");
    }
}
