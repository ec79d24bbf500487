//! One ioctl.

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, Updater, ioctl};

/// The letter of V4L2's ioctls (linux/videodev2.h).
pub(crate) const V4L2: u8 = b'V';

/// A struct of linux/videodev2.h that one or more V4L2 calls take.
///
/// # Safety
/// All its bit patterns are valid, and it holds no pointer through which the kernel would write: such structs have calls
/// of their own.
pub(crate) unsafe trait Argument: Copy {
    /// All bytes 0, as the kernel wants its reserved fields.
    fn zeroed() -> Self {
        // SAFETY: all bit patterns are valid.
        unsafe { std::mem::zeroed() }
    }
}

/// Makes the call `OPCODE`, which reads and may write `argument`. It is made again where a signal interrupted it.
///
/// # Errors
/// That of ioctl(2).
pub(crate) fn call<const OPCODE: Opcode, T: Argument>(device: impl AsFd, argument: &mut T) -> io::Result<()> {
    // SAFETY: callers make OPCODE from T's size (`opcode::read_write::<T>`), so the kernel stays inside `argument`, which
    // may hold whatever it writes and leads it nowhere else.
    unsafe { call_with_pointers::<OPCODE, T>(device, argument) }
}

/// The same for a struct that points to further memory.
///
/// # Safety
/// OPCODE is made from T's size, all bit patterns of T are valid, and what its pointers lead to is as large as its
/// counts say, may be written, and is referred to by nobody else.
pub(crate) unsafe fn call_with_pointers<const OPCODE: Opcode, T: Copy>(
    device: impl AsFd,
    argument: &mut T,
) -> io::Result<()> {
    const TRIES: usize = 8;
    let mut result = Ok(());
    for _ in 0..TRIES {
        // SAFETY: as the caller promises.
        result = unsafe { ioctl(&device, Updater::<'_, OPCODE, T>::new(argument)) };
        match result {
            Err(rustix::io::Errno::INTR) => {}
            _ => break,
        }
    }
    Ok(result?)
}
