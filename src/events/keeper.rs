//! The thread that writes the list of motions down, since a disk may hang. It is started by the first motion.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::State;
use super::journal::Journal;
use super::list::HEARTBEAT;
use crate::sync::{lock, wait_while};

/// How long it sleeps while nothing moves.
const IDLE: Duration = Duration::from_secs(3600);

/// After a writing it waits this long for more changes: an SD card is written to in steps.
const PAUSE: Duration = Duration::from_millis(500);

/// What the keeper and those who publish share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// The list has changed, or the program ends.
    pub(super) changed: Condvar,
    /// The keeper has ended.
    pub(super) kept: Condvar,
}

/// Writes what changes until the program ends.
pub(super) fn run(shared: &Shared, mut journal: Journal) {
    let mut has_failed = false;
    loop {
        let mut state = lock(&shared.state);
        let timeout = if state.list.any_lasts() || has_failed { HEARTBEAT } else { IDLE };
        state = wait_while(&shared.changed, state, timeout, |state| {
            !state.list.has_unsaved() && !state.is_ending
        });
        state.list.beat(Instant::now());
        let (changed, all, is_ending) = (state.list.take_unsaved(), state.list.all(), state.is_ending);
        drop(state);
        if !changed.is_empty() || has_failed {
            // Unwind safety: after a panic the whole list is written, and the file replaced.
            let written = catch_unwind(AssertUnwindSafe(|| journal.write(&changed, &all)));
            has_failed = !written.unwrap_or_else(|_| journal.give_up());
        }
        let state = lock(&shared.state);
        if is_ending {
            break;
        }
        drop(wait_while(&shared.changed, state, PAUSE, |state| !state.is_ending));
    }
    lock(&shared.state).is_keeping = false;
    shared.kept.notify_all();
}
