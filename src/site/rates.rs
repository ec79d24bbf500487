//! Frame rates as `/state` shows them: 0 when no frame has come for a while.

use std::time::{Duration, Instant};

use crate::fanout::registry::ViewerStats;
use crate::feed::Status;

/// A measured rate is valid for this long after the last frame.
const RATE_HOLDS: Duration = Duration::from_secs(3);

/// Frames per second from the camera.
pub(super) fn captured_fps(status: &Status) -> f32 {
    if status.last_frame.is_some_and(|at| at.elapsed() < RATE_HOLDS) { status.fps } else { 0.0 }
}

/// Frames per second that a viewer's socket took.
pub(super) fn sent_fps(viewer: &ViewerStats, now: Instant) -> f64 {
    viewer.rate(now).map_or(0.0, |(fps, ago)| if ago < RATE_HOLDS { fps } else { 0.0 })
}
