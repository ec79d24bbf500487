//! Streaming through crate v4l's memory-mapped buffers, avoiding the cases in which that crate would hang, panic or
//! abort.
//!
//! Used only by [`super::V4l2`]. It differs from `v4l::io::mmap::Stream` on its own in three ways:
//!
//! - All buffers are queued before the start. vb2 starts nothing before a driver's minimum is queued, and
//!   bcm2835-v4l2 before Linux 5.4 refused to start unless all were. As a consequence the first frame has to be taken
//!   with `dequeue`, which gives no access to it, so it is discarded.
//! - `next` is called only when poll says that a frame is ready. It first returns the held buffer to the driver, so
//!   after a timeout inside it every further `next` would fail.
//! - The stream is dropped only after it was stopped successfully. Its own drop panics if stopping fails, and may panic
//!   again during that panic, which aborts the program.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use v4l::buffer::{Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};

/// Buffers requested from the driver: one held by us, one being filled, and two spare (66 ms at 30/s). More would only
/// make the frames older whenever this program is slower than the camera.
pub(super) const BUFFERS: u32 = 4;

/// The minimum: one buffer held by us, and one for the driver to fill.
pub(super) const FEWEST_BUFFERS: usize = 2;

/// The most buffers that a V4L2 queue can have (VIDEO_MAX_FRAME in linux/videodev2.h).
const MOST_BUFFERS: usize = 32;

/// How often stopping is tried if a signal interrupts it.
const STOP_TRIES: usize = 3;

/// Bounds the wait inside `dequeue`, which should not wait at all: it is only called when a frame is ready.
const DEQUEUE_LIMIT: Duration = Duration::from_secs(1);

/// POLLIN of poll(2), the same on every Linux architecture.
const POLLIN: i16 = 1;

/// How a wait for a frame ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A frame or an error can be taken.
    Ready,
    /// Nothing came in time.
    TimedOut,
}

/// A running stream; dropping it stops the camera.
pub struct Buffers {
    /// `None` only during drop.
    stream: Option<Stream<'static>>,
    /// Whether the first frame was taken, so that we hold a buffer.
    holds_buffer: bool,
    /// The device's path, for the log.
    path: PathBuf,
}

impl Buffers {
    /// Allocates, maps and queues the buffers and starts the camera.
    ///
    /// # Errors
    /// The error of VIDIOC_REQBUFS, mmap, VIDIOC_QBUF or VIDIOC_STREAMON; ENOMEM if the driver gives too few buffers.
    pub fn start(device: &v4l::Device, path: PathBuf) -> io::Result<Buffers> {
        let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(DEQUEUE_LIMIT);
        let mut this = Buffers { stream: Some(stream), holds_buffer: false, path };
        let stream = this.stream()?;
        // The driver may grant more or fewer buffers than requested, and the crate does not say how many. The first
        // that does not exist is refused with EINVAL.
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

    /// Waits at most `timeout` for a frame, or for an error that [`Buffers::exchange`] will then return. A signal may
    /// end the wait early, as [`Wait::TimedOut`].
    ///
    /// # Errors
    /// The error of poll(2).
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Wait> {
        // Rounded up; otherwise the last fraction of a millisecond would be a busy wait.
        let millis = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        match self.stream()?.handle().poll(POLLIN, millis) {
            Ok(0) => Ok(Wait::TimedOut),
            Ok(_) => Ok(Wait::Ready),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Wait::TimedOut),
            Err(e) => Err(e),
        }
    }

    /// Whether we hold a buffer, so that [`Buffers::exchange`] can be called.
    pub fn holds_buffer(&self) -> bool {
        self.holds_buffer
    }

    /// Takes the first frame that [`Buffers::wait`] announced; its contents are discarded.
    ///
    /// # Errors
    /// Any error is final.
    pub fn skip_first(&mut self) -> io::Result<()> {
        CaptureStream::dequeue(self.stream()?)?;
        self.holds_buffer = true;
        Ok(())
    }

    /// Takes the frame that [`Buffers::wait`] announced, and returns the held buffer to the driver. Does not allocate.
    ///
    /// # Errors
    /// Any error is final: it is then unknown which buffers belong to the driver.
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
                // Dropping the stream would panic, so it is leaked: its descriptor and mappings stay.
                log::error!(
                    "cannot stop {}: {e}; it stays open until this program ends",
                    self.path.display()
                );
                mem::forget(stream);
            }
        }
    }
}
