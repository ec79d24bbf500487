//! A part of the picture in which motion counts for nothing.

use std::fmt;
use std::str::FromStr;

use coefficients::Transform;

use crate::picture::spelling::thousandths;
use crate::problem::{Text, text};

/// The most zones of a camera.
pub const ZONES_MAX: usize = 16;

/// The sides of a picture in the unit of a [`Zone`]: hundredths of a per cent.
const WHOLE: u16 = 10_000;

/// A rectangle, in ten-thousandths of the picture's width and height. It lies within the picture, and is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    left: u16,
    top: u16,
    width: u16,
    height: u16,
}

impl Zone {
    /// The one of `left`, `top`, `width` and `height` in parts of the picture, 0 to 1. What is outside by no more than
    /// rounding is cut off; `None` for what is no part of a picture.
    pub fn of_parts(parts: [f64; 4]) -> Option<Self> {
        let is_part = parts.iter().all(|part| (0.0..=1.0).contains(part));
        let [left, top, width, height] = parts.map(|part| (part * f64::from(WHOLE)).round() as u16);
        is_part.then(|| Self::of(left, top, width, height, 1)).flatten()
    }

    /// As [`Zone::of_parts`] takes it.
    pub fn parts(self) -> [f64; 4] {
        let whole = f64::from(WHOLE);
        [self.left, self.top, self.width, self.height].map(|part| f64::from(part) / whole)
    }

    /// `None` if it is empty, or outside by more than `slack`.
    fn of(left: u16, top: u16, width: u16, height: u16, slack: u16) -> Option<Self> {
        let fits = |from: u16, length: u16| {
            let inside = WHOLE.checked_sub(from)?.min(length);
            (inside > 0 && inside.saturating_add(slack) >= length).then_some(inside)
        };
        Some(Self { left, top, width: fits(left, width)?, height: fits(top, height)? })
    }

    /// Where it is after the picture was turned and mirrored in this way.
    #[must_use]
    pub fn turned(self, way: Transform) -> Self {
        let Self { mut left, mut top, mut width, mut height } = self;
        if way.transpose {
            (left, top, width, height) = (top, left, height, width);
        }
        if way.mirror_across {
            left = WHOLE - left - width;
        }
        if way.mirror_down {
            top = WHOLE - top - height;
        }
        Self { left, top, width, height }
    }

    /// Whether the middle of cell (`column`, `row`) of a grid of this size lies in it.
    pub fn has_cell(self, (column, row): (u32, u32), (columns, rows): (u32, u32)) -> bool {
        let within = |cell: u32, cells: u32, from: u16, length: u16| {
            let middle = (2 * u64::from(cell) + 1) * u64::from(WHOLE);
            let scale = 2 * u64::from(cells);
            (u64::from(from) * scale..u64::from(from + length) * scale).contains(&middle)
        };
        within(column, columns, self.left, self.width) && within(row, rows, self.top, self.height)
    }
}

/// The zones in a text, with blanks between them.
///
/// # Errors
/// What was expected.
pub fn zones(text: &str) -> Result<Vec<Zone>, Text> {
    text.split_whitespace().map(str::parse).collect()
}

/// Zones as [`zones`] reads them.
pub fn zones_text(zones: &[Zone]) -> String {
    zones.iter().map(Zone::to_string).collect::<Vec<_>>().join(" ")
}

/// As in the settings: `X,Y,W,H` in per cent.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_cent = [self.left, self.top, self.width, self.height].map(|part| f64::from(part) / 100.0);
        let [left, top, width, height] = per_cent;
        write!(f, "{left},{top},{width},{height}")
    }
}

/// `X,Y,W,H` in per cent, with up to two decimals.
impl FromStr for Zone {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let part = |text: &str| u16::try_from(thousandths(text.trim().trim_end_matches('%'))? / 10).ok();
        let parts: Option<Vec<u16>> = text.split(',').map(part).collect();
        match parts.as_deref() {
            Some(&[left, top, width, height]) => Self::of(left, top, width, height, 0),
            _ => None,
        }
        .ok_or_else(|| {
            text!("expected X,Y,W,H in per cent of the picture, within it: 0,0,100,25 is the upper quarter")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Zone {
        text.parse().unwrap()
    }

    #[test]
    fn a_zone_is_read_back_as_it_is_written_and_lies_within_the_picture() {
        for text in ["0,0,100,25", "12.5,3.25,0.01,96.75"] {
            assert_eq!(zone(text).to_string(), text);
            assert_eq!(Zone::of_parts(zone(text).parts()), Some(zone(text)));
        }
        assert_eq!(zone(" 10%, 20 ,30,40 ").to_string(), "10,20,30,40");
        assert_eq!(zones("").map(|zones| zones.len()), Ok(0));
        assert_eq!(zones_text(&zones(" 1,2,3,4  5,6,7,8 ").unwrap()), "1,2,3,4 5,6,7,8");
        for wrong in
            ["", "1,2,3", "1,2,3,4,5", "0,0,0,10", "90,0,20,10", "0,0,1e1,1", "-1,0,5,5", "999,0,1,1"]
        {
            assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
        }
        // A third and two thirds may be a whole and a bit after rounding.
        assert_eq!(Zone::of_parts([0.33336, 0.0, 0.66666, 1.0]).unwrap().to_string(), "33.34,0,66.66,100");
        for wrong in
            [[f64::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.5, 0.0, 0.6, 1.0], [0.0, -0.1, 1.0, 1.0]]
        {
            assert!(Zone::of_parts(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_zone_covers_the_cells_whose_middle_it_covers() {
        let covered = |zone: Zone, size: (u32, u32)| -> Vec<(u32, u32)> {
            let cells = (0..size.1).flat_map(|row| (0..size.0).map(move |column| (column, row)));
            cells.filter(|cell| zone.has_cell(*cell, size)).collect()
        };
        assert_eq!(covered(zone("0,0,100,25"), (2, 4)), [(0, 0), (1, 0)]);
        assert_eq!(covered(zone("0,0,100,100"), (3, 1)), [(0, 0), (1, 0), (2, 0)]);
        assert_eq!(covered(zone("50,50,25,50"), (4, 2)), [(2, 1)]);
        assert_eq!(covered(zone("51,0,24,100"), (2, 1)), []);
    }

    #[test]
    fn a_zone_stays_where_it_is_in_the_scene_when_the_picture_is_turned() {
        let corner = zone("0,0,10,20"); // top left
        assert_eq!(corner.turned(Transform::ROTATE_90), zone("80,0,20,10"), "top right");
        assert_eq!(corner.turned(Transform::ROTATE_180), zone("90,80,10,20"), "bottom right");
        assert_eq!(corner.turned(Transform::FLIP_VERTICAL), zone("0,80,10,20"), "bottom left");
        let odd = zone("1,2,30,45.5");
        for way in Transform::ALL {
            assert_eq!(odd.turned(way).turned(way.inverse()), odd, "{way:?}");
        }
    }
}
