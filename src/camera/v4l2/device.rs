//! An open capture node: what it calls itself and which formats it lists.

use std::io;
use std::path::Path;

use v4l::capability::Flags;
use v4l::format::FourCC;
use v4l::video::Capture;

use super::catch::{catch_panic, unreadable};
use super::errors;
use super::modes::some_of;
use crate::camera::node::{Node, Role};
use crate::camera::refusal::Refusal;
use crate::names::printable;
use crate::picture::Layout;
use crate::problem::Problem;

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
    /// Seen from outside.
    pub node: Node,
    /// The open descriptor.
    pub handle: v4l::Device,
    /// What the device calls itself.
    pub card: String,
    /// The kernel driver.
    pub driver: String,
    /// Where it is connected.
    pub bus: String,
    /// All formats, in the driver's order; at least one.
    pub formats: Vec<Listed>,
}

impl Device {
    /// Opens a node and checks that it is one for single-planar capture by streaming.
    pub fn open(node: Node) -> Result<Device, Refusal> {
        if let Some(problem) = node.barred() {
            // A raw sensor is a camera to the user, though none for us.
            return Err(Refusal { problem, camera: node.role() == Role::RawSensor });
        }
        let path = node.path.display().to_string();
        let opened = v4l::Device::with_path(&node.path);
        let failed = |e: io::Error| errors::problem(format!("cannot open {path}"), &node.path, &e);
        let handle = opened.map_err(|e| Refusal::camera(failed(e)))?;

        let no_camera = |why: &str| {
            let problem = Problem::new(format!("cannot use {path}"), why, errors::SEE_PROBE);
            Refusal { problem, camera: false }
        };
        let caps = match node.card_is_text {
            true => catch_panic(|| handle.query_caps()),
            false => Err(unreadable()),
        };
        let (card, driver, bus) = match caps {
            Ok(caps) if !caps.capabilities.contains(Flags::VIDEO_CAPTURE) => {
                return Err(no_camera(if caps.capabilities.contains(Flags::VIDEO_CAPTURE_MPLANE) {
                    "it delivers pictures in several planes, which is not supported"
                } else {
                    "it delivers no pictures (a node for metadata, output or conversion)"
                }));
            }
            Ok(caps) if !caps.capabilities.contains(Flags::STREAMING) => {
                return Err(Refusal {
                    camera: true,
                    ..no_camera("its driver has no streaming by memory mapping")
                });
            }
            Ok(caps) => (
                printable(caps.card.as_bytes()),
                printable(caps.driver.as_bytes()),
                printable(caps.bus.as_bytes()),
            ),
            // Its name cannot be read this way; sysfs knows it too, and the formats show what it can.
            Err(e) if e.kind() == io::ErrorKind::InvalidData => (
                node.name.clone(),
                node.driver.clone(),
                printable(node.identity.port().as_os_str().as_encoded_bytes()),
            ),
            Err(e) => return Err(Refusal::camera(failed(e))),
        };
        let formats: Vec<Listed> = catch_panic(|| handle.enum_formats())
            .map_err(|e| Refusal::camera(failed(e)))?
            .into_iter()
            .map(|f| Listed { fourcc: f.fourcc, description: printable(f.description.as_bytes()) })
            .collect();
        if formats.is_empty() {
            return Err(no_camera("it lists no picture formats"));
        }
        Ok(Device { node, handle, card, driver, bus, formats })
    }

    /// The code under which it lists a layout, if it does.
    pub fn code_of(&self, layout: Layout) -> Option<FourCC> {
        let listed = |code: &[u8; 4]| self.formats.iter().any(|f| f.fourcc.repr == *code);
        layout.codes().iter().copied().find(|code| listed(code)).map(FourCC::new)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.node.path
    }

    /// The names of the listed formats, for a message.
    pub fn format_names(&self) -> String {
        some_of(&self.formats.iter().map(|f| code_name(f.fourcc)).collect::<Vec<_>>())
    }
}

/// A code as text, safe to print: `MJPG`, or `Y16-BE` where the top bit says big-endian (v4l2_fourcc_be in
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
    fn a_formats_name_can_be_read() {
        assert_eq!(code_name(FourCC::new(b"MJPG")), "MJPG");
        assert_eq!(code_name(FourCC::new(b"XR1\xb5")), "XR15-BE");
        assert_eq!(code_name(FourCC::new(b"\x1b[2J")), "[2J");
    }
}
