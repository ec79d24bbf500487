//! The program under test, as a user would start it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};

use client::{Outcome, Server, Viewer, ensure, wait_for};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_boardcam");

/// The most threads of the site's server that come and go with its requests.
pub const POOL: usize = 8;

/// A running boardcam and what it logs; dropping it kills it.
pub struct Boardcam {
    server: Server,
    log: Arc<Mutex<String>>,
    /// Held while a line of the log is read.
    reading: Arc<Mutex<()>>,
    /// What it keeps; `None` if the test has a folder for that.
    _state: Option<StateFolder>,
}

/// A folder for what a program keeps over a restart, so that it finds nothing there of another one; removed at the end.
struct StateFolder(PathBuf);

impl StateFolder {
    /// Has this command use a new one, unless it has one already.
    fn give_to(command: &mut Command) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if command.get_envs().any(|(name, _)| name == "STATE_DIRECTORY") {
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("boardcam-state-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of an earlier run
        command.env("STATE_DIRECTORY", &path);
        Some(Self(path))
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // most programs keep nothing
    }
}

impl Deref for Boardcam {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Boardcam {
    /// Serves the test pattern on a free port of this machine only.
    pub fn pattern() -> Outcome<Self> {
        Self::start(&["--camera", "pattern", "--size", "320x240"])
    }

    /// Starts it on a free port and waits until it says where it listens.
    pub fn start(options: &[&str]) -> Outcome<Self> {
        Self::start_by(Command::new(PROGRAM), options)
    }

    /// The same by a command that runs boardcam, such as a shell that sets limits before.
    pub fn start_by(mut command: Command, options: &[&str]) -> Outcome<Self> {
        command.args(options).args(["--listen", "127.0.0.1:0"]);
        let state = StateFolder::give_to(&mut command);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = process.stderr.take().ok_or("no stderr")?;
        let log = Arc::new(Mutex::new(String::new()));
        let shared = log.clone();
        let reading = Arc::new(Mutex::new(()));
        let may_read = reading.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _reading = may_read.lock();
                let mut log = shared.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = wait_for("boardcam to listen", || {
            let log = log.lock().unwrap().clone();
            if let Some(status) = process.try_wait()? {
                return Err(format!("boardcam ended: {status}\n{log}").into());
            }
            let place = log.split_once("listening on http://").and_then(|(_, rest)| rest.split_once('/'));
            Ok(place.map(|(address, _)| address.parse()).transpose()?)
        })?;
        Ok(Self { server: Server::new(process, address), log, reading, _state: state })
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// While this lock is held nothing reads the log.
    pub fn reading(&self) -> Arc<Mutex<()>> {
        self.reading.clone()
    }

    /// Waits until it has no more descriptors and threads than `before`, which may have counted a request that was just
    /// ending.
    pub fn wait_for_no_more_than(&self, before: (usize, usize)) -> Outcome {
        wait_for("descriptors and threads to be no more than before", || {
            let now = self.files_and_threads()?;
            Ok((now.0 <= before.0 && now.1 <= before.1).then_some(()))
        })
    }

    /// Limits its open files from now on; those that are open stay open.
    pub fn limit_open_files(&self, files: u64) -> Outcome {
        let limit = Rlimit { current: Some(files), maximum: getrlimit(Resource::Nofile).maximum };
        prlimit(Some(self.pid()), Resource::Nofile, limit)?;
        Ok(())
    }

    /// Its resident memory in KiB.
    pub fn resident(&self) -> Outcome<u64> {
        self.memory("VmRSS")
    }

    /// The value `name` of /proc/PID/status (proc_pid_status(5)), in KiB.
    pub fn memory(&self, name: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let mut values = status.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = values.next().ok_or_else(|| format!("no {name}"))?;
        Ok(value.trim().trim_end_matches(" kB").parse()?)
    }

    /// Sets a resource limit from now on; `None` is no limit.
    pub fn limit(&self, resource: Resource, most: Option<u64>) -> Outcome {
        let maximum = getrlimit(resource).maximum; // inherited from this process
        prlimit(Some(self.pid()), resource, Rlimit { current: most, maximum })?;
        Ok(())
    }

    /// Its open connections, including the one of this request.
    pub fn connections(&self) -> Outcome<u64> {
        Ok(self.state()?["connections"]["open"].as_u64().ok_or("no number of connections")?)
    }

    /// Sends a signal as a service manager or a terminal does; returns the exit code, and how long the end took.
    pub fn end_by(mut self, signal: Signal) -> Outcome<(Option<i32>, Duration)> {
        let (status, time) = self.server.end_by(signal)?;
        Ok((status.code(), time))
    }
}

/// A temporary file, deleted when the test ends.
pub struct File(PathBuf);

impl File {
    /// Writes the file.
    pub fn new(name: &str, text: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("boardcam-{}-{name}", std::process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }

    /// Its path.
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs boardcam until it ends by itself.
pub fn run(options: &[&str]) -> Outcome<Output> {
    let mut process = Command::new(PROGRAM)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Err(why) = wait_for("boardcam to end by itself", || Ok(process.try_wait()?)) {
        process.kill()?;
        process.wait()?;
        return Err(why);
    }
    Ok(process.wait_with_output()?)
}

/// Runs boardcam, which must fail with this exit code, and returns the last line that it prints.
pub fn complaint(options: &[&str], code: i32) -> Outcome<String> {
    let output = run(options)?;
    let told = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(code), "{options:?} ended with {}: {told}", output.status);
    ensure!(!told.contains("panic"), "{options:?} panicked: {told}");
    let told = told.lines().last().unwrap_or("").to_owned();
    ensure!(told.starts_with("boardcam: "), "{options:?} said {told:?}");
    Ok(told)
}

/// Waits until a viewer has got `frames` more frames.
pub fn goes_on(viewer: &Viewer, frames: usize) -> Outcome {
    let mut left = frames;
    viewer.wait_for("new frames", |_| {
        left = left.saturating_sub(1);
        left == 0
    })?;
    Ok(())
}

/// Raises the limit on open files of this process, for hundreds of clients at once; returns the limit.
pub fn open_many() -> Outcome<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
