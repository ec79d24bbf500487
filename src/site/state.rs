//! `/state`: how everything is, as JSON. Names are part of what we promise to other programs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rouille::Response;
use serde::Serialize;

use super::recordings::{self, Folder, Recording};
use super::{RequestContext, address, camera_url, ustreamer};
use crate::camera::{EncodeMode, SourceInfo};
use crate::fanout::SPILL_CAP;
use crate::fanout::registry::ViewerStats;
use crate::feed::{CaptureState as Source, Counters, Feed, Status};
use crate::host::inject;
use crate::problem::Problem;
use crate::protocol::Kind;
use crate::variants::{self, Running};

/// A rate that was measured before the last picture of this age is none any more.
const RATE_HOLDS: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Answer<'a> {
    program: Program<'a>,
    you: You<'a>,
    cameras: Vec<Camera>,
    variants: Vec<Variant>,
    viewers: Vec<Viewer>,
    spill: Spill,
    connections: Connections,
    /// As ustreamer says it.
    ok: bool,
    result: ustreamer::Result,
    network: Network,
    /// `null` where nothing can be recorded.
    recordings: Option<Folder>,
}

#[derive(Serialize)]
struct Program<'a> {
    name: &'static str,
    version: &'static str,
    /// Another one after each start.
    instance: &'a str,
    uptime_s: f64,
    /// Why the defaults hold in place of the settings.
    problem: Option<Told>,
}

/// Who asks.
#[derive(Serialize)]
struct You<'a> {
    /// `null` where there are no users, and for a token.
    user: Option<&'a str>,
    role: Option<&'static str>,
    /// Signed in by the form.
    session: bool,
    /// There are no users: everybody may do everything.
    open: bool,
}

#[derive(Serialize)]
struct Camera {
    name: String,
    url: String,
    source: String,
    state: &'static str,
    problem: Option<Told>,
    device: Option<Device>,
    format: Option<Format>,
    encoder: Option<&'static str>,
    /// Of what is encoded here; `null` where the camera's own JPEGs are passed on.
    quality: Option<u8>,
    compromises: Vec<String>,
    refused: Vec<Refused>,
    fps: f32,
    last_frame_age_ms: Option<u64>,
    frames: Frames,
    viewers: usize,
    /// `null` where nothing can be recorded.
    recording: Option<Recording>,
}

#[derive(Serialize)]
pub(super) struct Told {
    what: String,
    why: String,
    advice: String,
}

impl From<&Problem> for Told {
    fn from(problem: &Problem) -> Self {
        Self { what: problem.what.clone(), why: problem.why.clone(), advice: problem.advice.clone() }
    }
}

#[derive(Serialize)]
struct Refused {
    source: String,
    problem: Told,
}

#[derive(Serialize)]
struct Device {
    path: String,
    card: String,
    driver: String,
    bus: String,
}

#[derive(Serialize)]
struct Format {
    layout: &'static str,
    width: u32,
    height: u32,
    /// As agreed with the driver; `null` where it does not tell.
    fps: Option<f64>,
}

#[derive(Serialize)]
struct Frames {
    captured: u64,
    published: u64,
    encoded: u64,
    mended: u64,
    dropped: BTreeMap<&'static str, u64>,
}

/// How a viewer's pictures are made smaller.
#[derive(Serialize)]
struct Smaller {
    /// What they fit into; `null` where the camera's size stays.
    size: Option<String>,
    quality: u8,
}

impl From<variants::Variant> for Smaller {
    fn from(variant: variants::Variant) -> Self {
        Self { size: variant.size.map(|size| size.to_string()), quality: variant.quality }
    }
}

/// Smaller pictures that are being made.
#[derive(Serialize)]
struct Variant {
    camera: String,
    #[serde(flatten)]
    smaller: Smaller,
    viewers: usize,
    fps: f32,
    /// CPU time of the last frames, a mean.
    ms_per_frame: f32,
    frames: Frames,
}

#[derive(Serialize)]
struct Viewer {
    id: Option<String>,
    camera: String,
    address: String,
    kind: &'static str,
    variant: Option<Smaller>,
    since_s: f64,
    frames_sent: u64,
    frames_skipped: u64,
    bytes_sent: u64,
    /// Frames per second that its socket took of late.
    fps: f64,
    /// From the capture of the last frame until its socket had taken the last byte of it.
    age_ms: Option<f64>,
}

/// Memory for what slow viewers did not take yet, in bytes.
#[derive(Serialize)]
struct Spill {
    bytes: usize,
    limit: usize,
}

/// How this board is found.
#[derive(Serialize)]
struct Network {
    /// The name under which it is announced; `null` while there is none.
    name: Option<String>,
    /// What to open on another device, in numbers; `null` where none can reach it.
    url: Option<String>,
}

#[derive(Serialize)]
struct Connections {
    open: usize,
    limit: usize,
    refused: usize,
}

pub(super) fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn device(info: &SourceInfo) -> Device {
    let SourceInfo { source, card, driver, bus, .. } = info.clone();
    Device { path: source, card, driver, bus }
}

fn format(info: &SourceInfo) -> Format {
    Format { layout: info.layout.name(), width: info.size.width, height: info.size.height, fps: info.fps() }
}

fn camera(feed: &Feed, viewers: usize, recording: Option<Recording>) -> Camera {
    let status = feed.status().clone();
    let fps = measured(&status);
    let Status { state, refused, last_frame, .. } = status;
    let (word, problem, info) = match state {
        Source::Starting => ("starting", None, None),
        Source::Live(info) => ("live", None, Some(info)),
        Source::Waiting(problem) => ("waiting", Some(problem), None),
    };
    let age = last_frame.map(|at| at.elapsed());
    let is_passthrough = feed.is_passthrough();
    Camera {
        name: feed.name.clone(),
        url: camera_url(&feed.name),
        source: feed.config.spec.label(),
        state: word,
        problem: problem.as_ref().map(Told::from),
        device: info.as_ref().map(device),
        format: info.as_ref().map(format),
        encoder: info
            .as_ref()
            .map(|_| if is_passthrough { EncodeMode::Passthrough } else { EncodeMode::Software }.name()),
        quality: (!is_passthrough).then(|| feed.quality()),
        compromises: info.map(|info| info.compromises).unwrap_or_default(),
        refused: refused
            .into_iter()
            .map(|(source, problem)| Refused { source, problem: Told::from(&problem) })
            .collect(),
        fps,
        last_frame_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        frames: frames(&feed.counters),
        viewers,
        recording,
    }
}

/// Frames per second that come of late, 0 while none do.
pub(super) fn measured(status: &Status) -> f32 {
    if status.last_frame.is_some_and(|at| at.elapsed() < RATE_HOLDS) { status.fps } else { 0.0 }
}

/// Frames per second that a viewer's socket took of late.
pub(super) fn taken(seat: &ViewerStats, now: Instant) -> f64 {
    seat.rate(now).map_or(0.0, |(fps, ago)| if ago < RATE_HOLDS { fps } else { 0.0 })
}

fn frames(counters: &Counters) -> Frames {
    Frames {
        captured: load(&counters.captured),
        published: load(&counters.published),
        encoded: load(&counters.encoded),
        mended: load(&counters.mended),
        dropped: counters.dropped().map(|(reason, count)| (reason.name(), count)).collect(),
    }
}

fn variant(running: &Running, seats: &[Arc<ViewerStats>]) -> Variant {
    let watches = |seat: &&Arc<ViewerStats>| {
        seat.order.camera == running.camera && seat.order.variant == Some(running.variant)
    };
    Variant {
        camera: running.feed.name.clone(),
        smaller: running.variant.into(),
        viewers: seats.iter().filter(watches).count(),
        fps: measured(&running.feed.status()),
        ms_per_frame: running.ms_per_frame(),
        frames: frames(&running.feed.counters),
    }
}

fn viewer(seat: &ViewerStats, feeds: &[Arc<Feed>], now: Instant) -> Viewer {
    Viewer {
        id: seat.order.id.clone(),
        camera: feeds.get(seat.order.camera).map(|feed| feed.name.clone()).unwrap_or_default(),
        address: seat.peer.to_string(),
        kind: match seat.order.kind {
            Kind::Stream => "stream",
            Kind::Snapshot { .. } => "snapshot",
        },
        variant: seat.order.variant.map(Smaller::from),
        since_s: now.saturating_duration_since(seat.since).as_secs_f64(),
        frames_sent: load(&seat.frames),
        frames_skipped: load(&seat.skipped),
        bytes_sent: load(&seat.bytes),
        fps: taken(seat, now),
        age_ms: seat.age().map(|age| age.as_secs_f64() * 1e3),
    }
}

/// `/state`; behind `/cameras/NAME` with that camera only.
pub(super) fn state(visit: &RequestContext<'_>) -> Response {
    inject::panic_at("request");
    let house = visit.house;
    let visitor = visit.visitor.as_ref();
    let seats = house.audience.list();
    let shown = |place: usize| !visit.names_camera || place == visit.camera;
    let watching = |place: usize| seats.iter().filter(|seat| seat.order.camera == place).count();
    let now = Instant::now();
    let answer = Answer {
        program: Program {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            instance: &house.instance,
            uptime_s: house.started.elapsed().as_secs_f64(),
            problem: house.feeds.first().and_then(|feed| feed.settings_problem.as_ref()).map(Told::from),
        },
        you: You {
            user: visitor.and_then(|visitor| visitor.user.as_deref()),
            role: visitor.map(|visitor| visitor.role.name()),
            session: visitor.is_some_and(|visitor| visitor.session),
            open: house.guard.access.is_open(),
        },
        cameras: (house.feeds.iter().enumerate())
            .filter(|(place, _)| shown(*place))
            .map(|(place, feed)| {
                camera(feed, watching(place), recordings::of_camera(&house.recordings, place))
            })
            .collect(),
        variants: (house.variants.list().iter())
            .filter(|running| shown(running.camera))
            .map(|running| variant(running, &seats))
            .collect(),
        viewers: (seats.iter())
            .filter(|seat| shown(seat.order.camera))
            .map(|seat| viewer(seat, &house.feeds, now))
            .collect(),
        spill: Spill { bytes: house.audience.spill.load(Ordering::Relaxed), limit: SPILL_CAP },
        connections: Connections {
            open: house.count.open.load(Ordering::Relaxed),
            limit: house.count.limit.load(Ordering::Relaxed),
            refused: house.count.refused.load(Ordering::Relaxed),
        },
        ok: true,
        result: ustreamer::result(
            visit.feed(),
            seats.iter().filter(|seat| seat.order.camera == visit.camera),
            now,
        ),
        network: Network { name: house.announced.name(), url: address::url(visit) },
        recordings: recordings::folder(&house.recordings),
    };
    Response::json(&answer).with_no_cache()
}
