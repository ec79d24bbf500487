//! The threads that open and close devices.
//!
//! Both may take any time: one kind of node is said to hang on open, and closing waits for a job of a codec that hangs.
//! There is a thread for each attempt, and never more than [`THREADS_MAX`] in the program, whatever drivers do.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use super::device::{FrameEncoder, Shape};
use crate::host::threads;

/// Finds and opens a device for pictures of a shape.
pub type Open = dyn Fn(Shape) -> Found + Send + Sync;

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// A device, ready for pictures.
    Device(Box<dyn FrameEncoder>),
    /// Nothing.
    Nothing,
    /// A device that cannot be used, and why.
    Refused(String),
}

/// The most threads in the program that open or close devices.
const THREADS_MAX: usize = 8;

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// One of [`THREADS_MAX`].
struct Place;

impl Place {
    fn take() -> Option<Place> {
        let more = |count: usize| (count < THREADS_MAX).then_some(count + 1);
        THREADS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct Opener(pub(super) Arc<Open>);

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

/// A thread that opens a device. If this is dropped, the thread closes what it opened.
#[derive(Debug)]
pub(super) struct Opening(Receiver<Found>);

impl Opening {
    /// What was found, once that is known. A panic of the thread is a device that cannot be used.
    pub(super) fn answer(&self) -> Option<Found> {
        match self.0.try_recv() {
            Ok(found) => Some(found),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Found::Refused("opening it failed".to_owned())),
        }
    }
}

impl Opener {
    /// Opens a device. `None` if there is no thread for it.
    pub(super) fn start(&self, shape: Shape) -> Option<Opening> {
        let place = Place::take()?;
        let (answer, answers) = channel();
        let open = self.0.clone();
        start(move || {
            let _place = place;
            let _ = answer.send(open(shape)); // if nobody wants it any more, it is closed here
        })
        .then_some(Opening(answers))
    }
}

/// Closes a device without waiting for it.
pub(super) fn close(device: Box<dyn FrameEncoder>) {
    // One that has to be closed has a thread in any case: it is not opened again while there are too many.
    let place = Place::take();
    start(move || {
        let _place = place;
        drop(device);
    });
}

fn start(run: impl FnOnce() + Send + 'static) -> bool {
    threads::start("codec", "the thread of the hardware encoder", run).is_ok()
}
