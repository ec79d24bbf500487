//! The thread of one playback: finds the frames in the file, and publishes each when it is due.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};
use rustix::process::setpriority_process;

use super::budget::{NoShare, Share};
use super::clock::Clock;
use super::smaller::{NotSmaller, TURN_TIME};
use super::{Outcome, PICTURES_BYTES, Playback, Playbacks};
use crate::host::inject;
use crate::host::log::bounded::{self, Subject};
use crate::host::log::camera_scope;
use crate::problem::{Text, text};
use crate::record::matroska::read::{Block, ReadError, Reader};
use crate::ring::{Meta, NoMemory, SLOTS, Unpublished, Writer};
use crate::variants::Variant;

/// The nice value of the thread if it makes pictures smaller, so that the cameras come first (sched(7), "The nice value").
const NICE: i32 = 10;

/// The longest wait before it looks whether anybody still watches, or whether the file has grown.
const PATIENCE: Duration = Duration::from_millis(250);

/// Slots are made for JPEGs of a multiple of this many bytes, so that one frame that is a little larger than those before
/// needs no new ones.
pub(super) const SLOT_STEP: usize = 256 << 10;

/// Frames one after another that cannot be shown, after which it ends.
const BAD_MAX: u32 = 100;

pub(super) struct Worker {
    playbacks: Arc<Playbacks>,
    playback: Arc<Playback>,
    writer: Writer,
    clock: Clock,
    /// The memory for what follows.
    share: Share,
    /// The largest JPEG that a slot of the ring is made for.
    slot: usize,
    /// The JPEG that is made smaller, and the room for it.
    jpeg: Vec<u8>,
    room: usize,
    shown: u64,
    /// Frames since the last one that was shown that could not be.
    bad: u32,
}

/// Takes the playback off the list when the thread ends, however it does.
struct Listed {
    playbacks: Arc<Playbacks>,
    playback: Arc<Playback>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.playbacks.remove(&self.playback);
    }
}

/// Why a playback does not go on.
enum Stop {
    /// The file ends here.
    End,
    /// Nobody watches any more.
    Left,
    /// The file cannot be read.
    Unreadable(ReadError),
    /// Its pictures cannot be shown.
    Bad(Text),
    /// They cannot be shown now, since others have the memory.
    Busy,
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Unreadable(error)
    }
}

impl Worker {
    pub(super) fn new(playbacks: Arc<Playbacks>, playback: Arc<Playback>, writer: Writer) -> Self {
        let wishes = &playback.wishes;
        let clock = Clock::new(playback.order.speed, wishes.fps);
        let share = playbacks.pictures.nothing();
        let jpeg = Vec::new();
        Self { playbacks, playback, writer, clock, share, slot: 0, jpeg, room: 0, shown: 0, bad: 0 }
    }

    /// Plays the recording until it ends or its viewer leaves.
    pub(super) fn run(mut self, folder: &Path) {
        let playback = self.playback.clone();
        let _listed = Listed { playbacks: self.playbacks.clone(), playback: playback.clone() };
        let name = &playback.order.name;
        let _scope = camera_scope(&name.camera);
        if playback.wishes.variant.is_some() {
            // On Linux this affects the calling thread only (setpriority(2), "C library/kernel differences"). If it is
            // refused, this thread runs at the usual priority.
            let _ = setpriority_process(None, NICE);
        }
        let why = match self.play(folder) {
            Stop::End if self.shown > 0 => return,
            Stop::Left => return,
            Stop::End if self.bad > 0 => damaged(),
            Stop::End => text!("it has no picture yet"),
            Stop::Unreadable(error) => error.text(),
            Stop::Bad(why) => why,
            Stop::Busy => return playback.end(Outcome::Busy),
        };
        if bounded::may_log(Subject::Playbacks, &name.camera) {
            match self.shown {
                0 => warn!("cannot play recording {name}: {why}"),
                _ => info!("recording {name} was played as far as it can be: {why}"),
            }
        }
        if self.shown == 0 {
            playback.end(Outcome::Unplayable(why));
        }
    }

    fn play(&mut self, folder: &Path) -> Stop {
        inject::panic_at("play");
        let playback = self.playback.clone();
        let open = |folder| -> Result<Reader, ReadError> {
            let mut reader = Reader::open((self.playbacks.open)(folder, &playback.order.name)?)?;
            reader.seek(Duration::from_millis(playback.order.start_ms))?;
            Ok(reader)
        };
        match open(folder) {
            Err(error) => Stop::Unreadable(error),
            Ok(mut reader) => loop {
                if let Err(stop) = self.advance(&mut reader) {
                    return stop;
                }
            },
        }
    }

    /// Shows the next frame, or waits for it.
    fn advance(&mut self, reader: &mut Reader) -> Result<(), Stop> {
        // Asked before the file is read: what is written after that is not missed.
        let grows = self.playbacks.recordings.is_being_written(&self.playback.order.name);
        let Some(block) = reader.next_block()? else {
            if !grows || self.shown == 0 {
                return Err(Stop::End);
            }
            return self.wait_until(Instant::now() + PATIENCE);
        };
        match self.clock.due(block.at, Instant::now()) {
            Some(due) => self.wait_until(due)?,
            None => return Ok(()),
        }
        self.show(reader, &block)
    }

    /// Waits, unless nobody watches any more.
    fn wait_until(&self, due: Instant) -> Result<(), Stop> {
        loop {
            if self.playback.is_over() || !self.playback.feed.is_wanted() {
                return Err(Stop::Left);
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::park_timeout(left.min(PATIENCE));
        }
    }

    /// Publishes a frame. One that cannot be shown is left out, but not too many of them.
    fn show(&mut self, reader: &Reader, block: &Block) -> Result<(), Stop> {
        let dated = reader.start().and_then(|start| start.checked_add(block.at));
        let shown = match self.playback.wishes.variant {
            None => self.publish(reader, block, dated),
            Some(variant) => self.publish_smaller(reader, block, dated, variant),
        };
        match shown {
            Ok(()) => {
                (self.shown, self.bad) = (self.shown + 1, 0);
                (self.playbacks.wake)();
                Ok(())
            }
            Err(Stop::Bad(why)) => {
                self.bad += 1;
                if self.bad >= BAD_MAX { Err(Stop::Bad(why)) } else { Ok(()) }
            }
            // Later ones may have their turn.
            Err(Stop::Busy) if self.shown > 0 => Ok(()),
            stop => stop,
        }
    }

    /// Gets memory for a JPEG of so many bytes in the ring, and for one that is made smaller.
    fn reserve(&mut self, slot: usize, room: usize) -> Result<(), Stop> {
        let slot = slot.next_multiple_of(SLOT_STEP).max(self.slot);
        let room = room.next_multiple_of(SLOT_STEP).max(self.room);
        self.share.resize(SLOTS * slot + room).map_err(|none| match none {
            NoShare::Busy => Stop::Busy,
            NoShare::TooLarge => {
                Stop::Bad(text!("its pictures take more than {} MiB of memory", PICTURES_BYTES >> 20))
            }
        })?;
        (self.slot, self.room) = (slot, room);
        self.writer.reserve(slot).map_err(no_memory)
    }

    /// Publishes a frame as it is.
    fn publish(&mut self, reader: &Reader, block: &Block, dated: Option<SystemTime>) -> Result<(), Stop> {
        let length = block.length as usize;
        self.reserve(length, 0)?;
        let meta = Meta { captured: Instant::now(), size: reader.size(), card: false };
        let fill = |slot: &mut [u8]| {
            let jpeg = slot.get_mut(..length).ok_or_else(|| no_memory(NoMemory))?;
            reader.read_into(block, jpeg)?;
            check(jpeg)?;
            Ok(length)
        };
        published(self.writer.publish_dated(meta, dated, fill))
    }

    /// Publishes a frame smaller.
    fn publish_smaller(
        &mut self,
        reader: &Reader,
        block: &Block,
        dated: Option<SystemTime>,
        variant: Variant,
    ) -> Result<(), Stop> {
        self.reserve(0, block.length as usize)?;
        reader.read(block, &mut self.jpeg)?;
        check(&self.jpeg)?;
        let is_watched = || !self.playback.is_over() && self.playback.feed.is_wanted();
        let made = self.playbacks.smaller.make(&self.jpeg, variant, TURN_TIME, &is_watched);
        let (bytes, size) = made.map_err(|why| match why {
            NotSmaller::Busy => Stop::Busy,
            why => Stop::Bad(why.text()),
        })?;
        self.reserve(bytes.len(), 0)?;
        let meta = Meta { captured: Instant::now(), size, card: false };
        let fill = |slot: &mut [u8]| {
            slot.get_mut(..bytes.len()).ok_or_else(|| no_memory(NoMemory))?.copy_from_slice(&bytes);
            Ok(bytes.len())
        };
        published(self.writer.publish_dated(meta, dated, fill))
    }
}

/// Checks that these are the bytes of a JPEG: a disk may have lost what was between the heads of frames.
fn check(jpeg: &[u8]) -> Result<(), Stop> {
    let is_jpeg = jpeg.starts_with(&[0xFF, 0xD8]) && jpeg.ends_with(&[0xFF, 0xD9]);
    if is_jpeg { Ok(()) } else { Err(Stop::Bad(damaged())) }
}

fn damaged() -> Text {
    text!("its pictures are damaged")
}

fn no_memory(_: NoMemory) -> Stop {
    Stop::Bad(text!("there is not enough memory for its pictures"))
}

fn published(done: Result<u64, Unpublished<Stop>>) -> Result<(), Stop> {
    match done {
        // A viewer that holds all frames gets a later one.
        Ok(_) | Err(Unpublished::NoSlot) => Ok(()),
        Err(Unpublished::Unfilled(stop)) => Err(stop),
    }
}
