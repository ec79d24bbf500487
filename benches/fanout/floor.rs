//! The floors: the least that any camera server must do, in plain and encrypted by rustls.
//!
//! One thread takes each frame from the same camera as boardcam, adds the Huffman tables that it lacks, and gives every
//! viewer part header, JPEG and boundary in one call. There are no requests, no deadlines and no other threads.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use boardcam::camera::{Frame, Source};
use boardcam::multipart;
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection};

use crate::{Outcome, RATE, SCAN, service};

/// What comes before the first part.
const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\n\r\n";

/// How long the camera may take for a frame.
const PATIENCE: Duration = Duration::from_secs(1);

/// The marker before which Huffman tables must stand (SOS).
const SOS: [u8; 2] = [0xff, 0xda];

/// A viewer of a floor.
pub trait Viewer {
    /// Gives it the part that these pieces make up. What its socket does not take waits for the next frame.
    fn give(&mut self, part: &[&[u8]; PIECES]) -> io::Result<()>;
}

/// Part header, JPEG up to its scan, Huffman tables, the rest of the JPEG, boundary.
const PIECES: usize = 5;

/// Serves so many viewers until the first of them goes.
pub fn run<V: Viewer>(
    listener: &TcpListener,
    viewers: usize,
    accept: impl Fn(TcpStream) -> io::Result<V>,
) -> Outcome<()> {
    let mut watching = Vec::new();
    for _ in 0..viewers {
        watching.push(accept(listener.accept()?.0)?);
    }
    let mut camera = service::Memory::new(SCAN, RATE);
    let tables = tables();
    loop {
        let Some(Frame { bytes, .. }) = camera.next(PATIENCE).map_err(|error| error.0.to_string())? else {
            continue;
        };
        let scan =
            bytes.windows(SOS.len()).position(|marker| marker == SOS).ok_or("a JPEG without a scan")?;
        let head = multipart::part_head(bytes.len() + tables.len(), SystemTime::now());
        let part = [head.as_bytes(), &bytes[..scan], &tables, &bytes[scan..], multipart::TRAILER];
        for viewer in &mut watching {
            viewer.give(&part)?;
        }
    }
}

/// What mending adds to the camera's JPEGs.
fn tables() -> Vec<u8> {
    let bare = service::bare_jpeg(SCAN);
    let mended = service::mended(&bare);
    let scan = bare.iter().zip(&mended).position(|(bare, mended)| bare != mended);
    let begin = scan.unwrap_or_default() - 1; // tables and scan both begin with FF
    mended[begin..][..mended.len() - bare.len()].to_vec()
}

/// A viewer in plain.
pub struct Plain {
    socket: TcpStream,
    /// Bytes of the part that it has begun to take. All parts have the same length.
    sent: usize,
}

impl Plain {
    pub fn accept(mut socket: TcpStream) -> io::Result<Self> {
        socket.write_all(&[HEAD, multipart::OPENING].concat())?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, sent: 0 })
    }

    /// Gives it what it did not take of the part yet.
    fn give_rest(&mut self, part: &[&[u8]; PIECES]) -> io::Result<()> {
        let mut pieces = part.map(IoSlice::new);
        let mut rest = &mut pieces[..];
        IoSlice::advance_slices(&mut rest, self.sent);
        match self.socket.write_vectored(rest) {
            Ok(count) => {
                self.sent = (self.sent + count) % part.iter().map(|piece| piece.len()).sum::<usize>()
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Viewer for Plain {
    fn give(&mut self, part: &[&[u8]; PIECES]) -> io::Result<()> {
        let behind = self.sent > 0;
        self.give_rest(part)?;
        if behind && self.sent == 0 { self.give_rest(part) } else { Ok(()) }
    }
}

/// A viewer over TLS.
pub struct Encrypted {
    socket: TcpStream,
    tls: ServerConnection,
}

impl Encrypted {
    pub fn accept(mut socket: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let mut tls = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        tls.set_buffer_limit(None); // so that a part is one call
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        tls.writer().write_all(&[HEAD, multipart::OPENING].concat())?;
        while tls.wants_write() {
            tls.write_tls(&mut socket)?;
        }
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, tls })
    }

    /// Sends what is encrypted, as much as the socket takes.
    fn push(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Viewer for Encrypted {
    fn give(&mut self, part: &[&[u8]; PIECES]) -> io::Result<()> {
        self.push()?;
        if !self.tls.wants_write() {
            let _all = self.tls.writer().write_vectored(&part.map(IoSlice::new))?; // there is no limit
            self.push()?;
        }
        Ok(())
    }
}

/// The same versions and ciphers as boardcam's, with a certificate that is made now.
pub fn tls() -> Outcome<Arc<ServerConfig>> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
    Ok(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key)?))
}
