//! Which recordings are deleted to keep the folder within its limits.

use super::listing::Entry;
use super::name::Name;
use super::settings::Limits;

/// The most recordings that are kept, since each costs memory for the listing. The oldest beyond it are deleted.
pub(super) const RECORDINGS_MAX: usize = 20_000;

/// Which of `entries` must be deleted, the oldest first. `entries` are sorted the newest first; `free` is the number of
/// free bytes on the disk, `now` the time in seconds since 1970 if the clock can be trusted, and `busy` the files that
/// are being written.
pub(super) fn surplus<'a>(
    entries: &'a [Entry],
    limits: &Limits,
    free: u64,
    now: Option<i64>,
    busy: &[Name],
) -> Vec<&'a Entry> {
    let mut used: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut free = free;
    let mut count = entries.len();
    let mut to_delete = Vec::new();
    let deletable = entries.iter().filter(|entry| !busy.contains(&entry.name)).map(|entry| entry.bytes).sum();
    // Nothing is deleted for a limit that is out of reach: others have filled the disk, or it is smaller than that.
    let in_reach = free.saturating_add(deletable) >= limits.min_free;
    for entry in entries.iter().rev().filter(|entry| !busy.contains(&entry.name)) {
        let age = now.filter(|_| entry.name.has_time()).map(|now| now.saturating_sub(entry.name.start));
        let old = age.zip(limits.max_age).is_some_and(|(age, most)| age > most.as_secs() as i64);
        let crowded = limits.max_bytes.is_some_and(|most| used > most)
            || (in_reach && free < limits.min_free)
            || count > RECORDINGS_MAX;
        if old || crowded {
            used -= entry.bytes;
            free = free.saturating_add(entry.bytes);
            count -= 1;
            to_delete.push(entry);
        }
    }
    to_delete
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Ten recordings of 10 bytes, one every 100 s, the newest first.
    fn entries() -> Vec<Entry> {
        let name =
            |n: i64| Name { camera: "door".to_owned(), start: 1_800_000_000 + n * 100, time_lapse: false };
        (0..10).rev().map(|n| Entry { name: name(n), bytes: 10, modified: (0, 0), duration: None }).collect()
    }

    fn limits() -> Limits {
        Limits { max_bytes: None, min_free: 0, max_age: None }
    }

    fn starts(gone: &[&Entry]) -> Vec<i64> {
        gone.iter().map(|entry| (entry.name.start - 1_800_000_000) / 100).collect()
    }

    #[test]
    fn the_oldest_are_deleted_until_the_rest_fits() {
        let entries = entries();
        let gone = |limits: &Limits, free| starts(&surplus(&entries, limits, free, None, &[]));
        assert_eq!(gone(&limits(), 0), [0; 0]);
        assert_eq!(gone(&Limits { max_bytes: Some(75), ..limits() }, 0), [0, 1, 2]);
        assert_eq!(gone(&Limits { max_bytes: Some(100), ..limits() }, 0), [0; 0]);
        assert_eq!(gone(&Limits { min_free: 25, ..limits() }, 0), [0, 1, 2]);
        assert_eq!(gone(&Limits { min_free: 25, ..limits() }, 25), [0; 0]);
        assert_eq!(gone(&Limits { min_free: 100, ..limits() }, 0).len(), 10, "all that there is");
    }

    #[test]
    fn what_deleting_cannot_reach_deletes_nothing() {
        let limits = Limits { min_free: 1000, ..limits() };
        assert_eq!(starts(&surplus(&entries(), &limits, 899, None, &[])), [0; 0]);
        assert_eq!(starts(&surplus(&entries(), &limits, 900, None, &[])).len(), 10);
    }

    #[test]
    fn what_is_being_written_stays() {
        let entries = entries();
        let busy = [entries[9].name.clone(), entries[8].name.clone()];
        let limits = Limits { max_bytes: Some(75), ..limits() };
        assert_eq!(starts(&surplus(&entries, &limits, 0, None, &busy)), [2, 3, 4]);
    }

    #[test]
    fn only_a_clock_that_can_be_believed_makes_anything_old() {
        let mut entries = entries();
        let limits = Limits { max_age: Some(Duration::from_secs(450)), ..limits() };
        let now = 1_800_000_900;
        assert_eq!(starts(&surplus(&entries, &limits, 0, Some(now), &[])), [0, 1, 2, 3, 4]);
        assert_eq!(surplus(&entries, &limits, 0, None, &[]).len(), 0);
        // The age of a recording from before the clock was set is unknown.
        entries.push(Entry {
            name: Name { camera: "door".to_owned(), start: 12, time_lapse: false },
            bytes: 10,
            modified: (0, 0),
            duration: None,
        });
        assert_eq!(surplus(&entries, &limits, 0, Some(now), &[]).len(), 5);
    }
}
