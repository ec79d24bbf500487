use super::*;
use crate::record::{Settings, Wish};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// A disk's thread whose work is done in this one, and its folder, which goes with it.
struct Desk {
    path: PathBuf,
    recordings: Arc<Recordings>,
    recording: Arc<Recording>,
    disk: Disk,
    ms: u64,
}

impl Desk {
    /// The folder of this name is not made.
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-disk-{test}-{}", std::process::id()));
        let wishes = vec![Wish::default()];
        let settings = Settings { folder: Some(path.clone()), wishes, ..Settings::default() };
        let recordings = Recordings::new(&settings);
        let recording = recordings.cameras[0].clone();
        let (_, disk) = channel(recordings.clone(), recording.clone(), "door".to_owned(), path.clone());
        Self { path, recordings, recording, disk, ms: 1000 }
    }

    /// Writes a cluster of two frames a second later than the last.
    fn give(&mut self, anew: bool) {
        self.ms += 1000;
        let mut cluster = Cluster::new(self.ms, 0);
        cluster.push(self.ms, b"first").unwrap();
        cluster.push(self.ms + 40, b"second").unwrap();
        self.recording.queued.fetch_add(cluster.length(), Ordering::Relaxed);
        let (captured, size, end) = (Instant::now(), Size { width: 8, height: 8 }, self.ms + 40);
        self.disk.take(Batch { cluster, captured, size, frames: 2, end, anew });
    }

    /// As if the last failure, or look at the folder, were long ago.
    fn later(&mut self) {
        self.disk.failed = self.disk.failed.and_then(|at| at.checked_sub(2 * RETRY));
        if let Some(open) = &mut self.disk.open {
            open.synced = open.synced.checked_sub(2 * SYNC).unwrap();
        }
    }

    fn files(&self) -> Vec<(Name, u64)> {
        let (entries, _) = Folder::open(&self.path).unwrap().list(100).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry.bytes)).collect()
    }

    fn counts(&self) -> (u64, u64, usize) {
        let Recording { recorded, dropped, queued, .. } = &*self.recording;
        (recorded.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed), queued.load(Ordering::Relaxed))
    }

    fn problem(&self) -> String {
        self.recording.view().problem.map_or_else(String::new, |problem| problem.to_string())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path); // some tests have removed it themselves
    }
}

#[test]
fn a_closed_file_has_an_index_and_a_new_one_begins_where_it_should() {
    let mut desk = Desk::new("files");
    fs::create_dir(&desk.path).unwrap();
    for anew in [true, false, false, true] {
        desk.give(anew);
    }
    assert_eq!(desk.counts(), (8, 0, 0));
    desk.disk.close();
    let files = desk.files();
    assert_eq!((files.len(), desk.recording.view().file), (2, None));
    for (name, _) in files {
        let bytes = fs::read(desk.path.join(name.to_string())).unwrap();
        assert!(bytes.windows(4).any(|four| four == 0x1C53_BB6B_u32.to_be_bytes()), "no index in {name}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told_and_used_once_it_is() {
    let mut desk = Desk::new("missing");
    desk.give(true);
    desk.give(false);
    assert_eq!(desk.counts(), (0, 4, 0));
    assert!(desk.problem().contains("make that folder, or mount its disk"), "{}", desk.problem());
    fs::create_dir(&desk.path).unwrap();
    desk.later();
    desk.give(false);
    assert_eq!((desk.counts(), desk.problem()), ((2, 4, 0), String::new()));
}

#[test]
fn another_folder_in_the_place_of_the_one_that_is_recorded_into_gets_a_file_of_its_own() {
    let mut desk = Desk::new("swapped");
    let aside = desk.path.with_extension("aside");
    fs::create_dir(&desk.path).unwrap();
    desk.give(true);
    fs::rename(&desk.path, &aside).unwrap();
    desk.later();
    desk.give(false);
    assert!(desk.problem().contains("mount its disk again"), "{}", desk.problem());
    fs::create_dir(&desk.path).unwrap();
    desk.later();
    desk.give(false);
    assert_eq!((desk.files().len(), desk.problem()), (1, String::new()));
    fs::remove_dir_all(aside).unwrap();
}

#[test]
fn a_file_that_somebody_deleted_is_not_written_on() {
    let mut desk = Desk::new("deleted");
    fs::create_dir(&desk.path).unwrap();
    desk.give(true);
    let (name, _) = desk.files()[0].clone();
    fs::remove_file(desk.path.join(name.to_string())).unwrap();
    desk.later();
    desk.give(false);
    assert!(desk.problem().contains(&format!("{name} was deleted")), "{}", desk.problem());
    desk.later();
    desk.give(false);
    assert_eq!((desk.files().len(), desk.problem()), (1, String::new()));
}

#[test]
fn while_the_disk_is_full_nothing_is_written_and_then_it_goes_on() {
    let mut desk = Desk::new("full");
    fs::create_dir(&desk.path).unwrap();
    desk.give(true);
    desk.recordings.shelve(Vec::new(), 0, true);
    let before = desk.files();
    desk.give(false);
    desk.later();
    desk.give(false);
    assert_eq!((desk.files().len(), before.len(), desk.counts()), (1, 1, (2, 4, 0)));
    assert!(!desk.problem().is_empty());
    desk.recordings.shelve(Vec::new(), 1000, false);
    desk.later();
    desk.give(false);
    assert_eq!((desk.files().len(), desk.problem()), (2, String::new()));
}

#[test]
fn a_file_begun_before_the_clock_was_set_gets_its_true_time() {
    let mut desk = Desk::new("clock");
    fs::create_dir(&desk.path).unwrap();
    let folder = Folder::open(&desk.path).unwrap();
    let mut cluster = Cluster::new(0, 0);
    cluster.push(0, b"frame").unwrap();
    let size = Size { width: 8, height: 8 };
    let mut batch = Batch { cluster, captured: Instant::now(), size, frames: 1, end: 0, anew: true };
    let unset = Name::new("door", UNIX_EPOCH + Duration::from_secs(12));
    let mut open = Open::new(folder, unset, &batch).unwrap();
    open.write(&mut batch).unwrap();
    desk.disk.open = Some(open);
    desk.disk.close();
    let (name, _) = desk.files()[0].clone();
    let apart = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - name.start;
    assert!(name.has_time() && (0..60).contains(&apart), "{name}");
}

#[test]
fn a_file_without_a_frame_does_not_stay() {
    let mut desk = Desk::new("empty");
    fs::create_dir(&desk.path).unwrap();
    let folder = Folder::open(&desk.path).unwrap();
    let (size, captured) = (Size { width: 8, height: 8 }, Instant::now());
    let batch = Batch { cluster: Cluster::new(0, 0), captured, size, frames: 0, end: 0, anew: true };
    desk.disk.open = Some(Open::new(folder, Name::new("door", SystemTime::now()), &batch).unwrap());
    assert_eq!(desk.files().len(), 1);
    desk.disk.close();
    assert_eq!(desk.files().len(), 0);
}
