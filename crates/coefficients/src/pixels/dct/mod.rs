//! A block of samples to quantized coefficients: the DCT of Arai, Agui and Nakajima in f32 (Trans. IEICE E-71, 1988),
//! whose scale factors are part of the divisors.
//!
//! Written for each kind of processor with the same operations in the same order, and never with fused multiplication:
//! all give the same coefficients, bit for bit.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::block::{Block, LEN, SIDE};
use crate::round::nearest;

/// What each coefficient is multiplied with, in natural order: the inverse of the quantization step and of the scale
/// that the DCT leaves.
pub(super) type Factors = [f32; LEN];

/// The factors of a quantization table.
pub(super) fn factors(table: &[u16; LEN]) -> Factors {
    // cos(k π / 16) √2, and 1 for DC.
    const SCALE: [f64; SIDE] = [
        1.0,
        1.387_039_845_322_148,
        1.306_562_964_876_377,
        1.175_875_602_419_359,
        1.0,
        0.785_694_958_387_102,
        0.541_196_100_146_197,
        0.275_899_379_282_943,
    ];
    std::array::from_fn(|n| (1.0 / (f64::from(table[n]) * 8.0 * SCALE[n / SIDE] * SCALE[n % SIDE])) as f32)
}

/// 128 for each of 64 samples: DC before its division.
const LEVEL: f32 = 128.0 * LEN as f32;

/// cos(3π/8).
const C6: f32 = 0.382_683_43;
/// cos(π/8) - cos(3π/8).
const C2_MINUS_C6: f32 = 0.541_196_1;
/// cos(π/8) + cos(3π/8).
const C2_PLUS_C6: f32 = SQRT_2 * 0.923_879_5;
/// cos(π/4).
const C4: f32 = FRAC_1_SQRT_2;

/// The DCT of eight numbers, or of vectors of numbers, with the processor's operations. Written once, so that all
/// processors do the same in the same order.
macro_rules! dct {
    ($v:expr, $add:expr, $sub:expr, $by:expr) => {{
        let (v, add, sub, by) = ($v, $add, $sub, $by);
        let (s07, d07) = (add(v[0], v[7]), sub(v[0], v[7]));
        let (s16, d16) = (add(v[1], v[6]), sub(v[1], v[6]));
        let (s25, d25) = (add(v[2], v[5]), sub(v[2], v[5]));
        let (s34, d34) = (add(v[3], v[4]), sub(v[3], v[4]));
        let (even0, even3) = (add(s07, s34), sub(s07, s34));
        let (even1, even2) = (add(s16, s25), sub(s16, s25));
        let turned = by(add(even2, even3), C4);
        let (odd0, odd1, odd2) = (add(d34, d25), add(d25, d16), add(d16, d07));
        let z5 = by(sub(odd0, odd2), C6);
        let z2 = add(by(odd0, C2_MINUS_C6), z5);
        let z4 = add(by(odd2, C2_PLUS_C6), z5);
        let z3 = by(odd1, C4);
        let (z11, z13) = (add(d07, z3), sub(d07, z3));
        [
            add(even0, even1),
            add(z11, z4),
            add(even3, turned),
            sub(z13, z2),
            sub(even0, even1),
            add(z13, z2),
            sub(even3, turned),
            sub(z11, z4),
        ]
    }};
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;

/// Eight vectors of eight numbers.
type Square = [[f32; SIDE]; SIDE];

/// The DCT across the vectors, in each lane.
#[inline(always)]
fn across(v: &mut Square) {
    let (add, sub, by) = (|a: f32, b: f32| a + b, |a: f32, b: f32| a - b, |a: f32, factor: f32| a * factor);
    for lane in 0..SIDE {
        let column = [0, 1, 2, 3, 4, 5, 6, 7].map(|n: usize| v[n][lane]);
        for (vector, value) in v.iter_mut().zip(dct!(column, add, sub, by)) {
            vector[lane] = value;
        }
    }
}

/// The coefficients of the 8x8 samples that begin at `samples[0]`, with rows `stride` bytes apart; transposed if
/// `TRANSPOSED`.
#[inline(always)]
#[cfg_attr(target_arch = "aarch64", allow(dead_code))] // tests compare with it
pub(super) fn portable<const TRANSPOSED: bool>(
    samples: &[u8],
    stride: usize,
    factors: &Factors,
    block: &mut Block,
) {
    let mut v: Square = [[0.0; SIDE]; SIDE];
    for (y, row) in samples.chunks(stride).take(SIDE).enumerate() {
        let row: &[u8; SIDE] = row.first_chunk().expect("a strip holds whole blocks");
        for (x, sample) in row.iter().enumerate() {
            // The first pass makes frequencies of the vectors' numbers, and so must have columns for vectors.
            let (vector, lane) = if TRANSPOSED { (y, x) } else { (x, y) };
            v[vector][lane] = f32::from(*sample);
        }
    }
    across(&mut v);
    let mut w: Square = [[0.0; SIDE]; SIDE];
    for (y, row) in w.iter_mut().enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            *value = v[x][y];
        }
    }
    across(&mut w);
    w[0][0] -= LEVEL;
    quantize(w.as_flattened(), factors, block);
}

#[inline(always)]
fn quantize(values: &[f32], factors: &Factors, block: &mut Block) {
    for ((quantized, value), factor) in block.values.iter_mut().zip(values).zip(factors) {
        *quantized = nearest(value * factor) as i16;
    }
    block.nonzero = 0;
    for (n, eight) in block.values.as_chunks::<SIDE>().0.iter().enumerate() {
        let mut bits = 0;
        for (bit, value) in eight.iter().enumerate() {
            bits |= u64::from(*value != 0) << bit;
        }
        block.nonzero |= bits << (n * SIDE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that no two blocks share, by a generator with a fixed beginning.
    fn noise(seed: u32) -> impl FnMut() -> u8 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }
    }

    /// The DCT as the standard defines it (ITU T.81 A.3.3).
    fn exact(samples: &[u8; LEN]) -> [f64; LEN] {
        let cosine = |x: usize, u: usize| ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos();
        let c = |u: usize| if u == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        std::array::from_fn(|n| {
            let (v, u) = (n / 8, n % 8);
            let sum: f64 =
                (0..LEN).map(|n| (f64::from(samples[n]) - 128.0) * cosine(n % 8, u) * cosine(n / 8, v)).sum();
            sum * c(u) * c(v) / 4.0
        })
    }

    #[test]
    fn coefficients_are_those_of_the_standard() {
        let mut next = noise(1);
        let table: [u16; LEN] = std::array::from_fn(|n| 1 + n as u16 % 13);
        for round in 0..if cfg!(miri) { 2 } else { 200 } {
            let samples: [u8; LEN] = std::array::from_fn(|_| match round {
                0 => 0,
                1 => 255,
                _ => next(),
            });
            let (mut block, mut transposed) = (Block::ZERO, Block::ZERO);
            portable::<false>(&samples, SIDE, &factors(&table), &mut block);
            let turned: [u16; LEN] = std::array::from_fn(|n| table[n % 8 * 8 + n / 8]);
            portable::<true>(&samples, SIDE, &factors(&turned), &mut transposed);
            for (n, exact) in exact(&samples).into_iter().enumerate() {
                let off = f64::from(block.values[n]) - exact / f64::from(table[n]);
                assert!(off.abs() < 0.501, "{n}: {off}");
                assert_eq!(block.nonzero >> n & 1 == 1, block.values[n] != 0);
                // Which pass comes first changes the last bits only.
                let difference = block.values[n] - transposed.values[n % 8 * 8 + n / 8];
                assert!(difference.abs() <= 1);
            }
        }
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn vectors_give_the_same_bits() {
        #[cfg(target_arch = "x86_64")]
        use avx2 as vectors;
        #[cfg(target_arch = "aarch64")]
        use neon as vectors;
        #[cfg(target_arch = "x86_64")]
        if !is_x86_feature_detected!("avx2") {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        let mut next = noise(2);
        for round in 0..if cfg!(miri) { 4 } else { 2000 } {
            let stride = 8 + round % 5 * 8;
            let samples: Vec<u8> = (0..stride * 8).map(|_| if round == 0 { 255 } else { next() }).collect();
            let table: [u16; LEN] = std::array::from_fn(|_| 1 + u16::from(next()) % 99);
            let factors = factors(&table);
            let (mut a, mut b, mut c, mut d) = (Block::ZERO, Block::ZERO, Block::ZERO, Block::ZERO);
            portable::<false>(&samples, stride, &factors, &mut a);
            portable::<true>(&samples, stride, &factors, &mut c);
            // SAFETY: this processor has AVX2, or is one of those that all have NEON.
            #[allow(unused_unsafe)] // where NEON is taken for granted
            unsafe {
                vectors::block::<false>(&samples, stride, &factors, &mut b);
                vectors::block::<true>(&samples, stride, &factors, &mut d);
            }
            assert_eq!(a, b);
            assert_eq!(c, d);
        }
    }
}
