//! How a camera's pictures are turned and mirrored before anybody sees them.

use std::fmt;
use std::str::FromStr;

use coefficients::Transform;

use super::Size;
use crate::problem::{Text, text};

/// By how much pictures are turned, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees: what was at the left is at the top.
    Quarter,
    /// By 180 degrees: upside down.
    Half,
    /// By 270 degrees: what was at the right is at the top.
    ThreeQuarters,
}

impl Rotation {
    /// All of them, each 90 degrees further than the one before.
    pub const ALL: [Rotation; 4] =
        [Rotation::None, Rotation::Quarter, Rotation::Half, Rotation::ThreeQuarters];

    /// Degrees clockwise: 0, 90, 180 or 270.
    pub const fn degrees(self) -> u16 {
        self as u16 * 90
    }

    /// The one of these degrees, if there is one.
    pub fn of_degrees(degrees: u64) -> Option<Rotation> {
        Self::ALL.into_iter().find(|rotation| u64::from(rotation.degrees()) == degrees)
    }

    const fn transform(self) -> Transform {
        match self {
            Rotation::None => Transform::NONE,
            Rotation::Quarter => Transform::ROTATE_90,
            Rotation::Half => Transform::ROTATE_180,
            Rotation::ThreeQuarters => Transform::ROTATE_270,
        }
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.degrees().fmt(f)
    }
}

impl FromStr for Rotation {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let degrees = text.parse().ok().and_then(Self::of_degrees);
        degrees.ok_or_else(|| text!("expected 0, 90, 180 or 270 degrees, clockwise"))
    }
}

/// How pictures are mirrored, after they were turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flip {
    /// Not at all.
    #[default]
    None,
    /// Left and right change places, as in a mirror.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both, which is the same as turning by 180 degrees.
    Both,
}

impl Flip {
    /// All of them.
    pub const ALL: [Flip; 4] = [Flip::None, Flip::Horizontal, Flip::Vertical, Flip::Both];

    /// The name in settings, API and `/state`.
    pub const fn name(self) -> &'static str {
        match self {
            Flip::None => "none",
            Flip::Horizontal => "horizontal",
            Flip::Vertical => "vertical",
            Flip::Both => "both",
        }
    }

    const fn transform(self) -> Transform {
        match self {
            Flip::None => Transform::NONE,
            Flip::Horizontal => Transform::FLIP_HORIZONTAL,
            Flip::Vertical => Transform::FLIP_VERTICAL,
            Flip::Both => Transform::ROTATE_180,
        }
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Also `h` and `v`, and each name in any case.
impl FromStr for Flip {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let flip = match text.to_ascii_lowercase().as_str() {
            "none" => Flip::None,
            "h" | "horizontal" => Flip::Horizontal,
            "v" | "vertical" => Flip::Vertical,
            "hv" | "vh" | "both" => Flip::Both,
            _ => {
                return Err(text!(
                    "expected horizontal or h (left and right change places), vertical or v, both, or none"
                ));
            }
        };
        Ok(flip)
    }
}

/// How pictures are turned, and then mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// First they are turned.
    pub rotation: Rotation,
    /// Then they are mirrored.
    pub flip: Flip,
}

impl Orientation {
    /// The same for blocks of coefficients and rows of pixels.
    pub const fn transform(self) -> Transform {
        self.rotation.transform().then(self.flip.transform())
    }

    /// The size of the result for a picture of this size.
    pub const fn size(self, size: Size) -> Size {
        let (width, height) = self.transform().size((size.width, size.height));
        Size { width, height }
    }

    /// Both in one number, for an atomic.
    pub const fn to_bits(self) -> u8 {
        self.rotation as u8 | (self.flip as u8) << 2
    }

    /// The one with this number; higher bits count for nothing.
    pub const fn from_bits(bits: u8) -> Self {
        let (rotation, flip) = ((bits & 3) as usize, (bits >> 2 & 3) as usize);
        Self { rotation: Rotation::ALL[rotation], flip: Flip::ALL[flip] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_turned_first_and_mirrored_afterwards() {
        let of = |rotation, flip| Orientation { rotation, flip };
        // Clockwise the top left corner goes to the top right one, and to the top left one in the mirror of that.
        let transposed = Transform { transpose: true, ..Transform::NONE };
        assert_eq!(of(Rotation::Quarter, Flip::Horizontal).transform(), transposed);
        assert_eq!(of(Rotation::Half, Flip::Both).transform(), Transform::NONE);
        let size = Size { width: 640, height: 360 };
        assert_eq!(of(Rotation::ThreeQuarters, Flip::Vertical).size(size), Size { width: 360, height: 640 });
        assert_eq!(of(Rotation::Half, Flip::Vertical).size(size), size);
    }

    #[test]
    fn each_orientation_has_a_number_and_names_that_are_read_back() {
        for rotation in Rotation::ALL {
            assert_eq!(rotation.to_string().parse(), Ok(rotation));
            for flip in Flip::ALL {
                let orientation = Orientation { rotation, flip };
                assert_eq!(Orientation::from_bits(orientation.to_bits()), orientation);
                assert_eq!(flip.name().to_uppercase().parse(), Ok(flip));
            }
        }
        assert_eq!(
            ["h", "V", "vh"].map(str::parse),
            [Ok(Flip::Horizontal), Ok(Flip::Vertical), Ok(Flip::Both)]
        );
        for wrong in ["45", "-90", "360", "90.0", "left", ""] {
            assert!(wrong.parse::<Rotation>().is_err() && wrong.parse::<Flip>().is_err(), "{wrong}");
        }
    }
}
