//! A connection as the system gives it: TCP, or a socket in the file system.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

use super::number::ClientNumber;

/// A non-blocking connection.
#[derive(Debug)]
pub enum Stream {
    /// By TCP.
    Tcp(TcpStream),
    /// By a socket in the file system (unix(7)), and the client's number, which is given again when this is dropped.
    Unix(UnixStream, ClientNumber),
}

impl Stream {
    /// Has TCP send what is written without waiting for more: frames are written whole. Other sockets never wait.
    pub fn send_at_once(&self) {
        if let Stream::Tcp(tcp) = self {
            let _ = tcp.set_nodelay(true); // refused, the last segment of a frame is late; nothing else
        }
    }

    /// Reads without taking what was read. Only for TCP: no other socket carries TLS.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing, `Unsupported` if it is not TCP.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(tcp) => tcp.peek(buffer),
            Stream::Unix(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Closes both halves or one.
    ///
    /// # Errors
    /// It is closed already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Tcp(tcp) => tcp.shutdown(how),
            Stream::Unix(unix, _) => unix.shutdown(how),
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(tcp) => (&mut &*tcp).read(buffer),
            Stream::Unix(unix, _) => (&mut &*unix).read(buffer),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(tcp) => tcp.write_vectored(parts),
            Stream::Unix(unix, _) => unix.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(()) // the system has everything already
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(tcp) => tcp.as_fd(),
            Stream::Unix(unix, _) => unix.as_fd(),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Stream::Tcp(tcp)
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Stream::Tcp(tcp) => tcp.register(registry, token, interests),
            Stream::Unix(unix, _) => unix.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Stream::Tcp(tcp) => tcp.reregister(registry, token, interests),
            Stream::Unix(unix, _) => unix.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Stream::Tcp(tcp) => tcp.deregister(registry),
            Stream::Unix(unix, _) => unix.deregister(registry),
        }
    }
}
