//! The addresses of the broker's name. The system may take minutes to find them, or may hang: a thread of its own waits for
//! that, one at a time, and nobody waits longer than [`PATIENCE`].

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::socket::{Failure, PATIENCE};
use crate::host::threads;
use crate::problem::text;

/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 4;

type Found = io::Result<Vec<SocketAddr>>;

/// Looks up names.
pub(super) struct LookUp {
    resolve: fn(&str, u16) -> Found,
    patience: Duration,
    /// The last one, if it has not ended yet: the next try waits for it, too.
    running: Option<Receiver<Found>>,
}

impl Default for LookUp {
    fn default() -> Self {
        Self { resolve, patience: PATIENCE, running: None }
    }
}

impl LookUp {
    /// The addresses of this host, which may be one itself.
    pub(super) fn addresses(&mut self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start(host.to_owned(), port)?,
        };
        match running.recv_timeout(self.patience) {
            Ok(found) => Ok(found?),
            Err(RecvTimeoutError::Timeout) => {
                self.running = Some(running);
                Err(Failure::Said(text!("its name was not found within {} s", self.patience.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::Said(text!("an error in this program; see its log")))
            }
        }
    }

    fn start(&self, host: String, port: u16) -> Result<Receiver<Found>, Failure> {
        let (resolve, (found, is_found)) = (self.resolve, channel());
        let look = move || {
            let _ = found.send(resolve(&host, port)); // nobody may wait any more
        };
        threads::start("mqtt name", "looking up the broker's name", look).map_err(Failure::Problem)?;
        Ok(is_found)
    }
}

fn resolve(host: &str, port: u16) -> Found {
    Ok((host, port).to_socket_addrs()?.take(ADDRESSES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Condvar, Mutex};
    use std::time::Instant;

    use super::*;
    use crate::sync::{lock, wait};

    /// Whether the name server answers, and how often it was asked.
    static ANSWERS: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    static ASKED: AtomicUsize = AtomicUsize::new(0);

    fn hangs(_: &str, port: u16) -> Found {
        ASKED.fetch_add(1, Ordering::Relaxed);
        let mut answers = lock(&ANSWERS.0);
        while !*answers {
            answers = wait(&ANSWERS.1, answers);
        }
        Ok(vec![SocketAddr::new([10, 0, 0, 1].into(), port)])
    }

    #[test]
    fn a_look_up_that_hangs_is_given_up_and_waited_for_again_and_never_begun_twice() {
        let mut look_up = LookUp { resolve: hangs, patience: Duration::from_millis(20), running: None };
        let begin = Instant::now();
        for _ in 0..3 {
            let Err(Failure::Said(why)) = look_up.addresses("broker", 1883) else { panic!("it was found") };
            assert!(why.to_string().starts_with("its name was not found within"), "{why}");
        }
        assert!(begin.elapsed() < PATIENCE && ASKED.load(Ordering::Relaxed) <= 1);
        *lock(&ANSWERS.0) = true;
        ANSWERS.1.notify_all();
        look_up.patience = Duration::from_secs(60);
        let Ok(found) = look_up.addresses("broker", 1883) else { panic!("it was not found") };
        assert_eq!((found, ASKED.load(Ordering::Relaxed)), (vec!["10.0.0.1:1883".parse().unwrap()], 1));
    }

    #[test]
    fn an_address_is_not_looked_up_and_a_name_that_is_not_known_is_said() {
        let mut look_up = LookUp { resolve: |_, _| panic!("asked"), ..LookUp::default() };
        let Ok(found) = look_up.addresses("::1", 1883) else { panic!("it was looked up") };
        assert_eq!(found, ["[::1]:1883".parse().unwrap()]);
        let mut look_up = LookUp { resolve: |_, _| Err(io::ErrorKind::NotFound.into()), ..LookUp::default() };
        assert!(matches!(look_up.addresses("broker", 1), Err(Failure::System(_))));
    }
}
