//! Builds a running service from the modules, step by step, and shuts it down at the end. Called only by `main`.

use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::{Level, error, info, log, warn};

use crate::auth::Access;
use crate::auth::network::Network;
use crate::camera::{PrivacyPlan, SourceConfig};
use crate::config::{DEFAULT_NAME, Mistakes, Settings};
use crate::events::Events;
use crate::fanout::Fanout;
use crate::fanout::download::Downloads;
use crate::fanout::registry::ViewerRegistry;
use crate::feed::Feed;
use crate::feed::keep_later::keep_later;
use crate::feed::kept::KeptSettings;
use crate::files::page;
use crate::files::reader::{FileReader, open_files};
use crate::gate::hosts::AllowedHosts;
use crate::gate::{Gate, LoopWakers};
use crate::host::board::Board;
use crate::host::discovery::{AnnouncedName, Discovery};
use crate::host::limits::raise_open_files;
use crate::host::log::{bounded, camera_scope};
use crate::host::resolver::{own_label, own_name};
use crate::host::service::{Service, Vitals, Watched};
use crate::host::shutdown::Shutdown;
use crate::host::threads::{Ended, Threads};
use crate::host::{console, inject, random, signals, state_dir, zone};
use crate::motion::Detection;
use crate::notify::{self, About, Targets};
use crate::playback::{self, Playbacks};
use crate::problem::Problem;
use crate::record::{self, Recordings};
use crate::ring::Writer;
use crate::site::{self, AppState, Guard};
use crate::socket::FILE_CLIENTS;
use crate::stream::Stream;
use crate::variants::Variants;

/// How long cameras may take to be released at the end, and disks to take the end of a recording. The program ends
/// within two seconds, whatever a driver does.
const RELEASE_TIME: Duration = Duration::from_millis(1500);

/// How long the list of events may then take to be written.
const EVENTS_TIME: Duration = Duration::from_millis(250);

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// Why it cannot start, or cannot continue.
pub fn serve(settings: &Settings) -> Result<(), Problem> {
    let started = Instant::now();
    info!("boardcam {} is starting", env!("CARGO_PKG_VERSION"));
    std::panic::set_hook(Box::new(log_panic));
    for mistake in settings.mistakes.iter().flat_map(Mistakes::each) {
        error!("{mistake}; until then the default settings are used");
    }
    let is_private_by_the_hour =
        |(_, camera): &(_, SourceConfig)| matches!(camera.privacy, PrivacyPlan::Daily(_));
    if (settings.record.depends_on_the_hour() || settings.cameras.iter().any(is_private_by_the_hour))
        && let Some(problem) = zone::problem()
    {
        warn!("{problem}");
    }
    let page = own_page(settings)?;
    let announced = AnnouncedName::default();
    let gate = open_gate(settings, &announced)?;
    let shutdown = Shutdown::default();
    listen_for_signals(&gate, &shutdown)?;

    let access = read_users(settings, &gate)?;
    let (pictures, writers) = Pictures::new(settings, page, &access, &gate.wakers(), &shutdown);
    let app = pictures.app_state(settings, access, &gate, &announced, started)?;
    let (kept, targets) = (app.kept.clone(), app.targets.clone());
    let about = Arc::new(About {
        board: app.board_name.clone(),
        addresses: app.addresses.clone(),
        https: app.https_port.is_some(),
        feeds: app.feeds.clone(),
    });
    let upstream = site::start(Arc::new(app))?;
    let (threads, ended) = Threads::new();
    pictures.start(settings, writers, &kept, &gate.wakers(), &threads, &shutdown)?;
    let (told, events, recordings) = (&settings.notify, &pictures.events, &pictures.recordings);
    notify::start(&targets, told, events, (recordings, &kept), &about, (&threads, &shutdown))?;
    announce(settings, &gate, announced, &threads, &shutdown)?;
    drop(threads);
    let service = start_watchdog(&gate, &pictures.feeds, &shutdown)?;

    inject::panic_at("main");
    let fanout = pictures.fanout(&gate.wakers());
    let served = gate.serve(fanout, &upstream, &shutdown);
    shutdown.begin();
    pictures.events.end_waits();
    pictures.viewers.report_all();
    bounded::report_all();
    take_apart(service.as_deref(), &ended, &pictures.events);
    info!("boardcam stopped after {:.0} s", started.elapsed().as_secs_f32());
    served.map_err(|error| {
        Problem::new("cannot continue to serve", error.to_string(), "is the system out of files or memory?")
    })
}

/// The folder of the page in place of ours. A board that is for nothing else shows its own if there is none.
fn own_page(settings: &Settings) -> Result<Option<PathBuf>, Problem> {
    let Some(folder) = &settings.page else { return Ok(None) };
    match page::check(folder) {
        Ok(warning) => {
            info!("the page is that in {}", folder.display());
            if let Some(warning) = warning {
                warn!("{warning}");
            }
        }
        Err(problem) if settings.is_appliance => {
            error!("{problem}; until the next start, boardcam's page is shown");
            return Ok(None);
        }
        Err(problem) => return Err(problem),
    }
    Ok(Some(folder.clone()))
}

/// Opens the sockets. A client that connects from now on waits until [`Gate::serve`].
fn open_gate(settings: &Settings, announced: &AnnouncedName) -> Result<Gate, Problem> {
    let label = own_label();
    let names = own_names(settings, label.as_deref());
    let allowed = AllowedHosts::new(names).with_label(label).with_announced(announced.clone());
    let certified = certified_names(&allowed, settings.name.as_deref());
    let sent = open_files(settings.record.folder.is_some(), settings.page.is_some());
    let played = settings.record.folder.as_ref().map_or(0, |_| playback::OPEN_FILES);
    let reserved = settings.record.open_files() + played + settings.gate.event_loops() * sent;
    Gate::open(&settings.gate, allowed, &certified, raise_open_files(), reserved)
}

/// The names of this server that a certificate covers: those from the settings, and the system's own.
fn own_names(settings: &Settings, label: Option<&str>) -> Vec<String> {
    let mut names = settings.hosts.clone();
    if let Some(label) = label {
        names.extend([format!("{label}.local"), label.to_owned(), own_name()]);
    }
    names
}

/// The names that a certificate made here covers. The name to be found under is included before it is known to be free:
/// if the certificate followed the answers of the network, anybody on it could make it change.
fn certified_names(allowed: &AllowedHosts, name: Option<&str>) -> Vec<String> {
    let mut certified = allowed.names().to_vec();
    let name = name.map(|name| format!("{name}.local"));
    certified.extend(name.filter(|name| !certified.contains(name)));
    certified
}

/// SIGINT and SIGTERM end the program; SIGHUP also looks for a newer certificate.
fn listen_for_signals(gate: &Gate, shutdown: &Shutdown) -> Result<(), Problem> {
    let (shutdown, wakers, certificate) = (shutdown.clone(), gate.wakers(), gate.certificates());
    let end = move || {
        shutdown.begin();
        wakers.wake_all();
    };
    signals::listen(end, move || {
        if let Some(certificate) = &certificate {
            certificate.check();
        }
    })
}

/// Who may watch and change things.
fn read_users(settings: &Settings, gate: &Gate) -> Result<Access, Problem> {
    let access = Access::new(&settings.users, state_dir::path())?;
    if access.is_open() {
        let addresses = [gate.addresses(), gate.https_addresses()].concat();
        log_open(addresses.iter().all(|address| address.ip().to_canonical().is_loopback()), settings);
    }
    Ok(access)
}

/// Says what everybody may do because there are no users. Only on this computer that is nothing to warn of.
fn log_open(is_local: bool, settings: &Settings) {
    let level = if is_local { Level::Info } else { Level::Warn };
    log!(level, "{}", open_to_all(is_local, settings.record.folder.is_some()));
}

fn open_to_all(is_local: bool, can_record: bool) -> String {
    let who = if is_local {
        "every program on this computer, and everybody whom a proxy on it lets in,"
    } else {
        "everybody on the network"
    };
    let what = if can_record {
        "watch, change the cameras' settings and how pictures are turned, record, and download and delete recordings"
    } else {
        "watch, and change the cameras' settings and how pictures are turned"
    };
    format!(
        "no users are set: {who} can {what}; to change that, put what boardcam hash-password NAME prints into the \
         settings file"
    )
}

/// The cameras, and everything that takes their frames.
struct Pictures {
    feeds: Vec<Arc<Feed>>,
    variants: Arc<Variants>,
    viewers: Arc<ViewerRegistry>,
    recordings: Arc<Recordings>,
    events: Arc<Events>,
    motion: Arc<Detection>,
    playbacks: Arc<Playbacks>,
    /// The folder of a page of your own.
    page: Option<PathBuf>,
}

impl Pictures {
    /// The cameras' feeds, and the writer of each one's ring.
    fn new(
        settings: &Settings,
        page: Option<PathBuf>,
        access: &Access,
        wakers: &LoopWakers,
        shutdown: &Shutdown,
    ) -> (Self, Vec<Writer>) {
        let feed = |((name, config), motion): (&(String, _), _)| {
            let (feed, writer) = Feed::new(name.clone(), Clone::clone(config));
            let problem = settings.mistakes.as_ref().map(Mistakes::in_one);
            (Arc::new(feed.with_settings_problem(problem).with_motion(motion)), writer)
        };
        let (feeds, writers): (Vec<_>, _) = settings.cameras.iter().zip(&settings.motion).map(feed).unzip();
        let wake = || -> Box<dyn Fn() + Send + Sync> {
            let wakers = wakers.clone();
            Box::new(move || wakers.wake_for_frame())
        };
        let events = Arc::new(Events::open(state_dir::path()));
        let recordings = Recordings::new(&settings.record);
        let pictures = Self {
            variants: Variants::new(feeds.clone(), wake()),
            viewers: Arc::new(ViewerRegistry::new(access.passes())),
            motion: Detection::new(feeds.clone(), events.clone(), shutdown.clone()),
            events,
            playbacks: Playbacks::new(recordings.clone(), wake()),
            recordings,
            page,
            feeds,
        };
        (pictures, writers)
    }

    /// Everything that the site reads to answer requests.
    fn app_state(
        &self,
        settings: &Settings,
        access: Access,
        gate: &Gate,
        announced: &AnnouncedName,
        started: Instant,
    ) -> Result<AppState, Problem> {
        let kept = Arc::new(KeptSettings::new(state_dir::path()));
        kept.apply(self.feeds.iter().map(Arc::as_ref));
        Ok(AppState {
            feeds: self.feeds.clone(),
            kept,
            variants: self.variants.clone(),
            viewers: self.viewers.clone(),
            guard: Guard { access, origins: settings.origins.clone(), proxies: proxies(settings, gate) },
            recordings: self.recordings.clone(),
            motion: self.motion.clone(),
            targets: Arc::new(Targets::new(&settings.notify)),
            events: self.events.clone(),
            connections: gate.connection_counts(),
            board: Board::default(),
            addresses: addresses_to_open(gate),
            board_name: board_name(settings),
            announced: announced.clone(),
            has_own_page: self.page.is_some(),
            https_port: gate.https_addresses().first().map(SocketAddr::port),
            started,
            instance: random::secret()?,
        })
    }

    /// Starts the threads that capture, look for motion, and record.
    fn start(
        &self,
        settings: &Settings,
        writers: Vec<Writer>,
        kept: &Arc<KeptSettings>,
        wakers: &LoopWakers,
        threads: &Threads,
        shutdown: &Shutdown,
    ) -> Result<(), Problem> {
        for (feed, writer) in self.feeds.iter().zip(writers) {
            let (name, purpose) =
                (format!("camera {}", feed.name), format!("the thread of camera {}", feed.name));
            let (feed, shutdown, wakers) = (feed.clone(), shutdown.clone(), wakers.clone());
            let (keep, events) = (keep_later(kept, &feed), self.events.clone());
            threads.start(&name, &purpose, move || {
                let _scope = camera_scope(&feed.name);
                let wake = || wakers.frame_published();
                Stream::new(&feed, writer, &shutdown, &wake).with_keeping(keep).with_events(&events).run();
            })?;
        }
        self.motion.start();
        record::start(&self.recordings, &settings.record, &self.feeds, &self.events, shutdown, threads)
    }

    /// Makes the fan-out of an event loop.
    fn fanout(&self, wakers: &LoopWakers) -> impl Fn() -> Fanout + use<> {
        let (variants, viewers, wakers) = (self.variants.clone(), self.viewers.clone(), wakers.clone());
        let playbacks = self.playbacks.clone();
        let (recordings, page) = (self.recordings.folder.clone(), self.page.clone());
        move || {
            let reader = |folder: &PathBuf| {
                let wakers = wakers.clone();
                FileReader::new(folder.clone(), playbacks.smaller.clone(), move || wakers.wake_all())
            };
            let downloads = Downloads::new(recordings.as_ref().map(reader), page.as_ref().map(reader));
            Fanout::new(variants.clone(), viewers.clone())
                .with_downloads(downloads)
                .with_playbacks(playbacks.clone())
        }
    }
}

/// The proxies whose word about their clients is taken: those of the settings, and whoever may open a socket in the file
/// system, which is there for proxies.
fn proxies(settings: &Settings, gate: &Gate) -> Vec<Network> {
    let file_clients = gate.has_socket_file().then(|| Network::from(FILE_CLIENTS));
    settings.proxies.iter().copied().chain(file_clients).collect()
}

/// Where browsers are to open the page: by HTTPS if that is served.
fn addresses_to_open(gate: &Gate) -> Vec<SocketAddr> {
    let https = gate.https_addresses();
    if https.is_empty() { gate.addresses() } else { https }
}

/// What people call this board: the name that the settings give it, otherwise its host name.
fn board_name(settings: &Settings) -> String {
    let given = settings.name.clone().filter(|name| name != DEFAULT_NAME);
    given.unwrap_or_else(|| {
        let host = own_name();
        let label = host.split('.').next().unwrap_or_default();
        if ["", "localhost"].contains(&label) { DEFAULT_NAME.to_owned() } else { label.to_owned() }
    })
}

/// Says where the page is: on the network by mDNS, and on the terminal.
fn announce(
    settings: &Settings,
    gate: &Gate,
    announced: AnnouncedName,
    threads: &Threads,
    shutdown: &Shutdown,
) -> Result<(), Problem> {
    if let Some(name) = settings.name.clone() {
        let discovery =
            Discovery { name, listening: gate.addresses(), announced, shutdown: shutdown.clone() };
        // The end of the program waits for it, so that the network hears that this board is gone.
        threads.start("discovery", "being found by mDNS", move || discovery.run())?;
    }
    let https = !gate.https_addresses().is_empty();
    let mistake = settings.mistakes.as_ref().map(Mistakes::in_one);
    console::start(addresses_to_open(gate), https, mistake, shutdown.clone());
    Ok(())
}

/// Reports to the service manager that this program is ready, and its status from now on; `None` without one.
fn start_watchdog(
    gate: &Gate,
    feeds: &[Arc<Feed>],
    shutdown: &Shutdown,
) -> Result<Option<Arc<Service>>, Problem> {
    let Some(service) = Service::from_environment().map(Arc::new) else { return Ok(None) };
    let wakers = gate.wakers();
    let cameras = feeds.iter().map(|feed| Arc::clone(feed) as Arc<dyn Watched>).collect();
    let vitals = Vitals { event_loops: gate.pulses(), wake: Box::new(move || wakers.wake_all()), cameras };
    service.watch(vitals, shutdown)?;
    service.ready();
    Ok(Some(service))
}

/// Waits until cameras, files, programs that were started, and the name on the network are released.
fn take_apart(service: Option<&Service>, ended: &Ended, events: &Events) {
    if let Some(service) = service {
        service.stopping();
    }
    if !ended.wait(RELEASE_TIME) {
        error!("a camera's driver, a disk, a program or the network did not finish in time; ending anyway");
    }
    if !events.finish(EVENTS_TIME) {
        error!("the list of events could not be written in time; the last ones in it may be missing");
    }
}

/// Writes each panic to the log, as one line.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    error!("panic in thread {:?}: {}", thread.name().unwrap_or("?"), info.to_string().replace('\n', " "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_users_the_log_says_what_is_really_open_and_to_whom() {
        let all = open_to_all(false, true);
        assert!(
            all.contains("everybody on the network can watch, change the cameras' settings and how pictures are turned, record,"),
            "{all}"
        );
        assert!(all.contains("delete recordings") && all.contains("boardcam hash-password NAME"), "{all}");
        let bare = open_to_all(false, false);
        assert!(
            bare.contains("can watch, and change the cameras' settings and how pictures are turned;")
                && !bare.contains("record"),
            "{bare}"
        );
        let local = open_to_all(true, false);
        assert!(local.contains("every program on this computer") && !local.contains("network"), "{local}");
    }
}
