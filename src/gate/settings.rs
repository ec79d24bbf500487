//! The gate's settings.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::socket_file::SocketFile;
use super::tls::Https;

/// Where to listen, with which certificate, and for how many connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen for plain HTTP; `None` is [`Settings::port`] on every address there is.
    pub listen: Option<Vec<SocketAddr>>,
    /// The port for plain HTTP where `listen` is `None`.
    pub port: u16,
    /// Whether HTTPS is served, and with which certificate.
    pub https: Https,
    /// Where to listen for HTTPS; `None` is [`Settings::DEFAULT_TLS_LISTEN`].
    pub https_listen: Option<Vec<SocketAddr>>,
    /// Sockets in the file system to serve plain HTTP on as well.
    pub socket_files: Vec<SocketFile>,
    /// The most connections at once.
    pub max_connections: usize,
}

impl Settings {
    /// The address for HTTPS when none is set; port 443 would need root.
    pub const DEFAULT_TLS_LISTEN: SocketAddr = every_address(8443);

    /// The number of event loops: one for plain HTTP, one for HTTPS.
    pub fn event_loops(&self) -> usize {
        1 + usize::from(self.https != Https::Off)
    }
}

/// `port` on every address of the machine.
pub const fn every_address(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}
