//! What one subscriber has not heard of yet.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use super::Event;
use crate::sync::{lock, wait_while};

/// The most events that wait for a subscriber. For a further one the oldest is dropped.
const WAITING_MAX: usize = 64;

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    dropped: u64,
    /// Whether no more events will come.
    is_over: bool,
}

/// The events that wait for a subscriber.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

impl Queue {
    pub(super) fn push(&self, event: Arc<Event>) {
        let mut waiting = lock(&self.waiting);
        if waiting.events.len() == WAITING_MAX {
            waiting.events.pop_front();
            waiting.dropped += 1;
        }
        waiting.events.push_back(event);
        self.came.notify_one();
    }

    /// No more events will come: whoever waits for one does so no longer.
    pub(super) fn end(&self) {
        lock(&self.waiting).is_over = true;
        self.came.notify_one();
    }
}

/// Hears of all events until it is dropped; for one thread.
#[derive(Debug, Default)]
pub struct Subscription(Arc<Queue>);

impl Subscription {
    pub(super) fn queue(&self) -> Weak<Queue> {
        Arc::downgrade(&self.0)
    }

    /// Waits for the next event, for at most `timeout`; `None` if none comes in that time, or the program ends.
    pub fn wait(&self, timeout: Duration) -> Option<Arc<Event>> {
        let waiting = lock(&self.0.waiting);
        let waits = |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.is_over;
        wait_while(&self.0.came, waiting, timeout, waits).events.pop_front()
    }

    /// How many events were dropped since too many waited.
    pub fn dropped(&self) -> u64 {
        lock(&self.0.waiting).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Events, Kind};
    use super::*;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_subscriber_that_is_slow_loses_the_oldest_which_are_counted() {
        let events = Events::default();
        let heard = events.subscribe();
        for _ in 0..WAITING_MAX + 3 {
            events.publish(Event::new("door", Kind::CameraBack));
        }
        assert_eq!(heard.dropped(), 3);
        let numbers: Vec<u64> =
            std::iter::from_fn(|| heard.wait(Duration::ZERO)).map(|event| event.number).collect();
        assert_eq!(numbers, (4..=WAITING_MAX as u64 + 3).collect::<Vec<_>>());
    }

    #[test]
    fn an_event_ends_the_wait_for_it() {
        let events = Events::default();
        let heard = events.subscribe();
        thread::scope(|scope| {
            let waits = scope.spawn(|| heard.wait(Duration::from_secs(60)));
            events.publish(Event::new("door", Kind::CameraBack));
            assert_eq!(waits.join().unwrap().unwrap().kind, Kind::CameraBack);
        });
    }

    #[test]
    fn the_end_of_the_program_ends_the_wait_for_an_event() {
        const LONG: Duration = Duration::from_secs(600);
        let events = Events::default();
        let heard = events.subscribe();
        let begin = Instant::now();
        thread::scope(|scope| {
            let waits = scope.spawn(|| heard.wait(LONG));
            events.end_waits();
            assert!(waits.join().unwrap().is_none());
        });
        assert!(heard.wait(LONG).is_none() && begin.elapsed() < LONG);
    }
}
