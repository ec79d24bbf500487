//! One viewer: its socket, and the bytes that are still to be sent to it.

mod offer;

use std::sync::Arc;
use std::time::Instant;

use super::close_reason::{CloseReason, Flow, SNAPSHOT_LIMIT, STALL_LIMIT, attempt};
use super::kernel::KernelBuffer;
use super::registry::ViewerStats;
use super::spill::{CapReached, Pool, Spill};
use crate::feed::{CaptureState, Demand, Feed};
use crate::multipart;
use crate::pace::Pace;
use crate::problem::Problem;
use crate::protocol::OrderKind;
use crate::socket::{Sent, Socket};
pub use offer::Offered;

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
    pace: Option<Pace>,
    /// A snapshot's head up to its length; empty for a stream, and once the snapshot is begun.
    head: Vec<u8>,
    /// The rest of a frame that the socket did not take.
    spill: Option<Spill>,
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
    ///
    /// # Errors
    /// Returns the socket if there is not enough memory for a stream's head.
    pub(super) fn new(
        socket: Socket,
        stats: Arc<ViewerStats>,
        demand: Demand,
        head: Vec<u8>,
        pool: &mut Pool,
    ) -> Result<Self, Socket> {
        let kind = stats.order.kind;
        let opening = if stats.order.advance_headers { multipart::ADVANCE_HEAD } else { "" };
        let (head, spill) = match kind {
            OrderKind::Stream => match pool.take(&[&head, multipart::OPENING, opening.as_bytes()]) {
                Ok(spill) => (Vec::new(), Some(spill)),
                Err(CapReached) => return Err(socket),
            },
            OrderKind::Snapshot { .. } => (head, None),
        };
        let behind = spill.is_some().then_some(stats.since);
        let pace = stats.order.fps.map(Pace::new);
        Ok(Self {
            socket,
            stats,
            demand,
            kind,
            pace,
            head,
            spill,
            blocked: false,
            seen: 0,
            captured: None,
            behind,
            kernel_buffer: KernelBuffer::new(),
        })
    }

    /// The feed that its frames come from.
    pub(super) fn feed(&self) -> Arc<Feed> {
        self.demand.feed().clone()
    }

    /// Why the smaller picture that it waits for cannot be made; `None` if it can, or if it would rather have a card.
    pub(super) fn refusal(&self) -> Option<Problem> {
        let waits = self.kind == OrderKind::Snapshot { card: false } && !self.head.is_empty();
        if !waits || self.stats.order.variant.is_none() {
            return None;
        }
        match &self.demand.feed().status().state {
            CaptureState::Waiting(problem) => Some(problem.clone()),
            CaptureState::Starting | CaptureState::Live(_) => None,
        }
    }

    /// When this viewer, which is behind, last took something; `None` while it keeps up.
    pub(super) fn behind_since(&self) -> Option<Instant> {
        self.behind
    }

    /// The socket may take more now.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Whether part of a frame or a head is not sent yet.
    fn has_backlog(&self) -> bool {
        self.spill.is_some() || self.socket.has_unsent()
    }

    /// Sends the rest of an earlier frame.
    pub(super) fn flush(&mut self, pool: &mut Pool, now: Instant) -> Flow {
        while self.has_backlog() && !self.blocked {
            let rest = self.spill.as_ref().map_or(&[][..], Spill::rest);
            let Some(sent) = attempt(self.socket.send([rest, &[]]))? else {
                self.blocked = true;
                return Flow::Continue(());
            };
            let spill = self.spill.take_if(|spill| {
                spill.advance(sent.taken);
                spill.rest().is_empty()
            });
            pool.give_back(spill.unwrap_or_default());
            self.note_progress(sent, now);
            if !self.has_backlog() {
                self.frame_sent(now)?;
            }
        }
        Flow::Continue(())
    }

    /// Notes that the client took something. Bytes that only the TLS layer took do not count.
    fn note_progress(&mut self, sent: Sent, now: Instant) {
        if sent.moved > 0 {
            self.behind = Some(now);
            self.stats.took_bytes(sent.moved);
        }
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

    /// Breaks when a deadline has passed.
    pub(super) fn check_deadlines(&self, now: Instant) -> Flow {
        if self.behind_since().is_some_and(|since| now.saturating_duration_since(since) > STALL_LIMIT) {
            return Flow::Break(CloseReason::Stalled);
        }
        let unanswered = self.kind != OrderKind::Stream && !self.head.is_empty();
        if unanswered && now.saturating_duration_since(self.stats.since) > SNAPSHOT_LIMIT {
            return Flow::Break(CloseReason::NoPicture);
        }
        Flow::Continue(())
    }

    /// Returns the socket, and the memory to the pool.
    pub(super) fn dismantle(self, pool: &mut Pool) -> (Socket, Arc<ViewerStats>) {
        if let Some(spill) = self.spill {
            pool.give_back(spill);
        }
        (self.socket, self.stats)
    }
}

#[cfg(test)]
mod tests;
