//! Threads that wait for a camera's next frame: those of [`crate::variants`] and [`crate::record`].
//!
//! The camera's thread wakes them, and must never wait for them. Without listeners that costs one atomic load,
//! otherwise one call for each listener that sleeps; it never waits for a lock.

use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::Feed;
use crate::sync::write;

/// The threads that listen to one camera.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    count: AtomicUsize,
    threads: RwLock<Vec<Thread>>,
}

impl Listeners {
    /// Wakes all threads: there is a new frame.
    pub(super) fn notify(&self) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Locked only while a listener is added or removed; a listener that misses a frame then sees the next one.
        if let Ok(threads) = self.threads.try_read() {
            threads.iter().for_each(Thread::unpark);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Thread>)) {
        let mut threads = write(&self.threads);
        change(&mut threads);
        self.count.store(threads.len(), Ordering::SeqCst);
    }
}

/// Wakes the thread that created it at each new frame, until it is dropped.
#[derive(Debug)]
pub struct Listener<'a> {
    feed: &'a Feed,
    thread: Thread,
}

impl<'a> Listener<'a> {
    pub(super) fn new(feed: &'a Feed) -> Self {
        let thread = thread::current();
        feed.listeners.change(|threads| threads.push(thread.clone()));
        Self { feed, thread }
    }

    /// Waits at most `timeout` for the newest frame to have another number than `last`; returns whether it has.
    pub fn wait(&self, last: u64, timeout: Duration) -> bool {
        let end = Instant::now() + timeout;
        while self.feed.ring.newest() == last {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // A frame that comes before this line leaves a token, and it returns at once.
            thread::park_timeout(left);
        }
        true
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let own = self.thread.id();
        self.feed.listeners.change(|threads| {
            if let Some(index) = threads.iter().position(|thread| thread.id() == own) {
                threads.swap_remove(index);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::picture::Size;
    use crate::ring::{Meta, Writer};
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_secs(60);

    fn publish(feed: &Feed, writer: &mut Writer) {
        writer.reserve(1).unwrap();
        let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
        writer.publish::<()>(meta, |_| Ok(1)).unwrap();
        feed.wake_listeners();
    }

    #[test]
    fn a_listener_sees_every_frame_and_none_once_it_is_gone() {
        let (feed, mut writer) = Feed::new("test".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        let (seen, sees) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                let listener = feed.listen();
                for last in 0..50 {
                    assert!(listener.wait(last, LONG), "frame {} did not wake it", last + 1);
                    seen.send(feed.ring.newest()).unwrap();
                }
            });
            for number in 1..=50 {
                publish(&feed, &mut writer);
                assert_eq!(sees.recv_timeout(LONG), Ok(number));
            }
        });
        assert_eq!(feed.listeners.count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn waiting_for_a_frame_ends() {
        let (feed, _) = Feed::new("test".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        assert!(!feed.listen().wait(0, Duration::from_millis(1)));
    }
}
