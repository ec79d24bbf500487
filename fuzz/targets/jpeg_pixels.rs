//! Whatever pixels of any layout, size, stride, turn and quality: they become a JPEG that can be read, and the bands that
//! it can be encoded in hold the same as the whole.
#![no_main]

use std::cell::RefCell;

use coefficients::pixels::{Encoder, Layout, Pixels, Plane, Settings};
use coefficients::{Coefficients, Quality, Sampling, Transform};
use libfuzzer_sys::fuzz_target;

/// The bytes of a row and the rows of each plane.
fn planes(layout: Layout, width: usize, height: usize) -> [(usize, usize); 3] {
    let (across, down) = layout.sampling().factors();
    let chroma = (width.div_ceil(across as usize), height.div_ceil(down as usize));
    match layout {
        Layout::Grey => [(width, height), (0, 0), (0, 0)],
        Layout::Planar(_) => [(width, height), chroma, chroma],
        Layout::Nv12 | Layout::Nv21 | Layout::Nv16 | Layout::Nv61 | Layout::Nv24 => {
            [(width, height), (2 * chroma.0, chroma.1), (0, 0)]
        }
        Layout::Yuyv | Layout::Uyvy | Layout::Yvyu => [(4 * chroma.0, height), (0, 0), (0, 0)],
        Layout::Rgb | Layout::Bgr => [(3 * width, height), (0, 0), (0, 0)],
        Layout::Rgb565 => [(2 * width, height), (0, 0), (0, 0)],
    }
}

/// Whether chroma of `layout` can be shared by as many pixels as `sampling` says.
fn is_possible(layout: Layout, sampling: Sampling) -> bool {
    let ((across, down), (least_across, least_down)) = (sampling.factors(), layout.sampling().factors());
    match (layout.sampling(), sampling) {
        (Sampling::Grey, _) | (_, Sampling::Grey) => layout.sampling() == sampling,
        _ => across >= least_across && down >= least_down,
    }
}

/// More bytes than a JPEG of the largest picture can take: 3 components of 12x12 blocks, and the headers.
const JPEG: usize = 3 * 12 * 12 * 420 + 2048;

/// Encodes a JPEG in bands of `rows` rows of MCUs, and returns its length.
fn in_bands(
    encoder: &mut Encoder,
    pixels: &Pixels<'_>,
    settings: Settings,
    rows: u32,
    out: &mut [u8],
) -> usize {
    let (across, down) = settings.mcus(pixels);
    let interval = u16::try_from(across * rows).expect("a small picture");
    let mut len = Encoder::write_head(pixels, settings, interval, out).expect("it fits");
    for (number, begin) in (0..down).step_by(rows as usize).enumerate() {
        if number > 0 {
            out[len..len + 2].copy_from_slice(&[0xff, 0xd0 + (number - 1) as u8 % 8]);
            len += 2;
        }
        let band = begin..(begin + rows).min(down);
        len += encoder.encode_band(pixels, settings, band, &mut out[len..]).expect("it fits");
    }
    len
}

fn assert_same(one: &Coefficients, other: &Coefficients) {
    for (n, component) in one.components().iter().enumerate() {
        let (across, down) = component.padded;
        for (row, column) in (0..down).flat_map(|row| (0..across).map(move |column| (row, column))) {
            assert_eq!(one.dc(n, column, row), other.dc(n, column, row));
            assert_eq!(one.entries(n, column, row), other.entries(n, column, row));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    thread_local! {
        // Kept, so that nothing of an earlier picture comes into a later one.
        static KEPT: RefCell<(Encoder, [Coefficients; 2], Vec<u8>)> = RefCell::default();
    }
    let Some((&[layout, width, height, padding, way, quality, sampling, rows], samples)) =
        data.split_first_chunk()
    else {
        return;
    };
    let layout = Layout::ALL[usize::from(layout) % Layout::ALL.len()];
    let sampling = Sampling::ALL[usize::from(sampling) % Sampling::ALL.len()];
    let sampling = if is_possible(layout, sampling) { sampling } else { layout.sampling() };
    let (width, height) = (usize::from(width) % 80 + 1, usize::from(height) % 80 + 1);
    let mut samples = samples.iter().copied().chain([128]).cycle();
    let planes = planes(layout, width, height).map(|(row, rows)| {
        let stride = row + usize::from(padding) % 8;
        // The last row need not be padded.
        let len = if rows == 0 { 0 } else { (rows - 1) * stride + row };
        (samples.by_ref().take(len).collect::<Vec<u8>>(), stride)
    });
    let pixels = Pixels {
        width: width as u32,
        height: height as u32,
        layout,
        planes: planes.each_ref().map(|(bytes, stride)| Plane { bytes, stride: *stride }),
        limited: padding & 0x80 != 0,
    };
    let transform = Transform::ALL[usize::from(way) % 8];
    let settings = Settings { quality: Quality::new(quality), sampling, transform };

    KEPT.with_borrow_mut(|(encoder, [whole, bands], out)| {
        out.resize(JPEG, 0);
        let len = encoder.encode(&pixels, settings, out).expect("it fits");
        assert!(encoder.encode(&pixels, settings, &mut out[..len - 1]).is_err(), "one byte is missing");
        let len = encoder.encode(&pixels, settings, out).expect("it fits");
        whole.decode(&out[..len]).expect("what we make can be read");
        assert_eq!(whole.size(), transform.size((width as u32, height as u32)));
        assert_eq!(whole.components().len(), sampling.components());
        let len = in_bands(encoder, &pixels, settings, u32::from(rows) % 4 + 1, out);
        bands.decode(&out[..len]).expect("bands make a JPEG");
        assert_same(whole, bands);
    });
});
