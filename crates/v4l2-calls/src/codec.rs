//! Memory-to-memory devices: pictures in by one queue, out by another.
//!
//! Documentation/userspace-api/media/v4l: dev-encoder.rst, dev-mem2mem.rst, vidioc-querycap.rst, vidioc-encoder-cmd.rst,
//! vidioc-g-selection.rst, vidioc-enum-framesizes.rst, vidioc-g-ctrl.rst. Controls and formats belong to the open
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
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_encoder_cmd {}

const QUERYCAP: Opcode = opcode::read::<Capability>(V4L2, 0);
const S_CTRL: Opcode = opcode::read_write::<Control>(V4L2, 28);
const QUERYCTRL: Opcode = opcode::read_write::<QueryControl>(V4L2, 36);
const ENUM_FRAMESIZES: Opcode = opcode::read_write::<FrameSize>(V4L2, 74);
const ENCODER_CMD: Opcode = opcode::read_write::<sys::v4l2_encoder_cmd>(V4L2, 77);
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

/// Whether a driver lists a size for a format (VIDIOC_ENUM_FRAMESIZES), or a greater one that has room for it; `true` if
/// it lists none.
pub fn may_have_size(device: impl AsFd, code: [u8; 4], width: u32, height: u32) -> bool {
    for index in 0..MAX_SIZES {
        let mut raw = FrameSize::zeroed();
        (raw.0.index, raw.0.pixel_format) = (index, u32::from_le_bytes(code));
        if call::<ENUM_FRAMESIZES, _>(&device, &mut raw).is_err() {
            return index == 0;
        }
        match has_room(&raw.0, width, height) {
            Room::Yes => return true,
            Room::NotInAny => return false,
            Room::NotInThis => {}
        }
    }
    false
}

enum Room {
    Yes,
    /// Others may follow.
    NotInThis,
    /// This was the only one.
    NotInAny,
}

fn has_room(raw: &sys::v4l2_frmsizeenum, width: u32, height: u32) -> Room {
    if raw.type_ == sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE {
        // SAFETY: all bit patterns are valid.
        let size = unsafe { raw.__bindgen_anon_1.discrete };
        return if size.width >= width && size.height >= height { Room::Yes } else { Room::NotInThis };
    }
    // SAFETY: all bit patterns are valid.
    let range = unsafe { raw.__bindgen_anon_1.stepwise };
    let fits = (range.min_width..=range.max_width).contains(&width)
        && (range.min_height..=range.max_height).contains(&height);
    if fits { Room::Yes } else { Room::NotInAny }
}

/// What an encoder is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Go on after [`Command::Stop`].
    Start,
    /// Encode what is queued, mark the last buffer, and stop.
    Stop,
}

/// VIDIOC_ENCODER_CMD.
///
/// # Errors
/// That of the call: ENOTTY where the encoder takes no commands.
pub fn command(device: impl AsFd, command: Command) -> io::Result<()> {
    let mut raw = sys::v4l2_encoder_cmd::zeroed();
    raw.cmd = match command {
        Command::Start => sys::V4L2_ENC_CMD_START,
        Command::Stop => sys::V4L2_ENC_CMD_STOP,
    };
    call::<ENCODER_CMD, _>(device, &mut raw)
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
        assert!(matches!(has_room(&raw, 1920, 1080), Room::Yes));
        assert!(matches!(has_room(&raw, 3840, 2160), Room::NotInAny));
        assert!(matches!(has_room(&raw, 64, 480), Room::NotInAny));
        raw.type_ = sys::v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE;
        raw.__bindgen_anon_1.discrete = sys::v4l2_frmsize_discrete { width: 640, height: 480 };
        assert!(matches!(has_room(&raw, 640, 480), Room::Yes));
        assert!(matches!(has_room(&raw, 1280, 720), Room::NotInThis));
    }

    #[test]
    fn a_file_that_is_no_codec_is_an_error() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(codec(&file).is_err() && command(&file, Command::Stop).is_err());
        assert!(crop(&file, (640, 480)).is_err() && set_jpeg_quality(&file, 80).is_err());
        assert_eq!(jpeg_quality(&file), None);
        assert!(may_have_size(&file, *b"JPEG", 640, 480), "it lists none");
    }

    #[test]
    fn the_codes_of_the_calls_are_those_of_the_kernels_header() {
        let codes = [QUERYCAP, S_CTRL, QUERYCTRL, ENUM_FRAMESIZES, ENCODER_CMD, S_SELECTION];
        let kernel = [0x8068_5600, 0xc008_561c, 0xc044_5624, 0xc02c_564a, 0xc028_564d, 0xc040_565f];
        assert_eq!(codes, kernel);
    }
}
