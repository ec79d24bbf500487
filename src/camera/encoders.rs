//! The JPEG encoders of this board: which there are, and what each takes.
//!
//! Used by [`super::v4l2`] to choose a mode whose pixels are encoded in time, by [`crate::codec`], which encodes with them,
//! and for people. They are V4L2 memory-to-memory devices, and are found by what they can do: a device that lists JPEG for
//! what comes out. Drivers may hang, so a look for encoders has a thread of its own.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use v4l2_calls::codec::{self, Codec, SizeRange};
use v4l2_calls::formats::{self, Kind};

use super::node::{self, Node, Part, Role};
use crate::host::threads;
use crate::picture::{Layout, Raw, Size};
use crate::sync::lock;

/// The V4L2 codes of JPEG. Drivers use either for the same.
pub const JPEG: [[u8; 4]; 2] = [*b"JPEG", *b"MJPG"];

/// How long a camera that is opened waits for drivers.
const CHOICE_TIME: Duration = Duration::from_millis(300);

/// How long `check` and `probe` wait for drivers.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// For so long after a failure, no mode is chosen that only an encoder encodes in time.
const DISTRUST: Duration = Duration::from_secs(300);

/// A look that has not ended: what it will find, and since when.
static LOOK: Mutex<Option<(Receiver<Vec<JpegEncoder>>, Instant)>> = Mutex::new(None);

/// When an encoder failed last.
static FAILED: Mutex<Option<Instant>> = Mutex::new(None);

/// A JPEG encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JpegEncoder {
    /// The kernel's name for it.
    pub name: String,
    /// Its node.
    pub path: PathBuf,
    /// The layouts that it takes.
    pub layouts: Vec<Raw>,
    /// The sizes that it lists; if none, every size may do.
    pub sizes: Vec<SizeRange>,
}

impl JpegEncoder {
    /// Whether it takes such pictures, by what it lists.
    pub fn takes(&self, raw: Raw, Size { width, height }: Size) -> bool {
        let has_size = self.sizes.is_empty() || self.sizes.iter().any(|sizes| sizes.has((width, height)));
        has_size && self.layouts.contains(&raw)
    }
}

/// For people: its name and path, and what it takes.
impl fmt::Display for JpegEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layouts: Vec<&str> = self.layouts.iter().map(|raw| Layout::Raw(*raw).name()).collect();
        write!(f, "{} ({}) takes ", self.name, self.path.display())?;
        f.write_str(if layouts.is_empty() { "no format of cameras" } else { "" })?;
        f.write_str(&layouts.join(", "))?;
        match self
            .sizes
            .iter()
            .map(|sizes| sizes.max)
            .max_by_key(|(width, height)| u64::from(*width) * u64::from(*height))
        {
            Some((width, height)) => write!(f, " up to {width}x{height}"),
            None => Ok(()),
        }
    }
}

/// How a look for encoders ended.
enum Look {
    Found(Vec<JpegEncoder>),
    NoAnswer,
    NoThread,
}

/// Looks for encoders. All who look while a driver does not answer wait for the same thread, and those that come later
/// than `limit` after its start not at all.
fn look(limit: Duration) -> Look {
    let mut pending = lock(&LOOK);
    if pending.is_none() {
        let (answer, answers) = channel();
        let look = move || {
            let _ = answer.send(all());
        };
        if threads::start("codec", "the thread that looks for hardware encoders", look).is_err() {
            return Look::NoThread;
        }
        *pending = Some((answers, Instant::now()));
    }
    let Some((answers, since)) = &*pending else { return Look::NoAnswer };
    let found = match answers.recv_timeout(limit.saturating_sub(since.elapsed())) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => return Look::NoAnswer,
        Err(RecvTimeoutError::Disconnected) => Vec::new(), // it panicked
    };
    *pending = None;
    Look::Found(found)
}

/// The encoders that encode in time what a camera delivers, as far as is known: none if one failed lately.
pub fn trusted() -> Vec<JpegEncoder> {
    if !is_trusted(*lock(&FAILED)) {
        return Vec::new();
    }
    match look(CHOICE_TIME) {
        Look::Found(found) => found,
        Look::NoAnswer | Look::NoThread => Vec::new(),
    }
}

fn is_trusted(failed: Option<Instant>) -> bool {
    failed.is_none_or(|at| at.elapsed() >= DISTRUST)
}

/// An encoder failed, or could not be used for pictures that it lists.
pub fn failed() {
    *lock(&FAILED) = Some(Instant::now());
}

/// When one failed last.
#[cfg(test)]
pub(crate) fn failed_at() -> Option<Instant> {
    *lock(&FAILED)
}

/// What people are told of the encoders of this board. A driver that does not answer is said, too.
pub fn describe() -> String {
    match look(ANSWER_TIME) {
        Look::Found(found) if found.is_empty() => "none".to_owned(),
        Look::Found(found) => found.iter().map(JpegEncoder::to_string).collect::<Vec<_>>().join("; "),
        Look::NoThread => "not known: no thread is left to look for one".to_owned(),
        Look::NoAnswer => format!("not known: a driver does not answer within {} s", ANSWER_TIME.as_secs()),
    }
}

fn all() -> Vec<JpegEncoder> {
    let of_node = |node: Node| {
        let device = open(&node).ok()?;
        let codec = codec::codec(&device).ok()??;
        let code = compressed(&device, codec.output, &JPEG)?;
        let takes = formats::formats(&device, codec.input);
        let is_taken = |layout: &Layout| takes.iter().any(|format| layout.codes().contains(&&format.code));
        Some(JpegEncoder {
            layouts: Layout::all().filter(is_taken).filter_map(Layout::raw).collect(),
            sizes: codec::sizes(&device, code),
            name: name(&node, codec),
            path: node.path,
        })
    };
    nodes().into_iter().filter_map(of_node).collect()
}

/// What people call an encoder.
pub fn name(node: &Node, codec: Codec) -> String {
    if node.name.is_empty() { codec.card } else { node.name.clone() }
}

/// The nodes that may be encoders, the likeliest first. Others are not even opened.
pub fn nodes() -> Vec<Node> {
    let mut nodes = node::list(None);
    nodes.retain(may_encode);
    nodes.sort_by_key(|node| !is_for_pictures(&node.name));
    nodes
}

/// A part of a USB device encodes nothing for others, and some nodes of a board are said to hang when they are opened.
fn may_encode(node: &Node) -> bool {
    match node.role() {
        Role::NotCamera(Part::Codec) => node.name.contains("encode"),
        Role::Other | Role::Virtual => true,
        Role::Usb | Role::RawSensor | Role::NotCamera(Part::ImageProcessor | Part::Decoder) => false,
    }
}

/// Whether it is for single pictures: an encoder for video may list JPEG, too, and know only a bit rate.
fn is_for_pictures(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["image", "jpeg", "jpg", "jpu"].iter().any(|word| name.contains(word))
}

/// Opens a node. That may take any time.
///
/// # Errors
/// That of open(2).
pub fn open(node: &Node) -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY).bits().cast_signed();
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(&node.path)
}

/// Which of these codes the device lists for what comes out.
pub fn compressed(device: &File, output: Kind, codes: &[[u8; 4]]) -> Option<[u8; 4]> {
    let listed = formats::formats(device, output);
    codes.iter().copied().find(|code| listed.iter().any(|format| format.code == *code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::node::tests::node;

    #[test]
    fn nodes_that_are_said_to_hang_are_not_opened_and_the_encoder_of_pictures_comes_first() {
        let platform = "/sys/devices/platform/codec";
        let names = |name| (name, may_encode(&node(0, name, "", platform, "")));
        for (name, may) in [
            names("bcm2835-codec-decode"),
            names("bcm2835-codec-isp"),
            names("bcm2835-isp-output0"),
            names("pispbe-input"),
            names("rpi-hevc-dec"),
            names("unicam-image"),
        ]
        .into_iter()
        .map(|(name, may)| (name, !may))
        .chain([
            names("bcm2835-codec-encode_image"),
            names("coda-jpeg-encoder"),
            names("mtk-jpeg-enc"),
        ]) {
            assert!(may, "{name}");
        }
        let webcam = node(0, "HD Webcam", "uvcvideo", "/sys/devices/usb1/1-2/1-2:1.0", "");
        assert!(!may_encode(&webcam), "a webcam may wake up when it is opened");
        assert!(is_for_pictures("bcm2835-codec-encode_image") && !is_for_pictures("bcm2835-codec-encode"));
        assert!(is_for_pictures("s5p-jpeg-enc"));
    }

    #[test]
    fn what_an_encoder_takes_is_said_and_kept_to() {
        let mut encoder = JpegEncoder {
            name: "bcm2835-codec-encode_image".to_owned(),
            path: "/dev/video31".into(),
            layouts: vec![Raw::Nv12, Raw::Yuyv],
            sizes: vec![SizeRange { min: (32, 32), max: (1920, 1920) }],
        };
        let size = |width, height| Size { width, height };
        assert!(encoder.takes(Raw::Yuyv, size(1280, 720)) && !encoder.takes(Raw::Uyvy, size(1280, 720)));
        assert!(!encoder.takes(Raw::Yuyv, size(3840, 2160)) && !encoder.takes(Raw::Yuyv, size(16, 16)));
        assert_eq!(
            encoder.to_string(),
            "bcm2835-codec-encode_image (/dev/video31) takes nv12, yuyv up to 1920x1920"
        );
        (encoder.sizes, encoder.layouts) = (Vec::new(), vec![Raw::Grey]);
        assert!(encoder.takes(Raw::Grey, size(4096, 4096)), "it lists no sizes");
        assert_eq!(encoder.to_string(), "bcm2835-codec-encode_image (/dev/video31) takes grey");
        encoder.layouts.clear();
        assert!(encoder.to_string().ends_with("takes no format of cameras"));
    }

    #[test]
    fn an_encoder_that_failed_lately_is_not_counted_on_and_a_driver_that_hangs_is_not_waited_for_twice() {
        assert!(is_trusted(None));
        let now = Instant::now();
        let at = |seconds| Some(now.checked_sub(Duration::from_secs(seconds)).unwrap());
        assert_eq!([0, 299, 301].map(|ago| is_trusted(at(ago))), [false, false, true]);

        let (answer, answers) = channel();
        *lock(&LOOK) = Some((answers, at(60).unwrap()));
        let begin = Instant::now();
        assert_eq!(describe(), "not known: a driver does not answer within 3 s");
        assert!(begin.elapsed() < ANSWER_TIME / 2, "it is waited for again");
        let found =
            JpegEncoder { name: "a".into(), path: "/dev/video9".into(), layouts: vec![], sizes: vec![] };
        answer.send(vec![found]).unwrap();
        assert_eq!(describe(), "a (/dev/video9) takes no format of cameras", "it answered at last");
        assert_ne!(describe(), "", "and is asked again");
    }
}
