//! One viewer: a socket, and what it still has to take.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use super::audience::Seat;
use super::order::Kind;
use super::pace::Pace;
use super::spill::{NoRoom, Pool, Spill};
use crate::feed::{Demand, Feed};
use crate::host::inject;
use crate::multipart;
use crate::ring::Stored;

/// A viewer that takes nothing for so long is dropped.
pub const STALL_LIMIT: Duration = Duration::from_secs(10);

/// A snapshot that finds no fresh picture in so long is answered with 503.
pub const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);

/// A frame older than this, from before a viewer came, is the past: it waits for the next one instead.
const FRESH: Duration = Duration::from_secs(1);

/// A viewer that does not keep up is given the next frame when the kernel has less than half of this, in bytes,
/// to send (tcp_poll): enough to keep its link busy until then, and little delay.
const KERNEL_BUFFER_SLOW: usize = 4 << 10;

/// A viewer that missed a frame keeps up again when it has got so many without missing one.
const STEADY: u32 = 64;

/// What a viewer sends while it watches is thrown away, so much at a time.
const DISCARD: usize = 4 << 10;

/// Why a viewer leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// It went, or its network did.
    Gone(ErrorKind),
    /// It took nothing for [`STALL_LIMIT`].
    Stalled,
    /// Memory for viewers that are behind ran out, and it was the furthest behind.
    NoRoom,
    /// Its snapshot is sent.
    Served,
    /// No fresh picture came for its snapshot.
    NoPicture,
    /// What it watched by holds no more: a revoked token, a session that ended.
    Over,
    /// An error in this program ended it.
    Failed,
}

impl fmt::Display for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Leave::Gone(_) => f.write_str("it went"),
            Leave::Stalled => write!(f, "dropped, it took nothing for {} s", STALL_LIMIT.as_secs()),
            Leave::NoRoom => f.write_str("dropped, furthest behind when memory for slow viewers ran out"),
            Leave::Served => f.write_str("served"),
            Leave::Over => f.write_str("dropped, its session or token ended"),
            Leave::Failed => f.write_str("an error in this program ended it; see above"),
            Leave::NoPicture => write!(f, "no fresh picture within {} s", SNAPSHOT_LIMIT.as_secs()),
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
    pub(super) socket: TcpStream,
    pub(super) seat: Arc<Seat>,
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
    kernel_buffer: usize,
    /// Frames since it missed one; [`STEADY`] is enough.
    steady: u32,
}

impl Viewer {
    /// `head` is the answer's head: whole for a stream, up to Content-Length for a snapshot.
    ///
    /// # Errors
    /// Gives the socket back when there is no memory for a stream's head.
    pub(super) fn new(
        socket: TcpStream,
        seat: Arc<Seat>,
        demand: Demand,
        head: Vec<u8>,
        pool: &mut Pool,
    ) -> Result<Self, TcpStream> {
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
        let (blocked, seen, kernel_buffer, steady) = (false, 0, 0, STEADY);
        let pace = seat.order.fps.map(Pace::new);
        Ok(Self {
            socket,
            seat,
            demand,
            kind,
            pace,
            head,
            spill,
            blocked,
            seen,
            captured: None,
            behind,
            kernel_buffer,
            steady,
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

    /// Sends what is left of an earlier frame.
    pub(super) fn flush(&mut self, pool: &mut Pool, now: Instant) -> Result<(), Leave> {
        while let Some(spill) = &mut self.spill {
            if self.blocked {
                return Ok(());
            }
            match attempt(self.socket.write(spill.rest()))? {
                None => self.blocked = true,
                Some(count) => {
                    spill.advance(count);
                    self.behind = Some(now);
                    Seat::add(&self.seat.bytes, count as u64);
                    if spill.rest().is_empty() {
                        self.behind = None;
                        pool.give_back(self.spill.take().unwrap_or_default());
                        if self.head.is_empty() && self.kind != Kind::Stream {
                            return Err(Leave::Served);
                        }
                        if let Some(captured) = self.captured {
                            self.seat.took(captured, now);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Offers `frame`, the newest there is, in one non-blocking call.
    pub(super) fn offer(
        &mut self,
        frame: &Stored<'_>,
        pool: &mut Pool,
        now: Instant,
    ) -> Result<Offered, Leave> {
        if frame.number == self.seen {
            return Ok(Offered::Fine);
        }
        if self.spill.is_some() || self.blocked {
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

    fn offer_part(&mut self, frame: &Stored<'_>, pool: &mut Pool, now: Instant) -> Result<Offered, Leave> {
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
        self.fit_kernel_buffer(length, self.missed(frame) > 0);
        let written = if self.has_room() {
            attempt(self.socket.write_vectored(&parts.map(IoSlice::new)))?
        } else {
            None
        };
        let Some(sent) = written else {
            // Not anew: what it sends us must not pass for taking something.
            self.behind.get_or_insert(now);
            self.blocked = true;
            return Ok(Offered::Fine);
        };
        self.begun(frame, sent);
        if sent < length {
            return Ok(self.keep(&rest(parts, sent), pool, (frame.number, sent), now));
        }
        // Not `now`, which all viewers of a frame share: those that were served before this one took their time.
        self.seat.took(frame.meta.captured, Instant::now());
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
    ) -> Result<Offered, Leave> {
        let jpeg = frame.jpeg();
        let mut head = std::mem::take(&mut self.head);
        head.extend_from_slice(format!("Content-Length: {}\r\n\r\n", jpeg.len()).as_bytes());
        let written = self.socket.write_vectored(&[IoSlice::new(&head), IoSlice::new(jpeg)]);
        let sent = attempt(written)?.unwrap_or(0);
        self.begun(frame, sent);
        if sent == head.len() + jpeg.len() {
            return Err(Leave::Served);
        }
        match self.keep(&rest([&head, jpeg], sent), pool, (frame.number, sent), now) {
            Offered::Fine => Ok(Offered::Fine),
            Offered::Torn { .. } => Err(Leave::NoRoom),
        }
    }

    /// Frames between the last that it got or did not want, and this one.
    fn missed(&self, frame: &Stored<'_>) -> u64 {
        let between = if self.seen == 0 { 0 } else { frame.number.saturating_sub(self.seen + 1) };
        self.pace.map_or(between, |pace| between.min(pace.overdue(frame.meta.captured)))
    }

    fn begun(&mut self, frame: &Stored<'_>, sent: usize) {
        self.captured = Some(frame.meta.captured);
        Seat::add(&self.seat.skipped, self.missed(frame));
        self.seen = frame.number;
        if let Some(pace) = &mut self.pace {
            pace.taken(frame.meta.captured);
        }
        self.behind = None;
        Seat::add(&self.seat.frames, 1);
        Seat::add(&self.seat.bytes, sent as u64);
    }

    fn keep(
        &mut self,
        rest: &[&[u8]],
        pool: &mut Pool,
        (number, sent): (u64, usize),
        now: Instant,
    ) -> Offered {
        self.behind = Some(now);
        self.blocked = true; // a socket that took less than it was given says when it takes more
        match pool.take(rest) {
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
    ) -> Result<(), Leave> {
        if frame.number != number {
            return Err(Leave::NoRoom);
        }
        self.spill = Some(pool.take(&rest(self.parts(frame), sent)).map_err(|NoRoom| Leave::NoRoom)?);
        Ok(())
    }

    /// Says how much the kernel may hold that is not sent yet (TCP_NOTSENT_LOWAT): a frame while the viewer keeps
    /// up, so that each frame is one call; next to nothing when it does not, since all that waits there is delay.
    fn fit_kernel_buffer(&mut self, part: usize, missed: bool) {
        self.steady = if missed { 0 } else { self.steady.saturating_add(1).min(STEADY) };
        let keeps_up = self.steady == STEADY;
        // With room to spare, since no frame is as large as the last one.
        let (fits, wanted) = if keeps_up {
            (self.kernel_buffer >= part, part + part / 4)
        } else {
            (self.kernel_buffer == KERNEL_BUFFER_SLOW, KERNEL_BUFFER_SLOW)
        };
        if !fits {
            self.kernel_buffer = wanted;
            let bytes = u32::try_from(wanted).unwrap_or(u32::MAX);
            // A kernel without it (before 3.12) shows slow viewers older pictures; nothing else.
            let _ = SockRef::from(&self.socket).set_tcp_notsent_lowat(bytes);
        }
    }

    /// Whether the next frame would not wait in the kernel behind an earlier one. While a viewer keeps up, its
    /// socket says so by itself; else it must be asked, since the kernel fills up a segment that it has begun
    /// (up to 64 KB) whatever the limit. An answer of no brings an event when there is room (tcp_poll).
    fn has_room(&self) -> bool {
        if self.steady == STEADY {
            return true;
        }
        let mut sockets = [PollFd::new(&self.socket, PollFlags::OUT)];
        !matches!(poll(&mut sockets, Some(&Timespec::default())), Ok(0)) // an error shows when it is written to
    }

    /// Throws away what a stream's viewer sends. The end of its sending is not the end of its watching
    /// (`nc -N` half-closes); one that is gone shows when frames are sent.
    pub(super) fn discard(&mut self) -> Result<(), Leave> {
        if self.kind == Kind::Stream {
            attempt(self.socket.read(&mut [0; DISCARD]).map(|count| count.max(1)))?;
        }
        Ok(())
    }

    /// Whether its time is over.
    pub(super) fn expire(&self, now: Instant) -> Result<(), Leave> {
        if self.behind_since().is_some_and(|since| now.saturating_duration_since(since) > STALL_LIMIT) {
            return Err(Leave::Stalled);
        }
        let unanswered = self.kind != Kind::Stream && !self.head.is_empty();
        if unanswered && now.saturating_duration_since(self.seat.since) > SNAPSHOT_LIMIT {
            return Err(Leave::NoPicture);
        }
        Ok(())
    }

    /// Gives socket and memory back.
    pub(super) fn dismantle(self, pool: &mut Pool) -> (TcpStream, Arc<Seat>) {
        if let Some(spill) = self.spill {
            pool.give_back(spill);
        }
        (self.socket, self.seat)
    }
}

/// What is left of two pieces behind their first `sent` bytes.
fn rest([first, second]: [&[u8]; 2], sent: usize) -> [&[u8]; 2] {
    let of_first = sent.min(first.len());
    [&first[of_first..], second.get(sent - of_first..).unwrap_or_default()]
}

/// What a non-blocking call did: `None` when it would have blocked.
fn attempt(result: io::Result<usize>) -> Result<Option<usize>, Leave> {
    match result {
        Ok(0) => Err(Leave::Gone(ErrorKind::WriteZero)),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(Leave::Gone(error.kind())),
    }
}

#[cfg(test)]
mod tests;
