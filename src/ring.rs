//! The frames between one camera's thread and everybody who looks at them.
//!
//! A fixed number of slots, allocated when a camera is opened. One writer ([`crate::stream`]), any number of
//! readers ([`crate::fanout`]); the newest frame wins. What it promises:
//!
//! - A steady stream allocates nothing, and a frame is copied or encoded once, straight into its slot.
//! - The part header and the boundary of [`crate::multipart`] stand around the JPEG in the slot, so a frame
//!   goes to a viewer in one write.
//! - A reader holds a slot only for the length of its closure, which must not block. The writer never waits
//!   for a reader: it takes another slot, and drops the frame when there is none ([`Full`]).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Instant, SystemTime};

use bytemuck::allocation::try_zeroed_slice_box;

use crate::multipart;
use crate::picture::Size;
use crate::sync::write;

/// Slots of a ring: the newest, one being written, and two that readers may still hold.
pub const SLOTS: usize = 4;

/// The largest frame that a slot is made for, in bytes. Four slots of it stay untouched memory until frames
/// really are this large.
pub const MAX_FRAME: usize = 16 << 20;

/// What is known of a frame besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// When it was captured.
    pub captured: Instant,
    /// Its size in pixels.
    pub size: Size,
    /// It is the drawn card, not a picture of the camera.
    pub card: bool,
}

/// A frame in its slot.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Counts the frames of this ring, from 1.
    pub number: u64,
    /// What is known of it.
    pub meta: Meta,
    part: &'a [u8],
    head: usize,
}

impl<'a> Stored<'a> {
    /// One whole part of a stream: part header, JPEG, and the boundary behind it.
    pub fn part(&self) -> &'a [u8] {
        self.part
    }

    /// The JPEG alone.
    pub fn jpeg(&self) -> &'a [u8] {
        &self.part[self.head..self.part.len() - multipart::TRAILER.len()]
    }
}

/// All slots are held by readers; the frame is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// There is no memory for frames of the size that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMemory;

/// Why a frame was not published.
#[derive(Debug, PartialEq, Eq)]
pub enum Unpublished<E> {
    /// No slot was free.
    Full(Full),
    /// The closure that should have filled the slot failed.
    Unfilled(E),
}

/// Bytes of a slot around the JPEG's room.
const SLACK: usize = multipart::HEAD_MAX + multipart::TRAILER.len();

#[derive(Debug)]
struct Slot {
    /// 0 while empty or half written.
    number: u64,
    meta: Option<Meta>,
    /// Headroom for the part header, then room for the JPEG, then for the boundary.
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Slot {
    fn empty() -> Self {
        Self { number: 0, meta: None, bytes: vec![0; SLACK].into_boxed_slice(), start: 0, end: 0 }
    }

    fn room(&self) -> usize {
        self.bytes.len() - SLACK
    }

    /// Writes part header and boundary around the JPEG of `length` bytes.
    fn seal(&mut self, length: usize, taken: SystemTime) {
        let head = multipart::part_head(length, taken);
        self.start = multipart::HEAD_MAX - head.len();
        self.bytes[self.start..multipart::HEAD_MAX].copy_from_slice(head.as_bytes());
        let behind = multipart::HEAD_MAX + length;
        self.end = behind + multipart::TRAILER.len();
        self.bytes[behind..self.end].copy_from_slice(multipart::TRAILER);
    }

    fn stored(&self) -> Option<Stored<'_>> {
        Some(Stored {
            number: self.number,
            meta: self.meta?,
            part: &self.bytes[self.start..self.end],
            head: multipart::HEAD_MAX - self.start,
        })
    }
}

/// The frames of one camera.
#[derive(Debug)]
pub struct Ring {
    slots: [RwLock<Slot>; SLOTS],
    /// Number of the newest frame times [`SLOTS`], plus its slot; 0 while there is none.
    newest: AtomicU64,
}

impl Default for Ring {
    fn default() -> Self {
        Self::new()
    }
}

impl Ring {
    /// A ring without room; [`Writer::reserve`] makes room.
    pub fn new() -> Self {
        Self { slots: std::array::from_fn(|_| RwLock::new(Slot::empty())), newest: AtomicU64::new(0) }
    }

    /// The newest frame's number, 0 while there is none.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire) / SLOTS as u64
    }

    /// Shows the newest frame to `look`, which must not block; `None` while there is none.
    pub fn look<R>(&self, look: impl FnOnce(Stored<'_>) -> R) -> Option<R> {
        // A slot that is being written is never the newest for longer than it takes to load `newest` anew.
        for _ in 0..SLOTS {
            let newest = self.newest.load(Ordering::Acquire);
            if newest == 0 {
                return None;
            }
            let slot = match self.slots[(newest % SLOTS as u64) as usize].try_read() {
                Ok(slot) => slot,
                Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
                Err(TryLockError::WouldBlock) => continue,
            };
            // A larger number is a newer frame that took this slot meanwhile: as good.
            if slot.number >= newest / SLOTS as u64 {
                return read(slot, look);
            }
        }
        None
    }
}

fn read<R>(slot: RwLockReadGuard<'_, Slot>, look: impl FnOnce(Stored<'_>) -> R) -> Option<R> {
    slot.stored().map(look)
}

/// The one who writes into a ring. Not `Clone`: a ring has one writer at a time.
#[derive(Debug)]
pub struct Writer<'a> {
    ring: &'a Ring,
}

impl<'a> Writer<'a> {
    /// The writer of `ring`; the caller sees to it that there is no other.
    pub fn new(ring: &'a Ring) -> Self {
        Self { ring }
    }

    /// Makes room for JPEGs of up to `room` bytes, at most [`MAX_FRAME`]. Slots that are large enough stay.
    ///
    /// # Errors
    /// When there is no memory for all slots; then none of them has room, nor holds a frame.
    pub fn reserve(&mut self, room: usize) -> Result<(), NoMemory> {
        let room = room.min(MAX_FRAME);
        // Waits for readers, who hold a slot for one non-blocking call; frames do not flow now.
        let lock = |slot: &'a RwLock<Slot>| write(slot);
        let grow = |slot| {
            let mut slot = lock(slot);
            if slot.room() < room {
                *slot = Slot::empty(); // gives its memory back first
                slot.bytes = try_zeroed_slice_box(room + SLACK).map_err(|()| NoMemory)?;
            }
            Ok(())
        };
        let grown = self.ring.slots.iter().try_for_each(grow);
        if grown.is_err() {
            self.ring.slots.iter().for_each(|slot| *lock(slot) = Slot::empty());
        }
        grown
    }

    /// Lets `fill` write a JPEG into a free slot and say its length, and makes it the newest frame.
    ///
    /// # Errors
    /// [`Unpublished::Full`] when readers hold all slots, else what `fill` answers. The newest frame stays.
    pub fn publish<E>(
        &mut self,
        meta: Meta,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<u64, Unpublished<E>> {
        let newest = self.ring.newest.load(Ordering::Acquire);
        let (index, mut slot) = self.free_slot(newest).ok_or(Unpublished::Full(Full))?;
        slot.number = 0; // what follows may fail or panic: then nobody reads a half-written slot
        let room = slot.room();
        let jpeg = &mut slot.bytes[multipart::HEAD_MAX..multipart::HEAD_MAX + room];
        let length = fill(jpeg).map_err(Unpublished::Unfilled)?;
        assert!(length <= room, "a frame of {length} bytes was written into {room}");
        let now = SystemTime::now();
        slot.seal(length, now.checked_sub(meta.captured.elapsed()).unwrap_or(now));
        slot.meta = Some(meta);
        let number = newest / SLOTS as u64 + 1;
        slot.number = number;
        drop(slot);
        self.ring.newest.store(number * SLOTS as u64 + index, Ordering::Release);
        Ok(number)
    }

    /// The oldest slot that nobody reads; never the newest frame's, which readers go for.
    fn free_slot(&self, newest: u64) -> Option<(u64, RwLockWriteGuard<'a, Slot>)> {
        (1..SLOTS as u64).find_map(|step| {
            let index = (newest + step) % SLOTS as u64;
            match self.ring.slots[index as usize].try_write() {
                Ok(slot) => Some((index, slot)),
                Err(TryLockError::Poisoned(slot)) => Some((index, slot.into_inner())),
                Err(TryLockError::WouldBlock) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests;
