//! `/api/tokens`: the tokens for URLs. Bodies and answers are JSON.

use rouille::Response;
use serde::{Deserialize, Serialize};

use super::request::RequestContext;
use super::response::plain_text;
use crate::auth::tokens::TokenError;

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
    match ctx.app.guard.access.tokens.create(&name) {
        Ok(token) => {
            let url = format!("/stream?token={token}");
            Response::json(&CreatedToken { name, token, url }).with_status_code(201).with_no_cache()
        }
        Err(error) => failure(&error),
    }
}

/// `DELETE /api/tokens?name=NAME`: revokes a token, and ends the streams that were opened with it.
pub(super) fn revoke(ctx: &RequestContext<'_>) -> Response {
    let Some(name) = ctx.param("name").filter(|name| !name.is_empty()) else {
        return plain_text(
            400,
            "Say which token to revoke: DELETE /api/tokens?name=NAME. GET /api/tokens lists them.",
        );
    };
    match ctx.app.guard.access.tokens.revoke(&name) {
        Ok(()) => Response::text("").with_status_code(204).with_no_cache(),
        Err(error) => failure(&error),
    }
}

fn failure(error: &TokenError) -> Response {
    let status = match error {
        TokenError::InvalidName => 400,
        TokenError::NameTaken(_) | TokenError::TooMany => 409,
        TokenError::NotFound => 404,
        TokenError::NotSaved(_) => 500,
    };
    plain_text(status, error.to_string())
}
