//! A client's connection as bytes in and out: plain TCP, or TLS over it. Used by [`crate::gate`], which takes
//! requests from it, and by [`crate::fanout`], which pushes frames into it; neither asks which of the two it is.
//!
//! No call waits. What it promises for plain connections: one call here is one system call, straight from the
//! caller's memory. For TLS: what is encrypted and not sent yet is at most [`tls::AHEAD`] and a little.

mod tls;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::ServerConfig;

use tls::Tls;

/// One client's connection; its TCP socket is non-blocking.
#[derive(Debug)]
pub enum Socket {
    /// Bytes go as they are.
    Plain(TcpStream),
    /// Bytes go encrypted.
    Tls(Box<Tls>),
}

/// What a call that sends has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Bytes that it took of what it was given.
    pub taken: usize,
    /// Bytes that the system took, which shows that the client still takes some.
    pub moved: usize,
}

impl Socket {
    /// The server's side of TLS on a connection on which nothing was said yet.
    ///
    /// # Errors
    /// What rustls cannot do; nothing with settings that have served before.
    pub fn tls(tcp: TcpStream, config: &Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        Ok(Socket::Tls(Box::new(Tls::new(tcp, config)?)))
    }

    /// The TCP socket below, for its options.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => &tls.tcp,
        }
    }

    /// Whether nobody between can read along.
    pub fn is_secure(&self) -> bool {
        matches!(self, Socket::Tls(_))
    }

    /// Goes on with the handshake; whether it is done, which a plain connection always is.
    ///
    /// # Errors
    /// The client went, or what it sends is wrong; the alert that says so is on its way.
    pub fn handshake(&mut self) -> io::Result<bool> {
        match self {
            Socket::Plain(_) => Ok(true),
            Socket::Tls(tls) => tls.handshake(),
        }
    }

    /// Reads what is there; 0 at the end. What TLS must say to it is held.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; the client went, or what it sends is wrong.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.read(buffer),
            Socket::Tls(tls) => tls.read(buffer),
        }
    }

    /// Sends what is held as far as the system takes it.
    ///
    /// # Errors
    /// The client went.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Plain(_) => Ok(()),
            Socket::Tls(tls) => tls.flush(),
        }
    }

    /// Sends what is held, and as much of these two pieces, one behind the other, as the system takes. Of TLS some
    /// that was taken may then be held; with two empty pieces it sends what is.
    ///
    /// # Errors
    /// `WouldBlock` when nothing of all that could be done; the client went.
    pub fn send(&mut self, parts: [&[u8]; 2]) -> io::Result<Sent> {
        match self {
            Socket::Plain(tcp) => match tcp.write_vectored(&parts.map(IoSlice::new))? {
                0 => Err(ErrorKind::WriteZero.into()),
                count => Ok(Sent { taken: count, moved: count }),
            },
            Socket::Tls(tls) => tls.send(parts),
        }
    }

    /// Whether something that was taken is not sent yet. It goes with the next call, once the system takes more.
    pub fn holds(&self) -> bool {
        match self {
            Socket::Plain(_) => false,
            Socket::Tls(tls) => tls.holds(),
        }
    }

    /// Tells the client that nothing more comes. It may have gone already: then reading says so.
    pub fn finish(&mut self) {
        if let Socket::Tls(tls) = self {
            tls.say_goodbye();
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// Throws away, without understanding it, what the client still sends behind [`Socket::finish`]; how much.
    ///
    /// # Errors
    /// As for [`Socket::read`].
    pub fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp().read(buffer)
    }
}

/// What is left of two pieces behind their first `sent` bytes.
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
