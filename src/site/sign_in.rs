//! Signing in and out, for browsers: a form that works without scripts, and a cookie.

use std::collections::BTreeMap;

use rouille::{Response, input};

use super::guard::status_of;
use super::request::RequestContext;
use super::response::plain_text;
use super::url::SIGN_IN;
use super::{cookies, page};
use crate::auth::PasswordError;
use crate::auth::sessions::SESSION_TIME;

/// `GET /sign-in`: the form.
pub(super) fn form(ctx: &RequestContext<'_>) -> Response {
    if ctx.app.guard.access.is_open() {
        return Response::redirect_303("/").with_no_cache();
    }
    form_with(ctx, 200, |_| String::new())
}

/// `POST /sign-in`: the form, filled in.
pub(super) fn sign_in(ctx: &RequestContext<'_>) -> Response {
    let guard = &ctx.app.guard;
    if guard.access.is_open() {
        return Response::redirect_303("/").with_no_cache();
    }
    let Ok(fields) = input::post::raw_urlencoded_post_input(ctx.request) else {
        return plain_text(400, "The body must be a form with the fields name and password.");
    };
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    match guard.access.sign_in(field("name"), field("password"), guard.address(ctx.request)) {
        Ok(secret) => with_cookie(ctx, Response::redirect_303("/"), &secret),
        Err(error) => {
            let (status, wait) = status_of(&error);
            let answer = form_with(ctx, status, |texts| {
                let key = match error {
                    PasswordError::Wrong => "form_wrong",
                    PasswordError::Throttled(_) => "form_slow",
                    PasswordError::Busy => "form_busy",
                };
                texts[key].replace("{s}", &wait.to_string())
            });
            if wait > 0 { answer.with_additional_header("Retry-After", wait.to_string()) } else { answer }
        }
    }
}

/// `POST /sign-out`: ends the session, and the streams that were opened with it.
pub(super) fn sign_out(ctx: &RequestContext<'_>) -> Response {
    for secret in cookies::secrets(ctx.request) {
        ctx.app.guard.access.sign_out(secret);
    }
    // The cookie stays, without a session: it marks this browser as one that signs in by the form.
    with_cookie(ctx, Response::redirect_303(SIGN_IN), "out")
}

/// Sets the cookie. `SameSite=Lax`: pages of other servers can link to ours, but not embed its pictures or send its
/// forms.
fn with_cookie(ctx: &RequestContext<'_>, response: Response, secret: &str) -> Response {
    let secure = if ctx.app.guard.is_secure(ctx.request) { "; Secure" } else { "" };
    let (name, age) = (cookies::name(ctx.request), SESSION_TIME.as_secs());
    let cookie = format!("{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    response.with_additional_header("Set-Cookie", cookie).with_no_cache()
}

/// The form, with the message that `message` picks from the texts in the browser's language.
fn form_with(
    ctx: &RequestContext<'_>,
    status: u16,
    message: impl FnOnce(&BTreeMap<String, String>) -> String,
) -> Response {
    let mut texts = page::texts(ctx.request);
    let message = message(&texts);
    texts.insert("message".to_owned(), message);
    if ctx.app.guard.is_secure(ctx.request) {
        texts.insert("form_plain".to_owned(), String::new());
    }
    page::html(&page::filled(page::SIGN_IN, &texts)).with_status_code(status).with_no_cache()
}
