//! The metrics: name, type, help, and where the values come from.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::feed::histogram::Histogram;
use crate::feed::{CaptureState, Feed};
use crate::host::board::Throttling;
use crate::host::process::Usage;
use crate::notify::Target;
use crate::record::{FolderListing, Recording};
use crate::site::app::AppState;

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Begins at 0 with the program and only grows. The name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by bounds, with their sum.
    Histogram,
}

impl MetricKind {
    /// Its name in Prometheus' text format.
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Metric {
    /// Other programs rely on it.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricKind,
    /// One line without backslashes.
    pub help: &'static str,
    pub(super) values: Values,
}

/// Where the values of a metric come from. Labels have a bounded number of values: cameras, reasons, thermal zones;
/// never viewers.
#[derive(Debug)]
pub(super) enum Values {
    /// One for each camera.
    Camera(fn(&CameraCounts<'_>) -> f64),
    /// Frames dropped, for each camera and reason.
    Dropped,
    /// A histogram for each camera.
    Delay(fn(&Feed) -> &Histogram),
    /// 1, labelled with the version.
    Version,
    /// One for the whole program; `None` if the system does not say.
    Program(fn(&ProgramCounts<'_>) -> Option<f64>),
    /// One for each target that is told what happens.
    Target(fn(&Target) -> f64),
    /// Degrees for each thermal zone.
    Temperature,
    /// 0 or 1 for each reason that may slow the board down; `None` if the board does not say.
    Throttling(fn(&Throttling) -> Option<bool>),
}

/// A camera, and the figures that other modules count.
pub(super) struct CameraCounts<'a> {
    pub(super) feed: &'a Feed,
    pub(super) viewers: usize,
    pub(super) variants: usize,
    /// `None` if nothing can be recorded.
    pub(super) recording: Option<&'a Recording>,
}

/// The program, and what it uses of the system.
pub(super) struct ProgramCounts<'a> {
    pub(super) app: &'a AppState,
    pub(super) usage: Usage,
    /// The folder of the recordings; `None` if there is none.
    pub(super) folder: Option<FolderListing>,
}

const fn camera(name: &'static str, help: &'static str, value: fn(&CameraCounts<'_>) -> f64) -> Metric {
    Metric { name, kind: kind(name), help, values: Values::Camera(value) }
}

const fn delay(name: &'static str, help: &'static str, histogram: fn(&Feed) -> &Histogram) -> Metric {
    Metric { name, kind: MetricKind::Histogram, help, values: Values::Delay(histogram) }
}

const fn program(
    name: &'static str,
    help: &'static str,
    value: fn(&ProgramCounts<'_>) -> Option<f64>,
) -> Metric {
    Metric { name, kind: kind(name), help, values: Values::Program(value) }
}

const fn target(name: &'static str, help: &'static str, value: fn(&Target) -> f64) -> Metric {
    Metric { name, kind: kind(name), help, values: Values::Target(value) }
}

const fn other(name: &'static str, help: &'static str, values: Values) -> Metric {
    Metric { name, kind: kind(name), help, values }
}

/// A counter or a gauge, as the name says.
const fn kind(name: &str) -> MetricKind {
    match name.as_bytes() {
        [.., b'_', b't', b'o', b't', b'a', b'l'] => MetricKind::Counter,
        _ => MetricKind::Gauge,
    }
}

fn load(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

fn count(counter: &AtomicUsize) -> Option<f64> {
    Some(counter.load(Ordering::Relaxed) as f64)
}

/// When the program started, in seconds since 1970. By today's clock: at the start of a board that has no clock of
/// its own, the time may have been wrong by years.
fn start_time(app: &AppState) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    now.saturating_sub(app.started.elapsed()).as_secs_f64().round()
}

/// Every metric, in the order of the answer. Names with `process_` are those of Prometheus' own client libraries.
pub static METRICS: &[Metric] = &[
    camera("boardcam_camera_up", "Whether the camera delivers frames.", |camera| {
        f64::from(u8::from(matches!(camera.feed.status().state, CaptureState::Live(_))))
    }),
    camera("boardcam_camera_resting", "Whether the camera is closed until somebody watches.", |camera| {
        f64::from(u8::from(camera.feed.rests()))
    }),
    camera("boardcam_camera_private", "Whether the camera is closed for privacy.", |camera| {
        f64::from(u8::from(camera.feed.status().state == CaptureState::Private))
    }),
    camera("boardcam_frames_captured_total", "Frames that the camera delivered.", |camera| {
        load(&camera.feed.counters.captured)
    }),
    camera(
        "boardcam_frames_repeated_total",
        "Frames that were left out since they show what the one before shows.",
        |camera| load(&camera.feed.counters.repeated),
    ),
    camera(
        "boardcam_frames_mended_total",
        "JPEGs of the camera that were repaired before they were passed on.",
        |camera| load(&camera.feed.counters.mended),
    ),
    camera(
        "boardcam_frames_converted_total",
        "JPEGs of the camera that were not baseline and were encoded again; among those encoded.",
        |camera| load(&camera.feed.counters.converted),
    ),
    camera("boardcam_frames_encoded_total", "Frames encoded here; none while nobody watches.", |camera| {
        load(&camera.feed.counters.encoded)
    }),
    camera(
        "boardcam_frames_encoded_by_hardware_total",
        "Frames that the board's hardware encoded; among those encoded.",
        |camera| load(&camera.feed.counters.by_hardware),
    ),
    camera(
        "boardcam_hardware_failures_total",
        "Frames with which the board's hardware encoder failed, so that they were encoded by software.",
        |camera| load(&camera.feed.counters.hardware_failures),
    ),
    camera(
        "boardcam_frames_published_total",
        "Frames offered to viewers; none while nobody watches.",
        |camera| load(&camera.feed.counters.published),
    ),
    camera(
        "boardcam_frames_sent_total",
        "Frames sent to viewers of streams, counted once for each viewer.",
        |camera| load(&camera.feed.delivery.frames),
    ),
    camera(
        "boardcam_frames_skipped_total",
        "Frames that a viewer did not get because it was still receiving an earlier one.",
        |camera| load(&camera.feed.delivery.skipped),
    ),
    camera("boardcam_snapshots_sent_total", "Snapshots sent.", |camera| {
        load(&camera.feed.delivery.snapshots)
    }),
    camera("boardcam_sent_bytes_total", "Bytes of streams and snapshots that viewers took.", |camera| {
        load(&camera.feed.delivery.bytes)
    }),
    camera("boardcam_viewers", "Viewers of streams, including those of smaller pictures.", |camera| {
        camera.viewers as f64
    }),
    camera("boardcam_variants", "Kinds of smaller pictures that are being made.", |camera| {
        camera.variants as f64
    }),
    camera("boardcam_variant_frames_total", "Smaller pictures made.", |camera| {
        load(&camera.feed.delivery.smaller)
    }),
    camera("boardcam_variant_cpu_seconds_total", "CPU time used for smaller pictures.", |camera| {
        camera.feed.delivery.smaller_cost().as_secs_f64()
    }),
    camera("boardcam_motion", "Whether something moves, where motion is looked for.", |camera| {
        f64::from(u8::from(camera.feed.motion.is_moving()))
    }),
    camera("boardcam_motion_frames_total", "Frames that were looked at for motion.", |camera| {
        camera.feed.motion.looks() as f64
    }),
    camera("boardcam_motion_cpu_seconds_total", "CPU time used for looking at them.", |camera| {
        camera.feed.motion.cost().as_secs_f64()
    }),
    camera("boardcam_recording", "Whether the camera is being recorded.", |camera| {
        f64::from(u8::from(camera.recording.is_some_and(Recording::is_written)))
    }),
    camera(
        "boardcam_recording_failing",
        "Whether something keeps the camera from being recorded.",
        |camera| {
            f64::from(u8::from(
                camera.recording.is_some_and(|recording| recording.status().problem.is_some()),
            ))
        },
    ),
    camera("boardcam_recording_frames_total", "Frames written to recordings.", |camera| {
        camera.recording.map_or(0.0, |recording| recording.frames().0 as f64)
    }),
    camera(
        "boardcam_recording_frames_dropped_total",
        "Frames that a recording lacks because the disk was too slow, full or gone.",
        |camera| camera.recording.map_or(0.0, |recording| recording.frames().1 as f64),
    ),
    other(
        "boardcam_frames_dropped_total",
        "Captured frames that were not published, by reason.",
        Values::Dropped,
    ),
    delay(
        "boardcam_frame_publish_delay_seconds",
        "Time from a frame's capture until viewers could have it.",
        |feed| &feed.counters.delay,
    ),
    delay(
        "boardcam_frame_send_delay_seconds",
        "Time from a frame's capture until a viewer's socket took its last byte.",
        |feed| &feed.delivery.delay,
    ),
    other("boardcam_build_info", "The version that is running.", Values::Version),
    program("boardcam_connections", "Open connections.", |program| count(&program.app.connections.open)),
    program("boardcam_connections_max", "The most open connections that are allowed.", |program| {
        count(&program.app.connections.limit)
    }),
    program(
        "boardcam_connections_refused_total",
        "Connections refused because too many were open.",
        |program| count(&program.app.connections.refused),
    ),
    program(
        "boardcam_connections_displaced_total",
        "Connections closed so that others could be served, because too many were open.",
        |program| count(&program.app.connections.displaced),
    ),
    program(
        "boardcam_held_bytes",
        "Memory of frames that slow viewers have not taken whole yet.",
        |program| count(&program.app.viewers.held),
    ),
    program("boardcam_recordings", "Recordings in the folder.", |program| {
        let folder = program.folder.as_ref()?;
        Some(folder.entries.len() as f64)
    }),
    program("boardcam_recordings_bytes", "Bytes of the recordings in the folder.", |program| {
        let folder = program.folder.as_ref()?;
        Some(folder.entries.iter().map(|entry| entry.bytes).sum::<u64>() as f64)
    }),
    program("boardcam_recordings_free_bytes", "Bytes that are free on the disk of the folder.", |program| {
        Some(program.folder.as_ref()?.free as f64)
    }),
    program(
        "boardcam_recordings_failing",
        "Whether the folder cannot be used, or a recording not be deleted.",
        |program| Some(f64::from(u8::from(program.folder.as_ref()?.problem.is_some()))),
    ),
    target("boardcam_notifications_sent_total", "Events that this target was told.", |target| {
        load(&target.sent)
    }),
    target("boardcam_notifications_failed_total", "Events that it could not be told.", |target| {
        load(&target.failed)
    }),
    target(
        "boardcam_notifications_dropped_total",
        "Events that it was not told, being too many.",
        |target| target.dropped() as f64,
    ),
    target("boardcam_notifications_failing", "Whether it could not be told the last one.", |target| {
        f64::from(u8::from(target.status().works == Some(false)))
    }),
    program("process_cpu_seconds_total", "CPU time used.", |program| Some(program.usage.cpu.as_secs_f64())),
    program("process_resident_memory_bytes", "Resident memory.", |program| {
        program.usage.resident.map(|bytes| bytes as f64)
    }),
    program("process_open_fds", "Open file descriptors.", |program| {
        program.usage.files.map(|files| files as f64)
    }),
    program("process_max_fds", "The most file descriptors that may be open.", |program| {
        program.usage.files_max.map(|files| files as f64)
    }),
    program("process_threads", "Threads.", |program| program.usage.threads.map(|threads| threads as f64)),
    program("process_start_time_seconds", "When the program started, in seconds since 1970.", |program| {
        Some(start_time(program.app))
    }),
    other(
        "boardcam_board_temperature_celsius",
        "Temperature of the board's thermal zones.",
        Values::Temperature,
    ),
    other(
        "boardcam_board_throttled",
        "Whether the board is slowed down now, or soon will be, by reason.",
        Values::Throttling(|throttling| Some(throttling.now)),
    ),
    other(
        "boardcam_board_throttled_before",
        "Whether that has happened since the board started, by reason.",
        Values::Throttling(|throttling| throttling.before),
    ),
];
