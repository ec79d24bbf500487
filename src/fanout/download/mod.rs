//! Recordings and the page's files on their way to clients, on the event loop.
//!
//! A piece is requested from [`FileReader`], whose threads wait for the disk, and sent as fast as the socket takes it;
//! then the next one. So a download holds one piece in memory, whatever the file's length and the client's speed. The
//! answer's head goes out with the first piece: until then the answer can still be that the file cannot be read.
//! Recordings and the page do not wait for each other: each has its own readers and its own bound ([`Lane`]).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::warn;

use super::Released;
use super::close_reason::{CloseReason, Flow, STALL_LIMIT, attempt};
use crate::auth::passes::Pass;
use crate::feed::ClientId;
use crate::files::answer::OpenFile;
use crate::files::frame::Unreadable;
use crate::files::reader::{
    Content, DOWNLOADS_MAX, FileReader, Head, PAGE_FILES_MAX, PIECE, PieceRequest, Source,
};
use crate::files::video::WALK_TIME;
use crate::host::log::bounded::{self, Subject};
use crate::problem::{Text, text};
use crate::protocol::{FileOrder, FrameOrder, PageOrder, RecordingOrder, VideoOrder, reason};
use crate::socket::Socket;

/// When there are as many as can be, one client keeps this part of them (1/n) whatever others want.
const SHARE: usize = 4;

/// The most recordings in other formats whose frames are looked for, or wait for that: whoever wants a recording as it is
/// waits for none of them.
const SEARCHES_MAX: usize = DOWNLOADS_MAX / 2;

/// A download ends when the disk takes longer than this for a piece.
const DISK_LIMIT: Duration = Duration::from_secs(10);

/// The same for the first piece of a recording in another format, each of whose frames must be found.
const VIDEO_LIMIT: Duration = WALK_TIME.saturating_add(DISK_LIMIT);

/// As many files are being sent as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyDownloads;

impl TooManyDownloads {
    /// What to tell the client.
    pub fn text(self) -> Text {
        text!("This server already sends as many files as it can; try again later.")
    }
}

#[derive(Debug)]
struct Download {
    socket: Socket,
    order: FileOrder,
    file: Option<Arc<OpenFile>>,
    /// What is being sent: first the head with the first piece, then one piece after another.
    bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    sent: usize,
    /// Where the part of the file begins that is sent, and its length. Unless it is a recording as it is, they are known
    /// with the first piece.
    part: (u64, u64),
    /// Bytes of that part that were requested from the reader.
    requested: u64,
    /// The ticket of the piece that is being read.
    reading: Option<u64>,
    /// Goes with the download, so that nobody works for it any more.
    waiting: Arc<()>,
    /// Whether the first piece is there, so that the head may have been sent.
    begun: bool,
    /// When the client last took something, or the last piece came.
    progress: Instant,
}

/// All downloads.
#[derive(Debug)]
pub struct Downloads {
    recordings: Lane,
    page: Lane,
}

/// None of any kind.
impl Default for Downloads {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Downloads {
    /// Downloads that these read: of recordings, and of the page's files. Without one there are none of its kind.
    pub fn new(recordings: Option<FileReader>, page: Option<FileReader>) -> Self {
        Self { recordings: Lane::new(recordings, DOWNLOADS_MAX), page: Lane::new(page, PAGE_FILES_MAX) }
    }

    fn lanes(&mut self) -> [&mut Lane; 2] {
        [&mut self.recordings, &mut self.page]
    }

    /// Takes over a connection, whose socket must be non-blocking and in the loop's poll. `head` is the answer's as far
    /// as the site knows it ([`crate::gate::answer::Answer::File`]). A download that makes room is put into `released`.
    ///
    /// # Errors
    /// Returns the socket: there are too many.
    pub(super) fn adopt(
        &mut self,
        connection: usize,
        socket: Socket,
        order: FileOrder,
        head: Vec<u8>,
        released: &mut Vec<Released>,
        now: Instant,
    ) -> Result<(), (Socket, TooManyDownloads)> {
        let lane = match &order {
            FileOrder::Recording(_) | FileOrder::Video(_) | FileOrder::Frame(_) => &mut self.recordings,
            FileOrder::Page(_) => &mut self.page,
        };
        lane.adopt(connection, Download::new(socket, order, head, now), released)
    }

    /// The client's socket may take something.
    pub(super) fn ready(&mut self, connection: usize, now: Instant) -> Option<Released> {
        self.lanes().into_iter().find_map(|lane| lane.ready(connection, now))
    }

    /// Takes the pieces that have been read. Downloads that end are put into `released`.
    pub(super) fn pieces(&mut self, released: &mut Vec<Released>, now: Instant) {
        self.lanes().into_iter().for_each(|lane| lane.pieces(released, now));
    }

    /// Drops downloads whose deadline has passed or whose pass has ended.
    pub(super) fn expire(
        &mut self,
        released: &mut Vec<Released>,
        now: Instant,
        holds: impl Fn(Option<Pass>) -> bool,
    ) {
        self.lanes().into_iter().for_each(|lane| lane.expire(released, now, &holds));
    }

    pub(super) fn release(&mut self, connection: usize, reason: CloseReason) -> Option<Released> {
        let [recordings, page] = self.lanes();
        recordings.release(connection, reason.clone()).or_else(|| page.release(connection, reason))
    }
}

/// The downloads from one folder.
#[derive(Debug)]
struct Lane {
    reader: Option<FileReader>,
    /// The most at once.
    most: usize,
    running: BTreeMap<usize, Download>,
}

impl Lane {
    fn new(reader: Option<FileReader>, most: usize) -> Self {
        Self { reader, most, running: BTreeMap::new() }
    }

    fn adopt(
        &mut self,
        connection: usize,
        mut download: Download,
        released: &mut Vec<Released>,
    ) -> Result<(), (Socket, TooManyDownloads)> {
        if download.is_search() || self.running.len() >= self.most {
            released.extend(self.gone_searches());
        }
        let is_full = self.running.len() >= self.most;
        let client = download.order.client();
        let has_searches = self.running.values().filter(|one| one.is_search()).count() >= SEARCHES_MAX;
        let (is_full, makes_room) = if download.is_search() && has_searches {
            (true, self.displaced_by(client, SEARCHES_MAX, Download::is_search))
        } else if is_full {
            (true, self.displaced_by(client, self.most, |_| true))
        } else {
            (false, None)
        };
        match &self.reader {
            Some(reader) if (!is_full || makes_room.is_some()) && download.request(connection, reader) => {
                released.extend(makes_room.and_then(|number| self.release(number, CloseReason::Displaced)));
                self.running.insert(connection, download);
                Ok(())
            }
            _ => Err((download.socket, TooManyDownloads)),
        }
    }

    /// Lets those go that still wait for their frames and whose client has closed its side. It may be gone, and others want
    /// what they wait for.
    fn gone_searches(&mut self) -> Vec<Released> {
        let gone = |(connection, one): (&usize, &Download)| {
            let is_gone = one.is_search() && one.socket.stream().peek(&mut [0]).is_ok_and(|bytes| bytes == 0);
            is_gone.then_some(*connection)
        };
        let gone: Vec<_> = self.running.iter().filter_map(gone).collect();
        let reason = CloseReason::Disconnected(ErrorKind::ConnectionAborted);
        gone.into_iter().filter_map(|connection| self.release(connection, reason.clone())).collect()
    }

    /// Which download of this kind, of which there may be `all`, makes room for one of `client`: that which has been quiet
    /// longest, of the client that has most, if that is more than its share, and still more than this client then has.
    fn displaced_by(
        &self,
        client: ClientId,
        all: usize,
        is_kind: impl Fn(&Download) -> bool,
    ) -> Option<usize> {
        let mut counts = BTreeMap::<ClientId, usize>::new();
        for download in self.running.values().filter(|one| is_kind(one)) {
            *counts.entry(download.order.client()).or_default() += 1;
        }
        let own = counts.get(&client).copied().unwrap_or(0);
        let (greedy, most) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        if most * SHARE <= all || most <= own + 1 {
            return None;
        }
        let is_of_greedy = |one: &Download| is_kind(one) && one.order.client() == greedy;
        let of_greedy = self.running.iter().filter(|(_, download)| is_of_greedy(download));
        of_greedy.min_by_key(|(_, download)| download.progress).map(|(number, _)| *number)
    }

    fn ready(&mut self, connection: usize, now: Instant) -> Option<Released> {
        let download = self.running.get_mut(&connection).filter(|download| download.begun)?;
        let reason = download.send(connection, self.reader.as_ref()?, now).break_value()?;
        self.release(connection, reason)
    }

    fn pieces(&mut self, released: &mut Vec<Released>, now: Instant) {
        while let Some(piece) = self.reader.as_ref().and_then(FileReader::piece) {
            // The download may have ended in the meantime.
            let download = self.running.get_mut(&piece.connection);
            let Some(download) = download.filter(|one| one.reading == Some(piece.ticket)) else { continue };
            let done = match piece.read {
                Ok(content) => download.take(content, now),
                Err(Unreadable::Refused(why)) => Flow::Break(CloseReason::Unplayable(why)),
                Err(Unreadable::Busy) => Flow::Break(CloseReason::BoardBusy),
                Err(Unreadable::System(error)) => {
                    if bounded::may_log(Subject::Downloads, "") {
                        warn!("cannot read {}: {error}", download.name());
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

    fn expire(&mut self, released: &mut Vec<Released>, now: Instant, holds: impl Fn(Option<Pass>) -> bool) {
        let late = |(connection, download): (&usize, &Download)| {
            let quiet = now.saturating_duration_since(download.progress);
            if !holds(download.order.pass()) {
                let reason =
                    if download.begun { CloseReason::PassEnded } else { CloseReason::PassEndedUnanswered };
                return Some((*connection, reason));
            }
            match (download.reading.is_some(), download.begun) {
                (false, _) if quiet > STALL_LIMIT => Some((*connection, CloseReason::Stalled)),
                (true, false) if quiet > download.first_limit() => {
                    Some((*connection, CloseReason::DiskSilent))
                }
                (true, true) if quiet > DISK_LIMIT => {
                    Some((*connection, CloseReason::Disconnected(ErrorKind::TimedOut)))
                }
                _ => None,
            }
        };
        let late: Vec<_> = self.running.iter().filter_map(late).collect();
        released.extend(late.into_iter().filter_map(|(connection, reason)| self.release(connection, reason)));
    }

    fn release(&mut self, connection: usize, reason: CloseReason) -> Option<Released> {
        let download = self.running.remove(&connection)?;
        Some(Released { connection, socket: download.socket, reason })
    }
}

impl Download {
    fn new(socket: Socket, order: FileOrder, head: Vec<u8>, now: Instant) -> Self {
        let part = match &order {
            FileOrder::Recording(RecordingOrder { from, length, .. }) => (*from, *length),
            FileOrder::Video(_) | FileOrder::Page(_) | FileOrder::Frame(_) => (0, PIECE as u64),
        };
        Self {
            socket,
            order,
            file: None,
            bytes: head,
            sent: 0,
            part,
            requested: 0,
            reading: None,
            waiting: Arc::new(()),
            begun: false,
            progress: now,
        }
    }

    /// What is being sent, for the log.
    fn name(&self) -> String {
        match &self.order {
            FileOrder::Recording(order) => format!("recording {}", order.name),
            FileOrder::Video(order) => format!("recording {}", order.request.name),
            FileOrder::Frame(order) => format!("recording {}", order.request.name),
            FileOrder::Page(order) => format!("{} of the page", String::from(order.request.path.clone())),
        }
    }

    /// Whether the frames of a recording in another format are looked for, or wait for that.
    fn is_search(&self) -> bool {
        matches!(self.order, FileOrder::Video(_)) && !self.begun
    }

    /// How long the disk may take for the first piece.
    fn first_limit(&self) -> Duration {
        match self.order {
            FileOrder::Video(_) => VIDEO_LIMIT,
            FileOrder::Recording(_) | FileOrder::Frame(_) | FileOrder::Page(_) => DISK_LIMIT,
        }
    }

    /// Requests the next piece; `false` if the reader's queue is full.
    fn request(&mut self, connection: usize, reader: &FileReader) -> bool {
        let (from, all) = self.part;
        let length = (all - self.requested).min(PIECE as u64);
        let source = match (&self.file, &self.order) {
            (Some(file), _) => Source::Open(file.clone()),
            (None, FileOrder::Recording(order)) => Source::Recording(order.name.clone()),
            (None, FileOrder::Video(VideoOrder { request, .. })) => {
                Source::Video(Box::new(request.clone()), Arc::downgrade(&self.waiting))
            }
            (None, FileOrder::Frame(FrameOrder { request, .. })) => {
                Source::Frame(Box::new(request.clone()), Arc::downgrade(&self.waiting))
            }
            (None, FileOrder::Page(PageOrder { request, .. })) => Source::Page(Box::new(request.clone())),
        };
        let at = from + self.requested;
        self.reading = reader.request(PieceRequest { connection, source, at, length: length as usize });
        self.requested += length;
        self.reading.is_some()
    }

    /// Takes a piece that was read.
    fn take(&mut self, Content { file, bytes: piece, head }: Content, now: Instant) -> Flow {
        self.reading = None;
        self.file = file;
        if let Some(head) = head {
            self.part = (head.from, head.body);
            self.requested = piece.len() as u64;
            self.bytes = with_first_line(&head, &self.bytes);
        }
        if self.begun {
            self.bytes.clear();
        }
        if self.bytes.try_reserve(piece.len()).is_err() {
            return Flow::Break(CloseReason::NoMemory);
        }
        self.bytes.extend_from_slice(&piece);
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
        if self.requested == self.part.1 {
            return Flow::Break(CloseReason::Complete);
        }
        if self.request(connection, reader) { Flow::Continue(()) } else { Flow::Break(CloseReason::NoMemory) }
    }
}

/// The whole head of an answer that a reading thread decided about, of which `lines` are those that the site knows.
fn with_first_line(Head { status, headers, length, .. }: &Head, lines: &[u8]) -> Vec<u8> {
    let first = format!("HTTP/1.1 {status} {}\r\n", reason(*status));
    let mut last = String::new();
    for (name, value) in headers {
        let _ = write!(last, "{name}: {value}\r\n"); // writing to a String cannot fail
    }
    if let Some(length) = length {
        let _ = write!(last, "Content-Length: {length}\r\n");
    }
    [first.as_bytes(), lines, last.as_bytes(), b"\r\n"].concat()
}

#[cfg(test)]
mod tests;
