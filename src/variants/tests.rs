use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::jpeg::encode::Encoder;
use crate::jpeg::passthrough::Jpeg;
use crate::picture::{Picture, Range, Raw, Size};
use crate::ring::{Meta, Writer};
use std::time::Instant;

const SMALL: Variant = Variant { size: Some(Size { width: 32, height: 32 }), quality: 50 };

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn camera() -> (Arc<Variants>, Arc<Feed>, Writer) {
    let (feed, mut writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
    let feed = Arc::new(feed);
    writer.reserve(64 << 10).unwrap();
    (Variants::new(vec![feed.clone()], Box::new(|| {})), feed, writer)
}

/// A grey picture of 64x48 pixels.
fn picture() -> Vec<u8> {
    let (size, mut out) = (Size { width: 64, height: 48 }, vec![0; 64 << 10]);
    let pixels = vec![128; 64 * 48 * 2];
    let picture = Picture::new(&pixels, Raw::Yuyv, size, 128, Range::Full).unwrap();
    let length = Encoder::new(85).encode(&picture, &mut out).unwrap();
    out.truncate(length);
    out
}

fn publish(feed: &Feed, writer: &mut Writer, jpeg: &[u8]) -> Instant {
    let captured = Instant::now();
    let meta = Meta { captured, size: Size { width: 64, height: 48 }, card: false };
    let fill = |slot: &mut [u8]| {
        slot[..jpeg.len()].copy_from_slice(jpeg);
        Ok::<_, ()>(jpeg.len())
    };
    writer.publish(meta, fill).unwrap();
    feed.wake_listeners();
    captured
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < LONG, "waited for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_smaller_frame_comes_for_each_of_the_cameras_with_the_time_of_its_capture() {
    let (variants, source, mut writer) = camera();
    let demand = variants.demand(0, Some(SMALL), None, None).unwrap();
    let jpeg = picture();
    for number in 1..=5 {
        let captured = publish(&source, &mut writer, &jpeg);
        wait_for("a frame", || demand.feed().ring.newest() == number);
        let frame = demand.feed().ring.frame().unwrap();
        assert_eq!(frame.meta.captured, captured);
        assert_eq!(Jpeg::parse(frame.jpeg()).unwrap().size(), Size { width: 32, height: 24 });
    }
    let running = &variants.list()[0];
    // Counted just after the frame is there.
    wait_for("the count", || running.feed.counters.encoded.load(Ordering::Relaxed) == 5);
    assert!(running.ms_per_frame() > 0.0);
}

#[test]
fn viewers_that_want_the_same_share_one() {
    let (variants, _, _) = camera();
    let demands = [SMALL, SMALL, Variant { quality: 51, ..SMALL }]
        .map(|v| variants.demand(0, Some(v), None, None).unwrap());
    assert!(Arc::ptr_eq(demands[0].feed(), demands[1].feed()));
    assert!(!Arc::ptr_eq(demands[0].feed(), demands[2].feed()));
    assert_eq!(variants.list().len(), 2);
}

#[test]
fn no_more_frames_are_made_than_anybody_wants_and_the_camera_is_asked_for_no_more() {
    let (variants, source, mut writer) = camera();
    let (two, ten) = ("2".parse().unwrap(), "10".parse().unwrap());
    let few = variants.demand(0, Some(SMALL), Some(two), None).unwrap();
    wait_for("the camera to be asked for two", || source.total_demand().fps() == Some(two));
    let more = variants.demand(0, Some(SMALL), Some(ten), None).unwrap();
    wait_for("the camera to be asked for ten", || source.total_demand().fps() == Some(ten));
    drop(more);
    wait_for("the camera to be asked for two again", || source.total_demand().fps() == Some(two));
    let (jpeg, running) = (picture(), &variants.list()[0]);
    let looked_at = || running.feed.counters.captured.load(Ordering::Relaxed);
    publish(&source, &mut writer, &jpeg);
    wait_for("the first frame", || looked_at() == 1);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(1200) {
        publish(&source, &mut writer, &jpeg);
        thread::sleep(Duration::from_millis(20));
    }
    let made = looked_at();
    assert!(made <= 4, "{made} frames");
    let all = variants.demand(0, Some(SMALL), None, None).unwrap();
    wait_for("the camera to be asked for all", || {
        source.is_wanted() && source.total_demand().fps().is_none()
    });
    publish(&source, &mut writer, &jpeg);
    wait_for("the next one", || looked_at() > made);
    drop((few, all));
}

#[test]
fn it_uses_the_camera_only_while_watched_and_ends_soon_after() {
    let (variants, source, _) = camera();
    let demand = variants.demand(0, Some(SMALL), None, None).unwrap();
    wait_for("it to begin", || source.demand_count() == 1);
    drop(demand);
    wait_for("the camera to be let go", || source.demand_count() == 0);
    assert_eq!(variants.list().len(), 1, "a page that is loaded again should find it");
    wait_for("it to end", || variants.list().is_empty());
}

#[test]
fn a_viewer_that_returns_in_time_finds_the_same_one() {
    let (variants, source, mut writer) = camera();
    let feed = variants.demand(0, Some(SMALL), None, None).unwrap().feed().clone();
    wait_for("the camera to be let go", || source.demand_count() == 0);
    let again = variants.demand(0, Some(SMALL), None, None).unwrap();
    assert!(Arc::ptr_eq(again.feed(), &feed));
    wait_for("it to begin again", || source.demand_count() == 1);
    publish(&source, &mut writer, &picture());
    wait_for("a frame", || feed.ring.newest() > 0);
}

#[test]
fn ten_thousand_sizes_are_bounded_and_refused_with_a_message() {
    let (variants, source, mut writer) = camera();
    let of_width = |width| Variant { size: Some(Size { width, height: 9 }), quality: 85 };
    let watched: Vec<_> = (1..=VARIANTS_MAX as u32)
        .map(|width| variants.demand(0, Some(of_width(width)), None, None).unwrap())
        .collect();
    for width in 100..10_100 {
        let message = variants.demand(0, Some(of_width(width)), None, None).unwrap_err().to_string();
        assert!(message.contains("size=1x9&quality=85 of camera door"), "{message}");
        assert!(message.contains(&format!("{VARIANTS_MAX} kinds")), "{message}");
    }
    assert_eq!(variants.list().len(), VARIANTS_MAX);
    publish(&source, &mut writer, &picture());
    for demand in &watched {
        wait_for("a frame", || demand.feed().ring.newest() > 0);
    }
    assert!(matches!(variants.demand(9, None, None, None), Err(DemandError::NoCamera)));
}

#[test]
fn one_that_nobody_watches_makes_way_for_another() {
    let (variants, _, _) = camera();
    let of_quality = |quality| variants.demand(0, Some(Variant { size: None, quality }), None, None);
    let _watched: Vec<_> = (1..VARIANTS_MAX as u8).map(|quality| of_quality(quality).unwrap()).collect();
    let last = of_quality(50).unwrap();
    assert!(of_quality(51).is_err(), "a variant that is watched made way");
    drop(last);
    let _new = of_quality(51).unwrap();
    let list = variants.list();
    assert!(list.iter().any(|one| one.variant.quality == 51));
    assert!(list.iter().all(|one| one.variant.quality != 50));
    assert_eq!(list.len(), VARIANTS_MAX);
}

#[test]
fn a_card_says_that_pictures_cannot_be_made_smaller() {
    let (variants, source, mut writer) = camera();
    let demand = variants.demand(0, Some(SMALL), None, None).unwrap();
    let mut arithmetic = picture();
    let at = arithmetic.windows(2).position(|two| two == b"\xff\xc0").unwrap();
    arithmetic[at + 1] = 0xc9;
    let card = || demand.feed().ring.frame().map(|frame| frame.meta.card);
    wait_for("a card", || {
        publish(&source, &mut writer, &arithmetic);
        card() == Some(true)
    });
    publish(&source, &mut writer, &picture());
    wait_for("the picture", || card() == Some(false));
}

#[test]
fn a_client_with_odd_wishes_leaves_kinds_for_others_and_the_pages_are_always_made() {
    let (variants, _, _) = camera();
    let demand = |quality, client| {
        variants.demand(0, Some(Variant { size: None, quality }), None, Some(ClientId(client)))
    };
    let greedy = [demand(10, 1), demand(15, 1)].map(Result::unwrap);
    let refused = demand(20, 1).unwrap_err().to_string();
    assert!(refused.contains("quality=10 of camera door, quality=15 of camera door"), "{refused}");
    assert!(refused.contains("size=480x360&quality=60"), "{refused}");
    let again = demand(10, 1).unwrap(); // the same once more
    let others = [demand(20, 2), demand(25, 2)].map(Result::unwrap);
    assert!(demand(20, 1).is_err(), "it may not join a third either");
    assert!(matches!(demand(30, 3), Err(DemandError::Full(_))), "there are four");
    let joined = demand(10, 3).unwrap();
    let page =
        PAGE_VARIANTS.map(|variant| variants.demand(0, Some(variant), None, Some(ClientId(1))).unwrap());
    assert_eq!(variants.list().len(), VARIANTS_MAX + PAGE_VARIANTS.len());
    drop((greedy, again));
    assert!(demand(35, 1).is_ok(), "a kind that is not watched any more does not count, and makes way");
    drop((others, joined, page));
}
