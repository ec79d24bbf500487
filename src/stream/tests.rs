use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::problem::text;

#[test]
fn a_change_that_waits_for_an_unplugged_camera_is_tried_less_and_less_often() {
    let config = SourceConfig::of(SourceSpec::Device("/dev/video99".into()));
    let (feed, writer) = Feed::new("door".to_owned(), config);
    let shutdown = Shutdown::default();
    let mut stream = Stream::new(&feed, writer, &shutdown, &|| ());
    feed.change(|now| now.with("size", Some("640x480"))).unwrap();
    let gone = || Problem::new(text!("cannot open it"), text!("it is not there"), text!("plug it in"));
    let mut pauses = Vec::new();
    // Each time with what is asked for, and then with what held before.
    for tried in 0..12 {
        stream.trial.next(&feed);
        pauses.extend(stream.next_try(SessionEnd::NotFound(gone()), Duration::ZERO));
        let is_said = matches!(feed.status().state, CaptureState::Waiting(_));
        assert_eq!(is_said, tried > 0, "after try {tried}");
    }
    assert_eq!(pauses, [1, 2, 4, 5, 5, 5].map(Duration::from_secs));
}

#[test]
fn a_camera_that_nobody_wants_any_more_is_no_trouble() {
    let (feed, writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
    let shutdown = Shutdown::default();
    let mut stream = Stream::new(&feed, writer, &shutdown, &|| ());
    stream.trial.next(&feed);
    assert_eq!(stream.next_try(SessionEnd::Unwanted, Duration::ZERO), None);
    assert_eq!(feed.status().problem(), None);
}
