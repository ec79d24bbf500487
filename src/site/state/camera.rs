//! Cameras and their smaller pictures in `/state`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::camera::{EncodeMode, SourceInfo};
use crate::fanout::registry::ViewerStats;
use crate::feed::{CaptureState, Counters, Feed, Slow, Status};
use crate::picture::Size;
use crate::site::motion::{self, Motion};
use crate::site::rates::captured_fps;
use crate::site::recordings::Recording;
use crate::site::response::{ProblemJson, load};
use crate::site::url::camera_url;
use crate::variants::{self, RunningVariant};

#[derive(Serialize)]
pub(super) struct Camera {
    name: String,
    /// What people call it; `null` if the settings do not say.
    title: Option<String>,
    url: String,
    source: String,
    state: &'static str,
    /// Whether it is closed for privacy, or about to be.
    privacy: bool,
    /// How many seconds after the last one who watched it is closed; `null` if it stays open.
    on_demand: Option<u64>,
    problem: Option<ProblemJson>,
    device: Option<Device>,
    format: Option<Format>,
    /// `passthrough`, `software`, or `hardware: ` and the name of the board's encoder.
    encoder: Option<String>,
    /// JPEG quality of frames that are encoded here, and the highest of a camera's own JPEGs; `null` if these are
    /// passed on as they are.
    quality: Option<u8>,
    /// Whether `/api/quality` changes the pictures.
    quality_can_be_set: bool,
    /// The size of its pictures as they are shown, turned and trimmed.
    picture: Option<Picture>,
    /// Degrees clockwise.
    rotate: u16,
    flip: &'static str,
    /// Options of the settings that API or page overrule.
    overruled: Vec<&'static str>,
    /// A rate below the agreed one, although no frames are lost; otherwise `null`.
    slow: Option<SlowRate>,
    /// Why the last change at `/api/settings` was refused; `null` if it was not.
    change_refused: Option<ProblemJson>,
    /// Grows whenever one of its controls changes.
    controls: u64,
    /// What was chosen of all that a device offers, and why; `null` if it is not a device, or not live.
    chosen: Option<String>,
    compromises: Vec<String>,
    /// Sources that were tried and cannot be used.
    refused: Vec<RefusedSource>,
    fps: f32,
    last_frame_age_ms: Option<u64>,
    frames: Frames,
    viewers: usize,
    /// `null` if nothing can be recorded.
    recording: Option<Recording>,
    /// `null` if motion is not looked for.
    motion: Option<Motion>,
}

#[derive(Serialize)]
struct SlowRate {
    agreed: f64,
    delivered: f64,
    why: String,
    problem: ProblemJson,
}

impl From<&Slow> for SlowRate {
    fn from(Slow { agreed, delivered, problem }: &Slow) -> Self {
        let why = problem.why.to_string();
        Self { agreed: *agreed, delivered: *delivered, why, problem: problem.into() }
    }
}

#[derive(Serialize)]
struct RefusedSource {
    source: String,
    problem: ProblemJson,
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
    /// As agreed with the driver; `null` if it does not say.
    fps: Option<f64>,
}

#[derive(Serialize)]
struct Picture {
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct Frames {
    captured: u64,
    published: u64,
    encoded: u64,
    /// Among the encoded: those that the board's hardware encoded, and those with which it failed.
    by_hardware: u64,
    hardware_failures: u64,
    /// Left out since they show what the one before shows (`--drop-same-frames`).
    repeated: u64,
    mended: u64,
    /// Among the encoded: JPEGs that were not baseline.
    converted: u64,
    /// By reason.
    dropped: BTreeMap<&'static str, u64>,
}

/// Smaller pictures that are being made.
#[derive(Serialize)]
pub(super) struct Variant {
    camera: String,
    #[serde(flatten)]
    form: VariantForm,
    viewers: usize,
    fps: f32,
    /// CPU time of one frame, the mean of the last ones.
    ms_per_frame: f32,
    frames: Frames,
}

/// How pictures are made smaller.
#[derive(Serialize)]
pub(super) struct VariantForm {
    /// The size that they fit into; `null` if they keep the camera's.
    size: Option<String>,
    quality: u8,
}

impl From<variants::Variant> for VariantForm {
    fn from(variant: variants::Variant) -> Self {
        Self { size: variant.size.map(|size| size.to_string()), quality: variant.quality }
    }
}

fn device(info: &SourceInfo) -> Device {
    let SourceInfo { source, card, driver, bus, .. } = info.clone();
    Device { path: source, card, driver, bus }
}

fn format(info: &SourceInfo) -> Format {
    Format { layout: info.layout.name(), width: info.size.width, height: info.size.height, fps: info.fps() }
}

fn frames(counters: &Counters) -> Frames {
    Frames {
        captured: load(&counters.captured),
        published: load(&counters.published),
        encoded: load(&counters.encoded),
        by_hardware: load(&counters.by_hardware),
        hardware_failures: load(&counters.hardware_failures),
        repeated: load(&counters.repeated),
        mended: load(&counters.mended),
        converted: load(&counters.converted),
        dropped: counters.dropped().map(|(reason, count)| (reason.name(), count)).collect(),
    }
}

pub(super) fn camera(feed: &Feed, viewers: usize, recording: Option<Recording>) -> Camera {
    let status = feed.status().clone();
    let fps = captured_fps(&status);
    let problem = status.problem().map(ProblemJson::from);
    let slow = status.slow.as_ref().map(SlowRate::from);
    let Status { state, refused, last_frame, .. } = status;
    let (state, info) = match state {
        CaptureState::Starting => ("starting", None),
        CaptureState::Resting => ("resting", None),
        CaptureState::Private => ("private", None),
        CaptureState::Live(info) => ("live", Some(info)),
        CaptureState::Waiting(_) => ("waiting", None),
    };
    let age = last_frame.map(|at| at.elapsed());
    let is_passthrough = feed.is_passthrough();
    let picture = feed.picture_size();
    let encoder = match &status.hardware {
        _ if is_passthrough => EncodeMode::Passthrough.name().to_owned(),
        Some(name) => format!("{}: {name}", EncodeMode::Hardware),
        None => EncodeMode::Software.name().to_owned(),
    };
    let refused = refused
        .iter()
        .map(|(source, problem)| RefusedSource { source: source.clone(), problem: problem.into() })
        .collect();
    let orientation = feed.orientation();
    Camera {
        name: feed.name.clone(),
        title: feed.config.title.clone(),
        url: camera_url(&feed.name),
        source: feed.config.spec.label(),
        state,
        privacy: feed.is_private(),
        on_demand: feed.config.on_demand.map(|time| time.as_secs()),
        problem,
        device: info.as_ref().map(device),
        format: info.as_ref().map(format),
        encoder: info.as_ref().map(|_| encoder),
        quality: (!is_passthrough).then(|| feed.quality()),
        quality_can_be_set: feed.obeys_quality(),
        picture: picture.map(|Size { width, height }| Picture { width, height }),
        rotate: orientation.rotation.degrees(),
        flip: orientation.flip.name(),
        overruled: feed.overruled(),
        slow,
        change_refused: feed.changing.refused().as_ref().map(ProblemJson::from),
        controls: feed.controls.version(),
        chosen: info.as_ref().and_then(|info| info.chosen.clone()),
        compromises: info.map(|info| info.compromises).unwrap_or_default(),
        refused,
        fps,
        last_frame_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        frames: frames(&feed.counters),
        viewers,
        recording,
        motion: motion::of_camera(feed),
    }
}

pub(super) fn variant(running: &RunningVariant, viewers: &[Arc<ViewerStats>]) -> Variant {
    let gets_it = |viewer: &&Arc<ViewerStats>| {
        viewer.order.camera == running.camera && viewer.order.variant == Some(running.variant)
    };
    Variant {
        camera: running.feed.name.clone(),
        form: running.variant.into(),
        viewers: viewers.iter().filter(gets_it).count(),
        fps: captured_fps(&running.feed.status()),
        ms_per_frame: running.ms_per_frame(),
        frames: frames(&running.feed.counters),
    }
}
