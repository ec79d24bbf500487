//! Finds the JPEGs in a stream of bytes that consists of JPEGs, one after the other.
//!
//! Used only by [`super::Pipe`], which reads into [`Splitter::spare`]. The end of a JPEG is found by walking its
//! markers (ITU T.81 B.1.1): over the segments of its head by their length, so that the EOI of a thumbnail in an EXIF
//! segment is ignored, and through the compressed scans up to EOI. So a frame is complete as soon as its last byte
//! arrives, not only with the first byte of the next one. What it promises:
//!
//! - The same frames come out however the bytes are split into reads.
//! - Garbage, half frames and frames without an end are lost, but seldom the frame behind them.
//! - Damage inside a scan costs that frame alone: only EOI, the next beginning, or a table or scan header of a possible
//!   length means anything there. Everything else that looks like a marker is [`Found::Damaged`].
//! - Memory stays below the cap plus two reads, and is released after a frame that was too large. Nothing is
//!   allocated while frames fit into the buffer.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::jpeg::marker;

/// The smallest slice for one read, in bytes: the capacity of a pipe on Linux (pipe(7)).
pub const READ: usize = 64 << 10;

/// The initial size of the buffer in bytes: enough for most cameras' pictures and one read.
const FIRST_BUFFER: usize = 256 << 10;

/// The beginning of a JPEG: SOI and the first byte of the next marker (B.2.1).
const BEGIN: [u8; 3] = [marker::PREFIX, marker::SOI, marker::PREFIX];

/// The most markers and fill bytes from SOI to the first SOS. Video has about ten; ICC profiles that are split into
/// segments make the most. This bounds the cost of a stream of false beginnings.
const MARKERS_MAX: u32 = 400;

/// How many bytes are kept of what belongs to no JPEG: enough to see what it is, and of a film what is in it.
pub const SAMPLE: usize = 1024;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A JPEG, complete or cut short by the next one; [`Splitter::frame`] returns it.
    Frame,
    /// A frame that is lost, since its head is no JPEG's, or its compressed data holds a marker that cannot be there.
    Damaged,
    /// A frame that is longer than the cap, and lost.
    TooLarge,
}

/// The part of a JPEG that the splitter is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside; it searches for the next beginning.
    Outside,
    /// Between segments before the first scan.
    Head {
        /// How many markers and segments were passed.
        segments: u32,
        /// Whether SOF was among them.
        sized: bool,
    },
    /// In the compressed data of a scan, or behind it; a picture may have several scans.
    Scan {
        /// Whether a marker was met that cannot be there.
        damaged: bool,
    },
}

/// The result of one step.
enum Step {
    /// Continue.
    On,
    /// More bytes are needed.
    Wait,
    /// The JPEG has this length in bytes.
    End { length: usize, damaged: bool },
    /// This is not a JPEG.
    Broken,
}

/// Finds JPEGs in a stream.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// The offset of the first byte that was neither handed out nor skipped; inside a JPEG its beginning.
    begin: usize,
    /// The offset behind the last byte that was read.
    end: usize,
    state: State,
    /// The next byte to examine, counted from `begin`; beyond `end` while a segment is incomplete.
    at: usize,
    /// The frame that was found last.
    frame: Range<usize>,
    /// The longest frame in bytes.
    cap: usize,
    /// Bytes since the last frame that belong to no JPEG.
    garbage: u64,
    /// The first of them.
    sample: heapless::Vec<u8, SAMPLE>,
    /// Whether bytes outside a JPEG are the rest of a frame that was too large.
    in_lost_frame: bool,
    search: memmem::Finder<'static>,
}

impl Splitter {
    /// Finds frames of at most `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self {
            buffer: vec![0; FIRST_BUFFER],
            begin: 0,
            end: 0,
            state: State::Outside,
            at: 0,
            frame: 0..0,
            cap,
            garbage: 0,
            sample: heapless::Vec::new(),
            in_lost_frame: false,
            search: memmem::Finder::new(&BEGIN),
        }
    }

    /// The slice to read the next bytes into, [`READ`] bytes or longer. Invalidates the last frame.
    pub fn spare(&mut self) -> &mut [u8] {
        self.frame = 0..0;
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        if self.buffer.len() - self.end < READ && self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if self.buffer.len() - self.end < READ {
            // A frame is kept up to the cap, so the buffer need not grow beyond that.
            let most = self.cap.max(self.end) + READ;
            self.buffer.resize(self.buffer.len().saturating_mul(2).min(most), 0);
        }
        &mut self.buffer[self.end..]
    }

    /// To be called after `bytes` bytes were read into [`Splitter::spare`].
    pub fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// The next frame in what was read; `None` if more must be read.
    pub fn advance(&mut self) -> Option<Found> {
        loop {
            if self.state == State::Outside && !self.enter() {
                return None;
            }
            match self.step() {
                Step::On => {}
                Step::Wait if self.at.max(self.end - self.begin) > self.cap => return Some(self.lose()),
                Step::Wait => return None,
                Step::End { length, .. } if length > self.cap => return Some(self.lose()),
                Step::End { length, damaged } => {
                    self.frame = self.begin..self.begin + length;
                    self.begin += length;
                    self.state = State::Outside;
                    self.garbage = 0;
                    if !damaged {
                        self.sample.clear(); // else it may tell what damages the frames
                    }
                    self.in_lost_frame = false;
                    return Some(if damaged { Found::Damaged } else { Found::Frame });
                }
                Step::Broken => {
                    let State::Head { segments, .. } = self.state else { continue };
                    // A wrong length may have skipped a good beginning, so the search continues behind SOI.
                    self.skip(2);
                    if segments > 0 && !self.in_lost_frame {
                        self.frame = 0..0;
                        return Some(Found::Damaged);
                    }
                }
            }
        }
    }

    /// The frame that was found last; empty after [`Splitter::spare`].
    pub fn frame(&self) -> &[u8] {
        self.buffer.get(self.frame.clone()).unwrap_or_default()
    }

    /// Bytes since the last frame that belong to no JPEG.
    pub fn garbage(&self) -> u64 {
        self.garbage
    }

    /// The first of these bytes, or of those since the last undamaged frame, at most [`SAMPLE`].
    pub fn sample(&self) -> &[u8] {
        &self.sample
    }

    /// Bytes of a JPEG that has begun and not ended.
    pub fn begun(&self) -> usize {
        if self.state == State::Outside { 0 } else { self.end - self.begin }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Moves to the next beginning; false if there is none yet.
    fn enter(&mut self) -> bool {
        match self.search.find(self.rest()) {
            Some(skipped) => {
                self.skip(skipped);
                self.state = State::Head { segments: 0, sized: false };
                self.at = 2;
                true
            }
            None => {
                // The last bytes may be the start of a beginning.
                let rest = self.rest();
                let kept = (1..BEGIN.len()).rev().find(|&n| rest.ends_with(&BEGIN[..n])).unwrap_or(0);
                self.skip(rest.len() - kept);
                false
            }
        }
    }

    /// Skips `bytes` bytes and gives up the JPEG that was begun.
    fn skip(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.begin);
        if !self.in_lost_frame {
            self.garbage = self.garbage.saturating_add(bytes as u64);
            let free = self.sample.capacity() - self.sample.len();
            let skipped = self.buffer.get(self.begin..self.begin + bytes.min(free));
            let _ = self.sample.extend_from_slice(skipped.unwrap_or_default()); // has space for them
        }
        self.begin += bytes;
        self.state = State::Outside;
    }

    /// Gives up a frame that is too large, and releases its memory.
    fn lose(&mut self) -> Found {
        self.in_lost_frame = true;
        self.skip(self.at);
        let rest = self.rest();
        let mut buffer = vec![0; FIRST_BUFFER.max(rest.len())];
        buffer[..rest.len()].copy_from_slice(rest);
        (self.begin, self.end) = (0, rest.len());
        self.buffer = buffer;
        self.frame = 0..0;
        Found::TooLarge
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::Scan { damaged } => self.step_in_scan(damaged),
            State::Outside | State::Head { .. } => self.step_in_head(),
        }
    }

    /// Steps over one marker behind the first SOS, and the data before it.
    fn step_in_scan(&mut self, damaged: bool) -> Step {
        let Some(bytes) = self.rest().get(self.at..) else { return Step::Wait };
        let Some(data) = memchr(marker::PREFIX, bytes) else {
            self.at = self.end - self.begin;
            return Step::Wait;
        };
        let bytes = &bytes[data..];
        let step = match bytes {
            [_] | [_, marker::SOI] => None,
            [_, marker::PREFIX, ..] => Some(1), // a fill byte
            [_, marker::STUFFED | marker::TEM | marker::RST0..=marker::RST7, ..] => Some(2),
            [_, marker::EOI, ..] => return Step::End { length: self.at + data + 2, damaged },
            // The next frame: this one was cut short.
            [_, marker::SOI, marker::PREFIX, ..] => return Step::End { length: self.at + data, damaged },
            _ => match table_or_scan_header(bytes) {
                // What is there of it may hold the next beginning already.
                Segment::Incomplete => match memmem::find(bytes.get(2..).unwrap_or_default(), &BEGIN) {
                    None => None,
                    Some(next) => return Step::End { length: self.at + data + 2 + next, damaged: true },
                },
                Segment::Impossible => {
                    self.state = State::Scan { damaged: true };
                    Some(2)
                }
                Segment::Of(length) => match memmem::find(&bytes[2..length + ACROSS], &BEGIN) {
                    None => Some(length),
                    Some(next) => return Step::End { length: self.at + data + 2 + next, damaged: true },
                },
            },
        };
        self.at += data + step.unwrap_or(0);
        if step.is_some() { Step::On } else { Step::Wait }
    }

    /// Steps over one marker before the first scan.
    fn step_in_head(&mut self) -> Step {
        let Some(bytes) = self.rest().get(self.at..) else { return Step::Wait };
        let (code, length) = match *bytes {
            [] | [marker::PREFIX] => return Step::Wait,
            [marker::PREFIX, code, ref rest @ ..] => {
                (code, rest.first_chunk().map(|field| u16::from_be_bytes(*field)))
            }
            _ => return Step::Broken,
        };
        if matches!(code, marker::STUFFED | marker::SOI | marker::EOI) {
            return Step::Broken;
        }
        let size = match (code, length) {
            (marker::PREFIX, _) => 1,
            (code, _) if !marker::has_segment(code) => 2,
            (_, None) => return Step::Wait,
            (code, Some(length)) if (2..=longest(code)).contains(&length) => 2 + usize::from(length),
            (_, Some(_)) => return Step::Broken,
        };
        let is_size = marker::is_frame_header(code);
        if let State::Head { segments, sized } = &mut self.state {
            *segments += 1;
            // A second SOF is the next frame's: this head was cut short. A scan has to have one.
            if *segments > MARKERS_MAX || (is_size && *sized) || (code == marker::SOS && !*sized) {
                return Step::Broken;
            }
            *sized |= is_size;
        }
        if code == marker::SOS {
            self.state = State::Scan { damaged: false };
        }
        self.at += size;
        Step::On
    }
}

/// The largest length that a segment of this kind says; it counts its own two bytes (B.1.1.4). A larger one is damage,
/// and would lead over the beginnings of the next frames.
fn longest(code: u8) -> u16 {
    match code {
        marker::DHT => 2 + 8 * (17 + 256), // two classes of four tables (B.2.4.2)
        marker::DQT => 2 + 4 * (1 + 128),  // four tables of 16 bits (B.2.4.1)
        marker::DAC => 2 + 8 * 2,          // as many as Huffman tables (B.2.4.3)
        marker::DRI | marker::DNL => 4,    // B.2.4.4, B.2.5
        marker::SOS => 6 + 2 * SCAN_COMPONENTS, // B.2.3
        code if marker::is_frame_header(code) => 8 + 3 * 255, // B.2.2
        marker::APP0..=marker::APP15 | marker::COM => u16::MAX,
        marker::JPG0..=marker::JPG13 => u16::MAX, // extensions of the standard
        _ => 0,                                   // reserved (table B.1)
    }
}

/// The most components of a scan (B.2.3).
const SCAN_COMPONENTS: u16 = 4;

/// How many bytes of a beginning may lie behind a segment that its first byte lies in. EOI at the least follows a
/// segment, so they are there by the frame's end.
const ACROSS: usize = BEGIN.len() - 1;

/// What stands at a marker inside a scan.
enum Segment {
    /// A segment that may be there, of this length with its marker. [`ACROSS`] more bytes are there.
    Of(usize),
    /// That cannot be said yet.
    Incomplete,
    /// Nothing that may be there.
    Impossible,
}

/// Looks at a marker behind a scan. A picture with several scans has tables and scan headers there (B.2.1).
/// Applications' segments and comments would be allowed as well, but are not found there in practice, and damage that
/// looks like one leads up to 64 KiB away.
fn table_or_scan_header(bytes: &[u8]) -> Segment {
    let &[_, code, ref rest @ ..] = bytes else { return Segment::Incomplete };
    if !matches!(code, marker::DHT | marker::DQT | marker::DAC | marker::DRI | marker::DNL | marker::SOS) {
        return Segment::Impossible;
    }
    let &[high, low, first, ..] = rest else { return Segment::Incomplete };
    let length = u16::from_be_bytes([high, low]);
    let is_possible = match code {
        // Class and number of the first table, and the length of one table at least.
        marker::DHT => length >= 2 + 17 && length <= longest(code) && first & 0xec == 0,
        marker::DQT => length >= 2 + 65 && length <= longest(code) && first & 0xec == 0,
        marker::DAC => (4..=longest(code)).contains(&length) && length % 2 == 0 && first & 0xec == 0,
        marker::SOS => {
            (1..=SCAN_COMPONENTS).contains(&u16::from(first)) && length == 6 + 2 * u16::from(first)
        }
        _ => length == longest(code), // DRI, DNL
    };
    match 2 + usize::from(length) {
        _ if !is_possible => Segment::Impossible,
        whole if whole + ACROSS > bytes.len() => Segment::Incomplete,
        whole => Segment::Of(whole),
    }
}

#[cfg(test)]
mod tests;
