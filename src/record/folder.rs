//! The folder of the recordings, and the operations on it. Each call may wait for a disk, so only threads of this
//! module make them.
//!
//! Files are opened by name in the open folder, never through a link, and only names that [`Name`] accepts get here.
//! The folder itself is never created: if its disk were missing, that would fill the mount point.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    Access, AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, accessat, fstat, fstatvfs, fsync, openat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::listing::Entry;
use super::name::Name;

/// Names that are tried for a new file before it counts as an error.
const NAMES_TRIED: usize = 100;

/// The open folder.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens the folder at `path`.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Whether this folder is still the one at `path`.
    ///
    /// # Errors
    /// When there is nothing at `path`.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        let (own, now) = (fstat(&self.0)?, statat(CWD, path, AtFlags::empty())?);
        Ok((own.st_dev, own.st_ino) == (now.st_dev, now.st_ino))
    }

    /// Whether files can be made in it, without making one.
    ///
    /// # Errors
    /// The system's error: no permission, or a disk that is mounted read-only.
    pub fn check_writable(&self) -> io::Result<()> {
        Ok(accessat(&self.0, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())?)
    }

    /// The recordings in it, the newest first, `most` at most, and whether there are more.
    ///
    /// # Errors
    /// The system's error.
    pub fn list(&self, most: usize) -> io::Result<(Vec<Entry>, bool)> {
        let mut entries = Vec::new();
        for found in Dir::read_from(&self.0)? {
            let found = found?;
            let Some(name) = found.file_name().to_str().ok().and_then(Name::parse) else { continue };
            if entries.len() == most {
                return Ok((newest_first(entries), true));
            }
            let stat = match statat(&self.0, found.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue, // deleted in the meantime
                stat => stat?,
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                #[allow(clippy::unnecessary_cast, reason = "other integers on 32-bit systems")]
                let modified = (stat.st_mtime as i64, stat.st_mtime_nsec as u32);
                entries.push(Entry { name, bytes, modified, duration: None });
            }
        }
        Ok((newest_first(entries), false))
    }

    /// Creates a file for a recording with this name. If it exists already, the name's time is moved some seconds
    /// later.
    ///
    /// # Errors
    /// The system's error.
    pub fn create(&self, mut name: Name) -> io::Result<(Name, File)> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..NAMES_TRIED {
            match openat(&self.0, name.to_string(), flags, Mode::from_raw_mode(0o640)) {
                Err(Errno::EXIST) => name = name.next(),
                Err(error) => return Err(error.into()),
                Ok(file) => {
                    let _ = fsync(&self.0); // so that a power cut does not lose the name; some file systems cannot do it
                    return Ok((name, file.into()));
                }
            }
        }
        Err(Errno::EXIST.into())
    }

    /// Opens a recording to read it.
    ///
    /// # Errors
    /// The system's error, and when it is not an ordinary file.
    pub fn read(&self, name: &Name) -> io::Result<File> {
        // Without NONBLOCK, opening a pipe would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.0, name.to_string(), flags, Mode::empty())?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file"));
        }
        Ok(file)
    }

    /// Renames a recording unless a file of the new name exists; returns whether it was renamed.
    pub fn rename(&self, from: &Name, to: &Name) -> bool {
        let (from, to) = (from.to_string(), to.to_string());
        renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE).is_ok()
    }

    /// Deletes a recording. It is not an error if there is none with this name.
    ///
    /// # Errors
    /// The system's error.
    pub fn delete(&self, name: &Name) -> io::Result<()> {
        match unlinkat(&self.0, name.to_string(), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Bytes of its disk that users other than root can still write.
    ///
    /// # Errors
    /// The system's error.
    pub fn free(&self) -> io::Result<u64> {
        free(&self.0)
    }
}

/// Bytes of the file's disk that users other than root can still write.
///
/// # Errors
/// The system's error.
pub fn free(file: impl AsFd) -> io::Result<u64> {
    let disk = fstatvfs(file)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_unstable_by(|one, other| other.name.rank().cmp(&one.name.rank()));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    /// A folder for one test, deleted at its end.
    struct TempFolder(PathBuf);

    impl TempFolder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("boardcam-{test}-{}", std::process::id()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for TempFolder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn name(start: i64) -> Name {
        Name { camera: "door".to_owned(), start, time_lapse: false }
    }

    #[test]
    fn only_ordinary_files_with_our_names_are_seen_and_links_are_not_followed() {
        let temp = TempFolder::new("folder");
        let folder = Folder::open(&temp.0).unwrap();
        let (made, _) = folder.create(name(1)).unwrap();
        fs::write(temp.0.join("holiday.mkv"), "theirs").unwrap();
        fs::write(temp.0.join("secret"), "secret").unwrap();
        symlink(temp.0.join("secret"), temp.0.join(name(2).to_string())).unwrap();
        fs::create_dir(temp.0.join(name(3).to_string())).unwrap();
        let (entries, more) = folder.list(10).unwrap();
        assert_eq!((entries.len(), more), (1, false), "{entries:?}");
        assert_eq!(entries[0].name, made);
        assert!(folder.read(&name(2)).is_err() && folder.read(&name(3)).is_err());
        assert!(folder.delete(&name(3)).is_err(), "a folder was deleted");
        folder.delete(&name(2)).unwrap();
        let mut text = String::new();
        File::open(temp.0.join("secret")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "secret");
        folder.delete(&made).unwrap();
        folder.delete(&made).unwrap();
    }

    #[test]
    fn two_recordings_of_one_second_get_names_of_their_own() {
        let temp = TempFolder::new("names");
        let folder = Folder::open(&temp.0).unwrap();
        let names: Vec<_> = (0..3).map(|_| folder.create(name(7)).unwrap().0).collect();
        assert_eq!(names, [name(7), name(8), name(9)]);
        assert!(!folder.rename(&name(7), &name(8)), "it replaced another one");
        assert!(folder.rename(&name(7), &name(6)));
        let listed: Vec<_> = folder.list(10).unwrap().0.into_iter().map(|entry| entry.name.start).collect();
        assert_eq!(listed, [9, 8, 6]);
        assert_eq!(folder.list(2).unwrap().0.len(), 2);
        assert!(folder.list(2).unwrap().1);
    }

    #[test]
    fn another_folder_in_its_place_is_noticed() {
        let temp = TempFolder::new("swapped");
        let path = temp.0.join("disk");
        fs::create_dir(&path).unwrap();
        let folder = Folder::open(&path).unwrap();
        assert!(folder.is_at(&path).unwrap());
        fs::rename(&path, temp.0.join("other")).unwrap();
        assert!(folder.is_at(&path).is_err());
        fs::create_dir(&path).unwrap();
        assert!(!folder.is_at(&path).unwrap());
    }
}
