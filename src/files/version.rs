//! Which version of a file a client has: ETag and Last-Modified (RFC 9110 section 8.8).

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// What a client gets of one version of a file (RFC 9110 section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    /// In quotes.
    pub etag: String,
    /// When it was last modified, as HTTP writes it; `None` if that does not tell versions apart.
    pub last_modified: Option<String>,
    /// Its length.
    pub bytes: u64,
}

/// The file as it is.
impl From<Version> for Representation {
    fn from(version: Version) -> Self {
        Self { etag: version.etag(), last_modified: Some(version.last_modified()), bytes: version.bytes }
    }
}

/// What differs when a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// When it was last written: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// Its length.
    pub bytes: u64,
    /// Its number on its disk, which another file in its place does not have; `None` if it is not known.
    pub inode: Option<u64>,
}

impl Version {
    pub(super) fn of(file: &Metadata) -> Self {
        let nanos = u32::try_from(file.mtime_nsec()).unwrap_or(0);
        Self { modified: (file.mtime(), nanos), bytes: file.len(), inode: Some(file.ino()) }
    }

    /// Its ETag, in quotes.
    pub fn etag(&self) -> String {
        let Self { modified: (seconds, nanos), bytes, inode } = self;
        let inode = inode.map_or_else(String::new, |inode| format!("-{inode:x}"));
        format!("\"{seconds:x}.{nanos:x}-{bytes:x}{inode}\"")
    }

    /// When it was last modified, as HTTP writes it.
    fn last_modified(&self) -> String {
        let modified = Timestamp::from_second(self.modified.0).unwrap_or_default();
        DateTimePrinter::new().timestamp_to_rfc9110_string(&modified).unwrap_or_default()
    }
}

/// Whether an If-None-Match names this tag (RFC 9110 section 13.1.2). Proxies that compress mark tags as weak.
pub fn names_etag(if_none_match: &str, tag: &str) -> bool {
    let tags = if_none_match.split(',').map(str::trim);
    tags.into_iter().any(|own| own == "*" || own.strip_prefix("W/").unwrap_or(own) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_differs_in_any_way_has_another_tag() {
        let version = Version { modified: (1_800_000_000, 5), bytes: 100, inode: Some(7) };
        let others = [
            Version { modified: (1_800_000_001, 5), ..version },
            Version { modified: (1_800_000_000, 6), ..version },
            Version { bytes: 101, ..version },
            Version { inode: Some(8), ..version },
            Version { inode: None, ..version },
        ];
        for other in others {
            assert_ne!(other.etag(), version.etag());
        }
        assert_eq!(version.last_modified(), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert!(names_etag(&format!("\"x\", W/{}", version.etag()), &version.etag()));
        assert!(names_etag("*", &version.etag()) && !names_etag("\"x\"", &version.etag()));
    }
}
