use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::worker::SLOT_STEP;
use super::*;
use crate::record::Settings;
use crate::record::matroska::made::file;

/// Longer than anything here takes, on a machine that does other things too.
const LONG: Duration = Duration::from_secs(20);

/// A folder with one recording, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn with(test: &str, bytes: &[u8]) -> (Self, Name) {
        let path = std::env::temp_dir().join(format!("boardcam-playback-{test}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        std::fs::write(path.join(name.to_string()), bytes).unwrap();
        (Self(path), name)
    }

    fn playbacks(&self) -> Arc<Playbacks> {
        let recordings = Recordings::new(&Settings { folder: Some(self.0.clone()), ..Settings::default() });
        Playbacks::new(recordings, Box::new(|| ()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn order(name: &Name, start_ms: u64, speed: &str) -> PlaybackOrder {
    PlaybackOrder { name: name.clone(), start_ms, speed: speed.parse().unwrap() }
}

/// Those of a client with this number.
fn wishes(client: u64, id: Option<&str>) -> Wishes {
    Wishes { variant: None, fps: None, client: Some(ClientId(client)), id: id.map(str::to_owned) }
}

/// Frames that look like JPEGs, at these times.
fn frames(times: impl IntoIterator<Item = u64>) -> Vec<(u64, Vec<u8>)> {
    times.into_iter().map(|ms| (ms, b"\xff\xd8 a picture \xff\xd9".to_vec())).collect()
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_recording_is_played_at_its_speed_from_where_the_viewer_wants_it_and_ends() {
    let (folder, name) = Folder::with("plays", &file(&frames((0..50).map(|n| n * 100)), 10, true));
    let playbacks = folder.playbacks();
    let begin = Instant::now();
    let (playback, _demand) = playbacks.start(order(&name, 3000, "4"), wishes(1, None)).unwrap();
    wait_for("it does not end", || playback.outcome().is_some());
    // From 3.0 s to 4.9 s, four times as fast.
    assert!(begin.elapsed() >= Duration::from_millis(475 - 30));
    assert_eq!(playback.outcome(), Some(&Outcome::Over));
    let shown = playback.feed.ring.newest();
    assert!((10..=20).contains(&shown), "{shown} frames");
    wait_for("it stays on the list", || playbacks.lock().is_empty());
}

#[test]
fn it_ends_when_its_viewer_leaves_and_when_the_same_viewer_jumps() {
    let (folder, name) = Folder::with("leaves", &file(&frames([0, 9000, 18_000]), 1, true));
    let playbacks = folder.playbacks();
    let (first, demand) = playbacks.start(order(&name, 0, "1"), wishes(1, Some("page"))).unwrap();
    wait_for("it does not begin", || first.feed.ring.newest() > 0);
    let (second, other) = playbacks.start(order(&name, 0, "1"), wishes(1, Some("page"))).unwrap();
    assert_eq!(first.outcome(), Some(&Outcome::Over));
    wait_for("its thread goes on", || playbacks.lock().len() == 1);
    drop((demand, other));
    wait_for("its thread goes on", || playbacks.lock().is_empty());
    assert_eq!(second.outcome(), Some(&Outcome::Over));
}

#[test]
fn there_are_only_so_many_and_only_so_many_of_one_client() {
    let (folder, name) = Folder::with("bounds", &file(&frames([0, 9000, 18_000]), 1, true));
    let playbacks = folder.playbacks();
    let mut demands = Vec::new();
    for number in 0..PLAYBACKS_MAX {
        let client = (number / CLIENT_MAX) as u64;
        demands.push(playbacks.start(order(&name, 0, "1"), wishes(client, None)).unwrap());
        if number % CLIENT_MAX == CLIENT_MAX - 1 {
            let refused = playbacks.start(order(&name, 0, "1"), wishes(client, None));
            assert!(matches!(refused, Err(PlaybackError::ClientFull)));
        }
    }
    assert_eq!(playbacks.count(), PLAYBACKS_MAX);
    let refused = playbacks.start(order(&name, 0, "1"), wishes(99, None));
    assert!(matches!(refused, Err(PlaybackError::Full)));
    demands.pop();
    assert!(playbacks.start(order(&name, 0, "1"), wishes(99, None)).is_ok());
    drop(demands);
    wait_for("a thread goes on", || playbacks.lock().is_empty());
}

#[test]
fn what_cannot_be_played_says_why() {
    let zeros: Vec<_> = frames([0, 10, 20]).into_iter().map(|(at, jpeg)| (at, vec![0; jpeg.len()])).collect();
    for (test, bytes, why) in [
        ("garbage", vec![7; 3000], "it is not a recording that this program made"),
        ("empty", Vec::new(), "it is empty"),
        ("none", file(&[], 1, false), "it has no picture yet"),
        ("zeros", file(&zeros, 1, false), "its pictures are damaged"),
    ] {
        let (folder, name) = Folder::with(test, &bytes);
        let (playback, _demand) = folder.playbacks().start(order(&name, 0, "1"), wishes(1, None)).unwrap();
        wait_for(test, || playback.outcome().is_some());
        let Some(Outcome::Unplayable(said)) = playback.outcome() else { panic!("{test}: {playback:?}") };
        assert_eq!(said.to_string(), why, "{test}");
    }
}

#[test]
fn a_cut_or_damaged_recording_is_played_as_far_as_it_goes_and_a_deleted_one_to_its_end() {
    let whole = file(&frames((0..20).map(|n| n * 20)), 5, true);
    let (folder, name) = Folder::with("cut", &whole[..whole.len() / 2]);
    let playbacks = folder.playbacks();
    let (playback, _demand) = playbacks.start(order(&name, 0, "1"), wishes(1, None)).unwrap();
    wait_for("it does not begin", || playback.feed.ring.newest() > 0);
    std::fs::remove_file(folder.0.join(name.to_string())).unwrap();
    wait_for("it does not end", || playback.outcome().is_some());
    assert_eq!(playback.outcome(), Some(&Outcome::Over));
    let shown = playback.feed.ring.newest();
    assert!((5..15).contains(&shown), "{shown} frames");
}

#[test]
fn a_growing_recording_is_played_on_until_it_stops_growing() {
    let whole = file(&frames((0..20).map(|n| n * 20)), 5, false);
    let half = whole.len() / 2;
    let (folder, name) = Folder::with("grows", &whole[..half]);
    let camera = crate::record::CameraSettings::default();
    let settings = Settings { folder: Some(folder.0.clone()), cameras: vec![camera], ..Settings::default() };
    let recordings = Recordings::new(&settings);
    recordings.cameras[0].set_file(Some(name.clone()));
    let playbacks = Playbacks::new(recordings.clone(), Box::new(|| ()));
    let (playback, _demand) = playbacks.start(order(&name, 0, "1"), wishes(1, None)).unwrap();
    wait_for("it does not reach the end", || playback.feed.ring.newest() >= 5);
    std::fs::write(folder.0.join(name.to_string()), &whole).unwrap();
    wait_for("it does not go on", || playback.feed.ring.newest() == 20);
    assert_eq!(playback.outcome(), None);
    recordings.cameras[0].set_file(None);
    wait_for("it does not end", || playback.outcome() == Some(&Outcome::Over));
}

#[test]
fn one_without_memory_for_its_pictures_is_told_to_come_again_and_one_that_has_begun_goes_on() {
    let large = [b"\xff\xd8", &[0; SLOT_STEP][..], b"\xff\xd9"].concat();
    let times = [0, 20, 40].map(|at| (at, if at == 20 { large.clone() } else { frames([0])[0].1.clone() }));
    let (folder, name) = Folder::with("memory", &file(&times, 10, true));
    let playbacks = folder.playbacks();
    let mut others = playbacks.pictures.nothing();
    others.resize(PICTURES_BYTES - SLOTS * SLOT_STEP).unwrap();
    let (playback, _demand) = playbacks.start(order(&name, 0, "1"), wishes(1, None)).unwrap();
    wait_for("it does not end", || playback.outcome().is_some());
    assert_eq!((playback.outcome(), playback.feed.ring.newest()), (Some(&Outcome::Over), 2));
    others.resize(PICTURES_BYTES - SLOTS * SLOT_STEP + 1).unwrap();
    let (playback, _demand) = playbacks.start(order(&name, 0, "1"), wishes(1, None)).unwrap();
    wait_for("it does not end", || playback.outcome().is_some());
    assert_eq!((playback.outcome(), playback.feed.ring.newest()), (Some(&Outcome::Busy), 0));
}

#[test]
fn a_disk_that_hangs_holds_only_those_who_read_from_it_and_no_more_threads_than_there_may_be() {
    /// Held while the disk hangs for recordings of the camera "hung".
    static DISK: Mutex<()> = Mutex::new(());
    let (folder, name) = Folder::with("hangs", &file(&frames([0, 20, 40]), 10, true));
    let hung = Name { camera: "hung".to_owned(), ..name.clone() };
    std::fs::copy(folder.0.join(name.to_string()), folder.0.join(hung.to_string())).unwrap();
    let open = |folder: &Path, name: &Name| {
        let _disk = (name.camera == "hung").then(|| lock(&DISK));
        record::open(folder, name)
    };
    let recordings = Recordings::new(&Settings { folder: Some(folder.0.clone()), ..Settings::default() });
    let playbacks = Playbacks::opened_by(open, recordings, Box::new(|| ()));
    let hangs = lock(&DISK);
    // A player that jumps counts once, also while its threads wait for the disk.
    let jump = || playbacks.start(order(&hung, 0, "1"), wishes(1000, Some("page"))).unwrap();
    let jumps: Vec<_> = (0..CLIENT_MAX + 1).map(|_| jump()).collect();
    let mut left = Vec::new();
    for number in jumps.len()..THREADS_MAX - 1 {
        let (playback, demand) = playbacks.start(order(&hung, 0, "1"), wishes(number as u64, None)).unwrap();
        left.push(playback);
        drop(demand); // its viewer does not wait for the disk
    }
    let (other, _demand) = playbacks.start(order(&name, 0, "1"), wishes(99, None)).unwrap();
    wait_for("another one does not end", || other.outcome().is_some());
    assert_eq!((other.outcome(), other.feed.ring.newest()), (Some(&Outcome::Over), 3));
    wait_for("its thread goes on", || playbacks.lock().len() == THREADS_MAX - 1);
    let _last = playbacks.start(order(&hung, 0, "1"), wishes(99, None)).unwrap();
    let refused = playbacks.start(order(&name, 0, "1"), wishes(100, None));
    assert!(matches!(refused, Err(PlaybackError::Full)), "each takes a thread");
    drop(hangs);
    wait_for("they do not end", || playbacks.lock().is_empty());
    assert!(left.iter().all(|playback| playback.feed.ring.newest() == 0), "nobody watched");
}

#[test]
fn a_growing_recording_without_a_picture_is_not_waited_for() {
    let (folder, name) = Folder::with("nothing-yet", &file(&[], 1, false));
    let camera = crate::record::CameraSettings::default();
    let settings = Settings { folder: Some(folder.0.clone()), cameras: vec![camera], ..Settings::default() };
    let recordings = Recordings::new(&settings);
    recordings.cameras[0].set_file(Some(name.clone()));
    let playbacks = Playbacks::new(recordings, Box::new(|| ()));
    let (playback, _demand) = playbacks.start(order(&name, 0, "1"), wishes(1, None)).unwrap();
    wait_for("it waits", || matches!(playback.outcome(), Some(Outcome::Unplayable(_))));
}

#[test]
fn some_damaged_pictures_are_left_out_and_a_hundred_in_a_row_are_the_end() {
    let good = frames([0])[0].1.clone();
    for (test, bad, shown) in [("few-bad", 99, 3), ("many-bad", 100, 1)] {
        let one = |number: u64| if number.is_multiple_of(bad + 1) { good.clone() } else { vec![0; 20] };
        let all: Vec<_> = (0..=2 * (bad + 1)).map(|number| (number, one(number))).collect();
        let (folder, name) = Folder::with(test, &file(&all, 500, true));
        let (playback, _demand) = folder.playbacks().start(order(&name, 0, "1"), wishes(1, None)).unwrap();
        wait_for(test, || playback.outcome().is_some());
        assert_eq!(playback.feed.ring.newest(), shown, "{test}");
    }
}
