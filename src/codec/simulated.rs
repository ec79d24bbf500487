//! An encoder whose work a function does: for tests, on machines that have no hardware.

use std::fmt;
use std::time::Duration;

use super::device::{Failure, FrameEncoder, Take};
use crate::picture::Picture;

/// An encoder that obeys a quality, and encodes as [`FrameEncoder::encode`] says by this function.
pub struct Simulated<F>(pub F);

impl<F> fmt::Debug for Simulated<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Simulated")
    }
}

impl<F> FrameEncoder for Simulated<F>
where
    F: FnMut(&Picture<'_>, u8, Duration, &mut Take<'_>) -> Result<usize, Failure> + Send,
{
    fn name(&self) -> &str {
        "simulated-encode_image"
    }

    fn has_quality(&self) -> bool {
        true
    }

    fn encode(
        &mut self,
        picture: &Picture<'_>,
        quality: u8,
        limit: Duration,
        take: &mut Take<'_>,
    ) -> Result<usize, Failure> {
        self.0(picture, quality, limit, take)
    }
}
