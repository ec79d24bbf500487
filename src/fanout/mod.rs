//! All live viewers of one event loop, which they share with the gate.
//!
//! The gate hands over a socket with an [`Order`]. Frames come from the rings of cameras and of
//! [`crate::variants`]. What it promises:
//!
//! - A frame goes to a viewer in one non-blocking call straight from its slot. If the socket takes only a part, the
//!   viewer holds the frame, which it shares with all others, and the next one that it gets is the newest.
//! - No viewer slows down another one, the camera or the gate. One that takes nothing for
//!   [`close_reason::STALL_LIMIT`] is dropped; when held frames take more than [`HELD_CAP`], those who hold
//!   one longest are.
//! - A steady stream to viewers that keep up allocates nothing.
//!
//! Readiness is edge-triggered: after a call that would have blocked, one event says that the socket takes more.

mod close_reason;
pub mod download;
mod held;
mod kernel;
pub mod registry;
mod viewer;
mod viewer_log;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::feed::Demand;
use crate::playback::{Playback, Playbacks, Wishes};
use crate::problem::Text;
use crate::protocol::{FileOrder, Order, OrderKind};
use crate::socket::Socket;
use crate::variants::Variants;
pub use close_reason::{CloseReason, SNAPSHOT_LIMIT};
use download::{Downloads, TooManyDownloads};
pub use held::HELD_CAP;
use held::HeldFrames;
use registry::{ViewerRegistry, ViewerStats};
use viewer::Viewer;

/// A connection that the fan-out has finished with, and its socket, which the gate may continue to use.
#[derive(Debug)]
pub struct Released {
    /// The connection's number, as it was handed over.
    pub connection: usize,
    /// Its socket.
    pub socket: Socket,
    /// Why it ended.
    pub reason: CloseReason,
}

/// To so many viewers, and if they get no more than so many bytes, a camera's thread sends a frame itself. Copying them
/// into sockets takes less than a millisecond, on the smallest boards a few. Encrypting them takes longer, so each byte
/// counts several times: one viewer of a usual frame is few.
const FEW: usize = 16;
const FEW_BYTES: usize = 1 << 20;
const ENCRYPTED_BYTE: usize = 8;

/// All viewers of all cameras on one event loop.
#[derive(Debug)]
pub struct Fanout {
    variants: Arc<Variants>,
    /// `None` where nothing is recorded.
    playbacks: Option<Arc<Playbacks>>,
    registry: Arc<ViewerRegistry>,
    /// By the connection's number.
    viewers: BTreeMap<usize, Viewer>,
    held: HeldFrames,
    released: Vec<Released>,
    downloads: Downloads,
}

impl Fanout {
    /// A fan-out of these cameras and their variants, which lists its viewers in `registry`.
    pub fn new(variants: Arc<Variants>, registry: Arc<ViewerRegistry>) -> Self {
        let held = HeldFrames::new(registry.held.clone());
        Self {
            variants,
            playbacks: None,
            registry,
            viewers: BTreeMap::new(),
            held,
            released: Vec::new(),
            downloads: Downloads::default(),
        }
    }

    /// The same, which also sends files.
    pub fn with_downloads(self, downloads: Downloads) -> Self {
        Self { downloads, ..self }
    }

    /// The same, which also plays recordings.
    pub fn with_playbacks(self, playbacks: Arc<Playbacks>) -> Self {
        Self { playbacks: Some(playbacks), ..self }
    }

    /// Takes over a connection as [`Fanout::add_viewer`] does, to send a file. Another download may end for that.
    ///
    /// # Errors
    /// Returns the socket: there are too many.
    pub fn add_download(
        &mut self,
        connection: usize,
        socket: Socket,
        order: FileOrder,
        head: Vec<u8>,
    ) -> Result<(), (Socket, TooManyDownloads)> {
        self.downloads.adopt(connection, socket, order, head, &mut self.released, Instant::now())
    }

    /// Takes over a connection, whose socket must be non-blocking and registered in the loop's poll. `requested` is
    /// when its request was complete. The demand for frames is made here and nowhere else; the viewer keeps it until it
    /// leaves.
    ///
    /// # Errors
    /// Returns the socket with the reason: the camera, variant or recording is not available.
    pub fn add_viewer(
        &mut self,
        connection: usize,
        socket: Socket,
        peer: SocketAddr,
        order: Order,
        head: Vec<u8>,
        requested: Instant,
    ) -> Result<(), (Socket, Text)> {
        let is_stream = order.kind == OrderKind::Stream;
        let (demand, playback) = match self.demand(&order) {
            Ok(demand) => demand,
            Err(refused) => return Err((socket, refused)),
        };
        let camera = demand.feed().name.clone();
        let stats = Arc::new(ViewerStats::new(order, peer, requested, demand.feed().delivery.clone()));
        let viewer = Viewer::new(socket, stats.clone(), demand, head).of(playback);
        self.viewers.insert(connection, viewer);
        if is_stream {
            self.registry.add(&camera, stats);
        }
        // Whatever the client sent after its request is read with its next event.
        self.advance(connection, Instant::now());
        self.drop_excess();
        Ok(())
    }

    /// Demands the frames of an order: a camera's, or those of a recording that is played from now on.
    fn demand(&self, order: &Order) -> Result<(Demand, Option<Arc<Playback>>), Text> {
        // A snapshot wants the next frame.
        let fps = order.fps.filter(|_| order.kind == OrderKind::Stream);
        let (variant, client) = (order.variant, order.client);
        let Some((playbacks, playback)) = self.playbacks.as_ref().zip(order.playback.clone()) else {
            let demand = self.variants.demand(order.camera, variant, fps, client);
            return demand.map(|demand| (demand, None)).map_err(|refused| refused.text());
        };
        let wishes = Wishes { variant, fps, client, id: order.id.clone() };
        match playbacks.start(playback, wishes) {
            Ok((playback, demand)) => Ok((demand, Some(playback))),
            Err(refused) => Err(refused.text()),
        }
    }

    /// Whether a viewer of this loop waits for frames.
    pub fn is_watched(&self) -> bool {
        !self.viewers.is_empty()
    }

    /// A viewer's socket may have become readable or writable.
    pub fn socket_ready(&mut self, connection: usize) {
        let now = Instant::now();
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            self.released.extend(self.downloads.ready(connection, now));
            return;
        };
        viewer.unblock();
        match viewer.discard() {
            ControlFlow::Continue(()) => self.advance(connection, now),
            ControlFlow::Break(reason) => self.release(connection, reason),
        }
        self.drop_excess();
    }

    /// Sends a viewer the rest of its earlier frame, then the newest one.
    fn advance(&mut self, connection: usize, now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&connection) else { return };
        match viewer.flush(now) {
            ControlFlow::Continue(()) => self.offer(connection, now),
            ControlFlow::Break(reason) => self.release(connection, reason),
        }
    }

    /// Sends the newest frames if that takes little time, on the thread of the camera that published one. Returns whether
    /// the event loop has nothing to do then.
    pub fn send_to_few(&mut self) -> bool {
        if self.viewers.len() > FEW {
            return false;
        }
        let unseen = |viewer: &Viewer| {
            let frame = viewer.ring().frame().filter(|frame| frame.number != viewer.seen)?;
            Some(frame.part().len() * if viewer.socket.is_secure() { ENCRYPTED_BYTE } else { 1 })
        };
        if self.viewers.values().filter_map(unseen).sum::<usize>() > FEW_BYTES {
            return false;
        }
        self.offer_all(Instant::now());
        self.released.is_empty()
    }

    /// Cameras may have published frames, and pieces of files may have been read.
    pub fn send_frames(&mut self) {
        let now = Instant::now();
        self.downloads.pieces(&mut self.released, now);
        self.offer_all(now);
    }

    fn offer_all(&mut self, now: Instant) {
        // Not an iterator, since an offer may release the viewer.
        let mut next = 0;
        while let Some((&connection, _)) = self.viewers.range(next..).next() {
            next = connection + 1;
            self.offer(connection, now);
        }
        self.drop_excess();
    }

    /// Offers the newest frame, if it is new to this viewer.
    fn offer(&mut self, connection: usize, now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&connection) else { return };
        if let Some(problem) = viewer.refusal() {
            self.release(connection, CloseReason::NotMade(problem));
            return;
        }
        let is_new = viewer.ring().newest() != viewer.seen;
        let newest = if is_new { viewer.ring().frame() } else { None };
        let held = &mut self.held;
        // Unwind safety: whatever is left half done belongs to this viewer, which is released.
        let offered = newest.map(|frame| catch_unwind(AssertUnwindSafe(|| viewer.offer(&frame, held, now))));
        let ended = match offered {
            Some(offered) => offered.unwrap_or(ControlFlow::Break(CloseReason::Panicked)).break_value(),
            None => None,
        };
        // After the last frame of a recording nothing wakes it again.
        if let Some(reason) = ended.or_else(|| viewer.end()) {
            self.release(connection, reason);
        }
    }

    /// Drops the viewers of the frame that was held longest, until held frames take no more than they may.
    fn drop_excess(&mut self) {
        while let Some(held) = self.held.excess() {
            let in_it = |(connection, viewer): (&usize, &Viewer)| viewer.holds(&held).then_some(*connection);
            let victims: Vec<_> = self.viewers.iter().filter_map(in_it).collect();
            for connection in victims {
                self.release(connection, CloseReason::NoMemory);
            }
        }
    }

    /// Whether [`Fanout::expire`] is to be called although there are no connections: it has something to log.
    pub fn is_log_pending(&self) -> bool {
        self.registry.is_log_pending()
    }

    /// Drops viewers whose deadline has passed or whose pass has ended. Called a few times a second.
    pub fn expire(&mut self, now: Instant) {
        self.registry.report(now);
        let late = |(connection, viewer): (&usize, &Viewer)| {
            let admitted = self.registry.may_watch(viewer.stats.order.pass, now);
            let ended = (!admitted).then(|| viewer.pass_ended());
            let reason = ended
                .or_else(|| viewer.check_deadlines(now).break_value())
                .map(|reason| self.exactly(viewer, reason));
            reason.map(|reason| (*connection, reason))
        };
        let expired: Vec<_> = self.viewers.iter().filter_map(late).collect();
        for (connection, reason) in expired {
            self.release(connection, reason);
        }
        self.downloads.expire(&mut self.released, now, |pass| self.registry.may_watch(pass, now));
    }

    /// The reason why there is no picture for a viewer: of the camera, or of the smaller pictures made of its own.
    fn exactly(&self, viewer: &Viewer, reason: CloseReason) -> CloseReason {
        if reason == CloseReason::NoPicture && viewer.stats.order.playback.is_some() {
            return CloseReason::DiskSilent;
        }
        match self.variants.camera(viewer.stats.order.camera) {
            Some(camera) if reason == CloseReason::NoPicture => {
                let is_smaller = viewer.stats.order.variant.is_some();
                close_reason::no_picture(&camera.status(), viewer.stats.since, is_smaller)
            }
            _ => reason,
        }
    }

    /// Lets a viewer or a download go whose connection is about to be closed for this reason.
    pub fn forget(&mut self, connection: usize, reason: CloseReason) {
        self.release(connection, reason);
    }

    fn release(&mut self, connection: usize, reason: CloseReason) {
        let Some(viewer) = self.viewers.remove(&connection) else {
            self.released.extend(self.downloads.release(connection, reason));
            return;
        };
        let camera = viewer.feed().name.clone();
        let Viewer { socket, stats, .. } = viewer;
        if stats.order.kind == OrderKind::Stream {
            self.registry.remove(&camera, &stats, &reason);
        }
        self.released.push(Released { connection, socket, reason });
    }

    /// Closes all connections, since the program ends: threads of cameras may keep this longer than the event loop does.
    pub fn close_all(&mut self) {
        self.viewers.clear();
        self.downloads = Downloads::default();
    }

    /// The next connection that has ended; `None` if there are no more.
    pub fn take_released(&mut self) -> Option<Released> {
        self.released.pop()
    }
}

#[cfg(test)]
mod tests;
