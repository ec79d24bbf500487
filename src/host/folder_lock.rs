//! Lets one boardcam at a time change the files of a folder that several may share: two of them on one board, each with a
//! camera of its own, have the same state folder.

use std::fs::File;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// A lock on a folder (flock(2)), until it is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    /// Closing it unlocks it. `None` if the file system has no locks.
    _folder: Option<File>,
}

impl FolderLock {
    /// Locks a folder that exists. On a file system without locks nothing is locked.
    ///
    /// # Errors
    /// When the folder cannot be opened, or another process holds the lock for longer than `timeout`.
    pub fn acquire(folder: &Path, timeout: Duration) -> io::Result<Self> {
        let file = File::open(folder)?;
        match lock(&file, timeout) {
            Lock::Held => Ok(Self { _folder: Some(file) }),
            Lock::Taken => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                "another boardcam has been changing this folder for some time; is its disk slow?",
            )),
            Lock::Unsupported => Ok(Self { _folder: None }),
        }
    }
}

/// What became of an attempt to lock a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It is locked until it is closed.
    Held,
    /// Another one has held it for the whole time.
    Taken,
    /// The file system has no locks.
    Unsupported,
}

/// Locks a file or folder, and waits for at most `timeout` while another one holds it.
pub fn lock(file: &File, timeout: Duration) -> Lock {
    let deadline = Instant::now() + timeout;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Lock::Held,
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => return Lock::Taken,
            Err(Errno::INTR) => {}
            Err(_) => return Lock::Unsupported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_the_lock_and_the_others_do_not_wait_for_ever() {
        let folder = std::env::temp_dir().join(format!("boardcam-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let held = FolderLock::acquire(&folder, Duration::ZERO).unwrap();
        let why = FolderLock::acquire(&folder, 2 * PAUSE).unwrap_err().to_string();
        assert!(why.contains("another boardcam"), "{why}");
        drop(held);
        assert!(FolderLock::acquire(&folder, Duration::ZERO).is_ok());
        std::fs::remove_dir(&folder).unwrap();
        assert!(FolderLock::acquire(&folder, Duration::ZERO).is_err(), "there is no folder");
    }
}
