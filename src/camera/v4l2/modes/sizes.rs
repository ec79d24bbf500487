//! Frame sizes as V4L2 lists them: single values or a range.

use std::cmp::Reverse;
use std::fmt;

use v4l::format::FourCC;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;

use super::some_of;
use crate::camera::v4l2::catch::catch_panic;
use crate::picture::Size;

/// The most sizes of one format that are looked at; cameras list up to about 30.
const SIZES_MAX: usize = 128;

/// The sizes of one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// These sizes, in the driver's order; empty if it lists none.
    List(Vec<Size>),
    /// Any size from the smallest to the largest, in steps.
    Range {
        /// The smallest.
        min: Size,
        /// The largest.
        max: Size,
        /// Steps of width and height in pixels; 0 and 1 mean any.
        step: (u32, u32),
    },
}

impl Sizes {
    /// What the driver lists, which may be nothing.
    pub fn of(device: &v4l::Device, fourcc: FourCC) -> Sizes {
        let found = catch_panic(|| device.enum_framesizes(fourcc)).unwrap_or_default();
        Sizes::listed(found.into_iter().map(|found| found.size))
    }

    /// What a driver's list makes sense of.
    fn listed(found: impl Iterator<Item = FrameSizeEnum>) -> Sizes {
        let mut list = Vec::new();
        for size in found {
            match size {
                FrameSizeEnum::Discrete(d) => {
                    let size = Size { width: d.width, height: d.height };
                    if size.is_possible() && !list.contains(&size) && list.len() < SIZES_MAX {
                        list.push(size);
                    }
                }
                FrameSizeEnum::Stepwise(s) => {
                    let min = Size { width: s.min_width, height: s.min_height };
                    let max = Size { width: s.max_width, height: s.max_height };
                    if let Some(range) = Sizes::range(min, max, (s.step_width, s.step_height)) {
                        return range;
                    }
                }
            }
        }
        Sizes::List(list)
    }

    /// A range as the driver lists it; `None` if no picture can have a size in it, or its minimum is above its maximum.
    fn range(min: Size, max: Size, step: (u32, u32)) -> Option<Sizes> {
        let is_sane = min.is_possible() && min.width <= max.width && min.height <= max.height;
        is_sane.then_some(Sizes::Range { min, max, step })
    }

    /// The sizes to choose from: those of a list, in the driver's order; of a range, the largest within `limit`, or else
    /// its smallest, and that size halved again and again. `limit` itself if the driver lists none.
    pub fn candidates(&self, limit: Size) -> Vec<Size> {
        match self {
            Sizes::List(list) if list.is_empty() => vec![limit],
            Sizes::List(list) => list.clone(),
            Sizes::Range { min, max, step } => {
                let side = |limit: u32, min: u32, max: u32, step: u32| {
                    let top = limit.min(max).max(min);
                    top - (top - min) % step.max(1)
                };
                let at = |size: Size| Size {
                    width: side(size.width, min.width, max.width, step.0),
                    height: side(size.height, min.height, max.height, step.1),
                };
                let first = at(limit);
                let mut all = vec![first];
                all.extend(self.smaller_than(first).into_iter().map(at));
                all.dedup();
                all
            }
        }
    }

    /// Whether exactly `size` is offered; true if the driver lists nothing.
    pub fn may_offer(&self, size: Size) -> bool {
        match self {
            Sizes::List(list) => list.is_empty() || list.contains(&size),
            Sizes::Range { min, max, step } => {
                let fits = |n: u32, min: u32, max: u32, step: u32| {
                    (min..=max).contains(&n) && (n - min).is_multiple_of(step.max(1))
                };
                fits(size.width, min.width, max.width, step.0)
                    && fits(size.height, min.height, max.height, step.1)
            }
        }
    }

    /// The listed size with the smallest [`Sizes::distance`] from `wanted`, the larger of two equals. `wanted` itself
    /// if the driver lists none, or a range, in which it rounds by itself.
    pub fn nearest(&self, wanted: Size) -> Size {
        match self {
            Sizes::List(list) => list
                .iter()
                .min_by_key(|s| (distance(**s, wanted), u64::MAX - s.area()))
                .copied()
                .unwrap_or(wanted),
            Sizes::Range { .. } => wanted,
        }
    }

    /// How far the nearest size is from `wanted`: difference in width plus difference in height, in pixels; 0 if the
    /// driver lists none. Steps of a range do not count.
    pub fn distance(&self, wanted: Size) -> u64 {
        let nearest = match self {
            Sizes::List(_) => self.nearest(wanted),
            // Not clamp(), which panics if a driver swaps minimum and maximum.
            Sizes::Range { min, max, .. } => Size {
                width: wanted.width.min(max.width).max(min.width),
                height: wanted.height.min(max.height).max(min.height),
            },
        };
        distance(nearest, wanted)
    }

    /// The sizes with fewer pixels than `size`, the largest first; in a range, `size` halved again and again down to
    /// the smallest.
    pub fn smaller_than(&self, size: Size) -> Vec<Size> {
        match self {
            Sizes::List(list) => {
                let mut below: Vec<Size> = list.iter().copied().filter(|s| s.area() < size.area()).collect();
                below.sort_by_key(|s| Reverse(s.area()));
                below
            }
            // The driver rounds to its own steps.
            Sizes::Range { min, .. } => {
                let half = |s: &Size| Some(Size { width: s.width / 2, height: s.height / 2 });
                let halves = std::iter::successors(half(&size), half);
                halves.take_while(|s| s.width >= min.width.max(1) && s.height >= min.height.max(1)).collect()
            }
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::List(list) => f.write_str(&some_of(list)),
            Sizes::Range { min, max, step: (0 | 1, 0 | 1) } => write!(f, "any from {min} to {max}"),
            Sizes::Range { min, max, step } => write!(f, "{min} to {max} in steps of {}x{}", step.0, step.1),
        }
    }
}

fn distance(one: Size, other: Size) -> u64 {
    u64::from(one.width.abs_diff(other.width)) + u64::from(one.height.abs_diff(other.height))
}

#[cfg(test)]
mod tests {
    use v4l::framesize::{Discrete, Stepwise};

    use super::super::tests::{size, sizes};
    use super::*;

    #[test]
    fn the_nearest_size_is_chosen_if_the_configured_one_is_not_offered() {
        let offered = sizes(&["640x480", "1280x720", "1920x1080"]);
        for (wanted, got) in [
            ("1281x721", "1280x720"),
            ("1x1", "640x480"),
            ("8192x8192", "1920x1080"),
            ("1600x900", "1920x1080"),
        ] {
            assert_eq!(offered.nearest(size(wanted)), size(got), "{wanted}");
        }
        assert_eq!(sizes(&[]).nearest(size("800x600")), size("800x600"));
        assert_eq!(offered.smaller_than(size("1920x1080")), [size("1280x720"), size("640x480")]);
        assert_eq!(offered.smaller_than(size("640x480")), []);
    }

    #[test]
    fn a_driver_that_lists_impossible_sizes_is_believed_only_where_it_makes_sense() {
        let each = |width, height| FrameSizeEnum::Discrete(Discrete { width, height });
        let range = |min: u32, max: u32, step: u32| {
            FrameSizeEnum::Stepwise(Stepwise {
                min_width: min,
                min_height: min,
                max_width: max,
                max_height: max,
                step_width: step,
                step_height: step,
            })
        };
        let listed = |all: Vec<FrameSizeEnum>| Sizes::listed(all.into_iter());
        let garbage = [each(0, 480), each(640, 480), each(u32::MAX, 1), each(640, 480), each(32, 0)];
        assert_eq!(listed(garbage.into()), sizes(&["640x480"]));
        let any = listed(vec![range(16, 64, 0)]);
        assert!(any.may_offer(size("17x63")) && any.candidates(size("30x30"))[0] == size("30x30"), "step 0");
        assert_eq!(listed(vec![range(64, 16, 8), each(32, 32)]), sizes(&["32x32"]), "swapped");
        assert_eq!(listed(vec![range(0, 64, 8)]), sizes(&[]));
        let Sizes::List(many) = listed((1..5000).map(|n| each(n, 1)).collect()) else { panic!("a range") };
        assert_eq!(many.len(), SIZES_MAX);
        // Steps that lead beyond 32 bits, and limits that no picture has.
        let huge = listed(vec![range(1, u32::MAX, u32::MAX)]);
        assert!(!huge.may_offer(size("2x2")) && huge.candidates(size("640x480"))[0] == size("1x1"));
        assert!(huge.distance(size("640x480")) == 0 && huge.smaller_than(size("8x8")).len() < 9);
    }

    #[test]
    fn a_range_of_sizes_offers_only_its_steps() {
        let range = Sizes::Range { min: size("32x32"), max: size("1920x1080"), step: (8, 2) };
        assert!(range.may_offer(size("640x480")) && range.may_offer(size("32x32")));
        assert!(!range.may_offer(size("641x480")) && !range.may_offer(size("1928x480")));
        let any = Sizes::Range { min: size("1x1"), max: size("64x64"), step: (0, 0) };
        assert!(any.may_offer(size("63x7")));
        assert_eq!(any.to_string(), "any from 1x1 to 64x64");
        assert_eq!(range.smaller_than(size("130x132")), [size("65x66"), size("32x33")]);
    }

    #[test]
    fn a_range_is_chosen_from_on_its_steps_and_never_above_the_limit() {
        let hd = size("1280x720");
        let texts = |sizes: Sizes| sizes.candidates(hd).iter().map(Size::to_string).collect::<Vec<_>>();
        let range = |min: &str, max: &str, step| Sizes::range(size(min), size(max), step).unwrap();
        assert_eq!(
            texts(range("32x32", "2592x1944", (2, 2))),
            ["1280x720", "640x360", "320x180", "160x90", "80x44"]
        );
        assert_eq!(texts(range("16x16", "640x480", (48, 0)))[0], "640x480");
        assert_eq!(texts(range("16x16", "1920x1080", (100, 100)))[0], "1216x716");
        assert_eq!(texts(range("1920x1080", "3840x2160", (8, 8))), ["1920x1080"], "all are larger");
        assert_eq!(sizes(&[]).candidates(hd), [hd]);
        let swapped = Sizes::range(size("1920x1080"), size("32x32"), (2, 2));
        let empty = Sizes::range(Size { width: 0, height: 0 }, size("64x64"), (1, 1));
        assert_eq!((swapped, empty), (None, None), "a driver's lies are passed over");
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let many = Sizes::List((1..=20).map(|n| Size { width: n, height: n }).collect());
        assert!(many.to_string().ends_with("8x8 and 12 more"), "{many}");
    }
}
