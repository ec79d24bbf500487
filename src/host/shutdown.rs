//! The one way to end the program: a flag that every waiting thread sees.

use crate::sync::{lock, wait_while};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, Thread};
use std::time::Duration;

/// Whether the program is to end. Clones share the same flag.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    begun: bool,
    /// Threads that are parked.
    parked: Vec<Thread>,
}

impl Shutdown {
    /// Ends every wait.
    pub fn begin(&self) {
        let mut state = self.state();
        state.begun = true;
        state.parked.iter().for_each(Thread::unpark);
        self.0.1.notify_all();
    }

    /// From now on, the calling thread is unparked when the program is to end ([`thread::park`]).
    pub fn unparks_this_thread(&self) {
        self.state().parked.push(thread::current());
    }

    /// Whether the program is ending.
    pub fn has_begun(&self) -> bool {
        self.state().begun
    }

    /// Waits until the program is to end, for at most `timeout`; returns whether it is.
    pub fn wait(&self, timeout: Duration) -> bool {
        wait_while(&self.0.1, self.state(), timeout, |state| !state.begun).begun
    }

    fn state(&self) -> MutexGuard<'_, State> {
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
        let parked = std::thread::spawn({
            let shutdown = shutdown.clone();
            move || {
                shutdown.unparks_this_thread();
                while !shutdown.has_begun() {
                    thread::park();
                }
            }
        });
        shutdown.begin();
        assert!(waiting.join().unwrap() && shutdown.has_begun());
        parked.join().unwrap();
    }
}
