//! What the log says about connections that were closed or refused because all that are allowed were in use: at most
//! one line in [`PERIOD`].
//!
//! The first is said at once, and the counts are those of all clients together: [`crate::host::log::tallies`] counts each
//! client by itself, and says at the end of its period what was left out.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// At least this long between two lines.
const PERIOD: Duration = Duration::from_secs(60);

/// What has not been logged yet.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// When the first of it happened; `None` if there is nothing.
    since: Option<Instant>,
    /// Connections that were closed, so that others could be served.
    displaced: usize,
    refused: usize,
    /// The address that had most connections, and how many.
    most: Option<(IpAddr, usize)>,
    /// When the last line was written.
    logged: Option<Instant>,
}

impl Report {
    /// A connection was closed, because `client` had this many.
    pub(super) fn note_displaced(&mut self, client: IpAddr, had: usize, now: Instant) {
        self.displaced += 1;
        self.note(Some((client, had)), now);
    }

    /// A connection was refused; `most` is the client that has most connections, and how many.
    pub(super) fn note_refused(&mut self, most: Option<(IpAddr, usize)>, now: Instant) {
        self.refused += 1;
        self.note(most, now);
    }

    fn note(&mut self, most: Option<(IpAddr, usize)>, now: Instant) {
        self.since.get_or_insert(now);
        let count = |most: &Option<(IpAddr, usize)>| most.map_or(0, |(_, count)| count);
        if count(&most) > count(&self.most) {
            self.most = most;
        }
    }

    /// Whether there is something that has not been logged.
    pub(super) fn is_pending(&self) -> bool {
        self.since.is_some()
    }

    /// The line to log, if it is time for one.
    pub(super) fn due(&mut self, limit: usize, now: Instant) -> Option<String> {
        let since = self.since?;
        if self.logged.is_some_and(|logged| now.saturating_duration_since(logged) < PERIOD) {
            return None;
        }
        let Report { displaced, refused, most, .. } =
            std::mem::replace(self, Report { logged: Some(now), ..Report::default() });
        let seconds = now.saturating_duration_since(since).as_secs().max(1);
        let most = most.map_or_else(String::new, |(client, count)| format!("; {client} had most, {count}"));
        Some(format!(
            "all {limit} connections were in use: {displaced} were closed for new ones and {refused} refused in \
             {seconds} s{most}. --max-connections sets how many there may be"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_leaks_connections_gets_one_line_a_minute() {
        let (mut report, begin) = (Report::default(), Instant::now());
        let client = |text: &str| text.parse().unwrap();
        let mut lines = Vec::new();
        for second in 0..150 {
            let now = begin + Duration::from_secs(second);
            report.note_displaced(client("192.0.2.7"), 90 + usize::from(second == 5), now);
            report.note_displaced(client("192.0.2.8"), 2, now);
            report.note_refused(None, now);
            lines.extend(report.due(100, now));
        }
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("2 were closed for new ones and 1 refused in 1 s"), "{}", lines[0]);
        assert_eq!(
            lines[1],
            "all 100 connections were in use: 120 were closed for new ones and 60 refused in 59 s; 192.0.2.7 had \
             most, 91. --max-connections sets how many there may be"
        );
        assert!(report.is_pending());
        assert!(report.due(100, begin + Duration::from_secs(200)).is_some() && !report.is_pending());
        assert_eq!(report.due(100, begin + Duration::from_secs(900)), None);
    }
}
