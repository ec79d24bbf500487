//! What happens to frames that lack only their end.
//!
//! Called by [`crate::stream`] for each frame that [`Jpeg::parse`] accepted. A frame without EOI was usually cut short
//! on its way and would show a torn picture, so it is dropped. But some cameras send complete pictures without EOI, and
//! dropping all of those leaves 1 frame a second (a C920 at 1080p in ustreamer issue 313). So frames without EOI pass
//! if nearly every frame lacks it.

use super::passthrough::Jpeg;

/// How many of the latest frames are remembered, one bit each.
const WINDOW: u32 = u32::BITS;
/// If this many of them lack EOI, frames without EOI pass from then on: after 1 s at 30 frames a second.
const START: u32 = 30;
/// If only this many of them lack EOI, such frames are dropped again. Far below [`START`], so that the policy does not
/// flap.
const STOP: u32 = WINDOW / 2;

/// What to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admit {
    /// Pass it on.
    Pass,
    /// Drop it and count it as [`super::passthrough::Fault::Truncated`].
    Drop,
    /// Pass it on, and say once that frames without EOI pass from now on.
    PassFromNow,
    /// Pass it on, and say once that frames without EOI are dropped from now on.
    DropFromNow,
}

impl Admit {
    /// Whether the frame passes.
    pub fn passes(self) -> bool {
        self != Admit::Drop
    }

    /// The sentence to log if the policy has changed.
    pub fn notice(self) -> Option<&'static str> {
        match self {
            Admit::Pass | Admit::Drop => None,
            Admit::PassFromNow => {
                Some("nearly every frame lacks its end (EOI): passing such frames on with an EOI added")
            }
            Admit::DropFromNow => Some("most frames have their end (EOI) again: dropping those that lack it"),
        }
    }
}

/// Drops frames without EOI unless nearly all lack it. Each opened camera has a new policy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// One bit for each of the latest frames, set if it lacked EOI.
    lacked: u32,
    /// Whether frames without EOI pass.
    passing: bool,
}

impl Policy {
    /// Counts the next frame and says what to do with it.
    pub fn admit(&mut self, jpeg: &Jpeg<'_>) -> Admit {
        self.lacked = self.lacked << 1 | u32::from(!jpeg.has_eoi());
        let lacking = self.lacked.count_ones();
        // Either change comes with a frame that passes: only a frame without EOI raises the count, and only a frame
        // with EOI lowers it.
        if !self.passing && lacking >= START {
            self.passing = true;
            Admit::PassFromNow
        } else if self.passing && lacking <= STOP {
            self.passing = false;
            Admit::DropFromNow
        } else if jpeg.has_eoi() || self.passing {
            Admit::Pass
        } else {
            Admit::Drop
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame that passes [`Jpeg::parse`], with or without EOI.
    fn frame(eoi: bool) -> &'static [u8] {
        const BYTES: &[u8] = b"\xff\xd8\
            \xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\
            \xff\xda\0\x08\x01\x01\0\0\x3f\0\
            data\xff\xd9";
        if eoi { BYTES } else { &BYTES[..BYTES.len() - 2] }
    }

    fn admit(policy: &mut Policy, eoi: bool) -> Admit {
        policy.admit(&Jpeg::parse(frame(eoi)).expect("a good frame"))
    }

    #[test]
    fn a_frame_cut_short_now_and_then_is_dropped() {
        let mut policy = Policy::default();
        for n in 0..1000 {
            // 87 of 100 are bad at worst for 29 in a row, never 30 of 32
            let eoi = n % 8 == 0;
            assert_eq!(admit(&mut policy, eoi), if eoi { Admit::Pass } else { Admit::Drop }, "frame {n}");
        }
    }

    #[test]
    fn a_camera_that_never_sends_eoi_is_shown_after_a_second_and_logged_once() {
        let mut policy = Policy::default();
        let answers: Vec<Admit> = (0..300).map(|_| admit(&mut policy, false)).collect();
        let dropped = answers.iter().filter(|a| **a == Admit::Drop).count();
        assert!(dropped <= 45, "{dropped} frames were dropped, more than 1.5 s of them");
        assert_eq!(answers.iter().filter(|a| a.notice().is_some()).count(), 1);
        assert!(answers[dropped..].iter().all(|a| a.passes()));
    }

    #[test]
    fn a_camera_that_sends_eoi_in_one_of_thirty_frames_is_shown_too() {
        let mut policy = Policy::default();
        let answers: Vec<Admit> = (0..300).map(|n| admit(&mut policy, n % 30 == 0)).collect();
        assert!(answers[45..].iter().all(|a| *a == Admit::Pass));
    }

    #[test]
    fn cut_frames_are_dropped_again_once_most_frames_have_eoi() {
        let mut policy = Policy::default();
        for _ in 0..100 {
            admit(&mut policy, false);
        }
        // One whole frame changes nothing yet, a run of them does.
        assert_eq!([true, false].map(|eoi| admit(&mut policy, eoi)), [Admit::Pass; 2]);
        let back: Vec<Admit> = (0..20).map(|_| admit(&mut policy, true)).collect();
        assert!(back.iter().all(|a| a.passes()));
        assert_eq!(back.iter().filter(|a| **a == Admit::DropFromNow).count(), 1);
        assert_eq!(admit(&mut policy, false), Admit::Drop);
    }
}
