//! Puts the rooms together into a running service, and takes them apart at the end. Called by `main` alone.

use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use crate::auth::Access;
use crate::config::Settings;
use crate::fanout::Fanout;
use crate::fanout::download::Downloads;
use crate::fanout::registry::ViewerRegistry;
use crate::feed::Feed;
use crate::gate::Gate;
use crate::gate::head::AllowedHosts;
use crate::host::board::Board;
use crate::host::console;
use crate::host::discovery::{Announced, Discovery};
use crate::host::inject;
use crate::host::limits::raise_open_files;
use crate::host::log::about_camera;
use crate::host::service::{Service, Vitals, Watched};
use crate::host::shutdown::Shutdown;
use crate::host::{random, signals, state};
use crate::problem::Problem;
use crate::record::Recordings;
use crate::record::reader::Reader;
use crate::site::{self, AppState, Guard};
use crate::stream::Stream;
use crate::variants::Variants;

/// How long the cameras' threads may take to release their devices at the end, and disks to take the end of a
/// recording, so that all of it stays
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
    if let Some(mistake) = &settings.mistake {
        error!("{mistake}; until then the default settings hold");
    }
    let announced = Announced::default();
    let names = AllowedHosts::new(own_names(settings)).and(announced.clone());
    let certified = certified_names(&names, settings.name.as_deref());
    let reserved = settings.record.open_files(settings.gate.event_loops());
    let gate = Gate::open(&settings.gate, names, &certified, raise_open_files(), reserved)?;
    let (listening, https) = (gate.addresses(), gate.https_addresses());
    let https_port = https.first().map(SocketAddr::port);
    let opened = if https.is_empty() { listening.clone() } else { https };
    let bells = gate.bells();
    let shutdown = Shutdown::default();
    let (on_signal, wake, keeper) = (shutdown.clone(), bells.clone(), gate.keeper());
    let end = move || {
        on_signal.begin();
        wake.all();
    };
    signals::listen(end, move || {
        if let Some(keeper) = &keeper {
            keeper.look();
        }
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
    let audience = Arc::new(ViewerRegistry::new(access.passes()));
    let wake = {
        let bells = bells.clone();
        move || bells.frame()
    };
    let variants = Variants::new(feeds.clone(), Box::new(wake.clone()));
    let recordings = Recordings::new(&settings.record);
    let house = AppState {
        feeds: feeds.clone(),
        variants: variants.clone(),
        audience: audience.clone(),
        guard: Guard { access, origins: settings.origins.clone(), proxies: settings.proxies.clone() },
        recordings: recordings.clone(),
        count: gate.count(),
        board: Board::default(),
        opened: opened.clone(),
        announced: announced.clone(),
        https_port,
        started,
        instance: random::secret()?,
        mistake: settings.mistake.clone(),
    };
    let door = site::start(Arc::new(house))?;

    let (alive, all_ended) = channel::<()>();
    for feed in &feeds {
        let (feed, shutdown, wake, alive) = (feed.clone(), shutdown.clone(), wake.clone(), alive.clone());
        let thread = thread::Builder::new().name(format!("camera {}", feed.name));
        let mistake = settings.mistake.clone();
        let run = move || {
            let _about = about_camera(&feed.name);
            Stream::new(&feed, &shutdown, &wake).telling_of(mistake).run();
            drop(alive);
        };
        thread.spawn(run).map_err(|error| {
            Problem::new("cannot start a camera's thread", error.to_string(), "is the system out of memory?")
        })?;
    }
    // The end waits for these, too: whoever was told of this board is told that it goes.
    if let Some(name) = settings.name.clone() {
        let (shutdown, alive) = (shutdown.clone(), alive.clone());
        let discovery = Discovery { name, listening, announced, shutdown };
        let run = move || {
            discovery.run();
            drop(alive);
        };
        thread::Builder::new().name("discovery".to_owned()).spawn(run).map_err(|error| {
            Problem::new(
                "cannot start the thread by which this board is found",
                error.to_string(),
                "is the system out of memory?",
            )
        })?;
    }
    console::start(opened, https_port.is_some(), settings.mistake.clone(), shutdown.clone());
    let no_thread = |error: std::io::Error| {
        Problem::new("cannot start recording", error.to_string(), "is the system out of memory?")
    };
    recordings.start(&settings.record, &feeds, &shutdown, &alive).map_err(no_thread)?;
    drop(alive);

    let service = Service::from_environment().map(Arc::new);
    if let Some(service) = &service {
        let bells = bells.clone();
        let wake = Box::new(move || bells.all());
        let cameras = feeds.iter().map(|feed| Arc::clone(feed) as Arc<dyn Watched>).collect();
        let vitals = Vitals { event_loops: gate.pulses(), wake, cameras };
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
    let fanout = || {
        let wake = bells.clone();
        let reader = recordings.folder.as_ref().map(|folder| Reader::start(folder, move || wake.all()));
        let downloads = Downloads::new(reader.transpose()?);
        Ok(Fanout::new(variants.clone(), audience.clone()).with_downloads(downloads))
    };
    let served = gate.serve(fanout, &door, &shutdown);
    shutdown.begin();
    if let Some(service) = &service {
        service.stopping();
    }
    if all_ended.recv_timeout(RELEASE_TIME) == Err(RecvTimeoutError::Timeout) {
        error!("a camera's driver, a disk or the network did not return in time; ending all the same");
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

/// The names that a certificate made here is for. The one to be found under is among them before it is known to be
/// free: a certificate that followed what the network says could be made to change by anybody on it.
fn certified_names(names: &AllowedHosts, found: Option<&str>) -> Vec<String> {
    let mut certified = names.fixed().to_vec();
    let found = found.map(|name| format!("{name}.local"));
    certified.extend(found.filter(|found| !names.fixed().contains(found)));
    certified
}

/// Panics go where log lines go, one line each.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    error!("panic in thread {:?}: {}", thread.name().unwrap_or("?"), info.to_string().replace('\n', " "));
}
