//! Where the blocks of a scan begin, found in several parts of it at once.
//!
//! Only the first part surely begins with a block. In the others a lane begins anywhere and takes nonsense for blocks, but
//! Huffman codes synchronize themselves: after a few blocks it comes to where a block really begins, and from there on all
//! that it finds is right. That is known once what is right so far comes to the same bit, at the same place of an MCU.
//! Where it never does, it goes on alone. (Klein and Wiseman, "Parallel Huffman Decoding with Applications to JPEG Files",
//! The Computer Journal 46, 2003.)

use super::lanes::{Code, LANES, Lane, PARTS, Part, Source, USELESS, bits_at, in_parts};
use super::skip::dc_value;
use crate::marker;

/// The fewest bytes of coded data for which this is worth it, and the most: starts are counted in 32 bits, and a lane that
/// reads nonsense may come far behind the end.
const LEAST_BYTES: usize = PARTS * 16;
const MOST_BYTES: usize = 1 << 24;

/// Finds where blocks begin. Keeps its memory: as much as the coded data, and `4 * (LANES + 1)` bytes for each block.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    /// The coded data without stuffing.
    bytes: Vec<u8>,
    /// What each lane found, in bits.
    found: Vec<u32>,
    /// What is right of that.
    starts: Vec<u32>,
}

impl Starts {
    /// Finds where each of so many blocks of a scan begins. `coded` are the coded data and what is behind them. `None` if
    /// they are damaged, or too short or too long for this.
    pub(crate) fn find<'a>(
        &'a mut self,
        coded: &[u8],
        code: &'a Code<'a>,
        blocks: usize,
    ) -> Option<Found<'a>> {
        let end = self.take(coded)?;
        self.starts.resize(blocks + 1, 0); // with the end of the last one
        let room = self.starts.len() + USELESS;
        if self.found.len() < LANES * room {
            self.found = vec![0; LANES * room]; // of which only what is used takes memory
        }
        let source = Source::new(&self.bytes, code);
        let parts = in_parts(&source, end, &mut self.found, room);
        let starts = &mut self.starts[..];
        Joined { source: &source, end, parts: &parts, found: &self.found, starts, count: 0 }.fill()?;
        Some(Found { bytes: &self.bytes, code, starts: &self.starts[..blocks] })
    }

    /// Takes the coded data without stuffing; returns how many bits they have.
    fn take(&mut self, coded: &[u8]) -> Option<u64> {
        self.bytes.clear();
        let mut rest = coded;
        loop {
            let run = before_prefix(rest);
            self.bytes.extend_from_slice(&rest[..run]);
            if rest.get(run + 1) != Some(&marker::STUFFED) {
                break;
            }
            self.bytes.push(marker::PREFIX);
            rest = &rest[run + 2..];
        }
        let len = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]); // for `bits_at`
        (LEAST_BYTES..=MOST_BYTES).contains(&len).then_some(len as u64 * 8)
    }
}

/// Where all blocks of a scan begin.
pub(crate) struct Found<'a> {
    bytes: &'a [u8],
    code: &'a Code<'a>,
    /// In the order of the scan.
    pub(crate) starts: &'a [u32],
}

impl Found<'_> {
    /// The difference of the DC coefficient of the block that begins there to the one before. `block` is its place in the
    /// MCU.
    #[inline(always)]
    pub(crate) fn difference(&self, start: u32, block: usize) -> i32 {
        let bits = bits_at(self.bytes, start.into());
        match self.code.leaps.dc(self.code.pairs[block], bits) {
            (0, _) => self.long_difference(bits, block),
            (length, size) => dc_value(bits, length, size),
        }
    }

    /// Where the code is longer than the window.
    #[cold]
    fn long_difference(&self, bits: u64, block: usize) -> i32 {
        // The block was read before, so there is such a code.
        self.code.tables[block].0.next(bits).map_or(0, |(length, size)| dc_value(bits, length, size.into()))
    }
}

/// How many bytes there are before the first 0xFF.
fn before_prefix(bytes: &[u8]) -> usize {
    let chunks = bytes.as_chunks::<16>().0;
    let has_prefix = |chunk: &[u8; 16]| chunk.iter().fold(false, |has, &byte| has | (byte == marker::PREFIX));
    let before = 16 * chunks.iter().position(has_prefix).unwrap_or(chunks.len());
    let rest = &bytes[before..];
    before + rest.iter().position(|&byte| byte == marker::PREFIX).unwrap_or(rest.len())
}

/// What is right of the parts, on its way into one list.
struct Joined<'a> {
    source: &'a Source<'a>,
    /// The bits there are.
    end: u64,
    parts: &'a [Part; PARTS],
    found: &'a [u32],
    /// All of them, and the end of the last block.
    starts: &'a mut [u32],
    count: usize,
}

impl Joined<'_> {
    /// Fills the list; `None` if the data are damaged.
    fn fill(mut self) -> Option<()> {
        let wanted = self.starts.len();
        let mut right = Some((0, 0));
        while let Some((part, from)) = right {
            let lane = self.parts[part].lane;
            if lane.damaged > from {
                return None;
            }
            let taken = (lane.next - from).min(wanted - self.count);
            self.starts[self.count..][..taken].copy_from_slice(&self.found[from..][..taken]);
            self.count += taken;
            right = self.meet(part, lane.goes_on(self.count))?;
        }
        (u64::from(self.starts[wanted - 1]) <= self.end).then_some(())
    }

    /// Goes on with a lane from the end of its part until it meets a later one. Says in which part, and where its starts
    /// are that are right; nothing if it comes to the end before. `None` if the data are damaged.
    fn meet(&mut self, part: usize, mut lane: Lane) -> Option<Option<(usize, usize)>> {
        let mut later = self
            .parts
            .iter()
            .enumerate()
            .skip(part + 1)
            .flat_map(|(part, it)| (it.first..it.lane.next).map(move |place| (part, place, place - it.first)))
            .peekable();
        while lane.next < self.starts.len() {
            if lane.bit() >= self.end {
                return None;
            }
            lane.step(self.source, self.starts);
            if lane.damaged != 0 {
                return None;
            }
            if lane.next == self.count {
                continue;
            }
            let start = self.starts[self.count];
            while later.next_if(|&(_, place, _)| self.found[place] < start).is_some() {}
            if let Some(&(part, place, blocks)) = later.peek()
                && self.found[place] == start
                && blocks % self.source.code.pairs.len() == lane.block()
            {
                return Some(Some((part, place)));
            }
            self.count = lane.next;
        }
        Some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::read::{Headers, HuffmanTables};
    use crate::huffman::decode::Reader;
    use crate::huffman::skip::Leaps;
    use crate::picture::scan::places;
    use crate::pixels::{Encoder, Layout, Pixels, Plane, Settings};
    use crate::{Quality, Sampling, Transform};

    /// Of grey, the upper half noise, the lower half flat.
    fn picture((width, height): (u32, u32)) -> Vec<u8> {
        let mut seed = 1u32;
        let mut noise = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        let count = (width * height) as usize;
        let luma: Vec<u8> = (0..count).map(|n| if n < count / 2 { noise() / 2 } else { 90 }).collect();
        let planes = [&luma[..], &[], &[]].map(|bytes| Plane { bytes, stride: width as usize });
        let pixels = Pixels { width, height, layout: Layout::Grey, planes, limited: false };
        let (quality, transform) = (Quality::new(70), Transform::NONE);
        let mut out = vec![0; 4 * count + 2000];
        let settings = Settings { quality, sampling: Sampling::Across, transform };
        let length = Encoder::default().encode(&pixels, settings, &mut out).expect("room enough");
        out.truncate(length);
        out
    }

    #[test]
    fn the_starts_of_a_usual_picture_are_found_and_those_of_a_damaged_one_are_not() {
        let jpeg = picture((128, 96));
        let (mut huffman, mut leaps) = (HuffmanTables::default(), Leaps::default());
        let mut headers = Headers::new(&jpeg, &mut huffman).expect("a JPEG");
        let scan = headers.next_scan(&mut huffman).expect("a JPEG").expect("a scan");
        let (places, count) = places(headers.known_frame(), &scan, 0).expect("a usual sampling");
        let tables = scan.components.map(|of| huffman.pair(of.tables).expect("tables"));
        let pairs = [leaps.pair_of(&tables[..1], &[]), leaps.pair_of(&tables[..2], &[0])];
        let pairs = places.map(|place| pairs[place.in_scan.min(1)]);
        let tables = places.map(|place| tables[place.in_scan]);
        let code = Code { leaps: &leaps, pairs: &pairs[..count], tables };
        let (blocks, coded) = (8 * 12 * count, &jpeg[scan.begin..]);
        let mut kept = Starts::default();
        let found = kept.find(coded, &code, blocks).expect("nothing is damaged");
        let mut reader = Reader::new(&jpeg, scan.begin);
        for (n, &start) in found.starts.iter().enumerate() {
            let (place, tables) = (n % count, tables[n % count]);
            let difference = reader.block_difference(&leaps, pairs[place], tables).expect("a block");
            assert_eq!(found.difference(start, place), difference, "block {n}");
        }
        assert!(kept.find(&coded[..coded.len() - 40], &code, blocks).is_none(), "its end is missing");
        assert!(kept.find(&coded[..LEAST_BYTES / 2], &code, 1).is_none(), "it is short");
    }
}
