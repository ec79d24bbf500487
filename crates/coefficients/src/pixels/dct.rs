//! A block of samples to quantized coefficients: the DCT of Arai, Agui and Nakajima in f32 (Trans. IEICE E-71, 1988),
//! whose scale factors are part of the divisors.
//!
//! Written for each kind of processor with the same operations in the same order, and never with fused multiplication:
//! all give the same coefficients, bit for bit.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::block::{Block, LEN, SIDE};

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

/// Eight vectors of eight numbers.
type Square = [[f32; SIDE]; SIDE];

/// The DCT across the vectors, in each lane.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // a lane is a number in each vector
fn across(v: &mut Square) {
    for lane in 0..SIDE {
        let (s07, d07) = (v[0][lane] + v[7][lane], v[0][lane] - v[7][lane]);
        let (s16, d16) = (v[1][lane] + v[6][lane], v[1][lane] - v[6][lane]);
        let (s25, d25) = (v[2][lane] + v[5][lane], v[2][lane] - v[5][lane]);
        let (s34, d34) = (v[3][lane] + v[4][lane], v[3][lane] - v[4][lane]);

        let (even0, even3) = (s07 + s34, s07 - s34);
        let (even1, even2) = (s16 + s25, s16 - s25);
        v[0][lane] = even0 + even1;
        v[4][lane] = even0 - even1;
        let turned = (even2 + even3) * C4;
        v[2][lane] = even3 + turned;
        v[6][lane] = even3 - turned;

        let (odd0, odd1, odd2) = (d34 + d25, d25 + d16, d16 + d07);
        let z5 = (odd0 - odd2) * C6;
        let z2 = odd0 * C2_MINUS_C6 + z5;
        let z4 = odd2 * C2_PLUS_C6 + z5;
        let z3 = odd1 * C4;
        let (z11, z13) = (d07 + z3, d07 - z3);
        v[5][lane] = z13 + z2;
        v[3][lane] = z13 - z2;
        v[1][lane] = z11 + z4;
        v[7][lane] = z11 - z4;
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
    // Adding this rounds a number below 2^22 to the nearest integer, and to an even one of two; the lower bits are then
    // that integer.
    const ROUND: f32 = 12_582_912.0;
    for ((quantized, value), factor) in block.values.iter_mut().zip(values).zip(factors) {
        *quantized = ((value * factor + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32) as i16;
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

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    //! With 256-bit vectors.

    use std::arch::x86_64::*;

    use super::*;

    #[inline]
    #[target_feature(enable = "avx2")]
    fn pass(v: [__m256; 8]) -> [__m256; 8] {
        let add = |a, b| _mm256_add_ps(a, b);
        let sub = |a, b| _mm256_sub_ps(a, b);
        let by = |a, factor| _mm256_mul_ps(a, _mm256_set1_ps(factor));
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
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn transpose(v: [__m256; 8]) -> [__m256; 8] {
        let low = |a: usize, b: usize| _mm256_unpacklo_ps(v[a], v[b]);
        let high = |a: usize, b: usize| _mm256_unpackhi_ps(v[a], v[b]);
        let twos =
            [low(0, 1), high(0, 1), low(2, 3), high(2, 3), low(4, 5), high(4, 5), low(6, 7), high(6, 7)];
        let front = |a: usize, b: usize| _mm256_shuffle_ps::<0x44>(twos[a], twos[b]);
        let back = |a: usize, b: usize| _mm256_shuffle_ps::<0xee>(twos[a], twos[b]);
        let fours = [
            front(0, 2),
            back(0, 2),
            front(1, 3),
            back(1, 3),
            front(4, 6),
            back(4, 6),
            front(5, 7),
            back(5, 7),
        ];
        let lows = |n: usize| _mm256_permute2f128_ps::<0x20>(fours[n], fours[n + 4]);
        let highs = |n: usize| _mm256_permute2f128_ps::<0x31>(fours[n], fours[n + 4]);
        [lows(0), lows(1), lows(2), lows(3), highs(0), highs(1), highs(2), highs(3)]
    }

    /// Eight rows of eight bytes, or eight columns if `COLUMNS`, as numbers.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load<const COLUMNS: bool>(samples: &[u8], stride: usize) -> [__m256; 8] {
        let samples = &samples[..7 * stride + SIDE];
        let row = |y: usize| {
            let bytes = *samples[y * stride..].first_chunk().expect("a strip holds whole blocks");
            _mm_cvtsi64_si128(i64::from_le_bytes(bytes))
        };
        let numbers = |bytes| _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
        if !COLUMNS {
            return [0, 1, 2, 3, 4, 5, 6, 7].map(|y| numbers(row(y)));
        }
        let twos = [(0, 1), (2, 3), (4, 5), (6, 7)].map(|(a, b)| _mm_unpacklo_epi8(row(a), row(b)));
        let fours = [
            _mm_unpacklo_epi16(twos[0], twos[1]),
            _mm_unpackhi_epi16(twos[0], twos[1]),
            _mm_unpacklo_epi16(twos[2], twos[3]),
            _mm_unpackhi_epi16(twos[2], twos[3]),
        ];
        let columns = [
            _mm_unpacklo_epi32(fours[0], fours[2]),
            _mm_unpackhi_epi32(fours[0], fours[2]),
            _mm_unpacklo_epi32(fours[1], fours[3]),
            _mm_unpackhi_epi32(fours[1], fours[3]),
        ];
        let first = |n: usize| numbers(columns[n]);
        let second = |n: usize| numbers(_mm_srli_si128::<8>(columns[n]));
        [first(0), second(0), first(1), second(1), first(2), second(2), first(3), second(3)]
    }

    /// As [`super::portable`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn block<const TRANSPOSED: bool>(
        samples: &[u8],
        stride: usize,
        factors: &Factors,
        block: &mut Block,
    ) {
        let loaded = if TRANSPOSED { load::<false>(samples, stride) } else { load::<true>(samples, stride) };
        let mut v = pass(transpose(pass(loaded)));
        v[0] = _mm256_sub_ps(v[0], _mm256_setr_ps(LEVEL, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0));
        let factors = factors.as_chunks::<8>().0;
        let row = |n: usize| {
            let [a, b, c, d, e, f, g, h] = factors[n];
            _mm256_cvtps_epi32(_mm256_mul_ps(v[n], _mm256_setr_ps(a, b, c, d, e, f, g, h)))
        };
        let rows = |n: usize| _mm256_permute4x64_epi64::<0xd8>(_mm256_packs_epi32(row(n), row(n + 1)));
        let rows = [rows(0), rows(2), rows(4), rows(6)];
        let bytes = |a, b| _mm256_permute4x64_epi64::<0xd8>(_mm256_packs_epi16(a, b));
        let zeros = |four| _mm256_movemask_epi8(_mm256_cmpeq_epi8(four, _mm256_setzero_si256())) as u32;
        let (low, high) = (zeros(bytes(rows[0], rows[1])), zeros(bytes(rows[2], rows[3])));
        block.nonzero = !(u64::from(high) << 32 | u64::from(low));
        for (values, rows) in block.values.as_chunks_mut::<16>().0.iter_mut().zip(rows) {
            // SAFETY: `values` has 16 times 2 bytes, as many as are stored, and the store needs no alignment.
            unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), rows) };
        }
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) mod neon {
    //! With 128-bit vectors, two for eight numbers.

    use std::arch::aarch64::*;

    use super::*;

    /// Eight numbers.
    type Eight = [float32x4_t; 2];

    #[inline]
    #[target_feature(enable = "neon")]
    fn pass_half(v: [float32x4_t; 8]) -> [float32x4_t; 8] {
        let add = |a, b| vaddq_f32(a, b);
        let sub = |a, b| vsubq_f32(a, b);
        let by = |a, factor| vmulq_n_f32(a, factor);
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
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn pass(v: [Eight; 8]) -> [Eight; 8] {
        let halves = [0, 1].map(|half| pass_half([0, 1, 2, 3, 4, 5, 6, 7].map(|n: usize| v[n][half])));
        [0, 1, 2, 3, 4, 5, 6, 7].map(|n: usize| [halves[0][n], halves[1][n]])
    }

    /// Four vectors of four numbers.
    #[inline]
    #[target_feature(enable = "neon")]
    fn transpose_quarter(v: [float32x4_t; 4]) -> [float32x4_t; 4] {
        let twos =
            [vtrn1q_f32(v[0], v[1]), vtrn2q_f32(v[0], v[1]), vtrn1q_f32(v[2], v[3]), vtrn2q_f32(v[2], v[3])]
                .map(|two| vreinterpretq_f64_f32(two));
        [
            vtrn1q_f64(twos[0], twos[2]),
            vtrn1q_f64(twos[1], twos[3]),
            vtrn2q_f64(twos[0], twos[2]),
            vtrn2q_f64(twos[1], twos[3]),
        ]
        .map(|four| vreinterpretq_f32_f64(four))
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn transpose(v: [Eight; 8]) -> [Eight; 8] {
        let quarter = |first: usize, half: usize| {
            transpose_quarter([v[first][half], v[first + 1][half], v[first + 2][half], v[first + 3][half]])
        };
        let (a, b, c, d) = (quarter(0, 0), quarter(0, 1), quarter(4, 0), quarter(4, 1));
        [
            [a[0], c[0]],
            [a[1], c[1]],
            [a[2], c[2]],
            [a[3], c[3]],
            [b[0], d[0]],
            [b[1], d[1]],
            [b[2], d[2]],
            [b[3], d[3]],
        ]
    }

    /// Eight rows of eight bytes, or eight columns if `COLUMNS`.
    #[inline]
    #[target_feature(enable = "neon")]
    fn load<const COLUMNS: bool>(samples: &[u8], stride: usize) -> [uint8x8_t; 8] {
        let samples = &samples[..7 * stride + SIDE];
        let row = |y: usize| {
            let bytes = *samples[y * stride..].first_chunk().expect("a strip holds whole blocks");
            vcreate_u8(u64::from_le_bytes(bytes))
        };
        let r = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        if !COLUMNS {
            return r;
        }
        let two = |a: usize| {
            let (b, two) = (a + 1, |both| vreinterpret_u16_u8(both));
            (two(vtrn1_u8(r[a], r[b])), two(vtrn2_u8(r[a], r[b])))
        };
        let ((even0, odd0), (even1, odd1), (even2, odd2), (even3, odd3)) = (two(0), two(2), two(4), two(6));
        let four = |a, b| (vreinterpret_u32_u16(vtrn1_u16(a, b)), vreinterpret_u32_u16(vtrn2_u16(a, b)));
        let ((c04, c26), (d04, d26)) = (four(even0, even1), four(even2, even3));
        let ((c15, c37), (d15, d37)) = (four(odd0, odd1), four(odd2, odd3));
        let low = |a, b| vreinterpret_u8_u32(vtrn1_u32(a, b));
        let high = |a, b| vreinterpret_u8_u32(vtrn2_u32(a, b));
        [
            low(c04, d04),
            low(c15, d15),
            low(c26, d26),
            low(c37, d37),
            high(c04, d04),
            high(c15, d15),
            high(c26, d26),
            high(c37, d37),
        ]
    }

    /// Bit `n` for each number that is not 0.
    #[inline]
    #[target_feature(enable = "neon")]
    fn nonzero(rows: &[int16x8_t; 8]) -> u64 {
        let weights = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
        let two = |n: usize| {
            let is_set = |row: int16x8_t| vreinterpretq_u8_u16(vtstq_s16(row, row));
            vandq_u8(vuzp1q_u8(is_set(rows[n]), is_set(rows[n + 1])), weights)
        };
        let four = |a, b| vpaddq_u8(a, b);
        let bits = four(four(two(0), two(2)), four(two(4), two(6)));
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(bits, bits)))
    }

    /// As [`super::portable`].
    #[inline]
    #[target_feature(enable = "neon")]
    pub(in super::super) fn block<const TRANSPOSED: bool>(
        samples: &[u8],
        stride: usize,
        factors: &Factors,
        block: &mut Block,
    ) {
        let loaded = if TRANSPOSED { load::<false>(samples, stride) } else { load::<true>(samples, stride) };
        let numbers = |bytes| {
            let wide = vmovl_u8(bytes);
            [vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide))), vcvtq_f32_u32(vmovl_high_u16(wide))]
        };
        let [a, b, c, d, e, f, g, h] = loaded;
        let loaded =
            [numbers(a), numbers(b), numbers(c), numbers(d), numbers(e), numbers(f), numbers(g), numbers(h)];
        let mut v = pass(transpose(pass(loaded)));
        v[0][0] = vsubq_f32(v[0][0], vsetq_lane_f32::<0>(LEVEL, vdupq_n_f32(0.0)));
        let factors = factors.as_chunks::<4>().0;
        let row = |n: usize| {
            let half = |half: usize| {
                // SAFETY: there are as many numbers as are loaded.
                let factors = unsafe { vld1q_f32(factors[2 * n + half].as_ptr()) };
                vcvtnq_s32_f32(vmulq_f32(v[n][half], factors))
            };
            vqmovn_high_s32(vqmovn_s32(half(0)), half(1))
        };
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        block.nonzero = nonzero(&rows);
        for (values, row) in block.values.as_chunks_mut::<SIDE>().0.iter_mut().zip(rows) {
            // SAFETY: there is room for as many values as are stored.
            unsafe { vst1q_s16(values.as_mut_ptr(), row) };
        }
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
        for round in 0..200 {
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
        for round in 0..2000 {
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
