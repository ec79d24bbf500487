//! Signals to the process. Called by [`crate::serve`], [`crate::snapshot`] and [`super::terminal`], once in a process.

use std::io;

use ::log::info;
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;

use super::{log, threads};
use crate::problem::Problem;

/// Calls `end` on Ctrl-C (SIGINT) and SIGTERM, on threads of its own. SIGHUP reopens the log and calls `reread`, so
/// closing the terminal does not end the program.
///
/// # Errors
/// When the system allows no handler or has no thread left.
pub fn listen(
    end: impl Fn() + Clone + Send + 'static,
    reread: impl Fn() + Send + 'static,
) -> Result<(), Problem> {
    let failed =
        |why: String| Problem::new("cannot listen for signals", why, "is the system out of files or memory?");
    ctrlc::set_handler(end.clone()).map_err(|error| failed(error.to_string()))?;
    let refused = |error: io::Error| failed(error.to_string());
    let mut signals = Signals::new([SIGTERM, SIGHUP]).map_err(refused)?;
    let wait = move || {
        for signal in &mut signals {
            match signal {
                SIGHUP => {
                    log::reopen();
                    info!("SIGHUP: reopened the log");
                    reread();
                }
                _ => end(),
            }
        }
    };
    threads::start("signals", "the thread that waits for signals", wait)
}
