//! What a viewer is being sent and how much of it its socket has taken.

use std::sync::Arc;

use super::super::held::{Held, HeldFrames};
use crate::multipart;
use crate::ring::Frame;
use crate::socket;

/// What the frame is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A part of a stream: header, JPEG and boundary.
    Part,
    /// The same for a viewer that has the header already: JPEG, boundary and the header of the next part.
    WithNextHeader,
    /// Only the JPEG, behind the answer's head.
    Jpeg,
}

/// A head, a frame, or both, of which the socket has taken the beginning.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    head: Vec<u8>,
    frame: Option<(Arc<Frame>, Form)>,
    /// Counts the frame, while its rest waits.
    held: Option<Arc<Held>>,
    /// How many bytes were taken.
    sent: usize,
}

impl Unsent {
    /// A stream's head.
    pub(super) fn head(head: Vec<u8>) -> Self {
        Self { head, ..Self::default() }
    }

    /// A frame, behind a head that may be empty.
    pub(super) fn frame(head: Vec<u8>, frame: Arc<Frame>, form: Form) -> Self {
        Self { head, frame: Some((frame, form)), ..Self::default() }
    }

    /// The two pieces that are sent, one after the other.
    fn pieces(&self) -> [&[u8]; 2] {
        match &self.frame {
            None => [&self.head, &[]],
            Some((frame, Form::Part)) => [frame.part(), &[]],
            Some((frame, Form::WithNextHeader)) => [frame.jpeg(), multipart::ADVANCE_TRAILER],
            Some((frame, Form::Jpeg)) => [&self.head, frame.jpeg()],
        }
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }

    /// What is still to be sent.
    pub(super) fn rest(&self) -> [&[u8]; 2] {
        socket::rest(self.pieces(), self.sent)
    }

    /// Whether something is still to be sent.
    pub(super) fn is_any(&self) -> bool {
        self.sent < self.len()
    }

    /// Notes that `count` more bytes were sent. Nothing is kept of what was sent whole.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if !self.is_any() {
            *self = Self::default();
        }
    }

    /// Counts the frame among those that are held, if there is one.
    pub(super) fn hold(&mut self, held: &mut HeldFrames) {
        if let Some((frame, _)) = &self.frame
            && self.held.is_none()
        {
            self.held = Some(held.hold(frame));
        }
    }

    /// Whether it is in the middle of this frame.
    pub(super) fn holds(&self, held: &Arc<Held>) -> bool {
        self.held.as_ref().is_some_and(|own| Arc::ptr_eq(own, held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_sent_again_and_not_kept() {
        let mut unsent = Unsent::head(b"abcdef".to_vec());
        unsent.advance(4);
        assert_eq!((unsent.rest(), unsent.is_any()), ([&b"ef"[..], &[]], true));
        unsent.advance(2);
        assert_eq!((unsent.len(), unsent.is_any()), (0, false));
    }
}
