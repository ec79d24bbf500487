//! Lines that a client can cause at will. Of each subject, a client causes a few in a minute; what is left out is counted,
//! and said at the end of that time. Lines about cameras and disks are written whatever clients do.
//!
//! Lines about viewers that come and go are counted in the same way, by `fanout::viewer_log`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use log::warn;

use super::tallies::{Over, Tallies, Tally};
use crate::sync::lock;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Passwords that were wrong or could not be checked.
    SignIns,
    /// Tokens that were created and revoked.
    Tokens,
    /// Recordings that were begun, ended and deleted.
    Recordings,
    /// Recordings that could not be sent.
    Downloads,
    /// Recordings that could not be played.
    Playbacks,
    /// Smaller pictures that could not be made.
    SmallerPictures,
    /// Connections that could not be served, and memory for them.
    Connections,
    /// Requests that the site did not answer.
    Requests,
    /// What is switched by MQTT.
    Switches,
    /// Names by which clients must not call this server.
    HostNames,
}

impl Subject {
    /// The most lines about it that a client causes in a period.
    const fn most(self) -> u64 {
        match self {
            Subject::SignIns => 6, // by address, of which an attacker has many
            _ => 20,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Subject::SignIns => "sign-ins",
            Subject::Tokens => "tokens",
            Subject::Recordings => "recordings",
            Subject::Downloads => "downloads",
            Subject::Playbacks => "playbacks",
            Subject::SmallerPictures => "smaller pictures",
            Subject::Connections => "connections",
            Subject::Requests => "requests",
            Subject::Switches => "switches",
            Subject::HostNames => "host names",
        }
    }
}

/// Lines about one subject.
#[derive(Debug, Default)]
struct Lines {
    written: u64,
    left_out: u64,
}

impl Tally for Lines {
    fn has_left_out(&self) -> bool {
        self.left_out > 0
    }
}

/// By subject, and by whom or what it is about.
#[derive(Debug, Default)]
struct Bounded(BTreeMap<Subject, Tallies<String, Lines>>);

static BOUNDED: Mutex<Bounded> = Mutex::new(Bounded(BTreeMap::new()));

impl Bounded {
    fn may_log(&mut self, subject: Subject, about: &str, now: Instant) -> bool {
        let lines = self.0.entry(subject).or_default().of(about.to_owned(), now);
        let allowed = lines.written < subject.most();
        *(if allowed { &mut lines.written } else { &mut lines.left_out }) += 1;
        allowed
    }

    /// The lines about periods that are over; with `all`, about all periods.
    fn due(&mut self, now: Instant, all: bool) -> Vec<String> {
        let over = self.0.iter_mut().flat_map(|(subject, tallies)| {
            let over = if all { tallies.take_all(now) } else { tallies.due(now) };
            over.into_iter().map(|over| summary(*subject, &over))
        });
        over.collect()
    }

    fn is_pending(&self) -> bool {
        self.0.values().any(Tallies::is_pending)
    }
}

fn summary(subject: Subject, Over { client, time, tally }: &Over<String, Lines>) -> String {
    let about = match client.as_deref() {
        Some("") => String::new(),
        Some(about) => format!(" ({about})"),
        None => " (others)".to_owned(),
    };
    let (count, seconds) = (tally.left_out, time.as_secs());
    format!("{count} more log lines about {}{about} were left out in {seconds} s", subject.name())
}

fn bounded() -> MutexGuard<'static, Bounded> {
    lock(&BOUNDED)
}

/// Whether a line may be written that a client can cause at will. `about` is the client's address or the camera's name;
/// empty where neither is known.
pub fn may_log(subject: Subject, about: &str) -> bool {
    let now = Instant::now();
    report(now); // the event loops may have slept since the period ended
    bounded().may_log(subject, about, now)
}

/// Logs what was left out in periods that are over. Called a few times a second.
pub fn report(now: Instant) {
    let lines = bounded().due(now, false);
    lines.iter().for_each(|line| warn!("{line}"));
}

/// The same for all periods; called at the end of the program.
pub fn report_all() {
    let lines = bounded().due(Instant::now(), true);
    lines.iter().for_each(|line| warn!("{line}"));
}

/// Whether something was left out that has not been said yet.
pub fn is_pending() -> bool {
    bounded().is_pending()
}

#[cfg(test)]
mod tests {
    use super::super::tallies::{CLIENTS_MAX, LONG_PERIOD, PERIOD};
    use super::*;

    #[test]
    fn a_client_that_guesses_all_day_writes_few_lines_and_hides_nobody_elses() {
        let (mut bounded, begin) = (Bounded::default(), Instant::now());
        let mut may = |about: &str, now| bounded.may_log(Subject::SignIns, about, now);
        let count = (0..1000).filter(|_| may("192.0.2.7", begin)).count();
        assert_eq!(count as u64, Subject::SignIns.most());
        assert!(may("192.0.2.8", begin) && bounded.may_log(Subject::Tokens, "", begin));
        assert!(bounded.is_pending() && bounded.due(begin + PERIOD / 2, false).is_empty());
        let said = bounded.due(begin + PERIOD, false);
        assert_eq!(said, ["994 more log lines about sign-ins (192.0.2.7) were left out in 60 s"]);
        assert!(!bounded.is_pending());
        assert!(bounded.due(begin + PERIOD + LONG_PERIOD, false).is_empty());
    }

    #[test]
    fn many_addresses_take_bounded_memory_and_lines() {
        let (mut bounded, now) = (Bounded::default(), Instant::now());
        let written = (0..10_000)
            .filter(|number| bounded.may_log(Subject::SignIns, &format!("10.0.0.{number}"), now))
            .count();
        assert_eq!(written, CLIENTS_MAX + Subject::SignIns.most() as usize);
        assert_eq!(bounded.0[&Subject::SignIns].count(), CLIENTS_MAX + 1);
        let said = bounded.due(now, true);
        assert_eq!(said, ["9962 more log lines about sign-ins (others) were left out in 0 s"]);
    }
}
