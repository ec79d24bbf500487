//! The heads of video files, of which those made last are kept: a player asks for one range after another, and to make a
//! head means to look at each frame of the recording.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Format, Part};
use crate::files::movie_head::MovieHead;
use crate::files::version::Version;
use crate::record::Name;
use crate::sync::lock;

/// The most heads that are kept for requests to come.
const KEPT: usize = 4;

/// The most memory for all heads, of which each running download holds one, in bytes: on each event loop.
pub const HEADS_CAP: usize = 16 << 20;

/// There is no memory for another head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooManyHeads;

/// What a head depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeadKey {
    pub(super) name: Name,
    pub(super) format: Format,
    pub(super) part: Part,
    pub(super) version: Version,
}

/// Those that were made last, for one folder.
#[derive(Debug, Default)]
pub struct Heads {
    recent: Mutex<VecDeque<(HeadKey, Arc<MovieHead>)>>,
    used: Arc<AtomicUsize>,
}

impl Heads {
    pub(super) fn find(&self, key: &HeadKey) -> Option<Arc<MovieHead>> {
        let mut recent = lock(&self.recent);
        let place = recent.iter().position(|(own, _)| own == key)?;
        let found = recent.remove(place)?;
        let head = found.1.clone();
        recent.push_back(found);
        Some(head)
    }

    /// Keeps a head.
    ///
    /// # Errors
    /// There is no memory for it beside those that are being sent.
    pub(super) fn keep(
        &self,
        key: HeadKey,
        bytes: Vec<u8>,
        start: u64,
        rest: u64,
    ) -> Result<Arc<MovieHead>, TooManyHeads> {
        let mut recent = lock(&self.recent);
        let fits = || self.used.load(Ordering::Acquire) + bytes.len() <= HEADS_CAP;
        while !(fits() && recent.len() < KEPT) && recent.pop_front().is_some() {}
        if !fits() {
            return Err(TooManyHeads);
        }
        self.used.fetch_add(bytes.len(), Ordering::AcqRel);
        let mut hasher = DefaultHasher::new();
        (&bytes, start, key.version.inode).hash(&mut hasher);
        let head = Arc::new(MovieHead { bytes, start, rest, tag: hasher.finish(), used: self.used.clone() });
        recent.push_back((key, head.clone()));
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(from: u64) -> HeadKey {
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let version = Version { modified: (1_800_000_000, 0), bytes: 100, inode: Some(1) };
        HeadKey { name, format: Format::Mp4, part: Part { from, to: None }, version }
    }

    #[test]
    fn the_last_heads_are_kept_and_belong_to_one_version_part_and_format() {
        let heads = Heads::default();
        for from in 0..=KEPT as u64 {
            heads.keep(key(from), vec![from as u8], 0, 5).unwrap();
            assert!(heads.find(&key(1)).is_some() || from == 0, "the one that is used went");
        }
        assert!(heads.find(&key(0)).is_none() && heads.find(&key(KEPT as u64)).is_some());
        let other = Version { modified: (1_800_000_000, 1), ..key(1).version };
        assert!(heads.find(&HeadKey { version: other, ..key(1) }).is_none());
        assert!(heads.find(&HeadKey { format: Format::Mov, ..key(1) }).is_none());
    }

    #[test]
    fn heads_that_are_being_sent_have_a_cap_and_kept_ones_make_room() {
        let heads = Heads::default();
        let keep = |from| heads.keep(key(from), vec![0; HEADS_CAP / 2], 0, 5);
        let (first, second) = (keep(1).unwrap(), keep(2).unwrap());
        assert_eq!(keep(3).unwrap_err(), TooManyHeads);
        drop(first);
        let third = keep(3).unwrap();
        drop((second, third));
        assert!(keep(4).is_ok() && keep(5).is_ok() && keep(6).is_ok());
    }

    #[test]
    fn another_head_or_another_file_has_another_tag() {
        let heads = Heads::default();
        let tag = |key, bytes, start| heads.keep(key, bytes, start, 5).unwrap().etag();
        let one = tag(key(1), vec![1, 2], 3);
        assert_eq!(tag(key(2), vec![1, 2], 3), one);
        assert_ne!(tag(key(1), vec![1, 3], 3), one);
        assert_ne!(tag(key(1), vec![1, 2], 4), one);
        let version = Version { inode: Some(2), ..key(1).version };
        assert_ne!(tag(HeadKey { version, ..key(1) }, vec![1, 2], 3), one);
    }
}
