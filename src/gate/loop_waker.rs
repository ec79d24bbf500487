//! Wakes event loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::error;
use mio::Waker;

/// Wakes one event loop.
#[derive(Debug)]
pub(super) struct LoopWaker {
    pub(super) waker: Arc<Waker>,
    /// Somebody of this loop waits for frames.
    pub(super) watched: AtomicBool,
}

impl LoopWaker {
    pub(super) fn ring(&self) {
        if let Err(failure) = self.waker.wake() {
            error!("cannot wake an event loop: {failure}");
        }
    }
}

/// Wakes all event loops of the gate. Clones are the same.
#[derive(Debug, Clone)]
pub struct LoopWakers(pub(super) Vec<Arc<LoopWaker>>);

impl LoopWakers {
    /// A frame is there: wakes those loops somebody of which watches.
    pub fn frame(&self) {
        self.0.iter().filter(|bell| bell.watched.load(Ordering::SeqCst)).for_each(|bell| bell.ring());
    }

    /// Makes each loop turn: the program is to end, or somebody looks whether it lives.
    pub fn all(&self) {
        self.0.iter().for_each(|bell| bell.ring());
    }
}
