//! Recording on motion with all its threads, into a folder on a disk.

use super::matroska::read::Reader;
use super::plan::Plan;
use super::*;
use crate::camera::{SourceConfig, SourceSpec};
use crate::events::{Event, Kind};
use crate::feed::motion::Sensitivity;
use crate::host::threads::Ended;
use crate::picture::Size;
use crate::ring::{Meta, Writer};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// From one frame to the next.
const INTERVAL: Duration = Duration::from_millis(20);

/// How long a test waits for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A camera whose frames come from the test, which is recorded on motion, and its folder, which goes with it.
struct Fixture {
    folder: PathBuf,
    recordings: Arc<Recordings>,
    feed: Arc<Feed>,
    writer: Writer,
    events: Arc<Events>,
    shutdown: Shutdown,
    ended: Ended,
}

impl Fixture {
    /// With a second before a motion and one after it.
    fn new(test: &str, min_free: u64) -> Self {
        Self::with(test, min_free, None)
    }

    /// The same with a time-lapse beside it.
    fn with(test: &str, min_free: u64, every: Option<Duration>) -> Self {
        let folder = std::env::temp_dir().join(format!("boardcam-motion-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        let second = Duration::from_secs(1);
        let camera = CameraSettings { plan: Plan::Motion(None), every, before: second, after: second };
        let limits = Limits { max_bytes: None, min_free, max_age: None };
        let settings =
            Settings { folder: Some(folder.clone()), limits, cameras: vec![camera], ..Settings::default() };
        let (feed, mut writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        writer.reserve(1000).unwrap();
        feed.motion.change(|wanted| wanted.sensitivity = Some(Sensitivity::Medium));
        let (feed, recordings) = (Arc::new(feed), Recordings::new(&settings));
        let (events, shutdown, (threads, ended)) = (Arc::default(), Shutdown::default(), Threads::new());
        start(&recordings, &settings, std::slice::from_ref(&feed), &events, &shutdown, &threads).unwrap();
        Self { folder, recordings, feed, writer, events, shutdown, ended }
    }

    /// Gives frames until `is_done`.
    fn give_until(&mut self, what: &str, mut is_done: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !is_done(self) {
            assert!(begin.elapsed() < PATIENCE, "{what} did not happen: {:?}", self.status());
            let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
            self.writer.publish::<()>(meta, |_| Ok(900)).unwrap();
            self.feed.wake_listeners();
            std::thread::sleep(INTERVAL); // a camera gives frames at this rate
        }
    }

    fn give_for(&mut self, seconds: f64) {
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        self.give_until("time to pass", |_| Instant::now() >= end);
    }

    fn publish(&self, kind: Kind) {
        self.events.publish(Event::new("door", kind));
    }

    fn status(&self) -> RecordingStatus {
        self.recordings.cameras[0].status()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(&self.folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Times of the frames in a file.
    fn times(file: &Path) -> Vec<Duration> {
        let mut reader = Reader::open(File::open(file).unwrap()).unwrap();
        std::iter::from_fn(|| reader.next_block().unwrap()).map(|block| block.at).collect()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shutdown.begin();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_motion_has_a_file_of_its_own_and_the_list_says_where_in_it() {
    let mut fixture = Fixture::new("file", 1);
    fixture.give_for(2.0);
    assert!(fixture.files().is_empty() && fixture.status().armed && !fixture.status().on);
    fixture.publish(Kind::MotionBegan);
    fixture.give_for(1.0);
    fixture.publish(Kind::MotionEnded);
    fixture.give_until("the file to be closed", |own| !own.status().on && own.status().file.is_none());
    let files = fixture.files();
    assert_eq!(files.len(), 1, "{files:?}");
    let times = Fixture::times(&files[0]);
    let length = times.last().unwrap().as_secs_f64();
    assert!((2.5..4.5).contains(&length), "{length} s: one before, one of motion, one after");
    let (listed, _) = fixture.events.newest(None, None, 10);
    assert_eq!(listed[0].recording, Some(files[0].file_name().unwrap().to_str().unwrap().to_owned()));
    let at = listed[0].at_ms.unwrap();
    assert!((500..=1500).contains(&at), "{at} ms");
}

#[test]
fn a_power_cut_while_something_moves_loses_no_more_than_the_last_second_or_two() {
    let mut fixture = Fixture::new("cut", 1);
    fixture.give_for(1.5);
    let began = Instant::now();
    fixture.publish(Kind::MotionBegan);
    fixture.give_until("a file", |own| !own.files().is_empty());
    fixture.give_for(3.0);
    let cut = began.elapsed();
    let copy = fixture.folder.join("copy");
    fs::copy(&fixture.files()[0], &copy).unwrap(); // what a disk would have
    let times = Fixture::times(&copy);
    let from_motion = times.last().unwrap().as_secs_f64() - 1.0; // a second before it was recorded, too
    let lost = cut.as_secs_f64() - from_motion;
    assert!(lost < 2.0, "{lost} s were lost of {cut:?}");
    assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
}

#[test]
fn the_end_of_the_program_closes_the_file_of_a_motion() {
    let mut fixture = Fixture::new("end", 1);
    fixture.give_for(1.5);
    fixture.publish(Kind::MotionBegan);
    fixture.give_for(1.0);
    fixture.shutdown.begin();
    assert!(fixture.ended.wait(PATIENCE));
    let files = fixture.files();
    assert!(Reader::open(File::open(&files[0]).unwrap()).unwrap().is_closed(), "it has no index");
    let length = Fixture::times(&files[0]).last().unwrap().as_secs_f64();
    assert!(length > 1.5, "{length} s");
}

#[test]
fn a_full_disk_costs_the_recording_and_not_the_event_and_is_said() {
    let mut fixture = Fixture::new("full", u64::MAX);
    fixture.give_for(1.5);
    fixture.publish(Kind::MotionBegan);
    fixture.give_until("the problem to be said", |own| own.status().problem.is_some());
    assert!(fixture.status().problem.unwrap().to_string().contains("must stay free"));
    let dropped = fixture.recordings.cameras[0].dropped.load(std::sync::atomic::Ordering::Relaxed);
    assert!(dropped > 0 && fixture.files().is_empty(), "{dropped} frames");
    fixture.publish(Kind::MotionEnded);
    let (listed, _) = fixture.events.newest(None, None, 10);
    assert_eq!((listed.len(), &listed[0].recording, listed[0].lasts), (1, &None, false));
}

#[test]
fn a_recording_that_is_gone_takes_the_picture_of_its_event_with_it() {
    let mut fixture = Fixture::new("gone", 0);
    fixture.give_for(1.5);
    let event = Event::new("door", Kind::MotionBegan).with_picture(Some(Arc::from(&b"jpeg"[..])));
    let number = fixture.events.publish(event).unwrap();
    fixture.give_for(0.5);
    fixture.publish(Kind::MotionEnded);
    fixture.give_until("the file to be closed and listed", |own| {
        own.status().file.is_none() && !own.recordings.listing().entries.is_empty()
    });
    assert!(fixture.events.picture(number).is_some());
    fs::remove_file(&fixture.files()[0]).unwrap();
    fixture.give_until("the picture to be gone", |own| own.events.picture(number).is_none());
}

#[test]
fn a_time_lapse_goes_on_beside_what_is_recorded_on_motion_in_a_file_of_its_own() {
    let mut fixture = Fixture::with("beside", 1, Some(Duration::from_secs(1)));
    fixture.give_until("the time-lapse", |own| own.status().time_lapse_file.is_some());
    let (time_lapse, status) = (fixture.status().time_lapse_file.unwrap(), fixture.status());
    assert!(time_lapse.time_lapse && status.armed && !status.on && status.file.is_none(), "{status:?}");
    fixture.publish(Kind::MotionBegan);
    fixture.give_until("a file of the motion", |own| own.status().file.is_some());
    fixture.give_for(1.0);
    fixture.publish(Kind::MotionEnded);
    fixture.give_until("its end", |own| !own.status().on && own.status().file.is_none());
    fixture.give_for(1.5);
    assert_eq!(fixture.status().time_lapse_file, Some(time_lapse.clone()), "the same file goes on");
    let both = fixture.recordings.files_being_written();
    assert_eq!(both, std::slice::from_ref(&time_lapse), "so that nobody deletes it");
    fixture.recordings.cameras[0].switch(false);
    fixture.give_until("the time-lapse to end", |own| own.status().time_lapse_file.is_none());
    let files = fixture.files();
    assert_eq!(files.len(), 2, "{files:?}");
    let path = fixture.folder.join(time_lapse.to_string());
    let (lapse, motion): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| *file == path);
    let (lapse, motion) = (Fixture::times(&lapse[0]), Fixture::times(&motion[0]));
    assert!(
        lapse.len() >= 3 && lapse.windows(2).all(|two| two[1] - two[0] == Duration::from_millis(40)),
        "{lapse:?}"
    );
    assert!(motion.len() > 3 * lapse.len(), "{} and {} frames", motion.len(), lapse.len());
    let (listed, _) = fixture.events.newest(None, None, 10);
    let recording = listed[0].recording.as_deref().unwrap();
    assert!(!recording.contains("time-lapse"), "the event is in {recording}");
}
