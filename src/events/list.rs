//! The motions of the last days, with the recording that each is in. It is in memory; [`super::journal`] keeps it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::time::wall_clock;

/// The most motions in the list, those of all cameras together. For a further one the oldest is dropped.
pub const LISTED_MAX: usize = 1000;

/// The most bytes of all pictures together that are kept in memory. For a further one the oldest are dropped.
const PICTURES_BYTES: usize = 4 << 20;

/// While a motion lasts, its last known time is written down this often, for a power cut.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);

/// A frame of a time-lapse is shown for this long.
const TIME_LAPSE_FRAME: Duration = Duration::from_millis(40);

/// A motion in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The number of its event. Later ones have greater numbers, also after a restart.
    pub number: u64,
    /// The camera's name.
    pub camera: String,
    /// When it began, in ms since 1970.
    pub start_ms: i64,
    /// When it ended, or, while it lasts, the last time that was written down; in ms since 1970.
    pub end_ms: i64,
    /// The name of the recording that it is in, which may be deleted by now, ...
    pub recording: Option<String>,
    /// ... and where it begins in that, in ms of playing.
    pub at_ms: Option<u64>,
    /// Whether it lasts.
    #[serde(skip)]
    pub lasts: bool,
    /// When it began, if that was since the program started.
    #[serde(skip)]
    pub(super) began: Option<Instant>,
    /// A small JPEG of the moment.
    #[serde(skip)]
    pub picture: Option<Arc<[u8]>>,
}

impl Entry {
    pub(super) fn new(event: &Event) -> Self {
        let start_ms = in_ms(event.at);
        Self {
            number: event.number,
            camera: event.camera.clone(),
            start_ms,
            end_ms: start_ms,
            recording: None,
            at_ms: None,
            lasts: true,
            began: Some(event.moment),
            picture: event.picture.clone(),
        }
    }

    /// It lasted until this moment at least. Its length is measured by the clock that does not jump.
    fn lasts_until(&mut self, moment: Instant) {
        let Some(began) = self.began else { return };
        let length = moment.saturating_duration_since(began).as_millis();
        self.end_ms = self.start_ms.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
    }

    /// What the wall clock would have shown if it had been right.
    fn correct_start(&mut self) {
        let Some(began) = self.began else { return };
        let length = self.end_ms.saturating_sub(self.start_ms);
        self.start_ms = in_ms(wall_clock(began));
        self.end_ms = self.start_ms.saturating_add(length);
    }

    /// Its last known moment.
    fn last_moment(&self) -> Option<Instant> {
        let length = u64::try_from(self.end_ms.saturating_sub(self.start_ms)).unwrap_or(0);
        self.began?.checked_add(Duration::from_millis(length))
    }

    /// Whether the first file that it is in is this one.
    fn is_first_in(&self, file: &RecordedFile) -> bool {
        let began_in_it = self.began.is_some_and(|began| began >= file.captured);
        let reaches_into_it = self.lasts || self.last_moment().is_some_and(|last| last >= file.captured);
        began_in_it || self.recording.is_none() && reaches_into_it
    }

    fn set_file(&mut self, file: &RecordedFile) {
        let Some(began) = self.began else { return };
        let since = began.saturating_duration_since(file.captured);
        let at = match file.every {
            None => since,
            Some(every) => TIME_LAPSE_FRAME.mul_f64(since.as_secs_f64() / every.as_secs_f64()),
        };
        self.recording = Some(file.name.clone());
        self.at_ms = u64::try_from(at.as_millis()).ok();
    }
}

/// A file that a camera is recorded into.
#[derive(Debug, Clone)]
pub struct RecordedFile {
    /// Its name.
    pub name: String,
    /// When its first frame was captured.
    pub captured: Instant,
    /// Time between two frames of a time-lapse.
    pub every: Option<Duration>,
}

/// A moment by the wall clock, in ms since 1970.
fn in_ms(at: SystemTime) -> i64 {
    Timestamp::try_from(at).unwrap_or_default().as_millisecond()
}

#[derive(Debug, Default)]
pub(super) struct List {
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// What each camera is recorded into now.
    files: BTreeMap<String, RecordedFile>,
    /// The numbers of those that have changed since they were last written down.
    unsaved: BTreeSet<u64>,
}

impl List {
    /// These, the oldest first, none of which lasts.
    pub(super) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn last_number(&self) -> u64 {
        self.entries.back().map_or(0, |entry| entry.number)
    }

    /// A motion begins.
    pub(super) fn begin(&mut self, event: &Event) {
        let mut entry = Entry::new(event);
        if let Some(file) = self.files.get(&entry.camera) {
            entry.set_file(file);
        }
        self.unsaved.insert(entry.number);
        self.entries.push_back(entry);
        if self.entries.len() > LISTED_MAX
            && let Some(oldest) = self.entries.pop_front()
        {
            self.unsaved.remove(&oldest.number);
        }
        self.drop_old_pictures();
    }

    fn drop_old_pictures(&mut self) {
        let mut bytes = 0;
        for entry in self.entries.iter_mut().rev() {
            bytes += entry.picture.as_ref().map_or(0, |jpeg| jpeg.len());
            if bytes > PICTURES_BYTES {
                entry.picture = None;
            }
        }
    }

    /// The motion with this number ended at `moment`.
    pub(super) fn end(&mut self, number: u64, moment: Instant) {
        let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) else { return };
        entry.lasts_until(moment);
        entry.lasts = false;
        self.unsaved.insert(number);
    }

    /// Ends those that last: the program ends.
    pub(super) fn end_all(&mut self, now: Instant) {
        let lasting = self.entries.iter().filter(|entry| entry.lasts);
        let numbers: Vec<u64> = lasting.map(|entry| entry.number).collect();
        numbers.into_iter().for_each(|number| self.end(number, now));
    }

    /// Whether a motion lasts.
    pub(super) fn any_lasts(&self) -> bool {
        self.entries.iter().any(|entry| entry.lasts)
    }

    /// Has the last known time of those that last written down, if that is due.
    pub(super) fn beat(&mut self, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.lasts) {
            let before = entry.end_ms;
            entry.lasts_until(now);
            if i128::from(entry.end_ms) - i128::from(before) >= HEARTBEAT.as_millis() as i128 {
                self.unsaved.insert(entry.number);
            } else {
                entry.end_ms = before;
            }
        }
    }

    /// The camera is recorded into this file from now on, which is said about a second after its first frame: a motion
    /// may have begun and ended since.
    pub(super) fn file_begins(&mut self, camera: &str, file: RecordedFile) {
        let is_in_it = |entry: &&mut Entry| entry.camera == camera && entry.is_first_in(&file);
        for entry in self.entries.iter_mut().filter(is_in_it) {
            entry.set_file(&file);
            self.unsaved.insert(entry.number);
        }
        self.files.insert(camera.to_owned(), file);
    }

    /// The file of this camera is closed; `name` is what it is called from now on, `None` if it was deleted. If that is
    /// another name, the clock was set meanwhile, and it is known only now when the motions in it began.
    pub(super) fn file_ends(&mut self, camera: &str, name: Option<&str>) {
        let Some(file) = self.files.remove(camera) else { return };
        if Some(file.name.as_str()) == name {
            return;
        }
        for entry in self.entries.iter_mut().filter(|entry| entry.recording.as_ref() == Some(&file.name)) {
            entry.recording = name.map(str::to_owned);
            match name {
                Some(_) => entry.correct_start(),
                None => entry.at_ms = None,
            }
            self.unsaved.insert(entry.number);
        }
    }

    /// Those that are older than the one with number `before`, the newest first, and whether there are more than `most`.
    pub(super) fn newest(
        &self,
        camera: Option<&str>,
        before: Option<u64>,
        most: usize,
    ) -> (Vec<Entry>, bool) {
        let mut matching = (self.entries.iter().rev())
            .filter(|entry| camera.is_none_or(|camera| entry.camera == camera))
            .filter(|entry| before.is_none_or(|before| entry.number < before));
        let newest = matching.by_ref().take(most).cloned().collect();
        (newest, matching.next().is_some())
    }

    pub(super) fn picture(&self, number: u64) -> Option<Arc<[u8]>> {
        self.entries.iter().find(|entry| entry.number == number)?.picture.clone()
    }

    /// Drops the pictures of motions that were in recordings which are gone.
    pub(super) fn keep_pictures(&mut self, is_there: impl Fn(&str) -> bool) {
        for entry in self.entries.iter_mut().filter(|entry| entry.picture.is_some()) {
            if entry.recording.as_ref().is_some_and(|name| !is_there(name)) {
                entry.picture = None;
            }
        }
    }

    pub(super) fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Those that have changed since this was asked last.
    pub(super) fn take_unsaved(&mut self) -> Vec<Entry> {
        let unsaved = std::mem::take(&mut self.unsaved);
        self.entries.iter().filter(|entry| unsaved.contains(&entry.number)).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
