//! Tells event loops that there is a frame, or that they have something else to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use log::error;
use mio::Waker;

use crate::fanout::Fanout;
use crate::sync::try_lock;

/// Wakes one event loop.
#[derive(Debug)]
pub(super) struct LoopWaker {
    pub(super) waker: Arc<Waker>,
    /// Whether a viewer of this loop waits for frames.
    pub(super) watched: AtomicBool,
    /// The loop's fan-out, if a camera's thread may send frames itself.
    pub(super) fanout: OnceLock<Arc<Mutex<Fanout>>>,
}

impl LoopWaker {
    pub(super) fn new(waker: Waker) -> Self {
        Self { waker: Arc::new(waker), watched: AtomicBool::new(false), fanout: OnceLock::new() }
    }

    pub(super) fn wake(&self) {
        if let Err(failure) = self.waker.wake() {
            error!("cannot wake an event loop: {failure}");
        }
    }

    /// Sends the newest frames on the calling thread, if that is quick and the loop does not run; returns whether the
    /// loop may sleep on.
    fn send_here(&self) -> bool {
        self.fanout.get().and_then(|fanout| try_lock(fanout)).is_some_and(|mut fanout| fanout.send_to_few())
    }
}

/// Wakes all event loops of the gate. A clone wakes the same loops.
#[derive(Debug, Clone)]
pub struct LoopWakers(pub(super) Vec<Arc<LoopWaker>>);

impl LoopWakers {
    /// A camera has published a frame. To few viewers it is sent by the calling thread, which has it in its cache: waking
    /// another one costs more than sending it.
    pub fn frame_published(&self) {
        self.watched().filter(|waker| !waker.send_here()).for_each(LoopWaker::wake);
    }

    /// Wakes the loops that have viewers: there is a new frame, from a thread that must not do their work.
    pub fn wake_for_frame(&self) {
        self.watched().for_each(LoopWaker::wake);
    }

    fn watched(&self) -> impl Iterator<Item = &LoopWaker> {
        self.0.iter().map(Arc::as_ref).filter(|waker| waker.watched.load(Ordering::SeqCst))
    }

    /// Wakes every loop, because the program ends or the watchdog checks that they run.
    pub fn wake_all(&self) {
        self.0.iter().for_each(|waker| waker.wake());
    }
}
