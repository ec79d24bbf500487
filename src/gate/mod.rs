//! The only thing that the network can reach.
//!
//! Takes connections, counts them, reads one bounded request at a time, has a relay carry it to the site, and
//! sends the whole answer. Where the site says so, it hands the socket to the fan-out, which shares this event
//! loop. It knows no URL. What it promises:
//!
//! - Nothing that a client sends or leaves unsent stops another client: all waits are states with a deadline,
//!   all sizes have a bound ([`limits`]).
//! - The site sees only requests that cannot be read in two ways, and never the speed of a client.
//! - It leaves descriptors free for the rest of the process, and memory: while that is short, nobody new is
//!   served.
//!
//! Readiness is edge-triggered: whoever stops before the socket says "would block" asks for another turn.

pub mod answer;
mod connection;
pub mod head;
pub mod limits;
mod listener;
pub mod relay;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use log::{debug, warn};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::config::Settings;
use crate::fanout::{Fanout, Leave};
use crate::host::memory::Memory;
use crate::host::service::Pulse;
use crate::host::shutdown::Shutdown;
use crate::problem::Problem;
use answer::Answer;
use connection::{Connection, Need};
use head::{Names, Refusal};
use limits::{ACCEPTS, RESERVED_FILES, TICK, TURNED_AWAY};
use relay::{Job, PEER_HEADER, Relays, Reply, SharedDoor};

/// The token of the waker; listeners and then connections follow.
const WAKER: Token = Token(0);

/// Events taken from the kernel in one go.
const EVENTS: usize = 256;

/// What newcomers are told while memory is short.
const SHORT: &str = "No memory for more than is served already; try again later.";

/// How many connections there are, for `/state`.
#[derive(Debug, Default)]
pub struct Count {
    /// Open now.
    pub open: AtomicUsize,
    /// The most at once.
    pub limit: AtomicUsize,
    /// Turned away since the start because there were too many.
    pub refused: AtomicUsize,
}

/// The gate's sockets, open but not served yet.
#[derive(Debug)]
pub struct Gate {
    poll: Poll,
    waker: Arc<Waker>,
    listeners: Vec<TcpListener>,
    names: Names,
    limit: usize,
    count: Arc<Count>,
    pulse: Arc<Pulse>,
}

impl Gate {
    /// Opens the sockets that the settings ask for. `open_files` is how many this process may have.
    ///
    /// # Errors
    /// An address that cannot be listened on, or no room for even one client.
    pub fn open(settings: &Settings, names: Vec<String>, open_files: usize) -> Result<Self, Problem> {
        let limit = settings.max_connections.min(open_files.saturating_sub(RESERVED_FILES));
        if limit == 0 {
            return Err(Problem::new(
                "cannot serve anybody",
                format!("the system lets this process open {open_files} files only"),
                format!("allow at least {}: ulimit -n {}", RESERVED_FILES + 16, RESERVED_FILES + 16),
            ));
        }
        if limit < settings.max_connections {
            warn!("at most {limit} connections: the system lets this process open {open_files} files only");
        }
        let unpolled = |error: io::Error| {
            Problem::new(
                "cannot watch the network",
                error.to_string(),
                "is the system out of files or memory?",
            )
        };
        let poll = Poll::new().map_err(unpolled)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(unpolled)?);
        let mut listeners = listener::open(settings.listen.as_deref())?;
        for (number, listener) in listeners.iter_mut().enumerate() {
            let token = Token(WAKER.0 + 1 + number);
            poll.registry().register(listener, token, Interest::READABLE).map_err(unpolled)?;
        }
        let count = Arc::new(Count::default());
        count.limit.store(limit, Ordering::Relaxed);
        Ok(Self { poll, waker, listeners, names: Names::new(names), limit, count, pulse: Arc::default() })
    }

    /// Wakes the loop: a frame is there, or the program is to end.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// How many connections there are.
    pub fn count(&self) -> Arc<Count> {
        self.count.clone()
    }

    /// The rounds of the loop.
    pub fn pulse(&self) -> Arc<Pulse> {
        self.pulse.clone()
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Serves until the program is to end.
    ///
    /// # Errors
    /// When the system gives no threads for the relays, or the loop cannot wait any more.
    pub fn serve(self, fanout: Fanout, door: &SharedDoor, shutdown: &Shutdown) -> io::Result<()> {
        let relays = Relays::start(door, &self.waker)?;
        let next = WAKER.0 + 1 + self.listeners.len();
        let (connections, turns) = (BTreeMap::new(), VecDeque::new());
        let memory = Memory::new();
        Loop { gate: self, fanout, relays, connections, turns, next, paused: false, memory, fitted: 0 }
            .run(shutdown)
    }
}

struct Loop {
    gate: Gate,
    fanout: Fanout,
    relays: Relays,
    /// By token. Tokens only grow, so an event for a connection that is gone finds nobody.
    connections: BTreeMap<usize, Connection>,
    /// Connections and listeners that want another turn without a new event.
    turns: VecDeque<usize>,
    next: usize,
    /// Out of descriptors: accept again at the next tick.
    paused: bool,
    memory: Memory,
    /// How many others were there at the last look at memory that found enough.
    fitted: usize,
}

impl Loop {
    fn run(&mut self, shutdown: &Shutdown) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut tick = Instant::now() + TICK;
        while !shutdown.has_begun() {
            self.gate.pulse.beat();
            let now = Instant::now();
            let wait = if !self.turns.is_empty() {
                Some(std::time::Duration::ZERO)
            } else if self.connections.is_empty() && !self.paused {
                None
            } else {
                Some(tick.saturating_duration_since(now))
            };
            match self.gate.poll.poll(&mut events, wait) {
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
            self.count();
        }
        Ok(())
    }

    /// Says how many connections there are.
    fn count(&self) {
        self.gate.count.open.store(self.connections.len(), Ordering::Relaxed);
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
            Some(listener) if listener < self.gate.listeners.len() => self.accept(listener),
            _ => self.drive(token),
        }
    }

    fn accept(&mut self, listener: usize) {
        let token = WAKER.0 + 1 + listener;
        for _ in 0..ACCEPTS {
            let Some(socket) = self.gate.listeners.get(listener) else { return };
            let (mut socket, peer) = match socket.accept() {
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
            let number = self.free_token();
            let interest = Interest::READABLE | Interest::WRITABLE;
            let now = Instant::now();
            let short = self.has_no_memory_beside(self.connections.len(), now);
            let full = short || self.connections.len() >= self.gate.limit;
            if full {
                self.gate.count.refused.fetch_add(1, Ordering::Relaxed);
                if self.connections.len() >= self.gate.limit + TURNED_AWAY {
                    continue;
                }
            }
            if let Err(error) = self.gate.poll.registry().register(&mut socket, Token(number), interest) {
                warn!("cannot watch the connection of {peer}: {error}");
                continue;
            }
            let _ = socket.set_nodelay(true); // frames are written whole; without it the last segment waits
            let mut connection = Connection::new(socket, unmapped(peer), now);
            if full {
                let why = if short { SHORT } else { "Too many connections; try again later." };
                let refusal = Refusal::new(503, why);
                connection.answer(answer::refusal(&refusal, false), false, now);
            }
            self.connections.insert(number, connection);
            self.count(); // lest one that asks for the count is not in it
            self.drive(number);
        }
        self.turns.push_back(token);
    }

    /// Whether memory is too short for one more beside these `others`. The allocator keeps what was freed for
    /// other uses, and it counts as used: so when more than half of those are gone who were there when memory
    /// ran short, their room is given again. Whoever is alone is served in any case.
    fn has_no_memory_beside(&mut self, others: usize, now: Instant) -> bool {
        let short = self.memory.is_short(now);
        if !short {
            self.fitted = others;
        }
        short && others >= (self.fitted / 2).max(1)
    }

    fn drive(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let now = Instant::now();
        match connection.drive(&self.gate.names, now) {
            Need::Wait => self.fanout.ready(token), // does nothing unless the socket is lent
            Need::Turn => self.turns.push_back(token),
            Need::Close => {
                self.connections.remove(&token);
            }
            Need::Relay { mut head, body } => {
                let _ = write!(head, "{PEER_HEADER}: {}\r\n", connection.peer.ip()); // a String takes everything
                let job = Job { connection: token, head, body };
                debug!("{} asks {}", connection.peer, job.shown());
                let others = self.connections.len().saturating_sub(1);
                let submitted = match self.has_no_memory_beside(others, now) {
                    true => Err(Refusal::new(503, SHORT)),
                    false => self.relays.submit(job),
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
        while let Some(reply) = self.relays.reply() {
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
                Leave::Served => {
                    connection.take_back(left.socket);
                    connection.served(keep_alive, now);
                }
                Leave::NoPicture => {
                    connection.take_back(left.socket);
                    let why = "The camera gave no new picture in time; /state says how it is.";
                    let refusal = Refusal::new(503, why);
                    connection.answer(answer::refusal(&refusal, keep_alive), keep_alive, now);
                }
                Leave::Gone(_) | Leave::Stalled | Leave::NoRoom | Leave::Failed | Leave::Over => {
                    self.connections.remove(&left.connection);
                    continue;
                }
            }
            self.turns.push_back(left.connection);
        }
    }

    fn expire(&mut self, now: Instant) {
        self.fanout.expire(now);
        let others = self.connections.len().saturating_sub(1);
        // Asked only if it matters: a look costs as much as several frames.
        let matters = self.connections.values().any(Connection::is_within_request);
        let give_up = (matters && self.has_no_memory_beside(others, now)).then_some(SHORT);
        let mut expired = Vec::new();
        for (token, connection) in &mut self.connections {
            match connection.expire(now, give_up) {
                Need::Close => expired.push(*token),
                Need::Turn => self.turns.push_back(*token),
                Need::Wait | Need::Relay { .. } => {}
            }
        }
        for token in expired {
            self.connections.remove(&token);
        }
        if self.paused {
            self.turns.extend((0..self.gate.listeners.len()).map(|listener| WAKER.0 + 1 + listener));
        }
    }

    /// A token for a new connection: larger than all before, and after four thousand million of them (32-bit
    /// boards) from the beginning again.
    fn free_token(&mut self) -> usize {
        let first = WAKER.0 + 1 + self.gate.listeners.len();
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
