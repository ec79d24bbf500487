//! Pixels in every layout become a JPEG that another decoder shows right.

mod common;

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, TooLarge, Transform};
use common::layouts::laid_out;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A smooth picture that looks different from each side: Y, Cb and Cr at a point from 0 to 1.
fn scene(x: f64, y: f64) -> [f64; 3] {
    [50.0 + 120.0 * x + 40.0 * y * y, 100.0 + 50.0 * y, 160.0 - 60.0 * x * y]
}

fn decode(jpeg: &[u8], colour: ColorSpace) -> (u32, u32, Vec<u8>) {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(colour);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let samples = decoder.decode().expect("a whole JPEG");
    let info = decoder.info().expect("decoded");
    (info.width.into(), info.height.into(), samples)
}

fn check(layout: Layout, sampling: Sampling, transform: Transform, (width, height): (u32, u32)) {
    let planes = laid_out(layout, (width, height), scene);
    let planes = planes.each_ref().map(|(bytes, stride)| Plane { bytes, stride: *stride });
    let pixels = Pixels { width, height, layout, planes, limited: false };
    let settings = Settings { quality: Quality::new(95), sampling, transform };
    let mut out = vec![0; 1 << 16];
    let mut encoder = Encoder::default();
    let length = encoder.encode(&pixels, settings, &mut out).expect("room enough");
    let name = format!("{layout:?} {sampling:?} {transform:?} {width}x{height}");
    let grey = layout == Layout::Grey;
    let (w, h, samples) = decode(&out[..length], if grey { ColorSpace::Luma } else { ColorSpace::YCbCr });
    assert_eq!((w, h), transform.size((width, height)), "{name}");
    let components = if grey { 1 } else { 3 };
    let mut worst = [0f64; 3];
    for (n, pixel) in samples.chunks(components).enumerate() {
        let (x, y) = (n as u32 % w, n as u32 / w);
        let (x, y) = (
            if transform.mirror_across { w - 1 - x } else { x },
            if transform.mirror_down { h - 1 - y } else { y },
        );
        let (x, y) = if transform.transpose { (y, x) } else { (x, y) };
        let wanted = scene((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height));
        for ((worst, sample), wanted) in worst.iter_mut().zip(pixel).zip(wanted) {
            *worst = worst.max((f64::from(*sample) - wanted).abs());
        }
    }
    // Chroma that pixels share is off by what it changes from one to the next.
    let step = 70.0 * 2.0 / f64::from(width.min(height));
    assert!(worst[0] < 8.0, "{name}: luma {worst:?}");
    assert!(worst[1] < 6.0 + step && worst[2] < 6.0 + step, "{name}: {worst:?}");
    for capacity in [0, 1, length / 2, length - 1] {
        assert_eq!(
            encoder.encode(&pixels, settings, &mut out[..capacity]),
            Err(TooLarge { capacity }),
            "{name}"
        );
    }
}

#[test]
fn every_layout_is_shown_right_however_it_is_turned() {
    for layout in Layout::ALL {
        let mut samplings = vec![layout.sampling()];
        if layout.sampling() == Sampling::Across {
            samplings.push(Sampling::Both);
        }
        if layout.sampling() == Sampling::Full {
            samplings.extend([Sampling::Across, Sampling::Down, Sampling::Both]);
        }
        for sampling in samplings {
            for transform in Transform::ALL {
                for size in [(64, 48), (70, 50), (51, 37), (1, 1), (2, 3), (17, 9)] {
                    check(layout, sampling, transform, size);
                }
            }
        }
    }
}

#[test]
fn planes_that_are_shorter_than_they_say_make_some_picture() {
    let mut out = vec![0; 100_000];
    for layout in Layout::ALL {
        for (bytes, stride) in [(0, 0), (50, 40), (50, usize::MAX)] {
            let planes = [Plane { bytes: &[7; 100][..bytes], stride }; 3];
            let pixels = Pixels { width: 40, height: 30, layout, planes, limited: false };
            let sampling = layout.sampling();
            for transform in Transform::ALL {
                let settings = Settings { quality: Quality::new(85), sampling, transform };
                Encoder::default().encode(&pixels, settings, &mut out).expect("room");
            }
        }
    }
}
