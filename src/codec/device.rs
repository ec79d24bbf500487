//! What a hardware encoder does, and in which ways it fails.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::jpeg::passthrough::Fault;
use crate::picture::{Picture, Raw, Size};

/// Takes a device's JPEG, and returns its length where it was put.
pub type Take<'a> = dyn FnMut(&[u8]) -> Result<usize, Failure> + 'a;

/// A device that makes JPEGs of raw pictures. Dropping it may take as long as its driver likes.
pub trait FrameEncoder: fmt::Debug + Send {
    /// What people call it: the name of its node.
    fn name(&self) -> &str;

    /// Whether it obeys a quality.
    fn has_quality(&self) -> bool;

    /// Encodes a picture of the shape that it was opened for, and gives the JPEG to `take`, whose result it returns.
    /// `quality` is 1 to 100. Takes hardly more than `limit`.
    ///
    /// # Errors
    /// Why there is no JPEG. The device is then of no more use, unless `take` said [`Failure::TooLarge`].
    fn encode(
        &mut self,
        picture: &Picture<'_>,
        quality: u8,
        limit: Duration,
        take: &mut Take<'_>,
    ) -> Result<usize, Failure>;
}

/// What a device must know of pictures before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The layout of their pixels.
    pub raw: Raw,
    /// Their size.
    pub size: Size,
}

impl Shape {
    /// The shape of this picture.
    pub fn of(picture: &Picture<'_>) -> Self {
        Self { raw: picture.raw(), size: picture.size() }
    }
}

/// Why a device made no JPEG of a picture.
#[derive(Debug)]
pub enum Failure {
    /// It gave nothing in time.
    Silent(Duration),
    /// A call failed: ENODEV if it is gone.
    Call(&'static str, io::Error),
    /// The driver marked the JPEG as damaged.
    Flagged,
    /// It is not a JPEG.
    Fault(Fault),
    /// It is a JPEG, but not a baseline one that is whole.
    NotWhole,
    /// It has another size.
    WrongSize {
        /// The JPEG's.
        got: Size,
        /// The picture's.
        wanted: Size,
    },
    /// It is larger than there is room for.
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// Bytes that there is room for.
        capacity: usize,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Silent(limit) => write!(f, "it gave no picture within {} ms", limit.as_millis()),
            Failure::Call(what, error) => write!(f, "{what}: {error}"),
            Failure::Flagged => f.write_str("its driver marks the picture as damaged"),
            Failure::Fault(fault) => write!(f, "it did not give a JPEG: {}", fault.text()),
            Failure::NotWhole => f.write_str("it gave a JPEG that is not whole, or not baseline"),
            Failure::WrongSize { got, wanted } => write!(f, "its JPEG is {got} and not {wanted}"),
            Failure::TooLarge { len, capacity } => {
                write!(f, "its JPEG of {len} bytes does not fit into {capacity} bytes")
            }
        }
    }
}

impl std::error::Error for Failure {}
