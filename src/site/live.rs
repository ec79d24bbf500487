//! Streams, snapshots, and whether pictures come. What flows is served by the fan-out.

use std::time::Duration;

use rouille::Response;

use super::query::StreamQuery;
use super::{RequestContext, sentence};
use crate::feed::CaptureState;
use crate::multipart;
use crate::names::is_viewer_id;
use crate::problem::Problem;
use crate::protocol::{HEADER, Kind, Order};

/// Pictures come if the last one is no older than this.
const HEALTHY: Duration = Duration::from_secs(10);

/// `/stream` and its other names.
pub(super) fn stream(visit: &RequestContext<'_>) -> Response {
    match StreamQuery::of(visit) {
        Err(why) => sentence(400, why),
        Ok(wish) => hand_over(visit, Kind::Stream, wish, multipart::CONTENT_TYPE)
            .with_additional_header("Pragma", "no-cache")
            .with_additional_header("X-Accel-Buffering", "no"), // nginx would keep frames back otherwise
    }
}

/// `/snapshot` and its other names: one fresh picture; `?card=1` takes the card, too.
pub(super) fn snapshot(visit: &RequestContext<'_>) -> Response {
    let card = visit.request.get_param("card").is_some_and(|value| value == "1");
    match (StreamQuery::of(visit), trouble(visit)) {
        (Err(why), _) => sentence(400, why),
        (_, Some(problem)) if !card => {
            sentence(503, format!("{problem}")).with_additional_header("Retry-After", "1")
        }
        // What belongs to streams means nothing here.
        (Ok(wish), _) => {
            let wish = StreamQuery { fps: None, advance_headers: false, ..wish };
            hand_over(visit, Kind::Snapshot { card }, wish, "image/jpeg")
        }
    }
}

/// `/healthz`: 200 while pictures come, else 503 with the reason.
pub(super) fn health(visit: &RequestContext<'_>) -> Response {
    match trouble(visit) {
        None => sentence(200, "ok"),
        Some(problem) => sentence(503, problem.to_string()),
    }
}

/// Why no pictures come; `None` while they do.
fn trouble(visit: &RequestContext<'_>) -> Option<Problem> {
    let status = visit.feed().status();
    match &status.state {
        CaptureState::Starting => Some(visit.feed().not_yet()),
        CaptureState::Waiting(problem) => Some(problem.clone()),
        CaptureState::Live(_) => match status.last_frame {
            Some(at) if at.elapsed() > HEALTHY => {
                let why = format!("the last picture is {:.0} s old", at.elapsed().as_secs_f32());
                Some(Problem::new(
                    format!("cannot show camera {}", visit.feed().name),
                    why,
                    "it is being opened anew",
                ))
            }
            _ => None,
        },
    }
}

fn hand_over(
    visit: &RequestContext<'_>,
    kind: Kind,
    wish: StreamQuery,
    content_type: &'static str,
) -> Response {
    let response = Response::from_data(content_type, Vec::new())
        .with_unique_header("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0");
    if visit.wants_head_only() {
        return response;
    }
    let StreamQuery { variant, fps, advance_headers } = wish;
    // Asked for here, where a refusal is a whole answer. It lingers until the fan-out asks for the same.
    if let Err(refused) = visit.house.variants.demand(visit.camera, variant, fps) {
        return sentence(503, refused.to_string()).with_additional_header("Retry-After", "5");
    }
    let id = visit.request.get_param("id").filter(|id| is_viewer_id(id));
    let pass = visit.visitor.as_ref().and_then(|visitor| visitor.pass);
    let order = Order { id, variant, fps, advance_headers, pass, ..Order::new(kind, visit.camera) };
    response.with_additional_header(HEADER, order.to_header())
}
