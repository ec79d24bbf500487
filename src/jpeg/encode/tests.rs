use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use super::*;
use crate::camera::Size;

fn encode(bytes: &[u8], width: u32, height: u32, range: Range) -> Vec<u8> {
    let picture = Yuyv::new(bytes, Size { width, height }, Yuyv::row_len(width), range).expect("a picture");
    let mut out = vec![0; 1 << 20];
    let len = Encoder::new(90).encode(&picture, &mut out).expect("it fits");
    out.truncate(len);
    out
}

/// Width, height and RGB pixels.
fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let pixels = decoder.decode().expect("a decodable JPEG");
    let (width, height) = decoder.dimensions().expect("decoded");
    (width, height, pixels)
}

/// BT.601 to the nearest, in the standard's own form.
fn yuv(rgb: [u8; 3], range: Range) -> [u8; 3] {
    let [r, g, b] = rgb.map(|v| f64::from(v) / 255.0);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let (cb, cr) = ((b - y) / 1.772, (r - y) / 1.402);
    let (low, luma, chroma) = match range {
        Range::Limited => (16.0, 219.0, 224.0),
        Range::Full => (0.0, 255.0, 255.0),
    };
    [low + luma * y, 128.0 + chroma * cb, 128.0 + chroma * cr].map(|v| v.round() as u8)
}

#[test]
fn colours_come_out_as_they_went_in_from_both_ranges() {
    let colours: [[u8; 3]; 8] = [
        [0, 0, 0],
        [255, 255, 255],
        [191, 191, 0],
        [0, 191, 191],
        [0, 255, 0],
        [191, 0, 191],
        [255, 0, 0],
        [0, 0, 255],
    ];
    const BAR: usize = 32;
    for range in [Range::Limited, Range::Full] {
        let row: Vec<u8> = colours
            .iter()
            .flat_map(|&rgb| {
                let [y, cb, cr] = yuv(rgb, range);
                [y, cb, y, cr].repeat(BAR / 2)
            })
            .collect();
        let jpeg = encode(&row.repeat(16), (BAR * colours.len()) as u32, 16, range);
        let (width, height, pixels) = decode(&jpeg);
        assert_eq!((width, height), (BAR * colours.len(), 16));
        for (bar, wanted) in colours.iter().enumerate() {
            for x in [2, BAR / 2, BAR - 3] {
                let at = 3 * (8 * width + bar * BAR + x);
                for (got, wanted) in pixels[at..at + 3].iter().zip(wanted) {
                    assert!(got.abs_diff(*wanted) <= 4, "{range:?} bar {bar}: {:?}", &pixels[at..at + 3]);
                }
            }
        }
    }
}

#[test]
fn each_row_keeps_the_colour_that_the_camera_gave_it() {
    let rows = [[128, 60, 128, 128], [128, 200, 128, 128]].map(|pair| pair.repeat(8));
    let (width, _, pixels) = decode(&encode(&rows.concat().repeat(8), 16, 16, Range::Full));
    for (y, row) in pixels.chunks_exact(3 * width).enumerate() {
        let blue = row[3 * (width / 2) + 2];
        assert_eq!(blue > 128, y % 2 == 1, "row {y}: {blue}");
    }
}

#[test]
fn every_limited_sample_is_spread_to_the_nearest_full_one() {
    for v in 0..=255u8 {
        let luma = ((f64::from(v) - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0);
        let chroma = ((f64::from(v) - 128.0) * 255.0 / 224.0 + 128.0).clamp(0.0, 255.0);
        assert!((f64::from(full_luma(v)) - luma).abs() < 0.6, "luma {v}: {}", full_luma(v));
        assert!((f64::from(full_chroma(v)) - chroma).abs() < 0.6, "chroma {v}: {}", full_chroma(v));
    }
    assert_eq!([16, 235].map(full_luma), [0, 255]);
    assert_eq!([128].map(full_chroma), [128]);
}

#[test]
fn pictures_of_any_shape_can_be_encoded() {
    for (width, height) in
        [(1, 1), (1, 9), (2, 1), (3, 3), (17, 5), (33, 31), (65, 2), (16_384, 1), (1, 16_384)]
    {
        let bytes = [60, 128, 200, 128].repeat((Yuyv::row_len(width) / 4 * height) as usize);
        let (w, h, pixels) = decode(&encode(&bytes, width, height, Range::Full));
        assert_eq!((w, h), (width as usize, height as usize));
        // Even columns are dark, odd ones bright, in every row and to the last column of an odd width.
        for (i, pixel) in pixels.chunks_exact(3).enumerate() {
            let (x, y) = (i % w, i / w);
            assert_eq!(pixel[0] > 130, x % 2 == 1, "{w}x{h}: {} at {x},{y}", pixel[0]);
        }
    }
}

#[test]
fn the_largest_sides_of_a_jpeg_can_be_encoded() {
    for (width, height) in [(65_535, 1), (1, 65_535)] {
        let bytes = vec![128; (Yuyv::row_len(width) * height) as usize];
        let jpeg = encode(&bytes, width, height, Range::Full);
        let checked = crate::jpeg::passthrough::Jpeg::check(&jpeg).expect("a JPEG");
        assert_eq!(checked.size(), Size { width, height });
    }
}

#[test]
fn too_small_a_slot_is_an_answer_whatever_its_size() {
    let bytes: Vec<u8> = (0..32 * 2 * 16).map(|i| (i * 37) as u8).collect();
    let whole = encode(&bytes, 32, 16, Range::Full);
    let picture = Yuyv::new(&bytes, Size { width: 32, height: 16 }, 64, Range::Full).expect("a picture");
    let mut out = vec![0; whole.len()];
    for room in 0..whole.len() {
        let answer = Encoder::new(90).encode(&picture, &mut out[..room]);
        assert!(matches!(answer, Err(EncodeError::TooLarge { room: r }) if r == room), "{room}: {answer:?}");
    }
    assert_eq!(Encoder::new(90).encode(&picture, &mut out).ok(), Some(whole.len()));
}
