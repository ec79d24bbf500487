//! A queue to a device whose buffers are memory of another driver (DMABUF).
//!
//! Documentation/userspace-api/media/v4l/dmabuf.rst. The importing driver holds the memory as long as its buffer refers to
//! it, whoever else closes it.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use rustix::io::Errno;
use v4l2_sys_mit as sys;

use super::{DQBUF, MAX_BUFFERS, Message, QBUF, nonsense, request, set_streaming};
use crate::formats::Kind;

/// A queue to a device without memory of its own. Dropping it stops it.
#[derive(Debug)]
pub struct ImportQueue<D: AsFd> {
    device: D,
    kind: Kind,
    /// For each buffer, whether the driver has it.
    queued: Vec<bool>,
}

impl<D: AsFd> ImportQueue<D> {
    /// Asks for `count` buffers, of which the driver may give more or fewer, and starts the queue.
    ///
    /// # Errors
    /// That of the call: EINVAL if the driver cannot import, EBUSY while it has buffers of another kind.
    pub fn start(device: D, kind: Kind, count: u32) -> io::Result<Self> {
        let count = request(&device, kind, sys::v4l2_memory_V4L2_MEMORY_DMABUF, count)?.min(MAX_BUFFERS);
        let queue = Self { device, kind, queued: vec![false; count as usize] };
        if queue.queued.is_empty() {
            return Err(Errno::NOMEM.into());
        }
        set_streaming(&queue.device, kind, true)?;
        Ok(queue)
    }

    /// How many buffers there are, at least one.
    pub fn count(&self) -> usize {
        self.queued.len()
    }

    /// Gives `memory` of `len` bytes to the driver, of which `used` are a picture in one plane. It is cheapest to use the
    /// same buffer for the same memory each time.
    ///
    /// # Errors
    /// That of the call; EINVAL for a buffer that does not exist or is queued.
    pub fn queue(
        &mut self,
        index: usize,
        memory: BorrowedFd<'_>,
        (len, used): (u32, u32),
        timestamp: (i64, i64),
    ) -> io::Result<()> {
        let queued = self.queued.get_mut(index).filter(|queued| !**queued);
        let queued = queued.ok_or_else(|| io::Error::from(Errno::INVAL))?;
        let mut message = Message::new(self.kind, sys::v4l2_memory_V4L2_MEMORY_DMABUF, index, 1);
        message.buffer.timestamp = sys::timeval { tv_sec: timestamp.0, tv_usec: timestamp.1 };
        message.buffer.field = sys::v4l2_field_V4L2_FIELD_NONE;
        if self.kind.is_planes() {
            (message.planes[0].length, message.planes[0].bytesused) = (len, used);
            message.planes[0].m = sys::v4l2_plane__bindgen_ty_1 { fd: memory.as_raw_fd() };
        } else {
            (message.buffer.length, message.buffer.bytesused) = (len, used);
            message.buffer.m = sys::v4l2_buffer__bindgen_ty_1 { fd: memory.as_raw_fd() };
        }
        message.call::<QBUF>(&self.device, self.kind)?;
        *queued = true;
        Ok(())
    }

    /// Takes back a buffer, whose memory the driver no longer reads; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`super::Queue::dequeue`].
    pub fn dequeue(&mut self) -> io::Result<Option<usize>> {
        let mut message =
            Message::new(self.kind, sys::v4l2_memory_V4L2_MEMORY_DMABUF, 0, crate::formats::MAX_PLANES);
        match message.call::<DQBUF>(&self.device, self.kind) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let index = message.buffer.index as usize;
        match self.queued.get_mut(index) {
            Some(queued) if *queued => *queued = false,
            _ => return Err(nonsense(format!("buffer {index}, which it did not have"))),
        }
        Ok(Some(index))
    }
}

impl<D: AsFd> Drop for ImportQueue<D> {
    fn drop(&mut self) {
        // Whatever fails here, closing the device does the same.
        let _ = set_streaming(&self.device, self.kind, false);
        let _ = request(&self.device, self.kind, sys::v4l2_memory_V4L2_MEMORY_DMABUF, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_device_imports_nothing() {
        let file = std::fs::File::open("/dev/null").unwrap();
        for kind in [Kind::Output, Kind::OutputPlanes] {
            let error = ImportQueue::start(&file, kind, 4).unwrap_err();
            assert_eq!(Errno::from_io_error(&error), Some(Errno::NOTTY), "{kind:?}");
        }
    }

    #[test]
    fn a_buffer_that_does_not_exist_or_that_the_driver_has_is_not_given_to_it() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut queue = ImportQueue { device: &file, kind: Kind::Output, queued: vec![true, false] };
        let mut errno = |index| {
            let error = queue.queue(index, file.as_fd(), (1, 1), (0, 0)).unwrap_err();
            Errno::from_io_error(&error)
        };
        assert_eq!([0, 1, 2].map(&mut errno), [Errno::INVAL, Errno::NOTTY, Errno::INVAL].map(Some));
    }
}
