//! The eight ways to turn and mirror a picture, on coefficients.
//!
//! A picture is mirrored by changing the signs of its odd frequencies, and transposed by transposing each block; then
//! blocks are moved (as jpegtran does).

use crate::block::LEN;

/// One of the eight ways to turn and mirror a picture. First rows become columns if `transpose`, then the result is
/// mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Transform {
    /// Whether rows become columns.
    pub transpose: bool,
    /// Whether left and right change places afterwards.
    pub mirror_across: bool,
    /// Whether top and bottom change places afterwards.
    pub mirror_down: bool,
}

impl Transform {
    /// Leaves a picture as it is.
    pub const NONE: Transform = Transform { transpose: false, mirror_across: false, mirror_down: false };
    /// Turns it clockwise by 90 degrees.
    pub const ROTATE_90: Transform = Transform { transpose: true, mirror_across: true, mirror_down: false };
    /// Turns it by 180 degrees.
    pub const ROTATE_180: Transform = Transform { transpose: false, mirror_across: true, mirror_down: true };
    /// Turns it clockwise by 270 degrees.
    pub const ROTATE_270: Transform = Transform { transpose: true, mirror_across: false, mirror_down: true };
    /// Left and right change places.
    pub const FLIP_HORIZONTAL: Transform =
        Transform { transpose: false, mirror_across: true, mirror_down: false };
    /// Top and bottom change places.
    pub const FLIP_VERTICAL: Transform =
        Transform { transpose: false, mirror_across: false, mirror_down: true };

    /// All eight.
    pub const ALL: [Transform; 8] = {
        let mut all = [Transform::NONE; 8];
        let mut n = 0;
        while n < 8 {
            all[n] = Transform { transpose: n & 1 != 0, mirror_across: n & 2 != 0, mirror_down: n & 4 != 0 };
            n += 1;
        }
        all
    };

    /// This one first, `next` afterwards, in one.
    #[must_use]
    pub const fn then(self, next: Transform) -> Transform {
        // Transposing what was mirrored is mirroring, the other way, what was transposed.
        let (across, down) = if next.transpose {
            (self.mirror_down, self.mirror_across)
        } else {
            (self.mirror_across, self.mirror_down)
        };
        Transform {
            transpose: self.transpose != next.transpose,
            mirror_across: across != next.mirror_across,
            mirror_down: down != next.mirror_down,
        }
    }

    /// The one that takes this one back.
    #[must_use]
    pub const fn inverse(self) -> Transform {
        let (mirror_across, mirror_down) = if self.transpose {
            (self.mirror_down, self.mirror_across)
        } else {
            (self.mirror_across, self.mirror_down)
        };
        Transform { transpose: self.transpose, mirror_across, mirror_down }
    }

    /// Where the coefficient at `index` goes in its block (natural order), and whether its sign changes.
    pub const fn coefficient(self, index: usize) -> (usize, bool) {
        let (v, u) = (index % LEN / 8, index % 8);
        let (v, u) = if self.transpose { (u, v) } else { (v, u) };
        let negative = (self.mirror_across && u % 2 == 1) != (self.mirror_down && v % 2 == 1);
        (v * 8 + u, negative)
    }

    /// The size of the result for a picture of this size.
    pub const fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.transpose { (height, width) } else { (width, height) }
    }

    /// The size of the result for the coefficients of a picture of this size, whose MCUs have the size `mcu`, all in
    /// pixels. What is left over at an edge that becomes the left or upper one, less than an MCU, is trimmed: there the
    /// result would have to begin inside an MCU. A picture that is smaller than an MCU keeps its size, and shows what
    /// fills the MCU.
    pub const fn trimmed_size(self, (width, height): (u32, u32), mcu: (u32, u32)) -> (u32, u32) {
        const fn trimmed(side: u32, mcu: u32, is_mirrored: bool) -> u32 {
            if is_mirrored && side >= mcu { side - side % mcu } else { side }
        }
        let (across, down) = if self.transpose {
            (self.mirror_down, self.mirror_across)
        } else {
            (self.mirror_across, self.mirror_down)
        };
        self.size((trimmed(width, mcu.0, across), trimmed(height, mcu.1, down)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a corner goes: -1 and 1 for left and right, top and bottom.
    fn corner(way: Transform, (x, y): (i32, i32)) -> (i32, i32) {
        let (x, y) = if way.transpose { (y, x) } else { (x, y) };
        (if way.mirror_across { -x } else { x }, if way.mirror_down { -y } else { y })
    }

    #[test]
    fn one_after_the_other_is_the_same_as_both_in_one() {
        for first in Transform::ALL {
            assert_eq!(first.then(first.inverse()), Transform::NONE);
            for next in Transform::ALL {
                for point in [(-1, -1), (1, -1)] {
                    assert_eq!(corner(first.then(next), point), corner(next, corner(first, point)));
                }
            }
        }
        // The left top corner goes to the right top one.
        assert_eq!(corner(Transform::ROTATE_90, (-1, -1)), (1, -1));
        assert_eq!(Transform::ROTATE_90.then(Transform::ROTATE_180), Transform::ROTATE_270);
    }
}
