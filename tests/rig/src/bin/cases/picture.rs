//! Examines pictures: a JPEG's size and colours, as an independent decoder sees them.

use client::{Outcome, ensure};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// A decoded picture.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    pub fn decode(jpeg: &[u8]) -> Outcome<Self> {
        const END_OF_IMAGE: &[u8] = &[0xff, 0xd9];
        ensure!(jpeg.ends_with(END_OF_IMAGE), "the JPEG has no end"); // the decoder does not mind
        let mut decoder = JpegDecoder::new(ZCursor::new(jpeg));
        let mut rgb = decoder.decode()?;
        let (width, height) = decoder.dimensions().ok_or("a JPEG without a size")?;
        if rgb.len() == width * height {
            rgb = rgb.into_iter().flat_map(|luma| [luma; 3]).collect();
        }
        ensure!(rgb.len() == width * height * 3, "{} bytes of pixels for {width}x{height}", rgb.len());
        Ok(Self { width, height, rgb })
    }

    /// The mean colour of the 9x9 square around the pixel at `x`, `y`.
    pub fn colour(&self, x: usize, y: usize) -> [u8; 3] {
        const REACH: usize = 4;
        let mut sum = [0; 3];
        let mut count = 0;
        for y in y - REACH..=y + REACH {
            for x in x - REACH..=x + REACH {
                let at = (y * self.width + x) * 3;
                for (sum, value) in sum.iter_mut().zip(&self.rgb[at..at + 3]) {
                    *sum += u32::from(*value);
                }
                count += 1;
            }
        }
        sum.map(|sum| (sum / count) as u8)
    }
}
