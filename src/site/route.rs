//! Finds the handler of a request in the route table, and refuses URLs and methods without one.

use rouille::{Request, Response};

use super::app::AppState;
use super::cross_site::{is_cross_site, other_servers_page};
use super::guard::Permission;
use super::request::RequestContext;
use super::response::plain_text;
use super::url::{SIGN_IN, Selected, Target, param};
use super::{cors, https};
use crate::problem::{Text, text};

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

/// Which page a route belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageKind {
    /// None, or whichever is shown.
    Either,
    /// Ours.
    Ours,
    /// The page of your own, which takes the place of ours.
    Own,
}

/// One row of the route table.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path, also valid behind `/cameras/NAME`. A `*` stands for one or more characters, elsewhere than at the end for
    /// none but `/`.
    pub(super) path: &'static str,
    /// The value of `action=` that the query must have (URLs of mjpg-streamer). An `N` at the end stands for the number
    /// of a camera.
    pub(super) action: Option<&'static str>,
    pub(super) permission: Permission,
    pub(super) handler: Handler,
    /// One line for the documentation.
    pub(super) description: &'static str,
    pub(super) page: PageKind,
}

impl Route {
    fn matches(&self, path: &str, action: Option<&str>) -> bool {
        let path_matches = match self.path.split_once('*') {
            Some((start, end)) => {
                let name = path.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
                name.is_some_and(|name| !name.is_empty() && (end.is_empty() || !name.contains('/')))
            }
            None => path == self.path,
        };
        path_matches
            && match (self.action, action) {
                (None, None) => true,
                (None, Some(_)) => self.path != "/", // there, a player that asks for pictures must not get the page
                (Some(own), Some(action)) => {
                    own == action || (own.ends_with(NUMBER) && own == numbered(action).0)
                }
                (Some(_), None) => false,
            }
    }
}

/// At the end of an action in the route table: the number of a camera.
const NUMBER: &str = "_N";

/// The action as in the route table, and the number at its end.
fn numbered(action: &str) -> (String, Option<usize>) {
    let (name, number) = action.rsplit_once('_').unwrap_or((action, ""));
    match number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse()) {
        Some(Ok(number)) => (format!("{name}{NUMBER}"), Some(number)),
        _ => (action.to_owned(), None),
    }
}

/// The answer to any request that came through the gate.
pub(super) fn dispatch(routes: &[Route], app: &AppState, request: &Request) -> Response {
    let target = Target::of(request);
    let answer = app.guard.contradiction(request).or_else(|| https::redirect(app, request, &target));
    if let Some(answer) = answer {
        return answer;
    }
    let action = param(request, "action").map(|action| action.trim_end_matches('/').to_owned());
    let action = action.or_else(|| wants_picture(request).then(|| "stream".to_owned()));
    let other_page = if app.has_own_page { PageKind::Ours } else { PageKind::Own };
    let matching = |is_own| {
        let served =
            move |route: &&Route| route.page != other_page && (route.page == PageKind::Own) == is_own;
        let served = routes.iter().filter(served);
        served.filter(|route| route.matches(&target.path, action.as_deref())).collect::<Vec<_>>()
    };
    // A file of the page of your own hides none of our URLs.
    let matching = Some(matching(false)).filter(|ours| !ours.is_empty()).unwrap_or_else(|| matching(true));
    let Some(first) = matching.first() else { return nothing_here(routes, &target, action.as_deref()) };
    let is_shared = first.permission == Permission::Watch;
    let response = match matching.iter().find(|route| route.method.names().contains(&request.method())) {
        // The form for signing in looks for its secret first.
        Some(route)
            if route.method != Method::Get && route.path != SIGN_IN && is_cross_site(&app.guard, request) =>
        {
            return other_servers_page();
        }
        Some(route) => {
            let number = action.as_deref().and_then(|action| numbered(action).1);
            call(route, app, request, &target, number.filter(|_| route.action.is_some()))
        }
        None if request.method() == "OPTIONS" => {
            let response = Response::text("").with_status_code(204);
            let response = response.with_additional_header("Allow", allowed(&matching));
            return if is_shared { cors::preflight(&app.guard.origins, request, response) } else { response };
        }
        None => plain_text(405, text!("This URL does not support this method."))
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

/// Whether it is for an `<img>`: motion's users have `/` in it.
fn wants_picture(request: &Request) -> bool {
    request.header("Accept").is_some_and(|types| types.contains("image/") && !types.contains("text/html"))
}

/// The answer to a URL that no route has: what there is instead.
fn nothing_here(routes: &[Route], target: &Target, action: Option<&str>) -> Response {
    let why = match action.filter(|_| target.path == "/") {
        Some(action) => no_action(routes, action),
        None => no_path(&target.path),
    };
    plain_text(404, why)
}

fn no_action(routes: &[Route], action: &str) -> Text {
    let actions: Vec<_> =
        routes.iter().filter_map(|route| route.action).map(|name| format!("action={name}")).collect();
    match action {
        "command" => text!(
            "boardcam has no action=command. The JPEG quality is set at /api/quality, and all else in its settings."
        ),
        "program" => text!("boardcam has no action=program. What it does is at /state."),
        "take" | "record" => text!(
            "boardcam has no action={}. A snapshot is at /snapshot, and recording is switched at /api/recording.",
            action
        ),
        _ => text!(
            "There is no such action. There are {}, where N is 0 for the first camera. The page is at /.",
            actions.join(", ")
        ),
    }
}

fn no_path(path: &str) -> Text {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match segments.as_slice() {
        // mjpg-streamer's `/input_0.json`, `/program.json`; motion's `/status.json`, `/cameras.json`
        [.., file] if file.ends_with(".json") => {
            text!("There is no such file. Cameras, viewers and the program are at /state, as JSON.")
        }
        [number, "action" | "config" | "detection" | "track", ..] if is_number(number) => text!(
            "boardcam cannot be controlled as motion is. What moves is at /api/motion, the stream at /stream, a snapshot at \
             /snapshot. Recording is switched at /api/recording, and all else is in its settings."
        ),
        _ => text!(
            "There is nothing here. The page is at /, the stream at /stream, a snapshot at /snapshot. If a proxy adds a \
             prefix, let it strip the prefix, or name it in X-Forwarded-Prefix."
        ),
    }
}

/// The camera that a request is about.
///
/// # Errors
/// What there is instead.
fn camera(app: &AppState, target: &Target, number: Option<usize>) -> Result<usize, Text> {
    let names = || app.feeds.iter().map(|feed| feed.name.as_str()).collect::<Vec<_>>().join(", ");
    let camera = match &target.camera {
        Selected::First => 0,
        Selected::Named(name) => {
            let position = app.feeds.iter().position(|feed| feed.name == *name);
            position.ok_or_else(|| text!("There is no such camera. Cameras: {}.", names()))?
        }
        Selected::Numbered(number) => *number,
    };
    let camera = match (number, &target.camera) {
        (Some(number), Selected::Named(name)) if number > 0 => {
            return Err(text!("Behind /cameras/{}/, there is only number 0.", name));
        }
        (Some(number), Selected::First) => number,
        _ => camera,
    };
    if camera < app.feeds.len() {
        return Ok(camera);
    }
    Err(match (app.feeds.len(), number) {
        (1, Some(_)) => text!("There is one camera, number {}.", 0),
        (1, None) => text!("There is one camera, number {}.", 1),
        (count, Some(_)) => text!("There are cameras {} to {}: {}.", 0, count - 1, names()),
        (count, None) => text!("There are cameras {} to {}: {}.", 1, count, names()),
    })
}

/// Calls the handler, if the client has the permission.
fn call(
    route: &Route,
    app: &AppState,
    request: &Request,
    target: &Target,
    number: Option<usize>,
) -> Response {
    let identity = match app.guard.admit(request, target, route.permission) {
        Ok(identity) => identity,
        Err(refusal) => return refusal,
    };
    let camera = match camera(app, target, number) {
        Ok(camera) => camera,
        // Only clients that may watch learn the names.
        Err(why) if identity.is_some() => return plain_text(404, why),
        Err(_) => return plain_text(404, text!("There is no such camera.")),
    };
    let names_camera = target.camera != Selected::First;
    (route.handler)(&RequestContext { app, request, target, identity, camera, names_camera })
}
