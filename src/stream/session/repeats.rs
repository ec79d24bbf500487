//! Frames that repeat the one before, for `--drop-same-frames`.

use std::time::{Duration, Instant};

use coefficients::Transform;

/// A frame is published at least this often, so that viewers see that the stream lives, and a snapshot need not wait
/// longer.
const REPEAT: Duration = Duration::from_secs(1);

/// How a frame is shown: the same bytes are another picture when they are turned or get another quality.
pub(super) type Shape = (Transform, u8);

/// The last frame that was published, as the source delivered it.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: Vec<u8>,
    shape: Option<Shape>,
    captured: Option<Instant>,
}

impl Repeats {
    /// Whether a frame shows what the last one showed, less than [`REPEAT`] ago. The bytes themselves are compared, up to
    /// the first that differs: a camera's noise makes that one of the first.
    pub(super) fn holds(&self, bytes: &[u8], shape: Shape, captured: Instant) -> bool {
        let is_recent = self.captured.is_some_and(|last| captured.saturating_duration_since(last) < REPEAT);
        is_recent && self.shape == Some(shape) && self.last == bytes
    }

    /// Remembers a frame that was published. Allocates only for one that is longer than all before.
    pub(super) fn remember(&mut self, bytes: &[u8], shape: Shape, captured: Instant) {
        self.last.clear();
        (self.shape, self.captured) = (None, None);
        // Without memory for it, the next frame is published, too.
        if self.last.try_reserve(bytes.len()).is_ok() {
            self.last.extend_from_slice(bytes);
            (self.shape, self.captured) = (Some(shape), Some(captured));
        }
    }
}
