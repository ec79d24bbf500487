//! Notices when something moves in a camera's picture.
//!
//! [`crate::serve`] starts a thread for each camera in which motion is looked for, and [`crate::site`] has it follow when
//! that is switched on or off ([`Detection::follow`]). The thread ([`worker`]) takes the newest frame a few times a second,
//! reads the brightness of each block of 8x8 pixels from its JPEG without decoding the rest, and asks the [`detector`]
//! what of that moves. What it sees it leaves in [`crate::feed::motion`], and
//! when something begins or ends to move it tells [`crate::events`]. What it promises:
//!
//! - Where motion is not looked for there is no thread, and nothing is done.
//! - It never costs viewers a frame: it takes what is there, at a lower priority, and the camera is asked for no more than
//!   it looks at.
//! - What cannot be looked at, or makes it fail, ends what moves, is logged once, and is tried again with the next frame.

pub mod detector;
mod moment;
mod worker;

use std::sync::{Arc, Mutex};

use log::{debug, info, warn};

use crate::events::Events;
use crate::feed::Feed;
use crate::feed::motion::Seen;
use crate::host::log::camera_scope;
use crate::host::shutdown::Shutdown;
use crate::host::threads;
use crate::problem::text;
use crate::sync::lock;
use worker::Worker;

/// All cameras, and in which of them motion is looked for.
#[derive(Debug)]
pub struct Detection {
    feeds: Vec<Arc<Feed>>,
    events: Arc<Events>,
    shutdown: Shutdown,
    /// Whether a camera has a thread, in the order of `feeds`.
    has_thread: Mutex<Vec<bool>>,
}

impl Detection {
    /// Motion in the pictures of these cameras; no thread is started yet.
    pub fn new(feeds: Vec<Arc<Feed>>, events: Arc<Events>, shutdown: Shutdown) -> Arc<Self> {
        let has_thread = Mutex::new(vec![false; feeds.len()]);
        Arc::new(Self { feeds, events, shutdown, has_thread })
    }

    /// Starts what the settings, API and page ask for.
    pub fn start(self: &Arc<Self>) {
        for (camera, feed) in self.feeds.iter().enumerate() {
            self.follow(camera);
            if !feed.motion.is_on() && !feed.motion.wanted().ignored.is_empty() {
                info!(
                    "{}: motion is off, so motion-ignore has no effect yet; --motion medium turns it on",
                    feed.label()
                );
            }
        }
    }

    /// Starts the thread of this camera if motion is looked for in it. The thread ends by itself when it no longer is.
    pub fn follow(self: &Arc<Self>, camera: usize) {
        let Some(feed) = self.feeds.get(camera) else { return };
        let mut has_thread = lock(&self.has_thread);
        if has_thread[camera] || !feed.motion.is_on() {
            return;
        }
        let _scope = camera_scope(&feed.name);
        let worker = Worker::new(self.clone(), camera, feed.clone());
        let started =
            threads::start(&format!("motion {}", feed.name), "noticing motion", move || worker.run());
        match started {
            Ok(()) => {
                has_thread[camera] = true;
                debug!("{}: looking for motion", feed.label());
            }
            Err(problem) => {
                warn!("{}: {problem}", feed.label());
                feed.motion.sees(Seen::Blind(text!("the system cannot start a thread for it")));
            }
        }
    }

    /// The thread of this camera has nothing to do; returns whether it is to end.
    fn retire(&self, camera: usize) -> bool {
        // Under the same lock as a start: a change that comes later starts another thread.
        let mut has_thread = lock(&self.has_thread);
        let is_over = self.shutdown.has_begun() || !self.feeds[camera].motion.is_on();
        has_thread[camera] = !is_over;
        is_over
    }
}

#[cfg(test)]
mod tests;
