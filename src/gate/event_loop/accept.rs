//! New connections: accepting, admitting and refusing them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Instant;

use log::{debug, warn};
use mio::{Interest, Token};

use super::super::answer;
use super::super::connection::Connection;
use super::super::connection_limit::{Admission, Location};
use super::super::limits::{ACCEPTS, HANDSHAKES};
use super::EventLoop;
use super::port::listener_token;
use crate::auth::network::client_of;
use crate::fanout::CloseReason;
use crate::host::log::bounded::{self, Subject};
use crate::socket::{Stream, shown};
use crate::sync::lock;

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
                    if !self.accept_paused && bounded::may_log(Subject::Connections, "") {
                        warn!("cannot accept a connection: {error}; trying again");
                    }
                    self.accept_paused = true;
                    return;
                }
            };
            self.admit(socket, peer);
        }
        self.turns.push_back(listener_token(index).0);
    }

    /// Begins to serve a new connection, or refuses it.
    fn admit(&mut self, mut socket: Stream, peer: SocketAddr) {
        let now = Instant::now();
        let token = self.free_token();
        let location = Location { event_loop: self.index, token };
        let (permit, refusal) = match self.limit.admit(location, peer.ip(), self.port.tls.is_some(), now) {
            Admission::Serve { permit, displaced } => {
                if let Some(displaced) = displaced {
                    self.displace(displaced);
                }
                (permit, None)
            }
            Admission::TurnAway(permit, refusal) => (permit, Some(refusal)),
            Admission::Close => return,
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.port.poll.registry().register(&mut socket, Token(token), interest) {
            if bounded::may_log(Subject::Connections, "") {
                warn!("cannot serve the connection from {}: {error}", shown(peer));
            }
            return;
        }
        socket.send_at_once();
        let mut connection = Connection::new(socket, peer, permit, self.port.tls.as_ref(), now);
        if let Some(refusal) = refusal {
            connection.answer(answer::refusal(&refusal, false), false, now);
        }
        self.connections.insert(token, connection);
        self.limit_handshakes(token);
        self.drive(token);
    }

    /// Closes the connection that makes room for a new one.
    fn displace(&mut self, displaced: Location) {
        if displaced.event_loop == self.index {
            self.close(displaced.token);
        } else {
            self.limit.close_elsewhere(displaced);
        }
    }

    /// Closes connections that made room for those of another event loop.
    pub(super) fn close_displaced(&mut self) {
        for token in self.limit.take_displaced(self.index) {
            self.close(token);
        }
    }

    /// Closes a connection, so that another one can be served.
    fn close(&mut self, token: usize) {
        lock(&self.fanout).forget(token, CloseReason::Displaced);
        if let Some(connection) = self.connections.remove(&token) {
            debug!("closing the connection with {} to make room for another one", shown(connection.peer));
        }
    }

    /// Notes a new connection's handshake. If there are too many, drops the connection with the oldest one, of the
    /// client that has most.
    fn limit_handshakes(&mut self, newcomer: usize) {
        if self.port.tls.is_none() {
            return;
        }
        let connections = &self.connections;
        self.handshakes.retain(|token| connections.get(token).is_some_and(Connection::is_in_handshake));
        self.handshakes.push_back(newcomer);
        if self.handshakes.len() > HANDSHAKES
            && let Some(oldest) = self.handshake_to_drop()
        {
            self.handshakes.retain(|token| *token != oldest);
            self.connections.remove(&oldest);
        }
    }

    fn handshake_to_drop(&self) -> Option<usize> {
        let client = |token| self.connections.get(token).map(|connection| client_of(connection.peer.ip()));
        let mut counts = BTreeMap::new();
        for token in &self.handshakes {
            *counts.entry(client(token)).or_insert(0) += 1;
        }
        let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        self.handshakes.iter().find(|token| client(token) == most).copied()
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
