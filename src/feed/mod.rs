//! What the thread of one camera shares with other threads: the ring, the demand for frames, and the camera's state.
//!
//! Written by [`crate::stream`]; read by [`crate::fanout`] and [`crate::record`] (the ring) and [`crate::site`] (the
//! status). What flows back is [`Demand`]: whether anybody wants frames and how many, and the quality to encode them
//! with. [`DeliveryStats`] counts what viewers got.
//!
//! The smaller pictures of [`crate::variants`] have feeds of their own, which look the same to a viewer.

mod changes;
pub mod controls;
mod counters;
mod delivery;
mod demand;
pub mod histogram;
pub mod keep_later;
pub mod kept;
mod listeners;
pub mod motion;
pub mod privacy;
mod rate;
mod status;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use coefficients::Transform;

use crate::camera::{EncodeMode, PipeSpec, SourceConfig, SourceInfo, SourceSpec};
use crate::host::service::{Pulse, Watched};
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::names::CameraLabel;
use crate::picture::{Layout, Orientation, Size};
use crate::problem::{Problem, Text, text};
use crate::ring::{self, Reader, Writer};
use crate::sync::lock;
pub use changes::{Changes, Changing};
use controls::Controls;
pub use counters::{Counters, DropReason};
pub use delivery::DeliveryStats;
use demand::Demands;
pub use demand::{ClientId, Demand, FramePicker, TotalDemand};
pub use listeners::Listener;
use listeners::Listeners;
use motion::Motion;
use privacy::{Doubt, Privacy};
pub use rate::RateMeter;
pub use status::{CaptureState, Shown, Slow, Status};

/// In place of a quality: nobody asked for one.
const NOT_SET: u8 = 0;

/// One camera, as everything but its own thread sees it.
#[derive(Debug)]
pub struct Feed {
    /// Its name in URLs; unique.
    pub name: String,
    /// What the settings ask of it.
    pub config: SourceConfig,
    /// Why the default settings are in use instead of the settings file; page and card say so.
    pub settings_problem: Option<Problem>,
    /// Its newest frames.
    pub ring: Reader,
    /// What became of its frames.
    pub counters: Counters,
    /// What viewers got of them.
    pub delivery: Arc<DeliveryStats>,
    /// Beats a few times a second while its thread runs.
    pub pulse: Pulse,
    status: Arc<Mutex<Status>>,
    /// That of the camera whose pictures are made smaller; `None` for the camera's own.
    camera_status: Option<Arc<Mutex<Status>>>,
    demands: Demands,
    listeners: Listeners,
    /// 1 to 100, or [`NOT_SET`].
    quality: AtomicU8,
    /// An [`Orientation`] in bits.
    orientation: AtomicU8,
    /// What API and page changed of size, rate, format and quality.
    pub changing: Changing,
    /// The camera's own controls.
    pub controls: Arc<Controls>,
    /// What moves in its picture, if somebody wants to know.
    pub motion: Motion,
    /// Whether the camera is closed for privacy.
    pub privacy: Arc<Privacy>,
}

impl Feed {
    /// A camera that has not been tried yet, and the writer of its ring for the thread that captures.
    pub fn new(name: String, config: SourceConfig) -> (Self, Writer) {
        let privacy = Arc::new(Privacy::new(config.privacy));
        Self::with_privacy(name, config, privacy)
    }

    fn with_privacy(name: String, config: SourceConfig, privacy: Arc<Privacy>) -> (Self, Writer) {
        let quality = AtomicU8::new(config.quality.unwrap_or(NOT_SET));
        let orientation = AtomicU8::new(config.orientation.to_bits());
        let (writer, ring) = ring::split(privacy.shutter.clone());
        let feed = Self {
            name,
            config,
            settings_problem: None,
            ring,
            counters: Counters::default(),
            delivery: Arc::default(),
            pulse: Pulse::default(),
            status: Arc::new(Mutex::new(Status::starting())),
            camera_status: None,
            demands: Demands::default(),
            listeners: Listeners::default(),
            quality,
            orientation,
            changing: Changing::default(),
            controls: Arc::default(),
            motion: Motion::new(motion::Settings::DEFAULT_FPS, motion::Wanted::default()),
            privacy,
        };
        (feed, writer)
    }

    /// The same feed, which also says why the default settings are in use.
    pub fn with_settings_problem(self, settings_problem: Option<Problem>) -> Self {
        Self { settings_problem, ..self }
    }

    /// The same feed, in which motion is looked for as these settings say.
    pub fn with_motion(self, settings: &motion::Settings) -> Self {
        let shown = self.config.orientation.transform();
        let ignored = settings.ignored.iter().map(|zone| zone.turned(shown.inverse())).collect();
        let wanted = motion::Wanted { sensitivity: settings.sensitivity, ignored };
        Self { motion: Motion::new(settings.fps, wanted), ..self }
    }

    /// The feed for smaller pictures of this camera, whose viewers count as the camera's own, and its writer.
    pub fn for_variant(&self) -> (Self, Writer) {
        let config = SourceConfig { orientation: Orientation::default(), ..self.config.clone() }; // they are turned already
        let (feed, writer) = Self::with_privacy(self.name.clone(), config, self.privacy.clone());
        let camera_status = Some(self.status.clone());
        (Self { delivery: self.delivery.clone(), camera_status, ..feed }, writer)
    }

    /// What people call the camera: its title, otherwise its name.
    pub fn title(&self) -> &str {
        self.config.title.as_deref().unwrap_or(&self.name)
    }

    /// The JPEG quality of frames that are encoded here, 1 to 100.
    pub fn quality(&self) -> u8 {
        self.wished_quality().unwrap_or(DEFAULT_QUALITY)
    }

    /// The quality that the settings or somebody asked for, 1 to 100.
    fn wished_quality(&self) -> Option<u8> {
        Some(self.quality.load(Ordering::Relaxed)).filter(|quality| *quality != NOT_SET)
    }

    /// The quality that the JPEGs of a source are brought down to that was told to use `own` itself; `None` if they keep
    /// theirs.
    pub fn jpeg_quality(&self, own: Option<u8>) -> Option<u8> {
        self.config.jpeg_quality(own, self.wished_quality())
    }

    /// Whether a new quality would change the pictures.
    pub fn obeys_quality(&self) -> bool {
        let status = self.status();
        let keeps_jpegs = self.config.encoder == EncodeMode::Passthrough && !status.converts;
        !keeps_jpegs || !matches!(&status.state, CaptureState::Live(info) if info.layout == Layout::Mjpeg)
    }

    /// Changes the quality from the next frame on, clamped to 1 to 100. A camera's own JPEGs are brought down to it, if
    /// theirs is higher, unless they are to be left as they are.
    pub fn set_quality(&self, quality: u8) {
        self.quality.store(quality.clamp(1, 100), Ordering::Relaxed);
    }

    /// How pictures are turned and mirrored now.
    pub fn orientation(&self) -> Orientation {
        Orientation::from_bits(self.orientation.load(Ordering::Relaxed))
    }

    /// Turns and mirrors pictures this way from the next frame on.
    pub fn set_orientation(&self, orientation: Orientation) {
        self.orientation.store(orientation.to_bits(), Ordering::Relaxed);
    }

    /// Turns and mirrors pictures from the next frame on, as `change` makes it of how they are now. Of two changes at once,
    /// the second starts from what the first made.
    pub fn change_orientation(&self, change: impl Fn(Orientation) -> Orientation) {
        let change = |bits| Some(change(Orientation::from_bits(bits)).to_bits());
        let _always_changed = self.orientation.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    /// The options of its settings that API or page overrule.
    pub fn overruled(&self) -> Vec<&'static str> {
        let (now, settings) = (self.orientation(), self.config.orientation);
        let differs =
            [(kept::ROTATE, now.rotation != settings.rotation), (kept::FLIP, now.flip != settings.flip)];
        let turned = differs.into_iter().filter_map(|(name, differs)| differs.then_some(name));
        self.changing.wanted().names().chain(turned).chain(self.motion.overruled()).collect()
    }

    /// What is asked of the source now: the settings, with what API and page changed.
    pub fn source_config(&self) -> SourceConfig {
        self.changing.wanted().apply(&self.config)
    }

    /// The size that the settings, API or page name.
    pub fn source_size(&self) -> Option<Size> {
        self.changing.wanted().size.or(self.config.size)
    }

    /// The size that is asked for now.
    pub fn asked_size(&self) -> Size {
        self.source_size().unwrap_or(Size::DEFAULT)
    }

    /// Asks for what `change` makes of what is changed now, from the next picture on, or from the next opening of the camera
    /// on, which follows at once.
    ///
    /// # Errors
    /// Why that cannot be; then nothing changes.
    pub fn change(&self, change: impl FnOnce(Changes) -> Result<Changes, Text>) -> Result<(), Text> {
        let makes_jpegs = self.makes_jpegs();
        let at_once = |now: &Changes, then: &Changes| {
            !makes_jpegs && Changes { quality: then.quality, ..*now } == *then
        };
        let before = self.changing.wanted().quality;
        let changes = self.changing.change(&self.config, change, at_once)?;
        if changes.quality != before {
            self.follow_quality(changes);
        }
        Ok(())
    }

    /// Whether the source makes JPEGs and can be told in which quality, so that it is reopened for another one.
    fn makes_jpegs(&self) -> bool {
        let can_be_told =
            !matches!(self.config.spec, SourceSpec::Pipe(PipeSpec::Stdin | PipeSpec::Command(_)));
        can_be_told
            && match &self.status().state {
                CaptureState::Live(info) => info.layout == Layout::Mjpeg,
                // As far as is known.
                _ => true,
            }
    }

    /// Encodes frames in the quality of these changes, or in that of the settings.
    pub fn follow_quality(&self, changes: Changes) {
        let quality = changes.quality.or(self.config.quality).unwrap_or(NOT_SET);
        self.quality.store(quality, Ordering::Relaxed);
    }

    /// Encodes frames in the quality of `to` in place of that of `from`, unless somebody has set another one since.
    pub fn take_back_quality(&self, from: Changes, to: Changes) {
        let of = |changes: Changes| changes.quality.or(self.config.quality).unwrap_or(NOT_SET);
        let _another = self.quality.compare_exchange(of(from), of(to), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// What is done to a frame to turn and mirror it; it may differ from one frame to the next.
    pub fn transform(&self) -> Transform {
        self.orientation().transform()
    }

    /// Whether the camera delivers JPEGs that are passed on as they are.
    pub fn is_passthrough(&self) -> bool {
        let status = self.status();
        !status.converts && matches!(&status.state, CaptureState::Live(info) if self.passes_on(info))
    }

    /// Whether JPEGs of this source are passed on as they are, if they are of a kind that all clients show.
    pub fn passes_on(&self, info: &SourceInfo) -> bool {
        info.layout == Layout::Mjpeg
            && self.jpeg_quality(info.own_quality).is_none()
            && self.transform() == Transform::NONE
    }

    /// The size of the camera's pictures as they are shown, turned, once that is known.
    pub fn picture_size(&self) -> Option<Size> {
        let status = self.status();
        match &status.state {
            CaptureState::Live(info) => Some(self.size_shown(info.size, &status)),
            CaptureState::Starting
            | CaptureState::Resting
            | CaptureState::Private
            | CaptureState::Waiting(_) => None,
        }
    }

    /// The size in which pictures of size `of` from this camera are shown: turned, and trimmed where blocks at an edge are
    /// not whole.
    pub fn size_shown(&self, of: Size, status: &Status) -> Size {
        let is_of_now = |shown: &Shown| (shown.of, shown.transform) == (of, self.transform());
        match status.shown.filter(is_of_now) {
            Some(shown) => shown.size,
            None => self.orientation().size(of),
        }
    }

    /// The camera's state. Hold the lock only briefly.
    pub fn status(&self) -> MutexGuard<'_, Status> {
        lock(&self.status)
    }

    /// Whether something is wrong with the camera, of which smaller pictures are made.
    pub fn camera_has_problem(&self) -> bool {
        self.camera_status.as_ref().is_some_and(|status| lock(status).problem().is_some())
    }

    /// The number of viewers, recorders and variants that want frames.
    pub fn demand_count(&self) -> usize {
        self.demands.count()
    }

    /// Whether anybody wants frames. If not, nothing is copied or encoded.
    pub fn is_wanted(&self) -> bool {
        self.total_demand().is_any()
    }

    /// Whether this client wants frames.
    pub fn is_wanted_by(&self, client: ClientId) -> bool {
        self.demands.is_any_of(client)
    }

    /// From now on, the calling thread is unparked whenever somebody begins to want frames ([`std::thread::park`]).
    pub fn unparks_this_thread(&self) {
        self.demands.unpark_this_thread();
    }

    /// Whether the camera is closed since nobody wants frames.
    pub fn rests(&self) -> bool {
        self.status().state == CaptureState::Resting
    }

    /// Whether the camera is closed for privacy, or about to be. Its ring gives only the card then.
    pub fn is_private(&self) -> bool {
        self.privacy.is_on()
    }

    /// Switches privacy on or off; it holds from now on.
    fn switch_privacy(&self, on: bool) {
        self.privacy.switch(on);
        self.demands.wake();
    }

    /// The sum of all demands.
    pub fn total_demand(&self) -> TotalDemand {
        self.demands.total()
    }

    /// Whether a picture that was captured at `captured` is still what the camera shows, since its pictures come
    /// seldom.
    pub fn is_current(&self, captured: Instant) -> bool {
        let status = self.status();
        status.seldom
            && status.last_frame == Some(captured)
            && captured.elapsed() <= status.patience
            // Of a camera that was closed since then, smaller pictures are not made anew.
            && self.camera_status.as_ref().is_none_or(|camera| lock(camera).seldom)
    }

    /// Lets the calling thread wait for frames until the listener is dropped.
    pub fn listen(&self) -> Listener<'_> {
        Listener::new(self)
    }

    /// Wakes the threads that wait for a frame; never waits for them.
    pub fn wake_listeners(&self) {
        self.listeners.notify();
    }

    /// The camera, as messages call it: [`CameraLabel`].
    pub fn label(&self) -> Text {
        let is_named = CameraLabel(&self.name).to_string() != self.name;
        if is_named { text!("camera {}", &self.name) } else { Text::from(&self.name) }
    }

    /// Why there is no picture in [`CaptureState::Private`].
    pub fn why_private(&self) -> Problem {
        let (why, advice) = match self.privacy.doubt() {
            Some(Doubt::Kept) => (
                text!(
                    "privacy is on, since the file that says whether it was switched on cannot be read; see the log"
                ),
                text!("switch privacy off on the page"),
            ),
            Some(Doubt::Clock) => (
                text!("privacy is on, since it goes by the clock, and this board's clock is not set yet"),
                text!("wait until the network has set it, or switch privacy off on the page until then"),
            ),
            None if self.privacy.has_times() => (
                text!("privacy is on"),
                text!("wait until its time is over, or switch privacy off on the page"),
            ),
            None => (text!("privacy is on"), text!("switch privacy off on the page")),
        };
        Problem::new(text!("cannot show {}", self.label()), why, advice)
    }

    /// Why there is no picture yet in [`CaptureState::Starting`].
    pub fn why_no_picture_yet(&self) -> Problem {
        Problem::new(
            text!("cannot show {} yet", self.label()),
            text!("it is being opened"),
            text!("wait a few seconds"),
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

    fn is_asleep(&self) -> bool {
        self.rests()
    }

    fn has_delivered(&self) -> bool {
        self.counters.captured.load(Ordering::Relaxed) > 0
    }

    fn status(&self) -> String {
        let status = Feed::status(self);
        match (&status.state, status.problem()) {
            (_, Some(problem)) => format!("{}: {problem}", self.name),
            (CaptureState::Live(info), None) => {
                format!("{}: {} at {:.0}/s", self.name, info.size, status.fps)
            }
            (CaptureState::Private, None) => format!("{}: privacy is on", self.name),
            (CaptureState::Resting, None) => format!("{}: rests until somebody watches", self.name),
            (CaptureState::Starting | CaptureState::Waiting(_), None) => {
                self.why_no_picture_yet().to_string()
            }
        }
    }
}
