//! Pixels in every layout become a JPEG that another decoder shows right.

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Quality, Sampling, TooLarge, Transform};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// A smooth picture that looks different from each side: Y, Cb and Cr at a point from 0 to 1.
fn scene(x: f64, y: f64) -> [f64; 3] {
    [50.0 + 120.0 * x + 40.0 * y * y, 100.0 + 50.0 * y, 160.0 - 60.0 * x * y]
}

fn rgb([y, cb, cr]: [f64; 3]) -> [u8; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|v| v.round().clamp(0.0, 255.0) as u8)
}

/// The scene in planes, with rows a few bytes longer than they need to be.
fn laid_out(layout: Layout, width: u32, height: u32) -> [(Vec<u8>, usize); 3] {
    const PADDING: usize = 5;
    let (across, down) = layout.sampling().factors();
    let at = |x: u32, y: u32| {
        scene((f64::from(x) + 0.5) / f64::from(width), (f64::from(y) + 0.5) / f64::from(height))
    };
    let chroma =
        |x: u32, y: u32| at((x * across + across / 2).min(width - 1), (y * down + down / 2).min(height - 1));
    let (chroma_width, chroma_height) = (width.div_ceil(across), height.div_ceil(down));
    let plane = |width: u32, height: u32, unit: &dyn Fn(u32, u32) -> Vec<u8>| {
        let rows: Vec<Vec<u8>> = (0..height).map(|y| (0..width).flat_map(|x| unit(x, y)).collect()).collect();
        let stride = rows[0].len() + PADDING;
        let bytes = rows.into_iter().flat_map(|mut row| {
            row.resize(stride, 0xee);
            row
        });
        (bytes.collect::<Vec<u8>>(), stride)
    };
    let none = || (Vec::new(), 0);
    let luma = || plane(width, height, &|x, y| vec![at(x, y)[0] as u8]);
    let one = |n: usize| plane(chroma_width, chroma_height, &|x, y| vec![chroma(x, y)[n] as u8]);
    let two = |first: usize, second: usize| {
        plane(chroma_width, chroma_height, &|x, y| {
            vec![chroma(x, y)[first] as u8, chroma(x, y)[second] as u8]
        })
    };
    let packed = |order: &dyn Fn(u8, u8, u8, u8) -> [u8; 4]| {
        plane(chroma_width, height, &|x, y| {
            let [_, cb, cr] = chroma(x, y);
            order(at(x * 2, y)[0] as u8, cb as u8, at(x * 2 + 1, y)[0] as u8, cr as u8).to_vec()
        })
    };
    match layout {
        Layout::Grey => [luma(), none(), none()],
        Layout::Planar(_) => [luma(), one(1), one(2)],
        Layout::Nv12 | Layout::Nv16 | Layout::Nv24 => [luma(), two(1, 2), none()],
        Layout::Nv21 | Layout::Nv61 => [luma(), two(2, 1), none()],
        Layout::Yuyv => [packed(&|y, cb, z, cr| [y, cb, z, cr]), none(), none()],
        Layout::Uyvy => [packed(&|y, cb, z, cr| [cb, y, cr, z]), none(), none()],
        Layout::Yvyu => [packed(&|y, cb, z, cr| [y, cr, z, cb]), none(), none()],
        Layout::Rgb => [plane(width, height, &|x, y| rgb(at(x, y)).to_vec()), none(), none()],
        Layout::Bgr => {
            [plane(width, height, &|x, y| rgb(at(x, y)).into_iter().rev().collect()), none(), none()]
        }
        Layout::Rgb565 => {
            let pixel = |x, y| {
                let [r, g, b] = rgb(at(x, y)).map(u16::from);
                (r >> 3 << 11 | g >> 2 << 5 | b >> 3).to_le_bytes().to_vec()
            };
            [plane(width, height, &pixel), none(), none()]
        }
    }
}

fn decode(jpeg: &[u8], colour: ColorSpace) -> (u32, u32, Vec<u8>) {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(colour);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let samples = decoder.decode().expect("a whole JPEG");
    let info = decoder.info().expect("decoded");
    (info.width.into(), info.height.into(), samples)
}

fn check(layout: Layout, sampling: Sampling, transform: Transform, (width, height): (u32, u32)) {
    let planes = laid_out(layout, width, height);
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
