//! Recording while something moves: from some seconds before, which are in memory, to some seconds after.
//!
//! Until something moves, frames go through [`crate::record::before`]. While it moves they go through it, too, and on to the disk as fast
//! as that takes them: the seconds before come at once, and a slow disk loses none of them as long as there is memory.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use log::warn;

use super::{CLUSTER_BYTES, QUEUE_BYTES, Recorder};
use crate::host::log::bounded::{Subject, may_log};
use crate::record::before::Kept;
use crate::record::plan::Wanted;
use crate::ring::Frame;

/// Frames are kept for this much longer than the settings say: a motion is told of some time after the frame that shows it.
const LATE: Duration = Duration::from_secs(2);

/// A motion that is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    /// The number of its event, or of the last one, if it began again before this was over.
    number: u64,
    /// What was captured later is no longer recorded; `None` while something moves.
    until: Option<Instant>,
}

impl Recorder {
    /// Takes a frame while it is left to motion what is recorded.
    pub(super) fn take_by_motion(&mut self, frame: &Frame, missed: u64) {
        self.follow_motion(frame.meta.captured);
        let dropped = self.before.push(frame.meta, frame.jpeg());
        if self.moves.is_some() {
            self.recording.drop_frames(missed + dropped);
            self.pass_on();
        } else {
            let kept = self.recording.settings.before + LATE;
            if let Some(from) = frame.meta.captured.checked_sub(kept) {
                self.before.drop_until(from);
            }
        }
    }

    /// Begins or ends what is recorded of a motion, if no frames come any more. Called a few times a second.
    pub(super) fn follow_late(&mut self, now: Instant) {
        self.say_whether_motion_is_looked_for();
        if self.wanted != Wanted::Motion {
            self.leave_motion();
        } else if let Some(moment) = now.checked_sub(LATE) {
            self.follow_motion(moment); // a frame may be on its way
        }
    }

    /// Who waits for motion that is not looked for waits in vain.
    fn say_whether_motion_is_looked_for(&self) {
        let is_blind = self.wanted == Wanted::Motion && !self.feed.motion.is_on();
        let Some(problem) = self.recording.set_blind(is_blind) else { return };
        if may_log(Subject::Switches, &self.feed.name) {
            warn!("{}: {problem}", self.feed.label());
        }
    }

    /// Begins or ends what is recorded of a motion, at the moment up to which frames have come.
    fn follow_motion(&mut self, now: Instant) {
        let settings = &self.recording.settings;
        let motion = self.events.motion_of(&self.feed.name);
        if let Some(motion) = motion.filter(|motion| motion.number > self.done) {
            let until = motion.ended.map(|ended| ended + settings.after);
            if self.moves.is_some() {
                self.moves = Some(Moves { number: motion.number, until });
            } else if until.is_none_or(|until| now <= until) {
                if let Some(from) = motion.began.checked_sub(settings.before) {
                    self.before.drop_until(from);
                }
                self.moves = Some(Moves { number: motion.number, until });
                self.recording.set_moves(true);
            }
        }
        self.pass_on();
        let is_over = |moves: &Moves| moves.until.is_some_and(|until| now > until);
        if let Some(moves) = self.moves.filter(is_over)
            && !self.has_frames_to_pass_on()
        {
            self.close_file();
            (self.moves, self.done) = (None, moves.number);
            self.recording.set_moves(false);
        }
        if self.moves.is_none() && self.file.is_some() {
            self.close_file(); // somebody had turned recording on
        }
    }

    /// It is no longer left to motion: what was seen of one until now is still recorded, as far as the disk takes it now.
    pub(super) fn leave_motion(&mut self) {
        self.pass_on();
        while self.has_frames_to_pass_on() && self.before.take().is_some() {
            self.recording.drop_frames(1);
        }
        self.before.clear();
        if self.moves.take().is_some() {
            self.recording.set_moves(false);
        }
    }

    /// Whether frames of a motion wait for the disk to take those before.
    pub(super) fn has_frames_to_pass_on(&self) -> bool {
        let Some(Moves { until, .. }) = self.moves else { return false };
        let is_part = |kept: &Kept| until.is_none_or(|until| kept.meta.captured <= until);
        self.before.front().is_some_and(is_part)
    }

    /// Passes frames of a motion on, as many as the disk has room for.
    pub(super) fn pass_on(&mut self) {
        while self.has_frames_to_pass_on() && self.disk_has_room() {
            let Some(Kept { meta, jpeg }) = self.before.take() else { return };
            self.put_at_its_time(meta, &jpeg);
            self.before.reuse(jpeg);
        }
    }

    /// Whether the next frame can go to the disk's queue together with those that are being gathered.
    fn disk_has_room(&self) -> bool {
        let next = self.before.front().map_or(0, |kept| kept.jpeg.len());
        let gathered = self.batch.as_ref().map_or(0, |batch| batch.cluster.length());
        let waiting = self.recording.queued.load(Ordering::Acquire) + gathered;
        waiting == 0 || waiting + next + CLUSTER_BYTES <= QUEUE_BYTES
    }
}

#[cfg(test)]
mod tests;
