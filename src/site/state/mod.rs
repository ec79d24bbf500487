//! `/state`: cameras, viewers and the program, as JSON. Other programs rely on the names in it.

mod camera;
mod target;
mod ustreamer;
mod viewer;

use std::sync::atomic::Ordering;
use std::time::Instant;

use rouille::Response;
use serde::Serialize;

use super::address;
use super::app::AppState;
use super::recordings::{self, Folder};
use super::request::RequestContext;
use super::response::ProblemJson;
use crate::fanout::HELD_CAP;
use crate::host::inject;
use camera::{Camera, Variant};
use target::Target;
use viewer::Viewer;

#[derive(Serialize)]
struct Answer<'a> {
    program: Program<'a>,
    you: You<'a>,
    cameras: Vec<Camera>,
    variants: Vec<Variant>,
    viewers: Vec<Viewer>,
    held: Held,
    connections: Connections,
    /// As in ustreamer's answer.
    ok: bool,
    result: ustreamer::Answer,
    network: Network<'a>,
    /// `null` if nothing can be recorded.
    recordings: Option<Folder>,
    /// Who is told what happens.
    notify: Vec<Target<'a>>,
}

#[derive(Serialize)]
struct Program<'a> {
    name: &'static str,
    version: &'static str,
    /// Differs after each start.
    instance: &'a str,
    uptime_s: f64,
    /// Why the defaults are used instead of the settings.
    problem: Option<ProblemJson>,
}

/// Who sent the request.
#[derive(Serialize)]
struct You<'a> {
    /// `null` for a token, and if there are no users.
    user: Option<&'a str>,
    role: Option<&'static str>,
    /// Whether they are signed in by the form.
    session: bool,
    /// Whether there are no users, so that everybody may do everything.
    open: bool,
}

/// Memory of frames that slow viewers have not taken whole yet, and its limit, in bytes.
#[derive(Serialize)]
struct Held {
    bytes: usize,
    limit: usize,
}

/// How other devices reach this board.
#[derive(Serialize)]
struct Network<'a> {
    /// What people call the board, whether or not it is announced.
    board: &'a str,
    /// The name under which it is announced; `null` if it is not.
    name: Option<String>,
    /// The URL for another device, with an IP address; `null` if none can reach it.
    url: Option<String>,
}

#[derive(Serialize)]
struct Connections {
    open: usize,
    limit: usize,
    refused: usize,
    /// Closed so that others could be served.
    displaced: usize,
}

fn program(app: &AppState) -> Program<'_> {
    Program {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        instance: &app.instance,
        uptime_s: app.started.elapsed().as_secs_f64(),
        problem: app.feeds.first().and_then(|feed| feed.settings_problem.as_ref()).map(ProblemJson::from),
    }
}

fn you<'a>(ctx: &'a RequestContext<'_>) -> You<'a> {
    let identity = ctx.identity.as_ref();
    You {
        user: identity.and_then(|identity| identity.user.as_deref()),
        role: identity.map(|identity| identity.role.name()),
        session: identity.is_some_and(|identity| identity.session),
        open: ctx.app.guard.access.is_open(),
    }
}

fn connections(app: &AppState) -> Connections {
    Connections {
        open: app.connections.open.load(Ordering::Relaxed),
        limit: app.connections.limit.load(Ordering::Relaxed),
        refused: app.connections.refused.load(Ordering::Relaxed),
        displaced: app.connections.displaced.load(Ordering::Relaxed),
    }
}

/// `GET /state`; behind `/cameras/NAME` only that camera.
pub(super) fn state(ctx: &RequestContext<'_>) -> Response {
    inject::panic_at("request");
    let app = ctx.app;
    let now = Instant::now();
    let viewers = app.viewers.list();
    let is_shown = |camera: usize| !ctx.names_camera || camera == ctx.camera;
    let viewers_of = |camera: usize| viewers.iter().filter(move |viewer| viewer.order.is_live_of(camera));
    let answer = Answer {
        program: program(app),
        you: you(ctx),
        cameras: (app.feeds.iter().enumerate())
            .filter(|(index, _)| is_shown(*index))
            .map(|(index, feed)| {
                let recording = recordings::of_camera(&app.recordings, index);
                camera::camera(feed, viewers_of(index).count(), recording)
            })
            .collect(),
        variants: (app.variants.list().iter())
            .filter(|running| is_shown(running.camera))
            .map(|running| camera::variant(running, &viewers))
            .collect(),
        viewers: (viewers.iter())
            .filter(|viewer| is_shown(viewer.order.camera))
            .map(|viewer| viewer::viewer(viewer, &app.feeds, now))
            .collect(),
        held: Held { bytes: app.viewers.held.load(Ordering::Relaxed), limit: HELD_CAP },
        connections: connections(app),
        ok: true,
        result: ustreamer::answer(ctx.feed(), viewers_of(ctx.camera), now),
        network: Network { board: &app.board_name, name: app.announced.name(), url: address::url(ctx) },
        recordings: recordings::folder(&app.recordings),
        notify: app.targets.each().map(|target| target::target(target)).collect(),
    };
    Response::json(&answer).with_no_cache()
}
