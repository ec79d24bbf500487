//! Keeps what no request waits for, since the camera refused it, or answered late. Called by [`crate::stream`].

use std::sync::Arc;

use log::warn;

use super::Feed;
use super::kept::KeptSettings;
use crate::host::threads;

/// What of a camera is to be kept as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belated {
    /// Size, rate, format and quality.
    Settings,
    /// These controls.
    Controls(Vec<String>),
}

/// Keeps it, and does not wait.
pub type KeepLater = Arc<dyn Fn(Belated) + Send + Sync>;

/// Keeps it in the file of `kept`, each time on a thread that ends with that: the disk may hang.
pub fn keep_later(kept: &Arc<KeptSettings>, feed: &Arc<Feed>) -> KeepLater {
    let (kept, feed) = (kept.clone(), feed.clone());
    Arc::new(move |belated| {
        let (kept, feed) = (kept.clone(), feed.clone());
        let keep = move || {
            let kept = match belated {
                Belated::Settings => kept.keep_changes(&feed),
                Belated::Controls(names) => kept.keep_controls(&feed, &names),
            };
            if let Err(problem) = kept {
                warn!("{}: {problem}", feed.label());
            }
        };
        if let Err(problem) = threads::start("keep", "the thread that keeps what was set", keep) {
            warn!("{problem}");
        }
    })
}
