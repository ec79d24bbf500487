//! What is known of video nodes, as plain data.

use std::time::Duration;

use crate::camera::source::SourceInfo;
use crate::camera::v4l2::controls::ControlList;
use crate::camera::v4l2::modes::{Rates, Sizes};
use crate::picture::Size;
use crate::problem::Problem;

/// Something that was found.
#[derive(Debug)]
pub enum Entry {
    /// A camera, whether it can be used or not.
    Camera(Box<Camera>),
    /// A node that is no camera, or none that V4L2 alone can read.
    Other(Other),
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cameras, the likeliest first.
    #[expect(clippy::vec_box, reason = "as they come")]
    pub cameras: Vec<Box<Camera>>,
    /// All other nodes.
    pub others: Vec<Other>,
    /// What hardware encoder the board has, in words.
    pub encoder: String,
}

/// A camera.
#[derive(Debug)]
pub struct Camera {
    /// What `--camera` takes.
    pub source: String,
    /// The camera's own name.
    pub name: String,
    /// Names that stay when numbers change.
    pub stable_names: Vec<String>,
    /// The kernel driver; empty if there is none.
    pub driver: String,
    /// Where it is connected; empty if it is not a device.
    pub bus: String,
    /// The formats that it lists.
    pub formats: Vec<Format>,
    /// The inputs of a capture card; none if there is nothing to choose from.
    pub inputs: Vec<Input>,
    /// The controls that it lists.
    pub controls: ControlList,
    /// How it can be used, or why not.
    pub tried: Result<Usable, Problem>,
}

/// An input of a capture card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its number.
    pub index: u32,
    /// The driver's name for it.
    pub name: String,
    /// Whether it is the one that is used now.
    pub is_chosen: bool,
}

/// A format that a camera lists.
#[derive(Debug)]
pub struct Format {
    /// The V4L2 code.
    pub code: String,
    /// The driver's name for it.
    pub description: String,
    /// What `--format` calls it; `None` if it is not supported.
    pub layout: Option<&'static str>,
    /// Its sizes.
    pub sizes: Sizes,
    /// The rates of each size of a list; of a range, those of the largest size.
    pub rates: Vec<(Size, Rates)>,
}

/// How a camera can be used.
#[derive(Debug)]
pub struct Usable {
    /// What it delivers.
    pub info: SourceInfo,
    /// Time until the first picture.
    pub took: Duration,
}

/// A node that is not used as a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Its path.
    pub source: String,
    /// The kernel's name for it.
    pub name: String,
    /// The kernel driver; empty if there is none.
    pub driver: String,
    /// What it is.
    pub kind: Kind,
    /// Why it is not used.
    pub why: String,
}

/// What a node is that is not used as a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It encodes or decodes video.
    Codec,
    /// It turns raw sensor data into pictures.
    ImageProcessor,
    /// It delivers a sensor's raw data.
    RawSensor,
    /// It delivers figures about pictures.
    Metadata,
    /// It takes pictures, and delivers none.
    Output,
    /// It converts pictures.
    Converter,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Codec => "codec",
            Kind::ImageProcessor => "image-processor",
            Kind::RawSensor => "raw-sensor",
            Kind::Metadata => "metadata",
            Kind::Output => "output",
            Kind::Converter => "converter",
            Kind::Unknown => "unknown",
        }
    }

    /// What can be done about it, if something can.
    pub fn advice(self) -> Option<&'static str> {
        (self == Kind::RawSensor).then_some(
            "run boardcam --camera rpicam, which reads it through libcamera (needs rpicam-vid, which Raspberry Pi OS has)",
        )
    }
}
