//! All recordings, and the state that is shared by the threads that record and keep them.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::deletion::{Deletions, TooManyDeletions};
use super::error::RecordError;
use super::listing::{Entry, FolderListing};
use super::name::Name;
use super::settings::{CameraSettings, Limits, Settings};
use super::status::Recording;
use crate::sync::{lock, wait_while};

/// A disk that has not finished a scan of the folder within this time hangs.
const HANGS: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Catalog {
    listing: FolderListing,
    /// Why nothing can be recorded, or a recording cannot be deleted.
    error: Option<RecordError>,
    /// Nothing may be written until the disk has more free space.
    full: bool,
    /// When the folder was last scanned; before the first scan, when the scans began.
    scanned: Option<Instant>,
    deletions: Deletions,
    /// Whether the next scan starts at once.
    scan_wanted: bool,
}

/// The recordings, and who records; shared by all threads.
#[derive(Debug)]
pub struct Recordings {
    /// The folder; without one nothing is recorded.
    pub folder: Option<PathBuf>,
    /// By camera, in the order of the settings.
    pub cameras: Vec<Arc<Recording>>,
    pub(super) limits: Limits,
    catalog: Mutex<Catalog>,
    scan_wanted: Condvar,
}

impl Recordings {
    /// Recordings of the cameras in `settings`; nothing is recorded before [`super::start`].
    pub fn new(settings: &Settings) -> Arc<Self> {
        let camera = |settings: &CameraSettings| Arc::new(Recording::new(settings.clone()));
        Arc::new(Self {
            folder: settings.folder.clone(),
            cameras: settings.cameras.iter().map(camera).collect(),
            limits: settings.limits.clone(),
            catalog: Mutex::default(),
            scan_wanted: Condvar::new(),
        })
    }

    /// The contents of the folder at the last scan, with a problem if that was long ago.
    pub fn listing(&self) -> FolderListing {
        let catalog = self.lock();
        let error = self.error_in(&catalog);
        let blocked = error.as_ref().is_some_and(RecordError::prevents_recording);
        let problem = error.map(|error| error.problem());
        FolderListing { problem, blocked, ..catalog.listing.clone() }
    }

    /// Why nothing can be recorded, or a recording cannot be deleted.
    pub(super) fn error(&self) -> Option<RecordError> {
        self.error_in(&self.lock())
    }

    fn error_in(&self, catalog: &Catalog) -> Option<RecordError> {
        let hangs = catalog.scanned.filter(|since| since.elapsed() > HANGS).zip(self.folder.clone());
        let silent = hangs.map(|(since, folder)| RecordError::Silent { folder, since });
        silent.or_else(|| catalog.error.clone())
    }

    /// The recording with this name, unless it is to be deleted.
    pub fn find(&self, name: &Name) -> Option<Entry> {
        let catalog = self.lock();
        let entry = catalog.listing.entries.iter().find(|entry| entry.name == *name)?;
        (!catalog.deletions.contains(name)).then(|| entry.clone())
    }

    /// Removes a recording from the listing, and has it deleted soon.
    ///
    /// # Errors
    /// When too many wait to be deleted.
    pub fn delete(&self, name: &Name) -> Result<(), TooManyDeletions> {
        let mut catalog = self.lock();
        catalog.deletions.add(name)?;
        let left = catalog.listing.entries.iter().filter(|entry| entry.name != *name).cloned().collect();
        catalog.listing.entries = Arc::new(left);
        drop(catalog);
        self.scan_soon();
        Ok(())
    }

    /// Whether a camera is being recorded into this file.
    pub fn is_being_written(&self, name: &Name) -> bool {
        self.files_being_written().contains(name)
    }

    pub(super) fn files_being_written(&self) -> Vec<Name> {
        self.cameras.iter().flat_map(|camera| camera.all()).filter_map(Recording::file).collect()
    }

    pub(super) fn to_be_deleted(&self) -> Vec<Name> {
        self.lock().deletions.names()
    }

    /// Notes that a deletion was done, or was tried without success.
    pub(super) fn deletion_is_over(&self, name: &Name) {
        self.lock().deletions.remove(name);
    }

    /// Stores the contents of the folder, the newest recording first, the free bytes on its disk, and whether those are
    /// too few to record.
    pub(crate) fn set_listing(&self, entries: Vec<Entry>, free: u64, full: bool) {
        let mut catalog = self.lock();
        let kept = entries.into_iter().filter(|entry| !catalog.deletions.contains(&entry.name));
        let entries = Arc::new(kept.collect());
        catalog.listing = FolderListing { entries, free, ..FolderListing::default() };
        catalog.full = full;
    }

    /// Notes that the scans begin now.
    pub(super) fn scans_begin(&self) {
        self.lock().scanned = Some(Instant::now());
    }

    /// Notes that the folder has just been scanned, and the problem if there was one.
    pub(super) fn scan_is_done(&self, error: Option<RecordError>) {
        let mut catalog = self.lock();
        catalog.error = error;
        catalog.scanned = Some(Instant::now());
    }

    /// Whether too little of the disk is free to record.
    pub(super) fn is_full(&self) -> bool {
        self.lock().full
    }

    /// Asks for a scan of the folder: it has changed, or the disk needs space.
    pub(super) fn scan_soon(&self) {
        self.lock().scan_wanted = true;
        self.scan_wanted.notify_all();
    }

    /// Waits until a scan is asked for, for at most `timeout`.
    pub(super) fn wait_for_scan(&self, timeout: Duration) {
        let catalog = self.lock();
        wait_while(&self.scan_wanted, catalog, timeout, |catalog| !catalog.scan_wanted).scan_wanted = false;
    }

    fn lock(&self) -> MutexGuard<'_, Catalog> {
        lock(&self.catalog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_hangs_from_the_start_is_reported() {
        let settings = Settings { folder: Some(std::env::temp_dir()), ..Settings::default() };
        let recordings = Recordings::new(&settings);
        recordings.scans_begin();
        assert!(recordings.listing().problem.is_none());
        let began = recordings.lock().scanned.unwrap();
        recordings.lock().scanned = began.checked_sub(2 * HANGS);
        let problem = recordings.listing().problem.unwrap().to_string();
        assert!(problem.contains("the disk has not answered for"), "{problem}");
    }
}
