//! What a search for a camera reports while it runs, and how it is cancelled.

use std::time::Duration;

use super::source::Flaw;
use crate::problem::{Problem, text};

/// How often a search calls [`Observer::keep_waiting`], at least.
pub const OBSERVE_PERIOD: Duration = Duration::from_millis(250);

/// Follows a search for a camera, so that a search through slow cameras is visible and does not delay a shutdown.
pub trait Observer {
    /// A candidate was refused. The last refusal may also be the result of the whole search.
    fn refused(&mut self, source: &str, problem: &Problem);

    /// Called at least every [`OBSERVE_PERIOD`] while waiting for pictures; `false` cancels the search.
    fn keep_waiting(&mut self) -> bool;

    /// A source that is being opened has delivered a frame that cannot be used.
    fn unusable(&mut self, _flaw: Flaw) {}

    /// The first usable picture of a source takes longer than usual, for the reason that `problem` gives. The wait goes
    /// on. Called again when the reason changes.
    fn delayed(&mut self, _problem: &Problem) {}

    /// The same, where nothing is known but that nothing comes. Called again and again.
    fn silent(&mut self, problem: &Problem) {
        self.delayed(problem);
    }
}

/// The result of a search that its observer cancelled.
pub fn cancelled() -> Problem {
    Problem::new(text!("cannot open a camera"), text!("the search was cancelled"), text!("start again"))
}
