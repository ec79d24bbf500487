//! One event loop: listeners and all the clients that they took in, until the program ends.
//!
//! Readiness is edge-triggered: whoever stops before the socket says "would block" asks for another turn.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use log::{debug, warn};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustls::ServerConfig;

use super::answer::{self, Answer};
use super::connection::{Connection, Need};
use super::connection_limit::{Admission, ConnectionLimit};
use super::head::{AllowedHosts, Refusal};
use super::limits::{ACCEPTS, HANDSHAKES, TICK};
use super::loop_waker::LoopWaker;
use super::relay::{Job, RelayHandle, Relays, Reply};
use crate::fanout::{CloseReason, Fanout};
use crate::host::service::Pulse;
use crate::host::shutdown::Shutdown;
use crate::problem::Problem;
use crate::protocol::PEER_HEADER;

/// The token of the waker; listeners and then connections follow.
const WAKER: Token = Token(0);

/// Events taken from the kernel in one go.
const EVENTS: usize = 256;

/// Where the clients of one event loop come in.
#[derive(Debug)]
pub(super) struct Port {
    poll: Poll,
    listeners: Vec<TcpListener>,
    /// How they are encrypted, if they are.
    tls: Option<Arc<ServerConfig>>,
    pub(super) bell: Arc<LoopWaker>,
    pub(super) pulse: Arc<Pulse>,
}

impl Port {
    /// Has these listeners watched.
    pub(super) fn open(
        mut listeners: Vec<TcpListener>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, Problem> {
        let unpolled = |error: io::Error| {
            Problem::new(
                "cannot watch the network",
                error.to_string(),
                "is the system out of files or memory?",
            )
        };
        let poll = Poll::new().map_err(unpolled)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(unpolled)?);
        for (number, listener) in listeners.iter_mut().enumerate() {
            let token = Token(WAKER.0 + 1 + number);
            poll.registry().register(listener, token, Interest::READABLE).map_err(unpolled)?;
        }
        let bell = Arc::new(LoopWaker { waker, watched: AtomicBool::new(false) });
        Ok(Self { poll, listeners, tls, bell, pulse: Arc::default() })
    }

    /// The addresses that it listens on.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The first token behind those of the listeners.
    fn first_token(&self) -> usize {
        WAKER.0 + 1 + self.listeners.len()
    }
}

/// One event loop, with all its clients.
pub(super) struct Loop {
    port: Port,
    names: Arc<AllowedHosts>,
    limit: Arc<ConnectionLimit>,
    fanout: Fanout,
    desk: RelayHandle,
    /// By token. Tokens only grow, so an event for a connection that is gone finds nobody.
    connections: BTreeMap<usize, Connection>,
    /// Connections and listeners that want another turn without a new event.
    turns: VecDeque<usize>,
    next: usize,
    /// Out of descriptors: accept again at the next tick.
    paused: bool,
    /// Connections that may still be in their handshake, the oldest first.
    handshakes: VecDeque<usize>,
}

impl Loop {
    pub(super) fn new(
        port: Port,
        names: Arc<AllowedHosts>,
        limit: Arc<ConnectionLimit>,
        fanout: Fanout,
        relays: &Relays,
    ) -> Self {
        let desk = relays.desk(&port.bell.waker);
        let next = port.first_token();
        Self {
            port,
            names,
            limit,
            fanout,
            desk,
            connections: BTreeMap::new(),
            turns: VecDeque::new(),
            next,
            paused: false,
            handshakes: VecDeque::new(),
        }
    }

    /// Serves until the program is to end.
    pub(super) fn run(&mut self, shutdown: &Shutdown) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut tick = Instant::now() + TICK;
        while !shutdown.has_begun() {
            self.port.pulse.beat();
            let now = Instant::now();
            let wait = if !self.turns.is_empty() {
                Some(std::time::Duration::ZERO)
            } else if self.connections.is_empty() && !self.paused {
                None
            } else {
                Some(tick.saturating_duration_since(now))
            };
            match self.port.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    WAKER => {
                        self.replies();
                        self.fanout.frames();
                    }
                    Token(token) => self.guarded(token, |this| this.turn(token)),
                }
            }
            for _ in 0..self.turns.len() {
                if let Some(token) = self.turns.pop_front() {
                    self.guarded(token, |this| this.turn(token));
                }
            }
            let now = Instant::now();
            if now >= tick {
                tick = now + TICK;
                self.expire(now);
            }
            self.take_back();
            self.listen_for_frames();
        }
        Ok(())
    }

    /// Has frames wake this loop while somebody watches. One that came just before is looked for.
    fn listen_for_frames(&mut self) {
        let watched = self.fanout.is_watched();
        if self.port.bell.watched.swap(watched, Ordering::SeqCst) != watched && watched {
            self.fanout.frames();
        }
    }

    /// Does something for one connection, and ends that connection if it panics.
    fn guarded(&mut self, token: usize, what: impl FnOnce(&mut Self)) {
        // Unwind safety: whatever is left half done belongs to the connection, which is dropped.
        if catch_unwind(AssertUnwindSafe(|| what(self))).is_err() {
            self.fanout.forget(token);
            self.connections.remove(&token);
        }
    }

    /// Lets whatever has this token do what it can.
    fn turn(&mut self, token: usize) {
        match token.checked_sub(WAKER.0 + 1) {
            Some(listener) if listener < self.port.listeners.len() => self.accept(listener),
            _ => self.drive(token),
        }
    }

    fn accept(&mut self, listener: usize) {
        let token = WAKER.0 + 1 + listener;
        for _ in 0..ACCEPTS {
            let Some(socket) = self.port.listeners.get(listener) else { return };
            let (socket, peer) = match socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.paused = false;
                    return;
                }
                // The client went before we came: Linux tells it here (accept(2), "Error handling").
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    // Out of descriptors or memory, and no new edge will come for who waits already.
                    if !self.paused {
                        warn!("cannot take a connection: {error}; trying again");
                    }
                    self.paused = true;
                    return;
                }
            };
            self.admit(socket, unmapped(peer));
        }
        self.turns.push_back(token);
    }

    /// Begins to serve a new connection, if there is room for it.
    fn admit(&mut self, mut socket: TcpStream, peer: SocketAddr) {
        let now = Instant::now();
        let (permit, refusal) = match self.limit.admit(self.port.tls.is_some(), now) {
            Admission::Serve(permit) => (permit, None),
            Admission::TurnAway(permit, refusal) => (permit, Some(refusal)),
            Admission::Close => return,
        };
        let token = self.free_token();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.port.poll.registry().register(&mut socket, Token(token), interest) {
            warn!("cannot watch the connection of {peer}: {error}");
            return;
        }
        let _ = socket.set_nodelay(true); // frames are written whole; without it the last segment waits
        let mut connection = Connection::new(socket, peer, permit, self.port.tls.as_ref(), now);
        if let Some(refusal) = refusal {
            connection.answer(answer::refusal(&refusal, false), false, now);
        }
        self.connections.insert(token, connection);
        self.limit_handshakes(token);
        self.drive(token);
    }

    /// Notes a newcomer's handshake, and gives up the oldest where there are too many.
    fn limit_handshakes(&mut self, newcomer: usize) {
        let connections = &self.connections;
        let goes_on = |token: &usize| connections.get(token).is_some_and(Connection::is_in_handshake);
        if self.port.tls.is_none() {
            return;
        }
        self.handshakes.retain(goes_on);
        self.handshakes.push_back(newcomer);
        if self.handshakes.len() > HANDSHAKES
            && let Some(oldest) = self.handshakes.pop_front()
        {
            self.connections.remove(&oldest);
        }
    }

    fn drive(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let now = Instant::now();
        match connection.drive(&self.names, now) {
            Need::Wait => self.fanout.ready(token), // does nothing unless the socket is lent
            Need::Turn => self.turns.push_back(token),
            Need::Close => {
                self.connections.remove(&token);
            }
            Need::Relay { mut head, body } => {
                let _ = write!(head, "{PEER_HEADER}: {}\r\n", connection.peer.ip()); // a String takes everything
                let job = Job { connection: token, head, body };
                debug!("{} asks {}", connection.peer, job.shown());
                let submitted = match self.limit.memory_refusal(now) {
                    Some(refusal) => Err(refusal),
                    None => self.desk.submit(job),
                };
                let Some(connection) = self.connections.get_mut(&token) else { return };
                if let Err(refusal) = submitted {
                    let keep_alive = connection.keeps_alive();
                    connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
                    self.turns.push_back(token);
                }
            }
        }
    }

    /// Answers of the site that have come.
    fn replies(&mut self) {
        while let Some(reply) = self.desk.reply() {
            let token = reply.connection;
            self.guarded(token, |this| this.reply(reply));
        }
    }

    fn reply(&mut self, reply: Reply) {
        let token = reply.connection;
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let keep_alive = connection.keeps_alive();
        let now = Instant::now();
        match reply.answer.and_then(|answer| answer::from_site(&answer, keep_alive)) {
            Ok(Answer::Send { bytes }) => connection.answer(bytes, keep_alive, now),
            Ok(Answer::HandOver { order, head }) => {
                let (peer, asked) = (connection.peer, connection.asked);
                let Some(socket) = connection.lend() else { return };
                let adopted = self.fanout.adopt(token, socket, peer, order, head, asked);
                let Err((socket, why)) = adopted else { return };
                connection.take_back(socket);
                let refusal = Refusal::new(503, why.to_string());
                connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
            }
            Ok(Answer::File { order, head }) => {
                let Some(socket) = connection.lend() else { return };
                let Err((socket, why)) = self.fanout.adopt_file(token, socket, order, head) else { return };
                connection.take_back(socket);
                let refusal = Refusal::new(503, why);
                connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
            }
            Err(refusal) => connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now),
        }
        self.drive(token);
    }

    /// Takes sockets back from the fan-out: a snapshot's client may ask again.
    fn take_back(&mut self) {
        while let Some(left) = self.fanout.left() {
            let Some(connection) = self.connections.get_mut(&left.connection) else { continue };
            let keep_alive = connection.keeps_alive();
            let now = Instant::now();
            match left.why {
                CloseReason::Served => {
                    connection.take_back(left.socket);
                    connection.served(keep_alive, now);
                }
                CloseReason::NoPicture => {
                    connection.take_back(left.socket);
                    let why = "The camera gave no new picture in time; /state says how it is.";
                    let refusal = Refusal::new(503, why);
                    connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
                }
                CloseReason::NoFile => {
                    connection.take_back(left.socket);
                    let why = "The recording cannot be read: it was deleted, or its disk does not answer.";
                    let refusal = Refusal::new(503, why);
                    connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
                }
                CloseReason::Gone(_)
                | CloseReason::Stalled
                | CloseReason::NoRoom
                | CloseReason::Failed
                | CloseReason::Over => {
                    self.connections.remove(&left.connection);
                    continue;
                }
            }
            self.turns.push_back(left.connection);
        }
    }

    fn expire(&mut self, now: Instant) {
        self.fanout.expire(now);
        // Checked only if it matters: a check costs as much as several frames.
        let matters = self.connections.values().any(Connection::is_within_request);
        let give_up = matters.then(|| self.limit.memory_refusal(now)).flatten();
        let mut expired = Vec::new();
        for (token, connection) in &mut self.connections {
            match connection.expire(now, give_up.as_ref()) {
                Need::Close => expired.push(*token),
                Need::Turn => self.turns.push_back(*token),
                Need::Wait | Need::Relay { .. } => {}
            }
        }
        for token in expired {
            self.connections.remove(&token);
        }
        if self.paused {
            self.turns.extend(WAKER.0 + 1..self.port.first_token());
        }
    }

    /// A token for a new connection: larger than all before, and after four thousand million of them (32-bit
    /// boards) from the beginning again.
    fn free_token(&mut self) -> usize {
        let first = self.port.first_token();
        let after = |token: usize| token.checked_add(1).unwrap_or(first);
        let mut token = self.next;
        while self.connections.contains_key(&token) {
            token = after(token);
        }
        self.next = after(token);
        token
    }
}

/// A client that came by IPv4 to an IPv6 socket, as IPv4.
fn unmapped(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
