//! The last seconds of a camera, in memory, for the time before a motion. Used only by [`super::recorder`].
//!
//! Frames are copied: a slot of the ring that is kept would make the camera's thread get another one. The memory of a
//! frame that is dropped is used for the next one.

use std::collections::VecDeque;
use std::time::Instant;

use crate::ring::Meta;

/// The most bytes that are kept of each camera. What does not fit is dropped from the oldest.
pub const BEFORE_BYTES: usize = 32 << 20;

/// A frame that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) meta: Meta,
    pub(super) jpeg: Vec<u8>,
}

/// Frames in the order in which they were captured.
#[derive(Debug, Default)]
pub(super) struct Before {
    frames: VecDeque<Kept>,
    /// Bytes of memory that they take.
    bytes: usize,
    /// Memory of a frame that was dropped or taken.
    spare: Vec<u8>,
}

impl Before {
    /// Keeps a copy of a frame; returns how many were dropped for it. One that does not fit at all is not kept, and counts
    /// as dropped.
    pub(super) fn push(&mut self, meta: Meta, jpeg: &[u8]) -> u64 {
        let mut dropped = 0;
        while self.bytes + self.spare.capacity().max(jpeg.len()) > BEFORE_BYTES {
            if self.pop().is_none() {
                self.spare = Vec::new();
                break;
            }
            dropped += 1;
        }
        if jpeg.len() > BEFORE_BYTES {
            return dropped + 1;
        }
        let mut copy = std::mem::take(&mut self.spare);
        copy.clear();
        if copy.try_reserve_exact(jpeg.len()).is_err() {
            return dropped + 1;
        }
        copy.extend_from_slice(jpeg);
        self.bytes += copy.capacity();
        self.frames.push_back(Kept { meta, jpeg: copy });
        dropped
    }

    /// The oldest frame.
    pub(super) fn front(&self) -> Option<&Kept> {
        self.frames.front()
    }

    /// Drops the oldest frame, and keeps its memory for the next one.
    fn pop(&mut self) -> Option<()> {
        let Kept { jpeg, .. } = self.take()?;
        self.reuse(jpeg);
        Some(())
    }

    /// Takes the oldest frame out.
    pub(super) fn take(&mut self) -> Option<Kept> {
        let kept = self.frames.pop_front()?;
        self.bytes -= kept.jpeg.capacity();
        Some(kept)
    }

    /// Uses this memory for the next frame.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        self.spare = memory;
    }

    /// Drops what was captured before this moment.
    pub(super) fn drop_until(&mut self, moment: Instant) {
        while self.front().is_some_and(|kept| kept.meta.captured < moment) {
            let _ = self.pop();
        }
    }

    /// Drops everything, and gives the memory back.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Size;
    use std::time::Duration;

    fn meta(zero: Instant, ms: u64) -> Meta {
        Meta { captured: zero + Duration::from_millis(ms), size: Size::DEFAULT, card: false }
    }

    fn contents(before: &Before) -> Vec<usize> {
        before.frames.iter().map(|kept| kept.jpeg.len()).collect()
    }

    #[test]
    fn frames_come_out_as_they_went_in_and_old_ones_are_dropped() {
        let (mut before, zero) = (Before::default(), Instant::now());
        for ms in 0..5 {
            assert_eq!(before.push(meta(zero, ms), &[ms as u8; 10]), 0);
        }
        before.drop_until(zero + Duration::from_millis(2));
        let Kept { meta: first, jpeg } = before.take().unwrap();
        assert_eq!((first, jpeg), (meta(zero, 2), vec![2; 10]));
        assert_eq!(contents(&before), [10, 10]);
        before.clear();
        assert!(before.front().is_none() && before.bytes == 0);
    }

    #[test]
    fn the_memory_is_bounded_and_what_does_not_fit_is_dropped_from_the_oldest() {
        let (mut before, zero) = (Before::default(), Instant::now());
        let mut dropped = 0;
        let lengths = [900_000, 1_200_000, 700_000, 1_000_000];
        for n in 0..200 {
            dropped += before.push(meta(zero, n), &vec![0; lengths[n as usize % lengths.len()]]);
            let memory: usize = before.frames.iter().map(|kept| kept.jpeg.capacity()).sum();
            assert!(memory == before.bytes && memory + before.spare.capacity() <= BEFORE_BYTES, "{memory}");
        }
        assert!((25..=48).contains(&before.frames.len()), "{} frames", before.frames.len());
        assert_eq!(before.frames.len() as u64 + dropped, 200);
        assert_eq!(before.frames.back().unwrap().meta, meta(zero, 199));
        assert!(before.push(meta(zero, 200), &vec![0; BEFORE_BYTES + 1]) > 20);
        assert_eq!(contents(&before), [0; 0]);
    }

    #[test]
    fn a_steady_stream_allocates_nothing() {
        let (mut before, zero) = (Before::default(), Instant::now());
        let mut places = std::collections::BTreeSet::new();
        for ms in 0..200 {
            before.push(meta(zero, ms), &[0; 1000]);
            places.insert(before.frames.back().unwrap().jpeg.as_ptr());
            before.drop_until(zero + Duration::from_millis(ms.saturating_sub(9)));
        }
        assert!(places.len() <= 12, "{} allocations", places.len());
    }
}
