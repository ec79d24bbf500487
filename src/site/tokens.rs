//! `/api/tokens`: the tokens for URLs. Bodies and answers are JSON.

use rouille::Response;
use serde::{Deserialize, Serialize};

use super::request::RequestContext;
use super::response::plain_text;
use crate::auth::tokens::Failed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    name: String,
}

#[derive(Serialize)]
struct Token {
    name: String,
    /// When it was created, in seconds since 1970.
    made: u64,
}

#[derive(Serialize)]
struct CreatedToken {
    name: String,
    /// The secret. No later answer has it.
    token: String,
    /// The stream, with the token in the query.
    url: String,
}

/// `GET /api/tokens`: all tokens, without their secrets.
pub(super) fn list(ctx: &RequestContext<'_>) -> Response {
    let tokens = ctx.app.guard.access.tokens.list();
    let tokens: Vec<_> = tokens.into_iter().map(|(name, made)| Token { name, made }).collect();
    Response::json(&tokens).with_no_cache()
}

/// `POST /api/tokens`
pub(super) fn create(ctx: &RequestContext<'_>) -> Response {
    if ctx.app.guard.access.is_open() {
        let why = "There are no users, so everybody may watch without a token. To create a user, run boardcam \
                   hash-password.";
        return plain_text(409, why);
    }
    let NewToken { name } = match ctx.json("{\"name\": \"mainsail\"}") {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match ctx.app.guard.access.tokens.make(&name) {
        Ok(token) => {
            let url = format!("/stream?token={token}");
            Response::json(&CreatedToken { name, token, url }).with_status_code(201).with_no_cache()
        }
        Err(failed) => failure(failed),
    }
}

/// `DELETE /api/tokens?name=NAME`: revokes a token, and ends the streams that were opened with it.
pub(super) fn revoke(ctx: &RequestContext<'_>) -> Response {
    let name = ctx.request.get_param("name").unwrap_or_default();
    match ctx.app.guard.access.tokens.revoke(&name) {
        Ok(()) => Response::text("").with_status_code(204).with_no_cache(),
        Err(failed) => failure(failed),
    }
}

fn failure(failed: Failed) -> Response {
    match failed {
        Failed::Unusable(why) => plain_text(409, why),
        Failed::Unknown => plain_text(404, "There is no such token. /api/tokens lists them."),
        Failed::Unkept(problem) => plain_text(500, problem.to_string()),
    }
}
