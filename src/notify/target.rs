//! How it goes with one target: what was sent, and what is wrong. Written by its thread, shown by the site and the log.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use log::{info, warn};

use crate::host::log::Allowance;
use crate::problem::{Problem, text};
use crate::sync::lock;

/// A target that fails is in the log once in this time.
const LINE_PERIOD: Duration = Duration::from_secs(60);

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// A URL.
    Hook,
    /// A program.
    Command,
    /// An MQTT broker.
    Mqtt,
}

impl TargetKind {
    /// Its name in `/state` and `/metrics`.
    pub const fn name(self) -> &'static str {
        match self {
            TargetKind::Hook => "hook",
            TargetKind::Command => "command",
            TargetKind::Mqtt => "mqtt",
        }
    }
}

/// One target.
#[derive(Debug)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Where it is, without secrets.
    pub shown: String,
    /// Events that it was told.
    pub sent: AtomicU64,
    /// Events that it could not be told; of a broker, connections that failed.
    pub failed: AtomicU64,
    /// Events that were too many.
    left_out: AtomicU64,
    /// Events that newer ones pushed out of its queue.
    overtaken: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    works: Option<bool>,
    problem: Option<Problem>,
    lines: Allowance,
    complaints: Allowance,
    /// Whether the log says that it fails.
    is_said: bool,
}

impl State {
    /// Logs a problem, unless another one was logged a moment ago; returns whether it was.
    fn warn(&mut self, problem: &Problem) -> bool {
        let Some(left_out) = self.lines.take(Instant::now()) else { return false };
        match left_out {
            0 => warn!("{problem}"),
            more => warn!("{problem} ({more} more failures since the last line)"),
        }
        true
    }
}

/// How it goes at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    /// Whether the last try was a success; `None` before the first.
    pub works: Option<bool>,
    /// Why it was not, or what is wrong all the same.
    pub problem: Option<Problem>,
}

impl Target {
    /// A target that was not told anything yet.
    pub(super) fn new(kind: TargetKind, shown: String) -> Self {
        let [lines, complaints] = [(); 2].map(|()| Allowance::new(1, LINE_PERIOD));
        Self {
            kind,
            shown,
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            overtaken: AtomicU64::new(0),
            state: Mutex::new(State { works: None, problem: None, lines, complaints, is_said: false }),
        }
    }

    /// How it goes now.
    pub fn status(&self) -> TargetStatus {
        let state = lock(&self.state);
        TargetStatus { works: state.works, problem: state.problem.clone() }
    }

    /// Events that it was not told, since there were too many.
    pub fn dropped(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed) + self.overtaken.load(Ordering::Relaxed)
    }

    /// One event is not told.
    pub(super) fn left_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// This many events have been pushed out of its queue so far.
    pub(super) fn set_overtaken(&self, count: u64) {
        self.overtaken.store(count, Ordering::Relaxed);
    }

    /// It is told one event.
    pub(super) fn tells_one(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// How telling it one event ended.
    pub(super) fn note(&self, result: Result<(), Problem>) {
        match result {
            Ok(()) => {
                self.tells_one();
                self.works();
            }
            Err(problem) => self.fails(problem),
        }
    }

    /// Why it could not be told one event if that ended with a panic.
    pub(super) fn fault(&self) -> Problem {
        Problem::new(
            text!("cannot tell {} what happened", self.shown.as_str()),
            text!("an error in this program; see its log"),
            text!("it is told of what happens next"),
        )
    }

    /// It answers.
    pub(super) fn works(&self) {
        let mut state = lock(&self.state);
        (state.works, state.problem) = (Some(true), None);
        if std::mem::take(&mut state.is_said) {
            info!("{} works again", self.shown);
        }
    }

    /// It cannot be told anything; the log says so once a minute.
    pub(super) fn fails(&self, problem: Problem) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.is_said |= state.warn(&problem);
        (state.works, state.problem) = (Some(false), Some(problem));
    }

    /// It can be told what happens, but this is wrong; the log says so once a minute, whatever else it says.
    pub(super) fn complains(&self, problem: Problem) {
        let mut state = lock(&self.state);
        if state.complaints.take(Instant::now()).is_some() {
            warn!("{problem}");
        }
        state.problem = Some(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_and_what_was_not_is_counted_and_the_last_problem_is_known() {
        let target = Target::new(TargetKind::Hook, "http://x/".to_owned());
        assert_eq!(target.status(), TargetStatus { works: None, problem: None });
        let problem = Problem::new("cannot tell", "refused", "look");
        target.note(Err(problem.clone()));
        target.note(Err(problem.clone()));
        assert_eq!(target.status(), TargetStatus { works: Some(false), problem: Some(problem) });
        assert!(lock(&target.state).is_said && lock(&target.state).lines.take(Instant::now()).is_none());
        target.note(Ok(()));
        assert_eq!(target.status(), TargetStatus { works: Some(true), problem: None });
        target.left_out();
        target.set_overtaken(2);
        let counts = [&target.sent, &target.failed].map(|count| count.load(Ordering::Relaxed));
        assert_eq!((counts, target.dropped()), ([1, 2], 3));
    }
}
