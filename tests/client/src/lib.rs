//! What boardcam's tests share: a client that requests pages and watches streams as browsers and players do, and a
//! server that was started for a test. Every wait ends, and every bound is generous, since an emulated guest uses this
//! too.

mod http;
mod secure;
mod server;

pub use http::{Answer, Viewer, ask, get, narrow, request, request_from};
pub use secure::{Secure, Trust, certificate};
pub use server::Server;

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

/// What a step of a test returns, or why it failed.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long a condition may take to become true on an emulated processor that shares a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The pause between two checks of a condition.
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

/// Calls `probe` until it returns something; an error ends the wait.
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
