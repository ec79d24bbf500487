//! Files in which the kernel reports its state. They are read within a bound and without allocating; a file that is
//! missing or not as documented counts as no information.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes that are read. In a cgroup's `memory.stat`, the largest of these files, the values that are needed
/// come within them.
pub(super) const FILE_MAX: usize = 4 << 10;

/// The first [`FILE_MAX`] bytes of a kernel file, which is ASCII.
pub(super) fn read<'b>(path: &Path, buffer: &'b mut [u8; FILE_MAX]) -> Option<&'b str> {
    let mut file = File::open(path).ok()?;
    let mut filled = 0;
    loop {
        match file.read(buffer.get_mut(filled..)?).ok()? {
            0 => break,
            count => filled += count,
        }
    }
    std::str::from_utf8(buffer.get(..filled)?).ok()
}

/// The memory that this process uses (proc_pid_statm(5)).
pub(super) struct Statm<'b>(&'b str);

impl Statm<'_> {
    /// Field number `field`, counted from 0, in bytes.
    pub(super) fn bytes(&self, field: usize) -> Option<u64> {
        let pages: u64 = self.0.split_ascii_whitespace().nth(field)?.parse().ok()?;
        pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
    }
}

/// Reads the memory that this process uses.
pub(super) fn statm(buffer: &mut [u8; FILE_MAX]) -> Option<Statm<'_>> {
    read(Path::new("/proc/self/statm"), buffer).map(Statm)
}
