//! The right to keep watching. A session or a token issues a pass, and every stream that is opened with it has the
//! pass's number. When the pass is revoked or expires, those streams end.
//!
//! [`super::sessions`] and [`super::tokens`] issue and revoke passes; their bounds also bound the passes. The fan-out
//! checks them a few times a second.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use crate::sync::lock;

/// The number of a pass. None is used twice.
pub type Pass = u64;

/// All valid passes.
#[derive(Debug, Default)]
pub struct Passes(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    last: Pass,
    /// When each one expires; `None` if it only ends when it is revoked.
    valid: BTreeMap<Pass, Option<Instant>>,
}

impl Passes {
    /// A new pass, which expires at `until`.
    pub fn issue(&self, until: Option<Instant>) -> Pass {
        let mut issued = lock(&self.0);
        issued.last += 1;
        let pass = issued.last;
        issued.valid.insert(pass, until);
        pass
    }

    /// Ends a pass.
    pub fn revoke(&self, pass: Pass) {
        lock(&self.0).valid.remove(&pass);
    }

    /// Whether a pass is still valid.
    pub fn is_valid(&self, pass: Pass, now: Instant) -> bool {
        lock(&self.0).valid.get(&pass).is_some_and(|until| until.is_none_or(|until| now < until))
    }
}
