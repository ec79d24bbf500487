//! The real rouille server, on a private loopback port: all URLs, permissions and pages, and nothing else.
//!
//! Only the gate's relays reach it: whoever does not send the key of this start is refused. It answers at once
//! from what it has in memory. It never waits for a frame nor carries one: by a private header
//! ([`crate::protocol`]) it tells the gate to hand the connection to the fan-out.

mod address;
mod api;
mod guard;
mod live;
mod metrics;
mod page;
mod query;
mod range;
mod recordings;
mod secure;
mod sign;
mod state;
mod ustreamer;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use log::{debug, error};
use rouille::{Request, Response};
use subtle::ConstantTimeEq;

use crate::auth::{CHECKS_MAX, Visitor};
use crate::fanout::registry::ViewerRegistry;
use crate::feed::Feed;
use crate::gate::Count;
use crate::gate::limits::RELAYS;
use crate::gate::relay::{SharedUpstream, Upstream};
use crate::host::board::Board;
use crate::host::discovery::Announced;
use crate::host::random::secret;
use crate::problem::Problem;
use crate::protocol::KEY_HEADER;
use crate::record::Recordings;
use crate::sync::lock;
use crate::variants::Variants;
pub use guard::Guard;
use guard::{Needs, SIGN_IN};

/// How often an idle server looks whether it still can be reached.
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// Pause between two tries to start the server anew.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// What the pages are made of.
#[derive(Debug)]
pub struct AppState {
    /// The cameras, in the order of the settings; at least one.
    pub feeds: Vec<Arc<Feed>>,
    /// What is made of their pictures.
    pub variants: Arc<Variants>,
    /// Who watches.
    pub audience: Arc<ViewerRegistry>,
    /// Who may do what.
    pub guard: Guard,
    /// What is recorded.
    pub recordings: Arc<Recordings>,
    /// How many connections there are.
    pub count: Arc<Count>,
    /// What the board tells of itself.
    pub board: Board,
    /// Where browsers open it: by HTTPS, where that is.
    pub opened: Vec<SocketAddr>,
    /// The name under which it is announced.
    pub announced: Announced,
    /// The port of HTTPS, to which plain requests are led; `None` leads nobody.
    pub https_port: Option<u16>,
    /// When the program started.
    pub started: Instant,
    /// Another one at each start, by which a page knows that the server was restarted.
    pub instance: String,
}

/// One request on its way to its page.
struct RequestContext<'a> {
    house: &'a AppState,
    request: &'a Request,
    /// Who asks; `None` where the route does not need to know.
    visitor: Option<Visitor>,
    /// The camera it is about, by its place in [`AppState::feeds`].
    camera: usize,
    /// The URL names the camera.
    names_camera: bool,
}

impl RequestContext<'_> {
    fn feed(&self) -> &Feed {
        &self.house.feeds[self.camera]
    }

    fn wants_head_only(&self) -> bool {
        self.request.method() == "HEAD"
    }
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// GET and HEAD.
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    fn methods(self) -> &'static [&'static str] {
        match self {
            Verb::Get => &["GET", "HEAD"],
            Verb::Post => &["POST"],
            Verb::Put => &["PUT"],
            Verb::Delete => &["DELETE"],
        }
    }
}

type Page = fn(&RequestContext<'_>) -> Response;

/// One line of the route table.
struct Route {
    verb: Verb,
    /// Behind `/` or `/cameras/NAME/`; one that ends in `/*` is for whatever stands in its place.
    path: &'static str,
    /// The value of `action=` in the query that this route asks for (mjpg-streamer's URLs).
    action: Option<&'static str>,
    needs: Needs,
    page: Page,
}

impl Route {
    fn fits(&self, path: &str, action: Option<&str>) -> bool {
        let named = match self.path.strip_suffix('*') {
            Some(start) => path.strip_prefix(start).is_some_and(|name| !name.is_empty()),
            None => path == self.path,
        };
        named && (self.action.is_none() || self.action == action)
    }
}

const fn route(verb: Verb, path: &'static str, needs: Needs, page: Page) -> Route {
    Route { verb, path, action: None, needs, page }
}

const fn get(path: &'static str, needs: Needs, page: Page) -> Route {
    route(Verb::Get, path, needs, page)
}

const fn action(action: &'static str, page: Page) -> Route {
    Route { action: Some(action), ..get("/", Needs::Watch, page) }
}

/// Every URL there is, with what it needs; the first that fits counts. Each is also served behind `/cameras/NAME`.
static ROUTES: &[Route] = &[
    action("stream", live::stream),
    action("snapshot", live::snapshot),
    get("/", Needs::Page, page::index),
    get("/page.css", Needs::Nothing, page::style),
    get("/page.js", Needs::Nothing, page::script),
    get("/icon.svg", Needs::Nothing, page::icon),
    get(SIGN_IN, Needs::Nothing, sign::form),
    route(Verb::Post, SIGN_IN, Needs::Nothing, sign::sign_in),
    route(Verb::Post, "/sign-out", Needs::Nothing, sign::sign_out),
    get("/qr.svg", Needs::Watch, address::code),
    get("/stream", Needs::Watch, live::stream),
    get("/video_feed", Needs::Watch, live::stream),
    get("/stream.mjpg", Needs::Watch, live::stream),
    get("/snapshot", Needs::Watch, live::snapshot),
    get("/snapshot.jpg", Needs::Watch, live::snapshot),
    get("/state", Needs::Watch, state::state),
    get("/metrics", Needs::Watch, metrics::metrics),
    get(HEALTH, Needs::Watch, live::health),
    get("/api/recording", Needs::Watch, recordings::recording),
    route(Verb::Post, "/api/recording", Needs::Control, recordings::switch),
    get("/api/recordings", Needs::Watch, recordings::list),
    get("/api/recordings/*", Needs::Watch, recordings::download),
    route(Verb::Delete, "/api/recordings/*", Needs::Control, recordings::delete),
    route(Verb::Put, "/api/quality", Needs::Control, api::set_quality),
    get("/api/tokens", Needs::Control, api::tokens),
    route(Verb::Post, "/api/tokens", Needs::Control, api::make_token),
    route(Verb::Delete, "/api/tokens", Needs::Control, api::revoke_token),
];

/// Asked by programs that watch the board; the one page that is the same over plain HTTP.
const HEALTH: &str = "/healthz";

/// Before a camera's name in a URL.
const CAMERAS: &str = "/cameras/";

/// The URL of a camera; its pages follow behind it.
fn camera_url(name: &str) -> String {
    format!("{CAMERAS}{name}/")
}

fn answer(house: &AppState, request: &Request) -> Response {
    let path = request.url();
    let (named, path) = match path.strip_prefix(CAMERAS).and_then(|rest| rest.split_once('/')) {
        Some((name, rest)) => (Some(name), format!("/{rest}")),
        None => (None, path.clone()),
    };
    if path != HEALTH
        && let Some(there) = secure::redirect(house, request)
    {
        return there;
    }
    let asked = request.get_param("action");
    let fits = |route: &&Route| route.fits(&path, asked.as_deref());
    let Some(first) = ROUTES.iter().find(fits) else {
        return sentence(404, "There is nothing here. The picture is at /, the stream at /stream.");
    };
    let method = request.method();
    let route = ROUTES.iter().filter(fits).find(|route| route.verb.methods().contains(&method));
    let shared = |response| match first.needs {
        Needs::Watch => house.guard.share(request, response),
        _ => response,
    };
    let Some(route) = route else {
        let mut allowed: Vec<_> =
            ROUTES.iter().filter(fits).flat_map(|route| route.verb.methods()).copied().collect();
        allowed.dedup(); // `/` has routes of its own for each action
        let allowed = allowed.join(", ") + ", OPTIONS";
        if method != "OPTIONS" {
            let why = "This method does nothing here.";
            return shared(sentence(405, why)).with_additional_header("Allow", allowed);
        }
        let response = Response::text("").with_status_code(204).with_additional_header("Allow", allowed);
        return match first.needs {
            Needs::Watch => house.guard.share_preflight(request, response),
            _ => response,
        };
    };
    if route.verb != Verb::Get && guard::is_from_elsewhere(request) {
        let why = "This comes from a page of another server. Behind a proxy, let it pass on Host as the browser sent it.";
        return sentence(403, why);
    }
    let visitor = match house.guard.admit(request, route.needs) {
        Ok(visitor) => visitor,
        Err(refusal) => return shared(refusal),
    };
    let camera = match named {
        None => Some(0),
        Some(name) => house.feeds.iter().position(|feed| feed.name == name),
    };
    let Some(camera) = camera else {
        // Only to those who may know.
        let names: Vec<_> = house.feeds.iter().map(|feed| feed.name.as_str()).collect();
        let there_are = visitor.map_or_else(String::new, |_| format!(" There are: {}.", names.join(", ")));
        return shared(sentence(404, format!("There is no such camera.{there_are}")));
    };
    shared((route.page)(&RequestContext { house, request, visitor, camera, names_camera: named.is_some() }))
}

/// An answer in words.
fn sentence(status: u16, text: impl Into<String>) -> Response {
    Response::text(text.into() + "\n").with_status_code(status).with_no_cache()
}

/// Checks the key, then answers.
fn admit(house: &AppState, key: &str, request: &Request) -> Response {
    let given = request.header(KEY_HEADER).unwrap_or("");
    if !bool::from(given.as_bytes().ct_eq(key.as_bytes())) {
        return sentence(403, "This port is for the program itself.");
    }
    answer(house, request).with_additional_header("X-Content-Type-Options", "nosniff")
}

type Handler = Box<dyn Fn(&Request) -> Response + Send + Sync>;

fn open(house: &Arc<AppState>) -> Result<(rouille::Server<Handler>, Upstream), Problem> {
    let key = secret()?;
    let (house, expected) = (house.clone(), key.clone());
    let handler: Handler = Box::new(move |request| admit(&house, &expected, request));
    let server = rouille::Server::new(SocketAddr::from(([127, 0, 0, 1], 0)), handler).map_err(|error| {
        let advice = "is the loopback interface up? ip link set lo up";
        Problem::new("cannot start the site on 127.0.0.1", error.to_string(), advice)
    })?;
    const { assert!(CHECKS_MAX < RELAYS, "one worker stays free while passwords are checked") };
    let server = server.pool_size(RELAYS);
    let address = server.server_addr();
    Ok((server, Upstream::new(address, key)))
}

/// Starts the site on a thread of its own, which lives as long as the program, and says where its door is.
/// Should nobody be behind it any more, it is started anew: when descriptors run out, the thread that accepts
/// for tiny_http ends or panics, and its server says nothing of the latter.
///
/// # Errors
/// When there is no loopback port or no thread for it.
pub fn start(house: Arc<AppState>) -> Result<SharedUpstream, Problem> {
    let (first, door) = open(&house)?;
    let shared = Arc::new(Mutex::new(door.clone()));
    let current = shared.clone();
    let keep_running = move || {
        let (mut server, mut door) = (first, door);
        loop {
            debug!("the site listens on {}", door.address);
            while !door.deserted.load(Ordering::Relaxed) {
                server.poll_timeout(LOOK_PERIOD); // returns when nobody asked for so long
            }
            error!("the site's server ended; starting it anew");
            (server, door) = loop {
                match open(&house) {
                    Ok(opened) => break opened,
                    Err(problem) => error!("{problem}"),
                }
                thread::sleep(RESTART_PAUSE);
            };
            *lock(&current) = door.clone();
        }
    };
    thread::Builder::new().name("site".to_owned()).spawn(keep_running).map_err(|error| {
        Problem::new("cannot start the site", error.to_string(), "is the system out of memory?")
    })?;
    Ok(shared)
}

#[cfg(test)]
mod tests;
