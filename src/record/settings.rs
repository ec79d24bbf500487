//! What can be set about recordings.

use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Access, access};

use super::error::RecordError;
use super::folder::Folder;
use super::plan::Plan;
use crate::problem::Problem;

/// What is recorded of one camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraSettings {
    /// When.
    pub plan: Plan,
    /// Time between two frames of a time-lapse; `None` records every frame. With a plan that depends on motion, the
    /// time-lapse goes on beside what is recorded on motion.
    pub every: Option<Duration>,
    /// What is recorded on motion begins so long before it, ...
    pub before: Duration,
    /// ... and ends so long after it.
    pub after: Duration,
}

impl CameraSettings {
    /// Time before a motion by default.
    pub const DEFAULT_BEFORE: Duration = Duration::from_secs(5);

    /// Time after a motion by default.
    pub const DEFAULT_AFTER: Duration = Duration::from_secs(10);

    /// Whether there are two recordings: a time-lapse, and what is recorded on motion.
    pub(super) fn has_time_lapse_beside_motion(&self) -> bool {
        self.plan.is_by_motion() && self.every.is_some()
    }
}

/// Nothing is recorded.
impl Default for CameraSettings {
    fn default() -> Self {
        Self { plan: Plan::Off, every: None, before: Self::DEFAULT_BEFORE, after: Self::DEFAULT_AFTER }
    }
}

/// When the oldest recordings are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that all recordings together may take.
    pub max_bytes: Option<u64>,
    /// Bytes that must stay free on the disk.
    pub min_free: u64,
    /// The age at which a recording is deleted.
    pub max_age: Option<Duration>,
}

/// Everything that can be set about recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder for the recordings; without one nothing can be recorded.
    pub folder: Option<PathBuf>,
    /// The length of one file.
    pub segment: Duration,
    /// When recordings are deleted.
    pub limits: Limits,
    /// By camera, in the order of the settings.
    pub cameras: Vec<CameraSettings>,
}

impl Settings {
    /// The length of one file by default.
    pub const DEFAULT_SEGMENT: Duration = Duration::from_secs(300);

    /// Bytes that stay free on the disk by default.
    pub const DEFAULT_MIN_FREE: u64 = 256_000_000;

    /// Why nothing can be recorded into the folder now; `None` if it can, or if there is none.
    pub fn folder_problem(&self) -> Option<Problem> {
        let folder = self.folder.as_deref()?;
        let opened = Folder::open(folder).and_then(|_| Ok(access(folder, Access::WRITE_OK)?));
        opened.err().map(|error| RecordError::unusable(folder, &error).problem())
    }

    /// Whether a camera is recorded at some hours, so that the board's time zone matters.
    pub fn depends_on_the_hour(&self) -> bool {
        self.cameras.iter().any(|camera| camera.plan.hours().is_some())
    }

    /// The most file descriptors that are open at once: folder and file of each camera, twice where a time-lapse goes on
    /// beside what is recorded on motion, and the folder that is being listed (twice, by rustix).
    pub fn open_files(&self) -> usize {
        let files = |camera: &CameraSettings| 1 + usize::from(camera.has_time_lapse_beside_motion());
        self.folder.as_ref().map_or(0, |_| 2 * self.cameras.iter().map(files).sum::<usize>() + 2)
    }
}

/// Nothing can be recorded.
impl Default for Settings {
    fn default() -> Self {
        let limits = Limits { max_bytes: None, min_free: Self::DEFAULT_MIN_FREE, max_age: None };
        Self { folder: None, segment: Self::DEFAULT_SEGMENT, limits, cameras: Vec::new() }
    }
}
