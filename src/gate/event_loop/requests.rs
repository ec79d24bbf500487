//! A request's path through the event loop: to a relay, from there to the client or the fan-out, and back.

use std::fmt::Write;
use std::time::Instant;

use log::debug;

use super::super::answer::{self, Answer};
use super::super::connection::{Action, Connection};
use super::super::head::Refusal;
use super::super::relay::{Reply, SiteRequest};
use super::EventLoop;
use crate::fanout::{CloseReason, Released, SNAPSHOT_LIMIT};
use crate::problem::text;
use crate::protocol::PEER_HEADER;
use crate::socket::shown;
use crate::sync::lock;

impl EventLoop {
    /// Gives a connection a turn, without waiting.
    pub(super) fn drive(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        match connection.drive(&self.allowed_hosts, Instant::now()) {
            Action::Wait => lock(&self.fanout).socket_ready(token), // does nothing unless the fan-out has the socket
            Action::Again => self.turns.push_back(token),
            Action::Close => {
                self.connections.remove(&token);
            }
            Action::Relay { head, body } => self.relay(token, head, body),
        }
    }

    /// Hands a request to a relay, or refuses it.
    fn relay(&mut self, token: usize, mut head: String, body: Vec<u8>) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let now = Instant::now();
        let _ = write!(head, "{PEER_HEADER}: {}\r\n", connection.peer.ip()); // writing to a String cannot fail
        let client = self.relays.client_of(connection.peer.ip(), &head);
        connection.attribute(client, now);
        let request = SiteRequest { connection: token, client, head, body };
        debug!("{} requests {}", shown(connection.peer), request.shown());
        if let Some(refusal) = self.limit.memory_refusal(now) {
            refuse(connection, &refusal, now);
            self.turns.push_back(token);
        } else {
            self.relays.submit(request);
        }
    }

    /// Takes the answers of the site that have arrived.
    pub(super) fn take_replies(&mut self) {
        while let Some(reply) = self.relays.reply() {
            let token = reply.connection;
            self.catch_panic(token, |this| this.take_reply(reply));
        }
    }

    fn take_reply(&mut self, reply: Reply) {
        let token = reply.connection;
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let now = Instant::now();
        let keep_alive = connection.keeps_alive();
        match reply.answer.and_then(|answer| answer::from_site(&answer, keep_alive)) {
            Ok(Answer::Send { bytes }) => connection.answer(bytes, keep_alive, now),
            Ok(Answer::HandOver { order, head }) => {
                let (peer, requested) = (connection.peer, connection.requested);
                let Some(socket) = connection.lend() else { return };
                let adopted = lock(&self.fanout).add_viewer(token, socket, peer, order, head, requested);
                let Err((socket, why)) = adopted else { return };
                connection.take_back(socket);
                refuse(connection, &Refusal::new(503, why), now);
            }
            Ok(Answer::File { order, head }) => {
                let Some(socket) = connection.lend() else { return };
                let adopted = lock(&self.fanout).add_download(token, socket, order, head);
                let Err((socket, error)) = adopted else { return };
                connection.take_back(socket);
                refuse(connection, &Refusal::new(503, error.text()), now);
            }
            Err(refusal) => refuse(connection, &refusal, now),
        }
        self.drive(token);
    }

    /// Takes sockets back from the fan-out: after a snapshot or a file the client may send another request.
    pub(super) fn take_released(&mut self) {
        loop {
            let released = lock(&self.fanout).take_released();
            let Some(Released { connection: token, socket, reason }) = released else { return };
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            let now = Instant::now();
            let status = match reason {
                CloseReason::PassEndedUnanswered => 401,
                CloseReason::Unplayable(_) => 409,
                _ => 503,
            };
            let is_stream = reason == CloseReason::Played;
            let refusal = match reason {
                CloseReason::Complete | CloseReason::Played => None,
                CloseReason::NoPicture => {
                    let limit = SNAPSHOT_LIMIT.as_secs();
                    Some(text!("The camera gave no new picture within {} s; /state says how it is.", limit))
                }
                CloseReason::NotInTime => Some(text!(
                    "The camera gives pictures, but this board is too busy to make smaller ones of them. Take the \
                     picture without size and quality, or try again later."
                )),
                CloseReason::NotMade(problem) => Some(problem.line()),
                CloseReason::Unplayable(why) => Some(text!("This recording cannot be played: {}.", why)),
                CloseReason::Unreadable => Some(text!(
                    "The file cannot be read: it was deleted or changed, or its disk reports an error, which is in the log."
                )),
                CloseReason::PassEndedUnanswered => {
                    Some(text!("You are not signed in any more, or your token was revoked. Open /sign-in."))
                }
                CloseReason::BoardBusy => Some(text!(
                    "This board has no memory left for pictures of recordings, since others are being played or made smaller. Try again later."
                )),
                CloseReason::DiskSilent => Some(text!("The disk with this file does not answer.")),
                CloseReason::Disconnected(_)
                | CloseReason::Stalled
                | CloseReason::NoMemory
                | CloseReason::Panicked
                | CloseReason::PassEnded
                | CloseReason::Displaced => {
                    self.connections.remove(&token);
                    continue;
                }
            };
            connection.take_back(socket);
            match refusal {
                // As a stream it has no length: the end of the connection is its end.
                None if is_stream => connection.answer_sent(false, now),
                None => connection.answer_sent(connection.keeps_alive(), now),
                Some(why) => refuse(connection, &Refusal::new(status, why), now),
            }
            self.turns.push_back(token);
        }
    }
}

/// Answers a request with a refusal; the connection stays open if the client wants it to.
fn refuse(connection: &mut Connection, refusal: &Refusal, now: Instant) {
    let keep_alive = connection.keeps_alive();
    connection.answer(answer::refusal(refusal, keep_alive), keep_alive, now);
}
