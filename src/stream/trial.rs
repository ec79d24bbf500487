//! What the camera is opened with: what API and page ask for or, if no picture comes with that, what held before.
//!
//! Used only by [`super::Stream`].

use crate::camera::SourceConfig;
use crate::feed::{Changes, Feed};
use crate::problem::{Problem, text};

/// Changed settings that no picture has come with yet.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// Which change it is.
    revision: u64,
    /// What was asked for.
    wanted: Changes,
    /// What held before; `None` if the settings in use have given pictures.
    before: Option<Changes>,
    /// Why no picture came with them; then what held before is tried.
    failed: Option<Problem>,
}

impl Trial {
    /// What to open the camera with.
    pub(super) fn next(&mut self, feed: &Feed) -> SourceConfig {
        let (revision, wanted, before) = feed.changing.trial();
        let failed = self.failed.take().filter(|_| revision == self.revision && before.is_some());
        *self = Self { revision, wanted, before, failed };
        let changes = if self.failed.is_some() { before.unwrap_or_default() } else { wanted };
        changes.apply(&feed.config)
    }

    /// Whether something else was asked for since the camera was opened.
    pub(super) fn is_outdated(&self, feed: &Feed) -> bool {
        feed.changing.revision() != self.revision
    }

    /// A picture came. Returns why what was asked for was refused, if it was now.
    pub(super) fn picture_came(&mut self, feed: &Feed) -> Option<Problem> {
        self.before.take()?;
        let Some(why) = self.failed.take() else {
            feed.changing.proved(self.revision);
            return None;
        };
        let asked: Vec<String> = (self.wanted.texts().into_iter())
            .filter_map(|(name, value)| Some(format!("{name} {}", value?)))
            .collect();
        let asked = if asked.is_empty() { "as in the settings".to_owned() } else { asked.join(", ") };
        let problem = Problem::new(
            text!("cannot use {} with {}", feed.label(), asked),
            text!("{}: {}", why.what, why.why),
            text!("what was set before is in use again; try other values"),
        );
        let holds = feed.changing.refuse(self.revision, problem.clone())?;
        feed.follow_quality(holds);
        Some(problem)
    }

    /// The session ended for this reason. Returns whether to try at once what held before.
    pub(super) fn session_ended(&mut self, why: Option<Problem>) -> bool {
        if self.before.is_none() || self.failed.take().is_some() {
            return false; // with what held before there is no picture either: it is not due to the change
        }
        self.failed = why;
        self.failed.is_some()
    }
}
