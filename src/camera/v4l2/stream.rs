//! A running stream, through crate v4l or through `v4l2_calls`.
//!
//! Used only by [`super::V4l2`] and [`super::bandwidth`].

use std::io;
use std::time::{Duration, Instant};

use v4l::buffer::Metadata;
use v4l2_calls::formats::Kind;

use super::buffers::{Buffers, Wait};
use super::calls::Calls;
use super::device::Device;
use super::queue::Planes;
use crate::picture::Memory;

/// A running stream; dropping it stops the camera.
pub enum Stream {
    /// Through crate v4l: one plane.
    Mapped(Buffers),
    /// Through `v4l2_calls`: several planes, a capture card, or memory that is shared with an encoder.
    Queue(Planes),
}

/// How a wait for a frame ended.
pub enum Taken<'a> {
    /// With a frame.
    Frame(&'a [u8], Metadata, Option<Memory<'a>>),
    /// Nothing came in time.
    Nothing,
    /// The device has an event to be read.
    Event,
}

impl Stream {
    /// Starts a device that was set already. If `is_shared`, its memory is offered to other drivers, where it can be.
    ///
    /// # Errors
    /// The driver refuses.
    pub fn start(device: &Device, is_shared: bool) -> io::Result<Stream> {
        if is_shared && device.calls.is_none() {
            // Crate v4l does not share memory. If this fails, it is tried without.
            let calls = Calls::open(device.path(), Kind::Capture);
            if let Ok(planes) = calls.and_then(|calls| Planes::start(&calls, true)) {
                return Ok(Stream::Queue(planes));
            }
        }
        match &device.calls {
            Some(calls) => Planes::start(calls, is_shared).map(Stream::Queue),
            None => Buffers::start(&device.handle, device.path().to_owned()).map(Stream::Mapped),
        }
    }

    /// Waits for a frame and takes it. The very first one may be discarded.
    ///
    /// # Errors
    /// Any error is final.
    pub fn take(&mut self, timeout: Duration) -> io::Result<Taken<'_>> {
        match self {
            Stream::Mapped(buffers) => of_buffers(buffers, timeout),
            Stream::Queue(planes) => {
                let woken = planes.wait(timeout)?;
                // A device that is gone reports an event as well, at each call: taking a frame says what happened.
                if woken.event && !woken.error {
                    return Ok(Taken::Event);
                }
                if !woken.capture && !woken.error {
                    return Ok(Taken::Nothing);
                }
                Ok(planes
                    .exchange()?
                    .map_or(Taken::Nothing, |(bytes, meta, memory)| Taken::Frame(bytes, meta, memory)))
            }
        }
    }
}

fn of_buffers(buffers: &mut Buffers, timeout: Duration) -> io::Result<Taken<'_>> {
    let deadline = Instant::now().checked_add(timeout);
    if buffers.wait(timeout)? == Wait::TimedOut {
        return Ok(Taken::Nothing);
    }
    if !buffers.holds_buffer() {
        buffers.skip_first()?;
        let left = deadline.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
        if buffers.wait(left)? == Wait::TimedOut {
            return Ok(Taken::Nothing);
        }
    }
    buffers.exchange().map(|(bytes, meta)| Taken::Frame(bytes, meta, None))
}
