//! Viewers in `/state`.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::camera::VariantForm;
use crate::fanout::registry::ViewerStats;
use crate::feed::Feed;
use crate::protocol::OrderKind;
use crate::site::rates::sent_fps;
use crate::site::response::load;
use crate::socket::shown;

#[derive(Serialize)]
pub(super) struct Viewer {
    /// The viewer's own choice, `?id=`.
    id: Option<String>,
    camera: String,
    address: String,
    /// `stream`, `snapshot`, or `playback`.
    kind: &'static str,
    /// The recording that is played; `null` for live pictures.
    recording: Option<String>,
    variant: Option<VariantForm>,
    since_s: f64,
    frames_sent: u64,
    frames_skipped: u64,
    bytes_sent: u64,
    /// Frames per second that its socket took in the last seconds.
    fps: f64,
    /// From the capture of the last frame until its socket took the frame's last byte.
    age_ms: Option<f64>,
}

pub(super) fn viewer(stats: &ViewerStats, feeds: &[Arc<Feed>], now: Instant) -> Viewer {
    Viewer {
        id: stats.order.id.clone(),
        camera: match &stats.order.playback {
            Some(playback) => playback.name.camera.clone(),
            None => feeds.get(stats.order.camera).map(|feed| feed.name.clone()).unwrap_or_default(),
        },
        address: shown(stats.peer),
        kind: match stats.order.kind {
            OrderKind::Stream if stats.order.playback.is_some() => "playback",
            OrderKind::Stream => "stream",
            OrderKind::Snapshot { .. } => "snapshot",
        },
        recording: stats.order.playback.as_ref().map(|playback| playback.name.to_string()),
        variant: stats.order.variant.map(VariantForm::from),
        since_s: now.saturating_duration_since(stats.since).as_secs_f64(),
        frames_sent: load(&stats.frames),
        frames_skipped: load(&stats.skipped),
        bytes_sent: load(&stats.bytes),
        fps: sent_fps(stats, now),
        age_ms: stats.age().map(|age| age.as_secs_f64() * 1e3),
    }
}
