//! One client's connection: it reads a request, sends the answer, and starts over. It is a state machine, not a thread.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use log::debug;
use rustls::ServerConfig;

use super::answer;
use super::connection_limit::Permit;
use super::head::{self, Head, Refusal};
use super::hosts::AllowedHosts;
use super::limits::{ANSWER_TIME, IDLE_TIME, LINGER_TIME, REQUEST_TIME};
use crate::protocol::SECURE_HEADER;
use crate::socket::{Progress, Socket, Stream, shown};

/// Bytes read from a socket at once.
const CHUNK: usize = 4 << 10;

/// The most reads in one turn from a client whose input is discarded; then others get their turn.
const LINGER_READS: usize = 16;

/// The first byte from a client that speaks TLS: its record is a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 0x16;

#[derive(Debug)]
enum State {
    /// On a port for TLS, before the client has sent anything.
    Silent(Arc<ServerConfig>),
    /// In the TLS handshake.
    Handshake,
    /// Reading a request.
    Reading,
    /// The site has the request.
    Relayed,
    /// The fan-out has the socket.
    Lent,
    /// Sending an answer.
    Answering { bytes: Vec<u8>, sent: usize, keep_alive: bool },
    /// The last answer is sent. Further input is discarded, so that no reset overtakes the answer.
    Lingering,
}

/// What the event loop must do for a connection.
#[derive(Debug)]
pub enum Action {
    /// Nothing until the socket is ready.
    Wait,
    /// Give it another turn, since the socket may have more input.
    Again,
    /// Carry this request to the site.
    Relay {
        /// Its head for the site.
        head: String,
        /// Its body.
        body: Vec<u8>,
    },
    /// Drop it.
    Close,
}

/// How a step of a connection ended.
enum Step {
    /// The state has changed, or there may be more input: take the next step.
    Next,
    /// The connection can do no more until the loop has done this.
    Act(Action),
}

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    /// `None` while the fan-out has it.
    socket: Option<Socket>,
    /// The client's address.
    pub peer: SocketAddr,
    /// The bytes of the next request that have arrived, and any that followed it.
    input: Vec<u8>,
    /// Bytes of `input` in which no whole head was found.
    searched: usize,
    /// The head of the request whose body is coming in, or that is being answered.
    head: Option<Head>,
    /// When the request that is being answered was complete.
    pub requested: Instant,
    state: State,
    deadline: Option<Instant>,
    /// Held until the client is gone, also while the fan-out has its socket.
    permit: Permit,
}

impl Connection {
    /// A connection that was just accepted; `tls` on a port for TLS.
    pub fn new(
        socket: Stream,
        peer: SocketAddr,
        permit: Permit,
        tls: Option<&Arc<ServerConfig>>,
        now: Instant,
    ) -> Self {
        let (state, time) = match tls {
            None => (State::Reading, IDLE_TIME),
            Some(config) => (State::Silent(config.clone()), REQUEST_TIME),
        };
        Self {
            socket: Some(Socket::Plain(socket)),
            peer,
            input: Vec::new(),
            searched: 0,
            head: None,
            requested: now,
            state,
            deadline: Some(now + time),
            permit,
        }
    }

    /// Makes as much progress as is possible without waiting.
    pub fn drive(&mut self, hosts: &AllowedHosts, now: Instant) -> Action {
        loop {
            let step = match self.state {
                State::Silent(_) => self.detect_tls(now),
                State::Handshake => self.shake_hands(now),
                State::Reading => self.read(hosts, now).unwrap_or_else(|refusal| {
                    self.answer(answer::refusal(&refusal, false), false, now);
                    Step::Next
                }),
                State::Answering { .. } => self.send(now),
                State::Lingering => Step::Act(self.linger()),
                State::Relayed | State::Lent => Step::Act(Action::Wait),
            };
            if let Step::Act(action) = step {
                return action;
            }
        }
    }

    /// Looks at the client's first byte: begins the handshake if it is TLS, and refuses anything else in plain HTTP.
    fn detect_tls(&mut self, now: Instant) -> Step {
        let (Some(Socket::Plain(stream)), State::Silent(config)) = (&self.socket, &self.state) else {
            return Step::Act(Action::Close);
        };
        let mut first = [0];
        match stream.peek(&mut first) {
            Ok(1) if first == [HANDSHAKE] => {}
            Ok(1) => {
                let refusal = Refusal::new(400, "This is not TLS. Use https://, not http://.");
                self.answer(answer::refusal(&refusal, false), false, now);
                return Step::Next;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Act(Action::Wait),
            _ => return Step::Act(Action::Close),
        }
        let config = config.clone();
        let Some(Socket::Plain(stream)) = self.socket.take() else { return Step::Act(Action::Close) };
        let Ok(socket) = Socket::tls(stream, &config) else { return Step::Act(Action::Close) };
        self.socket = Some(socket);
        self.state = State::Handshake;
        Step::Next
    }

    fn shake_hands(&mut self, now: Instant) -> Step {
        let Some(socket) = &mut self.socket else { return Step::Act(Action::Close) };
        match socket.handshake() {
            Ok(Progress::Done) => (self.state, self.deadline) = (State::Reading, Some(now + IDLE_TIME)),
            Ok(Progress::WouldBlock) => return Step::Act(Action::Wait),
            Err(error) => {
                debug!("no TLS with {}: {error}", shown(self.peer));
                self.answer_sent(false, now); // lingers, so that the client can read the alert
            }
        }
        Step::Next
    }

    /// Whether no request can have come yet, because the TLS handshake is not done.
    pub fn is_in_handshake(&self) -> bool {
        matches!(self.state, State::Silent(_) | State::Handshake)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// The refusal of a request that cannot be served.
    fn read(&mut self, hosts: &AllowedHosts, now: Instant) -> Result<Step, Refusal> {
        if self.head.is_none() {
            if let Some(found) = head::read(&self.input, self.searched, hosts) {
                self.head = Some(found?);
            }
            self.searched = self.input.len();
        }
        if let Some(request) = self.take_request(now) {
            return Ok(Step::Act(request));
        }
        let mut chunk = [0; CHUNK];
        let Some(socket) = &mut self.socket else { return Ok(Step::Act(Action::Close)) };
        match socket.flush().and_then(|()| socket.read(&mut chunk)) {
            Ok(0) => Ok(Step::Act(Action::Close)),
            Ok(count) => {
                if self.input.is_empty() {
                    self.deadline = Some(now + REQUEST_TIME);
                }
                self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(Step::Next)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.input.is_empty() {
                    self.input = Vec::new(); // an idle connection holds no memory
                }
                Ok(Step::Act(Action::Wait))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Step::Next),
            Err(_) => Ok(Step::Act(Action::Close)),
        }
    }

    /// The request, once its head and body are here; until then, `100 Continue` for a client that waits for it.
    fn take_request(&mut self, now: Instant) -> Option<Action> {
        let head = self.head.as_mut()?;
        if let Some(body) = self.input.get(head.length..head.length + head.body) {
            let mut for_site = std::mem::take(&mut head.for_site);
            if self.socket.as_ref().is_some_and(Socket::is_secure) {
                for_site += &format!("{SECURE_HEADER}: 1\r\n");
            }
            let request = Action::Relay { head: for_site, body: body.to_vec() };
            self.input.drain(..head.length + head.body);
            self.searched = 0;
            (self.state, self.deadline, self.requested) = (State::Relayed, None, now);
            self.permit.begin_request(now);
            return Some(request);
        }
        if std::mem::take(&mut head.expects_continue) {
            // Two lines, which a fresh socket takes; if not, the client waits a second and sends anyway.
            let interim = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &[]];
            let _ = self.socket.as_mut().map(|socket| socket.send(interim));
        }
        None
    }

    /// Whether the client wants to keep its connection after the answer to this request.
    pub fn keeps_alive(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.keep_alive)
    }

    /// Whether a part of a request has come, but not all of it.
    pub fn is_within_request(&self) -> bool {
        matches!(self.state, State::Reading) && !matches!(self.input.as_slice(), b"" | b"\r\n")
    }

    /// Begins to send a whole answer.
    pub fn answer(&mut self, bytes: Vec<u8>, keep_alive: bool, now: Instant) {
        self.head = None;
        self.state = State::Answering { bytes, sent: 0, keep_alive };
        self.deadline = Some(now + ANSWER_TIME);
    }

    /// The client whose request is served, which may be behind a proxy.
    pub fn attribute(&mut self, client: IpAddr, now: Instant) {
        self.permit.attribute(client, now);
    }

    /// Lends the socket to the fan-out; `None` if the fan-out has it already.
    pub fn lend(&mut self) -> Option<Socket> {
        let socket = self.socket.take();
        if socket.is_some() {
            (self.state, self.deadline) = (State::Lent, None);
        }
        socket
    }

    /// Takes the socket back from the fan-out.
    pub fn take_back(&mut self, socket: Socket) {
        self.socket = Some(socket);
    }

    /// The answer is sent: waits for the next request, or ends the connection.
    pub fn answer_sent(&mut self, keep_alive: bool, now: Instant) {
        self.head = None;
        self.permit.end_request(now);
        if keep_alive {
            let begun = !self.input.is_empty(); // a pipelined request
            self.state = State::Reading;
            self.deadline = Some(now + if begun { REQUEST_TIME } else { IDLE_TIME });
            return;
        }
        if let Some(socket) = &mut self.socket {
            socket.finish();
        }
        self.input = Vec::new();
        (self.state, self.deadline) = (State::Lingering, Some(now + LINGER_TIME));
    }

    /// Sends the rest of an answer.
    fn send(&mut self, now: Instant) -> Step {
        let (Some(socket), State::Answering { bytes, sent, keep_alive }) =
            (&mut self.socket, &mut self.state)
        else {
            return Step::Act(Action::Close);
        };
        while *sent < bytes.len() || socket.has_unsent() {
            match socket.send([bytes.get(*sent..).unwrap_or_default(), &[]]) {
                Ok(done) => {
                    *sent += done.taken;
                    if done.moved > 0 {
                        self.deadline = Some(now + ANSWER_TIME);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Act(Action::Wait),
                Err(_) => return Step::Act(Action::Close),
            }
        }
        let keep_alive = *keep_alive;
        self.answer_sent(keep_alive, now);
        Step::Next
    }

    /// Discards what the client still sends, until it closes its end.
    fn linger(&mut self) -> Action {
        let Some(socket) = &mut self.socket else { return Action::Close };
        for _ in 0..LINGER_READS {
            match socket.discard(&mut [0; CHUNK]) {
                Ok(0) => return Action::Close,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Action::Wait,
                Err(_) => return Action::Close,
            }
        }
        Action::Again
    }

    /// Acts on a deadline that has passed. With `refusal`, refuses a request that is not whole yet.
    pub fn expire(&mut self, now: Instant, refusal: Option<&Refusal>) -> Action {
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let refusal = match refusal {
            _ if !self.is_within_request() => None,
            Some(refusal) => Some(refusal.clone()),
            None => late.then(|| Refusal::new(408, "The request did not come whole in time.")),
        };
        match refusal {
            Some(refusal) => {
                self.answer(answer::refusal(&refusal, false), false, now);
                Action::Again
            }
            None if late => Action::Close,
            None => Action::Wait,
        }
    }
}
