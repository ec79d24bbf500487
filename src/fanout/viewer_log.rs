//! Log lines about viewers that come and go: so few that a page that reconnects again and again does not fill the log
//! of an SD card.
//!
//! Shared by the fan-outs of all event loops, in [`super::registry::ViewerRegistry`]. It promises:
//!
//! - A client causes at most [`LINES_MAX`] lines about coming and going in a period of [`Tallies`], and as many about
//!   viewers that were dropped.
//! - What is left out is counted, and said in one line at the end of the period.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use log::{Level, info, log};

use super::close_reason::CloseReason;
use crate::auth::network::client_of;
use crate::host::log::camera_scope;
use crate::host::log::tallies::{Over, Tallies, Tally};
use crate::names::{CameraLabel, DEFAULT_CAMERA};
use crate::protocol::Order;
use crate::socket::shown;

/// Lines of each kind that a client may cause in a period. Further ones are only counted.
const LINES_MAX: u32 = 6;

/// A viewer that stopped watching, and what it got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) peer: SocketAddr,
    /// How long it watched.
    pub(super) time: Duration,
    /// Frames that were sent to it.
    pub(super) frames: u64,
    /// Frames that it missed.
    pub(super) skipped: u64,
}

/// What was said of each client in its period, and what was left out, by the client's address.
#[derive(Debug, Default)]
pub(super) struct ViewerLog(Tallies<IpAddr, Visits>);

/// What was said of one client.
#[derive(Debug, Default)]
struct Visits {
    /// Lines about viewers that came or went by themselves.
    visits: u32,
    /// Lines about viewers that were dropped.
    drops: u32,
    left_out: LeftOut,
}

impl Tally for Visits {
    fn has_left_out(&self) -> bool {
        self.left_out.started > 0 || self.left_out.stopped > 0
    }
}

/// What happened without a line.
#[derive(Debug, Default)]
struct LeftOut {
    started: u64,
    stopped: u64,
    frames: u64,
    skipped: u64,
    /// Viewers that were dropped, and why the last one was.
    dropped: Option<(u64, CloseReason)>,
}

impl LeftOut {
    fn add_stopped(&mut self, visit: Visit, reason: &CloseReason) {
        self.stopped += 1;
        self.frames += visit.frames;
        self.skipped += visit.skipped;
        if is_drop(reason) {
            let before = self.dropped.as_ref().map_or(0, |(count, _)| *count);
            self.dropped = Some((before + 1, reason.clone()));
        }
    }
}

impl ViewerLog {
    /// A viewer starts watching this camera.
    pub(super) fn started(&mut self, camera: &str, order: &Order, peer: SocketAddr, now: Instant) {
        let tally = self.tally(peer.ip(), now);
        if tally.visits >= LINES_MAX {
            tally.left_out.started += 1;
            return;
        }
        tally.visits += 1;
        let _scope = camera_scope(camera);
        let variant = order.variant.map_or_else(String::new, |variant| format!(" with {variant}"));
        let recording = order
            .playback
            .as_ref()
            .map_or_else(String::new, |playback| format!(" recording {}", playback.name));
        info!("viewer {} started watching{}{recording}{variant}", shown(peer), OfCamera(camera));
    }

    /// A viewer stopped watching this camera.
    pub(super) fn stopped(&mut self, camera: &str, visit: Visit, reason: &CloseReason, now: Instant) {
        let tally = self.tally(visit.peer.ip(), now);
        let lines = if is_drop(reason) { &mut tally.drops } else { &mut tally.visits };
        if *lines >= LINES_MAX {
            tally.left_out.add_stopped(visit, reason);
            return;
        }
        *lines += 1;
        let _scope = camera_scope(camera);
        log!(level(reason), "{}", Stopped { camera, visit, reason });
    }

    /// Logs what was left out in periods that are over. Called a few times a second.
    pub(super) fn report(&mut self, now: Instant) {
        for over in self.0.due(now) {
            info!("{}", Summary(over));
        }
    }

    /// The same for all periods; called at the end of the program.
    pub(super) fn report_all(&mut self, now: Instant) {
        for over in self.0.take_all(now) {
            info!("{}", Summary(over));
        }
    }

    /// Whether something was left out that has not been said yet.
    pub(super) fn is_pending(&self) -> bool {
        self.0.is_pending()
    }

    fn tally(&mut self, address: IpAddr, now: Instant) -> &mut Visits {
        self.report(now); // the loop may have slept since the period ended
        self.0.of(client_of(address), now)
    }
}

/// Whether the viewer did not leave by itself.
fn is_drop(reason: &CloseReason) -> bool {
    !matches!(reason, CloseReason::Disconnected(_) | CloseReason::Complete | CloseReason::Played)
}

/// A viewer that goes, or is too slow, is nothing unusual; what this program has to answer for is a warning.
fn level(reason: &CloseReason) -> Level {
    match reason {
        CloseReason::NoMemory | CloseReason::Panicked => Level::Warn,
        _ => Level::Info,
    }
}

/// The line about a viewer that stopped watching, with the reason unless it simply disconnected.
struct Stopped<'a> {
    camera: &'a str,
    visit: Visit,
    reason: &'a CloseReason,
}

impl fmt::Display for Stopped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { camera, visit: Visit { peer, time, frames, skipped }, reason } = self;
        let (peer, time) = (shown(*peer), time.as_secs_f32());
        write!(f, "viewer {peer} stopped watching{} after {time:.1} s ", OfCamera(camera))?;
        write!(f, "({}, {skipped} skipped)", count(*frames, "frame"))?;
        if is_drop(reason) { write!(f, ": dropped because {reason}") } else { Ok(()) }
    }
}

/// The line about what was left out in a period.
struct Summary(Over<IpAddr, Visits>);

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Over { client, time, tally } = &self.0;
        let LeftOut { started, stopped, frames, skipped, dropped } = &tally.left_out;
        match client {
            Some(client) => write!(f, "viewers from {client}")?,
            None => f.write_str("viewers from other addresses")?,
        }
        let seconds = time.as_secs();
        write!(f, " also started watching {} and stopped {}", times(*started), times(*stopped))?;
        write!(f, " in {seconds} s ({}, {skipped} skipped", count(*frames, "frame"))?;
        match dropped {
            Some((count, reason)) => write!(f, "; {count} were dropped, the last one because {reason})"),
            None => f.write_str(")"),
        }
    }
}

/// `1 frame`, `2 frames`.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `once`, `2 times`.
fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

/// The camera in a viewer's log lines: ` camera door`, or nothing for one that the user has not named.
struct OfCamera<'a>(&'a str);

impl fmt::Display for OfCamera<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == DEFAULT_CAMERA { Ok(()) } else { write!(f, " {}", CameraLabel(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::host::log::tallies::{CLIENTS_MAX, LONG_PERIOD, PERIOD};
    use crate::protocol::OrderKind;

    const LEFT: CloseReason = CloseReason::Disconnected(ErrorKind::ConnectionReset);

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A viewer that got 313 frames.
    fn visit_of(peer: SocketAddr) -> Visit {
        Visit { peer, time: Duration::from_millis(11_500), frames: 313, skipped: 1 }
    }

    /// A viewer comes and goes at once.
    fn visit(log: &mut ViewerLog, peer: SocketAddr, reason: &CloseReason, now: Instant) {
        log.started(DEFAULT_CAMERA, &Order::new(OrderKind::Stream, 0), peer, now);
        log.stopped(DEFAULT_CAMERA, visit_of(peer), reason, now);
    }

    fn lines(log: &ViewerLog, client: Option<&str>) -> (u32, u32) {
        let tally = log.0.get(client.map(|client| client.parse().unwrap())).unwrap();
        (tally.visits, tally.drops)
    }

    fn due(log: &mut ViewerLog, now: Instant) -> Vec<String> {
        log.0.due(now).into_iter().map(|over| Summary(over).to_string()).collect()
    }

    #[test]
    fn a_viewers_end_is_one_plain_sentence() {
        let mut visit = visit_of(address("192.0.2.7:44350"));
        let said = |camera, visit, reason| Stopped { camera, visit, reason: &reason }.to_string();
        assert_eq!(
            said(DEFAULT_CAMERA, visit, LEFT),
            "viewer 192.0.2.7:44350 stopped watching after 11.5 s (313 frames, 1 skipped)"
        );
        assert_eq!(
            said("door", visit, CloseReason::Stalled),
            "viewer 192.0.2.7:44350 stopped watching camera door after 11.5 s (313 frames, 1 skipped): dropped because \
             it took nothing for 10 s"
        );
        visit.frames = 1;
        assert!(said("door", visit, LEFT).ends_with("(1 frame, 1 skipped)"));
    }

    #[test]
    fn a_page_that_reconnects_all_day_does_not_fill_the_log() {
        let (mut log, peer, begin) = (ViewerLog::default(), address("192.0.2.7:44350"), Instant::now());
        let mut summaries = Vec::new();
        for second in 0..3600 {
            let now = begin + Duration::from_secs(second);
            summaries.extend(due(&mut log, now));
            visit(&mut log, peer, &LEFT, now);
            assert!(lines(&log, Some("192.0.2.7")).0 <= LINES_MAX);
        }
        assert_eq!(
            summaries[0],
            "viewers from 192.0.2.7 also started watching 57 times and stopped 57 times in 60 s (17841 frames, 57 skipped)"
        );
        assert_eq!(summaries.len(), 6, "one after a minute, then one each ten minutes: {summaries:?}");
    }

    #[test]
    fn what_was_left_out_is_said_although_nobody_comes_any_more_and_then_forgotten() {
        let (mut log, peer, begin) = (ViewerLog::default(), address("192.0.2.7:1"), Instant::now());
        for _ in 0..4 {
            visit(&mut log, peer, &LEFT, begin);
        }
        assert!(log.is_pending() && due(&mut log, begin + PERIOD / 2).is_empty());
        let said = due(&mut log, begin + PERIOD);
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("started watching once and stopped once in 60 s (313 frames, 1 skipped)"),
            "{said:?}"
        );
        assert!(!log.is_pending());
        assert!(due(&mut log, begin + PERIOD + LONG_PERIOD).is_empty() && log.0.count() == 0, "{log:?}");
    }

    #[test]
    fn a_dropped_viewer_is_said_also_when_many_came_and_went() {
        let (mut log, peer, now) = (ViewerLog::default(), address("192.0.2.7:1"), Instant::now());
        for _ in 0..100 {
            visit(&mut log, peer, &LEFT, now);
        }
        for _ in 0..2 * LINES_MAX {
            visit(&mut log, peer, &CloseReason::Stalled, now);
        }
        assert_eq!(lines(&log, Some("192.0.2.7")), (LINES_MAX, LINES_MAX));
        let said = due(&mut log, now + PERIOD);
        assert!(
            said[0].ends_with("; 6 were dropped, the last one because it took nothing for 10 s)"),
            "{said:?}"
        );
    }

    #[test]
    fn another_client_is_heard_and_the_clients_of_one_network_are_one() {
        let (mut log, now) = (ViewerLog::default(), Instant::now());
        for port in 1..100 {
            visit(&mut log, SocketAddr::new("192.0.2.7".parse().unwrap(), port), &LEFT, now);
            visit(&mut log, address(&format!("[2001:db8::{port}]:80")), &LEFT, now);
        }
        visit(&mut log, address("192.0.2.8:1"), &LEFT, now);
        assert_eq!(lines(&log, Some("192.0.2.7")).0, LINES_MAX);
        assert_eq!(lines(&log, Some("2001:db8::")).0, LINES_MAX);
        assert_eq!(lines(&log, Some("192.0.2.8")).0, 2);
    }

    #[test]
    fn ten_thousand_clients_take_bounded_memory_and_bounded_lines() {
        let (mut log, now) = (ViewerLog::default(), Instant::now());
        for number in 0..10_000 {
            let client = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            visit(&mut log, SocketAddr::new(client.into(), 1), &LEFT, now);
        }
        assert_eq!(log.0.count(), CLIENTS_MAX + 1);
        assert_eq!(lines(&log, None).0, LINES_MAX);
        let said = due(&mut log, now + PERIOD);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("viewers from other addresses also started watching 9965 times"),
            "{said:?}"
        );
    }
}
