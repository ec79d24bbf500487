//! `boardcam snapshot`: writes one picture to a file, without a server.
//!
//! Opens the camera once. What keeps the picture from coming is said as soon as it is known; the wait goes on until the
//! source ends or the time is over.

mod output;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::camera::SourceConfig;
use crate::feed::kept::KeptSettings;
use crate::feed::privacy::Doubt;
use crate::feed::{Demand, Feed};
use crate::host::shutdown::Shutdown;
use crate::host::{signals, state_dir};
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
    refuse_in_privacy(&feed, state_dir::path())?;
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

/// Refuses a picture while privacy is on: by the settings, or since somebody switched it on. `state` is the folder where the
/// service keeps that.
fn refuse_in_privacy(feed: &Feed, state: Option<PathBuf>) -> Result<(), Problem> {
    let plan = feed.privacy.plan();
    KeptSettings::new(state).apply_privacy(feed)?;
    if !feed.privacy.look() {
        return Ok(());
    }
    let (why, advice) = match feed.privacy.doubt() {
        None if plan.is_on() => {
            ("privacy is on in the settings", "take it when its time is over, or with --privacy off")
        }
        None => ("privacy was switched on", "switch it off on the page of the running service"),
        Some(Doubt::Kept) => (
            "nobody knows whether privacy was switched on, for what was kept is damaged",
            "switch it off on the page of the running service",
        ),
        Some(Doubt::Clock) => (
            "privacy goes by the clock, and this board's clock is not set yet",
            "take it when the network has set the clock, or with --privacy off",
        ),
    };
    Err(Problem::new("cannot take a picture", why, advice))
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

    #[test]
    fn no_picture_is_taken_of_a_camera_that_was_switched_private_on_the_page() {
        let folder = std::env::temp_dir().join(format!("boardcam-snapshot-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let refused = |plan: &str| {
            let config =
                SourceConfig { privacy: plan.parse().unwrap(), ..SourceConfig::of(SourceSpec::Pattern) };
            let (feed, _) = Feed::new("door".to_owned(), config);
            let refused = refuse_in_privacy(&feed, Some(folder.clone()));
            refused.err().map(|problem| problem.to_string()).unwrap_or_default()
        };
        assert_eq!(refused("off"), "");
        assert!(refused("on").contains("in the settings"), "{}", refused("on"));
        let keep = |text: &str| std::fs::write(folder.join("cameras.json"), text).unwrap();
        keep("{\"door\":{\"privacy\":\"on 1800000000\"}}");
        assert!(refused("off").contains("was switched on; switch it off on the page"), "{}", refused("off"));
        keep("{\"door\":{\"privacy\":\"off 1800000000\"}}");
        assert_eq!(refused("on"), "");
        keep("{\"garden\":{\"privacy\":\"on 1800000000\"}}");
        assert_eq!(refused("off"), "");
        for damaged in ["", "{\"door\":{\"privacy\":\"\"}}"] {
            keep(damaged);
            assert!(refused("off").contains("on the page"), "{damaged}: {}", refused("off"));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
