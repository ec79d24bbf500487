//! The page that people see, and its parts. Nothing comes from elsewhere, and no script stands in the page.

use rouille::Response;

use super::Visit;

/// What the page may do: show pictures, style and script of this server, and ask it.
const POLICY: &str = "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// `/`
pub(super) fn index(visit: &Visit<'_>) -> Response {
    file(visit, "text/html; charset=utf-8", include_bytes!("page/index.html"))
        .with_additional_header("Content-Security-Policy", POLICY)
        .with_additional_header("Referrer-Policy", "no-referrer")
}

/// `/page.css`
pub(super) fn style(visit: &Visit<'_>) -> Response {
    file(visit, "text/css; charset=utf-8", include_bytes!("page/page.css"))
}

/// `/page.js`
pub(super) fn script(visit: &Visit<'_>) -> Response {
    file(visit, "text/javascript; charset=utf-8", include_bytes!("page/page.js"))
}

/// `/icon.svg`
pub(super) fn icon(visit: &Visit<'_>) -> Response {
    file(visit, "image/svg+xml", include_bytes!("page/icon.svg"))
}

/// A part of the page, which a browser keeps until the server is another one.
fn file(visit: &Visit<'_>, content_type: &'static str, bytes: &'static [u8]) -> Response {
    let tag = format!("\"{}\"", visit.house.instance);
    let response = if visit.request.header("If-None-Match") == Some(tag.as_str()) {
        Response::from_data(content_type, Vec::new()).with_status_code(304)
    } else {
        Response::from_data(content_type, bytes)
    };
    response.with_unique_header("Cache-Control", "no-cache").with_unique_header("ETag", tag)
}
