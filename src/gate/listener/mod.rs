//! The sockets that clients connect to: TCP's, those in the file system, and those that a service manager passes on.

mod file;
mod passed;
mod tcp;

use std::io;
use std::net::SocketAddr;
use std::os::unix::net;

use log::info;
use mio::event::Source;
use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};

use super::settings::Settings;
use super::socket_file::SCHEME;
use crate::problem::Problem;
use crate::socket::{ClientNumber, FILE_CLIENTS, Stream};
use file::SocketFileGuard;
pub use tcp::check_distinct;

/// A non-blocking socket that clients connect to.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// In the file system.
    File {
        /// Removes the file at the end, if we made it: first, so that nobody finds a file on which nobody listens.
        #[expect(dead_code, reason = "it acts when it is dropped")]
        guard: Option<SocketFileGuard>,
        /// The socket.
        listener: UnixListener,
    },
}

impl Listener {
    fn file(listener: net::UnixListener, guard: Option<SocketFileGuard>) -> Self {
        Listener::File { guard, listener: UnixListener::from_std(listener) }
    }

    /// The next connection that waits, with its client's address.
    ///
    /// # Errors
    /// That of accept(2).
    pub fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Listener::Tcp(listener) => {
                let (tcp, peer) = listener.accept()?;
                Ok((Stream::Tcp(tcp), unmapped(peer)))
            }
            Listener::File { listener, .. } => {
                let (unix, _) = listener.accept()?;
                let number = ClientNumber::next();
                let peer = SocketAddr::new(FILE_CLIENTS, number.get());
                Ok((Stream::Unix(unix, number), peer))
            }
        }
    }

    /// Its address; `None` in the file system.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::File { .. } => None,
        }
    }

    /// Where it is, as the settings would name it.
    fn place(&self) -> Option<String> {
        match self {
            Listener::Tcp(listener) => Some(listener.local_addr().ok()?.to_string()),
            Listener::File { listener, .. } => {
                let address = listener.local_addr().ok()?;
                Some(format!("{SCHEME}{}", address.as_pathname()?.display()))
            }
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Listener::Tcp(listener) => listener,
            Listener::File { listener, .. } => listener,
        }
    }
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.source().reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.source().deregister(registry)
    }
}

/// Opens what serves plain HTTP: the sockets that the service manager passes on, otherwise those of the settings.
///
/// # Errors
/// The first one that cannot be listened on.
pub fn http(settings: &Settings) -> Result<Vec<Listener>, Problem> {
    let passed = passed::take()?;
    if !passed.is_empty() {
        let places: Vec<_> = passed.iter().filter_map(Listener::place).collect();
        let (sockets, places) = (sockets(passed.len()), places.join(", "));
        info!("listening on {sockets} of the service manager, in place of --listen: {places}");
        return Ok(passed);
    }
    let mut listeners: Vec<_> =
        tcp::http(settings.listen.as_deref(), settings.port)?.into_iter().map(Listener::Tcp).collect();
    for file in &settings.socket_files {
        listeners.push(file.open()?);
    }
    Ok(listeners)
}

fn sockets(count: usize) -> String {
    if count == 1 { "a socket".to_owned() } else { format!("{count} sockets") }
}

/// Opens what serves HTTPS.
///
/// # Errors
/// The first address that cannot be listened on.
pub fn https(settings: &Settings) -> Result<Vec<Listener>, Problem> {
    Ok(tcp::https(settings.https_listen.as_deref())?.into_iter().map(Listener::Tcp).collect())
}

/// What would keep these settings from being listened on: what starting would refuse is the error; the rest may be
/// different for the service, such as its own port and its rights.
///
/// # Errors
/// The first address that this machine does not have, or that cannot be used.
pub fn check(settings: &Settings) -> Result<Vec<Problem>, Problem> {
    let mut warnings = tcp::check(settings)?;
    for file in &settings.socket_files {
        warnings.extend(file.check()?);
    }
    Ok(warnings)
}

/// The IPv4 address of a client that came by IPv4 to an IPv6 socket; any other address as it is.
fn unmapped(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
