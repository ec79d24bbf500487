//! What `/state` says in ustreamer's words, for programs that know its `/state`: `ok`, and one camera in `result`.
//! Only names that mean the same here; docs/api.md lists them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::state::{measured, taken};
use crate::fanout::registry::ViewerStats;
use crate::feed::{CaptureState, Feed};

#[derive(Serialize)]
pub(super) struct Result {
    encoder: EncoderTold,
    source: Source,
    stream: Stream,
}

#[derive(Serialize)]
struct EncoderTold {
    /// `HW`: the camera's own JPEGs are passed on; `CPU`: they are encoded here.
    #[serde(rename = "type")]
    kind: &'static str,
    /// JPEG quality; `null` where the camera makes the JPEGs.
    quality: Option<u8>,
}

#[derive(Serialize)]
struct Source {
    resolution: Resolution,
    /// Pictures of the camera come, not the card.
    online: bool,
    desired_fps: u32,
    captured_fps: u32,
}

#[derive(Serialize)]
struct Resolution {
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct Stream {
    /// Frames offered to viewers in a second.
    queued_fps: u32,
    clients: usize,
    /// By the client's address.
    clients_stat: BTreeMap<String, Client>,
}

#[derive(Serialize)]
struct Client {
    fps: u32,
    advance_headers: bool,
    /// What the client called itself, here by `?id=`.
    key: String,
}

/// One camera and those of `seats` that watch it.
pub(super) fn result<'s>(
    feed: &Feed,
    seats: impl Iterator<Item = &'s Arc<ViewerStats>>,
    now: Instant,
) -> Result {
    let status = feed.status().clone();
    let captured_fps = whole(measured(&status));
    let info = match &status.state {
        CaptureState::Live(info) => Some(info),
        CaptureState::Starting | CaptureState::Waiting(_) => None,
    };
    let size = info.map_or(feed.config.size(), |info| info.size);
    let encoded = info.is_some_and(|info| !feed.config.is_passthrough(info));
    let clients_stat: BTreeMap<_, _> = seats.map(|seat| (seat.peer.to_string(), client(seat, now))).collect();
    Result {
        encoder: EncoderTold {
            kind: if encoded { "CPU" } else { "HW" },
            quality: encoded.then(|| feed.quality()),
        },
        source: Source {
            resolution: Resolution { width: size.width, height: size.height },
            online: info.is_some(),
            desired_fps: feed.config.fps(),
            captured_fps,
        },
        stream: Stream {
            queued_fps: if feed.is_wanted() { captured_fps } else { 0 },
            clients: clients_stat.len(),
            clients_stat,
        },
    }
}

fn client(seat: &ViewerStats, now: Instant) -> Client {
    Client {
        fps: whole(taken(seat, now)),
        advance_headers: seat.order.advance_headers,
        key: seat.order.id.clone().unwrap_or_default(),
    }
}

/// ustreamer's rates are whole numbers.
fn whole(rate: impl Into<f64>) -> u32 {
    rate.into().round() as u32 // at most a few hundred
}
