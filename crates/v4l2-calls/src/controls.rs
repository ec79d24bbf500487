//! A device's controls: brightness, exposure, focus.
//!
//! Documentation/userspace-api/media/v4l: vidioc-queryctrl.rst, vidioc-g-ext-ctrls.rst. A driver may lie: the list ends
//! when identifiers do not grow, lists and strings have bounds, and a control that cannot be described is passed over.

mod list;

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{V4L2, call_with_pointers};
use crate::text::text;
pub use list::{again, list};

/// As many controls are read of one device.
pub const CONTROLS_MAX: usize = 256;

/// As many items are read of one menu.
pub const ITEMS_MAX: i64 = 256;

/// As many items are read of all menus of one device.
pub const ALL_ITEMS_MAX: usize = 2048;

/// As many bytes are read of a string, with the 0 at its end.
const STRING_MAX: i64 = 4096;

/// How the value of a control is meant (enum v4l2_ctrl_type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number of 32 bits.
    Integer,
    /// 0 or 1.
    Boolean,
    /// One of the items of its menu.
    Menu,
    /// It does something when it is set, and has no value.
    Button,
    /// A number of 64 bits.
    Integer64,
    /// A text.
    String,
    /// Bits.
    Bitmask,
    /// One of the numbers of its menu, set by its index.
    IntegerMenu,
}

/// An item of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The value that chooses it.
    pub index: i64,
    /// Its name, or its number in an integer menu.
    pub label: String,
}

/// A control, as the driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// V4L2_CID_*.
    pub id: u32,
    /// The driver's name for it.
    pub label: String,
    /// How its value is meant.
    pub kind: Kind,
    /// The least value, or the least length of a string.
    pub minimum: i64,
    /// The greatest value, or the greatest length of a string in bytes. It may be below the minimum: drivers are wrong.
    pub maximum: i64,
    /// The distance of two values; drivers may say 0.
    pub step: u64,
    /// The value that the driver starts with.
    pub default: i64,
    /// V4L2_CTRL_FLAG_*.
    pub flags: u32,
    /// The items of a menu, without those that the driver leaves out.
    pub menu: Vec<Item>,
}

impl Control {
    /// Another control decides now, so that a value has no effect.
    pub fn is_inactive(&self) -> bool {
        self.flags & sys::V4L2_CTRL_FLAG_INACTIVE != 0
    }

    /// Its value cannot be set.
    pub fn is_read_only(&self) -> bool {
        self.flags & sys::V4L2_CTRL_FLAG_READ_ONLY != 0
    }

    /// Its value cannot be read.
    pub fn is_write_only(&self) -> bool {
        self.kind == Kind::Button || self.flags & sys::V4L2_CTRL_FLAG_WRITE_ONLY != 0
    }

    /// What it belongs to (V4L2_CTRL_ID2CLASS).
    pub fn class(&self) -> &'static str {
        match self.id & 0x0fff_0000 {
            0x0098_0000 => "user",
            0x0099_0000 => "codec",
            0x009a_0000 => "camera",
            0x009c_0000 => "flash",
            0x009d_0000 => "jpeg",
            0x009e_0000 => "image_source",
            0x009f_0000 => "image_processing",
            0x00a0_0000 => "dv",
            0x00a3_0000 => "detection",
            _ => "other",
        }
    }
}

/// The value of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// That of all kinds but strings.
    Number(i64),
    /// That of a string.
    Text(String),
}

/// The controls of a device.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that have one value.
    pub controls: Vec<Control>,
    /// The names of those that are arrays or structs.
    pub arrays: Vec<String>,
    /// The identifiers of those that the driver does not describe, and what it answers instead. uvcvideo asks the camera
    /// for the limits of a control, and before Linux 6.16 ended the list with EIO at one that does not answer.
    pub unreadable: Vec<(u32, io::Error)>,
    /// Whether there are more than [`CONTROLS_MAX`].
    pub is_cut: bool,
}

const G_EXT_CTRLS: Opcode = opcode::read_write::<sys::v4l2_ext_controls>(V4L2, 71);
const S_EXT_CTRLS: Opcode = opcode::read_write::<sys::v4l2_ext_controls>(V4L2, 72);

/// Makes a call on one control.
///
/// # Safety
/// If the control is a string, `one` points to as many bytes as its size says.
unsafe fn call_on_one<const OPCODE: Opcode>(
    device: impl AsFd,
    one: &mut sys::v4l2_ext_control,
) -> io::Result<()> {
    // SAFETY: integers, and a pointer that may be null.
    let mut all: sys::v4l2_ext_controls = unsafe { std::mem::zeroed() };
    (all.count, all.controls) = (1, one);
    // SAFETY: there is one control, which nobody else refers to, and the caller promises the rest.
    unsafe { call_with_pointers::<OPCODE, _>(device, &mut all) }
}

fn one(control: &Control) -> sys::v4l2_ext_control {
    // SAFETY: integers, and a union of integers and pointers that may be null.
    let mut one: sys::v4l2_ext_control = unsafe { std::mem::zeroed() };
    one.id = control.id;
    one
}

/// As many bytes as a string of this control has, with the 0 at its end.
fn room(control: &Control) -> usize {
    usize::try_from(control.maximum.clamp(0, STRING_MAX - 1)).unwrap_or_default() + 1
}

/// The value of a control (VIDIOC_G_EXT_CTRLS).
///
/// # Errors
/// That of the call.
pub fn get(device: impl AsFd, control: &Control) -> io::Result<Value> {
    let mut one = one(control);
    let mut bytes = vec![0_u8; if control.kind == Kind::String { room(control) } else { 0 }];
    if control.kind == Kind::String {
        one.size = u32::try_from(bytes.len()).unwrap_or_default();
        one.__bindgen_anon_1.string = bytes.as_mut_ptr().cast();
    }
    // SAFETY: a string's bytes are as many as its size says.
    unsafe { call_on_one::<G_EXT_CTRLS>(device, &mut one)? };
    let value = one.__bindgen_anon_1;
    Ok(match control.kind {
        Kind::String => Value::Text(text(&bytes)),
        // SAFETY: the kernel wrote 64 bits, all of which are a number.
        Kind::Integer64 => Value::Number(unsafe { value.value64 }),
        // SAFETY: as above. Bits have no sign.
        Kind::Bitmask => Value::Number(unsafe { value.value }.cast_unsigned().into()),
        // SAFETY: the kernel wrote 32 bits, all of which are a number.
        _ => Value::Number(unsafe { value.value }.into()),
    })
}

/// Sets a control (VIDIOC_S_EXT_CTRLS). The driver may choose the nearest value that it has.
///
/// # Errors
/// That of the call: ERANGE or EINVAL if the value is none, EACCES if it cannot be set, EBUSY if it cannot be now. EINVAL
/// also if the value is of another kind than the control.
pub fn set(device: impl AsFd, control: &Control, value: &Value) -> io::Result<()> {
    let wrong = || io::Error::from(Errno::INVAL);
    let mut one = one(control);
    let mut bytes = Vec::new();
    match (control.kind, value) {
        (Kind::String, Value::Text(text)) => {
            bytes = text.as_bytes().to_vec();
            bytes.push(0);
            if text.contains('\0') || bytes.len() > room(control) {
                return Err(Errno::RANGE.into());
            }
            one.size = u32::try_from(bytes.len()).map_err(|_| wrong())?;
            one.__bindgen_anon_1.string = bytes.as_mut_ptr().cast();
        }
        (Kind::String, Value::Number(_)) | (_, Value::Text(_)) => return Err(wrong()),
        (Kind::Integer64, Value::Number(number)) => one.__bindgen_anon_1.value64 = *number,
        (Kind::Bitmask, Value::Number(number)) => {
            one.__bindgen_anon_1.value = u32::try_from(*number).map_err(|_| wrong())?.cast_signed();
        }
        (_, Value::Number(number)) => {
            one.__bindgen_anon_1.value = i32::try_from(*number).map_err(|_| wrong())?;
        }
    }
    // SAFETY: a string's bytes are as many as its size says, and live until the call is over.
    let result = unsafe { call_on_one::<S_EXT_CTRLS>(device, &mut one) };
    drop(bytes);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_whose_length_is_absurd_gets_no_memory_for_it() {
        let (label, menu) = ("S".to_owned(), Vec::new());
        let mut string = Control {
            id: 1,
            label,
            kind: Kind::String,
            minimum: 0,
            maximum: 0,
            step: 1,
            default: 0,
            flags: 0,
            menu,
        };
        for (maximum, bytes) in [(i64::MAX, 4096), (i64::MIN, 1), (4, 5)] {
            string.maximum = maximum;
            assert_eq!(room(&string), bytes);
        }
        let null = std::fs::File::open("/dev/null").unwrap();
        let too_long = set(&null, &string, &Value::Text("12345".into())).unwrap_err();
        assert_eq!(Errno::from_io_error(&too_long), Some(Errno::RANGE));
        assert!(get(&null, &string).is_err() && list(&null).controls.is_empty());
    }
}
