//! With 256-bit vectors.

use std::arch::x86_64::*;

use super::*;

#[inline]
#[target_feature(enable = "avx2")]
fn pass(v: [__m256; 8]) -> [__m256; 8] {
    let by = |a, factor| _mm256_mul_ps(a, _mm256_set1_ps(factor));
    dct!(v, |a, b| _mm256_add_ps(a, b), |a, b| _mm256_sub_ps(a, b), by)
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose(v: [__m256; 8]) -> [__m256; 8] {
    let low = |a: usize, b: usize| _mm256_unpacklo_ps(v[a], v[b]);
    let high = |a: usize, b: usize| _mm256_unpackhi_ps(v[a], v[b]);
    let twos = [low(0, 1), high(0, 1), low(2, 3), high(2, 3), low(4, 5), high(4, 5), low(6, 7), high(6, 7)];
    let front = |a: usize, b: usize| _mm256_shuffle_ps::<0x44>(twos[a], twos[b]);
    let back = |a: usize, b: usize| _mm256_shuffle_ps::<0xee>(twos[a], twos[b]);
    let fours =
        [front(0, 2), back(0, 2), front(1, 3), back(1, 3), front(4, 6), back(4, 6), front(5, 7), back(5, 7)];
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
pub(in crate::pixels) fn block<const TRANSPOSED: bool>(
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
