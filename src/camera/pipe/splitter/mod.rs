//! Finds the JPEGs in a stream of bytes that consists of JPEGs, one after the other.
//!
//! Used only by [`super::Pipe`], which reads into [`Splitter::spare`]. The end of a JPEG is found by walking its
//! markers (ITU T.81 B.1.1): over segments by their length, so that the EOI of a thumbnail in an EXIF segment is
//! ignored, and through the compressed scan up to EOI. So a frame is complete as soon as its last byte arrives, not
//! only with the first byte of the next one. What it promises:
//!
//! - The same frames come out however the bytes are split into reads.
//! - Garbage, half frames and frames without an end are lost, but seldom the frame behind them.
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

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A JPEG, complete or cut short by the next one; [`Splitter::frame`] returns it.
    Frame,
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
        /// How many markers were passed.
        markers: u32,
        /// Whether SOF was among them.
        sized: bool,
    },
    /// In the compressed data of a scan.
    Scan,
    /// Between segments behind a scan; a picture may have several scans.
    Between,
}

/// The result of one step.
enum Step {
    /// Continue.
    On,
    /// More bytes are needed.
    Wait,
    /// The JPEG has this length in bytes.
    End(usize),
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
            in_lost_frame: false,
            search: memmem::Finder::new(&BEGIN),
        }
    }

    /// Changes the length of the longest frame, in bytes.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
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
                Step::End(length) if length > self.cap => return Some(self.lose()),
                Step::End(length) => {
                    self.frame = self.begin..self.begin + length;
                    self.begin += length;
                    self.state = State::Outside;
                    self.garbage = 0;
                    self.in_lost_frame = false;
                    return Some(Found::Frame);
                }
                Step::Broken => {
                    // In the head, a wrong length may have skipped a good beginning, so the search continues behind
                    // SOI. Later it does not: the head was complete, and an attacker could make it expensive to search
                    // all the data twice.
                    let skip = if matches!(self.state, State::Head { .. }) { 2 } else { self.at };
                    self.skip(skip);
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

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    /// Moves to the next beginning; false if there is none yet.
    fn enter(&mut self) -> bool {
        match self.search.find(self.rest()) {
            Some(skipped) => {
                self.skip(skipped);
                self.state = State::Head { markers: 0, sized: false };
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
        self.begin += bytes;
        if !self.in_lost_frame {
            self.garbage = self.garbage.saturating_add(bytes as u64);
        }
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
        let Some(bytes) = self.rest().get(self.at..) else { return Step::Wait };
        match self.state {
            State::Scan => {
                let Some(offset) = memchr(marker::PREFIX, bytes) else {
                    self.at = self.end - self.begin;
                    return Step::Wait;
                };
                let code = bytes.get(offset + 1).copied();
                self.at += offset;
                match code {
                    None => return Step::Wait,
                    Some(marker::PREFIX) => self.at += 1, // a fill byte
                    Some(marker::STUFFED | marker::TEM | marker::RST0..=marker::RST7) => self.at += 2,
                    Some(marker::SOI) => return Step::End(self.at), // the next frame: this one was cut short
                    Some(_) => self.state = State::Between,
                }
                Step::On
            }
            _ => self.marker(),
        }
    }

    /// Steps over one marker between segments.
    fn marker(&mut self) -> Step {
        let Some(bytes) = self.rest().get(self.at..) else { return Step::Wait };
        let (code, length) = match *bytes {
            [] | [marker::PREFIX] => return Step::Wait,
            [marker::PREFIX, code, ref rest @ ..] => {
                (code, rest.first_chunk().map(|field| u16::from_be_bytes(*field)))
            }
            _ => return Step::Broken,
        };
        let behind = !matches!(self.state, State::Head { .. });
        match code {
            marker::EOI if behind => return Step::End(self.at + 2),
            marker::SOI if behind => return Step::End(self.at),
            marker::STUFFED | marker::SOI | marker::EOI => return Step::Broken,
            _ => {}
        }
        let size = match (code, length) {
            (marker::PREFIX, _) => 1,
            (code, _) if !marker::has_segment(code) => 2,
            (_, None) => return Step::Wait,
            (_, Some(length)) if length < 2 => return Step::Broken, // it counts its own bytes (B.1.1.4)
            (_, Some(length)) => 2 + usize::from(length),
        };
        let is_size = marker::is_frame_header(code);
        match &mut self.state {
            State::Head { markers, sized } => {
                *markers += 1;
                // A second SOF is the next frame's: this head was cut short. A scan has to have one.
                if *markers > MARKERS_MAX || (is_size && *sized) || (code == marker::SOS && !*sized) {
                    return Step::Broken;
                }
                *sized |= is_size;
            }
            _ if is_size => return Step::Broken,
            _ => {}
        }
        if code == marker::SOS {
            self.state = State::Scan;
        }
        self.at += size;
        Step::On
    }
}

#[cfg(test)]
mod tests;
