//! Streaming through `v4l2_calls`: pictures of several planes, capture cards, whose events are to be seen, and cameras whose
//! memory an encoder reads.
//!
//! Used only by [`super::stream`]. A picture in one buffer is borrowed from it, like one of [`super::buffers`]; one in
//! several buffers is copied once.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use rustix::io::Errno;
use v4l::buffer::{Flags, Metadata};
use v4l::timestamp::Timestamp;
use v4l2_calls::formats;
use v4l2_calls::queue::{Dequeued, For, Queue, Woken, wait};

use super::buffers::{BUFFERS, FEWEST_BUFFERS};
use super::calls::Calls;
use super::gather::Gather;
use crate::picture::{Layout, Memory, Size};

/// A frame that was taken.
pub type Exchanged<'a> = (&'a [u8], Metadata, Option<Memory<'a>>);

/// A running stream; dropping it stops the camera.
pub struct Planes {
    /// The memory of each buffer for other drivers (DMABUF); none if it is not shared.
    shared: Vec<OwnedFd>,
    queue: Queue<Arc<File>>,
    /// The buffer that we hold.
    held: Option<Dequeued>,
    /// For planes in buffers of their own.
    gather: Option<Gather>,
}

impl Planes {
    /// Allocates, maps and queues the buffers and starts the camera. If `is_shared`, their memory can be read by other
    /// drivers, unless this driver refuses or pictures have several buffers.
    ///
    /// # Errors
    /// That of the call that failed; ENOMEM if the driver gives too few buffers; `InvalidData` if its buffers cannot be.
    pub fn start(calls: &Calls, is_shared: bool) -> io::Result<Planes> {
        let format = formats::format(&calls.file, calls.kind)?;
        let mut gather = None;
        if format.planes().len() > 1
            && let Some(raw) = Layout::of_code(format.code).and_then(Layout::raw)
        {
            let size = Size { width: format.width, height: format.height };
            gather.insert(Gather::new(raw, size, format.planes())?).reserve()?;
        }
        let mut queue = Queue::new(calls.file.clone(), calls.kind, BUFFERS)?;
        if queue.count() < FEWEST_BUFFERS {
            return Err(Errno::NOMEM.into());
        }
        for index in 0..queue.count() {
            queue.queue(index, &[], (0, 0))?;
        }
        let mut shared = Vec::new();
        if is_shared && gather.is_none() {
            let all: io::Result<_> = (0..queue.count()).map(|index| queue.export(index, 0)).collect();
            shared = all.unwrap_or_else(|error| {
                debug!("pictures are copied to the encoder: the camera's memory cannot be shared (EXPBUF): {error}");
                Vec::new()
            });
        }
        queue.start()?;
        Ok(Planes { shared, queue, held: None, gather })
    }

    /// Waits at most `timeout` for a frame, an error or an event.
    ///
    /// # Errors
    /// That of poll(2).
    pub fn wait(&self, timeout: Duration) -> io::Result<Woken> {
        wait(self.queue.device(), For::Capture, timeout)
    }

    /// Gives the held buffer back to the driver and takes the next frame; `None` if there is none yet. Does not allocate.
    ///
    /// # Errors
    /// Any error is final.
    pub fn exchange(&mut self) -> io::Result<Option<Exchanged<'_>>> {
        let Some(got) = self.queue.dequeue()? else { return Ok(None) };
        if let Some(held) = self.held.replace(got) {
            self.queue.queue(held.index, &[], (0, 0))?;
        }
        let mut flags = Flags::from(got.flags);
        let queue = &self.queue;
        let bytes = match &mut self.gather {
            None => queue.data(&got, 0),
            Some(gather) => gather.copy(|plane| queue.data(&got, plane)).unwrap_or_else(|| {
                flags |= Flags::ERROR;
                &[]
            }),
        };
        if got.is_damaged {
            flags |= Flags::ERROR;
        }
        let meta = Metadata {
            bytesused: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            flags,
            timestamp: Timestamp::new(got.timestamp.0, got.timestamp.1),
            sequence: got.sequence,
            ..Metadata::default()
        };
        let whole = queue.plane(got.index, 0);
        let begins = whole.as_ptr() == bytes.as_ptr(); // nothing stands before the picture
        let memory = self.shared.get(got.index).filter(|_| begins).map(|fd| Memory {
            fd: fd.as_fd(),
            len: whole.len(),
            index: got.index,
        });
        Ok(Some((bytes, meta, memory)))
    }
}
