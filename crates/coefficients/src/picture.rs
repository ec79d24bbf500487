//! All blocks of a picture, as they were taken out of a JPEG.
//!
//! They are kept sparsely: of the 63 AC coefficients of a block a photograph has a handful that are not 0.

mod decode;
mod error;
mod recode;
pub(crate) mod scan;

pub use error::DecodeError;

use crate::block::{LEN, SIDE};
use crate::exif::Orientation;
use crate::geometry::MAX_COMPONENTS;
use crate::head::read::HuffmanTables;

/// The coefficients of a picture. Keeps its memory from one picture to the next.
#[derive(Debug, Default)]
pub struct Coefficients {
    pub(crate) frame: Frame,
    /// All blocks of the first component, row by row with those that only fill MCUs, then those of the second and so on.
    pub(crate) blocks: Vec<Stored>,
    /// The AC coefficients of all blocks, in the order of the scans; longer than what is in use, so that a decoder can
    /// fill it without growing it block by block.
    pub(crate) entries: Vec<Entry>,
    huffman: HuffmanTables,
}

/// What the headers say about a picture.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    pub(crate) components: [Component; MAX_COMPONENTS],
    pub(crate) count: usize,
    pub(crate) colours: Colours,
    pub(crate) orientation: Option<Orientation>,
}

/// One of the components of a picture, such as luma.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    /// Its identifier in the frame header (ITU T.81 B.2.2).
    pub id: u8,
    /// Its sampling factors, across and down, each 1 to 4. A picture with one component has 1 and 1, whatever its header
    /// says: there they mean nothing (A.2.2).
    pub factors: (u32, u32),
    /// Blocks across and down that hold something of the picture.
    pub blocks: (u32, u32),
    /// The same with those that only fill MCUs.
    pub padded: (u32, u32),
    /// The steps of quantization in natural order, 1 to 65535.
    pub quantization: [u16; LEN],
    /// Where its blocks begin among all.
    pub(crate) first: usize,
}

/// What the components of a picture are (as libjpeg decides it, and with it browsers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// One component: luma.
    #[default]
    Grey,
    /// Y'CbCr (JFIF 1.02).
    YCbCr,
    /// Red, green, blue.
    Rgb,
    /// The four inks as Adobe's programs write them, without a transform.
    Cmyk,
    /// Something else: two components, or four with another transform.
    Other,
}

impl Colours {
    /// Decides from the components' identifiers, whether there is a JFIF segment, and the colour transform in Adobe's
    /// segment (Adobe's technical note 5116, ITU T.872 6.5.3).
    pub fn of(identifiers: &[u8], has_jfif: bool, adobe: Option<u8>) -> Self {
        match (identifiers, adobe) {
            ([_], _) => Colours::Grey,
            ([_, _, _], _) if has_jfif => Colours::YCbCr,
            ([_, _, _], Some(0)) => Colours::Rgb,
            (b"RGB", None) => Colours::Rgb,
            ([_, _, _], _) => Colours::YCbCr,
            ([_, _, _, _], Some(0)) => Colours::Cmyk,
            _ => Colours::Other,
        }
    }
}

/// An AC coefficient that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry {
    /// -1023 to 1023.
    pub value: i16,
    /// Its place in the block in natural order, 1 to 63.
    pub index: u8,
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stored {
    /// Where its AC coefficients begin in [`Coefficients::entries`].
    pub(crate) start: u32,
    pub(crate) dc: i16,
    /// How many AC coefficients it has.
    pub(crate) count: u8,
}

impl Default for Component {
    fn default() -> Self {
        Self { id: 0, factors: (1, 1), blocks: (0, 0), padded: (0, 0), quantization: [1; LEN], first: 0 }
    }
}

impl Component {
    /// Where a block is among all, by its column and row.
    ///
    /// # Panics
    /// There is no such block, with those that only fill MCUs.
    fn place(&self, column: u32, row: u32) -> usize {
        assert!(column < self.padded.0 && row < self.padded.1, "block {column}, {row} of {:?}", self.padded);
        self.first + row as usize * self.padded.0 as usize + column as usize
    }
}

impl Coefficients {
    /// The most pixels of a picture: 4096x4096.
    pub const MAX_PIXELS: u64 = 1 << 24;

    /// The most AC coefficients of a picture that are not 0: one for each pixel. At four bytes each that is 64 MiB.
    pub const MAX_ENTRIES: usize = 1 << 24;

    /// The most memory, in bytes, that [`Coefficients::decode`] takes for a JPEG of this length with so many blocks, if
    /// nothing is kept from a picture before it.
    pub fn memory(blocks: usize, jpeg: usize) -> usize {
        // A coefficient has two bits at least: one that says what it is, and one of its value.
        let used = (jpeg.saturating_mul(4)).min(blocks.saturating_mul(LEN - 1));
        blocks.saturating_mul(size_of::<Stored>()) + decode::room_for(used) * size_of::<Entry>()
    }

    /// Reads the coefficients of a whole JPEG: baseline or extended sequential, 8 bits, Huffman coded, with any sampling,
    /// restart intervals, interleaved or not. EOI may be missing; bytes behind the picture are ignored. After an error
    /// there is no picture: it has no components.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<(), DecodeError> {
        self.frame = Frame::default();
        self.frame = self.decode_whole(jpeg)?;
        Ok(())
    }

    /// The size in pixels: width, height.
    pub fn size(&self) -> (u32, u32) {
        self.frame.size
    }

    /// Its components, in the order of the frame header.
    pub fn components(&self) -> &[Component] {
        &self.frame.components[..self.frame.count]
    }

    /// What the components are.
    pub fn colours(&self) -> Colours {
        self.frame.colours
    }

    /// Which side is up, if EXIF data say that it is not the usual one.
    pub fn orientation(&self) -> Option<Orientation> {
        self.frame.orientation
    }

    /// The size of an MCU in pixels, width and height, if all components are interleaved.
    pub fn mcu(&self) -> (u32, u32) {
        let (across, down) = self.frame.largest_factors();
        (across * SIDE as u32, down * SIDE as u32)
    }

    /// The DC coefficient of a block, from -1024 to 1023. `column` and `row` count blocks of this component, with those
    /// that only fill MCUs ([`Component::padded`]).
    ///
    /// # Panics
    /// There is no such block.
    #[inline]
    pub fn dc(&self, component: usize, column: u32, row: u32) -> i16 {
        self.blocks[self.frame.components[component].place(column, row)].dc
    }

    /// The AC coefficients of a block that are not 0, in zigzag order.
    ///
    /// # Panics
    /// As [`Coefficients::dc`].
    #[inline]
    pub fn entries(&self, component: usize, column: u32, row: u32) -> &[Entry] {
        self.entries_of(self.blocks[self.frame.components[component].place(column, row)])
    }

    #[inline(always)]
    pub(crate) fn entries_of(&self, block: Stored) -> &[Entry] {
        &self.entries[block.start as usize..][..usize::from(block.count)]
    }
}

impl Frame {
    /// The largest sampling factors of all components, across and down.
    pub(crate) fn largest_factors(&self) -> (u32, u32) {
        let components = &self.components[..self.count];
        let largest = |factor: fn(&Component) -> u32| components.iter().map(factor).max().unwrap_or(1);
        (largest(|component| component.factors.0), largest(|component| component.factors.1))
    }

    /// How many MCUs there are across and down, if all components are interleaved (ITU T.81 A.2.3).
    pub(crate) fn mcus(&self) -> (u32, u32) {
        let (across, down) = self.largest_factors();
        let mcus = |pixels: u32, factor: u32| pixels.div_ceil(factor * SIDE as u32);
        (mcus(self.size.0, across), mcus(self.size.1, down))
    }

    /// How many blocks there are, with those that only fill MCUs.
    fn block_count(&self) -> usize {
        let blocks = |component: &Component| component.padded.0 as usize * component.padded.1 as usize;
        self.components[..self.count].iter().map(blocks).sum()
    }
}
