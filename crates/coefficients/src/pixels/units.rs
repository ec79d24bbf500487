//! Samples out of rows of units: a unit is what lies in memory for a pixel, or for two that share their chroma.

/// What `sample` makes of each unit.
#[inline(always)]
pub(super) fn map<const UNIT: usize>(units: &[u8], samples: &mut [u8], sample: impl Fn(&[u8; UNIT]) -> u8) {
    for (sample_of, unit) in samples.iter_mut().zip(units.as_chunks().0) {
        *sample_of = sample(unit);
    }
}

/// What `sample` makes of each unit and the unit below it.
#[inline(always)]
pub(super) fn map_two<const UNIT: usize>(
    [above, below]: [&[u8]; 2],
    samples: &mut [u8],
    sample: impl Fn(&[u8; UNIT], &[u8; UNIT]) -> u8,
) {
    let units = above.as_chunks().0.iter().zip(below.as_chunks().0);
    for (sample_of, (above, below)) in samples.iter_mut().zip(units) {
        *sample_of = sample(above, below);
    }
}

/// Byte `INDEX` of each unit of two or four bytes; if the two rows are not the same, the mean with the unit below it.
#[inline(always)]
pub(super) fn one_of<const UNIT: usize, const INDEX: usize>(
    rows: [&[u8]; 2],
    samples: &mut [u8],
    full: impl Fn(u8) -> u8,
) {
    #[cfg(target_arch = "aarch64")]
    let (rows, samples) = neon::one_of::<UNIT, INDEX>(rows, samples, &full);
    if std::ptr::eq(rows[0], rows[1]) {
        map::<UNIT>(rows[0], samples, |unit| full(unit[INDEX]));
    } else {
        map_two::<UNIT>(rows, samples, |above, below| full(mean(above[INDEX], below[INDEX])));
    }
}

/// Compilers load each byte of a unit by itself, although the processor can take them apart.
#[cfg(target_arch = "aarch64")]
mod neon {
    use std::arch::aarch64::*;

    /// Units that are taken apart at once.
    const COUNT: usize = 16;

    /// Of as many units as are whole vectors; returns what is left.
    #[inline(always)]
    pub(super) fn one_of<'r, 's, const UNIT: usize, const INDEX: usize>(
        rows: [&'r [u8]; 2],
        samples: &'s mut [u8],
        full: &impl Fn(u8) -> u8,
    ) -> ([&'r [u8]; 2], &'s mut [u8]) {
        let is_one = std::ptr::eq(rows[0], rows[1]);
        let [above, below] = rows.map(|row| row.as_chunks::<UNIT>().0.as_chunks::<COUNT>().0);
        let vectors = above.len().min(below.len()).min(samples.len() / COUNT);
        let (whole, rest) = samples.split_at_mut(vectors * COUNT);
        for ((samples, above), below) in whole.as_chunks_mut::<COUNT>().0.iter_mut().zip(above).zip(below) {
            // SAFETY: every processor of this architecture has NEON. As many bytes are loaded and stored as the arrays have.
            unsafe {
                let above = byte::<UNIT, INDEX>(above);
                let mean = if is_one { above } else { vrhaddq_u8(above, byte::<UNIT, INDEX>(below)) };
                vst1q_u8(samples.as_mut_ptr(), mean);
            }
            samples.iter_mut().for_each(|sample| *sample = full(*sample));
        }
        (rows.map(|row| &row[vectors * COUNT * UNIT..]), rest)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn byte<const UNIT: usize, const INDEX: usize>(units: &[[u8; UNIT]; COUNT]) -> uint8x16_t {
        const { assert!(INDEX < UNIT && (UNIT == 2 || UNIT == 4)) };
        let bytes = units.as_flattened().as_ptr();
        if UNIT == 2 {
            // SAFETY: there are 32 bytes.
            let two = unsafe { vld2q_u8(bytes) };
            return if INDEX == 0 { two.0 } else { two.1 };
        }
        // SAFETY: there are 64 bytes.
        let four = unsafe { vld4q_u8(bytes) };
        match INDEX {
            0 => four.0,
            1 => four.1,
            2 => four.2,
            _ => four.3,
        }
    }
}

/// What `sample` makes of each two units in a row and the two below. The last unit of an odd width has no partner.
#[inline(always)]
pub(super) fn pairs<const UNIT: usize>(
    rows: [&[u8]; 2],
    width: usize,
    x: usize,
    out: &mut [u8],
    sample: impl Fn(&[u8; UNIT], &[u8; UNIT], &[u8; UNIT], &[u8; UNIT]) -> u8,
) {
    let [above, below] = rows.map(|row| {
        let units = row.as_chunks::<UNIT>().0;
        &units[..width.min(units.len())]
    });
    let (above, below) = (above.get(x * 2..).unwrap_or_default(), below.get(x * 2..).unwrap_or_default());
    let ((twos, one), (twos_below, one_below)) = (above.as_chunks::<2>(), below.as_chunks::<2>());
    for (out, ([a, b], [c, d])) in out.iter_mut().zip(twos.iter().zip(twos_below)) {
        *out = sample(a, b, c, d);
    }
    if let (Some(out), [a], [b]) = (out.get_mut(twos.len()), one, one_below) {
        *out = sample(a, a, b, b);
    }
}

#[inline(always)]
pub(super) fn mean(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}
