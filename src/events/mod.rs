//! What happens to the cameras, as it happens: something moves, a camera is lost, privacy is switched on.
//!
//! [`crate::stream`] and those who look for motion publish; those who tell others of it subscribe, and
//! [`crate::record`] asks whether something moves. What it promises:
//!
//! - [`Events::publish`] waits for nobody: not for a disk, not for the network, not for a subscriber that is slow. Such a
//!   one loses the oldest events, which are counted.
//! - Motion of a camera begins and ends in turn, whatever its publisher says, and an end is never before its beginning,
//!   whatever the clock does.
//! - The motions are kept in a list, over restarts, too. One that lasts when the power is cut ends at its last known time.
//! - Where nothing moves, it costs nothing: its only thread, which writes the list, starts with the first motion.

mod journal;
mod keeper;
mod list;
mod subscription;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use log::warn;

use crate::host::threads;
use crate::problem::Problem;
use crate::sync::{lock, wait_while};
use crate::time::wall_clock;
use journal::Journal;
use keeper::Shared;
use list::List;
pub use list::{Entry, LISTED_MAX, RecordedFile};
use subscription::Queue;
pub use subscription::Subscription;

/// The largest picture of an event, in bytes: some times that of 320x240 pixels. A larger one is left out.
pub const PICTURE_MAX: usize = 64 << 10;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Something begins to move.
    MotionBegan,
    /// Nothing moves any longer.
    MotionEnded,
    /// The camera gives no picture any more, for this reason.
    CameraLost(Problem),
    /// It gives pictures again.
    CameraBack,
    /// Somebody, or the plan, wants nobody to see anything.
    PrivacyOn,
    /// The camera may be seen again.
    PrivacyOff,
}

/// Something that happened to a camera.
#[derive(Debug, Clone)]
pub struct Event {
    /// Counts the events; the end of a motion has the number of its beginning. Set by [`Events::publish`].
    pub number: u64,
    /// The camera's name.
    pub camera: String,
    /// What happened.
    pub kind: Kind,
    /// When, ...
    pub moment: Instant,
    /// ... and when that was by the wall clock, at the time it was published.
    pub at: SystemTime,
    /// A small JPEG of the moment.
    pub picture: Option<Arc<[u8]>>,
}

impl Event {
    /// It happens now.
    pub fn new(camera: &str, kind: Kind) -> Self {
        let (moment, at) = (Instant::now(), SystemTime::now());
        Self { number: 0, camera: camera.to_owned(), kind, moment, at, picture: None }
    }

    /// It is seen in a frame that was captured at this moment.
    pub fn captured(self, moment: Instant) -> Self {
        Self { moment, at: wall_clock(moment), ..self }
    }

    /// With a small JPEG of the moment, if it is not too large.
    pub fn with_picture(self, picture: Option<Arc<[u8]>>) -> Self {
        Self { picture: picture.filter(|jpeg| jpeg.len() <= PICTURE_MAX), ..self }
    }
}

/// The last motion of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Motion {
    /// The number of its event.
    pub number: u64,
    /// When it began.
    pub began: Instant,
    /// When it ended; `None` while it lasts.
    pub ended: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last event.
    last: u64,
    /// The last motion of each camera, of which there are few.
    motions: BTreeMap<String, Motion>,
    subscribers: Vec<Weak<Queue>>,
    list: List,
    /// Where the list is to be kept; `None` if that is nowhere, or once the thread for it has it.
    journal: Option<Journal>,
    /// Whether that thread runs.
    is_keeping: bool,
    /// Whether the program ends.
    is_ending: bool,
}

impl State {
    /// Gives the event its number; `None` if it says nothing new.
    fn number(&mut self, event: &mut Event) -> Option<u64> {
        let motion = self.motions.get_mut(&event.camera).filter(|motion| motion.ended.is_none());
        match (&event.kind, motion) {
            (Kind::MotionBegan, Some(_)) | (Kind::MotionEnded, None) => return None,
            (Kind::MotionEnded, Some(motion)) => {
                event.moment = event.moment.max(motion.began);
                motion.ended = Some(event.moment);
                return Some(motion.number);
            }
            _ => {}
        }
        self.last += 1;
        if event.kind == Kind::MotionBegan {
            let motion = Motion { number: self.last, began: event.moment, ended: None };
            self.motions.insert(event.camera.clone(), motion);
        }
        Some(self.last)
    }
}

/// The events of all cameras, shared by all threads.
#[derive(Debug, Default)]
pub struct Events {
    shared: Arc<Shared>,
}

impl Events {
    /// With the list of motions that is kept in this folder, which is read now.
    pub fn open(folder: Option<PathBuf>) -> Self {
        let events = Self::default();
        if let Some((journal, entries)) = folder.and_then(Journal::open) {
            let mut state = lock(&events.shared.state);
            state.list = List::new(entries);
            state.last = state.list.last_number();
            state.journal = Some(journal);
        }
        events
    }

    /// Tells all subscribers; returns the event's number. Ignored is the beginning of a motion while one lasts, and the
    /// end of one that has none.
    pub fn publish(&self, mut event: Event) -> Option<u64> {
        let mut state = lock(&self.shared.state);
        event.number = state.number(&mut event).filter(|_| !state.is_ending)?;
        let number = event.number;
        match event.kind {
            Kind::MotionBegan => state.list.begin(&event),
            Kind::MotionEnded => state.list.end(number, event.moment),
            _ => {}
        }
        state.subscribers.retain(|subscriber| subscriber.strong_count() > 0);
        if !state.subscribers.is_empty() {
            let event = Arc::new(event);
            state.subscribers.iter().filter_map(Weak::upgrade).for_each(|queue| queue.push(event.clone()));
        }
        self.keep(&mut state);
        Some(number)
    }

    /// Has the list written down, by a thread that is started when there is something to write.
    fn keep(&self, state: &mut State) {
        self.shared.changed.notify_all();
        if !state.list.has_unsaved() {
            return;
        }
        if let Some(journal) = state.journal.take() {
            let shared = self.shared.clone();
            let started =
                threads::start("events", "keeping the events", move || keeper::run(&shared, journal));
            match started {
                Ok(()) => state.is_keeping = true,
                Err(problem) => warn!("{problem}"),
            }
        }
    }

    /// Hears of all events from now on.
    pub fn subscribe(&self) -> Subscription {
        let subscription = Subscription::default();
        lock(&self.shared.state).subscribers.push(subscription.queue());
        subscription
    }

    /// The last motion of this camera; `None` if there was none since the start.
    pub fn motion_of(&self, camera: &str) -> Option<Motion> {
        lock(&self.shared.state).motions.get(camera).copied()
    }

    /// The motions before the one with number `before`, the newest first, of one camera or all, and whether there are more
    /// than `most`.
    pub fn newest(&self, camera: Option<&str>, before: Option<u64>, most: usize) -> (Vec<Entry>, bool) {
        lock(&self.shared.state).list.newest(camera, before, most)
    }

    /// The picture of the motion with this number, if it is in memory.
    pub fn picture(&self, number: u64) -> Option<Arc<[u8]>> {
        lock(&self.shared.state).list.picture(number)
    }

    /// Drops the pictures of motions whose recording is no longer there: who deletes it means them, too.
    pub fn keep_pictures(&self, is_there: impl Fn(&str) -> bool) {
        lock(&self.shared.state).list.keep_pictures(is_there);
    }

    /// The camera is recorded into this file from now on.
    pub fn file_begins(&self, camera: &str, file: RecordedFile) {
        let mut state = lock(&self.shared.state);
        state.list.file_begins(camera, file);
        self.keep(&mut state);
    }

    /// The file that the camera was recorded into is closed, and called `name`; `None` if it is gone.
    pub fn file_ends(&self, camera: &str, name: Option<&str>) {
        let mut state = lock(&self.shared.state);
        state.list.file_ends(camera, name);
        self.keep(&mut state);
    }

    /// The program ends: no subscriber waits any longer.
    pub fn end_waits(&self) {
        let state = lock(&self.shared.state);
        state.subscribers.iter().filter_map(Weak::upgrade).for_each(|queue| queue.end());
    }

    /// The program ends: motions that last end now. Waits until the list is written, for at most `timeout`; returns whether
    /// it is.
    pub fn finish(&self, timeout: Duration) -> bool {
        let mut state = lock(&self.shared.state);
        state.list.end_all(Instant::now());
        self.keep(&mut state);
        state.is_ending = true;
        self.shared.changed.notify_all();
        !wait_while(&self.shared.kept, state, timeout, |state| state.is_keeping).is_keeping
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn numbers(events: &Events, kinds: &[(&str, Kind)]) -> Vec<Option<u64>> {
        kinds.iter().map(|(camera, kind)| events.publish(Event::new(camera, kind.clone()))).collect()
    }

    #[test]
    fn motion_begins_and_ends_in_turn_whatever_its_publisher_says() {
        let events = Events::default();
        let kinds = [
            ("door", Kind::MotionEnded),
            ("door", Kind::MotionBegan),
            ("door", Kind::MotionBegan),
            ("yard", Kind::MotionBegan),
            ("door", Kind::CameraBack),
            ("door", Kind::MotionEnded),
            ("door", Kind::MotionEnded),
            ("door", Kind::MotionBegan),
        ];
        let expected = [None, Some(1), None, Some(2), Some(3), Some(1), None, Some(4)];
        assert_eq!(numbers(&events, &kinds), expected);
        let ended = |camera| events.motion_of(camera).map(|motion| (motion.number, motion.ended.is_some()));
        assert_eq!([ended("door"), ended("yard"), ended("roof")], [Some((4, false)), Some((2, false)), None]);
    }

    #[test]
    fn a_motion_does_not_end_before_it_begins() {
        let events = Events::default();
        let heard = events.subscribe();
        let now = Instant::now();
        events.publish(Event::new("door", Kind::MotionBegan).captured(now));
        let before = now.checked_sub(Duration::from_secs(9)).unwrap();
        events.publish(Event::new("door", Kind::MotionEnded).captured(before));
        assert_eq!(events.motion_of("door").unwrap().ended, Some(now));
        let moments = [(); 2].map(|()| heard.wait(Duration::ZERO).unwrap().moment);
        assert_eq!(moments, [now, now]);
    }

    #[test]
    fn a_picture_that_is_too_large_is_left_out() {
        let event = |length| Event::new("door", Kind::MotionBegan).with_picture(Some(vec![0; length].into()));
        assert!(event(PICTURE_MAX).picture.is_some() && event(PICTURE_MAX + 1).picture.is_none());
    }

    #[test]
    fn every_subscriber_hears_of_what_happens_from_now_on_and_nobody_is_kept_who_has_gone() {
        let events = Events::default();
        events.publish(Event::new("door", Kind::PrivacyOn));
        let (one, other) = (events.subscribe(), events.subscribe());
        events.publish(Event::new("door", Kind::PrivacyOff));
        for subscription in [&one, &other] {
            let heard = subscription.wait(Duration::ZERO).unwrap();
            assert_eq!((heard.number, &heard.kind), (2, &Kind::PrivacyOff));
            assert!(subscription.wait(Duration::ZERO).is_none());
        }
        drop(one);
        events.publish(Event::new("door", Kind::CameraBack));
        assert_eq!(lock(&events.shared.state).subscribers.len(), 1);
    }

    #[test]
    fn the_list_is_there_after_a_restart_and_what_lasted_ended_with_the_program() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-events-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder); // of an earlier run
        let events = Events::open(Some(folder.clone()));
        events.publish(Event::new("door", Kind::CameraBack));
        assert!(!lock(&events.shared.state).is_keeping && !folder.exists(), "nothing has moved yet");
        events.publish(Event::new("door", Kind::MotionBegan));
        let file = |name: &str| RecordedFile { name: name.to_owned(), captured: Instant::now(), every: None };
        events.file_begins("door", file("before"));
        events.file_ends("door", Some("after"));
        assert!(events.finish(Duration::from_secs(60)));
        assert_eq!(events.publish(Event::new("door", Kind::MotionBegan)), None, "the program has ended");
        let (kept, _) = events.newest(None, None, 10);
        let again = Events::open(Some(folder.clone()));
        let (found, more) = again.newest(None, None, 10);
        assert_eq!((found.len(), more, found[0].number, found[0].lasts), (1, false, 2, false));
        assert_eq!((found[0].recording.as_deref(), found[0].end_ms), (Some("after"), kept[0].end_ms));
        assert_eq!(again.publish(Event::new("door", Kind::MotionBegan)), Some(3), "numbers go on");
        assert!(again.finish(Duration::from_secs(60)));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_user_without_a_folder_for_state_has_a_list_until_the_program_ends() {
        let events = Events::open(None);
        events.publish(Event::new("door", Kind::MotionBegan));
        assert!(events.finish(Duration::ZERO), "it waits for a thread that does not run");
        assert_eq!(events.newest(None, None, 10).0.len(), 1);
    }
}
