//! What the site asks of a camera's controls, and what the thread that sets them ([`crate::stream`]) answers.
//!
//! The thread has the device; here are the last list that it made, a bounded queue to it, and the values that are wanted
//! whenever the camera is opened. A request waits for its answer for a bounded time: a control may block for seconds.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::camera::v4l2::controls::{ControlList, ControlProblem};
use crate::problem::{Text, text};
use crate::sync::lock;

/// As many requests wait for the thread of one camera.
const QUEUE: usize = 8;

/// As many threads of one camera may be held by their driver; then no more are started.
const THREADS_MAX: u64 = 4;

/// As many controls of one camera are set again when it is opened: a file may name any number.
const KEPT_MAX: usize = 512;

/// What is asked of a camera's controls.
#[derive(Debug)]
pub enum Order {
    /// The values as they are now.
    List,
    /// To set these, which are then wanted.
    Set(BTreeMap<String, String>),
    /// To set this one, or all, as the settings say, or else to the driver's own value.
    Reset(Option<String>),
}

/// An order, and where its answer goes.
#[derive(Debug)]
pub struct Request {
    /// What is to be done.
    pub order: Order,
    /// The controls that were kept when it was asked.
    kept: Vec<String>,
    answer: SyncSender<Vec<ControlProblem>>,
}

/// Why a request was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The camera is not open.
    Closed,
    /// It takes longer than was waited. It is done all the same, and what was to be set is kept, unless it is refused.
    Late,
    /// Too many requests wait. It is not done.
    Busy,
}

/// The controls of one camera.
#[derive(Debug, Default)]
pub struct Controls {
    state: Mutex<State>,
    /// Grows whenever a control changes.
    version: AtomicU64,
    threads: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// The last list; `None` while there was none.
    list: Option<Arc<ControlList>>,
    /// Why there is none now.
    why: Option<Text>,
    session: Option<Session>,
    /// What API or page set.
    kept: BTreeMap<String, String>,
    /// What was said last of values that cannot be set.
    said: Vec<ControlProblem>,
}

impl State {
    fn keep(&mut self, values: impl IntoIterator<Item = (String, Option<String>)>) {
        for (name, value) in values {
            match value {
                Some(value) if self.kept.len() < KEPT_MAX || self.kept.contains_key(&name) => {
                    self.kept.insert(name, value);
                }
                Some(_) => {}
                None => drop(self.kept.remove(&name)),
            }
        }
    }
}

#[derive(Debug)]
struct Session {
    requests: SyncSender<Request>,
    waker: Arc<OwnedFd>,
}

/// What the thread of a session gets.
#[derive(Debug)]
pub struct ThreadEnd {
    /// The requests; disconnected when the session is over.
    pub requests: Receiver<Request>,
    /// Can be read when there is a request, or the session is over.
    pub waker: Arc<OwnedFd>,
    controls: Arc<Controls>,
}

impl ThreadEnd {
    /// Publishes what the thread found. After the end of its session nothing is changed: the camera may be open again.
    pub fn publish(&self, found: Result<ControlList, Text>) {
        let mut state = lock(&self.controls.state);
        if self.is_current(&state) {
            self.controls.put(&mut state, found);
        }
    }

    /// Answers a request: what could not be done. The list is published before. If nobody waits for the answer any more,
    /// what was refused is not kept, and the controls are returned whose kept values may have changed since the request.
    pub fn answer(&self, request: Request, problems: Vec<ControlProblem>) -> Option<Vec<String>> {
        let mut state = lock(&self.controls.state);
        let Err(TrySendError::Disconnected(problems)) = request.answer.try_send(problems) else {
            return None;
        };
        Some(match request.order {
            Order::List => return None,
            Order::Set(values) => {
                for (name, value) in &values {
                    let is_refused = problems.iter().any(|problem| problem.control == *name);
                    if is_refused && state.kept.get(name) == Some(value) {
                        state.kept.remove(name);
                    }
                }
                values.into_keys().collect()
            }
            Order::Reset(_) => request.kept,
        })
    }

    fn is_current(&self, state: &State) -> bool {
        state.session.as_ref().is_some_and(|session| Arc::ptr_eq(&session.waker, &self.waker))
    }
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        let mut state = lock(&self.controls.state);
        if state.why.is_none() && self.is_current(&state) {
            state.why = Some(text!("the driver does not answer any more"));
            self.controls.version.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        self.controls.threads.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An open session; dropping it ends its thread.
#[derive(Debug)]
pub struct OpenControls(Arc<Controls>);

impl Drop for OpenControls {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.why = Some(text!("the camera is not open"));
        if let Some(Session { requests, waker }) = state.session.take() {
            drop(requests);
            wake(&waker);
        }
        drop(state);
        self.0.version.fetch_add(1, Ordering::Relaxed);
    }
}

fn wake(waker: &OwnedFd) {
    let _is_awake_already = rustix::io::write(waker, &1_u64.to_ne_bytes());
}

impl Controls {
    /// A camera is open: what its session holds, and what the thread of its controls gets; `None` if the system has no
    /// descriptor, or too many threads are held by the driver.
    pub fn open(self: &Arc<Self>) -> Option<(OpenControls, ThreadEnd)> {
        let waker = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()?);
        let started = |threads: u64| (threads < THREADS_MAX).then_some(threads + 1);
        self.threads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, started).ok()?;
        let (sender, requests) = sync_channel(QUEUE);
        let mut state = lock(&self.state);
        state.session = Some(Session { requests: sender, waker: waker.clone() });
        state.why = Some(text!("they are still being read"));
        drop(state);
        Some((OpenControls(self.clone()), ThreadEnd { requests, waker, controls: self.clone() }))
    }

    /// Publishes the list of a camera that has no thread for them, or why there is none.
    pub fn publish(&self, found: Result<ControlList, Text>) {
        self.put(&mut lock(&self.state), found);
    }

    fn put(&self, state: &mut State, found: Result<ControlList, Text>) {
        let (list, why) = match found {
            Ok(list) => (Some(Arc::new(list)), None),
            Err(why) => (None, Some(why)),
        };
        if state.list != list || state.why != why {
            self.version.fetch_add(1, Ordering::Relaxed);
        }
        (state.list, state.why) = (list, why);
    }

    /// The last list, and why its controls cannot be set now.
    pub fn list(&self) -> (Arc<ControlList>, Option<Text>) {
        let state = lock(&self.state);
        let none_yet = state.list.is_none() && state.why.is_none();
        let why = state.why.clone().or_else(|| none_yet.then(|| text!("the camera is not open")));
        (state.list.clone().unwrap_or_default(), why)
    }

    /// Grows whenever a control changes.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Has the thread do this, and waits for its answer: what could not be done.
    ///
    /// # Errors
    /// There is no answer in time.
    pub fn ask(&self, order: Order, timeout: Duration) -> Result<Vec<ControlProblem>, Unanswered> {
        let (answer, answered) = sync_channel(1);
        let wanted = if let Order::Set(values) = &order { values.clone() } else { BTreeMap::new() };
        {
            let state = lock(&self.state);
            let session = state.session.as_ref().ok_or(Unanswered::Closed)?;
            let kept = state.kept.keys().cloned().collect();
            session.requests.try_send(Request { order, kept, answer }).map_err(|error| match error {
                TrySendError::Full(_) => Unanswered::Busy,
                TrySendError::Disconnected(_) => Unanswered::Closed,
            })?;
            wake(&session.waker);
        }
        match answered.recv_timeout(timeout) {
            Ok(problems) => Ok(problems),
            Err(RecvTimeoutError::Disconnected) => Err(Unanswered::Closed),
            Err(RecvTimeoutError::Timeout) => {
                // Under the lock: the thread has answered, or it finds that nobody waits, after this is kept.
                let mut state = lock(&self.state);
                if let Ok(problems) = answered.try_recv() {
                    return Ok(problems);
                }
                drop(answered);
                let list = state.list.clone().unwrap_or_default();
                let kept = wanted.into_iter().filter(|(name, _)| list.can_be_kept(name));
                state.keep(kept.map(|(name, value)| (name, Some(value))));
                Err(Unanswered::Late)
            }
        }
    }

    /// What API or page set.
    pub fn kept(&self) -> BTreeMap<String, String> {
        lock(&self.state).kept.clone()
    }

    /// Wants these values from now on; those that are `None` no more.
    pub fn keep(&self, values: impl IntoIterator<Item = (String, Option<String>)>) {
        lock(&self.state).keep(values);
    }

    /// Wants none of them any more, or not this one.
    pub fn forget(&self, only: Option<&str>) {
        lock(&self.state).kept.retain(|name, _| only.is_some_and(|only| only != name));
    }

    /// Whether this was not said last time.
    pub fn is_news(&self, problems: &[ControlProblem]) -> bool {
        let mut state = lock(&self.state);
        let is_news = state.said != problems;
        state.said = problems.to_vec();
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_a_camera_that_is_not_open_or_does_not_answer_ends() {
        let controls = Arc::new(Controls::default());
        let soon = Duration::from_millis(1);
        assert_eq!(controls.ask(Order::List, soon), Err(Unanswered::Closed));
        let (open, thread) = controls.open().unwrap();
        for _ in 0..QUEUE {
            assert_eq!(controls.ask(Order::List, soon), Err(Unanswered::Late));
        }
        assert_eq!(controls.ask(Order::List, soon), Err(Unanswered::Busy), "the queue is full");
        drop(open);
        assert_eq!(controls.ask(Order::List, soon), Err(Unanswered::Closed));
        assert_eq!(thread.requests.try_iter().count(), QUEUE);
        assert!(controls.list().1.is_some(), "says why");
    }

    #[test]
    fn a_thread_that_its_driver_held_does_not_say_that_a_closed_camera_is_open() {
        let controls = Arc::new(Controls::default());
        let (open, thread) = controls.open().unwrap();
        thread.publish(Ok(ControlList::default()));
        assert_eq!(controls.list().1, None);
        drop(open);
        thread.publish(Ok(ControlList::default()));
        assert!(controls.list().1.is_some(), "after its end");
        let _open_again = controls.open().unwrap();
        thread.publish(Ok(ControlList::default()));
        assert!(controls.list().1.is_some(), "in the next session");
    }

    #[test]
    fn a_file_with_thousands_of_controls_costs_no_more_than_some() {
        let controls = Controls::default();
        controls.keep((0..10_000).map(|number| (format!("control_{number}"), Some("1".to_owned()))));
        assert_eq!(controls.kept().len(), KEPT_MAX);
        controls.keep([("control_0".to_owned(), Some("2".to_owned()))]);
        assert_eq!(controls.kept()["control_0"], "2", "those that are there can be changed");
        controls.forget(Some("control_1"));
        assert_eq!(controls.kept().len(), KEPT_MAX - 1);
        controls.forget(None);
        assert!(controls.kept().is_empty());
    }

    #[test]
    fn while_the_controls_are_read_or_their_thread_has_ended_it_is_said_why_none_can_be_set() {
        let controls = Arc::new(Controls::default());
        let why = || controls.list().1.map(|why| why.to_string()).unwrap_or_default();
        assert_eq!(why(), "the camera is not open");
        let (_open, thread) = controls.open().unwrap();
        assert_eq!(why(), "they are still being read");
        thread.publish(Ok(ControlList::default()));
        assert_eq!(why(), "");
        let before = controls.version();
        drop(thread);
        assert_eq!(why(), "the driver does not answer any more");
        assert!(controls.version() > before, "the page asks again");
    }

    #[test]
    fn threads_that_a_driver_holds_do_not_become_ever_more() {
        let controls = Arc::new(Controls::default());
        let held: Vec<_> = (0..THREADS_MAX).map(|_| controls.open().unwrap().1).collect();
        assert!(controls.open().is_none());
        drop(held);
        assert!(controls.open().is_some());
    }
}
