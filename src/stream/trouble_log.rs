//! What the log says about one camera, so that it says each thing once.
//!
//! Used only by [`super::Stream`]. A camera that fails all day must not fill an SD card, whatever its reasons are and in
//! whatever order they come: the log names a reason once an hour at most, and [`FIRST`] lines may come at once, then one
//! each [`PERIOD`]. What is left out is there at debug level, and its number is said with the next line.

use std::time::{Duration, Instant};

use log::{Level, debug, log};

use super::GOOD_SESSION;
use super::ending::SessionEnd;
use super::words::in_words;
use crate::camera::SourceInfo;
use crate::host::log::Allowance;
use crate::names::CameraLabel;
use crate::problem::Problem;

/// After this many sessions in a row that ended soon, the log no longer names each beginning.
const SHORT_SESSIONS: u32 = 3;

/// Lines about trouble that may come at once.
const FIRST: u32 = 12;
/// Lines about candidates that may come at once: a board has up to some twenty video nodes that are no cameras.
const FIRST_CANDIDATES: u32 = 40;
/// After that, there is one line in this time.
const PERIOD: Duration = Duration::from_secs(15 * 60);

/// What the log says already.
#[derive(Debug)]
pub(super) struct TroubleLog<'a> {
    label: CameraLabel<'a>,
    /// Why there is no picture now: the key of the last reason.
    trouble: Option<String>,
    /// Whether the log says that there is no picture.
    says_trouble: bool,
    /// How many sessions in a row ended soon after their first picture.
    short_sessions: u32,
    /// The level for the beginning of this session.
    level: Level,
    lines: Allowance,
    candidates: Allowance,
    /// For a camera that is opened on demand and closed again, which is no trouble.
    visits: Allowance,
    /// Whether it was closed since nobody wanted it.
    rested: bool,
}

impl<'a> TroubleLog<'a> {
    pub(super) fn new(label: CameraLabel<'a>) -> Self {
        Self {
            label,
            trouble: None,
            says_trouble: false,
            short_sessions: 0,
            level: Level::Info,
            lines: Allowance::new(FIRST, PERIOD),
            candidates: Allowance::new(FIRST_CANDIDATES, PERIOD),
            visits: Allowance::new(FIRST, PERIOD),
            rested: false,
        }
    }

    /// A session begins with this source.
    pub(super) fn begin(&mut self, info: &SourceInfo, now: Instant) {
        self.short_sessions = self.short_sessions.saturating_add(1);
        if self.short_sessions == SHORT_SESSIONS + 1 {
            let words = format!(
                "{} comes and goes: the log says no more of that until pictures come for {} s",
                info.source,
                GOOD_SESSION.as_secs()
            );
            self.says_trouble |= self.say(Level::Warn, &words, &words, now);
        }
        let left_out = match (std::mem::take(&mut self.rested), self.short_sessions <= SHORT_SESSIONS) {
            (true, _) => self.visits.take(now),
            (false, true) => self.lines.take(now),
            (false, false) => None,
        };
        self.level = if left_out.is_some() { Level::Info } else { Level::Debug };
        log!(self.level, "{}: opened {}{}", self.label, in_words(info), LeftOut(left_out));
        if let Some(chosen) = info.chosen.as_ref().filter(|chosen| !info.compromises.contains(chosen)) {
            log!(self.level, "{}: {}: chose {chosen}", self.label, info.source);
        }
        for compromise in &info.compromises {
            let level = if self.level == Level::Info { Level::Warn } else { Level::Debug };
            log!(level, "{}: {}: {compromise}", self.label, info.source);
        }
    }

    /// The camera is closed since nobody wants it.
    pub(super) fn rests(&mut self, now: Instant) {
        (self.trouble, self.says_trouble, self.short_sessions, self.rested) = (None, false, 0, true);
        let left_out = self.visits.take(now);
        let level = if left_out.is_some() { Level::Info } else { Level::Debug };
        log!(level, "{}: rests until somebody watches or records{}", self.label, LeftOut(left_out));
    }

    /// Says why there is no picture, unless that was said lately. Returns whether it did.
    pub(super) fn trouble(&mut self, end: &SessionEnd, now: Instant) -> bool {
        let Some(problem) = end.problem() else { return false };
        let key = end.key();
        if self.trouble.as_ref() == Some(&key) {
            return false; // nothing has changed
        }
        let is_said = self.say(Level::Warn, &key, &problem, now);
        self.says_trouble |= is_said;
        self.trouble = Some(key);
        is_said
    }

    /// Says something about the pictures, unless that was said lately. Returns whether it did.
    pub(super) fn note(&mut self, level: Level, text: &str, now: Instant) -> bool {
        self.say(level, text, &text, now)
    }

    /// Says why a search does not use a candidate.
    pub(super) fn candidate(&mut self, source: &str, problem: &Problem, now: Instant) {
        let left_out = self.candidates.take(now);
        let level = if left_out.is_some() { Level::Info } else { Level::Debug };
        log!(level, "{}: not using {source}: {problem}{}", self.label, LeftOut(left_out));
    }

    /// The first picture of a session came after there had been none.
    pub(super) fn picture_is_back(&mut self) {
        log!(self.level, "{}: the picture is back", self.label);
        if self.level == Level::Info {
            // If it goes again, that is news: the log must not end with these words.
            (self.says_trouble, self.trouble) = (false, None);
            self.lines.forget();
        }
    }

    /// Pictures have come for a while: what goes wrong from now on is news.
    pub(super) fn forget(&mut self, now: Instant) {
        if std::mem::take(&mut self.says_trouble) && self.lines.take(now).is_some() {
            log!(Level::Info, "{}: the picture is back", self.label);
        }
        self.lines.forget();
        (self.trouble, self.short_sessions) = (None, 0);
    }

    /// Writes a line, unless one with this key was written lately, or too many lines; returns whether it did.
    fn say(&mut self, level: Level, key: &str, words: &dyn std::fmt::Display, now: Instant) -> bool {
        let left_out = self.lines.take_for(key, now);
        if left_out.is_none() {
            debug!("{}: {words}", self.label);
            return false;
        }
        log!(level, "{}: {words}{}", self.label, LeftOut(left_out));
        true
    }
}

/// A number of lines, in words.
struct LeftOut(Option<u64>);

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None | Some(0) => Ok(()),
            Some(1) => f.write_str(" (1 line before was left out)"),
            Some(lines) => write!(f, " ({lines} lines before were left out)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::SourceKind;
    use crate::host::log::AGAIN;
    use crate::picture::Size;

    fn info() -> SourceInfo {
        SourceInfo {
            card: "another program".to_owned(),
            ..SourceInfo::of_jpegs(SourceKind::Program, "pipe:x".to_owned(), Size { width: 8, height: 8 })
        }
    }

    fn reason(why: &str) -> SessionEnd {
        SessionEnd::NotFound(Problem::new("cannot use pipe:x", why, "mend it"))
    }

    /// The lines of a day in which something goes wrong every `seconds` seconds.
    fn lines_of_a_day(
        seconds: u64,
        mut go_wrong: impl FnMut(&mut TroubleLog<'_>, u64, Instant) -> u32,
    ) -> u32 {
        let mut log = TroubleLog::new(CameraLabel("camera"));
        let begin = Instant::now();
        let times = (0..86_400 / seconds).map(|n| (n, begin + Duration::from_secs(n * seconds)));
        times.map(|(n, now)| go_wrong(&mut log, n, now)).sum()
    }

    #[test]
    fn a_picture_that_comes_for_a_moment_does_not_have_the_last_word() {
        let mut log = TroubleLog::new(CameraLabel("camera"));
        let now = Instant::now();
        let reasons = ["it was unplugged", "there is no camera"];
        assert!(reasons.iter().all(|why| log.trouble(&reason(why), now)));
        session(&mut log, now);
        assert!(reasons.iter().all(|why| log.trouble(&reason(why), now)));
    }

    /// A session in which a first picture comes; how many lines that makes.
    fn session(log: &mut TroubleLog<'_>, now: Instant) -> u32 {
        log.begin(&info(), now);
        log.picture_is_back();
        if log.level == Level::Info { 2 } else { 0 }
    }

    #[test]
    fn a_source_that_fails_all_day_writes_a_few_lines_an_hour_in_whatever_order_its_reasons_come() {
        for reasons in 1..40 {
            let lines = lines_of_a_day(5, |log, n, now| {
                u32::from(log.trouble(&reason(&format!("reason {}", n % reasons)), now))
            });
            let few = if reasons == 1 { 1..=1 } else { 24..=24 * 5 };
            assert!(few.contains(&lines), "{lines} lines of {reasons} reasons");
        }
        let lines = lines_of_a_day(5, |log, n, now| {
            let ended = log.trouble(&reason("it ended"), now);
            session(log, now) + u32::from(ended) + u32::from(log.note(Level::Warn, &format!("{n}"), now))
        });
        assert!((24..=24 * 8).contains(&lines), "{lines} lines of a source that comes and goes");
    }

    #[test]
    fn a_source_that_ends_after_each_good_session_writes_a_few_lines_an_hour_too() {
        let lines = lines_of_a_day(12, |log, _, now| {
            let ended = log.trouble(&reason("it ended"), now);
            let lines = session(log, now) + u32::from(ended);
            log.forget(now);
            lines
        });
        assert!((24..=24 * 8).contains(&lines), "{lines} lines");
    }

    #[test]
    fn what_goes_wrong_after_a_good_session_is_news_and_the_same_reason_again_is_not() {
        let mut log = TroubleLog::new(CameraLabel("camera"));
        let now = Instant::now();
        let (one, other) = (reason("too large"), reason("it ended"));
        assert!(log.trouble(&one, now) && log.trouble(&other, now));
        assert!(!log.trouble(&one, now) && !log.trouble(&other, now) && !log.trouble(&other, now + AGAIN));
        assert!(log.trouble(&one, now + AGAIN));
        assert!(log.says_trouble);
        log.forget(now + AGAIN);
        assert!(!log.says_trouble && log.trouble(&one, now + AGAIN));
    }

    #[test]
    fn a_camera_that_is_opened_for_a_snapshot_each_minute_comes_and_goes_without_a_warning() {
        let mut opened = 0;
        let troubles = lines_of_a_day(60, |log, n, now| {
            log.rests(now);
            log.begin(&info(), now);
            opened += u32::from(log.level == Level::Info);
            assert!(!log.says_trouble, "a warning");
            u32::from(n % 120 == 119 && log.trouble(&reason("it was unplugged"), now))
        });
        assert!((1..=4 * 25).contains(&opened), "{opened} lines");
        assert_eq!(troubles, 12, "trouble is said all the same");
    }

    #[test]
    fn the_log_says_when_it_goes_silent_about_a_source_that_comes_and_goes_and_when_it_stays() {
        let mut log = TroubleLog::new(CameraLabel("camera"));
        let now = Instant::now();
        for n in 0..10 {
            log.trouble(&reason("it ended"), now);
            session(&mut log, now);
            assert_eq!(log.says_trouble, n >= SHORT_SESSIONS, "session {n}");
        }
        log.forget(now);
        assert!(!log.says_trouble);
    }
}
