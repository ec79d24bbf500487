//! Recordings: the cameras' pictures, kept on a disk.
//!
//! A [`recorder`] takes the newest frame from its camera's ring as a viewer does, gathers about a second of frames, and
//! passes them to the thread that writes ([`disk`]). A disk that is slow, full or gone therefore costs frames of the
//! recording only; they are counted and reported. The [`worker`] lists the folder and keeps it within its limits. The
//! site looks at [`Recordings`], which never waits for a disk; [`crate::files`] sends what was recorded.
//!
//! None of this runs unless the settings name a folder.

mod before;
mod clock;
mod deletion;
mod disk;
mod durations;
mod error;
mod folder;
mod listing;
pub mod matroska;
pub mod name;
pub mod plan;
mod recorder;
mod recordings;
mod retention;
mod settings;
mod status;
mod switch;
mod worker;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::events::Events;
use crate::feed::Feed;
use crate::host::log::camera_scope;
use crate::host::shutdown::Shutdown;
use crate::host::threads::{self, Threads};
use crate::problem::Problem;
pub use deletion::TooManyDeletions;
use disk::Disk;
pub use listing::{Entry, FolderListing};
pub use name::Name;
use recorder::{FileLimits, Recorder};
pub use recordings::Recordings;
pub use settings::{CameraSettings, Limits, Settings};
pub use status::{Recording, RecordingStatus};
use worker::Worker;

/// Opens a recording in this folder to read it. Waits for the disk.
///
/// # Errors
/// The system's error, and when it is not an ordinary file.
pub fn open(folder: &Path, name: &Name) -> io::Result<File> {
    folder::Folder::open(folder)?.read(name)
}

/// Starts the threads that record the `feeds` and keep the folder, if there is one. Those that have a file open are
/// among `threads`, so that the program does not end before the file is closed.
///
/// # Errors
/// When the system cannot start a thread.
pub fn start(
    recordings: &Arc<Recordings>,
    settings: &Settings,
    feeds: &[Arc<Feed>],
    events: &Arc<Events>,
    shutdown: &Shutdown,
    threads: &Threads,
) -> Result<(), Problem> {
    let Some(folder) = recordings.folder.clone() else { return Ok(()) };
    recordings.scans_begin();
    let file_limits = FileLimits::new(settings.segment, settings.limits.max_bytes);
    for (feed, recording) in feeds.iter().zip(&recordings.cameras) {
        let start = |kind: [&str; 2], recording, events| {
            let disk = (recordings.clone(), events, folder.as_path());
            start_camera(kind, feed, recording, disk, file_limits, shutdown, threads)
        };
        start(["record", "disk"], recording, events)?;
        if let Some(time_lapse) = &recording.time_lapse {
            // Events are in what is recorded on motion.
            start(["lapse", "lapse disk"], time_lapse, &Arc::default())?;
        }
    }
    let worker = Worker::new(recordings.clone(), events.clone());
    let shutdown = shutdown.clone();
    threads::start("recordings", "looking after the recordings", move || worker.run(&folder, &shutdown))
}

/// Starts the two threads that record one camera, with names that begin so.
fn start_camera(
    [record, write]: [&str; 2],
    feed: &Arc<Feed>,
    recording: &Arc<Recording>,
    (recordings, events, folder): (Arc<Recordings>, &Arc<Events>, &Path),
    file_limits: FileLimits,
    shutdown: &Shutdown,
    threads: &Threads,
) -> Result<(), Problem> {
    let (jobs, disk) = Disk::new(recordings, recording.clone(), feed.name.clone(), folder.to_owned());
    let disk = disk.with_events(events.clone());
    let name = feed.name.clone();
    threads.start(&format!("{write} {name}"), "recording", move || {
        let _scope = camera_scope(&name);
        disk.run();
    })?;
    let recorder = Recorder::new(recording.clone(), feed.clone(), file_limits, jobs, events.clone());
    let shutdown = shutdown.clone();
    let name = feed.name.clone();
    threads::start(&format!("{record} {name}"), "recording", move || {
        let _scope = camera_scope(&name);
        recorder.run(&shutdown);
    })
}

#[cfg(test)]
mod tests;
