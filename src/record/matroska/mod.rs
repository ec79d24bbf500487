//! The bytes of a Matroska file that holds one camera's JPEGs unchanged (RFC 9559 has the elements, RFC 8794 their
//! encoding): [`mod@write`] makes them, and [`read`] finds the frames in them again.
//!
//! The existing muxer crates either handle other codecs only (webm), or copy whole elements with a frame's bytes into
//! memory of their own. Little is needed here:
//!
//! - While it grows, the file is a header followed by clusters of about a second, each complete when it is written. The
//!   length of the segment is "unknown" (RFC 8794 section 6.2), so a file that was cut off plays up to its last
//!   cluster.
//! - When it is closed, an index is appended, and its position and the duration go into space kept in the header.

mod id;
pub mod read;
mod write;

use std::time::Duration;

#[cfg(test)]
pub use write::tests as made;
pub use write::{Cluster, Cue, FileHeader, Unfit};

/// Nanoseconds in one unit of all timestamps: milliseconds, as players expect.
const TIMESTAMP_SCALE: u64 = 1_000_000;

/// The number of the only track.
const TRACK: u8 = 1;

/// Bytes before a block's frame: track number, timestamp and flags (RFC 9559 section 10.2).
const BLOCK_HEAD: usize = 4;

/// The unknown size: all ones.
const UNKNOWN: u64 = (1 << 56) - 1;

/// Dates count from 2001-01-01 (RFC 8794 section 7.6), which is so long after 1970-01-01.
const DATE_ZERO: Duration = Duration::from_secs(978_307_200);
