//! One camera's thread: source, then JPEG, then ring; and its recovery.
//!
//! Started by `main`, one for each camera, and the only writer of its [`Feed`]. What it promises:
//!
//! - A camera that ends, stalls or delivers rubbish is opened anew, for ever; meanwhile viewers see the drawn
//!   card on the same connections, and the picture as soon as there is one.
//! - Nobody watching: nothing is copied, drawn or encoded.
//! - A panic in here ends the session with the camera, is logged, and the next session begins.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use log::{debug, error, info, warn};

use crate::camera::find::{self, Finder, Observer};
use crate::camera::{About, Ended, Frame, Layout, Size, Source};
use crate::feed::{Dropped, Feed, Rate, State};
use crate::host::shutdown::Shutdown;
use crate::jpeg::card::Card;
use crate::jpeg::encode::{DEFAULT_QUALITY, Encoder};
use crate::jpeg::eoi::Policy;
use crate::jpeg::passthrough::{Fault, Jpeg, MENDING_MAX};
use crate::jpeg::pixels::Yuyv;
use crate::problem::Problem;
use crate::ring::{Meta, Unpublished, Writer};

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

/// So many unusable frames in a row are tolerated before the camera is opened anew.
const BAD_FRAMES: u32 = 10;

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
    writer: Writer<'a>,
    /// The size of the last picture, which the card takes over.
    last_size: Size,
    next_card: Instant,
    /// What is wrong while there is no picture, as the card shows it.
    trouble: Option<(&'static str, Problem)>,
    figures: Figures,
}

/// The counters at the last line of figures.
struct Figures {
    next: Instant,
    captured: u64,
    published: u64,
}

impl<'a> Stream<'a> {
    /// The thread of the camera behind `feed`, which has no other.
    pub fn new(feed: &'a Feed, shutdown: &'a Shutdown, wake: &'a dyn Fn()) -> Self {
        let now = Instant::now();
        Self {
            feed,
            shutdown,
            wake,
            writer: Writer::new(&feed.ring),
            last_size: feed.wanted.size(),
            next_card: now,
            trouble: None,
            figures: Figures { next: now + FIGURES_PERIOD, captured: 0, published: 0 },
        }
    }

    /// Serves the camera until the program ends.
    pub fn run(mut self) {
        let mut finder = Finder::new(self.feed.wanted.clone());
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
            Ok(mut source) => self.capture(source.as_mut()),
        }
    }

    /// Publishes what `source` delivers until it ends, stalls or delivers rubbish, and says which. Called by
    /// [`Stream::run`], and by whoever brings a source of their own (tests and benches).
    pub fn capture(&mut self, source: &mut dyn Source) -> Problem {
        let about = source.about().clone();
        self.begin(&about);
        let stall =
            about.interval.map_or(STALL_UNKNOWN, |interval| (interval * STALL_INTERVALS).max(STALL_MIN));
        let mut session = Session::new(&about, self.feed.wanted.quality.unwrap_or(DEFAULT_QUALITY));
        let mut last_frame = Instant::now();
        while !self.shutdown.has_begun() {
            match source.next(PATIENCE.min(stall)) {
                Ok(Some(frame)) => {
                    last_frame = Instant::now();
                    self.take(&frame, &mut session);
                    if session.bad > BAD_FRAMES {
                        return Problem::new(
                            format!("cannot use the pictures of {}", about.source),
                            format!(
                                "{} in a row were unusable, the last one: {}",
                                session.bad, session.last_fault
                            ),
                            "check the cable; opening the camera anew",
                        );
                    }
                }
                Ok(None) if last_frame.elapsed() > stall => {
                    return Problem::new(
                        format!("cannot get pictures from {}", about.source),
                        format!("none came for {:.0} s", last_frame.elapsed().as_secs_f32()),
                        "check the cable and the power supply; opening the camera anew",
                    );
                }
                Ok(None) => {}
                Err(Ended(problem)) => return problem,
            }
            self.log_figures();
        }
        Problem::new(format!("stopped {}", about.source), "the program ends", "start it again")
    }

    fn begin(&mut self, about: &About) {
        let name = &self.feed.name;
        let rate = match about.interval {
            Some(interval) => format!(" at {:.4}/s", 1.0 / interval.as_secs_f64()),
            None => String::new(),
        };
        let rate = rate.replace(".0000/s", "/s");
        info!(
            "camera {name}: {} ({}) delivers {} {}{rate}",
            about.source, about.card, about.layout, about.size
        );
        for compromise in &about.compromises {
            warn!("camera {name}: {}: {compromise}", about.source);
        }
        if self.trouble.take().is_some() {
            info!("camera {name}: the picture is back");
        }
        self.last_size = about.size;
        self.writer.reserve(about.max_frame.saturating_add(MENDING_MAX));
        self.feed.status().state = State::Live(about.clone());
    }

    /// Takes one frame in: publishes it if anybody wants it, counts it in any case.
    fn take(&mut self, frame: &Frame<'_>, session: &mut Session) {
        let counters = &self.feed.counters;
        let captured = counters.captured.fetch_add(1, Ordering::Relaxed) + 1;
        match self.process(frame, session) {
            Ok(()) => {
                session.bad = 0;
                let fps = session.rate.count(frame.captured);
                let mut status = self.feed.status();
                status.fps = fps;
                status.last_frame = Some(frame.captured);
            }
            Err(reason) => {
                counters.drop_one(reason);
                // Lacking only the end is for the EOI policy to judge, and a full ring is no fault of the camera.
                if !matches!(reason, Dropped::Fault(Fault::Truncated) | Dropped::NoSlot) {
                    session.bad += 1;
                    session.last_fault = reason.name();
                }
                debug!("camera {}: dropped frame {}: {}", self.feed.name, frame.sequence, reason.name());
            }
        }
        if captured.is_multiple_of(DEBUG_FRAMES) {
            let fps = self.feed.status().fps;
            debug!("camera {}: {captured} frames, {fps:.2}/s", self.feed.name);
        }
    }

    fn process(&mut self, frame: &Frame<'_>, session: &mut Session) -> Result<(), Dropped> {
        if frame.flagged {
            return Err(Dropped::Flagged);
        }
        let meta = Meta { captured: frame.captured, size: session.size, card: false };
        let wanted = self.feed.is_wanted();
        let counters = &self.feed.counters;
        let published = match session.layout {
            Layout::Mjpeg => {
                let jpeg = Jpeg::check(frame.bytes).map_err(Dropped::Fault)?;
                if jpeg.size() != session.size {
                    return Err(Dropped::WrongSize);
                }
                let admit = session.eoi.admit(&jpeg);
                if let Some(notice) = admit.notice() {
                    warn!("camera {}: {notice}", self.feed.name);
                }
                if !admit.passes() {
                    return Err(Dropped::Fault(Fault::Truncated));
                }
                if !wanted {
                    return Ok(());
                }
                let published = self.writer.publish(meta, |room| jpeg.copy_into(room));
                if jpeg.mended_len() != frame.bytes.len() {
                    counters.mended.fetch_add(1, Ordering::Relaxed);
                }
                published.map_err(|failure| match failure {
                    Unpublished::Full(_) => Dropped::NoSlot,
                    Unpublished::Unfilled(_) => Dropped::TooLarge,
                })
            }
            Layout::Yuyv => {
                let picture = Yuyv::new(frame.bytes, session.size, session.stride, session.range)
                    .map_err(|_| Dropped::Unencodable)?;
                if !wanted {
                    return Ok(());
                }
                let encoder = &mut session.encoder;
                let published = self.writer.publish(meta, |room| encoder.encode(&picture, room));
                count(&counters.encoded);
                published.map_err(|failure| match failure {
                    Unpublished::Full(_) => Dropped::NoSlot,
                    Unpublished::Unfilled(_) => Dropped::Unencodable,
                })
            }
        };
        published?;
        count(&counters.published);
        (self.wake)();
        Ok(())
    }

    /// From now on there is no picture, and this is why.
    fn wait_for(&mut self, problem: Problem) {
        let had_picture = matches!(self.feed.status().state, State::Live(_));
        let known = self.trouble.as_ref().is_some_and(|(_, trouble)| *trouble == problem);
        if !known {
            warn!("camera {}: {problem}", self.feed.name);
        }
        if had_picture {
            self.next_card = Instant::now();
        }
        let title = if find::any_device() { Card::NO_PICTURE } else { Card::NO_CAMERA };
        let mut status = self.feed.status();
        status.state = State::Waiting(problem.clone());
        status.fps = 0.0;
        drop(status);
        self.trouble = Some((title, problem));
    }

    /// Waits at most so long, or until the devices are others than before; the card's clock moves meanwhile.
    fn pause(&mut self, pause: Duration, devices: u64) {
        let end = Instant::now() + pause;
        while Instant::now() < end && find::devices_fingerprint() == devices {
            self.show_card();
            if self.shutdown.wait(PATIENCE) {
                return;
            }
        }
    }

    /// Puts the card into the ring when it is time and anybody watches.
    fn show_card(&mut self) {
        let now = Instant::now();
        let Some((title, problem)) = &self.trouble else { return };
        if now < self.next_card || !self.feed.is_wanted() {
            return;
        }
        self.next_card = now + CARD_PERIOD;
        self.writer.reserve(Card::MAX_JPEG);
        let card = Card { title, name: &self.feed.name, problem };
        let meta = Meta { captured: now, size: Card::size(self.last_size), card: true };
        let published =
            self.writer.publish(meta, |room| card.encode(self.last_size, SystemTime::now(), room));
        match published {
            Ok(_) => (self.wake)(),
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
            "camera {}: in the last minute {} frames captured, {} published; dropped since the start: {}",
            self.feed.name,
            captured - self.figures.captured,
            published - self.figures.published,
            if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") },
        );
        self.figures = Figures { next: now + FIGURES_PERIOD, captured, published };
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What holds from the opening of a camera to its end.
struct Session {
    layout: Layout,
    size: Size,
    stride: u32,
    range: crate::camera::Range,
    encoder: Encoder,
    eoi: Policy,
    rate: Rate,
    /// Unusable frames in a row.
    bad: u32,
    last_fault: &'static str,
}

impl Session {
    fn new(about: &About, quality: u8) -> Self {
        Self {
            layout: about.layout,
            size: about.size,
            stride: about.stride,
            range: about.range,
            encoder: Encoder::new(quality),
            eoi: Policy::default(),
            rate: Rate::default(),
            bad: 0,
            last_fault: "",
        }
    }
}

/// A search for a camera, as the stream sees it.
struct Search<'s, 'a> {
    stream: &'s mut Stream<'a>,
    refused: Vec<(String, Problem)>,
}

impl Observer for Search<'_, '_> {
    fn refused(&mut self, source: &str, problem: &Problem) {
        let refused = (source.to_owned(), problem.clone());
        // A search that is repeated every few seconds says only what is new.
        if !self.stream.feed.status().refused.contains(&refused) {
            info!("camera {}: not using {source}: {problem}", self.stream.feed.name);
        }
        self.refused.push(refused);
    }

    fn keep_waiting(&mut self) -> bool {
        self.stream.show_card();
        !self.stream.shutdown.has_begun()
    }
}
