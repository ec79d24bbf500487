//! What became of one camera's frames after its ring, for `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::histogram::Histogram;
use crate::time::nanos;

/// Counters over all viewers of a camera, past and present, including those of its smaller pictures.
#[derive(Debug, Default)]
pub struct DeliveryStats {
    /// Frames that streams sent in whole or in part, counted for each viewer.
    pub frames: AtomicU64,
    /// Frames that viewers missed because they were still receiving an earlier one.
    pub skipped: AtomicU64,
    /// Single pictures sent.
    pub snapshots: AtomicU64,
    /// Bytes that viewers' sockets took.
    pub bytes: AtomicU64,
    /// Time from the capture of a frame until a stream's socket had taken its last byte.
    pub delay: Histogram,
    /// Smaller pictures made.
    pub smaller: AtomicU64,
    /// CPU time that making them cost, in nanoseconds.
    smaller_cost: AtomicU64,
}

impl DeliveryStats {
    /// Counts a smaller picture that cost this much CPU time.
    pub fn made_smaller(&self, cost: Duration) {
        self.smaller.fetch_add(1, Ordering::Relaxed);
        self.smaller_cost.fetch_add(nanos(cost), Ordering::Relaxed);
    }

    /// CPU time that making smaller pictures cost.
    pub fn smaller_cost(&self) -> Duration {
        Duration::from_nanos(self.smaller_cost.load(Ordering::Relaxed))
    }
}
