//! What the service manager that started us is told, in the protocol of systemd's sd_notify(3): that we listen, how
//! we are, that we live, and that we end. Called by [`crate::serve`]; without such a manager nothing happens.
//!
//! A watchdog restarts what a restart can cure. So `WATCHDOG=1` is sent only while
//!
//! - every event loop turns: at each look it is woken, and must have turned at the next; and
//! - no camera's thread hangs that had delivered before. One that hangs before its first frame (there are drivers
//!   that never return from being opened) would hang again after each restart, and take the other cameras and the
//!   page that explains it away each time; the status tells of it.
//!
//! Both are signs from within. Asking ourselves over the network would let a flood of strangers look like a hang.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::log::{error, warn};

use super::shutdown::Shutdown;
use super::threads;
use crate::problem::Problem;

/// How often the status is told, at least.
const STATUS_PERIOD: Duration = Duration::from_secs(5);

/// Looks in the time after which the watchdog bites. sd_watchdog_enabled(3) advises two; a loop that is late once
/// has another chance.
const LOOKS: u32 = 4;

/// A camera's thread that has not gone round for so long hangs in its driver. A sick USB camera keeps it for 5 s with
/// each request (uvcvideo's UVC_CTRL_STREAMING_TIMEOUT), and negotiating takes several.
const CAMERA_TIME: Duration = Duration::from_secs(60);

/// The longest status, in bytes. systemd ignores messages of more than 4,096.
const STATUS_MAX: usize = 1000;

/// The longest wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts the rounds of a loop, so that others see whether it turns.
#[derive(Debug, Default)]
pub struct Pulse(AtomicU32);

impl Pulse {
    /// The loop has gone round.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What must turn as long as we live.
pub struct Vitals {
    /// The event loops'.
    pub event_loops: Vec<Arc<Pulse>>,
    /// Makes the event loops turn.
    pub wake: Box<dyn Fn() + Send>,
    /// The cameras' threads.
    pub cameras: Vec<Arc<dyn Watched>>,
}

/// A camera's thread, as the watchdog sees it.
pub trait Watched: Send + Sync {
    /// The camera's name.
    fn name(&self) -> &str;
    /// Beats once each time the thread goes round.
    fn pulse(&self) -> &Pulse;
    /// Whether it has ever delivered a frame.
    fn has_delivered(&self) -> bool;
    /// How it is, in one line.
    fn status(&self) -> String;
}

/// The service manager that started us.
#[derive(Debug)]
pub struct Service {
    /// Held from the start: when the descriptors are used up one can still say that one lives.
    socket: UnixDatagram,
    address: SocketAddr,
    /// It ends us when it has not heard of us for so long.
    watchdog: Option<Duration>,
}

impl Service {
    /// The service manager that wants to be told, if there is one: `NOTIFY_SOCKET`, and for the watchdog
    /// `WATCHDOG_USEC` and `WATCHDOG_PID`, which is another's when it was meant for our parent.
    pub fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let watchdog = number("WATCHDOG_USEC")
            .filter(|_| number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id())))
            .map(Duration::from_micros);
        Self::connect(&name, watchdog)
            .inspect_err(|failure| warn!("cannot tell the service manager at {}: {failure}", name.display()))
            .ok()
    }

    fn connect(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, address, watchdog })
    }

    fn tell(&self, words: &str) {
        if let Err(failure) = self.socket.send_to_addr(words.as_bytes(), &self.address) {
            warn!("cannot tell the service manager: {failure}");
        }
    }

    /// Clients can connect.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells from a thread of its own, until the end, that we live and how.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn watch(self: &Arc<Self>, vitals: Vitals, shutdown: &Shutdown) -> Result<(), Problem> {
        let service = self.clone();
        let shutdown = shutdown.clone();
        threads::start("watchdog", "the watchdog's thread", move || service.run(&vitals, &shutdown))
    }

    fn run(&self, vitals: &Vitals, shutdown: &Shutdown) {
        let period = self.watchdog.map_or(STATUS_PERIOD, |bites| (bites / LOOKS).min(STATUS_PERIOD));
        let alive = self.watchdog.map_or("", |_| "WATCHDOG=1\n");
        let turns = || vitals.event_loops.iter().map(|pulse| pulse.count()).collect::<Vec<_>>();
        let mut seen = turns();
        let mut cameras: Vec<_> = vitals
            .cameras
            .iter()
            .map(|camera| Rounds { camera: &**camera, seen: camera.pulse().count(), at: Instant::now() })
            .collect();
        let mut well = true;
        loop {
            (vitals.wake)();
            if shutdown.wait(period) {
                return;
            }
            let before = std::mem::replace(&mut seen, turns());
            let hung = if before.iter().zip(&seen).any(|(before, now)| before == now) {
                Some("the event loop hangs".to_owned())
            } else {
                let now = Instant::now();
                cameras.iter_mut().filter_map(|camera| camera.hung(now)).next()
            };
            match &hung {
                None => self.tell(&format!("{alive}STATUS={}", status(&vitals.cameras))),
                Some(what) => self.tell(&format!("STATUS={what}")),
            }
            if let Some(what) = hung.as_ref().filter(|_| well) {
                error!("{what}; the service manager is told no more that all is well");
            }
            well = hung.is_none();
        }
    }
}

/// A camera's thread and the last round of it that was seen.
struct Rounds<'a> {
    camera: &'a dyn Watched,
    seen: u32,
    at: Instant,
}

impl Rounds<'_> {
    /// What hangs, where a restart may cure it.
    fn hung(&mut self, now: Instant) -> Option<String> {
        let count = self.camera.pulse().count();
        if count != self.seen {
            (self.seen, self.at) = (count, now);
        }
        let silent = now.saturating_duration_since(self.at);
        let hangs = silent > CAMERA_TIME && self.camera.has_delivered();
        hangs.then(|| format!("camera {} hangs in its driver", self.camera.name()))
    }
}

/// How the cameras are, in one line: a second one could say anything in our name. A [`Problem`]
/// is one line whatever a camera calls itself.
fn status(cameras: &[Arc<dyn Watched>]) -> String {
    let cameras: Vec<_> = cameras.iter().map(|camera| camera.status()).collect();
    let mut line = cameras.join("; ");
    while line.len() > STATUS_MAX {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::feed::{Feed, State};

    fn feed() -> Feed {
        Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern))
    }

    #[test]
    fn a_camera_hangs_only_after_it_had_delivered_and_long_after_its_last_round() {
        let feed = feed();
        let begin = Instant::now();
        let mut camera = Rounds { camera: &feed, seen: 0, at: begin };
        let late = begin + CAMERA_TIME + Duration::from_secs(1);
        assert_eq!(camera.hung(late), None, "it never delivered");
        feed.counters.captured.fetch_add(1, Ordering::Relaxed);
        assert_eq!(camera.hung(begin + CAMERA_TIME), None);
        assert_eq!(camera.hung(late), Some("camera door hangs in its driver".to_owned()));
        feed.pulse.beat();
        assert_eq!(camera.hung(late), None, "it goes on");
    }

    #[test]
    fn a_status_is_one_line_of_bounded_length_whatever_a_camera_is_called() {
        let feed = Arc::new(feed());
        let problem = Problem::new("cannot use x\nMAINPID=1", "ü".repeat(STATUS_MAX), "unplug it");
        feed.status().state = State::Waiting(problem);
        let told = status(&[feed]);
        assert!(told.starts_with("door: cannot use x\\nMAINPID=1: ü"), "{told}");
        assert!(told.len() <= STATUS_MAX && told.len() > STATUS_MAX - 4, "{} bytes", told.len());
    }
}
