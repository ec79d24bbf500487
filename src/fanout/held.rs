//! Frames that viewers have begun and not taken whole yet. All viewers in the same frame share it, so the memory grows
//! with the number of such frames, not with the number of viewers; it has one cap over all event loops.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::ring::Frame;

/// The most that held frames take together, in bytes, ...
pub const HELD_CAP: usize = 16 << 20;

/// ... or this many frames on an event loop, if they are larger: two for each slot of a ring.
pub const HELD_FRAMES: usize = 8;

/// A frame that viewers of one event loop are in the middle of.
#[derive(Debug)]
pub struct Held {
    /// The frame.
    pub frame: Arc<Frame>,
    /// Memory held by all event loops.
    bytes: Arc<AtomicUsize>,
}

impl Held {
    fn new(frame: Arc<Frame>, bytes: &Arc<AtomicUsize>) -> Self {
        bytes.fetch_add(frame.weight(), Ordering::Relaxed);
        Self { frame, bytes: bytes.clone() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.bytes.fetch_sub(self.frame.weight(), Ordering::Relaxed);
    }
}

/// The frames that viewers of one event loop hold.
#[derive(Debug)]
pub struct HeldFrames {
    frames: Vec<Weak<Held>>,
    /// Memory held by all event loops, in bytes.
    bytes: Arc<AtomicUsize>,
}

impl HeldFrames {
    /// Frames that count in `bytes`, as those of all other event loops do.
    pub fn new(bytes: Arc<AtomicUsize>) -> Self {
        Self { frames: Vec::with_capacity(4 * HELD_FRAMES), bytes }
    }

    /// Counts `frame` once, however many viewers hold it; each of them keeps what this returns.
    pub fn hold(&mut self, frame: &Arc<Frame>) -> Arc<Held> {
        // The newest are at the end.
        let known =
            self.frames.iter().rev().filter_map(Weak::upgrade).find(|held| Arc::ptr_eq(&held.frame, frame));
        known.unwrap_or_else(|| {
            self.frames.retain(|held| held.strong_count() > 0);
            let held = Arc::new(Held::new(frame.clone(), &self.bytes));
            self.frames.push(Arc::downgrade(&held));
            held
        })
    }

    /// The frame that viewers have held longest, if they hold more than they may.
    pub fn excess(&mut self) -> Option<Arc<Held>> {
        if self.bytes.load(Ordering::Relaxed) <= HELD_CAP {
            return None;
        }
        self.frames.retain(|held| held.strong_count() > 0);
        if self.frames.len() <= HELD_FRAMES { None } else { self.frames.iter().find_map(Weak::upgrade) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Size;
    use crate::ring::{self, Meta};
    use std::time::{Duration, Instant};

    /// So many frames of `length` bytes, the oldest first.
    fn frames(count: u32, length: usize) -> Vec<Arc<Frame>> {
        frames_in(length, count, length)
    }

    /// The same, in slots for `capacity` bytes.
    fn frames_in(capacity: usize, count: u32, length: usize) -> Vec<Arc<Frame>> {
        let (mut writer, reader) = ring::split(Arc::default());
        writer.reserve(capacity).unwrap();
        let begin = Instant::now();
        let frame = |number| {
            let captured = begin + Duration::from_millis(number);
            let meta = Meta { captured, size: Size::DEFAULT, card: false };
            writer.publish::<()>(meta, |_| Ok(length)).unwrap();
            reader.frame().unwrap()
        };
        (0..u64::from(count)).map(frame).collect()
    }

    #[test]
    fn a_frame_counts_once_however_many_viewers_hold_it() {
        let bytes = Arc::<AtomicUsize>::default();
        let [mut plain, mut https] = [(); 2].map(|()| HeldFrames::new(bytes.clone()));
        let frame = &frames(1, 1000)[0];
        let length = frame.weight();
        let viewers: Vec<_> = (0..100).map(|_| plain.hold(frame)).collect();
        assert_eq!(bytes.load(Ordering::Relaxed), length);
        let other = https.hold(frame);
        assert_eq!(bytes.load(Ordering::Relaxed), 2 * length, "each event loop counts it");
        drop((viewers, other));
        assert_eq!(bytes.load(Ordering::Relaxed), 0);
        assert!(Arc::strong_count(frame) == 1, "nobody keeps it any more");
    }

    #[test]
    fn beyond_the_cap_the_frame_that_was_held_longest_goes_first() {
        let mut held = HeldFrames::new(Arc::default());
        let frames = frames(17, 1 << 20);
        let mut viewers: Vec<_> = frames[..15].iter().map(|frame| held.hold(frame)).collect();
        viewers.swap(0, 14);
        assert!(held.excess().is_none());
        viewers.extend(frames[15..].iter().map(|frame| held.hold(frame)));
        assert!(Arc::ptr_eq(&held.excess().unwrap().frame, &frames[0]));
        viewers.retain(|viewer| !Arc::ptr_eq(&viewer.frame, &frames[0]));
        assert!(Arc::ptr_eq(&held.excess().unwrap().frame, &frames[1]));
        viewers.retain(|viewer| !Arc::ptr_eq(&viewer.frame, &frames[1]));
        assert!(held.excess().is_none());
    }

    #[test]
    fn small_frames_in_large_slots_do_not_use_up_the_address_space_of_a_32_bit_board() {
        const SLOT: usize = 8 << 20;
        let mut held = HeldFrames::new(Arc::default());
        let frames = frames_in(SLOT, 100, 1000);
        let viewers: Vec<_> = frames.iter().map(|frame| held.hold(frame)).collect();
        assert!(
            held.excess().is_some(),
            "{} frames take {} MiB",
            viewers.len(),
            (viewers.len() * SLOT) >> 20
        );
    }

    #[test]
    fn a_few_frames_may_be_larger_than_the_cap() {
        let mut held = HeldFrames::new(Arc::default());
        let frames = frames(HELD_FRAMES as u32 + 1, 8 << 20);
        let mut viewers: Vec<_> = frames[..HELD_FRAMES].iter().map(|frame| held.hold(frame)).collect();
        assert!(held.excess().is_none());
        viewers.push(held.hold(&frames[HELD_FRAMES]));
        assert!(held.excess().is_some());
    }
}
