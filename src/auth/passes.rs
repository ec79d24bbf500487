//! What running streams were opened by: whoever issues a pass can end it, and with it all streams that have it.
//!
//! Written by [`super::sessions`] and [`super::tokens`], whose bounds are its own; read by the fan-out a few times a
//! second.

use crate::sync::lock;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// A right to watch that may end.
pub type Pass = u64;

/// The passes that hold, each until then; `None` is until it is revoked.
#[derive(Debug, Default)]
pub struct Passes(Mutex<(Pass, BTreeMap<Pass, Option<Instant>>)>);

impl Passes {
    /// A new one.
    pub fn issue(&self, until: Option<Instant>) -> Pass {
        let (last, passes) = &mut *self.lock();
        *last += 1;
        passes.insert(*last, until);
        *last
    }

    /// Ends one.
    pub fn revoke(&self, pass: Pass) {
        self.lock().1.remove(&pass);
    }

    /// Whether it still holds.
    pub fn holds(&self, pass: Pass, now: Instant) -> bool {
        self.lock().1.get(&pass).is_some_and(|until| until.is_none_or(|until| now < until))
    }

    fn lock(&self) -> MutexGuard<'_, (Pass, BTreeMap<Pass, Option<Instant>>)> {
        lock(&self.0)
    }
}
