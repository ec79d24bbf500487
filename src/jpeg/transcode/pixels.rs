//! A JPEG of any kind to pixels and back: for what is not baseline, and where the coefficients are of no use.

use coefficients::picture::Colours;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::TranscodeError;
use crate::jpeg::decodable::Decodable;
use crate::jpeg::encode::Encoder;
use crate::jpeg::scale::InterleavedScaler;
use crate::picture::{MAX_SIDE, Picture, Range, Raw, Size};

/// Decoded pictures. Keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(super) struct Pixels {
    /// The samples of the decoded picture.
    decoded: Vec<u8>,
    scaler: InterleavedScaler,
    /// The picture to be encoded, in rows of YUYV.
    scaled: Vec<u8>,
    /// The size of that picture.
    size: Option<Size>,
}

impl Pixels {
    /// Decodes a JPEG and scales it to `to`.
    pub(super) fn decode(&mut self, jpeg: &[u8], head: &Decodable, to: Size) -> Result<(), TranscodeError> {
        self.size = None;
        head.has_pixels().map_err(TranscodeError::Undecodable)?;
        let (from, colours) = (head.size, head.colours);
        let components = if colours == Colours::Grey { 1 } else { 3 };
        let sides = MAX_SIDE as usize;
        let options = DecoderOptions::default().set_max_width(sides).set_max_height(sides);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        decoder.decode_headers().map_err(TranscodeError::Damaged)?;
        // Whatever the decoder takes three components for: it leaves them as they are if it is asked for the same.
        let output = match (colours, decoder.input_colorspace()) {
            (Colours::Grey, _) => ColorSpace::Luma,
            (Colours::Cmyk, _) => ColorSpace::RGB,
            (_, Some(ColorSpace::YCbCr | ColorSpace::YCCK)) => ColorSpace::YCbCr,
            _ => ColorSpace::RGB,
        };
        decoder.set_options(options.jpeg_set_out_colorspace(output));
        self.decoded.resize(from.area() as usize * components, 0); // at most 3 * MAX_DECODED
        decoder.decode_into(&mut self.decoded).map_err(TranscodeError::Damaged)?;
        if matches!(colours, Colours::Rgb | Colours::Cmyk) {
            let (pixels, _) = self.decoded.as_chunks_mut();
            pixels.iter_mut().for_each(|pixel| *pixel = full_range_ycbcr(*pixel));
        }
        self.scaler.scale(&self.decoded, components, from, to, &mut self.scaled);
        self.size = Some(to);
        Ok(())
    }

    /// Encodes the picture and returns the JPEG's length in bytes.
    pub(super) fn encode(&self, encoder: &mut Encoder, out: &mut [u8]) -> Result<usize, TranscodeError> {
        let size = self.size.ok_or(TranscodeError::Nothing)?;
        let stride = Raw::Yuyv.row_len(size.width);
        let picture = Picture::new(&self.scaled, Raw::Yuyv, size, stride, Range::Full);
        let picture = picture.map_err(|_| TranscodeError::Nothing)?;
        encoder.encode(&picture, out).map_err(TranscodeError::Encode)
    }

    /// The memory for samples, in bytes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.decoded.capacity()
    }
}

/// Y'CbCr of a pixel of red, green and blue, all from 0 to 255 (ITU T.871 section 7, in 65536ths).
pub(super) fn full_range_ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let luma = (19_595 * r + 38_470 * g + 7_471 * b + (1 << 15)) >> 16; // the factors add up to 65536
    let chroma = |sum: i32| ((sum + (128 << 16) + (1 << 15)) >> 16).min(255) as u8;
    let cb = chroma(-11_059 * r - 21_709 * g + 32_768 * b);
    let cr = chroma(32_768 * r - 27_439 * g - 5_329 * b);
    [luma as u8, cb, cr]
}
