//! How many clients are connected at once, over all event loops, and who makes room when there are too many.

mod report;
mod table;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use log::warn;

use super::head::Refusal;
use super::limits::{DISPLACED_MAX, TURNED_AWAY};
use super::loop_waker::LoopWaker;
use crate::auth::network::client_of;
use crate::host::memory::Memory;
use crate::problem::{Text, text};
use crate::sync::lock;
use report::Report;
pub(super) use table::Location;
use table::{Key, Table, Use};

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
    /// Closed since the program started, so that others could be served.
    pub displaced: AtomicUsize,
}

/// What permits refer to.
#[derive(Debug, Default)]
struct Shared {
    counts: Arc<ConnectionCounts>,
    /// Held for a look-up at a time, so that no event loop waits for what the other one does.
    table: Mutex<Table>,
}

/// Counts one connection as open until it is dropped. The connection holds it, and there is no other way to return it.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    /// The client at the other end.
    peer: IpAddr,
    /// `None` for one that is turned away, or that made room for another.
    key: Option<Key>,
}

impl Permit {
    /// A whole request has come on this connection: from now on the connection is busy.
    pub(super) fn begin_request(&mut self, now: Instant) {
        self.change(self.peer, Use::Busy, now);
    }

    /// The request came from this client, by way of a proxy; it is counted for it until the request ends.
    pub(super) fn attribute(&mut self, client: IpAddr, now: Instant) {
        if client != self.peer {
            self.change(client, Use::Busy, now);
        }
    }

    /// The request is answered: from now on the connection is idle.
    pub(super) fn end_request(&mut self, now: Instant) {
        self.change(self.peer, Use::Idle, now);
    }

    fn change(&mut self, client: IpAddr, what: Use, now: Instant) {
        let Some(key) = self.key else { return };
        let mut table = lock(&self.shared.table);
        let entry = table.remove(key);
        self.key = entry.map(|entry| table.add(client, what, entry.location, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            lock(&self.shared.table).remove(key);
        }
        self.shared.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What to do with a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// Serve it.
    Serve {
        permit: Permit,
        /// The connection to close for it.
        displaced: Option<Location>,
    },
    /// Send it this refusal, then close it.
    TurnAway(Permit, Refusal),
    /// Close it without an answer.
    Close,
}

/// An event loop, and its connections that made room for those of the other loop.
#[derive(Debug)]
struct Displacements {
    waker: Arc<LoopWaker>,
    tokens: Mutex<Vec<usize>>,
}

/// Limits the number of connections: by a maximum that leaves descriptors for the rest of the process, and by memory.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    shared: Arc<Shared>,
    limit: usize,
    memory: Mutex<Memory>,
    /// Whether memory was short at the last check.
    short: AtomicBool,
    /// Other connections at the last check that found enough memory.
    fitted: AtomicUsize,
    /// For each event loop.
    displacements: Vec<Displacements>,
    report: Mutex<Report>,
}

impl ConnectionLimit {
    /// At most `limit` connections are served at once, on the event loops that these wake.
    pub(super) fn new(limit: usize, wakers: impl Iterator<Item = Arc<LoopWaker>>) -> Self {
        let shared = Arc::new(Shared::default());
        shared.counts.limit.store(limit, Ordering::Relaxed);
        Self {
            shared,
            limit,
            memory: Mutex::default(),
            short: AtomicBool::new(false),
            fitted: AtomicUsize::new(0),
            displacements: wakers.map(|waker| Displacements { waker, tokens: Mutex::default() }).collect(),
            report: Mutex::default(),
        }
    }

    /// The numbers, which stay up to date.
    pub(super) fn counts(&self) -> Arc<ConnectionCounts> {
        self.shared.counts.clone()
    }

    /// Decides about a connection of `peer` that was just accepted. `encrypted` says that an answer would need a TLS
    /// handshake first, which costs too much while memory or permits are short.
    pub(super) fn admit(&self, location: Location, peer: IpAddr, encrypted: bool, now: Instant) -> Admission {
        let counts = &self.shared.counts;
        let others = counts.open.fetch_add(1, Ordering::Relaxed);
        let mut permit = Permit { shared: self.shared.clone(), peer: client_of(peer), key: None };
        let short = self.is_memory_short(others, now);
        if !short
            && others < self.limit + TURNED_AWAY + (self.limit / 4).clamp(1, DISPLACED_MAX)
            && let Some((key, displaced)) = self.enter(location, permit.peer, now)
        {
            permit.key = Some(key);
            return Admission::Serve { permit, displaced };
        }
        counts.refused.fetch_add(1, Ordering::Relaxed);
        if encrypted || others >= self.limit + TURNED_AWAY {
            return Admission::Close;
        }
        Admission::TurnAway(permit, Refusal::new(503, if short { SHORT } else { FULL }))
    }

    /// Enters a new connection into the table, in place of another one if it is full; `None` if none makes room.
    fn enter(&self, location: Location, client: IpAddr, now: Instant) -> Option<(Key, Option<Location>)> {
        let mut table = lock(&self.shared.table);
        let mut displaced = None;
        if table.len() >= self.limit {
            displaced = table.displace_for(client, self.limit, now);
            let mut report = lock(&self.report);
            match &displaced {
                Some(displaced) => report.note_displaced(displaced.client, displaced.had, now),
                None => {
                    report.note_refused(table.largest(), now);
                    return None;
                }
            }
            self.shared.counts.displaced.fetch_add(1, Ordering::Relaxed);
        }
        let key = table.add(client, Use::Idle, location, now);
        Some((key, displaced.map(|displaced| displaced.location)))
    }

    /// Has a connection that made room for another one closed by its own event loop.
    pub(super) fn close_elsewhere(&self, displaced: Location) {
        if let Some(there) = self.displacements.get(displaced.event_loop) {
            lock(&there.tokens).push(displaced.token);
            there.waker.wake();
        }
    }

    /// The tokens of this event loop's connections that are to be closed.
    pub(super) fn take_displaced(&self, event_loop: usize) -> Vec<usize> {
        let here = self.displacements.get(event_loop);
        here.map_or_else(Vec::new, |here| std::mem::take(&mut *lock(&here.tokens)))
    }

    /// Whether something has happened that [`ConnectionLimit::report`] will log.
    pub(super) fn is_report_pending(&self) -> bool {
        lock(&self.report).is_pending()
    }

    /// Logs what became of connections above the limit, at most once a minute. Called a few times a second.
    pub(super) fn report(&self, now: Instant) {
        let line = lock(&self.report).due(self.limit, now);
        if let Some(line) = line {
            warn!("{line}");
        }
    }

    /// The refusal for a request on an admitted connection while memory is short; `None` while there is enough.
    pub(super) fn memory_refusal(&self, now: Instant) -> Option<Refusal> {
        let others = self.shared.counts.open.load(Ordering::Relaxed).saturating_sub(1);
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
    use std::net::Ipv4Addr;

    use super::*;

    /// A connection of this address and with this token.
    fn admit(limit: &ConnectionLimit, last: u8, token: usize, encrypted: bool) -> Admission {
        let location = Location { event_loop: 0, token };
        limit.admit(location, Ipv4Addr::new(192, 0, 2, last).into(), encrypted, Instant::now())
    }

    fn limit_of(limit: usize) -> ConnectionLimit {
        ConnectionLimit::new(limit, std::iter::empty())
    }

    /// A connection with a request on it.
    fn busy(limit: &ConnectionLimit, last: u8, token: usize) -> Permit {
        let Admission::Serve { mut permit, displaced: None } = admit(limit, last, token, false) else {
            panic!("refused or displaced another")
        };
        permit.begin_request(Instant::now());
        permit
    }

    #[test]
    fn a_connection_counts_until_its_permit_is_dropped() {
        let limit = limit_of(1);
        let open = || limit.counts().open.load(Ordering::Relaxed);
        let first = busy(&limit, 1, 1);
        assert_eq!(open(), 1);
        let refused = admit(&limit, 1, 2, false);
        assert!(matches!(refused, Admission::TurnAway(..)), "{refused:?}");
        assert_eq!(open(), 2, "one that is being turned away is open, too");
        assert!(matches!(admit(&limit, 1, 3, true), Admission::Close));
        drop(refused);
        assert_eq!((open(), limit.counts().refused.load(Ordering::Relaxed)), (1, 2));
        drop(first);
        assert_eq!(open(), 0);
        assert!(matches!(admit(&limit, 1, 4, true), Admission::Serve { displaced: None, .. }));
    }

    #[test]
    fn a_bounded_number_are_turned_away_in_words() {
        let limit = limit_of(0);
        let held: Vec<_> = (0..TURNED_AWAY).map(|token| admit(&limit, 1, token, false)).collect();
        assert!(held.iter().all(|one| matches!(one, Admission::TurnAway(..))), "{held:?}");
        assert!(matches!(admit(&limit, 1, TURNED_AWAY, false), Admission::Close));
    }

    #[test]
    fn one_that_makes_room_is_idle_and_not_busy_and_counts_no_longer() {
        let limit = limit_of(2);
        let stream = busy(&limit, 1, 1);
        let mut answered = busy(&limit, 2, 2);
        assert!(matches!(admit(&limit, 3, 3, false), Admission::TurnAway(..)), "both are busy");
        answered.end_request(Instant::now());
        let Admission::Serve { permit, displaced } = admit(&limit, 3, 3, false) else { panic!("refused") };
        assert_eq!(displaced, Some(Location { event_loop: 0, token: 2 }));
        answered.begin_request(Instant::now()); // its request came too late
        drop(answered);
        assert_eq!(lock(&limit.shared.table).len(), 2);
        assert_eq!(limit.counts().displaced.load(Ordering::Relaxed), 1);
        drop((stream, permit));
        assert_eq!(lock(&limit.shared.table).len(), 0);
    }

    #[test]
    fn a_proxys_request_counts_for_its_client_until_it_is_answered() {
        let limit = limit_of(4);
        let now = Instant::now();
        let mut held: Vec<_> = (0..4).map(|token| busy(&limit, 1, token)).collect();
        for (permit, last) in held.iter_mut().zip([7, 7, 8, 9]) {
            permit.attribute(Ipv4Addr::new(198, 51, 100, last).into(), now);
        }
        let refused = admit(&limit, 2, 4, false);
        assert!(matches!(refused, Admission::TurnAway(..)), "nobody has more than half: {refused:?}");
        held[2].attribute(Ipv4Addr::new(198, 51, 100, 7).into(), now);
        let served = admit(&limit, 2, 4, false);
        let Admission::Serve { displaced: Some(displaced), .. } = served else { panic!("{served:?}") };
        assert_eq!(displaced.token, 0, "the oldest of those who have three");
        drop(served);
        held[3].end_request(now);
        assert_eq!(lock(&limit.shared.table).largest().map(|(_, count)| count), Some(2));
    }
}
