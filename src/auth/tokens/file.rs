//! The file that keeps tokens over a restart.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Its name in the state folder.
pub(super) const FILE: &str = "tokens.json";

/// A token in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    /// When it was created, by the board's clock, in seconds since 1970.
    pub(super) made: u64,
    /// The tag of its secret, in hexadecimal.
    pub(super) hash: String,
}

/// What differs between two versions of the file, since each is a new file. `None` without a file.
pub(super) type Version = Option<(u64, SystemTime, u64)>;

/// Which version of the file is there.
pub(super) fn version(path: &Path) -> Version {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.modified().ok()?, metadata.len()))
}
