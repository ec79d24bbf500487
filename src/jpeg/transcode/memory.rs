//! How much memory a picture takes, known before it is decoded.

use coefficients::Coefficients;
use coefficients::picture::Colours;

use super::{Decodable, TranscodeError, Transcoder, fit};
use crate::picture::Size;

/// Bytes for tables, and for rows that are at work.
const REST: u64 = 1 << 20;

/// Bytes that zune-jpeg takes for each sample of a picture beside the decoded one, if it is progressive: it keeps all
/// coefficients, of two bytes, and most of them a second time.
const PROGRESSIVE: u64 = 4;

impl Transcoder {
    /// The most memory that a new transcoder takes for this JPEG, in bytes; the JPEG and the place for the result are not
    /// counted.
    ///
    /// # Errors
    /// Why it must not be decoded.
    pub fn memory(jpeg: &[u8], within: Option<Size>) -> Result<usize, TranscodeError> {
        let head = Decodable::check(jpeg)?;
        let to = within.map_or(head.size, |within| fit(head.size, within));
        let is_smaller = to != head.size;
        let pixels = head.pixels_memory(to);
        let bytes = if !head.has_coefficients() || is_smaller && head.colours == Colours::Rgb {
            pixels
        } else {
            let coefficients = head.coefficients_memory(jpeg.len());
            match head.reducible {
                _ if !is_smaller => coefficients,
                Some(_) => coefficients + head.planes_memory(to),
                None => coefficients + pixels,
            }
        };
        Ok(usize::try_from(bytes + REST).unwrap_or(usize::MAX))
    }
}

impl Decodable {
    fn components(&self) -> u64 {
        if self.colours == Colours::Grey { 1 } else { 3 }
    }

    /// The decoded picture, and the scaled one as YUYV.
    fn pixels_memory(&self, to: Size) -> u64 {
        let whole = self.padded(self.size);
        let in_file = if self.colours == Colours::Cmyk { 4 } else { self.components() };
        let decoder = if self.is_progressive { PROGRESSIVE * in_file } else { 1 };
        whole * (self.components() + decoder) + to.area() * 2
    }

    fn coefficients_memory(&self, jpeg: usize) -> u64 {
        let blocks = self.samples(self.size) / 64;
        Coefficients::memory(blocks as usize, jpeg) as u64
    }

    /// Planes at the next eighth of the size, and those that are scaled from them.
    fn planes_memory(&self, to: Size) -> u64 {
        let eighth = |side: u32, of: u32| side + of.div_ceil(8);
        let next =
            Size { width: eighth(to.width, self.size.width), height: eighth(to.height, self.size.height) };
        self.samples(next) + self.samples(to)
    }

    /// Samples of all components of a picture of this size.
    fn samples(&self, size: Size) -> u64 {
        let luma = self.padded(size);
        let (across, down) = self.reducible.unwrap_or((1, 1));
        luma + (self.components() - 1) * luma / u64::from(across * down)
    }

    /// Pixels with those that only fill MCUs.
    fn padded(&self, Size { width, height }: Size) -> u64 {
        let (across, down) = self.mcu;
        u64::from(width.next_multiple_of(across)) * u64::from(height.next_multiple_of(down))
    }
}
