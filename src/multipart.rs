//! The bytes of a live stream, as browsers and players expect them (multipart/x-mixed-replace).
//!
//! [`crate::ring`] writes them around each frame, once for all viewers; [`crate::fanout`] sends them; [`crate::site`]
//! names the content type. The reasons for the details:
//!
//! - The boundary is in the header without quotes and without leading dashes, and the parameter comes
//!   last: Fluidd reads it with the expression `boundary=([^;]+)`.
//! - The stream's body begins with `--`, which is how ffmpeg and OpenCV recognize it, and header lines stay
//!   under ffmpeg's 128 bytes.
//! - go2rtc and Mainsail need Content-Length. It also keeps ffmpeg from taking bytes of a JPEG for a boundary.
//! - The boundary that ends a frame goes out with it, not with the next one: Firefox and VLC show a frame when
//!   they see the boundary behind it.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The boundary of all streams; too long to occur in a JPEG by chance.
macro_rules! boundary {
    () => {
        "boardcamframe"
    };
}

/// Content-Type of a stream.
pub const CONTENT_TYPE: &str = concat!("multipart/x-mixed-replace;boundary=", boundary!());

/// What comes before the first part.
pub const OPENING: &[u8] = concat!("--", boundary!(), "\r\n").as_bytes();

/// What follows each frame: its end and the boundary of the next one.
pub const TRAILER: &[u8] = concat!("\r\n--", boundary!(), "\r\n").as_bytes();

/// The whole header of a part in a stream with `?advance_headers=1`, where it is sent with the frame before it.
/// Chromium shows a frame only when it has the header of the next part (crbug.com/527446), so without this
/// each one appears one frame late. The length is not known in advance, so players should not ask for this.
pub const ADVANCE_HEAD: &str = "Content-Type: image/jpeg\r\n\r\n";

/// What follows each frame of such a stream.
pub const ADVANCE_TRAILER: &[u8] =
    concat!("\r\n--", boundary!(), "\r\nContent-Type: image/jpeg\r\n\r\n").as_bytes();

/// The longest part header, in bytes: the fixed text with two 20-digit numbers and microseconds.
pub const HEAD_MAX: usize = 128;

/// The longest time in a header, in bytes: 20 digits, a dot and microseconds.
const TIMESTAMP_MAX: usize = 27;

/// The header of one part.
pub type PartHead = heapless::String<HEAD_MAX>;

/// A time in seconds since 1970, with microseconds: the value of X-Timestamp.
pub fn timestamp(time: SystemTime) -> heapless::String<TIMESTAMP_MAX> {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let mut stamp = heapless::String::new();
    let _ = write!(stamp, "{}.{:06}", time.as_secs(), time.subsec_micros()); // TIMESTAMP_MAX holds the largest number
    stamp
}

/// Makes the header of a part with a JPEG of `length` bytes that was captured at `captured`.
pub fn part_head(length: usize, captured: SystemTime) -> PartHead {
    let mut head = PartHead::new();
    // Cannot overflow: HEAD_MAX holds the largest numbers, as a test shows.
    let _ = write!(
        head,
        "Content-Type: image/jpeg\r\nContent-Length: {length}\r\nX-Timestamp: {}\r\n\r\n",
        timestamp(captured)
    );
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_numbers_fit_into_a_part_head() {
        let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
        let head = part_head(usize::MAX, far);
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn a_header_in_advance_is_the_same_at_the_beginning_and_behind_a_frame() {
        assert_eq!(ADVANCE_TRAILER, [TRAILER, ADVANCE_HEAD.as_bytes()].concat());
    }

    #[test]
    fn a_part_says_its_type_length_and_time() {
        let head = part_head(1234, UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_042));
        assert_eq!(
            head,
            "Content-Type: image/jpeg\r\nContent-Length: 1234\r\nX-Timestamp: 1700000000.000042\r\n\r\n"
        );
    }
}
