//! Signing in and out, for browsers: a form that works without scripts, and a cookie.
//!
//! The form carries a secret that a cookie has, too. So pages of other servers cannot send it, and a browser may send
//! it through a proxy that hides which origin is ours. In a frame of another page, a browser may keep no cookies. Then
//! the form would lead back to itself, and is not shown.

use std::collections::BTreeMap;

use rouille::{Response, input};

use super::cross_site::{is_cross_site, other_servers_page};
use super::frame::{cookie_attributes, may_be_in_frame};
use super::guard::status_of;
use super::request::RequestContext;
use super::response::plain_text;
use super::url::SIGN_IN;
use super::{cookies, page};
use crate::auth::PasswordError;
use crate::auth::sessions::SESSION_TIME;
use crate::host::random;

/// In the query: this browser got the cookie of the form before. So if it has none, it keeps none.
const TRIED: &str = "tried";

/// `GET /sign-in`: the form.
pub(super) fn form(ctx: &RequestContext<'_>) -> Response {
    if ctx.app.guard.access.is_open() {
        return ctx.redirect("/");
    }
    if ctx.target.root != "./" {
        return ctx.redirect(SIGN_IN); // its cookie is then for all our URLs
    }
    let known = cookies::form_secrets(ctx.request).next();
    let secret = match known.map_or_else(random::secret, |known| Ok(known.to_owned())) {
        Ok(secret) => secret,
        Err(problem) => return plain_text(500, problem.to_string()),
    };
    let in_doubt = known.is_none() && may_be_in_frame(&ctx.app.guard.origins, ctx.request);
    let answer = match (in_doubt, ctx.param(TRIED)) {
        (true, None) => ctx.redirect(&format!("{SIGN_IN}?{TRIED}=1")),
        (true, Some(_)) => no_cookies(ctx),
        (false, _) => form_with(ctx, 200, &secret, |_| String::new()),
    };
    let cookie = cookie(ctx, &cookies::form_name(ctx.request), &secret, "");
    answer.with_additional_header("Set-Cookie", cookie)
}

/// `POST /sign-in`: the form, filled in.
pub(super) fn sign_in(ctx: &RequestContext<'_>) -> Response {
    let guard = &ctx.app.guard;
    let Ok(fields) = input::post::raw_urlencoded_post_input(ctx.request) else {
        return plain_text(400, "The body must be a form with the fields name and password.");
    };
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    let secret = field("form");
    let is_ours = cookies::form_secrets(ctx.request).any(|known| known == secret);
    if !is_ours && is_cross_site(guard, ctx.request) {
        return other_servers_page();
    }
    if guard.access.is_open() {
        return ctx.redirect("/");
    }
    if !secret.is_empty() && cookies::form_secrets(ctx.request).next().is_none() {
        return no_cookies(ctx).with_status_code(403); // our form came without our cookie
    }
    if let Some(later) = guard.check_later(ctx.request, field("name"), &[field("password")]) {
        return later;
    }
    match guard.access.sign_in(field("name"), field("password"), guard.address(ctx.request)) {
        Ok(secret) => with_cookie(ctx, ctx.redirect("/"), &secret),
        Err(error) => {
            let (status, wait) = status_of(&error);
            // One that we have made, and not whatever came in the form.
            let mut known = cookies::form_secrets(ctx.request);
            let newest = known.next().unwrap_or_default();
            let shown = if is_ours { secret } else { newest };
            let answer = form_with(ctx, status, shown, |texts| {
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
    let response = ctx.redirect(SIGN_IN);
    // The cookie stays, without a session: it marks this browser as one that signs in by the form.
    if ctx.target.root == "./" { with_cookie(ctx, response, "out") } else { response }
}

/// Sets the cookie.
fn with_cookie(ctx: &RequestContext<'_>, response: Response, secret: &str) -> Response {
    let age = format!("; Max-Age={}", SESSION_TIME.as_secs());
    let cookie = cookie(ctx, &cookies::name(ctx.request), secret, &age);
    response.with_additional_header("Set-Cookie", cookie).with_no_cache()
}

/// A cookie for this browser. Without Path, it is for the folder that the browser sees us in, whatever prefix a proxy
/// has.
fn cookie(ctx: &RequestContext<'_>, name: &str, secret: &str, age: &str) -> String {
    let guard = &ctx.app.guard;
    let attributes = cookie_attributes(&guard.origins, guard.is_secure(ctx.request), ctx.request);
    format!("{name}={secret}{age}; HttpOnly; {attributes}")
}

/// In place of a form that would be of no use: a page that says why, with a link that opens ours by itself.
fn no_cookies(ctx: &RequestContext<'_>) -> Response {
    let mut texts = page::texts(ctx.request);
    let is_secure = ctx.app.guard.is_secure(ctx.request);
    let why = texts[if is_secure { "form_no_cookies" } else { "form_no_cookies_plain" }].clone();
    texts.insert("why".to_owned(), why);
    page::html(ctx, &page::filled(page::NO_COOKIES, &texts)).with_no_cache()
}

/// The form, with the message that `message` picks from the texts in the browser's language.
fn form_with(
    ctx: &RequestContext<'_>,
    status: u16,
    secret: &str,
    message: impl FnOnce(&BTreeMap<String, String>) -> String,
) -> Response {
    let mut texts = page::texts(ctx.request);
    let message = message(&texts);
    texts.insert("message".to_owned(), message);
    texts.insert("secret".to_owned(), secret.to_owned());
    if ctx.app.guard.is_secure(ctx.request) {
        texts.insert("form_plain".to_owned(), String::new());
    }
    page::html(ctx, &page::filled(page::SIGN_IN, &texts)).with_status_code(status).with_no_cache()
}

#[cfg(test)]
mod tests;
