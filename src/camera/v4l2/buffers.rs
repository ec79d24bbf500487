//! Streaming through crate v4l's memory-mapped buffers, around the places where that crate would hang,
//! panic or abort.
//!
//! Used by [`super::V4l2`] alone. What is done otherwise than `v4l::io::mmap::Stream` would by itself:
//!
//! - All buffers are queued before the start: vb2 starts nothing before a driver's minimum is queued, and
//!   bcm2835-v4l2 before Linux 5.4 refused to start unless all were. So the first frame has to be taken
//!   with `dequeue`, which gives no access to it; it is lost.
//! - `next` is called only when poll says that a frame is ready, since it first returns the buffer in hand
//!   to the driver: after a time-out inside it, every further `next` would fail.
//! - It is dropped only after a stop that worked: its own drop panics when stopping fails, and may panic
//!   again in that panic, which aborts the program.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use v4l::buffer::{Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};

/// Buffers asked of the driver: one in our hands, one being filled, and two of slack (66 ms at 30/s). More
/// would only make the frames older whenever this program is the slower side.
const BUFFERS: u32 = 4;

/// Fewer buffers cannot work: one is in our hands, and the driver needs one to fill.
const FEWEST_BUFFERS: usize = 2;

/// The most buffers that a V4L2 queue can have (VIDEO_MAX_FRAME in linux/videodev2.h).
const MOST_BUFFERS: usize = 32;

/// How often a stop is tried that a signal interrupts.
const STOP_TRIES: usize = 3;

/// Bounds the wait inside `dequeue`, which is only called when a frame is ready and so should not wait.
const DEQUEUE_LIMIT: Duration = Duration::from_secs(1);

/// poll(2)'s POLLIN on Linux: the same on every architecture.
const POLLIN: i16 = 1;

/// A running stream; dropping it stops the camera.
pub struct Buffers {
    /// Taken out only by drop.
    stream: Option<Stream<'static>>,
    /// Whether the first frame was taken, so that one buffer is in our hands.
    in_hand: bool,
    /// For the log.
    path: PathBuf,
}

impl Buffers {
    /// Allocates, maps and queues the buffers and starts the camera.
    ///
    /// # Errors
    /// What VIDIOC_REQBUFS, mmap, VIDIOC_QBUF or VIDIOC_STREAMON answered; ENOMEM for too few buffers.
    pub fn start(device: &v4l::Device, path: PathBuf) -> io::Result<Buffers> {
        let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(DEQUEUE_LIMIT);
        let mut this = Buffers { stream: Some(stream), in_hand: false, path };
        let stream = this.stream()?;
        // The crate does not tell how many were granted, more or fewer than asked: the first that does not
        // exist is refused with EINVAL.
        let mut queued = 0;
        while queued < MOST_BUFFERS {
            match CaptureStream::queue(stream, queued) {
                Ok(()) => queued += 1,
                Err(e) if queued > 0 && Errno::from_io_error(&e) == Some(Errno::INVAL) => break,
                Err(e) => return Err(e),
            }
        }
        if queued < FEWEST_BUFFERS {
            return Err(Errno::NOMEM.into());
        }
        stream.start()?;
        Ok(this)
    }

    fn stream(&mut self) -> io::Result<&mut Stream<'static>> {
        self.stream.as_mut().ok_or_else(|| Errno::NODEV.into())
    }

    /// Waits for a frame, or for an error that [`Buffers::exchange`] will then return; `false` when none came
    /// in time or a signal came first.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        // Rounded up, or the last part of a millisecond would be spent spinning.
        let millis = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        match self.stream()?.handle().poll(POLLIN, millis) {
            Ok(ready) => Ok(ready > 0),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Whether a buffer is in our hands, so that [`Buffers::exchange`] can be called.
    pub fn in_hand(&self) -> bool {
        self.in_hand
    }

    /// Takes the first frame that [`Buffers::wait`] announced; its contents are lost.
    ///
    /// # Errors
    /// Any error is final.
    pub fn skip_first(&mut self) -> io::Result<()> {
        CaptureStream::dequeue(self.stream()?)?;
        self.in_hand = true;
        Ok(())
    }

    /// Takes the frame that [`Buffers::wait`] announced, and gives the one in hand back to the driver.
    /// Allocates nothing.
    ///
    /// # Errors
    /// Any error is final: which buffers are whose is then unknown.
    pub fn exchange(&mut self) -> io::Result<(&[u8], Metadata)> {
        let (bytes, meta) = CaptureStream::next(self.stream()?)?;
        Ok((bytes, *meta))
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        let mut stopped = stream.stop();
        for _ in 1..STOP_TRIES {
            if matches!(&stopped, Err(e) if e.kind() == io::ErrorKind::Interrupted) {
                stopped = stream.stop();
            }
        }
        match stopped {
            Ok(()) => {}
            Err(e) if Errno::from_io_error(&e) == Some(Errno::NODEV) => {}
            Err(e) => {
                // Dropping the stream would panic. Its descriptor and mappings stay until the program ends.
                log::error!(
                    "cannot stop {}: {e}; it stays open until this program ends",
                    self.path.display()
                );
                mem::forget(stream);
            }
        }
    }
}
