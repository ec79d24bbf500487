//! Bytes of a Matroska file that holds one camera's JPEGs unchanged (RFC 9559 the elements, RFC 8794 how they are
//! written). Written by [`super::disk`] alone; touches no file itself.
//!
//! The muxer crates that there are either do other codecs only (webm), or hold whole elements with a frame's bytes in
//! memory of their own. What is needed here is little:
//!
//! - While it grows, the file is a head and then clusters of about a second, each whole when it is written; the length
//!   of all is "unknown" (RFC 8794 section 6.2). So a file that was cut off plays up to its last cluster.
//! - When it is closed, an index is put behind, and in the head, where room was kept, its place and the duration.

use std::time::{Duration, SystemTime};

use crate::picture::Size;

/// Element identifiers (RFC 9559 section 5, RFC 8794 section 11.2).
mod id {
    pub const EBML: u32 = 0x1A45_DFA3;
    pub const EBML_VERSION: u32 = 0x4286;
    pub const EBML_READ_VERSION: u32 = 0x42F7;
    pub const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
    pub const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
    pub const DOC_TYPE: u32 = 0x4282;
    pub const DOC_TYPE_VERSION: u32 = 0x4287;
    pub const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub const VOID: u32 = 0xEC;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114D_9B74;
    pub const SEEK: u32 = 0x4DBB;
    pub const SEEK_ID: u32 = 0x53AB;
    pub const SEEK_POSITION: u32 = 0x53AC;
    pub const INFO: u32 = 0x1549_A966;
    pub const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub const DURATION: u32 = 0x4489;
    pub const DATE_UTC: u32 = 0x4461;
    pub const MUXING_APP: u32 = 0x4D80;
    pub const WRITING_APP: u32 = 0x5741;
    pub const TRACKS: u32 = 0x1654_AE6B;
    pub const TRACK_ENTRY: u32 = 0xAE;
    pub const TRACK_NUMBER: u32 = 0xD7;
    pub const TRACK_UID: u32 = 0x73C5;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_LACING: u32 = 0x9C;
    pub const CODEC_ID: u32 = 0x86;
    pub const VIDEO: u32 = 0xE0;
    pub const PIXEL_WIDTH: u32 = 0xB0;
    pub const PIXEL_HEIGHT: u32 = 0xBA;
    pub const CLUSTER: u32 = 0x1F43_B675;
    pub const TIMESTAMP: u32 = 0xE7;
    pub const SIMPLE_BLOCK: u32 = 0xA3;
    pub const CUES: u32 = 0x1C53_BB6B;
    pub const CUE_POINT: u32 = 0xBB;
    pub const CUE_TIME: u32 = 0xB3;
    pub const CUE_TRACK_POSITIONS: u32 = 0xB7;
    pub const CUE_TRACK: u32 = 0xF7;
    pub const CUE_CLUSTER_POSITION: u32 = 0xF1;
}

/// Nanoseconds in a tick of all timestamps: milliseconds, what players expect.
const TIMESTAMP_SCALE: u64 = 1_000_000;

/// The number of the only track.
const TRACK: u8 = 1;

/// The longest time within a cluster, in ms: a block's timestamp is a signed 16-bit distance from its cluster's.
const CLUSTER_SPAN: u64 = i16::MAX as u64;

/// The largest JPEG that a block takes, in bytes: its size is written in four (RFC 8794 section 6).
const JPEG_MAX: usize = (1 << 28) - 2 - BLOCK_HEAD;

/// Track number, timestamp and flags before a block's frame (RFC 9559 section 10.2).
const BLOCK_HEAD: usize = 4;

fn put_id(out: &mut Vec<u8>, id: u32) {
    let bytes = id.to_be_bytes();
    out.extend_from_slice(&bytes[id.leading_zeros() as usize / 8..]);
}

/// A size in eight bytes, whatever it is, so that it can be put in later.
fn size8(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

/// A size that is not known: all ones.
const UNKNOWN: u64 = (1 << 56) - 1;

fn element(out: &mut Vec<u8>, id: u32, body: &[u8]) {
    put_id(out, id);
    match body.len() {
        // One byte has room up to 126; 127 would be "unknown".
        length @ ..127 => out.push(length as u8 | 0x80),
        length => out.extend_from_slice(&size8(length as u64)),
    }
    out.extend_from_slice(body);
}

/// An element of elements.
fn master(out: &mut Vec<u8>, id: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    element(out, id, &body);
}

fn number(out: &mut Vec<u8>, id: u32, value: u64) {
    let bytes = value.to_be_bytes();
    element(out, id, &bytes[(value.leading_zeros() as usize / 8).min(7)..]);
}

/// A number in eight bytes, whatever it is.
fn number8(out: &mut Vec<u8>, id: u32, value: u64) {
    element(out, id, &value.to_be_bytes());
}

/// Room for an element of `length` bytes with its head, to be written over it later.
fn room(out: &mut Vec<u8>, length: usize) {
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
    const ZERO: Duration = Duration::from_secs(978_307_200);
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    match at.duration_since(SystemTime::UNIX_EPOCH + ZERO) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

/// The beginning of a file, and where in it something is to be written when it is closed.
#[derive(Debug)]
pub struct Head {
    /// The bytes up to the first cluster.
    pub bytes: Vec<u8>,
    segment_size: usize,
    /// Where the segment's contents begin, from where places in it are counted.
    segment: usize,
    cues_seek: usize,
    date: usize,
    duration: usize,
}

impl Head {
    /// The beginning of a file with pictures of this size, of which the first was captured at `start`.
    pub fn new(size: Size, start: SystemTime) -> Self {
        let mut bytes = Vec::new();
        master(&mut bytes, id::EBML, |ebml| {
            number(ebml, id::EBML_VERSION, 1);
            number(ebml, id::EBML_READ_VERSION, 1);
            number(ebml, id::EBML_MAX_ID_LENGTH, 4);
            number(ebml, id::EBML_MAX_SIZE_LENGTH, 8);
            element(ebml, id::DOC_TYPE, b"matroska");
            number(ebml, id::DOC_TYPE_VERSION, 4);
            number(ebml, id::DOC_TYPE_READ_VERSION, 2); // SimpleBlock
        });
        put_id(&mut bytes, id::SEGMENT);
        let segment_size = bytes.len();
        bytes.extend_from_slice(&size8(UNKNOWN));
        let segment = bytes.len();

        // Places of what follows do not depend on them: they are written in eight bytes.
        let seek_head = |info: u64, tracks: u64| {
            let mut out = Vec::new();
            master(&mut out, id::SEEK_HEAD, |head| {
                head.extend(seek(id::INFO, info));
                head.extend(seek(id::TRACKS, tracks));
                room(head, seek(id::CUES, 0).len());
            });
            out
        };
        let seek_length = seek_head(0, 0).len();
        let mut info = Vec::new();
        let (mut date_in_info, mut duration_in_info) = (0, 0);
        master(&mut info, id::INFO, |info| {
            number(info, id::TIMESTAMP_SCALE, TIMESTAMP_SCALE);
            element(info, id::MUXING_APP, env!("CARGO_PKG_NAME").as_bytes());
            element(
                info,
                id::WRITING_APP,
                concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).as_bytes(),
            );
            element(info, id::DATE_UTC, &date(start).to_be_bytes());
            date_in_info = info.len() - 8;
            duration_in_info = info.len();
            room(info, duration(0).len());
        });
        // The contents are short: identifier of four bytes and size of one come before them.
        let contents = 5;
        bytes.extend(seek_head(seek_length as u64, (seek_length + info.len()) as u64));
        let cues_seek = bytes.len() - seek(id::CUES, 0).len();
        let date = bytes.len() + contents + date_in_info;
        let duration = bytes.len() + contents + duration_in_info;
        bytes.extend(info);
        master(&mut bytes, id::TRACKS, |tracks| {
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
        Self { bytes, segment_size, segment, cues_seek, date, duration }
    }

    /// What is to be put behind a file of `length` bytes that ends with a whole cluster, to close it.
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

    /// What is then written over the head: place in the file, and bytes. `index` is the place of the index, `length`
    /// that of the file with it.
    pub fn patches(&self, ms: u64, index: u64, length: u64) -> [(u64, Vec<u8>); 3] {
        let segment = self.segment as u64;
        [
            (self.duration as u64, duration(ms.max(1))),
            (self.cues_seek as u64, seek(id::CUES, index - segment)),
            (self.segment_size as u64, size8(length - segment).to_vec()),
        ]
    }

    /// What is written over the head when the time of the beginning turns out to be another one.
    pub fn redate(&self, start: SystemTime) -> (u64, Vec<u8>) {
        (self.date as u64, date(start).to_be_bytes().to_vec())
    }
}

/// An entry of the index: at `ms` the cluster at this place of the file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// Milliseconds from the beginning.
    pub ms: u64,
    /// Place in the file.
    pub at: u64,
}

/// Why a frame does not fit into a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The cluster must be ended before.
    Full,
    /// There is no memory for it, or it is larger than any block.
    TooLarge,
}

/// Some frames in a row.
#[derive(Debug)]
pub struct Cluster {
    bytes: Vec<u8>,
    /// When the first frame is, in ms on the recorder's timeline.
    start: u64,
}

/// Where a cluster's size is, and its timestamp.
const CLUSTER_SIZE: usize = 4;
const CLUSTER_TIME: usize = CLUSTER_SIZE + 8 + 2;

impl Cluster {
    /// An empty one, with `expected` bytes of room if memory allows, whose first frame will be at `start`.
    pub fn new(start: u64, expected: usize) -> Self {
        let mut bytes = Vec::new();
        let _ = bytes.try_reserve(expected); // frames make room for themselves
        put_id(&mut bytes, id::CLUSTER);
        bytes.extend_from_slice(&size8(0));
        number8(&mut bytes, id::TIMESTAMP, 0);
        Self { bytes, start }
    }

    /// Puts a frame behind those that are in it; `at` is no less than theirs.
    ///
    /// # Errors
    /// Leaves the cluster as it was.
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

    /// Milliseconds of the first frame.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Bytes so far.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes for a file that begins at `zero` on the same timeline.
    pub fn seal(&mut self, zero: u64) -> &[u8] {
        let size = (self.bytes.len() - CLUSTER_SIZE - 8) as u64;
        self.bytes[CLUSTER_SIZE..CLUSTER_SIZE + 8].copy_from_slice(&size8(size));
        let time = self.start.saturating_sub(zero);
        self.bytes[CLUSTER_TIME..CLUSTER_TIME + 8].copy_from_slice(&time.to_be_bytes());
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
