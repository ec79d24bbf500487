//! Why the coefficients of a JPEG cannot be read.

use std::fmt;

/// Why the coefficients of a JPEG cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// It does not begin with SOI.
    NotJpeg,
    /// It is progressive.
    Progressive,
    /// It is coded arithmetically.
    Arithmetic,
    /// It is lossless.
    Lossless,
    /// It is coded hierarchically.
    Hierarchical,
    /// Its samples do not have 8 bits.
    Not8Bit,
    /// Its header gives no height; a DNL segment behind the scan would.
    NoHeight,
    /// It has no components, more than four, or two with the same identifier.
    Components,
    /// A sampling factor is not 1 to 4, or an MCU has more than ten blocks.
    Sampling,
    /// It has more than [`Coefficients::MAX_PIXELS`](crate::Coefficients::MAX_PIXELS).
    TooManyPixels,
    /// It has more than [`Coefficients::MAX_ENTRIES`](crate::Coefficients::MAX_ENTRIES).
    TooManyCoefficients,
    /// The headers end too early.
    HeadCut,
    /// A header is damaged: there is no marker, or its length or a value in it is impossible.
    BadHead,
    /// There is no frame header before the first scan, or more than one, or it is damaged.
    BadFrame,
    /// There is no scan for a component, or a scan header does not match the frame header.
    BadScan,
    /// A Huffman table that is used is missing or impossible.
    BadHuffmanTable,
    /// A quantization table that is used is missing or impossible.
    BadQuantizationTable,
    /// Its coded data are damaged, or end too early.
    Damaged {
        /// The offset in bytes of the block that is damaged, up to a few bytes behind its beginning.
        offset: usize,
        /// How many MCUs were whole, in all scans.
        mcus: u32,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::NotJpeg => "it is not a JPEG",
            DecodeError::Progressive => "the JPEG is progressive",
            DecodeError::Arithmetic => "the JPEG is coded arithmetically",
            DecodeError::Lossless => "the JPEG is lossless",
            DecodeError::Hierarchical => "the JPEG is coded hierarchically",
            DecodeError::Not8Bit => "the JPEG's samples do not have 8 bits",
            DecodeError::NoHeight => "the JPEG's header does not give its height",
            DecodeError::Components => "the JPEG has no components, too many, or two of the same name",
            DecodeError::Sampling => "the JPEG's sampling factors are impossible",
            DecodeError::TooManyPixels => "the JPEG has too many pixels",
            DecodeError::TooManyCoefficients => "the JPEG has too many coefficients",
            DecodeError::HeadCut => "the JPEG's headers are cut short",
            DecodeError::BadHead => "the JPEG's headers are damaged",
            DecodeError::BadFrame => "the JPEG's frame header is missing or damaged",
            DecodeError::BadScan => "a scan of the JPEG is missing, or its header is damaged",
            DecodeError::BadHuffmanTable => "a Huffman table of the JPEG is missing or damaged",
            DecodeError::BadQuantizationTable => "a quantization table of the JPEG is missing or damaged",
            DecodeError::Damaged { offset, mcus } => {
                return write!(
                    f,
                    "the JPEG's data are damaged or cut short at byte {offset}, behind {mcus} MCUs"
                );
            }
        })
    }
}

impl std::error::Error for DecodeError {}
