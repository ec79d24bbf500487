//! `/metrics`: cameras, viewers, the program and the board, for Prometheus and other programs that read its format.

mod table;
mod text;

use std::sync::Arc;

use rouille::Response;

use super::app::AppState;
use super::request::RequestContext;
use crate::host::board::{Health, Throttling};
use crate::host::process::Usage;
use table::{CameraCounts, ProgramCounts, Values};
pub use table::{METRICS, Metric, MetricKind};
use text::{CONTENT_TYPE, MetricsText};

/// `GET /metrics`; behind `/cameras/NAME` only that camera's.
pub(super) fn metrics(ctx: &RequestContext<'_>) -> Response {
    let cameras = cameras(ctx);
    let recordings = &ctx.app.recordings;
    let folder = recordings.folder.is_some().then(|| recordings.listing());
    let program = ProgramCounts { app: ctx.app, usage: Usage::now(), folder };
    let health = ctx.app.board.health();
    let mut text = MetricsText::default();
    for metric in METRICS {
        add(&mut text, metric, &cameras, &program, &health);
    }
    Response::from_data(CONTENT_TYPE, text.0).with_no_cache()
}

fn cameras<'a>(ctx: &RequestContext<'a>) -> Vec<CameraCounts<'a>> {
    let app: &AppState = ctx.app;
    let (viewers, variants) = (app.viewers.list(), app.variants.list());
    (app.feeds.iter().enumerate())
        .filter(|(index, _)| !ctx.names_camera || *index == ctx.camera)
        .map(|(index, feed)| CameraCounts {
            feed,
            viewers: viewers.iter().filter(|viewer| viewer.order.is_live_of(index)).count(),
            variants: variants.iter().filter(|running| running.camera == index).count(),
            recording: app.recordings.cameras.get(index).map(Arc::as_ref),
        })
        .collect()
}

/// Adds one metric with all its samples. One that is about the system and has no samples is left out.
fn add(
    text: &mut MetricsText,
    metric: &Metric,
    cameras: &[CameraCounts<'_>],
    program: &ProgramCounts<'_>,
    health: &Health,
) {
    let name = metric.name;
    match &metric.values {
        Values::Camera(value) => {
            text.metric(metric);
            for camera in cameras {
                text.sample(name, &[("camera", &camera.feed.name)], value(camera));
            }
        }
        Values::Dropped => {
            text.metric(metric);
            for feed in cameras.iter().map(|camera| camera.feed) {
                for (reason, count) in feed.counters.dropped() {
                    text.sample(name, &[("camera", &feed.name), ("reason", reason.name())], count);
                }
            }
        }
        Values::Delay(histogram) => {
            text.metric(metric);
            for feed in cameras.iter().map(|camera| camera.feed) {
                text.histogram(name, &feed.name, histogram(feed));
            }
        }
        Values::Version => {
            text.metric(metric);
            text.sample(name, &[("version", env!("CARGO_PKG_VERSION"))], 1);
        }
        Values::Program(value) => {
            if let Some(value) = value(program) {
                text.metric(metric);
                text.sample(name, &[], value);
            }
        }
        Values::Target(value) => {
            let targets: Vec<_> = program.app.targets.each().collect();
            if !targets.is_empty() {
                text.metric(metric);
            }
            for target in targets {
                text.sample(name, &[("target", target.kind.name())], value(target));
            }
        }
        Values::Temperature => {
            if !health.zones.is_empty() {
                text.metric(metric);
            }
            for zone in &health.zones {
                text.sample(name, &[("zone", &zone.number.to_string()), ("type", &zone.kind)], zone.celsius);
            }
        }
        Values::Throttling(value) => throttling(text, metric, &health.throttling, *value),
    }
}

fn throttling(
    text: &mut MetricsText,
    metric: &Metric,
    reasons: &[Throttling],
    value: fn(&Throttling) -> Option<bool>,
) {
    let values: Vec<_> = reasons.iter().filter_map(|one| Some((one.reason, value(one)?))).collect();
    if !values.is_empty() {
        text.metric(metric);
    }
    for (reason, is_so) in values {
        text.sample(metric.name, &[("reason", reason)], u8::from(is_so));
    }
}

#[cfg(test)]
mod tests;
