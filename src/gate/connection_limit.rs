//! How many clients are connected at once, over all event loops.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::head::Refusal;
use super::limits::TURNED_AWAY;
use crate::host::memory::Memory;
use crate::problem::{Text, text};

/// Why a client is refused while memory is short.
const SHORT: Text = text!("No memory for more than is served already; try again later.");

/// Why a client is refused while all permits are out.
const FULL: Text = text!("Too many connections; try again later.");

/// Numbers of connections, for `/state` and the metrics.
#[derive(Debug, Default)]
pub struct ConnectionCounts {
    /// Open now, including those that are being turned away.
    pub open: AtomicUsize,
    /// The most that are served at once.
    pub limit: AtomicUsize,
    /// Turned away since the program started, because there were too many.
    pub refused: AtomicUsize,
}

/// Counts one connection as open until it is dropped. The connection holds it, and there is no other way to return it.
#[derive(Debug)]
pub struct Permit(Arc<ConnectionCounts>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What to do with a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// Serve it.
    Serve(Permit),
    /// Send it this refusal, then close it.
    TurnAway(Permit, Refusal),
    /// Close it without an answer.
    Close,
}

/// Limits the number of connections: by a maximum that leaves descriptors for the rest of the process, and by memory.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    counts: Arc<ConnectionCounts>,
    limit: usize,
    memory: Mutex<Memory>,
    /// Whether memory was short at the last check.
    short: AtomicBool,
    /// Other connections at the last check that found enough memory.
    fitted: AtomicUsize,
}

impl ConnectionLimit {
    /// At most `limit` connections are served at once.
    pub(super) fn new(limit: usize) -> Self {
        let counts = Arc::new(ConnectionCounts::default());
        counts.limit.store(limit, Ordering::Relaxed);
        Self {
            counts,
            limit,
            memory: Mutex::default(),
            short: AtomicBool::new(false),
            fitted: AtomicUsize::new(0),
        }
    }

    /// The numbers, which stay up to date.
    pub(super) fn counts(&self) -> Arc<ConnectionCounts> {
        self.counts.clone()
    }

    /// Decides about a connection that was just accepted. `encrypted` says that an answer would need a TLS handshake
    /// first, which costs too much while memory or permits are short.
    pub(super) fn admit(&self, encrypted: bool, now: Instant) -> Admission {
        // Counted before it is compared, so that two event loops cannot both take the last permit.
        let others = self.counts.open.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(self.counts.clone());
        let short = self.is_memory_short(others, now);
        if !short && others < self.limit {
            return Admission::Serve(permit);
        }
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        if encrypted || others >= self.limit + TURNED_AWAY {
            return Admission::Close;
        }
        Admission::TurnAway(permit, Refusal::new(503, if short { SHORT } else { FULL }))
    }

    /// The refusal for a request on an admitted connection while memory is short; `None` while there is enough.
    pub(super) fn memory_refusal(&self, now: Instant) -> Option<Refusal> {
        let others = self.counts.open.load(Ordering::Relaxed).saturating_sub(1);
        self.is_memory_short(others, now).then(|| Refusal::new(503, SHORT))
    }

    /// Whether memory is too short for one connection beside `others`. The allocator keeps freed memory for reuse, and
    /// the system counts it as used. So once more than half of the connections that fitted are gone, new ones
    /// are let in again. A client that is alone is always served.
    fn is_memory_short(&self, others: usize, now: Instant) -> bool {
        // If the other event loop is checking right now, its result will do.
        if let Ok(mut memory) = self.memory.try_lock() {
            self.short.store(memory.is_short(now), Ordering::Relaxed);
        }
        let short = self.short.load(Ordering::Relaxed);
        if !short {
            self.fitted.store(others, Ordering::Relaxed);
        }
        short && others >= (self.fitted.load(Ordering::Relaxed) / 2).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_counts_until_its_permit_is_dropped() {
        let (limit, now) = (ConnectionLimit::new(1), Instant::now());
        let open = || limit.counts().open.load(Ordering::Relaxed);
        let Admission::Serve(first) = limit.admit(false, now) else { panic!("refused the first") };
        assert_eq!(open(), 1);
        let refused = limit.admit(false, now);
        assert!(matches!(refused, Admission::TurnAway(..)), "{refused:?}");
        assert_eq!(open(), 2, "one that is being turned away is open, too");
        assert!(matches!(limit.admit(true, now), Admission::Close));
        drop(refused);
        assert_eq!((open(), limit.counts().refused.load(Ordering::Relaxed)), (1, 2));
        drop(first);
        assert_eq!(open(), 0);
        assert!(matches!(limit.admit(true, now), Admission::Serve(_)));
    }

    #[test]
    fn a_bounded_number_are_turned_away_in_words() {
        let (limit, now) = (ConnectionLimit::new(0), Instant::now());
        let held: Vec<_> = (0..TURNED_AWAY).map(|_| limit.admit(false, now)).collect();
        assert!(held.iter().all(|one| matches!(one, Admission::TurnAway(..))), "{held:?}");
        assert!(matches!(limit.admit(false, now), Admission::Close));
    }
}
