//! The markers of a JPEG (ITU T.81 table B.1). Each follows a byte [`PREFIX`].

use std::ops::RangeInclusive;

/// The first byte of every marker; also a fill byte in front of one (B.1.1.2).
pub const PREFIX: u8 = 0xff;

/// Behind [`PREFIX`] in coded data, this says that the 0xFF is data and not a marker (F.1.2.3).
pub const STUFFED: u8 = 0x00;

/// Temporary, in arithmetic coding. Has no segment.
pub const TEM: u8 = 0x01;
/// Frame header, baseline DCT, Huffman coded.
pub const SOF0: u8 = 0xc0;
/// Frame header, extended sequential DCT, Huffman coded. Every browser reads it if its samples have 8 bits.
pub const SOF1: u8 = 0xc1;
/// Frame header, progressive DCT, Huffman coded.
pub const SOF2: u8 = 0xc2;
/// Frame header, lossless, Huffman coded.
pub const SOF3: u8 = 0xc3;
/// The first frame header of a hierarchical picture's differences, Huffman coded; two others follow.
pub const SOF5: u8 = 0xc5;
/// The last of them.
pub const SOF7: u8 = 0xc7;
/// Frame header, sequential DCT, arithmetic coded.
pub const SOF9: u8 = 0xc9;
/// Frame header, lossless, arithmetic coded.
pub const SOF11: u8 = 0xcb;
/// Huffman tables.
pub const DHT: u8 = 0xc4;
/// Reserved for extensions of the standard.
pub const JPG: u8 = 0xc8;
/// Arithmetic coding conditions.
pub const DAC: u8 = 0xcc;
/// The first of eight restart markers, used in turn. They have no segments.
pub const RST0: u8 = 0xd0;
/// The last restart marker.
pub const RST7: u8 = 0xd7;
/// How many restart markers there are.
pub const RST_COUNT: u8 = RST7 - RST0 + 1;
/// Start of image. Has no segment.
pub const SOI: u8 = 0xd8;
/// End of image. Has no segment.
pub const EOI: u8 = 0xd9;
/// Start of scan.
pub const SOS: u8 = 0xda;
/// Quantization tables.
pub const DQT: u8 = 0xdb;
/// Number of lines, behind the first scan.
pub const DNL: u8 = 0xdc;
/// Restart interval.
pub const DRI: u8 = 0xdd;
/// Hierarchical progression: the first header of a picture that is coded hierarchically.
pub const DHP: u8 = 0xde;
/// The first of the sixteen segments of applications.
pub const APP0: u8 = 0xe0;
/// That of EXIF data.
pub const APP1: u8 = 0xe1;
/// That in which Adobe's programs say what the components are.
pub const APP14: u8 = 0xee;
/// The last of them.
pub const APP15: u8 = 0xef;
/// The first of the segments of extensions.
pub const JPG0: u8 = 0xf0;
/// The last of them.
pub const JPG13: u8 = 0xfd;
/// A comment.
pub const COM: u8 = 0xfe;

/// The codes of frame headers, with three others among them.
const SOF_RANGE: RangeInclusive<u8> = 0xc0..=0xcf;

/// The bytes of a marker without a segment.
pub const fn bytes(code: u8) -> [u8; 2] {
    [PREFIX, code]
}

/// Whether this is a frame header (SOF0 to SOF15), which says the picture's size and how it is coded.
pub fn is_frame_header(code: u8) -> bool {
    SOF_RANGE.contains(&code) && !matches!(code, DHT | JPG | DAC)
}

/// Whether this is a restart marker.
pub fn is_restart(code: u8) -> bool {
    (RST0..=RST7).contains(&code)
}

/// Whether this marker begins a segment, whose first two bytes are its length (B.1.1.4).
pub fn has_segment(code: u8) -> bool {
    !matches!(code, TEM | SOI | EOI) && !is_restart(code)
}
