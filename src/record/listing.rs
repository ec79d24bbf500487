//! What the recordings' folder holds.

use std::sync::Arc;
use std::time::Duration;

use super::name::Name;
use crate::problem::Problem;

/// A recording in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Name,
    /// Its length in bytes; it may have grown since.
    pub bytes: u64,
    /// When it was last changed, in seconds and nanoseconds since 1970.
    pub modified: (i64, u32),
    /// The time of its last frame from its beginning; `None` while that is not known.
    pub duration: Option<Duration>,
}

/// What the folder held at the last scan.
#[derive(Debug, Clone, Default)]
pub struct FolderListing {
    /// The recordings, the newest first.
    pub entries: Arc<Vec<Entry>>,
    /// Free bytes on the disk; 0 before the first scan.
    pub free: u64,
    /// Why nothing can be recorded, or a recording cannot be deleted.
    pub problem: Option<Problem>,
    /// Whether that problem keeps cameras from being recorded.
    pub blocked: bool,
}
