//! What stands before the first cluster.

use std::time::{Duration, SystemTime};

use super::super::{DATE_ZERO, TIMESTAMP_SCALE, TRACK, id};
use super::ReadError;
use super::element::{ElementHead, elements, find, int, number};
use super::source::{Source, fill};
use crate::picture::Size;

/// The longest header; our own takes some hundred bytes.
const HEADER_MAX: usize = 4 << 10;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: Size,
    /// When the first frame was captured.
    pub(super) start: Option<SystemTime>,
    /// The time of the last frame, once the file is closed.
    pub(super) duration: Option<Duration>,
    /// Where the index is, once the file is closed.
    pub(super) index: Option<u64>,
    /// Where the segment's contents begin; positions in the index are counted from here.
    pub(super) segment: u64,
    /// Where the first cluster is, or will be.
    pub(super) clusters: u64,
}

impl Header {
    pub(super) fn read<S: Source>(source: &S) -> Result<Self, ReadError> {
        let mut bytes = vec![0; HEADER_MAX];
        let length = fill(source, &mut bytes, 0)?;
        bytes.truncate(length);
        if bytes.is_empty() {
            return Err(ReadError::Empty);
        }
        Self::parse(&bytes, source.length()?).ok_or(ReadError::Foreign)
    }

    /// Reads the beginning of a file of this length.
    fn parse(bytes: &[u8], length: u64) -> Option<Self> {
        let head = ElementHead::of(bytes).filter(|head| head.id == id::EBML)?;
        let end = head.length.checked_add(usize::try_from(head.size?).ok()?)?;
        if find(bytes.get(head.length..end)?, id::DOC_TYPE)? != b"matroska" {
            return None;
        }
        let head = ElementHead::of(&bytes[end..]).filter(|head| head.id == id::SEGMENT)?;
        let segment = end + head.length;
        // One that was closed and then cut is as one that was never closed.
        let is_closed = head.size.is_some_and(|size| size <= length.saturating_sub(segment as u64));
        let contents = bytes.get(segment..)?;
        let (mut size, mut info, mut index, mut at) = (None, None, None, 0);
        for (id, body) in elements(contents).take_while(|(id, _)| *id != id::CLUSTER) {
            match id {
                id::SEEK_HEAD => index = position_of(body, id::CUES),
                id::INFO => info = Some(body),
                id::TRACKS => size = Some(picture_size(body)?),
                _ => {}
            }
            at = body.as_ptr_range().end as usize - contents.as_ptr() as usize;
        }
        let (size, info) = (size?, info?);
        if number(info, id::TIMESTAMP_SCALE) != Some(TIMESTAMP_SCALE) {
            return None;
        }
        let segment = segment as u64;
        Some(Self {
            size,
            start: find(info, id::DATE_UTC).and_then(date),
            duration: find(info, id::DURATION).and_then(duration).filter(|_| is_closed),
            index: index.filter(|_| is_closed).and_then(|at| segment.checked_add(at)),
            segment,
            clusters: segment + at as u64,
        })
    }
}

/// Where a seek head says that this part is, in bytes from the segment's beginning.
fn position_of(seek_head: &[u8], part: u32) -> Option<u64> {
    let mut seeks = elements(seek_head).filter(|(id, _)| *id == id::SEEK);
    let seek =
        seeks.find(|(_, seek)| find(seek, id::SEEK_ID).is_some_and(|id| int(id) == u64::from(part)))?;
    number(seek.1, id::SEEK_POSITION)
}

/// The size of the only track's pictures; `None` if there is a track of another kind.
fn picture_size(tracks: &[u8]) -> Option<Size> {
    let mut entries = elements(tracks).filter(|(id, _)| *id == id::TRACK_ENTRY);
    let ((_, track), None) = (entries.next()?, entries.next()) else { return None };
    let is_ours = number(track, id::TRACK_NUMBER) == Some(TRACK.into())
        && find(track, id::CODEC_ID) == Some(b"V_MJPEG");
    let video = find(track, id::VIDEO).filter(|_| is_ours)?;
    let side = |id| number(video, id).and_then(|side| u32::try_from(side).ok());
    let size = Size { width: side(id::PIXEL_WIDTH)?, height: side(id::PIXEL_HEIGHT)? };
    Some(size).filter(|size| size.is_possible())
}

fn date(body: &[u8]) -> Option<SystemTime> {
    let after = i64::from_be_bytes(body.try_into().ok()?);
    let distance = Duration::from_nanos(after.unsigned_abs());
    let zero = SystemTime::UNIX_EPOCH + DATE_ZERO;
    if after < 0 { zero.checked_sub(distance) } else { zero.checked_add(distance) }
}

fn duration(body: &[u8]) -> Option<Duration> {
    let ms = f64::from_be_bytes(body.try_into().ok()?);
    Duration::try_from_secs_f64(ms / 1e3).ok()
}
