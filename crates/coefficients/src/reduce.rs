//! Blocks to pixels at 1/8 to 8/8 of the size: the inverse DCT of the lowest NxN coefficients gives NxN samples.

use crate::Coefficients;
use crate::pixels::Pixels;

/// Samples made from coefficients. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct Reducer {}

impl Reducer {
    /// Makes samples of a picture at `eighths` (1 to 8) of its size, rounded up. `None` if its components are not grey or
    /// Y'CbCr in one of the samplings that [`Pixels`] knows.
    pub fn reduce(&mut self, coefficients: &Coefficients, eighths: u32) -> Option<Pixels<'_>> {
        let _ = (coefficients, eighths);
        todo!()
    }
}
