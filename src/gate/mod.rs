//! The only part of the program that the network can reach.
//!
//! It accepts and counts connections, reads one bounded request at a time, lets a relay carry it to the site, and
//! sends the whole answer. Where the site orders it, it hands the socket to the fan-out, which shares its event
//! loop. It knows no URLs. What it promises:
//!
//! - Nothing that a client sends or leaves unsent stops another client: all waits are states with a deadline,
//!   all sizes have a bound ([`limits`]).
//! - The site sees only requests that cannot be read in two ways, and no client's slowness reaches it. A header says
//!   which requests came encrypted ([`crate::protocol::SECURE_HEADER`]); no client can set it.
//! - It leaves descriptors and memory free for the rest of the process: while memory is short, no new client is
//!   served.
//! - HTTPS ([`tls`]) has an event loop and a thread of its own, so that encryption and handshakes delay no plain
//!   viewer. The two share the relays and the connection limit, but no lock that is held for longer than a look-up.
//! - When all connections that are allowed are in use, idle ones make room, first of the client that has most
//!   ([`connection_limit`]). So one client that opens too many harms only itself.

pub mod answer;
pub mod authority;
mod connection;
mod connection_limit;
mod event_loop;
mod fair_queue;
pub mod head;
pub mod hosts;
pub mod limits;
mod listener;
mod loop_waker;
pub mod relay;
mod settings;
mod socket_file;
pub mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use log::warn;
use rustix::process::setpriority_process;

use crate::fanout::Fanout;
use crate::host::service::Pulse;
use crate::host::shutdown::Shutdown;
use crate::problem::Problem;
pub use connection_limit::ConnectionCounts;
use connection_limit::ConnectionLimit;
use event_loop::{EventLoop, Port};
use hosts::AllowedHosts;
use limits::{DISPLACED_MAX, RESERVED_FILES};
pub use listener::{check as check_addresses, check_distinct};
pub use loop_waker::LoopWakers;
use relay::{Relays, SharedUpstream};
pub use settings::{Settings, every_address};
pub use socket_file::SocketFile;
use tls::CertificateStore;

/// The nice value of HTTPS's event loop. Clients that do handshakes as fast as they can then take a third of a
/// processor's time from plain viewers, not half, and plain viewers are served at once when a frame comes (sched(7)).
const HTTPS_NICE: i32 = 5;

/// What is wrong with these settings beside what their text says: the certificate and its key cannot be used. Nothing
/// is made or opened.
///
/// # Errors
/// Why not.
pub fn check_certificate(settings: &Settings) -> Result<(), Problem> {
    CertificateStore::check_files(&settings.https)
}

/// The gate's sockets, open but not served yet.
#[derive(Debug)]
pub struct Gate {
    plain: Port,
    /// HTTPS, and the store of its certificate.
    secure: Option<(Port, Arc<CertificateStore>)>,
    allowed_hosts: AllowedHosts,
    connection_limit: ConnectionLimit,
}

impl Gate {
    /// Opens the sockets that the settings ask for. `certified` are the names that a certificate made here covers,
    /// `open_files` the number of files that this process may open, `reserved` how many of them other modules need.
    ///
    /// # Errors
    /// An address that cannot be listened on, too few descriptors for even one client, or a certificate that cannot be
    /// used.
    pub fn open(
        settings: &Settings,
        allowed_hosts: AllowedHosts,
        certified: &[String],
        open_files: usize,
        reserved: usize,
    ) -> Result<Self, Problem> {
        let reserved = RESERVED_FILES + reserved;
        let spare = open_files.saturating_sub(reserved);
        let limit = settings.max_connections.min(spare - DISPLACED_MAX.min(spare / 4));
        if limit == 0 {
            return Err(Problem::new(
                "cannot serve anybody",
                format!("the system lets this process open only {open_files} files"),
                format!("allow at least {}: ulimit -n {}", reserved + 16, reserved + 16),
            ));
        }
        if limit < settings.max_connections {
            warn!(
                "serving at most {limit} connections: the system lets this process open only {open_files} files; \
                 raise that with ulimit -n"
            );
        }
        let plain = Port::open(listener::http(settings)?, None)?;
        let secure = match CertificateStore::open(&settings.https, certified)? {
            None => None,
            Some(store) => {
                let config = tls::config(store.clone()).map_err(|error| {
                    let advice = "is this processor one that boardcam was built for?";
                    Problem::new("cannot serve HTTPS", error.to_string(), advice)
                })?;
                let listeners = listener::https(settings)?;
                Some((Port::open(listeners, Some(config))?, store))
            }
        };
        // In the order of the event loops' indices.
        let ports = [Some(&plain), secure.as_ref().map(|(port, _)| port)];
        let wakers = ports.into_iter().flatten().map(|port| port.waker.clone());
        let connection_limit = ConnectionLimit::new(limit, wakers);
        Ok(Self { plain, secure, allowed_hosts, connection_limit })
    }

    fn ports(&self) -> impl Iterator<Item = &Port> {
        std::iter::once(&self.plain).chain(self.secure.as_ref().map(|(port, _)| port))
    }

    /// Wakes the event loops when there is a new frame or the program ends.
    pub fn wakers(&self) -> LoopWakers {
        LoopWakers(self.ports().map(|port| port.waker.clone()).collect())
    }

    /// The numbers of connections, which stay up to date.
    pub fn connection_counts(&self) -> Arc<ConnectionCounts> {
        self.connection_limit.counts()
    }

    /// Each event loop's pulse, which beats with each of its rounds.
    pub fn pulses(&self) -> Vec<Arc<Pulse>> {
        self.ports().map(|port| port.pulse.clone()).collect()
    }

    /// Whether it listens on a socket in the file system.
    pub fn has_socket_file(&self) -> bool {
        self.ports().any(Port::has_socket_file)
    }

    /// The addresses that it listens on for plain HTTP.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.plain.addresses()
    }

    /// The addresses that it listens on for HTTPS; empty without it.
    pub fn https_addresses(&self) -> Vec<SocketAddr> {
        self.secure.as_ref().map_or_else(Vec::new, |(port, _)| port.addresses())
    }

    /// The store of HTTPS's certificate; `None` without HTTPS.
    pub fn certificates(&self) -> Option<Arc<CertificateStore>> {
        self.secure.as_ref().map(|(_, store)| store.clone())
    }

    /// Serves until the program ends, with a fan-out for each event loop.
    ///
    /// # Errors
    /// When the system cannot start threads, or a loop can no longer wait for events.
    pub fn serve(
        self,
        fanout: impl Fn() -> Fanout,
        upstream: &SharedUpstream,
        shutdown: &Shutdown,
    ) -> io::Result<()> {
        let wakers = self.wakers();
        let relays = Relays::start(upstream)?;
        let (hosts, limit) = (Arc::new(self.allowed_hosts), Arc::new(self.connection_limit));
        let new_loop =
            |index, port| EventLoop::new(index, port, hosts.clone(), limit.clone(), fanout(), &relays);
        let mut plain = new_loop(0, self.plain);
        let Some((port, store)) = self.secure else { return plain.run(shutdown) };
        let mut secure = new_loop(1, port);
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let for_store = shutdown.clone();
        named("certificate").spawn(move || store.run(&for_store))?;
        let (for_secure, for_plain) = (shutdown.clone(), wakers.clone());
        let https = named("https").spawn(move || {
            // For the calling thread only, as in `variants`. If it is refused, both loops have the same priority.
            let _ = setpriority_process(None, HTTPS_NICE);
            let ended = secure.run(&for_secure);
            for_secure.begin(); // neither loop runs without the other
            for_plain.wake_all();
            ended
        })?;
        let ended = plain.run(shutdown);
        shutdown.begin();
        wakers.wake_all();
        ended.and(https.join().unwrap_or_else(|_| Err(io::Error::other("the event loop of HTTPS panicked"))))
    }
}
