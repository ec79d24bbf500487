//! Smaller pictures: a camera's own ones in another size or quality, for viewers with less room or bandwidth.
//!
//! Demanded by [`crate::fanout`] for each viewer, once; the viewer keeps the demand until it leaves. What it promises:
//!
//! - One transcode serves all viewers of the same camera, size and quality. It works only while somebody
//!   watches, makes no more frames than the one of them who wants most, and its thread goes soon after.
//! - It never costs the camera's own stream a frame: it takes the newest frame when it is ready for one, and
//!   its thread runs at a lower priority. On a board that is too slow, smaller pictures come less often.
//! - There are at most [`VARIANTS_MAX`]; whoever wants one more is told which there are.

mod worker;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;

use log::info;

use crate::feed::{Demand, Feed};
use crate::host::log::camera_scope;
use crate::names::CameraLabel;
use crate::pace::Fps;
use crate::picture::Size;
use crate::sync::lock;
use worker::Worker;

/// The most variants of all cameras together: each is a thread, and memory for some pictures.
pub const VARIANTS_MAX: usize = 4;

/// How long the thread of a variant stays after its last viewer. A client that fetches one snapshot after another would
/// otherwise start a thread and allocate a ring for each. Until then it does no work, and makes way for another at once.
pub const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// How a camera's pictures are made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// What they must fit into, in their proportions; `None` leaves the size.
    pub size: Option<Size>,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, "size={size}&")?;
        }
        write!(f, "quality={}", self.quality)
    }
}

/// A variant that is being made.
#[derive(Debug)]
pub struct Running {
    /// The camera, counted from 0 in the order of the settings.
    pub camera: usize,
    /// How its pictures are made smaller.
    pub variant: Variant,
    /// The smaller pictures.
    pub feed: Arc<Feed>,
    /// CPU time of the last frames, a mean in microseconds.
    cost: AtomicU32,
    thread: OnceLock<Thread>,
}

impl Running {
    /// CPU milliseconds that a frame takes, as a mean over the last ones; 0 before the first.
    pub fn ms_per_frame(&self) -> f32 {
        self.cost.load(Ordering::Relaxed) as f32 / 1e3
    }
}

/// Why there are no frames for a viewer.
#[derive(Debug)]
pub enum DemandError {
    /// There is no such camera.
    NoCamera,
    /// There are [`VARIANTS_MAX`] others, told in words.
    Full(String),
    /// The system gave no thread.
    NoThread(io::Error),
    /// There is no memory for one more viewer.
    NoMemory,
}

impl fmt::Display for DemandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemandError::NoCamera => f.write_str("There is no such camera."),
            DemandError::Full(others) => write!(
                f,
                "This server makes {VARIANTS_MAX} kinds of smaller pictures at once, and these are watched: \
                 {others}. Ask for one of them, or try again later."
            ),
            DemandError::NoMemory => f.write_str("No memory for one more viewer; try again later."),
            DemandError::NoThread(error) => {
                write!(f, "The system has no room for smaller pictures: {error}.")
            }
        }
    }
}

/// Tells the fan-out that a frame is there.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// All cameras, and what is made of their pictures.
pub struct Variants {
    feeds: Vec<Arc<Feed>>,
    wake: Wake,
    running: Mutex<Vec<Arc<Running>>>,
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

    /// Asks a camera for frames: for its own without a `variant`, else for smaller ones, which begin to be made
    /// if they are not yet; for every one, or as many as are of use. Answers at once.
    ///
    /// # Errors
    /// [`DemandError`] when there can be none.
    pub fn demand(
        self: &Arc<Self>,
        camera: usize,
        variant: Option<Variant>,
        fps: Option<Fps>,
    ) -> Result<Demand, DemandError> {
        let source = self.feeds.get(camera).ok_or(DemandError::NoCamera)?;
        let Some(variant) = variant else { return Ok(Demand::limited(source.clone(), fps)) };
        let mut running = self.lock();
        let same = running.iter().find(|one| one.camera == camera && one.variant == variant);
        if let Some(one) = same {
            let demand = Demand::limited(one.feed.clone(), fps);
            one.thread.get().inspect(|thread| thread.unpark());
            return Ok(demand);
        }
        if running.len() >= VARIANTS_MAX {
            let idle = running.iter().position(|one| !one.feed.is_wanted());
            let place = idle.ok_or_else(|| DemandError::Full(self.told(&running)))?;
            let idle = running.remove(place);
            idle.thread.get().inspect(|thread| thread.unpark()); // sees that it has no place any more
        }
        let (feed, writer) = source.smaller();
        let one = Arc::new(Running {
            camera,
            variant,
            feed: Arc::new(feed),
            cost: AtomicU32::new(0),
            thread: OnceLock::new(),
        });
        let demand = Demand::limited(one.feed.clone(), fps);
        let worker = Worker::new(self.clone(), one.clone(), source.clone(), writer);
        let thread = thread::Builder::new().name(format!("smaller {}", source.name));
        let handle = thread.spawn(move || worker.run()).map_err(DemandError::NoThread)?;
        let _ = one.thread.set(handle.thread().clone()); // set here only
        let _scope = camera_scope(&source.name);
        info!("{}: makes smaller pictures: {variant}", CameraLabel(&source.name));
        running.push(one);
        Ok(demand)
    }

    /// What is being made now.
    pub fn list(&self) -> Vec<Arc<Running>> {
        self.lock().clone()
    }

    /// Takes `one` off the list if nobody wants it and it was `idle` for long enough; whether it is off.
    fn retire(&self, one: &Arc<Running>, idle: bool) -> bool {
        let mut running = self.lock();
        // Demands are added under the same lock, so none can be for a variant that has just been taken off.
        running.retain(|other| !Arc::ptr_eq(other, one) || !idle || one.feed.is_wanted());
        !running.iter().any(|other| Arc::ptr_eq(other, one))
    }

    /// The running ones in words.
    fn told(&self, running: &[Arc<Running>]) -> String {
        let told = running.iter().map(|one| format!("{} of camera {}", one.variant, one.feed.name));
        told.collect::<Vec<_>>().join(", ")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Running>>> {
        lock(&self.running)
    }
}

#[cfg(test)]
mod tests;
