//! A source that fails on demand, in test builds only (feature `inject`).
//!
//! Wrapped by [`super::find`] around every source that it opens. [`crate::host::inject`] says when it fails.

use std::time::Duration;

use super::source::{Choices, Frame, Source, SourceError, SourceInfo};
use crate::host::inject;
use crate::problem::Problem;

/// The point at which `next` panics.
const PANIC: &str = "camera";

/// The point at which `next` returns an error.
const ERROR: &str = "camera-error";

/// A source that panics or returns an error once.
pub struct Faulty(pub Box<dyn Source>);

impl Source for Faulty {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        inject::panic_at(PANIC);
        if inject::is_due(ERROR) {
            let what = format!("{} stopped", self.0.info().source);
            return Err(SourceError(Problem::new(
                what,
                format!("injected at {ERROR}"),
                "remove the variable",
            )));
        }
        self.0.next(timeout)
    }

    fn choices(&self) -> Choices {
        self.0.choices()
    }

    fn instead(&self) -> Option<Problem> {
        self.0.instead()
    }
}
