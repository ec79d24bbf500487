//! Lets scripts of the web pages that the settings name read answers (the CORS protocol of the Fetch standard).

use rouille::{Request, Response};

/// Adds the headers by which a browser lets a script of one of `origins` read this answer.
pub(super) fn share(origins: &[String], request: &Request, response: Response) -> Response {
    if origins.is_empty() {
        return response;
    }
    let response = response.with_additional_header("Vary", "Origin");
    match allowed(origins, request) {
        None => response,
        Some(origin) => response
            .with_additional_header("Access-Control-Allow-Origin", origin.to_owned())
            .with_additional_header("Access-Control-Allow-Credentials", "true"),
    }
}

/// Answers a browser that asks whether a script may send a request.
pub(super) fn preflight(origins: &[String], request: &Request, response: Response) -> Response {
    let response = share(origins, request, response);
    if allowed(origins, request).is_none() {
        return response;
    }
    response
        .with_additional_header("Access-Control-Allow-Methods", "GET, HEAD")
        .with_additional_header("Access-Control-Allow-Headers", "Authorization, Cache-Control, Pragma")
        .with_additional_header("Access-Control-Max-Age", "600")
}

/// The origin of the request, if it is one of `origins`.
fn allowed<'r>(origins: &[String], request: &'r Request) -> Option<&'r str> {
    request.header("Origin").filter(|origin| origins.iter().any(|named| named == origin))
}
