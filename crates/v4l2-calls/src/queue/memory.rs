//! Memory of a device that is mapped into the program.

use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// A plane's memory; unmapped on drop.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: memory of the process belongs to no thread.
unsafe impl Send for Mapping {}
// SAFETY: without `&mut` it is only read.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes, more than 0, for which the driver gave `offset`.
    pub(super) fn new(device: impl AsFd, len: usize, offset: u32) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at a place that the kernel chooses changes no memory that is in use.
        let start =
            unsafe { mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, device, offset.into()) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { start, len })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The driver writes into it while a buffer is queued, so the queue calls this only while it is not.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes are mapped as long as `self` lives, and all bytes are valid.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// As [`Mapping::bytes`].
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; nobody else of the program refers to it while `self` is borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `new`, and no reference to it is left.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    /// A file without a name that holds so many bytes.
    pub(in super::super) fn file_of(len: usize) -> File {
        let path = std::env::temp_dir().join(format!("v4l2-calls-{}-{len}", std::process::id()));
        let mut file =
            File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.write_all(&vec![7; len]).unwrap();
        file
    }

    #[test]
    fn a_mapping_shows_what_the_device_holds_and_is_gone_afterwards() {
        let file = file_of(9096);
        let mut mapping = Mapping::new(&file, 5000, 4096).unwrap();
        assert!(mapping.bytes()[..4096].iter().all(|byte| *byte == 7));
        mapping.bytes_mut()[1] = 9;
        assert_eq!((mapping.bytes()[1], mapping.len()), (9, 5000));
        let maps = || std::fs::read_to_string("/proc/self/maps").unwrap();
        let begin = format!("{:x}-", mapping.start.as_ptr() as usize);
        assert!(maps().contains(&begin));
        drop(mapping);
        assert!(!maps().contains(&begin), "still mapped");
        assert!(Mapping::new(&file, 4096, 1).is_err(), "an offset inside a page");
    }
}
