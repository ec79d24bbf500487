//! The brightness and colour of each block of a picture, from its DC coefficients alone.
//!
//! Small and without a DCT: 160x90 numbers for the luma of 1280x720. It tells whether two pictures show the same, and
//! where something moves.

use crate::Coefficients;
use crate::geometry::MAX_COMPONENTS;

/// DC values of all components of a picture. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct DcGrid {
    values: Vec<i16>,
    /// Blocks across and down.
    sizes: [(u32, u32); MAX_COMPONENTS],
    count: usize,
}

/// DC values of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DcPlane<'a> {
    /// Blocks across: an eighth of the component's width in samples, rounded up.
    pub width: u32,
    /// Blocks down.
    pub height: u32,
    /// For each block, row by row, eight times the mean of its samples less 128 (ITU T.81 A.3.3): -1024 for black and
    /// 1016 for white, a little more or less after coarse quantization. What the standard does not allow is cut off at
    /// the ends of the type.
    pub values: &'a [i16],
}

impl DcGrid {
    /// Takes the values of a picture, whatever it had before.
    pub fn take(&mut self, coefficients: &Coefficients) {
        self.values.clear();
        self.count = coefficients.components().len();
        for (component, size) in coefficients.components().iter().zip(&mut self.sizes) {
            *size = component.blocks;
            let step = i32::from(component.quantization[0]);
            for row in 0..component.blocks.1 as usize {
                let first = component.first + row * component.padded.0 as usize;
                let blocks = &coefficients.blocks[first..][..component.blocks.0 as usize];
                self.values.extend(blocks.iter().map(|block| {
                    // Cannot overflow: 16 bits times 16.
                    (i32::from(block.dc) * step).clamp(i16::MIN.into(), i16::MAX.into()) as i16
                }));
            }
        }
    }

    /// Those of a component, in the order of [`Coefficients::components`]; `None` if there is no such component.
    pub fn component(&self, number: usize) -> Option<DcPlane<'_>> {
        let (before, rest) = self.sizes[..self.count].split_at_checked(number)?;
        let (width, height) = *rest.first()?;
        let area = |(width, height): (u32, u32)| width as usize * height as usize;
        let first = before.iter().copied().map(area).sum::<usize>();
        Some(DcPlane { width, height, values: &self.values[first..][..area((width, height))] })
    }
}
