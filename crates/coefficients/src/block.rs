//! A block of quantized coefficients.

/// Coefficients in a block (ITU T.81 A.3.3).
pub const LEN: usize = 64;

/// The side of a block in samples.
pub const SIDE: usize = 8;

/// 8x8 quantized coefficients in natural order: `values[v * 8 + u]` has the vertical frequency `v` and the horizontal
/// frequency `u`; the first one is DC (ITU T.81 A.3.3). DC is the whole value, not the difference to another block's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(align(32))]
pub struct Block {
    /// DC from -1024 to 1023, the others from -1023 to 1023.
    pub values: [i16; LEN],
    /// Bit `i` is set if and only if `values[i]` is not 0.
    pub nonzero: u64,
}

impl Block {
    /// A block whose coefficients are all 0.
    pub const ZERO: Block = Block { values: [0; LEN], nonzero: 0 };
}
