use super::*;
use crate::STANDARD_TABLES;

/// Numbers that look random, the same ones in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn within(&mut self, limit: i16) -> i16 {
        self.below(2 * limit as u64 + 1) as i16 - limit
    }

    /// Of 64 coefficients, `nonzero` at most are not 0, and `limit` at most.
    fn block(&mut self, nonzero: u64, limit: i16) -> Block {
        let mut block = Block::ZERO;
        block.values[0] = self.within(1023);
        for _ in 0..nonzero {
            block.values[self.below(64) as usize] = self.within(limit);
        }
        masked(block)
    }
}

fn masked(mut block: Block) -> Block {
    block.nonzero = (0..64).filter(|n| block.values[*n] != 0).map(|n| 1 << n).sum();
    block
}

/// The coder of ITU T.81 F.1.2, as plain as can be: a string of zeros and ones.
#[derive(Default)]
struct Plain {
    bits: String,
}

impl Plain {
    /// The table of this class and number (its first byte says them), and its code of a symbol (annex C).
    fn symbol(&mut self, table: u8, symbol: u8) {
        let mut at = 4;
        while STANDARD_TABLES[at] != table {
            at += 17 + STANDARD_TABLES[at + 1..at + 17].iter().map(|n| usize::from(*n)).sum::<usize>();
        }
        let mut values = STANDARD_TABLES[at + 17..].iter();
        let mut code = 0;
        for length in 1..=16 {
            for _ in 0..STANDARD_TABLES[at + length] {
                if *values.next().unwrap() == symbol {
                    self.bits += &format!("{code:0length$b}");
                    return;
                }
                code += 1;
            }
            code *= 2;
        }
        panic!("no code for {symbol:#x}");
    }

    fn value(&mut self, table: u8, run: u8, value: i32) {
        let size = (0..).find(|size| value.abs() < 1 << size).unwrap();
        self.symbol(table, run << 4 | size as u8);
        if size > 0 {
            let bits = if value < 0 { value + (1 << size) - 1 } else { value };
            self.bits += &format!("{bits:0size$b}");
        }
    }

    fn block(&mut self, block: &Block, tables: Tables, last_dc: &mut i16) {
        let number = if tables == Tables::Luminance { 0 } else { 1 };
        self.value(number, 0, i32::from(block.values[0]) - i32::from(*last_dc));
        *last_dc = block.values[0];
        let mut run = 0;
        for natural in &NATURAL[1..] {
            match block.values[usize::from(*natural)] {
                0 => run += 1,
                value => {
                    for _ in 0..run / 16 {
                        self.symbol(0x10 | number, 0xf0);
                    }
                    self.value(0x10 | number, run % 16, i32::from(value));
                    run = 0;
                }
            }
        }
        if run > 0 {
            self.symbol(0x10 | number, 0);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        while !self.bits.len().is_multiple_of(8) {
            self.bits += "1";
        }
        let bytes = self.bits.as_bytes().chunks(8);
        let bytes = bytes.map(|byte| u8::from_str_radix(str::from_utf8(byte).unwrap(), 2).unwrap());
        bytes.flat_map(|byte| if byte == 0xff { vec![0xff, 0] } else { vec![byte] }).collect()
    }
}

const BOTH: [Tables; 2] = [Tables::Luminance, Tables::Chrominance];

fn plainly(blocks: &[Block]) -> Vec<u8> {
    let (mut plain, mut last) = (Plain::default(), [0; 2]);
    for (n, block) in blocks.iter().enumerate() {
        plain.block(block, BOTH[n % 2], &mut last[n % 2]);
    }
    plain.finish()
}

fn coded(blocks: &[Block], out: &mut [u8]) -> Result<usize, TooLarge> {
    let (mut writer, mut last) = (Writer::new(out), [0; 2]);
    for (n, block) in blocks.iter().enumerate() {
        writer.block(block, BOTH[n % 2], &mut last[n % 2])?;
    }
    writer.finish()
}

/// Blocks of all kinds: empty, sparse, full, with small and the largest values.
fn kinds() -> Vec<Vec<Block>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let repeat = if cfg!(miri) { 1 } else { 40 };
    let mut kinds = vec![vec![], vec![Block::ZERO], vec![masked(Block { values: [-1; 64], nonzero: 0 }); 9]];
    // The longest codes of all; and, alone at the end, a value behind the most zeros.
    let far = |n: usize| if n.is_multiple_of(2) { -1023 } else { 1023 };
    kinds.push((0..5).map(|n| masked(Block { values: [far(n); 64], nonzero: 0 })).collect());
    for value in [1, -1, 16, -16, 17, -17, 1023] {
        let mut block = Block::ZERO;
        block.values[63] = value;
        kinds.push(vec![masked(block); 3]);
    }
    for (nonzero, limit) in [(0, 0), (4, 3), (12, 20), (30, 15), (64, 1023), (200, 40)] {
        for _ in 0..repeat {
            let count = random.below(12);
            kinds.push((0..count).map(|_| random.block(nonzero, limit)).collect());
        }
    }
    kinds
}

#[test]
fn blocks_are_coded_as_the_standard_says() {
    for blocks in kinds().into_iter().step_by(if cfg!(miri) { 4 } else { 1 }) {
        let expected = plainly(&blocks);
        let mut out = vec![0; expected.len() + 2 * ROOM];
        let length = coded(&blocks, &mut out).unwrap();
        assert_eq!(&out[..length], expected);
    }
}

#[test]
fn a_slice_that_is_too_small_is_an_error_and_nothing_is_written_behind_it() {
    for blocks in kinds().into_iter().step_by(if cfg!(miri) { 9 } else { 3 }) {
        let expected = plainly(&blocks);
        let mut out = vec![0; expected.len() + 2];
        for capacity in (0..out.len()).step_by(if cfg!(miri) { 211 } else { 1 }) {
            out.fill(0xaa);
            let result = coded(&blocks, &mut out[..capacity]);
            if capacity < expected.len() {
                assert_eq!(result, Err(TooLarge { capacity }));
            } else {
                assert_eq!(result, Ok(expected.len()));
                assert_eq!(&out[..expected.len()], expected);
            }
            assert!(out[capacity..].iter().all(|byte| *byte == 0xaa));
        }
    }
}

#[test]
fn values_that_no_code_can_say_are_cut_and_do_no_harm() {
    let blocks =
        [i16::MIN, i16::MAX, i16::MIN].map(|value| masked(Block { values: [value; 64], nonzero: 0 }));
    let mut out = vec![0; 3 * ROOM];
    assert!(coded(&blocks, &mut out).is_ok());
    // Nor does a mask that does not tell the truth.
    let blocks = [Block { values: [0; 64], nonzero: u64::MAX }, Block { values: [5; 64], nonzero: 0 }];
    assert!(coded(&blocks, &mut out).is_ok());
}

#[test]
fn a_mask_is_put_into_zigzag_order() {
    for (n, natural) in NATURAL.iter().enumerate() {
        assert_eq!(in_zigzag(1 << natural), 1 << n);
    }
    assert_eq!(in_zigzag(u64::MAX), u64::MAX);
}
