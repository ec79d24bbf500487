//! The one way to end: a signal, seen by everybody who waits.

use crate::sync::{lock, wait_while};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Whether the program is to end. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Tells everybody to end.
    pub fn begin(&self) {
        *self.begun() = true;
        self.0.1.notify_all();
    }

    /// Whether everybody is to end.
    pub fn has_begun(&self) -> bool {
        *self.begun()
    }

    /// Waits until everybody is to end, at most `patience`; says whether it is so.
    pub fn wait(&self, patience: Duration) -> bool {
        *wait_while(&self.0.1, self.begun(), patience, |begun| !*begun)
    }

    fn begun(&self) -> MutexGuard<'_, bool> {
        lock(&self.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_told() {
        let shutdown = Shutdown::default();
        assert!(!shutdown.wait(Duration::ZERO));
        let waiting = std::thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.wait(Duration::from_secs(60))
        });
        shutdown.begin();
        assert!(waiting.join().unwrap() && shutdown.has_begun());
    }
}
