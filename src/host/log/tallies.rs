//! What is counted of each client in a period, so that none fills the log of an SD card.
//!
//! The first period is a minute. Once something was left out in a period, the next one is longer, until the client is
//! quiet for so long.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time over which a client's lines are counted, ...
pub const PERIOD: Duration = Duration::from_secs(60);

/// ... and for a client that caused too many in the period before.
pub const LONG_PERIOD: Duration = Duration::from_secs(600);

/// Clients whose lines are counted one by one. All further ones share one tally.
pub const CLIENTS_MAX: usize = 32;

/// What is counted of one client.
pub trait Tally: Default {
    /// Whether something was left out that must be said at the end of the period.
    fn has_left_out(&self) -> bool;
}

/// One client's period.
#[derive(Debug)]
struct Period<T> {
    begin: Instant,
    length: Duration,
    tally: T,
}

/// A period that is over, and in which something was left out.
#[derive(Debug)]
pub struct Over<K, T> {
    /// The client; `None` for all that came when [`CLIENTS_MAX`] were counted already.
    pub client: Option<K>,
    /// How long it was.
    pub time: Duration,
    /// What was counted.
    pub tally: T,
}

/// The present periods of all clients.
#[derive(Debug)]
pub struct Tallies<K, T> {
    periods: BTreeMap<Option<K>, Period<T>>,
}

impl<K, T> Default for Tallies<K, T> {
    fn default() -> Self {
        Self { periods: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, T: Tally> Tallies<K, T> {
    /// What is counted of this client now. Call [`Tallies::due`] before: its period may be over.
    pub fn of(&mut self, client: K, now: Instant) -> &mut T {
        let client = Some(client);
        let is_counted = self.periods.contains_key(&client) || self.periods.len() < CLIENTS_MAX;
        let period = self.periods.entry(if is_counted { client } else { None });
        &mut period.or_insert_with(|| Period { begin: now, length: PERIOD, tally: T::default() }).tally
    }

    /// The periods that are over and in which something was left out.
    pub fn due(&mut self, now: Instant) -> Vec<Over<K, T>> {
        let mut over = Vec::new();
        self.periods.retain(|client, period| {
            let time = now.saturating_duration_since(period.begin);
            if time < period.length {
                return true;
            }
            if !period.tally.has_left_out() {
                return false;
            }
            let tally = std::mem::take(&mut period.tally);
            over.push(Over { client: client.clone(), time, tally });
            (period.begin, period.length) = (now, LONG_PERIOD);
            true
        });
        over
    }

    /// All periods in which something was left out; they end here.
    pub fn take_all(&mut self, now: Instant) -> Vec<Over<K, T>> {
        let periods = std::mem::take(&mut self.periods).into_iter();
        let left_out = periods.filter(|(_, period)| period.tally.has_left_out());
        left_out
            .map(|(client, period)| {
                let time = now.saturating_duration_since(period.begin);
                Over { client, time, tally: period.tally }
            })
            .collect()
    }

    /// Whether something was left out that has not been said yet.
    pub fn is_pending(&self) -> bool {
        self.periods.values().any(|period| period.tally.has_left_out())
    }

    /// The number of clients that are counted now.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.periods.len()
    }

    /// What is counted of this client, if it is.
    #[cfg(test)]
    pub fn get(&self, client: Option<K>) -> Option<&T> {
        self.periods.get(&client).map(|period| &period.tally)
    }
}
