//! Recordings on their way to clients, on the event loop.
//!
//! A piece is requested from [`FileReader`], whose threads wait for the disk, and sent as fast as the socket takes it;
//! then the next one. So a download holds one piece in memory, whatever the file's length and the client's speed. The
//! answer's head goes out with the first piece: until then the answer can still be that the file cannot be read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::warn;

use super::Released;
use super::close_reason::{CloseReason, Flow, STALL_LIMIT, attempt};
use crate::auth::passes::Pass;
use crate::host::log::bounded::{self, Subject};
use crate::problem::{Text, text};
use crate::protocol::FileOrder;
use crate::record::reader::{DOWNLOADS_MAX, FileReader, PIECE, PieceRequest, Source};
use crate::socket::Socket;

/// A download ends when the disk takes longer than this for a piece.
const DISK_LIMIT: Duration = Duration::from_secs(10);

/// As many recordings are being sent as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDownloads;

impl TooManyDownloads {
    /// What to tell the client.
    pub fn text(self) -> Text {
        text!("This server already sends as many recordings as it can; try again later.")
    }
}

#[derive(Debug)]
struct Download {
    socket: Socket,
    order: FileOrder,
    file: Option<Arc<File>>,
    /// What is being sent: first the head with the first piece, then one piece after another.
    bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    sent: usize,
    /// Bytes of the file that were requested from the reader.
    requested: u64,
    /// The ticket of the piece that is being read.
    reading: Option<u64>,
    /// Whether the first piece is there, so that the head may have been sent.
    begun: bool,
    /// When the client last took something, or the last piece came.
    progress: Instant,
}

/// All downloads.
#[derive(Debug, Default)]
pub struct Downloads {
    reader: Option<FileReader>,
    running: BTreeMap<usize, Download>,
}

impl Downloads {
    /// Downloads that `reader` reads; without one there are none.
    pub fn new(reader: Option<FileReader>) -> Self {
        Self { reader, running: BTreeMap::new() }
    }

    /// Takes over a connection, whose socket must be non-blocking and in the loop's poll. `head` is the answer's,
    /// whole.
    ///
    /// # Errors
    /// Returns the socket: there are too many.
    pub(super) fn adopt(
        &mut self,
        connection: usize,
        socket: Socket,
        order: FileOrder,
        head: Vec<u8>,
        now: Instant,
    ) -> Result<(), (Socket, TooManyDownloads)> {
        let mut download = Download {
            socket,
            order,
            file: None,
            bytes: head,
            sent: 0,
            requested: 0,
            reading: None,
            begun: false,
            progress: now,
        };
        let fits = self.running.len() < DOWNLOADS_MAX;
        match &self.reader {
            Some(reader) if fits && download.request(connection, reader) => {
                self.running.insert(connection, download);
                Ok(())
            }
            _ => Err((download.socket, TooManyDownloads)),
        }
    }

    /// The client's socket may take something.
    pub(super) fn ready(&mut self, connection: usize, now: Instant) -> Option<Released> {
        let download = self.running.get_mut(&connection).filter(|download| download.begun)?;
        let reason = download.send(connection, self.reader.as_ref()?, now).break_value()?;
        self.release(connection, reason)
    }

    /// Takes the pieces that have been read. Downloads that end are put into `released`.
    pub(super) fn pieces(&mut self, released: &mut Vec<Released>, now: Instant) {
        while let Some(piece) = self.reader.as_ref().and_then(FileReader::piece) {
            // The download may have ended in the meantime.
            let download = self.running.get_mut(&piece.connection);
            let Some(download) = download.filter(|one| one.reading == Some(piece.ticket)) else { continue };
            let done = match piece.read {
                Ok((file, bytes)) => download.take(file, &bytes, now),
                Err(error) => {
                    if bounded::may_log(Subject::Downloads, "") {
                        warn!("cannot read recording {}: {error}", download.order.name);
                    }
                    Flow::Break(if download.begun {
                        CloseReason::Disconnected(error.kind())
                    } else {
                        CloseReason::Unreadable
                    })
                }
            };
            let reason = done
                .break_value()
                .or_else(|| download.send(piece.connection, self.reader.as_ref()?, now).break_value());
            if let Some(reason) = reason {
                released.extend(self.release(piece.connection, reason));
            }
        }
    }

    /// Drops downloads whose deadline has passed or whose pass has ended.
    pub(super) fn expire(
        &mut self,
        released: &mut Vec<Released>,
        now: Instant,
        holds: impl Fn(Option<Pass>) -> bool,
    ) {
        let late = |(connection, download): (&usize, &Download)| {
            let quiet = now.saturating_duration_since(download.progress);
            if !holds(download.order.pass) {
                let reason =
                    if download.begun { CloseReason::PassEnded } else { CloseReason::PassEndedUnanswered };
                return Some((*connection, reason));
            }
            match (download.reading.is_some(), download.begun) {
                (false, _) if quiet > STALL_LIMIT => Some((*connection, CloseReason::Stalled)),
                (true, false) if quiet > DISK_LIMIT => Some((*connection, CloseReason::DiskSilent)),
                (true, true) if quiet > DISK_LIMIT => {
                    Some((*connection, CloseReason::Disconnected(ErrorKind::TimedOut)))
                }
                _ => None,
            }
        };
        let late: Vec<_> = self.running.iter().filter_map(late).collect();
        released.extend(late.into_iter().filter_map(|(connection, reason)| self.release(connection, reason)));
    }

    pub(super) fn release(&mut self, connection: usize, reason: CloseReason) -> Option<Released> {
        let download = self.running.remove(&connection)?;
        Some(Released { connection, socket: download.socket, reason })
    }
}

impl Download {
    /// Requests the next piece; `false` if the reader's queue is full.
    fn request(&mut self, connection: usize, reader: &FileReader) -> bool {
        let length = (self.order.length - self.requested).min(PIECE as u64);
        let source = match &self.file {
            Some(file) => Source::File(file.clone()),
            None => Source::Name(self.order.name.clone()),
        };
        let at = self.order.from + self.requested;
        self.reading = reader.request(PieceRequest { connection, source, at, length: length as usize });
        self.requested += length;
        self.reading.is_some()
    }

    /// Takes a piece that was read.
    fn take(&mut self, file: Arc<File>, piece: &[u8], now: Instant) -> Flow {
        self.reading = None;
        self.file = Some(file);
        if self.begun {
            self.bytes.clear();
        }
        if self.bytes.try_reserve(piece.len()).is_err() {
            return Flow::Break(CloseReason::NoMemory);
        }
        self.bytes.extend_from_slice(piece);
        (self.sent, self.begun, self.progress) = (0, true, now);
        Flow::Continue(())
    }

    /// Sends the current piece, and requests the next one when all of it is sent.
    fn send(&mut self, connection: usize, reader: &FileReader, now: Instant) -> Flow {
        while self.sent < self.bytes.len() || self.socket.has_unsent() {
            let rest = self.bytes.get(self.sent..).unwrap_or_default();
            let Some(sent) = attempt(self.socket.send([rest, &[]]))? else { return Flow::Continue(()) };
            self.sent += sent.taken;
            if sent.moved > 0 {
                self.progress = now;
            }
        }
        if self.reading.is_some() {
            return Flow::Continue(());
        }
        if self.requested == self.order.length {
            return Flow::Break(CloseReason::Complete);
        }
        if self.request(connection, reader) { Flow::Continue(()) } else { Flow::Break(CloseReason::NoMemory) }
    }
}

#[cfg(test)]
mod tests;
