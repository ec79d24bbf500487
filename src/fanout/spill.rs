//! Memory for what a viewer's socket did not take of a frame: reused, with one cap over all viewers of all event
//! loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most that all spills hold together, in bytes.
pub const SPILL_CAP: usize = 16 << 20;

/// Spills in use have reached the cap, or the system has no memory left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapReached;

/// The rest of a frame that waits until a viewer's socket takes more.
#[derive(Debug, Default)]
pub struct Spill {
    bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    sent: usize,
}

impl Spill {
    /// What is still to be sent.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Notes that `count` more bytes were sent.
    pub fn advance(&mut self, count: usize) {
        self.sent = (self.sent + count).min(self.bytes.len());
    }
}

/// The buffers of one event loop's spills.
#[derive(Debug)]
pub struct Pool {
    /// Buffers that no spill uses.
    free: Vec<Vec<u8>>,
    /// Capacity of all buffers of all pools, free or in use, in bytes.
    held: Arc<AtomicUsize>,
    /// The most that `held` may be, in bytes.
    cap: usize,
}

impl Pool {
    /// A pool whose buffers, and those of all others that count in `held`, stay within `cap` bytes.
    pub fn new(cap: usize, held: Arc<AtomicUsize>) -> Self {
        Self { free: Vec::new(), held, cap }
    }

    /// A spill that holds the `parts`, one after the other.
    ///
    /// # Errors
    /// [`CapReached`] when the cap is reached by spills that are in use, or the system has no memory left.
    pub fn take(&mut self, parts: &[&[u8]]) -> Result<Spill, CapReached> {
        let length = parts.iter().map(|part| part.len()).sum();
        let mut bytes = match self.free.iter().position(|buffer| buffer.capacity() >= length) {
            Some(index) => self.free.swap_remove(index),
            None => self.allocate(length)?,
        };
        bytes.clear();
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Ok(Spill { bytes, sent: 0 })
    }

    fn allocate(&mut self, length: usize) -> Result<Vec<u8>, CapReached> {
        let fits = |held: usize| held.checked_add(length).filter(|held| *held <= self.cap);
        while self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            let Some(buffer) = self.free.pop() else { return Err(CapReached) };
            self.held.fetch_sub(buffer.capacity(), Ordering::Relaxed);
        }
        let mut buffer = Vec::new();
        // A limit on the process's memory is a cap, too.
        if buffer.try_reserve_exact(length).is_err() {
            self.held.fetch_sub(length, Ordering::Relaxed);
            return Err(CapReached);
        }
        self.held.fetch_add(buffer.capacity() - length, Ordering::Relaxed);
        Ok(buffer)
    }

    /// Takes a spill's memory back.
    pub fn give_back(&mut self, spill: Spill) {
        if spill.bytes.capacity() > 0 {
            self.free.push(spill.bytes);
        }
    }

    /// Frees the buffers that no spill uses.
    pub fn trim(&mut self) {
        for buffer in self.free.drain(..) {
            self.held.fetch_sub(buffer.capacity(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spills_are_reused_and_never_exceed_the_cap() {
        let held = Arc::<AtomicUsize>::default();
        let mut pool = Pool::new(100, held.clone());
        let held = || held.load(Ordering::Relaxed);
        let first = pool.take(&[&[1; 30], &[2; 30]]).unwrap();
        assert_eq!(first.rest().len(), 60);
        assert_eq!(pool.take(&[&[0; 60]]).unwrap_err(), CapReached);
        pool.give_back(first);
        let second = pool.take(&[&[3; 10]]).unwrap();
        assert_eq!((held(), second.rest()), (60, &[3; 10][..]));
        pool.give_back(second);
        assert!(pool.take(&[&[0; 90]]).is_ok(), "a free buffer that is too small must make way");
        assert!(held() <= 100);
    }

    #[test]
    fn two_event_loops_share_one_cap() {
        let held = Arc::<AtomicUsize>::default();
        let [mut one, mut other] = [(); 2].map(|()| Pool::new(100, held.clone()));
        let spill = one.take(&[&[0; 60]]).unwrap();
        assert_eq!(other.take(&[&[0; 60]]).unwrap_err(), CapReached);
        one.give_back(spill);
        one.trim();
        assert!(other.take(&[&[0; 60]]).is_ok());
    }

    #[test]
    fn what_was_sent_is_not_sent_again() {
        let mut spill = Pool::new(100, Arc::default()).take(&[b"abc", b"def"]).unwrap();
        spill.advance(4);
        assert_eq!(spill.rest(), b"ef");
        spill.advance(99);
        assert_eq!(spill.rest(), b"");
    }
}
