//! Video nodes as /dev and sysfs show them, without opening any: one kind of node on a Raspberry Pi is said to hang
//! on open, and opening the wrong device (a watchdog, a terminal) has side effects.
//!
//! Used by [`super::find`] and [`super::probe`] to list and order candidates, and by [`super::v4l2`] before it opens
//! one. A missing sysfs entry is not an error; the text is then empty.

use std::cmp::Ordering;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::refusal::{Cause, Refusal};
use super::v4l2::errors;
use crate::names::printable;
use crate::problem::{Problem, Text, text};

/// The major number of every V4L device node (kernel Documentation/admin-guide/devices.txt).
const VIDEO_MAJOR: u32 = 81;

/// Where udev puts names that survive replugging and restarts.
pub const STABLE_NAMES: &str = "/dev/v4l";

/// The longest card name in VIDIOC_QUERYCAP, in bytes (struct v4l2_capability: 32 with the final 0).
const CARD_BYTES: usize = 31;

/// Prefixes of the names of nodes that are parts of a board and never cameras, and what they are.
const NOT_CAMERAS: [(&str, Part); 5] = [
    ("bcm2835-codec", Part::Codec),
    ("bcm2835-isp", Part::ImageProcessor),
    ("pispbe", Part::ImageProcessor),
    ("rpivid", Part::Decoder),
    ("rpi-hevc-dec", Part::Decoder),
];

/// Prefixes of the names of nodes with raw sensor data, which only libcamera can turn into pictures.
const RAW_SENSORS: [&str; 2] = ["unicam", "rp1-cfe"];

/// What a node is likely to be. In order: the likeliest camera first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A USB device: what most people plug in.
    Usb,
    /// Any other possible camera.
    Other,
    /// Made by software, such as vivid or v4l2loopback.
    Virtual,
    /// Raw sensor data for libcamera.
    RawSensor,
    /// A part of the board.
    NotCamera(Part),
}

/// A part of a board that has video nodes and is no camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Encodes or decodes video.
    Codec,
    /// Turns raw sensor data into pictures.
    ImageProcessor,
    /// Decodes video.
    Decoder,
}

impl Part {
    /// What it is, in words.
    pub fn text(self) -> Text {
        match self {
            Part::Codec => text!("the board's video codec"),
            Part::ImageProcessor => text!("the board's image processor"),
            Part::Decoder => text!("the board's video decoder"),
        }
    }
}

/// One video node, as sysfs shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The path to open.
    pub path: PathBuf,
    /// Its minor number under major 81, which orders nodes of the same role.
    pub minor: u32,
    /// The kernel's name for it, often the camera's own name; without control characters.
    pub name: String,
    /// Whether the name in VIDIOC_QUERYCAP is valid UTF-8. uvcvideo may cut names in the middle of a character, and
    /// crate v4l panics on that.
    pub card_is_text: bool,
    /// The kernel driver's name; empty if there is none.
    pub driver: String,
    /// What distinguishes this camera from others, to find it again.
    pub identity: Identity,
}

/// What distinguishes a camera from others after it was unplugged and plugged in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: String,
    /// The sysfs path of the device: the USB port it is plugged into.
    port: PathBuf,
    /// The USB serial number; empty if there is none.
    serial: String,
    /// The node's index among the nodes of its device, from sysfs: 0 is for pictures, others are for metadata.
    index: String,
}

/// How likely two nodes are the same camera; the likeliest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Another camera.
    Other,
    /// The same model and serial number at another port.
    SameSerial,
    /// The same model at the same port.
    SamePort,
}

impl Identity {
    /// The sysfs path of the device behind the node.
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// How likely `other` is to be the same camera.
    pub fn likeness(&self, other: &Identity) -> Likeness {
        if self.name != other.name || self.index != other.index {
            Likeness::Other
        } else if self.port == other.port {
            Likeness::SamePort
        } else if !self.serial.is_empty() && self.serial == other.serial {
            Likeness::SameSerial
        } else {
            Likeness::Other
        }
    }

    /// Whether `other` is another camera that differs from this one only by its port: the same model, both without a
    /// serial number or both with the same one.
    pub fn is_twin_of(&self, other: &Identity) -> bool {
        (&self.name, &self.index, &self.serial) == (&other.name, &other.index, &other.serial)
            && self.port != other.port
    }
}

impl Node {
    /// Looks at what is at `path`, following links, without opening it.
    ///
    /// # Errors
    /// There is nothing at `path`, or it is not a video device.
    pub fn at(path: &Path) -> Result<Node, Problem> {
        let what = text!("cannot open {}", path.display().to_string());
        let found = fs::metadata(path).map_err(|e| errors::problem(what.clone(), path, &e))?;
        let Some(minor) = video_minor(&found) else {
            let why = if found.is_file() {
                text!("it is a plain file, not a camera")
            } else if found.is_dir() {
                text!("it is a folder, not a camera")
            } else {
                text!("it is another kind of device, not a camera")
            };
            return Err(Problem::new(what, why, errors::SEE_PROBE));
        };
        let sys = PathBuf::from(format!("/sys/dev/char/{VIDEO_MAJOR}:{minor}"));
        let read = |file: &Path| printable(&fs::read(file).unwrap_or_default());
        let raw_name = fs::read(sys.join("name")).unwrap_or_default();
        let card_is_text = str::from_utf8(raw_name.get(..CARD_BYTES).unwrap_or(&raw_name)).is_ok();
        let name = printable(&raw_name);
        let driver = fs::read_link(sys.join("device/driver"))
            .ok()
            .and_then(|link| Some(printable(link.file_name()?.as_encoded_bytes())))
            .unwrap_or_default();
        // A purely virtual node (v4l2loopback) has no device behind it; its own sysfs path must do.
        let port =
            fs::canonicalize(sys.join("device")).or_else(|_| fs::canonicalize(&sys)).unwrap_or_default();
        // The serial number belongs to the USB device, the video node to one of its interfaces.
        let serial = port.parent().map(|device| read(&device.join("serial"))).unwrap_or_default();
        let identity = Identity { name: name.clone(), port, serial, index: read(&sys.join("index")) };
        Ok(Node { path: path.to_owned(), minor, name, card_is_text, driver, identity })
    }

    /// What tells this device from those that have its number before and after it: its minor number, and that of the node's
    /// file, which is `None` if it is gone.
    pub fn device(&self) -> (u32, Option<u64>) {
        (self.minor, fs::metadata(&self.path).ok().map(|file| file.ino()))
    }

    /// What this node is likely to be.
    pub fn role(&self) -> Role {
        if let Some((_, part)) = NOT_CAMERAS.iter().find(|(prefix, _)| self.name.starts_with(prefix)) {
            Role::NotCamera(*part)
        } else if RAW_SENSORS.iter().any(|prefix| self.name.starts_with(prefix)) {
            Role::RawSensor
        } else if self.driver == "vivid" || self.identity.port.starts_with("/sys/devices/virtual") {
            Role::Virtual
        } else if self
            .identity
            .port
            .components()
            .any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"usb"))
        {
            Role::Usb
        } else {
            Role::Other
        }
    }

    /// Why it must not even be opened; `None` if it may be.
    pub fn barred(&self) -> Option<Refusal> {
        let what = text!("cannot use {}", self.path.display().to_string());
        match self.role() {
            Role::NotCamera(part) => {
                let why = text!("it is {} ({})", part.text(), &self.name);
                let problem = Problem::new(what, why, errors::SEE_PROBE);
                Some(Refusal::new(Cause::NotACamera, problem))
            }
            Role::RawSensor => {
                let why = text!(
                    "this camera ({}) delivers raw sensor data that only libcamera can turn into pictures",
                    &self.name
                );
                let advice = text!(
                    "use --camera rpicam, which needs Raspberry Pi OS with rpicam-vid, or a USB camera"
                );
                Some(Refusal::new(Cause::RawSensor, Problem::new(what, why, advice)))
            }
            Role::Usb | Role::Other | Role::Virtual => None,
        }
    }

    /// The names that udev gave it under [`STABLE_NAMES`]; empty if udev does not run.
    pub fn stable_names(&self) -> Vec<PathBuf> {
        let Ok(this) = fs::canonicalize(&self.path) else { return Vec::new() };
        let mut names: Vec<PathBuf> = ["by-id", "by-path"]
            .iter()
            .flat_map(|folder| fs::read_dir(Path::new(STABLE_NAMES).join(folder)))
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|link| fs::canonicalize(link).is_ok_and(|target| target == this))
            .collect();
        names.sort();
        names
    }
}

/// The minor number, if this is a video node.
fn video_minor(found: &Metadata) -> Option<u32> {
    let number = found.rdev();
    (found.file_type().is_char_device() && rustix::fs::major(number) == VIDEO_MAJOR)
        .then(|| rustix::fs::minor(number))
}

/// The paths /dev/video0, /dev/video1, ... that exist.
fn paths() -> impl Iterator<Item = PathBuf> {
    fs::read_dir("/dev").into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        name.strip_prefix(b"video").is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
    })
}

/// All video nodes, the likeliest camera first. The one most like `last` comes before all others.
pub fn list(last: Option<&Identity>) -> Vec<Node> {
    let mut nodes: Vec<Node> = paths().filter_map(|path| Node::at(&path).ok()).collect();
    nodes.sort_by(|a, b| order(a, b, last));
    nodes.dedup_by_key(|node| node.minor);
    nodes
}

fn order(a: &Node, b: &Node, last: Option<&Identity>) -> Ordering {
    let known = |node: &Node| last.map_or(Likeness::Other, |last| last.likeness(&node.identity));
    known(b).cmp(&known(a)).then(a.role().cmp(&b.role())).then(a.minor.cmp(&b.minor))
}

/// Whether there is any video node, usable or not.
pub fn any_device() -> bool {
    paths().next().is_some()
}

/// A number that changes whenever a video node or a stable name appears, disappears or gets other permissions.
///
/// Opens nothing and takes a few system calls, so a caller can check it several times a second while it waits.
pub fn devices_fingerprint() -> u64 {
    let folders = ["by-id", "by-path"].map(|folder| Path::new(STABLE_NAMES).join(folder));
    let mut all: Vec<PathBuf> = paths().chain(folders).collect();
    all.sort();
    let mut hasher = DefaultHasher::new();
    for path in all {
        if let Ok(found) = fs::metadata(&path) {
            // A node that came back with the same number has a new change time.
            (path, found.rdev(), found.ino(), found.ctime(), found.ctime_nsec()).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn node(minor: u32, name: &str, driver: &str, port: &str, serial: &str) -> Node {
        let identity =
            Identity { name: name.into(), port: port.into(), serial: serial.into(), index: "0".into() };
        let path = format!("/dev/video{minor}").into();
        Node { path, minor, name: name.into(), card_is_text: true, driver: driver.into(), identity }
    }

    fn sorted(mut nodes: Vec<Node>, last: Option<&Identity>) -> Vec<u32> {
        nodes.sort_by(|a, b| order(a, b, last));
        nodes.iter().map(|n| n.minor).collect()
    }

    const USB: &str = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0";

    #[test]
    fn a_plugged_in_camera_is_tried_before_the_boards_own_nodes() {
        let nodes = vec![
            node(10, "bcm2835-codec-decode", "bcm2835-codec", "/sys/devices/platform/codec", ""),
            node(0, "unicam-image", "unicam", "/sys/devices/platform/soc/fe801000.csi", ""),
            node(1, "Dummy video device", "", "/sys/devices/virtual/video4linux/video1", ""),
            node(2, "vivid-000-vid-cap", "vivid", "/sys/devices/platform/vivid.0", ""),
            node(3, "camera0", "bcm2835-v4l2", "/sys/devices/platform/soc/camera", ""),
            node(11, "HD Webcam", "uvcvideo", USB, ""),
            node(9, "HD Webcam", "uvcvideo", USB, ""),
        ];
        assert_eq!(sorted(nodes, None), [9, 11, 3, 1, 2, 0, 10]);
    }

    #[test]
    fn the_previous_camera_is_tried_first_even_with_another_number() {
        let before = node(7, "HD Webcam", "uvcvideo", USB, "A1").identity;
        let nodes = || {
            vec![
                node(0, "Other", "uvcvideo", "/sys/devices/usb1/1-1/1-1:1.0", "A1"),
                node(1, "HD Webcam", "uvcvideo", "/sys/devices/usb1/1-3/1-3:1.0", "A1"),
                node(2, "HD Webcam", "uvcvideo", USB, "A1"),
            ]
        };
        assert_eq!(sorted(nodes(), Some(&before)), [2, 1, 0]);
        assert_eq!(sorted(nodes(), None), [0, 1, 2]);
    }

    #[test]
    fn two_cameras_of_one_model_without_serial_numbers_are_not_confused() {
        let one = node(0, "HD Webcam", "uvcvideo", USB, "").identity;
        let two = node(0, "HD Webcam", "uvcvideo", "/sys/devices/usb1/1-3/1-3:1.0", "").identity;
        assert_eq!(one.likeness(&two), Likeness::Other);
        assert_eq!(one.likeness(&one.clone()), Likeness::SamePort);
    }

    #[test]
    fn a_raspberry_pi_camera_is_explained_not_opened() {
        let sensor = node(0, "rp1-cfe-csi2_ch0", "rp1-cfe", "/sys/devices/platform/axi", "");
        let why = sensor.barred().expect("it must not be opened").problem.to_string();
        assert!(why.contains("libcamera") && why.contains("rpicam-vid"), "{why}");
        assert!(
            node(0, "camera0", "bcm2835-v4l2", "/sys/devices/platform/soc/camera", "").barred().is_none()
        );
    }

    #[test]
    fn a_file_that_is_not_a_camera_is_not_opened() {
        for (path, says) in [
            ("/dev/null", "it is another kind of device, not a camera"),
            ("/", "it is a folder, not a camera"),
            ("/proc/self/exe", "it is a plain file, not a camera"),
            ("/dev/no-such-camera", "ENOENT"),
        ] {
            let problem = Node::at(Path::new(path)).expect_err(path).to_string();
            assert!(problem.contains(path) && problem.contains(says), "{problem}");
        }
    }
}
