//! The file that keeps the list of motions over a restart: a line of JSON for each change, of which the last one about a
//! motion counts. So a motion costs two or three lines, and not the whole list, on an SD card. When the file has grown,
//! it is replaced by one that holds only what is in the list.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use log::{error, info, warn};
use rustix::fs::fdatasync;

use super::list::{Entry, LISTED_MAX};
use crate::host::folder_lock::{Lock, lock};
use crate::host::{inject, state_file};
use crate::names::is_camera_name;
use crate::problem::Problem;

/// Its name in the state folder.
const FILE: &str = "events.jsonl";

/// A larger file is replaced before more is written: this is about twice what the whole list takes.
const JOURNAL_MAX: u64 = 512 << 10;

/// The most bytes that are read of a file.
const READ_MAX: u64 = 2 * JOURNAL_MAX;

/// The longest name of a recording that is taken from the file, in bytes.
const RECORDING_MAX: usize = 80;

/// The file, which one program at a time has.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// Open and locked; `None` if it is to be replaced before more is written.
    file: Option<File>,
    /// Its bytes.
    length: u64,
    /// Whether the log says that it cannot be written.
    says_failed: bool,
}

impl Journal {
    /// The file in this folder, and what it holds, the oldest first. If something in it cannot be read, that is said, and
    /// the file is set aside. `None` if another boardcam has it.
    pub(super) fn open(folder: PathBuf) -> Option<(Self, Vec<Entry>)> {
        let path = folder.join(FILE);
        let mut journal = Self { folder, file: None, length: 0, says_failed: false };
        let is_file = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some((journal, Vec::new())),
            found => found.is_ok_and(|found| found.is_file()),
        };
        let opened = OpenOptions::new().read(true).append(true).open(&path);
        let file = match opened {
            Ok(file) if is_file => file,
            Ok(_) => {
                journal.set_aside("it is not a regular file");
                return Some((journal, Vec::new()));
            }
            Err(error) => {
                journal.set_aside(&error.to_string());
                return Some((journal, Vec::new()));
            }
        };
        if !is_locked(&file) {
            info!(
                "another boardcam keeps its events in {}; those of this one last until it ends",
                path.display()
            );
            return None;
        }
        let mut text = Vec::new();
        if let Err(error) = (&file).take(READ_MAX).read_to_end(&mut text) {
            journal.set_aside(&error.to_string());
            return Some((journal, Vec::new()));
        }
        let (entries, fault) = parse(&text);
        if let Some(fault) = fault {
            journal.set_aside(&fault);
        } else if text.last().is_none_or(|last| *last == b'\n') {
            (journal.length, journal.file) = (text.len() as u64, Some(file));
        }
        Some((journal, entries))
    }

    /// Writes what has changed, and waits until it is on the disk; `all` is the whole list. What fails is said once, and
    /// the whole list is written the next time. Returns whether it was written.
    pub(super) fn write(&mut self, changed: &[Entry], all: &[Entry]) -> bool {
        inject::panic_at("events");
        let written = match self.file.as_mut().filter(|_| self.length < JOURNAL_MAX) {
            Some(file) => lines(changed).and_then(|text| {
                file.write_all(&text)?;
                fdatasync(&*file)?;
                self.length += text.len() as u64;
                Ok(())
            }),
            None => self.replace(all),
        };
        let path = self.folder.join(FILE);
        match written {
            Ok(()) => {
                if std::mem::take(&mut self.says_failed) {
                    info!("events are kept in {} again", path.display());
                }
                true
            }
            Err(error) => {
                self.file = None;
                if !std::mem::replace(&mut self.says_failed, true) {
                    let what = format!("cannot keep the events in {}", path.display());
                    warn!(
                        "{}",
                        Problem::new(what, error.to_string(), "until then they are gone after a restart")
                    );
                }
                false
            }
        }
    }

    /// What is in the file is not known: it is replaced before more is written. Returns that nothing was written.
    pub(super) fn give_up(&mut self) -> bool {
        self.file = None;
        false
    }

    /// Replaces the file by one with these motions only.
    fn replace(&mut self, all: &[Entry]) -> io::Result<()> {
        state_file::make_folder(&self.folder)?;
        let text = lines(all)?;
        let new = self.folder.join(format!("{FILE}.new"));
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&new)?;
        if !is_locked(&file) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another boardcam is writing it"));
        }
        file.set_len(0)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, self.folder.join(FILE))?;
        File::open(&self.folder)?.sync_all()?;
        (self.length, self.file) = (text.len() as u64, Some(file));
        Ok(())
    }

    /// Renames a file with a fault, so that it is not lost when the list is written.
    fn set_aside(&self, fault: &str) {
        let (path, aside) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.broken")));
        let what = format!("cannot read all events in {}", path.display());
        let advice = match fs::rename(&path, &aside) {
            Ok(()) => format!("the list goes on with the others; the file is now {}", aside.display()),
            Err(error) => format!("the list goes on with the others; the file could not be renamed: {error}"),
        };
        error!("{}", Problem::new(what, fault, advice));
    }
}

/// The longest wait for another boardcam, which may be about to end: this one takes its place then.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Locks the file for this program as long as it is open; `false` if another has it. Where there are no locks, nothing is
/// locked.
fn is_locked(file: &File) -> bool {
    lock(file, LOCK_WAIT) != Lock::Taken
}

fn lines(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry)?;
        text.push(b'\n');
    }
    Ok(text)
}

/// The motions in the file, the oldest first, and what is wrong with it. A last line that was not finished is no fault:
/// the power was cut.
fn parse(text: &[u8]) -> (Vec<Entry>, Option<String>) {
    let mut entries = BTreeMap::new();
    let mut fault = None;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match read(line) {
            Ok(entry) => {
                entries.insert(entry.number, entry);
                if entries.len() > LISTED_MAX {
                    entries.pop_first();
                }
            }
            Err(_) if !line.ends_with(b"\n") => {}
            Err(why) => {
                fault.get_or_insert_with(|| format!("line {}: {why}", number + 1));
            }
        }
    }
    (entries.into_values().collect(), fault)
}

/// A motion, if it is one that could have been written.
fn read(line: &[u8]) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let is_right = is_camera_name(&entry.camera)
        && (1..u64::MAX / 2).contains(&entry.number)
        && entry.start_ms <= entry.end_ms
        && entry.recording.as_ref().is_none_or(|name| name.len() <= RECORDING_MAX);
    is_right.then_some(entry).ok_or_else(|| "it is no event".to_owned())
}

#[cfg(test)]
mod tests;
