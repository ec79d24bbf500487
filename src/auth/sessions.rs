//! Browsers that are signed in. Sessions are kept in memory only: after a restart, users sign in again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::passes::{Pass, Passes};
use super::tag::Tag;
use crate::sync::lock;

/// The most sessions of one user. One more ends that user's least recently used one, and nobody else's.
pub const USER_SESSIONS_MAX: usize = 32;

/// A session ends this long after signing in.
pub const SESSION_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(Debug)]
struct Session {
    user: String,
    pass: Pass,
    expires: Instant,
    last_used: Instant,
}

/// All sessions, by the tag of their cookie.
#[derive(Debug)]
pub(super) struct Sessions {
    all: Mutex<HashMap<Tag, Session>>,
    passes: Arc<Passes>,
}

impl Sessions {
    pub(super) fn new(passes: Arc<Passes>) -> Self {
        Self { all: Mutex::default(), passes }
    }

    pub(super) fn open(&self, tag: Tag, user: &str, now: Instant) {
        let mut all = lock(&self.all);
        all.retain(|_, session| {
            let stays = now < session.expires;
            if !stays {
                self.passes.revoke(session.pass);
            }
            stays
        });
        let own = || all.iter().filter(|(_, session)| session.user == user);
        if own().count() >= USER_SESSIONS_MAX {
            let oldest = own().min_by_key(|(_, session)| session.last_used).map(|(tag, _)| *tag);
            if let Some(session) = oldest.and_then(|tag| all.remove(&tag)) {
                self.passes.revoke(session.pass);
            }
        }
        let expires = now + SESSION_TIME;
        let pass = self.passes.issue(Some(expires));
        all.insert(tag, Session { user: user.to_owned(), pass, expires, last_used: now });
    }

    /// The name of the session's user, and its pass.
    pub(super) fn find(&self, tag: &Tag, now: Instant) -> Option<(String, Pass)> {
        let mut all = lock(&self.all);
        let session = all.get_mut(tag).filter(|session| now < session.expires)?;
        session.last_used = now;
        Some((session.user.clone(), session.pass))
    }

    pub(super) fn close(&self, tag: &Tag) {
        if let Some(session) = lock(&self.all).remove(tag) {
            self.passes.revoke(session.pass);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(number: usize) -> Tag {
        let mut tag = [0; 32];
        tag[..8].copy_from_slice(&(number as u64).to_le_bytes());
        tag
    }

    #[test]
    fn a_user_who_signs_in_again_and_again_ends_only_sessions_of_their_own() {
        let sessions = Sessions::new(Arc::default());
        let start = Instant::now();
        let at = |number: usize| start + Duration::from_secs(number as u64);
        sessions.open(tag(0), "anna", at(0));
        let (_, pass) = sessions.find(&tag(0), at(0)).unwrap();
        for number in 1..1000 {
            sessions.open(tag(number), "ben", at(number));
        }
        assert!(sessions.find(&tag(0), at(1000)).is_some(), "anna's");
        assert!(sessions.passes.is_valid(pass, at(1000)), "the stream of anna, who did nothing since");
        assert_eq!(lock(&sessions.all).len(), 1 + USER_SESSIONS_MAX);
    }

    #[test]
    fn a_thousand_sign_ins_keep_the_sessions_that_are_used() {
        let sessions = Sessions::new(Arc::default());
        let start = Instant::now();
        let at = |number: usize| start + Duration::from_secs(number as u64);
        sessions.open(tag(0), "anna", at(0));
        let (_, pass) = sessions.find(&tag(0), at(0)).unwrap();
        for number in 1..1000 {
            sessions.open(tag(number), "anna", at(number));
            assert!(sessions.find(&tag(0), at(number)).is_some(), "after {number}");
        }
        assert_eq!(lock(&sessions.all).len(), USER_SESSIONS_MAX);
        assert!(sessions.find(&tag(1), at(1000)).is_none());
        assert!(sessions.passes.is_valid(pass, at(1000)));
    }

    #[test]
    fn a_session_ends_when_its_time_is_over_and_so_does_its_pass() {
        let sessions = Sessions::new(Arc::default());
        let now = Instant::now();
        sessions.open(tag(0), "anna", now);
        let (user, pass) = sessions.find(&tag(0), now).unwrap();
        assert_eq!(user, "anna");
        let then = now + SESSION_TIME;
        assert!(sessions.find(&tag(0), then).is_none() && !sessions.passes.is_valid(pass, then));
        sessions.open(tag(1), "anna", then);
        assert_eq!(lock(&sessions.all).len(), 1, "an expired one is forgotten");
    }

    #[test]
    fn signing_out_ends_the_session_and_its_pass() {
        let sessions = Sessions::new(Arc::default());
        let now = Instant::now();
        sessions.open(tag(0), "anna", now);
        let (_, pass) = sessions.find(&tag(0), now).unwrap();
        sessions.close(&tag(0));
        assert!(sessions.find(&tag(0), now).is_none() && !sessions.passes.is_valid(pass, now));
    }
}
