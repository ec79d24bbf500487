//! What the log has said about one camera's trouble, so that it says each thing once.
//!
//! Used only by [`super::Stream`]. A command that ends every few seconds must not fill an SD card. After a good session
//! everything is news again.

use log::{Level, warn};

use super::ending::SessionEnd;
use crate::names::CameraLabel;

/// After this many sessions in a row that ended soon, the log no longer names each beginning.
const SHORT_SESSIONS: u32 = 3;

/// What the log says already.
#[derive(Debug)]
pub(super) struct TroubleLog<'a> {
    label: CameraLabel<'a>,
    /// The last trouble.
    trouble: Option<SessionEnd>,
    /// How many sessions in a row ended soon after their first picture.
    short_sessions: u32,
}

impl<'a> TroubleLog<'a> {
    pub(super) fn new(label: CameraLabel<'a>) -> Self {
        Self { label, trouble: None, short_sessions: 0 }
    }

    /// A session begins.
    pub(super) fn begin(&mut self) {
        self.short_sessions = self.short_sessions.saturating_add(1);
    }

    /// The level for the lines that say so.
    pub(super) fn level(&self) -> Level {
        if self.short_sessions <= SHORT_SESSIONS { Level::Info } else { Level::Debug }
    }

    /// Says why there is no picture, unless that was the last thing that was said.
    pub(super) fn trouble(&mut self, end: &SessionEnd) {
        let Some(problem) = end.problem() else { return };
        if !self.trouble.as_ref().is_some_and(|said| said.is_same(end)) {
            warn!("{}: {problem}", self.label);
        }
        self.trouble = Some(end.clone());
    }

    /// The source has delivered for a while: what goes wrong from now on is news.
    pub(super) fn forget(&mut self) {
        (self.trouble, self.short_sessions) = (None, 0);
    }
}
