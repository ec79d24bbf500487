//! Why a candidate in a search for a camera cannot be used.

use rustix::io::Errno;

use crate::problem::Problem;

/// Why a candidate was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of obstacle, for decisions.
    pub cause: Cause,
    /// The obstacle in words, for the user. Boxed, since results that carry a refusal are passed through many calls.
    pub problem: Box<Problem>,
}

/// The kinds of obstacle. The nodes of one camera usually meet the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not a camera: a part of the board, or `rpicam-vid` without a camera module.
    NotACamera,
    /// It is not a camera: it delivers figures about pictures.
    Metadata,
    /// It is not a camera: it takes pictures.
    Output,
    /// It is not a camera: it takes pictures and delivers others.
    Converter,
    /// It delivers raw sensor data, which only libcamera can turn into pictures.
    RawSensor,
    /// Its driver cannot stream through memory-mapped buffers.
    NoStreaming,
    /// A system call failed with this error number.
    System(Errno),
    /// Crate v4l cannot read what the driver answered.
    Unreadable,
    /// It offers no format that the settings allow.
    NoFormat,
    /// Its driver set something other than what was asked for, or something impossible.
    BadFormat,
    /// The USB bus lacks the bandwidth for every mode of the camera.
    NoBandwidth,
    /// An input of a capture card has no signal that can be shown.
    NoSignal,
    /// No picture came in time.
    NoPicture,
    /// Only damaged pictures came.
    BadPictures,
    /// It stopped delivering while it was tried.
    Stopped,
    /// The observer cancelled the search.
    Cancelled,
    /// A program delivered no picture.
    Program,
    /// It is the device of another camera of the settings.
    Reserved,
}

impl Refusal {
    /// Puts a refusal together.
    pub fn new(cause: Cause, problem: Problem) -> Self {
        Self { cause, problem: Box::new(problem) }
    }

    /// Whether the candidate is a camera to the user, so that its problem matters.
    pub fn is_camera(&self) -> bool {
        !matches!(self.cause, Cause::NotACamera | Cause::Metadata | Cause::Output | Cause::Converter)
    }
}
