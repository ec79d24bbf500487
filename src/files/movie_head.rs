//! The beginning of a video file, whose rest is a part of a recording. Made by [`super::video`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The beginning of a video file, and the part of the recording that follows it.
#[derive(Debug)]
pub struct MovieHead {
    pub(super) bytes: Vec<u8>,
    /// Where that part begins in the recording.
    pub(super) start: u64,
    /// The length of that part.
    pub(super) rest: u64,
    /// Differs when the file does.
    pub(super) tag: u64,
    /// The memory of all such heads, to which the length of `bytes` was added.
    pub(super) used: Arc<AtomicUsize>,
}

impl Drop for MovieHead {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes.len(), Ordering::AcqRel);
    }
}

impl MovieHead {
    /// The length of the whole file.
    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.rest
    }

    /// In quotes.
    pub(super) fn etag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.tag, self.length())
    }

    /// Fills the beginning of `out` with what of the head is at the place `at` and behind it in the file. Returns how
    /// much that is, and where in the recording the rest of `out` is.
    pub(super) fn read(&self, out: &mut [u8], at: u64) -> (usize, u64) {
        let length = self.bytes.len() as u64;
        let own = usize::try_from(at).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let taken = own.len().min(out.len());
        out[..taken].copy_from_slice(&own[..taken]);
        (taken, self.start.saturating_add(at.saturating_sub(length)))
    }
}
