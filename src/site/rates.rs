//! Frame rates as `/state` shows them: 0 when no frame has come for a while.

use std::time::{Duration, Instant};

use crate::fanout::registry::ViewerStats;
use crate::feed::Status;

/// A measured rate is valid for this long after the last frame, ...
const RATE_HOLDS: Duration = Duration::from_secs(3);
/// ... or for this many of its frames, if they come less often.
const FRAMES_HOLD: f32 = 4.0;

/// Whether a measured rate is valid so long after the last frame.
fn holds(fps: f32, age: Duration) -> bool {
    age < RATE_HOLDS || age.as_secs_f32() * fps < FRAMES_HOLD
}

/// Frames per second from the camera.
pub(super) fn captured_fps(status: &Status) -> f32 {
    if status.last_frame.is_some_and(|at| holds(status.fps, at.elapsed())) { status.fps } else { 0.0 }
}

/// Frames per second that a viewer's socket took.
pub(super) fn sent_fps(viewer: &ViewerStats, now: Instant) -> f64 {
    viewer.rate(now).map_or(0.0, |(fps, ago)| if holds(fps as f32, ago) { fps } else { 0.0 })
}
