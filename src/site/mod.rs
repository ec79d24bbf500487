//! The site: a rouille server on a private loopback port, with all URLs, permissions and pages.
//!
//! Only the gate's relays reach it: a request without the key of this start is refused. Every handler answers at
//! once from data in memory. None waits for a frame or sends one: a private header ([`crate::protocol`]) makes
//! the gate hand the connection over to the fan-out.
//!
//! To add a URL, add a row to [`ROUTES`] and write its handler: a function from [`request::RequestContext`] to a
//! response.

mod address;
mod app;
mod basic;
mod controls;
mod cookies;
mod cors;
mod cross_site;
mod events;
mod frame;
mod guard;
mod https;
mod live;
mod metrics;
mod motion;
mod orientation;
mod page;
mod privacy;
mod quality;
mod query;
mod rates;
mod recordings;
mod request;
mod response;
mod route;
mod server;
mod settings;
mod sign_in;
mod state;
mod tokens;
mod url;

use std::sync::Arc;

use crate::gate::relay::SharedUpstream;
use crate::problem::Problem;
pub use app::AppState;
pub use guard::Guard;
use guard::Permission::{self, Control, Page, Public, Watch};
pub use metrics::{METRICS, Metric, MetricKind};
use route::Method::{Delete, Get, Post, Put};
use route::{Handler, Method, PageKind, Route};
use url::{HEALTH, SIGN_IN};

const fn route(
    method: Method,
    path: &'static str,
    permission: Permission,
    handler: Handler,
    description: &'static str,
) -> Route {
    Route { method, path, action: None, permission, handler, description, page: PageKind::Either }
}

/// A part of our page, which the page of your own takes the place of.
const fn ours(
    path: &'static str,
    permission: Permission,
    handler: Handler,
    description: &'static str,
) -> Route {
    Route { page: PageKind::Ours, ..route(Get, path, permission, handler, description) }
}

/// Files of the page of your own.
const fn own(path: &'static str) -> Route {
    Route { page: PageKind::Own, ..route(Get, path, Page, page::own::file, "a file of the page of your own") }
}

/// A URL of mjpg-streamer: `/?action=...`.
const fn action(action: &'static str, handler: Handler, description: &'static str) -> Route {
    Route { action: Some(action), ..route(Get, "/", Watch, handler, description) }
}

/// Every URL, with who may use it; the first one that matches counts. Each also works behind `/cameras/NAME`, and those
/// below `/api/` also as `/api/cameras/NAME/`.
static ROUTES: &[Route] = &[
    action("stream", live::stream, "the live stream, as mjpg-streamer names it"),
    action("stream_N", live::stream, "that of camera N, the first is 0"),
    action("snapshot", live::snapshot, "one fresh picture, as mjpg-streamer names it"),
    action("snapshot_N", live::snapshot, "one of camera N, the first is 0"),
    own("/"),
    ours("/", Page, page::index, "the page with the live pictures"),
    ours("/page.css", Public, page::style, "the page's style"),
    ours("/page.js", Public, page::script, "the page's script"),
    ours("/panel.css", Public, page::panel_style, "the style of the camera's controls"),
    ours("/panel.js", Public, page::panel, "the script of the camera's controls"),
    ours("/recordings.css", Public, page::recordings_style, "the style of the view of recordings"),
    ours("/recordings.js", Public, page::recordings, "the script of the view of recordings"),
    ours("/messages.json", Public, page::messages, "the server's messages in the page's language"),
    ours("/icon.svg", Public, page::icon, "the page's icon"),
    route(Get, "/sign-in.css", Public, page::style, "the style of the form for signing in"),
    route(Get, "/sign-in.svg", Public, page::icon, "its icon"),
    route(Get, SIGN_IN, Public, sign_in::form, "the form for signing in"),
    route(Post, SIGN_IN, Public, sign_in::sign_in, "signs a browser in"),
    route(Post, "/sign-out", Public, sign_in::sign_out, "signs a browser out"),
    route(Get, "/qr.svg", Watch, address::code, "the board's address as a QR code"),
    route(Get, "/stream", Watch, live::stream, "the live stream (MJPEG)"),
    route(Get, "/video_feed", Watch, live::stream, "the same"),
    route(Get, "/stream.mjpg", Watch, live::stream, "the same"),
    route(Get, "/video", Watch, live::stream, "the same"),
    route(Get, "/video.mjpg", Watch, live::stream, "the same"),
    route(Get, "/mjpeg", Watch, live::stream, "the same"),
    route(Get, "/snapshot", Watch, live::snapshot, "one fresh picture (JPEG)"),
    route(Get, "/snapshot.jpg", Watch, live::snapshot, "the same"),
    route(Get, "/image.jpg", Watch, live::snapshot, "the same"),
    route(Get, "/shot.jpg", Watch, live::snapshot, "the same"),
    route(Get, "/capture", Watch, live::snapshot, "the same"),
    route(Get, "/current", Watch, live::snapshot, "the same; motion has it behind a camera's number"),
    route(Get, "/state", Watch, state::state, "cameras, viewers and the program, as JSON"),
    route(Get, "/metrics", Watch, metrics::metrics, "metrics for Prometheus"),
    route(Get, HEALTH, Watch, live::health, "200 while pictures come, otherwise 503 with the reason"),
    route(Get, "/api/recording", Watch, recordings::recording, "whether the camera records"),
    route(Post, "/api/recording", Control, recordings::switch, "starts or stops recording"),
    route(Get, "/api/recordings", Watch, recordings::list, "the recordings, the newest first"),
    route(
        Get,
        "/api/recordings/*/stream",
        Watch,
        recordings::stream,
        "a recording, played as a live stream is",
    ),
    route(Get, "/api/recordings/*/frame", Watch, recordings::frame, "one frame of a recording (JPEG)"),
    route(Get, "/api/recordings/*", Watch, recordings::download, "a recording's file"),
    route(Delete, "/api/recordings/*", Control, recordings::delete, "deletes a recording"),
    route(Get, "/api/events", Watch, events::list, "what moved, the newest first"),
    route(Get, "/api/events/*/picture", Watch, events::picture, "a small picture of it"),
    route(Put, "/api/quality", Control, quality::set, "sets the JPEG quality until the program ends"),
    route(Get, "/api/orientation", Watch, orientation::show, "how pictures are turned and flipped"),
    route(Put, "/api/orientation", Control, orientation::set, "turns and flips pictures"),
    route(Delete, "/api/orientation", Control, orientation::reset, "turns and flips them as in the settings"),
    route(Get, "/api/motion", Watch, motion::show, "whether something moves, and how that is looked for"),
    route(Put, "/api/motion", Control, motion::set, "sets how motion is looked for, and where not"),
    route(Delete, "/api/motion", Control, motion::reset, "looks for it as the settings say"),
    route(Get, "/api/privacy", Watch, privacy::show, "whether cameras are closed for privacy"),
    route(Put, "/api/privacy", Control, privacy::switch, "closes them, or opens them again"),
    route(Get, "/api/settings", Watch, settings::show, "size, rate, format and quality that can be changed"),
    route(Put, "/api/settings", Control, settings::set, "changes them, and reopens the camera"),
    route(Delete, "/api/settings", Control, settings::reset, "resets them to the settings"),
    route(Get, "/api/controls", Watch, controls::show, "the camera's own controls"),
    route(Put, "/api/controls", Control, controls::set, "sets them, also whenever the camera is opened"),
    route(Delete, "/api/controls", Control, controls::reset, "resets them, or the one of ?control=NAME"),
    route(Get, "/api/tokens", Control, tokens::list, "the names of the tokens"),
    route(Post, "/api/tokens", Control, tokens::create, "creates a token"),
    route(Delete, "/api/tokens", Control, tokens::revoke, "revokes a token, and ends its streams"),
    own("/*"),
];

/// A URL, for the documentation and its test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The HTTP method; GET also answers HEAD.
    pub method: &'static str,
    /// The path, and the query if the route needs one: `/?action=stream`. A `*` stands for a name.
    pub path: String,
    /// The role that it needs; `None` if it is public.
    pub role: Option<&'static str>,
    /// What it gives or does, in one line.
    pub description: &'static str,
}

/// All URLs, in the order of the table, but for the files of the page of your own.
pub fn routes() -> impl Iterator<Item = RouteInfo> {
    ROUTES.iter().filter(|route| route.page != PageKind::Own).map(|route| RouteInfo {
        method: route.method.names()[0],
        path: route
            .action
            .map_or_else(|| route.path.to_owned(), |action| format!("{}?action={action}", route.path)),
        role: route.permission.role().map(|role| role.name()),
        description: route.description,
    })
}

/// Starts the site on a thread of its own, which runs until the program ends.
///
/// # Errors
/// When the system has no loopback port or thread left.
pub fn start(app: Arc<AppState>) -> Result<SharedUpstream, Problem> {
    server::start(ROUTES, app)
}

#[cfg(test)]
mod tests;
