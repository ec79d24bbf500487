//! The camera's own controls that the settings ask for: the quality of its JPEGs, and whether it may lower its rate.

use std::fs::File;

use v4l::control::{Control, Value};
use v4l2_calls::controls;

use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::v4l2::catch::catch_panic;
use crate::camera::v4l2::device::Device;
use crate::picture::Layout;

/// V4L2_CID_JPEG_COMPRESSION_QUALITY (linux/v4l2-controls.h); most drivers take 1 to 100.
const JPEG_QUALITY: u32 = 0x009d_0903;

/// V4L2_CID_EXPOSURE_AUTO_PRIORITY (linux/v4l2-controls.h): whether the camera may lower its rate to expose longer. Its
/// name is `exposure_dynamic_framerate`, and was `exposure_auto_priority` before Linux 5.14.
const LOWERS_RATE: u32 = 0x009a_0903;

/// Sets the camera's own JPEG quality, if one is configured and the camera does the compressing. Returns it if the
/// camera has such a control.
pub fn set_quality(device: &Device, config: &SourceConfig, layout: Layout) -> Option<u8> {
    let by_camera = layout == Layout::Mjpeg && config.encoder != EncodeMode::Software;
    let quality = config.quality.filter(|_| by_camera)?;
    let control = Control { id: JPEG_QUALITY, value: Value::Integer(quality.into()) };
    catch_panic(|| device.handle.set_control(control)).is_ok().then_some(quality)
}

/// Whether the camera may lower its rate, if it says so; forbids it before if the settings ask for that.
pub fn set_steady_rate(device: &Device, config: &SourceConfig) -> Option<bool> {
    if config.steady_fps {
        let control = Control { id: LOWERS_RATE, value: Value::Boolean(false) };
        let _ = catch_panic(|| device.handle.set_control(control)); // what is read afterwards counts
    }
    match catch_panic(|| device.handle.control(LOWERS_RATE)).ok()?.value {
        Value::Boolean(lowers) => Some(lowers),
        Value::Integer(lowers) => Some(lowers != 0),
        _ => None,
    }
}

/// The quality of each camera before this program set one, so that it gets that back when none is asked for any more.
#[derive(Debug, Default)]
pub struct Originals(Vec<Original>);

#[derive(Debug)]
struct Original {
    /// See [`Node::device`](crate::camera::node::Node::device).
    device: (u32, Option<u64>),
    before: i64,
    set: i64,
}

/// The most cameras of which a quality is remembered.
const ORIGINALS_MAX: usize = 8;

impl Originals {
    /// Gives a camera its own quality back, if the settings ask for none and this program set one; otherwise remembers it.
    /// To be called before a quality is set.
    pub fn prepare(&mut self, device: &Device, config: &SourceConfig) {
        let asked = config.quality.filter(|_| config.encoder != EncodeMode::Software);
        if let Some(value) = self.value_to_set_back(device.node.device(), asked, || read_quality(device)) {
            let control = Control { id: JPEG_QUALITY, value: Value::Integer(value) };
            let _ = catch_panic(|| device.handle.set_control(control)); // then it stays as it is
        }
    }

    /// `read` returns the quality now, and the camera's default.
    fn value_to_set_back(
        &mut self,
        device: (u32, Option<u64>),
        asked: Option<u8>,
        read: impl FnOnce() -> Option<(i64, i64)>,
    ) -> Option<i64> {
        let known = self.0.iter().position(|original| original.device == device);
        match (asked.map(i64::from), known) {
            (Some(set), Some(index)) => self.0[index].set = set,
            (Some(set), None) => {
                let (before, _) = read()?;
                if self.0.len() >= ORIGINALS_MAX {
                    self.0.remove(0);
                }
                self.0.push(Original { device, before, set });
            }
            (None, Some(index)) => {
                let Original { before, set, .. } = self.0.remove(index);
                // Whoever has set another one since wants that. What it had at the start may be left from an earlier run.
                let (now, default) = read()?;
                return (now == set).then_some(if before == set { default } else { before });
            }
            (None, None) => {}
        }
        None
    }
}

/// The camera's own JPEG quality now, and its default.
fn read_quality(device: &Device) -> Option<(i64, i64)> {
    let Value::Integer(now) = catch_panic(|| device.handle.control(JPEG_QUALITY)).ok()?.value else {
        return None;
    };
    let listed = controls::list(File::open(device.path()).ok()?).controls;
    let control = listed.into_iter().find(|control| control.id == JPEG_QUALITY)?;
    Some((now, control.default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_gets_its_own_quality_back_when_the_setting_is_reset() {
        const CAMERA: (u32, Option<u64>) = (0, Some(7));
        let of = |originals: &mut Originals, asked, now| {
            originals.value_to_set_back(CAMERA, asked, || Some((now, 80)))
        };
        let mut originals = Originals::default();
        assert_eq!(of(&mut originals, None, 95), None, "nothing was set");
        assert_eq!(of(&mut originals, Some(50), 95), None);
        assert_eq!(of(&mut originals, Some(60), 50), None);
        assert_eq!(of(&mut originals, None, 60), Some(95));
        assert_eq!(of(&mut originals, None, 95), None, "once");
        // The program was started again with a quality that it had set before.
        assert_eq!(of(&mut originals, Some(50), 50), None);
        assert_eq!(of(&mut originals, None, 50), Some(80), "its default");
        // Another program has set one meanwhile.
        assert_eq!(of(&mut originals, Some(50), 95), None);
        assert_eq!(of(&mut originals, None, 33), None);
        // It was plugged in again, and has forgotten everything itself.
        assert_eq!(of(&mut originals, Some(50), 95), None);
        assert_eq!(originals.value_to_set_back((0, Some(8)), None, || Some((50, 80))), None);
        for inode in 0..100 {
            originals.value_to_set_back((0, Some(inode)), Some(50), || Some((95, 80)));
        }
        assert!(originals.0.len() <= ORIGINALS_MAX);
    }
}
