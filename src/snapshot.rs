//! `boardcam snapshot`: writes one picture to a file, without a server.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::camera::SourceConfig;
use crate::feed::{CaptureState, Demand, Feed};
use crate::host::shutdown::Shutdown;
use crate::names::DEFAULT_CAMERA;
use crate::problem::Problem;
use crate::stream::Stream;

/// How long the first picture may take, including the search for the camera, unless the settings say more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two checks whether there is a picture.
const CHECK_PERIOD: Duration = Duration::from_millis(20);

/// Takes one picture and writes it to `output`, whole or not at all; `-` means standard output.
///
/// # Errors
/// Why the camera delivered no picture, or why it could not be written.
pub fn take(config: &SourceConfig, output: &Path) -> Result<(), Problem> {
    let jpeg = capture(config)?;
    let unwritten = |error: io::Error| {
        let what = format!("cannot write the picture to {}", output.display());
        Problem::new(what, error.to_string(), "check the path and the free space")
    };
    if output == Path::new("-") {
        return io::stdout().write_all(&jpeg).map_err(unwritten);
    }
    let mut beside = output.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::write(&beside, &jpeg).and_then(|()| fs::rename(&beside, output));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside); // it may not exist
        unwritten(error)
    })
}

fn capture(config: &SourceConfig) -> Result<Vec<u8>, Problem> {
    let (feed, writer) = Feed::new(DEFAULT_CAMERA.to_owned(), config.clone());
    let feed = Arc::new(feed);
    let _demand = Demand::new(feed.clone());
    let shutdown = Shutdown::default();
    let patience = config.timeout.unwrap_or_default().max(PATIENCE);
    let deadline = Instant::now() + patience;
    thread::scope(|scope| {
        scope.spawn(|| Stream::new(&feed, writer, &shutdown, &|| {}).run());
        let result = loop {
            let picture = feed.ring.frame().filter(|frame| !frame.meta.card);
            if let Some(frame) = picture {
                break Ok(frame.jpeg().to_vec());
            }
            let (is_refused, problem) = {
                let status = feed.status();
                (matches!(status.state, CaptureState::Waiting(_)), status.problem().cloned())
            };
            if let Some(problem) = problem.clone().filter(|_| is_refused) {
                break Err(problem);
            }
            if Instant::now() > deadline {
                let why = format!("no picture came within {} s", patience.as_secs());
                let none = Problem::new("cannot take a picture", why, "see what boardcam probe says");
                break Err(problem.unwrap_or(none));
            }
            thread::sleep(CHECK_PERIOD);
        };
        shutdown.begin();
        result
    })
}
