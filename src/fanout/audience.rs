//! Who watches, for `/state` and the log. Written by the fan-out, read by the site.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::order::Order;

/// One viewer as others see it.
#[derive(Debug)]
pub struct Seat {
    /// What it asked for.
    pub order: Order,
    /// Where it is.
    pub peer: SocketAddr,
    /// When it came.
    pub since: Instant,
    /// Frames that were sent to it in whole or in part.
    pub frames: AtomicU64,
    /// Frames that it missed because it was still taking an earlier one.
    pub skipped: AtomicU64,
    /// Bytes that its socket took.
    pub bytes: AtomicU64,
}

impl Seat {
    pub(super) fn new(order: Order, peer: SocketAddr, since: Instant) -> Self {
        let zero = || AtomicU64::new(0);
        Self { order, peer, since, frames: zero(), skipped: zero(), bytes: zero() }
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// All viewers by their connection, and what it costs that some are slow.
#[derive(Debug, Default)]
pub struct Audience {
    seats: Mutex<BTreeMap<usize, Arc<Seat>>>,
    /// Memory held for what slow viewers did not take yet, in bytes; at most [`super::SPILL_CAP`].
    pub spill: AtomicUsize,
}

impl Audience {
    /// The viewers, in the order in which they came.
    pub fn list(&self) -> Vec<Arc<Seat>> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn enter(&self, connection: usize, seat: Arc<Seat>) {
        self.lock().insert(connection, seat);
    }

    pub(super) fn leave(&self, connection: usize) {
        self.lock().remove(&connection);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Arc<Seat>>> {
        self.seats.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
