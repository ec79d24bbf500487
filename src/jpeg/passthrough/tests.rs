use proptest::prelude::*;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

use super::*;
use crate::jpeg::encode::Encoder;
use crate::picture::Picture;
use crate::picture::{Range, Raw};

/// Marker segments by hand: SOI, SOF0 of 640x480 grey, DHT, SOS, and four bytes of scan, without EOI.
const SOF: &[u8] = b"\xff\xc0\0\x0b\x08\x01\xe0\x02\x80\x01\x01\x11\0";
const DHT: &[u8] = b"\xff\xc4\0\x03\0";
const SOS: &[u8] = b"\xff\xda\0\x08\x01\x01\0\0\x3f\0";
const SCAN: &[u8] = b"\x12\xff\x00\x34";

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn mended(bytes: &[u8]) -> Vec<u8> {
    let jpeg = Jpeg::parse(bytes).expect("a frame that can be mended");
    let mut out = vec![0xaa; jpeg.mended_len() + 3];
    let len = jpeg.copy_into(&mut out).expect("it fits");
    assert_eq!(len, jpeg.mended_len());
    assert_eq!(out[len..], [0xaa; 3], "wrote past its length");
    out.truncate(len);
    out
}

/// A picture with something in it, encoded: a whole baseline JPEG with DHT and EOI.
fn encoded(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let stride = Raw::Yuyv.row_len(width);
    let bytes: Vec<u8> = (0..stride * height).map(|i| (i * 7 + i / 13) as u8 ^ seed).collect();
    let picture =
        Picture::new(&bytes, Raw::Yuyv, Size { width, height }, stride, Range::Full).expect("a picture");
    let mut out = vec![0; 100_000];
    let len = Encoder::new(80).encode(&picture, &mut out).expect("it fits");
    out.truncate(len);
    out
}

/// Takes all DHT segments out, as many cameras do. Walks by itself, so that it can disagree.
fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    let mut at = 2;
    loop {
        let end = at + 2 + usize::from(jpeg[at + 2]) * 256 + usize::from(jpeg[at + 3]);
        match jpeg[at + 1] {
            0xda => break out.extend(&jpeg[at..]),
            0xc4 => {}
            _ => out.extend(&jpeg[at..end]),
        }
        at = end;
    }
    out
}

fn decoded(jpeg: &[u8]) -> Vec<u8> {
    JpegDecoder::new(ZCursor::new(jpeg)).decode().expect("a decodable JPEG")
}

#[test]
fn a_whole_frame_comes_out_byte_for_byte() {
    let frame = join(&[&SOI, SOF, DHT, SOS, SCAN, &EOI]);
    let jpeg = Jpeg::parse(&frame).expect("a whole frame");
    assert_eq!(jpeg.size(), Size { width: 640, height: 480 });
    assert!(jpeg.has_huffman_tables() && jpeg.has_eoi());
    assert_eq!(mended(&frame), frame);
}

#[test]
fn huffman_tables_and_eoi_that_a_camera_leaves_out_are_added() {
    let frame = join(&[&SOI, SOF, SOS, SCAN]);
    let jpeg = Jpeg::parse(&frame).expect("lacks nothing that cannot be mended");
    assert!(!jpeg.has_huffman_tables() && !jpeg.has_eoi());
    assert_eq!(mended(&frame), join(&[&SOI, SOF, &STANDARD_TABLES, SOS, SCAN, &EOI]));
}

#[test]
fn the_spliced_tables_are_those_that_encoders_use() {
    let encoder_tables: Vec<u8> = {
        let jpeg = encoded(16, 8, 0);
        let mut tables = Vec::new();
        let mut at = 2;
        while jpeg[at + 1] != 0xda {
            let end = at + 2 + usize::from(jpeg[at + 2]) * 256 + usize::from(jpeg[at + 3]);
            if jpeg[at + 1] == 0xc4 {
                tables.extend(&jpeg[at + 4..end]);
            }
            at = end;
        }
        tables
    };
    assert_eq!(STANDARD_TABLES[..4], [0xff, 0xc4, 0x01, 0xa2]);
    assert_eq!(STANDARD_TABLES[4..], encoder_tables);
}

#[test]
fn padding_is_cut_off_however_long() {
    let frame = join(&[&SOI, SOF, DHT, SOS, SCAN, &EOI]);
    for padding in (0..40).chain([4096, 1_000_003]) {
        let padded = join(&[&frame, &vec![0; padding]]);
        assert_eq!(mended(&padded), frame, "{padding} bytes of padding");
    }
}

#[test]
fn a_stuffed_byte_at_the_cut_is_not_taken_for_padding() {
    let cut = join(&[&SOI, SOF, DHT, SOS, b"\x12\xff\x00"]);
    let padded = join(&[&cut, &[0; 5]]);
    assert_eq!(mended(&cut), join(&[&cut, &EOI]));
    assert_eq!(mended(&padded), join(&[&cut, &EOI]));
}

#[test]
fn an_end_inside_a_thumbnail_is_not_the_end_of_the_frame() {
    let exif = b"\xff\xe1\0\x08Ex\xff\xd9\0\0";
    let frame = join(&[&SOI, exif, SOF, DHT, SOS, SCAN]);
    assert!(!Jpeg::parse(&frame).expect("only EOI is missing").has_eoi());
}

#[test]
fn fill_bytes_application_data_and_extended_headers_are_fine() {
    let avi1 = b"\xff\xe0\0\x06AVI1";
    let filled = join(&[&SOI, b"\xff\xff\xff", avi1, SOF, b"\xff\xff", SOS, SCAN, &EOI]);
    let expected = join(&[&SOI, b"\xff\xff\xff", avi1, SOF, &STANDARD_TABLES, b"\xff\xff", SOS, SCAN, &EOI]);
    assert_eq!(mended(&filled), expected);
    let no_length = join(&[&SOI, b"\xff\xd0\xff\x01", SOF, DHT, SOS, SCAN, &EOI]);
    assert_eq!(mended(&no_length), no_length);
    let mut extended = SOF.to_vec();
    extended[1] = marker::SOF1;
    assert!(Jpeg::parse(&join(&[&SOI, &extended, SOS, SCAN])).is_ok());
}

/// A segment of an application or a comment.
fn segment(code: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
    join(&[&[0xff, code], &length, payload])
}

/// As Mainsail and Fluidd (a picture begins wherever FF D8 stands) and Home Assistant (a still ends with the first
/// FF D9) see a frame.
fn edges(jpeg: &[u8]) -> (usize, usize) {
    let count = |edge: [u8; 2]| jpeg.windows(2).filter(|two| *two == edge).count();
    (count(SOI), count(EOI))
}

#[test]
fn a_thumbnail_does_not_break_the_picture_for_mainsail_and_home_assistant() {
    let frame = include_bytes!("../../../tests/pictures/thumbnail.jpg");
    assert!(edges(frame).0 > 1, "nothing to mend");
    let out = mended(frame);
    assert_eq!(edges(&out), (1, 1));
    // Only the segment with the thumbnail is gone: 980 bytes behind SOI.
    assert_eq!(out, join(&[&SOI, &frame[2 + 980..]]));
    assert_eq!(decoded(&out), decoded(frame));
}

#[test]
fn a_picture_stays_the_right_way_up_when_its_thumbnail_is_left_out() {
    let tiff = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let exif = segment(0xe1, &join(&[b"Exif\0\0", tiff, &SOI, b"thumbnail", &EOI]));
    let jfif = segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let out = mended(&join(&[&SOI, &exif, &jfif, SOF, DHT, SOS, SCAN, &EOI]));
    let orientation = Orientation::in_app1(&exif[4..]).expect("an orientation");
    assert_eq!(out, join(&[&SOI, &orientation.segment(), &jfif, SOF, DHT, SOS, SCAN, &EOI]));
    assert_eq!(mended(&out), out);
}

#[test]
fn only_segments_that_no_decoder_needs_are_left_out() {
    let kept = [
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01 of colours"),
        segment(0xee, b"Adobe\0\x64\xff\xd8\0\0\x01"),
        segment(0xdb, &join(&[&[0], &EOI.repeat(32)])),
    ]
    .concat();
    let left_out =
        [segment(0xe0, b"JFXX\0\x10\xff\xd8 \xff\xd9"), segment(0xfe, b"\xff\xd9"), segment(0xe2, &SOI)];
    let rest = join(&[SOF, DHT, SOS, SCAN, &EOI]);
    for one in &left_out {
        let frame = join(&[&SOI, one, &kept, one, &rest]);
        assert_eq!(mended(&frame), join(&[&SOI, &kept, &rest]));
    }
}

#[test]
fn stale_bytes_behind_the_end_do_not_make_a_whole_picture_incomplete() {
    let frame = join(&[&SOI, SOF, DHT, SOS, &[0x55; 20_000], &EOI]);
    let stale = |length: usize| (0..length).map(|n| (n * 7 % 255) as u8).collect::<Vec<_>>();
    for behind in [
        stale(1),
        stale(100),
        stale(4000),
        vec![0xff; 1_000_003],
        vec![0x80; 50_000],
        join(&[&stale(3000), &[0; 100_000]]),
        join(&[&stale(100), &[0xff; 100_000]]),
        join(&[&stale(100), &EOI, &stale(50)]), // the end of an earlier frame
        join(&[&stale(3000), &EOI]),            // the same, and nothing behind it
        join(&[&stale(3000), &EOI, &[0; 9000]]),
        join(&[&stale(7000), &EOI, &stale(7000), &EOI]), // the ends of two earlier frames
        join(&[&stale(7000), &EOI, &stale(7000), &EOI, &stale(7000), &EOI, &[0; 9000]]),
    ] {
        let padded = join(&[&frame, &behind]);
        let jpeg = Jpeg::parse(&padded).expect("a whole frame");
        assert!(jpeg.has_eoi(), "{} bytes behind the end", behind.len());
        assert_eq!(mended(&padded), frame, "{} bytes behind the end", behind.len());
    }
    let cut = join(&[&SOI, SOF, DHT, SOS, &[0x55; 20_000], &stale(3000)]);
    assert!(!Jpeg::parse(&cut).expect("headers").has_eoi());
}

#[test]
fn a_progressive_jpeg_keeps_its_own_tables_and_is_told_apart() {
    let frame = include_bytes!("../../../tests/pictures/progressive.jpg");
    let jpeg = Jpeg::parse(frame).expect("a progressive JPEG");
    assert!(jpeg.is_progressive() && jpeg.has_eoi());
    assert_eq!(mended(frame), frame);
    let bare = join(&[&SOI, &[0xff, 0xc2], &SOF[2..], SOS, SCAN]);
    assert_eq!(mended(&bare), join(&[&bare, &EOI]));
    assert!(!Jpeg::parse(&join(&[&SOI, SOF, SOS, SCAN])).expect("a frame").is_progressive());
}

#[test]
fn each_fault_is_recognised() {
    let sof = |code: u8| join(&[&SOI, &[0xff, code], &SOF[2..], SOS, SCAN, &EOI]);
    let header = |at: usize, value: u8| {
        let mut header = SOF.to_vec();
        header[at] = value;
        join(&[&SOI, &header, SOS, SCAN, &EOI])
    };
    let cases: &[(&str, Vec<u8>, Fault)] = &[
        ("nothing", vec![], Fault::Empty),
        ("padding", vec![0; 64], Fault::NoSoi),
        ("half a marker", vec![0xff], Fault::NoSoi),
        ("SOI alone", SOI.to_vec(), Fault::NoSos),
        ("SOI and EOI", join(&[&SOI, &EOI]), Fault::NoSos),
        ("only fill bytes", join(&[&SOI, &[0xff; 100]]), Fault::NoSos),
        ("noise", join(&[&SOI, b"noise"]), Fault::BadSegment),
        ("two SOI", join(&[&SOI, &SOI, SOF, SOS, SCAN]), Fault::BadSegment),
        ("length 1", join(&[&SOI, b"\xff\xe0\0\x01"]), Fault::BadSegment),
        ("a scan header of length 0", join(&[&SOI, SOF, DHT, b"\xff\xda\0\0", SCAN]), Fault::BadSegment),
        ("length past the end", join(&[&SOI, b"\xff\xe0\xff\xff", SOF, SOS]), Fault::NoSos),
        ("lossless", sof(0xc3), Fault::Lossless),
        ("differential", sof(0xc5), Fault::Hierarchical),
        ("a hierarchical picture's first header", sof(0xde), Fault::Hierarchical),
        ("arithmetic", sof(0xc9), Fault::Arithmetic),
        ("arithmetic and progressive", sof(0xca), Fault::Arithmetic),
        ("arithmetic and lossless", sof(0xcb), Fault::Arithmetic),
        ("arithmetic and differential", sof(0xcd), Fault::Hierarchical),
        ("12 bits", header(4, 12), Fault::Not8Bit),
        ("a width of 16,385", join(&[&SOI, &SOF[..7], &[0x40, 1], &SOF[9..], SOS, SCAN]), Fault::Oversized),
        (
            "a size that lies",
            include_bytes!("../../../tests/pictures/size-lies.jpg").to_vec(),
            Fault::Oversized,
        ),
        ("no SOF", join(&[&SOI, DHT, SOS, SCAN, &EOI]), Fault::NoFrameHeader),
        ("two SOF", join(&[&SOI, SOF, SOF, SOS, SCAN, &EOI]), Fault::NoFrameHeader),
        ("more components than it holds", header(9, 3), Fault::NoFrameHeader),
        ("height 0", join(&[&SOI, &SOF[..5], &[0, 0], &SOF[7..], SOS, SCAN]), Fault::NoFrameHeader),
        ("width 0", join(&[&SOI, &SOF[..7], &[0, 0], &SOF[9..], SOS, SCAN]), Fault::NoFrameHeader),
        ("no scan", join(&[&SOI, SOF, DHT, SOS]), Fault::NoSos),
        ("an empty scan", join(&[&SOI, SOF, DHT, SOS, &EOI]), Fault::NoSos),
        ("a scan of padding", join(&[&SOI, SOF, DHT, SOS, &[0; 99]]), Fault::NoSos),
    ];
    for (name, bytes, fault) in cases {
        assert_eq!(Jpeg::parse(bytes), Err(*fault), "{name}");
    }
}

#[test]
fn every_fault_has_its_own_counter() {
    for fault in Fault::ALL {
        assert!(fault.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert_eq!(Fault::ALL.iter().filter(|other| other.name() == fault.name()).count(), 1);
    }
}

#[test]
fn a_slot_that_is_too_small_is_an_error_and_stays_untouched() {
    let frame = join(&[&SOI, SOF, SOS, SCAN]);
    let jpeg = Jpeg::parse(&frame).expect("a frame");
    let mut out = vec![0xaa; jpeg.mended_len() - 1];
    let answer = jpeg.copy_into(&mut out);
    assert_eq!(answer, Err(TooLarge { needed: jpeg.mended_len(), capacity: out.len() }));
    assert!(out.iter().all(|&b| b == 0xaa));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Jpeg::parse(&bytes);
    }

    /// Random bytes seldom begin like a JPEG; these do, and then go wrong.
    #[test]
    fn no_damage_makes_it_panic(
        seed: u8,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end: prop::sample::Index,
    ) {
        let mut bytes = encoded(24, 16, seed);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        if let Ok(jpeg) = Jpeg::parse(&bytes) {
            let mut out = vec![0; jpeg.mended_len()];
            prop_assert_eq!(jpeg.copy_into(&mut out), Ok(out.len()));
        }
    }

    #[test]
    fn a_cut_frame_never_passes_for_a_whole_one(
        seed: u8, padding in 0usize..20, cut: prop::sample::Index, tables: bool,
    ) {
        let whole = encoded(40, 24, seed);
        let whole = if tables { whole } else { without_tables(&whole) };
        let padded = join(&[&whole, &vec![0; padding]]);
        let cut = cut.index(padded.len());
        match Jpeg::parse(&padded[..cut]) {
            Ok(jpeg) => prop_assert_eq!(jpeg.has_eoi(), cut >= whole.len(), "cut at {} of {}", cut, whole.len()),
            Err(_) => prop_assert!(cut < whole.len()),
        }
    }

    #[test]
    fn nothing_before_the_scan_looks_like_a_beginning_or_an_end(
        parts in prop::collection::vec(
            (prop_oneof![0xe0u8..=0xef, Just(0xfe)], prop::collection::vec(prop_oneof![
                any::<u8>(), Just(0xff), Just(0xd8), Just(0xd9),
            ], 0..40)),
            0..6,
        ),
        seed: u8,
    ) {
        let segments: Vec<u8> = parts.iter().flat_map(|(code, payload)| segment(*code, payload)).collect();
        let whole = encoded(24, 16, seed);
        let out = mended(&join(&[&SOI, &segments, &whole[2..]]));
        prop_assert_eq!(edges(&out), (1, 1));
        prop_assert_eq!(&mended(&out), &out);
        // zune-jpeg 0.5 reads five bytes of an APP0 segment that has four.
        if !parts.iter().any(|(code, payload)| *code == 0xe0 && payload.len() == 4) {
            prop_assert_eq!(decoded(&out), decoded(&whole));
        }
    }

    #[test]
    fn a_mended_frame_shows_the_picture_that_the_camera_took(
        width in 1u32..80, height in 1u32..60, seed: u8, padding in 0usize..50,
    ) {
        let whole = encoded(width, height, seed);
        prop_assert_eq!(&mended(&whole), &whole);
        let bare = join(&[&without_tables(&whole), &vec![0; padding]]);
        prop_assert!(JpegDecoder::new(ZCursor::new(&bare)).decode().is_err(), "nothing to mend");
        prop_assert_eq!(decoded(&mended(&bare)), decoded(&whole));
    }

    /// The decoder reads the same headers by code that is not ours; it is more lenient with damaged ones.
    #[test]
    fn the_size_in_the_headers_is_the_one_that_a_decoder_shows(
        width in 1u32..80, height in 1u32..60,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = encoded(width, height, 0);
        let head = Jpeg::parse(&bytes).expect("a whole frame").head.len();
        for (at, value) in damage {
            bytes[at.index(head)] = value;
        }
        let mut decoder = JpegDecoder::new(ZCursor::new(&bytes));
        let shown = decoder.decode().ok().and_then(|_| decoder.dimensions());
        if let (Some((width, height)), Ok(jpeg)) = (shown, Jpeg::parse(&bytes)) {
            prop_assert_eq!((width, height), (jpeg.size().width as usize, jpeg.size().height as usize));
        }
    }
}
