//! How long the recordings are, as far as their files have been looked at: each once, when it is closed, and again only if
//! it has changed. Called by [`super::worker`], which may wait for the disk.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::listing::Entry;
use super::matroska::read::{ReadError, Reader};
use super::name::Name;
use crate::host::inject;

/// The most files that are looked at in one scan, ...
const FILES_MAX: usize = 64;

/// ... and the time after which no further one is begun.
const TIME_MAX: Duration = Duration::from_millis(250);

/// What was found in a file of this length, when it was last changed at this time.
#[derive(Debug)]
struct Known {
    bytes: u64,
    modified: (i64, u32),
    /// `None` for a file that has no frame, or is no recording of ours.
    duration: Option<Duration>,
}

/// The durations of the recordings in the folder.
#[derive(Debug, Default)]
pub(super) struct Durations(BTreeMap<Name, Known>);

impl Durations {
    /// Fills in what is known of `entries`, the newest first, after a look at some that are new. Those that are still being
    /// written, as `is_busy` says, have no duration yet.
    pub(super) fn fill_in(
        &mut self,
        folder: &Folder,
        entries: &mut [Entry],
        is_busy: impl Fn(&Name) -> bool,
    ) {
        let (begin, mut looked_at, mut known) = (Instant::now(), 0, BTreeMap::new());
        for entry in entries.iter_mut().filter(|entry| !is_busy(&entry.name)) {
            let is_same = |own: &Known| (own.bytes, own.modified) == (entry.bytes, entry.modified);
            let found = match self.0.remove(&entry.name).filter(is_same) {
                Some(found) => found,
                None if looked_at == FILES_MAX || begin.elapsed() >= TIME_MAX => continue,
                None => {
                    looked_at += 1;
                    let duration = match read(folder, &entry.name) {
                        Err(ReadError::Io(_)) => continue, // the disk may answer the next time
                        duration => duration.unwrap_or(None),
                    };
                    Known { bytes: entry.bytes, modified: entry.modified, duration }
                }
            };
            entry.duration = found.duration;
            known.insert(entry.name.clone(), found);
        }
        self.0 = known; // without those that are gone
    }
}

/// The duration of a file, which may hold anything: one that causes a panic has none.
fn read(folder: &Folder, name: &Name) -> Result<Option<Duration>, ReadError> {
    let read = || {
        inject::panic_at("duration");
        Reader::open(folder.read(name)?)?.duration()
    };
    // Unwind safety: it only reads.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Ok(None))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::matroska::made::file;
    use super::*;

    #[test]
    fn each_file_is_looked_at_once_and_again_when_it_has_changed() {
        let path = std::env::temp_dir().join(format!("boardcam-durations-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let folder = Folder::open(&path).unwrap();
        let count = FILES_MAX as i64 + 3;
        for start in 0..count {
            let name = Name { camera: "door".to_owned(), start, time_lapse: false };
            let bytes = file(&[(0, b"a".to_vec()), (1500, b"b".to_vec())], 1, start % 2 == 0);
            folder.create(name).unwrap().1.write_all(&bytes).unwrap();
        }
        let mut durations = Durations::default();
        let scan = |durations: &mut Durations, busy: i64| -> Vec<Option<u128>> {
            let mut entries = folder.list(1000).unwrap().0;
            durations.fill_in(&folder, &mut entries, |name| name.start == busy);
            entries.iter().map(|entry| entry.duration.map(|duration| duration.as_millis())).collect()
        };
        let first = scan(&mut durations, -1);
        let known = first.iter().flatten().count();
        assert!((1..=FILES_MAX).contains(&known), "{known}");
        assert!(
            first.iter().flatten().all(|ms| *ms == 1500) && first.iter().rev().take(3).all(Option::is_none)
        );
        while scan(&mut durations, -1).contains(&None) {}
        assert_eq!(scan(&mut durations, count - 1)[..2], [None, Some(1500)]);
        let garbage = Name { camera: "door".to_owned(), start: count - 2, time_lapse: false }.to_string();
        std::fs::write(path.join(garbage), "garbage").unwrap();
        assert_eq!(scan(&mut durations, -1)[..3], [Some(1500), None, Some(1500)]);
        for start in 0..count {
            folder.delete(&Name { camera: "door".to_owned(), start, time_lapse: false }).unwrap();
        }
        assert!(scan(&mut durations, -1).is_empty() && durations.0.is_empty());
        std::fs::remove_dir(&path).unwrap();
    }
}
