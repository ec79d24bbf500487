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
    /// Whether the camera delivered when it was last open, so that it is the change that failed.
    delivers: bool,
    /// Whether it did right before what was asked for failed.
    delivered: bool,
    /// What was asked for is to be tried once more: it may have failed since the camera had no picture at all.
    once_more: bool,
}

impl Trial {
    /// What to open the camera with.
    pub(super) fn next(&mut self, feed: &Feed) -> SourceConfig {
        let (revision, wanted, before) = feed.changing.trial();
        let failed = self.failed.take().filter(|_| revision == self.revision && before.is_some());
        *self = Self { revision, wanted, before, failed, once_more: false, ..*self };
        let changes = if self.failed.is_some() { before.unwrap_or_default() } else { wanted };
        changes.apply(&feed.config)
    }

    /// Whether only the camera that was open last may be opened: the change is meant for it, and it delivered right before.
    pub(super) fn is_for_this_camera(&self) -> bool {
        self.before.is_some() && if self.failed.is_some() { self.delivered } else { self.delivers }
    }

    /// Whether the camera is to be opened with something else than it was.
    pub(super) fn is_outdated(&self, feed: &Feed) -> bool {
        self.once_more || feed.changing.revision() != self.revision
    }

    /// A picture came. Returns why what was asked for was refused, if it was now.
    pub(super) fn picture_came(&mut self, feed: &Feed) -> Option<Problem> {
        self.delivers = true;
        self.before.take()?;
        let Some(why) = self.failed.take() else {
            feed.changing.proved(self.revision);
            return None;
        };
        if !self.delivered {
            self.once_more = true;
            return None;
        }
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
        feed.take_back_quality(self.wanted, holds);
        Some(problem)
    }

    /// The session ended for this reason. Returns whether to try at once what held before.
    pub(super) fn session_ended(&mut self, why: Option<Problem>) -> bool {
        let delivered = std::mem::take(&mut self.delivers);
        if self.before.is_none() || self.failed.take().is_some() {
            return false; // with what held before there is no picture either: it is not due to the change
        }
        (self.failed, self.delivered) = (why, delivered);
        self.failed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::SourceSpec;
    use crate::picture::Size;

    const WANTED: Size = Size { width: 64, height: 48 };

    fn changed(feed: &Feed) {
        let change = |changes| Ok(Changes { size: Some(WANTED), ..changes });
        feed.changing.change(&feed.config, change, |_, _| false).unwrap();
    }

    fn no_signal() -> Option<Problem> {
        Some(Problem::new("no picture", "no signal", "wait"))
    }

    fn feed() -> Feed {
        Feed::new("test".to_owned(), SourceConfig::of(SourceSpec::Pattern)).0
    }

    #[test]
    fn what_was_asked_for_is_not_refused_while_the_camera_gives_no_picture_with_anything() {
        let (feed, mut trial) = (feed(), Trial::default());
        changed(&feed);
        for _ in 0..3 {
            assert_eq!(trial.next(&feed).size, Some(WANTED));
            assert!(trial.session_ended(no_signal()), "what held before is tried at once");
            assert_eq!(trial.next(&feed).size, None);
            assert!(!trial.session_ended(no_signal()));
        }
        // The source is switched on while what held before is tried.
        assert_eq!(trial.next(&feed).size, Some(WANTED));
        assert!(trial.session_ended(no_signal()));
        assert_eq!(trial.next(&feed).size, None);
        assert_eq!(trial.picture_came(&feed), None);
        assert!(trial.is_outdated(&feed), "so that what was asked for is tried once more");
        assert_eq!(trial.next(&feed).size, Some(WANTED));
        assert_eq!(trial.picture_came(&feed), None);
        assert!(feed.changing.is_settled() && !trial.is_outdated(&feed));
        assert_eq!(trial.next(&feed).size, Some(WANTED));
    }

    #[test]
    fn a_quality_that_was_set_while_a_change_was_tried_stays_when_the_change_is_refused() {
        for (meanwhile, after) in [(Some(33), 33), (None, 70)] {
            let (feed, mut trial) = (feed(), Trial::default());
            trial.next(&feed);
            assert_eq!(trial.picture_came(&feed), None);
            feed.set_quality(70);
            let both = |changes| Ok(Changes { size: Some(WANTED), ..changes });
            feed.changing.change(&feed.config, both, |_, _| false).unwrap();
            trial.next(&feed);
            if let Some(quality) = meanwhile {
                feed.set_quality(quality);
            }
            assert!(trial.session_ended(no_signal()));
            trial.next(&feed);
            assert!(trial.picture_came(&feed).is_some());
            assert_eq!(feed.quality(), after);
        }
    }

    #[test]
    fn a_change_is_tried_with_the_camera_in_use_until_that_is_lost() {
        let (feed, mut trial) = (feed(), Trial::default());
        trial.next(&feed);
        assert!(!trial.is_for_this_camera(), "the first may be any");
        assert_eq!(trial.picture_came(&feed), None);
        changed(&feed);
        trial.next(&feed);
        assert!(trial.is_for_this_camera());
        assert!(trial.session_ended(no_signal()));
        trial.next(&feed);
        assert!(trial.is_for_this_camera(), "what held before, too");
        assert!(!trial.session_ended(no_signal()));
        trial.next(&feed);
        assert!(!trial.is_for_this_camera(), "it is gone");
    }

    #[test]
    fn what_fails_between_pictures_is_refused_and_what_held_before_holds() {
        let (feed, mut trial) = (feed(), Trial::default());
        trial.next(&feed);
        assert_eq!(trial.picture_came(&feed), None);
        changed(&feed);
        assert!(trial.is_outdated(&feed));
        assert_eq!(trial.next(&feed).size, Some(WANTED));
        assert!(trial.session_ended(no_signal()));
        assert_eq!(trial.next(&feed).size, None);
        assert!(trial.picture_came(&feed).is_some());
        assert!(feed.changing.is_settled() && feed.changing.wanted().size.is_none());
    }
}
