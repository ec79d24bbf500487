//! The part of `/state` that has the form of ustreamer's `/state`, for programs that know that form: `ok`, and one
//! camera in `result`. It has only the fields that mean the same here; docs/api.md
//! lists them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::fanout::registry::ViewerStats;
use crate::feed::{CaptureState, Feed};
use crate::site::rates::{captured_fps, sent_fps};
use crate::socket::shown;

#[derive(Serialize)]
pub(super) struct Answer {
    encoder: Encoder,
    source: Source,
    stream: Stream,
}

#[derive(Serialize)]
struct Encoder {
    /// `HW`: the camera's own JPEGs are passed on; `CPU`: they are encoded here; `M2M-IMAGE`: by the
    /// board's hardware.
    #[serde(rename = "type")]
    kind: &'static str,
    /// JPEG quality; `null` if the camera makes the JPEGs.
    quality: Option<u8>,
}

#[derive(Serialize)]
struct Source {
    resolution: Resolution,
    /// Whether pictures come from the camera; otherwise the stream shows the card.
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
    /// Frames per second that viewers are offered.
    queued_fps: u32,
    clients: usize,
    /// By the client's address.
    clients_stat: BTreeMap<String, Client>,
}

#[derive(Serialize)]
struct Client {
    fps: u32,
    advance_headers: bool,
    /// The client's own choice, `?id=`.
    key: String,
}

/// One camera, and the viewers that watch it.
pub(super) fn answer<'s>(
    feed: &Feed,
    viewers: impl Iterator<Item = &'s Arc<ViewerStats>>,
    now: Instant,
) -> Answer {
    let status = feed.status().clone();
    let fps = whole(captured_fps(&status));
    let info = match &status.state {
        CaptureState::Live(info) => Some(info),
        _ => None,
    };
    let size = feed.size_shown(info.map_or(feed.asked_size(), |info| info.size), &status);
    let encoded = info.is_some_and(|info| status.converts || !feed.passes_on(info));
    let clients_stat: BTreeMap<_, _> =
        viewers.map(|viewer| (shown(viewer.peer), client(viewer, now))).collect();
    Answer {
        encoder: Encoder {
            kind: match status.hardware {
                _ if !encoded => "HW",
                Some(_) => "M2M-IMAGE",
                None => "CPU",
            },
            quality: encoded.then(|| feed.quality()),
        },
        source: Source {
            resolution: Resolution { width: size.width, height: size.height },
            online: info.is_some(),
            desired_fps: feed.source_config().fps(),
            captured_fps: fps,
        },
        stream: Stream {
            queued_fps: if feed.is_wanted() { fps } else { 0 },
            clients: clients_stat.len(),
            clients_stat,
        },
    }
}

fn client(viewer: &ViewerStats, now: Instant) -> Client {
    Client {
        fps: whole(sent_fps(viewer, now)),
        advance_headers: viewer.order.advance_headers,
        key: viewer.order.id.clone().unwrap_or_default(),
    }
}

/// ustreamer's rates are whole numbers.
fn whole(rate: impl Into<f64>) -> u32 {
    rate.into().round() as u32 // at most a few hundred
}
