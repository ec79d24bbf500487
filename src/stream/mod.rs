//! One camera's thread: source, then JPEG, then ring; and its recovery.
//!
//! Started by `main`, one for each camera, and the only writer of its [`Feed`]. What it promises:
//!
//! - A camera that ends, stalls or delivers rubbish is opened anew, for ever; meanwhile viewers see the drawn
//!   card on the same connections, and the picture as soon as there is one.
//! - Nobody watching: nothing is copied, drawn or encoded.
//! - A panic in here ends the session with the camera, is logged, and the next session begins.

mod session;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use log::{debug, error, info, warn};

use crate::camera::find::{self, Finder};
use crate::camera::{EncodeMode, Frame, Observer, Source, SourceError, SourceInfo, SourceSpec};
use crate::feed::{CaptureState, Feed};
use crate::host::shutdown::Shutdown;
use crate::jpeg::card::Card;
use crate::jpeg::passthrough::MENDING_MAX;
use crate::jpeg::transcode::Transcoder;
use crate::picture::Size;
use crate::problem::Problem;
use crate::ring::{MAX_FRAME, Meta, NoMemory, SLOTS, Writer};
use session::{Session, Taken};

/// The longest wait without a look at whether the program is to end.
const PATIENCE: Duration = Duration::from_millis(250);

/// The card's clock moves so often.
const CARD_PERIOD: Duration = Duration::from_secs(1);

/// A camera that delivered pictures and then none for so many frame intervals has stalled, ...
const STALL_INTERVALS: u32 = 10;
/// ... but not before this, ...
const STALL_MIN: Duration = Duration::from_secs(2);
/// ... and where the driver tells no interval, after this.
const STALL_UNKNOWN: Duration = Duration::from_secs(10);

/// Pauses between searches; the last one repeats. A change of the devices ends a pause.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(5)];

/// After a session of this length the pauses begin anew.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// Frames from one debug line to the next.
const DEBUG_FRAMES: u64 = 30;

/// Time from one line of figures to the next.
const FIGURES_PERIOD: Duration = Duration::from_secs(60);

/// A camera's thread.
pub struct Stream<'a> {
    feed: &'a Feed,
    shutdown: &'a Shutdown,
    /// Tells the fan-out that a frame is there.
    wake: &'a dyn Fn(),
    writer: Writer,
    /// The size of the last picture, which the card takes over.
    last_size: Size,
    next_card: Instant,
    /// What is wrong while there is no picture, as the card shows it: its title and the problem.
    trouble: (&'static str, Problem),
    figures: Figures,
}

/// The counters at the last line of figures.
struct Figures {
    next: Instant,
    captured: u64,
    published: u64,
}

impl<'a> Stream<'a> {
    /// The thread of the camera behind `feed`, which puts frames into its ring by `writer`.
    pub fn new(feed: &'a Feed, writer: Writer, shutdown: &'a Shutdown, wake: &'a dyn Fn()) -> Self {
        let now = Instant::now();
        Self {
            feed,
            shutdown,
            wake,
            writer,
            last_size: feed.config.size(),
            next_card: now + CARD_PERIOD, // most cameras are faster
            trouble: (Card::NO_PICTURE, feed.not_yet()),
            figures: Figures { next: now + FIGURES_PERIOD, captured: 0, published: 0 },
        }
    }

    /// Serves the camera until the program ends.
    pub fn run(mut self) {
        let mut finder = Finder::new(self.feed.name.clone(), self.feed.config.clone());
        let mut pauses = 0;
        while !self.shutdown.has_begun() {
            let devices = find::devices_fingerprint();
            let began = Instant::now();
            // Unwind safety: a session leaves nothing half done but a slot, which the ring sees to.
            let session = catch_unwind(AssertUnwindSafe(|| self.session(&mut finder)));
            let problem = session.unwrap_or_else(|_| {
                Problem::new(
                    format!("cannot go on with camera {}", self.feed.name),
                    "an error in this program stopped it",
                    "it starts anew by itself; please report what the log says",
                )
            });
            if self.shutdown.has_begun() {
                return;
            }
            self.wait_for(problem);
            if began.elapsed() > GOOD_SESSION {
                pauses = 0;
            }
            self.pause(PAUSES[pauses], devices);
            pauses = (pauses + 1).min(PAUSES.len() - 1);
        }
    }

    /// Searches, then captures until it ends; says why it ended.
    fn session(&mut self, finder: &mut Finder) -> Problem {
        let mut search = Search { stream: self, refused: Vec::new() };
        let found = finder.open(&mut search);
        let refused = search.refused;
        self.feed.status().refused = refused;
        match found {
            Err(problem) => problem,
            Ok(mut source) => {
                let problem = self.capture(source.as_mut());
                finder.ended();
                problem
            }
        }
    }

    /// Publishes what `source` delivers until it ends, stalls or delivers rubbish, and says which. Called by
    /// [`Stream::run`], and by whoever brings a source of their own (tests and benches).
    pub fn capture(&mut self, source: &mut dyn Source) -> Problem {
        let info = source.info().clone();
        if let Err(problem) = self.begin(&info) {
            return problem;
        }
        let stall =
            info.interval.map_or(STALL_UNKNOWN, |interval| (interval * STALL_INTERVALS).max(STALL_MIN));
        let mut session = Session::new(&info, self.feed.config.bad_frames);
        let mut last_frame = Instant::now();
        while !self.shutdown.has_begun() {
            match source.next(PATIENCE.min(stall)) {
                Ok(Some(frame)) => {
                    last_frame = Instant::now();
                    self.take(&frame, &mut session);
                    if let Some(why) = session.verdict() {
                        return Problem::new(
                            format!("cannot use the pictures of {}", info.source),
                            why,
                            "check the cable; opening the camera anew",
                        );
                    }
                }
                Ok(None) if last_frame.elapsed() > stall => {
                    return Problem::new(
                        format!("cannot get pictures from {}", info.source),
                        format!("none came for {:.0} s", last_frame.elapsed().as_secs_f32()),
                        "check the cable and the power supply; opening the camera anew",
                    );
                }
                Ok(None) => {}
                Err(SourceError(problem)) => return problem,
            }
            self.go_round();
        }
        Problem::new(format!("stopped {}", info.source), "the program ends", "start it again")
    }

    /// Makes room for what it delivers, and says that it does.
    fn begin(&mut self, info: &SourceInfo) -> Result<(), Problem> {
        let name = &self.feed.name;
        let rate = info.fps().map_or_else(String::new, |fps| format!(" at {fps}/s"));
        info!("camera {name}: {} ({}) delivers {} {}{rate}", info.source, info.card, info.layout, info.size);
        for compromise in &info.compromises {
            warn!("camera {name}: {}: {compromise}", info.source);
        }
        self.last_size = info.size;
        let mended = info.max_frame.saturating_add(MENDING_MAX);
        let room = match self.feed.config.encoder {
            EncodeMode::Auto | EncodeMode::Passthrough => mended,
            // A camera's own JPEG may become larger when it is encoded anew.
            EncodeMode::Software => mended.max(Transcoder::output_len(info.size)),
        };
        self.writer.reserve(room).map_err(|NoMemory| {
            Problem::new(
                format!("cannot keep pictures of {}", info.source),
                format!("there is no memory for {SLOTS} of up to {} KiB", room.min(MAX_FRAME) >> 10),
                "try a smaller --size, or end what else needs memory; it is tried again by itself",
            )
        })?;
        if matches!(self.feed.status().state, CaptureState::Waiting(_)) {
            info!("camera {name}: the picture is back");
        }
        self.feed.status().state = CaptureState::Live(info.clone());
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, session: &mut Session) {
        match session.take(frame, self.feed, &mut self.writer) {
            Ok(Taken::Published) => self.announce(),
            Ok(Taken::Unwanted) => {}
            Err(reason) => {
                debug!("camera {}: dropped frame {}: {}", self.feed.name, frame.sequence, reason.name());
            }
        }
        let captured = self.feed.counters.captured.load(Ordering::Relaxed);
        if captured.is_multiple_of(DEBUG_FRAMES) {
            let fps = self.feed.status().fps;
            debug!("camera {}: {captured} frames, {fps:.2}/s", self.feed.name);
        }
    }

    /// A frame is in the ring: its viewers first, then those who make something else of it.
    fn announce(&self) {
        (self.wake)();
        self.feed.announce();
    }

    /// From now on there is no picture, and this is why.
    fn wait_for(&mut self, problem: Problem) {
        let mut status = self.feed.status();
        let known = status.state == CaptureState::Waiting(problem.clone());
        if matches!(status.state, CaptureState::Live(_)) {
            self.next_card = Instant::now();
        }
        status.state = CaptureState::Waiting(problem.clone());
        status.fps = 0.0;
        drop(status);
        if !known {
            warn!("camera {}: {problem}", self.feed.name);
        }
        let title = if find::any_device() { Card::NO_PICTURE } else { Card::NO_CAMERA };
        self.trouble = (title, problem);
    }

    /// Waits at most so long, or until the devices are others than before; the card's clock moves meanwhile.
    fn pause(&mut self, pause: Duration, devices: u64) {
        let end = Instant::now() + pause;
        while Instant::now() < end && find::devices_fingerprint() == devices {
            self.pass_time();
            if self.shutdown.wait(PATIENCE) {
                return;
            }
        }
    }

    /// What is to be done a few times a second while there is no picture.
    fn pass_time(&mut self) {
        self.show_card();
        self.go_round();
    }

    /// What is to be done a few times a second in any case.
    fn go_round(&mut self) {
        self.feed.pulse.beat();
        self.log_figures();
    }

    /// Puts the card into the ring when it is time and anybody watches.
    fn show_card(&mut self) {
        let now = Instant::now();
        if now < self.next_card || !self.feed.is_wanted() {
            return;
        }
        self.next_card = now + CARD_PERIOD;
        if self.writer.reserve(Card::MAX_JPEG).is_err() {
            error!("camera {}: cannot show the card: there is no memory", self.feed.name);
            return;
        }
        let (title, problem) = &self.trouble;
        let problem = &with_settings_problem(problem, self.feed.settings_problem.as_ref());
        let card = Card { title, name: &self.feed.name, problem };
        let meta = Meta { captured: now, size: Card::size(self.last_size), card: true };
        let published =
            self.writer.publish(meta, |room| card.encode(self.last_size, SystemTime::now(), room));
        match published {
            Ok(_) => self.announce(),
            Err(failure) => error!("camera {}: cannot show the card: {failure:?}", self.feed.name),
        }
    }

    fn log_figures(&mut self) {
        let now = Instant::now();
        if now < self.figures.next {
            return;
        }
        let counters = &self.feed.counters;
        let (captured, published) =
            (counters.captured.load(Ordering::Relaxed), counters.published.load(Ordering::Relaxed));
        let dropped: Vec<_> = counters
            .dropped()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| format!("{} {count}", reason.name()))
            .collect();
        info!(
            "camera {}: {} viewers; in the last minute {} frames captured, {} published; dropped since the start: {}",
            self.feed.name,
            self.feed.demand_count(),
            captured - self.figures.captured,
            published - self.figures.published,
            if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") },
        );
        self.figures = Figures { next: now + FIGURES_PERIOD, captured, published };
    }
}

/// What a card says: the camera's problem, and that of the settings file behind it.
fn with_settings_problem(problem: &Problem, settings: Option<&Problem>) -> Problem {
    let mut shown = problem.clone();
    if let Some(settings) = settings {
        shown.advice = format!("{}. The board runs with default settings, since it {settings}", shown.advice);
    }
    shown
}

/// A search for a camera, as the stream sees it.
struct Search<'s, 'a> {
    stream: &'s mut Stream<'a>,
    refused: Vec<(String, Problem)>,
}

impl Observer for Search<'_, '_> {
    fn refused(&mut self, source: &str, problem: &Problem) {
        let refused = (source.to_owned(), problem.clone());
        // A search that is repeated every few seconds says only what is new, and where one device was asked
        // for, its problem is the result of the search.
        let one_of_many = self.stream.feed.config.spec == SourceSpec::Auto;
        if one_of_many && !self.stream.feed.status().refused.contains(&refused) {
            info!("camera {}: not using {source}: {problem}", self.stream.feed.name);
        }
        self.refused.push(refused);
    }

    fn keep_waiting(&mut self) -> bool {
        self.stream.pass_time();
        !self.stream.shutdown.has_begun()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_tells_of_a_mistake_in_the_settings_too() {
        let problem = Problem::new("no camera found", "there is none", "plug one in");
        let mistake = Problem::new("cannot use line 3 of boardcam.toml", "it is wrong", "write fps = 5");
        let told = with_settings_problem(&problem, Some(&mistake)).advice;
        assert!(told.starts_with("plug one in. ") && told.contains("cannot use line 3"), "{told}");
        assert_eq!(with_settings_problem(&problem, None), problem);
    }
}
