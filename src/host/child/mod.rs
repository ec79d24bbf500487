//! Another program: started in its own process group, read without blocking, and ended together with everything that it
//! started.
//!
//! Used by `camera::pipe` for the program that delivers the pictures, and by `notify` for the one that is told what
//! happened. What it promises:
//!
//! - Dropping it ends the whole group: SIGTERM, then SIGKILL for what is left after [`GRACE`], even if this thread
//!   panics. Whatever a command moves into another session (`setsid`, a daemon) is out of reach.
//! - It leaves no zombie: the leader is waited for, at the latest when the next program starts.
//! - The program inherits none of our file descriptors.
//!
//! If boardcam itself is killed with SIGKILL, nothing ends the program directly. But the reader of its pipe is gone, so
//! the next picture that it writes ends it (SIGPIPE, EPIPE). A program that hangs and never writes stays, unless a
//! service manager ends the whole control group, as systemd does.

mod log_lines;
pub mod read;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::sync::lock;
pub use log_lines::{LogLines, Words};
use read::{Read, Wait, read, wait_for_input};

/// The shell that runs a command line.
const SHELL: &str = "/bin/sh";

/// How long the group may take to end after SIGTERM. The end of this program may take two seconds altogether, including
/// the time until the stream notices the shutdown and the time for SIGKILL.
const GRACE: Duration = Duration::from_millis(800);

/// How long a leader may take to disappear after SIGKILL; only one that hangs in a driver takes longer.
const KILL_LIMIT: Duration = Duration::from_millis(300);

/// How long the leader may take to end after it closed its output.
const END_LIMIT: Duration = Duration::from_millis(500);

/// Time between two checks whether a process has ended.
const CHECK_PERIOD: Duration = Duration::from_millis(10);

/// Killed leaders that did not disappear in time; they are waited for again at the next start.
static STUCK: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// With this many stuck leaders no further program is started.
const STUCK_MAX: usize = 16;

/// A running program.
#[derive(Debug)]
pub struct Process {
    /// `None` only during drop.
    leader: Option<Child>,
    /// The process ID of the leader, which is also that of the group.
    group: Pid,
    /// Whether the group was ended.
    is_over: bool,
    /// Its standard output.
    output: OwnedFd,
    /// Its standard error; `None` once it is closed.
    errors: Option<OwnedFd>,
}

impl Process {
    /// Runs a command line by the shell, with nothing on its standard input.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn shell(command: &str) -> io::Result<Process> {
        Self::start(Command::new(SHELL).args(["-c", command]).stdin(Stdio::null()))
    }

    /// Runs a command, of which the caller has set the standard input.
    ///
    /// # Errors
    /// There is no such program, or the system is out of processes or file descriptors; or too many killed programs do
    /// not disappear.
    pub fn start(command: &mut Command) -> io::Result<Process> {
        {
            let mut stuck = lock(&STUCK);
            stuck.retain_mut(|leader| matches!(leader.try_wait(), Ok(None)));
            if stuck.len() >= STUCK_MAX {
                return Err(io::Error::other(format!(
                    "{STUCK_MAX} programs do not end though they were killed"
                )));
            }
        }
        // Crate v4l opens devices without O_CLOEXEC, and a program that inherits a camera keeps it busy. A device that
        // another camera's thread opens between this call and the fork slips through; that takes microseconds.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut leader = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let group = Pid::from_child(&leader);
        let (output, errors) =
            (leader.stdout.take().map(OwnedFd::from), leader.stderr.take().map(OwnedFd::from));
        let output = output.ok_or_else(|| io::Error::other("no pipe"))?;
        let process = Process { leader: Some(leader), group, is_over: false, output, errors };
        for pipe in [Some(&process.output), process.errors.as_ref()].into_iter().flatten() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(process)
    }

    /// Waits at most `timeout` until there is something to read.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn wait(&self, timeout: Duration) -> io::Result<Wait> {
        wait_for_input([Some(self.output.as_fd()), self.errors.as_ref().map(AsFd::as_fd)], timeout)
    }

    /// Reads from its standard output.
    ///
    /// # Errors
    /// read(2) failed.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Read> {
        read(&self.output, buffer)
    }

    /// Reads from its standard error. Returns the number of bytes; `None` if there is nothing now.
    pub fn read_errors(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match read(self.errors.as_ref()?, buffer) {
            Ok(Read::Bytes(length)) => Some(length),
            Ok(Read::Nothing) => None,
            Ok(Read::End) | Err(_) => {
                self.errors = None;
                None
            }
        }
    }

    /// How it ended, once it has closed its output; `None` if it keeps running for longer than [`END_LIMIT`].
    pub fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + END_LIMIT;
        while !self.has_ended() && Instant::now() < end {
            thread::sleep(CHECK_PERIOD);
        }
        if !self.has_ended() {
            return None;
        }
        self.end();
        self.leader.as_mut()?.try_wait().ok().flatten()
    }

    /// Whether the leader has ended. It stays a zombie, so that no other process gets its ID, which is the group's.
    pub fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.group), options) {
            Ok(ended) => ended.is_some(),
            Err(error) => error != Errno::INTR,
        }
    }

    /// Ends the group; does nothing the second time. The leader must not be waited for earlier, since others could then
    /// get its ID.
    fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let _ = kill_process_group(self.group, Signal::TERM); // fails only if no process is left
        let end = Instant::now() + GRACE;
        let mut scratch = [0; 4096];
        loop {
            // Processes of the group that still run hold our pipes open; one that closed them is not waited for. The
            // pipes are emptied, so that nothing blocks in a write before it can end.
            let quiet = matches!(read(&self.output, &mut scratch), Ok(Read::End) | Err(_));
            while self.read_errors(&mut scratch).is_some() && Instant::now() < end {}
            if (quiet && self.errors.is_none() && self.has_ended()) || Instant::now() >= end {
                break;
            }
            if quiet {
                thread::sleep(CHECK_PERIOD);
            } else {
                let _ = self.wait(CHECK_PERIOD); // if it fails, this is a busy wait of less than a second
            }
        }
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        let Some(mut leader) = self.leader.take() else { return };
        let end = Instant::now() + KILL_LIMIT;
        while matches!(leader.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                warn!("process {} was killed but does not end; leaving it behind", leader.id());
                lock(&STUCK).push(leader);
                return;
            }
            thread::sleep(CHECK_PERIOD);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs::File;

    use super::*;

    /// Everything that a command writes until it closes its output.
    fn output(process: &mut Process) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            assert_eq!(process.wait(Duration::from_secs(20)).unwrap(), Wait::Ready, "nothing came in 20 s");
            while process.read_errors(&mut buffer).is_some() {}
            match process.read(&mut buffer).unwrap() {
                Read::End => return String::from_utf8_lossy(&all).into_owned(),
                Read::Bytes(length) => all.extend(&buffer[..length]),
                Read::Nothing => {}
            }
        }
    }

    fn is_running(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z"))
    }

    /// Whether a killed process disappears within 20 s.
    pub(crate) fn disappears(pid: &str) -> bool {
        let begin = Instant::now();
        while is_running(pid) && begin.elapsed() < Duration::from_secs(20) {
            thread::sleep(CHECK_PERIOD);
        }
        !is_running(pid)
    }

    #[test]
    fn a_program_inherits_none_of_our_descriptors() {
        let secret = File::open("/proc/self/stat").unwrap();
        let _inheritable = rustix::io::dup(&secret).unwrap(); // without O_CLOEXEC
        let mut process = Process::shell("ls -l /proc/self/fd").unwrap();
        let message = output(&mut process);
        assert!(message.contains("/dev/null") && !message.contains("stat"), "{message}");
    }

    #[test]
    fn the_exit_status_is_known_and_leftover_processes_are_ended() {
        let mut process = Process::shell("sleep 1000 >/dev/null 2>&1 & echo $!; exit 7").unwrap();
        let left_behind = output(&mut process);
        assert!(is_running(&left_behind));
        assert_eq!(process.wait_for_end().and_then(|status| status.code()), Some(7));
        assert!(disappears(&left_behind));
    }

    #[test]
    fn a_program_gets_time_to_end_cleanly() {
        let file = std::env::temp_dir().join(format!("boardcam-farewell-{}", std::process::id()));
        let command = format!(
            "trap 'sleep 0.2; echo bye >{}; exit' TERM; echo; while :; do sleep 0.01; done",
            file.display()
        );
        let process = Process::shell(&command).unwrap();
        process.wait(Duration::from_secs(20)).unwrap();
        drop(process);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "bye\n");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_program_that_does_not_end_is_killed_with_everything_it_started() {
        let process = Process::shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000").unwrap();
        process.wait(Duration::from_secs(20)).unwrap();
        let mut buffer = [0; 100];
        let Read::Bytes(read) = process.read(&mut buffer).unwrap() else { panic!("no process ID") };
        let child = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let leader = process.group.as_raw_nonzero().to_string();
        assert!(is_running(&child) && is_running(&leader));
        let begin = Instant::now();
        drop(process);
        assert!(begin.elapsed() >= GRACE, "it was given {:?}", begin.elapsed());
        assert!(!std::path::Path::new(&format!("/proc/{leader}")).exists(), "a zombie is left");
        assert!(disappears(&child));
    }
}
