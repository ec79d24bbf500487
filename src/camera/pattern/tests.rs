use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::*;
use crate::picture::Picture;

/// Long enough for any frame on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn config(width: u32, height: u32, fps: u32) -> SourceConfig {
    SourceConfig {
        size: Some(Size { width, height }),
        fps: Some(fps),
        ..SourceConfig::of(SourceSpec::Pattern)
    }
}

fn open(width: u32, height: u32, fps: u32) -> Pattern {
    Pattern::open(&config(width, height, fps)).expect("a size that it can do")
}

/// Sequence number and pixels of the next frame.
fn next(pattern: &mut Pattern) -> (u32, Vec<u8>) {
    let frame = pattern.next(LONG).expect("it never ends").expect("a frame in time");
    (frame.sequence, frame.bytes.to_vec())
}

/// The luma that a viewer gets to see at quality 50.
fn seen(pattern: &Pattern, bytes: &[u8]) -> Vec<u8> {
    let SourceInfo { size, stride, range, .. } = *pattern.info();
    let picture = Picture::new(bytes, Canvas::LAYOUT, size, stride, range).expect("as it says of itself");
    let mut jpeg = vec![0; bytes.len() + 2000];
    let len = crate::jpeg::encode::Encoder::new(50).encode(&picture, &mut jpeg).expect("it fits");
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    JpegDecoder::new_with_options(ZCursor::new(&jpeg[..len]), options).decode().expect("a JPEG")
}

#[test]
fn the_frame_number_can_be_read_from_what_a_viewer_sees() {
    for (width, height) in [(256, 48), (257, 49), (320, 240), (640, 480), (1280, 720)] {
        let mut pattern = open(width, height, 240);
        for _ in 0..3 {
            let (sequence, bytes) = next(&mut pattern);
            let luma = seen(&pattern, &bytes);
            assert_eq!(
                read_counter(&luma, width, height, width as usize),
                Some(sequence),
                "{width}x{height}"
            );
        }
    }
}

#[test]
fn every_number_that_fits_into_the_counter_can_be_read_back() {
    let mut canvas = Canvas::new(Size { width: 256, height: 48 }, BACKGROUND);
    for number in [0, 1, 0xffff, 0x1_0000, 0x8000_0001, 0xdead_beef, u32::MAX].into_iter().chain(100..400) {
        write_counter(&mut canvas, number);
        let luma: Vec<u8> = canvas.bytes().iter().copied().step_by(2).collect();
        assert_eq!(read_counter(&luma, 256, 48, 256), Some(number));
    }
}

#[test]
fn no_number_is_read_from_foreign_torn_or_small_pictures() {
    let mut pattern = open(320, 240, 240);
    let (_, bytes) = next(&mut pattern);
    let luma = seen(&pattern, &bytes);
    assert_eq!(read_counter(&vec![16; 320 * 240], 320, 240, 320), None, "a black picture");
    assert_eq!(read_counter(&vec![235; 320 * 240], 320, 240, 320), None, "a white picture");
    assert_eq!(read_counter(&luma[..320 * 20], 320, 240, 320), None, "fewer rows than it says");
    assert_eq!(read_counter(&luma, 320, 240, usize::MAX), None, "a stride beyond all");
    assert_eq!(read_counter(&luma, 255, 240, 320), None, "too narrow");
    assert_eq!(read_counter(&luma, 320, 47, 320), None, "too low");
    let mut torn = luma;
    let mut canvas = Canvas::new(Size { width: 320, height: 240 }, BACKGROUND);
    write_counter(&mut canvas, 0x0001_0000);
    for (sample, other) in torn.iter_mut().zip(canvas.bytes().iter().step_by(2)).take(320 * 16) {
        *sample = *other;
    }
    assert_eq!(read_counter(&torn, 320, 240, 320), None, "the upper rows of another frame");
}

#[test]
fn any_size_and_rate_within_bounds_works() {
    for (width, height) in [(1, 1), (2, 1), (1, 500), (500, 1), (64, 48), (641, 479), (8192, 8), (8, 8192)] {
        let mut pattern = open(width, height, MAX_FPS);
        let (_, first) = next(&mut pattern);
        let (_, second) = next(&mut pattern);
        let info = pattern.info();
        assert_eq!((info.size, info.layout), (Size { width, height }, LAYOUT));
        assert_eq!((first.len(), second.len()), (info.max_frame, info.max_frame));
        assert!(Picture::new(&first, Canvas::LAYOUT, info.size, info.stride, info.range).is_ok());
    }
}

#[test]
fn a_setting_that_it_cannot_meet_is_refused_with_advice() {
    for (refused, word) in [
        (config(8193, 20, 30), "8193x20"),
        (config(20, 65_535, 30), "20x65535"),
        (config(640, 480, 0), "asked for 0"),
        (config(640, 480, 241), "asked for 241"),
        (SourceConfig { encoder: EncodeMode::Passthrough, ..config(640, 480, 30) }, "encoder passthrough"),
    ] {
        let problem = Pattern::open(&refused).expect_err("beyond its bounds").to_string();
        assert!(problem.starts_with("cannot open the test pattern: ") && problem.contains(word), "{problem}");
    }
    let jpegs = SourceConfig { layout: Some(Layout::Mjpeg), ..config(640, 480, 30) };
    assert_eq!(
        Pattern::open(&jpegs).expect("a compromise").info().compromises,
        ["asked for mjpeg, got yuyv"]
    );
}

#[test]
fn the_block_makes_every_frame_differ_from_the_previous_one() {
    for (width, fps) in [(64, 1), (64, 240), (333, 30), (1280, 30), (1280, 240), (1919, 7)] {
        let strip = Rectangle::new(Point::zero(), geometry::Size::new(width, 10));
        for number in 0..2000 {
            let (one, other) = (block(strip, number, fps), block(strip, number + 1, fps));
            assert_ne!(one, other, "{width} wide at {fps}/s, frame {number}");
            assert_eq!(one.intersection(&strip), one, "{width} wide at {fps}/s, frame {number}");
        }
    }
}

#[test]
fn earlier_drawings_leave_no_trace() {
    let mut pattern = open(640, 480, 30);
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_200);
    pattern.draw(888_888, noon);
    pattern.draw(7, noon);
    let mut fresh = open(640, 480, 30);
    fresh.draw(7, noon);
    assert!(pattern.canvas.bytes() == fresh.canvas.bytes());
}

#[test]
fn frames_come_at_the_agreed_rate_without_drift() {
    const FPS: u32 = 100;
    let mut pattern = open(64, 48, FPS);
    let start = pattern.start;
    let mut last = None;
    for _ in 0..40 {
        let frame = pattern.next(LONG).expect("it never ends").expect("a frame in time");
        let due = Duration::from_secs(1) * frame.sequence / FPS;
        assert!(frame.captured - start >= due, "frame {} came before its time", frame.sequence);
        assert!(last.is_none_or(|last| frame.sequence > last), "frame {} came again", frame.sequence);
        last = Some(frame.sequence);
    }
}

#[test]
fn frames_that_were_not_taken_leave_a_gap() {
    let mut pattern = open(64, 48, 30);
    pattern.start -= Duration::from_secs(10); // as if the last ten seconds went by unwatched
    let (sequence, _) = next(&mut pattern);
    assert!(sequence >= 300, "frame {sequence} is an old one");
    assert!(next(&mut pattern).0 > sequence);
}

#[test]
fn the_first_frame_comes_at_once_and_none_comes_early() {
    let mut pattern = open(64, 48, 1);
    assert!(pattern.next(Duration::ZERO).is_ok_and(|frame| frame.is_some_and(|f| f.sequence == 0)));
    let begin = Instant::now();
    assert!(pattern.next(Duration::from_millis(20)).is_ok_and(|frame| frame.is_none()));
    assert!(begin.elapsed() < Duration::from_millis(900), "waited longer than its timeout");
}

#[test]
fn the_pace_does_not_drift_in_a_year() {
    let pattern = open(64, 48, 7);
    let year = 365 * 86_400;
    assert_eq!(pattern.due(7 * year) - pattern.start, Duration::from_secs(year));
    assert_eq!(pattern.newest(Duration::from_secs(year)), 7 * year);
}
