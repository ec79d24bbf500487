//! Wakes event loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::error;
use mio::Waker;

/// Wakes one event loop.
#[derive(Debug)]
pub(super) struct LoopWaker {
    pub(super) waker: Arc<Waker>,
    /// Whether a viewer of this loop waits for frames.
    pub(super) watched: AtomicBool,
}

impl LoopWaker {
    pub(super) fn wake(&self) {
        if let Err(failure) = self.waker.wake() {
            error!("cannot wake an event loop: {failure}");
        }
    }
}

/// Wakes all event loops of the gate. A clone wakes the same loops.
#[derive(Debug, Clone)]
pub struct LoopWakers(pub(super) Vec<Arc<LoopWaker>>);

impl LoopWakers {
    /// Wakes the loops that have viewers: there is a new frame.
    pub fn wake_for_frame(&self) {
        self.0.iter().filter(|waker| waker.watched.load(Ordering::SeqCst)).for_each(|waker| waker.wake());
    }

    /// Wakes every loop, because the program ends or the watchdog checks that they run.
    pub fn wake_all(&self) {
        self.0.iter().for_each(|waker| waker.wake());
    }
}
