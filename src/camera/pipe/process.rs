//! The program that delivers the pictures: started by the shell in a process group of its own, read without
//! waiting, and ended with everything that it started.
//!
//! Used by [`super::Pipe`] alone. What it promises:
//!
//! - Dropping it ends the whole group: SIGTERM, then SIGKILL to what is left after [`GRACE`], also when this
//!   thread panics. What a command moves into a session of its own (`setsid`, a daemon) is out of reach.
//! - It leaves no zombie: the leader is waited for, if need be at the next start.
//! - The program holds none of our descriptors.
//!
//! When boardcam itself is killed with SIGKILL nobody ends the program, but with the pipe its reader is gone:
//! the next picture that it writes ends it (SIGPIPE, EPIPE). One that hangs and never writes stays; a service
//! manager that ends whole control groups, as systemd does, ends it too.

use crate::sync::lock;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use rustix::time::Timespec;

/// The shell that runs a command.
const SHELL: &str = "/bin/sh";

/// How long the group may take to end after SIGTERM, so that with the stream's look at the shutdown before and
/// the killing behind all of it stays below the two seconds that our own end may take.
const GRACE: Duration = Duration::from_millis(800);

/// How long a killed leader may take to be gone; longer takes only one that hangs in a driver.
const GONE: Duration = Duration::from_millis(300);

/// How long the leader may take to end after it closed its output.
const FAREWELL: Duration = Duration::from_millis(500);

/// How often is looked whether a process has ended.
const GLANCE: Duration = Duration::from_millis(10);

/// Killed leaders that were not gone in time; each is asked for at the next start.
static STUCK: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// With so many of them nothing more is started.
const STUCK_MAX: usize = 16;

/// A running program.
pub struct Process {
    /// Taken out only by drop.
    leader: Option<Child>,
    /// The leader's number and the group's.
    group: Pid,
    /// The group was ended.
    over: bool,
    output: OwnedFd,
    /// `None` when it was closed.
    errors: Option<OwnedFd>,
}

impl Process {
    /// Runs a command line.
    ///
    /// # Errors
    /// There is no shell, no process, no descriptor; or too many that were killed before do not end.
    pub fn start(command: &str) -> io::Result<Process> {
        {
            let mut stuck = lock(&STUCK);
            stuck.retain_mut(|leader| matches!(leader.try_wait(), Ok(None)));
            if stuck.len() >= STUCK_MAX {
                return Err(io::Error::other(format!("{STUCK_MAX} programs that were killed do not end")));
            }
        }
        // Crate v4l opens devices without O_CLOEXEC, and a program that holds a camera keeps it busy. A device
        // that another camera's thread opens between this and the fork slips through: microseconds in which
        // nobody has any reason to open one.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut leader = Command::new(SHELL)
            .args(["-c", command])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let group = Pid::from_child(&leader);
        let (output, errors) =
            (leader.stdout.take().map(OwnedFd::from), leader.stderr.take().map(OwnedFd::from));
        let output = output.ok_or_else(|| io::Error::other("no pipe"))?;
        let process = Process { leader: Some(leader), group, over: false, output, errors };
        for pipe in [Some(&process.output), process.errors.as_ref()].into_iter().flatten() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(process)
    }

    /// Waits until there is something to read, at most so long; says whether it is so.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn wait(&self, patience: Duration) -> io::Result<bool> {
        wait_for_input([Some(self.output.as_fd()), self.errors.as_ref().map(AsFd::as_fd)], patience)
    }

    /// Reads from its standard output; 0 bytes are its end, `None` is nothing yet.
    ///
    /// # Errors
    /// read(2) failed.
    pub fn read(&self, room: &mut [u8]) -> io::Result<Option<usize>> {
        read(&self.output, room)
    }

    /// Reads from its standard error; `None` is nothing yet, or no more.
    pub fn read_errors(&mut self, room: &mut [u8]) -> Option<usize> {
        match read(self.errors.as_ref()?, room) {
            Ok(Some(0)) | Err(_) => {
                self.errors = None;
                None
            }
            Ok(read) => read,
        }
    }

    /// How it ended; `None` if it did not within a moment after it closed its output.
    pub fn farewell(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + FAREWELL;
        while !self.has_ended() && Instant::now() < end {
            thread::sleep(GLANCE);
        }
        if !self.has_ended() {
            return None;
        }
        self.end();
        self.leader.as_mut()?.try_wait().ok().flatten()
    }

    /// Whether the leader has ended. It stays a zombie, so that its number, which is the group's, stays taken.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(self.group), options) {
            Ok(ended) => ended.is_some(),
            Err(error) => error != Errno::INTR,
        }
    }

    /// Ends the group, once. The leader must not be waited for before: with it the number may go to others.
    fn end(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let _ = kill_process_group(self.group, Signal::TERM); // fails only if nobody is left
        let end = Instant::now() + GRACE;
        let mut scratch = [0; 4096];
        loop {
            // Who is still there has our pipes open, or cut itself off from them and is not waited for. They are
            // emptied, lest somebody who is about to end waits for room.
            let quiet = matches!(read(&self.output, &mut scratch), Ok(Some(0)) | Err(_));
            while self.read_errors(&mut scratch).is_some() && Instant::now() < end {}
            if (quiet && self.errors.is_none() && self.has_ended()) || Instant::now() >= end {
                break;
            }
            if quiet {
                thread::sleep(GLANCE);
            } else {
                let _ = self.wait(GLANCE); // failing, it makes this a busy wait of less than a second
            }
        }
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        let Some(mut leader) = self.leader.take() else { return };
        let end = Instant::now() + GONE;
        while matches!(leader.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                warn!("process {} was killed and does not end", leader.id());
                lock(&STUCK).push(leader);
                return;
            }
            thread::sleep(GLANCE);
        }
    }
}

/// Waits until there is something to read from any of these, or one ended, at most so long; says whether it is so.
///
/// # Errors
/// poll(2) failed.
pub(super) fn wait_for_input<const N: usize>(
    inputs: [Option<BorrowedFd<'_>>; N],
    patience: Duration,
) -> io::Result<bool> {
    let mut watched = heapless::Vec::<PollFd<'_>, N>::new();
    for input in inputs.into_iter().flatten() {
        let _ = watched.push(PollFd::from_borrowed_fd(input, PollFlags::IN)); // there is room for all
    }
    let patience = Timespec::try_from(patience).ok();
    match poll(&mut watched, patience.as_ref()) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads what is there; 0 bytes are the end, `None` is nothing yet.
///
/// # Errors
/// read(2) failed.
pub(super) fn read(input: impl AsFd, room: &mut [u8]) -> io::Result<Option<usize>> {
    match rustix::io::read(input, room) {
        Ok(length) => Ok(Some(length)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// Everything that a command writes until it closes its output.
    fn output(process: &mut Process) -> String {
        let mut all = Vec::new();
        let mut room = [0; 4096];
        loop {
            assert!(process.wait(Duration::from_secs(20)).unwrap(), "nothing came in 20 s");
            while process.read_errors(&mut room).is_some() {}
            match process.read(&mut room).unwrap() {
                Some(0) => return String::from_utf8_lossy(&all).into_owned(),
                Some(length) => all.extend(&room[..length]),
                None => {}
            }
        }
    }

    fn is_running(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z"))
    }

    /// Those that were killed go in their own time.
    fn goes(pid: &str) -> bool {
        let begin = Instant::now();
        while is_running(pid) && begin.elapsed() < Duration::from_secs(20) {
            thread::sleep(GLANCE);
        }
        !is_running(pid)
    }

    #[test]
    fn a_program_gets_none_of_our_descriptors() {
        let secret = File::open("/proc/self/stat").unwrap();
        let _inheritable = rustix::io::dup(&secret).unwrap(); // without O_CLOEXEC
        let mut process = Process::start("ls -l /proc/self/fd").unwrap();
        let told = output(&mut process);
        assert!(told.contains("/dev/null") && !told.contains("stat"), "{told}");
    }

    #[test]
    fn how_a_program_ended_is_known_and_what_it_left_behind_is_ended() {
        let mut process = Process::start("sleep 1000 >/dev/null 2>&1 & echo $!; exit 7").unwrap();
        let left_behind = output(&mut process);
        assert!(is_running(&left_behind));
        assert_eq!(process.farewell().and_then(|status| status.code()), Some(7));
        assert!(goes(&left_behind));
    }

    #[test]
    fn a_program_that_wants_to_end_in_order_is_given_the_time() {
        let file = std::env::temp_dir().join(format!("boardcam-farewell-{}", std::process::id()));
        let command = format!(
            "trap 'sleep 0.2; echo bye >{}; exit' TERM; echo; while :; do sleep 0.01; done",
            file.display()
        );
        let process = Process::start(&command).unwrap();
        process.wait(Duration::from_secs(20)).unwrap();
        drop(process);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "bye\n");
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn a_program_that_will_not_end_is_killed_with_all_that_it_started() {
        let process = Process::start("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000").unwrap();
        process.wait(Duration::from_secs(20)).unwrap();
        let mut room = [0; 100];
        let read = process.read(&mut room).unwrap().unwrap();
        let child = String::from_utf8_lossy(&room[..read]).into_owned();
        let leader = process.group.as_raw_nonzero().to_string();
        assert!(is_running(&child) && is_running(&leader));
        let begin = Instant::now();
        drop(process);
        assert!(begin.elapsed() >= GRACE, "it was given {:?}", begin.elapsed());
        assert!(!std::path::Path::new(&format!("/proc/{leader}")).exists(), "a zombie is left");
        assert!(goes(&child));
    }
}
