//! Modes that cameras list and do not deliver, so that not every opening waits for a picture in them.
//!
//! Used only by [`super::proved`]. A mode is forgotten after an hour, and with the camera's node.

use std::time::{Duration, Instant};

use crate::camera::config::SourceConfig;
use crate::camera::node::Node;
use crate::camera::source::SourceInfo;
use crate::picture::{Layout, Size};

/// A camera may deliver later what it did not, as when it was too hot, or its bus was full.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// The most cameras of which a mode is remembered.
const MOST: usize = 8;

/// What is remembered, the oldest first.
#[derive(Debug, Default)]
pub struct Undelivered(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    /// See [`Node::device`].
    device: (u32, Option<u64>),
    /// What was asked for.
    asked: SourceConfig,
    failed: Mode,
    delivered: Mode,
    at: Instant,
}

type Mode = (Layout, Size);

/// A mode to open a camera in, and the one that it would have been opened in and does not deliver.
#[derive(Debug, Clone, PartialEq)]
pub struct Instead {
    /// What to ask for.
    pub config: SourceConfig,
    /// What it does not deliver.
    pub failed: Mode,
}

impl Undelivered {
    /// What to ask a camera for in place of `config`, if it is known not to deliver what would be chosen.
    pub fn instead(&mut self, node: &Node, config: &SourceConfig, now: Instant) -> Option<Instead> {
        self.0.retain(|entry| now.saturating_duration_since(entry.at) < FORGOTTEN_AFTER);
        let device = node.device();
        let entry = self.0.iter().find(|entry| entry.device == device && is_same(&entry.asked, config))?;
        let (layout, size) = entry.delivered;
        let config = SourceConfig { size: Some(size), layout: Some(layout), ..config.clone() };
        Some(Instead { config, failed: entry.failed })
    }

    /// The camera was asked for `config`, delivered nothing in the mode of `failed`, and delivers in that of `now_in`.
    pub fn note(
        &mut self,
        node: &Node,
        config: &SourceConfig,
        (failed, now_in): (&SourceInfo, &SourceInfo),
        now: Instant,
    ) {
        self.forget(node);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        let mode = |info: &SourceInfo| (info.layout, info.size);
        let (failed, delivered) = (mode(failed), mode(now_in));
        self.0.push(Entry { device: node.device(), asked: config.clone(), failed, delivered, at: now });
    }

    /// What is known of this camera is no longer true.
    pub fn forget(&mut self, node: &Node) {
        self.0.retain(|entry| entry.device.0 != node.minor);
    }
}

/// Whether the same mode would be chosen. A rate does not make a size deliver.
fn is_same(one: &SourceConfig, other: &SourceConfig) -> bool {
    let key = |config: &SourceConfig| (config.size, config.layout, config.encoder);
    key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::config::SourceSpec;
    use crate::camera::node::tests::node;
    use crate::camera::source::SourceKind;

    fn info(size: &str) -> SourceInfo {
        SourceInfo::of_jpegs(SourceKind::Device, "/dev/video900".into(), size.parse().unwrap())
    }

    #[test]
    fn a_mode_that_did_not_come_is_not_waited_for_again_at_each_opening() {
        let camera = node(900, "Webcam", "uvcvideo", "/sys/devices/usb1/1-1/1-1:1.0", "");
        let config = SourceConfig::of(SourceSpec::Auto);
        let (mut undelivered, begin) = (Undelivered::default(), Instant::now());
        assert_eq!(undelivered.instead(&camera, &config, begin), None);
        undelivered.note(&camera, &config, (&info("1280x720"), &info("640x480")), begin);
        let slower = SourceConfig { fps: Some(15), quality: Some(50), ..config.clone() };
        let instead = undelivered.instead(&camera, &slower, begin).unwrap();
        assert_eq!(instead.failed.1.to_string(), "1280x720");
        assert_eq!((instead.config.size, instead.config.fps), (Some(info("640x480").size), Some(15)));
        // Who names a size gets no other.
        let named = SourceConfig { size: Some(Size::DEFAULT), ..config.clone() };
        assert_eq!(undelivered.instead(&camera, &named, begin), None);
        let other = node(901, "Webcam", "uvcvideo", "/sys/devices/usb1/1-2/1-2:1.0", "");
        assert_eq!(undelivered.instead(&other, &config, begin), None);
        assert_eq!(undelivered.instead(&camera, &config, begin + FORGOTTEN_AFTER), None);
        for minor in 0..100 {
            let camera = node(minor, "Webcam", "uvcvideo", "/sys/devices/usb1/1-1/1-1:1.0", "");
            undelivered.note(&camera, &config, (&info("1280x720"), &info("640x480")), begin);
        }
        assert_eq!(undelivered.0.len(), MOST);
    }
}
