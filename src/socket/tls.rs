//! TLS over a non-blocking socket. Called only by [`super::Socket`].

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::{Progress, Sent, Stream, rest};

/// The most bytes that are encrypted before the system takes them. With fewer, a frame costs more system calls; with
/// more, a viewer that does not keep up costs more memory besides the frame that it holds.
pub const AHEAD: usize = 64 << 10;

/// The most reads in one turn that bring no data (a handshake takes fewer). A client that sends more of them would keep
/// all others waiting, and is dropped.
const READS: usize = 64;

/// A connection encrypted by rustls.
#[derive(Debug)]
pub struct Tls {
    pub(super) stream: Stream,
    tls: ServerConnection,
}

impl Tls {
    pub(super) fn new(stream: Stream, config: &Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut tls = ServerConnection::new(config.clone())?;
        tls.set_buffer_limit(Some(AHEAD));
        Ok(Self { stream, tls })
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    pub(super) fn handshake(&mut self) -> io::Result<Progress> {
        for _ in 0..READS {
            self.flush()?;
            if !self.tls.is_handshaking() {
                return Ok(Progress::Done);
            }
            match self.take_in() {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::WouldBlock),
                Err(error) => return Err(error),
            }
        }
        Err(chatter())
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for _ in 0..READS {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.take_in()?,
                other => return other, // also when the client disconnected: rustls reports it here
            };
        }
        Err(chatter())
    }

    /// Reads once from the system and decrypts it. What must be answered is held.
    fn take_in(&mut self) -> io::Result<usize> {
        let count = self.tls.read_tls(&mut self.stream)?;
        if let Err(wrong) = self.tls.process_new_packets() {
            let _ = self.flush(); // the alert that says what is wrong; a client that is gone does not need it
            return Err(io::Error::new(ErrorKind::InvalidData, wrong));
        }
        Ok(count)
    }

    /// Sends held bytes, as many as the system takes.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self.push(&mut 0) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends everything that is held, and adds to `moved` what the system took.
    fn push(&mut self, moved: &mut usize) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => *moved += count,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn send(&mut self, parts: [&[u8]; 2]) -> io::Result<Sent> {
        let mut sent = Sent::default();
        loop {
            match self.push(&mut sent.moved) {
                // What was sent before must be reported.
                Err(error) if error.kind() == ErrorKind::WouldBlock && sent != Sent::default() => {
                    return Ok(sent);
                }
                Err(error) => return Err(error),
                Ok(()) => {}
            }
            let rest = rest(parts, sent.taken);
            if rest.iter().all(|part| part.is_empty()) {
                return Ok(sent);
            }
            sent.taken += self.tls.writer().write_vectored(&rest.map(IoSlice::new))?;
        }
    }

    /// Sends TLS's close_notify (RFC 8446 section 6.1), without which a client must assume that data was cut off.
    pub(super) fn say_goodbye(&mut self) {
        self.tls.send_close_notify();
        let _ = self.push(&mut 0); // a client that takes nothing does not need it
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

/// The error for endless records that carry no data.
fn chatter() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it sends records without data")
}
