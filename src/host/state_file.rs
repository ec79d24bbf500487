//! Small JSON files that keep something over a restart. Whatever happens meanwhile, either the old file or the new one
//! exists, complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sync::{lock, wait_while};

/// The largest file that is read, in bytes; several times what is ever written.
pub const FILE_MAX: u64 = 64 << 10;

/// How long a change waits for an earlier one, which waits for the disk.
pub const WRITE_WAIT: Duration = Duration::from_secs(2);

/// Reads a file; without one, the default.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T, String> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
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

/// Makes the folder, if there is none yet; only its owner can read it.
///
/// # Errors
/// See [`fs::DirBuilder::create`].
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Replaces the file of this name, once the new one is on the disk.
///
/// # Errors
/// Why it could not be written, also if it would be too large to be read; the old file is still there.
pub fn write(folder: &Path, name: &str, contents: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(contents)?;
    if text.len() as u64 > FILE_MAX {
        return Err(io::Error::other(format!("it would be larger than {FILE_MAX} bytes")));
    }
    let new = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Lets one thread at a time write a file.
#[derive(Debug, Default)]
pub struct Writer {
    is_busy: Mutex<bool>,
    free: Condvar,
}

impl Writer {
    /// The permit to write; `None` if others have it for longer than `timeout`.
    pub fn acquire(&self, timeout: Duration) -> Option<WritePermit<'_>> {
        let mut is_busy = wait_while(&self.free, lock(&self.is_busy), timeout, |is_busy| *is_busy);
        (!std::mem::replace(&mut *is_busy, true)).then(|| WritePermit(self))
    }
}

/// The permit to write, until it is dropped.
#[derive(Debug)]
pub struct WritePermit<'a>(&'a Writer);

impl Drop for WritePermit<'_> {
    fn drop(&mut self) {
        *lock(&self.0.is_busy) = false;
        self.0.free.notify_one();
    }
}
