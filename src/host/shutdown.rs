//! The one way to end the program: a flag that every waiting thread sees.

use crate::sync::{lock, wait_while};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Whether the program is to end. Clones share the same flag.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<(Mutex<bool>, Condvar)>);

impl Shutdown {
    /// Ends every wait.
    pub fn begin(&self) {
        *self.begun() = true;
        self.0.1.notify_all();
    }

    /// Whether the program is ending.
    pub fn has_begun(&self) -> bool {
        *self.begun()
    }

    /// Waits until the program is to end, for at most `timeout`; returns whether it is.
    pub fn wait(&self, timeout: Duration) -> bool {
        *wait_while(&self.0.1, self.begun(), timeout, |begun| !*begun)
    }

    fn begun(&self) -> MutexGuard<'_, bool> {
        lock(&self.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_the_end_ends_every_wait() {
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
