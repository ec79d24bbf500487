//! Raw pixels to JPEG by hardware, where the board has a JPEG encoder, and by software where it has none or it fails.
//!
//! Called by [`crate::stream`] for every raw frame. The camera's thread never waits for a driver that hangs: a device is
//! opened and closed by a thread of its own, and a picture that is not there in time is encoded by software.
//!
//! | module | what it does |
//! |---|---|
//! | [`device`] | the trait of hardware encoders, and in which ways they fail |
//! | [`m2m`] | V4L2 memory-to-memory devices |
//! | `fill` | copies a picture into a device's buffer |
//! | `opener` | the threads that open and close devices |
//! | [`simulated`] | an encoder for tests |
//! | `words` | what is said of it |

pub mod device;
mod fill;
pub mod m2m;
mod opener;
pub mod simulated;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use coefficients::Transform;
use log::Level;

use crate::camera::encoders;
use crate::jpeg::encode::{self, EncodeError};
use crate::jpeg::passthrough::Jpeg;
use crate::picture::Picture;
use device::{Failure, FrameEncoder, Shape};
use opener::{Closer, Opened, Opener, Opening};
pub use opener::{Found, Open};
use words::Words;

/// A device that gives no picture within this time is closed, and opened again later.
pub const PICTURE_TIME: Duration = Duration::from_millis(500);

/// From a failure until the device is tried again: the first time, and at most. It doubles with each failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(300));

/// From a look for a device that found none until the next one, at least: drivers may be loaded late.
const NEXT_LOOK: Duration = Duration::from_secs(10);

/// After this time it is said that a device does not open.
const OPENING_TIME: Duration = Duration::from_secs(10);

/// A device that encoded without a failure for so long is tried again after the shortest pause.
const GOOD: Duration = Duration::from_secs(60);

/// Encodes pictures, by hardware if there is any and it works.
#[derive(Debug)]
pub struct Encoder {
    software: encode::Encoder,
    transform: Transform,
    hardware: Option<Hardware>,
}

/// Who encoded a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A device.
    Hardware,
    /// This program, since there is no device, or none is to be used.
    Software,
    /// This program, since the device failed with this picture.
    Instead,
}

impl Encoder {
    /// Encodes by software. `quality` is that of [`encode::Encoder::new`].
    pub fn new(quality: u8) -> Self {
        Self { software: encode::Encoder::new(quality), transform: Transform::NONE, hardware: None }
    }

    /// Encodes by the devices that `open` opens. If `is_asked_for`, it is said where there is none. Nothing is opened
    /// before the first picture.
    pub fn with_hardware(quality: u8, open: Arc<Open>, is_asked_for: bool) -> Self {
        Self { hardware: Some(Hardware::new(open, is_asked_for)), ..Self::new(quality) }
    }

    /// Changes the quality from the next picture on.
    pub fn set_quality(&mut self, quality: u8) {
        self.software.set_quality(quality);
    }

    /// Turns and mirrors pictures from the next one on. Those are encoded by software.
    pub fn set_transform(&mut self, transform: Transform) {
        self.transform = transform;
        self.software.set_transform(transform);
    }

    /// The device that encodes, by its name; `None` if pictures are encoded by software.
    pub fn hardware(&self) -> Option<&str> {
        let hardware = self.hardware.as_ref().filter(|_| self.transform == Transform::NONE)?;
        match &hardware.state {
            State::Ready(device, _) => Some(device.name()),
            State::Opening(..) | State::Resting(_) => None,
        }
    }

    /// What the log should say, once.
    pub fn notes(&mut self) -> impl Iterator<Item = (Level, String)> {
        self.hardware.iter_mut().flat_map(|hardware| hardware.words.take())
    }

    /// Encodes into the beginning of `out`, and returns the JPEG's length in bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`] if `out` is too small; its contents are then of no use.
    pub fn encode(&mut self, picture: &Picture<'_>, out: &mut [u8]) -> Result<(usize, By), EncodeError> {
        let mut by = By::Software;
        if let Some(hardware) = &mut self.hardware {
            match hardware.encode(picture, self.software.quality().get(), self.transform, out) {
                Outcome::Encoded(len) => return Ok((len, By::Hardware)),
                Outcome::Failed => by = By::Instead,
                Outcome::NotReady => {}
            }
        }
        Ok((self.software.encode(picture, out)?, by))
    }
}

/// What became of a picture that a device was to encode.
enum Outcome {
    Encoded(usize),
    /// The device was not asked.
    NotReady,
    Failed,
}

/// A device, or the way to one.
#[derive(Debug)]
struct Hardware {
    opener: Opener,
    state: State,
    /// What the device was opened for.
    shape: Option<Shape>,
    /// Whether it may read pictures where their camera left them: until it fails with one.
    may_share: bool,
    /// From the next failure until it is opened again.
    pause: Duration,
    /// Since when it encodes without a failure.
    good_since: Instant,
    words: Words,
}

#[derive(Debug)]
enum State {
    /// Nothing is tried until then.
    Resting(Instant),
    /// A thread has been opening a device since then.
    Opening(Opening, Instant),
    /// A device is open; its thread will close it.
    Ready(Box<dyn FrameEncoder>, Closer),
}

impl Hardware {
    fn new(open: Arc<Open>, is_asked_for: bool) -> Self {
        let now = Instant::now();
        Self {
            opener: Opener(open),
            state: State::Resting(now),
            shape: None,
            may_share: true,
            pause: PAUSES.0,
            good_since: now,
            words: Words::new(is_asked_for),
        }
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        quality: u8,
        transform: Transform,
        out: &mut [u8],
    ) -> Outcome {
        if transform != Transform::NONE {
            self.words.turned();
            return Outcome::NotReady;
        }
        self.make_ready(Shape::of(picture));
        let State::Ready(device, _) = &mut self.state else { return Outcome::NotReady };
        let mut take = |jpeg: &[u8]| checked_copy(jpeg, picture, out);
        let shared = picture.in_memory(picture.memory().filter(|_| self.may_share));
        match device.encode(&shared, quality, PICTURE_TIME, &mut take) {
            Ok(len) => {
                self.words.works();
                if self.good_since.elapsed() > GOOD {
                    self.pause = PAUSES.0;
                    self.words.is_good();
                }
                Outcome::Encoded(len)
            }
            // Larger than any frame before, which is no fault of the device.
            Err(Failure::TooLarge { .. }) => Outcome::Failed,
            Err(failure) => {
                self.words.failed(device.name(), &failure);
                self.may_share &= shared.memory().is_none();
                encoders::failed();
                self.close();
                self.rest(PAUSES.0);
                Outcome::Failed
            }
        }
    }

    /// Looks whether a device was opened, and has one opened if it is time.
    fn make_ready(&mut self, shape: Shape) {
        if self.shape.replace(shape) != Some(shape) {
            self.close();
            self.state = State::Resting(Instant::now());
        }
        match &self.state {
            State::Resting(until) if *until <= Instant::now() => match self.opener.start(shape) {
                Some(opening) => self.state = State::Opening(opening, Instant::now()),
                None => self.state = State::Resting(Instant::now() + PAUSES.0), // no thread was free
            },
            State::Opening(opening, since) => match opening.answer() {
                None if since.elapsed() > OPENING_TIME => self.words.hangs(),
                None => {}
                Some(Opened::Device(device, closer)) => {
                    self.words.opened(device.name(), device.has_quality());
                    (self.state, self.good_since) = (State::Ready(device, closer), Instant::now());
                }
                Some(Opened::Nothing) => {
                    self.words.not_found();
                    self.rest(NEXT_LOOK);
                }
                Some(Opened::Refused(why)) => {
                    encoders::failed();
                    self.words.refused(&why);
                    self.rest(NEXT_LOOK);
                }
            },
            State::Resting(_) | State::Ready(..) => {}
        }
    }

    /// Tries nothing for a while, and for longer each time, at least for `least`.
    fn rest(&mut self, least: Duration) {
        let pause = self.pause.max(least);
        self.state = State::Resting(Instant::now() + pause);
        self.pause = (pause * 2).min(PAUSES.1);
    }

    /// Has the device closed, if there is one.
    fn close(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Resting(Instant::now()));
        if let State::Ready(device, closer) = state {
            closer.close(device);
        }
    }
}

impl Drop for Hardware {
    fn drop(&mut self) {
        self.close();
    }
}

/// Copies a device's JPEG, if it is the picture. It is mended like a camera's.
fn checked_copy(jpeg: &[u8], picture: &Picture<'_>, out: &mut [u8]) -> Result<usize, Failure> {
    let jpeg = Jpeg::parse(jpeg).map_err(Failure::Fault)?;
    if jpeg.size() != picture.size() {
        return Err(Failure::WrongSize { got: jpeg.size(), wanted: picture.size() });
    }
    if jpeg.is_progressive() || !jpeg.has_eoi() {
        return Err(Failure::NotWhole);
    }
    jpeg.copy_into(out).map_err(|error| Failure::TooLarge { len: error.needed, capacity: error.capacity })
}

#[cfg(test)]
mod tests;
