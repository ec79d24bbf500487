//! Limits how many bytes the kernel holds for a viewer: everything that waits there adds delay.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use crate::socket::Stream;

/// A viewer that does not keep up is given the next frame when the kernel has less than half of this, in bytes,
/// to send (tcp_poll): enough to keep its link busy until then, and little delay.
const SLOW: usize = 4 << 10;

/// A viewer that missed a frame keeps up again after this many frames without missing one.
const STEADY: u32 = 64;

/// The kernel's buffer of one viewer's socket.
#[derive(Debug)]
pub(super) struct KernelBuffer {
    /// The limit that was set last, in bytes; 0 before the first.
    size: usize,
    /// Frames since the viewer missed one, counted up to [`STEADY`].
    steady: u32,
}

impl KernelBuffer {
    /// The buffer of a viewer that has missed nothing yet.
    pub(super) fn new() -> Self {
        Self { size: 0, steady: STEADY }
    }

    /// Sets how much the kernel may hold that is not sent yet (TCP_NOTSENT_LOWAT): a frame while the viewer keeps
    /// up, so that each frame is one call; next to nothing when it does not.
    pub(super) fn fit(&mut self, stream: &Stream, part: usize, missed: bool) {
        self.steady = if missed { 0 } else { self.steady.saturating_add(1).min(STEADY) };
        let keeps_up = self.steady == STEADY;
        // A quarter more, since the next frame may be larger.
        let (fits, wanted) =
            if keeps_up { (self.size >= part, part + part / 4) } else { (self.size == SLOW, SLOW) };
        if !fits {
            self.size = wanted;
            let bytes = u32::try_from(wanted).unwrap_or(u32::MAX);
            // A kernel without it (before 3.12) shows slow viewers older pictures; nothing else. So does a socket in the
            // file system, whose client is a proxy on this machine.
            let _ = SockRef::from(stream).set_tcp_notsent_lowat(bytes);
        }
    }

    /// Whether the next frame would not wait in the kernel behind an earlier one. While a viewer keeps up, a
    /// blocked write shows that; otherwise the socket is polled, since the kernel fills up a segment that it has begun
    /// (up to 64 KB) whatever the limit. After `false`, an event comes once there is space (tcp_poll).
    pub(super) fn has_space(&self, stream: &Stream) -> bool {
        if self.steady == STEADY {
            return true;
        }
        let mut sockets = [PollFd::new(stream, PollFlags::OUT)];
        !matches!(poll(&mut sockets, Some(&Timespec::default())), Ok(0)) // an error shows when it is written to
    }
}
