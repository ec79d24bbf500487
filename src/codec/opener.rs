//! The threads that open and close devices.
//!
//! Both may take any time: one kind of node is said to hang on open, and closing waits for a job of a codec that hangs.
//! The thread that opened a device waits until it is given back, and closes it: so closing needs no new thread, which there
//! might not be. There is a thread for each device, and never more than [`THREADS_MAX`] in the program, whatever drivers do.

use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::device::{FrameEncoder, Shape};
use crate::host::threads;
use crate::sync::{lock, wait};

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

/// The most threads in the program that open, keep or close devices: one for each of 16 cameras, and some that hang.
const THREADS_MAX: usize = 24;

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

/// How far a device and its thread are.
#[derive(Debug)]
enum Stage {
    /// The thread opens it.
    Opening,
    /// This was found; nobody has taken it yet.
    Found(Found),
    /// It is in use, or there is none.
    Taken,
    /// It is of no more use; the thread closes it.
    Returned(Option<Box<dyn FrameEncoder>>),
}

/// What a device's thread and its user share.
#[derive(Debug)]
struct Desk {
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Desk {
    fn give_back(&self, device: Option<Box<dyn FrameEncoder>>) {
        *lock(&self.stage) = Stage::Returned(device);
        self.changed.notify_one();
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
pub(super) struct Opening(Arc<Desk>);

/// The thread that closes a device.
#[derive(Debug)]
pub(super) struct Closer(Arc<Desk>);

impl Closer {
    /// Has the device closed that this thread opened, without waiting for it.
    pub(super) fn close(self, device: Box<dyn FrameEncoder>) {
        self.0.give_back(Some(device));
    }
}

/// What became of an opening.
#[derive(Debug)]
pub(super) enum Opened {
    Device(Box<dyn FrameEncoder>, Closer),
    Nothing,
    Refused(String),
}

impl Opening {
    /// Whether it is known what was found.
    #[cfg(test)]
    pub(super) fn is_answered(&self) -> bool {
        matches!(*lock(&self.0.stage), Stage::Found(_))
    }

    /// What was found, once that is known. A panic of the thread is a device that cannot be used.
    pub(super) fn answer(&self) -> Option<Opened> {
        let mut stage = lock(&self.0.stage);
        match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Found(Found::Device(device)) => Some(Opened::Device(device, Closer(self.0.clone()))),
            Stage::Found(Found::Nothing) | Stage::Taken => Some(Opened::Nothing),
            Stage::Found(Found::Refused(why)) => Some(Opened::Refused(why)),
            other @ (Stage::Opening | Stage::Returned(_)) => {
                *stage = other;
                None
            }
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut stage = lock(&self.0.stage);
        let device = match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Taken => return, // its user gives it back
            Stage::Found(Found::Device(device)) => Some(device),
            _ => None,
        };
        drop(stage);
        self.0.give_back(device);
    }
}

impl Opener {
    /// Opens a device. `None` if there is no thread for it.
    pub(super) fn start(&self, shape: Shape) -> Option<Opening> {
        let place = Place::take()?;
        let desk = Arc::new(Desk { stage: Mutex::new(Stage::Opening), changed: Condvar::new() });
        let (open, shared) = (self.0.clone(), desk.clone());
        let run = move || {
            let _place = place;
            keep(&shared, &*open, shape);
        };
        threads::start("codec", "the thread of the hardware encoder", run).ok()?;
        Some(Opening(desk))
    }
}

/// Opens a device, and closes it when it is given back.
fn keep(desk: &Desk, open: &Open, shape: Shape) {
    let found = catch_unwind(AssertUnwindSafe(|| open(shape)));
    let found = found.unwrap_or_else(|_| Found::Refused("opening it failed".to_owned()));
    let is_device = matches!(found, Found::Device(_));
    let mut stage = lock(&desk.stage);
    if !matches!(*stage, Stage::Opening) {
        drop(stage);
        return drop(found); // nobody wants it any more
    }
    *stage = Stage::Found(found);
    if !is_device {
        return;
    }
    while !matches!(*stage, Stage::Returned(_)) {
        stage = wait(&desk.changed, stage);
    }
    let Stage::Returned(device) = mem::replace(&mut *stage, Stage::Taken) else { return };
    drop(stage);
    drop(device); // may take any time
}
