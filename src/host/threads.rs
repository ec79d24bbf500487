//! Threads that the end of the program waits for. Started by [`crate::serve`] and the modules that it starts.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::problem::Problem;

/// Starts a thread called `name` (Linux shows 15 bytes of it) that does what `purpose` says.
///
/// # Errors
/// When the system has no thread left; `purpose` completes "cannot start".
pub fn start(name: &str, purpose: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Problem> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop).map_err(|error| {
        Problem::new(format!("cannot start {purpose}"), error.to_string(), "is the system out of memory?")
    })
}

/// Threads that hold something that they must release at the end: a camera, a file, a name on the network.
#[derive(Debug, Clone)]
pub struct Threads(Sender<()>);

/// Knows when all of [`Threads`] have ended.
#[derive(Debug)]
pub struct Ended(Receiver<()>);

impl Threads {
    /// No threads yet.
    pub fn new() -> (Self, Ended) {
        let (running, ended) = channel();
        (Self(running), Ended(ended))
    }

    /// As [`start`]; the end of the program waits for this thread.
    ///
    /// # Errors
    /// As [`start`].
    pub fn start(
        &self,
        name: &str,
        purpose: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), Problem> {
        let running = self.0.clone();
        start(name, purpose, move || {
            run();
            drop(running);
        })
    }
}

impl Ended {
    /// Waits until every thread has ended, a panic included, and every [`Threads`] is dropped; `false` if that takes
    /// longer than `timeout`.
    pub fn wait(&self, timeout: Duration) -> bool {
        self.0.recv_timeout(timeout) != Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_threads_that_run_and_not_for_those_that_panicked() {
        let (threads, ended) = Threads::new();
        let (finish, finished) = channel::<()>();
        threads.start("waits", "a test", move || assert!(finished.recv().is_err())).unwrap();
        threads.start("panics", "a test", || panic!("on purpose")).unwrap();
        drop(threads);
        assert!(!ended.wait(Duration::from_millis(10)));
        drop(finish);
        assert!(ended.wait(Duration::from_secs(10)));
    }
}
