//! The addresses of a target's name. The system may take minutes to find them, or may hang: a thread of its own waits for
//! that, one at a time for each target, and nobody waits for it longer than for the target itself.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::host::threads;
use crate::problem::Problem;

/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 4;

type Found = io::Result<Vec<SocketAddr>>;

/// Looks up the name of one target.
#[derive(Debug)]
pub(super) struct LookUp {
    thread: &'static str,
    resolve: fn(&str, u16) -> Found,
    /// The last one, if it has not ended yet: the next try waits for it, too.
    running: Option<Receiver<Found>>,
}

/// Why there is no address.
#[derive(Debug)]
pub(super) enum Failure {
    /// What the system says.
    System(io::Error),
    /// It is not found yet.
    TimedOut,
    /// It cannot even be looked up.
    Problem(Problem),
}

impl LookUp {
    /// The thread will have this name.
    pub(super) fn new(thread: &'static str) -> Self {
        Self { thread, resolve, running: None }
    }

    /// One that asks `resolve` in place of the system.
    #[cfg(test)]
    pub(super) fn with(resolve: fn(&str, u16) -> Found) -> Self {
        Self { resolve, ..Self::new("name") }
    }

    /// The addresses of this host, which may be one itself; waits for `patience` at most. It is the same host each time.
    pub(super) fn addresses(
        &mut self,
        host: &str,
        port: u16,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start(host.to_owned(), port).map_err(Failure::Problem)?,
        };
        match running.recv_timeout(patience) {
            Ok(found) => found.map_err(Failure::System),
            Err(RecvTimeoutError::Timeout) => {
                self.running = Some(running);
                Err(Failure::TimedOut)
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::System(io::Error::other("an error in this program; see its log")))
            }
        }
    }

    fn start(&self, host: String, port: u16) -> Result<Receiver<Found>, Problem> {
        let (resolve, (found, is_found)) = (self.resolve, channel());
        let look = move || {
            let _ = found.send(resolve(&host, port)); // nobody may wait any more
        };
        threads::start(self.thread, &format!("looking up a name (thread {})", self.thread), look)?;
        Ok(is_found)
    }
}

fn resolve(host: &str, port: u16) -> Found {
    Ok((host, port).to_socket_addrs()?.take(ADDRESSES_MAX).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};

    use super::*;
    use crate::sync::{lock, wait};

    /// A name server that answers once it is told to, and counts how often it was asked.
    #[derive(Debug, Default)]
    pub struct Hanging {
        answers: Mutex<bool>,
        changed: Condvar,
        asked: AtomicUsize,
    }

    impl Hanging {
        pub const fn new() -> Self {
            Self { answers: Mutex::new(false), changed: Condvar::new(), asked: AtomicUsize::new(0) }
        }

        pub fn ask(&self, port: u16) -> Found {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let mut answers = lock(&self.answers);
            while !*answers {
                answers = wait(&self.changed, answers);
            }
            Ok(vec![SocketAddr::new([127, 0, 0, 1].into(), port)])
        }

        pub fn answer(&self) {
            *lock(&self.answers) = true;
            self.changed.notify_all();
        }

        pub fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_look_up_that_hangs_is_given_up_and_waited_for_again_and_never_begun_twice() {
        static SERVER: Hanging = Hanging::new();
        let mut look_up = LookUp::with(|_, port| SERVER.ask(port));
        for _ in 0..3 {
            let found = look_up.addresses("broker", 1883, Duration::from_millis(20));
            assert!(matches!(found, Err(Failure::TimedOut)), "{found:?}");
        }
        SERVER.answer();
        let found = look_up.addresses("broker", 1883, Duration::from_secs(60)).unwrap();
        assert_eq!((found, SERVER.asked()), (vec!["127.0.0.1:1883".parse().unwrap()], 1));
    }

    #[test]
    fn an_address_is_not_looked_up_and_a_name_that_is_not_known_is_said() {
        let patience = Duration::from_secs(60);
        let mut look_up = LookUp::with(|_, _| panic!("asked"));
        assert_eq!(look_up.addresses("::1", 1883, patience).unwrap(), ["[::1]:1883".parse().unwrap()]);
        let mut look_up = LookUp::with(|_, _| Err(io::ErrorKind::NotFound.into()));
        assert!(matches!(look_up.addresses("broker", 1, patience), Err(Failure::System(_))));
        let mut look_up = LookUp::with(|_, _| panic!("the resolver has a fault"));
        assert!(matches!(look_up.addresses("broker", 1, patience), Err(Failure::System(_))));
    }
}
