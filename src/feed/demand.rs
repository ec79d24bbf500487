//! Who wants a camera's frames, and how many of them: what flows back from viewers to the one who makes frames.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::Feed;
use crate::pace::{Fps, Pace};
use crate::sync::lock;

/// All that is asked of one feed.
#[derive(Debug, Default)]
pub(super) struct Demands {
    /// One for each who asks: the most frames that are of use, `None` for every frame.
    list: Mutex<Vec<Option<Fps>>>,
    /// The sum of it, for the one who makes frames and must not wait for a lock: [`Asked`].
    asked: AtomicU64,
}

impl Demands {
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn asked(&self) -> Asked {
        Asked(self.asked.load(Ordering::Acquire))
    }

    fn add(&self, fps: Option<Fps>) {
        let mut list = self.lock();
        list.push(fps);
        self.tell(&list, 1);
    }

    fn remove(&self, fps: Option<Fps>) {
        let mut list = self.lock();
        if let Some(place) = list.iter().position(|other| *other == fps) {
            list.swap_remove(place);
        }
        self.tell(&list, 0);
    }

    /// `new`: how many have come.
    fn tell(&self, list: &[Option<Fps>], new: u32) {
        let most = list.iter().min_by_key(|fps| fps.map(|fps| Reverse(fps.thousandths())));
        let sum = match most {
            None => Asked::NOTHING,
            Some(None) => Asked::EVERYTHING,
            Some(Some(fps)) => fps.thousandths(),
        };
        let came = self.asked().came().wrapping_add(new);
        self.asked.store(u64::from(came) << 32 | u64::from(sum), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Fps>>> {
        lock(&self.list)
    }
}

/// What all together want at one time: how many ever came, in the upper half, and in the lower one how many frames
/// those who are there want, in thousandths a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked(u64);

impl Asked {
    const NOTHING: u32 = 0;
    const EVERYTHING: u32 = u32::MAX;

    fn came(self) -> u32 {
        (self.0 >> 32) as u32 // the upper half
    }

    fn sum(self) -> u32 {
        self.0 as u32 // the lower half
    }

    /// Whether anybody wants frames.
    pub fn is_any(self) -> bool {
        self.sum() != Self::NOTHING
    }

    /// The most frames that are of use to anybody; `None` where somebody wants every one, or nobody any.
    pub fn fps(self) -> Option<Fps> {
        Fps::of_thousandths(self.sum())
    }
}

/// Chooses the frames that are worth making, for the one who makes them.
#[derive(Debug, Default)]
pub struct Picker {
    asked: Asked,
    pace: Option<Pace>,
    /// When the last frame that was made was captured.
    last: Option<Instant>,
}

impl Picker {
    /// Whether anybody wants the frame that was captured at `at`. Whoever is new wants the next one.
    pub fn wants(&mut self, feed: &Feed, at: Instant) -> bool {
        let asked = feed.asked();
        if asked != self.asked {
            self.pace = asked.fps().map(Pace::new);
            // Those who stay when somebody goes have had their last frame.
            let stay = self.last.filter(|_| asked.came() == self.asked.came());
            if let (Some(last), Some(pace)) = (stay, &mut self.pace) {
                pace.taken(last);
            }
            self.asked = asked;
        }
        asked.is_any() && self.pace.as_mut().is_none_or(|pace| pace.wants(at))
    }

    /// Notes that a frame captured at `at` was made.
    pub fn made(&mut self, at: Instant) {
        self.last = Some(at);
        if let Some(pace) = &mut self.pace {
            pace.taken(at);
        }
    }
}

/// As long as it lives, somebody wants this camera's frames.
#[derive(Debug)]
pub struct Demand {
    feed: Arc<Feed>,
    fps: Option<Fps>,
}

impl Demand {
    /// Asks `feed` for every frame.
    pub fn new(feed: Arc<Feed>) -> Self {
        Self::of(feed, None)
    }

    /// Asks `feed` for no more than so many frames a second, and the next one in any case. As others may want
    /// more, more may come.
    pub fn of(feed: Arc<Feed>, fps: Option<Fps>) -> Self {
        feed.demands.add(fps);
        Self { feed, fps }
    }

    /// Where the frames come.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }
}

impl Drop for Demand {
    fn drop(&mut self) {
        self.feed.demands.remove(self.fps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use std::time::Duration;

    fn feed() -> Arc<Feed> {
        Arc::new(Feed::new("test".to_owned(), SourceConfig::of(SourceSpec::Pattern)).0)
    }

    fn fps(text: &str) -> Option<Fps> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_one_who_wants_most_is_heard_and_who_goes_is_not_any_more() {
        let feed = feed();
        assert!(!feed.is_wanted());
        let few = Demand::of(feed.clone(), fps("2"));
        let more = Demand::of(feed.clone(), fps("7.5"));
        let as_many = Demand::of(feed.clone(), fps("7.5"));
        assert_eq!((feed.demand(), feed.asked().fps()), (3, fps("7.5")));
        let all = Demand::new(feed.clone());
        assert!(feed.is_wanted() && feed.asked().fps().is_none());
        drop(all);
        assert_eq!(feed.asked().fps(), fps("7.5"));
        drop(more);
        assert_eq!(feed.asked().fps(), fps("7.5"));
        drop(as_many);
        assert_eq!(feed.asked().fps(), fps("2"));
        drop(few);
        assert!(!feed.is_wanted() && feed.demand() == 0);
    }

    #[test]
    fn a_frame_is_chosen_when_it_is_due_and_at_once_for_whoever_is_new() {
        let (feed, mut picker, start) = (feed(), Picker::default(), Instant::now());
        let mut chosen = |numbers: std::ops::Range<u32>| -> Vec<u32> {
            let at = |number: u32| start + Duration::from_millis(100) * number;
            let choose = |number: &u32| {
                let wants = picker.wants(&feed, at(*number));
                if wants {
                    picker.made(at(*number));
                }
                wants
            };
            numbers.filter(choose).collect()
        };
        assert_eq!(chosen(0..5), [0; 0]);
        let _slow = Demand::of(feed.clone(), fps("2"));
        assert_eq!(chosen(5..20), [5, 10, 15]);
        let all = Demand::new(feed.clone());
        assert_eq!(chosen(20..23), [20, 21, 22]);
        drop(all);
        assert_eq!(chosen(23..35), [27, 32]);
        let slower = Demand::of(feed.clone(), fps("0.5"));
        assert_eq!(chosen(35..45), [35, 40]);
        drop(slower);
        assert_eq!(chosen(45..55), [45, 50]);
    }

    #[test]
    fn a_frame_that_could_not_be_made_is_wanted_still() {
        let (feed, mut picker, start) = (feed(), Picker::default(), Instant::now());
        let _demand = Demand::of(feed.clone(), fps("0.01"));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(picker.wants(&feed, at(0)) && picker.wants(&feed, at(1)));
        picker.made(at(1));
        assert!(!picker.wants(&feed, at(2)));
    }
}
