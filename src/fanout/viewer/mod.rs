//! One viewer: its socket, and what is still to be sent to it.

mod offer;
mod unsent;

use std::sync::Arc;
use std::time::Instant;

use super::close_reason::{CloseReason, Flow, SNAPSHOT_LIMIT, STALL_LIMIT, attempt};
use super::held::Held;
use super::kernel::KernelBuffer;
use super::registry::ViewerStats;
use crate::feed::{CaptureState, Demand, Feed};
use crate::multipart;
use crate::pace::Pace;
use crate::playback::{Outcome, Playback};
use crate::problem::Problem;
use crate::protocol::OrderKind;
use crate::ring::Reader;
use crate::socket::Socket;
use unsent::Unsent;

/// What a viewer sends while it watches is read and discarded, this many bytes at a time.
const DISCARD: usize = 4 << 10;

/// One viewer.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) socket: Socket,
    pub(super) stats: Arc<ViewerStats>,
    /// Keeps the camera encoding until the viewer leaves.
    demand: Demand,
    kind: OrderKind,
    /// The recording that it watches.
    playback: Option<Arc<Playback>>,
    pace: Option<Pace>,
    /// A snapshot's head up to its length, or the head of a recording that is played; empty for a live stream, and once
    /// the answer is begun.
    head: Vec<u8>,
    /// What the socket has not taken yet.
    unsent: Unsent,
    /// The socket takes nothing until it becomes writable.
    blocked: bool,
    /// Number of the last frame that was begun, or left out because of `pace`.
    pub(super) seen: u64,
    /// When the last frame that was begun was captured.
    captured: Option<Instant>,
    /// While the viewer is behind: when it last took something, or first took nothing.
    behind: Option<Instant>,
    kernel_buffer: KernelBuffer,
}

impl Viewer {
    /// `head` is the answer's head: whole for a stream, up to Content-Length for a snapshot.
    pub(super) fn new(socket: Socket, stats: Arc<ViewerStats>, demand: Demand, mut head: Vec<u8>) -> Self {
        let kind = stats.order.kind;
        let (mut unsent, mut behind) = (Unsent::default(), None);
        if kind == OrderKind::Stream {
            head.extend_from_slice(multipart::OPENING);
            if stats.order.advance_headers {
                head.extend_from_slice(multipart::ADVANCE_HEAD.as_bytes());
            }
            // Whether a recording can be played is known with its first frame.
            if stats.order.playback.is_none() {
                (unsent, behind) = (Unsent::head(std::mem::take(&mut head)), Some(stats.since));
            }
        }
        let pace = stats.order.fps.map(Pace::new);
        Self {
            socket,
            stats,
            demand,
            kind,
            playback: None,
            pace,
            head,
            unsent,
            blocked: false,
            seen: 0,
            captured: None,
            behind,
            kernel_buffer: KernelBuffer::new(),
        }
    }

    /// The same viewer, of this recording.
    pub(super) fn of(self, playback: Option<Arc<Playback>>) -> Self {
        Self { playback, ..self }
    }

    /// Why it ends with the recording that it watches, once it has all of it.
    pub(super) fn end(&self) -> Option<CloseReason> {
        match self.playback.as_ref()?.outcome()? {
            Outcome::Unplayable(why) if self.is_unanswered() => Some(CloseReason::Unplayable(why.clone())),
            Outcome::Busy if self.is_unanswered() => Some(CloseReason::BoardBusy),
            // Asked after the outcome, which comes after the last frame.
            _ => (self.ring().newest() == self.seen && !self.has_backlog()).then_some(CloseReason::Played),
        }
    }

    /// The feed that its frames come from.
    pub(super) fn feed(&self) -> Arc<Feed> {
        self.demand.feed().clone()
    }

    /// The ring that its frames come from.
    pub(super) fn ring(&self) -> &Reader {
        &self.demand.feed().ring
    }

    /// Why the picture that it waits for cannot be shown, or the smaller one not be made; `None` if it can, or if it would
    /// rather have a card.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let waits = self.kind == OrderKind::Snapshot { card: false } && !self.head.is_empty();
        let feed = self.demand.feed();
        if !waits {
            return None;
        }
        if feed.is_private() {
            return Some(feed.why_private());
        }
        match &feed.status().state {
            CaptureState::Waiting(problem) if self.stats.order.variant.is_some() => Some(problem.clone()),
            _ => None,
        }
    }

    /// The socket may take more now.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Whether it is in the middle of this frame.
    pub(super) fn holds(&self, held: &Arc<Held>) -> bool {
        self.unsent.holds(held)
    }

    /// Whether part of a frame or a head is not sent yet.
    fn has_backlog(&self) -> bool {
        self.unsent.is_any() || self.socket.has_unsent()
    }

    /// Sends the rest of a head or an earlier frame.
    pub(super) fn flush(&mut self, now: Instant) -> Flow {
        if !self.has_backlog() || self.blocked {
            return Flow::Continue(());
        }
        self.send(now)?;
        if self.has_backlog() { Flow::Continue(()) } else { self.frame_sent(now) }
    }

    /// Sends in one call as much as the socket takes; returns whether it took anything.
    fn send(&mut self, now: Instant) -> Flow<bool> {
        let sent = attempt(self.socket.send(self.unsent.rest()))?;
        if let Some(sent) = sent {
            self.unsent.advance(sent.taken);
            if sent.moved > 0 {
                // Bytes that only the TLS layer took do not count.
                self.behind = Some(now);
                self.stats.took_bytes(sent.moved);
            }
        }
        self.blocked = self.has_backlog(); // a socket that took only a part becomes writable later
        Flow::Continue(sent.is_some())
    }

    /// Everything that was begun is sent.
    fn frame_sent(&mut self, now: Instant) -> Flow {
        self.behind = None;
        if self.kind != OrderKind::Stream && self.head.is_empty() {
            return Flow::Break(CloseReason::Complete);
        }
        if let Some(captured) = self.captured {
            self.stats.took(captured, now);
        }
        Flow::Continue(())
    }

    /// Reads and discards what a stream's viewer sends. A client that closes its sending half may still watch
    /// (`nc -N` does so); one that is gone is noticed when frames are sent.
    pub(super) fn discard(&mut self) -> Flow {
        if self.kind == OrderKind::Stream {
            attempt(self.socket.read(&mut [0; DISCARD]))?;
        }
        Flow::Continue(())
    }

    /// Whether it is a snapshot or a recording of which nothing has been sent.
    fn is_unanswered(&self) -> bool {
        !self.head.is_empty()
    }

    /// Why it ends when its pass has ended.
    pub(super) fn pass_ended(&self) -> CloseReason {
        if self.is_unanswered() { CloseReason::PassEndedUnanswered } else { CloseReason::PassEnded }
    }

    /// Breaks when a deadline has passed.
    pub(super) fn check_deadlines(&self, now: Instant) -> Flow {
        if self.behind.is_some_and(|since| now.saturating_duration_since(since) > STALL_LIMIT) {
            return Flow::Break(CloseReason::Stalled);
        }
        if self.is_unanswered() && now.saturating_duration_since(self.stats.since) > SNAPSHOT_LIMIT {
            return Flow::Break(CloseReason::NoPicture);
        }
        Flow::Continue(())
    }
}

#[cfg(test)]
mod tests;
