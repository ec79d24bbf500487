//! `boardcam snapshot`: writes one picture to a file, without a server.
//!
//! Opens the camera once. What keeps the picture from coming is said as soon as it is known; the wait goes on until the
//! source ends or the time is over.

mod output;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::camera::SourceConfig;
use crate::feed::{Demand, Feed};
use crate::host::shutdown::Shutdown;
use crate::host::signals;
use crate::problem::Problem;
use crate::stream::Stream;
use output::Destination;

/// How long the first picture may take, including the search for the camera, unless the settings say more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two checks whether there is a picture.
const CHECK_PERIOD: Duration = Duration::from_millis(20);

/// Exit status after a second Ctrl-C, as a shell reports the first one (128 and the number of SIGINT).
const INTERRUPTED: i32 = 130;

/// Takes one picture of the camera called `name`, or of the first one, and writes it to `output`, whole or not at all;
/// `-` means standard output. `notify` gets what the user should know in the meantime.
///
/// # Errors
/// Why the camera delivered no picture, or why it could not be written.
pub fn take(
    cameras: &[(String, SourceConfig)],
    name: Option<&str>,
    output: &Path,
    notify: &dyn Fn(&str),
) -> Result<(), Problem> {
    let (name, config) = choose(cameras, name, notify)?;
    let destination = Destination::of(output)?;
    let shutdown = Shutdown::default();
    let end = shutdown.clone();
    let interrupt = move || {
        if end.has_begun() {
            std::process::exit(INTERRUPTED); // it hangs in a write
        }
        end.begin();
    };
    signals::listen(interrupt, || {})?;
    let jpeg = capture(name, config, &shutdown, notify).map_err(Problem::for_once)?;
    destination.write(&jpeg)
}

/// The camera with this name; without one, the first.
fn choose<'a>(
    cameras: &'a [(String, SourceConfig)],
    name: Option<&str>,
    notify: &dyn Fn(&str),
) -> Result<(&'a str, &'a SourceConfig), Problem> {
    let names = || cameras.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let chosen = match name {
        None => cameras.first(),
        Some(name) => cameras.iter().find(|(other, _)| other == name),
    };
    let Some((chosen, config)) = chosen else {
        let what = format!("cannot take a picture of {}", name.unwrap_or_default());
        return Err(Problem::new(
            what,
            "no camera has this name",
            format!("those of the settings are: {}", names()),
        ));
    };
    if name.is_none() && cameras.len() > 1 {
        notify(&format!(
            "taking the picture of {chosen}, the first camera; to choose another, put its name at the end of the \
             command: {}",
            names()
        ));
    }
    Ok((chosen, config))
}

/// Waits for a picture.
fn capture(
    name: &str,
    config: &SourceConfig,
    shutdown: &Shutdown,
    notify: &dyn Fn(&str),
) -> Result<Vec<u8>, Problem> {
    let (feed, writer) = Feed::new(name.to_owned(), config.clone());
    let feed = Arc::new(feed);
    if feed.is_private() {
        let advice = "take it when its time is over, or with --privacy off";
        return Err(Problem::new("cannot take a picture", "privacy is on in the settings", advice));
    }
    let _demand = Demand::new(feed.clone());
    let patience = config.timeout.unwrap_or_default().max(PATIENCE);
    let deadline = Instant::now() + patience;
    let newest = || feed.ring.frame().filter(|frame| !frame.meta.card).map(|frame| frame.jpeg().to_vec());
    let none = |why: String| Problem::new("cannot take a picture", why, "see what boardcam probe says");
    thread::scope(|scope| {
        let session = scope.spawn(|| Stream::new(&feed, writer, shutdown, &|| {}).run_once());
        let mut said = None;
        let result = loop {
            let has_ended = session.is_finished();
            if let Some(jpeg) = newest() {
                break Ok(jpeg);
            }
            if shutdown.has_begun() {
                let advice = "start it again to take one";
                break Err(Problem::new("cannot take a picture", "it was interrupted", advice));
            }
            if has_ended {
                let end = session.join().ok().and_then(|end| end.problem());
                break Err(end.unwrap_or_else(|| none("the camera ended".to_owned())));
            }
            let problem = feed.status().problem().cloned();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let why = format!("none came within {} s", patience.as_secs());
                break Err(problem.map_or_else(
                    || none(why.clone()),
                    |problem| Problem { why: format!("{}; {why}", problem.why).into(), ..problem },
                ));
            }
            if problem.is_some() && problem != said {
                let words = problem.clone().map(Problem::for_once).map(|problem| problem.to_string());
                notify(&format!("{}; waiting {} s more", words.unwrap_or_default(), left.as_secs()));
                said = problem;
            }
            thread::sleep(CHECK_PERIOD);
        };
        shutdown.begin();
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::SourceSpec;

    #[test]
    fn with_several_cameras_it_says_which_one_it_takes_and_how_to_choose() {
        let cameras = ["front", "back"].map(|name| (name.to_owned(), SourceConfig::of(SourceSpec::Pattern)));
        let said = std::cell::RefCell::new(Vec::new());
        let notify = |line: &str| said.borrow_mut().push(line.to_owned());
        assert_eq!(choose(&cameras, Some("back"), &notify).unwrap().0, "back");
        assert_eq!(choose(&cameras[..1], None, &notify).unwrap().0, "front");
        assert!(said.borrow().is_empty(), "{said:?}");
        assert_eq!(choose(&cameras, None, &notify).unwrap().0, "front");
        assert!(
            said.borrow()[0].contains("of front") && said.borrow()[0].ends_with("front, back"),
            "{said:?}"
        );
        let problem = choose(&cameras, Some("side"), &notify).unwrap_err().to_string();
        assert!(problem.contains("side") && problem.ends_with("front, back"), "{problem}");
    }
}
