//! The state of one camera's recording, and the switch that turns it on and off.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::error::RecordError;
use super::name::Name;
use super::plan::Wanted;
use super::settings::CameraSettings;
use crate::problem::{Problem, text};
use crate::sync::{lock, wait_while};

/// A disk that has been busy with one write for longer than this is reported as slow.
pub(super) const SLOW: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct State {
    /// The position of the switch, if somebody used it; holds until the plan's next change.
    by_hand: Option<bool>,
    /// What the plan asked for, when it was last checked.
    planned: Wanted,
    /// Whether something moves, or just did, and is recorded for that.
    moves: bool,
    /// Whether motion is not looked for, though it is left to motion when to record.
    is_blind: bool,
    /// Whether the log says so.
    is_blindness_said: bool,
    file: Option<Name>,
    error: Option<RecordError>,
    /// Since when the disk has been busy with its present write.
    disk_busy: Option<Instant>,
}

impl State {
    fn wanted(&self) -> Wanted {
        match self.by_hand {
            Some(true) => Wanted::All,
            Some(false) => Wanted::Nothing,
            None => self.planned,
        }
    }

    fn is_disarmed(&self) -> bool {
        self.by_hand == Some(false) && self.planned == Wanted::Motion
    }

    /// Why nothing would be recorded whatever moves.
    fn blindness(&self) -> Option<Problem> {
        (self.is_blind && self.wanted() == Wanted::Motion).then(|| {
            Problem::new(
                text!("cannot record what moves"),
                text!("motion is not looked for"),
                text!("switch motion on, or recording for everything"),
            )
        })
    }
}

/// One camera's recording as all threads see it.
#[derive(Debug)]
pub struct Recording {
    /// What the settings ask for.
    pub settings: CameraSettings,
    /// Frames that were written to files.
    pub recorded: AtomicU64,
    /// Frames that were lost because the disk was too slow, full or gone.
    pub dropped: AtomicU64,
    /// Bytes that are waiting to be written.
    pub(super) queued: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

/// The state of a recording at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingStatus {
    /// Whether it records: it is turned on, or something moves.
    pub on: bool,
    /// Whether it is left to motion when to record.
    pub armed: bool,
    /// Whether it would be left to motion, had nobody switched that off.
    pub disarmed: bool,
    /// The file that is being written.
    pub file: Option<Name>,
    /// Why nothing is recorded although it should be.
    pub problem: Option<Problem>,
}

impl Recording {
    /// The recording of a camera with these settings; nothing is recorded before [`super::start`].
    pub fn new(settings: CameraSettings) -> Self {
        let planned = settings.plan.wanted();
        Self {
            settings,
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            state: Mutex::new(State { planned, ..State::default() }),
            changed: Condvar::new(),
        }
    }

    /// Its state now.
    pub fn status(&self) -> RecordingStatus {
        let state = self.lock();
        let slow = state.disk_busy.filter(|since| since.elapsed() > SLOW);
        let error = slow.map(|since| RecordError::Busy { since }).or_else(|| state.error.clone());
        RecordingStatus {
            on: state.wanted() == Wanted::All || state.moves,
            armed: state.wanted() == Wanted::Motion,
            disarmed: state.is_disarmed(),
            file: state.file.clone(),
            problem: error.map(|error| error.problem()).or_else(|| state.blindness()),
        }
    }

    /// Turns it on or off, until the plan's next change or the end of the program. Where it is left to motion, who takes back
    /// what was switched before leaves it to motion again: on and then off, or off and then on.
    pub fn switch(&self, on: bool) {
        let mut state = self.lock();
        let is_left_to_motion = state.by_hand == Some(!on) && state.planned == Wanted::Motion;
        state.by_hand = (!is_left_to_motion).then_some(on);
        drop(state);
        self.changed.notify_all();
    }

    /// The same by a switch that has two positions and is on while it is left to motion, too: on is what the plan says, if
    /// that is left to motion, and off is off.
    pub fn allow(&self, on: bool) {
        let mut state = self.lock();
        state.by_hand = match state.planned {
            Wanted::Motion if on => state.by_hand.filter(|by_hand| *by_hand),
            _ => Some(on),
        };
        drop(state);
        self.changed.notify_all();
    }

    /// What is to be recorded now.
    pub(super) fn wanted(&self) -> Wanted {
        let planned = self.settings.plan.wanted();
        let mut state = self.lock();
        if planned != state.planned {
            state.planned = planned;
            state.by_hand = None;
        }
        state.wanted()
    }

    /// Notes that a motion is recorded from now on, or no longer.
    pub(super) fn set_moves(&self, moves: bool) {
        self.lock().moves = moves;
    }

    /// Notes whether motion is not looked for, though it is waited for; returns the problem if that is new.
    pub(super) fn set_blind(&self, is_blind: bool) -> Option<Problem> {
        let mut state = self.lock();
        state.is_blind = is_blind;
        let blindness = state.blindness();
        let was_said = std::mem::replace(&mut state.is_blindness_said, blindness.is_some());
        blindness.filter(|_| !was_said)
    }

    /// Waits until somebody switches it, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        let state = self.lock();
        let before = state.by_hand;
        drop(wait_while(&self.changed, state, timeout, |state| state.by_hand == before));
    }

    /// The file that is being written.
    pub(super) fn file(&self) -> Option<Name> {
        self.lock().file.clone()
    }

    pub(crate) fn set_file(&self, file: Option<Name>) {
        self.lock().file = file;
    }

    /// Sets why nothing is recorded; returns why nothing was recorded before.
    pub(super) fn replace_error(&self, error: Option<RecordError>) -> Option<RecordError> {
        std::mem::replace(&mut self.lock().error, error)
    }

    /// Notes that the disk begins or ends something that may take long.
    pub(super) fn set_disk_busy(&self, busy: bool) {
        self.lock().disk_busy = busy.then(Instant::now);
    }

    pub(super) fn drop_frames(&self, frames: u64) {
        self.dropped.fetch_add(frames, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::plan::Plan;

    #[test]
    fn what_somebody_chose_holds_until_the_plan_changes() {
        let recording = Recording::new(CameraSettings { plan: Plan::Always, ..CameraSettings::default() });
        assert!(recording.wanted() == Wanted::All && recording.status().on);
        recording.switch(false);
        assert!(recording.wanted() == Wanted::Nothing && !recording.status().on);
        recording.lock().planned = Wanted::Nothing; // as if the hours had just begun
        assert!(recording.wanted() == Wanted::All && recording.status().on);
    }

    #[test]
    fn who_records_by_hand_leaves_it_to_motion_again_and_who_stops_that_turns_it_off() {
        let recording =
            Recording::new(CameraSettings { plan: Plan::Motion(None), ..CameraSettings::default() });
        let status = || (recording.wanted(), recording.status().on, recording.status().armed);
        assert_eq!(status(), (Wanted::Motion, false, true));
        recording.set_moves(true);
        assert_eq!(status(), (Wanted::Motion, true, true));
        recording.set_moves(false);
        recording.switch(true);
        assert_eq!(status(), (Wanted::All, true, false));
        recording.switch(false);
        assert_eq!(status(), (Wanted::Motion, false, true));
        recording.switch(false);
        assert_eq!(status(), (Wanted::Nothing, false, false));
        assert!(recording.status().disarmed);
        recording.switch(true);
        assert_eq!(status(), (Wanted::Motion, false, true));
        assert!(!recording.status().disarmed);
    }

    #[test]
    fn a_switch_of_two_positions_is_on_while_it_is_left_to_motion_and_never_on_when_it_was_turned_off() {
        let by = |plan| Recording::new(CameraSettings { plan, ..CameraSettings::default() });
        let recording = by(Plan::Motion(None));
        for (on, wanted) in [(true, Wanted::Motion), (false, Wanted::Nothing), (false, Wanted::Nothing)] {
            recording.allow(on);
            assert_eq!((recording.wanted(), recording.status().disarmed), (wanted, !on));
        }
        recording.allow(true);
        recording.switch(true);
        recording.allow(true);
        assert_eq!(recording.wanted(), Wanted::All, "somebody records all");
        let recording = by(Plan::Off);
        for (on, wanted) in [(true, Wanted::All), (false, Wanted::Nothing)] {
            recording.allow(on);
            assert_eq!((recording.wanted(), recording.status().disarmed), (wanted, false));
        }
    }

    #[test]
    fn waiting_for_motion_that_is_not_looked_for_is_a_problem_as_long_as_it_waits() {
        let recording =
            Recording::new(CameraSettings { plan: Plan::Motion(None), ..CameraSettings::default() });
        assert!(recording.set_blind(false).is_none() && recording.status().problem.is_none());
        let said = recording.set_blind(true).unwrap();
        assert!(said.to_string().contains("motion is not looked for"), "{said}");
        assert_eq!((recording.status().problem, recording.status().armed), (Some(said), true));
        assert!(recording.set_blind(true).is_none(), "it is said once");
        recording.switch(true);
        assert_eq!(recording.status().problem, None, "it records");
        recording.switch(false);
        assert!(recording.status().problem.is_some());
        assert_eq!(recording.set_blind(false), None);
        assert_eq!(recording.status().problem, None);
    }

    #[test]
    fn a_disk_that_is_busy_for_long_is_reported() {
        let recording = Recording::new(CameraSettings::default());
        recording.set_disk_busy(true);
        assert_eq!(recording.status().problem, None);
        recording.lock().disk_busy = Instant::now().checked_sub(2 * SLOW);
        assert!(recording.status().problem.unwrap().why.to_string().contains("busy"));
        recording.set_disk_busy(false);
        assert_eq!(recording.status().problem, None);
    }
}
