//! Which kinds of smaller pictures there are: sizes and qualities in a few steps, so that viewers share them, and those
//! of the page, which are always made.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::jpeg::transcode::fit;
use crate::picture::Size;

/// The longer sides of smaller pictures, in pixels. The common ones are among them.
const SIDES: [u32; 19] =
    [16, 32, 40, 64, 80, 120, 160, 240, 320, 400, 480, 640, 800, 960, 1280, 1600, 1920, 2560, 3840];

/// The steps in which the quality is chosen.
const QUALITY_STEP: u8 = 5;

/// The size and quality of smaller pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The box that pictures must fit into, in pixels; they keep their proportions. `None` keeps the camera's size.
    pub size: Option<Size>,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

/// The kinds that the page offers.
pub const PAGE_VARIANTS: [Variant; 2] = [
    Variant { size: Some(Size { width: 960, height: 720 }), quality: 75 },
    Variant { size: Some(Size { width: 480, height: 360 }), quality: 60 },
];

impl Variant {
    /// The kind that is made for a viewer who asks for this one of pictures of size `of`, as far as that is known: not
    /// larger, unless that is smaller than the smallest.
    pub fn rounded(self, of: Option<Size>) -> Self {
        let quality = self.quality.next_multiple_of(QUALITY_STEP);
        let size = match (self.size, of) {
            (Some(within), Some(of)) => round(fit(of, within), of),
            (within, _) => within,
        };
        Self { size, quality }
    }

    /// Whether the page offers this kind of pictures of size `of`.
    pub(super) fn is_of_page(self, of: Option<Size>) -> bool {
        PAGE_VARIANTS.iter().any(|page| *page == self || page.rounded(of) == self)
    }
}

/// The largest size of a few that is not larger than `wanted`, a smaller form of `of`; `None` for `of` itself.
fn round(wanted: Size, of: Size) -> Option<Size> {
    if wanted == of {
        return None;
    }
    let longer = wanted.width.max(wanted.height);
    let side = SIDES.iter().rev().find(|side| **side <= longer).unwrap_or(&SIDES[0]);
    Some(fit(of, Size { width: *side, height: *side })).filter(|size| *size != of)
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, "size={size}&")?;
        }
        write!(f, "quality={}", self.quality)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn rounded(size: &str, quality: u8, of: &str) -> String {
        Variant { size: size.parse().ok(), quality }.rounded(of.parse().ok()).to_string()
    }

    #[test]
    fn common_sizes_are_made_as_they_were_asked_for_and_others_are_rounded_down() {
        for (asked, quality, of, made) in [
            ("640x360", 50, "1280x720", "size=640x360&quality=50"),
            ("640x480", 85, "1920x1080", "size=640x360&quality=85"),
            ("641x479", 52, "1280x720", "size=640x360&quality=55"),
            ("800x600", 100, "1600x1200", "size=800x600&quality=100"),
            ("500x9999", 1, "1280x960", "size=480x360&quality=5"),
            ("9999x500", 1, "480x640", "size=360x480&quality=5"),
            ("9x9", 1, "1280x720", "size=16x9&quality=5"),
            ("9999x9999", 80, "1280x720", "quality=80"),
            ("1280x720", 80, "1280x720", "quality=80"),
            ("10x10", 80, "12x12", "quality=80"),
            ("641x479", 80, "unknown", "size=641x479&quality=80"),
            ("none", 77, "1280x720", "quality=80"),
        ] {
            assert_eq!(rounded(asked, quality, of), made, "{asked} of {of}");
        }
    }

    #[test]
    fn ten_thousand_odd_wishes_are_a_few_kinds() {
        let wishes = (1..10_000).map(|side| rounded(&format!("{side}x{}", side % 977 + 1), 80, "1280x720"));
        let kinds: BTreeSet<_> = wishes.collect();
        assert!(kinds.len() <= SIDES.len(), "{kinds:?}");
    }

    #[test]
    fn what_the_page_asks_for_is_known_for_every_camera() {
        let script = include_str!("../site/page/controls.js");
        for page in PAGE_VARIANTS {
            assert!(script.contains(&page.to_string()), "the page does not offer {page}");
            for of in ["1280x720", "640x480", "1280x1024", "64x48", "unknown"] {
                let of = of.parse().ok();
                assert!(page.is_of_page(of) && page.rounded(of).is_of_page(of), "{page} of {of:?}");
            }
        }
        assert!(!Variant { quality: 70, ..PAGE_VARIANTS[0] }.is_of_page(None));
    }
}
