use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use super::*;
use crate::picture::{self, MAX_SIDE, Range, Raw, Size};

/// A quality at which two rows share their chroma if a layout allows it, ...
const USUAL: u8 = FULL_CHROMA_FROM - 1;
/// ... and one at which they do not.
const FULL_CHROMA: u8 = FULL_CHROMA_FROM;

fn encode_at(quality: u8, picture: &Picture<'_>) -> Vec<u8> {
    let mut out = vec![0; 1 << 21];
    let len = Encoder::new(quality).encode(picture, &mut out).expect("it fits");
    out.truncate(len);
    out
}

fn encode(raw: Raw, quality: u8, bytes: &[u8], size: Size, range: Range) -> Vec<u8> {
    let stride = raw.row_len(size.width);
    encode_at(quality, &Picture::new(bytes, raw, size, stride, range).expect("a picture"))
}

/// Width, height and RGB pixels.
fn decode(jpeg: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
    let mut pixels = decoder.decode().expect("a decodable JPEG");
    let (width, height) = decoder.dimensions().expect("decoded");
    if pixels.len() == width * height {
        pixels = pixels.into_iter().flat_map(|luma| [luma; 3]).collect();
    }
    (width, height, pixels)
}

fn raws() -> impl Iterator<Item = Raw> {
    picture::Layout::all().filter_map(picture::Layout::raw)
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

/// A picture as a camera without any padding lays it out, after the kernel's description of each format.
/// Pixels that share their chroma have that of the first of them.
fn laid_out(raw: Raw, size: Size, range: Range, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let Size { width, height } = size;
    let yuv = |x: u32, y: u32| yuv(colour(x.min(width - 1), y.min(height - 1)), range);
    let luma = |y: u32| (0..width).map(move |x| yuv(x, y)[0]);
    let even = |side: u32| (0..side).step_by(2);
    let shared = |part: usize| even(height).flat_map(move |y| even(width).map(move |x| yuv(x, y)[part]));
    let both = |first: usize, second: usize| {
        even(height).flat_map(move |y| even(width).flat_map(move |x| [yuv(x, y)[first], yuv(x, y)[second]]))
    };
    let each_row = |step: u32, parts: &'static [usize]| {
        (0..height).flat_map(move |y| {
            let columns = (0..width).step_by(step as usize);
            columns.flat_map(move |x| parts.iter().map(move |part| yuv(x, y)[*part]))
        })
    };
    let rows = 0..height;
    let pixels = rows.clone().flat_map(|y| (0..width).map(move |x| (x, y)));
    let pairs = rows.clone().flat_map(|y| even(width).map(move |x| (yuv(x, y), yuv(x + 1, y))));
    let planar = rows.flat_map(luma);
    let rgb = |(x, y)| match range {
        Range::Full => colour(x, y),
        Range::Limited => colour(x, y).map(|v| (16.0 + f64::from(v) * 219.0 / 255.0).round() as u8),
    };
    match raw {
        Raw::Grey => planar.collect(),
        Raw::Nv12 => planar.chain(both(1, 2)).collect(),
        Raw::Nv21 => planar.chain(both(2, 1)).collect(),
        Raw::Yu12 => planar.chain(shared(1)).chain(shared(2)).collect(),
        Raw::Yv12 => planar.chain(shared(2)).chain(shared(1)).collect(),
        Raw::Nv16 => planar.chain(each_row(2, &[1, 2])).collect(),
        Raw::Nv61 => planar.chain(each_row(2, &[2, 1])).collect(),
        Raw::Yuv422p => planar.chain(each_row(2, &[1])).chain(each_row(2, &[2])).collect(),
        Raw::Yuv444p => planar.chain(each_row(1, &[1])).chain(each_row(1, &[2])).collect(),
        Raw::Nv24 => planar.chain(each_row(1, &[1, 2])).collect(),
        Raw::Yuyv => pairs.flat_map(|([y0, cb, cr], [y1, ..])| [y0, cb, y1, cr]).collect(),
        Raw::Uyvy => pairs.flat_map(|([y0, cb, cr], [y1, ..])| [cb, y0, cr, y1]).collect(),
        Raw::Yvyu => pairs.flat_map(|([y0, cb, cr], [y1, ..])| [y0, cr, y1, cb]).collect(),
        Raw::Rgb24 => pixels.flat_map(rgb).collect(),
        Raw::Bgr24 => pixels
            .flat_map(|at| {
                let [r, g, b] = rgb(at);
                [b, g, r]
            })
            .collect(),
        Raw::Rgb565 => pixels
            .flat_map(|at| {
                let nearest = |v: u8, most: u32| ((f64::from(v) * f64::from(most)) / 255.0).round() as u16;
                let [r, g, b] = rgb(at);
                (nearest(r, 31) << 11 | nearest(g, 63) << 5 | nearest(b, 31)).to_le_bytes()
            })
            .collect(),
    }
}

const COLOURS: [[u8; 3]; 8] = [
    [0, 0, 0],
    [255, 255, 255],
    [191, 191, 0],
    [0, 191, 191],
    [0, 255, 0],
    [191, 0, 191],
    [255, 0, 0],
    [0, 0, 255],
];

#[test]
fn colours_come_out_as_they_went_in_from_every_layout_and_both_ranges() {
    const BAR: usize = 32;
    let size = Size { width: (BAR * COLOURS.len()) as u32, height: 16 };
    for raw in raws() {
        for (range, quality) in
            [(Range::Limited, USUAL), (Range::Full, USUAL), (Range::Limited, FULL_CHROMA), (Range::Full, 100)]
        {
            let bytes = laid_out(raw, size, range, |x, _| COLOURS[x as usize / BAR]);
            let (width, height, pixels) = decode(&encode(raw, quality, &bytes, size, range));
            assert_eq!((width, height), (BAR * COLOURS.len(), 16));
            for (bar, colour) in COLOURS.iter().enumerate() {
                let luma = yuv(*colour, Range::Full)[0];
                let wanted = if raw == Raw::Grey { [luma; 3] } else { *colour };
                for x in [2, BAR / 2, BAR - 3] {
                    let at = 3 * (8 * width + bar * BAR + x);
                    let got = &pixels[at..at + 3];
                    let near = got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= 5);
                    assert!(near, "{raw:?} {range:?} at {quality}, bar {bar}: {got:?}, not {wanted:?}");
                }
            }
        }
    }
}

#[test]
fn layouts_that_differ_only_in_order_give_the_same_jpeg() {
    let size = Size { width: 67, height: 35 };
    let colour = |x: u32, y: u32| [(x * 3) as u8, (y * 7) as u8, (x * y) as u8];
    let jpeg = |raw| encode(raw, USUAL, &laid_out(raw, size, Range::Limited, colour), size, Range::Limited);
    for (first, others) in [
        (Raw::Nv12, &[Raw::Nv21, Raw::Yu12, Raw::Yv12][..]),
        (Raw::Yuyv, &[Raw::Uyvy, Raw::Yvyu, Raw::Nv16, Raw::Nv61, Raw::Yuv422p]),
        (Raw::Rgb24, &[Raw::Bgr24]),
        (Raw::Nv24, &[Raw::Yuv444p]),
    ] {
        for other in others {
            assert!(jpeg(first) == jpeg(*other), "{first:?} and {other:?} differ");
        }
    }
}

#[test]
fn rows_may_be_padded() {
    let size = Size { width: 33, height: 19 };
    let colour = |x: u32, y: u32| [(x * 5) as u8, (y * 9) as u8, (x + y) as u8];
    for raw in raws() {
        let tight = laid_out(raw, size, Range::Full, colour);
        let stride = raw.row_len(size.width) + 14;
        let (from, to) = (raw.planes(size, raw.row_len(size.width)), raw.planes(size, stride));
        let mut padded = Vec::new();
        let mut rest = &tight[..];
        for (from, to) in from.iter().zip(&to) {
            for _ in 0..from.rows {
                let (row, behind) = rest.split_at((from.stride as usize).min(rest.len()));
                padded.extend_from_slice(row);
                padded.resize(padded.len() + to.stride as usize - row.len(), 0xaa);
                rest = behind;
            }
        }
        let picture = Picture::new(&padded, raw, size, stride, Range::Full).expect("a padded picture");
        assert!(encode_at(USUAL, &picture) == encode(raw, USUAL, &tight, size, Range::Full), "{raw:?}");
    }
}

#[test]
fn at_high_quality_each_row_keeps_the_colour_that_the_camera_gave_it() {
    let size = Size { width: 16, height: 16 };
    let colour = |_: u32, y: u32| if y.is_multiple_of(2) { [128, 128, 20] } else { [128, 128, 240] };
    for raw in raws().filter(|raw| {
        !matches!(raw, Raw::Grey | Raw::Nv12 | Raw::Nv21 | Raw::Yu12 | Raw::Yv12) // which have one for two rows
    }) {
        let bytes = laid_out(raw, size, Range::Full, colour);
        let blue = |quality: u8, y: usize| {
            let (width, _, pixels) = decode(&encode(raw, quality, &bytes, size, Range::Full));
            // What distinguishes the colour from its luma.
            i32::from(pixels[3 * (y * width + 8) + 2]) - i32::from(pixels[3 * (y * width + 8)])
        };
        assert!(blue(FULL_CHROMA, 6) < -60 && blue(FULL_CHROMA, 7) > 60, "{raw:?} lost its rows");
        let mean = [6, 7].map(|y| blue(USUAL, y));
        assert!(mean.iter().all(|blue| blue.abs() < 30), "{raw:?} has no mean of two rows: {mean:?}");
    }
}

#[test]
fn pictures_of_any_shape_can_be_encoded() {
    for (width, height) in
        [(1, 1), (1, 9), (2, 1), (3, 3), (17, 5), (33, 31), (65, 2), (4_097, 1), (1, 4_097)]
    {
        let size = Size { width, height };
        for (raw, quality) in raws().flat_map(|raw| [(raw, USUAL), (raw, 98)]) {
            // Even columns are dark, odd ones bright, in every row and to the last column of an odd width.
            let bytes =
                laid_out(raw, size, Range::Full, |x, _| [if x.is_multiple_of(2) { 60 } else { 200 }; 3]);
            let (w, h, pixels) = decode(&encode(raw, quality, &bytes, size, Range::Full));
            assert_eq!((w, h), (width as usize, height as usize));
            for (i, pixel) in pixels.as_chunks::<3>().0.iter().enumerate() {
                let (x, y) = (i % w, i / w);
                let wanted = if x % 2 == 0 { 60 } else { 200 };
                let near = pixel.iter().all(|v| v.abs_diff(wanted) < 30);
                assert!(near, "{raw:?} {size}: {pixel:?} at {x},{y}");
            }
        }
    }
}

#[test]
fn the_last_column_and_row_of_odd_sides_have_their_own_colour() {
    let size = Size { width: 17, height: 17 };
    for raw in raws().filter(|raw| *raw != Raw::Grey) {
        let inside = |x: u32, y: u32| x < 16 && y < 16;
        let bytes =
            laid_out(raw, size, Range::Full, |x, y| if inside(x, y) { [128; 3] } else { [230, 30, 30] });
        let (w, _, pixels) = decode(&encode(raw, USUAL, &bytes, size, Range::Full));
        for (x, y) in [(16, 3), (3, 16), (16, 16)] {
            let at = 3 * (y * w + x);
            let pixel = &pixels[at..at + 3];
            assert!(pixel[0] > 180 && pixel[1] < 90 && pixel[2] < 90, "{raw:?} at {x},{y}: {pixel:?}");
        }
    }
}

#[test]
fn the_largest_sides_can_be_encoded() {
    for (width, height) in [(MAX_SIDE, 1), (1, MAX_SIDE)] {
        let size = Size { width, height };
        for raw in raws() {
            let stride = raw.row_len(width);
            let bytes = vec![128; raw.frame_len(size, stride) as usize];
            let jpeg = encode(raw, USUAL, &bytes, size, Range::Full);
            let checked = crate::jpeg::passthrough::Jpeg::parse(&jpeg).expect("a JPEG");
            assert_eq!(checked.size(), size);
        }
    }
}

#[test]
fn a_slot_that_is_too_small_is_an_error_whatever_its_size() {
    let size = Size { width: 32, height: 16 };
    let bytes: Vec<u8> = (0..32 * 2 * 16).map(|i| (i * 37) as u8).collect();
    let whole = encode(Raw::Yuyv, 90, &bytes, size, Range::Full);
    let picture = Picture::new(&bytes, Raw::Yuyv, size, 64, Range::Full).expect("a picture");
    let mut out = vec![0; whole.len()];
    for length in 0..whole.len() {
        let answer = Encoder::new(90).encode(&picture, &mut out[..length]);
        assert!(
            matches!(answer, Err(EncodeError::TooLarge { capacity }) if capacity == length),
            "{length}: {answer:?}"
        );
    }
    assert_eq!(Encoder::new(90).encode(&picture, &mut out).ok(), Some(whole.len()));
}

/// Smooth shapes with edges and a little noise, as a photograph has them.
fn scene(x: u32, y: u32) -> [u8; 3] {
    let (fx, fy) = (f64::from(x) / 23.0, f64::from(y) / 17.0);
    let noise = f64::from(x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503_977)) % 7.0;
    let edge = if (x / 40 + y / 30).is_multiple_of(2) { 25.0 } else { -25.0 };
    [(fx.sin(), 0.4), (fy.cos(), 0.6), ((fx + fy).sin(), 0.2)]
        .map(|(wave, part)| (120.0 + 70.0 * wave + part * edge + noise) as u8)
}

#[test]
fn a_turned_or_mirrored_picture_of_any_size_shows_the_same() {
    for (width, height) in [(64, 48), (67, 35), (1, 9), (33, 18)] {
        let size = Size { width, height };
        let colour = |x: u32, y: u32| [(40 + x * 2) as u8, (60 + y * 3) as u8, (200 - x - y) as u8];
        for (raw, quality) in raws().flat_map(|raw| [(raw, USUAL), (raw, 98)]) {
            let bytes = laid_out(raw, size, Range::Full, colour);
            let picture =
                Picture::new(&bytes, raw, size, raw.row_len(width), Range::Full).expect("a picture");
            let (_, _, upright) = decode(&encode_at(quality, &picture));
            for way in Transform::ALL {
                let mut encoder = Encoder::new(quality);
                encoder.set_transform(way);
                let mut out = vec![0; 1 << 20];
                let len = encoder.encode(&picture, &mut out).expect("it fits");
                let (w, h, turned) = decode(&out[..len]);
                assert_eq!((w as u32, h as u32), way.size((width, height)), "{raw:?} {size} {way:?}");
                for (at, pixel) in turned.as_chunks::<3>().0.iter().enumerate() {
                    let (mut x, mut y) = (at % w, at / w);
                    if way.mirror_across {
                        x = w - 1 - x;
                    }
                    if way.mirror_down {
                        y = h - 1 - y;
                    }
                    let (x, y) = if way.transpose { (y, x) } else { (x, y) };
                    let wanted = &upright[3 * (y * width as usize + x)..][..3];
                    let near = pixel.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) <= 16);
                    assert!(
                        near,
                        "{raw:?} {size} at {quality} {way:?}: {pixel:?}, not {wanted:?} at {x},{y}"
                    );
                }
            }
        }
    }
}

/// The mean square error of decoded pixels, in decibels of 255.
fn psnr(jpeg: &[u8], wanted: &[u8]) -> f64 {
    let (_, _, pixels) = decode(jpeg);
    let square = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
    let sum: f64 = pixels.iter().zip(wanted).map(square).sum();
    10.0 * (255.0 * 255.0 * wanted.len() as f64 / sum).log10()
}

#[test]
fn pictures_look_as_good_and_are_as_small_as_those_of_another_encoder_at_the_same_quality() {
    let size = Size { width: 320, height: 240 };
    // Four pixels share their chroma, so that both encoders get the same samples.
    let ycbcr = |x: u32, y: u32| {
        let [_, cb, cr] = yuv(scene(x & !1, y & !1), Range::Full);
        [yuv(scene(x, y), Range::Full)[0], cb, cr]
    };
    let all = || (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
    let interleaved: Vec<u8> = all().flat_map(|(x, y)| ycbcr(x, y)).collect();
    let nv12 = laid_out(Raw::Nv12, size, Range::Full, scene);
    let wanted: Vec<u8> = all().flat_map(|(x, y)| scene(x, y)).collect();
    for quality in [20, 50, USUAL, 95] {
        let ours = encode(Raw::Nv12, quality, &nv12, size, Range::Full);
        let mut theirs = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut theirs, quality);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
        let colours = jpeg_encoder::ColorType::Ycbcr;
        encoder.encode(&interleaved, 320, 240, colours).expect("a picture");
        let (our_psnr, their_psnr) = (psnr(&ours, &wanted), psnr(&theirs, &wanted));
        let both = format!(
            "at {quality}: {our_psnr:.3} and {their_psnr:.3} dB, {} and {}",
            ours.len(),
            theirs.len()
        );
        assert!(our_psnr > their_psnr - 0.02, "{both}");
        assert!(ours.len() < theirs.len() * 101 / 100, "{both}");
    }
}
