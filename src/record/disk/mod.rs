//! The thread that writes one camera's recordings. Only this thread waits for the disk.
//!
//! It writes frames at once, and flushes them to the disk once a second (fdatasync), so that after a power cut a file
//! plays up to its last second or two. When something fails, it reports that, drops frames, and tries again every
//! second with a new file.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use log::{info, warn};
use rustix::fs::fdatasync;

use super::error::RecordError;
use super::folder::Folder;
use super::matroska::{Cluster, Cue, FileHeader};
use super::name::Name;
use super::recordings::Recordings;
use super::status::Recording;
use crate::events::{Events, RecordedFile};
use crate::host::log::bounded::{self, Subject};
use crate::names::CameraLabel;
use crate::picture::Size;
use crate::time::wall_clock;

/// The most clusters that can wait, which is more than a minute of them; their bytes have a limit of their own.
const QUEUE: usize = 96;

/// Time until the next try after something failed.
const RETRY: Duration = Duration::from_secs(1);

/// How often written data is flushed to the disk, and the folder is checked.
const SYNC: Duration = Duration::from_secs(1);

/// Milliseconds between two entries of a file's index, at least.
const CUE_MS: u64 = 1000;

/// Consecutive frames to write.
#[derive(Debug)]
pub(super) struct Batch {
    pub cluster: Cluster,
    /// When the first frame was captured.
    pub captured: Instant,
    pub size: Size,
    pub frames: u64,
    /// Time of the last frame on the recorder's timeline, in ms.
    pub end_ms: u64,
    /// Whether a new file begins with these frames.
    pub new_file: bool,
}

#[derive(Debug)]
pub(super) enum Job {
    Write(Batch),
    /// Close the file.
    Close,
}

/// The file that is being written.
#[derive(Debug)]
struct OpenFile {
    folder: Folder,
    file: File,
    name: Name,
    header: FileHeader,
    /// Time of its first frame on the recorder's timeline, in ms.
    start_ms: u64,
    /// When its first frame was captured.
    captured: Instant,
    /// Bytes up to the end of the last cluster.
    length: u64,
    /// Time of its last frame on the recorder's timeline, in ms.
    end_ms: u64,
    cues: Vec<Cue>,
    /// When its data was last flushed to the disk.
    synced: Instant,
}

impl OpenFile {
    fn new(folder: Folder, name: Name, batch: &Batch) -> io::Result<Self> {
        let header = FileHeader::new(batch.size, wall_clock(batch.captured));
        let (name, file) = folder.create(name)?;
        file.write_all_at(&header.bytes, 0).inspect_err(|_| {
            let _ = folder.delete(&name); // one such file each second would crowd out the recordings
        })?;
        let length = header.bytes.len() as u64;
        let start_ms = batch.cluster.start();
        Ok(Self {
            folder,
            file,
            name,
            header,
            start_ms,
            captured: batch.captured,
            length,
            end_ms: start_ms,
            cues: Vec::new(),
            synced: Instant::now(),
        })
    }

    fn write(&mut self, batch: &mut Batch) -> io::Result<()> {
        let ms = batch.cluster.start().saturating_sub(self.start_ms);
        let bytes = batch.cluster.seal(self.start_ms);
        self.file.write_all_at(bytes, self.length)?;
        if self.cues.last().is_none_or(|cue| ms >= cue.ms + CUE_MS) {
            self.cues.push(Cue { ms, at: self.length });
        }
        self.length += bytes.len() as u64;
        self.end_ms = batch.end_ms;
        if self.synced.elapsed() >= SYNC {
            self.synced = Instant::now();
            fdatasync(&self.file)?;
        }
        Ok(())
    }

    /// Closes the file: appends the index, and writes its position into the header. If that fails, the file is as it
    /// would be after a power cut.
    fn finish(mut self) -> io::Result<Name> {
        self.file.set_len(self.length)?;
        let index = self.header.index(&self.cues);
        self.file.write_all_at(&index, self.length).inspect_err(|_| {
            let _ = self.file.set_len(self.length); // so that no half index remains
        })?;
        fdatasync(&self.file)?;
        let ms = self.end_ms - self.start_ms;
        for (at, bytes) in self.header.patches(ms, self.length, self.length + index.len() as u64) {
            self.file.write_all_at(&bytes, at)?;
        }
        self.correct_start_time()?;
        fdatasync(&self.file)?;
        Ok(self.name)
    }

    /// Gives a file that was begun before the clock was set the time at which it really began.
    fn correct_start_time(&mut self) -> io::Result<()> {
        let start = wall_clock(self.captured);
        let name = Name::new(&self.name.camera, start, self.name.time_lapse);
        if !self.name.has_time() && name.has_time() {
            let (at, bytes) = self.header.date_patch(start);
            self.file.write_all_at(&bytes, at)?;
            if self.folder.rename(&self.name, &name) {
                self.name = name;
            }
        }
        Ok(())
    }
}

pub(super) struct Disk {
    recordings: Arc<Recordings>,
    recording: Arc<Recording>,
    camera: String,
    path: PathBuf,
    /// Hears which file a motion is in.
    events: Arc<Events>,
    jobs: Receiver<Job>,
    open: Option<OpenFile>,
    /// When something last failed, until writing works again.
    failed: Option<Instant>,
}

impl Disk {
    /// The writer of one camera's recordings, and the queue of frames for it.
    pub(super) fn new(
        recordings: Arc<Recordings>,
        recording: Arc<Recording>,
        camera: String,
        path: PathBuf,
    ) -> (SyncSender<Job>, Self) {
        let (sender, jobs) = sync_channel(QUEUE);
        let events = Arc::default();
        (sender, Self { recordings, recording, camera, path, events, jobs, open: None, failed: None })
    }

    /// Tells these which file the camera is recorded into.
    pub(super) fn with_events(self, events: Arc<Events>) -> Self {
        Self { events, ..self }
    }

    /// Writes until the recorder has ended, then closes the file.
    pub(super) fn run(mut self) {
        while let Ok(job) = self.jobs.recv() {
            self.recording.set_disk_busy(true);
            match job {
                Job::Write(batch) => self.take(batch),
                Job::Close => self.close(),
            }
            self.recording.set_disk_busy(false);
        }
        self.close();
    }

    fn take(&mut self, mut batch: Batch) {
        let length = batch.cluster.length();
        if self.failed.is_some_and(|at| at.elapsed() < RETRY) {
            self.recording.drop_frames(batch.frames);
        } else {
            match self.write(&mut batch) {
                Ok(()) => {
                    self.failed = None;
                    self.recording.recorded.fetch_add(batch.frames, Ordering::Relaxed);
                    if self.recording.replace_error(None).is_some() {
                        info!("{}: recording again", self.label());
                    }
                }
                Err(error) => self.fail(error, batch.frames),
            }
        }
        self.recording.queued.fetch_sub(length, Ordering::AcqRel);
    }

    fn write(&mut self, batch: &mut Batch) -> Result<(), RecordError> {
        if self.recordings.is_full() {
            let full = || RecordError::unusable(&self.path, &io::ErrorKind::StorageFull.into());
            return Err(self.recordings.error().unwrap_or_else(full));
        }
        if batch.new_file {
            self.close();
        }
        if let Some(open) = &self.open
            && open.synced.elapsed() >= SYNC
        {
            self.check_location(open)?;
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin_file(batch)?,
        };
        let open = self.open.insert(open);
        open.write(batch).map_err(|error| RecordError::unusable(&self.path, &error))
    }

    fn begin_file(&self, batch: &Batch) -> Result<OpenFile, RecordError> {
        let unusable = |error| RecordError::unusable(&self.path, &error);
        let every = self.recording.settings.every;
        let name = Name::new(&self.camera, wall_clock(batch.captured), every.is_some());
        let folder = Folder::open(&self.path).map_err(unusable)?;
        let open = OpenFile::new(folder, name, batch).map_err(unusable)?;
        if bounded::may_log(Subject::Recordings, &self.camera) {
            info!("{}: recording into {}", self.label(), open.name);
        }
        self.recording.set_file(Some(open.name.clone()));
        let file = RecordedFile { name: open.name.to_string(), captured: batch.captured, every };
        self.events.file_begins(&self.camera, file);
        self.recordings.scan_soon();
        Ok(open)
    }

    /// Checks that the open file is still in the folder that the settings name.
    fn check_location(&self, open: &OpenFile) -> Result<(), RecordError> {
        let folder = || self.path.clone();
        if !open.folder.is_at(&self.path).unwrap_or(false) {
            return Err(RecordError::FolderGone { folder: folder() });
        }
        if open.file.metadata().is_ok_and(|file| file.nlink() == 0) {
            return Err(RecordError::FileDeleted { folder: folder(), name: open.name.clone() });
        }
        Ok(())
    }

    fn fail(&mut self, error: RecordError, frames: u64) {
        self.recording.drop_frames(frames);
        self.failed = Some(Instant::now());
        self.close(); // as far as that is possible
        let before = self.recording.replace_error(Some(error.clone()));
        if !before.is_some_and(|before| before.is_same(&error)) {
            warn!("{}: {}; trying again", self.label(), error.problem());
        }
        self.recordings.scan_soon();
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let name = open.name.clone();
        let megabytes = open.length / 1_000_000;
        if open.cues.is_empty() {
            // It has no frame. A disk that accepts names but no bytes would collect such files.
            let _ = open.folder.delete(&open.name);
            self.events.file_ends(&self.camera, None);
            self.recording.set_file(None);
            return;
        }
        let finished = open.finish();
        self.events.file_ends(&self.camera, Some(&finished.as_ref().unwrap_or(&name).to_string()));
        match finished {
            Ok(name) if bounded::may_log(Subject::Recordings, &self.camera) => {
                info!("{}: closed {name}, {megabytes} MB", self.label());
            }
            Ok(_) => {}
            Err(error) => warn!(
                "{}: cannot write the index of {name}, which can be played all the same: {error}",
                self.label()
            ),
        }
        self.recording.set_file(None);
        self.recordings.scan_soon();
    }

    fn label(&self) -> CameraLabel<'_> {
        CameraLabel(&self.camera)
    }
}

#[cfg(test)]
mod tests;
