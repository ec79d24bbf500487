//! What crate v4l relies on: literal sizes, offsets and ioctl numbers, checked at each build, for the target it is for.
//!
//! Each line gives the number for 64-bit targets, then for 32-bit ARM. `../check-against-c` reads these lines too and
//! shows them to C compilers, so a line is one macro call, in the order of the header, with the header's names.

use crate::*;
use core::ffi::c_int;
use core::mem::{offset_of, size_of};

/// Which of a line's two numbers is this target's.
const ABI: usize = if cfg!(target_pointer_width = "64") { 0 } else { 1 };

/// The kernel's `_IOC` (asm-generic/ioctl.h), for the type letter `V`. `direction`: 1 write, 2 read, 3 both.
const fn ioc(direction: u32, number: u32, size: usize) -> u32 {
    assert!(size < 1 << 14, "the size has 14 bits");
    direction << 30 | (size as u32) << 16 | (b'V' as u32) << 8 | number
}
const IOW: u32 = 1;
const IOR: u32 = 2;
const IOWR: u32 = 3;

macro_rules! size {
    ($type:ident, $lp64:literal, $ilp32:literal) => {
        const _: () = assert!(size_of::<$type>() == [$lp64, $ilp32][ABI]);
    };
}

macro_rules! offset {
    ($type:ident, $field:ident, $lp64:literal, $ilp32:literal) => {
        const _: () = assert!(offset_of!($type, $field) == [$lp64, $ilp32][ABI]);
    };
}

/// The number follows from the type; and crate v4l, where it can be built for tests, sends the same.
macro_rules! ioctl {
    ($name:ident, $direction:ident, $number:literal, $type:ty, $lp64:literal, $ilp32:literal) => {
        const _: () = assert!(ioc($direction, $number, size_of::<$type>()) == [$lp64, $ilp32][ABI]);

        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            assert_eq!(v4l::v4l2::vidioc::$name as u32, [$lp64, $ilp32][ABI]);
        }
    };
}

size!(timeval, 16, 16);
size!(timespec, 16, 16);
offset!(timeval, tv_usec, 8, 8);

size!(v4l2_fract, 8, 8);
size!(v4l2_capability, 104, 104);
offset!(v4l2_capability, card, 16, 16);
offset!(v4l2_capability, bus_info, 48, 48);
offset!(v4l2_capability, version, 80, 80);
offset!(v4l2_capability, device_caps, 88, 88);
size!(v4l2_pix_format, 48, 48);
offset!(v4l2_pix_format, width, 0, 0);
offset!(v4l2_pix_format, height, 4, 4);
offset!(v4l2_pix_format, pixelformat, 8, 8);
offset!(v4l2_pix_format, field, 12, 12);
offset!(v4l2_pix_format, bytesperline, 16, 16);
offset!(v4l2_pix_format, sizeimage, 20, 20);
offset!(v4l2_pix_format, colorspace, 24, 24);
offset!(v4l2_pix_format, flags, 32, 32);
offset!(v4l2_pix_format, quantization, 40, 40);
offset!(v4l2_pix_format, xfer_func, 44, 44);
size!(v4l2_fmtdesc, 64, 64);
offset!(v4l2_fmtdesc, type_, 4, 4);
offset!(v4l2_fmtdesc, flags, 8, 8);
offset!(v4l2_fmtdesc, description, 12, 12);
offset!(v4l2_fmtdesc, pixelformat, 44, 44);
size!(v4l2_frmsizeenum, 44, 44);
offset!(v4l2_frmsizeenum, pixel_format, 4, 4);
offset!(v4l2_frmsizeenum, type_, 8, 8);
size!(v4l2_frmivalenum, 52, 52);
offset!(v4l2_frmivalenum, width, 8, 8);
offset!(v4l2_frmivalenum, type_, 16, 16);
size!(v4l2_requestbuffers, 20, 20);
offset!(v4l2_requestbuffers, memory, 8, 8);
size!(v4l2_plane, 64, 60);
size!(v4l2_buffer, 88, 80);
offset!(v4l2_buffer, index, 0, 0);
offset!(v4l2_buffer, type_, 4, 4);
offset!(v4l2_buffer, bytesused, 8, 8);
offset!(v4l2_buffer, flags, 12, 12);
offset!(v4l2_buffer, field, 16, 16);
offset!(v4l2_buffer, timestamp, 24, 24);
offset!(v4l2_buffer, timecode, 40, 40);
offset!(v4l2_buffer, sequence, 56, 56);
offset!(v4l2_buffer, memory, 60, 60);
offset!(v4l2_buffer, m, 64, 64);
offset!(v4l2_buffer, length, 72, 68);
size!(v4l2_captureparm, 40, 40);
offset!(v4l2_captureparm, timeperframe, 8, 8);
size!(v4l2_ext_control, 20, 20);
offset!(v4l2_ext_control, size, 4, 4);
size!(v4l2_ext_controls, 32, 24);
offset!(v4l2_ext_controls, count, 4, 4);
offset!(v4l2_ext_controls, controls, 24, 20);
size!(v4l2_query_ext_ctrl, 232, 232);
offset!(v4l2_query_ext_ctrl, type_, 4, 4);
offset!(v4l2_query_ext_ctrl, name, 8, 8);
offset!(v4l2_query_ext_ctrl, minimum, 40, 40);
offset!(v4l2_query_ext_ctrl, maximum, 48, 48);
offset!(v4l2_query_ext_ctrl, step, 56, 56);
offset!(v4l2_query_ext_ctrl, default_value, 64, 64);
offset!(v4l2_query_ext_ctrl, flags, 72, 72);
size!(v4l2_querymenu, 44, 44);
offset!(v4l2_querymenu, index, 4, 4);
size!(v4l2_format, 208, 204);
offset!(v4l2_format, fmt, 8, 4);
size!(v4l2_streamparm, 204, 204);
offset!(v4l2_streamparm, parm, 4, 4);
size!(v4l2_event, 136, 136);

ioctl!(VIDIOC_QUERYCAP, IOR, 0, v4l2_capability, 0x80685600, 0x80685600);
ioctl!(VIDIOC_ENUM_FMT, IOWR, 2, v4l2_fmtdesc, 0xc0405602, 0xc0405602);
ioctl!(VIDIOC_G_FMT, IOWR, 4, v4l2_format, 0xc0d05604, 0xc0cc5604);
ioctl!(VIDIOC_S_FMT, IOWR, 5, v4l2_format, 0xc0d05605, 0xc0cc5605);
ioctl!(VIDIOC_REQBUFS, IOWR, 8, v4l2_requestbuffers, 0xc0145608, 0xc0145608);
ioctl!(VIDIOC_QUERYBUF, IOWR, 9, v4l2_buffer, 0xc0585609, 0xc0505609);
ioctl!(VIDIOC_QBUF, IOWR, 15, v4l2_buffer, 0xc058560f, 0xc050560f);
ioctl!(VIDIOC_DQBUF, IOWR, 17, v4l2_buffer, 0xc0585611, 0xc0505611);
ioctl!(VIDIOC_STREAMON, IOW, 18, c_int, 0x40045612, 0x40045612);
ioctl!(VIDIOC_STREAMOFF, IOW, 19, c_int, 0x40045613, 0x40045613);
ioctl!(VIDIOC_G_PARM, IOWR, 21, v4l2_streamparm, 0xc0cc5615, 0xc0cc5615);
ioctl!(VIDIOC_S_PARM, IOWR, 22, v4l2_streamparm, 0xc0cc5616, 0xc0cc5616);
ioctl!(VIDIOC_QUERYMENU, IOWR, 37, v4l2_querymenu, 0xc02c5625, 0xc02c5625);
ioctl!(VIDIOC_G_EXT_CTRLS, IOWR, 71, v4l2_ext_controls, 0xc0205647, 0xc0185647);
ioctl!(VIDIOC_S_EXT_CTRLS, IOWR, 72, v4l2_ext_controls, 0xc0205648, 0xc0185648);
ioctl!(VIDIOC_ENUM_FRAMESIZES, IOWR, 74, v4l2_frmsizeenum, 0xc02c564a, 0xc02c564a);
ioctl!(VIDIOC_ENUM_FRAMEINTERVALS, IOWR, 75, v4l2_frmivalenum, 0xc034564b, 0xc034564b);
ioctl!(VIDIOC_QUERY_EXT_CTRL, IOWR, 103, v4l2_query_ext_ctrl, 0xc0e85667, 0xc0e85667);
