//! The orientation in a JPEG's EXIF data: which side of the picture is up.
//!
//! Everything else in EXIF data is of no use to a viewer.

use crate::{Transform, marker};

/// What EXIF data in APP1 begins with (Exif 2.32, 4.7.2).
const IDENTIFIER: &[u8] = b"Exif\0\0";

/// The number of the tag "Orientation" (Exif 2.32, 4.6.4 A).
const ORIENTATION: u16 = 0x0112;

/// The type "SHORT" of a tag's value (TIFF 6.0, "Types").
const SHORT: u16 = 3;

/// Bytes of an entry of a directory (TIFF 6.0, "IFD Entry").
const ENTRY: usize = 12;

/// An orientation other than the usual one: 2 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation(u8);

impl Orientation {
    /// The length of [`Orientation::segment`].
    pub const SEGMENT: usize = 36;

    /// The orientation in the payload of an APP1 segment; `None` if it holds no EXIF data, or the usual orientation.
    pub fn in_app1(payload: &[u8]) -> Option<Self> {
        let tiff = payload.strip_prefix(IDENTIFIER)?;
        let is_little = match tiff.first_chunk()? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let short = |at: usize| {
            let two = *tiff.get(at..)?.first_chunk()?;
            Some(if is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
        };
        let four = *tiff.get(4..)?.first_chunk()?;
        let first = if is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
        let first = usize::try_from(first).ok()?;
        let count = short(first)?;
        let begin = first.checked_add(2)?;
        let entry = (0..usize::from(count)).map(|n| begin.saturating_add(n * ENTRY));
        let entry = entry.take_while(|at| *at < tiff.len()).find(|at| short(*at) == Some(ORIENTATION))?;
        let is_short = short(entry + 2) == Some(SHORT);
        let value = short(entry + 8).filter(|value| is_short && (2..=8).contains(value))?;
        u8::try_from(value).ok().map(Self)
    }

    /// Its number in EXIF data, 2 to 8 (Exif 2.32, 4.6.4 A).
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What turns the picture the right way up: the number says where the first row and the first column belong
    /// (Exif 2.32, 4.6.4 A).
    pub const fn upright(self) -> Transform {
        match self.0 {
            2 => Transform::FLIP_HORIZONTAL,
            3 => Transform::ROTATE_180,
            4 => Transform::FLIP_VERTICAL,
            5 => Transform { transpose: true, ..Transform::NONE },
            6 => Transform::ROTATE_90,
            7 => Transform { transpose: true, mirror_across: true, mirror_down: true },
            _ => Transform::ROTATE_270,
        }
    }

    /// An APP1 segment that says this orientation and nothing else.
    #[rustfmt::skip] // one field after another
    pub const fn segment(self) -> [u8; Self::SEGMENT] {
        [
            marker::PREFIX, marker::APP1, 0, Self::SEGMENT as u8 - 2, // the length does not count the marker
            b'E', b'x', b'i', b'f', 0, 0,
            b'M', b'M', 0, 42, 0, 0, 0, 8, // big endian; the first directory is at offset 8
            0, 1, // one entry: tag, type, count, value
            0x01, 0x12, 0, SHORT as u8, 0, 0, 0, 1, 0, self.0, 0, 0,
            0, 0, 0, 0, // no other directory
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// EXIF data in Intel's byte order, with a tag before the orientation.
    fn intel(orientation: u8) -> Vec<u8> {
        let mut payload = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0".to_vec();
        payload.extend(b"\x0f\x01\x02\0\x04\0\0\0Cam\0"); // the camera's make
        payload.extend([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
        payload.extend([0; 4]);
        payload
    }

    #[test]
    fn an_orientation_survives_in_either_byte_order() {
        for value in 2..=8 {
            assert_eq!(Orientation::in_app1(&intel(value)), Some(Orientation(value)));
            let segment = Orientation(value).segment();
            assert_eq!(Orientation::in_app1(&segment[4..]), Some(Orientation(value)));
            assert!(!segment.windows(2).any(|two| two == b"\xff\xd8" || two == b"\xff\xd9"));
        }
        for usual in [0, 1, 9, 255] {
            assert_eq!(Orientation::in_app1(&intel(usual)), None);
        }
        assert_eq!(Orientation::in_app1(b"http://ns.adobe.com/xap/1.0/\0"), None);
    }

    proptest! {
        // Miri is slow, and has no files.
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 8 } else { 256 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn no_exif_data_makes_it_panic(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            end: prop::sample::Index,
        ) {
            let mut payload = intel(6);
            for (at, value) in damage {
                let at = at.index(payload.len());
                payload[at] = value;
            }
            let _ = Orientation::in_app1(&payload[..end.index(payload.len() + 1)]);
        }
    }
}
