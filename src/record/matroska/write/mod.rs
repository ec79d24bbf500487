//! Makes the bytes of a file, as [`super`] describes it. Used by [`crate::record::disk`] only; it touches no file itself.

use std::time::SystemTime;

use super::{BLOCK_HEAD, DATE_ZERO, TIMESTAMP_SCALE, TRACK, UNKNOWN, id};
use crate::picture::Size;
use crate::time::nanos;

/// The longest cluster, in ms: a block's timestamp is a signed 16-bit distance from its cluster's.
const CLUSTER_SPAN: u64 = i16::MAX as u64;

/// The largest JPEG in a block, in bytes: its size is written in four bytes (RFC 8794 section 6).
const JPEG_MAX: usize = (1 << 28) - 2 - BLOCK_HEAD;

fn put_id(out: &mut Vec<u8>, id: u32) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(&bytes[id.leading_zeros() as usize / 8..]);
}

/// A size that always takes eight bytes, so that it can be overwritten later.
fn size8(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

fn element(out: &mut Vec<u8>, id: u32, body: &[u8]) {
    put_id(out, id);
    match body.len() {
        // One byte holds up to 126; 127 would mean "unknown".
        length @ ..127 => out.push(length as u8 | 0x80),
        length => out.extend_from_slice(&size8(length as u64)),
    }
    out.extend_from_slice(body);
}

/// An element that contains elements.
fn master(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    element(out, id, &body);
}

fn number(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    element(out, id, &bytes[(value.leading_zeros() as usize / 8).min(7)..]);
}

/// A number that always takes eight bytes.
fn number8(out: &mut Vec<u8>, id: u32, value: u64) {
    element(out, id, &value.to_be_bytes());
}

/// Space for an element of `length` bytes including its head, to be overwritten later.
fn placeholder(out: &mut Vec<u8>, length: usize) {
    element(out, id::VOID, &vec![0; length - 2]);
}

fn seek(id: u32, position: u64) -> Vec<u8> {
    let mut out = Vec::new();
    master(&mut out, id::SEEK, |seek| {
        element(seek, id::SEEK_ID, &id.to_be_bytes());
        number8(seek, id::SEEK_POSITION, position);
    });
    out
}

fn duration(ms: u64) -> Vec<u8> {
    let mut out = Vec::new();
    element(&mut out, id::DURATION, &(ms as f64).to_be_bytes());
    out
}

/// Nanoseconds from 2001-01-01 to `at` (RFC 8794 section 7.6).
fn date(at: SystemTime) -> i64 {
    let signed = |time| i64::try_from(nanos(time)).unwrap_or(i64::MAX);
    match at.duration_since(SystemTime::UNIX_EPOCH + DATE_ZERO) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

fn ebml_header() -> Vec<u8> {
    let mut out = Vec::new();
    master(&mut out, id::EBML, |ebml| {
        number(ebml, id::EBML_VERSION, 1);
        number(ebml, id::EBML_READ_VERSION, 1);
        number(ebml, id::EBML_MAX_ID_LENGTH, 4);
        number(ebml, id::EBML_MAX_SIZE_LENGTH, 8);
        element(ebml, id::DOC_TYPE, b"matroska");
        number(ebml, id::DOC_TYPE_VERSION, 4);
        number(ebml, id::DOC_TYPE_READ_VERSION, 2); // SimpleBlock
    });
    out
}

/// Where the other parts of a segment are; space for the position of the index comes last.
fn seek_head(info: u64, tracks: u64) -> Vec<u8> {
    let mut out = Vec::new();
    master(&mut out, id::SEEK_HEAD, |head| {
        head.extend(seek(id::INFO, info));
        head.extend(seek(id::TRACKS, tracks));
        placeholder(head, seek(id::CUES, 0).len());
    });
    out
}

/// The information about a whole segment, and the positions in it of the date and of the space for the duration.
struct Info {
    bytes: Vec<u8>,
    date: usize,
    duration: usize,
}

impl Info {
    fn new(start: SystemTime) -> Self {
        const WRITING_APP: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        let mut contents = Vec::new();
        number(&mut contents, id::TIMESTAMP_SCALE, TIMESTAMP_SCALE);
        element(&mut contents, id::MUXING_APP, env!("CARGO_PKG_NAME").as_bytes());
        element(&mut contents, id::WRITING_APP, WRITING_APP.as_bytes());
        element(&mut contents, id::DATE_UTC, &date(start).to_be_bytes());
        let date_end = contents.len();
        placeholder(&mut contents, duration(0).len());
        let mut bytes = Vec::new();
        element(&mut bytes, id::INFO, &contents);
        let before = bytes.len() - contents.len();
        Self { bytes, date: before + date_end - 8, duration: before + date_end }
    }
}

fn tracks(size: Size) -> Vec<u8> {
    let mut out = Vec::new();
    master(&mut out, id::TRACKS, |tracks| {
        master(tracks, id::TRACK_ENTRY, |track| {
            number(track, id::TRACK_NUMBER, TRACK.into());
            number(track, id::TRACK_UID, TRACK.into());
            number(track, id::TRACK_TYPE, 1); // video
            number(track, id::FLAG_LACING, 0);
            element(track, id::CODEC_ID, b"V_MJPEG");
            master(track, id::VIDEO, |video| {
                number(video, id::PIXEL_WIDTH, size.width.into());
                number(video, id::PIXEL_HEIGHT, size.height.into());
            });
        });
    });
    out
}

/// The beginning of a file, and the positions in it that are written again when the file is closed.
#[derive(Debug)]
pub struct FileHeader {
    /// The bytes up to the first cluster.
    pub bytes: Vec<u8>,
    segment_size: usize,
    /// Where the segment's contents begin; positions in the segment are counted from here.
    segment: usize,
    cues_seek: usize,
    date: usize,
    duration: usize,
}

impl FileHeader {
    /// The header of a file with pictures of this size, the first of which was captured at `start`.
    pub fn new(size: Size, start: SystemTime) -> Self {
        let mut bytes = ebml_header();
        put_id(&mut bytes, id::SEGMENT);
        let segment_size = bytes.len();
        bytes.extend_from_slice(&size8(UNKNOWN));
        let segment = bytes.len();
        let info = Info::new(start);
        // The length of the seek head does not depend on the positions in it: they are written in eight bytes.
        let seek_length = seek_head(0, 0).len();
        bytes.extend(seek_head(seek_length as u64, (seek_length + info.bytes.len()) as u64));
        let cues_seek = bytes.len() - seek(id::CUES, 0).len();
        let date = bytes.len() + info.date;
        let duration = bytes.len() + info.duration;
        bytes.extend(info.bytes);
        bytes.extend(tracks(size));
        Self { bytes, segment_size, segment, cues_seek, date, duration }
    }

    /// The index to append to a file that ends with a complete cluster.
    pub fn index(&self, cues: &[Cue]) -> Vec<u8> {
        let mut out = Vec::new();
        master(&mut out, id::CUES, |list| {
            for cue in cues {
                master(list, id::CUE_POINT, |point| {
                    number(point, id::CUE_TIME, cue.ms);
                    master(point, id::CUE_TRACK_POSITIONS, |places| {
                        number(places, id::CUE_TRACK, TRACK.into());
                        number(places, id::CUE_CLUSTER_POSITION, cue.at - self.segment as u64);
                    });
                });
            }
        });
        out
    }

    /// The parts of the header that are then overwritten, each as a position in the file and bytes. `ms` is the
    /// duration, `index` the position of the index, `length` the length of the file with it, in bytes.
    pub fn patches(&self, ms: u64, index: u64, length: u64) -> [(u64, Vec<u8>); 3] {
        let segment = self.segment as u64;
        [
            (self.duration as u64, duration(ms.max(1))),
            (self.cues_seek as u64, seek(id::CUES, index - segment)),
            (self.segment_size as u64, size8(length - segment).to_vec()),
        ]
    }

    /// The part of the header that is overwritten when the file turns out to begin at another time.
    pub fn date_patch(&self, start: SystemTime) -> (u64, Vec<u8>) {
        (self.date as u64, date(start).to_be_bytes().to_vec())
    }
}

/// An entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// When the cluster begins, in ms from the beginning of the file.
    pub ms: u64,
    /// Where the cluster begins in the file, in bytes.
    pub at: u64,
}

/// Why a frame does not fit into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It needs a new cluster.
    Full,
    /// There is not enough memory for it, or it is larger than any block.
    TooLarge,
}

/// Consecutive frames.
#[derive(Debug)]
pub struct Cluster {
    bytes: Vec<u8>,
    /// Time of the first frame on the recorder's timeline, in ms.
    start: u64,
}

/// Where a cluster's size and its timestamp are in its bytes.
const CLUSTER_SIZE: usize = 4;
const CLUSTER_TIME: usize = CLUSTER_SIZE + 8 + 2;

impl Cluster {
    /// An empty cluster whose first frame will be at `start` ms, with memory for `expected` bytes if there is enough.
    pub fn new(start: u64, expected: usize) -> Self {
        let mut bytes = Vec::new();
        let _ = bytes.try_reserve(expected); // each frame reserves its own
        put_id(&mut bytes, id::CLUSTER);
        bytes.extend_from_slice(&size8(0));
        number8(&mut bytes, id::TIMESTAMP, 0);
        Self { bytes, start }
    }

    /// Appends a frame at `at` ms, which is not before the frames that are in it.
    ///
    /// # Errors
    /// When the frame does not fit. The cluster is as before.
    pub fn push(&mut self, at: u64, jpeg: &[u8]) -> Result<(), Unfit> {
        let distance = at.saturating_sub(self.start);
        if distance > CLUSTER_SPAN {
            return Err(Unfit::Full);
        }
        let length = BLOCK_HEAD + jpeg.len();
        if jpeg.len() > JPEG_MAX || self.bytes.try_reserve(length + 5).is_err() {
            return Err(Unfit::TooLarge);
        }
        put_id(&mut self.bytes, id::SIMPLE_BLOCK);
        self.bytes.extend_from_slice(&(length as u32 | 1 << 28).to_be_bytes());
        self.bytes.push(TRACK | 0x80);
        self.bytes.extend_from_slice(&(distance as u16).to_be_bytes());
        self.bytes.push(0x80); // each frame is a key frame
        self.bytes.extend_from_slice(jpeg);
        Ok(())
    }

    /// Time of the first frame on the recorder's timeline, in ms.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Its length so far, in bytes.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The cluster's bytes, for a file that begins at `zero` ms on the same timeline.
    pub fn seal(&mut self, zero: u64) -> &[u8] {
        let size = (self.bytes.len() - CLUSTER_SIZE - 8) as u64;
        self.bytes[CLUSTER_SIZE..CLUSTER_SIZE + 8].copy_from_slice(&size8(size));
        let time = self.start.saturating_sub(zero);
        self.bytes[CLUSTER_TIME..CLUSTER_TIME + 8].copy_from_slice(&time.to_be_bytes());
        &self.bytes
    }
}

#[cfg(test)]
pub mod tests;
