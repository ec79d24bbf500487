//! Bits to DC coefficients, with any Huffman tables: AC coefficients are skipped, several with one look into a table.
//!
//! What is skipped need not be known, only how many bits it has. So an entry of the table stands for as many codes as the
//! next bits hold in whole; the bits of the last one's value may lie behind them.

use super::decode::{AC_BITS, Bad, DC_BITS, Reader, Table};
use crate::block::LEN;

/// How many bits are looked at.
const WINDOW: u32 = 11;

/// How often that can be done after a refill: each time takes no more bits than the window and those of a value, of which
/// DC has one more; what is behind them must fill a window.
const LOOKS: usize = 3;
const _: () =
    assert!((LOOKS as u32 - 1) * (WINDOW + AC_BITS as u32) + DC_BITS as u32 - AC_BITS as u32 + WINDOW <= 56);

/// Counts as coefficients in an entry that ends with the end of a block: more than a block has.
const END: usize = 128;

/// The end of a block and of nothing else: its last coefficient, or END behind fewer than all.
fn is_end(k: usize) -> bool {
    k == LEN || (END..END + LEN).contains(&k)
}

/// What both Huffman tables of a component skip. Small, so that those of luma and chroma stay in the nearest cache.
#[derive(Debug)]
pub(crate) struct Leaps {
    /// From the beginning of a block on: bits 0 to 7 are how many coefficients, 8 to 15 how many bits. 0 if it takes more
    /// bits to tell.
    first: Box<[u16; 1 << WINDOW]>,
    /// The same from an AC coefficient on.
    next: Box<[u16; 1 << WINDOW]>,
    /// Of the DC coefficient at the beginning of a block: bits 0 to 3 are the length of its value, 4 to 7 of its code.
    dc: Box<[u8; 1 << WINDOW]>,
    /// What they were made of.
    of: [Table; 2],
}

impl Default for Leaps {
    fn default() -> Self {
        let empty = || Box::new([0; 1 << WINDOW]);
        Self { first: empty(), next: empty(), dc: Box::new([0; 1 << WINDOW]), of: Default::default() }
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
        self.coefficients as u16 | (self.bits as u16) << 8
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
            let place = window as usize;
            self.next[place] = Leap::default().over(window, ac).packed();
            (self.first[place], self.dc[place]) = match Leap::default().code(window, dc) {
                Some((length, size @ 0..=DC_BITS)) => {
                    let dc = Leap { bits: length + u32::from(size), coefficients: 1 };
                    (dc.over(window, ac).packed(), (length as u8) << 4 | size)
                }
                _ => (0, 0),
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
        let place = (reader.bits >> (64 - WINDOW)) as usize;
        let difference = reader.leapt_value(leaps.dc[place]);
        let mut found = leaps.first[place];
        let mut k = 0;
        'block: loop {
            for _ in 0..LOOKS {
                reader.take(u32::from(found >> 8));
                k += usize::from(found & 0xff);
                if k >= LEN || found == 0 {
                    break 'block;
                }
                found = leaps.next[(reader.bits >> (64 - WINDOW)) as usize];
            }
            reader.refill();
            found = leaps.next[(reader.bits >> (64 - WINDOW)) as usize];
        }
        if is_end(k) && reader.count >= 0 {
            *self = reader;
            return Ok(difference);
        }
        let (reader, difference) = self.block_difference_by_code(tables)?;
        *self = reader;
        Ok(difference)
    }

    /// The value of DC that an entry of [`Leaps::dc`] tells of.
    #[inline(always)]
    fn leapt_value(&self, found: u8) -> i32 {
        let (length, size) = (found >> 4, found & 15);
        let bits = (self.bits << length >> 1 >> (63 - size)) as i32;
        // Half of the values are negative, and begin with 0 (F.2.2.1, EXTEND).
        if bits < (1 << size) >> 1 { bits - (1 << size) + 1 } else { bits }
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
