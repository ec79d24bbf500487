//! The thread that lists and sets a camera's controls, beside the one that takes its frames: a control that blocks for
//! seconds holds no frame.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use log::warn;

use crate::camera::SourceInfo;
use crate::camera::v4l2::controls::{ControlDevice, ControlList, ControlProblem, Wanted};
use crate::feed::Feed;
use crate::feed::controls::{Controls, OpenControls, Order, Request, ThreadEnd};
use crate::feed::keep_later::{Belated, KeepLater};
use crate::host::threads;
use crate::problem::{Text, text};

/// After a change that somebody else made, others are waited for this long: a driver may tell many.
const SETTLE: Duration = Duration::from_millis(50);

/// The same, where the one before was less than [`OFTEN`] ago: some automatics tell of each frame.
const SETTLE_LONGER: Duration = Duration::from_millis(500);

/// A list that is not older than this is not made again for somebody who asks.
const FRESH: Duration = Duration::from_millis(500);

/// See [`SETTLE_LONGER`].
const OFTEN: Duration = Duration::from_secs(1);

/// As often in a row a driver may say that something happened when nothing did; then it is not listened to any more.
const IDLE_EVENTS_MAX: u32 = 16;

/// As many values that cannot be set when the camera is opened are named in the log.
const LOGGED_MAX: usize = 8;

/// The thread of one camera's controls.
struct Keeper {
    controls: Arc<Controls>,
    settings: BTreeMap<String, String>,
    label: Text,
    device: ControlDevice,
    keep_later: KeepLater,
    /// When the last list was published.
    published: Cell<Option<Instant>>,
}

/// Starts it for a device that was opened; it ends when what is returned is dropped.
pub(super) fn start(feed: &Feed, info: &SourceInfo, keep_later: &KeepLater) -> Option<OpenControls> {
    if !info.is_device() {
        feed.controls.publish(Ok(ControlList::default()));
        return None;
    }
    let Some((open, end)) = feed.controls.open() else {
        feed.controls.publish(Err(text!("the driver does not answer earlier requests for its controls")));
        return None;
    };
    let (controls, label, keep_later) = (feed.controls.clone(), feed.label(), keep_later.clone());
    let settings = feed.config.controls.iter().cloned().collect();
    let path = PathBuf::from(&info.source);
    let run = move || match ControlDevice::open(&path) {
        Ok(device) => {
            Keeper { controls, settings, label, device, keep_later, published: Cell::default() }.run(&end);
        }
        Err(error) => end.publish(Err((&error).into())),
    };
    let name = format!("controls {}", feed.name);
    if let Err(problem) = threads::start(&name, &format!("the thread of {}", name), run) {
        warn!("{problem}");
    }
    Some(open)
}

impl Keeper {
    fn run(&self, end: &ThreadEnd) {
        self.device.subscribe(&self.device.list());
        // What was set here overrules the settings.
        let mut wanted = self.settings.clone();
        wanted.extend(self.controls.kept());
        let problems = self.device.set(&wanted, Wanted::Again);
        if self.controls.is_news(&problems) {
            for ControlProblem { problem, .. } in problems.iter().take(LOGGED_MAX) {
                warn!("{}: {problem}", self.label);
            }
            if let Some(more @ 1..) = problems.len().checked_sub(LOGGED_MAX) {
                warn!("{}: {more} more controls cannot be set", self.label);
            }
        }
        self.publish(end);
        let mut idle = 0;
        let mut last_event: Option<Instant> = None;
        loop {
            loop {
                match end.requests.try_recv() {
                    Ok(request) => self.answer(request, end),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let listens = idle < IDLE_EVENTS_MAX;
            let Ok(has_event) = self.device.wait(end.waker.as_fd(), listens) else { return };
            let _was_read = rustix::io::read(&end.waker, &mut [0; 8]);
            if !has_event {
                continue;
            }
            let is_often = last_event.replace(Instant::now()).is_some_and(|last| last.elapsed() < OFTEN);
            if !self.answer_for(if is_often { SETTLE_LONGER } else { SETTLE }, end) {
                return;
            }
            match self.device.take_events() {
                Ok(true) => {
                    idle = 0;
                    self.publish(end);
                }
                Ok(false) => idle += 1,
                Err(_) => return, // it is gone, which the stream finds out by itself
            }
        }
    }

    fn publish(&self, end: &ThreadEnd) {
        end.publish(Ok(self.device.list()));
        self.published.set(Some(Instant::now()));
    }

    /// Answers requests for this long; returns `false` when the session is over.
    fn answer_for(&self, time: Duration, end: &ThreadEnd) -> bool {
        let until = Instant::now() + time;
        loop {
            match end.requests.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(request) => self.answer(request, end),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn answer(&self, request: Request, end: &ThreadEnd) {
        let problems = match &request.order {
            Order::List if self.published.get().is_some_and(|last| last.elapsed() < FRESH) => {
                end.answer(request, Vec::new());
                return;
            }
            Order::List => Vec::new(),
            Order::Set(values) => {
                let problems = self.device.set(values, Wanted::Now);
                let (list, _) = self.controls.list();
                let is_set = |name: &String| {
                    !problems.iter().any(|problem| problem.control == *name) && list.can_be_kept(name)
                };
                let set = values.iter().filter(|(name, _)| is_set(name));
                self.controls.keep(set.map(|(name, value)| (name.clone(), Some(value.clone()))));
                problems
            }
            Order::Reset(only) => {
                // An earlier request that took long may have kept it since.
                self.controls.forget(only.as_deref());
                let mut problems = self.device.reset(only.as_deref());
                let mut settings = self.settings.clone();
                settings.retain(|name, _| only.as_ref().is_none_or(|only| only == name));
                problems.extend(self.device.set(&settings, Wanted::Again));
                problems
            }
        };
        self.publish(end);
        if let Some(changed) = end.answer(request, problems) {
            (self.keep_later)(Belated::Controls(changed));
        }
    }
}
