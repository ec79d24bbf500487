//! Whether memory is running out, so that new clients are refused in time: a failed allocation ends a Rust program, and
//! the kernel kills a process that exceeds its cgroup's limit. Called by the gate.
//!
//! A check costs a few reads of a few hundred bytes and allocates nothing. It is made four times a second, or after
//! [`NEW_CLIENTS`] new clients. A limit that cannot be read counts as none; limits of cgroup v1 are not seen.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::{info, warn};
use rustix::process::{Resource, getrlimit};

use super::kernel_file::{self, FILE_MAX, read};
use super::log::bounded::{self, Subject};

/// Bytes kept free for present clients and for the cameras, but never more than the limit divided by
/// [`RESERVE_PART`], so that a small board does not keep a large board's reserve.
pub const RESERVE: u64 = 8 << 20;

/// The largest part of a limit that the reserve may take: one eighth.
const RESERVE_PART: u64 = 8;

/// Memory stays short until a quarter more than the reserve is free; otherwise each client that comes and goes would
/// change the state.
const RELIEF_PART: u64 = 4;

/// The time between two checks, ...
const PERIOD: Duration = Duration::from_millis(250);
/// ... unless this many new clients come sooner. Each may cost a request head, a body and a copy of that
/// ([`crate::gate::limits`]), so together they cost less than the reserve.
const NEW_CLIENTS: u32 = 16;

/// What one limit leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Headroom {
    /// What sets the limit, for the log.
    limit: &'static str,
    /// Bytes that are left.
    left: u64,
    /// The limit in bytes.
    whole: u64,
}

impl Headroom {
    fn reserve(&self) -> u64 {
        RESERVE.min(self.whole / RESERVE_PART)
    }

    /// Whether it is short; `was` says whether it was at the last check.
    fn is_short(&self, was: bool) -> bool {
        let reserve = self.reserve();
        self.left < if was { reserve + reserve / RELIEF_PART } else { reserve }
    }
}

/// The memory that is left, checked now and then.
#[derive(Debug)]
pub struct Memory {
    /// This process's cgroup and its ancestors.
    cgroups: Vec<Cgroup>,
    short: bool,
    /// When the next check is due, unless enough new clients come before.
    next: Option<Instant>,
    /// New clients since the last check.
    new_clients: u32,
}

impl Memory {
    /// Nothing is checked yet.
    pub fn new() -> Self {
        Self { cgroups: Cgroup::all(), short: false, next: None, new_clients: 0 }
    }

    /// Whether a new client must be refused. Checks again if it is time, and logs a change.
    pub fn is_short(&mut self, now: Instant) -> bool {
        self.new_clients += 1;
        if self.next.is_none_or(|next| now >= next) || self.new_clients > NEW_CLIENTS {
            (self.next, self.new_clients) = (Some(now + PERIOD), 0);
            self.check();
        }
        self.short
    }

    fn check(&mut self) {
        let may_log = || bounded::may_log(Subject::Connections, "memory");
        let was = self.short;
        let short = self.headrooms().find(|headroom| headroom.is_short(was));
        match short {
            Some(headroom) if !was && may_log() => warn!(
                "memory is short: {} leaves {} KiB, and {} KiB are kept for present clients; \
                 refusing new connections",
                headroom.limit,
                headroom.left >> 10,
                headroom.reserve() >> 10
            ),
            None if was && may_log() => info!("memory is no longer short: serving new connections"),
            _ => {}
        }
        self.short = short.is_some();
    }

    /// What each limit leaves.
    fn headrooms(&self) -> impl Iterator<Item = Headroom> {
        let cgroups = self.cgroups.iter().filter_map(Cgroup::headroom);
        let mut buffer = [0; FILE_MAX];
        let statm = kernel_file::statm(&mut buffer);
        // The first field is what RLIMIT_AS counts, the sixth what RLIMIT_DATA counts, plus the stack.
        let used = |field| statm.as_ref()?.bytes(field);
        let own = |limit, resource, used: Option<u64>| {
            let whole = getrlimit(resource).current?;
            Some(Headroom { limit, left: whole.saturating_sub(used?), whole })
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

/// The whole board's memory. MemAvailable is what can be allocated without swapping (proc_meminfo(5)), file cache
/// included.
fn board() -> Option<Headroom> {
    let mut buffer = [0; FILE_MAX];
    let text = read(Path::new("/proc/meminfo"), &mut buffer)?;
    let bytes = |name| number(text, name)?.checked_mul(1 << 10);
    Some(Headroom { limit: "the board", left: bytes("MemAvailable:")?, whole: bytes("MemTotal:")? })
}

/// The files of a cgroup with a memory limit (kernel Documentation/admin-guide/cgroup-v2.rst, "Memory").
#[derive(Debug)]
struct Cgroup {
    max: PathBuf,
    current: PathBuf,
    stat: PathBuf,
}

impl Cgroup {
    /// This process's cgroup and its ancestors, each of which may have a limit.
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

    /// What its limit leaves, if it has one. File cache counts as free, since the kernel drops it before it refuses
    /// memory; otherwise a small board that writes files would always be short.
    fn headroom(&self) -> Option<Headroom> {
        let mut buffer = [0; FILE_MAX];
        let whole = read(&self.max, &mut buffer)?.trim().parse().ok()?; // "max" is no limit
        let current: u64 = read(&self.current, &mut buffer)?.trim().parse().ok()?;
        let stat = read(&self.stat, &mut buffer).unwrap_or_default();
        let cache = ["inactive_file", "active_file", "slab_reclaimable"].map(|name| number(stat, name));
        let cache = cache.into_iter().flatten().fold(0, u64::saturating_add);
        let left = u64::saturating_sub(whole, current.saturating_sub(cache));
        Some(Headroom { limit: "the cgroup's memory.max", left, whole })
    }
}

/// The number behind `name` at the start of a line.
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
        let headroom = |max: &str, current: u64, anon: u64| {
            let cache = (current - anon) / 2;
            let stat =
                format!("anon {anon}\nfile {}\nactive_file {cache}\ninactive_file {cache}\n", 2 * cache);
            for (file, text) in [("max", max), ("current", &current.to_string()), ("stat", &stat)] {
                std::fs::write(path.join(format!("memory.{file}")), format!("{text}\n")).unwrap();
            }
            cgroup.headroom()
        };
        let max = (64 * MIB).to_string();
        assert_eq!(headroom("max", 60 * MIB, 50 * MIB), None);
        let cached = headroom(&max, 64 * MIB, 10 * MIB).unwrap();
        assert_eq!((cached.left, cached.is_short(false)), (54 * MIB, false));
        assert!(headroom(&max, 64 * MIB, 57 * MIB).unwrap().is_short(false));
        let relieved = headroom(&max, 64 * MIB, 55 * MIB).unwrap();
        assert!(!relieved.is_short(false) && relieved.is_short(true), "it would change back and forth");
        std::fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_small_limit_keeps_a_small_reserve() {
        let headroom = |left| Headroom { limit: "test", left, whole: 16 << 20 };
        assert!(!headroom(2 << 20).is_short(false) && headroom((2 << 20) - 1).is_short(false));
    }

    #[test]
    fn this_board_reports_its_memory() {
        let board = board().unwrap();
        assert!(0 < board.left && board.left < board.whole, "{board:?}");
    }
}
