//! The codes of the standard tables, ready to be written.

use crate::STANDARD_TABLES;

/// Bits to be written, and how many: at most 26, since a code has at most 16 and a value 10, or 11 behind a shorter code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u32);

impl Code {
    const NONE: Code = Code::new(0, 0);

    const fn new(bits: u32, length: u32) -> Self {
        Self(bits << 5 | length)
    }

    #[inline(always)]
    pub(super) const fn bits(self) -> u32 {
        self.0 >> 5
    }

    #[inline(always)]
    pub(super) const fn length(self) -> u32 {
        self.0 & 31
    }

    /// This code, and behind it `size` bits that say `value` (ITU T.81 F.1.2.1).
    #[inline(always)]
    const fn with(self, value: i32, size: u32) -> Self {
        // Of a negative value, the lowest bits of what is one less.
        let low = (value + (value >> 31)) as u32 & ((1 << size) - 1);
        Self::new(self.bits() << size | low, self.length() + size)
    }
}

/// How many bits say a value (F.1.2.1, tables F.1 and F.2).
#[inline(always)]
const fn size(value: i32) -> u32 {
    u32::BITS - value.unsigned_abs().leading_zeros()
}

/// Nearly all AC coefficients lie in `-NEAR..NEAR`; these have their bits in the table already.
const NEAR: i32 = 16;

/// A pair of tables, for DC and AC.
#[derive(Debug)]
pub(super) struct Codes {
    /// By the size of a difference.
    dc: [Code; 16],
    /// By a run of zeros and the size of the value behind it.
    ac: [[Code; 16]; 16],
    /// The same with the value's bits: by a run of zeros and the value, to which [`NEAR`] is added.
    short: [[Code; 2 * NEAR as usize]; 16],
    pub(super) end_of_block: Code,
    pub(super) sixteen_zeros: Code,
}

impl Codes {
    /// The code of a difference of DC values. What does not fit into 11 bits is cut.
    #[inline(always)]
    pub(super) fn dc(&self, difference: i32) -> Code {
        let difference = difference.clamp(-2047, 2047);
        let size = size(difference);
        self.dc[(size & 15) as usize].with(difference, size)
    }

    /// The code of an AC coefficient behind 0 to 15 zeros. What does not fit into 10 bits is cut.
    pub(super) fn ac(&self, run: u32, value: i32) -> Code {
        let value = value.clamp(-1023, 1023);
        let size = size(value);
        self.ac[(run & 15) as usize][(size & 15) as usize].with(value, size)
    }

    /// The same if the value is near 0 and the zeros are at most 15.
    #[inline(always)]
    pub(super) fn short(&self, run: u32, value: i32) -> Option<Code> {
        self.short.get(run as usize)?.get(usize::try_from(value + NEAR).ok()?).copied()
    }

    /// From the tables that begin at these offsets in [`STANDARD_TABLES`].
    const fn new(dc: usize, ac: usize) -> Self {
        let (by_size, by_run_and_size) = (codes(dc), codes(ac));
        let mut new = Self {
            dc: [Code::NONE; 16],
            ac: [[Code::NONE; 16]; 16],
            short: [[Code::NONE; 2 * NEAR as usize]; 16],
            end_of_block: by_run_and_size[0],
            sixteen_zeros: by_run_and_size[0xf0],
        };
        let mut run = 0;
        while run < 16 {
            new.dc[run] = by_size[run];
            let mut n = 0;
            while n < 16 {
                new.ac[run][n] = by_run_and_size[run << 4 | n];
                n += 1;
            }
            let mut n = 0;
            while n < 2 * NEAR as usize {
                let value = n as i32 - NEAR;
                if value != 0 {
                    let size = size(value);
                    new.short[run][n] = new.ac[run][size as usize].with(value, size);
                }
                n += 1;
            }
            run += 1;
        }
        new
    }
}

/// Bytes of a table in front of its symbols: its class and number, and how many codes have each of 16 lengths.
const COUNTS: usize = 16;

/// The code of each symbol of the table at an offset in [`STANDARD_TABLES`] (ITU T.81 annex C).
const fn codes(at: usize) -> [Code; 256] {
    let mut codes = [Code::NONE; 256];
    let mut symbol = at + 1 + COUNTS;
    let mut code = 0;
    let mut length = 1;
    while length <= COUNTS {
        let end = symbol + STANDARD_TABLES[at + length] as usize;
        while symbol < end {
            codes[STANDARD_TABLES[symbol] as usize] = Code::new(code, length as u32);
            code += 1;
            symbol += 1;
        }
        code <<= 1;
        length += 1;
    }
    codes
}

/// Bytes of a standard table of DC, and of one of AC.
const DC: usize = 1 + COUNTS + 12;
const AC: usize = 1 + COUNTS + 162;

/// Behind the marker and the length.
const FIRST: usize = 4;

/// Tables K.3 and K.5.
pub(super) static LUMINANCE: Codes = Codes::new(FIRST, FIRST + DC);

/// Tables K.4 and K.6.
pub(super) static CHROMINANCE: Codes = Codes::new(FIRST + DC + AC, FIRST + DC + AC + DC);
