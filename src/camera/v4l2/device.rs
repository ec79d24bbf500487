//! An open capture node: its names and the formats that it lists.

use std::io;
use std::path::Path;

use v4l::capability::Flags;
use v4l::format::FourCC;
use v4l::video::Capture;
use v4l2_calls::formats::{self, Kind};

use super::calls::Calls;
use super::catch::{catch_panic, unreadable};
use super::errors;
use super::modes::some_of;
use crate::camera::node::Node;
use crate::camera::refusal::{Cause, Refusal};
use crate::names::printable;
use crate::picture::Layout;
use crate::problem::{Problem, Text, text};

/// A format that the device lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The V4L2 code.
    pub fourcc: FourCC,
    /// The driver's name for it, without control characters.
    pub description: String,
}

/// An open capture node.
pub struct Device {
    /// The node as sysfs shows it.
    pub node: Node,
    /// The open descriptor.
    pub handle: v4l::Device,
    /// A second one, through which the device is set and streams in place of the first, where crate v4l lacks what that
    /// takes.
    pub calls: Option<Calls>,
    /// The device's own name.
    pub card: String,
    /// The kernel driver.
    pub driver: String,
    /// Where it is connected, such as `usb-0000:01:00.0-1.2`.
    pub bus: String,
    /// The formats that it lists, in the driver's order; at least one.
    pub formats: Vec<Listed>,
}

impl Device {
    /// Opens a node and checks that it supports capture by streaming, in one plane or several.
    ///
    /// # Errors
    /// The node is not such a device, or a system call failed.
    pub fn open(node: Node) -> Result<Device, Refusal> {
        if let Some(refusal) = node.barred() {
            return Err(refusal);
        }
        let path = node.path.display().to_string();
        let failed = |e: io::Error| errors::refusal(text!("cannot open {}", &path), &node.path, &e);
        let handle = v4l::Device::with_path(&node.path).map_err(failed)?;
        let caps = if node.card_is_text { catch_panic(|| handle.query_caps()) } else { Err(unreadable()) };
        let mut is_planes = false;
        let (card, driver, bus) = match caps {
            Ok(caps) => {
                let known = no_camera(caps.capabilities);
                if let Some((cause, why)) = unsuitable(caps.capabilities).map(|other| known.unwrap_or(other))
                {
                    return Err(refusal(&path, cause, why));
                }
                is_planes = !caps.capabilities.contains(Flags::VIDEO_CAPTURE);
                [caps.card, caps.driver, caps.bus].map(|name| printable(name.as_bytes())).into()
            }
            // The card name cannot be read this way. sysfs has it too, and the formats show what the device can do.
            Err(e) if e.kind() == io::ErrorKind::InvalidData => (
                node.name.clone(),
                node.driver.clone(),
                printable(node.identity.port().as_os_str().as_encoded_bytes()),
            ),
            Err(e) => return Err(failed(e)),
        };
        let calls = if is_planes {
            Some(Calls::open(&node.path, Kind::CapturePlanes).map_err(failed)?)
        } else {
            None
        };
        let formats = list(&handle, calls.as_ref()).map_err(failed)?;
        if formats.is_empty() {
            return Err(refusal(&path, Cause::NotACamera, text!("it lists no picture formats")));
        }
        Ok(Device { node, handle, calls, card, driver, bus, formats })
    }

    /// The V4L2 code under which the device lists a layout; `None` if it does not.
    pub fn code_of(&self, layout: Layout) -> Option<FourCC> {
        let listed = |code: &[u8; 4]| self.formats.iter().any(|f| f.fourcc.repr == *code);
        layout.codes().iter().copied().find(|code| listed(code)).map(FourCC::new)
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.node.path
    }

    /// The names of the listed formats, for a message.
    pub fn format_names(&self) -> String {
        some_of(&self.formats.iter().map(|f| code_name(f.fourcc)).collect::<Vec<_>>())
    }
}

/// The formats that a device lists.
fn list(handle: &v4l::Device, calls: Option<&Calls>) -> io::Result<Vec<Listed>> {
    if let Some(Calls { file, kind }) = calls {
        let all = formats::formats(file, *kind).into_iter();
        return Ok(all.map(|f| Listed { fourcc: FourCC::new(&f.code), description: f.name }).collect());
    }
    let all = catch_panic(|| handle.enum_formats())?.into_iter();
    Ok(all.map(|f| Listed { fourcc: f.fourcc, description: printable(f.description.as_bytes()) }).collect())
}

/// What a device with these capabilities is that has no pictures of its own, if that can be told.
fn no_camera(capabilities: Flags) -> Option<(Cause, Text)> {
    let is_any_of = |flags: Flags| capabilities.intersects(flags);
    let outputs = is_any_of(Flags::VIDEO_OUTPUT | Flags::VIDEO_OUTPUT_MPLANE);
    let captures = is_any_of(Flags::VIDEO_CAPTURE | Flags::VIDEO_CAPTURE_MPLANE);
    if is_any_of(Flags::VIDEO_M2M | Flags::VIDEO_M2M_MPLANE) || (outputs && captures) {
        Some((Cause::Converter, text!("it converts pictures of others and has none of its own")))
    } else if captures {
        None
    } else if is_any_of(Flags::META_CAPTURE | Flags::META_OUTPUT) {
        Some((Cause::Metadata, text!("it is for figures about pictures (metadata), not for pictures")))
    } else if outputs {
        Some((Cause::Output, text!("it is an output: it takes pictures and delivers none")))
    } else {
        None
    }
}

/// Why a device with these capabilities cannot be used, if so.
fn unsuitable(capabilities: Flags) -> Option<(Cause, Text)> {
    // Older drivers of codecs have both queues of the multi-planar API and do not say that they convert.
    let converts = capabilities.contains(Flags::VIDEO_CAPTURE_MPLANE | Flags::VIDEO_OUTPUT_MPLANE);
    if converts || !capabilities.intersects(Flags::VIDEO_CAPTURE | Flags::VIDEO_CAPTURE_MPLANE) {
        let why = text!("it delivers no pictures (a node for metadata, output or conversion)");
        return Some((Cause::NotACamera, why));
    }
    let streams = capabilities.contains(Flags::STREAMING);
    (!streams).then(|| (Cause::NoStreaming, text!("its driver cannot stream through memory-mapped buffers")))
}

fn refusal(path: &str, cause: Cause, why: Text) -> Refusal {
    Refusal::new(cause, Problem::new(text!("cannot use {}", path), why, errors::SEE_PROBE))
}

/// A V4L2 code as text, safe to print: `MJPG`, or `Y16-BE` where the top bit says big-endian (v4l2_fourcc_be in
/// linux/videodev2.h).
pub fn code_name(fourcc: FourCC) -> String {
    let [a, b, c, d] = fourcc.repr;
    let name = printable(&[a, b, c, d & 0x7f]);
    if d & 0x80 == 0 { name } else { name + "-BE" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_captures_in_several_planes_is_a_camera_and_one_that_converts_is_not() {
        let planes = Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING;
        assert_eq!(unsuitable(planes), None);
        assert_eq!(unsuitable(Flags::VIDEO_CAPTURE | Flags::STREAMING), None);
        let cause = |flags| unsuitable(flags).map(|(cause, _)| cause);
        assert_eq!(cause(planes | Flags::VIDEO_OUTPUT_MPLANE), Some(Cause::NotACamera));
        assert_eq!(cause(Flags::STREAMING), Some(Cause::NotACamera));
        assert_eq!(cause(Flags::VIDEO_CAPTURE_MPLANE), Some(Cause::NoStreaming));
    }

    #[test]
    fn a_node_without_pictures_is_named_by_what_it_is_for() {
        let cause = |flags| no_camera(flags).map(|(cause, _)| cause);
        let streams = Flags::STREAMING;
        assert_eq!(cause(Flags::META_CAPTURE | streams), Some(Cause::Metadata));
        assert_eq!(cause(Flags::META_OUTPUT | streams), Some(Cause::Metadata));
        assert_eq!(cause(Flags::VIDEO_OUTPUT | streams), Some(Cause::Output));
        assert_eq!(cause(Flags::VIDEO_M2M_MPLANE | streams), Some(Cause::Converter));
        assert_eq!(cause(Flags::VIDEO_CAPTURE_MPLANE | Flags::VIDEO_OUTPUT_MPLANE), Some(Cause::Converter));
        assert_eq!(cause(Flags::VIDEO_CAPTURE | streams), None);
        assert_eq!(cause(Flags::VBI_CAPTURE | streams), None);
    }

    #[test]
    fn a_formats_name_can_be_read() {
        assert_eq!(code_name(FourCC::new(b"MJPG")), "MJPG");
        assert_eq!(code_name(FourCC::new(b"XR1\xb5")), "XR15-BE");
        assert_eq!(code_name(FourCC::new(b"\x1b[2J")), "[2J");
    }
}
