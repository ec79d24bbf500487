//! The search for a camera, as its stream sees it: what is said meanwhile, and when it is given up.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::ending::SessionEnd;
use super::{GOOD_SESSION, Stream};
use crate::camera::find::Finder;
use crate::camera::{Flaw, Observer, SourceSpec};
use crate::problem::Problem;

impl Stream<'_> {
    /// Searches for the camera, then captures until the session ends.
    pub(super) fn session(&mut self, finder: &mut Finder) -> SessionEnd {
        let mut search = Search {
            stream: self,
            refused: Vec::new(),
            begin: Instant::now(),
            silence: None,
            is_unwanted: false,
        };
        let found = finder.open(&mut search);
        let Search { refused, silence, is_unwanted, .. } = search;
        self.feed.status().refused = refused;
        match found {
            Err(_) if is_unwanted => SessionEnd::Unwanted,
            Err(problem) => {
                // Given up in silence: what the program delivered before says more.
                let says_more = self.knows_content && silence.as_ref() == Some(&problem);
                let known = self.ended.clone().filter(|_| says_more);
                known.unwrap_or(SessionEnd::NotFound(problem))
            }
            Ok(mut source) => {
                let choices = source.choices();
                self.feed.status().choices = choices;
                let end = self.capture(source.as_mut());
                finder.ended();
                end
            }
        }
    }
}

/// A search for a camera, as the stream sees it.
struct Search<'s, 'a> {
    stream: &'s mut Stream<'a>,
    refused: Vec<(String, Problem)>,
    begin: Instant,
    /// What was said last of a source from which nothing comes.
    silence: Option<Problem>,
    /// Whether it was given up since nobody wants the camera any more.
    is_unwanted: bool,
}

impl Observer for Search<'_, '_> {
    fn refused(&mut self, source: &str, problem: &Problem) {
        let refused = (source.to_owned(), problem.clone());
        // A search that is repeated every few seconds logs only what is new. Where the settings name one device, its
        // problem is the result of the search, which is logged anyway.
        let one_of_many = self.stream.feed.config.spec == SourceSpec::Auto;
        if one_of_many && !self.stream.feed.status().refused.contains(&refused) {
            self.stream.trouble_log.candidate(source, problem, Instant::now());
        }
        self.refused.push(refused);
    }

    fn keep_waiting(&mut self) -> bool {
        self.stream.pass_time();
        self.is_unwanted |= self.stream.is_unwanted();
        !self.is_unwanted
            && !self.stream.shutdown.has_begun()
            && !self.stream.trial.is_outdated(self.stream.feed)
    }

    fn unusable(&mut self, flaw: Flaw) {
        let counters = &self.stream.feed.counters;
        counters.captured.fetch_add(1, Ordering::Relaxed);
        counters.count_drop(flaw.into());
    }

    fn delayed(&mut self, problem: &Problem) {
        self.stream.knows_content = true;
        self.stream.concern(problem.clone());
    }

    fn silent(&mut self, problem: &Problem) {
        self.silence = Some(problem.clone());
        // What a program delivers says more, and so does how it ended, unless that was long ago.
        let says_more = self.stream.ended.is_some() && self.begin.elapsed() < GOOD_SESSION;
        if !says_more && !self.stream.knows_content {
            self.stream.concern(problem.clone());
        }
    }
}
