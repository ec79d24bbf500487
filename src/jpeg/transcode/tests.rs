use super::*;

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
    let mut transcoder = Transcoder::new(within, Encoder::new(quality));
    let size = transcoder.decode(jpeg).unwrap();
    let mut out = vec![0; Transcoder::output_len(size)];
    let length = transcoder.encode(&mut out).unwrap();
    out.truncate(length);
    assert_eq!(Jpeg::check(&out).unwrap().size(), size);
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
        assert_eq!(Jpeg::check(&out).unwrap().size(), size(320, 200));
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
    assert!(matches!(transcoder.decode(&huge), Err(TranscodeError::TooLarge(_))));
    assert_eq!(transcoder.decoded.capacity(), 0);
}

#[test]
fn a_refused_picture_leaves_nothing_to_encode() {
    let good = picture(size(16, 16));
    let mut transcoder = Transcoder::new(None, Encoder::new(50));
    transcoder.decode(&good).unwrap();
    for kind in [b"\xff\xc2", b"\xff\xc9"] {
        let mut other = good.clone();
        let at = other.windows(2).position(|two| two == b"\xff\xc0").unwrap();
        other[at..at + 2].copy_from_slice(kind);
        assert!(matches!(transcoder.decode(&other), Err(TranscodeError::Fault(Fault::NotBaseline))));
        assert!(transcoder.encode(&mut [0; 4096]).is_err());
    }
}

#[test]
fn a_cmyk_picture_is_refused() {
    let mut inks = b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0".to_vec();
    inks.extend(&picture(size(16, 16))[2..]);
    let message = Transcoder::new(None, Encoder::new(50)).decode(&inks).unwrap_err();
    assert!(matches!(message, TranscodeError::Colours), "{message}");
}

#[test]
fn damaged_pictures_neither_panic_nor_use_more_memory() {
    let good = picture(size(64, 48));
    let mut transcoder = Transcoder::new(Some(size(30, 30)), Encoder::new(50));
    let mut seed = 1u32;
    for _ in 0..300 {
        let mut bad = good.clone();
        for _ in 0..4 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let index = seed as usize / 256 % bad.len();
            bad[index] = seed as u8;
        }
        if transcoder.decode(&bad).is_ok() {
            let _ = transcoder.encode(&mut [0; 64 << 10]); // a header may have another size now
        }
    }
    assert!(transcoder.decoded.capacity() as u64 <= 3 * MAX_PIXELS);
}
