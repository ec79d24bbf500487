//! The demand for a camera's frames, which flows back from viewers to the thread that makes frames: whether anybody
//! wants frames, and at which rate.

use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, Thread};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Feed;
use crate::pace::{Fps, Pace};
use crate::sync::lock;

/// Stands for the user or the address whose demand it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(pub u64);

impl ClientId {
    /// The number that stands for this name or address.
    pub fn of(client: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        client.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What one [`Demand`] wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    /// The most frames per second that are of use, or `None` for every frame.
    fps: Option<Fps>,
    client: Option<ClientId>,
}

/// Everything that is demanded of one feed.
#[derive(Debug, Default)]
pub(super) struct Demands {
    /// One entry for each [`Demand`].
    list: Mutex<Vec<Wish>>,
    /// A [`TotalDemand`], for the thread that makes frames, which must not wait for a lock.
    total: AtomicU64,
    /// The thread that is parked while there is no demand.
    parked: OnceLock<Thread>,
}

impl Demands {
    pub(super) fn unpark_this_thread(&self) {
        let _only_one_thread_makes_frames = self.parked.set(thread::current());
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn total(&self) -> TotalDemand {
        TotalDemand(self.total.load(Ordering::Acquire))
    }

    pub(super) fn is_any_of(&self, client: ClientId) -> bool {
        self.lock().iter().any(|wish| wish.client == Some(client))
    }

    fn add(&self, wish: Wish) {
        let mut list = self.lock();
        list.push(wish);
        self.update_total(&list, 1);
        drop(list);
        self.wake();
    }

    /// Unparks the thread that makes frames, if it ever parks.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.parked.get() {
            thread.unpark();
        }
    }

    fn remove(&self, wish: Wish) {
        let mut list = self.lock();
        if let Some(index) = list.iter().position(|other| *other == wish) {
            list.swap_remove(index);
        }
        self.update_total(&list, 0);
    }

    /// Sums up `list`, to which `added` entries have just been added.
    fn update_total(&self, list: &[Wish], added: u32) {
        let most =
            list.iter().map(|wish| wish.fps).min_by_key(|fps| fps.map(|fps| Reverse(fps.thousandths())));
        let sum = match most {
            None => TotalDemand::NOTHING,
            Some(None) => TotalDemand::EVERYTHING,
            Some(Some(fps)) => fps.thousandths(),
        };
        let added = self.total().added().wrapping_add(added);
        self.total.store(u64::from(added) << 32 | u64::from(sum), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Wish>> {
        lock(&self.list)
    }
}

/// The sum of all demands of a feed, in one word: in the upper half the number of demands that were ever added, in the
/// lower half the largest rate that one of the present demands wants, in thousandths of a frame per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TotalDemand(u64);

impl TotalDemand {
    const NOTHING: u32 = 0;
    const EVERYTHING: u32 = u32::MAX;

    fn added(self) -> u32 {
        (self.0 >> 32) as u32 // the upper half
    }

    fn rate(self) -> u32 {
        self.0 as u32 // the lower half
    }

    /// Whether there is any demand.
    pub fn is_any(self) -> bool {
        self.rate() != Self::NOTHING
    }

    /// The most frames per second that are of use; `None` if somebody wants every frame, or nobody wants any.
    pub fn fps(self) -> Option<Fps> {
        Fps::of_thousandths(self.rate())
    }
}

/// Chooses the frames that are worth encoding, for the thread that encodes them.
#[derive(Debug, Default)]
pub struct FramePicker {
    demand: TotalDemand,
    pace: Option<Pace>,
    /// When the last frame that was made had been captured.
    last: Option<Instant>,
}

impl FramePicker {
    /// Whether anybody wants the frame that was captured at `at`. A new demand wants the next frame at once.
    pub fn wants(&mut self, feed: &Feed, at: Instant) -> bool {
        let demand = feed.total_demand();
        if demand != self.demand {
            self.pace = demand.fps().map(Pace::new);
            // If a demand was only removed, the others have already had the last frame.
            let had = self.last.filter(|_| demand.added() == self.demand.added());
            if let (Some(last), Some(pace)) = (had, &mut self.pace) {
                pace.taken(last);
            }
            self.demand = demand;
        }
        demand.is_any() && self.pace.as_mut().is_none_or(|pace| pace.wants(at))
    }

    /// Notes that a frame captured at `at` was made.
    pub fn made(&mut self, at: Instant) {
        self.last = Some(at);
        if let Some(pace) = &mut self.pace {
            pace.taken(at);
        }
    }
}

/// A demand for this feed's frames, until it is dropped.
#[derive(Debug)]
pub struct Demand {
    feed: Arc<Feed>,
    wish: Wish,
}

impl Demand {
    /// Demands every frame of `feed`.
    pub fn new(feed: Arc<Feed>) -> Self {
        Self::limited(feed, None)
    }

    /// Demands at most `fps` frames per second of `feed`, starting with the next frame; every frame if that is `None`.
    /// More may come when others want more.
    pub fn limited(feed: Arc<Feed>, fps: Option<Fps>) -> Self {
        Self::of_client(feed, fps, None)
    }

    /// The same for this client.
    pub fn of_client(feed: Arc<Feed>, fps: Option<Fps>, client: Option<ClientId>) -> Self {
        let wish = Wish { fps, client };
        feed.demands.add(wish);
        Self { feed, wish }
    }

    /// The feed whose frames are wanted.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }
}

impl Drop for Demand {
    fn drop(&mut self) {
        self.feed.demands.remove(self.wish);
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
    fn the_largest_demand_counts_until_it_is_gone() {
        let feed = feed();
        assert!(!feed.is_wanted());
        let few = Demand::limited(feed.clone(), fps("2"));
        let more = Demand::limited(feed.clone(), fps("7.5"));
        let as_many = Demand::limited(feed.clone(), fps("7.5"));
        assert_eq!((feed.demand_count(), feed.total_demand().fps()), (3, fps("7.5")));
        let all = Demand::new(feed.clone());
        assert!(feed.is_wanted() && feed.total_demand().fps().is_none());
        drop(all);
        assert_eq!(feed.total_demand().fps(), fps("7.5"));
        drop(more);
        assert_eq!(feed.total_demand().fps(), fps("7.5"));
        drop(as_many);
        assert_eq!(feed.total_demand().fps(), fps("2"));
        drop(few);
        assert!(!feed.is_wanted() && feed.demand_count() == 0);
    }

    #[test]
    fn a_frame_is_chosen_when_it_is_due_and_at_once_for_a_new_demand() {
        let (feed, mut picker, start) = (feed(), FramePicker::default(), Instant::now());
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
        let _slow = Demand::limited(feed.clone(), fps("2"));
        assert_eq!(chosen(5..20), [5, 10, 15]);
        let all = Demand::new(feed.clone());
        assert_eq!(chosen(20..23), [20, 21, 22]);
        drop(all);
        assert_eq!(chosen(23..35), [27, 32]);
        let slower = Demand::limited(feed.clone(), fps("0.5"));
        assert_eq!(chosen(35..45), [35, 40]);
        drop(slower);
        assert_eq!(chosen(45..55), [45, 50]);
    }

    #[test]
    fn a_frame_that_could_not_be_made_is_still_wanted() {
        let (feed, mut picker, start) = (feed(), FramePicker::default(), Instant::now());
        let _demand = Demand::limited(feed.clone(), fps("0.01"));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(picker.wants(&feed, at(0)) && picker.wants(&feed, at(1)));
        picker.made(at(1));
        assert!(!picker.wants(&feed, at(2)));
    }
}
