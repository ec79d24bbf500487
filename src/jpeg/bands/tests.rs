use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use coefficients::Transform;
use proptest::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use super::*;
use crate::jpeg::encode::Encoder;
use crate::picture::{Layout, Picture, Range as Reach, Raw, Size};

/// Something with edges and colour in every row.
fn bytes(raw: Raw, size: Size) -> Vec<u8> {
    let len = raw.frame_len(size, raw.row_len(size.width)) as u32;
    (0..len).map(|i| ((i * 7 + i / 13) ^ (i / 997)) as u8).collect()
}

fn encoded(raw: Raw, size: Size, quality: u8, bands: usize, transform: Transform) -> Vec<u8> {
    let bytes = bytes(raw, size);
    let picture = Picture::new(&bytes, raw, size, raw.row_len(size.width), Reach::Full).expect("a picture");
    let mut out = vec![0; bytes.len() * 4 + 20_000];
    let mut encoder = Encoder::in_bands(quality, bands);
    encoder.set_transform(transform);
    let len = encoder.encode(&picture, &mut out).expect("it fits");
    out.truncate(len);
    out
}

fn decoded(jpeg: &[u8]) -> Vec<u8> {
    JpegDecoder::new(ZCursor::new(jpeg)).decode().expect("a decodable JPEG")
}

fn restarts(jpeg: &[u8]) -> usize {
    jpeg.windows(2).filter(|two| two[0] == marker::PREFIX && marker::is_restart(two[1])).count()
}

/// Bytes 0xFF in coded data, each with a zero behind it. How many there are depends on where bytes begin.
fn stuffed(jpeg: &[u8]) -> usize {
    jpeg.windows(2).filter(|two| *two == [marker::PREFIX, marker::STUFFED]).count()
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
    let transforms = Transform::ALL.into_iter().cycle();
    for (raw, transform) in Layout::all().filter_map(Layout::raw).zip(transforms) {
        for (quality, bands) in [(85, &[2, 3][..]), (95, &[4])] {
            let whole = encoded(raw, size, quality, 1, transform);
            assert_eq!(restarts(&whole), 0);
            for &bands in bands {
                let joined = encoded(raw, size, quality, bands, transform);
                assert!((1..bands).contains(&restarts(&joined)), "{raw:?} at {quality} in {bands}");
                assert!(decoded(&joined) == decoded(&whole), "{raw:?} at {quality} in {bands}");
                let [one, other] = [&joined, &whole].map(|jpeg| decoded_by_libjpeg(jpeg));
                assert!(one == other, "{raw:?} at {quality} in {bands}: libjpeg sees a difference");
                // The restart interval, and for each band a marker, padding, and DC values from 0 on.
                let [joined, whole] = [&joined, &whole].map(|jpeg| jpeg.len() - stuffed(jpeg));
                assert!(joined <= whole + 6 + bands * 32, "{raw:?} at {quality}: {joined} and {whole}");
            }
        }
    }
}

#[test]
fn a_picture_that_is_too_small_or_too_large_for_restart_intervals_is_not_cut() {
    assert_eq!(Cut::new((10, 8), 8), None);
    assert_eq!(Cut::new((1, 1), 8), None);
    assert_eq!(Cut::new((80, 45), 1), None);
    assert_eq!(Cut::new((80, 45), 0), None);
    let two = Cut { mcu_rows: 45, rows: 23, mcus: 23 * 80 };
    assert_eq!(Cut::new((80, 45), 2), Some(two));
    assert_eq!(two.bands().collect::<Vec<_>>(), [0..23, 23..45]);
    // A row has 80 MCUs, and a band has at least 512.
    assert_eq!(Cut::new((80, 45), usize::MAX), Some(Cut { mcu_rows: 45, rows: 7, mcus: 7 * 80 }));
    assert_eq!(Cut::new((8192, 8192), 8), None);
}

#[test]
fn a_picture_is_encoded_in_one_piece_if_the_slot_is_too_small_for_shares() {
    let (raw, size) = (Raw::Yuyv, Size { width: 640, height: 480 });
    let bytes = bytes(raw, size);
    let picture = Picture::new(&bytes, raw, size, raw.row_len(640), Reach::Full).expect("a picture");
    let whole = encoded(raw, size, 85, 1, Transform::NONE);
    assert!(restarts(&encoded(raw, size, 85, 2, Transform::NONE)) > 0);
    for capacity in [whole.len(), whole.len() + 1, whole.len() + 100] {
        let mut out = vec![0; capacity];
        let len = Encoder::in_bands(85, 2).encode(&picture, &mut out).expect("the whole fits");
        assert!(decoded(&out[..len]) == decoded(&whole));
        assert!(capacity > whole.len() || restarts(&out[..len]) == 0);
    }
    for capacity in [0, 1, 2, 700, whole.len() - 1] {
        assert!(Encoder::in_bands(85, 2).encode(&picture, &mut vec![0; capacity]).is_err(), "in {capacity}");
    }
}

#[test]
fn a_panic_in_any_band_reaches_the_caller() {
    let cut = Cut::new((80, 45), 3).expect("large enough");
    let mut helpers = Helpers::default();
    for top in cut.bands().map(|rows| rows.start) {
        // Unwind safety: the same threads must still work for the next picture.
        let panic = catch_unwind(AssertUnwindSafe(|| {
            cut.encode(&mut helpers, &mut [(); 3], &mut [0; 3000], |(), rows, _| {
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
        mcus_in_row in 1..9000u32,
        mcu_rows in 1..9000u32,
        bands in 0..20usize,
    ) {
        if let Some(cut) = Cut::new((mcus_in_row, mcu_rows), bands) {
            let found: Vec<_> = cut.bands().collect();
            prop_assert!((2..=bands.min(MAX_BANDS)).contains(&found.len()));
            prop_assert_eq!((found[0].start, found[found.len() - 1].end), (0, mcu_rows));
            for two in found.windows(2) {
                prop_assert_eq!(two[0].end, two[1].start);
                prop_assert_eq!(two[0].len() as u32 * mcus_in_row, u32::from(cut.restart_interval()));
            }
        }
    }

    #[test]
    fn pictures_of_any_shape_are_the_same_in_bands(
        width in 1..48u32,
        height in 1500..5000u32,
        bands in 2..9usize,
        index in 0..11usize,
        quality in 1..=100u8,
        transform in prop::sample::select(Transform::ALL.to_vec()),
    ) {
        let raw = Layout::all().filter_map(Layout::raw).nth(index).expect("eleven of them");
        let size = if transform.transpose { Size { width: height, height: width } } else { Size { width, height } };
        let [joined, whole] = [bands, 1].map(|bands| encoded(raw, size, quality, bands, transform));
        prop_assert!(decoded(&joined) == decoded(&whole));
    }
}
