//! The state of one camera's recording.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::error::RecordError;
use super::name::Name;
use super::plan::Wanted;
use super::settings::CameraSettings;
use super::switch::Switch;
use crate::problem::{Problem, text};
use crate::sync::lock;

/// A disk that has been busy with one write for longer than this is reported as slow.
pub(super) const SLOW: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct State {
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
    /// Why nothing is written.
    fn error(&self) -> Option<RecordError> {
        let slow = self.disk_busy.filter(|since| since.elapsed() > SLOW);
        slow.map(|since| RecordError::Busy { since }).or_else(|| self.error.clone())
    }

    /// Why nothing would be recorded whatever moves.
    fn blindness(&self, wanted: Wanted) -> Option<Problem> {
        (self.is_blind && wanted == Wanted::Motion).then(|| {
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
    /// What the settings ask for. Where it is left to motion what is recorded, all frames are.
    pub settings: CameraSettings,
    /// The time-lapse that goes on beside what is recorded on motion, in files of its own.
    pub time_lapse: Option<Arc<Recording>>,
    /// Frames that were written to files, without those of the time-lapse beside it.
    pub(super) recorded: AtomicU64,
    /// Likewise, frames that were lost because the disk was too slow, full or gone.
    pub(super) dropped: AtomicU64,
    /// Bytes that are waiting to be written.
    pub(super) queued: AtomicUsize,
    switch: Arc<Switch>,
    state: Mutex<State>,
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
    /// The file of the time-lapse that is being written beside that.
    pub time_lapse_file: Option<Name>,
    /// Why nothing is recorded although it should be.
    pub problem: Option<Problem>,
}

impl Recording {
    /// The recording of a camera with these settings; nothing is recorded before [`super::start`].
    pub fn new(settings: CameraSettings) -> Self {
        let switch = Arc::new(Switch::new(settings.plan));
        let is_beside = settings.has_time_lapse_beside_motion();
        let time_lapse = is_beside.then(|| Arc::new(Self::by(switch.clone(), settings.clone(), None)));
        let every = settings.every.filter(|_| !is_beside);
        Self::by(switch, CameraSettings { every, ..settings }, time_lapse)
    }

    fn by(switch: Arc<Switch>, settings: CameraSettings, time_lapse: Option<Arc<Self>>) -> Self {
        Self {
            settings,
            time_lapse,
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            queued: AtomicUsize::new(0),
            switch,
            state: Mutex::default(),
        }
    }

    /// It, and the time-lapse beside it.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.time_lapse.as_deref())
    }

    /// Frames that were written to files, and frames that were lost because the disk was too slow, full or gone.
    pub fn frames(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.all().fold((0, 0), |(recorded, dropped), each| {
            (recorded + load(&each.recorded), dropped + load(&each.dropped))
        })
    }

    /// Whether it is being written.
    pub fn is_written(&self) -> bool {
        self.all().any(|each| each.file().is_some())
    }

    /// Its state now.
    pub fn status(&self) -> RecordingStatus {
        let (wanted, disarmed) = self.switch.last();
        let time_lapse = self.time_lapse.as_deref();
        let state = self.lock();
        RecordingStatus {
            on: wanted == Wanted::All || state.moves,
            armed: wanted == Wanted::Motion,
            disarmed,
            file: state.file.clone(),
            time_lapse_file: time_lapse.and_then(Self::file),
            problem: (state.error().or_else(|| time_lapse.and_then(|other| other.lock().error())))
                .map(|error| error.problem())
                .or_else(|| state.blindness(wanted)),
        }
    }

    /// Turns it on or off, until the plan's next change or the end of the program. Where it is left to motion, who takes back
    /// what was switched before leaves it to motion again: on and then off, or off and then on.
    pub fn switch(&self, on: bool) {
        self.switch.switch(on);
    }

    /// The same by a switch that has two positions and is on while it is left to motion, too: on is what the plan says, if
    /// that is left to motion, and off is off.
    pub fn allow(&self, on: bool) {
        self.switch.allow(on);
    }

    /// What is to be recorded now. A time-lapse does not wait for motion.
    pub(super) fn wanted(&self) -> Wanted {
        match self.switch.wanted() {
            Wanted::Motion if self.settings.every.is_some() => Wanted::All,
            wanted => wanted,
        }
    }

    /// Notes that a motion is recorded from now on, or no longer.
    pub(super) fn set_moves(&self, moves: bool) {
        self.lock().moves = moves;
    }

    /// Notes whether motion is not looked for, though it is waited for; returns the problem if that is new.
    pub(super) fn set_blind(&self, is_blind: bool) -> Option<Problem> {
        let (wanted, _) = self.switch.last();
        let mut state = self.lock();
        state.is_blind = is_blind;
        let blindness = state.blindness(wanted);
        let was_said = std::mem::replace(&mut state.is_blindness_said, blindness.is_some());
        blindness.filter(|_| !was_said)
    }

    /// Waits until somebody switches it, for at most `timeout`.
    pub(super) fn wait(&self, timeout: Duration) {
        self.switch.wait(timeout);
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
        recording.switch.set_planned(Wanted::Nothing); // as if the hours had just begun
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
    fn a_time_lapse_goes_on_beside_what_is_recorded_on_motion_and_one_switch_ends_both() {
        let every = Some(Duration::from_secs(10));
        let by = |plan| Recording::new(CameraSettings { plan, every, ..CameraSettings::default() });
        let recording = by(Plan::Motion(None));
        let beside = recording.time_lapse.clone().unwrap();
        assert_eq!((recording.settings.every, beside.settings.every), (None, every));
        let wanted = || (recording.wanted(), beside.wanted());
        assert_eq!(wanted(), (Wanted::Motion, Wanted::All));
        recording.switch(false);
        assert_eq!(wanted(), (Wanted::Nothing, Wanted::Nothing));
        recording.allow(true);
        assert_eq!(wanted(), (Wanted::Motion, Wanted::All));
        recording.switch(true);
        assert_eq!(wanted(), (Wanted::All, Wanted::All));
        let file = Name { camera: "door".to_owned(), start: 1, time_lapse: true };
        beside.set_file(Some(file.clone()));
        beside.replace_error(Some(RecordError::FolderGone { folder: "/gone".into() }));
        let status = recording.status();
        assert_eq!((status.file, status.time_lapse_file), (None, Some(file)));
        assert!(status.problem.unwrap().to_string().contains("/gone"));
        for plan in [Plan::Always, Plan::Off] {
            let recording = by(plan);
            assert!(recording.time_lapse.is_none() && recording.settings.every == every);
        }
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
