//! Recordings as a stream, and single frames of them.

use std::str::FromStr;

use rouille::Response;

use super::{find_before, not_found};
use crate::files::frame::FrameRequest;
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::multipart;
use crate::names::is_viewer_id;
use crate::playback::{PlaybackOrder, Speed};
use crate::problem::{Text, text};
use crate::protocol::{FileOrder, FrameOrder, HEADER, NO_LENGTH_HEADER, Order, OrderKind};
use crate::site::query::{Asked, millis, value};
use crate::site::request::RequestContext;
use crate::site::response::plain_text;
use crate::variants::Variant;

/// `GET /api/recordings/NAME/stream?start=S&speed=X`, with the parameters of a live stream.
pub(in crate::site) fn stream(ctx: &RequestContext<'_>) -> Response {
    let Some(entry) = find_before(ctx, "/stream") else { return not_found() };
    let query = || -> Result<(u64, Speed, Asked), Text> {
        let start = value(ctx, "start", millis)?.unwrap_or(0);
        let speed = value(ctx, "speed", Speed::from_str)?.unwrap_or(Speed::NORMAL);
        Ok((start, speed, Asked::of(ctx)?))
    };
    let (start_ms, speed, asked) = match query() {
        Ok(query) => query,
        Err(why) => return plain_text(400, why),
    };
    let response = picture(multipart::CONTENT_TYPE).with_additional_header("X-Accel-Buffering", "no");
    if ctx.is_head() {
        return response.with_additional_header(NO_LENGTH_HEADER, "1");
    }
    let order = Order {
        playback: Some(PlaybackOrder { name: entry.name, start_ms, speed }),
        id: ctx.param("id").filter(|id| is_viewer_id(id)),
        variant: smaller(&asked),
        client: Some(ctx.client()),
        fps: asked.fps,
        advance_headers: asked.advance_headers,
        pass: ctx.pass(),
        ..Order::new(OrderKind::Stream, ctx.camera)
    };
    response.with_additional_header(HEADER, order.to_header())
}

/// `GET /api/recordings/NAME/frame?at=S`, also the one before or after it, also smaller.
pub(in crate::site) fn frame(ctx: &RequestContext<'_>) -> Response {
    let Some(entry) = find_before(ctx, "/frame") else { return not_found() };
    let query = || -> Result<(u64, i8, Asked), Text> {
        let at = value(ctx, "at", millis)?.unwrap_or(0);
        let step = value(ctx, "step", step)?.unwrap_or(0);
        Ok((at, step, Asked::of(ctx)?))
    };
    let (at_ms, step, asked) = match query() {
        Ok(query) => query,
        Err(why) => return plain_text(400, why),
    };
    let response = picture("image/jpeg");
    if ctx.is_head() {
        return response.with_additional_header(NO_LENGTH_HEADER, "1");
    }
    let request = FrameRequest { name: entry.name, at_ms, step, smaller: smaller(&asked) };
    let order = FrameOrder { request, client: ctx.client(), pass: ctx.pass() };
    response.with_additional_header(HEADER, FileOrder::Frame(order).to_header())
}

fn picture(content_type: &'static str) -> Response {
    Response::from_data(content_type, Vec::new())
        .with_unique_header("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0")
}

/// What is made of each frame; `None` if it is sent as it is.
fn smaller(asked: &Asked) -> Option<Variant> {
    let quality = asked.quality.unwrap_or(DEFAULT_QUALITY);
    (asked.size.is_some() || asked.quality.is_some()).then_some(Variant { size: asked.size, quality })
}

fn step(text: &str) -> Result<i8, Text> {
    match text {
        "1" => Ok(1),
        "0" => Ok(0),
        "-1" => Ok(-1),
        _ => Err(text!("expected 1, 0 or -1")),
    }
}
