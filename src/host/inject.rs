//! Faults on demand, in test builds only (feature `inject`): they show that a panic in one camera, one viewer or one
//! request ends that one and nothing else.

/// The environment variable that names the point at which a build with feature `inject` fails, once.
#[cfg(feature = "inject")]
pub const VARIABLE: &str = "BOARDCAM_INJECT";

/// The environment variable with the path of a file: the fault waits until this file exists. Without it the fault
/// comes the first time its point is reached.
#[cfg(feature = "inject")]
pub const WHEN: &str = "BOARDCAM_INJECT_WHEN";

/// Whether this `point` must fail now. True once in the life of the program.
#[cfg(feature = "inject")]
pub fn is_due(point: &str) -> bool {
    use std::sync::atomic::{AtomicBool, Ordering};
    static DONE: AtomicBool = AtomicBool::new(false);
    std::env::var(VARIABLE).is_ok_and(|value| value == point)
        && std::env::var_os(WHEN).is_none_or(|file| std::path::Path::new(&file).exists())
        && !DONE.swap(true, Ordering::Relaxed)
}

/// Panics if this `point` must fail now.
#[cfg(feature = "inject")]
pub fn panic_at(point: &str) {
    if is_due(point) {
        panic!("injected at {point}");
    }
}

/// Does nothing in a build for users.
#[cfg(not(feature = "inject"))]
#[inline(always)]
pub fn panic_at(_point: &str) {}
