use super::*;
use crate::record::{CameraSettings, Settings};
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// The writer, run by the test's own thread, and its folder, which is deleted with it.
struct Fixture {
    path: PathBuf,
    recordings: Arc<Recordings>,
    recording: Arc<Recording>,
    disk: Disk,
    ms: u64,
}

impl Fixture {
    /// A fixture whose folder does not exist yet.
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("boardcam-disk-{test}-{}", std::process::id()));
        let cameras = vec![CameraSettings::default()];
        let settings = Settings { folder: Some(path.clone()), cameras, ..Settings::default() };
        let recordings = Recordings::new(&settings);
        let recording = recordings.cameras[0].clone();
        let (_, disk) = Disk::new(recordings.clone(), recording.clone(), "door".to_owned(), path.clone());
        Self { path, recordings, recording, disk, ms: 1000 }
    }

    /// Writes a cluster of two frames, a second after the last one.
    fn give(&mut self, new_file: bool) {
        self.ms += 1000;
        let mut cluster = Cluster::new(self.ms, 0);
        cluster.push(self.ms, b"first").unwrap();
        cluster.push(self.ms + 40, b"second").unwrap();
        self.recording.queued.fetch_add(cluster.length(), Ordering::Relaxed);
        let captured = Instant::now();
        let size = Size { width: 8, height: 8 };
        self.disk.take(Batch { cluster, captured, size, frames: 2, end_ms: self.ms + 40, new_file });
    }

    /// Pretends that the last failure, or check of the folder, was long ago.
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
        self.recording.status().problem.map_or_else(String::new, |problem| problem.to_string())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path); // some tests have removed it themselves
    }
}

#[test]
fn a_closed_file_has_an_index_and_a_new_one_begins_where_it_should() {
    let mut fixture = Fixture::new("files");
    fs::create_dir(&fixture.path).unwrap();
    for new_file in [true, false, false, true] {
        fixture.give(new_file);
    }
    assert_eq!(fixture.counts(), (8, 0, 0));
    fixture.disk.close();
    let files = fixture.files();
    assert_eq!((files.len(), fixture.recording.status().file), (2, None));
    for (name, _) in files {
        let bytes = fs::read(fixture.path.join(name.to_string())).unwrap();
        assert!(bytes.windows(4).any(|four| four == 0x1C53_BB6B_u32.to_be_bytes()), "no index in {name}");
    }
}

#[test]
fn a_missing_folder_is_reported_and_used_once_it_exists() {
    let mut fixture = Fixture::new("missing");
    fixture.give(true);
    fixture.give(false);
    assert_eq!(fixture.counts(), (0, 4, 0));
    assert!(fixture.problem().contains("create that folder, or mount its disk"), "{}", fixture.problem());
    fs::create_dir(&fixture.path).unwrap();
    fixture.later();
    fixture.give(false);
    assert_eq!((fixture.counts(), fixture.problem()), ((2, 4, 0), String::new()));
}

#[test]
fn a_folder_that_replaces_the_open_one_gets_a_new_file() {
    let mut fixture = Fixture::new("swapped");
    let aside = fixture.path.with_extension("aside");
    fs::create_dir(&fixture.path).unwrap();
    fixture.give(true);
    fs::rename(&fixture.path, &aside).unwrap();
    fixture.later();
    fixture.give(false);
    assert!(fixture.problem().contains("mount its disk again"), "{}", fixture.problem());
    fs::create_dir(&fixture.path).unwrap();
    fixture.later();
    fixture.give(false);
    assert_eq!((fixture.files().len(), fixture.problem()), (1, String::new()));
    fs::remove_dir_all(aside).unwrap();
}

#[test]
fn no_more_is_written_to_a_deleted_file() {
    let mut fixture = Fixture::new("deleted");
    fs::create_dir(&fixture.path).unwrap();
    fixture.give(true);
    let (name, _) = fixture.files()[0].clone();
    fs::remove_file(fixture.path.join(name.to_string())).unwrap();
    fixture.later();
    fixture.give(false);
    assert!(fixture.problem().contains(&format!("{name} was deleted")), "{}", fixture.problem());
    fixture.later();
    fixture.give(false);
    assert_eq!((fixture.files().len(), fixture.problem()), (1, String::new()));
}

#[test]
fn while_the_disk_is_full_nothing_is_written_and_then_recording_continues() {
    let mut fixture = Fixture::new("full");
    fs::create_dir(&fixture.path).unwrap();
    fixture.give(true);
    fixture.recordings.set_listing(Vec::new(), 0, true);
    let before = fixture.files();
    fixture.give(false);
    fixture.later();
    fixture.give(false);
    assert_eq!((fixture.files().len(), before.len(), fixture.counts()), (1, 1, (2, 4, 0)));
    assert!(!fixture.problem().is_empty());
    fixture.recordings.set_listing(Vec::new(), 1000, false);
    fixture.later();
    fixture.give(false);
    assert_eq!((fixture.files().len(), fixture.problem()), (2, String::new()));
}

#[test]
fn a_file_begun_before_the_clock_was_set_gets_its_true_time() {
    let mut fixture = Fixture::new("clock");
    fs::create_dir(&fixture.path).unwrap();
    let folder = Folder::open(&fixture.path).unwrap();
    let mut cluster = Cluster::new(0, 0);
    cluster.push(0, b"frame").unwrap();
    let size = Size { width: 8, height: 8 };
    let mut batch = Batch { cluster, captured: Instant::now(), size, frames: 1, end_ms: 0, new_file: true };
    let unset = Name::new("door", UNIX_EPOCH + Duration::from_secs(12), false);
    let mut open = OpenFile::new(folder, unset, &batch).unwrap();
    open.write(&mut batch).unwrap();
    fixture.disk.open = Some(open);
    fixture.disk.close();
    let (name, _) = fixture.files()[0].clone();
    let apart = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 - name.start;
    assert!(name.has_time() && (0..60).contains(&apart), "{name}");
}

#[test]
fn a_file_without_a_frame_does_not_stay() {
    let mut fixture = Fixture::new("empty");
    fs::create_dir(&fixture.path).unwrap();
    let folder = Folder::open(&fixture.path).unwrap();
    let (size, captured) = (Size { width: 8, height: 8 }, Instant::now());
    let batch = Batch { cluster: Cluster::new(0, 0), captured, size, frames: 0, end_ms: 0, new_file: true };
    fixture.disk.open =
        Some(OpenFile::new(folder, Name::new("door", SystemTime::now(), false), &batch).unwrap());
    assert_eq!(fixture.files().len(), 1);
    fixture.disk.close();
    assert_eq!(fixture.files().len(), 0);
}
