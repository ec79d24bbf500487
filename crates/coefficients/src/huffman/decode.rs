//! Bits to blocks, with any Huffman tables (ITU T.81 F.2.2).

use crate::block::LEN;
use crate::marker;
use crate::picture::Entry;
use crate::tables::NATURAL;

/// Codes up to this length are found by one look into a table, with the value behind them if both fit.
const LOOKUP_BITS: u32 = 10;

/// The longest code (B.2.4.2).
const LONGEST: usize = 16;

/// The most bits of a DC difference and of an AC coefficient with 8-bit samples (F.1.2.1, F.1.2.2).
pub(crate) const DC_BITS: u8 = 11;
pub(crate) const AC_BITS: u8 = 10;

/// DC values of 8-bit samples.
pub(crate) const DC_RANGE: (i32, i32) = (-1024, 1023);

/// What a table is for (B.2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Dc,
    Ac,
}

/// The coded data are damaged, or end too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bad;

/// A Huffman table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// By the next bits. 0 if they begin a longer code, or none; else see [`Found`].
    lookup: [u32; 1 << LOOKUP_BITS],
    /// For each length: where its codes end, padded to 16 bits.
    ends: [u32; LONGEST],
    /// For each length: what makes an index into `values` of a code, modulo 2^16.
    offsets: [u16; LONGEST],
    counts: [u8; LONGEST],
    values: [u8; 256],
    /// Whether it holds a usable table.
    is_usable: bool,
}

/// An entry of [`Table::lookup`]: bits 0 to 7 are a length, 8 to 15 the symbol, 16 to 31 the value that the bits behind
/// the code give. If that is 0, the value's bits are not all there, or the symbol has none; the length is then the code's,
/// else that of code and value.
pub(crate) struct Found(u32);

impl Found {
    const fn pack(length: u32, symbol: u8, value: i32) -> u32 {
        length | (symbol as u32) << 8 | ((value as u16) as u32) << 16
    }

    pub(crate) const fn length(&self) -> u32 {
        self.0 & 0xff
    }

    pub(crate) const fn symbol(&self) -> u8 {
        (self.0 >> 8) as u8
    }

    pub(crate) const fn value(&self) -> i16 {
        (self.0 >> 16) as i16
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            lookup: [0; 1 << LOOKUP_BITS],
            ends: [0; LONGEST],
            offsets: [0; LONGEST],
            counts: [0; LONGEST],
            values: [0; 256],
            is_usable: false,
        }
    }
}

impl Table {
    /// Whether it can be used; if not, [`Table::load`] was never called, or refused the last one.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// Takes the numbers of codes of 1 to 16 bits and their symbols. A table with no code, with more codes than there are
    /// or more than 256 is not usable. The one that it has already costs nothing: cameras send the same in each picture.
    /// A table always stays with one `class`.
    pub(crate) fn load(&mut self, class: Class, counts: &[u8; LONGEST], symbols: &[u8]) {
        if self.is_usable && self.counts == *counts && self.values.starts_with(symbols) {
            return;
        }
        self.is_usable = false;
        self.counts = *counts;
        self.values = [0; 256];
        self.lookup.fill(0);
        let Some(values) = self.values.get_mut(..symbols.len()) else { return };
        values.copy_from_slice(symbols);
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let place = length as usize - 1;
            let end = code + u32::from(count);
            if end > 1 << length {
                return;
            }
            self.offsets[place] = (index as u16).wrapping_sub(code as u16);
            if length <= LOOKUP_BITS {
                for code in code..end {
                    self.enter(class, code, length, symbols.get(index).copied().unwrap_or(0));
                    index += 1;
                }
            } else {
                index += usize::from(count);
            }
            self.ends[place] = end << (LONGEST as u32 - length);
            code = end << 1;
        }
        self.is_usable = index > 0 && index == symbols.len();
    }

    /// Enters a code into the lookup table, for all bits that can follow it.
    fn enter(&mut self, class: Class, code: u32, length: u32, symbol: u8) {
        let size = match class {
            Class::Dc if symbol > DC_BITS => return, // damage, found later
            Class::Ac if symbol & 15 > AC_BITS => return,
            Class::Dc | Class::Ac => u32::from(symbol & 15),
        };
        let rest = LOOKUP_BITS - length;
        let first = code << rest;
        for behind in 0..1 << rest {
            let found = if (1..=rest).contains(&size) {
                let value = extend((behind >> (rest - size)) as i32, size);
                Found::pack(length + size, symbol, value)
            } else {
                Found::pack(length, symbol, 0)
            };
            self.lookup[(first + behind) as usize] = found;
        }
    }

    /// Whether another one has the same codes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_usable && other.is_usable && self.counts == other.counts && self.values == other.values
    }

    /// The length and symbol of the code at the beginning of `bits`.
    pub(crate) fn next(&self, bits: u64) -> Result<(u32, u8), Bad> {
        let found = Found(self.lookup[(bits >> (64 - LOOKUP_BITS)) as usize]);
        match found.length() {
            0 => self.code(bits),
            length if found.value() == 0 => Ok((length, found.symbol())),
            length => Ok((length - u32::from(found.symbol() & 15), found.symbol())),
        }
    }

    /// The length and symbol of the code at the beginning of `bits`, however long it is.
    #[cold]
    pub(crate) fn code(&self, bits: u64) -> Result<(u32, u8), Bad> {
        let next = (bits >> (64 - LONGEST)) as u32;
        let place = self.ends.iter().position(|&end| next < end).ok_or(Bad)?;
        let code = (next >> (LONGEST - 1 - place)) as u16;
        let index = code.wrapping_add(self.offsets[place]);
        let symbol = self.values.get(usize::from(index)).ok_or(Bad)?;
        Ok((place as u32 + 1, *symbol))
    }
}

/// The value of `size` bits, 1 to 15 (F.2.2.1, EXTEND).
#[inline(always)]
const fn extend(bits: i32, size: u32) -> i32 {
    if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
}

/// The bits of a scan. Takes stuffing out, stops in front of a marker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// Of the next byte that is not in `bits` yet.
    at: usize,
    /// The next bits, from the highest on. Those behind the end are 0.
    pub(crate) bits: u64,
    /// How many bits there are, at most 63; negative if more were taken than there were.
    pub(crate) count: i32,
}

impl<'a> Reader<'a> {
    /// Reads coded data from offset `at` on.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, bits: 0, count: 0 }
    }

    /// The offset of the next byte that is not read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Makes sure that there are at least 56 bits, if there are so many in front of the next marker.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let next = u64::from_be_bytes(*next);
            // Whether a byte is 0xFF: its complement is 0, and only from 0 the subtraction borrows.
            const ONES: u64 = u64::MAX / 255;
            let has_prefix = (!next).wrapping_sub(ONES) & next & (ONES << 7) != 0;
            if !has_prefix && self.count >= 0 {
                self.bits |= next >> (self.count & 63);
                self.at += ((63 - self.count) >> 3) as usize;
                self.count |= 56;
                return;
            }
        }
        *self = self.refilled_bytewise();
    }

    /// By value, so that the usual way keeps everything in registers.
    #[cold]
    #[inline(never)]
    fn refilled_bytewise(mut self) -> Self {
        // Bits below the count may be there from the last time; they are the same that come now.
        while (0..56).contains(&self.count) {
            let Some(&byte) = self.bytes.get(self.at) else { break };
            if byte == marker::PREFIX {
                if self.bytes.get(self.at + 1) != Some(&marker::STUFFED) {
                    break;
                }
                self.at += 1;
            }
            self.at += 1;
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count as i32;
    }

    /// The value of `size` bits, 1 to 15.
    #[inline(always)]
    fn value(&mut self, size: u32) -> i32 {
        let bits = (self.bits >> (64 - size)) as i32;
        self.take(size);
        extend(bits, size)
    }

    #[inline(always)]
    pub(crate) fn look_up(&self, table: &Table) -> Found {
        Found(table.lookup[(self.bits >> (64 - LOOKUP_BITS)) as usize])
    }

    /// Takes the next code and gives its symbol.
    #[inline(always)]
    pub(crate) fn symbol(&mut self, found: &Found, table: &Table) -> Result<u8, Bad> {
        let (length, symbol) =
            if found.0 != 0 { (found.length(), found.symbol()) } else { table.code(self.bits)? };
        self.take(length);
        Ok(symbol)
    }

    /// The difference of a DC coefficient to the one before.
    #[inline(always)]
    pub(crate) fn difference(&mut self, table: &Table) -> Result<i32, Bad> {
        let found = self.look_up(table);
        if found.value() != 0 {
            self.take(found.length());
            return Ok(found.value().into());
        }
        match self.symbol(&found, table)? {
            0 => Ok(0),
            size @ 1..=DC_BITS => Ok(self.value(size.into())),
            _ => Err(Bad),
        }
    }

    /// Reads a block: its AC coefficients that are not 0 into the beginning of `entries`, in zigzag order. Returns DC and
    /// how many entries there are. `last_dc` is the DC value of the component's block before, 0 at first and behind a
    /// restart marker; afterwards it is this block's.
    #[inline(always)]
    pub(crate) fn block(
        &mut self,
        (dc, ac): (&Table, &Table),
        last_dc: &mut i32,
        entries: &mut [Entry; LEN],
    ) -> Result<(i16, u8), Bad> {
        let mut reader = *self;
        reader.refill();
        *last_dc = (*last_dc + reader.difference(dc)?).clamp(DC_RANGE.0, DC_RANGE.1);
        let mut count = 0;
        let mut k = 1;
        'block: while k < LEN {
            reader.refill();
            // A code has at most 16 bits, and its value 10: those of two are there.
            for _ in 0..2 {
                let found = reader.look_up(ac);
                let value = if found.value() != 0 {
                    reader.take(found.length());
                    k += usize::from(found.symbol() >> 4);
                    found.value()
                } else {
                    match reader.symbol(&found, ac)? {
                        0 => break 'block,
                        0xf0 => {
                            k += 16;
                            continue 'block;
                        }
                        symbol if matches!(symbol & 15, 1..=AC_BITS) => {
                            k += usize::from(symbol >> 4);
                            reader.value(u32::from(symbol & 15)) as i16
                        }
                        _ => return Err(Bad),
                    }
                };
                let index = *NATURAL.get(k).ok_or(Bad)?;
                entries[count % LEN] = Entry { value, index };
                count += 1;
                k += 1;
                if k == LEN {
                    break 'block;
                }
            }
        }
        *self = reader;
        if k > LEN || self.count < 0 {
            return Err(Bad);
        }
        Ok((*last_dc as i16, count as u8))
    }

    /// Goes on behind the restart marker with this number, 0 to 7, which must follow (B.2.1, F.2.2.4).
    pub(crate) fn restarted(self, number: u8) -> Result<Self, Bad> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let fill = rest.iter().take_while(|&&byte| byte == marker::PREFIX).count();
        let is_marker = fill > 0 && rest.get(fill) == Some(&(marker::RST0 + number));
        if !is_marker || self.count >= 8 {
            return Err(Bad);
        }
        Ok(Self::new(self.bytes, self.at + fill + 1))
    }
}
