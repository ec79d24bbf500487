//! What a browser or player does, as boardcam's tests need it: asks for a page, watches a stream. Every wait
//! ends, and every bound is generous, since a guest under emulation uses this, too.

mod http;
mod secure;

pub use http::{Answer, Viewer, ask, get, narrow, request};
pub use secure::{Secure, Trust, certificate};

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// What a test step gives, or why it could not.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a condition may take to become true on an emulated processor that shares a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two questions.
const POLL: Duration = Duration::from_millis(50);

/// Fails the case with a message unless the condition holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}

/// Asks again until there is an answer; an error ends the wait.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = probe()? {
            return Ok(answer);
        }
        ensure!(begin.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        thread::sleep(POLL);
    }
}
