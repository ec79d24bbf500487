//! What became of one camera's pictures behind its ring since the start, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::Histogram;

/// Counted over all viewers of a camera, those of its smaller pictures included, who come and go.
#[derive(Debug, Default)]
pub struct DeliveryStats {
    /// Frames that streams sent in whole or in part, each viewer's counted.
    pub frames: AtomicU64,
    /// Frames that viewers missed because they were still taking an earlier one.
    pub skipped: AtomicU64,
    /// Single pictures sent.
    pub snapshots: AtomicU64,
    /// Bytes that viewers' sockets took.
    pub bytes: AtomicU64,
    /// From the capture of a frame until a stream's socket had taken its last byte.
    pub delay: Histogram,
    /// Smaller pictures made.
    pub smaller: AtomicU64,
    /// CPU time that they cost, in nanoseconds.
    smaller_cost: AtomicU64,
}

impl DeliveryStats {
    /// Counts a smaller picture that cost so much CPU time.
    pub fn made_smaller(&self, cost: Duration) {
        self.smaller.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX);
        self.smaller_cost.fetch_add(nanos, Ordering::Relaxed);
    }

    /// CPU time that smaller pictures cost.
    pub fn smaller_cost(&self) -> Duration {
        Duration::from_nanos(self.smaller_cost.load(Ordering::Relaxed))
    }
}
