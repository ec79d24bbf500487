//! Tells subscribers of [`Events`] when a camera gives no picture any more, and when it does again.
//!
//! A camera that comes and goes must not flood a phone: [`FIRST`] changes are told at once, then one each [`PERIOD`], and
//! what is told then is how it is at that time.

use std::time::{Duration, Instant};

use crate::events::{Event, Events, Kind};
use crate::feed::{CaptureState, Status};
use crate::host::log::Allowance;

/// Changes that may be told at once.
const FIRST: u32 = 6;
/// After that, one is told in this time.
const PERIOD: Duration = Duration::from_secs(60);

/// What subscribers know of a camera.
pub(super) struct Presence<'a> {
    events: &'a Events,
    /// Whether they were told last that it is lost.
    is_lost: bool,
    changes: Allowance,
}

impl<'a> Presence<'a> {
    pub(super) fn new(events: &'a Events) -> Self {
        Self { events, is_lost: false, changes: Allowance::new(FIRST, PERIOD) }
    }

    /// Tells that this happened.
    pub(super) fn tell(&self, camera: &str, kind: Kind) {
        self.events.publish(Event::new(camera, kind));
    }

    /// Tells it if that has changed. A camera that is being opened, or rests, is what it was before.
    pub(super) fn look(&mut self, camera: &str, status: &Status, now: Instant) {
        let problem = status.problem();
        let is_lost = match status.state {
            CaptureState::Live(_) | CaptureState::Waiting(_) => problem.is_some(),
            CaptureState::Starting | CaptureState::Resting | CaptureState::Private => self.is_lost,
        };
        if is_lost == self.is_lost || self.changes.take(now).is_none() {
            return;
        }
        self.is_lost = is_lost;
        let kind = problem.filter(|_| is_lost).map_or(Kind::CameraBack, |why| Kind::CameraLost(why.clone()));
        self.events.publish(Event::new(camera, kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{SourceConfig, SourceInfo, SourceKind, SourceSpec};
    use crate::feed::Feed;
    use crate::picture::Size;
    use crate::problem::Problem;

    fn info() -> SourceInfo {
        SourceInfo::of_jpegs(SourceKind::Program, "pipe:x".to_owned(), Size { width: 8, height: 8 })
    }

    fn problem() -> Problem {
        Problem::new("cannot open it", "it was unplugged", "plug it in")
    }

    /// A camera whose state the test sets, and what is told of it at the seconds that are given with the state.
    fn told(states: &[(u64, CaptureState)]) -> Vec<(u64, Kind)> {
        let (feed, _) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        let events = Events::default();
        let heard = events.subscribe();
        let mut presence = Presence::new(&events);
        let begin = Instant::now();
        let mut told = Vec::new();
        for (second, state) in states {
            feed.status().state = state.clone();
            presence.look("door", &feed.status(), begin + Duration::from_secs(*second));
            told.extend(heard.wait(Duration::ZERO).map(|event| (*second, event.kind.clone())));
        }
        told
    }

    #[test]
    fn that_a_camera_is_lost_or_back_is_told_once_and_with_the_reason() {
        let lost = || CaptureState::Waiting(problem());
        let live = || CaptureState::Live(info());
        let states = [
            (0, CaptureState::Starting),
            (1, live()),
            (2, lost()),
            (3, lost()),
            (4, CaptureState::Starting),
            (5, lost()),
            (6, CaptureState::Starting),
            (7, live()),
            (8, CaptureState::Resting),
            (9, live()),
        ];
        assert_eq!(told(&states), [(2, Kind::CameraLost(problem())), (7, Kind::CameraBack)]);
    }

    #[test]
    fn a_camera_that_comes_and_goes_is_told_of_now_and_then_and_rightly_in_the_end() {
        let state = |n: u64| match n % 2 {
            0 => CaptureState::Waiting(problem()),
            _ => CaptureState::Live(info()),
        };
        let states: Vec<_> =
            (0..600).map(|n| (n, state(n))).chain([(700, state(1)), (701, state(1))]).collect();
        let told = told(&states);
        assert!((7..=16).contains(&told.len()), "{} events in ten minutes", told.len());
        assert_eq!(told.last().unwrap().1, Kind::CameraBack);
    }
}
