//! Reads recordings for downloads, a piece at a time, on threads of its own: a disk that hangs holds up these and
//! nobody else. Asked and answered by [`crate::fanout::download`], on the event loop.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::folder::Folder;
use super::name::Name;
use crate::sync::lock;

/// Downloads at once on an event loop; one more is answered with 503.
pub const DOWNLOADS_MAX: usize = 16;

/// Threads: one slow file does not hold up another.
pub(super) const READERS: usize = 2;

/// Pieces that may be asked for at once.
const QUEUE: usize = 32;

/// The most bytes of a piece.
pub const PIECE: usize = 128 << 10;

/// Where a piece is to be read from.
#[derive(Debug)]
pub enum Source {
    /// A recording that is not open yet.
    Name(Name),
    /// One that is.
    File(Arc<File>),
}

/// A wish for a piece of a recording.
#[derive(Debug)]
pub struct Wanted {
    /// Whose wish it is; comes back with the piece.
    pub connection: usize,
    /// The recording.
    pub source: Source,
    /// Where the piece begins, in bytes.
    pub at: u64,
    /// Its bytes, at most [`PIECE`].
    pub length: usize,
}

/// A piece, or why there is none.
#[derive(Debug)]
pub struct Piece {
    /// Whose wish it was.
    pub connection: usize,
    /// Which of their wishes, as [`Reader::ask`] said.
    pub ticket: u64,
    /// The open file and the bytes, as many as were wished.
    pub read: io::Result<(Arc<File>, Vec<u8>)>,
}

/// The readers; when this is dropped they end.
#[derive(Debug)]
pub struct Reader {
    wishes: SyncSender<(u64, Wanted)>,
    pieces: Receiver<Piece>,
    last_ticket: Cell<u64>,
}

impl Reader {
    /// Starts the threads, which call `wake` when a piece is there.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(folder: &Path, wake: impl Fn() + Clone + Send + 'static) -> io::Result<Self> {
        let (wishes, queue) = sync_channel(QUEUE);
        let (answers, pieces) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..READERS {
            let (queue, answers, wake, folder) =
                (queue.clone(), answers.clone(), wake.clone(), folder.to_owned());
            let thread = thread::Builder::new().name(format!("read-{number}"));
            thread.spawn(move || serve(&queue, &answers, &folder, &wake))?;
        }
        Ok(Self { wishes, pieces, last_ticket: Cell::new(0) })
    }

    /// Asks for a piece; what tells it from all others, or `None` when too many wait, or the threads are gone. A disk
    /// that comes back after a long time gives pieces whose connection is on its way to another recording.
    pub fn ask(&self, wanted: Wanted) -> Option<u64> {
        let ticket = self.last_ticket.get() + 1;
        self.last_ticket.set(ticket);
        self.wishes.try_send((ticket, wanted)).ok().map(|()| ticket)
    }

    /// A piece that is there.
    pub fn piece(&self) -> Option<Piece> {
        self.pieces.try_recv().ok()
    }
}

fn serve(queue: &Mutex<Receiver<(u64, Wanted)>>, pieces: &Sender<Piece>, folder: &Path, wake: &impl Fn()) {
    loop {
        let next = lock(queue).recv();
        let Ok((ticket, wanted)) = next else { return };
        let connection = wanted.connection;
        if pieces.send(Piece { connection, ticket, read: read(wanted, folder) }).is_err() {
            return;
        }
        wake();
    }
}

fn read(wanted: Wanted, folder: &Path) -> io::Result<(Arc<File>, Vec<u8>)> {
    let file = match wanted.source {
        Source::File(file) => file,
        Source::Name(name) => Arc::new(Folder::open(folder)?.read(&name)?),
    };
    let length = wanted.length.min(PIECE);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(length, 0);
    file.read_exact_at(&mut bytes, wanted.at)?;
    Ok((file, bytes))
}
