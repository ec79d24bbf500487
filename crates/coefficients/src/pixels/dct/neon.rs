//! With 128-bit vectors, two for eight numbers.

use std::arch::aarch64::*;

use super::*;

/// Eight numbers.
type Eight = [float32x4_t; 2];

#[inline]
#[target_feature(enable = "neon")]
fn pass_half(v: [float32x4_t; 8]) -> [float32x4_t; 8] {
    dct!(v, |a, b| vaddq_f32(a, b), |a, b| vsubq_f32(a, b), |a, factor| vmulq_n_f32(a, factor))
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
pub(in crate::pixels) fn block<const TRANSPOSED: bool>(
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
