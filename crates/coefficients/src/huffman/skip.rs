//! Bits to DC coefficients, with any Huffman tables: AC coefficients are skipped, several with one look into a table.
//!
//! What is skipped need not be known, only how many bits it has. So an entry of the table stands for as many codes as the
//! next bits hold in whole; the bits of the last one's value may lie behind them.

use std::hint::select_unpredictable;

use super::decode::{AC_BITS, Bad, DC_BITS, Reader, Table};
use crate::block::LEN;
use crate::geometry::MAX_COMPONENTS;

/// How many bits are looked at.
pub(crate) const WINDOW: u32 = 11;

/// How often that can be done after a refill: each time takes no more bits than the window and those of a value, of which
/// DC has one more; what is behind them must fill a window.
pub(crate) const LOOKS: usize = 3;
const _: () =
    assert!((LOOKS as u32 - 1) * (WINDOW + AC_BITS as u32) + DC_BITS as u32 - AC_BITS as u32 + WINDOW <= 56);

/// Counts as coefficients in an entry that ends with the end of a block: more than a block has.
pub(crate) const END: usize = 128;

/// The end of a block and of nothing else: its last coefficient, or END behind fewer than all.
fn is_end(k: usize) -> bool {
    k == LEN || (END..END + LEN).contains(&k)
}

/// An entry for what takes more bits to tell: no end of a block, and no coefficients of one that goes on.
const UNKNOWN: u16 = (END + LEN) as u16;

/// How many entries there are for all pairs of tables that a scan can have.
pub(crate) const ENTRIES: usize = MAX_COMPONENTS << (WINDOW + 1);

/// What the pairs of Huffman tables of components skip. Small, so that those of luma and chroma stay in the nearest cache.
#[derive(Debug)]
pub(crate) struct Leaps {
    /// For each pair: from the beginning of a block on, then from an AC coefficient on. Bits 0 to 7 are how many
    /// coefficients, 8 to 15 how many bits.
    entries: Box<[u16; ENTRIES]>,
    /// Of the DC coefficient at the beginning of a block: bits 0 to 3 are the length of its value, 4 to 7 of its code. 0
    /// if it takes more bits to tell.
    dc: Box<[[u8; 1 << WINDOW]; MAX_COMPONENTS]>,
    /// What they were made of.
    of: Box<[[Table; 2]; MAX_COMPONENTS]>,
}

impl Default for Leaps {
    fn default() -> Self {
        Self {
            entries: Box::new([UNKNOWN; ENTRIES]),
            dc: Box::new([[0; 1 << WINDOW]; MAX_COMPONENTS]),
            of: Box::default(),
        }
    }
}

/// Some codes on their way into an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Leap {
    bits: u32,
    coefficients: usize,
}

impl Leap {
    /// The next code, if all of it is in the window.
    fn code(&self, window: u32, table: &Table) -> Option<(u32, u8)> {
        let rest = WINDOW.checked_sub(self.bits).filter(|&rest| rest > 0)?;
        let (length, symbol) = table.code(u64::from(window) << (u64::BITS - rest)).ok()?;
        (length <= rest).then_some((length, symbol))
    }

    /// As many AC codes as there are in the window.
    fn over(mut self, window: u32, ac: &Table) -> Self {
        while let Some((length, symbol)) = self.code(window, ac) {
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            let coefficients = match symbol {
                0 => END,
                0xf0 => 16,
                _ if (1..=AC_BITS).contains(&size) => run + 1,
                _ => break, // damage, found later
            };
            if symbol != 0 && self.coefficients + coefficients >= LEN {
                break;
            }
            self.coefficients += coefficients;
            self.bits += length + u32::from(size);
            if symbol == 0 {
                break;
            }
        }
        self
    }

    fn packed(self) -> u16 {
        if self.bits == 0 { UNKNOWN } else { self.coefficients as u16 | (self.bits as u16) << 8 }
    }
}

impl Leaps {
    pub(crate) fn entries(&self) -> &[u16; ENTRIES] {
        &self.entries
    }

    /// Where the entries of a pair begin, from the beginning of a block on.
    pub(crate) const fn first(pair: usize) -> usize {
        pair << (WINDOW + 1)
    }

    /// The same from an AC coefficient on, by where either of them is.
    #[inline(always)]
    pub(crate) const fn next(entries: usize) -> usize {
        entries | 1 << WINDOW
    }

    /// The lengths of the code and the value of the DC coefficient that `bits` begin with; 0 and 0 if the code is longer
    /// than the window.
    #[inline(always)]
    pub(crate) fn dc(&self, pair: usize, bits: u64) -> (u32, u32) {
        let found = u32::from(self.dc[pair][(bits >> (64 - WINDOW)) as usize]);
        (found >> 4, found & 15)
    }

    /// The number of the last pair of `tables`; if it is not there, it is made in a place that those before do not use.
    /// Cameras send the same tables in each picture.
    pub(crate) fn pair_of(&mut self, tables: &[(&Table, &Table)], used: &[usize]) -> usize {
        let (dc, ac) = tables[used.len()];
        self.of.iter().position(|of| of[0].is_same(dc) && of[1].is_same(ac)).unwrap_or_else(|| {
            let is_free = |pair: &usize| !used.contains(pair);
            let pair = (0..MAX_COMPONENTS).find(is_free).unwrap_or(0);
            self.make(pair, dc, ac);
            pair
        })
    }

    fn make(&mut self, pair: usize, dc: &Table, ac: &Table) {
        self.of[pair] = [dc.clone(), ac.clone()];
        let first = Self::first(pair);
        for window in 0..1 << WINDOW {
            let place = window as usize;
            self.entries[Self::next(first) + place] = Leap::default().over(window, ac).packed();
            (self.entries[first + place], self.dc[pair][place]) = match Leap::default().code(window, dc) {
                Some((length, size @ 0..=DC_BITS)) => {
                    let dc = Leap { bits: length + u32::from(size), coefficients: 1 };
                    (dc.over(window, ac).packed(), (length as u8) << 4 | size)
                }
                _ => (UNKNOWN, 0),
            };
        }
    }
}

/// The value of the DC coefficient that `bits` begin with, by the lengths of its code and its value.
#[inline(always)]
pub(crate) fn dc_value(bits: u64, length: u32, size: u32) -> i32 {
    let bits = (bits << length >> 1 >> (63 - size)) as i32;
    // Half of the values are negative, and begin with 0 (F.2.2.1, EXTEND).
    select_unpredictable(bits < (1 << size) >> 1, bits - (1 << size) + 1, bits)
}

impl Reader<'_> {
    /// Goes over a block; returns the difference of its DC coefficient to the one before. `tables` are the `pair` of the
    /// leaps.
    #[inline(always)]
    pub(crate) fn block_difference(
        &mut self,
        leaps: &Leaps,
        pair: usize,
        tables: (&Table, &Table),
    ) -> Result<i32, Bad> {
        let mut reader = *self;
        reader.refill();
        let entry =
            |entries: usize, bits: u64| leaps.entries[(entries + (bits >> (64 - WINDOW)) as usize) % ENTRIES];
        let first = Leaps::first(pair);
        let (length, size) = leaps.dc(pair % MAX_COMPONENTS, reader.bits);
        let difference = dc_value(reader.bits, length, size);
        let mut found = entry(first, reader.bits);
        let mut k = 0;
        'block: loop {
            for _ in 0..LOOKS {
                reader.take(u32::from(found >> 8));
                k += usize::from(found & 0xff);
                if k >= LEN {
                    break 'block;
                }
                found = entry(Leaps::next(first), reader.bits);
            }
            reader.refill();
            found = entry(Leaps::next(first), reader.bits);
        }
        if is_end(k) && reader.count >= 0 {
            *self = reader;
            return Ok(difference);
        }
        let (reader, difference) = self.block_difference_by_code(tables)?;
        *self = reader;
        Ok(difference)
    }

    /// The same as [`Reader::block_difference`], code by code: for codes that are longer than the window, for damage, and
    /// where one of the window's codes belongs to the next block already. By value, so that the usual way keeps
    /// everything in registers.
    #[cold]
    #[inline(never)]
    fn block_difference_by_code(mut self, (dc, ac): (&Table, &Table)) -> Result<(Self, i32), Bad> {
        self.refill();
        let difference = self.difference(dc)?;
        let mut k = 1;
        while k < LEN {
            self.refill();
            let found = self.look_up(ac);
            if found.value() != 0 {
                self.take(found.length());
                k += usize::from(found.symbol() >> 4) + 1;
                continue;
            }
            match self.symbol(&found, ac)? {
                0 => break,
                0xf0 => k += 16,
                symbol if (1..=AC_BITS).contains(&(symbol & 15)) => {
                    self.take(u32::from(symbol & 15));
                    k += usize::from(symbol >> 4) + 1;
                }
                _ => return Err(Bad),
            }
        }
        if k > LEN || self.count < 0 { Err(Bad) } else { Ok((self, difference)) }
    }
}
