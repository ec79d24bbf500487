//! How one camera's recording is, and the switch that turns it on and off.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Wish;
use super::name::Name;
use crate::problem::Problem;
use crate::sync::lock;

/// A disk that has been busy with one thing for so long is told to be slow.
pub(super) const SLOW: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct State {
    /// What somebody chose, until the plan changes its mind.
    by_hand: Option<bool>,
    /// What the plan says.
    planned: bool,
    file: Option<Name>,
    problem: Option<Problem>,
    /// Since when the disk has been busy with what it was given last.
    disk_busy: Option<Instant>,
}

/// One camera's recording as all threads see it.
#[derive(Debug)]
pub struct Recording {
    /// What the settings ask for.
    pub wish: Wish,
    /// Frames that are in files.
    pub recorded: AtomicU64,
    /// Frames that should be and are not: the disk was too slow, full or gone.
    pub dropped: AtomicU64,
    /// Bytes that wait to be written.
    pub(super) queued: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

/// How it is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// It is to record.
    pub on: bool,
    /// The file that is being written.
    pub file: Option<Name>,
    /// Why it records nothing although it should.
    pub problem: Option<Problem>,
}

impl Recording {
    /// One that does not record yet.
    pub fn new(wish: Wish) -> Self {
        let planned = wish.plan.holds_now();
        Self {
            wish,
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            state: Mutex::new(State { planned, ..State::default() }),
            changed: Condvar::new(),
        }
    }

    /// How it is.
    pub fn view(&self) -> View {
        let state = self.lock();
        let slow = state.disk_busy.map(|since| since.elapsed()).filter(|time| *time > SLOW).map(|time| {
            let why = format!("the disk has been busy with one write for {} s", time.as_secs());
            Problem::new("cannot write the recording", why, "check the disk; live pictures go on")
        });
        View {
            on: state.by_hand.unwrap_or(state.planned),
            file: state.file.clone(),
            problem: slow.or_else(|| state.problem.clone()),
        }
    }

    /// Turns it on or off, until the plan's next change or the program's end.
    pub fn switch(&self, on: bool) {
        self.lock().by_hand = Some(on);
        self.changed.notify_all();
    }

    /// Whether it is to record now.
    pub(super) fn is_on(&self) -> bool {
        let plan = self.wish.plan.holds_now();
        let mut state = self.lock();
        if plan != state.planned {
            (state.planned, state.by_hand) = (plan, None);
        }
        state.by_hand.unwrap_or(plan)
    }

    /// Waits until somebody switches it, at most `patience`.
    pub(super) fn wait(&self, patience: Duration) {
        let state = self.lock();
        let hand = state.by_hand;
        // Poisoned or not: whoever called looks anew.
        let _ = self.changed.wait_timeout_while(state, patience, |state| state.by_hand == hand);
    }

    /// The file that is being written.
    pub(super) fn file(&self) -> Option<Name> {
        self.lock().file.clone()
    }

    pub(crate) fn set_file(&self, file: Option<Name>) {
        self.lock().file = file;
    }

    /// Sets the problem; whether it is another one than before.
    pub(super) fn set_problem(&self, problem: Option<Problem>) -> bool {
        let mut state = self.lock();
        let same = state.problem.as_ref().map(|problem| &problem.why)
            == problem.as_ref().map(|problem| &problem.why);
        state.problem = problem;
        !same
    }

    /// The disk begins or ends something that may take long.
    pub(super) fn disk_is_busy(&self, busy: bool) {
        self.lock().disk_busy = busy.then(Instant::now);
    }

    pub(super) fn drop_frames(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::plan::Plan;

    #[test]
    fn what_somebody_chose_holds_until_the_plan_changes() {
        let recording = Recording::new(Wish { plan: Plan::Always, every: None });
        assert!(recording.is_on() && recording.view().on);
        recording.switch(false);
        assert!(!recording.is_on() && !recording.view().on);
        recording.lock().planned = false; // as if the hours had just begun
        assert!(recording.is_on() && recording.view().on);
    }

    #[test]
    fn a_disk_that_is_busy_for_long_is_told() {
        let recording = Recording::new(Wish::default());
        recording.disk_is_busy(true);
        assert_eq!(recording.view().problem, None);
        recording.lock().disk_busy = Instant::now().checked_sub(2 * SLOW);
        assert!(recording.view().problem.unwrap().why.contains("busy"));
        recording.disk_is_busy(false);
        assert_eq!(recording.view().problem, None);
    }
}
