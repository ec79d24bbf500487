//! Rounding that every processor does in the same way, and compilers with vectors.

/// The nearest integer, and the even one of two, of a number below 2^22.
#[inline(always)]
pub(crate) fn nearest(value: f32) -> i32 {
    /// Numbers from here to twice as much are whole: adding it rounds, and leaves the integer in the lower bits.
    const WHOLE: f32 = 12_582_912.0;
    ((value + WHOLE).to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest_and_halves_to_even() {
        let numbers = [0.0, 0.5, 1.5, 2.5, 2.51, -0.5, -1.5, -2.49, 4_194_303.0, -4_194_303.0];
        assert_eq!(numbers.map(nearest), [0, 0, 2, 2, 3, 0, -2, -2, 4_194_303, -4_194_303]);
    }
}
