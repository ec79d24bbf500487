//! Offering frames to a viewer: which ones it gets, and what becomes of the part that its socket does not take.

use std::time::{Duration, Instant};

use super::super::close_reason::{CloseReason, Flow, attempt};
use super::super::spill::{CapReached, Pool};
use super::Viewer;
use crate::host::inject;
use crate::multipart;
use crate::protocol::OrderKind;
use crate::ring::Stored;
use crate::socket::{Sent, rest};
use crate::time::wall_clock;

/// A frame that was captured this long before a viewer came is not shown to it: it waits for the next one, unless the
/// camera's pictures come seldom.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// What became of a frame that was offered to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It was sent in whole or in part and the rest is kept, or the viewer does not want it.
    Handled,
    /// It was begun, but there is not enough memory for its rest.
    Torn {
        /// The frame's number in its ring.
        number: u64,
        /// Bytes of its part that were sent.
        sent: usize,
    },
}

impl Viewer {
    /// Offers `frame`, the newest one, in one non-blocking call.
    pub(in crate::fanout) fn offer(
        &mut self,
        frame: &Stored<'_>,
        pool: &mut Pool,
        now: Instant,
    ) -> Flow<Offered> {
        if frame.number == self.seen || self.has_backlog() || self.blocked {
            return Flow::Continue(Offered::Handled);
        }
        match self.kind {
            OrderKind::Stream => self.offer_part(frame, pool, now),
            OrderKind::Snapshot { card } => {
                let is_old = frame.meta.captured < self.stats.since && !self.is_current(frame);
                if is_old || (frame.meta.card && !card) {
                    return Flow::Continue(Offered::Handled);
                }
                self.offer_snapshot(frame, pool, now)
            }
        }
    }

    fn offer_part(&mut self, frame: &Stored<'_>, pool: &mut Pool, now: Instant) -> Flow<Offered> {
        let captured = frame.meta.captured;
        let is_old = now.saturating_duration_since(captured) > FRESH;
        if self.seen == 0 && captured < self.stats.since && is_old && !self.is_current(frame) {
            return Flow::Continue(Offered::Handled);
        }
        inject::panic_at("viewer");
        if self.pace.as_mut().is_some_and(|pace| !pace.wants(captured)) {
            self.seen = frame.number;
            return Flow::Continue(Offered::Handled);
        }
        let parts = self.parts(frame);
        let length = parts.iter().map(|part| part.len()).sum();
        self.kernel_buffer.fit(self.socket.tcp(), length, self.missed(frame) > 0);
        let has_space = self.kernel_buffer.has_space(self.socket.tcp());
        let sent = if has_space { attempt(self.socket.send(parts))? } else { None };
        let Some(sent) = sent else {
            // Only the first time counts, so that input from a client does not count as progress.
            self.behind.get_or_insert(now);
            self.blocked = true;
            return Flow::Continue(Offered::Handled);
        };
        self.begin_frame(frame, sent, now);
        if sent.taken < length || self.socket.has_unsent() {
            let torn = Offered::Torn { number: frame.number, sent: sent.taken };
            let kept = self.keep(rest(parts, sent.taken), pool, now);
            return Flow::Continue(kept.map_or(torn, |()| Offered::Handled));
        }
        // Not `now`, which all viewers of a frame share: serving those before this one took time.
        self.frame_sent(Instant::now())?;
        Flow::Continue(Offered::Handled)
    }

    /// Whether the camera's pictures come so seldom that this one is what it shows now.
    fn is_current(&self, frame: &Stored<'_>) -> bool {
        !frame.meta.card && self.demand.feed().is_current(frame.meta.captured)
    }

    /// The two pieces of a frame that are sent, one after the other.
    fn parts<'a>(&self, frame: &Stored<'a>) -> [&'a [u8]; 2] {
        if self.stats.order.advance_headers {
            [frame.jpeg(), multipart::ADVANCE_TRAILER]
        } else {
            [frame.part(), &[]]
        }
    }

    fn offer_snapshot(&mut self, frame: &Stored<'_>, pool: &mut Pool, now: Instant) -> Flow<Offered> {
        let jpeg = frame.jpeg();
        let mut head = std::mem::take(&mut self.head);
        let captured = frame.meta.captured;
        let (stamp, age) = (multipart::timestamp(wall_clock(captured)), captured.elapsed().as_secs());
        let headers = format!("X-Timestamp: {stamp}\r\nAge: {age}\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        head.extend_from_slice(headers.as_bytes());
        let parts = [&head[..], jpeg];
        let sent = attempt(self.socket.send(parts))?.unwrap_or_default();
        self.begin_frame(frame, sent, now);
        if sent.taken == head.len() + jpeg.len() && !self.socket.has_unsent() {
            return Flow::Break(CloseReason::Complete);
        }
        match self.keep(rest(parts, sent.taken), pool, now) {
            Ok(()) => Flow::Continue(Offered::Handled),
            Err(CapReached) => Flow::Break(CloseReason::NoMemory),
        }
    }

    /// How many frames the viewer missed between the last one that it got or did not want, and this one.
    fn missed(&self, frame: &Stored<'_>) -> u64 {
        let between = if self.seen == 0 { 0 } else { frame.number.saturating_sub(self.seen + 1) };
        self.pace.map_or(between, |pace| between.min(pace.overdue(frame.meta.captured)))
    }

    /// Notes that `sent` is the beginning of `frame`.
    fn begin_frame(&mut self, frame: &Stored<'_>, sent: Sent, now: Instant) {
        self.captured = Some(frame.meta.captured);
        self.stats.begun(self.missed(frame));
        self.seen = frame.number;
        if let Some(pace) = &mut self.pace {
            pace.taken(frame.meta.captured);
        }
        self.note_progress(sent, now);
    }

    /// Keeps the `rest` of a frame until the socket takes more.
    fn keep(&mut self, rest: [&[u8]; 2], pool: &mut Pool, now: Instant) -> Result<(), CapReached> {
        self.behind.get_or_insert(now);
        self.blocked = true; // a socket that took only a part becomes writable later
        if rest.iter().any(|part| !part.is_empty()) {
            self.spill = Some(pool.take(&rest)?);
        }
        Ok(())
    }

    /// After [`Offered::Torn`]: keeps the rest of frame `number` behind byte `sent`, if it still is the newest.
    pub(in crate::fanout) fn keep_torn(
        &mut self,
        frame: &Stored<'_>,
        number: u64,
        sent: usize,
        pool: &mut Pool,
    ) -> Flow {
        let kept = (frame.number == number).then(|| pool.take(&rest(self.parts(frame), sent)));
        match kept {
            Some(Ok(spill)) => {
                self.spill = Some(spill);
                Flow::Continue(())
            }
            _ => Flow::Break(CloseReason::NoMemory),
        }
    }
}
