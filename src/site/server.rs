//! Runs the rouille server, and starts it again if it ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use log::{debug, error};
use rouille::{Request, Response};
use subtle::ConstantTimeEq;

use super::app::AppState;
use super::response::plain_text;
use super::route::{Route, dispatch};
use crate::auth::CHECKS_MAX;
use crate::gate::limits::{CHECKING_RELAYS, RELAYS};
use crate::gate::relay::{SharedUpstream, Upstream};
use crate::host::random::secret;
use crate::problem::Problem;
use crate::protocol::KEY_HEADER;
use crate::sync::lock;

/// How often an idle server checks that the gate still reaches it.
const CHECK_PERIOD: Duration = Duration::from_millis(500);

/// Pause between two attempts to start the server again.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// Refuses requests without the key, which only the gate knows.
pub(super) fn answer(routes: &[Route], app: &AppState, key: &str, request: &Request) -> Response {
    let given = request.header(KEY_HEADER).unwrap_or("");
    if !bool::from(given.as_bytes().ct_eq(key.as_bytes())) {
        return plain_text(403, "Only boardcam itself may use this port.");
    }
    dispatch(routes, app, request).with_additional_header("X-Content-Type-Options", "nosniff")
}

type Handler = Box<dyn Fn(&Request) -> Response + Send + Sync>;
type Server = rouille::Server<Handler>;

fn open(routes: &'static [Route], app: &Arc<AppState>) -> Result<(Server, Upstream), Problem> {
    let key = secret()?;
    let proxies = app.guard.proxies.clone().into();
    let (app, expected) = (app.clone(), key.clone());
    let handler: Handler = Box::new(move |request| answer(routes, &app, &expected, request));
    let server =
        rouille::Server::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), handler).map_err(|error| {
            let advice = "is the loopback interface up? ip link set lo up";
            Problem::new("cannot start the site on 127.0.0.1", error.to_string(), advice)
        })?;
    const {
        assert!(CHECKING_RELAYS < RELAYS, "workers stay free while passwords are checked");
        assert!(CHECKING_RELAYS <= CHECKS_MAX, "whoever had to wait for a turn is not refused as well");
    };
    let server = server.pool_size(RELAYS);
    let address = server.server_addr();
    Ok((server, Upstream { proxies, ..Upstream::new(address, key) }))
}

/// Runs the server. When the gate can no longer reach it, opens a new one: when the process has no free file
/// descriptor, the thread of tiny_http that accepts connections ends or panics, and nothing reports it.
fn run(
    routes: &'static [Route],
    app: &Arc<AppState>,
    (mut server, mut upstream): (Server, Upstream),
    shared: &SharedUpstream,
) {
    loop {
        debug!("the site listens on {}", upstream.address);
        while !upstream.unreachable.load(Ordering::Relaxed) {
            server.poll_timeout(CHECK_PERIOD); // returns when no request has come for this long
        }
        error!("the site's server ended; starting it again");
        (server, upstream) = loop {
            match open(routes, app) {
                Ok(opened) => break opened,
                Err(problem) => error!("{problem}"),
            }
            thread::sleep(RESTART_PAUSE);
        };
        *lock(shared) = upstream.clone();
    }
}

/// Starts the server on a thread of its own, which runs until the program ends. It opens the server itself, so that the
/// threads of tiny_http and rouille have its name.
pub(super) fn start(routes: &'static [Route], app: Arc<AppState>) -> Result<SharedUpstream, Problem> {
    let (opened, first) = sync_channel(1);
    let run = move || match open(routes, &app) {
        Ok(server) => {
            let shared = Arc::new(Mutex::new(server.1.clone()));
            let _ = opened.send(Ok(shared.clone())); // it waits for this
            run(routes, &app, server, &shared);
        }
        Err(problem) => {
            let _ = opened.send(Err(problem));
        }
    };
    let failed =
        |why: String| Problem::new("cannot start the site", why, "is the system out of memory or threads?");
    thread::Builder::new().name("site".to_owned()).spawn(run).map_err(|error| failed(error.to_string()))?;
    first.recv().unwrap_or_else(|_| Err(failed("its thread ended".to_owned())))
}
