//! Puts the rooms together into a running service, and takes them apart at the end. Called by `main` alone.

use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::auth::Access;
use crate::config::Settings;
use crate::fanout::Fanout;
use crate::fanout::audience::Audience;
use crate::feed::Feed;
use crate::gate::Gate;
use crate::host::inject;
use crate::host::limits::raise_open_files;
use crate::host::service::{Service, Vitals};
use crate::host::shutdown::Shutdown;
use crate::host::{signals, state};
use crate::problem::Problem;
use crate::site::{self, Guard, House};
use crate::stream::Stream;
use crate::variants::Variants;

/// How long the cameras' threads may take to release their devices at the end, so that all of it stays
/// below two seconds.
const RELEASE_TIME: Duration = Duration::from_millis(1500);

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// What keeps it from starting, or from going on.
pub fn serve(settings: &Settings) -> Result<(), Problem> {
    let started = Instant::now();
    info!("boardcam {} starts", env!("CARGO_PKG_VERSION"));
    std::panic::set_hook(Box::new(log_panic));
    let gate = Gate::open(settings, own_names(settings), raise_open_files())?;
    let waker = gate.waker();
    let shutdown = Shutdown::default();
    let (on_signal, wake) = (shutdown.clone(), waker.clone());
    signals::listen(move || {
        on_signal.begin();
        let _ = wake.wake(); // the loop looks at the shutdown at its next tick as well
    })?;

    let feeds: Vec<_> = (settings.cameras.iter())
        .map(|(name, wanted)| Arc::new(Feed::new(name.clone(), wanted.clone())))
        .collect();
    let access = Access::new(&settings.users, state::folder())?;
    if access.is_open() {
        warn!(
            "no passwords are set: everybody on the network can watch and change the picture's quality; to change \
             that, let boardcam hash-password NAME write a user into the settings file"
        );
    }
    let audience = Arc::new(Audience::new(access.passes()));
    let wake = {
        let waker = waker.clone();
        move || {
            if let Err(failure) = waker.wake() {
                error!("cannot wake the event loop: {failure}");
            }
        }
    };
    let variants = Variants::new(feeds.clone(), Box::new(wake.clone()));
    let house = House {
        feeds: feeds.clone(),
        variants: variants.clone(),
        audience: audience.clone(),
        guard: Guard { access, origins: settings.origins.clone(), proxies: settings.proxies.clone() },
        count: gate.count(),
        started,
        instance: site::secret()?,
    };
    let door = site::start(Arc::new(house))?;

    let (alive, all_ended) = channel::<()>();
    for feed in &feeds {
        let (feed, shutdown, wake, alive) = (feed.clone(), shutdown.clone(), wake.clone(), alive.clone());
        let thread = thread::Builder::new().name(format!("camera {}", feed.name));
        let run = move || {
            Stream::new(&feed, &shutdown, &wake).run();
            drop(alive);
        };
        thread.spawn(run).map_err(|error| {
            Problem::new("cannot start a camera's thread", error.to_string(), "is the system out of memory?")
        })?;
    }
    drop(alive);

    let service = Service::from_environment().map(Arc::new);
    if let Some(service) = &service {
        let wake = move || drop(waker.wake()); // a loop that cannot be woken is found out
        let vitals = Vitals { event_loop: gate.pulse(), wake: Box::new(wake), feeds: feeds.clone() };
        service.watch(vitals, &shutdown).map_err(|error| {
            Problem::new(
                "cannot start the watchdog's thread",
                error.to_string(),
                "is the system out of memory?",
            )
        })?;
        service.ready();
    }
    inject::panic_at("main");
    let served = gate.serve(Fanout::new(variants, audience), &door, &shutdown);
    shutdown.begin();
    if let Some(service) = &service {
        service.stopping();
    }
    if all_ended.recv_timeout(RELEASE_TIME) == Err(RecvTimeoutError::Timeout) {
        error!("a camera's driver did not return in time; ending all the same");
    }
    info!("boardcam ends after {:.0} s", started.elapsed().as_secs_f32());
    served.map_err(|error| {
        Problem::new("cannot go on serving", error.to_string(), "is the system out of files or memory?")
    })
}

/// The names by which browsers may call this server besides addresses and localhost.
fn own_names(settings: &Settings) -> Vec<String> {
    let mut names = settings.hosts.clone();
    let own = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    if !own.is_empty() {
        let short = own.split('.').next().unwrap_or(&own).to_owned();
        names.extend([format!("{short}.local"), short, own]);
    }
    names
}

/// Panics go where log lines go, one line each.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    error!("panic in thread {:?}: {}", thread.name().unwrap_or("?"), info.to_string().replace('\n', " "));
}
