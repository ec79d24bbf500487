//! Why nothing is recorded, as values that can be compared. The text for people is made from them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::name::Name;
use crate::problem::{Problem, Text, text};

/// An answer of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SystemError {
    kind: io::ErrorKind,
    code: Option<i32>,
}

impl From<&io::Error> for SystemError {
    fn from(error: &io::Error) -> Self {
        Self { kind: error.kind(), code: error.raw_os_error() }
    }
}

impl SystemError {
    fn text(&self) -> Text {
        Text::from(&self.code.map_or(io::Error::from(self.kind), io::Error::from_raw_os_error))
    }
}

/// Why nothing is recorded, or a recording is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordError {
    /// The system refuses something in the folder.
    Unusable { folder: PathBuf, error: SystemError },
    /// Too few bytes are free on the disk.
    LowSpace { folder: PathBuf, free: u64, min_free: u64 },
    /// The disk has not answered since then.
    Silent { folder: PathBuf, since: Instant },
    /// The disk has been busy with one write since then.
    Busy { since: Instant },
    /// At the path of the folder there is now another folder, or none.
    FolderGone { folder: PathBuf },
    /// Somebody deleted the file that was being written.
    FileDeleted { folder: PathBuf, name: Name },
    /// The system does not delete this recording.
    Undeletable { name: Name, error: SystemError },
}

impl RecordError {
    pub(super) fn unusable(folder: &Path, error: &io::Error) -> Self {
        Self::Unusable { folder: folder.to_owned(), error: error.into() }
    }

    /// Whether the log need not say it again: the cause is the same, and only figures differ.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::LowSpace { .. }, Self::LowSpace { .. })
            | (Self::Silent { .. }, Self::Silent { .. })
            | (Self::Busy { .. }, Self::Busy { .. }) => true,
            _ => self == other,
        }
    }

    /// Whether nothing can be recorded until it is resolved.
    pub(super) fn prevents_recording(&self) -> bool {
        !matches!(self, Self::Undeletable { .. } | Self::FileDeleted { .. })
    }

    /// What to show people.
    pub(super) fn problem(&self) -> Problem {
        let cannot_record = |folder: &PathBuf| text!("cannot record into {}", folder.display().to_string());
        match self {
            Self::Unusable { folder, error } => {
                Problem::new(cannot_record(folder), error.text(), advice(error.kind))
            }
            Self::LowSpace { folder, free, min_free } => {
                let mega = |bytes: &u64| bytes / 1_000_000;
                let why = text!("{} MB are free, and {} MB must stay free", mega(free), mega(min_free));
                let advice = text!("delete something on that disk, or change record-min-free");
                Problem::new(cannot_record(folder), why, advice)
            }
            Self::Silent { folder, since } => {
                let why = text!("the disk has not answered for {} s", since.elapsed().as_secs());
                let advice = text!("check the disk; live pictures are not affected");
                Problem::new(text!("cannot read {}", folder.display().to_string()), why, advice)
            }
            Self::Busy { since } => {
                let why = text!("the disk has been busy with one write for {} s", since.elapsed().as_secs());
                let advice = text!("check the disk; live pictures are not affected");
                Problem::new(text!("cannot write the recording"), why, advice)
            }
            Self::FolderGone { folder } => Problem::new(
                cannot_record(folder),
                text!("the folder is no longer there"),
                text!("mount its disk again"),
            ),
            Self::FileDeleted { folder, name } => {
                let advice = text!("nothing to do: recording continues in a new file");
                Problem::new(cannot_record(folder), text!("{} was deleted", name.to_string()), advice)
            }
            Self::Undeletable { name, error } => {
                let advice = text!("check who may write into that folder");
                Problem::new(text!("cannot delete {}", name.to_string()), error.text(), advice)
            }
        }
    }
}

fn advice(kind: io::ErrorKind) -> Text {
    match kind {
        io::ErrorKind::NotFound => text!("create that folder, or mount its disk"),
        io::ErrorKind::PermissionDenied => text!("let the user that boardcam runs as write there"),
        io::ErrorKind::ReadOnlyFilesystem => text!("mount that disk so that it can be written to"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => text!("delete something on that disk"),
        _ => text!("check the disk"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_up_further_has_the_same_error_and_another_answer_of_the_system_has_not() {
        let low = |free| RecordError::LowSpace { folder: "/r".into(), free, min_free: 9_000_000 };
        assert!(low(1).is_same(&low(2)) && low(1) != low(2));
        let unusable = |code| RecordError::unusable(Path::new("/r"), &io::Error::from_raw_os_error(code));
        assert!(unusable(2).is_same(&unusable(2)) && !unusable(2).is_same(&unusable(13)));
        assert!(!low(1).is_same(&unusable(28)));
    }

    #[test]
    fn an_error_without_a_code_is_still_put_into_words() {
        let error = io::Error::from(io::ErrorKind::WriteZero);
        let problem = RecordError::unusable(Path::new("/r"), &error).problem();
        assert_eq!(
            [problem.what.to_string(), problem.why.to_string()],
            ["cannot record into /r".to_owned(), error.to_string()]
        );
    }
}
