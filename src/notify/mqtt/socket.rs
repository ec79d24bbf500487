//! The connection to a broker, plain or by TLS. Every call ends in a bounded time.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::broker::Broker;
use crate::notify::{look_up, tls};
use crate::problem::{Problem, Text, text};

/// How long a read waits.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// How long a name is looked up, each address is tried, a handshake may take, and a broker may take for one message.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub(super) struct Socket {
    tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

/// Why a connection failed: what the system said, and what to do if that is not plain.
pub(super) enum Failure {
    System(io::Error),
    Said(Text),
    Problem(Problem),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<look_up::Failure> for Failure {
    fn from(failure: look_up::Failure) -> Self {
        match failure {
            look_up::Failure::System(error) => Self::System(error),
            look_up::Failure::TimedOut => {
                Self::Said(text!("its name was not found within {} s", PATIENCE.as_secs()))
            }
            look_up::Failure::Problem(problem) => Self::Problem(problem),
        }
    }
}

impl From<rustls::Error> for Failure {
    fn from(error: rustls::Error) -> Self {
        Self::Said(text!("no encrypted connection can be made: {}", error.to_string()))
    }
}

impl Socket {
    /// Connects, and makes the TLS handshake if there is to be one.
    pub(super) fn connect(broker: &Broker, addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let tcp = connect(addresses)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(TICK))?;
        tcp.set_write_timeout(Some(TICK))?;
        let mut socket = Self { tcp, tls: None };
        if broker.is_encrypted() {
            let mut tls = new_tls(broker)?;
            handshake(&mut tls, &mut socket.tcp)?;
            socket.tls = Some(Box::new(tls));
        }
        Ok(socket)
    }

    /// Reads what has come; `None` if nothing comes within a [`TICK`].
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else { return unless_late(self.tcp.read(buffer)) };
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read.map(Some),
        }
        if unless_late(tls.read_tls(&mut self.tcp))? == Some(0) {
            return Ok(Some(0));
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        unless_late(tls.reader().read(buffer))
    }

    /// Writes all of it.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !bytes.is_empty() {
            let written = match &mut self.tls {
                // It takes as much as its buffer holds, which is then sent.
                Some(tls) => Some(tls.writer().write(bytes)?),
                None => unless_late(self.tcp.write(bytes))?,
            };
            bytes = bytes.get(written.unwrap_or(0)..).unwrap_or_default();
            while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
                unless_late(tls.write_tls(&mut self.tcp))?;
                in_time(end)?;
            }
            in_time(end)?;
        }
        Ok(())
    }
}

fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "its name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn new_tls(broker: &Broker) -> Result<ClientConnection, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(tls::roots(&broker.shown()).map_err(Failure::Problem)?);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = broker.host().to_owned();
    let name = ServerName::try_from(host)
        .map_err(|_| Failure::Said(text!("no certificate can be for this name")))?;
    Ok(ClientConnection::new(Arc::new(config), name)?)
}

fn handshake(tls: &mut ClientConnection, tcp: &mut TcpStream) -> Result<(), Failure> {
    let end = Instant::now() + PATIENCE;
    while tls.is_handshaking() || tls.wants_write() {
        in_time(end)?;
        if tls.wants_write() {
            unless_late(tls.write_tls(tcp))?;
        } else {
            if unless_late(tls.read_tls(tcp))? == Some(0) {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            tls.process_new_packets()?;
        }
    }
    Ok(())
}

fn in_time(end: Instant) -> io::Result<()> {
    if Instant::now() < end { Ok(()) } else { Err(ErrorKind::TimedOut.into()) }
}

/// `None` if it only took too long, for now.
fn unless_late(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(length) => Ok(Some(length)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
