//! One viewer: a socket, and what it still has to take.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kernel::KernelBuffer;
use super::registry::ViewerStats;
use super::spill::{NoRoom, Pool, Spill};
use crate::feed::{Demand, Feed};
use crate::host::inject;
use crate::multipart;
use crate::pace::Pace;
use crate::protocol::Kind;
use crate::ring::Stored;
use crate::socket::{Sent, Socket, rest};

/// A viewer that takes nothing for so long is dropped.
pub const STALL_LIMIT: Duration = Duration::from_secs(10);

/// A snapshot that finds no fresh picture in so long is answered with 503.
pub const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);

/// A frame older than this, from before a viewer came, is the past: it waits for the next one instead.
const FRESH: Duration = Duration::from_secs(1);

/// What a viewer sends while it watches is thrown away, so much at a time.
const DISCARD: usize = 4 << 10;

/// Why a viewer leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// It went, or its network did.
    Gone(ErrorKind),
    /// It took nothing for [`STALL_LIMIT`].
    Stalled,
    /// Memory for viewers that are behind ran out, and it was the furthest behind.
    NoRoom,
    /// Its snapshot or recording is sent.
    Served,
    /// No fresh picture came for its snapshot.
    NoPicture,
    /// What it watched by holds no more: a revoked token, a session that ended.
    Over,
    /// The recording that it wants cannot be read, and nothing of it was sent.
    NoFile,
    /// An error in this program ended it.
    Failed,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Gone(_) => f.write_str("it went"),
            CloseReason::Stalled => write!(f, "dropped, it took nothing for {} s", STALL_LIMIT.as_secs()),
            CloseReason::NoRoom => {
                f.write_str("dropped, furthest behind when memory for slow viewers ran out")
            }
            CloseReason::Served => f.write_str("served"),
            CloseReason::Over => f.write_str("dropped, its session or token ended"),
            CloseReason::Failed => f.write_str("an error in this program ended it; see above"),
            CloseReason::NoFile => f.write_str("the recording cannot be read"),
            CloseReason::NoPicture => write!(f, "no fresh picture within {} s", SNAPSHOT_LIMIT.as_secs()),
        }
    }
}

/// What came of offering a frame to a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Taken, whole or begun; or there was nothing new.
    Fine,
    /// Begun, but there is no memory for the rest of frame `number` behind byte `sent` of its part.
    Torn {
        /// The frame's number in its ring.
        number: u64,
        /// How much of its part was sent.
        sent: usize,
    },
}

#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) socket: Socket,
    pub(super) seat: Arc<ViewerStats>,
    /// Keeps the camera encoding.
    demand: Demand,
    kind: Kind,
    pace: Option<Pace>,
    /// A snapshot's head up to its length; empty for a stream.
    head: Vec<u8>,
    spill: Option<Spill>,
    /// The socket takes nothing until it says so.
    blocked: bool,
    /// Number of the last frame that was begun, or left out as too many for it.
    pub(super) seen: u64,
    /// When the last frame that was begun was captured.
    captured: Option<Instant>,
    /// While it is behind: when it last took something, or first took nothing.
    behind: Option<Instant>,
    kernel_buffer: KernelBuffer,
}

impl Viewer {
    /// `head` is the answer's head: whole for a stream, up to Content-Length for a snapshot.
    ///
    /// # Errors
    /// Gives the socket back when there is no memory for a stream's head.
    pub(super) fn new(
        socket: Socket,
        seat: Arc<ViewerStats>,
        demand: Demand,
        head: Vec<u8>,
        pool: &mut Pool,
    ) -> Result<Self, Socket> {
        let kind = seat.order.kind;
        let opening = if seat.order.advance_headers { multipart::ADVANCE_HEAD } else { "" };
        let (head, spill) = match kind {
            Kind::Stream => match pool.take(&[&head, multipart::OPENING, opening.as_bytes()]) {
                Ok(spill) => (Vec::new(), Some(spill)),
                Err(NoRoom) => return Err(socket),
            },
            Kind::Snapshot { .. } => (head, None),
        };
        let behind = spill.is_some().then_some(seat.since);
        let pace = seat.order.fps.map(Pace::new);
        Ok(Self {
            socket,
            seat,
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

    /// Where its frames come from.
    pub(super) fn feed(&self) -> Arc<Feed> {
        self.demand.feed().clone()
    }

    /// Since when this viewer, which is behind, has taken nothing; `None` while it keeps up.
    pub(super) fn behind_since(&self) -> Option<Instant> {
        self.behind
    }

    /// The socket may take more now.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Whether something that it was to get is not sent yet.
    fn is_owed(&self) -> bool {
        self.spill.is_some() || self.socket.holds()
    }

    /// Sends what is left of an earlier frame.
    pub(super) fn flush(&mut self, pool: &mut Pool, now: Instant) -> Result<(), CloseReason> {
        while self.is_owed() && !self.blocked {
            let rest = self.spill.as_ref().map_or(&[][..], Spill::rest);
            let Some(sent) = attempt(self.socket.send([rest, &[]]))? else {
                self.blocked = true;
                return Ok(());
            };
            let spill = self.spill.take_if(|spill| {
                spill.advance(sent.taken);
                spill.rest().is_empty()
            });
            pool.give_back(spill.unwrap_or_default());
            self.moved(sent, now);
            if !self.is_owed() {
                self.paid(now)?;
            }
        }
        Ok(())
    }

    /// It took something, unless only we did.
    fn moved(&mut self, sent: Sent, now: Instant) {
        if sent.moved > 0 {
            self.behind = Some(now);
            self.seat.took_bytes(sent.moved);
        }
    }

    /// All that was begun is sent.
    fn paid(&mut self, now: Instant) -> Result<(), CloseReason> {
        self.behind = None;
        if self.kind != Kind::Stream && self.head.is_empty() {
            return Err(CloseReason::Served);
        }
        if let Some(captured) = self.captured {
            self.seat.took(captured, now);
        }
        Ok(())
    }

    /// Offers `frame`, the newest there is, in one non-blocking call.
    pub(super) fn offer(
        &mut self,
        frame: &Stored<'_>,
        pool: &mut Pool,
        now: Instant,
    ) -> Result<Offered, CloseReason> {
        if frame.number == self.seen {
            return Ok(Offered::Fine);
        }
        if self.is_owed() || self.blocked {
            return Ok(Offered::Fine);
        }
        match self.kind {
            Kind::Stream => self.offer_part(frame, pool, now),
            Kind::Snapshot { card } => {
                if frame.meta.captured < self.seat.since || (frame.meta.card && !card) {
                    return Ok(Offered::Fine);
                }
                self.offer_snapshot(frame, pool, now)
            }
        }
    }

    fn offer_part(
        &mut self,
        frame: &Stored<'_>,
        pool: &mut Pool,
        now: Instant,
    ) -> Result<Offered, CloseReason> {
        let captured = frame.meta.captured;
        if self.seen == 0 && captured < self.seat.since && now.saturating_duration_since(captured) > FRESH {
            return Ok(Offered::Fine);
        }
        inject::panic_at("viewer");
        if self.pace.as_mut().is_some_and(|pace| !pace.wants(frame.meta.captured)) {
            self.seen = frame.number;
            return Ok(Offered::Fine);
        }
        let parts = self.parts(frame);
        let length = parts.iter().map(|part| part.len()).sum();
        self.kernel_buffer.fit(self.socket.tcp(), length, self.missed(frame) > 0);
        let sent = match self.kernel_buffer.has_room(self.socket.tcp()) {
            true => attempt(self.socket.send(parts))?,
            false => None,
        };
        let Some(sent) = sent else {
            // Not anew: what it sends us must not pass for taking something.
            self.behind.get_or_insert(now);
            self.blocked = true;
            return Ok(Offered::Fine);
        };
        self.begun(frame, sent, now);
        if sent.taken < length || self.socket.holds() {
            return Ok(self.keep(rest(parts, sent.taken), pool, (frame.number, sent.taken), now));
        }
        // Not `now`, which all viewers of a frame share: those that were served before this one took their time.
        self.paid(Instant::now())?;
        Ok(Offered::Fine)
    }

    /// What is sent of a frame, one behind the other.
    fn parts<'a>(&self, frame: &Stored<'a>) -> [&'a [u8]; 2] {
        if self.seat.order.advance_headers {
            [frame.jpeg(), multipart::ADVANCE_TRAILER]
        } else {
            [frame.part(), &[]]
        }
    }

    fn offer_snapshot(
        &mut self,
        frame: &Stored<'_>,
        pool: &mut Pool,
        now: Instant,
    ) -> Result<Offered, CloseReason> {
        let jpeg = frame.jpeg();
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", jpeg.len()).as_bytes());
        let parts = [&head[..], jpeg];
        let sent = attempt(self.socket.send(parts))?.unwrap_or_default();
        self.begun(frame, sent, now);
        if sent.taken == head.len() + jpeg.len() && !self.socket.holds() {
            return Err(CloseReason::Served);
        }
        match self.keep(rest(parts, sent.taken), pool, (frame.number, sent.taken), now) {
            Offered::Fine => Ok(Offered::Fine),
            Offered::Torn { .. } => Err(CloseReason::NoRoom),
        }
    }

    /// Frames between the last that it got or did not want, and this one.
    fn missed(&self, frame: &Stored<'_>) -> u64 {
        let between = if self.seen == 0 { 0 } else { frame.number.saturating_sub(self.seen + 1) };
        self.pace.map_or(between, |pace| between.min(pace.overdue(frame.meta.captured)))
    }

    fn begun(&mut self, frame: &Stored<'_>, sent: Sent, now: Instant) {
        self.captured = Some(frame.meta.captured);
        self.seat.begun(self.missed(frame));
        self.seen = frame.number;
        if let Some(pace) = &mut self.pace {
            pace.taken(frame.meta.captured);
        }
        self.moved(sent, now);
    }

    fn keep(
        &mut self,
        rest: [&[u8]; 2],
        pool: &mut Pool,
        (number, sent): (u64, usize),
        now: Instant,
    ) -> Offered {
        self.behind.get_or_insert(now);
        self.blocked = true; // a socket that took less than it was given says when it takes more
        if rest.iter().all(|part| part.is_empty()) {
            return Offered::Fine;
        }
        match pool.take(&rest) {
            Ok(spill) => {
                self.spill = Some(spill);
                Offered::Fine
            }
            Err(NoRoom) => Offered::Torn { number, sent },
        }
    }

    /// After [`Offered::Torn`]: keeps the rest of that frame, if it still is the newest.
    pub(super) fn mend(
        &mut self,
        frame: &Stored<'_>,
        number: u64,
        sent: usize,
        pool: &mut Pool,
    ) -> Result<(), CloseReason> {
        if frame.number != number {
            return Err(CloseReason::NoRoom);
        }
        self.spill = Some(pool.take(&rest(self.parts(frame), sent)).map_err(|NoRoom| CloseReason::NoRoom)?);
        Ok(())
    }

    /// Throws away what a stream's viewer sends. The end of its sending is not the end of its watching
    /// (`nc -N` half-closes); one that is gone shows when frames are sent.
    pub(super) fn discard(&mut self) -> Result<(), CloseReason> {
        if self.kind == Kind::Stream {
            attempt(self.socket.read(&mut [0; DISCARD]))?;
        }
        Ok(())
    }

    /// Whether its time is over.
    pub(super) fn expire(&self, now: Instant) -> Result<(), CloseReason> {
        if self.behind_since().is_some_and(|since| now.saturating_duration_since(since) > STALL_LIMIT) {
            return Err(CloseReason::Stalled);
        }
        let unanswered = self.kind != Kind::Stream && !self.head.is_empty();
        if unanswered && now.saturating_duration_since(self.seat.since) > SNAPSHOT_LIMIT {
            return Err(CloseReason::NoPicture);
        }
        Ok(())
    }

    /// Gives socket and memory back.
    pub(super) fn dismantle(self, pool: &mut Pool) -> (Socket, Arc<ViewerStats>) {
        if let Some(spill) = self.spill {
            pool.give_back(spill);
        }
        (self.socket, self.seat)
    }
}

/// What a non-blocking call did: `None` when it would have blocked.
pub(super) fn attempt<T>(result: io::Result<T>) -> Result<Option<T>, CloseReason> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(CloseReason::Gone(error.kind())),
    }
}

#[cfg(test)]
mod tests;
