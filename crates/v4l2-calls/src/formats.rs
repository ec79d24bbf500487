//! Picture formats of one plane and of several, and their rates.
//!
//! Documentation/userspace-api/media/v4l: pixfmt-v4l2.rst, pixfmt-v4l2-mplane.rst, vidioc-g-fmt.rst, vidioc-enum-fmt.rst,
//! vidioc-g-parm.rst.

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};
use crate::text::text;

/// The most planes that a buffer has (VIDEO_MAX_PLANES in linux/videodev2.h).
pub const MAX_PLANES: usize = 8;

/// As many formats are read of a driver that never ends its list.
const MAX_FORMATS: u32 = 256;

/// Which of a device's queues (enum v4l2_buf_type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pictures from the device, each in one buffer.
    Capture,
    /// Pictures from the device by the multi-planar API, each in one or more buffers.
    CapturePlanes,
    /// Pictures to the device, each in one buffer.
    Output,
    /// Pictures to the device by the multi-planar API.
    OutputPlanes,
}

impl Kind {
    /// The value of enum v4l2_buf_type.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Kind::Capture => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE,
            Kind::CapturePlanes => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
            Kind::Output => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT,
            Kind::OutputPlanes => sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
        }
    }

    /// Whether the multi-planar API is meant.
    pub const fn is_planes(self) -> bool {
        matches!(self, Kind::CapturePlanes | Kind::OutputPlanes)
    }

    /// Whether the program fills the buffers.
    pub const fn is_output(self) -> bool {
        matches!(self, Kind::Output | Kind::OutputPlanes)
    }
}

/// A plane's memory (struct v4l2_plane_pix_format).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaneFormat {
    /// Bytes from one row to the next; 0 for compressed formats.
    pub stride: u32,
    /// Bytes of the buffer.
    pub size: u32,
}

/// A format as set or to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The V4L2 code, such as `NV12`, or `NM12` for the same in buffers of its own for each plane.
    pub code: [u8; 4],
    /// How fields of interlaced video lie in it (enum v4l2_field): 1 is none, 4 is both interleaved.
    pub field: u32,
    /// enum v4l2_colorspace; 0 leaves it to the driver.
    pub colorspace: u32,
    /// enum v4l2_quantization: 0 as the colour space has it, 1 full, 2 limited range.
    pub quantization: u32,
    /// How many of `planes` count, 1 to [`MAX_PLANES`] in what a driver set; 1 where the multi-planar API is not used.
    pub plane_count: usize,
    /// The planes. To be set, 0 leaves it to the driver.
    pub planes: [PlaneFormat; MAX_PLANES],
}

impl Format {
    /// A format of this size and code, all else left to the driver.
    pub fn new(width: u32, height: u32, code: [u8; 4]) -> Self {
        let planes = [PlaneFormat::default(); MAX_PLANES];
        Self { width, height, code, field: 0, colorspace: 0, quantization: 0, plane_count: 1, planes }
    }

    /// The planes that count.
    pub fn planes(&self) -> &[PlaneFormat] {
        self.planes.get(..self.plane_count).unwrap_or(&self.planes)
    }

    fn to_sys(self, kind: Kind) -> sys::v4l2_format {
        let mut raw = sys::v4l2_format::zeroed();
        raw.type_ = kind.code();
        if kind.is_planes() {
            let mut pix: sys::v4l2_pix_format_mplane = Argument::zeroed();
            (pix.width, pix.height, pix.pixelformat) =
                (self.width, self.height, u32::from_le_bytes(self.code));
            (pix.field, pix.colorspace) = (self.field, self.colorspace);
            pix.quantization = u8::try_from(self.quantization).unwrap_or_default();
            pix.num_planes = u8::try_from(self.plane_count).unwrap_or_default();
            let mut planes = pix.plane_fmt;
            for (plane, format) in planes.iter_mut().zip(self.planes()) {
                *plane = sys::v4l2_plane_pix_format {
                    sizeimage: format.size,
                    bytesperline: format.stride,
                    reserved: [0; 6],
                };
            }
            pix.plane_fmt = planes;
            raw.fmt = sys::v4l2_format__bindgen_ty_1 { pix_mp: pix };
        } else {
            let mut pix: sys::v4l2_pix_format = Argument::zeroed();
            (pix.width, pix.height, pix.pixelformat) =
                (self.width, self.height, u32::from_le_bytes(self.code));
            (pix.field, pix.colorspace, pix.quantization) = (self.field, self.colorspace, self.quantization);
            (pix.bytesperline, pix.sizeimage) = (self.planes[0].stride, self.planes[0].size);
            // Without it, drivers ignore the quantization (V4L2_PIX_FMT_PRIV_MAGIC).
            pix.priv_ = sys::V4L2_PIX_FMT_PRIV_MAGIC;
            raw.fmt = sys::v4l2_format__bindgen_ty_1 { pix };
        }
        raw
    }

    fn from_sys(kind: Kind, raw: &sys::v4l2_format) -> io::Result<Self> {
        let mut format = Format::new(0, 0, [0; 4]);
        if kind.is_planes() {
            // SAFETY: all bit patterns are valid.
            let pix = unsafe { raw.fmt.pix_mp };
            (format.width, format.height, format.code) =
                (pix.width, pix.height, pix.pixelformat.to_le_bytes());
            (format.field, format.colorspace) = (pix.field, pix.colorspace);
            format.quantization = pix.quantization.into();
            format.plane_count = pix.num_planes.into();
            if !(1..=MAX_PLANES).contains(&format.plane_count) {
                let count = format.plane_count;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a format of {count} planes"),
                ));
            }
            for (plane, from) in format.planes.iter_mut().zip(pix.plane_fmt) {
                *plane = PlaneFormat { stride: from.bytesperline, size: from.sizeimage };
            }
        } else {
            // SAFETY: all bit patterns are valid.
            let pix = unsafe { raw.fmt.pix };
            (format.width, format.height, format.code) =
                (pix.width, pix.height, pix.pixelformat.to_le_bytes());
            (format.field, format.colorspace, format.quantization) =
                (pix.field, pix.colorspace, pix.quantization);
            format.planes[0] = PlaneFormat { stride: pix.bytesperline, size: pix.sizeimage };
        }
        Ok(format)
    }
}

// SAFETY: integers and unions of them. The pointers of its v4l2_window are only used for overlays, and no `Kind` is one.
unsafe impl Argument for sys::v4l2_format {}
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_pix_format {}
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_pix_format_mplane {}
// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_fmtdesc {}
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_streamparm {}

/// The format that is set (VIDIOC_G_FMT).
///
/// # Errors
/// That of the call; `InvalidData` for a number of planes that cannot be.
pub fn format(device: impl AsFd, kind: Kind) -> io::Result<Format> {
    const G_FMT: Opcode = opcode::read_write::<sys::v4l2_format>(V4L2, 4);
    let mut raw = sys::v4l2_format::zeroed();
    raw.type_ = kind.code();
    call::<G_FMT, _>(device, &mut raw)?;
    Format::from_sys(kind, &raw)
}

/// Sets a format (VIDIOC_S_FMT) and returns what the driver made of it, which may be anything.
///
/// # Errors
/// That of the call; `InvalidData` for a number of planes that cannot be.
pub fn set_format(device: impl AsFd, kind: Kind, format: &Format) -> io::Result<Format> {
    const S_FMT: Opcode = opcode::read_write::<sys::v4l2_format>(V4L2, 5);
    let mut raw = format.to_sys(kind);
    call::<S_FMT, _>(device, &mut raw)?;
    Format::from_sys(kind, &raw)
}

/// A format that a device lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The V4L2 code.
    pub code: [u8; 4],
    /// The driver's name for it.
    pub name: String,
    /// Whether it is compressed (V4L2_FMT_FLAG_COMPRESSED).
    pub compressed: bool,
}

/// The formats that a device lists for a queue (VIDIOC_ENUM_FMT), in its order; none if it lists none.
pub fn formats(device: impl AsFd, kind: Kind) -> Vec<Description> {
    const ENUM_FMT: Opcode = opcode::read_write::<sys::v4l2_fmtdesc>(V4L2, 2);
    let mut found = Vec::new();
    for index in 0..MAX_FORMATS {
        let mut raw = sys::v4l2_fmtdesc::zeroed();
        (raw.index, raw.type_) = (index, kind.code());
        if call::<ENUM_FMT, _>(&device, &mut raw).is_err() {
            break;
        }
        found.push(Description {
            code: raw.pixelformat.to_le_bytes(),
            name: text(&raw.description),
            compressed: raw.flags & sys::V4L2_FMT_FLAG_COMPRESSED != 0,
        });
    }
    found
}

/// The time between two frames as a fraction of a second, if the driver can set it (VIDIOC_G_PARM,
/// V4L2_CAP_TIMEPERFRAME).
///
/// # Errors
/// That of the call.
pub fn interval(device: impl AsFd, kind: Kind) -> io::Result<Option<(u32, u32)>> {
    const G_PARM: Opcode = opcode::read_write::<sys::v4l2_streamparm>(V4L2, 21);
    let mut raw = sys::v4l2_streamparm::zeroed();
    raw.type_ = kind.code();
    call::<G_PARM, _>(device, &mut raw)?;
    // SAFETY: all bit patterns are valid; input and output parameters lie alike.
    let parameters = unsafe { raw.parm.capture };
    let fraction = parameters.timeperframe;
    let can = parameters.capability & sys::V4L2_CAP_TIMEPERFRAME != 0;
    Ok(can.then_some((fraction.numerator, fraction.denominator)))
}

/// Asks for a time between two frames as a fraction of a second (VIDIOC_S_PARM).
///
/// # Errors
/// That of the call: many drivers have one fixed rate.
pub fn set_interval(device: impl AsFd, kind: Kind, (numerator, denominator): (u32, u32)) -> io::Result<()> {
    const S_PARM: Opcode = opcode::read_write::<sys::v4l2_streamparm>(V4L2, 22);
    let mut raw = sys::v4l2_streamparm::zeroed();
    raw.type_ = kind.code();
    let timeperframe = sys::v4l2_fract { numerator, denominator };
    // SAFETY: all bit patterns are valid.
    let capture = sys::v4l2_captureparm { timeperframe, ..unsafe { raw.parm.capture } };
    raw.parm = sys::v4l2_streamparm__bindgen_ty_1 { capture };
    call::<S_PARM, _>(device, &mut raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(plane_count: usize) -> Format {
        let mut format = Format::new(1920, 1080, *b"NM12");
        (format.field, format.colorspace, format.quantization) = (1, 3, 2);
        format.plane_count = plane_count;
        for (n, plane) in format.planes.iter_mut().enumerate().take(plane_count) {
            *plane = PlaneFormat { stride: 1920 + n as u32, size: 1920 * 1080 + n as u32 };
        }
        format
    }

    #[test]
    fn a_format_of_several_planes_is_told_to_the_driver_and_read_back_whole() {
        for kind in [Kind::Capture, Kind::CapturePlanes, Kind::Output, Kind::OutputPlanes] {
            let format = some(if kind.is_planes() { 3 } else { 1 });
            assert_eq!(Format::from_sys(kind, &format.to_sys(kind)).unwrap(), format, "{kind:?}");
        }
    }

    #[test]
    fn a_driver_is_told_that_the_quantization_counts() {
        // V4L2_PIX_FMT_PRIV_MAGIC: "without it, the extended fields are ignored" (pixfmt-v4l2.rst).
        // SAFETY: all bit patterns are valid.
        let magic = unsafe { some(1).to_sys(Kind::Output).fmt.pix.priv_ };
        assert_eq!(magic, 0xfeed_cafe);
    }

    #[test]
    fn a_driver_that_claims_no_plane_or_nine_is_refused() {
        for count in [0, 9, 255] {
            let raw = Format { plane_count: count, ..some(1) }.to_sys(Kind::CapturePlanes);
            let error = Format::from_sys(Kind::CapturePlanes, &raw).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{count}");
        }
    }

    #[test]
    fn a_file_that_is_no_camera_is_an_error_and_lists_nothing() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(format(&file, Kind::Capture).is_err() && interval(&file, Kind::Capture).is_err());
        assert!(set_format(&file, Kind::CapturePlanes, &some(2)).is_err());
        assert_eq!(formats(&file, Kind::CapturePlanes), []);
    }
}
