//! A client's connection as bytes in and out: plain, or TLS over it. Used by [`crate::gate`], which takes
//! requests from it, and by [`crate::fanout`], which sends frames; neither needs to know which of the two it is.
//!
//! No call blocks. For plain connections, one call here is one system call, straight from the caller's memory. For
//! TLS, at most [`tls::AHEAD`] and one record are encrypted and not sent yet.

mod number;
mod stream;
mod tls;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;

pub use number::ClientNumber;
pub use stream::Stream;
use tls::Tls;

/// Stands for the address of the clients of a socket in the file system, which have none; their port is a number that tells
/// them apart ([`ClientNumber`]). No TCP client has it.
pub const FILE_CLIENTS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// A client's address for people: that of TCP, or `unix:NUMBER`.
pub fn shown(client: SocketAddr) -> String {
    if client.ip() == FILE_CLIENTS { format!("unix:{}", client.port()) } else { client.to_string() }
}

/// One client's connection; its stream is non-blocking.
#[derive(Debug)]
pub enum Socket {
    /// Not encrypted.
    Plain(Stream),
    /// TLS.
    Tls(Box<Tls>),
}

/// How far a non-blocking operation got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It is complete.
    Done,
    /// It continues when the socket is ready again.
    WouldBlock,
}

/// What a sending call has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of the caller's data that were taken.
    pub taken: usize,
    /// Bytes that the system took, which shows that the client makes progress.
    pub moved: usize,
}

impl Socket {
    /// The server's side of TLS on a connection on which nothing has been read or sent yet.
    ///
    /// # Errors
    /// When rustls refuses its settings.
    pub fn tls(stream: Stream, config: &Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Socket::Tls(Box::new(Tls::new(stream, config)?)))
    }

    /// The stream below, for its options.
    pub fn stream(&self) -> &Stream {
        match self {
            Socket::Plain(stream) => stream,
            Socket::Tls(tls) => &tls.stream,
        }
    }

    /// Whether it is encrypted.
    pub fn is_secure(&self) -> bool {
        matches!(self, Socket::Tls(_))
    }

    /// Continues the TLS handshake; a plain connection has none, so it is always done.
    ///
    /// # Errors
    /// The client disconnected, or its handshake is wrong; then an alert that says so is being sent.
    pub fn handshake(&mut self) -> io::Result<Progress> {
        match self {
            Socket::Plain(_) => Ok(Progress::Done),
            Socket::Tls(tls) => tls.handshake(),
        }
    }

    /// Reads what has arrived; 0 at the end. Whatever TLS must answer is held until the next flush.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; the client disconnected, or what it sends is wrong.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(stream) => stream.read(buffer),
            Socket::Tls(tls) => tls.read(buffer),
        }
    }

    /// Sends held bytes, as many as the system takes.
    ///
    /// # Errors
    /// The client disconnected.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Plain(_) => Ok(()),
            Socket::Tls(tls) => tls.flush(),
        }
    }

    /// Sends held bytes, then as much of these two pieces, one after the other, as the system takes. With TLS, some of
    /// the bytes that were taken may then be held. Two empty pieces send only the held bytes.
    ///
    /// # Errors
    /// `WouldBlock` when none of it could be done; the client disconnected.
    pub fn send(&mut self, parts: [&[u8]; 2]) -> io::Result<Sent> {
        match self {
            Socket::Plain(stream) => match stream.write_vectored(&parts.map(IoSlice::new))? {
                0 => Err(ErrorKind::WriteZero.into()),
                count => Ok(Sent { taken: count, moved: count }),
            },
            Socket::Tls(tls) => tls.send(parts),
        }
    }

    /// Whether something that was taken is not sent yet. The next call sends it, once the system takes more.
    pub fn has_unsent(&self) -> bool {
        match self {
            Socket::Plain(_) => false,
            Socket::Tls(tls) => tls.has_unsent(),
        }
    }

    /// Closes the sending half. If the client has disconnected already, reading will say so.
    pub fn finish(&mut self) {
        if let Socket::Tls(tls) = self {
            tls.say_goodbye();
        }
        let _ = self.stream().shutdown(Shutdown::Write);
    }

    /// Reads and discards what the client still sends after [`Socket::finish`], without decrypting it; returns the
    /// number of bytes, 0 at the end.
    ///
    /// # Errors
    /// As for [`Socket::read`].
    pub fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream().read(buffer)
    }
}

/// What is left of two pieces after their first `sent` bytes.
pub fn rest([first, second]: [&[u8]; 2], sent: usize) -> [&[u8]; 2] {
    let of_first = sent.min(first.len());
    [&first[of_first..], second.get(sent - of_first..).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_two_pieces_begins_where_sending_stopped() {
        let left = |sent| rest([b"abc", b"de"], sent).concat();
        assert_eq!([left(0), left(2), left(3), left(4), left(5)], [&b"abcde"[..], b"cde", b"de", b"e", b""]);
    }
}
