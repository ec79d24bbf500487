//! Lanes, which look for the starts of blocks in several parts of a scan at once.
//!
//! To read one block after the other is a chain of looks into tables, of which each waits for the one before. Here some
//! lanes take turns, each in a part of its own, so that the processor works on the looks of all of them together. What
//! they find is not known to be right: see [`super::starts`].

use std::array;
use std::hint::select_unpredictable;

use super::decode::{AC_BITS, Bad, DC_BITS, Table};
use super::skip::{END, ENTRIES, LOOKS, Leaps, WINDOW};
use crate::block::LEN;
use crate::head::read::MAX_BLOCKS;

/// How many lanes take turns: beyond that a processor has no more registers for them.
pub(super) const LANES: usize = 4;

/// How many parts a scan has. Many, because where little is seen a part has many blocks: whatever lane is ready takes the
/// next one.
pub(super) const PARTS: usize = 32;

/// How many starts of no use there is room for, where a lane keeps on that has nothing more to do.
pub(super) const USELESS: usize = 64;

/// The most bits that a turn takes, unless it takes a whole block code by code.
const MOST_BITS: u64 = LOOKS as u64 * (WINDOW + AC_BITS as u32) as u64 + 1;

/// How blocks of a scan are read.
pub(crate) struct Code<'a> {
    pub(crate) leaps: &'a Leaps,
    /// For each block of an MCU: its pair of tables, by its number among the leaps.
    pub(crate) pairs: &'a [usize],
    /// For each block of an MCU: the tables, DC and AC.
    pub(crate) tables: [(&'a Table, &'a Table); MAX_BLOCKS as usize],
}

/// A lane on its way through a part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lane {
    /// Bits 0 to 7 count coefficients of a block as [`Leaps`] do, those above the bits before it.
    at: u64,
    /// The next bits, from the highest on.
    bits: u64,
    /// See [`turns`].
    turn: u32,
    /// Where the next start that it finds is put.
    pub(super) next: usize,
    /// Where that behind the last damaged block was put; 0 if there was none.
    pub(super) damaged: usize,
}

/// A part that a lane has gone through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    /// Where its first start is.
    pub(super) first: usize,
    /// The lane at its end.
    pub(super) lane: Lane,
}

/// What a lane reads.
pub(super) struct Source<'a> {
    bytes: &'a [u8],
    entries: &'a [u16; ENTRIES],
    turns: [u32; TURNS],
    pub(super) code: &'a Code<'a>,
}

impl<'a> Source<'a> {
    /// `bytes` are the coded data without stuffing, and 8 more.
    pub(super) fn new(bytes: &'a [u8], code: &'a Code<'a>) -> Self {
        Self { bytes, entries: code.leaps.entries(), turns: turns(code.pairs), code }
    }
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
pub(super) fn bits_at(bytes: &[u8], at: u64) -> u64 {
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

    /// The lane from here on, as if nothing before had been damaged; its next start is put at `next`.
    pub(super) fn goes_on(self, next: usize) -> Self {
        Self { next, damaged: 0, ..self }
    }

    /// Which block of the MCU it is in.
    pub(super) fn block(&self) -> usize {
        (self.turn >> 28) as usize
    }

    /// The bits before it.
    pub(super) fn bit(&self) -> u64 {
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
    pub(super) fn step(&mut self, source: &Source<'_>, found: &mut [u32]) {
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
pub(super) fn in_parts(source: &Source<'_>, end: u64, found: &mut [u32], room: usize) -> [Part; PARTS] {
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
