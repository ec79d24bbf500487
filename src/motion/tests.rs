use std::thread;
use std::time::{Duration, Instant};

use super::worker::QUIET;
use super::*;
use crate::camera::{SourceConfig, SourceInfo, SourceKind, SourceSpec};
use crate::events::{Event, Kind};
use crate::feed::CaptureState;
use crate::feed::motion::{Sensitivity, Settings};
use crate::jpeg::encode::Encoder;
use crate::jpeg::passthrough::Jpeg;
use crate::picture::{Picture, Range, Raw, Size};
use crate::ring::{Meta, Writer};

const SIZE: Size = Size { width: 640, height: 480 };

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// An empty room, or somebody at this distance from the left.
fn scene(person: Option<usize>) -> Vec<u8> {
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let luma = |x: usize, y: usize| match person {
        Some(left) if (left..left + 120).contains(&x) && (200..440).contains(&y) => 220,
        _ => 60 + ((x / 40 + y / 30) % 5) as u8 * 12,
    };
    let pixels: Vec<u8> = (0..width * height).flat_map(|at| [luma(at % width, at / width), 128]).collect();
    let picture = Picture::new(&pixels, Raw::Yuyv, SIZE, SIZE.width * 2, Range::Full).unwrap();
    let mut jpeg = vec![0; 512 << 10];
    let length = Encoder::new(85).encode(&picture, &mut jpeg).unwrap();
    jpeg.truncate(length);
    jpeg
}

fn publish(feed: &Feed, writer: &mut Writer, jpeg: &[u8]) {
    let fill = |slot: &mut [u8]| {
        slot[..jpeg.len()].copy_from_slice(jpeg);
        Ok::<_, ()>(jpeg.len())
    };
    writer.publish(Meta { captured: Instant::now(), size: SIZE, card: false }, fill).unwrap();
    feed.wake_listeners();
    thread::sleep(Duration::from_millis(50)); // the rate of the camera
}

fn live() -> CaptureState {
    CaptureState::Live(SourceInfo::of_jpegs(SourceKind::Device, String::new(), SIZE))
}

#[test]
fn what_begins_and_ends_to_move_is_an_event_with_a_small_picture_of_the_moment() {
    let (feed, mut writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
    let settings = Settings { sensitivity: Some(Sensitivity::Medium), fps: 20, ..Settings::default() };
    let feed = Arc::new(feed.with_motion(&settings));
    feed.status().state = live();
    writer.reserve(512 << 10).unwrap();
    let (events, shutdown) = (Arc::<Events>::default(), Shutdown::default());
    let heard = events.subscribe();
    let detection = Detection::new(vec![feed.clone()], events, shutdown.clone());
    detection.start();
    let (empty, walk) = (scene(None), (0..24).map(|step| scene(Some(step * 20))).collect::<Vec<_>>());
    let begin = Instant::now();
    let mut shows = |jpegs: &[Vec<u8>], until: Duration| -> Option<Arc<Event>> {
        let begin = Instant::now();
        jpegs.iter().cycle().find_map(|jpeg| {
            assert!(begin.elapsed() < LONG, "no event");
            publish(&feed, &mut writer, jpeg);
            heard.wait(Duration::ZERO).map(Some).or_else(|| (begin.elapsed() > until).then_some(None))
        })?
    };
    let empty = std::slice::from_ref(&empty);
    assert!(shows(empty, Duration::from_secs(4)).is_none(), "an empty room moves");
    let began = shows(&walk, LONG).unwrap();
    assert_eq!((began.camera.as_str(), &began.kind), ("door", &Kind::MotionBegan));
    assert!(began.moment > begin + Duration::from_secs(4), "before somebody came");
    let picture = began.picture.as_ref().unwrap();
    assert_eq!(Jpeg::parse(picture).unwrap().size(), Size { width: 320, height: 240 });
    assert!(feed.motion.is_moving());
    let ended = shows(empty, LONG).unwrap();
    assert_eq!((&ended.kind, ended.number), (&Kind::MotionEnded, began.number));
    assert!(ended.moment >= began.moment + QUIET, "too early");
    assert!(!feed.motion.is_moving());
    // Switched off while something moves.
    let again = shows(&walk, LONG).unwrap();
    assert_eq!(again.kind, Kind::MotionBegan);
    feed.motion.change(|wanted| wanted.sensitivity = None);
    let ended = shows(&walk, LONG).unwrap();
    assert_eq!((&ended.kind, ended.number), (&Kind::MotionEnded, again.number));
}
