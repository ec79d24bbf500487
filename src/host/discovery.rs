//! Makes the board found by name: answers for `NAME.local` and announces the page as `_http._tcp` (RFC 6762, RFC 6763).
//! Crate mdns-sd does the work; its daemon has a thread of its own. Started by [`crate::serve`]; the gate and `/state`
//! ask for the name. What it promises:
//!
//! - It announces only what is true: the addresses and the port that are listened on, again whenever they change, and
//!   nothing if other devices cannot reach any of them.
//! - If another device on the network has the name, it takes `NAME-2`, and so on.
//! - Nothing waits for it. Without a network, or if another program keeps port 5353, it tries again.
//!
//! mdns-sd could check by itself whether a name is free, but it does so for each interface and record alone: a board
//! with both cable and Wi-Fi on one network would hear itself on the other interface and give way to itself. So this
//! module asks for the name, and an answer counts only if its address is not this machine's. For the same reason the
//! board's own avahi may have the same name: it announces the same. If two networks are joined later and both have a
//! board with the same name, neither gives way until its addresses change or it is restarted.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use mdns_sd::{
    DaemonEvent, Error, HostnameResolutionEvent, IfKind, Metrics, Receiver, ServiceDaemon, ServiceInfo,
};

use super::addresses::{self, Endpoint, HTTP};
use super::shutdown::Shutdown;
use crate::sync::lock;

/// How often the addresses are checked for changes.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// How long a name is asked for before it is taken: time for two queries of the daemon, a second apart.
const ASK_TIME: Duration = Duration::from_millis(1500);

/// The longest random delay that is added, in milliseconds, so that boards that start together do not ask in step.
const ASK_CHANCE_MS: u32 = 1000;

/// How long another device's claim still counts after a name was taken: two boards that asked at the same time both
/// ask again.
const SETTLE_TIME: Duration = Duration::from_secs(20);

/// How often the daemon's answers are read while waiting for them.
const HEAR_PERIOD: Duration = Duration::from_millis(50);

/// How long the daemon may take to announce, and to say goodbye at the end.
const DAEMON_TIME: Duration = Duration::from_secs(1);

/// The pause after announcing failed.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// The highest number that is tried: `NAME-99`.
const NUMBER_MAX: u32 = 99;

/// The most records and timers that the daemon may keep; mdns-sd has no bound of its own against a network that invents
/// them. With more, the daemon is restarted.
const KEPT_MAX: i64 = 5000;

/// The service type, and the path of the page.
const SERVICE: &str = "_http._tcp.local.";
const PROPERTIES: [(&str, &str); 1] = [("path", "/")];

/// The name under which this board is announced now, such as `boardcam.local`. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct AnnouncedName(Arc<Mutex<Option<String>>>);

impl AnnouncedName {
    /// The name; `None` while nothing is announced.
    pub fn name(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Whether the board is announced under `name`, given in lower case.
    pub fn is(&self, name: &str) -> bool {
        self.lock().as_deref() == Some(name)
    }

    pub(crate) fn set(&self, name: Option<String>) {
        *self.lock() = name;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.0)
    }
}

/// Why announcing ended.
enum Stopped {
    /// The program ends, the addresses have changed, or another device claims the name: begin again.
    Again,
    /// It is not possible now, for this reason.
    Failed(String),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped::Failed(error.to_string())
    }
}

/// Announces this board.
#[derive(Debug)]
pub struct Discovery {
    /// The name asked for, without `.local`, in lower case.
    pub name: String,
    /// Where the program listens.
    pub listening: Vec<SocketAddr>,
    /// Set to the name under which the board is found.
    pub announced: AnnouncedName,
    /// Ends announcing.
    pub shutdown: Shutdown,
}

impl Discovery {
    /// Announces until the program ends, and then says goodbye. Returns at once if only this machine can connect. Needs
    /// a thread of its own.
    pub fn run(&self) {
        if self.listening.iter().all(|at| at.ip().is_loopback()) {
            return;
        }
        let mut complained = false;
        while !self.shutdown.has_begun() {
            let endpoints = self.endpoints();
            let Some(first) = endpoints.first() else {
                self.shutdown.wait(LOOK_PERIOD);
                continue;
            };
            debug!("mDNS: {} at {endpoints:?}", self.name);
            let Err(failed) = self.announce(&endpoints, first.address.port()) else { continue };
            if std::mem::replace(&mut complained, true) {
                debug!("mDNS: {failed}");
            } else {
                warn!(
                    "cannot announce {}.local: {failed}; trying again every {} s",
                    self.name,
                    RETRY_PAUSE.as_secs()
                );
            }
            self.shutdown.wait(RETRY_PAUSE);
        }
    }

    /// What is announced: the port of the best endpoint, and every endpoint with that port.
    fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = addresses::endpoints(&self.listening);
        let port = endpoints.first().map(|endpoint| endpoint.address.port());
        endpoints.retain(|endpoint| Some(endpoint.address.port()) == port);
        endpoints.sort_by_key(|endpoint| (endpoint.interface, endpoint.address)); // another order of the same endpoints is not a change
        endpoints
    }

    /// Announces these endpoints until they change, with a daemon of their own: the next one has fresh sockets and does
    /// not remember networks that are gone.
    fn announce(&self, endpoints: &[Endpoint], port: u16) -> Result<(), String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let ended = self.claim_and_keep(&daemon, endpoints, port);
        self.announced.set(None);
        // The daemon says goodbye for what was announced.
        match daemon.shutdown().map(|ended| ended.recv_timeout(DAEMON_TIME)) {
            Ok(Ok(_)) => {}
            failed => debug!("mDNS: the daemon did not end: {failed:?}"),
        }
        match ended {
            Err(Stopped::Failed(why)) => Err(why),
            Err(Stopped::Again) | Ok(()) => Ok(()),
        }
    }

    fn claim_and_keep(
        &self,
        daemon: &ServiceDaemon,
        endpoints: &[Endpoint],
        port: u16,
    ) -> Result<(), Stopped> {
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        let mut numbers = 1..=NUMBER_MAX;
        let (label, claims) = loop {
            let Some(number) = numbers.next() else {
                return Err(Stopped::Failed(format!("all names up to {}-{NUMBER_MAX} are taken", self.name)));
            };
            let label = numbered(&self.name, number);
            if let Some(claims) = self.ask(daemon, &label)? {
                break (label, claims);
            }
            info!("{label}.local belongs to another device on this network");
        };
        let host = format!("{label}.local.");
        let ips: Vec<IpAddr> = endpoints.iter().map(|endpoint| endpoint.address.ip()).collect();
        let mut info = ServiceInfo::new(SERVICE, &label, &host, ips.as_slice(), port, &PROPERTIES[..])?;
        info.set_requires_probe(false); // this module has asked for it
        let events = daemon.monitor()?;
        self.announced.set(Some(format!("{label}.local"))); // first, since a client may come as soon as it hears of it
        daemon.register(info)?;
        self.await_announcement(&events)?;
        let shown = if port == HTTP { String::new() } else { format!(":{port}") };
        info!("announced on the network as http://{label}.local{shown}/");
        self.settle(endpoints, &claims)?;
        debug!("mDNS: settled as {label}.local");
        daemon.stop_resolve_hostname(&host)?; // otherwise it would ask again every other minute
        self.keep(daemon, endpoints)
    }

    /// Asks the network for a name. `None` if another device has it, otherwise the receiver of later claims to it.
    fn ask(
        &self,
        daemon: &ServiceDaemon,
        label: &str,
    ) -> Result<Option<Receiver<HostnameResolutionEvent>>, Stopped> {
        let host = format!("{label}.local.");
        let claims = daemon.resolve_hostname(&host, None)?;
        let chance = getrandom::u32().unwrap_or_default() % ASK_CHANCE_MS;
        let until = Instant::now() + ASK_TIME + Duration::from_millis(u64::from(chance));
        while Instant::now() < until {
            if claimed_elsewhere(&claims) {
                daemon.stop_resolve_hostname(&host)?;
                return Ok(None);
            }
            self.pause(HEAR_PERIOD)?;
        }
        Ok(Some(claims))
    }

    /// Waits for the announcement: a daemon that could open no socket does not say so, but announces nothing.
    fn await_announcement(&self, events: &Receiver<DaemonEvent>) -> Result<(), Stopped> {
        let until = Instant::now() + DAEMON_TIME;
        while Instant::now() < until {
            if events.try_iter().any(|event| matches!(event, DaemonEvent::Announce(..))) {
                return Ok(());
            }
            self.pause(HEAR_PERIOD)?;
        }
        Err(Stopped::Failed("nothing can be sent from port 5353; another program may be using it".to_owned()))
    }

    /// Waits for another device that has taken the same name at the same time.
    fn settle(
        &self,
        endpoints: &[Endpoint],
        claims: &Receiver<HostnameResolutionEvent>,
    ) -> Result<(), Stopped> {
        let until = Instant::now() + SETTLE_TIME;
        while Instant::now() < until {
            if claimed_elsewhere(claims) {
                info!("another device has taken the same name at the same time; asking again");
                return Err(Stopped::Again);
            }
            self.check(endpoints)?;
        }
        Ok(())
    }

    /// Returns when the addresses have changed.
    fn keep(&self, daemon: &ServiceDaemon, endpoints: &[Endpoint]) -> Result<(), Stopped> {
        loop {
            let kept = daemon.get_metrics()?.recv_timeout(DAEMON_TIME).as_ref().map_or(KEPT_MAX, kept);
            if kept >= KEPT_MAX {
                return Err(Stopped::Failed(format!(
                    "the daemon keeps {kept} records, more than a real network has"
                )));
            }
            self.check(endpoints)?;
        }
    }

    /// Waits a while; an error if the addresses have changed or the program ends.
    fn check(&self, endpoints: &[Endpoint]) -> Result<(), Stopped> {
        self.pause(LOOK_PERIOD)?;
        if self.endpoints() == endpoints { Ok(()) } else { Err(Stopped::Again) }
    }

    /// Waits; an error if the program ends.
    fn pause(&self, time: Duration) -> Result<(), Stopped> {
        if self.shutdown.wait(time) { Err(Stopped::Again) } else { Ok(()) }
    }
}

/// The records and timers that the daemon keeps.
fn kept(metrics: &Metrics) -> i64 {
    let counts = |name: &str| name.starts_with("cached-") || name == "timer";
    metrics.iter().filter(|(name, _)| counts(name)).map(|(_, count)| count).sum()
}

/// Whether one of these claims names an address that is not this machine's.
fn claimed_elsewhere(claims: &Receiver<HostnameResolutionEvent>) -> bool {
    let addresses = claims.try_iter().filter_map(|event| match event {
        HostnameResolutionEvent::AddressesFound(_, addresses) => Some(addresses),
        _ => None,
    });
    let theirs: HashSet<IpAddr> = addresses.flatten().map(|address| address.to_ip_addr()).collect();
    if theirs.is_empty() {
        return false;
    }
    let own = addresses::own();
    theirs.iter().any(|address| !own.contains(address))
}

/// `NAME`, `NAME-2`, `NAME-3` and so on.
fn numbered(name: &str, number: u32) -> String {
    if number == 1 { name.to_owned() } else { format!("{name}-{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_announced_name() {
        let announced = AnnouncedName::default();
        let clone = announced.clone();
        assert!(!clone.is("boardcam.local") && clone.name().is_none());
        announced.set(Some("boardcam-2.local".to_owned()));
        assert!(clone.is("boardcam-2.local") && !clone.is("boardcam.local"));
        announced.set(None);
        assert!(!clone.is("boardcam-2.local"));
    }

    #[test]
    fn the_second_board_of_a_name_has_a_number() {
        let names = (1..=3).map(|number| numbered("boardcam", number));
        assert_eq!(names.collect::<Vec<_>>(), ["boardcam", "boardcam-2", "boardcam-3"]);
    }

    #[test]
    fn a_server_that_only_this_machine_reaches_is_not_announced() {
        let discovery = Discovery {
            name: "boardcam".to_owned(),
            listening: vec!["127.0.0.1:8080".parse().unwrap(), "[::1]:8080".parse().unwrap()],
            announced: AnnouncedName::default(),
            shutdown: Shutdown::default(),
        };
        discovery.run(); // returns, though nothing ends it
        assert_eq!(discovery.announced.name(), None);
    }
}
