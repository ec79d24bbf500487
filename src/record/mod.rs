//! Recordings: what the cameras see, kept on a disk.
//!
//! A recorder ([`recorder`]) takes the newest frame from its camera's ring as a viewer does, gathers about a second of
//! frames, and hands them to the thread that writes ([`disk`]). So a disk that is slow, full or gone costs frames of
//! the recording only; these are counted and told. The [`keeper`] lists the folder and sees to its limits, and
//! [`reader`] reads files for downloads. The site looks at [`Recordings`], which never waits for a disk.
//!
//! Nothing of this runs unless the settings name a folder.

mod disk;
mod folder;
mod keeper;
mod matroska;
pub mod name;
pub mod plan;
pub mod reader;
mod recorder;
mod status;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::feed::Feed;
use crate::host::log::camera_scope;
use crate::host::shutdown::Shutdown;
use crate::host::threads::{self, Threads};
use crate::problem::Problem;
use crate::sync::{lock, wait_while};
use keeper::Keeper;
use name::Name;
use plan::Plan;
use reader::{DOWNLOADS_MAX, READERS};
pub use status::{Recording, View};

/// The folder has not been looked at for so long: its disk hangs.
const HANGS: Duration = Duration::from_secs(10);

/// The most recordings that wait to be deleted.
const DOOMED_MAX: usize = 1000;

/// What is recorded of a camera.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// When.
    pub plan: Plan,
    /// A frame each so often, for a time-lapse; `None` is every frame.
    pub every: Option<Duration>,
}

/// When recordings are deleted by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most that all together may take, in bytes.
    pub max_bytes: Option<u64>,
    /// What must stay free on the disk, in bytes.
    pub min_free: u64,
    /// The oldest that is kept.
    pub max_age: Option<Duration>,
}

/// All that can be set about recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where they go; `None`: nothing can be recorded.
    pub folder: Option<PathBuf>,
    /// How long a file becomes.
    pub segment: Duration,
    /// When they are deleted.
    pub limits: Limits,
    /// By camera, in the order of the settings.
    pub wishes: Vec<Wish>,
}

impl Settings {
    /// How long a file becomes when nothing else is said.
    pub const DEFAULT_SEGMENT: Duration = Duration::from_secs(300);

    /// What stays free when nothing else is said, in bytes.
    pub const DEFAULT_MIN_FREE: u64 = 256_000_000;

    /// Descriptors that are open at most: folder and file of each camera, the folder that is being listed (twice, by
    /// rustix), and on each of so many event loops those of downloads and the folder that each reader opens.
    pub fn open_files(&self, loops: usize) -> usize {
        let all = 2 * self.wishes.len() + 2 + loops * (DOWNLOADS_MAX + READERS);
        self.folder.as_ref().map_or(0, |_| all)
    }
}

/// Nothing can be recorded.
impl Default for Settings {
    fn default() -> Self {
        let limits = Limits { max_bytes: None, min_free: Self::DEFAULT_MIN_FREE, max_age: None };
        Self { folder: None, segment: Self::DEFAULT_SEGMENT, limits, wishes: Vec::new() }
    }
}

/// A recording in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// Its length; it may have grown since.
    pub bytes: u64,
    /// When it was changed last, in seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
}

/// What the folder held at the last look.
#[derive(Debug, Clone, Default)]
pub struct FolderListing {
    /// The recordings, the newest first.
    pub entries: Arc<Vec<Entry>>,
    /// Free bytes on the disk; 0 before the first look.
    pub free: u64,
    /// Why nothing can be recorded, or a recording not be deleted.
    pub problem: Option<Problem>,
    /// Nothing may be written until there is room.
    full: bool,
    /// When it was looked at last, or for the first time should have been.
    looked: Option<Instant>,
    doomed: BTreeSet<String>,
    woken: bool,
}

/// The recordings, and who records; shared by all threads.
#[derive(Debug)]
pub struct Recordings {
    /// Where they are; `None`: nothing is recorded.
    pub folder: Option<PathBuf>,
    /// By camera, in the order of the settings.
    pub cameras: Vec<Arc<Recording>>,
    limits: Limits,
    shelf: Mutex<FolderListing>,
    work: Condvar,
}

impl Recordings {
    /// Recordings of these cameras; nobody records yet.
    pub fn new(settings: &Settings) -> Arc<Self> {
        let camera = |wish: &Wish| Arc::new(Recording::new(wish.clone()));
        Arc::new(Self {
            folder: settings.folder.clone(),
            cameras: settings.wishes.iter().map(camera).collect(),
            limits: settings.limits.clone(),
            shelf: Mutex::default(),
            work: Condvar::new(),
        })
    }

    /// Starts the threads that record the `feeds` and keep the folder, if there is one. Those that have a file open
    /// are among `threads`, so that the end waits until it is closed.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        self: &Arc<Self>,
        settings: &Settings,
        feeds: &[Arc<Feed>],
        shutdown: &Shutdown,
        threads: &Threads,
    ) -> Result<(), Problem> {
        let Some(path) = self.folder.clone() else { return Ok(()) };
        self.lock().looked = Some(Instant::now());
        let (keeper, end, place) = (Keeper::new(self.clone()), shutdown.clone(), path.clone());
        threads::start("recordings", "looking after the recordings", move || keeper.run(&place, &end))?;
        for (feed, recording) in feeds.iter().zip(&self.cameras) {
            let (jobs, disk) =
                disk::channel(self.clone(), recording.clone(), feed.name.clone(), path.clone());
            let name = feed.name.clone();
            threads.start(&format!("disk {name}"), "recording", move || {
                let _scope = camera_scope(&name);
                disk.run();
            })?;
            let file = recorder::FileLimits::new(settings.segment, settings.limits.max_bytes);
            let recorder = recorder::Recorder::new(recording.clone(), feed.clone(), file, jobs);
            let shutdown = shutdown.clone();
            let name = feed.name.clone();
            threads::start(&format!("record {name}"), "recording", move || {
                let _scope = camera_scope(&name);
                recorder.run(&shutdown);
            })?;
        }
        Ok(())
    }

    /// What the folder held at the last look; with a problem if that is long ago.
    pub fn shelf(&self) -> FolderListing {
        let mut shelf = self.lock().clone();
        if let (Some(path), Some(looked)) = (&self.folder, shelf.looked)
            && looked.elapsed() > HANGS
        {
            let why = format!("the disk has not answered for {} s", looked.elapsed().as_secs());
            let advice = "check the disk; live pictures go on";
            shelf.problem = Some(Problem::new(format!("cannot read {}", path.display()), why, advice));
        }
        shelf
    }

    /// The recording of this name, unless it is to be deleted.
    pub fn find(&self, name: &Name) -> Option<Entry> {
        let shelf = self.lock();
        let entry = shelf.entries.iter().find(|entry| entry.name == *name)?;
        (!shelf.doomed.contains(&name.to_string())).then(|| entry.clone())
    }

    /// Lets a recording be deleted soon; `false` if too many wait for that.
    pub fn delete(&self, name: &Name) -> bool {
        let mut shelf = self.lock();
        if shelf.doomed.len() >= DOOMED_MAX {
            return false;
        }
        shelf.doomed.insert(name.to_string());
        let left = shelf.entries.iter().filter(|entry| entry.name != *name).cloned().collect();
        shelf.entries = Arc::new(left);
        drop(shelf);
        self.look_soon();
        true
    }

    /// Whether one of the cameras writes this file.
    pub fn is_busy(&self, name: &Name) -> bool {
        self.busy().contains(name)
    }

    fn busy(&self) -> Vec<Name> {
        self.cameras.iter().filter_map(|camera| camera.file()).collect()
    }

    fn doomed(&self) -> Vec<Name> {
        self.lock().doomed.iter().filter_map(|name| Name::parse(name)).collect()
    }

    fn spare(&self, name: &Name) {
        self.lock().doomed.remove(&name.to_string());
    }

    /// Notes what the folder holds.
    pub(crate) fn shelve(&self, entries: Vec<Entry>, free: u64, full: bool) {
        let mut shelf = self.lock();
        let shown = entries.into_iter().filter(|entry| !shelf.doomed.contains(&entry.name.to_string()));
        let shown = Arc::new(shown.collect());
        (shelf.entries, shelf.free, shelf.full) = (shown, free, full);
    }

    fn set_problem(&self, problem: Option<Problem>) {
        let mut shelf = self.lock();
        (shelf.problem, shelf.looked) = (problem, Some(Instant::now()));
    }

    fn is_full(&self) -> bool {
        self.lock().full
    }

    /// The folder has changed, or room is needed.
    fn look_soon(&self) {
        self.lock().woken = true;
        self.work.notify_all();
    }

    fn wait_for_work(&self, patience: Duration) {
        let shelf = self.lock();
        wait_while(&self.work, shelf, patience, |shelf| !shelf.woken).woken = false;
    }

    fn lock(&self) -> MutexGuard<'_, FolderListing> {
        lock(&self.shelf)
    }
}

/// Why the folder cannot be used, and what to do.
fn unusable(path: &Path, error: &io::Error) -> Problem {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "make that folder, or mount its disk",
        io::ErrorKind::PermissionDenied => "let the user that boardcam runs as write there",
        io::ErrorKind::ReadOnlyFilesystem => "mount that disk so that it can be written to",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "delete something on that disk",
        _ => "check the disk",
    };
    Problem::new(format!("cannot record into {}", path.display()), error.to_string(), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_hangs_from_the_start_is_told() {
        let settings = Settings { folder: Some(std::env::temp_dir()), ..Settings::default() };
        let recordings = Recordings::new(&settings);
        let shutdown = Shutdown::default();
        shutdown.begin(); // so that the folder is never looked at
        recordings.start(&settings, &[], &shutdown, &Threads::new().0).unwrap();
        assert!(recordings.shelf().problem.is_none());
        let started = recordings.lock().looked.unwrap();
        recordings.lock().looked = started.checked_sub(2 * HANGS);
        assert!(recordings.shelf().problem.unwrap().to_string().contains("the disk has not answered for"));
    }
}
