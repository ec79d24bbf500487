//! `/api/...`: what can be changed while it runs. Bodies and answers are JSON.

use std::io::Read;

use rouille::Response;
use serde::{Deserialize, Serialize};

use super::{RequestContext, sentence};
use crate::auth::tokens::Failed;
use crate::gate::limits::BODY_MAX;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quality {
    quality: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceConfig {
    name: String,
}

#[derive(Serialize)]
struct Token {
    name: String,
    /// In seconds since 1970.
    made: u64,
}

#[derive(Serialize)]
struct Made {
    name: String,
    /// Told this once.
    token: String,
    /// The stream with it.
    url: String,
}

/// The body as what it should be, or a sentence that says what that is.
pub(super) fn body<T: for<'a> Deserialize<'a>>(
    visit: &RequestContext<'_>,
    example: &str,
) -> Result<T, Response> {
    let mut text = Vec::new();
    let read = visit.request.data().map(|body| body.take(BODY_MAX as u64).read_to_end(&mut text));
    match read {
        Some(Ok(_)) => {}
        _ => return Err(sentence(400, "The body could not be read.")),
    }
    serde_json::from_slice(&text).map_err(|_| sentence(400, format!("The body must be like {example}")))
}

/// `PUT /api/quality`: the quality of what is encoded here, from the next frame on, until the program ends.
pub(super) fn set_quality(visit: &RequestContext<'_>) -> Response {
    let quality = match body(visit, "{\"quality\": 60}") {
        Ok(Quality { quality }) => quality,
        Err(refusal) => return refusal,
    };
    if !(1..=100).contains(&quality) {
        return sentence(400, "Quality is a whole number from 1 to 100.");
    }
    let feed = visit.feed();
    if feed.is_passthrough() {
        let why = "The camera makes its JPEGs itself, and they are passed on as they are; --encoder software encodes \
                   them anew.";
        return sentence(409, why);
    }
    feed.set_quality(quality);
    Response::json(&Quality { quality: feed.quality() }).with_no_cache()
}

/// `GET /api/tokens`: those there are, without what makes them work.
pub(super) fn tokens(visit: &RequestContext<'_>) -> Response {
    let tokens = visit.house.guard.access.tokens.list();
    let tokens: Vec<_> = tokens.into_iter().map(|(name, made)| Token { name, made }).collect();
    Response::json(&tokens).with_no_cache()
}

/// `POST /api/tokens`: makes one.
pub(super) fn make_token(visit: &RequestContext<'_>) -> Response {
    if let Some(refusal) = needs_none(visit) {
        return refusal;
    }
    let SourceConfig { name } = match body(visit, "{\"name\": \"mainsail\"}") {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    match visit.house.guard.access.tokens.make(&name) {
        Ok(token) => {
            let url = format!("/stream?token={token}");
            Response::json(&Made { name, token, url }).with_status_code(201).with_no_cache()
        }
        Err(failed) => told(failed),
    }
}

/// `DELETE /api/tokens?name=NAME`: revokes one, and ends the streams that it opened.
pub(super) fn revoke_token(visit: &RequestContext<'_>) -> Response {
    let name = visit.request.get_param("name").unwrap_or_default();
    match visit.house.guard.access.tokens.revoke(&name) {
        Ok(()) => Response::text("").with_status_code(204).with_no_cache(),
        Err(failed) => told(failed),
    }
}

fn needs_none(visit: &RequestContext<'_>) -> Option<Response> {
    let why =
        "There are no users, so everybody may watch without a token; boardcam hash-password makes users.";
    visit.house.guard.access.is_open().then(|| sentence(409, why))
}

fn told(failed: Failed) -> Response {
    match failed {
        Failed::Unusable(why) => sentence(409, why),
        Failed::Unknown => sentence(404, "There is no such token; /api/tokens lists those there are."),
        Failed::Unkept(problem) => sentence(500, problem.to_string()),
    }
}
