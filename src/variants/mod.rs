//! Smaller pictures: a camera's pictures in another size or quality, for viewers with a small screen or a slow link.
//!
//! [`crate::fanout`] makes one demand for each viewer, which keeps it until it leaves. What it promises:
//!
//! - One transcode serves all viewers of the same camera, size and quality. It works only while somebody
//!   watches, and makes no more frames than the fastest viewer wants. Its thread ends soon after the last viewer.
//! - It never costs the camera's own stream a frame: it takes the newest frame when it is ready for one, and
//!   its thread runs at a lower priority. On a board that is too slow, smaller pictures come less often.
//! - Those of the page ([`PAGE_VARIANTS`]) are made for everybody at any time. There are at most [`VARIANTS_MAX`] others,
//!   and one client watches at most [`CLIENT_MAX`] of those; the refusal of one more lists those that are running.

mod kinds;
mod worker;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use log::debug;

use crate::feed::{ClientId, Demand, Feed};
use crate::host::log::camera_scope;
use crate::names::CameraLabel;
use crate::pace::Fps;
use crate::problem::{Text, text};
use crate::sync::lock;
pub use kinds::{PAGE_VARIANTS, Variant};
use worker::Worker;

/// The most variants of all cameras together, beside those of the page. Each takes a thread, and memory for some
/// pictures.
pub const VARIANTS_MAX: usize = 4;

/// The most of those variants that one client watches, so that one alone cannot take all.
pub const CLIENT_MAX: usize = 2;

/// How long the thread of a variant stays after its last viewer. A client that fetches one snapshot after another would
/// otherwise start a thread and allocate a ring for each. In that time it does no work, and makes way for another
/// variant at once.
pub const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// A variant that is being made.
#[derive(Debug)]
pub struct RunningVariant {
    /// The camera, counted from 0 in the order of the settings.
    pub camera: usize,
    /// The size and quality of its pictures.
    pub variant: Variant,
    /// The smaller pictures.
    pub feed: Arc<Feed>,
    /// Whether the page offers it, so that it does not count towards [`VARIANTS_MAX`].
    of_page: bool,
    /// CPU time per frame in microseconds, a moving average; 0 before the first.
    cost: AtomicU32,
    thread: OnceLock<Thread>,
}

impl RunningVariant {
    /// CPU time per frame in milliseconds, a moving average; 0 before the first.
    pub fn ms_per_frame(&self) -> f32 {
        self.cost.load(Ordering::Relaxed) as f32 / 1e3
    }
}

/// Why a viewer cannot get frames.
#[derive(Debug)]
pub enum DemandError {
    /// There is no such camera.
    NoCamera,
    /// [`VARIANTS_MAX`] others are running; the text lists them.
    Full(Text),
    /// This client watches [`CLIENT_MAX`] others; the text lists them.
    ClientFull(Text),
    /// The system could not start a thread.
    NoThread(io::Error),
}

impl DemandError {
    /// What to tell the viewer.
    pub fn text(&self) -> Text {
        match self {
            DemandError::NoCamera => text!("There is no such camera."),
            DemandError::Full(others) => text!(
                "This server makes {} kinds of smaller pictures at once, and these are watched: {}. Ask for one of \
                 them, or for one of the page's, which are always made: {}.",
                VARIANTS_MAX,
                others,
                page_list()
            ),
            DemandError::ClientFull(others) => text!(
                "You watch {} kinds of smaller pictures already, and there are no more for one address or user: {}. \
                 Ask for one of them, or for one of the page's, which are always made: {}.",
                CLIENT_MAX,
                others,
                page_list()
            ),
            DemandError::NoThread(error) => {
                text!("The system cannot start a thread for smaller pictures: {}.", Text::from(error))
            }
        }
    }
}

impl fmt::Display for DemandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

/// Wakes the fan-out: there is a new frame.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// All cameras, and the variants that are running.
pub struct Variants {
    feeds: Vec<Arc<Feed>>,
    wake: Wake,
    running: Mutex<Vec<Arc<RunningVariant>>>,
}

impl fmt::Debug for Variants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variants").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Variants {
    /// Variants of these cameras; none is made yet.
    pub fn new(feeds: Vec<Arc<Feed>>, wake: Wake) -> Arc<Self> {
        Arc::new(Self { feeds, wake, running: Mutex::default() })
    }

    /// Demands frames of a camera: its own without a `variant`, otherwise smaller ones, whose thread is started if it
    /// is not running yet. `fps` is the most frames per second that are of use; `None` means every frame. Never blocks.
    ///
    /// # Errors
    /// [`DemandError`] says why there are no such frames.
    pub fn demand(
        self: &Arc<Self>,
        camera: usize,
        variant: Option<Variant>,
        fps: Option<Fps>,
        client: Option<ClientId>,
    ) -> Result<Demand, DemandError> {
        let source = self.feeds.get(camera).ok_or(DemandError::NoCamera)?;
        let Some(variant) = variant else { return Ok(Demand::limited(source.clone(), fps)) };
        let of_page = variant.is_of_page(source.picture_size());
        let mut running = self.lock();
        let is_same = |one: &RunningVariant| one.camera == camera && one.variant == variant;
        if let Some(client) = client.filter(|_| !of_page) {
            let is_held =
                |one: &&Arc<RunningVariant>| !one.of_page && !is_same(one) && one.feed.is_wanted_by(client);
            let held: Vec<_> = running.iter().filter(is_held).cloned().collect();
            if held.len() >= CLIENT_MAX {
                return Err(DemandError::ClientFull(list_of(&held)));
            }
        }
        if let Some(one) = running.iter().find(|one| is_same(one)) {
            let demand = Demand::of_client(one.feed.clone(), fps, client);
            one.thread.get().inspect(|thread| thread.unpark());
            return Ok(demand);
        }
        if !of_page {
            make_way(&mut running)?;
        }
        let (feed, writer) = source.for_variant();
        let one = Arc::new(RunningVariant {
            camera,
            variant,
            feed: Arc::new(feed),
            of_page,
            cost: AtomicU32::new(0),
            thread: OnceLock::new(),
        });
        let demand = Demand::of_client(one.feed.clone(), fps, client);
        let worker = Worker::new(self.clone(), one.clone(), source.clone(), writer);
        let thread = thread::Builder::new().name(format!("smaller {}", source.name));
        let handle = thread.spawn(move || worker.run()).map_err(DemandError::NoThread)?;
        let _ = one.thread.set(handle.thread().clone()); // set here only
        let _scope = camera_scope(&source.name);
        // Debug: a client that polls small snapshots starts and ends one each time.
        debug!("{}: started making smaller pictures: {variant}", CameraLabel(&source.name));
        running.push(one);
        Ok(demand)
    }

    /// The camera with this number.
    pub fn camera(&self, number: usize) -> Option<&Arc<Feed>> {
        self.feeds.get(number)
    }

    /// The variants that are running now.
    pub fn list(&self) -> Vec<Arc<RunningVariant>> {
        self.lock().clone()
    }

    /// Takes `one` off the list if nobody wants it and it was `idle` for long enough. Returns whether it is off.
    fn retire(&self, one: &Arc<RunningVariant>, idle: bool) -> bool {
        let mut running = self.lock();
        // Demands are added under the same lock, so none can be for a variant that has just been taken off.
        running.retain(|other| !Arc::ptr_eq(other, one) || !idle || one.feed.is_wanted());
        !running.iter().any(|other| Arc::ptr_eq(other, one))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<RunningVariant>>> {
        lock(&self.running)
    }
}

/// Ends a variant that nobody watches if there are [`VARIANTS_MAX`], those of the page apart.
fn make_way(running: &mut Vec<Arc<RunningVariant>>) -> Result<(), DemandError> {
    if running.iter().filter(|one| !one.of_page).count() < VARIANTS_MAX {
        return Ok(());
    }
    let idle = running.iter().position(|one| !one.of_page && !one.feed.is_wanted());
    let index = idle.ok_or_else(|| {
        let others: Vec<_> = running.iter().filter(|one| !one.of_page).cloned().collect();
        DemandError::Full(list_of(&others))
    })?;
    let idle = running.remove(index);
    idle.thread.get().inspect(|thread| thread.unpark()); // its thread sees that it is off the list, and ends
    Ok(())
}

/// The variants of the page, for a message.
fn page_list() -> Text {
    Text::list(PAGE_VARIANTS.iter().map(|variant| variant.to_string().into()), ", ".into())
}

/// The running variants, for a message.
fn list_of(running: &[Arc<RunningVariant>]) -> Text {
    let names = running.iter().map(|one| text!("{} of camera {}", one.variant.to_string(), &one.feed.name));
    Text::list(names, ", ".into())
}

#[cfg(test)]
mod tests;
