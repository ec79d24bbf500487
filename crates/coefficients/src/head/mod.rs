//! The headers of a JPEG: writes them, and reads them up to the first scan.
//!
//! The reader is strict where a lie would cost memory or time, and lenient where cameras are: missing Huffman tables are
//! the standard ones, fill bytes are skipped.

pub(crate) mod read;
pub(crate) mod write;
