//! Streams, snapshots and the health check. The pictures themselves are sent by the fan-out.

use std::time::Duration;

use rouille::Response;

use super::query::StreamQuery;
use super::request::RequestContext;
use super::response::plain_text;
use crate::feed::CaptureState;
use crate::multipart;
use crate::names::is_viewer_id;
use crate::problem::{Problem, promise, text};
use crate::protocol::{HEADER, NO_LENGTH_HEADER, Order, OrderKind};

/// A camera works if its last picture is at most this old, or as old as its own rate explains.
const HEALTHY: Duration = Duration::from_secs(10);

/// `GET /stream` and its other names.
pub(super) fn stream(ctx: &RequestContext<'_>) -> Response {
    match StreamQuery::of(ctx) {
        Err(why) => plain_text(400, why),
        Ok(query) => {
            ctx.feed().privacy.look(); // its plan may have begun just now
            hand_over(ctx, OrderKind::Stream, query, multipart::CONTENT_TYPE)
                .with_additional_header("Pragma", "no-cache")
                .with_additional_header("X-Accel-Buffering", "no") // nginx would hold frames back otherwise
        }
    }
}

/// `GET /snapshot` and its other names: one fresh picture, or the last one of a camera whose pictures come seldom. With
/// `?card=1`, the drawn card if there is none.
pub(super) fn snapshot(ctx: &RequestContext<'_>) -> Response {
    let query = match StreamQuery::of(ctx) {
        // These two are for streams only.
        Ok(query) => StreamQuery { fps: None, advance_headers: false, ..query },
        Err(why) => return plain_text(400, why),
    };
    let card = ctx.param("card").is_some_and(|value| value == "1");
    let private = ctx.feed().privacy.look().then(|| ctx.feed().why_private());
    match private.or_else(|| camera_problem(ctx)) {
        Some(problem) if !card => plain_text(503, problem.line()).with_additional_header("Retry-After", "1"),
        _ => hand_over(ctx, OrderKind::Snapshot { card }, query, "image/jpeg"),
    }
}

/// `GET /healthz`: 200 while pictures come, or would if somebody wanted them or let them be seen, otherwise 503 with the
/// reason.
pub(super) fn health(ctx: &RequestContext<'_>) -> Response {
    match camera_problem(ctx) {
        None => plain_text(200, "ok"),
        Some(problem) => plain_text(503, problem.line()),
    }
}

/// Why no pictures come; `None` while they do, and for a camera that rests or is closed for privacy.
fn camera_problem(ctx: &RequestContext<'_>) -> Option<Problem> {
    let status = ctx.feed().status();
    let is_on_demand = ctx.feed().config.on_demand.is_some();
    match &status.state {
        // A request for a picture wakes it, and waits while it is opened.
        CaptureState::Resting | CaptureState::Private => None,
        CaptureState::Starting if is_on_demand && status.problem().is_none() => None,
        CaptureState::Starting | CaptureState::Waiting(_) => {
            Some(status.problem().cloned().unwrap_or_else(|| ctx.feed().why_no_picture_yet()))
        }
        CaptureState::Live(_) => {
            let age = status.last_frame?.elapsed();
            if age <= HEALTHY.max(status.patience) {
                return None;
            }
            let old = || {
                Problem::new(
                    text!("cannot show {}", ctx.feed().label()),
                    text!("the last picture is {} s old", format!("{:.0}", age.as_secs_f32())),
                    promise::REOPENED,
                )
            };
            Some(status.concern.clone().unwrap_or_else(old))
        }
    }
}

/// Makes the gate hand the connection over to the fan-out. A HEAD request gets the headers only.
fn hand_over(
    ctx: &RequestContext<'_>,
    kind: OrderKind,
    query: StreamQuery,
    content_type: &'static str,
) -> Response {
    let response = Response::from_data(content_type, Vec::new())
        .with_unique_header("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0");
    if ctx.is_head() {
        return response.with_additional_header(NO_LENGTH_HEADER, "1");
    }
    let StreamQuery { variant, fps, advance_headers } = query;
    // ustreamer's clients name themselves by `key`.
    let id = ctx.param("id").or_else(|| ctx.param("key")).filter(|id| is_viewer_id(id));
    let client = variant.map(|_| ctx.client());
    let order =
        Order { id, variant, client, fps, advance_headers, pass: ctx.pass(), ..Order::new(kind, ctx.camera) };
    response.with_additional_header(HEADER, order.to_header())
}
