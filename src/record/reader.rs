//! Reads recordings for downloads, a piece at a time, on threads of its own, so that a disk that hangs blocks nothing
//! else. The threads start with the first downloads. Used by [`crate::fanout::download`], on the event loop.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use log::warn;

use super::folder::Folder;
use super::name::Name;
use crate::sync::lock;

/// The most downloads at once on an event loop; further ones are answered with 503.
pub const DOWNLOADS_MAX: usize = 16;

/// Threads for each event loop, so that one slow file does not delay another.
pub(super) const READERS: usize = 2;

/// The most pieces that can be requested at once.
const QUEUE: usize = 32;

/// The largest piece, in bytes.
pub const PIECE: usize = 128 << 10;

/// The file that a piece is read from.
#[derive(Debug)]
pub enum Source {
    /// A recording that is not open yet.
    Name(Name),
    /// A recording that is open.
    File(Arc<File>),
}

/// A request for a piece of a recording.
#[derive(Debug)]
pub struct PieceRequest {
    /// The connection that it is for.
    pub connection: usize,
    /// The file.
    pub source: Source,
    /// Where the piece begins, in bytes.
    pub at: u64,
    /// Its length in bytes, at most [`PIECE`].
    pub length: usize,
}

/// A piece, or why there is none.
#[derive(Debug)]
pub struct Piece {
    /// The connection that it is for.
    pub connection: usize,
    /// What [`FileReader::request`] returned for its request.
    pub ticket: u64,
    /// The open file and the bytes that were requested.
    pub read: io::Result<(Arc<File>, Vec<u8>)>,
}

/// What the reading threads share.
struct Shared {
    queue: Mutex<Receiver<(u64, PieceRequest)>>,
    pieces: Sender<Piece>,
    folder: PathBuf,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// The reading threads, which end when this is dropped.
pub struct FileReader {
    requests: SyncSender<(u64, PieceRequest)>,
    pieces: Receiver<Piece>,
    last_ticket: Cell<u64>,
    /// How many of the threads run.
    running: Cell<usize>,
    shared: Arc<Shared>,
}

impl fmt::Debug for FileReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReader").field("running", &self.running).finish_non_exhaustive()
    }
}

impl FileReader {
    /// No thread runs yet. They will call `wake` when there is a piece.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (requests, queue) = sync_channel(QUEUE);
        let (answers, pieces) = channel();
        let shared = Shared { queue: Mutex::new(queue), pieces: answers, folder, wake: Box::new(wake) };
        let (last_ticket, running) = (Cell::new(0), Cell::new(0));
        Self { requests, pieces, last_ticket, running, shared: Arc::new(shared) }
    }

    /// Starts another thread until all of them run; `false` if none runs.
    fn start_thread(&self) -> bool {
        let number = self.running.get();
        if number < READERS {
            let (shared, thread) =
                (self.shared.clone(), thread::Builder::new().name(format!("read-{number}")));
            match thread.spawn(move || serve(&shared)) {
                Ok(_) => self.running.set(number + 1),
                Err(failure) => warn!("cannot start a thread that reads recordings: {failure}"),
            }
        }
        self.running.get() > 0
    }

    /// Requests a piece. Returns a number that only this piece has, or `None` when too many are waiting or no thread
    /// can be started. The number is needed because a disk that answers after a long time gives pieces for connections
    /// that have gone on to another recording.
    pub fn request(&self, request: PieceRequest) -> Option<u64> {
        if !self.start_thread() {
            return None;
        }
        let ticket = self.last_ticket.get() + 1;
        self.last_ticket.set(ticket);
        self.requests.try_send((ticket, request)).ok().map(|()| ticket)
    }

    /// The next piece that was read, if there is one.
    pub fn piece(&self) -> Option<Piece> {
        self.pieces.try_recv().ok()
    }
}

fn serve(Shared { queue, pieces, folder, wake }: &Shared) {
    loop {
        let next = lock(queue).recv();
        let Ok((ticket, request)) = next else { return };
        let connection = request.connection;
        if pieces.send(Piece { connection, ticket, read: read(request, folder) }).is_err() {
            return;
        }
        wake();
    }
}

fn read(request: PieceRequest, folder: &Path) -> io::Result<(Arc<File>, Vec<u8>)> {
    let file = match request.source {
        Source::File(file) => file,
        Source::Name(name) => Arc::new(Folder::open(folder)?.read(&name)?),
    };
    let length = request.length.min(PIECE);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(length, 0);
    file.read_exact_at(&mut bytes, request.at)?;
    Ok((file, bytes))
}
