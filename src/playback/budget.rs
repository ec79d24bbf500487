//! A number of bytes that several threads share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::sync::{lock, wait_while};

/// How often somebody who waits for a share looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(250);

/// Why there is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoShare {
    /// It is more than all.
    TooLarge,
    /// Others have it for longer than one waits, or nobody wants it any more.
    Busy,
}

/// Bytes that may be used at once.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    state: Mutex<State>,
    /// Something of the state has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    /// Those who wait, in the order in which they came: a large share is not kept waiting by many small ones.
    line: VecDeque<u64>,
    last_number: u64,
}

/// Some of these bytes, until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, state: Mutex::default(), changed: Condvar::new() })
    }

    /// A share of nothing.
    pub(super) fn nothing(self: &Arc<Self>) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }

    /// Waits until so many bytes are free and it is this one's turn, but not longer than `most`, nor when it is not wanted
    /// any more.
    pub(super) fn wait_for(
        self: &Arc<Self>,
        bytes: usize,
        most: Duration,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Share, NoShare> {
        if bytes > self.most {
            return Err(NoShare::TooLarge);
        }
        let end = Instant::now() + most;
        let mut state = lock(&self.state);
        state.last_number += 1;
        let number = state.last_number;
        state.line.push_back(number);
        let must_wait =
            |state: &mut State| state.line.front() != Some(&number) || state.used + bytes > self.most;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            state = wait_while(&self.changed, state, left.min(PATIENCE), must_wait);
            let is_free = !must_wait(&mut state);
            if !is_free && !left.is_zero() && is_wanted() {
                continue;
            }
            state.line.retain(|other| *other != number);
            if is_free {
                state.used += bytes;
            }
            drop(state);
            self.changed.notify_all();
            return if is_free { Ok(Share { budget: self.clone(), bytes }) } else { Err(NoShare::Busy) };
        }
    }

    /// How many bytes are in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        lock(&self.state).used
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).line.len()
    }
}

impl Share {
    /// Makes it so large, without waiting. If there is not as much, it stays as it is.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), NoShare> {
        let mut state = lock(&self.budget.state);
        let used = state.used - self.bytes + bytes;
        if bytes > self.budget.most {
            return Err(NoShare::TooLarge);
        }
        if used > self.budget.most {
            return Err(NoShare::Busy);
        }
        (state.used, self.bytes) = (used, bytes);
        drop(state);
        self.budget.changed.notify_all();
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock(&self.budget.state).used -= self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Longer than anything here takes, on a machine that does other things too.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn no_more_is_given_out_than_there_is_and_those_who_came_first_have_it_first() {
        let budget = Budget::new(10);
        let wanted = || true;
        assert_eq!(budget.wait_for(11, LONG, &wanted).unwrap_err(), NoShare::TooLarge);
        let first = budget.wait_for(4, LONG, &wanted).unwrap();
        let second = budget.wait_for(4, LONG, &wanted).unwrap();
        assert_eq!(budget.wait_for(3, Duration::ZERO, &wanted).unwrap_err(), NoShare::Busy);
        assert_eq!((budget.used(), budget.waiting()), (8, 0));
        let waits_for = |bytes, before| {
            let theirs = budget.clone();
            let share = thread::spawn(move || theirs.wait_for(bytes, LONG, &|| true).unwrap());
            while budget.waiting() == before {
                thread::yield_now();
            }
            share
        };
        let large = waits_for(9, 0);
        let small = waits_for(2, 1);
        drop(first);
        // Six are free, but the large one is the next.
        assert_eq!((budget.used(), budget.waiting(), small.is_finished()), (4, 2, false));
        drop(second);
        let large = large.join().unwrap();
        assert_eq!((budget.used(), budget.waiting()), (9, 1));
        drop(large);
        drop(small.join().unwrap());
        assert_eq!((budget.used(), budget.waiting()), (0, 0));
    }

    #[test]
    fn who_is_not_wanted_any_more_leaves_the_line() {
        let budget = Budget::new(10);
        let all = budget.wait_for(10, LONG, &|| true).unwrap();
        assert_eq!(budget.wait_for(1, LONG, &|| false).unwrap_err(), NoShare::Busy);
        assert_eq!(budget.waiting(), 0);
        drop(all);
        assert!(budget.wait_for(10, LONG, &|| false).is_ok(), "it need not wait");
    }

    #[test]
    fn a_share_grows_only_by_what_is_free() {
        let budget = Budget::new(10);
        let (mut one, mut other) = (budget.nothing(), budget.nothing());
        assert_eq!(one.resize(11), Err(NoShare::TooLarge));
        assert_eq!((one.resize(6), other.resize(4), budget.used()), (Ok(()), Ok(()), 10));
        assert_eq!((other.resize(5), budget.used()), (Err(NoShare::Busy), 10));
        assert_eq!((one.resize(5), other.resize(5), budget.used()), (Ok(()), Ok(()), 10));
        drop((one, other));
        assert_eq!(budget.used(), 0);
    }
}
