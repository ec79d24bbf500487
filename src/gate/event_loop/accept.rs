//! New connections: accepting, admitting and refusing them.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use log::warn;
use mio::net::TcpStream;
use mio::{Interest, Token};

use super::super::answer;
use super::super::connection::Connection;
use super::super::connection_limit::Admission;
use super::super::limits::{ACCEPTS, HANDSHAKES};
use super::EventLoop;
use super::port::listener_token;

impl EventLoop {
    /// Accepts connections that wait at a listener, up to [`ACCEPTS`] at a time.
    pub(super) fn accept(&mut self, index: usize) {
        for _ in 0..ACCEPTS {
            let Some(listener) = self.port.listeners.get(index) else { return };
            let (socket, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.accept_paused = false;
                    return;
                }
                // The client left before it was accepted; Linux reports it here (accept(2), "Error handling").
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    // Out of descriptors or memory. No new edge comes for those that already wait.
                    if !self.accept_paused {
                        warn!("cannot accept a connection: {error}; trying again");
                    }
                    self.accept_paused = true;
                    return;
                }
            };
            self.admit(socket, unmapped(peer));
        }
        self.turns.push_back(listener_token(index).0);
    }

    /// Begins to serve a new connection, or refuses it.
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
            warn!("cannot serve the connection from {peer}: {error}");
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

    /// Notes a new connection's handshake, and drops the connection with the oldest one if there are too many.
    fn limit_handshakes(&mut self, newcomer: usize) {
        if self.port.tls.is_none() {
            return;
        }
        let connections = &self.connections;
        self.handshakes.retain(|token| connections.get(token).is_some_and(Connection::is_in_handshake));
        self.handshakes.push_back(newcomer);
        if self.handshakes.len() > HANDSHAKES
            && let Some(oldest) = self.handshakes.pop_front()
        {
            self.connections.remove(&oldest);
        }
    }

    /// A token for a new connection: larger than all before. After four billion of them (on 32-bit boards), tokens
    /// start over.
    fn free_token(&mut self) -> usize {
        let first = self.port.first_token();
        let after = |token: usize| token.checked_add(1).unwrap_or(first);
        let mut token = self.next_token;
        while self.connections.contains_key(&token) {
            token = after(token);
        }
        self.next_token = after(token);
        token
    }
}

/// The IPv4 address of a client that came by IPv4 to an IPv6 socket; any other address as it is.
fn unmapped(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
