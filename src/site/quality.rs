//! `/api/quality`: the JPEG quality of frames that are encoded here, and the highest of a camera's own JPEGs.

use rouille::Response;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::request::RequestContext;
use super::response::plain_text;
use crate::problem::{Text, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Any number, so that one out of range is refused as that.
    quality: Number,
}

#[derive(Serialize)]
struct Quality {
    quality: u8,
}

/// `PUT /api/quality`: holds from the next frame on, until the program ends.
pub(super) fn set(ctx: &RequestContext<'_>) -> Response {
    let quality = match ctx.json("{\"quality\": 60}") {
        Ok(Wanted { quality }) => {
            quality.as_u64().and_then(|quality| u8::try_from(quality).ok()).unwrap_or(0)
        }
        Err(refusal) => return refusal,
    };
    if !(1..=100).contains(&quality) {
        return plain_text(400, text!("Quality is a whole number from 1 to 100."));
    }
    let feed = ctx.feed();
    if !feed.obeys_quality() {
        return plain_text(409, untouched());
    }
    feed.set_quality(quality);
    Response::json(&Quality { quality: feed.quality() }).with_no_cache()
}

/// Why the quality cannot be changed.
pub(super) fn untouched() -> Text {
    text!(
        "The camera makes the JPEGs, and encoder = \"passthrough\" leaves them as they are. With encoder = \"auto\" their quality can be lowered."
    )
}
