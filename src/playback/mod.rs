//! Recordings that are played as live streams are: each has a feed with its own ring, and a thread that reads the file and
//! publishes its frames at their times.
//!
//! [`crate::fanout`] starts one for each viewer, who then gets its frames as a live viewer does: a slow one misses frames,
//! and nothing waits for it. What it promises:
//!
//! - No camera is woken, and none is slowed down: only the playback's own thread waits for the disk and makes its pictures
//!   smaller.
//! - There are at most [`PLAYBACKS_MAX`] at once, and [`CLIENT_MAX`] of one client. The thread ends with its viewer.
//! - Their pictures take at most [`PICTURES_BYTES`] of memory together, and making them smaller [`smaller::DECODING_BYTES`].
//! - Whatever the file is, it comes to an end: with its last frame, with damage, or with an error of the disk.

mod budget;
mod clock;
pub mod smaller;
mod speed;
mod worker;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};

use crate::camera::{SourceConfig, SourceSpec};
use crate::feed::{ClientId, Demand, Feed};
use crate::pace::Fps;
use crate::problem::{Text, text};
use crate::record::{self, Name, Recordings};
use crate::ring::{MAX_FRAME, SLOTS};
use crate::sync::lock;
use crate::variants::Variant;
use budget::Budget;
use smaller::Smaller;
pub use speed::Speed;
use worker::Worker;

/// The most recordings that are played at once. Each takes a thread, and memory for some pictures.
pub const PLAYBACKS_MAX: usize = 8;

/// The most of them that one client plays, so that one alone cannot take all.
pub const CLIENT_MAX: usize = 2;

/// The most memory for the pictures of all of them, in bytes: those of eight at 2 MiB a picture, or of one with the largest
/// that there are.
pub const PICTURES_BYTES: usize = (SLOTS + 1) * MAX_FRAME;

/// The most threads: those of playbacks that are over may still wait for a disk.
const THREADS_MAX: usize = 2 * PLAYBACKS_MAX;

/// The most file descriptors that are open at once: each thread's file, and the folder (twice, with the file's place) while
/// that is opened.
pub const OPEN_FILES: usize = 3 * THREADS_MAX;

/// What to play, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybackOrder {
    /// The recording.
    pub name: Name,
    /// Where to begin, in ms from its beginning.
    pub start_ms: u64,
    /// How fast.
    pub speed: Speed,
}

/// How the viewer of a playback wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// The size and quality of its pictures; `None` for those of the recording.
    pub variant: Option<Variant>,
    /// The most frames per second.
    pub fps: Option<Fps>,
    /// Who plays it.
    pub client: Option<ClientId>,
    /// The viewer's name for itself.
    pub id: Option<String>,
}

/// How a playback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that could be shown was shown.
    Over,
    /// Nothing could be shown, and why.
    Unplayable(Text),
    /// Nothing could be shown now, since others have the memory.
    Busy,
}

/// A recording that is being played.
#[derive(Debug)]
pub struct Playback {
    /// What is played.
    pub order: PlaybackOrder,
    /// Its frames.
    pub feed: Arc<Feed>,
    wishes: Wishes,
    outcome: OnceLock<Outcome>,
    thread: OnceLock<Thread>,
}

impl Playback {
    /// How it ended; `None` while it goes on. No frame is published after that.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Ends it, unless it has ended.
    fn end(&self, outcome: Outcome) {
        let _first_counts = self.outcome.set(outcome);
        self.thread.get().inspect(|thread| thread.unpark());
    }

    fn is_over(&self) -> bool {
        self.outcome.get().is_some()
    }

    /// Whether it is by this client, under this name.
    fn is_of(&self, client: Option<ClientId>, id: &str) -> bool {
        self.wishes.client == client && self.wishes.id.as_deref() == Some(id)
    }
}

/// Why a recording is not played.
#[derive(Debug)]
pub enum PlaybackError {
    /// The settings name no folder.
    NoFolder,
    /// [`PLAYBACKS_MAX`] are played.
    Full,
    /// This client plays [`CLIENT_MAX`].
    ClientFull,
    /// The system could not start a thread.
    NoThread(io::Error),
}

impl PlaybackError {
    /// What to tell the viewer.
    pub fn text(&self) -> Text {
        match self {
            Self::NoFolder => text!("Nothing can be played: the settings name no folder for recordings."),
            Self::Full => text!(
                "This server plays {} recordings at once, and as many are being played. Try again later.",
                PLAYBACKS_MAX
            ),
            Self::ClientFull => text!(
                "You play {} recordings already, and there are no more for one address or user. Stop one of them.",
                CLIENT_MAX
            ),
            Self::NoThread(error) => {
                text!("The system cannot start a thread to play a recording: {}.", Text::from(error))
            }
        }
    }
}

/// Opens a recording.
type Open = fn(&Path, &Name) -> io::Result<File>;

/// Wakes the fan-out: there is a new frame, or a playback has ended.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// The recordings that are being played.
pub struct Playbacks {
    recordings: Arc<Recordings>,
    open: Open,
    wake: Wake,
    /// Makes their pictures smaller, and single ones.
    pub smaller: Arc<Smaller>,
    /// The memory for their pictures.
    pictures: Arc<Budget>,
    /// Those whose thread runs.
    running: Mutex<Vec<Arc<Playback>>>,
}

impl fmt::Debug for Playbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playbacks").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Playbacks {
    /// Plays these recordings; none is played yet.
    pub fn new(recordings: Arc<Recordings>, wake: Wake) -> Arc<Self> {
        Self::opened_by(record::open, recordings, wake)
    }

    fn opened_by(open: Open, recordings: Arc<Recordings>, wake: Wake) -> Arc<Self> {
        let pictures = Budget::new(PICTURES_BYTES);
        Arc::new(Self {
            recordings,
            open,
            wake,
            smaller: Arc::default(),
            pictures,
            running: Mutex::default(),
        })
    }

    /// Starts a playback for a viewer, who keeps the demand until it leaves. An earlier one of the same client under the
    /// same name ends, so that a player may jump as often as it likes. Never waits for a disk.
    ///
    /// # Errors
    /// [`PlaybackError`] says why it is not played.
    pub fn start(
        self: &Arc<Self>,
        order: PlaybackOrder,
        wishes: Wishes,
    ) -> Result<(Arc<Playback>, Demand), PlaybackError> {
        let folder = self.recordings.folder.clone().ok_or(PlaybackError::NoFolder)?;
        let mut running = self.lock();
        if let Some(id) = &wishes.id {
            running.iter().filter(|one| one.is_of(wishes.client, id)).for_each(|one| one.end(Outcome::Over));
        }
        let playing: Vec<_> = running.iter().filter(|one| !one.is_over() && one.feed.is_wanted()).collect();
        let own = playing.iter().filter(|one| wishes.client.is_some() && one.wishes.client == wishes.client);
        if own.count() >= CLIENT_MAX {
            return Err(PlaybackError::ClientFull);
        }
        if playing.len() >= PLAYBACKS_MAX || running.len() >= THREADS_MAX {
            return Err(PlaybackError::Full);
        }
        // Nothing is asked of a source: its frames come from the file.
        let (feed, writer) = Feed::new(order.name.camera.clone(), SourceConfig::of(SourceSpec::Auto));
        let (fps, client) = (wishes.fps, wishes.client);
        let playback = Arc::new(Playback {
            order,
            feed: Arc::new(feed),
            wishes,
            outcome: OnceLock::new(),
            thread: OnceLock::new(),
        });
        let demand = Demand::of_client(playback.feed.clone(), fps, client);
        let worker = Worker::new(self.clone(), playback.clone(), writer);
        let thread = thread::Builder::new().name(format!("play {}", playback.order.name.camera));
        let handle = thread.spawn(move || worker.run(&folder)).map_err(PlaybackError::NoThread)?;
        let _ = playback.thread.set(handle.thread().clone()); // set here only
        running.push(playback.clone());
        Ok((playback, demand))
    }

    /// How many are being played.
    pub fn count(&self) -> usize {
        self.lock().iter().filter(|one| !one.is_over()).count()
    }

    /// Takes one off the list whose thread ends.
    fn remove(&self, playback: &Arc<Playback>) {
        playback.end(Outcome::Over);
        self.lock().retain(|other| !Arc::ptr_eq(other, playback));
        (self.wake)();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Playback>>> {
        lock(&self.running)
    }
}

#[cfg(test)]
mod tests;
