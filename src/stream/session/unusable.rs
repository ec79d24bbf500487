//! Frames that cannot be used: what the log says of them, when a camera is reopened for them, and when viewers are told
//! that there is no picture.

use std::time::{Duration, Instant};

use crate::feed::DropReason;
use crate::jpeg::passthrough::Fault;

/// If no usable frame came for this long, but unusable ones, there is no picture. So page, `/state` and log say it
/// within two seconds.
const NO_PICTURE_AFTER: Duration = Duration::from_secs(1);

/// Unusable frames in a row that say there is no picture, if there was one before: of a source that sends a picture
/// every half minute, a single one may be damaged.
const NO_PICTURE_FRAMES: u32 = 2;

/// The unusable frames since the last usable one.
#[derive(Debug)]
pub(super) struct Unusable {
    /// The most in a row for which the camera is not reopened.
    tolerated: u32,
    /// How many came since the last usable frame, and the reason for the last one.
    row: u32,
    last: Option<DropReason>,
    /// Those among them that count against `tolerated`.
    counted: u32,
    /// When the last usable frame came, or the session began.
    since: Instant,
    had_picture: bool,
    /// One bit for each reason that the log already names, by its index.
    said: u64,
}

impl Unusable {
    pub(super) fn new(tolerated: u32) -> Self {
        Self { tolerated, row: 0, last: None, counted: 0, since: Instant::now(), had_picture: false, said: 0 }
    }

    /// A usable frame came.
    pub(super) fn usable_came(&mut self) {
        (self.row, self.last, self.counted) = (0, None, 0);
        (self.since, self.had_picture) = (Instant::now(), true);
    }

    /// An unusable frame came. Returns whether the log should name the reason, which it does once in a session.
    pub(super) fn unusable_came(&mut self, reason: DropReason) -> bool {
        self.row = self.row.saturating_add(1);
        self.last = Some(reason);
        if reopening_helps(reason) {
            self.counted = self.counted.saturating_add(1);
        }
        let bit = 1u64.checked_shl(u32::try_from(reason.index()).unwrap_or(u32::MAX)).unwrap_or(0);
        let is_new = self.said & bit == 0;
        self.said |= bit;
        is_new
    }

    /// If the camera must be reopened because of too many unusable frames in a row: how many, and the reason for the
    /// last one.
    pub(super) fn too_many(&self) -> Option<(u32, DropReason)> {
        self.last.filter(|_| self.counted > self.tolerated).map(|last| (self.counted, last))
    }

    /// If there is no picture because of unusable frames: how many came in a row, and the reason for the last one.
    pub(super) fn no_picture(&self, now: Instant) -> Option<(u32, DropReason)> {
        let enough = self.row >= if self.had_picture { NO_PICTURE_FRAMES } else { 1 };
        let is_late = now.saturating_duration_since(self.since) >= NO_PICTURE_AFTER;
        self.last.filter(|_| enough && is_late).map(|last| (self.row, last))
    }
}

/// Whether frames may become usable when the source is opened again. What kind of JPEGs it makes does not change, and
/// what happens to frames that lack only their end is up to the EOI policy.
fn reopening_helps(reason: DropReason) -> bool {
    match reason {
        DropReason::Fault(fault) => !fault.is_kind() && fault != Fault::Truncated,
        DropReason::Undecodable(_) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jpeg::decodable::Undecodable;

    const BAD: DropReason = DropReason::Fault(Fault::BadSegment);

    #[test]
    fn each_reason_is_named_once() {
        let mut unusable = Unusable::new(1000);
        for reason in DropReason::all() {
            assert!(unusable.unusable_came(reason), "{reason:?}");
            unusable.usable_came();
            assert!(!unusable.unusable_came(reason), "{reason:?}");
        }
    }

    #[test]
    fn frames_that_cannot_be_used_are_said_within_two_seconds() {
        let mut unusable = Unusable::new(10);
        let begin = unusable.since;
        let [soon, later] = [0, 1].map(|seconds| begin + Duration::from_secs(seconds));
        assert_eq!(unusable.no_picture(later), None, "there was none at all");
        unusable.unusable_came(BAD);
        assert_eq!(unusable.no_picture(soon), None);
        assert_eq!(unusable.no_picture(later), Some((1, BAD)));
    }

    #[test]
    fn one_damaged_frame_of_a_slow_source_does_not_hide_its_picture() {
        let mut unusable = Unusable::new(10);
        unusable.usable_came();
        unusable.unusable_came(BAD);
        let later = unusable.since + Duration::from_secs(60);
        assert_eq!(unusable.no_picture(later), None);
        unusable.unusable_came(BAD);
        assert_eq!(unusable.no_picture(later), Some((2, BAD)));
    }

    #[test]
    fn a_source_is_not_reopened_for_what_reopening_does_not_change() {
        for kind in [
            DropReason::Fault(Fault::Arithmetic),
            DropReason::Fault(Fault::Truncated),
            DropReason::Undecodable(Undecodable::Colours),
        ] {
            let mut unusable = Unusable::new(1);
            (0..10).for_each(|_| _ = unusable.unusable_came(kind));
            assert_eq!(unusable.too_many(), None, "{kind:?}");
        }
    }
}
