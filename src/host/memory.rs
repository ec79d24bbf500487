//! Whether memory runs short, so that newcomers are refused in time: an allocation that fails ends a Rust
//! program, and the kernel kills one that exceeds the limit of its cgroup. Asked by the gate.
//!
//! What it promises: a look costs a few reads of a few hundred bytes, allocates nothing, and comes four times a
//! second or after [`NEWCOMERS`] askers; a limit that cannot be read is none. Limits of cgroup v1 are not seen.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::{info, warn};
use rustix::process::{Resource, getrlimit};

use super::kernel_file::{self, FILE_MAX, read};

/// Kept for those who are served already and for the cameras, in bytes; but never more than a part of what the
/// limit allows in all, so that a small board keeps no room for a large one's needs.
pub const RESERVE: u64 = 8 << 20;

/// That part: the whole divided by this.
const RESERVE_PART: u64 = 8;

/// Memory is short until so much more than the reserve is left (a divisor of the reserve), or every client that
/// comes and goes would be a change.
const RELIEF_PART: u64 = 4;

/// The time from one look to the next, ...
const PERIOD: Duration = Duration::from_millis(250);
/// ... unless so many newcomers ask before. Each may cost a request head, a body and a copy of that
/// ([`crate::gate::limits`]), and so all of them less than the reserve.
const NEWCOMERS: u32 = 16;

/// One limit: what it is, and the bytes that it leaves of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    limit: &'static str,
    left: u64,
    whole: u64,
}

impl Room {
    fn reserve(&self) -> u64 {
        RESERVE.min(self.whole / RESERVE_PART)
    }

    /// Whether it is short; `was` says whether it was at the last look.
    fn is_short(&self, was: bool) -> bool {
        let reserve = self.reserve();
        self.left < if was { reserve + reserve / RELIEF_PART } else { reserve }
    }
}

/// A look at the memory that is left.
#[derive(Debug)]
pub struct Memory {
    /// This process's cgroup and those around it.
    cgroups: Vec<Cgroup>,
    short: bool,
    /// The next look comes at this time, or when so many more have asked.
    next: Option<Instant>,
    askers: u32,
}

impl Memory {
    /// Nothing is looked at yet.
    pub fn new() -> Self {
        Self { cgroups: Cgroup::all(), short: false, next: None, askers: 0 }
    }

    /// Whether somebody new is to be refused. Looks anew if it is time, and logs a change.
    pub fn is_short(&mut self, now: Instant) -> bool {
        self.askers += 1;
        if self.next.is_none_or(|next| now >= next) || self.askers > NEWCOMERS {
            (self.next, self.askers) = (Some(now + PERIOD), 0);
            self.look();
        }
        self.short
    }

    fn look(&mut self) {
        let was = self.short;
        let short = self.rooms().find(|room| room.is_short(was));
        match short {
            Some(room) if !was => warn!(
                "memory is short: {} leaves {} KiB, and {} KiB are kept for those who are served already; \
                 refusing new connections",
                room.limit,
                room.left >> 10,
                room.reserve() >> 10
            ),
            None if was => info!("memory is no longer short: serving new connections"),
            _ => {}
        }
        self.short = short.is_some();
    }

    /// Every limit that there is.
    fn rooms(&self) -> impl Iterator<Item = Room> {
        let cgroups = self.cgroups.iter().filter_map(Cgroup::room);
        let mut buffer = [0; FILE_MAX];
        let statm = kernel_file::statm(&mut buffer);
        // The first is what RLIMIT_AS counts, the sixth what RLIMIT_DATA does, and the stack.
        let used = |field| statm.as_ref()?.bytes(field);
        let own = |limit, resource, used: Option<u64>| {
            let whole = getrlimit(resource).current?;
            Some(Room { limit, left: whole.saturating_sub(used?), whole })
        };
        let space = own("RLIMIT_AS", Resource::As, used(0));
        let data = own("RLIMIT_DATA", Resource::Data, used(5));
        cgroups.chain(space).chain(data).chain(board())
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// The memory of the whole board. MemAvailable is what can be had without swapping (proc_meminfo(5)), file cache
/// included.
fn board() -> Option<Room> {
    let mut buffer = [0; FILE_MAX];
    let text = read(Path::new("/proc/meminfo"), &mut buffer)?;
    let bytes = |name| number(text, name)?.checked_mul(1 << 10);
    Some(Room { limit: "the board", left: bytes("MemAvailable:")?, whole: bytes("MemTotal:")? })
}

/// The files of a cgroup with a memory limit (kernel Documentation/admin-guide/cgroup-v2.rst, "Memory").
#[derive(Debug)]
struct Cgroup {
    max: PathBuf,
    current: PathBuf,
    stat: PathBuf,
}

impl Cgroup {
    /// This process's and those around it, each of which may have a limit.
    fn all() -> Vec<Self> {
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let all = Path::new("/sys/fs/cgroup");
        let own = own.map(|own| all.join(own));
        let around = own.iter().flat_map(|own| own.ancestors()).take_while(|path| path.starts_with(all));
        around.map(Self::at).filter(|cgroup| cgroup.max.exists()).collect()
    }

    fn at(path: &Path) -> Self {
        let file = |name| path.join(name);
        Self { max: file("memory.max"), current: file("memory.current"), stat: file("memory.stat") }
    }

    /// What its limit leaves, if it has one. File cache counts as free, since the kernel gives it up before it
    /// refuses memory: else whoever writes files on a small board would be told that there is none.
    fn room(&self) -> Option<Room> {
        let mut buffer = [0; FILE_MAX];
        let whole = read(&self.max, &mut buffer)?.trim().parse().ok()?; // "max" is no limit
        let current: u64 = read(&self.current, &mut buffer)?.trim().parse().ok()?;
        let stat = read(&self.stat, &mut buffer).unwrap_or_default();
        let cache = ["inactive_file", "active_file", "slab_reclaimable"].map(|name| number(stat, name));
        let cache = cache.into_iter().flatten().fold(0, u64::saturating_add);
        let left = u64::saturating_sub(whole, current.saturating_sub(cache));
        Some(Room { limit: "the cgroup's memory.max", left, whole })
    }
}

/// The number behind `name` at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    lines.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_full_of_file_cache_is_not_short_and_one_full_of_memory_is() {
        const MIB: u64 = 1 << 20;
        let path = std::env::temp_dir().join(format!("boardcam-cgroup-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let cgroup = Cgroup::at(&path);
        let room = |max: &str, current: u64, anon: u64| {
            let cache = (current - anon) / 2;
            let stat =
                format!("anon {anon}\nfile {}\nactive_file {cache}\ninactive_file {cache}\n", 2 * cache);
            for (file, text) in [("max", max), ("current", &current.to_string()), ("stat", &stat)] {
                std::fs::write(path.join(format!("memory.{file}")), format!("{text}\n")).unwrap();
            }
            cgroup.room()
        };
        let max = (64 * MIB).to_string();
        assert_eq!(room("max", 60 * MIB, 50 * MIB), None);
        let cached = room(&max, 64 * MIB, 10 * MIB).unwrap();
        assert_eq!((cached.left, cached.is_short(false)), (54 * MIB, false));
        assert!(room(&max, 64 * MIB, 57 * MIB).unwrap().is_short(false));
        let relieved = room(&max, 64 * MIB, 55 * MIB).unwrap();
        assert!(!relieved.is_short(false) && relieved.is_short(true), "it would come and go");
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_small_limit_keeps_a_small_reserve() {
        let room = |left| Room { limit: "test", left, whole: 16 << 20 };
        assert!(!room(2 << 20).is_short(false) && room((2 << 20) - 1).is_short(false));
    }

    #[test]
    fn this_board_tells_what_it_has() {
        let board = board().unwrap();
        assert!(0 < board.left && board.left < board.whole, "{board:?}");
    }
}
