//! What this process and its threads use, for `/metrics`.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::kernel_file::{FILE_MAX, statm};

/// What the process uses at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of all threads since the start.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub resident: Option<u64>,
    /// Open descriptors.
    pub files: Option<u64>,
    /// The limit on open descriptors; `None` without one.
    pub files_max: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

impl Usage {
    /// What it uses now; `None` for each value that the system does not report.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let mut buffer = [0; FILE_MAX];
        let count = |folder: &str| fs::read_dir(folder).ok().map(|entries| entries.count() as u64);
        Self {
            cpu: Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32), // never negative
            resident: statm(&mut buffer).and_then(|statm| statm.bytes(1)),
            files: count("/proc/self/fd"),
            files_max: getrlimit(Resource::Nofile).current,
            threads: count("/proc/self/task"),
        }
    }
}

/// CPU time that the calling thread has used.
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32) // never negative
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_holds_memory_files_and_threads_within_its_limits() {
        let usage = Usage::now();
        assert!(usage.resident.unwrap() > 100_000, "{usage:?}");
        assert!((1..=usage.files_max.unwrap()).contains(&usage.files.unwrap()), "{usage:?}");
        assert!(usage.threads.unwrap() >= 1 && !usage.cpu.is_zero(), "{usage:?}");
    }
}
