//! A running stream, through crate v4l or through `v4l2_calls`.
//!
//! Used only by [`super::V4l2`] and [`super::bandwidth`].

use std::io;
use std::time::{Duration, Instant};

use v4l::buffer::Metadata;

use super::buffers::{Buffers, Wait};
use super::device::Device;
use super::queue::Planes;

/// A running stream; dropping it stops the camera.
pub enum Stream {
    /// Through crate v4l: one plane.
    Mapped(Buffers),
    /// Through `v4l2_calls`: several planes, or a capture card.
    Queue(Planes),
}

/// How a wait for a frame ended.
pub enum Taken<'a> {
    /// With a frame.
    Frame(&'a [u8], Metadata),
    /// Nothing came in time.
    Nothing,
    /// The device has an event to be read.
    Event,
}

impl Stream {
    /// Starts a device that was set already.
    ///
    /// # Errors
    /// The driver refuses.
    pub fn start(device: &Device) -> io::Result<Stream> {
        match &device.calls {
            Some(calls) => Planes::start(calls).map(Stream::Queue),
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
                Ok(planes.exchange()?.map_or(Taken::Nothing, |(bytes, meta)| Taken::Frame(bytes, meta)))
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
    buffers.exchange().map(|(bytes, meta)| Taken::Frame(bytes, meta))
}
