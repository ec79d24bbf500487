//! One event loop: its listeners and all clients that connected to them, until the program ends.
//!
//! Readiness is edge-triggered: a task that stops before its socket returns "would block" must be put into
//! [`EventLoop::turns`].

mod accept;
mod port;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mio::{Events, Token};

use super::connection::{Action, Connection};
use super::connection_limit::ConnectionLimit;
use super::hosts::AllowedHosts;
use super::limits::TICK;
use super::relay::{RelayHandle, Relays};
use crate::fanout::{CloseReason, Fanout};
use crate::host::log::bounded;
use crate::host::shutdown::Shutdown;
use crate::sync::lock;
pub(super) use port::Port;
use port::{WAKER, listener_token};

/// The most events that are taken from the kernel at once.
const EVENTS: usize = 256;

/// One event loop, with all its clients.
pub(super) struct EventLoop {
    /// Which of the event loops it is, for [`ConnectionLimit`].
    index: usize,
    port: Port,
    allowed_hosts: Arc<AllowedHosts>,
    limit: Arc<ConnectionLimit>,
    /// Shared with the threads of cameras, which may send frames to few viewers.
    fanout: Arc<Mutex<Fanout>>,
    relays: RelayHandle,
    /// By token. Tokens only grow, so an event for a connection that is gone finds nothing.
    connections: BTreeMap<usize, Connection>,
    /// Tokens of connections and listeners that want another turn without a new event.
    turns: VecDeque<usize>,
    /// The token of the next new connection.
    next_token: usize,
    /// The process is out of descriptors: accept again at the next tick.
    accept_paused: bool,
    /// Tokens of connections that may still be in their handshake, the oldest first.
    handshakes: VecDeque<usize>,
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        lock(&self.fanout).close_all();
    }
}

impl EventLoop {
    pub(super) fn new(
        index: usize,
        port: Port,
        allowed_hosts: Arc<AllowedHosts>,
        limit: Arc<ConnectionLimit>,
        fanout: Fanout,
        relays: &Relays,
    ) -> Self {
        let relays = relays.handle(&port.waker.waker);
        let next_token = port.first_token();
        let fanout = Arc::new(Mutex::new(fanout));
        port.waker.fanout.get_or_init(|| fanout.clone());
        Self {
            index,
            port,
            allowed_hosts,
            limit,
            fanout,
            relays,
            connections: BTreeMap::new(),
            turns: VecDeque::new(),
            next_token,
            accept_paused: false,
            handshakes: VecDeque::new(),
        }
    }

    /// Serves until the program ends.
    pub(super) fn run(&mut self, shutdown: &Shutdown) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut tick = Instant::now() + TICK;
        while !shutdown.has_begun() {
            self.port.pulse.beat();
            let wait = self.wait(tick);
            match self.port.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => {
                        self.close_displaced();
                        self.take_replies();
                        lock(&self.fanout).send_frames();
                    }
                    Token(token) => self.catch_panic(token, |this| this.turn(token)),
                }
            }
            for _ in 0..self.turns.len() {
                if let Some(token) = self.turns.pop_front() {
                    self.catch_panic(token, |this| this.turn(token));
                }
            }
            let now = Instant::now();
            if now >= tick {
                tick = now + TICK;
                self.expire(now);
            }
            self.take_released();
            self.listen_for_frames();
        }
        Ok(())
    }

    /// How long the loop may sleep without an event; `None` means until one comes.
    fn wait(&self, tick: Instant) -> Option<Duration> {
        if !self.turns.is_empty() {
            Some(Duration::ZERO)
        } else if self.connections.is_empty()
            && !self.accept_paused
            && !lock(&self.fanout).is_log_pending()
            && !self.limit.is_report_pending()
            && !bounded::is_pending()
        {
            None
        } else {
            Some(tick.saturating_duration_since(Instant::now()))
        }
    }

    /// Lets frames wake this loop while it has viewers, and handles one that came just before.
    fn listen_for_frames(&mut self) {
        let mut fanout = lock(&self.fanout);
        let watched = fanout.is_watched();
        if self.port.waker.watched.swap(watched, Ordering::SeqCst) != watched && watched {
            fanout.send_frames();
        }
    }

    /// Does something for one connection, and ends that connection if it panics.
    fn catch_panic(&mut self, token: usize, action: impl FnOnce(&mut Self)) {
        // Unwind safety: whatever is left half done belongs to the connection, which is dropped.
        if catch_unwind(AssertUnwindSafe(|| action(self))).is_err() {
            lock(&self.fanout).forget(token, CloseReason::Panicked);
            self.connections.remove(&token);
        }
    }

    /// Gives the listener or connection with this token a turn.
    fn turn(&mut self, token: usize) {
        match self.port.listener_index(token) {
            Some(index) => self.accept(index),
            None => self.drive(token),
        }
    }

    /// Acts on deadlines that have passed, and on memory that has become short.
    fn expire(&mut self, now: Instant) {
        lock(&self.fanout).expire(now);
        self.limit.report(now);
        bounded::report(now);
        // Checked only if it matters: a check costs as much as several frames.
        let matters = self.connections.values().any(Connection::is_within_request);
        let refusal = matters.then(|| self.limit.memory_refusal(now)).flatten();
        let mut expired = Vec::new();
        for (token, connection) in &mut self.connections {
            match connection.expire(now, refusal.as_ref()) {
                Action::Close => expired.push(*token),
                Action::Again => self.turns.push_back(*token),
                Action::Wait | Action::Relay { .. } => {}
            }
        }
        for token in expired {
            self.connections.remove(&token);
        }
        if self.accept_paused {
            self.turns.extend((0..self.port.listeners.len()).map(|index| listener_token(index).0));
        }
    }
}
