//! The thread of one playback: finds the frames in the file, and publishes each when it is due.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};
use rustix::process::setpriority_process;

use super::clock::Clock;
use super::{Outcome, Playback, Playbacks};
use crate::host::inject;
use crate::host::log::bounded::{self, Subject};
use crate::host::log::camera_scope;
use crate::jpeg::encode::Encoder;
use crate::jpeg::transcode::Transcoder;
use crate::problem::{Text, text};
use crate::record;
use crate::record::matroska::read::{Block, ReadError, Reader};
use crate::ring::{Meta, NoMemory, Unpublished, Writer};

/// The nice value of the thread if it makes pictures smaller, so that the cameras come first (sched(7), "The nice value").
const NICE: i32 = 10;

/// The longest wait before it looks whether anybody still watches, or whether the file has grown.
const PATIENCE: Duration = Duration::from_millis(250);

/// Slots are made for JPEGs of a multiple of this many bytes, so that one frame that is a little larger than those before
/// needs no new ones.
const SLOT_STEP: usize = 256 << 10;

/// Frames one after another that cannot be shown, after which it ends.
const BAD_MAX: u32 = 100;

pub(super) struct Worker {
    playbacks: Arc<Playbacks>,
    playback: Arc<Playback>,
    writer: Writer,
    clock: Clock,
    transcoder: Option<Transcoder>,
    /// The JPEG that is made smaller.
    jpeg: Vec<u8>,
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
        let smaller = |variant: crate::variants::Variant| {
            Transcoder::new(variant.size, Encoder::in_bands(variant.quality, 1))
        };
        let transcoder = wishes.variant.map(smaller);
        Self { playbacks, playback, writer, clock, transcoder, jpeg: Vec::new(), shown: 0, bad: 0 }
    }

    /// Plays the recording until it ends or its viewer leaves.
    pub(super) fn run(mut self, folder: &Path) {
        let playback = self.playback.clone();
        let _listed = Listed { playbacks: self.playbacks.clone(), playback: playback.clone() };
        let name = &playback.order.name;
        let _scope = camera_scope(&name.camera);
        if self.transcoder.is_some() {
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
            let mut reader = Reader::open(record::open(folder, &playback.order.name)?)?;
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
        let shown = match self.transcoder {
            None => self.publish(reader, block, dated),
            Some(_) => self.publish_smaller(reader, block, dated),
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
            stop => stop,
        }
    }

    /// Publishes a frame as it is.
    fn publish(&mut self, reader: &Reader, block: &Block, dated: Option<SystemTime>) -> Result<(), Stop> {
        let length = block.length as usize;
        self.writer.reserve(length.next_multiple_of(SLOT_STEP)).map_err(no_memory)?;
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
    ) -> Result<(), Stop> {
        let Self { transcoder: Some(transcoder), writer, jpeg, .. } = self else { return Ok(()) };
        reader.read(block, jpeg)?;
        check(jpeg)?;
        let size = transcoder.decode(jpeg).map_err(|error| Stop::Bad(error.text()))?.size;
        writer.reserve(Transcoder::output_len(size).max(jpeg.len())).map_err(no_memory)?;
        let meta = Meta { captured: Instant::now(), size, card: false };
        let fill = |slot: &mut [u8]| transcoder.encode(jpeg, slot).map_err(|error| Stop::Bad(error.text()));
        published(writer.publish_dated(meta, dated, fill))
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
