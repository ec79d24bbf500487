//! Keeps the folder of the recordings: lists it, deletes what somebody asked to delete, and deletes the oldest
//! recordings when they exceed the limit on space or age. It has a thread of its own, since a disk may hang.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};

use super::clock::Clock;
use super::durations::Durations;
use super::error::RecordError;
use super::folder::Folder;
use super::listing::Entry;
use super::name::Name;
use super::recordings::Recordings;
use super::retention::{RECORDINGS_MAX, surplus};
use crate::events::Events;
use crate::host::log::bounded::{self, Subject};
use crate::host::shutdown::Shutdown;
use crate::problem::Problem;

/// Time between two scans of the folder when nobody waits for one.
const SCAN_PERIOD: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    recordings: Arc<Recordings>,
    events: Arc<Events>,
    clock: Clock,
    durations: Durations,
    /// The error that was logged last and has not been resolved.
    logged: Option<RecordError>,
    /// Lengths of the files at the last scan, and those that cameras of this program were being recorded into.
    before: BTreeMap<Name, u64>,
    own: Vec<Name>,
    /// Whether the log says that another program records into the folder.
    says_shared: bool,
}

impl Worker {
    pub(super) fn new(recordings: Arc<Recordings>, events: Arc<Events>) -> Self {
        Self {
            recordings,
            events,
            clock: Clock::new(SystemTime::now(), Instant::now()),
            durations: Durations::default(),
            logged: None,
            before: BTreeMap::new(),
            own: Vec::new(),
            says_shared: false,
        }
    }

    /// Keeps the folder until the program ends.
    pub(super) fn run(mut self, path: &Path, shutdown: &Shutdown) {
        while !shutdown.has_begun() {
            let error = self.scan(path).unwrap_or_else(|error| Some(RecordError::unusable(path, &error)));
            self.log(path, error.as_ref());
            self.recordings.scan_is_done(error);
            self.recordings.wait_for_scan(SCAN_PERIOD);
        }
    }

    /// Logs errors that are new, and errors that are resolved.
    fn log(&mut self, path: &Path, error: Option<&RecordError>) {
        match (error, &self.logged) {
            (Some(error), logged) if !logged.as_ref().is_some_and(|logged| logged.is_same(error)) => {
                warn!("{}", error.problem());
            }
            (None, Some(_)) => info!("recordings: {} can be used again", path.display()),
            _ => {}
        }
        self.logged = error.cloned();
    }

    /// Scans the folder once. Returns a problem that exists although the folder can be read.
    fn scan(&mut self, path: &Path) -> io::Result<Option<RecordError>> {
        let now = Instant::now();
        if self.clock.has_jumped(SystemTime::now(), now) {
            info!("recordings: the clock was set; nothing is deleted for its age in the next hour");
        }
        let folder = Folder::open(path)?;
        let mut error = self.delete_requested(&folder);
        // Lists some beyond the limit, so that these can be deleted.
        let (mut entries, _) = folder.list(2 * RECORDINGS_MAX)?;
        let foreign = self.written_by_others(path, &entries);
        error = self.delete_surplus(&folder, &mut entries, &foreign, now)?.or(error);
        self.events.keep_pictures(|name| self.is_there(name, &entries));
        let free = folder.free()?;
        let min_free = self.recordings.limits.min_free;
        let full = free < min_free;
        // Said before anybody records; where files cannot be made, others cannot be deleted either.
        error = folder.check_writable().err().map(|error| RecordError::unusable(path, &error)).or(error);
        if full && error.is_none() {
            error = Some(RecordError::LowSpace { folder: path.to_owned(), free, min_free });
        }
        let is_busy = |name: &Name| foreign.contains(name) || self.own.contains(name);
        self.durations.fill_in(&folder, &mut entries, is_busy);
        self.recordings.set_listing(entries, free, full);
        Ok(error)
    }

    fn is_there(&self, name: &str, entries: &[Entry]) -> bool {
        let Some(name) = Name::parse(name) else { return false };
        entries.iter().any(|entry| entry.name == name) || self.recordings.is_being_written(&name)
    }

    /// Deletes what somebody asked to delete; returns the last error.
    fn delete_requested(&self, folder: &Folder) -> Option<RecordError> {
        let mut failed = None;
        for name in self.recordings.to_be_deleted() {
            match folder.delete(&name) {
                Ok(()) if bounded::may_log(Subject::Recordings, "deleted") => {
                    info!("recordings: deleted {name}, as requested");
                }
                Ok(()) => {}
                Err(error) => {
                    failed = Some(RecordError::Undeletable { name: name.clone(), error: (&error).into() });
                }
            }
            self.recordings.deletion_is_over(&name);
        }
        failed
    }

    /// The files that another program writes, which is said once: each counts and deletes the recordings of both. They
    /// have grown since the last scan, and were not being recorded here at either.
    fn written_by_others(&mut self, path: &Path, entries: &[Entry]) -> Vec<Name> {
        let own = self.recordings.files_being_written();
        let is_own = |name: &Name| own.contains(name) || self.own.contains(name);
        let has_grown =
            |entry: &&Entry| self.before.get(&entry.name).is_some_and(|before| entry.bytes > *before);
        let foreign = entries.iter().filter(has_grown).map(|entry| entry.name.clone());
        let foreign: Vec<Name> = foreign.filter(|name| !is_own(name)).collect();
        if let Some(name) = foreign.first()
            && !std::mem::replace(&mut self.says_shared, true)
        {
            let what = format!("{} is not for this program's recordings alone", path.display());
            let why = format!("another one is writing {name} there, such as a second boardcam");
            let advice =
                "give each boardcam a record-folder of its own: each deletes the oldest of all files there";
            warn!("{}", Problem::new(what, why, advice));
        }
        self.before = entries.iter().map(|entry| (entry.name.clone(), entry.bytes)).collect();
        self.own = own;
        foreign
    }

    /// Deletes the oldest of `entries`, but none of `foreign`, until they are within the limits, or until one cannot be deleted.
    fn delete_surplus(
        &self,
        folder: &Folder,
        entries: &mut Vec<Entry>,
        foreign: &[Name],
        now: Instant,
    ) -> io::Result<Option<RecordError>> {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall = wall.ok().map(|wall| wall.as_secs() as i64).filter(|_| self.clock.is_steady(now));
        let busy = [&self.recordings.files_being_written(), foreign].concat();
        let surplus = surplus(entries, &self.recordings.limits, folder.free()?, wall, &busy);
        let names: Vec<_> = surplus.into_iter().map(|entry| entry.name.clone()).collect();
        for name in names {
            if let Err(error) = folder.delete(&name) {
                return Ok(Some(RecordError::Undeletable { name, error: (&error).into() }));
            }
            info!("recordings: deleted {name} to stay within the limits");
            entries.retain(|entry| entry.name != name);
        }
        Ok(None)
    }
}
