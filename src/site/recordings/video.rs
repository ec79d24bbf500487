//! Recordings as video files of other formats, whole or cut: what the query asks for. A reading thread of
//! [`crate::files`] makes the answer from the recording.

use rouille::Response;

use crate::files::video::{Format, Part, VideoRequest};
use crate::problem::{Text, text};
use crate::protocol::{FileOrder, HEADER, VideoOrder};
use crate::record::Name;
use crate::site::query::{millis, value};
use crate::site::request::RequestContext;

/// What the query asks for; `None` if the recording as it is.
///
/// # Errors
/// A sentence that says which parameter is wrong, and which values are right.
pub(super) fn requested(ctx: &RequestContext<'_>) -> Result<Option<(Format, Part)>, Text> {
    let format = value(ctx, "format", format)?;
    let from = value(ctx, "from", millis)?;
    let to = value(ctx, "to", millis)?;
    let Some(format) = format else {
        return match (from, to) {
            (None, None) => Ok(None),
            _ => Err(text!("from and to need format=mp4 or format=mov; a recording as it is comes whole.")),
        };
    };
    let part = Part { from: from.unwrap_or(0), to };
    if part.to.is_some_and(|to| to <= part.from) {
        return Err(text!("to must be after from; both are seconds from the beginning of the recording."));
    }
    Ok(Some((format, part)))
}

fn format(text: &str) -> Result<Format, Text> {
    let known = Format::NAMED.into_iter().find(|(name, _)| *name == text);
    known.map(|(_, format)| format).ok_or_else(|| text!("expected mp4 or mov"))
}

/// Has the recording sent so.
pub(super) fn order(ctx: &RequestContext<'_>, name: Name, format: Format, part: Part) -> Response {
    let request = VideoRequest { name, format, part, conditions: ctx.conditions() };
    let order = FileOrder::Video(VideoOrder { request, client: ctx.client(), pass: ctx.pass() });
    let response = Response { headers: Vec::new(), ..Response::text("") };
    response.with_additional_header(HEADER, order.to_header())
}
