//! All live viewers of one event loop, which they share with the gate.
//!
//! The gate hands a socket over with an [`Order`]; frames come out of the rings of cameras and of
//! [`crate::variants`]. What it promises:
//!
//! - A frame goes to a viewer in one non-blocking call straight from its slot. What the socket does not take
//!   is copied into spill memory, and the next frame that this viewer gets is the newest.
//! - No viewer slows down another, the camera, or the gate. One that takes nothing for
//!   [`viewer::STALL_LIMIT`] is dropped; when spill memory runs out, those furthest behind are.
//! - A steady stream to viewers that keep up allocates nothing.
//!
//! Readiness is edge-triggered: whoever gets `Ok(None)` from a socket is told when it takes more, once.

pub mod download;
mod kernel;
pub mod registry;
mod spill;
mod viewer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use log::info;

use crate::host::log::camera_scope;
use crate::protocol::{FileOrder, Kind, Order};
use crate::socket::Socket;
use crate::variants::{DemandError, Variants};
use download::Downloads;
use registry::{ViewerRegistry, ViewerStats};
use spill::Pool;
pub use spill::SPILL_CAP;
pub use viewer::CloseReason;
use viewer::{Offered, Viewer};

/// A viewer that left, with its socket, which the gate may serve on.
#[derive(Debug)]
pub struct Left {
    /// The connection that was handed over.
    pub connection: usize,
    /// Its socket.
    pub socket: Socket,
    /// Why it left.
    pub why: CloseReason,
}

/// All viewers of all cameras on one event loop.
#[derive(Debug)]
pub struct Fanout {
    variants: Arc<Variants>,
    audience: Arc<ViewerRegistry>,
    viewers: BTreeMap<usize, Viewer>,
    pool: Pool,
    left: Vec<Left>,
    torn: Vec<(usize, u64, usize)>,
    downloads: Downloads,
}

impl Fanout {
    /// A fan-out of these cameras and what is made of their pictures, which says in `audience` who watches.
    pub fn new(variants: Arc<Variants>, audience: Arc<ViewerRegistry>) -> Self {
        let (pool, downloads) = (Pool::new(SPILL_CAP, audience.spill.clone()), Downloads::default());
        Self {
            variants,
            audience,
            viewers: BTreeMap::new(),
            pool,
            left: Vec::new(),
            torn: Vec::new(),
            downloads,
        }
    }

    /// The same, which also sends recordings.
    pub fn with_downloads(self, downloads: Downloads) -> Self {
        Self { downloads, ..self }
    }

    /// Takes over a connection as [`Fanout::adopt`] does, for a recording.
    ///
    /// # Errors
    /// Gives the socket back with a sentence why not.
    pub fn adopt_file(
        &mut self,
        connection: usize,
        socket: Socket,
        order: FileOrder,
        head: Vec<u8>,
    ) -> Result<(), (Socket, &'static str)> {
        self.downloads.adopt(connection, socket, order, head, Instant::now())
    }

    /// Takes over a connection, whose socket must be non-blocking and in the loop's poll.
    ///
    /// # Errors
    /// Gives the socket back with the reason where there are no frames as ordered, or no memory for one more
    /// viewer.
    pub fn adopt(
        &mut self,
        connection: usize,
        socket: Socket,
        peer: SocketAddr,
        order: Order,
        head: Vec<u8>,
        asked: Instant,
    ) -> Result<(), (Socket, DemandError)> {
        let stream = order.kind == Kind::Stream;
        let fps = order.fps.filter(|_| stream); // a snapshot wants the next one
        let demand = match self.variants.demand(order.camera, order.variant, fps) {
            Ok(demand) => demand,
            Err(refused) => return Err((socket, refused)),
        };
        let name = demand.feed().name.clone();
        let variant = order.variant.map_or_else(String::new, |variant| format!(" with {variant}"));
        let seat = Arc::new(ViewerStats::new(order, peer, asked, demand.feed().delivery.clone()));
        let viewer = Viewer::new(socket, seat.clone(), demand, head, &mut self.pool);
        self.viewers.insert(connection, viewer.map_err(|socket| (socket, DemandError::NoMemory))?);
        if stream {
            let _scope = camera_scope(&name);
            info!("viewer {peer} watches camera {name}{variant}");
            self.audience.enter(seat);
        }
        // What the client may have sent behind its request is read when more of it comes.
        self.advance(connection, Instant::now());
        Ok(())
    }

    /// Whether anybody of this loop waits for frames.
    pub fn is_watched(&self) -> bool {
        !self.viewers.is_empty()
    }

    /// A viewer's socket may take or give something.
    pub fn ready(&mut self, connection: usize) {
        let now = Instant::now();
        let Some(viewer) = self.viewers.get_mut(&connection) else {
            self.left.extend(self.downloads.ready(connection, now));
            return;
        };
        viewer.unblock();
        match viewer.discard() {
            Ok(()) => self.advance(connection, now),
            Err(why) => self.dismiss(connection, why),
        }
    }

    /// Sends a viewer what it is owed, then the newest frame.
    fn advance(&mut self, connection: usize, now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&connection) else { return };
        match viewer.flush(&mut self.pool, now) {
            Ok(()) => self.offer(connection, now),
            Err(why) => self.dismiss(connection, why),
        }
        self.mend();
    }

    /// Cameras may have published frames, and pieces of recordings may have been read.
    pub fn frames(&mut self) {
        let now = Instant::now();
        self.downloads.pieces(&mut self.left, now);
        // No iterator: an offer may dismiss the viewer.
        let mut next = 0;
        while let Some((&connection, _)) = self.viewers.range(next..).next() {
            next = connection + 1;
            self.offer(connection, now);
        }
        self.mend();
    }

    /// Offers the newest frame, if it is new to this viewer.
    fn offer(&mut self, connection: usize, now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&connection) else { return };
        let feed = viewer.feed();
        if feed.ring.newest() == viewer.seen {
            return;
        }
        let pool = &mut self.pool;
        let offer = || feed.ring.with_newest(|frame| viewer.offer(&frame, pool, now));
        // Unwind safety: whatever is left half done is this viewer, who is dismissed.
        match catch_unwind(AssertUnwindSafe(offer)) {
            Ok(None | Some(Ok(Offered::Fine))) => {}
            Ok(Some(Ok(Offered::Torn { number, sent }))) => self.torn.push((connection, number, sent)),
            Ok(Some(Err(why))) => self.dismiss(connection, why),
            Err(_) => self.dismiss(connection, CloseReason::Failed),
        }
    }

    /// Makes room for what could not be kept: drops those furthest behind until it fits.
    fn mend(&mut self) {
        while let Some((connection, number, sent)) = self.torn.pop() {
            let behind = |(_, viewer): &(&usize, &Viewer)| viewer.behind_since();
            let furthest = self.viewers.iter().filter(|entry| behind(entry).is_some()).min_by_key(behind);
            let victim = furthest.map_or(connection, |(victim, _)| *victim);
            self.dismiss(victim, CloseReason::NoRoom);
            let Some(viewer) = self.viewers.get_mut(&connection) else { continue };
            let feed = viewer.feed();
            let pool = &mut self.pool;
            match feed.ring.with_newest(|frame| viewer.mend(&frame, number, sent, pool)) {
                Some(Ok(())) => {}
                // Still no room: drop the next one. This ends, since each turn drops a viewer.
                _ if feed.ring.newest() == number => self.torn.push((connection, number, sent)),
                _ => self.dismiss(connection, CloseReason::NoRoom),
            }
        }
    }

    /// Drops those whose time or pass is over; called a few times a second.
    pub fn expire(&mut self, now: Instant) {
        let late = |(connection, viewer): (&usize, &Viewer)| {
            let over = !self.audience.may_watch(viewer.seat.order.pass, now);
            let why = if over { Some(CloseReason::Over) } else { viewer.expire(now).err() };
            why.map(|why| (*connection, why))
        };
        let expired: Vec<_> = self.viewers.iter().filter_map(late).collect();
        for (connection, why) in expired {
            self.dismiss(connection, why);
        }
        self.downloads.expire(&mut self.left, now, |pass| self.audience.may_watch(pass, now));
        if self.viewers.values().all(|viewer| viewer.behind_since().is_none()) {
            self.pool.trim();
        }
    }

    /// Lets a viewer go after an error in this program.
    pub fn forget(&mut self, connection: usize) {
        self.dismiss(connection, CloseReason::Failed);
    }

    fn dismiss(&mut self, connection: usize, why: CloseReason) {
        let Some(viewer) = self.viewers.remove(&connection) else {
            self.left.extend(self.downloads.dismiss(connection, why));
            return;
        };
        let camera = viewer.feed().name.clone();
        let (socket, seat) = viewer.dismantle(&mut self.pool);
        if seat.order.kind == Kind::Stream {
            self.audience.leave(&seat);
            let _scope = camera_scope(&camera);
            info!(
                "viewer {} left after {:.1} s, {} frames, {} skipped: {why}",
                seat.peer,
                seat.since.elapsed().as_secs_f32(),
                seat.frames.load(Ordering::Relaxed),
                seat.skipped.load(Ordering::Relaxed),
            );
        }
        self.left.push(Left { connection, socket, why });
    }

    /// One of those who left since the last call.
    pub fn left(&mut self) -> Option<Left> {
        self.left.pop()
    }
}
