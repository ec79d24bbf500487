//! A camera that is opened on demand: when it is closed, and its rest until somebody wants it.

use std::thread;
use std::time::{Duration, Instant};

use super::Stream;
use crate::feed::{CaptureState, TotalDemand};
use crate::jpeg::card::Card;

/// As often a camera that rests looks at its plan for privacy, if that has times.
const PLAN_PERIOD: Duration = Duration::from_secs(1);

/// Since when nobody wants a camera, and when it is closed for that.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// After this time; `None` if it stays open.
    after: Option<Duration>,
    /// What was demanded last, so that a demand that came and went is seen, too.
    demand: TotalDemand,
    /// When somebody was last known to want it; `None` if nobody has since it was closed.
    wanted: Option<Instant>,
}

impl Idle {
    pub(super) fn new(after: Option<Duration>) -> Self {
        Self { after, ..Self::default() }
    }

    /// Whether the camera is not to be open now.
    fn is_over(&mut self, demand: TotalDemand, now: Instant) -> bool {
        let Some(after) = self.after else { return false };
        if demand.is_any() || demand != self.demand {
            (self.demand, self.wanted) = (demand, Some(now));
            return false;
        }
        self.wanted.is_none_or(|wanted| now.saturating_duration_since(wanted) >= after)
    }
}

impl Stream<'_> {
    /// Has the camera closed while nobody wants it, if the settings say so.
    pub(super) fn open_on_demand(&mut self) {
        let after = self.feed.config.on_demand;
        self.idle = Idle::new(after);
        if after.is_some() {
            self.feed.unparks_this_thread();
            self.shutdown.unparks_this_thread();
        }
    }

    /// Whether the camera is to be closed, since nobody is to see it, or nobody has wanted it for a while.
    pub(super) fn is_unwanted(&mut self) -> bool {
        self.feed.privacy.look() || self.idle.is_over(self.feed.total_demand(), Instant::now())
    }

    /// Sleeps until somebody wants the camera, which is closed, or the program ends.
    pub(super) fn rest(&mut self) {
        self.writer.release();
        self.set_closed(CaptureState::Resting);
        let began = Instant::now();
        self.trouble_log.rests(began);
        while !self.feed.is_wanted() && !self.feed.privacy.look() && !self.shutdown.has_begun() {
            if self.feed.privacy.has_times() { thread::park_timeout(PLAN_PERIOD) } else { thread::park() }
        }
        self.figures.slept(began.elapsed());
        if !self.feed.is_private() {
            self.wake_up();
        }
    }

    /// The camera is closed, and nothing is wrong.
    pub(super) fn set_closed(&mut self, state: CaptureState) {
        let mut status = self.feed.status();
        (status.state, status.concern, status.slow) = (state, None, None);
        (status.fps, status.seldom) = (0.0, false);
        status.refused.clear();
        drop(status);
        (self.ended, self.knows_content, self.pauses, self.idle.wanted) = (None, false, 0, None);
    }

    /// The camera is wanted again, and everybody sees at once that it is being opened.
    pub(super) fn wake_up(&mut self) {
        let mut status = self.feed.status();
        (status.state, status.last_frame) = (CaptureState::Starting, None);
        drop(status);
        self.trouble = (Card::STARTING, self.feed.why_no_picture_yet());
        self.next_card = Instant::now();
        self.pass_time();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::feed::{Demand, Feed};

    const AFTER: Duration = Duration::from_secs(10);

    fn feed() -> Arc<Feed> {
        Arc::new(Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern)).0)
    }

    #[test]
    fn a_camera_is_closed_so_long_after_the_last_one_who_wanted_it_and_not_sooner() {
        let (feed, begin) = (feed(), Instant::now());
        let mut idle = Idle::new(Some(AFTER));
        let mut at = |seconds| idle.is_over(feed.total_demand(), begin + Duration::from_secs(seconds));
        assert!(at(0), "at the start nobody wants it");
        let viewer = Demand::new(feed.clone());
        assert!(!at(1) && !at(100));
        drop(viewer);
        // That he has gone is seen at 101 s.
        assert!(!at(101) && !at(110) && at(111) && at(1000));
    }

    #[test]
    fn a_snapshot_between_two_looks_keeps_the_camera_open_too() {
        let (feed, begin) = (feed(), Instant::now());
        let mut idle = Idle::new(Some(AFTER));
        let mut at = |seconds| idle.is_over(feed.total_demand(), begin + Duration::from_secs(seconds));
        drop(Demand::new(feed.clone()));
        assert!(!at(0) && !at(9));
        drop(Demand::new(feed.clone()));
        assert!(!at(11) && !at(20) && at(21));
    }

    #[test]
    fn a_camera_stays_open_unless_the_settings_say_otherwise() {
        let begin = Instant::now();
        let mut idle = Idle::new(None);
        assert!(!idle.is_over(TotalDemand::default(), begin + 1000 * AFTER));
    }
}
