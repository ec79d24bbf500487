//! A camera's own JPEGs that are brought down in quality, turned, or cannot be.

use super::*;

/// A grey JPEG of some detail, 64x32, of this quality.
fn detailed(quality: u8) -> Vec<u8> {
    let size = Size { width: 64, height: 32 };
    let pixels: Vec<u8> = (0..64 * 32u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let picture = Picture::new(&pixels, Raw::Grey, size, 64, Range::Full).unwrap();
    let mut jpeg = vec![0; 9000];
    let length = Encoder::new(quality).encode(&picture, &mut jpeg).unwrap();
    jpeg.truncate(length);
    jpeg
}

/// What a camera of JPEGs shows of `jpeg` with these settings, and the feed.
struct Shown {
    feed: Arc<Feed>,
    writer: Writer,
    session: Session,
    _demand: Demand,
}

impl Shown {
    fn new(config: SourceConfig, own_quality: Option<u8>) -> Self {
        let (feed, mut writer) = feed_of(config);
        writer.reserve(20_000).unwrap();
        let size = Size { width: 64, height: 32 };
        let info = SourceInfo { own_quality, size, ..info(Layout::Mjpeg) };
        feed.status().state = CaptureState::Live(info.clone());
        let session = Session::new(&info, TOLERATED);
        Self { _demand: Demand::new(feed.clone()), feed, writer, session }
    }

    fn of(&mut self, jpeg: &[u8]) -> Vec<u8> {
        assert_eq!(self.session.take(&frame(jpeg), &self.feed, &mut self.writer), Ok(Taken::Published));
        let stored = self.feed.ring.frame().unwrap();
        assert_eq!(stored.meta.size, Jpeg::parse(stored.jpeg()).unwrap().size());
        stored.jpeg().to_vec()
    }
}

fn with(encoder: camera::EncodeMode, quality: Option<u8>) -> SourceConfig {
    SourceConfig { encoder, quality, ..SourceConfig::of(SourceSpec::Pattern) }
}

#[test]
fn a_cameras_jpegs_are_brought_down_to_the_quality_that_is_asked_for_and_never_raised() {
    let [low, high] = [30, 95].map(detailed);
    let mut shown = Shown::new(with(camera::EncodeMode::Auto, Some(50)), None);
    assert!(shown.of(&high).len() < high.len() * 2 / 3);
    assert!(!shown.feed.is_passthrough());
    assert_eq!(shown.of(&low), low);
    assert_eq!(shown.feed.counters.encoded.load(Ordering::Relaxed), 1, "what is copied is not encoded");
    // API and page change it while frames flow.
    shown.feed.set_quality(10);
    assert!(shown.of(&low).len() < low.len());
    shown.feed.set_quality(100);
    assert_eq!(shown.of(&high), high);
}

#[test]
fn a_cameras_jpegs_keep_their_quality_if_nobody_asks_or_it_has_a_control_or_they_are_passed_on() {
    let high = detailed(95);
    for (encoder, quality, own) in [
        (camera::EncodeMode::Auto, None, None),
        (camera::EncodeMode::Auto, Some(50), Some(50)),
        (camera::EncodeMode::Passthrough, Some(50), None),
    ] {
        let mut shown = Shown::new(with(encoder, quality), own);
        assert_eq!(shown.of(&high), high, "{encoder} {quality:?}");
        assert!(shown.feed.is_passthrough());
        // Whoever asks for another quality now gets it, unless JPEGs are to be left as they are.
        shown.feed.set_quality(20);
        assert_eq!(shown.of(&high) == high, encoder == camera::EncodeMode::Passthrough);
        assert_eq!(shown.feed.obeys_quality(), encoder != camera::EncodeMode::Passthrough);
    }
    let mut shown = Shown::new(with(camera::EncodeMode::Software, None), None);
    assert!(shown.of(&high).len() < high.len());
}

#[test]
fn a_cameras_jpegs_are_turned_and_their_size_with_them_while_frames_flow() {
    let jpeg = detailed(85);
    let mut shown = Shown::new(with(camera::EncodeMode::Passthrough, None), None);
    assert_eq!(shown.of(&jpeg), jpeg);
    let quarter = Orientation { rotation: Rotation::Quarter, flip: Flip::None };
    shown.feed.set_orientation(quarter);
    let turned = shown.of(&jpeg);
    assert_eq!(Jpeg::parse(&turned).unwrap().size(), Size { width: 32, height: 64 });
    assert!(!shown.feed.is_passthrough() && !shown.feed.obeys_quality());
    assert_eq!(shown.session.size(), Size { width: 64, height: 32 }, "the camera's own");
    shown.feed.set_orientation(Orientation::default());
    assert_eq!(shown.of(&jpeg), jpeg);
    assert_eq!(shown.feed.counters.encoded.load(Ordering::Relaxed), 1);
}

#[test]
fn what_a_turn_trims_is_said_once_and_the_page_knows_the_size_that_is_left() {
    let size = Size { width: 60, height: 32 };
    let pixels = vec![90; 60 * 32];
    let picture = Picture::new(&pixels, Raw::Grey, size, 60, Range::Full).unwrap();
    let mut jpeg = vec![0; 9000];
    let length = Encoder::new(85).encode(&picture, &mut jpeg).unwrap();
    let mut shown = Shown::new(with(camera::EncodeMode::Auto, None), None);
    shown.session.size = size;
    shown.feed.status().state = CaptureState::Live(SourceInfo { size, ..info(Layout::Mjpeg) });
    shown.feed.set_orientation(Orientation { rotation: Rotation::Half, flip: Flip::None });
    (0..3).for_each(|_| _ = shown.of(&jpeg[..length]));
    let [(Level::Info, note)] = &shown.session.notes[..] else { panic!("{:?}", shown.session.notes) };
    assert!(note.contains("pictures are 56x32 and not 60x32"), "{note}");
    assert_eq!(shown.feed.picture_size(), Some(Size { width: 56, height: 32 }));

    // Nobody watches any more, and the picture is turned again.
    drop(shown._demand);
    shown.feed.set_orientation(Orientation { rotation: Rotation::ThreeQuarters, flip: Flip::None });
    assert_eq!(shown.feed.picture_size(), Some(Size { width: 32, height: 60 }), "as far as is known yet");
    shown.session.take(&frame(&jpeg[..length]), &shown.feed, &mut shown.writer).unwrap();
    assert_eq!(shown.feed.picture_size(), Some(Size { width: 32, height: 56 }));
    shown.feed.set_orientation(Orientation { rotation: Rotation::Quarter, flip: Flip::Horizontal });
    shown.session.take(&frame(&jpeg[..length]), &shown.feed, &mut shown.writer).unwrap();
    assert_eq!(shown.feed.picture_size(), Some(Size { width: 32, height: 60 }));
    shown.feed.set_orientation(Orientation::default());
    shown.session.take(&frame(&jpeg[..length]), &shown.feed, &mut shown.writer).unwrap();
    assert_eq!(shown.feed.picture_size(), Some(size));
}

#[test]
fn a_damaged_frame_is_dropped_and_counted_where_it_is_decoded_and_passed_on_where_it_is_not() {
    let jpeg = detailed(85);
    let cut = [&jpeg[..jpeg.len() / 2], b"\xff\xd9"].concat();
    let mut shown = Shown::new(with(camera::EncodeMode::Auto, None), None);
    assert_eq!(shown.of(&cut), cut);
    shown.feed.set_quality(50);
    let damaged = DropReason::Undecodable(Undecodable::Damaged);
    assert_eq!(shown.session.take(&frame(&cut), &shown.feed, &mut shown.writer), Err(damaged));
    let counted: Vec<_> = shown.feed.counters.dropped().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(damaged, 1)]);
}

#[test]
fn a_picture_whose_quality_cannot_be_lowered_is_shown_as_it_is_and_that_is_said_once() {
    let (feed, mut writer) = feed_of(with(camera::EncodeMode::Auto, Some(50)));
    let mut session = session_of_a_program();
    let _demand = Demand::new(feed.clone());
    writer.reserve(1000).unwrap();
    let large = picture(Size { width: 6000, height: 4000 }, 9);
    for _ in 0..3 {
        let taken = session.take(&frame(&large), &feed, &mut writer);
        assert_eq!(taken, Ok(Taken::Published));
    }
    assert_eq!(session.notes.len(), 1, "{:?}", session.notes);
}
