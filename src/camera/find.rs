//! Finds a camera that really delivers, and says why each other candidate does not.

use super::{Source, Wanted};
use crate::problem::Problem;

/// Told what the search does, so that a search over slow cameras neither hides nor outlasts a shutdown.
pub trait Observer {
    /// A candidate was not taken.
    fn refused(&mut self, source: &str, problem: &Problem);
    /// Called at least every 250 ms while waiting; `false` ends the search.
    fn keep_waiting(&mut self) -> bool;
}

/// Opens what is wanted and waits until it has delivered one real frame.
///
/// # Errors
/// The one problem that matters most to the user when no candidate can be used.
pub fn open(_wanted: &Wanted, _observer: &mut dyn Observer) -> Result<Box<dyn Source>, Problem> {
    todo!()
}
