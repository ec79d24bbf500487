//! Where the blocks of a scan begin, found in several parts of it at once.
//!
//! To read one block after the other is a chain of looks into tables, of which each waits for the one before. Here some
//! lanes take turns, each in a part of its own, so that the processor works on the looks of all of them together.
//!
//! Only the first part surely begins with a block. In the others a lane begins anywhere and takes nonsense for blocks, but
//! Huffman codes synchronize themselves: after a few blocks it comes to where a block really begins, and from there on all
//! that it finds is right. That is known once what is right so far comes to the same bit, at the same place of an MCU.
//! Where it never does, it goes on alone. (Klein and Wiseman, "Parallel Huffman Decoding with Applications to JPEG Files",
//! The Computer Journal 46, 2003.)

use std::array;
use std::hint::select_unpredictable;

use super::decode::{AC_BITS, Bad, DC_BITS, Table};
use super::skip::{END, ENTRIES, LOOKS, Leaps, WINDOW, dc_value};
use crate::block::LEN;
use crate::head::read::MAX_BLOCKS;
use crate::marker;

/// How many lanes take turns: beyond that a processor has no more registers for them.
const LANES: usize = 4;

/// How many parts a scan has. Many, because where little is seen a part has many blocks: whatever lane is ready takes the
/// next one.
const PARTS: usize = 32;

/// How many starts of no use there is room for, where a lane keeps on that has nothing more to do.
const USELESS: usize = 64;

/// The most bits that a turn takes, unless it takes a whole block code by code.
const MOST_BITS: u64 = LOOKS as u64 * (WINDOW + AC_BITS as u32) as u64 + 1;

/// The fewest bytes of coded data for which this is worth it, and the most: starts are counted in 32 bits, and a lane that
/// reads nonsense may come far behind the end.
const LEAST_BYTES: usize = PARTS * 16;
const MOST_BYTES: usize = 1 << 24;

/// How blocks of a scan are read.
pub(crate) struct Code<'a> {
    pub(crate) leaps: &'a Leaps,
    /// For each block of an MCU: its pair of tables, by its number among the leaps.
    pub(crate) pairs: &'a [usize],
    /// For each block of an MCU: the tables, DC and AC.
    pub(crate) tables: [(&'a Table, &'a Table); MAX_BLOCKS as usize],
}

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

/// A lane on its way through a part.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    /// Bits 0 to 7 count coefficients of a block as [`Leaps`] do, those above the bits before it.
    at: u64,
    /// The next bits, from the highest on.
    bits: u64,
    /// See [`turns`].
    turn: u32,
    /// Where the next start that it finds is put.
    next: usize,
    /// Where that behind the last damaged block was put; 0 if there was none.
    damaged: usize,
}

/// A part that a lane has gone through.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// Where its first start is.
    first: usize,
    /// The lane at its end.
    lane: Lane,
}

/// What a lane reads.
struct Source<'a> {
    bytes: &'a [u8],
    entries: &'a [u16; ENTRIES],
    turns: [u32; TURNS],
    code: &'a Code<'a>,
}

/// Where a lane is in an MCU: bits 28 to 31 are the block, bit 27 is 0, and the lowest bits are where its entries are
/// among the leaps. By the bits from 27 on: what comes then if the block has not ended; behind it, if it has.
const TURNS: usize = 33;
const _: () = assert!(ENTRIES <= 1 << 27 && MAX_BLOCKS <= 16);

fn turns(pairs: &[usize]) -> [u32; TURNS] {
    let mut turns = [0; TURNS];
    let turn = |block: usize, entries: usize| (block << 28 | entries) as u32;
    for (block, &pair) in pairs.iter().enumerate() {
        let next = (block + 1) % pairs.len();
        turns[2 * block] = turn(block, Leaps::next(Leaps::first(pair)));
        turns[2 * block + 1] = turn(next, Leaps::first(pairs[next]));
    }
    turns
}

/// The bits at `at`; behind the end, zeros.
#[inline(always)]
fn bits_at(bytes: &[u8], at: u64) -> u64 {
    let byte = (at >> 3) as usize;
    let Some(next) = bytes.get(byte..byte + 8).and_then(|next| next.first_chunk()) else { return 0 };
    u64::from_be_bytes(*next) << (at & 7)
}

impl Lane {
    /// At any bit; it is taken for the start of an MCU. `next` is where that start is put.
    fn new(at: u64, source: &Source<'_>, found: &mut [u32], next: usize) -> Self {
        found[next] = at as u32;
        let turn = Leaps::first(source.code.pairs[0]) as u32;
        Self { at: at << 8, turn, next: next + 1, ..Self::default() }
    }

    /// Which block of the MCU it is in.
    fn block(&self) -> usize {
        (self.turn >> 28) as usize
    }

    /// The bits before it.
    fn bit(&self) -> u64 {
        self.at >> 8
    }

    #[inline(always)]
    fn refill(&mut self, source: &Source<'_>) {
        self.bits = bits_at(source.bytes, self.bit());
    }

    /// The first look after a refill.
    #[inline(always)]
    fn look(&mut self, source: &Source<'_>) {
        let window = (self.bits >> (64 - WINDOW)) as usize;
        self.take(source.entries[(window + self.turn as usize) % ENTRIES]);
    }

    /// Another look, unless the block has ended.
    #[inline(always)]
    fn look_again(&mut self, source: &Source<'_>) {
        let window = (self.bits >> (64 - WINDOW)) as usize;
        let entry = source.entries[(window + Leaps::next(self.turn as usize)) % ENTRIES];
        let has_ended = self.at & (END | LEN) as u64 != 0;
        self.take(select_unpredictable(has_ended, 0, entry));
    }

    #[inline(always)]
    fn take(&mut self, entry: u16) {
        self.at += u64::from(entry);
        self.bits <<= entry >> 8;
    }

    /// Behind the last look: puts down the start of the next block if this one has ended.
    #[inline(always)]
    fn end(&mut self, source: &Source<'_>, found: &mut [u32]) {
        if self.at & LEN as u64 != 0 {
            if self.at & 0xff == LEN as u64 {
                self.at += (END - LEN) as u64;
            } else {
                let start = found[self.next - 1].into();
                let to = by_code(source, start, self.block());
                if to.is_err() {
                    self.damaged = self.next;
                }
                // Behind a damaged one it goes on at the next bit.
                self.at = to.unwrap_or(start + 1) << 8 | END as u64;
            }
        }
        let has_ended = self.at >> 7 & 1;
        found[self.next] = self.bit() as u32;
        self.next += has_ended as usize;
        self.at &= has_ended.wrapping_sub(1) | !0xff;
        self.turn = source.turns[(self.turn >> 27) as usize + has_ended as usize];
    }

    /// A turn of one lane alone.
    fn step(&mut self, source: &Source<'_>, found: &mut [u32]) {
        self.refill(source);
        self.look(source);
        for _ in 1..LOOKS {
            self.look_again(source);
        }
        self.end(source, found);
    }
}

/// Where the block at `at` ends, read code by code. `block` is its place in the MCU.
#[cold]
#[inline(never)]
fn by_code(source: &Source<'_>, mut at: u64, block: usize) -> Result<u64, Bad> {
    let (bytes, (dc, ac)) = (source.bytes, source.code.tables[block]);
    let (length, size @ 0..=DC_BITS) = dc.next(bits_at(bytes, at))? else { return Err(Bad) };
    at += u64::from(length) + u64::from(size);
    let mut k = 1;
    while k < LEN {
        let (length, symbol) = ac.next(bits_at(bytes, at))?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        at += u64::from(length) + u64::from(size);
        match symbol {
            0 => break,
            0xf0 => k += 16,
            _ if (1..=AC_BITS).contains(&size) => k += run + 1,
            _ => return Err(Bad),
        }
    }
    if k > LEN { Err(Bad) } else { Ok(at) }
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
        let source =
            Source { bytes: &self.bytes, entries: code.leaps.entries(), turns: turns(code.pairs), code };
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

/// What a lane does.
#[derive(Debug, Clone, Copy)]
struct Task {
    part: usize,
    /// Where the part ends, in bits.
    until: u64,
    /// Where its first start is put.
    first: usize,
    /// Where the lane may put no more.
    until_place: usize,
    /// Whether that is done, and there is no other part. The lane keeps on so that the others need not go on alone.
    is_done: bool,
}

impl Task {
    /// How many turns the lane may take before this is looked at again.
    fn turns(&self, lane: &Lane) -> u64 {
        let bits = self.until.saturating_sub(lane.bit());
        (bits / MOST_BITS).min((self.until_place - 1 - lane.next) as u64)
    }
}

/// Goes through all parts, whatever is right in them. A lane has `room` for starts, with that for useless ones; one that
/// has no more leaves parts out.
fn in_parts(source: &Source<'_>, end: u64, found: &mut [u32], room: usize) -> [Part; PARTS] {
    let edge = |part: usize| end * part as u64 / PARTS as u64;
    let mut parts = [Part::default(); PARTS];
    let mut tasks: [Task; LANES] = array::from_fn(|n| Task {
        part: n,
        until: edge(n + 1),
        first: n * room,
        until_place: (n + 1) * room - USELESS,
        is_done: false,
    });
    let mut lanes = tasks.map(|task| Lane::new(edge(task.part), source, found, task.first));
    let mut begun = LANES;
    while tasks.iter().any(|task| !task.is_done) {
        let turns = tasks.iter().zip(&lanes).map(|(task, lane)| task.turns(lane)).min();
        take_turns(source, &mut lanes, found, turns.unwrap_or(0));
        for (task, lane) in tasks.iter_mut().zip(&mut lanes).filter(|(task, lane)| task.turns(lane) == 0) {
            if !task.is_done {
                parts[task.part] = Part { first: task.first, lane: *lane };
                task.first = lane.next;
                if begun < PARTS && lane.next + 2 < task.until_place {
                    (task.part, task.until) = (begun, edge(begun + 1));
                    begun += 1;
                } else {
                    task.is_done = true;
                    task.until_place += USELESS;
                }
            }
            *lane = Lane::new(edge(task.part), source, found, task.first);
        }
    }
    parts
}

/// So many turns of all lanes.
fn take_turns(source: &Source<'_>, all: &mut [Lane; LANES], found: &mut [u32], turns: u64) {
    let mut lanes = *all; // in registers
    for _ in 0..turns {
        lanes.iter_mut().for_each(|lane| lane.refill(source));
        lanes.iter_mut().for_each(|lane| lane.look(source));
        for _ in 1..LOOKS {
            lanes.iter_mut().for_each(|lane| lane.look_again(source));
        }
        lanes.iter_mut().for_each(|lane| lane.end(source, found));
    }
    *all = lanes;
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
            right = self.meet(part, Lane { next: self.count, damaged: 0, ..lane })?;
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
