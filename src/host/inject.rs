//! Panics on demand, in test builds only (feature `inject`): to show that a panic in one camera, one viewer or
//! one request ends that one and nothing else.

/// The environment variable that names the place at which a build with feature `inject` panics, once.
#[cfg(feature = "inject")]
pub const VARIABLE: &str = "BOARDCAM_INJECT";

/// Panics if the environment asks for it at this `place`, the first time it is reached.
#[cfg(feature = "inject")]
pub fn panic_at(place: &str) {
    use std::sync::atomic::{AtomicBool, Ordering};
    static DONE: AtomicBool = AtomicBool::new(false);
    if std::env::var(VARIABLE).is_ok_and(|asked| asked == place) && !DONE.swap(true, Ordering::Relaxed) {
        panic!("injected at {place}");
    }
}

/// Nothing, in a build for users.
#[cfg(not(feature = "inject"))]
#[inline(always)]
pub fn panic_at(_place: &str) {}
