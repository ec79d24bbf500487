use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use super::*;
use crate::jpeg::encode::Encoder;
use crate::picture::Layout;
use crate::picture::Picture;
use crate::picture::Range as Reach;

/// Something with edges and colour in every row.
fn bytes(raw: Raw, size: Size) -> Vec<u8> {
    let len = raw.frame_len(size, raw.row_len(size.width)) as u32;
    (0..len).map(|i| ((i * 7 + i / 13) ^ (i / 997)) as u8).collect()
}

fn encoded(raw: Raw, size: Size, quality: u8, bands: usize) -> Vec<u8> {
    let bytes = bytes(raw, size);
    let picture = Picture::new(&bytes, raw, size, raw.row_len(size.width), Reach::Full).expect("a picture");
    let mut out = vec![0; bytes.len() * 4 + 20_000];
    let len = Encoder::in_bands(quality, bands).encode(&picture, &mut out).expect("it fits");
    out.truncate(len);
    out
}

fn decoded(jpeg: &[u8]) -> Vec<u8> {
    JpegDecoder::new(ZCursor::new(jpeg)).decode().expect("a decodable JPEG")
}

fn restarts(jpeg: &[u8]) -> usize {
    jpeg.windows(2).filter(|two| two[0] == marker::PREFIX && marker::is_restart(two[1])).count()
}

/// As libjpeg's own program decodes it; `None` if that is not installed.
fn decoded_by_libjpeg(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut djpeg = Command::new("djpeg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = djpeg.stdin.take().expect("piped");
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(jpeg));
        let output = djpeg.wait_with_output().expect("an end");
        writer.join().expect("no panic").expect("all is read");
        output
    });
    assert!(written.status.success() && written.stderr.is_empty(), "{written:?}");
    Some(written.stdout)
}

#[test]
fn two_decoders_see_the_same_picture_with_and_without_bands() {
    let size = Size { width: 642, height: 485 };
    for raw in Layout::all().filter_map(Layout::raw) {
        for (quality, bands) in [(85, &[2, 3][..]), (95, &[4])] {
            let whole = encoded(raw, size, quality, 1);
            assert_eq!(restarts(&whole), 0);
            for &bands in bands {
                let joined = encoded(raw, size, quality, bands);
                assert!((1..bands).contains(&restarts(&joined)), "{raw:?} at {quality} in {bands}");
                assert!(decoded(&joined) == decoded(&whole), "{raw:?} at {quality} in {bands}");
                let [one, other] = [&joined, &whole].map(|jpeg| decoded_by_libjpeg(jpeg));
                assert!(one == other, "{raw:?} at {quality} in {bands}: libjpeg sees a difference");
                // The restart interval, and for each band a marker, padding, and DC values from 0 on.
                assert!(joined.len() <= whole.len() + 6 + bands * 32, "{} and {}", joined.len(), whole.len());
            }
        }
    }
}

#[test]
fn a_picture_that_is_too_small_or_too_large_for_restart_intervals_is_not_cut() {
    let cut =
        |raw, width, height, bands| Cut::new(raw, Size { width, height }, SamplingFactor::R_4_2_0, bands);
    assert_eq!(cut(Raw::Nv12, 160, 120, 8), None);
    assert_eq!(cut(Raw::Nv12, 1, 1, 8), None);
    assert_eq!(cut(Raw::Nv12, 1280, 720, 1), None);
    assert_eq!(cut(Raw::Nv12, 1280, 720, 0), None);
    let two = Cut { height: 720, rows: 23 * 16, mcus: 23 * 80 };
    assert_eq!(cut(Raw::Nv12, 1280, 720, 2), Some(two));
    assert_eq!(two.bands().collect::<Vec<_>>(), [0..368, 368..720]);
    // A row has 80 MCUs, and a band has at least 512.
    assert_eq!(cut(Raw::Nv12, 1280, 720, usize::MAX), Some(Cut { height: 720, rows: 7 * 16, mcus: 7 * 80 }));
    assert_eq!(cut(Raw::Grey, 65_535, 65_535, 8), None);
}

#[test]
fn a_picture_is_encoded_in_one_piece_if_the_slot_is_too_small_for_shares() {
    let (raw, size) = (Raw::Yuyv, Size { width: 640, height: 480 });
    let bytes = bytes(raw, size);
    let picture = Picture::new(&bytes, raw, size, raw.row_len(640), Reach::Full).expect("a picture");
    let whole = encoded(raw, size, 85, 1);
    assert!(restarts(&encoded(raw, size, 85, 2)) > 0);
    for capacity in [whole.len(), whole.len() + 1, whole.len() + 100] {
        let mut out = vec![0; capacity];
        let len = Encoder::in_bands(85, 2).encode(&picture, &mut out).expect("the whole fits");
        assert!(out[..len] == whole);
    }
    for capacity in [0, 1, 2, 700, whole.len() - 1] {
        assert!(Encoder::in_bands(85, 2).encode(&picture, &mut vec![0; capacity]).is_err(), "in {capacity}");
    }
}

#[test]
fn a_panic_in_any_band_reaches_the_caller() {
    let size = Size { width: 1280, height: 720 };
    let cut = Cut::new(Raw::Nv12, size, SamplingFactor::R_4_2_0, 3).expect("large enough");
    let mut helpers = Helpers::default();
    for top in cut.bands().map(|rows| rows.start) {
        // Unwind safety: the same threads must still work for the next picture.
        let panic = catch_unwind(AssertUnwindSafe(|| {
            cut.encode(&mut helpers, &mut [0; 3000], |rows, _, _| {
                assert_ne!(rows.start, top, "a fault at {top}");
                None
            })
        }));
        let message = panic.expect_err("it went unnoticed");
        let message = message.downcast_ref::<String>().expect("what the band said");
        assert!(message.contains(&format!("a fault at {top}")), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_bands_of_any_picture_cover_all_its_rows_in_order(
        width in 1..70_000u32,
        height in 1..70_000u32,
        bands in 0..20usize,
        index in 0..10usize,
        quality in 80..100u8,
    ) {
        let raw = Layout::all().filter_map(Layout::raw).nth(index).expect("ten of them");
        let sampling = crate::jpeg::rows::sampling(raw, quality);
        if let Some(cut) = Cut::new(raw, Size { width, height }, sampling, bands) {
            let found: Vec<_> = cut.bands().collect();
            prop_assert!((2..=bands.min(MAX_BANDS)).contains(&found.len()));
            prop_assert_eq!((found[0].start, found[found.len() - 1].end), (0, height));
            for two in found.windows(2) {
                prop_assert_eq!(two[0].end, two[1].start);
                prop_assert_eq!(two[0].len() % 16, if cut.rows % 16 == 0 { 0 } else { 8 });
            }
        }
    }

    #[test]
    fn pictures_of_any_shape_are_the_same_in_bands(
        width in 1..48u32,
        height in 1500..5000u32,
        bands in 2..9usize,
        index in 0..10usize,
        quality in 1..=100u8,
    ) {
        let raw = Layout::all().filter_map(Layout::raw).nth(index).expect("ten of them");
        let size = Size { width, height };
        let [joined, whole] = [bands, 1].map(|bands| encoded(raw, size, quality, bands));
        prop_assert!(decoded(&joined) == decoded(&whole));
    }
}
