//! The file that keeps tokens over a restart.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Its name in the state folder.
pub(super) const FILE: &str = "tokens.json";

/// The largest file that is read, in bytes; several times the size of the most tokens.
pub(super) const FILE_MAX: u64 = 64 << 10;

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

/// Reads the file; without one there are no tokens.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn read(path: &Path) -> Result<Vec<Record>, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
        Ok(metadata) if !metadata.is_file() => return Err("it is not a regular file".to_owned()),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("it is larger than {FILE_MAX} bytes"));
    }
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// Makes the folder, if there is none yet.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces the file. Whatever happens meanwhile, either the old file or the new one exists, complete.
pub(super) fn write(folder: &Path, records: &[Record]) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(records)?;
    let new = folder.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}
