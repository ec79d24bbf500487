//! Which controls a device has.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use super::{ALL_ITEMS_MAX, CONTROLS_MAX, Control, ITEMS_MAX, Item, Kind, Listed};
use crate::call::{Argument, V4L2, call};
use crate::text::text;

/// Which control is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// The first one behind this identifier.
    Behind(u32),
    /// The one with this identifier.
    Exactly(u32),
}

/// As many controls may be passed over in a list.
const UNREADABLE_MAX: usize = 16;

/// Where the identifiers of a class begin (V4L2_CTRL_CLASS_*), without its number.
const CLASS_BASE: u32 = 0x0900;

/// As many identifiers of a class are tried one by one: no class of linux/v4l2-controls.h has more controls for cameras.
const TRIED: u32 = 64;

// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_query_ext_ctrl {}
// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_queryctrl {}
// SAFETY: integers and a union of them.
unsafe impl Argument for sys::v4l2_querymenu {}

/// All controls (VIDIOC_QUERY_EXT_CTRL, or VIDIOC_QUERYCTRL of older drivers); none if the driver lists none.
pub fn list(device: impl AsFd) -> Listed {
    collect(|which| query(&device, which), |control, most| menu(&device, control, most))
}

/// The control as it is now: its flags and limits may have changed since it was listed.
///
/// # Errors
/// That of the call; EINVAL if the control is none any more that can be set.
pub fn again(device: impl AsFd, before: &Control) -> io::Result<Control> {
    let raw = query(&device, Which::Exactly(before.id))?;
    let mut control = control(&raw).filter(|control| control.id == before.id).ok_or(Errno::INVAL)?;
    control.menu.clone_from(&before.menu);
    Ok(control)
}

/// Makes the list from `query`.
fn collect(
    mut query: impl FnMut(Which) -> io::Result<sys::v4l2_query_ext_ctrl>,
    menu: impl Fn(&Control, usize) -> Vec<Item>,
) -> Listed {
    let mut listed = Listed::default();
    let mut items_left = ALL_ITEMS_MAX;
    let mut last = 0;
    for _ in 0..2 * CONTROLS_MAX {
        let raw = match query(Which::Behind(last)) {
            Ok(raw) => raw,
            Err(error) if is_end(&error) => return listed,
            Err(_) => match pass_over(last, &mut query, &mut listed.unreadable) {
                Some(raw) => raw,
                None => return listed,
            },
        };
        if raw.id <= last {
            return listed; // it would never end
        }
        last = raw.id;
        if raw.flags & sys::V4L2_CTRL_FLAG_DISABLED != 0 || raw.type_ == CLASS {
            continue;
        }
        if listed.controls.len() == CONTROLS_MAX {
            break;
        }
        match control(&raw) {
            Some(mut control) => {
                control.menu = menu(&control, items_left);
                items_left = items_left.saturating_sub(control.menu.len());
                listed.controls.push(control);
            }
            None => listed.arrays.push(label(&raw)),
        }
    }
    listed.is_cut = true;
    listed
}

/// Whether the list ends here (EINVAL, or ENOTTY of a device without controls), or the device is gone.
fn is_end(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, None | Some(Errno::INVAL | Errno::NOTTY | Errno::NODEV | Errno::NXIO | Errno::BADF))
}

/// The next control that is described, when asking for the one behind `last` fails.
fn pass_over(
    last: u32,
    query: &mut impl FnMut(Which) -> io::Result<sys::v4l2_query_ext_ctrl>,
    unreadable: &mut Vec<(u32, io::Error)>,
) -> Option<sys::v4l2_query_ext_ctrl> {
    const FIRST_CLASS: u32 = 0x98;
    const LAST_CLASS: u32 = 0xa8;
    let begin = last >> 16;
    for class in begin.max(FIRST_CLASS)..=LAST_CLASS {
        let base = (class << 16) + CLASS_BASE;
        let from = if class == begin { last.saturating_add(1).max(base) } else { base };
        let end = from.saturating_add(TRIED);
        for id in from..end {
            match query(Which::Exactly(id)) {
                Ok(raw) => return Some(raw),
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {}
                Err(error) if is_end(&error) => return None,
                Err(_) if unreadable.len() == UNREADABLE_MAX => return None,
                Err(error) => unreadable.push((id, error)),
            }
        }
        match query(Which::Behind(end - 1)) {
            Ok(raw) => return Some(raw),
            Err(error) if is_end(&error) => return None,
            Err(_) => {} // one far behind, whose identifier cannot be told
        }
    }
    None
}

/// V4L2_CTRL_TYPE_CTRL_CLASS: a heading.
const CLASS: u32 = sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_CTRL_CLASS;

fn label(raw: &sys::v4l2_query_ext_ctrl) -> String {
    text(&raw.name.map(|byte| byte.to_ne_bytes()[0]))
}

/// The control; `None` if it is an array or a struct.
fn control(raw: &sys::v4l2_query_ext_ctrl) -> Option<Control> {
    let kind = match raw.type_ {
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER => Kind::Integer,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN => Kind::Boolean,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU => Kind::Menu,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BUTTON => Kind::Button,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER64 => Kind::Integer64,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_STRING => Kind::String,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BITMASK => Kind::Bitmask,
        sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU => Kind::IntegerMenu,
        _ => return None,
    };
    let is_array = raw.nr_of_dims > 0 || raw.elems > 1;
    (!is_array).then(|| Control {
        id: raw.id,
        label: label(raw),
        kind,
        minimum: raw.minimum,
        maximum: raw.maximum,
        step: raw.step,
        default: raw.default_value,
        flags: raw.flags,
        menu: Vec::new(),
    })
}

fn query(device: impl AsFd, which: Which) -> io::Result<sys::v4l2_query_ext_ctrl> {
    const QUERY_EXT_CTRL: Opcode = opcode::read_write::<sys::v4l2_query_ext_ctrl>(V4L2, 103);
    const QUERYCTRL: Opcode = opcode::read_write::<sys::v4l2_queryctrl>(V4L2, 36);
    let mut raw = sys::v4l2_query_ext_ctrl::zeroed();
    raw.id = match which {
        Which::Behind(id) => id | sys::V4L2_CTRL_FLAG_NEXT_CTRL | sys::V4L2_CTRL_FLAG_NEXT_COMPOUND,
        Which::Exactly(id) => id,
    };
    match call::<QUERY_EXT_CTRL, _>(&device, &mut raw) {
        Ok(()) => return Ok(raw),
        Err(error) if Errno::from_io_error(&error) != Some(Errno::NOTTY) => return Err(error),
        Err(_) => {}
    }
    let mut old = sys::v4l2_queryctrl::zeroed();
    old.id = match which {
        Which::Behind(id) => id | sys::V4L2_CTRL_FLAG_NEXT_CTRL,
        Which::Exactly(id) => id,
    };
    call::<QUERYCTRL, _>(device, &mut old)?;
    let mut raw = sys::v4l2_query_ext_ctrl::zeroed();
    (raw.id, raw.type_, raw.flags) = (old.id, old.type_, old.flags);
    for (to, from) in raw.name.iter_mut().zip(old.name) {
        *to = std::ffi::c_char::from_ne_bytes([from]);
    }
    (raw.minimum, raw.maximum) = (old.minimum.into(), old.maximum.into());
    (raw.step, raw.default_value) = (old.step.max(0).unsigned_abs().into(), old.default_value.into());
    Ok(raw)
}

fn menu(device: impl AsFd, control: &Control, most: usize) -> Vec<Item> {
    const QUERYMENU: Opcode = opcode::read_write::<sys::v4l2_querymenu>(V4L2, 37);
    if most == 0 || !matches!(control.kind, Kind::Menu | Kind::IntegerMenu) {
        return Vec::new();
    }
    let first = control.minimum.max(0);
    let last = control.maximum.min(first.saturating_add(ITEMS_MAX - 1));
    let item = |index: i64| {
        let mut raw = sys::v4l2_querymenu::zeroed();
        (raw.id, raw.index) = (control.id, u32::try_from(index).ok()?);
        call::<QUERYMENU, _>(&device, &mut raw).ok()?;
        let what = raw.__bindgen_anon_1;
        let label = match control.kind {
            // SAFETY: all bit patterns are valid.
            Kind::IntegerMenu => unsafe { what.value }.to_string(),
            // SAFETY: as above.
            _ => text(&unsafe { what.name }),
        };
        Some(Item { index, label })
    };
    (first..=last).filter_map(item).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(id: u32, type_: u32, name: &[u8]) -> sys::v4l2_query_ext_ctrl {
        let mut raw = sys::v4l2_query_ext_ctrl::zeroed();
        (raw.id, raw.type_) = (id, type_);
        for (to, from) in raw.name.iter_mut().zip(name) {
            *to = std::ffi::c_char::from_ne_bytes([*from]);
        }
        raw
    }

    #[test]
    fn a_list_that_never_ends_is_cut() {
        let integer = sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER;
        let same = collect(|_| Ok(raw(7, integer, b"Same")), |_, _| Vec::new());
        let last = |which| match which {
            Which::Behind(id) | Which::Exactly(id) => id,
        };
        assert_eq!((same.controls.len(), same.is_cut), (1, false));
        let endless = collect(|which| Ok(raw(last(which) + 1, integer, b"More")), |_, _| Vec::new());
        assert_eq!((endless.controls.len(), endless.is_cut), (CONTROLS_MAX, true));
        let headings = collect(|which| Ok(raw(last(which) + 1, CLASS, b"Heading")), |_, _| Vec::new());
        assert_eq!((headings.controls.len(), headings.is_cut), (0, true));
    }

    #[test]
    fn menus_without_end_are_cut() {
        let kind = sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU;
        let items = |_: &Control, most| {
            (0..ITEMS_MAX).map(|index| Item { index, label: "Item".to_owned() }).take(most).collect()
        };
        let listed = collect(
            |which| match which {
                Which::Behind(last) => Ok(raw(last + 1, kind, b"Menu")),
                Which::Exactly(_) => Err(Errno::INVAL.into()),
            },
            items,
        );
        assert_eq!(listed.controls.iter().map(|control| control.menu.len()).sum::<usize>(), ALL_ITEMS_MAX);
        assert_eq!(listed.controls[0].menu.len(), 256);
    }

    #[test]
    fn an_array_is_named_and_left_out_and_a_disabled_control_is_not_there() {
        let listed = collect(
            |which| match which {
                Which::Behind(0) => {
                    let mut array = raw(1, 0x100, b"Grid\x1b");
                    (array.nr_of_dims, array.elems) = (2, 9);
                    Ok(array)
                }
                Which::Behind(1) => {
                    let mut off = raw(2, sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER, b"Off");
                    off.flags = sys::V4L2_CTRL_FLAG_DISABLED;
                    Ok(off)
                }
                Which::Behind(2) => {
                    let mut single = raw(3, sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER, b"Row of one");
                    (single.nr_of_dims, single.elems) = (1, 1);
                    Ok(single)
                }
                Which::Behind(3) => Ok(raw(0x009a_0902, sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_STRING, b"Text")),
                _ => Err(Errno::INVAL.into()),
            },
            |_, _| Vec::new(),
        );
        assert_eq!(listed.arrays, ["Grid", "Row of one"]);
        let [text] = listed.controls.as_slice() else { panic!("{listed:?}") };
        assert_eq!((text.label.as_str(), text.class(), text.kind), ("Text", "camera", Kind::String));
        assert!(!listed.is_cut);
    }

    /// Answers as uvcvideo before Linux 6.16 with these controls, some of which have no limits.
    fn uvc(ids: &[u32], bad: &[u32], which: Which) -> io::Result<sys::v4l2_query_ext_ctrl> {
        let found = match which {
            Which::Behind(last) => ids.iter().find(|id| **id > last),
            Which::Exactly(exactly) => ids.iter().find(|id| **id == exactly),
        };
        let id = *found.ok_or(Errno::INVAL)?;
        if bad.contains(&id) {
            return Err(Errno::IO.into());
        }
        Ok(raw(id, sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER, b"C"))
    }

    #[test]
    fn a_control_that_is_not_described_does_not_hide_the_others() {
        let (brightness, contrast, gain) = (0x0098_0900, 0x0098_0901, 0x0098_0913);
        let (vendors, exposure, focus) = (0x0098_1010, 0x009a_0902, 0x009a_090a);
        let all = [brightness, contrast, gain, vendors, exposure, focus];
        for bad in [
            &[][..],
            &[brightness],
            &[contrast, gain],
            &[gain, exposure],
            &[focus],
            &[brightness, contrast, gain, exposure, focus],
        ] {
            let listed = collect(|which| uvc(&all, bad, which), |_, _| Vec::new());
            let found: Vec<_> = listed.controls.iter().map(|control| control.id).collect();
            let good: Vec<_> = all.into_iter().filter(|id| !bad.contains(id)).collect();
            assert_eq!(found, good, "without {bad:x?}");
            let passed_over: Vec<_> = listed.unreadable.iter().map(|(id, _)| *id).collect();
            assert_eq!(passed_over, bad);
        }
    }

    #[test]
    fn a_driver_whose_every_answer_is_an_error_is_not_asked_for_ever() {
        for errno in [Errno::IO, Errno::NODEV, Errno::AGAIN, Errno::TIMEDOUT] {
            let mut calls = 0;
            let listed = collect(
                |_| {
                    calls += 1;
                    Err(errno.into())
                },
                |_, _| Vec::new(),
            );
            assert!(listed.controls.is_empty() && calls <= 2 * UNREADABLE_MAX, "{errno}: {calls} calls");
        }
    }
}
