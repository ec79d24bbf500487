//! Reports to the service manager by systemd's protocol, sd_notify(3): ready, status, watchdog and stopping. Called by
//! [`crate::serve`]; without a service manager nothing happens.
//!
//! A watchdog should restart what a restart can cure. So `WATCHDOG=1` is sent only while
//!
//! - every event loop turns: each check wakes it, and it must have turned by the next one; and
//! - no camera's thread hangs that had delivered frames. A camera that hangs before its first frame (some drivers never
//!   return from open) would hang again after each restart, and each restart would interrupt the other cameras and the
//!   page that explains the trouble; the status says it instead.
//!
//! Both are observed inside the process. A check over the network would mistake a flood of clients for a hang.

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
use crate::names::CameraLabel;
use crate::problem::Problem;

/// The longest time between two status reports.
const STATUS_PERIOD: Duration = Duration::from_secs(5);

/// Checks within the watchdog's time-out. sd_watchdog_enabled(3) advises two; with four, a loop that is late once gets
/// another chance.
const CHECKS: u32 = 4;

/// A camera's thread that has made no round for this long hangs in its driver. Each request to a faulty USB camera may
/// take 5 s (uvcvideo's UVC_CTRL_STREAMING_TIMEOUT), and negotiation takes several requests.
const CAMERA_TIME: Duration = Duration::from_secs(60);

/// The longest status, in bytes. systemd ignores messages of more than 4,096.
const STATUS_MAX: usize = 1000;

/// The longest wait for a service manager that is not reading.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts the rounds of a loop, so that another thread sees whether it turns.
#[derive(Debug, Default)]
pub struct Pulse(AtomicU32);

impl Pulse {
    /// Counts one round.
    pub fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The loops that the watchdog looks after.
pub struct Vitals {
    /// The rounds of the event loops.
    pub event_loops: Vec<Arc<Pulse>>,
    /// Wakes the event loops, so that an idle one turns.
    pub wake: Box<dyn Fn() + Send>,
    /// The cameras' threads.
    pub cameras: Vec<Arc<dyn Watched>>,
}

/// A camera's thread, as the watchdog sees it.
pub trait Watched: Send + Sync {
    /// The camera's name.
    fn name(&self) -> &str;
    /// Counts the rounds of the thread.
    fn pulse(&self) -> &Pulse;
    /// Whether the thread sleeps until somebody wants the camera.
    fn is_asleep(&self) -> bool;
    /// Whether it has ever delivered a frame.
    fn has_delivered(&self) -> bool;
    /// Its status in one line.
    fn status(&self) -> String;
}

/// The service manager that started us.
#[derive(Debug)]
pub struct Service {
    /// Opened at the start, so that the watchdog can be served when descriptors have run out.
    socket: UnixDatagram,
    address: SocketAddr,
    /// The watchdog's time-out: without a message for this long it ends the process.
    watchdog: Option<Duration>,
}

impl Service {
    /// The service manager named by `NOTIFY_SOCKET`, if there is one, with the watchdog of `WATCHDOG_USEC`. A
    /// `WATCHDOG_PID` of another process means that the watchdog is not for us.
    pub fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let watchdog = number("WATCHDOG_USEC")
            .filter(|_| number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(process::id())))
            .map(Duration::from_micros);
        Self::connect(&name, watchdog)
            .inspect_err(|failure| warn!("cannot reach the service manager at {}: {failure}", name.display()))
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

    fn notify(&self, state: &str) {
        if let Err(failure) = self.socket.send_to_addr(state.as_bytes(), &self.address) {
            warn!("cannot notify the service manager: {failure}");
        }
    }

    /// Reports that clients can connect.
    pub fn ready(&self) {
        self.notify("READY=1");
    }

    /// Reports that the end has begun.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// Serves the watchdog and reports the status until the end, on a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn watch(self: &Arc<Self>, vitals: Vitals, shutdown: &Shutdown) -> Result<(), Problem> {
        let service = self.clone();
        let shutdown = shutdown.clone();
        threads::start("watchdog", "the watchdog's thread", move || service.run(&vitals, &shutdown))
    }

    fn run(&self, vitals: &Vitals, shutdown: &Shutdown) {
        let period = self.watchdog.map_or(STATUS_PERIOD, |timeout| (timeout / CHECKS).min(STATUS_PERIOD));
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
                None => self.notify(&format!("{alive}STATUS={}", status(&vitals.cameras))),
                Some(what) => self.notify(&format!("STATUS={what}")),
            }
            if let Some(what) = hung.as_ref().filter(|_| well) {
                error!("{what}; no longer answering the service manager's watchdog");
            }
            well = hung.is_none();
        }
    }
}

/// A camera's thread, its last known round, and when that was.
struct Rounds<'a> {
    camera: &'a dyn Watched,
    seen: u32,
    at: Instant,
}

impl Rounds<'_> {
    /// What hangs, if a restart may cure it.
    fn hung(&mut self, now: Instant) -> Option<String> {
        let count = self.camera.pulse().count();
        if count != self.seen || self.camera.is_asleep() {
            (self.seen, self.at) = (count, now);
        }
        let silent = now.saturating_duration_since(self.at);
        let hangs = silent > CAMERA_TIME && self.camera.has_delivered();
        hangs.then(|| format!("{} hangs in its driver", CameraLabel(self.camera.name())))
    }
}

/// The status of all cameras in one line, since a second line could send any message in our name. A [`Problem`] is one
/// line whatever a camera calls itself.
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
    use crate::feed::{CaptureState, Feed};

    fn feed() -> Feed {
        Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern)).0
    }

    #[test]
    fn only_a_camera_that_had_delivered_hangs_and_only_long_after_its_last_round() {
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
    fn a_camera_that_rests_does_not_hang_and_has_its_whole_time_when_it_is_opened_again() {
        let feed = feed();
        let begin = Instant::now();
        let mut camera = Rounds { camera: &feed, seen: 0, at: begin };
        feed.counters.captured.fetch_add(1, Ordering::Relaxed);
        feed.status().state = CaptureState::Resting;
        let later = begin + 100 * CAMERA_TIME;
        assert_eq!(camera.hung(later), None);
        feed.status().state = CaptureState::Starting;
        assert_eq!(camera.hung(later + CAMERA_TIME), None);
        assert!(camera.hung(later + CAMERA_TIME + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn a_status_is_one_short_line_whatever_a_camera_is_called() {
        let feed = Arc::new(feed());
        let problem = Problem::new("cannot use x\nMAINPID=1", "ü".repeat(STATUS_MAX), "unplug it");
        feed.status().state = CaptureState::Waiting(problem);
        let line = status(&[feed]);
        assert!(line.starts_with("door: cannot use x\\nMAINPID=1: ü"), "{line}");
        assert!(line.len() <= STATUS_MAX && line.len() > STATUS_MAX - 4, "{} bytes", line.len());
    }
}
