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
//! - A reader holds a slot only while its closure runs, which must not block. The writer never waits for a reader:
//!   it takes another slot, and drops the frame if none is free ([`Unpublished::Full`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Instant, SystemTime};

use bytemuck::allocation::try_zeroed_slice_box;

use crate::multipart;
use crate::picture::Size;
use crate::sync::write;
use crate::time::wall_clock;

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

/// A frame in its slot.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Counts the frames of this ring, from 1.
    pub number: u64,
    /// What is known about it.
    pub meta: Meta,
    part: &'a [u8],
    /// Length of the part header, in bytes.
    header: usize,
}

impl<'a> Stored<'a> {
    /// One whole part of a stream: part header, JPEG, and the boundary behind it.
    pub fn part(&self) -> &'a [u8] {
        self.part
    }

    /// Only the JPEG.
    pub fn jpeg(&self) -> &'a [u8] {
        &self.part[self.header..self.part.len() - multipart::TRAILER.len()]
    }
}

/// There is not enough memory for frames of the requested size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory;

/// Why a frame was not published.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpublished<E> {
    /// Readers hold every slot that could be written.
    Full,
    /// The closure that fills the slot failed.
    Unfilled(E),
}

/// Bytes of a slot that are not for the JPEG.
const OVERHEAD: usize = multipart::HEAD_MAX + multipart::TRAILER.len();

#[derive(Debug)]
struct Slot {
    /// Number of the frame in it; 0 while it is empty or half written.
    number: u64,
    meta: Option<Meta>,
    /// Space for the part header, then for the JPEG, then for the boundary.
    bytes: Box<[u8]>,
    /// Where the part starts and ends in `bytes`.
    start: usize,
    end: usize,
}

impl Slot {
    fn empty() -> Self {
        Self { number: 0, meta: None, bytes: vec![0; OVERHEAD].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The largest JPEG that fits, in bytes.
    fn capacity(&self) -> usize {
        self.bytes.len() - OVERHEAD
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

    fn stored(&self) -> Option<Stored<'_>> {
        Some(Stored {
            number: self.number,
            meta: self.meta?,
            part: &self.bytes[self.start..self.end],
            header: multipart::HEAD_MAX - self.start,
        })
    }
}

/// Which frame is the newest and where it is, in one word, so that a reader learns both in one atomic load: the frame's
/// number times [`SLOTS`], plus the index of its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Newest(u64);

impl Newest {
    /// No frame yet.
    const NONE: Newest = Newest(0);

    fn new(number: u64, slot: usize) -> Self {
        Self(number * SLOTS as u64 + slot as u64)
    }

    /// The frame's number, from 1; 0 while there is no frame.
    fn number(self) -> u64 {
        self.0 / SLOTS as u64
    }

    /// The index of its slot, below [`SLOTS`].
    fn slot(self) -> usize {
        (self.0 % SLOTS as u64) as usize
    }
}

/// What both ends share.
#[derive(Debug)]
struct Shared {
    slots: [RwLock<Slot>; SLOTS],
    /// A [`Newest`].
    newest: AtomicU64,
}

impl Shared {
    fn newest(&self) -> Newest {
        Newest(self.newest.load(Ordering::Acquire))
    }
}

/// Makes a ring without memory for frames, which [`Writer::reserve`] gets; returns its two ends.
pub fn split() -> (Writer, Reader) {
    let slots = std::array::from_fn(|_| RwLock::new(Slot::empty()));
    let shared = Arc::new(Shared { slots, newest: AtomicU64::new(Newest::NONE.0) });
    (Writer { shared: shared.clone() }, Reader { shared })
}

/// The end of a ring that frames come out of.
#[derive(Debug, Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    /// The newest frame's number; 0 while there is no frame.
    pub fn newest(&self) -> u64 {
        self.shared.newest().number()
    }

    /// Shows the newest frame to `read`, which must not block; `None` while there is no frame.
    pub fn with_newest<R>(&self, read: impl FnOnce(Stored<'_>) -> R) -> Option<R> {
        // A slot that is being written stops being the newest before long, so looking again finds another one.
        for _ in 0..SLOTS {
            let newest = self.shared.newest();
            if newest == Newest::NONE {
                return None;
            }
            let slot = match self.shared.slots[newest.slot()].try_read() {
                Ok(slot) => slot,
                Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            // A larger number is a newer frame that has taken this slot since: just as good.
            if slot.number >= newest.number() {
                return show(slot, read);
            }
        }
        None
    }
}

fn show<R>(slot: RwLockReadGuard<'_, Slot>, read: impl FnOnce(Stored<'_>) -> R) -> Option<R> {
    slot.stored().map(read)
}

/// The end of a ring that frames go into. There is one for each ring, and it cannot be cloned.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    /// Gets memory for JPEGs of up to `capacity` bytes, at most [`MAX_FRAME`]. Slots that are large enough stay as they
    /// are; the others lose their frame.
    ///
    /// # Errors
    /// When there is not enough memory for all slots. All of them are empty then, without memory for a frame.
    pub fn reserve(&mut self, capacity: usize) -> Result<(), NoMemory> {
        let capacity = capacity.min(MAX_FRAME);
        // This waits for readers, but they hold a slot for one non-blocking call, and no frames flow now.
        let grow = |slot: &RwLock<Slot>| {
            let mut slot = write(slot);
            if slot.capacity() < capacity {
                *slot = Slot::empty(); // frees its memory first
                slot.bytes = try_zeroed_slice_box(capacity + OVERHEAD).map_err(|()| NoMemory)?;
            }
            Ok(())
        };
        let grown = self.shared.slots.iter().try_for_each(grow);
        if grown.is_err() {
            self.shared.slots.iter().for_each(|slot| *write(slot) = Slot::empty());
        }
        grown
    }

    /// Has `fill` write a JPEG into a free slot and return its length in bytes, and makes it the newest frame. Returns
    /// its number.
    ///
    /// # Errors
    /// [`Unpublished::Full`] when readers hold all slots, otherwise the error of `fill`. The newest frame stays.
    ///
    /// # Panics
    /// If `fill` returns more than the length of the slice that it got.
    pub fn publish<E>(
        &mut self,
        meta: Meta,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<u64, Unpublished<E>> {
        let newest = self.shared.newest();
        let (index, mut slot) = self.free_slot(newest).ok_or(Unpublished::Full)?;
        slot.number = 0; // what follows may fail or panic, and nobody may read a half-written slot
        let capacity = slot.capacity();
        let jpeg = &mut slot.bytes[multipart::HEAD_MAX..multipart::HEAD_MAX + capacity];
        let length = fill(jpeg).map_err(Unpublished::Unfilled)?;
        assert!(length <= capacity, "a frame of {length} bytes in a slot for {capacity}");
        slot.seal(length, wall_clock(meta.captured));
        slot.meta = Some(meta);
        let number = newest.number() + 1;
        slot.number = number;
        drop(slot);
        self.shared.newest.store(Newest::new(number, index).0, Ordering::Release);
        Ok(number)
    }

    /// The oldest slot that no reader holds, and its index; never the newest frame's, since readers use that one.
    fn free_slot(&self, newest: Newest) -> Option<(usize, RwLockWriteGuard<'_, Slot>)> {
        (1..SLOTS).find_map(|step| {
            let index = (newest.slot() + step) % SLOTS;
            match self.shared.slots[index].try_write() {
                Ok(slot) => Some((index, slot)),
                Err(TryLockError::Poisoned(slot)) => Some((index, slot.into_inner())),
                Err(TryLockError::WouldBlock) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests;
