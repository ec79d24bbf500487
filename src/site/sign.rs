//! Signing in and out, for browsers: a form that works without a script, and a cookie.

use std::collections::BTreeMap;

use rouille::{Response, input};

use super::guard::{self, SIGN_IN, cookie_name, cookies};
use super::{RequestContext, page, sentence};
use crate::auth::Refused;
use crate::auth::sessions::SESSION_TIME;

/// `/sign-in`: the form.
pub(super) fn form(visit: &RequestContext<'_>) -> Response {
    if visit.house.guard.access.is_open() {
        return Response::redirect_303("/").with_no_cache();
    }
    ask(visit, 200, |_| String::new())
}

/// `/sign-in`, filled in.
pub(super) fn sign_in(visit: &RequestContext<'_>) -> Response {
    let guard = &visit.house.guard;
    if guard.access.is_open() {
        return Response::redirect_303("/").with_no_cache();
    }
    let Ok(fields) = input::post::raw_urlencoded_post_input(visit.request) else {
        return sentence(400, "This is no form with name and password.");
    };
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
    match guard.access.sign_in(field("name"), field("password"), guard.address(visit.request)) {
        Ok(secret) => with_cookie(visit, Response::redirect_303("/"), &secret),
        Err(refused) => {
            let (status, wait) = guard::status_of(&refused);
            let answer = ask(visit, status, |texts| {
                let key = match refused {
                    Refused::Wrong => "form_wrong",
                    Refused::Slowed(_) => "form_slow",
                    Refused::Busy => "form_busy",
                };
                texts[key].replace("{s}", &wait.to_string())
            });
            if wait > 0 { answer.with_additional_header("Retry-After", wait.to_string()) } else { answer }
        }
    }
}

/// `/sign-out`: ends the session, and the streams that were opened by it.
pub(super) fn sign_out(visit: &RequestContext<'_>) -> Response {
    for secret in cookies(visit.request) {
        visit.house.guard.access.sign_out(secret);
    }
    // Something stays, by which this browser is known as one that signs in by the form.
    with_cookie(visit, Response::redirect_303(SIGN_IN), "out")
}

/// Lax: pages elsewhere can link to ours, and neither show its pictures nor send its forms.
fn with_cookie(visit: &RequestContext<'_>, response: Response, secret: &str) -> Response {
    let secure = if visit.house.guard.is_secure(visit.request) { "; Secure" } else { "" };
    let (name, age) = (cookie_name(visit.request), SESSION_TIME.as_secs());
    let cookie = format!("{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    response.with_additional_header("Set-Cookie", cookie).with_no_cache()
}

/// The form, with what is to be told.
fn ask(
    visit: &RequestContext<'_>,
    status: u16,
    told: impl FnOnce(&BTreeMap<String, String>) -> String,
) -> Response {
    let mut texts = page::texts(visit.request);
    let told = told(&texts);
    texts.insert("told".to_owned(), told);
    if visit.house.guard.is_secure(visit.request) {
        texts.insert("form_plain".to_owned(), String::new());
    }
    page::html(&page::filled(page::SIGN_IN, &texts)).with_status_code(status).with_no_cache()
}
