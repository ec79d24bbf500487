//! Blocks to bits, with the standard Huffman tables (ITU T.81 F.1.2, K.3).

use crate::TooLarge;
use crate::block::Block;

/// Which of the standard tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// K.3 and K.5.
    Luminance,
    /// K.4 and K.6.
    Chrominance,
}

/// Appends coded blocks to a slice. Bytes 0xFF are stuffed (F.1.2.3).
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    #[allow(dead_code)]
    out: &'a mut [u8],
}

impl<'a> Writer<'a> {
    /// Writes from the beginning of `out`.
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out }
    }

    /// Appends a block. `last_dc` is the DC value of the component's block before, 0 at first and behind a restart
    /// marker; afterwards it is this block's.
    pub(crate) fn block(&mut self, block: &Block, tables: Tables, last_dc: &mut i16) -> Result<(), TooLarge> {
        let _ = (block, tables, last_dc);
        todo!()
    }

    /// Fills the last byte with ones and returns the number of bytes written (F.1.2.3).
    pub(crate) fn finish(self) -> Result<usize, TooLarge> {
        todo!()
    }
}
