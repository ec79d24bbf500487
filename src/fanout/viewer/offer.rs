//! Offering frames to a viewer: which ones it gets, and what becomes of the part that its socket does not take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::close_reason::{CloseReason, Flow};
use super::super::held::HeldFrames;
use super::Viewer;
use super::unsent::{Form, Unsent};
use crate::host::inject;
use crate::multipart;
use crate::protocol::OrderKind;
use crate::ring::Frame;
use crate::time::wall_clock;

/// A frame that was captured this long before a viewer came is not shown to it: it waits for the next one, unless the
/// camera's pictures come seldom.
pub(super) const FRESH: Duration = Duration::from_secs(1);

impl Viewer {
    /// Offers `frame`, the newest one, in one non-blocking call. If the socket takes only a part, the viewer holds the
    /// frame, which counts in `held`.
    pub(in crate::fanout) fn offer(
        &mut self,
        frame: &Arc<Frame>,
        held: &mut HeldFrames,
        now: Instant,
    ) -> Flow {
        if frame.number == self.seen || self.has_backlog() || self.blocked {
            return Flow::Continue(());
        }
        match self.kind {
            OrderKind::Stream => {
                if self.is_unanswered() {
                    self.begin_stream(now)?;
                }
                if self.has_backlog() { Flow::Continue(()) } else { self.offer_part(frame, held, now) }
            }
            OrderKind::Snapshot { card } => {
                let is_old = frame.meta.captured < self.stats.since && !self.is_current(frame);
                if is_old || (frame.meta.card && !(card && self.takes_card())) {
                    return Flow::Continue(());
                }
                self.offer_snapshot(frame, held, now)
            }
        }
    }

    /// Sends the head of a recording that is played, since its first frame is there.
    fn begin_stream(&mut self, now: Instant) -> Flow {
        self.unsent = Unsent::head(std::mem::take(&mut self.head));
        self.behind = Some(now);
        self.flush(now)
    }

    fn offer_part(&mut self, frame: &Arc<Frame>, held: &mut HeldFrames, now: Instant) -> Flow {
        let captured = frame.meta.captured;
        let is_old = now.saturating_duration_since(captured) > FRESH;
        if self.seen == 0 && captured < self.stats.since && is_old && !self.is_current(frame) {
            return Flow::Continue(());
        }
        inject::panic_at("viewer");
        if self.pace.as_mut().is_some_and(|pace| !pace.wants(captured)) {
            self.seen = frame.number;
            return Flow::Continue(());
        }
        let form = if self.stats.order.advance_headers { Form::WithNextHeader } else { Form::Part };
        self.unsent = Unsent::frame(Vec::new(), frame.clone(), form);
        self.kernel_buffer.fit(self.socket.stream(), self.unsent.len(), self.missed(frame) > 0);
        if !self.kernel_buffer.has_space(self.socket.stream()) || !self.send(now)? {
            self.unsent = Unsent::default(); // by the time that the socket takes more, there is a newer one
            // Only the first time counts, so that input from a client does not count as progress.
            self.behind.get_or_insert(now);
            self.blocked = true;
            return Flow::Continue(());
        }
        self.begin_frame(frame);
        if self.has_backlog() {
            self.keep(held, now);
            return Flow::Continue(());
        }
        // Not `now`, which all viewers of a frame share: serving those before this one took time.
        self.frame_sent(Instant::now())
    }

    /// Whether the camera's pictures come so seldom that this one is what it shows now.
    fn is_current(&self, frame: &Frame) -> bool {
        !frame.meta.card && self.demand.feed().is_current(frame.meta.captured)
    }

    /// Whether a snapshot that may be the card is: not while a camera that is opened on demand starts, or it would be the
    /// card each time.
    fn takes_card(&self) -> bool {
        let feed = self.demand.feed();
        feed.config.on_demand.is_none() || feed.status().problem().is_some() || feed.camera_has_problem()
    }

    fn offer_snapshot(&mut self, frame: &Arc<Frame>, held: &mut HeldFrames, now: Instant) -> Flow {
        let mut head = std::mem::take(&mut self.head);
        let captured = frame.meta.captured;
        let (stamp, age) = (multipart::timestamp(wall_clock(captured)), captured.elapsed().as_secs());
        let length = frame.jpeg().len();
        let headers = format!("X-Timestamp: {stamp}\r\nAge: {age}\r\nContent-Length: {length}\r\n\r\n");
        head.extend_from_slice(headers.as_bytes());
        self.unsent = Unsent::frame(head, frame.clone(), Form::Jpeg);
        self.send(now)?;
        self.begin_frame(frame);
        if !self.has_backlog() {
            return Flow::Break(CloseReason::Complete);
        }
        self.keep(held, now);
        Flow::Continue(())
    }

    /// How many frames the viewer missed between the last one that it got or did not want, and this one.
    fn missed(&self, frame: &Frame) -> u64 {
        let between = if self.seen == 0 { 0 } else { frame.number.saturating_sub(self.seen + 1) };
        self.pace.map_or(between, |pace| between.min(pace.overdue(frame.meta.captured)))
    }

    /// Notes that `frame` is the one that is sent now.
    fn begin_frame(&mut self, frame: &Frame) {
        self.captured = Some(frame.meta.captured);
        self.stats.begun(self.missed(frame));
        self.seen = frame.number;
        if let Some(pace) = &mut self.pace {
            pace.taken(frame.meta.captured);
        }
    }

    /// Keeps the rest of the frame until the socket takes more.
    fn keep(&mut self, held: &mut HeldFrames, now: Instant) {
        self.behind.get_or_insert(now);
        self.unsent.hold(held);
    }
}
