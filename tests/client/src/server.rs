//! A boardcam that a test has started, wherever it runs.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Answer, Outcome, Viewer, ensure, get, wait_for};

/// A running boardcam; dropping it kills it.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// A process that listens, or soon will, at `address`.
    pub fn new(process: Child, address: SocketAddr) -> Self {
        Self { process, address }
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its process number as system calls take it.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Requests a page.
    pub fn get(&self, path: &str) -> Outcome<Answer> {
        get(self.address, path)
    }

    /// Opens a stream.
    pub fn watch(&self, path: &str) -> Outcome<Viewer> {
        Viewer::connect(self.address, path)
    }

    /// What /state says.
    pub fn state(&self) -> Outcome<Value> {
        let answer = self.get("/state")?;
        ensure!(answer.status == 200, "/state: status {}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Its descriptors and threads.
    pub fn files_and_threads(&self) -> Outcome<(usize, usize)> {
        let count = |what: &str| -> Outcome<usize> {
            Ok(fs::read_dir(format!("/proc/{}/{what}", self.id()))?.count())
        };
        Ok((count("fd")?, count("task")?))
    }

    /// Sends a signal that should not end it.
    pub fn signal(&self, signal: Signal) -> Outcome {
        Ok(kill_process(self.pid(), signal)?)
    }

    /// Sends a signal and waits for the end; returns how it ended, and how long that took.
    pub fn end_by(&mut self, signal: Signal) -> Outcome<(ExitStatus, Duration)> {
        let begin = Instant::now();
        self.signal(signal)?;
        let status = wait_for("boardcam to end", || self.ended())?;
        Ok((status, begin.elapsed()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
        let _ = self.process.wait();
    }
}
