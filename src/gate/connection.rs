//! One client's connection: a request in, an answer out, and again. It is a state, not a thread.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use log::debug;
use mio::net::TcpStream;
use rustls::ServerConfig;

use super::answer;
use super::connection_limit::Permit;
use super::head::{self, AllowedHosts, Head, Refusal};
use super::limits::{ANSWER_TIME, IDLE_TIME, LINGER_TIME, REQUEST_TIME};
use crate::protocol::SECURE_HEADER;
use crate::socket::Socket;

/// Read from a socket in one go.
const CHUNK: usize = 4 << 10;

/// Reads in one turn of a client whose input is thrown away, before others get theirs.
const LINGER_READS: usize = 16;

/// The first byte of a client that speaks TLS: its record is a handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 0x16;

#[derive(Debug)]
enum State {
    /// Has said nothing yet on a port for TLS.
    Silent(Arc<ServerConfig>),
    /// Agrees on keys.
    Handshake,
    /// Takes a request in.
    Reading,
    /// The site has the request.
    Relayed,
    /// The fan-out has the socket.
    Lent,
    /// Sends an answer.
    Answering { bytes: Vec<u8>, sent: usize, keep_alive: bool },
    /// Has sent its last answer and throws away what still comes, so that no reset overtakes the answer.
    Lingering,
}

/// What the gate must do for a connection.
#[derive(Debug)]
pub enum Need {
    /// Nothing until the socket is ready.
    Wait,
    /// Another turn, since the socket may have more to give.
    Turn,
    /// Carry this request to the site.
    Relay {
        /// Its head for the site.
        head: String,
        /// Its body.
        body: Vec<u8>,
    },
    /// Forget it.
    Close,
}

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    /// Not here while lent to the fan-out.
    socket: Option<Socket>,
    /// Where the client is.
    pub peer: SocketAddr,
    input: Vec<u8>,
    /// Bytes of `input` in which no whole head was found.
    seen: usize,
    /// The head of the request whose body is coming in, or that is being answered.
    head: Option<Head>,
    /// When the request that is being answered was complete.
    pub asked: Instant,
    state: State,
    deadline: Option<Instant>,
    /// Held until the client is gone, also while the fan-out has its socket.
    _permit: Permit,
}

impl Connection {
    /// A client that has just come; with `tls` to a port for it.
    pub fn new(
        socket: TcpStream,
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
            seen: 0,
            head: None,
            asked: now,
            state,
            deadline: Some(now + time),
            _permit: permit,
        }
    }

    /// Does what can be done without waiting.
    pub fn drive(&mut self, names: &AllowedHosts, now: Instant) -> Need {
        loop {
            match self.state {
                State::Silent(_) => match self.hear(now) {
                    Ok(true) => {}
                    Ok(false) => return Need::Wait,
                    Err(_) => return Need::Close,
                },
                State::Handshake => match self.socket.as_mut().map_or(Ok(false), Socket::handshake) {
                    Ok(true) => (self.state, self.deadline) = (State::Reading, Some(now + IDLE_TIME)),
                    Ok(false) => return Need::Wait,
                    Err(error) => {
                        debug!("no TLS with {}: {error}", self.peer);
                        self.served(false, now); // it may be on its way to hear the alert
                    }
                },
                State::Reading => match self.read(names, now) {
                    Ok(Some(need)) => return need,
                    Ok(None) => {}
                    Err(refusal) => self.answer(answer::refusal(&refusal, false), false, now),
                },
                State::Answering { .. } => match self.send(now) {
                    Ok(true) => {}
                    Ok(false) => return Need::Wait,
                    Err(_) => return Need::Close,
                },
                State::Lingering => return self.linger(),
                State::Relayed | State::Lent => return Need::Wait,
            }
        }
    }

    /// Listens whether the first word is TLS; `true` when the state has changed.
    fn hear(&mut self, now: Instant) -> io::Result<bool> {
        let (Some(Socket::Plain(tcp)), State::Silent(config)) = (&self.socket, &self.state) else {
            return Err(ErrorKind::NotConnected.into());
        };
        let mut first = [0];
        match tcp.peek(&mut first) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if first == [HANDSHAKE] => {}
            Ok(_) => {
                let refusal = Refusal::new(400, "This is no TLS. Use https://, not http://.");
                self.answer(answer::refusal(&refusal, false), false, now);
                return Ok(true);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let config = config.clone();
        if let Some(Socket::Plain(tcp)) = self.socket.take() {
            self.socket = Some(Socket::tls(tcp, &config).map_err(io::Error::other)?);
        }
        self.state = State::Handshake;
        Ok(true)
    }

    /// Whether no request can have come yet, since it is not agreed how to encrypt it.
    pub fn is_in_handshake(&self) -> bool {
        matches!(self.state, State::Silent(_) | State::Handshake)
    }

    /// Takes a request in; `Ok(None)` when the state has changed.
    fn read(&mut self, names: &AllowedHosts, now: Instant) -> Result<Option<Need>, Refusal> {
        if self.head.is_none() {
            if let Some(found) = head::read(&self.input, self.seen, names) {
                self.head = Some(found?);
            }
            self.seen = self.input.len();
        }
        if let Some(head) = &mut self.head {
            if let Some(body) = self.input.get(head.length..head.length + head.body) {
                let mut for_site = std::mem::take(&mut head.for_site);
                if self.socket.as_ref().is_some_and(Socket::is_secure) {
                    for_site += &format!("{SECURE_HEADER}: 1\r\n");
                }
                let need = Need::Relay { head: for_site, body: body.to_vec() };
                self.input.drain(..head.length + head.body);
                self.seen = 0;
                (self.state, self.deadline, self.asked) = (State::Relayed, None, now);
                return Ok(Some(need));
            }
            if std::mem::take(&mut head.expects_continue) {
                // Two lines that a fresh socket takes; if not, the client waits a second and sends anyway.
                let go_on = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &[]];
                let _ = self.socket.as_mut().map(|socket| socket.send(go_on));
            }
        }
        let mut chunk = [0; CHUNK];
        let Some(socket) = &mut self.socket else { return Ok(Some(Need::Close)) };
        match socket.flush().and_then(|()| socket.read(&mut chunk)) {
            Ok(0) => Ok(Some(Need::Close)),
            Ok(count) => {
                if self.input.is_empty() {
                    self.deadline = Some(now + REQUEST_TIME);
                }
                self.input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.input.is_empty() {
                    self.input = Vec::new(); // an idle connection holds no memory
                }
                Ok(Some(Need::Wait))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(_) => Ok(Some(Need::Close)),
        }
    }

    /// Whether the client wants its connection kept after the answer to come.
    pub fn keeps_alive(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.keep_alive)
    }

    /// Whether a request has begun to come and is not whole.
    pub fn is_within_request(&self) -> bool {
        matches!(self.state, State::Reading) && !self.input.is_empty()
    }

    /// Begins to send a whole answer.
    pub fn answer(&mut self, bytes: Vec<u8>, keep_alive: bool, now: Instant) {
        self.head = None;
        self.state = State::Answering { bytes, sent: 0, keep_alive };
        self.deadline = Some(now + ANSWER_TIME);
    }

    /// Lends the socket to the fan-out; `None` if it is not here.
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

    /// The answer is sent: on to the next request, or to the end.
    pub fn served(&mut self, keep_alive: bool, now: Instant) {
        self.head = None;
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

    /// Sends on; `true` when the state has changed.
    fn send(&mut self, now: Instant) -> io::Result<bool> {
        let (Some(socket), State::Answering { bytes, sent, keep_alive }) =
            (&mut self.socket, &mut self.state)
        else {
            return Err(ErrorKind::NotConnected.into());
        };
        while *sent < bytes.len() || socket.holds() {
            match socket.send([bytes.get(*sent..).unwrap_or_default(), &[]]) {
                Ok(done) => {
                    *sent += done.taken;
                    if done.moved > 0 {
                        self.deadline = Some(now + ANSWER_TIME);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let keep_alive = *keep_alive;
        self.served(keep_alive, now);
        Ok(true)
    }

    fn linger(&mut self) -> Need {
        let Some(socket) = &mut self.socket else { return Need::Close };
        for _ in 0..LINGER_READS {
            match socket.discard(&mut [0; CHUNK]) {
                Ok(0) => return Need::Close,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Need::Wait,
                Err(_) => return Need::Close,
            }
        }
        Need::Turn
    }

    /// Acts on a deadline that has passed, and gives up a request that is not whole yet if there is a reason.
    pub fn expire(&mut self, now: Instant, give_up: Option<&Refusal>) -> Need {
        let late = self.deadline.is_some_and(|deadline| now >= deadline);
        let refusal = match give_up {
            _ if !self.is_within_request() => None,
            Some(refusal) => Some(refusal.clone()),
            None => late.then(|| Refusal::new(408, "The request did not come whole in time.")),
        };
        match refusal {
            Some(refusal) => {
                self.answer(answer::refusal(&refusal, false), false, now);
                Need::Turn
            }
            None if late => Need::Close,
            None => Need::Wait,
        }
    }
}
