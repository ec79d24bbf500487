//! Finds the frames of a part of a recording: a few bytes are read of each.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::Part;
use super::movie::{Frames, Unfit};
use crate::picture::Size;
use crate::problem::Text;
use crate::record::matroska::read::{Block, ReadError, Reader};

/// The most time to find the frames, which on a memory card that was not read before takes up to a millisecond for each.
pub const WALK_TIME: Duration = Duration::from_secs(50);

/// How many frames are found before it is looked again whether to go on.
const CLOCK_FRAMES: usize = 64;

/// Why a part of a recording cannot be sent.
#[derive(Debug)]
pub(super) enum CutError {
    Unreadable(io::Error),
    /// It is no recording of ours, or damaged from the beginning.
    NotOurs(Text),
    /// There is no whole frame in it.
    NoFrame,
    /// The part begins behind the last frame, which is shown at this time.
    Behind {
        end_ms: u64,
    },
    Unfit(Unfit),
    /// It took longer than [`WALK_TIME`], or nobody waits for it any more.
    TooSlow,
}

impl From<ReadError> for CutError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Unreadable(error),
            ReadError::Empty => Self::NoFrame,
            error => Self::NotOurs(error.text()),
        }
    }
}

/// A part of a recording.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) frames: Frames,
    pub(super) size: Size,
    /// Until when the last frame is shown, in ms of the recording; `None` if it is the recording's last one.
    pub(super) end: Option<u64>,
}

/// The frames of this part, up to the first place that is damaged or not written yet.
///
/// # Errors
/// There are none, there are too many, the system does not read them in time, or nobody waits for them.
pub(super) fn read(file: File, part: Part, is_wanted: &dyn Fn() -> bool) -> Result<Cut, CutError> {
    let began = Instant::now();
    let mut reader = Reader::open(file)?;
    let size = reader.size();
    if part.from > 0 {
        reader.seek(Duration::from_millis(part.from))?;
    }
    let (mut frames, mut count, mut end) = (Frames::default(), 0usize, None);
    while let Some(block) = next(&mut reader, &frames)? {
        let ms = millis(&block);
        if let Some(to) = part.to.filter(|to| ms >= *to) {
            end = Some(to);
            break;
        }
        if count.is_multiple_of(CLOCK_FRAMES) && (began.elapsed() > WALK_TIME || !is_wanted()) {
            return Err(CutError::TooSlow);
        }
        frames.push(ms, block.offset, block.length).map_err(CutError::Unfit)?;
        count += 1;
    }
    if frames.is_empty() {
        return Err(CutError::NoFrame);
    }
    if count == 1 && end.is_none() && frames.last_ms() < part.from {
        return Err(CutError::Behind { end_ms: frames.last_ms() });
    }
    Ok(Cut { frames, size, end })
}

fn millis(block: &Block) -> u64 {
    u64::try_from(block.at.as_millis()).unwrap_or(u64::MAX)
}

/// The next frame. Behind others, damage is the end.
fn next(reader: &mut Reader, frames: &Frames) -> Result<Option<Block>, CutError> {
    match reader.next_block() {
        Ok(block) => Ok(block),
        Err(ReadError::Io(error)) => Err(CutError::Unreadable(error)),
        Err(_) if !frames.is_empty() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
