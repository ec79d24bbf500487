//! Keeps pictures from all readers of a ring and of those that are made from it, as the shutter before a webcam's lens does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::Meta;
use crate::sync::lock;

/// Closed, no reader gets a picture, whoever publishes one; opened again, none from before. The card is always seen.
#[derive(Debug, Default)]
pub struct Shutter {
    /// Whether it was ever closed: until then a reader needs no lock.
    is_used: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_closed: bool,
    opened: Option<Instant>,
}

impl Shutter {
    /// From now on, nobody gets a picture.
    pub fn close(&self) {
        self.is_used.store(true, Ordering::Release);
        lock(&self.state).is_closed = true;
    }

    /// What is captured from now on is seen.
    pub fn open(&self) {
        let mut state = lock(&self.state);
        if std::mem::take(&mut state.is_closed) {
            state.opened = Some(Instant::now());
        }
    }

    /// Whether nobody gets a picture.
    pub fn is_closed(&self) -> bool {
        self.is_used.load(Ordering::Acquire) && lock(&self.state).is_closed
    }

    /// Whether readers may have this frame.
    pub(super) fn shows(&self, meta: &Meta) -> bool {
        meta.card || self.shows_moment(meta.captured)
    }

    /// Whether what was captured at this moment may be seen: it is open, and was not closed since.
    pub fn shows_moment(&self, captured: Instant) -> bool {
        if !self.is_used.load(Ordering::Acquire) {
            return true;
        }
        let state = lock(&self.state);
        !state.is_closed && state.opened.is_none_or(|opened| captured >= opened)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::{Reader, Writer, split};
    use super::*;
    use crate::picture::Size;

    fn publish(writer: &mut Writer, captured: Instant, card: bool) {
        let meta = Meta { captured, size: Size::DEFAULT, card };
        writer.publish::<()>(meta, |_| Ok(1)).unwrap();
    }

    fn seen(ring: &Reader) -> Option<u64> {
        ring.frame().map(|frame| frame.number)
    }

    #[test]
    fn behind_a_closed_shutter_only_the_card_is_seen_and_afterwards_nothing_from_before() {
        let shutter = Arc::<Shutter>::default();
        let (mut camera, ring) = split(shutter.clone());
        let (mut smaller, small_ring) = split(shutter.clone());
        for writer in [&mut camera, &mut smaller] {
            writer.reserve(100).unwrap();
            publish(writer, Instant::now(), false);
        }
        assert_eq!((seen(&ring), seen(&small_ring)), (Some(1), Some(1)));
        let before = Instant::now();
        shutter.close();
        assert_eq!((seen(&ring), seen(&small_ring)), (None, None));
        publish(&mut camera, Instant::now(), false); // the camera has not noticed yet
        assert_eq!(seen(&ring), None);
        publish(&mut camera, Instant::now(), true);
        assert_eq!(seen(&ring), Some(3));
        publish(&mut camera, Instant::now(), false);
        shutter.open();
        assert_eq!((seen(&ring), seen(&small_ring)), (None, None));
        publish(&mut smaller, before, false); // made of a picture from before
        publish(&mut camera, Instant::now() + Duration::from_millis(1), false);
        assert_eq!((seen(&ring), seen(&small_ring)), (Some(5), None));
    }
}
