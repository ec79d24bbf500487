//! Bits to DC coefficients, with any Huffman tables: AC coefficients are skipped, several with one look into a table.
//!
//! What is skipped need not be known, only how many bits it has. So an entry of the table stands for as many codes as the
//! next bits hold in whole; the bits of the last one's value may lie behind them.

use super::decode::{AC_BITS, Bad, DC_BITS, Reader, Table};
use crate::block::LEN;

/// How many bits are looked at. Together with those of a value, three times as many are there after a refill.
const WINDOW: u32 = 12;

/// Counts as coefficients in an entry that ends with the end of a block: more than a block has.
const END: usize = 128;

/// The end of a block and of nothing else: its last coefficient, or END behind fewer than all.
fn is_end(k: usize) -> bool {
    k == LEN || (END..END + LEN).contains(&k)
}

/// What both Huffman tables of a component skip.
#[derive(Debug)]
pub(crate) struct Leaps {
    /// From the beginning of a block on: bits 0 to 7 are how many coefficients, 8 to 15 how many bits, 16 to 23 those of
    /// them that are the code of DC, 24 to 31 those of its value. 0 if it takes more bits to tell.
    first: Box<[u32; 1 << WINDOW]>,
    /// From an AC coefficient on: bits 0 to 7 are how many coefficients, 8 to 15 how many bits. 0 if it takes more bits to
    /// tell.
    next: Box<[u16; 1 << WINDOW]>,
    /// What they were made of.
    of: [Table; 2],
}

impl Default for Leaps {
    fn default() -> Self {
        Self { first: Box::new([0; 1 << WINDOW]), next: Box::new([0; 1 << WINDOW]), of: Default::default() }
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
}

impl Leaps {
    /// Whether they were made of these tables.
    pub(crate) fn are_of(&self, (dc, ac): (&Table, &Table)) -> bool {
        self.of[0].is_same(dc) && self.of[1].is_same(ac)
    }

    /// Makes them of these tables.
    pub(crate) fn make(&mut self, (dc, ac): (&Table, &Table)) {
        self.of = [dc.clone(), ac.clone()];
        for window in 0..1 << WINDOW {
            let leap = Leap::default().over(window, ac);
            self.next[window as usize] = leap.coefficients as u16 | (leap.bits as u16) << 8;
            self.first[window as usize] = match Leap::default().code(window, dc) {
                Some((length, size @ 0..=DC_BITS)) => {
                    let dc = Leap { bits: length + u32::from(size), coefficients: 1 };
                    let leap = dc.over(window, ac);
                    leap.coefficients as u32 | leap.bits << 8 | length << 16 | u32::from(size) << 24
                }
                _ => 0,
            };
        }
    }
}

impl Reader<'_> {
    /// Goes over a block; returns the difference of its DC coefficient to the one before. `tables` are those that `leaps`
    /// are made of.
    #[inline(always)]
    pub(crate) fn block_difference(&mut self, leaps: &Leaps, tables: (&Table, &Table)) -> Result<i32, Bad> {
        let mut reader = *self;
        reader.refill();
        let found = leaps.first[(reader.bits >> (64 - WINDOW)) as usize];
        if found == 0 {
            return self.block_difference_by_code(tables);
        }
        let difference = reader.leapt_value(found);
        let mut k = (found & 0xff) as usize;
        reader.take(found >> 8 & 0xff);
        'block: while k < LEN {
            reader.refill();
            for _ in 0..2 {
                let found = leaps.next[(reader.bits >> (64 - WINDOW)) as usize];
                if found == 0 {
                    break 'block;
                }
                reader.take(u32::from(found >> 8));
                k += usize::from(found & 0xff);
                if k >= LEN {
                    break 'block;
                }
            }
        }
        if !is_end(k) {
            return self.block_difference_by_code(tables);
        }
        *self = reader;
        if self.count < 0 { Err(Bad) } else { Ok(difference) }
    }

    /// The value of DC that an entry of [`Leaps::first`] tells of.
    #[inline(always)]
    fn leapt_value(&self, found: u32) -> i32 {
        let (length, size) = (found >> 16 & 0xff, found >> 24);
        let bits = (self.bits << length >> 1 >> (63 - size)) as i32;
        // Half of the values are negative, and begin with 0 (F.2.2.1, EXTEND).
        if bits < (1 << size) >> 1 { bits - (1 << size) + 1 } else { bits }
    }

    /// The same as [`Reader::block_difference`], code by code: for codes that are longer than the window, and where
    /// one of the window's codes belongs to the next block already.
    #[cold]
    #[inline(never)]
    fn block_difference_by_code(&mut self, (dc, ac): (&Table, &Table)) -> Result<i32, Bad> {
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
        if k > LEN || self.count < 0 { Err(Bad) } else { Ok(difference) }
    }
}
