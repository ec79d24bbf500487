//! What a picture is: its size, the layout of its bytes, the range of its samples, and a checked view of raw pixels.
//!
//! Used by every module that a frame passes through; knows nothing of cameras, JPEGs or viewers.

mod layout;
mod orientation;
mod pixels;
pub mod spelling;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::{Text, text};

pub use layout::{Layout, Plane, Raw};
pub use orientation::{Flip, Orientation, Rotation};
pub use pixels::{Memory, Picture, PixelError};

/// The largest width or height of a picture, whoever says it: a source, the settings, or a viewer. Two bytes of a
/// damaged header can say four times as much.
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels of a picture: 8192x8192, a little more than the largest camera modules have (64 megapixels).
pub const MAX_PIXELS: u64 = 1 << 26;

/// A picture's size in pixels; see [`Size::is_possible`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// The size to ask a camera for if none is configured.
    pub const DEFAULT: Size = Size { width: 1280, height: 720 };

    /// The total number of pixels.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Whether a picture may have this size: each side 1 to [`MAX_SIDE`], and at most [`MAX_PIXELS`].
    pub const fn is_possible(self) -> bool {
        let Size { width, height } = self;
        width >= 1 && width <= MAX_SIDE && height >= 1 && height <= MAX_SIDE && self.area() <= MAX_PIXELS
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Size {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        // Not the product, since a size may also be a limit: `9999x9999` is a way to say that there is none.
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=MAX_SIDE).contains(n));
        text.split_once(['x', 'X'])
            .and_then(|(w, h)| Some(Size { width: side(w)?, height: side(h)? }))
            .ok_or_else(|| text!("expected WIDTHxHEIGHT such as 1280x720, each side 1 to {}", MAX_SIDE))
    }
}

/// The range of the samples of raw pixels (V4L2 "quantization", BT.601 section 2.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Range {
    /// Luma, red, green and blue 16 to 235, chroma 16 to 240: V4L2's default for Y'CbCr.
    #[default]
    Limited,
    /// 0 to 255 for all samples, as in JPEG: V4L2_QUANTIZATION_FULL_RANGE, and the default of RGB, of grey pictures and
    /// of V4L2_COLORSPACE_JPEG.
    Full,
}

/// The highest rate that a source or a viewer can be configured for, in frames per second.
pub const MAX_FPS: u32 = 240;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_no_picture_can_have_are_refused() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        assert!("9999x9999".parse::<Size>().is_ok(), "a limit that nothing reaches");
        for bad in ["", "640", "640x", "x480", "0x0", "1x0", "16385x1", "65535x65535", "-1x5", "640x480x2"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?} was accepted");
        }
        for bad in ["640x480x2", "a x b", "640 x 480", "4294967295x4294967295"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn one_bound_holds_for_sides_and_pixels() {
        let is_possible = |width, height| Size { width, height }.is_possible();
        assert!(is_possible(1, 1) && is_possible(16_384, 4096) && is_possible(1, MAX_SIDE));
        assert!(is_possible(8192, 8192) && is_possible(9152, 6944), "a camera module of 64 megapixels");
        assert!(!is_possible(0, 1) && !is_possible(1, 0) && !is_possible(MAX_SIDE + 1, 1));
        assert!(!is_possible(8193, 8192) && !is_possible(u32::MAX, u32::MAX));
    }
}
