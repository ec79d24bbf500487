//! The head of an MP4 or QuickTime file whose frames are JPEGs that lie in another file: everything up to the contents
//! of the last box, which are a part of that file, unchanged (ISO/IEC 14496-12 and the QuickTime File Format have the
//! boxes). Used by [`super`] only; it touches no file itself.
//!
//! Frames may have other bytes between them: each is a chunk of its own, so the tables say where each one is. All are
//! key frames, so there is no table of these.

use super::Format;
use crate::picture::Size;

/// The most frames of a file: their tables take 4 MB, and while they are made as much again.
pub const FRAMES_MAX: usize = 250_000;

/// Units of all times in a second.
const TIMESCALE: u32 = 1000;

/// How long the only frame of a file is shown, in ms.
const ALONE_MS: u32 = 40;

/// Seconds from 1904, from which these files count, to 1970.
const EPOCH: i64 = 2_082_844_800;

/// The number of the only track.
const TRACK: u32 = 1;

/// No turning: 1.0 and 1/2^30 in fixed-point numbers.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// Why frames do not fit into a file of these formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There are more than [`FRAMES_MAX`].
    TooMany,
    /// They take more than 4 GiB or 49 days, the times go back, or the frames overlap.
    TooLarge,
    /// There is not enough memory.
    NoMemory,
}

/// Frames, the first of which is shown at the beginning.
#[derive(Debug, Default)]
pub struct Frames {
    /// Where each begins, in bytes from the first one.
    offsets: Vec<u32>,
    /// The length of each, in bytes.
    lengths: Vec<u32>,
    /// Runs of frames that are shown equally long: how many, and how long, in ms. The last frame is in none of them.
    durations: Vec<(u32, u32)>,
    /// Where the first one is in its file.
    start: u64,
    /// When the last one is shown, in ms of the recording.
    last_ms: u64,
}

impl Frames {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// Where the first frame begins in its file, and how many bytes there are up to the end of the last one.
    pub fn part(&self) -> (u64, u64) {
        let last = self.offsets.last().zip(self.lengths.last());
        (self.start, last.map_or(0, |(offset, length)| u64::from(*offset) + u64::from(*length)))
    }

    /// When the last one is shown, in ms of the recording.
    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// Adds a frame that stands behind the others in its file: when it is shown, in ms, where it begins and how long it
    /// is, in bytes.
    ///
    /// # Errors
    /// It does not fit; what is there stays as it is.
    pub fn push(&mut self, ms: u64, offset: u64, length: u32) -> Result<(), Unfit> {
        if self.offsets.len() >= FRAMES_MAX {
            return Err(Unfit::TooMany);
        }
        if self.is_empty() {
            (self.start, self.last_ms) = (offset, ms);
        }
        let (start, end) = self.part();
        let relative = offset
            .checked_sub(start)
            .filter(|from| *from >= end && from + u64::from(length) < u32::MAX.into());
        let shown = ms.checked_sub(self.last_ms);
        let (Some(Ok(relative)), Some(Ok(shown))) = (relative.map(u32::try_from), shown.map(u32::try_from))
        else {
            return Err(Unfit::TooLarge);
        };
        let reserved =
            self.offsets.try_reserve(1).and(self.lengths.try_reserve(1)).and(self.durations.try_reserve(1));
        reserved.map_err(|_| Unfit::NoMemory)?;
        if !self.is_empty() {
            self.show_last_for(shown);
        }
        self.offsets.push(relative);
        self.lengths.push(length);
        self.last_ms = ms;
        Ok(())
    }

    fn show_last_for(&mut self, ms: u32) {
        match self.durations.last_mut() {
            Some((count, duration)) if *duration == ms => *count += 1,
            _ => self.durations.push((1, ms)),
        }
    }

    /// How long the last frame is shown: until `end`, in ms of the recording; if that is not known, as long as the one
    /// before it.
    fn last_duration(&self, end: Option<u64>) -> u32 {
        let until = end.and_then(|end| u32::try_from(end.checked_sub(self.last_ms)?).ok());
        until.or(self.durations.last().map(|run| run.1)).unwrap_or(ALONE_MS).max(1)
    }

    /// The bytes of the file before the frames, which end where [`Frames::part`] is to follow. The last frame is shown
    /// until `end`, in ms of the recording, if that is known. `captured`: when the first one was, in seconds since 1970.
    ///
    /// # Errors
    /// The file would be too large, or there is not enough memory.
    pub fn head(
        mut self,
        format: Format,
        size: Size,
        captured: i64,
        end: Option<u64>,
    ) -> Result<Vec<u8>, Unfit> {
        self.show_last_for(self.last_duration(end));
        let duration =
            self.durations.iter().map(|(count, ms)| u64::from(*count) * u64::from(*ms)).sum::<u64>();
        let duration = u32::try_from(duration).map_err(|_| Unfit::TooLarge)?;
        let tables = 8 * self.durations.len() + 4 * (self.lengths.len() + self.offsets.len());
        let mut out = Vec::new();
        out.try_reserve_exact(tables + 1024).map_err(|_| Unfit::NoMemory)?;
        file_type(&mut out, format);
        let movie = Movie { format, size, captured: created(captured), duration, frames: &self };
        in_box(&mut out, b"moov", |out| movie.fill(out));
        let length = 8 + self.part().1;
        let at = (out.len() + 8) as u64;
        let (Ok(length), Ok(at), Ok(_)) =
            (u32::try_from(length), u32::try_from(at), u32::try_from(at + length))
        else {
            return Err(Unfit::TooLarge);
        };
        // The offsets are the last bytes of the tables; where the frames begin is known only now.
        let offsets = out.len() - 4 * self.offsets.len();
        for (place, offset) in out[offsets..].chunks_exact_mut(4).zip(&self.offsets) {
            place.copy_from_slice(&(at + offset).to_be_bytes());
        }
        put(&mut out, &[length]);
        out.extend_from_slice(b"mdat");
        Ok(out)
    }
}

/// A moment as these files write it; 0 if they cannot.
fn created(captured: i64) -> u32 {
    captured.checked_add(EPOCH).and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0)
}

fn put(out: &mut Vec<u8>, numbers: &[u32]) {
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

/// A box: its length, its name, and what `fill` writes.
fn in_box(out: &mut Vec<u8>, name: &[u8; 4], fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    put(out, &[0]);
    out.extend_from_slice(name);
    fill(out);
    let length = (out.len() - at) as u32; // at most 4 MB
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// A box of numbers.
fn numbers(out: &mut Vec<u8>, name: &[u8; 4], values: &[u32]) {
    in_box(out, name, |out| put(out, values));
}

fn file_type(out: &mut Vec<u8>, format: Format) {
    let brands: &[u8] = match format {
        Format::Mp4 => b"isom\0\0\x02\0isommp41",
        Format::Mov => b"qt  \0\0\x02\0qt  ",
    };
    in_box(out, b"ftyp", |out| out.extend_from_slice(brands));
}

/// What the boxes say.
struct Movie<'a> {
    format: Format,
    size: Size,
    /// In seconds since 1904.
    captured: u32,
    /// In ms.
    duration: u32,
    frames: &'a Frames,
}

impl Movie<'_> {
    fn fill(&self, out: &mut Vec<u8>) {
        in_box(out, b"mvhd", |out| {
            // Speed 1.0, volume 1.0.
            put(
                out,
                &[0, self.captured, self.captured, TIMESCALE, self.duration, 0x1_0000, 0x100_0000, 0, 0],
            );
            put(out, &MATRIX);
            put(out, &[0, 0, 0, 0, 0, 0, TRACK + 1]);
        });
        in_box(out, b"trak", |out| {
            in_box(out, b"tkhd", |out| {
                // Flags: enabled, in the film, in the preview.
                put(out, &[7, self.captured, self.captured, TRACK, 0, self.duration, 0, 0, 0, 0]);
                put(out, &MATRIX);
                put(out, &[self.size.width << 16, self.size.height << 16]);
            });
            in_box(out, b"mdia", |out| self.media(out));
        });
    }

    fn media(&self, out: &mut Vec<u8>) {
        const UNDETERMINED: u32 = 0x55C4_0000; // the language "und", in three times five bits
        numbers(out, b"mdhd", &[0, self.captured, self.captured, TIMESCALE, self.duration, UNDETERMINED]);
        // In QuickTime files the kind of handler comes first, and a name is counted; in others a zero ends it.
        let kind = match self.format {
            Format::Mp4 => [0; 4],
            Format::Mov => *b"mhlr",
        };
        in_box(out, b"hdlr", |out| {
            put(out, &[0]);
            out.extend_from_slice(&kind);
            out.extend_from_slice(b"vide");
            put(out, &[0, 0, 0]);
            out.push(0);
        });
        in_box(out, b"minf", |out| {
            numbers(out, b"vmhd", &[1, 0, 0]);
            if self.format == Format::Mov {
                in_box(out, b"hdlr", |out| {
                    put(out, &[0]);
                    out.extend_from_slice(b"dhlrurl ");
                    put(out, &[0, 0, 0]);
                    out.push(0);
                });
            }
            in_box(out, b"dinf", |out| {
                in_box(out, b"dref", |out| {
                    put(out, &[0, 1]);
                    numbers(out, b"url ", &[1]); // the frames are in this file
                });
            });
            in_box(out, b"stbl", |out| self.tables(out));
        });
    }

    fn tables(&self, out: &mut Vec<u8>) {
        let Frames { offsets, lengths, durations, .. } = self.frames;
        let count = offsets.len() as u32; // at most FRAMES_MAX
        in_box(out, b"stsd", |out| {
            put(out, &[0, 1]);
            self.description(out);
        });
        in_box(out, b"stts", |out| {
            put(out, &[0, durations.len() as u32]);
            durations.iter().for_each(|(count, ms)| put(out, &[*count, *ms]));
        });
        numbers(out, b"stsc", &[0, 1, 1, 1, 1]); // one frame in each chunk
        in_box(out, b"stsz", |out| {
            put(out, &[0, 0, count]);
            put(out, lengths);
        });
        in_box(out, b"stco", |out| {
            put(out, &[0, count]);
            put(out, offsets);
        });
    }

    /// What the frames are.
    fn description(&self, out: &mut Vec<u8>) {
        const DPI: u32 = 72 << 16;
        let (name, in_words) = match self.format {
            Format::Mp4 => (b"mp4v", ""),
            Format::Mov => (b"jpeg", "Photo - JPEG"),
        };
        in_box(out, name, |out| {
            put(out, &[0, 1, 0, 0, 0, 0]); // the first entry of "dref"
            put(out, &[self.size.width << 16 | self.size.height & 0xFFFF, DPI, DPI, 0]);
            out.extend_from_slice(&[0, 1]); // frames in a sample
            out.push(in_words.len() as u8);
            out.extend_from_slice(in_words.as_bytes());
            out.resize(out.len() + 31 - in_words.len(), 0);
            out.extend_from_slice(&[0, 24, 0xFF, 0xFF]); // colours, from no table
            if self.format == Format::Mp4 {
                in_box(out, b"esds", |out| self.stream(out));
            }
        });
    }

    /// The kind of stream as MPEG-4 says it (ISO/IEC 14496-1 sections 7.2.6 and 10.2.3).
    fn stream(&self, out: &mut Vec<u8>) {
        const JPEG: u8 = 0x6C;
        const VISUAL: u8 = 4 << 2 | 1;
        let largest = self.frames.lengths.iter().copied().max().unwrap_or(0).min(0xFF_FFFF);
        let rate = 8 * self.frames.part().1 * u64::from(TIMESCALE) / u64::from(self.duration.max(1));
        let rate = u32::try_from(rate).unwrap_or(u32::MAX);
        put(out, &[0]);
        out.extend_from_slice(&[3, 21, 0, TRACK as u8, 0]); // the stream and its number
        out.extend_from_slice(&[4, 13, JPEG, VISUAL]); // how to decode it
        out.extend_from_slice(&largest.to_be_bytes()[1..]);
        put(out, &[rate, rate]);
        out.extend_from_slice(&[6, 1, 2]); // as in an MP4 file
    }
}

#[cfg(test)]
pub(super) mod tests;
