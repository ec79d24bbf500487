//! Inputs of capture cards, and the standards of analogue television.
//!
//! Documentation/userspace-api/media/v4l: vidioc-enuminput.rst, vidioc-g-input.rst, standard.rst, vidioc-g-std.rst,
//! vidioc-querystd.rst.

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};
use crate::text::text;

/// As many inputs are read of a driver that never ends its list.
const MAX_INPUTS: u32 = 64;

/// An input of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its number.
    pub index: u32,
    /// The driver's name for it.
    pub name: String,
    /// The television standards that it takes (V4L2_STD_*); 0 if it takes none.
    pub standards: u64,
    /// Whether it takes a digital signal whose timings can be asked for and set (V4L2_IN_CAP_DV_TIMINGS).
    pub has_timings: bool,
    /// Whether its standard can be set (V4L2_IN_CAP_STD).
    pub has_standards: bool,
    /// What the chip reports. Only meaningful of the input that is chosen.
    pub status: Status,
}

/// What the chip of an input reports (V4L2_IN_ST_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(pub u32);

impl Status {
    const BAD: [(u32, &'static str); 9] = [
        (sys::V4L2_IN_ST_NO_POWER, "no power"),
        (sys::V4L2_IN_ST_NO_SIGNAL, "no signal"),
        (sys::V4L2_IN_ST_NO_H_LOCK, "no horizontal lock"),
        (sys::V4L2_IN_ST_NO_V_LOCK, "no vertical lock"),
        (sys::V4L2_IN_ST_NO_STD_LOCK, "no standard lock"),
        (sys::V4L2_IN_ST_NO_SYNC, "no sync lock"),
        (sys::V4L2_IN_ST_NO_EQU, "no equalizer lock"),
        (sys::V4L2_IN_ST_NO_CARRIER, "no carrier"),
        (sys::V4L2_IN_ST_NO_ACCESS, "access denied"),
    ];

    /// Whether there is no power or no signal. A chip that only misses a lock may still show something.
    pub fn is_without_picture(self) -> bool {
        self.0 & (sys::V4L2_IN_ST_NO_POWER | sys::V4L2_IN_ST_NO_SIGNAL) != 0
    }

    /// What keeps the input from showing a picture, as the kernel's documentation calls it; empty if nothing does.
    pub fn problems(self) -> Vec<&'static str> {
        Self::BAD.iter().filter(|(flag, _)| self.0 & flag != 0).map(|(_, name)| *name).collect()
    }
}

// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_input {}
// SAFETY: an integer.
unsafe impl Argument for u64 {}

fn enumerate(device: impl AsFd, index: u32) -> io::Result<Input> {
    const ENUMINPUT: Opcode = opcode::read_write::<sys::v4l2_input>(V4L2, 26);
    let mut raw = sys::v4l2_input::zeroed();
    raw.index = index;
    call::<ENUMINPUT, _>(device, &mut raw)?;
    Ok(Input {
        index,
        name: text(&raw.name),
        standards: raw.std,
        has_timings: raw.capabilities & sys::V4L2_IN_CAP_DV_TIMINGS != 0,
        has_standards: raw.capabilities & sys::V4L2_IN_CAP_STD != 0,
        status: Status(raw.status),
    })
}

/// All inputs (VIDIOC_ENUMINPUT); none if the driver lists none.
pub fn inputs(device: impl AsFd) -> Vec<Input> {
    (0..MAX_INPUTS).map_while(|index| enumerate(&device, index).ok()).collect()
}

/// The input that is chosen, with what the chip reports now (VIDIOC_G_INPUT, VIDIOC_ENUMINPUT).
///
/// # Errors
/// That of the calls; a camera without inputs may refuse.
pub fn input(device: impl AsFd) -> io::Result<Input> {
    const G_INPUT: Opcode = opcode::read::<i32>(V4L2, 38);
    let mut index = 0_i32;
    call::<G_INPUT, _>(&device, &mut index)?;
    let index = u32::try_from(index).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    enumerate(device, index)
}

/// Chooses an input (VIDIOC_S_INPUT).
///
/// # Errors
/// That of the call: EBUSY while the device streams.
pub fn set_input(device: impl AsFd, index: u32) -> io::Result<()> {
    const S_INPUT: Opcode = opcode::read_write::<i32>(V4L2, 39);
    let mut index = i32::try_from(index).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    call::<S_INPUT, _>(device, &mut index)
}

/// A television standard by its usual name: `pal`, `ntsc`, `secam`, or one of them with its letter, such as `pal-m`.
pub fn standard_of(name: &str) -> Option<u64> {
    STANDARDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, id)| *id)
}

/// The names of television standards, in the same order as in `STANDARDS`.
pub fn standard_names() -> impl Iterator<Item = &'static str> {
    STANDARDS.iter().map(|(name, _)| *name)
}

/// The first name of a set of standards that holds all of `id`; `None` if none does.
pub fn standard_name(id: u64) -> Option<&'static str> {
    STANDARDS.iter().rev().find(|(_, all)| id != 0 && id & !all == 0).map(|(name, _)| *name)
}

/// linux/videodev2.h: V4L2_STD_*. A name of several letters is the set that the header calls so.
const STANDARDS: [(&str, u64); 10] = [
    ("pal", 0xff),
    ("ntsc", 0xb000),
    ("secam", 0xff_0000),
    ("pal-m", 0x100),
    ("pal-n", 0x200),
    ("pal-nc", 0x400),
    ("pal-60", 0x800),
    ("ntsc-m", 0x1000),
    ("ntsc-jp", 0x2000),
    ("ntsc-kr", 0x8000),
];

/// The standards that the signal may have (VIDIOC_QUERYSTD); 0 or all that the input takes if there is no signal.
///
/// # Errors
/// That of the call: ENODATA or ENOTTY where this cannot be asked for.
pub fn query_standard(device: impl AsFd) -> io::Result<u64> {
    const QUERYSTD: Opcode = opcode::read::<u64>(V4L2, 63);
    let mut id = 0_u64;
    call::<QUERYSTD, _>(device, &mut id)?;
    Ok(id)
}

/// The standard that is set (VIDIOC_G_STD).
///
/// # Errors
/// That of the call.
pub fn standard(device: impl AsFd) -> io::Result<u64> {
    const G_STD: Opcode = opcode::read::<u64>(V4L2, 23);
    let mut id = 0_u64;
    call::<G_STD, _>(device, &mut id)?;
    Ok(id)
}

/// Sets one of these standards, which one is the driver's choice (VIDIOC_S_STD).
///
/// # Errors
/// That of the call.
pub fn set_standard(device: impl AsFd, id: u64) -> io::Result<()> {
    const S_STD: Opcode = opcode::write::<u64>(V4L2, 24);
    call::<S_STD, _>(device, &mut { id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_without_power_or_signal_there_is_no_picture_at_all() {
        let of = |flags| (Status(flags).is_without_picture(), Status(flags).problems());
        assert_eq!(of(0), (false, vec![]));
        assert_eq!(of(sys::V4L2_IN_ST_NO_POWER), (true, vec!["no power"]));
        assert_eq!(of(sys::V4L2_IN_ST_NO_SIGNAL), (true, vec!["no signal"]));
        let locks = sys::V4L2_IN_ST_NO_H_LOCK | sys::V4L2_IN_ST_NO_SYNC;
        assert_eq!(of(locks), (false, vec!["no horizontal lock", "no sync lock"]));
    }

    #[test]
    fn a_file_that_is_no_device_has_no_inputs() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(inputs(&file), []);
        assert!(input(&file).is_err() && set_input(&file, 0).is_err());
        assert!(query_standard(&file).is_err() && set_standard(&file, 0xff).is_err());
    }

    #[test]
    fn what_the_chip_reports_is_put_into_words() {
        assert_eq!(Status(0).problems(), [""; 0]);
        assert_eq!(Status(0x10_0003 | 0x800).problems(), ["no power", "no signal", "no standard lock"]);
    }

    #[test]
    fn a_standard_is_known_by_its_name_in_any_case_and_named_as_narrowly_as_it_can_be() {
        assert_eq!(standard_of("PAL"), Some(0xff));
        assert_eq!(standard_of("Ntsc-M"), Some(0x1000));
        assert_eq!(standard_of("atsc"), None);
        for (id, name) in [(0x1000, Some("ntsc-m")), (0x7, Some("pal")), (0, None), (0xffff, None)] {
            assert_eq!(standard_name(id), name, "{id:#x}");
        }
    }
}
