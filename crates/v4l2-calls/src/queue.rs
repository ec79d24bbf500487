//! A queue of buffers that driver and program share, of one plane or several, to the device or from it.
//!
//! Documentation/userspace-api/media/v4l: mmap.rst, buffer.rst, vidioc-reqbufs.rst, vidioc-querybuf.rst, vidioc-qbuf.rst,
//! vidioc-streamon.rst, vidioc-expbuf.rst.

mod import;
mod memory;

use std::io;
use std::os::fd::{AsFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call, call_with_pointers};
use crate::formats::{Kind, MAX_PLANES};
pub use import::ImportQueue;
use memory::Mapping;

/// The most buffers that a queue has here (VIDEO_MAX_FRAME in linux/videodev2.h).
const MAX_BUFFERS: u32 = 32;

/// The largest plane, in bytes. 8K RGB takes 95 MiB.
const MAX_PLANE_BYTES: u32 = 128 << 20;

/// A queue. Dropping it stops it and gives its buffers back.
///
/// `D` is the open device, such as an `Arc<File>` where two queues share it. It should be opened with O_NONBLOCK;
/// otherwise [`Queue::dequeue`] waits.
#[derive(Debug)]
pub struct Queue<D: AsFd> {
    device: D,
    kind: Kind,
    buffers: Vec<Buffer>,
}

#[derive(Debug)]
struct Buffer {
    planes: Vec<Mapping>,
    /// Whether the driver has it.
    is_queued: bool,
}

/// A buffer that the driver gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dequeued {
    /// Its number.
    pub index: usize,
    /// Where in each plane the picture begins and ends, in bytes. Never outside of the plane.
    data: [(u32, u32); MAX_PLANES],
    /// How many planes it has.
    pub plane_count: usize,
    /// The driver marked it as damaged (V4L2_BUF_FLAG_ERROR), or wrote lengths that cannot be.
    pub is_damaged: bool,
    /// The device's number of the frame.
    pub sequence: u32,
    /// V4L2_BUF_FLAG_*.
    pub flags: u32,
    /// Seconds and microseconds of the time stamp; its clock is told by `flags`.
    pub timestamp: (i64, i64),
}

impl Dequeued {
    /// Bytes of the picture in a plane.
    pub fn len(&self, plane: usize) -> usize {
        self.data.get(plane).map_or(0, |(begin, end)| (end - begin) as usize)
    }

    /// Whether no plane has any.
    pub fn is_empty(&self) -> bool {
        (0..self.plane_count).all(|plane| self.len(plane) == 0)
    }
}

/// What [`wait`] waits for beside events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Nothing.
    Events,
    /// A captured buffer may be taken (POLLIN).
    Capture,
    /// An output buffer may be taken back (POLLOUT).
    Output,
}

/// What [`wait`] was woken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Woken {
    /// A captured buffer may be taken (POLLIN).
    pub capture: bool,
    /// An event may be taken (POLLPRI).
    pub event: bool,
    /// The device is gone, or its queue is off or broken (POLLERR, POLLHUP): the next call says why.
    pub error: bool,
}

/// Waits at most `timeout` for an event of a device, or for what is asked for. A signal may end it early, with nothing.
///
/// # Errors
/// That of poll(2).
pub fn wait(device: impl AsFd, what: For, timeout: Duration) -> io::Result<Woken> {
    let mut flags = PollFlags::PRI;
    flags.set(PollFlags::IN, what == For::Capture);
    flags.set(PollFlags::OUT, what == For::Output);
    let mut polled = [PollFd::new(&device, flags)];
    let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Woken::default()),
        Err(error) => return Err(error.into()),
    }
    let got = polled[0].revents();
    Ok(Woken {
        capture: got.contains(PollFlags::IN),
        event: got.contains(PollFlags::PRI),
        error: got.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
    })
}

// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_requestbuffers {}
// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_exportbuffer {}
// SAFETY: an integer.
unsafe impl Argument for i32 {}

const REQBUFS: Opcode = opcode::read_write::<sys::v4l2_requestbuffers>(V4L2, 8);
const QUERYBUF: Opcode = opcode::read_write::<sys::v4l2_buffer>(V4L2, 9);
const QBUF: Opcode = opcode::read_write::<sys::v4l2_buffer>(V4L2, 15);
const EXPBUF: Opcode = opcode::read_write::<sys::v4l2_exportbuffer>(V4L2, 16);
const DQBUF: Opcode = opcode::read_write::<sys::v4l2_buffer>(V4L2, 17);
const STREAMON: Opcode = opcode::write::<i32>(V4L2, 18);
const STREAMOFF: Opcode = opcode::write::<i32>(V4L2, 19);

/// The kind of memory that a driver gives, and the program maps.
const MMAP: u32 = sys::v4l2_memory_V4L2_MEMORY_MMAP;

/// A struct v4l2_buffer and the planes that it points to.
struct Message {
    buffer: sys::v4l2_buffer,
    planes: [sys::v4l2_plane; MAX_PLANES],
}

impl Message {
    fn new(kind: Kind, memory: u32, index: usize, plane_count: usize) -> Self {
        // SAFETY: all bit patterns are valid, of its pointer too, which is set before each call.
        let mut buffer: sys::v4l2_buffer = unsafe { std::mem::zeroed() };
        buffer.index = u32::try_from(index).unwrap_or(u32::MAX);
        buffer.type_ = kind.code();
        buffer.memory = memory;
        buffer.length = if kind.is_planes() { plane_count as u32 } else { 0 }; // at most MAX_PLANES
        // SAFETY: all bit patterns are valid.
        Self { buffer, planes: unsafe { std::mem::zeroed() } }
    }

    fn call<const OPCODE: Opcode>(&mut self, device: impl AsFd, kind: Kind) -> io::Result<()> {
        if kind.is_planes() {
            self.buffer.m = sys::v4l2_buffer__bindgen_ty_1 { planes: self.planes.as_mut_ptr() };
        }
        // SAFETY: the codes are made from v4l2_buffer's size; `length` is at most the number of planes that the pointer
        // leads to; without the multi-planar API the kernel takes it for no pointer.
        unsafe { call_with_pointers::<OPCODE, _>(device, &mut self.buffer) }
    }
}

impl<D: AsFd> Queue<D> {
    /// Asks for `count` buffers, of which the driver may give more or fewer, and maps their planes. No buffer is queued.
    ///
    /// # Errors
    /// That of the call or of mmap; ENOMEM if the driver gives none; `InvalidData` if its buffers cannot be.
    pub fn new(device: D, kind: Kind, count: u32) -> io::Result<Self> {
        let mut queue = Self { device, kind, buffers: Vec::new() };
        for index in 0..request(&queue.device, kind, MMAP, count)?.min(MAX_BUFFERS) {
            let planes = queue.map(index as usize)?;
            queue.buffers.push(Buffer { planes, is_queued: false });
        }
        if queue.buffers.is_empty() { Err(Errno::NOMEM.into()) } else { Ok(queue) }
    }

    fn map(&self, index: usize) -> io::Result<Vec<Mapping>> {
        let mut message = Message::new(self.kind, MMAP, index, MAX_PLANES);
        message.call::<QUERYBUF>(&self.device, self.kind)?;
        let Message { buffer, planes } = &message;
        let mut found = [(0, 0); MAX_PLANES];
        let count = if self.kind.is_planes() {
            for (found, plane) in found.iter_mut().zip(planes) {
                // SAFETY: all bit patterns are valid.
                *found = (plane.length, unsafe { plane.m.mem_offset });
            }
            buffer.length as usize
        } else {
            // SAFETY: all bit patterns are valid.
            found[0] = (buffer.length, unsafe { buffer.m.offset });
            1
        };
        let found = found.get(..count).filter(|found| !found.is_empty());
        let found = found.ok_or_else(|| nonsense(format!("a buffer of {count} planes")))?;
        found
            .iter()
            .map(|&(len, offset)| {
                if !(1..=MAX_PLANE_BYTES).contains(&len) {
                    return Err(nonsense(format!("a plane of {len} bytes")));
                }
                Mapping::new(&self.device, len as usize, offset)
            })
            .collect()
    }

    /// The open device.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// How many buffers there are, at least one.
    pub fn count(&self) -> usize {
        self.buffers.len()
    }

    /// A buffer that the driver does not have.
    pub fn free(&self) -> Option<usize> {
        self.buffers.iter().position(|buffer| !buffer.is_queued)
    }

    /// Gives a buffer to the driver. To the device, `used` are the bytes in each plane; from it, it is empty.
    /// `timestamp` is what a codec copies to the buffers that it makes of it.
    ///
    /// # Errors
    /// That of the call; EINVAL for a buffer that does not exist, is queued, or has fewer bytes.
    pub fn queue(&mut self, index: usize, used: &[u32], timestamp: (i64, i64)) -> io::Result<()> {
        let invalid = || io::Error::from(Errno::INVAL);
        let buffer = self.buffers.get_mut(index).filter(|buffer| !buffer.is_queued).ok_or_else(invalid)?;
        let mut message = Message::new(self.kind, MMAP, index, buffer.planes.len());
        message.buffer.timestamp = sys::timeval { tv_sec: timestamp.0, tv_usec: timestamp.1 };
        if self.kind.is_output() {
            message.buffer.field = sys::v4l2_field_V4L2_FIELD_NONE;
            for (n, used) in used.iter().enumerate() {
                buffer.planes.get(n).filter(|plane| *used as usize <= plane.len()).ok_or_else(invalid)?;
                if self.kind.is_planes() {
                    message.planes[n].bytesused = *used;
                } else {
                    message.buffer.bytesused = *used;
                }
            }
        }
        for (plane, mapping) in message.planes.iter_mut().zip(&buffer.planes) {
            plane.length = mapping.len() as u32; // at most MAX_PLANE_BYTES
        }
        message.call::<QBUF>(&self.device, self.kind)?;
        buffer.is_queued = true;
        Ok(())
    }

    /// Takes a buffer that the driver is done with; `None` if there is none yet.
    ///
    /// # Errors
    /// That of the call: EPIPE where a codec says that nothing more comes, EIO a temporary
    /// problem, ENODEV a device that is gone. `InvalidData` if the driver gives what it did not have.
    pub fn dequeue(&mut self) -> io::Result<Option<Dequeued>> {
        let mut message = Message::new(self.kind, MMAP, 0, MAX_PLANES);
        match message.call::<DQBUF>(&self.device, self.kind) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        self.given_back(&message).map(Some)
    }

    /// What the driver says of a buffer that it gives back, as far as it can be.
    fn given_back(&mut self, message: &Message) -> io::Result<Dequeued> {
        let raw = &message.buffer;
        let index = raw.index as usize;
        let buffer = self.buffers.get_mut(index).filter(|buffer| buffer.is_queued);
        let buffer = buffer.ok_or_else(|| nonsense(format!("buffer {index}, which it did not have")))?;
        buffer.is_queued = false;
        let mut got = Dequeued {
            index,
            data: [(0, 0); MAX_PLANES],
            plane_count: buffer.planes.len(),
            is_damaged: raw.flags & sys::V4L2_BUF_FLAG_ERROR != 0,
            sequence: raw.sequence,
            flags: raw.flags,
            timestamp: (raw.timestamp.tv_sec, raw.timestamp.tv_usec),
        };
        for (n, mapping) in buffer.planes.iter().enumerate() {
            let len = mapping.len() as u32; // at most MAX_PLANE_BYTES
            let (begin, end) = if self.kind.is_planes() {
                (message.planes[n].data_offset, message.planes[n].bytesused)
            } else {
                (0, raw.bytesused)
            };
            got.is_damaged |= end > len || begin > end;
            let end = end.min(len);
            got.data[n] = (begin.min(end), end);
        }
        Ok(got)
    }

    /// What the driver wrote into a plane, without what stands before the picture; empty if the buffer was queued again.
    pub fn data(&self, got: &Dequeued, plane: usize) -> &[u8] {
        let (begin, end) = got.data.get(plane).copied().unwrap_or_default();
        self.plane(got.index, plane).get(begin as usize..end as usize).unwrap_or_default()
    }

    /// A plane of a buffer, whole; empty while the driver has it.
    pub fn plane(&self, index: usize, plane: usize) -> &[u8] {
        let buffer = self.buffers.get(index).filter(|buffer| !buffer.is_queued);
        buffer.and_then(|buffer| buffer.planes.get(plane)).map_or(&[], |mapping| mapping.bytes())
    }

    /// A plane of a buffer, whole, to be written; empty while the driver has it.
    pub fn plane_mut(&mut self, index: usize, plane: usize) -> &mut [u8] {
        let buffer = self.buffers.get_mut(index).filter(|buffer| !buffer.is_queued);
        buffer.and_then(|buffer| buffer.planes.get_mut(plane)).map_or(&mut [], |mapping| mapping.bytes_mut())
    }

    /// A descriptor of a plane's memory (DMABUF), which another driver can import (VIDIOC_EXPBUF).
    ///
    /// # Errors
    /// That of the call.
    pub fn export(&self, index: usize, plane: usize) -> io::Result<OwnedFd> {
        let mut raw = sys::v4l2_exportbuffer::zeroed();
        raw.type_ = self.kind.code();
        (raw.index, raw.plane) = (index as u32, plane as u32);
        raw.flags = (rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::RDONLY).bits();
        raw.fd = -1;
        call::<EXPBUF, _>(&self.device, &mut raw)?;
        if raw.fd < 0 {
            return Err(nonsense(format!("descriptor {}", raw.fd)));
        }
        // SAFETY: the kernel has just opened it for us, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(raw.fd) })
    }

    /// Starts the queue (VIDIOC_STREAMON).
    ///
    /// # Errors
    /// That of the call.
    pub fn start(&mut self) -> io::Result<()> {
        set_streaming(&self.device, self.kind, true)?;
        Ok(())
    }

    /// Stops the queue (VIDIOC_STREAMOFF). The driver has no buffer afterwards.
    ///
    /// # Errors
    /// That of the call. The driver may then still have some.
    pub fn stop(&mut self) -> io::Result<()> {
        set_streaming(&self.device, self.kind, false)?;
        for buffer in &mut self.buffers {
            buffer.is_queued = false;
        }
        Ok(())
    }
}

impl<D: AsFd> Drop for Queue<D> {
    fn drop(&mut self) {
        // Whatever fails here, closing the device does the same. Buffers are only freed when they are no longer mapped.
        let _ = self.stop();
        self.buffers.clear();
        let _ = request(&self.device, self.kind, MMAP, 0);
    }
}

/// Asks for buffers, or gives them back, and returns how many there are.
fn request(device: impl AsFd, kind: Kind, memory: u32, count: u32) -> io::Result<u32> {
    let mut raw = sys::v4l2_requestbuffers::zeroed();
    (raw.count, raw.type_, raw.memory) = (count, kind.code(), memory);
    call::<REQBUFS, _>(device, &mut raw)?;
    Ok(raw.count)
}

/// VIDIOC_STREAMON and VIDIOC_STREAMOFF.
fn set_streaming(device: impl AsFd, kind: Kind, is_on: bool) -> io::Result<()> {
    let mut kind = kind.code() as i32; // at most 14
    if is_on { call::<STREAMON, _>(device, &mut kind) } else { call::<STREAMOFF, _>(device, &mut kind) }
}

fn nonsense(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the driver gives {what}"))
}

#[cfg(test)]
mod tests;
