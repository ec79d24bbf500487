//! The newest frames of one camera, between the thread that captures them and all their readers.
//!
//! [`split`] makes the two ends of a ring: one [`Writer`], which [`crate::stream`] or [`crate::variants`] owns, and a
//! [`Reader`], which [`crate::feed`] shares with [`crate::fanout`] and everything else that wants frames. There are
//! [`SLOTS`] slots, and the newest frame wins. What it promises:
//!
//! - A ring has one writer: a [`Writer`] cannot be cloned, and publishing takes it by `&mut`.
//! - A steady stream allocates nothing, and a frame is copied or encoded once, straight into its slot.
//! - The part header and the boundary of [`crate::multipart`] stand around the JPEG in the slot, so a frame
//!   goes to a viewer in one write.
//! - Frames are shared by count. A reader may keep one as long as it likes; nobody writes to it meanwhile.
//! - The writer does not wait for a reader to finish with a frame. It uses a slot again that nobody holds (`Arc::get_mut`); if readers hold all of
//!   them, it leaves them the oldest and makes another. How much readers keep is for them to bound, as
//!   [`crate::fanout`] does.

mod shutter;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use memmap2::{Advice, MmapMut};

use crate::multipart;
use crate::picture::Size;
use crate::sync::lock;
use crate::time::wall_clock;
pub use shutter::Shutter;

/// Slots of a ring: the newest, one being written, and two that readers may still hold.
pub const SLOTS: usize = 4;

/// The largest JPEG that a slot is made for, in bytes. A slot's memory is not touched before a frame fills it, so
/// four slots of this size cost little until frames really are this large.
pub const MAX_FRAME: usize = 16 << 20;

/// What is known about a frame besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// When it was captured.
    pub captured: Instant,
    /// Its size in pixels.
    pub size: Size,
    /// Whether it is the drawn card instead of a picture from the camera.
    pub card: bool,
}

/// There is not enough memory for frames of the requested size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory;

/// Why a frame was not published.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpublished<E> {
    /// Readers hold every slot, and there is no memory for another.
    NoSlot,
    /// The closure that fills the slot failed.
    Unfilled(E),
}

/// Bytes of a slot that are not for the JPEG.
const OVERHEAD: usize = multipart::HEAD_MAX + multipart::TRAILER.len();

/// A frame in its slot.
#[derive(Debug)]
pub struct Frame {
    /// Counts the frames of this ring, from 1.
    pub number: u64,
    /// What is known about it.
    pub meta: Meta,
    /// Space for the part header, then for the JPEG, then for the boundary. Of its own pages, which cost nothing before
    /// they are written to, whichever allocator the program has.
    bytes: MmapMut,
    /// Where the part starts and ends in `bytes`.
    start: usize,
    end: usize,
}

impl Frame {
    /// A slot for JPEGs of up to `capacity` bytes. Nobody sees it before it is filled and sealed.
    fn empty(capacity: usize, meta: Meta) -> Result<Self, NoMemory> {
        let bytes = MmapMut::map_anon(capacity + OVERHEAD).map_err(|_| NoMemory)?;
        // A small frame must not cost the 2 MiB of a huge page. A kernel that has none refuses.
        let _ = bytes.advise(Advice::NoHugePage);
        Ok(Self { number: 0, meta, bytes, start: 0, end: 0 })
    }

    /// One whole part of a stream: part header, JPEG, and the boundary behind it.
    pub fn part(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// What it counts as where memory is bounded, in bytes: its part; or, if that is more, a 32nd of its slot, most of
    /// which is only address space, but 32-bit boards have little of that.
    pub fn weight(&self) -> usize {
        self.part().len().max(self.bytes.len() / 32)
    }

    /// Only the JPEG.
    pub fn jpeg(&self) -> &[u8] {
        &self.bytes[multipart::HEAD_MAX..self.end - multipart::TRAILER.len()]
    }

    /// Writes part header and boundary around the JPEG of `length` bytes, captured at `captured`.
    fn seal(&mut self, length: usize, captured: SystemTime) {
        let header = multipart::part_head(length, captured);
        self.start = multipart::HEAD_MAX - header.len();
        self.bytes[self.start..multipart::HEAD_MAX].copy_from_slice(header.as_bytes());
        let jpeg_end = multipart::HEAD_MAX + length;
        self.end = jpeg_end + multipart::TRAILER.len();
        self.bytes[jpeg_end..self.end].copy_from_slice(multipart::TRAILER);
    }
}

/// What both ends share.
#[derive(Debug, Default)]
struct Shared {
    /// Locked only to copy or replace the pointer.
    newest: Mutex<Option<Arc<Frame>>>,
    /// The number of the newest frame, so that a reader sees without the lock that there is nothing new.
    number: AtomicU64,
}

/// Makes a ring without memory for frames, which [`Writer::reserve`] gets; returns its two ends. Readers see what the
/// shutter lets them see.
pub fn split(shutter: Arc<Shutter>) -> (Writer, Reader) {
    let shared = Arc::<Shared>::default();
    let writer = Writer { shared: shared.clone(), slots: heapless::Vec::new(), capacity: 0 };
    (writer, Reader { shared, shutter })
}

/// The end of a ring that frames come out of.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
    shutter: Arc<Shutter>,
}

impl Reader {
    /// The newest frame's number; 0 while there is no frame.
    pub fn newest(&self) -> u64 {
        self.shared.number.load(Ordering::Acquire)
    }

    /// A share of the newest frame; `None` while there is no frame, or none that may be seen. A frame that comes meanwhile is just as good, so its
    /// number may be larger than [`Reader::newest`] said.
    pub fn frame(&self) -> Option<Arc<Frame>> {
        lock(&self.shared.newest).clone().filter(|frame| self.shutter.shows(&frame.meta))
    }
}

/// The end of a ring that frames go into. There is one for each ring, and it cannot be cloned.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    /// The one that was filled last is at the end.
    slots: heapless::Vec<Arc<Frame>, SLOTS>,
    /// The largest JPEG that a slot is made for, in bytes.
    capacity: usize,
}

impl Writer {
    /// Gets memory for JPEGs of up to `capacity` bytes, at most [`MAX_FRAME`]. The newest frame stays.
    ///
    /// # Errors
    /// When there is not enough memory for all slots. There is no memory for a new frame then.
    pub fn reserve(&mut self, capacity: usize) -> Result<(), NoMemory> {
        let capacity = capacity.min(MAX_FRAME);
        if capacity <= self.capacity {
            return Ok(());
        }
        self.slots.clear(); // frees their memory first
        self.capacity = capacity;
        let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
        for _ in 0..SLOTS {
            let Ok(slot) = Frame::empty(capacity, meta) else {
                self.slots.clear();
                self.capacity = 0;
                return Err(NoMemory);
            };
            let _ = self.slots.push(Arc::new(slot)); // there is room for as many
        }
        Ok(())
    }

    /// Gives the memory for further frames back. The newest frame stays until the next one.
    pub fn release(&mut self) {
        self.slots.clear();
        self.capacity = 0;
    }

    /// Has `fill` write a JPEG into a free slot and return its length in bytes, and makes it the newest frame. Returns
    /// its number.
    ///
    /// # Errors
    /// [`Unpublished::NoSlot`] when readers hold all slots and there is no memory for another, otherwise the error of
    /// `fill`. The newest frame stays.
    ///
    /// # Panics
    /// If `fill` returns more than the length of the slice that it got.
    pub fn publish<E>(
        &mut self,
        meta: Meta,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<u64, Unpublished<E>> {
        self.publish_dated(meta, None, fill)
    }

    /// The same for a frame of a recording, whose part header says that it was captured at `dated`.
    ///
    /// # Errors
    /// As [`Writer::publish`].
    pub fn publish_dated<E>(
        &mut self,
        meta: Meta,
        dated: Option<SystemTime>,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<u64, Unpublished<E>> {
        let (number, capacity) = (self.shared.number.load(Ordering::Relaxed) + 1, self.capacity);
        let slot = self.free_slot(meta).ok_or(Unpublished::NoSlot)?;
        let frame = Arc::get_mut(slot).ok_or(Unpublished::NoSlot)?;
        let jpeg = &mut frame.bytes[multipart::HEAD_MAX..multipart::HEAD_MAX + capacity];
        let length = fill(jpeg).map_err(Unpublished::Unfilled)?;
        assert!(length <= capacity, "a frame of {length} bytes in a slot for {capacity}");
        frame.seal(length, dated.unwrap_or_else(|| wall_clock(meta.captured)));
        (frame.number, frame.meta) = (number, meta);
        let newest = Some(slot.clone());
        let before = std::mem::replace(&mut *lock(&self.shared.newest), newest);
        self.shared.number.store(number, Ordering::Release);
        drop(before); // outside the lock
        Ok(number)
    }

    /// The slot that was filled last of those that no reader holds, since its memory is most likely still in the cache.
    /// A new one takes the place of the oldest if readers hold all; `None` if there is no memory for it.
    fn free_slot(&mut self, meta: Meta) -> Option<&mut Arc<Frame>> {
        // The newest frame is never free: `newest` holds it.
        let free = self.slots.iter_mut().rposition(|slot| Arc::get_mut(slot).is_some());
        let slot = match free {
            Some(index) => self.slots.remove(index),
            None => {
                let fresh = Arc::new(Frame::empty(self.capacity, meta).ok()?);
                if self.slots.is_full() {
                    self.slots.remove(0);
                }
                fresh
            }
        };
        self.slots.push(slot).ok()?;
        self.slots.last_mut()
    }
}

#[cfg(test)]
mod tests;
