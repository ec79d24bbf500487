//! What one camera's thread shares with the rest of the house: its ring, whether anyone watches, and how it is.
//!
//! Written by [`crate::stream`]; read by [`crate::fanout`] (the ring) and [`crate::site`] (the status). What
//! flows back is [`Demand`], whether anybody wants frames, and the quality to encode them with. [`DeliveryStats`] counts
//! what viewers got.
//!
//! The smaller pictures of [`crate::variants`] have a feed of their own, which looks the same to a viewer.

mod delivery;
mod demand;
pub mod histogram;
mod listeners;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::camera::{SourceConfig, SourceInfo};
use crate::host::service::{Pulse, Watched};
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::jpeg::passthrough::Fault;
use crate::problem::Problem;
use crate::ring::{self, Reader, Writer};
use crate::sync::lock;
pub use delivery::DeliveryStats;
use demand::Demands;
pub use demand::{Asked, Demand, Picker};
use histogram::Histogram;
pub use listeners::Listener;
use listeners::Listeners;

/// Why a frame that was captured was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The source says that its contents are corrupt.
    Flagged,
    /// It is no whole JPEG.
    Fault(Fault),
    /// It has another size than the camera agreed to.
    WrongSize,
    /// It is larger than a slot.
    TooLarge,
    /// Its pixels do not fill a picture, or could not be encoded.
    Unencodable,
    /// Encoding is slower than the camera, and a newer frame waited.
    Late,
    /// Readers held every slot of the ring.
    NoSlot,
}

impl Dropped {
    const OWN: [Dropped; 6] = [
        Dropped::Flagged,
        Dropped::WrongSize,
        Dropped::TooLarge,
        Dropped::Unencodable,
        Dropped::Late,
        Dropped::NoSlot,
    ];

    /// Whether the camera is to blame; else this program was too slow.
    pub fn is_bad_frame(self) -> bool {
        !matches!(self, Dropped::Late | Dropped::NoSlot)
    }

    /// All reasons.
    pub fn all() -> impl Iterator<Item = Dropped> {
        Self::OWN.into_iter().chain(Fault::ALL.into_iter().map(Dropped::Fault))
    }

    /// The name in `/state` and `/metrics`.
    pub fn name(self) -> &'static str {
        match self {
            Dropped::Flagged => "flagged",
            Dropped::Fault(fault) => fault.name(),
            Dropped::WrongSize => "wrong_size",
            Dropped::TooLarge => "too_large",
            Dropped::Unencodable => "unencodable",
            Dropped::Late => "late",
            Dropped::NoSlot => "no_slot",
        }
    }

    fn index(self) -> usize {
        Self::all().position(|reason| reason == self).unwrap_or(0)
    }
}

const REASONS: usize = Dropped::OWN.len() + Fault::ALL.len();

/// What became of the frames of one camera since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames that the source delivered.
    pub captured: AtomicU64,
    /// Frames that came into the ring; without the card's.
    pub published: AtomicU64,
    /// Frames that were encoded here.
    pub encoded: AtomicU64,
    /// Frames that were passed on with something added (Huffman tables, EOI) or taken away (padding).
    pub mended: AtomicU64,
    /// From the capture of a frame until it was in the ring.
    pub delay: Histogram,
    dropped: [AtomicU64; REASONS],
}

impl Counters {
    /// Counts a dropped frame.
    pub fn drop_one(&self, reason: Dropped) {
        self.dropped[reason.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Dropped frames by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (Dropped, u64)> {
        Dropped::all().map(|reason| (reason, self.dropped[reason.index()].load(Ordering::Relaxed)))
    }
}

/// Whether a camera delivers.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Not tried yet.
    Starting,
    /// Frames come.
    Live(SourceInfo),
    /// No frames, and why.
    Waiting(Problem),
}

/// How a camera is.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether it delivers.
    pub state: State,
    /// Candidates that were not taken at the last search, and why.
    pub refused: Vec<(String, Problem)>,
    /// Frames per second as measured over the last frames; 0 while none come.
    pub fps: f32,
    /// When the last usable frame was captured.
    pub last_frame: Option<Instant>,
}

/// One camera as the rest of the house sees it.
#[derive(Debug)]
pub struct Feed {
    /// Its name in URLs; unique.
    pub name: String,
    /// What was asked of it.
    pub config: SourceConfig,
    /// Why the default settings hold in place of the settings file; page and card say so.
    pub settings_problem: Option<Problem>,
    /// Its newest frames.
    pub ring: Reader,
    /// What became of its frames.
    pub counters: Counters,
    /// What viewers got of them.
    pub served: Arc<DeliveryStats>,
    /// The rounds of its thread, a few each second at least.
    pub pulse: Pulse,
    status: Mutex<Status>,
    demands: Demands,
    listeners: Listeners,
    quality: AtomicU8,
}

impl Feed {
    /// A camera that was not tried yet, and the writer of its ring for the thread that captures.
    pub fn new(name: String, config: SourceConfig) -> (Self, Writer) {
        let status = Status { state: State::Starting, refused: Vec::new(), fps: 0.0, last_frame: None };
        let quality = AtomicU8::new(config.quality.unwrap_or(DEFAULT_QUALITY));
        let (writer, ring) = ring::split();
        let feed = Self {
            name,
            config,
            settings_problem: None,
            ring,
            counters: Counters::default(),
            served: Arc::default(),
            pulse: Pulse::default(),
            status: Mutex::new(status),
            demands: Demands::default(),
            listeners: Listeners::default(),
            quality,
        };
        (feed, writer)
    }

    /// The same feed, which also says why the default settings hold.
    pub fn with_settings_problem(self, settings_problem: Option<Problem>) -> Self {
        Self { settings_problem, ..self }
    }

    /// The feed for smaller pictures of this camera, whose viewers count as the camera's own, and its writer.
    pub fn smaller(&self) -> (Self, Writer) {
        let (feed, writer) = Self::new(self.name.clone(), self.config.clone());
        (Self { served: self.served.clone(), ..feed }, writer)
    }

    /// The JPEG quality of frames that are encoded here, 1 to 100.
    pub fn quality(&self) -> u8 {
        self.quality.load(Ordering::Relaxed)
    }

    /// Changes it from the next frame on; what lies outside 1 to 100 counts as the nearest. Frames that the
    /// camera compressed are passed on as they are.
    pub fn set_quality(&self, quality: u8) {
        self.quality.store(quality.clamp(1, 100), Ordering::Relaxed);
    }

    /// Whether the camera delivers JPEGs that are passed on as they are.
    pub fn is_passthrough(&self) -> bool {
        matches!(&self.status().state, State::Live(info) if self.config.is_passthrough(info))
    }

    /// How the camera is; held for as short as possible.
    pub fn status(&self) -> MutexGuard<'_, Status> {
        lock(&self.status)
    }

    /// How many want frames.
    pub fn demand(&self) -> usize {
        self.demands.count()
    }

    /// Whether anybody wants frames; if not, nothing is copied or encoded.
    pub fn is_wanted(&self) -> bool {
        self.asked().is_any()
    }

    /// What those who want frames want together.
    pub fn asked(&self) -> Asked {
        self.demands.asked()
    }

    /// From now on the calling thread can wait for frames.
    pub fn listen(&self) -> Listener<'_> {
        Listener::new(self)
    }

    /// Tells those who wait that there is a new frame; never waits for them.
    pub fn announce(&self) {
        self.listeners.notify();
    }

    /// Why there is no picture in [`State::Starting`].
    pub fn not_yet(&self) -> Problem {
        Problem::new(
            format!("cannot show camera {} yet", self.name),
            "it is being opened",
            "wait a few seconds",
        )
    }
}

impl Watched for Feed {
    fn name(&self) -> &str {
        &self.name
    }

    fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    fn has_delivered(&self) -> bool {
        self.counters.captured.load(Ordering::Relaxed) > 0
    }

    fn status(&self) -> String {
        let status = Feed::status(self);
        match &status.state {
            State::Starting => self.not_yet().to_string(),
            State::Live(info) => format!("{}: {} at {:.0}/s", self.name, info.size, status.fps),
            State::Waiting(problem) => format!("{}: {problem}", self.name),
        }
    }
}

/// Frames a rate is measured over.
const RATE_WINDOW: usize = 32;

/// Measures frames per second over the last frames.
#[derive(Debug, Default)]
pub struct Rate(heapless::Deque<Instant, RATE_WINDOW>);

impl Rate {
    /// Counts a frame that was captured at `at` and gives the rate, 0 until there are two frames.
    pub fn count(&mut self, at: Instant) -> f32 {
        if self.0.is_full() {
            self.0.pop_front();
        }
        let _ = self.0.push_back(at); // cannot fail: one place is free
        match (self.0.front(), self.0.back()) {
            (Some(first), Some(last)) if last > first => {
                let span: Duration = *last - *first;
                (self.0.len() - 1) as f32 / span.as_secs_f32()
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_for_a_drop_has_a_name_and_a_counter_of_its_own() {
        let counters = Counters::default();
        for reason in Dropped::all() {
            counters.drop_one(reason);
        }
        assert!(counters.dropped().all(|(_, count)| count == 1));
        let names: HashSet<_> = Dropped::all().map(Dropped::name).collect();
        assert_eq!(names.len(), REASONS);
    }

    #[test]
    fn thirty_frames_a_second_measure_as_thirty() {
        let start = Instant::now();
        let mut rate = Rate::default();
        let measured = (0..100u32).map(|n| rate.count(start + Duration::from_millis(100) * n / 3)).last();
        assert!((measured.unwrap() - 30.0).abs() < 0.01, "{measured:?}");
    }
}
