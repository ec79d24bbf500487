//! Keeps the folder of the recordings: lists it, deletes what somebody wants gone, and the oldest recordings where
//! they take more room than they may or are older than they should be. A thread of its own, since a disk may hang.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};

use super::folder::Folder;
use super::name::Name;
use super::{Entry, Limits, Recordings};
use crate::host::shutdown::Shutdown;
use crate::problem::Problem;

/// How often the folder is looked at, besides when somebody waits for it.
const LOOK: Duration = Duration::from_secs(2);

/// The most recordings that are kept; each costs memory for the list. The oldest beyond it are deleted.
pub(super) const RECORDINGS_MAX: usize = 20_000;

/// For so long the clock must have run without a leap before anything is deleted for its age: a board that starts
/// with a wrong clock is put right from the network by then.
const STEADY: Duration = Duration::from_secs(3600);

/// A leap of the clock: wall clock and steady clock differ by more than this between two looks.
pub(super) const LEAP: Duration = Duration::from_secs(30);

/// Notices when the wall clock leaps.
#[derive(Debug)]
pub(super) struct Clock {
    wall: SystemTime,
    seen: Instant,
    /// When it last leapt, or the program started.
    steady_since: Instant,
}

impl Clock {
    pub(super) fn new(wall: SystemTime, now: Instant) -> Self {
        Self { wall, seen: now, steady_since: now }
    }

    /// Looks at both clocks; whether the wall clock has leapt since the last look.
    pub(super) fn look(&mut self, wall: SystemTime, now: Instant) -> bool {
        let expected = self.wall + now.saturating_duration_since(self.seen);
        let apart = wall.duration_since(expected).unwrap_or_else(|before| before.duration());
        (self.wall, self.seen) = (wall, now);
        if apart > LEAP {
            self.steady_since = now;
        }
        apart > LEAP
    }

    fn is_steady(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.steady_since) >= STEADY
    }
}

/// Which recordings must go, the oldest first, of `entries`, which are sorted the newest first. `free` is what the
/// disk has left, `now` the time in seconds since 1970 if it can be believed, `busy` are being written.
fn surplus<'a>(
    entries: &'a [Entry],
    limits: &Limits,
    free: u64,
    now: Option<i64>,
    busy: &[Name],
) -> Vec<&'a Entry> {
    let mut used: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut free = free;
    let mut count = entries.len();
    let mut gone = Vec::new();
    for entry in entries.iter().rev().filter(|entry| !busy.contains(&entry.name)) {
        let age = now.filter(|_| entry.name.has_time()).map(|now| now.saturating_sub(entry.name.start));
        let old = age.zip(limits.max_age).is_some_and(|(age, most)| age > most.as_secs() as i64);
        let crowded = limits.max_bytes.is_some_and(|most| used > most)
            || free < limits.min_free
            || count > RECORDINGS_MAX;
        if old || crowded {
            used -= entry.bytes;
            free = free.saturating_add(entry.bytes);
            count -= 1;
            gone.push(entry);
        }
    }
    gone
}

pub(super) struct Keeper {
    recordings: Arc<Recordings>,
    clock: Clock,
    told: Option<String>,
}

impl Keeper {
    pub(super) fn new(recordings: Arc<Recordings>) -> Self {
        Self { recordings, clock: Clock::new(SystemTime::now(), Instant::now()), told: None }
    }

    /// Keeps the folder until the program is to end.
    pub(super) fn run(mut self, path: &Path, shutdown: &Shutdown) {
        while !shutdown.has_begun() {
            let problem = self.look(path).unwrap_or_else(|error| Some(super::unusable(path, &error)));
            let told = problem.as_ref().map(Problem::to_string);
            if told != self.told {
                match &told {
                    Some(told) => warn!("{told}"),
                    None => info!("recordings: {} can be used again", path.display()),
                }
            }
            self.told = told;
            self.recordings.set_problem(problem);
            self.recordings.wait_for_work(LOOK);
        }
    }

    /// Looks once; what is wrong although the folder can be read.
    fn look(&mut self, path: &Path) -> io::Result<Option<Problem>> {
        let now = Instant::now();
        if self.clock.look(SystemTime::now(), now) {
            info!("recordings: the clock leapt; nothing is deleted for its age for an hour");
        }
        let folder = Folder::open(path)?;
        let mut problem = None;
        for name in self.recordings.doomed() {
            match folder.delete(&name) {
                Ok(()) => info!("recordings: {name} was deleted on request"),
                Err(error) => problem = Some(undeletable(&name, &error)),
            }
            self.recordings.spare(&name);
        }
        // A few beyond the limit, so that these are seen and can go.
        let (mut entries, _) = folder.list(2 * RECORDINGS_MAX)?;
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall = wall.ok().map(|wall| wall.as_secs() as i64).filter(|_| self.clock.is_steady(now));
        let busy = self.recordings.busy();
        let limits = &self.recordings.limits;
        let free = folder.free()?;
        let gone: Vec<_> = surplus(&entries, limits, free, wall, &busy).into_iter().cloned().collect();
        for entry in gone {
            match folder.delete(&entry.name) {
                Ok(()) => info!("recordings: {} made room", entry.name),
                Err(error) => {
                    problem = Some(undeletable(&entry.name, &error));
                    break;
                }
            }
            entries.retain(|other| other.name != entry.name);
        }
        let free = folder.free()?;
        if free < limits.min_free && problem.is_none() {
            let mega = |bytes: u64| bytes / 1_000_000;
            let why = format!("{} MB are free, and {} MB must stay free", mega(free), mega(limits.min_free));
            let advice = "delete something on that disk, or change record-min-free";
            problem = Some(Problem::new(format!("cannot record into {}", path.display()), why, advice));
        }
        self.recordings.shelve(entries, free, free < limits.min_free);
        Ok(problem)
    }
}

fn undeletable(name: &Name, error: &io::Error) -> Problem {
    Problem::new(format!("cannot delete {name}"), error.to_string(), "check who may write into that folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten recordings of 10 bytes, one each 100 s, the newest first.
    fn entries() -> Vec<Entry> {
        let name = |n: i64| Name { camera: "door".to_owned(), start: 1_800_000_000 + n * 100 };
        (0..10).rev().map(|n| Entry { name: name(n), bytes: 10, modified: (0, 0) }).collect()
    }

    fn limits() -> Limits {
        Limits { max_bytes: None, min_free: 0, max_age: None }
    }

    fn starts(gone: &[&Entry]) -> Vec<i64> {
        gone.iter().map(|entry| (entry.name.start - 1_800_000_000) / 100).collect()
    }

    #[test]
    fn the_oldest_make_room_until_what_is_left_fits() {
        let entries = entries();
        let gone = |limits: &Limits, free| starts(&surplus(&entries, limits, free, None, &[]));
        assert_eq!(gone(&limits(), 0), [0; 0]);
        assert_eq!(gone(&Limits { max_bytes: Some(75), ..limits() }, 0), [0, 1, 2]);
        assert_eq!(gone(&Limits { max_bytes: Some(100), ..limits() }, 0), [0; 0]);
        assert_eq!(gone(&Limits { min_free: 25, ..limits() }, 0), [0, 1, 2]);
        assert_eq!(gone(&Limits { min_free: 25, ..limits() }, 25), [0; 0]);
        assert_eq!(gone(&Limits { min_free: 1000, ..limits() }, 0).len(), 10, "all that there is");
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
        // One that was recorded before the clock was set has an age that nobody knows.
        entries.push(Entry {
            name: Name { camera: "door".to_owned(), start: 12 },
            bytes: 10,
            modified: (0, 0),
        });
        assert_eq!(surplus(&entries, &limits, 0, Some(now), &[]).len(), 5);
    }

    #[test]
    fn a_clock_is_believed_an_hour_after_its_last_leap() {
        let (wall, begin) = (SystemTime::UNIX_EPOCH, Instant::now());
        let mut clock = Clock::new(wall, begin);
        let after = |seconds| Duration::from_secs(seconds);
        assert!(
            !clock.look(wall + after(3599), begin + after(3599)) && !clock.is_steady(begin + after(3599))
        );
        assert!(!clock.look(wall + after(3620), begin + after(3600)) && clock.is_steady(begin + after(3600)));
        let set = wall + after(1_800_000_000);
        assert!(clock.look(set, begin + after(3602)) && !clock.is_steady(begin + after(3602)));
        assert!(!clock.look(set + after(3600), begin + after(7202)) && clock.is_steady(begin + after(7202)));
        assert!(clock.look(set, begin + after(7203)), "it was put back");
    }
}
