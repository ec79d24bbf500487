//! A steady stream allocates nothing, from the camera's bytes to the viewers' sockets.

mod service;

use std::alloc::System;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use boardcam::camera::{Frame, Source, SourceError, SourceInfo};
use boardcam::multipart;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const VIEWERS: usize = 3;

/// Compressed bytes of a frame; less than a socket takes at once, whatever its state.
const SCAN: usize = 20_000;

/// Frames until every buffer has its final size, and frames during which allocations are counted.
const WARM_UP: usize = 50;
const COUNTED: usize = 500;

/// Gives a frame when every viewer has taken the one before, so that all of them keep up even on a slow machine.
struct InStep {
    info: SourceInfo,
    jpeg: Vec<u8>,
    taken: Receiver<()>,
    waiting: usize,
    sequence: u32,
}

impl Source for InStep {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        while self.waiting < VIEWERS {
            if self.taken.recv_timeout(timeout).is_err() {
                return Ok(None);
            }
            self.waiting += 1;
        }
        self.waiting = 0;
        self.sequence += 1;
        let (bytes, captured, sequence) = (&self.jpeg[..], Instant::now(), self.sequence);
        Ok(Some(Frame { bytes, captured, sequence, flaw: None, memory: None }))
    }
}

struct Viewer {
    socket: TcpStream,
    taken: SyncSender<()>,
    part: Vec<u8>,
    jpeg: Vec<u8>,
}

impl Viewer {
    fn new(address: SocketAddr, taken: SyncSender<()>, jpeg: Vec<u8>) -> Self {
        let part = service::part(&jpeg);
        Self { socket: service::watch(address).expect("a stream"), taken, part, jpeg }
    }

    fn watch(&mut self, frames: usize) {
        for _ in 0..frames {
            self.taken.send(()).expect("a camera");
            self.socket.read_exact(&mut self.part).expect("a frame");
            let (head, rest) =
                self.part.split_at(self.part.len() - self.jpeg.len() - multipart::TRAILER.len());
            assert!(head.starts_with(b"Content-Type: image/jpeg\r\n") && head.ends_with(b"\r\n\r\n"));
            assert!(rest.starts_with(&self.jpeg) && rest.ends_with(multipart::TRAILER));
        }
    }
}

/// There is only one test, since the allocations of another one on another thread would be counted, too.
#[test]
fn frames_from_a_camera_of_jpegs_reach_viewers_that_keep_up_without_one_allocation() {
    let bare = service::bare_jpeg(SCAN);
    let mended = service::mended(&bare);

    let (taken, waits) = sync_channel(VIEWERS);
    let info = service::info(&bare);
    let camera = InStep { info, jpeg: bare, taken: waits, waiting: 0, sequence: 0 };
    let address = service::serve(camera).expect("a running service");
    let viewer = || Viewer::new(address, taken.clone(), mended.clone());
    let mut first = viewer();
    let others: Vec<_> = (1..VIEWERS)
        .map(|_| {
            let mut viewer = viewer();
            // One frame more than is counted, so that no viewer leaves before the count is taken.
            thread::spawn(move || viewer.watch(WARM_UP + COUNTED + 1))
        })
        .collect();

    first.watch(WARM_UP);
    let region = Region::new(ALLOCATOR);
    first.watch(COUNTED);
    let used = region.change();
    first.watch(1);

    for viewer in others {
        viewer.join().expect("every frame, whole and in order");
    }
    assert_eq!((used.allocations, used.reallocations), (0, 0), "in {COUNTED} frames to {VIEWERS} viewers");
}
