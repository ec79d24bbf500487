//! How many clients may be there, over all event loops.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::host::memory::Memory;

/// How many connections there are, for `/state`.
#[derive(Debug, Default)]
pub struct Count {
    /// Open now.
    pub open: AtomicUsize,
    /// The most at once.
    pub limit: AtomicUsize,
    /// Turned away since the start because there were too many.
    pub refused: AtomicUsize,
}

/// What limits their number: a cap that leaves descriptors for the rest of the process, and memory.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    pub(super) count: Arc<Count>,
    pub(super) limit: usize,
    memory: Mutex<Memory>,
    /// What the last look at memory found.
    short: AtomicBool,
    /// How many others were there at the last look that found enough.
    fitted: AtomicUsize,
}

impl ConnectionLimit {
    /// Room for so many at once.
    pub(super) fn new(limit: usize) -> Self {
        let count = Arc::new(Count::default());
        count.limit.store(limit, Ordering::Relaxed);
        let (memory, short, fitted) = (Mutex::default(), AtomicBool::new(false), AtomicUsize::new(0));
        Self { count, limit, memory, short, fitted }
    }

    /// How many are there.
    pub(super) fn taken(&self) -> usize {
        self.count.open.load(Ordering::Relaxed)
    }

    /// Whether memory is too short for one more beside these `others`. The allocator keeps what was freed for
    /// other uses, and it counts as used: so when more than half of those are gone who were there when memory
    /// ran short, their room is given again. Whoever is alone is served in any case.
    pub(super) fn has_no_memory_beside(&self, others: usize, now: Instant) -> bool {
        // A look that another loop takes just now is not waited for.
        if let Ok(mut memory) = self.memory.try_lock() {
            self.short.store(memory.is_short(now), Ordering::Relaxed);
        }
        let short = self.short.load(Ordering::Relaxed);
        if !short {
            self.fitted.store(others, Ordering::Relaxed);
        }
        short && others >= (self.fitted.load(Ordering::Relaxed) / 2).max(1)
    }
}
