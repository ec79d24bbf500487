//! Every frame becomes a whole baseline JPEG (ITU T.81), by passing the camera's own on or by encoding.
//!
//! Called by [`crate::stream`], by [`crate::variants`] for smaller pictures, and by `boardcam snapshot`. Nothing
//! here waits, logs, or knows where bytes come from or go to; every function reads a slice and fills a slice of fixed size.

mod bands;
pub mod card;
pub mod encode;
pub mod eoi;
mod huffman;
pub mod marker;
pub mod passthrough;
mod rows;
mod scale;
pub mod transcode;
