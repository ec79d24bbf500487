mod changed_jpegs;

use super::*;
use crate::camera::{Flaw, SourceConfig, SourceKind, SourceSpec};
use crate::feed::Demand;
use crate::jpeg::decodable::Undecodable;
use crate::picture::{Flip, Orientation, Rotation};
use crate::stream::SessionEnd;
use std::sync::Arc;
use std::time::Instant;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

const SIZE: Size = Size { width: 8, height: 8 };
const TOLERATED: u32 = 7;
const WHOLE: &[u8] =
    b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\xff\xd9";

fn feed() -> (Arc<Feed>, Writer) {
    feed_of(SourceConfig::of(SourceSpec::Pattern))
}

fn feed_of(config: SourceConfig) -> (Arc<Feed>, Writer) {
    let (feed, writer) = Feed::new("test".to_owned(), config);
    (Arc::new(feed), writer)
}

fn session(layout: Layout) -> Session {
    Session::new(&info(layout), TOLERATED)
}

fn info(layout: Layout) -> SourceInfo {
    SourceInfo {
        kind: SourceKind::Device,
        source: String::new(),
        card: String::new(),
        driver: "uvcvideo".to_owned(),
        bus: String::new(),
        layout,
        size: SIZE,
        stride: 16,
        max_frame: 1000,
        interval: Some(Duration::from_millis(100)),
        range: Range::Full,
        own_quality: None,
        chosen: None,
        lowers_rate: None,
        compromises: Vec::new(),
    }
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame { bytes, captured: Instant::now(), sequence: 0, flaw: None, memory: None }
}

#[test]
fn unusable_frames_are_counted_by_reason_and_too_many_in_a_row_end_the_session() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Mjpeg);
    let mut wrong_size = WHOLE.to_vec();
    wrong_size[8] = 9; // the height in SOF0
    let flagged = Frame { flaw: Some(Flaw::Flagged), ..frame(WHOLE) };
    assert_eq!(session.take(&flagged, &feed, &mut writer), Err(DropReason::Flagged));
    assert_eq!(session.take(&frame(&wrong_size), &feed, &mut writer), Err(DropReason::WrongSize));
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Unwanted));
    for _ in 0..TOLERATED {
        assert_eq!(session.take(&frame(b"x"), &feed, &mut writer), Err(DropReason::Fault(Fault::NoSoi)));
    }
    assert_eq!(session.too_many_bad(), None);
    assert!(session.take(&frame(b"x"), &feed, &mut writer).is_err());
    let (frames, last) = session.too_many_bad().unwrap();
    let end = SessionEnd::Unusable { source: "x".to_owned(), kind: SourceKind::Device, frames, last };
    let why = end.problem().unwrap().why.to_string();
    assert_eq!(why, format!("8 in a row were unusable, the last one: {}", Fault::NoSoi));
    let counted: Vec<_> = feed.counters.dropped().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted.len(), 3, "{counted:?}");
}

#[test]
fn a_camera_that_always_delivers_another_size_than_agreed_is_accepted() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Mjpeg);
    let mut taller = WHOLE.to_vec();
    taller[8] = 9; // the height in SOF0
    for _ in 1..SIZE_FRAMES {
        assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Err(DropReason::WrongSize));
    }
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Unwanted));
    for _ in 1..SIZE_FRAMES {
        assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Err(DropReason::WrongSize));
    }
    assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Ok(Taken::Unwanted));
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Err(DropReason::WrongSize));
}

#[test]
fn a_frame_that_lacks_tables_is_counted_as_mended_if_it_is_published() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Mjpeg);
    let _demand = Demand::new(feed.clone());
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Published));
    assert_eq!(feed.counters.mended.load(Ordering::Relaxed), 1);
}

#[test]
fn a_frame_that_shows_the_same_again_is_left_out_for_a_second_unless_it_is_to_be_shown_otherwise() {
    let begin = Instant::now();
    let after = |millis| begin + Duration::from_millis(millis);
    let at = |millis| Frame { captured: after(millis), ..frame(WHOLE) };
    for (layout, same, other) in [
        (Layout::Mjpeg, WHOLE.to_vec(), [WHOLE, &[0]].concat()),
        (Layout::Raw(Raw::Yuyv), vec![128; 16 * 8], vec![129; 16 * 8]),
    ] {
        for drops_repeats in [true, false] {
            let config = SourceConfig { drops_repeats, ..SourceConfig::of(SourceSpec::Pattern) };
            let (feed, mut writer) = feed_of(config);
            let mut session = session(layout);
            let _demand = Demand::new(feed.clone());
            writer.reserve(4000).unwrap();
            let mut take = |bytes: &[u8], millis, feed: &Feed| {
                session.take(&Frame { bytes, ..at(millis) }, feed, &mut writer).unwrap()
            };
            let left_out = if drops_repeats { Taken::Repeated } else { Taken::Published };
            assert_eq!(take(&same, 0, &feed), Taken::Published);
            assert_eq!(take(&same, 100, &feed), left_out);
            assert_eq!(take(&same, 999, &feed), left_out);
            assert_eq!(take(&same, 1000, &feed), Taken::Published, "one a second");
            assert_eq!(take(&other, 1100, &feed), Taken::Published);
            assert_eq!(take(&same, 1200, &feed), Taken::Published, "only the one before counts");
            assert_eq!(feed.counters.repeated.load(Ordering::Relaxed), if drops_repeats { 2 } else { 0 });
        }
    }
    let config = SourceConfig { drops_repeats: true, ..SourceConfig::of(SourceSpec::Pattern) };
    let (feed, mut writer) = feed_of(config);
    let mut session = session(Layout::Raw(Raw::Yuyv));
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    let pixels = [128; 16 * 8];
    let mut take = |millis| session.take(&Frame { bytes: &pixels, ..at(millis) }, &feed, &mut writer);
    assert_eq!(take(0), Ok(Taken::Published));
    feed.set_orientation(Orientation { rotation: Rotation::Half, flip: Flip::None });
    assert_eq!(take(10), Ok(Taken::Published), "turned");
    assert_eq!(take(20), Ok(Taken::Repeated));
}

#[test]
fn whoever_comes_first_sees_the_picture_at_once_also_if_it_is_the_same_as_before() {
    let config = SourceConfig { drops_repeats: true, ..SourceConfig::of(SourceSpec::Pattern) };
    let (feed, mut writer) = feed_of(config);
    let mut session = session(Layout::Mjpeg);
    writer.reserve(4000).unwrap();
    let begin = Instant::now();
    let mut take = |millis| {
        let captured = begin + Duration::from_millis(millis);
        session.take(&Frame { captured, ..frame(WHOLE) }, &feed, &mut writer)
    };
    assert_eq!(take(0), Ok(Taken::Unwanted), "nobody watches");
    let _demand = Demand::new(feed.clone());
    assert_eq!(take(100), Ok(Taken::Published));
    assert_eq!(take(200), Ok(Taken::Repeated));
}

#[test]
fn a_cameras_own_jpegs_are_encoded_again_where_that_is_configured() {
    let config = SourceConfig {
        encoder: camera::EncodeMode::Software,
        size: Some(Size { width: 6, height: 4 }),
        ..SourceConfig::of(SourceSpec::Pattern)
    };
    let (feed, mut writer) = feed_of(config);
    let mut session = session(Layout::Mjpeg);
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    let mut jpeg = vec![0; 4000];
    let picture = Picture::new(&[128; 16 * 8], Raw::Yuyv, SIZE, 16, Range::Full).unwrap();
    let length = Encoder::new(85).encode(&picture, &mut jpeg).unwrap();
    assert_eq!(session.take(&frame(&jpeg[..length]), &feed, &mut writer), Ok(Taken::Published));
    let stored = feed.ring.frame().unwrap();
    let (noted, is) = (stored.meta.size, Jpeg::parse(stored.jpeg()).unwrap().size());
    assert_eq!((noted, is), (Size { width: 4, height: 4 }, Size { width: 4, height: 4 }));
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&feed.counters.encoded), count(&feed.counters.mended)), (1, 0));
    // A JPEG that cannot be decoded cannot be encoded again.
    assert_eq!(
        session.take(&frame(WHOLE), &feed, &mut writer),
        Err(DropReason::Undecodable(Undecodable::Damaged))
    );
}

#[test]
fn when_encoding_falls_behind_late_frames_are_dropped_but_not_forever() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Raw(Raw::Yuyv));
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    let pixels = [128; 16 * 8];
    let captured = Instant::now() - Duration::from_secs(1);
    let late = Frame { captured, ..frame(&pixels) };
    for _ in 0..LATE_FRAMES {
        assert_eq!(session.take(&late, &feed, &mut writer), Err(DropReason::Late));
    }
    assert_eq!(session.take(&late, &feed, &mut writer), Ok(Taken::Published));
    assert_eq!(session.too_many_bad(), None);
}

#[test]
fn no_more_frames_are_encoded_than_anybody_wants_and_all_of_them_count_as_the_cameras_rate() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Raw(Raw::Yuyv));
    let _demand = Demand::limited(feed.clone(), Some("5".parse().unwrap()));
    writer.reserve(4000).unwrap();
    let (pixels, start) = ([128; 16 * 8], Instant::now());
    let taken: Vec<_> = (0..50u32)
        .map(|number| {
            let captured = start + Duration::from_millis(20) * number;
            session.take(&Frame { captured, ..frame(&pixels) }, &feed, &mut writer).unwrap()
        })
        .collect();
    let encoded = |taken: &&Taken| **taken == Taken::Published;
    assert_eq!((taken[0], taken.iter().filter(encoded).count()), (Taken::Published, 5), "{taken:?}");
    assert!((feed.status().fps - 50.0).abs() < 0.5, "{}", feed.status().fps);
}

#[test]
fn the_quality_can_be_changed_while_frames_flow() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Raw(Raw::Yuyv));
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    let pixels: Vec<u8> = (0..16 * 8).map(|i| (i * 91) as u8).collect();
    let mut length = |quality: u8| {
        feed.set_quality(quality);
        assert_eq!(session.take(&frame(&pixels), &feed, &mut writer), Ok(Taken::Published));
        feed.ring.frame().expect("a frame").jpeg().len()
    };
    let usual = length(DEFAULT_QUALITY);
    let (low, high) = (length(5), length(100));
    assert!(low < usual && usual < high, "{low}, {usual}, {high} bytes");
    assert_eq!((length(0), length(255)), (length(1), high));
}

#[test]
fn raw_pictures_are_turned_while_frames_flow() {
    let (feed, mut writer) = feed();
    let wide = SourceInfo { size: Size { width: 16, height: 8 }, stride: 32, ..info(Layout::Raw(Raw::Yuyv)) };
    let mut session = Session::new(&wide, TOLERATED);
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    // The left half is dark.
    let pixels: Vec<u8> = (0..32 * 8).map(|i| [if i % 32 < 16 { 50 } else { 200 }, 128][i % 2]).collect();
    let mut turned = |rotation| {
        feed.set_orientation(Orientation { rotation, flip: Flip::None });
        assert_eq!(session.take(&frame(&pixels), &feed, &mut writer), Ok(Taken::Published));
        let mut decoder = JpegDecoder::new(ZCursor::new(feed.ring.frame().expect("a frame").jpeg().to_vec()));
        let pixels = decoder.decode().expect("a picture");
        let is_bright = |at: usize| pixels[3 * at] > 128;
        (decoder.dimensions().expect("a size"), is_bright(0), is_bright(pixels.len() / 3 - 1))
    };
    assert_eq!(turned(Rotation::None), ((16, 8), false, true));
    assert_eq!(turned(Rotation::Quarter), ((8, 16), false, true), "left becomes top");
    assert_eq!(turned(Rotation::Half), ((16, 8), true, false));
}

#[test]
fn a_camera_that_delivers_less_than_the_format_it_claims_is_reopened() {
    for (raw, len) in [(Raw::Nv12, 16 * 8 * 3 / 2 - 9), (Raw::Yuyv, 16 * 7), (Raw::Rgb24, 16 * 8)] {
        let (feed, mut writer) = feed();
        let mut session = session(Layout::Raw(raw));
        let _demand = Demand::new(feed.clone());
        writer.reserve(4000).unwrap();
        for _ in 0..=TOLERATED {
            let taken = session.take(&frame(&vec![0; len]), &feed, &mut writer);
            assert_eq!(taken, Err(DropReason::Unencodable), "{raw:?}");
        }
        assert_eq!(session.too_many_bad(), Some((TOLERATED + 1, DropReason::Unencodable)), "{raw:?}");
    }
}

#[test]
fn timings_that_change_inside_a_frame_cost_that_frame_alone() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Raw(Raw::Yuyv));
    let _demand = Demand::new(feed.clone());
    writer.reserve(4000).unwrap();
    let whole = [128; 16 * 8];
    for _ in 0..=TOLERATED {
        // Fewer rows came before the signal changed, or more after, or the driver says that it is torn.
        let short = session.take(&frame(&whole[..16 * 5]), &feed, &mut writer);
        assert_eq!(short, Err(DropReason::Unencodable));
        let torn = Frame { flaw: Some(Flaw::Flagged), ..frame(&whole) };
        assert_eq!(session.take(&torn, &feed, &mut writer), Err(Flaw::Flagged.into()));
        let long = session.take(&frame(&[128; 16 * 11]), &feed, &mut writer);
        assert_eq!(long, Ok(Taken::Published), "the rows of the picture are whole");
        assert_eq!(session.take(&frame(&whole), &feed, &mut writer), Ok(Taken::Published));
        assert_eq!(session.too_many_bad(), None);
    }
}

#[test]
fn progressive_jpegs_are_encoded_again_as_baseline_and_counted() {
    let small = SourceConfig { size: Some(SIZE), ..SourceConfig::of(SourceSpec::Pattern) };
    let (feed, mut writer) = feed_of(small);
    let info = info(Layout::Mjpeg);
    let mut session = Session::new(&info, TOLERATED);
    feed.status().state = CaptureState::Live(info);
    session.size = Size { width: 320, height: 180 };
    let jpeg = include_bytes!("../../../tests/pictures/progressive.jpg");
    assert_eq!(session.take(&frame(jpeg), &feed, &mut writer), Ok(Taken::Unwanted));
    let _demand = Demand::new(feed.clone());
    assert_eq!(session.take(&frame(jpeg), &feed, &mut writer), Ok(Taken::Published));
    let stored = feed.ring.frame().unwrap();
    let shown = Jpeg::parse(stored.jpeg()).unwrap();
    assert_eq!((shown.is_progressive(), shown.size()), (false, session.size));
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    assert_eq!((count(&feed.counters.encoded), count(&feed.counters.converted)), (1, 1));
    assert!(!feed.is_passthrough(), "page and /state would say that the quality cannot be set");
}

#[test]
fn a_jpeg_that_would_have_to_be_decoded_and_cannot_be_is_refused_even_if_nobody_watches() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Mjpeg);
    session.size = Size { width: 6000, height: 4000 };
    let mut jpeg = include_bytes!("../../../tests/pictures/progressive.jpg").to_vec();
    let at = jpeg.windows(2).position(|two| two == b"\xff\xc2").unwrap() + 5;
    jpeg[at..at + 4].copy_from_slice(&[15, 160, 23, 112]);
    let refused = DropReason::Undecodable(Undecodable::TooManyPixels);
    assert_eq!(session.take(&frame(&jpeg), &feed, &mut writer), Err(refused));
    assert_eq!(session.too_many_bad(), None);
}

#[test]
fn a_camera_that_leaves_stale_bytes_behind_one_picture_in_four_loses_none() {
    let (feed, mut writer) = feed();
    let mut session = session(Layout::Mjpeg);
    let stale = [WHOLE, &[0x37; 3000]].concat();
    for number in 0..100 {
        let bytes = if number % 4 == 0 { &stale[..] } else { WHOLE };
        assert_eq!(session.take(&frame(bytes), &feed, &mut writer), Ok(Taken::Unwanted), "frame {number}");
    }
}

/// A JPEG of this size with so many bytes of compressed data.
fn picture(size: Size, data: usize) -> Vec<u8> {
    let mut jpeg = WHOLE.to_vec();
    let (width, height) = (size.width as u16, size.height as u16);
    jpeg[7..11].copy_from_slice(&[height.to_be_bytes(), width.to_be_bytes()].concat());
    let end = jpeg.len() - 2;
    jpeg.splice(end..end, vec![7; data]);
    jpeg
}

fn session_of_a_program() -> Session {
    let info = SourceInfo { kind: SourceKind::Program, interval: None, ..info(Layout::Mjpeg) };
    Session::new(&info, TOLERATED)
}

#[test]
fn a_program_may_show_something_small_first_and_then_large_pictures() {
    let (feed, mut writer) = feed();
    let mut session = session_of_a_program();
    let _demand = Demand::new(feed.clone());
    writer.reserve(1000).unwrap();
    assert_eq!(session.take(&frame(&picture(SIZE, 9)), &feed, &mut writer), Ok(Taken::Published));
    for data in [2000, 700_000, 5_000_000] {
        let large = picture(SIZE, data);
        assert_eq!(session.take(&frame(&large), &feed, &mut writer), Ok(Taken::Published), "{data}");
        assert!(feed.ring.frame().unwrap().jpeg().len() > data);
    }
    let too_large = picture(SIZE, 17 << 20);
    assert_eq!(session.take(&frame(&too_large), &feed, &mut writer), Err(DropReason::TooLarge));
    assert_eq!(session.take(&frame(&picture(SIZE, 9)), &feed, &mut writer), Ok(Taken::Published));
}

#[test]
fn a_still_of_another_size_is_shown_at_once_if_the_last_one_is_long_ago() {
    let (feed, mut writer) = feed();
    let mut session = session_of_a_program();
    let start = Instant::now();
    let (one, two) = (picture(SIZE, 9), picture(Size { width: 16, height: 8 }, 9));
    for (number, jpeg) in [&one, &two, &one].into_iter().enumerate() {
        let captured = start + number as u32 * Duration::from_secs(15);
        let taken = session.take(&Frame { captured, ..frame(jpeg) }, &feed, &mut writer);
        assert_eq!(taken, Ok(Taken::Unwanted), "still {number}");
    }
    let captured = start + Duration::from_millis(30_033);
    let taken = session.take(&Frame { captured, ..frame(&two) }, &feed, &mut writer);
    assert_eq!(taken, Err(DropReason::WrongSize));
}

#[test]
fn a_still_is_kept_for_whoever_asks_later_if_stills_come_seldom() {
    let (feed, mut writer) = feed();
    let mut session = session_of_a_program();
    writer.reserve(1000).unwrap();
    session.keep_newest(true);
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Published));
    session.keep_newest(false);
    assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Unwanted));
}

#[test]
fn a_damaged_frame_is_told_from_one_that_the_driver_flagged() {
    let (feed, mut writer) = feed();
    let mut session = session_of_a_program();
    for (flaw, reason) in [(Flaw::Damaged, DropReason::Damaged), (Flaw::TooLarge, DropReason::TooLarge)] {
        let frame = Frame { flaw: Some(flaw), ..frame(WHOLE) };
        assert_eq!(session.take(&frame, &feed, &mut writer), Err(reason));
    }
}
