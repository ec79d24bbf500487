//! Reads files for downloads, a piece at a time, on threads of its own, so that a disk that hangs blocks nothing else.
//! Each folder has its reader: the page comes while the recordings' disk hangs. The threads start with the first
//! downloads. Used by [`crate::fanout::download`], on the event loop.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Instant;

use log::warn;
use rustix::process::setpriority_process;

use super::answer::{Answer, Body, OpenFile};
use super::frame::{self, FrameRequest, Means, Unreadable};
use super::page::{self, PageRequest};
use super::video::{self, Heads, VideoRequest};
use crate::host::inject;
use crate::playback::smaller::{Smaller, TURN_TIME};
use crate::record::{self, Name};
use crate::sync::lock;

/// The most recordings that are sent at once on an event loop; further ones are answered with 503.
pub const DOWNLOADS_MAX: usize = 16;

/// The same of the page's files, which are small, and of which a browser requests six at once.
pub const PAGE_FILES_MAX: usize = 64;

/// Threads for each event loop and folder, so that one slow file does not delay another.
const READERS: usize = 2;

/// The most pieces that can be requested at once: one for each download.
const QUEUE: usize = PAGE_FILES_MAX;

/// The largest piece, in bytes.
pub const PIECE: usize = 128 << 10;

/// The nice value of the thread that makes frames smaller, so that cameras and downloads come first (sched(7), "The nice
/// value").
const NICE: i32 = 10;

/// The most file descriptors that are open at once for files that are sent on one event loop: their own, and the folder
/// (twice, with the file's place) that each reader opens, also who makes frames smaller. Who finds frames has the file
/// twice, too.
pub fn open_files(has_recordings: bool, has_page: bool) -> usize {
    let of = |there, most| if there { most + 3 * READERS } else { 0 };
    of(has_recordings, DOWNLOADS_MAX + 4 + 3) + of(has_page, PAGE_FILES_MAX)
}

/// The file that a piece is read from.
#[derive(Debug)]
pub enum Source {
    /// A recording that is not open yet.
    Recording(Name),
    /// A recording in another format that is not open yet. It says where the piece is. The other part is held by who waits
    /// for it: when that is gone, its frames are not looked for any more.
    Video(Box<VideoRequest>, Weak<()>),
    /// A file of the page that is not open yet. It says where the piece is.
    Page(Box<PageRequest>),
    /// One frame of a recording. The file says where it is. The other part is as above.
    Frame(Box<FrameRequest>, Weak<()>),
    /// A file that is open.
    Open(Arc<OpenFile>),
}

/// A request for a piece of a file.
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

/// A piece that was read.
#[derive(Debug)]
pub struct Content {
    /// The file; `None` if there is none to read from.
    pub file: Option<Arc<OpenFile>>,
    /// The bytes that were requested, or all that there are.
    pub bytes: Vec<u8>,
    /// The answer to a request that said where the piece is, and that these bytes are the beginning of.
    pub head: Option<Head>,
}

/// What an answer begins with.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The headers that are not the same for every answer, without Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// Content-Length; `None` for an answer that has none.
    pub length: Option<u64>,
    /// Where the file's bytes begin that are sent.
    pub from: u64,
    /// How many bytes follow.
    pub body: u64,
}

/// A piece, or why there is none.
#[derive(Debug)]
pub struct Piece {
    /// The connection that it is for.
    pub connection: usize,
    /// What [`FileReader::request`] returned for its request.
    pub ticket: u64,
    /// What was read.
    pub read: Result<Content, Unreadable>,
}

/// What the reading threads share.
struct Shared {
    pieces: Sender<Piece>,
    folder: PathBuf,
    heads: Heads,
    smaller: Arc<Smaller>,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// A request under its number, and when it came.
type Job = (u64, PieceRequest, Instant);

/// Threads with one queue.
struct Crew {
    /// Before the number of each thread in its name.
    name: &'static str,
    /// How many there may be.
    most: usize,
    /// The threads' nice value; `None` for the usual one.
    nice: Option<i32>,
    /// How many run.
    running: Cell<usize>,
    jobs: SyncSender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
}

impl Crew {
    fn new(name: &'static str, most: usize, nice: Option<i32>) -> Self {
        let (jobs, queue) = sync_channel(QUEUE);
        Self { name, most, nice, running: Cell::new(0), jobs, queue: Arc::new(Mutex::new(queue)) }
    }

    /// Starts another thread until all of them run; `false` if none runs.
    fn start_thread(&self, shared: &Arc<Shared>) -> bool {
        let number = self.running.get();
        if number < self.most {
            let (queue, shared, nice) = (self.queue.clone(), shared.clone(), self.nice);
            let thread = thread::Builder::new().name(format!("{}-{number}", self.name));
            let run = move || {
                if let Some(nice) = nice {
                    // On Linux this affects the calling thread only (setpriority(2), "C library/kernel differences"). If
                    // it is refused, this thread runs at the usual priority.
                    let _ = setpriority_process(None, nice);
                }
                serve(&queue, &shared);
            };
            match thread.spawn(run) {
                Ok(_) => self.running.set(number + 1),
                Err(failure) => warn!("cannot start a thread that reads files: {failure}"),
            }
        }
        self.running.get() > 0
    }
}

/// The reading threads, which end when this is dropped.
pub struct FileReader {
    readers: Crew,
    /// Finds the frames for video files, which may take long: only one at a time, so that pieces are read meanwhile.
    finder: Crew,
    /// Makes single frames smaller, which is work: one at a time, so that the other cores are for cameras and viewers.
    shrinker: Crew,
    pieces: Receiver<Piece>,
    last_ticket: Cell<u64>,
    shared: Arc<Shared>,
}

impl fmt::Debug for FileReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReader").field("running", &self.readers.running).finish_non_exhaustive()
    }
}

impl FileReader {
    /// No thread runs yet. They will call `wake` when there is a piece, and make frames of recordings `smaller`.
    pub fn new(folder: PathBuf, smaller: Arc<Smaller>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (answers, pieces) = channel();
        let shared =
            Shared { pieces: answers, folder, heads: Heads::default(), smaller, wake: Box::new(wake) };
        Self {
            readers: Crew::new("read", READERS, None),
            finder: Crew::new("find", 1, None),
            shrinker: Crew::new("frame", 1, Some(NICE)),
            pieces,
            last_ticket: Cell::new(0),
            shared: Arc::new(shared),
        }
    }

    /// Requests a piece. Returns a number that only this piece has, or `None` when too many are waiting or no thread
    /// can be started. The number is needed because a disk that answers after a long time gives pieces for connections
    /// that have gone on to another recording.
    pub fn request(&self, request: PieceRequest) -> Option<u64> {
        let crew = match &request.source {
            Source::Video(..) => &self.finder,
            Source::Frame(frame, _) if frame.smaller.is_some() => &self.shrinker,
            Source::Recording(_) | Source::Frame(..) | Source::Page(_) | Source::Open(_) => &self.readers,
        };
        if !crew.start_thread(&self.shared) {
            return None;
        }
        let ticket = self.last_ticket.get() + 1;
        self.last_ticket.set(ticket);
        crew.jobs.try_send((ticket, request, Instant::now())).ok().map(|()| ticket)
    }

    /// The next piece that was read, if there is one.
    pub fn piece(&self) -> Option<Piece> {
        self.pieces.try_recv().ok()
    }
}

fn serve(queue: &Mutex<Receiver<Job>>, shared: &Shared) {
    loop {
        let next = lock(queue).recv();
        let Ok((ticket, request, came)) = next else { return };
        if let Source::Video(_, waiting) | Source::Frame(_, waiting) = &request.source
            && waiting.strong_count() == 0
        {
            continue;
        }
        let connection = request.connection;
        // Unwind safety: what was being read is dropped, and the heads are only replaced as a whole.
        let read = catch_unwind(AssertUnwindSafe(|| read(request, came, shared)));
        let read = read.unwrap_or_else(|_| Err(io::Error::other("this program has a fault").into()));
        if shared.pieces.send(Piece { connection, ticket, read }).is_err() {
            return;
        }
        (shared.wake)();
    }
}

fn read(
    PieceRequest { source, at, length, .. }: PieceRequest,
    came: Instant,
    Shared { folder, heads, smaller, .. }: &Shared,
) -> Result<Content, Unreadable> {
    inject::panic_at("read");
    let length = length.min(PIECE);
    let read = match source {
        Source::Frame(request, waiting) => {
            let is_wanted = || waiting.strong_count() > 0;
            let turn = TURN_TIME.saturating_sub(came.elapsed());
            let means = Means { smaller, turn, is_wanted: &is_wanted };
            return Ok(begin(frame::answer(folder, &request, &means)?, length)?);
        }
        Source::Recording(name) => {
            let file = OpenFile::growing(record::open(folder, &name)?);
            content(Arc::new(file), at, length)
        }
        Source::Open(file) => content(file, at, length),
        Source::Video(request, waiting) => {
            let is_wanted = || waiting.strong_count() > 0;
            begin(video::answer(folder, &request, heads, &is_wanted), length)
        }
        Source::Page(request) => begin(page::answer(folder, &request), length),
    };
    Ok(read?)
}

/// The beginning of an answer.
fn begin(Answer { status, headers, length, body }: Answer, most: usize) -> io::Result<Content> {
    let size = length.unwrap_or(0);
    let head = |from, body| Some(Head { status, headers, length, from, body });
    Ok(match body {
        Body::File(file, from) => {
            let first = usize::try_from(size).unwrap_or(most).min(most);
            Content { head: head(from, size), ..content(Arc::new(file), from, first)? }
        }
        Body::Text(text) => Content { file: None, bytes: text.into_bytes(), head: head(0, size) },
        Body::Bytes(bytes) => Content { file: None, bytes, head: head(0, size) },
        Body::None => Content { file: None, bytes: Vec::new(), head: head(0, 0) },
    })
}

fn content(file: Arc<OpenFile>, at: u64, length: usize) -> io::Result<Content> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(length, 0);
    file.read(&mut bytes, at)?;
    Ok(Content { file: Some(file), bytes, head: None })
}
