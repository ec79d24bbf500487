//! The camera's own controls that the settings ask for: the quality of its JPEGs, and whether it may lower its rate.

use v4l::control::{Control, Value};

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
