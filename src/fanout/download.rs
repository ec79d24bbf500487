//! Recordings on their way to clients, on the event loop.
//!
//! A piece is asked of [`Reader`], whose threads wait for the disk, and sent as fast as the socket takes it; then the
//! next one. So a download holds one piece in memory, whatever the file's length and the client's speed. The answer's
//! head goes out with the first piece: until then a file that cannot be read can be told as such.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::warn;

use super::viewer::{STALL_LIMIT, attempt};
use super::{CloseReason, Left};
use crate::auth::passes::Pass;
use crate::protocol::FileOrder;
use crate::record::reader::{DOWNLOADS_MAX, PIECE, PieceRequest, Reader, Source};
use crate::socket::Socket;

/// A piece that the disk does not give in so long ends the download.
const DISK_LIMIT: Duration = Duration::from_secs(10);

/// Why a download is not begun.
const FULL: &str = "This server sends as many recordings as it can already; try again later.";

#[derive(Debug)]
struct Download {
    socket: Socket,
    order: FileOrder,
    file: Option<Arc<File>>,
    /// What is to be sent next: at first the head, then the pieces.
    bytes: Vec<u8>,
    sent: usize,
    /// Bytes of the file that were asked of the reader.
    asked: u64,
    /// The ticket of the piece that is being read.
    reading: Option<u64>,
    /// Some of the answer is sent.
    begun: bool,
    /// When the client took something last, or a piece came.
    moved: Instant,
}

/// All downloads.
#[derive(Debug, Default)]
pub struct Downloads {
    reader: Option<Reader>,
    running: BTreeMap<usize, Download>,
}

impl Downloads {
    /// Downloads that `reader` reads; without one there are none.
    pub fn new(reader: Option<Reader>) -> Self {
        Self { reader, running: BTreeMap::new() }
    }

    /// Takes over a connection, whose socket must be non-blocking and in the loop's poll. `head` is the answer's,
    /// whole.
    ///
    /// # Errors
    /// Gives the socket back with a sentence why not.
    pub(super) fn adopt(
        &mut self,
        connection: usize,
        socket: Socket,
        order: FileOrder,
        head: Vec<u8>,
        now: Instant,
    ) -> Result<(), (Socket, &'static str)> {
        let mut download = Download {
            socket,
            order,
            file: None,
            bytes: head,
            sent: 0,
            asked: 0,
            reading: None,
            begun: false,
            moved: now,
        };
        let fits = self.running.len() < DOWNLOADS_MAX;
        match &self.reader {
            Some(reader) if fits && download.ask(connection, reader) => {
                self.running.insert(connection, download);
                Ok(())
            }
            _ => Err((download.socket, FULL)),
        }
    }

    /// The client's socket may take something.
    pub(super) fn ready(&mut self, connection: usize, now: Instant) -> Option<Left> {
        let download = self.running.get_mut(&connection).filter(|download| download.begun)?;
        let why = download.send(connection, self.reader.as_ref()?, now).err()?;
        self.dismiss(connection, why)
    }

    /// Pieces may have come. Whoever leaves by it is put into `left`.
    pub(super) fn pieces(&mut self, left: &mut Vec<Left>, now: Instant) {
        while let Some(piece) = self.reader.as_ref().and_then(Reader::piece) {
            // One that has left meanwhile does not want it any more.
            let download = self.running.get_mut(&piece.connection);
            let Some(download) = download.filter(|one| one.reading == Some(piece.ticket)) else { continue };
            let done = match piece.read {
                Ok((file, bytes)) => download.take(file, &bytes, now),
                Err(error) => {
                    warn!("cannot read {}: {error}", download.order.name);
                    Err(if download.begun { CloseReason::Gone(error.kind()) } else { CloseReason::NoFile })
                }
            };
            let sent = done.and_then(|()| match &self.reader {
                Some(reader) => download.send(piece.connection, reader, now),
                None => Ok(()),
            });
            if let Err(why) = sent {
                left.extend(self.dismiss(piece.connection, why));
            }
        }
    }

    /// Drops those whose time or pass is over.
    pub(super) fn expire(
        &mut self,
        left: &mut Vec<Left>,
        now: Instant,
        holds: impl Fn(Option<Pass>) -> bool,
    ) {
        let late = |(connection, download): (&usize, &Download)| {
            let quiet = now.saturating_duration_since(download.moved);
            if !holds(download.order.pass) {
                return Some((*connection, CloseReason::Over));
            }
            match (download.reading.is_some(), download.begun) {
                (false, _) if quiet > STALL_LIMIT => Some((*connection, CloseReason::Stalled)),
                (true, false) if quiet > DISK_LIMIT => Some((*connection, CloseReason::NoFile)),
                (true, true) if quiet > DISK_LIMIT => {
                    Some((*connection, CloseReason::Gone(ErrorKind::TimedOut)))
                }
                _ => None,
            }
        };
        let late: Vec<_> = self.running.iter().filter_map(late).collect();
        left.extend(late.into_iter().filter_map(|(connection, why)| self.dismiss(connection, why)));
    }

    pub(super) fn dismiss(&mut self, connection: usize, why: CloseReason) -> Option<Left> {
        let download = self.running.remove(&connection)?;
        Some(Left { connection, socket: download.socket, why })
    }
}

impl Download {
    /// Asks for the next piece; `false` if that cannot be.
    fn ask(&mut self, connection: usize, reader: &Reader) -> bool {
        let length = (self.order.length - self.asked).min(PIECE as u64);
        let source = match &self.file {
            Some(file) => Source::File(file.clone()),
            None => Source::Name(self.order.name.clone()),
        };
        let at = self.order.from + self.asked;
        self.reading = reader.request(PieceRequest { connection, source, at, length: length as usize });
        self.asked += length;
        self.reading.is_some()
    }

    /// Takes a piece in.
    fn take(&mut self, file: Arc<File>, piece: &[u8], now: Instant) -> Result<(), CloseReason> {
        self.reading = None;
        self.file = Some(file);
        if self.begun {
            self.bytes.clear();
        }
        self.bytes.try_reserve(piece.len()).map_err(|_| CloseReason::NoRoom)?;
        self.bytes.extend_from_slice(piece);
        (self.sent, self.begun, self.moved) = (0, true, now);
        Ok(())
    }

    /// Sends what there is, and asks for more when all is sent.
    fn send(&mut self, connection: usize, reader: &Reader, now: Instant) -> Result<(), CloseReason> {
        while self.sent < self.bytes.len() || self.socket.holds() {
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            let Some(sent) = attempt(self.socket.send([rest, &[]]))? else { return Ok(()) };
            self.sent += sent.taken;
            if sent.moved > 0 {
                self.moved = now;
            }
        }
        if self.reading.is_some() {
            return Ok(());
        }
        if self.asked == self.order.length {
            return Err(CloseReason::Served);
        }
        if self.ask(connection, reader) { Ok(()) } else { Err(CloseReason::NoRoom) }
    }
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
