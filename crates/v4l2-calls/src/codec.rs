//! Memory-to-memory devices: pictures in by one queue, out by another.
//!
//! Documentation/userspace-api/media/v4l: dev-encoder.rst, dev-mem2mem.rst, vidioc-querycap.rst, vidioc-g-selection.rst,
//! vidioc-enum-framesizes.rst, vidioc-g-ctrl.rst. Controls and formats belong to the open
//! descriptor, not to the device.

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};
use crate::formats::Kind;
use crate::text::text;

/// As many sizes are read of a driver that never ends its list.
const MAX_SIZES: u32 = 256;

/// A memory-to-memory device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// The device's own name.
    pub card: String,
    /// The queue for what goes in.
    pub input: Kind,
    /// The queue for what comes out.
    pub output: Kind,
}

/// As the struct, which the calls of another module may also take.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Capability(sys::v4l2_capability);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct FrameSize(sys::v4l2_frmsizeenum);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct QueryControl(sys::v4l2_queryctrl);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Control(sys::v4l2_control);
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Selection(sys::v4l2_selection);

// SAFETY: integers only.
unsafe impl Argument for Capability {}
// SAFETY: integers and unions of them.
unsafe impl Argument for FrameSize {}
// SAFETY: integers only.
unsafe impl Argument for QueryControl {}
// SAFETY: integers only.
unsafe impl Argument for Control {}
// SAFETY: integers only.
unsafe impl Argument for Selection {}

const QUERYCAP: Opcode = opcode::read::<Capability>(V4L2, 0);
const S_CTRL: Opcode = opcode::read_write::<Control>(V4L2, 28);
const QUERYCTRL: Opcode = opcode::read_write::<QueryControl>(V4L2, 36);
const ENUM_FRAMESIZES: Opcode = opcode::read_write::<FrameSize>(V4L2, 74);
const S_SELECTION: Opcode = opcode::read_write::<Selection>(V4L2, 95);

/// What a device is, if it is a memory-to-memory device (VIDIOC_QUERYCAP); `None` if it is another kind.
///
/// # Errors
/// That of the call.
pub fn codec(device: impl AsFd) -> io::Result<Option<Codec>> {
    let mut raw = Capability::zeroed();
    call::<QUERYCAP, _>(device, &mut raw)?;
    let Capability(raw) = raw;
    let has_own = raw.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0;
    let kinds = kinds(if has_own { raw.device_caps } else { raw.capabilities });
    Ok(kinds.map(|(input, output)| Codec { card: text(&raw.card), input, output }))
}

/// The queues of a device with these capabilities. Old drivers say that they capture and put out, and not that they do
/// both with one memory.
fn kinds(capabilities: u32) -> Option<(Kind, Kind)> {
    let has = |flags: u32| capabilities & flags == flags;
    if !has(sys::V4L2_CAP_STREAMING) {
        None
    } else if has(sys::V4L2_CAP_VIDEO_M2M_MPLANE)
        || has(sys::V4L2_CAP_VIDEO_CAPTURE_MPLANE | sys::V4L2_CAP_VIDEO_OUTPUT_MPLANE)
    {
        Some((Kind::OutputPlanes, Kind::CapturePlanes))
    } else if has(sys::V4L2_CAP_VIDEO_M2M) || has(sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_VIDEO_OUTPUT) {
        Some((Kind::Output, Kind::Capture))
    } else {
        None
    }
}

/// Sizes that a driver lists for a format, as width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRange {
    /// The least.
    pub min: (u32, u32),
    /// The greatest.
    pub max: (u32, u32),
}

impl SizeRange {
    /// Whether it has room for pictures of this size.
    pub fn has(&self, (width, height): (u32, u32)) -> bool {
        (self.min.0..=self.max.0).contains(&width) && (self.min.1..=self.max.1).contains(&height)
    }
}

/// The sizes that a driver lists for a format (VIDIOC_ENUM_FRAMESIZES); none if it lists none. A single size has room
/// for all smaller ones.
pub fn sizes(device: impl AsFd, code: [u8; 4]) -> Vec<SizeRange> {
    let mut found = Vec::new();
    for index in 0..MAX_SIZES {
        let mut raw = FrameSize::zeroed();
        (raw.0.index, raw.0.pixel_format) = (index, u32::from_le_bytes(code));
        if call::<ENUM_FRAMESIZES, _>(&device, &mut raw).is_err() {
            break;
        }
        found.push(size_range(&raw.0));
        // A range is the only one.
        if raw.0.type_ != sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
            break;
        }
    }
    found
}

fn size_range(raw: &sys::v4l2_frmsizeenum) -> SizeRange {
    if raw.type_ == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
        // SAFETY: all bit patterns are valid.
        let size = unsafe { raw.__bindgen_anon_1.discrete };
        return SizeRange { min: (1, 1), max: (size.width, size.height) };
    }
    // SAFETY: all bit patterns are valid.
    let range = unsafe { raw.__bindgen_anon_1.stepwise };
    SizeRange { min: (range.min_width, range.min_height), max: (range.max_width, range.max_height) }
}

/// Says which part of the pictures that go in is to be encoded, from their first pixel on (VIDIOC_S_SELECTION,
/// V4L2_SEL_TGT_CROP), and returns the size that the driver made of it.
///
/// # Errors
/// That of the call: many drivers lack it.
pub fn crop(device: impl AsFd, (width, height): (u32, u32)) -> io::Result<(u32, u32)> {
    let mut raw = Selection::zeroed();
    // Not the multi-planar type: kernels before 4.14 knew only this one here.
    raw.0.type_ = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;
    raw.0.target = sys::V4L2_SEL_TGT_CROP;
    raw.0.r = sys::v4l2_rect { left: 0, top: 0, width, height };
    call::<S_SELECTION, _>(device, &mut raw)?;
    Ok((raw.0.r.width, raw.0.r.height))
}

/// The least and the greatest JPEG quality that a device can be set to (V4L2_CID_JPEG_COMPRESSION_QUALITY); `None` if it
/// cannot be set.
pub fn jpeg_quality(device: impl AsFd) -> Option<(i32, i32)> {
    const UNUSABLE: u32 = sys::V4L2_CTRL_FLAG_DISABLED | sys::V4L2_CTRL_FLAG_READ_ONLY;
    let mut raw = QueryControl::zeroed();
    raw.0.id = sys::V4L2_CID_JPEG_COMPRESSION_QUALITY;
    call::<QUERYCTRL, _>(device, &mut raw).ok()?;
    let usable = raw.0.flags & UNUSABLE == 0 && raw.0.minimum < raw.0.maximum;
    usable.then_some((raw.0.minimum, raw.0.maximum))
}

/// Sets the JPEG quality.
///
/// # Errors
/// That of the call.
pub fn set_jpeg_quality(device: impl AsFd, value: i32) -> io::Result<()> {
    let mut raw = Control::zeroed();
    raw.0 = sys::v4l2_control { id: sys::V4L2_CID_JPEG_COMPRESSION_QUALITY, value };
    call::<S_CTRL, _>(device, &mut raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_told_by_what_it_can_do() {
        let streaming = sys::V4L2_CAP_STREAMING;
        let both = sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_VIDEO_OUTPUT;
        let planes = Some((Kind::OutputPlanes, Kind::CapturePlanes));
        assert_eq!(kinds(streaming | sys::V4L2_CAP_VIDEO_M2M_MPLANE), planes);
        assert_eq!(kinds(streaming | sys::V4L2_CAP_VIDEO_M2M), Some((Kind::Output, Kind::Capture)));
        assert_eq!(kinds(streaming | both), Some((Kind::Output, Kind::Capture)), "an old driver");
        assert_eq!(kinds(streaming | sys::V4L2_CAP_VIDEO_CAPTURE), None, "a camera");
        assert_eq!(kinds(sys::V4L2_CAP_VIDEO_M2M), None, "it cannot stream");
    }

    #[test]
    fn a_size_beyond_what_the_driver_lists_is_known_before_it_is_tried() {
        let mut raw = FrameSize::zeroed().0;
        raw.type_ = sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE;
        raw.__bindgen_anon_1.stepwise = sys::v4l2_frmsize_stepwise {
            min_width: 96,
            max_width: 1920,
            step_width: 16,
            min_height: 32,
            max_height: 1088,
            step_height: 16,
        };
        let has = |raw: &sys::v4l2_frmsizeenum, sizes: &[(u32, u32)]| {
            sizes.iter().map(|size| size_range(raw).has(*size)).collect::<Vec<_>>()
        };
        let tried = [(1920, 1080), (3840, 1080), (1920, 2160), (64, 480), (640, 16), (96, 32), (1921, 32)];
        assert_eq!(has(&raw, &tried), [true, false, false, false, false, true, false]);
        raw.type_ = sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
        raw.__bindgen_anon_1.discrete = sys::v4l2_frmsize_discrete { width: 640, height: 480 };
        assert_eq!(has(&raw, &[(640, 480), (16, 16), (1280, 480), (640, 481)]), [true, true, false, false]);
    }

    #[test]
    fn a_file_that_is_no_codec_is_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(codec(&file).is_err());
        assert!(crop(&file, (640, 480)).is_err() && set_jpeg_quality(&file, 80).is_err());
        assert_eq!(jpeg_quality(&file), None);
        assert_eq!(sizes(&file, *b"JPEG"), [], "it lists none");
    }

    #[test]
    fn the_codes_of_the_calls_are_those_of_the_kernels_header() {
        let codes = [QUERYCAP, S_CTRL, QUERYCTRL, ENUM_FRAMESIZES, S_SELECTION];
        let kernel = [0x8068_5600, 0xc008_561c, 0xc044_5624, 0xc02c_564a, 0xc040_565f];
        assert_eq!(codes, kernel);
    }
}
