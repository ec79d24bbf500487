//! Finds the frames in a recording again. Called by threads that may wait for a disk.
//!
//! Only files that [`super::write`] made are understood, but in any state: whole, growing, cut off anywhere, damaged. What
//! it promises:
//!
//! - Whatever the bytes are, every call ends, reads a bounded part of the file, and takes little memory.
//! - Frames are found without reading their bytes. A seek uses the index; without one, it probes a few places for
//!   clusters.
//! - At the end of what there is, [`Reader::next_block`] gives `None`. If the file has grown, the next call goes on there.

mod element;
mod header;
mod seek;
mod source;

use std::fmt;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

use super::{BLOCK_HEAD, TRACK, id};
use crate::picture::Size;
use crate::problem::{Text, text};
use crate::ring::MAX_FRAME;
use element::int;
use header::Header;
pub use source::Source;
use source::fill;

/// Bytes before a cluster's blocks: identifier, a size of eight bytes, and its time.
const CLUSTER_HEAD: usize = 4 + 8 + 2 + 8;

/// Bytes before a block's frame.
const FRAME_HEAD: usize = 1 + 4 + BLOCK_HEAD;

/// The longest cluster; those of the recorder hold 2 MiB and at most one frame more.
const CLUSTER_MAX: u64 = 2 * MAX_FRAME as u64;

/// The latest time of a frame, in ms: more than a thousand years.
const TIME_MAX: u64 = 1 << 45;

/// Bytes that are read at once to find heads.
const PEEK: usize = 64;

/// Why a recording cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The system's error.
    Io(io::Error),
    /// There is nothing in the file.
    Empty,
    /// It is no recording of ours.
    Foreign,
    /// What stands at this position, in bytes, is not what was written there.
    Damaged(u64),
}

impl ReadError {
    /// What is wrong, in words.
    pub fn text(&self) -> Text {
        match self {
            Self::Io(error) => text!("the system does not read it: {}", Text::from(error)),
            Self::Empty => text!("it is empty"),
            Self::Foreign => text!("it is not a recording that this program made"),
            Self::Damaged(at) => text!("it is damaged at byte {}", *at),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One frame in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its time from the beginning of the recording, in whole milliseconds.
    pub at: Duration,
    /// Where its JPEG is in the file, in bytes.
    pub offset: u64,
    /// The JPEG's length in bytes, at most [`MAX_FRAME`].
    pub length: u32,
}

/// The head of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cluster {
    /// Where it begins and ends in the file.
    at: u64,
    end: u64,
    /// The time of its first frame, in ms.
    ms: u64,
}

/// Where the next block is looked for.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    /// The cluster that this is in; `None` before one.
    cluster: Option<Cluster>,
    /// The time of the block before it, in ms.
    ms: u64,
}

/// Reads a recording.
#[derive(Debug)]
pub struct Reader<S = File> {
    source: S,
    header: Header,
    place: Place,
    /// The file's length when it was last looked at.
    length: u64,
    /// Some bytes of the file, where they begin, and how many there are.
    peeked: ([u8; PEEK], u64, usize),
}

impl<S: Source> Reader<S> {
    /// Reads the header. The first block is the next one then.
    ///
    /// # Errors
    /// When it is not a recording of ours, or the system does not read it.
    pub fn open(source: S) -> Result<Self, ReadError> {
        let header = Header::read(&source)?;
        let length = source.length()?;
        let place = Place { at: header.clusters, cluster: None, ms: 0 };
        Ok(Self { source, header, place, length, peeked: ([0; PEEK], 0, 0) })
    }

    /// The size of its pictures.
    pub fn size(&self) -> Size {
        self.header.size
    }

    /// When its first frame was captured.
    pub fn start(&self) -> Option<SystemTime> {
        self.header.start
    }

    /// Whether the file was closed, so that it does not grow, before the reader opened it.
    pub fn is_closed(&self) -> bool {
        self.header.duration.is_some()
    }

    /// Where its bytes come from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The same, without the reader.
    pub fn into_source(self) -> S {
        self.source
    }

    /// The next block; `None` if there is none, or it is not whole yet.
    ///
    /// # Errors
    /// When something else is there, or the system does not read it.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        loop {
            match self.place.cluster.filter(|cluster| self.place.at < cluster.end) {
                Some(cluster) => return self.block(cluster),
                None if self.enter_cluster()? => {} // it holds a block
                None => return Ok(None),
            }
        }
    }

    /// Reads a block's JPEG into `into`, in place of what is there. The bytes may be anything.
    ///
    /// # Errors
    /// When there is not enough memory for it, or the system does not read all of it.
    pub fn read(&self, block: &Block, into: &mut Vec<u8>) -> Result<(), ReadError> {
        let length = (block.length as usize).min(MAX_FRAME);
        into.clear();
        into.try_reserve(length).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        into.resize(length, 0);
        self.read_into(block, into)
    }

    /// Reads as many bytes of a block's JPEG as `into` has. The bytes may be anything.
    ///
    /// # Errors
    /// When the system does not read all of them.
    pub fn read_into(&self, block: &Block, into: &mut [u8]) -> Result<(), ReadError> {
        if fill(&self.source, into, block.offset)? < into.len() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }

    /// Goes to the cluster that is the next; `false` if there is none.
    fn enter_cluster(&mut self) -> Result<bool, ReadError> {
        let at = self.place.at;
        if let Some(cluster) = self.cluster_at(at)?.filter(|cluster| cluster.ms >= self.place.ms) {
            self.place = Place { at: at + CLUSTER_HEAD as u64, cluster: Some(cluster), ms: cluster.ms };
            return Ok(true);
        }
        let head = self.peek(at, CLUSTER_HEAD)?;
        let is_index = head.starts_with(&id::CUES.to_be_bytes());
        // After a power cut, the end of a file may be zeros that were never written.
        let is_end = is_index || head.len() < CLUSTER_HEAD || head.iter().all(|byte| *byte == 0);
        self.peeked.2 = 0; // the next call looks again
        if is_end { Ok(false) } else { Err(ReadError::Damaged(at)) }
    }

    /// The cluster that begins at this position; `None` if none does.
    fn cluster_at(&mut self, at: u64) -> Result<Option<Cluster>, ReadError> {
        let head = self.peek(at, CLUSTER_HEAD)?;
        Ok(Cluster::parse(head, at))
    }

    fn block(&mut self, cluster: Cluster) -> Result<Option<Block>, ReadError> {
        let at = self.place.at;
        let head = self.peek(at, FRAME_HEAD)?;
        let Ok(head) = <[u8; FRAME_HEAD]>::try_from(head) else { return Ok(None) };
        let [own_id, a, b, c, d, track, high, low, flags] = head;
        let size = u32::from_be_bytes([a, b, c, d]) ^ 1 << 28;
        let ms = cluster.ms + u64::from(u16::from_be_bytes([high, low]));
        let length = size.saturating_sub(BLOCK_HEAD as u32);
        let offset = at + FRAME_HEAD as u64;
        let end = offset + u64::from(length);
        let is_block = u32::from(own_id) == id::SIMPLE_BLOCK
            && (BLOCK_HEAD as u32..=(MAX_FRAME + BLOCK_HEAD) as u32).contains(&size)
            && (track, flags) == (TRACK | 0x80, 0x80)
            && ms >= self.place.ms
            && end <= cluster.end;
        if !is_block {
            return Err(ReadError::Damaged(at));
        }
        if end > self.length {
            self.length = self.source.length()?;
            if end > self.length {
                return Ok(None);
            }
        }
        self.place = Place { at: end, cluster: Some(cluster), ms };
        Ok(Some(Block { at: Duration::from_millis(ms), offset, length }))
    }

    /// The bytes at this position, as many as `length` at most, and fewer at the end of the file.
    fn peek(&mut self, at: u64, length: usize) -> Result<&[u8], ReadError> {
        let (bytes, from, filled) = &mut self.peeked;
        let is_there = |skip: u64| skip <= PEEK as u64 && skip as usize + length <= *filled;
        if !at.checked_sub(*from).is_some_and(is_there) {
            (*from, *filled) = (at, 0); // if reading fails, there is nothing
            *filled = fill(&self.source, bytes, at)?;
        }
        let skip = (at - *from) as usize;
        let end = (*filled).min(skip + length);
        Ok(&bytes[skip.min(end)..end])
    }
}

impl Cluster {
    /// Reads the head of a cluster at this position.
    fn parse(head: &[u8], at: u64) -> Option<Self> {
        let head: &[u8; CLUSTER_HEAD] = head.get(..CLUSTER_HEAD)?.try_into().ok()?;
        let (own_id, rest) = head.split_at(4);
        let (size, rest) = rest.split_at(8);
        let (time_id, ms) = rest.split_at(2);
        let (size, ms) = (int(size) ^ 1 << 56, int(ms));
        let is_cluster = own_id == id::CLUSTER.to_be_bytes()
            && u32::from(time_id[0]) == id::TIMESTAMP
            && time_id[1] == 0x88; // eight bytes
        let least = (CLUSTER_HEAD - 4 - 8 + FRAME_HEAD) as u64;
        let is_plausible = (least..=CLUSTER_MAX).contains(&size) && ms <= TIME_MAX;
        let end = at.checked_add(4 + 8)?.checked_add(size)?;
        (is_cluster && is_plausible).then_some(Self { at, end, ms })
    }
}

#[cfg(test)]
mod tests;
