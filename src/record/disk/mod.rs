//! The thread that writes one camera's recordings. It alone waits for the disk.
//!
//! What it is given is written at once and, once a second, brought to the disk (fdatasync), so that a file whose power
//! was cut plays up to its last second or two. When something fails it says so, drops what it is given, and tries
//! again every second with a new file.

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

use super::folder::Folder;
use super::matroska::{Cluster, Cue, Head};
use super::name::Name;
use super::status::Recording;
use super::{Recordings, unusable};
use crate::picture::Size;
use crate::problem::Problem;
use crate::time::wall_clock;

/// Clusters that may wait, besides their limit in bytes.
const QUEUE: usize = 64;

/// After something failed.
const RETRY: Duration = Duration::from_secs(1);

/// How often what was written is brought to the disk, and the folder looked for.
const SYNC: Duration = Duration::from_secs(1);

/// Between two entries of a file's index.
const CUE_MS: u64 = 1000;

/// Some frames in a row.
#[derive(Debug)]
pub(super) struct Batch {
    pub cluster: Cluster,
    /// When the first was captured.
    pub captured: Instant,
    pub size: Size,
    pub frames: u64,
    /// Where the last is on the timeline, in ms.
    pub end: u64,
    /// A new file begins with it.
    pub anew: bool,
}

#[derive(Debug)]
pub(super) enum Job {
    Cluster(Batch),
    /// The file is to be closed.
    End,
}

/// An open file.
#[derive(Debug)]
struct Open {
    folder: Folder,
    file: File,
    name: Name,
    head: Head,
    /// Where it begins on the timeline, in ms.
    zero: u64,
    /// When its first frame was captured.
    captured: Instant,
    /// Bytes that are whole.
    length: u64,
    end: u64,
    cues: Vec<Cue>,
    synced: Instant,
}

impl Open {
    fn new(folder: Folder, name: Name, batch: &Batch) -> io::Result<Self> {
        let head = Head::new(batch.size, wall_clock(batch.captured));
        let (name, file) = folder.create(name)?;
        file.write_all_at(&head.bytes, 0).inspect_err(|_| {
            let _ = folder.delete(&name); // one each second, they would crowd out the recordings
        })?;
        let length = head.bytes.len() as u64;
        let (zero, captured, now) = (batch.cluster.start(), batch.captured, Instant::now());
        Ok(Self {
            folder,
            file,
            name,
            head,
            zero,
            captured,
            length,
            end: zero,
            cues: Vec::new(),
            synced: now,
        })
    }

    fn write(&mut self, batch: &mut Batch) -> io::Result<()> {
        let ms = batch.cluster.start().saturating_sub(self.zero);
        let bytes = batch.cluster.seal(self.zero);
        self.file.write_all_at(bytes, self.length)?;
        if self.cues.last().is_none_or(|cue| ms >= cue.ms + CUE_MS) {
            self.cues.push(Cue { ms, at: self.length });
        }
        self.length += bytes.len() as u64;
        self.end = batch.end;
        if self.synced.elapsed() >= SYNC {
            self.synced = Instant::now();
            fdatasync(&self.file)?;
        }
        Ok(())
    }

    /// Closes the file: puts the index behind it and says in the head where it is. What fails leaves it as if cut.
    fn finish(mut self) -> io::Result<Name> {
        self.file.set_len(self.length)?;
        let index = self.head.index(&self.cues);
        self.file.write_all_at(&index, self.length).inspect_err(|_| {
            let _ = self.file.set_len(self.length); // no half of an index
        })?;
        fdatasync(&self.file)?;
        let ms = self.end - self.zero;
        for (at, bytes) in self.head.patches(ms, self.length, self.length + index.len() as u64) {
            self.file.write_all_at(&bytes, at)?;
        }
        self.put_time_right()?;
        fdatasync(&self.file)?;
        Ok(self.name)
    }

    /// A file that was begun before the clock was set gets the time that it really began at.
    fn put_time_right(&mut self) -> io::Result<()> {
        let start = wall_clock(self.captured);
        let name = Name::new(&self.name.camera, start);
        if !self.name.has_time() && name.has_time() {
            let (at, bytes) = self.head.redate(start);
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
    jobs: Receiver<Job>,
    open: Option<Open>,
    failed: Option<Instant>,
}

/// Where a recorder puts what is to be written, and who writes it.
pub(super) fn channel(
    recordings: Arc<Recordings>,
    recording: Arc<Recording>,
    camera: String,
    path: PathBuf,
) -> (SyncSender<Job>, Disk) {
    let (sender, jobs) = sync_channel(QUEUE);
    (sender, Disk { recordings, recording, camera, path, jobs, open: None, failed: None })
}

impl Disk {
    /// Writes until the recorder has ended, and closes the file.
    pub(super) fn run(mut self) {
        while let Ok(job) = self.jobs.recv() {
            self.recording.disk_is_busy(true);
            match job {
                Job::Cluster(batch) => self.take(batch),
                Job::End => self.close(),
            }
            self.recording.disk_is_busy(false);
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
                    if self.recording.set_problem(None) {
                        info!("camera {}: the recording goes on", self.camera);
                    }
                }
                Err(problem) => self.fail(problem, batch.frames),
            }
        }
        self.recording.queued.fetch_sub(length, Ordering::AcqRel);
    }

    fn write(&mut self, batch: &mut Batch) -> Result<(), Problem> {
        if self.recordings.is_full() {
            let shelf = self.recordings.shelf();
            return Err(shelf
                .problem
                .unwrap_or_else(|| unusable(&self.path, &io::ErrorKind::StorageFull.into())));
        }
        if batch.anew {
            self.close();
        }
        if let Some(open) = &self.open
            && open.synced.elapsed() >= SYNC
            && let Some((why, advice)) = self.misplaced(open)
        {
            return Err(Problem::new(format!("cannot record into {}", self.path.display()), why, advice));
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let name = Name::new(&self.camera, wall_clock(batch.captured));
                let folder = Folder::open(&self.path).map_err(|error| unusable(&self.path, &error))?;
                let open = Open::new(folder, name, batch).map_err(|error| unusable(&self.path, &error))?;
                info!("camera {}: records into {}", self.camera, open.name);
                self.recording.set_file(Some(open.name.clone()));
                self.recordings.look_soon();
                open
            }
        };
        let open = self.open.insert(open);
        open.write(batch).map_err(|error| unusable(&self.path, &error))
    }

    /// Why the open file is not where files are looked for, if it is not, and what to do.
    fn misplaced(&self, open: &Open) -> Option<(String, &'static str)> {
        if !open.folder.is_at(&self.path).unwrap_or(false) {
            let why = "the folder that was recorded into is not there any more".to_owned();
            return Some((why, "mount its disk again"));
        }
        let is_deleted = open.file.metadata().is_ok_and(|file| file.nlink() == 0);
        let why = || (format!("{} was deleted", open.name), "nothing; the next file is begun");
        is_deleted.then(why)
    }

    fn fail(&mut self, problem: Problem, frames: u64) {
        self.recording.drop_frames(frames);
        self.failed = Some(Instant::now());
        self.close(); // as well as it can be
        let told = problem.to_string();
        if self.recording.set_problem(Some(problem)) {
            warn!("camera {}: {told}; trying again", self.camera);
        }
        self.recordings.look_soon();
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (begun, length) = (open.name.to_string(), open.length);
        if open.cues.is_empty() {
            // Not one frame is in it; a disk that takes names and no bytes gets no more of them.
            let _ = open.folder.delete(&open.name);
            self.recording.set_file(None);
            return;
        }
        match open.finish() {
            Ok(name) => info!("camera {}: closed {name}, {} MB", self.camera, length / 1_000_000),
            Err(error) => warn!("camera {}: {begun} has no index, but can be played: {error}", self.camera),
        }
        self.recording.set_file(None);
        self.recordings.look_soon();
    }
}

#[cfg(test)]
mod tests;
