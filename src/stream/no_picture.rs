//! While there is no picture: why, what page, log and card say of it, and the wait until the next try.

use std::time::{Duration, Instant, SystemTime};

use log::{debug, error};

use super::ending::{SessionEnd, silent};
use super::words::{drawn_name, with_settings_problem};
use super::{CARD_PERIOD, CHECK_PERIOD, SAY_AFTER, Stream};
use crate::camera::{Source, SourceInfo, find};
use crate::feed::{CaptureState, DropReason};
use crate::jpeg::card::Card;
use crate::problem::{Problem, text};
use crate::ring::{Meta, NoMemory, Unpublished};

impl Stream<'_> {
    /// Says why an open source shows nothing new, if that is wrong; returns whether it is.
    pub(super) fn explain(&mut self, source: &dyn Source, info: &SourceInfo, last_frame: Instant) -> bool {
        let concern = if let Some(problem) = source.instead() {
            problem
        } else if last_frame.elapsed() > self.patience.overdue(SAY_AFTER) {
            silent(&info.source, info.kind, text!("none has come for longer than usual"))
        } else {
            return false;
        };
        self.concern(concern);
        true
    }

    /// From now on, page, `/state` and card say what is wrong; the log says it once.
    pub(super) fn concern(&mut self, problem: Problem) {
        let mut status = self.feed.status();
        if status.concern.as_ref() == Some(&problem) {
            return;
        }
        status.concern = Some(problem.clone());
        drop(status);
        self.trouble = (Card::NO_PICTURE, problem.clone());
        self.trouble_log.trouble(&SessionEnd::NotFound(problem), Instant::now());
    }

    /// Frames come, but none that can be used: viewers see the card meanwhile.
    pub(super) fn note_no_picture(&mut self, end: SessionEnd) {
        if self.ended.as_ref().map(SessionEnd::key) != Some(end.key()) {
            self.wait_for(end);
        }
        self.knows_content = true;
        self.show_card();
    }

    /// From now on, the card shows why there is no picture.
    pub(super) fn wait_for(&mut self, end: SessionEnd) {
        let Some(problem) = end.problem() else { return };
        let mut status = self.feed.status();
        if matches!(status.state, CaptureState::Live(_)) {
            self.next_card = Instant::now();
        }
        status.state = CaptureState::Waiting(problem.clone());
        (status.concern, status.slow, status.fps, status.seldom) = (None, None, 0.0, false);
        drop(status);
        self.trouble_log.trouble(&end, Instant::now());
        self.ended = Some(end);
        let title = if find::any_device() { Card::NO_PICTURE } else { Card::NO_CAMERA };
        self.trouble = (title, problem);
    }

    /// The camera is opened again with other settings. Viewers keep its last picture meanwhile, and see the card if that
    /// takes long.
    pub(super) fn reopen(&mut self) {
        let mut status = self.feed.status();
        status.state = CaptureState::Starting;
        (status.concern, status.fps, status.seldom) = (None, 0.0, false);
        drop(status);
        self.ended = None;
        self.next_card = Instant::now() + CARD_PERIOD;
        self.trouble = (Card::STARTING, self.feed.why_no_picture_yet());
        self.last_size = self.feed.asked_size();
    }

    /// Waits for `pause`, or until a device comes or goes or other settings are asked for; `devices` is the fingerprint
    /// before. The card's clock moves in the meantime.
    pub(super) fn pause(&mut self, pause: Duration, devices: u64) {
        let end = Instant::now() + pause;
        while Instant::now() < end
            && find::devices_fingerprint() == devices
            && !self.trial.is_outdated(self.feed)
            && !self.is_unwanted()
        {
            self.pass_time();
            if self.shutdown.wait(CHECK_PERIOD) {
                return;
            }
        }
    }

    /// Called a few times a second while there is no picture.
    pub(super) fn pass_time(&mut self) {
        self.show_card();
        self.housekeeping();
    }

    /// Puts the card into the ring if it is due and somebody watches.
    pub(super) fn show_card(&mut self) {
        let now = Instant::now();
        if now < self.next_card || !self.feed.is_wanted() {
            return;
        }
        self.next_card = now + CARD_PERIOD;
        match self.publish_card(now) {
            Ok(()) => self.card_failed = false,
            Err(why) if self.card_failed => debug!("{}: {why}", self.label()),
            Err(why) => {
                error!("{}: cannot show why there is no picture: {why}", self.label());
                self.card_failed = true;
            }
        }
    }

    pub(super) fn publish_card(&mut self, now: Instant) -> Result<(), String> {
        self.writer.reserve(Card::MAX_JPEG).map_err(|NoMemory| "there is not enough memory".to_owned())?;
        let (title, problem) = &self.trouble;
        let problem = &with_settings_problem(problem, self.feed.settings_problem.as_ref());
        let card = Card { title, name: drawn_name(self.feed), problem };
        let size = self.feed.orientation().size(self.last_size);
        let meta = Meta { captured: now, size: Card::size(size), card: true };
        let published = self.writer.publish(meta, |slot| card.encode(size, SystemTime::now(), slot));
        match published {
            Ok(_) => {
                self.announce();
                Ok(())
            }
            Err(Unpublished::NoSlot) => Err(DropReason::NoSlot.text().to_string()),
            Err(Unpublished::Unfilled(failure)) => Err(failure.to_string()),
        }
    }
}
