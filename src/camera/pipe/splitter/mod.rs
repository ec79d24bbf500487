//! Finds the JPEGs in a stream of bytes that is nothing but JPEGs, one behind the other.
//!
//! Used by [`super::Pipe`] alone, which reads into [`Splitter::room`]. A JPEG's end is found by walking its
//! markers (ITU T.81 B.1.1): segments by their length, so that the thumbnail inside an EXIF segment is no end,
//! and the compressed scan up to EOI. So a frame is there with its last byte, not with the first of the next
//! one. What it promises:
//!
//! - However the bytes are cut into reads, the same frames come out.
//! - Garbage, half frames and frames without an end cost themselves, and seldom the frame into which they ran.
//! - Memory stays below the cap and two reads, and is given back after a frame that was too large. While frames
//!   fit into what there is, nothing is allocated.

use std::ops::Range;

use memchr::{memchr, memmem};

use crate::jpeg::marker;

/// Bytes of room for one read, at least: what a pipe holds on Linux (pipe(7)).
pub const READ: usize = 64 << 10;

/// Room to begin with: a picture of most cameras and a read.
const FIRST_ROOM: usize = 256 << 10;

/// What a JPEG begins with: SOI and the first byte of whatever marker follows (B.2.1).
const BEGIN: [u8; 3] = [marker::PREFIX, marker::SOI, marker::PREFIX];

/// Markers and fill bytes from SOI to the first SOS; more are no JPEG. ICC profiles in pieces make the most, and
/// video has about ten. This bounds what a stream of false beginnings costs.
const MARKERS_MAX: u32 = 400;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A JPEG, whole or cut short by the next one: [`Splitter::frame`] has it.
    Frame,
    /// Something that began like a JPEG and is longer than the cap; it is lost.
    TooLarge,
}

/// Where in a JPEG the walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside; the next beginning is looked for.
    Outside,
    /// Between segments before the first scan; so many markers were passed, and SOF was among them.
    Head { markers: u32, sized: bool },
    /// In compressed data.
    Scan,
    /// Between segments behind a scan; a picture may have several scans.
    Between,
}

/// What one step of the walk came to.
enum Step {
    /// Go on.
    On,
    /// The bytes end here.
    Wait,
    /// The JPEG ends before this offset from its beginning; true if with EOI.
    End(usize),
    /// This is no JPEG.
    Broken,
}

/// Finds JPEGs in a stream.
#[derive(Debug)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// What was read and not yet given out or skipped; inside a JPEG its beginning.
    begin: usize,
    end: usize,
    place: Place,
    /// The next byte to look at, counted from `begin`; beyond `end` while a segment is not there whole.
    at: usize,
    /// The frame that was found last.
    frame: Range<usize>,
    cap: usize,
    garbage: u64,
    /// Bytes outside are the rest of a frame that was too large.
    in_lost_frame: bool,
    search: memmem::Finder<'static>,
}

impl Splitter {
    /// Finds frames of at most `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self {
            buffer: vec![0; FIRST_ROOM],
            begin: 0,
            end: 0,
            place: Place::Outside,
            at: 0,
            frame: 0..0,
            cap,
            garbage: 0,
            in_lost_frame: false,
            search: memmem::Finder::new(&BEGIN),
        }
    }

    /// From now on frames have at most `cap` bytes.
    pub fn set_cap(&mut self, cap: usize) {
        self.cap = cap;
    }

    /// Room for the next bytes of the stream, [`READ`] bytes or more. The last frame is gone.
    pub fn room(&mut self) -> &mut [u8] {
        self.frame = 0..0;
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        if self.buffer.len() - self.end < READ && self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if self.buffer.len() - self.end < READ {
            // The walk keeps no more than the cap, so neither does this.
            let most = self.cap.max(self.end) + READ;
            self.buffer.resize(self.buffer.len().saturating_mul(2).min(most), 0);
        }
        &mut self.buffer[self.end..]
    }

    /// So many bytes were read into [`Splitter::room`].
    pub fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// The next thing in what was read; `None` when more must be read.
    pub fn advance(&mut self) -> Option<Found> {
        loop {
            if self.place == Place::Outside && !self.enter() {
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
                    self.place = Place::Outside;
                    self.garbage = 0;
                    self.in_lost_frame = false;
                    return Some(Found::Frame);
                }
                Step::Broken => {
                    // In the head the lengths may have led astray over a good beginning: look behind SOI. Later
                    // there was a whole head, and looking at everything twice could be made to cost much.
                    let skip = if matches!(self.place, Place::Head { .. }) { 2 } else { self.at };
                    self.skip(skip);
                }
            }
        }
    }

    /// The frame that was found last; empty after [`Splitter::room`].
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

    /// Goes to the next beginning; false if there is none yet.
    fn enter(&mut self) -> bool {
        match self.search.find(self.rest()) {
            Some(skipped) => {
                self.skip(skipped);
                self.place = Place::Head { markers: 0, sized: false };
                self.at = 2;
                true
            }
            None => {
                // The last bytes may be the first of a beginning.
                let rest = self.rest();
                let kept = (1..BEGIN.len()).rev().find(|&n| rest.ends_with(&BEGIN[..n])).unwrap_or(0);
                self.skip(rest.len() - kept);
                false
            }
        }
    }

    /// Leaves so many bytes out, and whatever JPEG was begun.
    fn skip(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.begin);
        self.begin += bytes;
        if !self.in_lost_frame {
            self.garbage = self.garbage.saturating_add(bytes as u64);
        }
        self.place = Place::Outside;
    }

    /// Gives up a frame that is too large, and the memory that it took.
    fn lose(&mut self) -> Found {
        self.in_lost_frame = true;
        self.skip(self.at);
        let rest = self.rest();
        let mut buffer = vec![0; FIRST_ROOM.max(rest.len())];
        buffer[..rest.len()].copy_from_slice(rest);
        (self.begin, self.end) = (0, rest.len());
        self.buffer = buffer;
        self.frame = 0..0;
        Found::TooLarge
    }

    fn step(&mut self) -> Step {
        let Some(bytes) = self.rest().get(self.at..) else { return Step::Wait };
        match self.place {
            Place::Scan => {
                let Some(place) = memchr(marker::PREFIX, bytes) else {
                    self.at = self.end - self.begin;
                    return Step::Wait;
                };
                let code = bytes.get(place + 1).copied();
                self.at += place;
                match code {
                    None => return Step::Wait,
                    Some(marker::PREFIX) => self.at += 1, // a fill byte
                    Some(marker::STUFFED | marker::TEM | marker::RST0..=marker::RST7) => self.at += 2,
                    Some(marker::SOI) => return Step::End(self.at), // the next frame: this one was cut short
                    Some(_) => self.place = Place::Between,
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
        let behind = !matches!(self.place, Place::Head { .. });
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
        match &mut self.place {
            Place::Head { markers, sized } => {
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
            self.place = Place::Scan;
        }
        self.at += size;
        Step::On
    }
}

#[cfg(test)]
mod tests;
