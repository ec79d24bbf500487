//! The program under test: starts it with options, reads its state, watches its streams and ends it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use client::{Outcome, Server, Viewer, ensure, get, wait_for};
use rustix::process::Signal;
use serde_json::Value;

pub const PROGRAM: &str = "/bin/boardcam";
/// Holds the log of each boardcam that the current case has started.
pub const LOGS: &str = "/tmp/logs";
/// Holds what boardcam keeps over a restart within the current case.
pub const STATE: &str = "/tmp/state";

/// Resources that boardcam must release sooner or later.
#[derive(Debug, Clone, Copy)]
pub struct Holdings {
    descriptors: usize,
    threads: usize,
    /// Resident memory.
    kib: u64,
}

impl Holdings {
    /// By how much memory may grow, in KiB.
    const MORE_KIB: u64 = 1024;

    /// Whether this is at most `before`, memory within the margin.
    pub fn fits(self, before: Self) -> bool {
        self.descriptors <= before.descriptors
            && self.threads <= before.threads
            && self.kib <= before.kib + Self::MORE_KIB
    }
}

/// One of a camera's frame counters in /state.
pub fn count(camera: &Value, what: &str) -> u64 {
    camera["frames"][what].as_u64().unwrap_or(0)
}

/// How many frames were dropped for a reason.
pub fn dropped(camera: &Value, reason: &str) -> u64 {
    camera["frames"]["dropped"][reason].as_u64().unwrap_or(0)
}

/// A running boardcam; dropping it kills it.
pub struct Boardcam {
    server: Server,
    log: PathBuf,
}

impl Deref for Boardcam {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Boardcam {
    /// Starts boardcam and waits until it answers.
    pub fn start(options: &[&str]) -> Outcome<Self> {
        Self::start_as(None, options)
    }

    /// The same as a user who is in no group.
    pub fn start_as(user: Option<u32>, options: &[&str]) -> Outcome<Self> {
        static PORT: AtomicU16 = AtomicU16::new(8000); // a new one each time: the last may be in TIME_WAIT
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT.fetch_add(1, Ordering::Relaxed)));
        let log = Path::new(LOGS).join(address.port().to_string());
        let mut command = Command::new(PROGRAM);
        command.args(options).args(["--listen", &address.to_string(), "-v"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        // glibc keeps large freed blocks, such as a card's. With this it returns each of them to the system, so that
        // resident memory is memory in use (mallopt(3)).
        command.env("MALLOC_MMAP_THRESHOLD_", "65536");
        command.env("STATE_DIRECTORY", STATE);
        if let Some(id) = user {
            command.uid(id).gid(id);
        }
        let mut boardcam = Self { server: Server::new(command.spawn()?, address), log };
        wait_for("boardcam to answer", || {
            if let Some(status) = boardcam.server.ended()? {
                return Err(format!("boardcam ended: {status}").into());
            }
            Ok(get(address, "/state").ok())
        })?;
        Ok(boardcam)
    }

    /// Watches the first camera.
    pub fn watch_first(&self) -> Outcome<Viewer> {
        self.watch("/stream")
    }

    /// Watches one camera of several.
    pub fn watch_camera(&self, name: &str) -> Outcome<Viewer> {
        self.watch(&format!("/cameras/{name}/stream"))
    }

    /// What /state says about the first camera.
    pub fn camera(&self) -> Outcome<Value> {
        Ok(self.cameras()?[0].take())
    }

    /// What /state says about all cameras.
    pub fn cameras(&self) -> Outcome<Value> {
        Ok(self.state()?["cameras"].take())
    }

    /// Polls the first camera's state until the condition holds.
    pub fn wait_until(&self, what: &str, mut wished: impl FnMut(&Value) -> bool) -> Outcome<Value> {
        let mut last = Value::Null;
        wait_for(what, || {
            last = self.camera()?;
            Ok(wished(&last).then(|| last.clone()))
        })
        .map_err(|why| format!("{why}; the last state was {last}").into())
    }

    pub fn wait_until_live(&self) -> Outcome<Value> {
        self.wait_until("the camera to be live", |camera| camera["state"] == "live")
    }

    pub fn wait_until_waiting(&self) -> Outcome<Value> {
        self.wait_until("boardcam to wait for a camera", |camera| {
            camera["state"] == "waiting" && camera["problem"].is_object()
        })
    }

    pub fn log(&self) -> Outcome<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// How often it has opened a camera successfully.
    pub fn openings(&self) -> Outcome<usize> {
        Ok(self.log()?.lines().filter(|line| line.contains(": opened ")).count())
    }

    /// Its open file descriptors, threads and memory, once each camera that is open is held by the thread of its controls,
    /// too.
    pub fn holdings(&self) -> Outcome<Holdings> {
        wait_for("the controls of each open camera", || {
            let devices = self.open_devices()?;
            let holders = |device| devices.iter().filter(|other| *other == device).count();
            Ok(devices.iter().all(|device| holders(device) > 1).then_some(()))
        })?;
        self.holdings_now()
    }

    /// The device of each of its descriptors of cameras.
    fn open_devices(&self) -> Outcome<Vec<PathBuf>> {
        // Others may be closed in the meantime.
        let links = fs::read_dir(format!("/proc/{}/fd", self.id()))?
            .flatten()
            .flat_map(|fd| fs::read_link(fd.path()));
        Ok(links.filter(|path| path.to_string_lossy().starts_with("/dev/video")).collect())
    }

    fn holdings_now(&self) -> Outcome<Holdings> {
        let (descriptors, threads) = self.files_and_threads()?;
        Ok(Holdings { descriptors, threads, kib: self.resident()? })
    }

    /// Fails unless it soon uses no more than before. Connections that asked for /state are closed a little later.
    pub fn ensure_no_more_than(&self, before: Holdings) -> Outcome {
        let mut last = None;
        wait_for("as few descriptors, threads and as little memory as before", || {
            let now = self.holdings_now()?;
            last = Some(now);
            Ok(now.fits(before).then_some(()))
        })
        .map_err(|why| format!("{why}: {before:?}, at last {last:?}").into())
    }

    /// Resident memory in KiB. Exact, unlike VmRSS in /proc/PID/status, which counts a driver's buffers late.
    fn resident(&self) -> Outcome<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id()))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        Ok(line.and_then(|line| line.split_whitespace().next()).ok_or("no Rss")?.parse()?)
    }

    /// Resident memory in KiB without the frame buffers, which belong to the driver and are only mapped.
    pub fn resident_without_buffers(&self) -> Outcome<u64> {
        let smaps = fs::read_to_string(format!("/proc/{}/smaps", self.id()))?;
        let (mut total, mut is_buffer) = (0, false);
        for line in smaps.lines() {
            if let Some(rss) = line.strip_prefix("Rss:") {
                let kib: u64 = rss.split_whitespace().next().ok_or("no Rss")?.parse()?;
                total += if is_buffer { 0 } else { kib };
            } else if line.contains('-') {
                is_buffer = line.contains("/dev/video"); // a mapping's first line: proc_pid_smaps(5)
            }
        }
        Ok(total)
    }

    /// Ends it like a service manager (SIGTERM) and returns how long that took.
    pub fn terminate(mut self) -> Outcome<Duration> {
        let (status, time) = self.server.end_by(Signal::TERM)?;
        ensure!(status.success(), "boardcam ended with {status}");
        Ok(time)
    }
}
