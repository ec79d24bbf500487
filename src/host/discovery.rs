//! Found by name: answers for `NAME.local` and announces the page as `_http._tcp` (RFC 6762, RFC 6763), by crate
//! mdns-sd, whose daemon has a thread of its own. Started by [`crate::serve`]; the gate and `/state` ask for
//! the name. What it promises:
//!
//! - It says only what is true: the addresses and the port that are listened on, anew whenever they change, and
//!   nothing where other devices reach none of them.
//! - A name that somebody else on the network has is left to them: then it is `NAME-2`, and so on.
//! - Nobody waits for it. Without a network, or with port 5353 kept by another program, it tries again.
//!
//! mdns-sd could look by itself whether a name is free, but does so for each interface and record alone: a board
//! with cable and Wi-Fi in the same network would hear itself on the other one and take flight. So the name is
//! asked for here, and an answer counts only if the address in it is not this machine's. For the same reason
//! the board's own avahi may have the same name: it says the same. When two networks become one later on, and
//! both have a board of the same name, neither gives way until its addresses change or it is started again.

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

/// How often it looks whether addresses have come or gone.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// How long a name is asked for before it is taken: time for two of the daemon's questions, a second apart.
const ASK_TIME: Duration = Duration::from_millis(1500);

/// Up to so many milliseconds more, by chance, so that boards that start together do not ask in step.
const ASK_CHANCE_MS: u32 = 1000;

/// How long after a name was taken somebody else's claim to it still counts: two boards that asked together
/// both ask again.
const SETTLE_TIME: Duration = Duration::from_secs(20);

/// Between two looks at what the daemon has heard while it is waited for.
const HEAR_PERIOD: Duration = Duration::from_millis(50);

/// How long the daemon may take to announce, and at the end to say goodbye.
const DAEMON_TIME: Duration = Duration::from_secs(1);

/// Pause after it could not be announced.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// The last number that is tried: `NAME-99`.
const NUMBER_MAX: u32 = 99;

/// Records and timers that the daemon may keep; mdns-sd has no bound of its own against a network that makes
/// them up. With more of them it is started anew.
const KEPT_MAX: i64 = 5000;

/// The service, and where on it the page is.
const SERVICE: &str = "_http._tcp.local.";
const PROPERTIES: [(&str, &str); 1] = [("path", "/")];

/// The name under which this board is announced now, such as `boardcam.local`. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Announced(Arc<Mutex<Option<String>>>);

impl Announced {
    /// The name; `None` while there is none.
    pub fn name(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Whether it is announced under this name, in lower case.
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

/// Why an attempt to be found, or being found, ended.
enum Ended {
    /// The program ends, or addresses have come or gone, or somebody else claims the name: begin again.
    Again,
    /// It cannot be done now.
    Failed(String),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Ended::Failed(error.to_string())
    }
}

/// What is to be found.
#[derive(Debug)]
pub struct Discovery {
    /// The name asked for, without `.local`, in lower case.
    pub name: String,
    /// Where the program listens.
    pub listening: Vec<SocketAddr>,
    /// Where it says under which name it is found.
    pub announced: Announced,
    /// Ends it.
    pub shutdown: Shutdown,
}

impl Discovery {
    /// Announces until the program ends, and then says goodbye; at once if only this machine can connect. The
    /// caller gives it a thread.
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
            let Err(failed) = self.be_found(&endpoints, first.address.port()) else { continue };
            if std::mem::replace(&mut complained, true) {
                debug!("mDNS: {failed}");
            } else {
                warn!("cannot be found as {}.local: {failed}; trying again every now and then", self.name);
            }
            self.shutdown.wait(RETRY_PAUSE);
        }
    }

    /// What is announced: one port, the best endpoint's, and every endpoint that has it.
    fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = addresses::endpoints(&self.listening);
        let port = endpoints.first().map(|endpoint| endpoint.address.port());
        endpoints.retain(|endpoint| Some(endpoint.address.port()) == port);
        endpoints.sort_by_key(|endpoint| (endpoint.interface, endpoint.address)); // the same in another order is no change
        endpoints
    }

    /// Is found at these endpoints until they change. A daemon lives as long: it then forgets what it heard of
    /// others at endpoints that are no more, and opens its sockets anew.
    fn be_found(&self, endpoints: &[Endpoint], port: u16) -> Result<(), String> {
        let daemon = ServiceDaemon::new().map_err(|error| error.to_string())?;
        let ended = self.claim_and_keep(&daemon, endpoints, port);
        self.announced.set(None);
        // Says goodbye for what is announced.
        match daemon.shutdown().map(|ended| ended.recv_timeout(DAEMON_TIME)) {
            Ok(Ok(_)) => {}
            failed => debug!("mDNS: no end: {failed:?}"),
        }
        match ended {
            Err(Ended::Failed(why)) => Err(why),
            Err(Ended::Again) | Ok(()) => Ok(()),
        }
    }

    fn claim_and_keep(&self, daemon: &ServiceDaemon, endpoints: &[Endpoint], port: u16) -> Result<(), Ended> {
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        let mut numbers = 1..=NUMBER_MAX;
        let (label, claims) = loop {
            let Some(number) = numbers.next() else {
                return Err(Ended::Failed(format!("all names up to {}-{NUMBER_MAX} are taken", self.name)));
            };
            let label = numbered(&self.name, number);
            if let Some(claims) = self.ask(daemon, &label)? {
                break (label, claims);
            }
            info!("{label}.local is somebody else's on this network");
        };
        let host = format!("{label}.local.");
        let ips: Vec<IpAddr> = endpoints.iter().map(|endpoint| endpoint.address.ip()).collect();
        let mut info = ServiceInfo::new(SERVICE, &label, &host, ips.as_slice(), port, &PROPERTIES[..])?;
        info.set_requires_probe(false); // it was asked for
        let events = daemon.monitor()?;
        self.announced.set(Some(format!("{label}.local"))); // before: whoever hears of it comes at once
        daemon.register(info)?;
        self.await_announcement(&events)?;
        let shown = if port == HTTP { String::new() } else { format!(":{port}") };
        info!("found as http://{label}.local{shown}/");
        self.settle(endpoints, &claims)?;
        debug!("mDNS: settled as {label}.local");
        daemon.stop_resolve_hostname(&host)?; // else it would ask again every other minute
        self.keep(daemon, endpoints)
    }

    /// Asks the network for a name. `None` if somebody else has it, else where further claims to it are heard.
    fn ask(
        &self,
        daemon: &ServiceDaemon,
        label: &str,
    ) -> Result<Option<Receiver<HostnameResolutionEvent>>, Ended> {
        let host = format!("{label}.local.");
        let claims = daemon.resolve_hostname(&host, None)?;
        let chance = getrandom::u32().unwrap_or_default() % ASK_CHANCE_MS;
        let until = Instant::now() + ASK_TIME + Duration::from_millis(u64::from(chance));
        while Instant::now() < until {
            if somebody_elses(&claims) {
                daemon.stop_resolve_hostname(&host)?;
                return Ok(None);
            }
            self.pause(HEAR_PERIOD)?;
        }
        Ok(Some(claims))
    }

    /// The daemon does not say that it could open no socket; but then it announces nothing.
    fn await_announcement(&self, events: &Receiver<DaemonEvent>) -> Result<(), Ended> {
        let until = Instant::now() + DAEMON_TIME;
        while Instant::now() < until {
            if events.try_iter().any(|event| matches!(event, DaemonEvent::Announce(..))) {
                return Ok(());
            }
            self.pause(HEAR_PERIOD)?;
        }
        Err(Ended::Failed("nothing can be sent from port 5353; another program may keep it".to_owned()))
    }

    /// Looks for somebody else who has taken the same name at the same time.
    fn settle(
        &self,
        endpoints: &[Endpoint],
        claims: &Receiver<HostnameResolutionEvent>,
    ) -> Result<(), Ended> {
        let until = Instant::now() + SETTLE_TIME;
        while Instant::now() < until {
            if somebody_elses(claims) {
                info!("somebody else has taken the same name at the same time; asking again");
                return Err(Ended::Again);
            }
            self.look(endpoints)?;
        }
        Ok(())
    }

    /// Returns when addresses have come or gone.
    fn keep(&self, daemon: &ServiceDaemon, endpoints: &[Endpoint]) -> Result<(), Ended> {
        loop {
            let kept = daemon.get_metrics()?.recv_timeout(DAEMON_TIME).as_ref().map_or(KEPT_MAX, kept);
            if kept >= KEPT_MAX {
                return Err(Ended::Failed(format!("its {kept} records are more than a network has")));
            }
            self.look(endpoints)?;
        }
    }

    /// Waits a while, and ends if addresses have come or gone, or the program ends.
    fn look(&self, endpoints: &[Endpoint]) -> Result<(), Ended> {
        self.pause(LOOK_PERIOD)?;
        if self.endpoints() == endpoints { Ok(()) } else { Err(Ended::Again) }
    }

    /// Waits, unless the program ends.
    fn pause(&self, time: Duration) -> Result<(), Ended> {
        if self.shutdown.wait(time) { Err(Ended::Again) } else { Ok(()) }
    }
}

/// How many records and timers the daemon has.
fn kept(metrics: &Metrics) -> i64 {
    let counts = |name: &str| name.starts_with("cached-") || name == "timer";
    metrics.iter().filter(|(name, _)| counts(name)).map(|(_, count)| count).sum()
}

/// Whether one of these claims is to an address that is not this machine's.
fn somebody_elses(claims: &Receiver<HostnameResolutionEvent>) -> bool {
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
    fn clones_tell_the_name_that_is_announced_and_no_other() {
        let announced = Announced::default();
        let clone = announced.clone();
        assert!(!clone.is("boardcam.local") && clone.name().is_none());
        announced.set(Some("boardcam-2.local".to_owned()));
        assert!(clone.is("boardcam-2.local") && !clone.is("boardcam.local"));
        announced.set(None);
        assert!(!clone.is("boardcam-2.local"));
    }

    #[test]
    fn the_second_of_a_name_has_a_number() {
        let names = (1..=3).map(|number| numbered("boardcam", number));
        assert_eq!(names.collect::<Vec<_>>(), ["boardcam", "boardcam-2", "boardcam-3"]);
    }

    #[test]
    fn a_program_that_only_this_machine_reaches_is_not_announced() {
        let discovery = Discovery {
            name: "boardcam".to_owned(),
            listening: vec!["127.0.0.1:8080".parse().unwrap(), "[::1]:8080".parse().unwrap()],
            announced: Announced::default(),
            shutdown: Shutdown::default(),
        };
        discovery.run(); // returns, though nobody ends it
        assert_eq!(discovery.announced.name(), None);
    }
}
