//! Blocks to bits, with the standard Huffman tables (ITU T.81 F.1.2, K.3).

mod codes;
#[cfg(test)]
mod tests;

use crate::TooLarge;
use crate::block::{Block, LEN};
use crate::tables::{NATURAL, ZIGZAG};
use codes::{Code, Codes};

/// Which of the standard tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// K.3 and K.5.
    Luminance,
    /// K.4 and K.6.
    Chrominance,
}

/// Bits that wait for a whole word: as many as the processor takes at once. A code and the bits of its value, at most
/// 26, must fit in.
#[cfg(target_pointer_width = "64")]
type Word = u64;
#[cfg(not(target_pointer_width = "64"))]
type Word = u32;

const WORD_BYTES: usize = size_of::<Word>();

/// Bytes that a block takes at most, those that waited before it included: the codes and values of 64 coefficients, and
/// each byte may have to be stuffed. More than that, so that a word fits behind them.
const ROOM: usize = 2 * (64 * 26 / 8 + WORD_BYTES) + WORD_BYTES;

/// Appends coded blocks to a slice. Bytes 0xFF are stuffed (F.1.2.3).
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    written: usize,
    waiting: Waiting,
}

impl<'a> Writer<'a> {
    /// Writes from the beginning of `out`.
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, written: 0, waiting: Waiting { word: 0, free: Word::BITS } }
    }

    /// Appends a block. `last_dc` is the DC value of the component's block before, 0 at first and behind a restart
    /// marker; afterwards it is this block's.
    #[inline]
    pub(crate) fn block(&mut self, block: &Block, tables: Tables, last_dc: &mut i16) -> Result<(), TooLarge> {
        let difference = i32::from(block.values[0]) - i32::from(*last_dc);
        *last_dc = block.values[0];
        let codes = match tables {
            Tables::Luminance => &codes::LUMINANCE,
            Tables::Chrominance => &codes::CHROMINANCE,
        };
        let capacity = self.out.len();
        let rest = self.out.get_mut(self.written..).unwrap_or_default();
        if let Some(room) = rest.first_chunk_mut() {
            self.written += self.waiting.block(block, difference, codes, room);
            return Ok(());
        }
        let mut room = [0; ROOM];
        let length = self.waiting.block(block, difference, codes, &mut room);
        rest.get_mut(..length).ok_or(TooLarge { capacity })?.copy_from_slice(&room[..length]);
        self.written += length;
        Ok(())
    }

    /// Fills the last byte with ones and returns the number of bytes written (F.1.2.3).
    pub(crate) fn finish(self) -> Result<usize, TooLarge> {
        let Waiting { word, free } = self.waiting;
        let bytes = (Word::BITS - free).div_ceil(8) as usize;
        if bytes == 0 {
            return Ok(self.written);
        }
        let word = word << free | ((1 << free) - 1);
        let mut last = [0; 2 * WORD_BYTES];
        let mut length = 0;
        for byte in word.to_be_bytes().into_iter().take(bytes) {
            length = stuffed(&mut last, length, byte);
        }
        let end = self.written + length;
        let capacity = self.out.len();
        self.out.get_mut(self.written..end).ok_or(TooLarge { capacity })?.copy_from_slice(&last[..length]);
        Ok(end)
    }
}

/// The bits that do not fill a word yet.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// They are the lowest; above them is what has been written.
    word: Word,
    /// How many more fit in, at least one.
    free: u32,
}

impl Waiting {
    /// Writes a block's whole words into the beginning of `room` and returns how many bytes they take.
    #[inline]
    fn block(&mut self, block: &Block, difference: i32, codes: &Codes, room: &mut [u8; ROOM]) -> usize {
        let mut bits = Bits { waiting: *self, room, at: 0 };
        bits.put(codes.dc(difference));
        let mut ac = in_zigzag(block.nonzero) & !1;
        let mut last = 0;
        while ac != 0 {
            let n = ac.trailing_zeros();
            ac &= ac - 1;
            let value = i32::from(block.values[usize::from(NATURAL[n as usize] & 63)]);
            let run = n - last - 1;
            last = n;
            match codes.short(run, value) {
                Some(code) => bits.put(code),
                None => bits.long(codes, run, value),
            }
        }
        if last != LEN as u32 - 1 {
            bits.put(codes.end_of_block);
        }
        *self = bits.waiting;
        bits.at
    }
}

/// Where a block's bits go.
struct Bits<'r> {
    waiting: Waiting,
    room: &'r mut [u8; ROOM],
    at: usize,
}

impl Bits<'_> {
    #[inline(always)]
    fn put(&mut self, code: Code) {
        let (bits, length) = (Word::from(code.bits()), code.length());
        let Waiting { word, free } = self.waiting;
        self.waiting = if length < free {
            Waiting { word: word << length | bits, free: free - length }
        } else {
            let left = length - free;
            self.word(word << free | bits >> left);
            Waiting { word: bits, free: Word::BITS - left }
        };
    }

    #[inline(always)]
    fn word(&mut self, word: Word) {
        const ONES: Word = Word::MAX / 0xff;
        // A byte 0xFF has its highest bit set, and loses it when one is added. (A carry from the byte below may make 0xFE
        // look like it, which does no harm.)
        if word & !word.wrapping_add(ONES) & (ONES << 7) == 0 {
            self.room[self.at..self.at + WORD_BYTES].copy_from_slice(&word.to_be_bytes());
            self.at += WORD_BYTES;
        } else {
            self.at = stuffed_word(self.room, self.at, word);
        }
    }

    /// A value far from 0, or behind many zeros (F.1.2.2).
    #[cold]
    fn long(&mut self, codes: &Codes, mut run: u32, value: i32) {
        while run > 15 {
            self.put(codes.sixteen_zeros);
            run -= 16;
        }
        self.put(codes.ac(run, value));
    }
}

#[cold]
fn stuffed_word(room: &mut [u8; ROOM], mut at: usize, word: Word) -> usize {
    for byte in word.to_be_bytes() {
        at = stuffed(room, at, byte);
    }
    at
}

/// Puts a byte at offset `at`, and behind 0xFF a zero (F.1.2.3). Returns the offset behind them.
fn stuffed(room: &mut [u8], at: usize, byte: u8) -> usize {
    room[at] = byte;
    if byte == 0xff {
        room[at + 1] = 0;
        return at + 2;
    }
    at + 1
}

/// The bits of a mask in natural order, put into zigzag order.
#[inline(always)]
fn in_zigzag(natural: u64) -> u64 {
    static PARTS: [[u64; 16]; 16] = {
        let mut parts = [[0; 16]; 16];
        let mut n = 0;
        while n < 16 * 16 {
            let (part, bits) = (n / 16, n % 16);
            let mut bit = 0;
            while bit < 4 {
                if bits >> bit & 1 != 0 {
                    parts[part][bits] |= 1 << ZIGZAG[part * 4 + bit];
                }
                bit += 1;
            }
            n += 1;
        }
        parts
    };
    let mut zigzag = 0;
    for (part, bits) in PARTS.iter().enumerate() {
        zigzag |= bits[(natural >> (part * 4) & 15) as usize];
    }
    zigzag
}
