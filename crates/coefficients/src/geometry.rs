//! Sampling factors, and how blocks make up MCUs and a picture (ITU T.81 A.1.1, A.2).

use crate::block::SIDE;
use crate::huffman::encode::Tables;

/// The most components of a picture.
pub const MAX_COMPONENTS: usize = 4;

/// How many pixels share their chroma: the sampling factors of luma, where those of chroma are 1 (ITU T.81 A.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// Luma only.
    Grey,
    /// 4:4:4, no chroma is shared.
    Full,
    /// 4:2:2, two pixels side by side share it.
    Across,
    /// 4:4:0, two pixels one above the other share it: 4:2:2 turned by 90 degrees.
    Down,
    /// 4:2:0, four pixels share it.
    Both,
}

impl Sampling {
    /// All of them.
    pub const ALL: [Sampling; 5] =
        [Sampling::Grey, Sampling::Full, Sampling::Across, Sampling::Down, Sampling::Both];

    /// Sampling factors of luma: across, down.
    pub const fn factors(self) -> (u32, u32) {
        match self {
            Sampling::Grey | Sampling::Full => (1, 1),
            Sampling::Across => (2, 1),
            Sampling::Down => (1, 2),
            Sampling::Both => (2, 2),
        }
    }

    /// Components in a picture.
    pub const fn components(self) -> usize {
        if matches!(self, Sampling::Grey) { 1 } else { 3 }
    }

    /// The size of an MCU in pixels: width, height.
    pub const fn mcu(self) -> (u32, u32) {
        let (across, down) = self.factors();
        (across * SIDE as u32, down * SIDE as u32)
    }

    /// The same of a picture whose rows become columns.
    pub const fn transposed(self) -> Self {
        match self {
            Sampling::Across => Sampling::Down,
            Sampling::Down => Sampling::Across,
            other => other,
        }
    }
}

/// A component of a JPEG, as its frame and scan headers describe it (ITU T.81 B.2.2, B.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component {
    /// Any number that no other component has.
    pub(crate) id: u8,
    /// The horizontal sampling factor, 1 to 4.
    pub(crate) across: u8,
    /// The vertical sampling factor, 1 to 4.
    pub(crate) down: u8,
    /// The number of its quantization table, 0 to 3.
    pub(crate) quantization: u8,
    /// Its Huffman tables.
    pub(crate) tables: Tables,
}
