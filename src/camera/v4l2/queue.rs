//! Streaming through `v4l2_calls`: pictures of several planes, and capture cards, whose events are to be seen.
//!
//! Used only by [`super::stream`]. A picture in one buffer is borrowed from it, like one of [`super::buffers`]; one in
//! several buffers is copied once.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use v4l::buffer::{Flags, Metadata};
use v4l::timestamp::Timestamp;
use v4l2_calls::formats;
use v4l2_calls::queue::{Dequeued, Queue, Woken, wait};

use super::buffers::{BUFFERS, FEWEST_BUFFERS};
use super::calls::Calls;
use super::gather::Gather;
use crate::picture::{Layout, Size};

/// A running stream; dropping it stops the camera.
pub struct Planes {
    queue: Queue<Arc<File>>,
    /// The buffer that we hold.
    held: Option<Dequeued>,
    /// For planes in buffers of their own.
    gather: Option<Gather>,
}

impl Planes {
    /// Allocates, maps and queues the buffers and starts the camera.
    ///
    /// # Errors
    /// That of the call that failed; ENOMEM if the driver gives too few buffers; `InvalidData` if its buffers cannot be.
    pub fn start(calls: &Calls) -> io::Result<Planes> {
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
        queue.start()?;
        Ok(Planes { queue, held: None, gather })
    }

    /// Waits at most `timeout` for a frame, an error or an event.
    ///
    /// # Errors
    /// That of poll(2).
    pub fn wait(&self, timeout: Duration) -> io::Result<Woken> {
        wait(self.queue.device(), true, timeout)
    }

    /// Gives the held buffer back to the driver and takes the next frame; `None` if there is none yet. Does not allocate.
    ///
    /// # Errors
    /// Any error is final.
    pub fn exchange(&mut self) -> io::Result<Option<(&[u8], Metadata)>> {
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
        Ok(Some((bytes, meta)))
    }
}
