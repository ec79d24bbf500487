//! Finds the handler of a request in the route table, and refuses URLs and methods without one.

use rouille::{Request, Response};

use super::app::AppState;
use super::guard::{Permission, is_cross_site};
use super::request::RequestContext;
use super::response::plain_text;
use super::url::{HEALTH, split_camera};
use super::{cors, https};

/// What a request does to its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Also answers HEAD.
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    /// The methods of HTTP that it answers.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Method::Get => &["GET", "HEAD"],
            Method::Post => &["POST"],
            Method::Put => &["PUT"],
            Method::Delete => &["DELETE"],
        }
    }
}

/// Answers the requests of one route.
pub(super) type Handler = fn(&RequestContext<'_>) -> Response;

/// One row of the route table.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path, also valid behind `/cameras/NAME`. A `*` at the end stands for one or more characters.
    pub(super) path: &'static str,
    /// The value of `action=` that the query must have (URLs of mjpg-streamer).
    pub(super) action: Option<&'static str>,
    pub(super) permission: Permission,
    pub(super) handler: Handler,
    /// One line for the documentation.
    pub(super) description: &'static str,
}

impl Route {
    fn matches(&self, path: &str, action: Option<&str>) -> bool {
        let path_matches = match self.path.strip_suffix('*') {
            Some(start) => path.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => path == self.path,
        };
        path_matches && (self.action.is_none() || self.action == action)
    }
}

/// The answer to any request that came through the gate.
pub(super) fn dispatch(routes: &[Route], app: &AppState, request: &Request) -> Response {
    let url = request.url();
    let (named, path) = split_camera(&url);
    if path != HEALTH
        && let Some(redirect) = https::redirect(app, request)
    {
        return redirect;
    }
    let action = request.get_param("action");
    let matching: Vec<&Route> =
        routes.iter().filter(|route| route.matches(&path, action.as_deref())).collect();
    let Some(first) = matching.first() else {
        return plain_text(404, "There is nothing here. The picture is at /, the stream at /stream.");
    };
    let is_shared = first.permission == Permission::Watch;
    let response = match matching.iter().find(|route| route.method.names().contains(&request.method())) {
        Some(route) if route.method != Method::Get && is_cross_site(request) => {
            let why = "A page of another server sent this request. If boardcam is behind a proxy, the proxy must \
                       forward the Host header unchanged.";
            return plain_text(403, why);
        }
        Some(route) => call(route, app, request, named),
        None if request.method() == "OPTIONS" => {
            let response = Response::text("").with_status_code(204);
            let response = response.with_additional_header("Allow", allowed(&matching));
            return if is_shared { cors::preflight(&app.guard.origins, request, response) } else { response };
        }
        None => plain_text(405, "This URL does not support this method.")
            .with_additional_header("Allow", allowed(&matching)),
    };
    if is_shared { cors::share(&app.guard.origins, request, response) } else { response }
}

/// The value of the Allow header.
fn allowed(routes: &[&Route]) -> String {
    let mut names: Vec<_> = routes.iter().flat_map(|route| route.method.names()).copied().collect();
    names.dedup(); // `/` has several routes, one for each action
    names.join(", ") + ", OPTIONS"
}

/// Calls the handler, if the client has the permission.
fn call(route: &Route, app: &AppState, request: &Request, named: Option<&str>) -> Response {
    let identity = match app.guard.admit(request, route.permission) {
        Ok(identity) => identity,
        Err(refusal) => return refusal,
    };
    let camera = match named {
        None => Some(0),
        Some(name) => app.feeds.iter().position(|feed| feed.name == name),
    };
    let Some(camera) = camera else {
        // Only clients that may watch learn the names.
        let names: Vec<_> = app.feeds.iter().map(|feed| feed.name.as_str()).collect();
        let cameras = identity.map_or_else(String::new, |_| format!(" Cameras: {}.", names.join(", ")));
        return plain_text(404, format!("There is no such camera.{cameras}"));
    };
    (route.handler)(&RequestContext { app, request, identity, camera, names_camera: named.is_some() })
}
