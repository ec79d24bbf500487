//! Whether a camera is recorded: as the plan says, or as somebody chose until the plan's next change.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::plan::{Plan, Wanted};
use crate::sync::{lock, wait_while};

#[derive(Debug)]
pub(super) struct Switch {
    plan: Plan,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The position of the switch, if somebody used it; holds until the plan's next change.
    by_hand: Option<bool>,
    /// What the plan asked for, when it was last checked.
    planned: Wanted,
}

impl State {
    fn wanted(&self) -> Wanted {
        match self.by_hand {
            Some(true) => Wanted::All,
            Some(false) => Wanted::Nothing,
            None => self.planned,
        }
    }
}

impl Switch {
    pub(super) fn new(plan: Plan) -> Self {
        let state = State { by_hand: None, planned: plan.wanted() };
        Self { plan, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Turns it on or off. Where it is left to motion, who takes back what was switched before leaves it to motion again: on
    /// and then off, or off and then on.
    pub(super) fn switch(&self, on: bool) {
        let mut state = self.lock();
        let is_left_to_motion = state.by_hand == Some(!on) && state.planned == Wanted::Motion;
        state.by_hand = (!is_left_to_motion).then_some(on);
        drop(state);
        self.changed.notify_all();
    }

    /// The same by a switch that has two positions and is on while it is left to motion, too: on is what the plan says, if
    /// that is left to motion, and off is off.
    pub(super) fn allow(&self, on: bool) {
        let mut state = self.lock();
        state.by_hand = match state.planned {
            Wanted::Motion if on => state.by_hand.filter(|by_hand| *by_hand),
            _ => Some(on),
        };
        drop(state);
        self.changed.notify_all();
    }

    /// What is to be recorded now.
    pub(super) fn wanted(&self) -> Wanted {
        let mut state = self.lock();
        let planned = self.plan.wanted(); // under the lock: two recordings ask, and the later answer holds
        if planned != state.planned {
            *state = State { by_hand: None, planned };
        }
        state.wanted()
    }

    /// What was to be recorded when that was last checked, and whether it would be left to motion, had nobody switched
    /// that off.
    pub(super) fn last(&self) -> (Wanted, bool) {
        let state = self.lock();
        (state.wanted(), state.by_hand == Some(false) && state.planned == Wanted::Motion)
    }

    /// Waits until somebody switches it, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let state = self.lock();
        let before = state.by_hand;
        drop(wait_while(&self.changed, state, timeout, |state| state.by_hand == before));
    }

    /// As if the plan had asked for this when it was last checked.
    #[cfg(test)]
    pub(super) fn set_planned(&self, planned: Wanted) {
        self.lock().planned = planned;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
