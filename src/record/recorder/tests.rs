use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::record::CameraSettings;
use crate::ring::Writer;
use std::sync::mpsc::{Receiver, sync_channel};

pub(super) const SIZE: Size = Size { width: 64, height: 48 };

/// A recorder that gets its frames from the test, and the queue that it fills.
pub(super) struct Fixture {
    pub(super) feed: Arc<Feed>,
    writer: Writer,
    pub(super) recorder: Recorder,
    pub(super) jobs: Receiver<Job>,
}

impl Fixture {
    fn new(every: Option<Duration>, limits: FileLimits) -> Self {
        Self::with(CameraSettings { every, ..CameraSettings::default() }, limits)
    }

    pub(super) fn with(settings: CameraSettings, limits: FileLimits) -> Self {
        let (feed, mut writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        let feed = Arc::new(feed);
        writer.reserve(4 << 20).unwrap();
        let recording = Arc::new(Recording::new(settings));
        let (sender, jobs) = sync_channel(1000);
        let recorder = Recorder::new(recording, feed.clone(), limits, sender, Arc::default());
        Self { feed, writer, recorder, jobs }
    }

    /// Gives it a frame of `bytes` bytes, captured `ms` milliseconds after the recorder began.
    pub(super) fn give(&mut self, ms: u64, bytes: usize, size: Size, card: bool) {
        let captured = self.recorder.zero + Duration::from_millis(ms);
        self.writer.publish::<()>(Meta { captured, size, card }, |_| Ok(bytes)).unwrap();
        let feed = self.feed.clone();
        self.recorder.take(&feed.ring.frame().unwrap());
    }

    pub(super) fn handed_over(&mut self) -> Vec<Batch> {
        self.recorder.hand_over();
        let clusters = |job| match job {
            Job::Write(batch) => Some(batch),
            Job::Close => None,
        };
        self.jobs.try_iter().filter_map(clusters).collect()
    }

    pub(super) fn counts(&self) -> (u64, usize) {
        let recording = &self.recorder.recording;
        (recording.dropped.load(Ordering::Relaxed), recording.queued.load(Ordering::Relaxed))
    }
}

pub(super) fn limits() -> FileLimits {
    FileLimits::new(Duration::from_secs(300), None)
}

#[test]
fn frames_go_to_the_disk_about_once_a_second_with_the_times_they_were_captured_at() {
    let mut fixture = Fixture::new(None, limits());
    for n in 0..100 {
        fixture.give(n * 33, 10, SIZE, false);
    }
    let batches = fixture.handed_over();
    let batches: Vec<_> =
        batches.iter().map(|one| (one.cluster.start(), one.end_ms, one.frames, one.new_file)).collect();
    assert_eq!(
        batches,
        [(1, 1023, 32, true), (1056, 2079, 32, false), (2112, 3135, 32, false), (3168, 3267, 4, false)]
    );
    assert_eq!(fixture.counts().0, 0);
}

#[test]
fn the_card_is_never_recorded() {
    let mut fixture = Fixture::new(None, limits());
    fixture.give(10, 10, SIZE, true);
    fixture.give(20, 10, SIZE, false);
    fixture.give(30, 10, SIZE, true);
    assert_eq!(fixture.handed_over().iter().map(|batch| batch.frames).sum::<u64>(), 1);
}

#[test]
fn a_file_ends_with_its_time_its_size_the_pictures_size_or_a_gap() {
    let large = Size { width: 128, height: 96 };
    for (given, limits, expected) in [
        (
            vec![(0, SIZE), (4999, SIZE), (5001, SIZE)],
            FileLimits { length: Duration::from_secs(5), bytes: 1000 },
            2,
        ),
        (
            vec![(0, SIZE), (100, SIZE), (200, SIZE)],
            FileLimits { length: Duration::from_secs(5), bytes: 20 },
            2,
        ),
        (vec![(0, SIZE), (100, large), (200, large)], limits(), 2),
        (vec![(0, SIZE), (9000, SIZE), (20_000, SIZE)], limits(), 2),
        (vec![(0, SIZE), (9000, SIZE), (18_000, SIZE)], limits(), 1),
    ] {
        let mut fixture = Fixture::new(None, limits);
        for (ms, size) in &given {
            fixture.give(*ms, 10, *size, false);
        }
        let files = fixture.handed_over().iter().filter(|batch| batch.new_file).count();
        assert_eq!(files, expected, "{given:?}");
    }
}

#[test]
fn a_time_lapse_takes_a_frame_at_each_interval_and_plays_at_twenty_five_a_second() {
    let mut fixture = Fixture::new(Some(Duration::from_secs(2)), limits());
    for n in 0..100 {
        fixture.give(n * 100, 10, SIZE, false);
    }
    let batches = fixture.handed_over();
    assert_eq!(batches.iter().map(|batch| batch.frames).sum::<u64>(), 5);
    assert_eq!(batches.last().unwrap().end_ms, 5 * 1000 / 25);
    assert_eq!(fixture.counts().0, 0, "frames that nobody wanted count as dropped");
}

#[test]
fn what_the_disk_does_not_take_is_bounded_and_then_dropped_and_counted() {
    let mut fixture = Fixture::new(None, limits());
    for n in 0..40 {
        fixture.give(n * 1100, 1 << 20, SIZE, false);
    }
    fixture.recorder.hand_over();
    let (dropped, queued) = fixture.counts();
    assert!(queued <= QUEUE_BYTES && queued > QUEUE_BYTES / 2, "{queued} bytes wait");
    let frames: u64 = fixture.handed_over().iter().map(|batch| batch.frames).sum();
    assert!(dropped >= 30 && frames + dropped == 40, "{frames} and {dropped}");
    // Once the disk has taken it, recording continues in another file.
    fixture.recorder.recording.queued.store(0, Ordering::Relaxed);
    fixture.give(50_000, 10, SIZE, false);
    assert!(fixture.handed_over()[0].new_file);
}

#[test]
fn one_frame_larger_than_all_that_may_wait_is_taken_alone() {
    let mut fixture = Fixture::new(None, limits());
    fixture.writer.reserve(QUEUE_BYTES + 1000).unwrap();
    fixture.give(0, QUEUE_BYTES + 100, SIZE, false);
    assert_eq!((fixture.handed_over().len(), fixture.counts().0), (1, 0));
}
