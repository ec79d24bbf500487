//! Recordings that somebody asked to delete, until the worker has done it.

use std::collections::BTreeSet;

use super::name::Name;

/// The most recordings that wait to be deleted.
const PENDING_MAX: usize = 1000;

/// Too many recordings wait to be deleted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDeletions;

/// The names of the recordings to delete.
#[derive(Debug, Default)]
pub(super) struct Deletions(BTreeSet<String>);

impl Deletions {
    pub(super) fn add(&mut self, name: &Name) -> Result<(), TooManyDeletions> {
        if self.0.len() >= PENDING_MAX {
            return Err(TooManyDeletions);
        }
        self.0.insert(name.to_string());
        Ok(())
    }

    pub(super) fn contains(&self, name: &Name) -> bool {
        self.0.contains(&name.to_string())
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.0.remove(&name.to_string());
    }

    pub(super) fn names(&self) -> Vec<Name> {
        self.0.iter().filter_map(|name| Name::parse(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_recordings_that_wait_to_be_deleted_is_bounded() {
        let mut deletions = Deletions::default();
        let name = |start| Name { camera: "door".to_owned(), start, time_lapse: false };
        for start in 0..PENDING_MAX as i64 {
            assert_eq!(deletions.add(&name(start)), Ok(()));
        }
        assert_eq!(deletions.add(&name(-1)), Err(TooManyDeletions));
        deletions.remove(&name(0));
        assert_eq!(deletions.add(&name(-1)), Ok(()));
        assert!(deletions.contains(&name(-1)) && !deletions.contains(&name(0)));
    }
}
