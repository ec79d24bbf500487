//! One camera's thread: source, then JPEG, then ring; and its recovery.
//!
//! [`crate::serve`] starts one for each camera; it owns the [`Writer`] of the camera's ring. What it promises:
//!
//! - It reopens a camera that ends, stalls or delivers garbage, until the program ends. In the meantime viewers see the
//!   drawn card on the same connections, and the picture as soon as it is back.
//! - While nobody watches, nothing is copied, drawn or encoded. If it is opened on demand, it is closed then, and this
//!   thread sleeps.
//! - A panic ends the session with the camera and is logged; then the next session begins.

mod controls;
mod ending;
mod figures;
mod no_picture;
mod patience;
mod presence;
mod privacy;
mod rest;
mod search;
mod session;
mod slow;
mod trial;
mod trouble_log;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::{Level, debug};

use crate::camera::find::{self, Finder};
use crate::camera::{EncodeMode, Frame, Source, SourceError, SourceInfo};
use crate::codec::{self, m2m};
use crate::events::Events;
use crate::feed::keep_later::{Belated, KeepLater};
use crate::feed::{CaptureState, Feed};
use crate::host::shutdown::Shutdown;
use crate::jpeg::card::Card;
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::jpeg::passthrough::MENDING_MAX;
use crate::jpeg::transcode::Transcoder;
use crate::names::CameraLabel;
use crate::picture::{Layout, Size};
use crate::problem::Problem;
use crate::ring::{NoMemory, Writer};
pub use ending::SessionEnd;
use figures::Figures;
use patience::Patience;
use presence::Presence;
use rest::Idle;
use session::{Session, Taken};
use slow::{News, SlowWatch};
use trial::Trial;
use trouble_log::TroubleLog;

/// The longest wait before it checks whether the program is ending.
const CHECK_PERIOD: Duration = Duration::from_millis(250);

/// The clock on the card moves this often.
const CARD_PERIOD: Duration = Duration::from_secs(1);

/// After this time without a usable frame, page and log say what is wrong. With [`CHECK_PERIOD`], that is within 2 s.
const SAY_AFTER: Duration = Duration::from_millis(1500);

/// Pauses between searches; the last one repeats. A pause ends early when a device comes or goes.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(5)];

/// After a session of this length, the pauses start again from the first.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// What the log says where the settings ask for hardware, which has nothing to do.
const HARDWARE_OF_JPEGS: &str =
    "asked for encoder hardware, but this source makes JPEGs itself; these are passed on";

/// Frames from one debug line to the next.
const DEBUG_FRAMES: u64 = 30;

/// A camera's thread.
pub struct Stream<'a> {
    feed: &'a Feed,
    shutdown: &'a Shutdown,
    /// Wakes the fan-out: there is a new frame.
    wake: &'a dyn Fn(),
    writer: Writer,
    /// The size of the camera's last picture, before it was turned; the card has that of the turned one.
    last_size: Size,
    next_card: Instant,
    /// Whether the log says already that the card cannot be shown.
    card_failed: bool,
    /// What is known about the source's rate.
    patience: Patience,
    /// Why the last session ended, until there is a picture again.
    ended: Option<SessionEnd>,
    /// Whether it is known what comes in place of pictures, until there is a picture again.
    knows_content: bool,
    trouble_log: TroubleLog<'a>,
    /// The title of the card, and the problem on it.
    trouble: (&'static str, Problem),
    figures: Figures,
    /// What the camera is opened with.
    trial: Trial,
    /// Since when nobody wants it.
    idle: Idle,
    /// The number of the next of [`PAUSES`].
    pauses: usize,
    /// Called with what is to be kept as it is now, although no request waits for that.
    keep_later: KeepLater,
    /// Tells others whether there is a picture; `None` if there is nobody to tell.
    presence: Option<Presence<'a>>,
}

impl<'a> Stream<'a> {
    /// The thread of the camera of `feed`, which puts frames into its ring with `writer`.
    pub fn new(feed: &'a Feed, writer: Writer, shutdown: &'a Shutdown, wake: &'a dyn Fn()) -> Self {
        let now = Instant::now();
        Self {
            feed,
            shutdown,
            wake,
            writer,
            last_size: feed.asked_size(),
            next_card: now + CARD_PERIOD, // most cameras are faster
            card_failed: false,
            patience: Patience::new(feed.config.timeout),
            ended: None,
            knows_content: false,
            trouble_log: TroubleLog::new(CameraLabel(&feed.name)),
            trouble: (Card::STARTING, feed.why_no_picture_yet()),
            figures: Figures::new(),
            trial: Trial::default(),
            idle: Idle::default(),
            pauses: 0,
            keep_later: Arc::new(|_| ()),
            presence: None,
        }
    }

    /// Keeps by this what the camera refused after it was kept, such as settings with which it gives no pictures, and
    /// what it answered late.
    pub fn with_keeping(self, keep_later: KeepLater) -> Self {
        Self { keep_later, ..self }
    }

    /// Publishes there when the camera is lost, and when it is back.
    pub fn with_events(self, events: &'a Events) -> Self {
        Self { presence: Some(Presence::new(events)), ..self }
    }

    /// Opens the camera once, and serves it until it ends or the program does.
    pub fn run_once(mut self) -> SessionEnd {
        let mut finder = Finder::new(self.feed.name.clone(), self.feed.config.clone());
        self.try_session(&mut finder)
    }

    /// A session; a panic in it is one way to end.
    fn try_session(&mut self, finder: &mut Finder) -> SessionEnd {
        // Unwind safety: a session leaves nothing half done except a slot, which the ring takes care of.
        let session = catch_unwind(AssertUnwindSafe(|| self.session(finder)));
        session.unwrap_or_else(|_| SessionEnd::Panicked { camera: self.label().to_string() })
    }

    /// Serves the camera until the program ends.
    pub fn run(mut self) {
        let mut finder = Finder::new(self.feed.name.clone(), self.feed.config.clone());
        self.open_on_demand();
        while !self.shutdown.has_begun() {
            if self.is_unwanted() {
                if self.feed.is_private() {
                    self.keep_private()
                } else {
                    self.rest()
                }
                continue;
            }
            let devices = find::devices_fingerprint();
            let began = Instant::now();
            let wanted = self.trial.next(self.feed);
            finder.ask_for(wanted, self.trial.is_for_this_camera());
            let end = self.try_session(&mut finder);
            if self.shutdown.has_begun() {
                return;
            }
            if let Some(pause) = self.next_try(end, began.elapsed()) {
                self.pause(pause, devices);
            }
        }
    }

    /// How long to wait before the next try, after a session that lasted so long; `None` if other settings are tried at
    /// once, or the camera is not wanted.
    fn next_try(&mut self, end: SessionEnd, lasted: Duration) -> Option<Duration> {
        if self.trial.is_outdated(self.feed) {
            self.reopen();
            self.pauses = 0;
            return None;
        }
        if end == SessionEnd::Unwanted {
            return None;
        }
        if lasted > GOOD_SESSION {
            self.pauses = 0;
        }
        if self.trial.session_ended(end.problem()) {
            // If there was no picture before either, it is not known that the change is to blame: what is said stays.
            if self.ended.is_none() {
                self.reopen();
            }
            return None;
        }
        self.wait_for(end);
        let pause = PAUSES[self.pauses];
        self.pauses = (self.pauses + 1).min(PAUSES.len() - 1);
        Some(pause)
    }

    /// Publishes what `source` delivers until it ends, stalls or delivers garbage. Called by [`Stream::run`], and by
    /// tests and benches that bring a source of their own.
    pub fn capture(&mut self, source: &mut dyn Source) -> SessionEnd {
        let info = source.info().clone();
        if let Err(end) = self.begin(&info) {
            return end;
        }
        let _open_controls = controls::start(self.feed, &info, &self.keep_later);
        self.patience.begin(&info);
        let unusable = |(frames, last)| SessionEnd::unusable(&info, frames, last);
        let mut session = Session::new(&info, self.feed.config.bad_frames);
        session.encode_by(encoder(self.feed.config.encoder));
        let mut slow_watch = SlowWatch::new(&info);
        let mut steady_since = Instant::now();
        let (mut last_frame, mut last_good, mut is_good) = (steady_since, steady_since, false);
        while !self.shutdown.has_begun() {
            if self.trial.is_outdated(self.feed) {
                return SessionEnd::Changed;
            }
            if self.is_unwanted() {
                return SessionEnd::Unwanted;
            }
            match source.next(CHECK_PERIOD.min(self.patience.limit())) {
                Ok(Some(frame)) => {
                    last_frame = Instant::now();
                    self.learn(&frame, &mut session);
                    if let Some(news) = slow_watch.frame(frame.captured, frame.sequence) {
                        self.note_rate(news, &info);
                    }
                    if self.take(&frame, &mut session, &info) {
                        last_good = last_frame;
                        if !is_good && steady_since.elapsed() > GOOD_SESSION {
                            is_good = true;
                            self.trouble_log.forget(last_good);
                        }
                    }
                    if let Some(bad) = session.too_many_bad() {
                        return unusable(bad);
                    }
                }
                Ok(None) if last_frame.elapsed() > self.patience.limit() => {
                    self.patience.stalled();
                    let stalled = SessionEnd::stalled(&info, last_frame.elapsed());
                    return session.no_picture().map_or(stalled, unusable);
                }
                Ok(None) => {}
                Err(SourceError(problem)) => {
                    // What kind of pictures they are is what the user must change, and not how their source ended.
                    let kind = session.no_picture().filter(|(_, last)| last.is_kind());
                    return kind.map_or(SessionEnd::SourceEnded(problem), unusable);
                }
            }
            if let Some(bad) = session.no_picture() {
                self.note_no_picture(unusable(bad));
                (steady_since, is_good) = (Instant::now(), false);
            } else if last_good.elapsed() > SAY_AFTER && self.explain(&*source, &info, last_frame) {
                (steady_since, is_good) = (Instant::now(), false);
            }
            self.housekeeping();
        }
        SessionEnd::Shutdown
    }

    /// Learns the source's rate from a frame. If pictures come seldom, the newest one is kept for whoever asks.
    fn learn(&mut self, frame: &Frame<'_>, session: &mut Session) {
        self.patience.frame(frame.captured);
        let seldom = self.patience.is_seldom();
        session.keep_newest(seldom);
        let mut status = self.feed.status();
        (status.seldom, status.patience) = (seldom, self.patience.limit());
    }

    /// The camera has become slow, or is no longer.
    fn note_rate(&mut self, news: News, info: &SourceInfo) {
        let slow = match news {
            News::Slow(rate) => Some(slow::slow(info, rate)),
            News::Fast => None,
        };
        let note = match &slow {
            Some(slow) => slow.problem.to_string(),
            None => format!("{} delivers as many frames as agreed again", info.source),
        };
        self.trouble_log.note(Level::Info, &note, Instant::now());
        self.feed.status().slow = slow;
    }

    /// Gets memory for the source's frames, and logs what it delivers.
    fn begin(&mut self, info: &SourceInfo) -> Result<(), SessionEnd> {
        self.trouble_log.begin(info, Instant::now());
        self.last_size = info.size;
        let mended = info.max_frame.saturating_add(MENDING_MAX);
        let capacity = match self.feed.config.encoder {
            EncodeMode::Auto | EncodeMode::Passthrough | EncodeMode::Hardware => mended,
            // A camera's own JPEG may become larger when it is encoded again.
            EncodeMode::Software => mended.max(Transcoder::output_len(info.size)),
        };
        let no_memory = |NoMemory| SessionEnd::NoMemory { source: info.source.clone(), capacity };
        self.writer.reserve(capacity).map_err(no_memory)?;
        {
            let mut status = self.feed.status();
            (status.converts, status.hardware, status.slow) = (false, None, None); // as far as is known yet
        }
        if self.feed.config.encoder == EncodeMode::Hardware && info.layout == Layout::Mjpeg {
            self.trouble_log.note(Level::Warn, HARDWARE_OF_JPEGS, Instant::now());
        }
        // A source that was lost is back with its first usable frame, not before.
        if self.ended.is_none() {
            let mut status = self.feed.status();
            (status.state, status.concern) = (CaptureState::Live(info.clone()), None);
        }
        Ok(())
    }

    /// Puts a frame into the ring if somebody wants it; returns whether it can be used.
    fn take(&mut self, frame: &Frame<'_>, session: &mut Session, info: &SourceInfo) -> bool {
        let taken = session.take(frame, self.feed, &mut self.writer);
        for (level, note) in session.notes.drain(..) {
            self.trouble_log.note(level, &note, Instant::now());
        }
        self.knows_content &= taken.is_err();
        if taken.is_ok()
            && let Some(refused) = self.trial.picture_came(self.feed)
        {
            self.trouble_log.note(Level::Warn, &refused.to_string(), Instant::now());
            (self.keep_later)(Belated::Settings);
        }
        if taken.is_ok() && self.ended.take().is_some() {
            self.trouble_log.picture_is_back();
            let info = SourceInfo { size: session.size(), ..info.clone() };
            self.feed.status().state = CaptureState::Live(info);
        }
        match &taken {
            Ok(Taken::Published) => self.announce(),
            Ok(Taken::Unwanted | Taken::Repeated) => {}
            Err(reason) => {
                debug!("{}: dropped frame {}: {}", self.label(), frame.sequence, reason.name());
            }
        }
        let captured = self.feed.counters.captured.load(Ordering::Relaxed);
        if captured.is_multiple_of(DEBUG_FRAMES) {
            let fps = self.feed.status().fps;
            debug!("{}: {captured} frames, {fps:.2}/s", self.label());
        }
        taken.is_ok()
    }

    /// There is a new frame in the ring: wakes its viewers first, then the threads that process it further.
    fn announce(&self) {
        (self.wake)();
        self.feed.wake_listeners();
    }

    /// Called a few times a second, with or without a picture.
    fn housekeeping(&mut self) {
        self.feed.pulse.beat();
        self.figures.log(self.feed);
        if let Some(presence) = &mut self.presence {
            presence.look(&self.feed.name, &self.feed.status(), Instant::now());
        }
    }

    fn label(&self) -> CameraLabel<'a> {
        CameraLabel(&self.feed.name)
    }
}

/// Who encodes raw pixels.
fn encoder(mode: EncodeMode) -> codec::Encoder {
    match mode {
        EncodeMode::Auto | EncodeMode::Hardware => {
            let is_asked_for = mode == EncodeMode::Hardware;
            codec::Encoder::with_hardware(DEFAULT_QUALITY, Arc::new(m2m::find), is_asked_for)
        }
        EncodeMode::Passthrough | EncodeMode::Software => codec::Encoder::new(DEFAULT_QUALITY),
    }
}

#[cfg(test)]
mod tests;
