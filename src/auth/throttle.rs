//! Makes clients that send one wrong password after another wait, by address, and logs them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::warn;

use super::network::client_of;
use crate::names::printable;
use crate::sync::lock;

/// Wrong passwords from one address that cost no wait: people mistype.
pub const FREE_TRIES: u32 = 5;

/// The first wait. Each further wrong password doubles it, ...
const WAIT_MIN: Duration = Duration::from_secs(1);

/// ... up to this.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// After this time without a wrong password, one is forgiven.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// Addresses that are remembered. One more replaces the address that has been quiet for the longest time.
const ADDRESSES_MAX: usize = 512;

/// The most lines about wrong passwords in one [`LOG_PERIOD`]. Further ones are only counted.
const LOG_LINES: u32 = 20;

/// See [`LOG_LINES`].
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// The longest name that is logged, in characters.
const NAME_SHOWN: usize = 40;

#[derive(Debug)]
struct Failures {
    /// Wrong passwords that are not forgiven yet.
    count: u32,
    /// When the last one came.
    last: Instant,
}

impl Failures {
    fn forgive(&mut self, now: Instant) {
        let past = now.saturating_duration_since(self.last).as_secs() / FORGIVEN_AFTER.as_secs();
        self.count = self.count.saturating_sub(u32::try_from(past).unwrap_or(u32::MAX));
    }

    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE_TRIES) {
            None => Duration::ZERO,
            // 2^16 times the first wait is far more than the longest.
            Some(more) => (WAIT_MIN * (1 << more.min(16))).min(WAIT_MAX),
        }
    }
}

/// What was logged in the current [`LOG_PERIOD`].
#[derive(Debug, Default)]
struct LogPeriod {
    begin: Option<Instant>,
    lines: u32,
    left_out: u64,
}

/// The addresses that sent wrong passwords.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<IpAddr, Failures>>,
    log: Mutex<LogPeriod>,
}

impl Throttle {
    /// How long this address must wait; `None` if it may try now.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let failures = lock(&self.failures);
        let failures = failures.get(&client_of(address))?;
        let left = (failures.last + failures.wait()).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Counts and logs a wrong password for user `name` from this address.
    pub fn wrong(&self, address: IpAddr, name: &str, now: Instant) {
        let wait = {
            let mut all = lock(&self.failures);
            let key = client_of(address);
            if all.len() >= ADDRESSES_MAX && !all.contains_key(&key) {
                let quiet = all.iter().min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address);
                quiet.map(|address| all.remove(&address));
            }
            let failures = all.entry(key).or_insert(Failures { count: 0, last: now });
            failures.forgive(now);
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
            failures.wait()
        };
        self.log(address, name, wait, now);
    }

    #[cfg(test)]
    pub(super) fn forget(&self, address: IpAddr) {
        lock(&self.failures).remove(&client_of(address));
    }

    fn log(&self, address: IpAddr, name: &str, wait: Duration, now: Instant) {
        let mut period = lock(&self.log);
        if period.begin.is_none_or(|begin| now.saturating_duration_since(begin) >= LOG_PERIOD) {
            if period.left_out > 0 {
                warn!("{} more failed sign-ins were not logged one by one", period.left_out);
            }
            *period = LogPeriod { begin: Some(now), lines: 0, left_out: 0 };
        }
        if period.lines >= LOG_LINES {
            period.left_out += 1;
            return;
        }
        period.lines += 1;
        let name: String = printable(name.as_bytes()).chars().take(NAME_SHOWN).collect();
        let throttled = match wait.as_secs() {
            0 => String::new(),
            seconds => format!("; this address must wait {seconds} s before the next try"),
        };
        warn!("sign-in as {name:?} from {address} failed: wrong user name or password{throttled}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn wrong_passwords_cost_ever_longer_waits_and_are_forgiven_in_time() {
        let throttle = Throttle::default();
        let one = address("192.0.2.1");
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..14 {
            let wait = throttle.wait(one, now).unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            throttle.wrong(one, "anna", now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(address("192.0.2.2"), now), None, "somebody else");
        now += 20 * FORGIVEN_AFTER;
        assert_eq!(throttle.wait(one, now), None);
        throttle.wrong(one, "anna", now);
        assert_eq!(throttle.wait(one, now), None);
    }

    #[test]
    fn ten_thousand_wrong_passwords_in_one_moment_end_in_the_longest_wait() {
        let throttle = Throttle::default();
        let (one, now) = (address("192.0.2.1"), Instant::now());
        for _ in 0..10_000 {
            throttle.wrong(one, "anna", now);
        }
        assert_eq!(throttle.wait(one, now), Some(WAIT_MAX));
        let period = lock(&throttle.log);
        assert_eq!((period.lines, period.left_out), (LOG_LINES, 10_000 - u64::from(LOG_LINES)));
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_mapped_ipv4_is_ipv4() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..=FREE_TRIES {
            throttle.wrong(address(&format!("2001:db8:0:1:{number}::1")), "anna", now);
            throttle.wrong(address("::ffff:192.0.2.1"), "anna", now);
        }
        assert!(throttle.wait(address("2001:db8:0:1:ffff::9"), now).is_some());
        assert_eq!(throttle.wait(address("2001:db8:0:2::1"), now), None);
        assert!(throttle.wait(address("192.0.2.1"), now).is_some());
        assert_eq!(throttle.wait(address("192.0.2.2"), now), None);
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let wild = address("198.51.100.1");
        for number in 0..3 * ADDRESSES_MAX as u32 {
            throttle.wrong(wild, "anna", now + Duration::from_millis(number.into()));
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            throttle.wrong(address.into(), "anna", now + Duration::from_millis(number.into()));
        }
        assert_eq!(lock(&throttle.failures).len(), ADDRESSES_MAX);
        assert!(throttle.wait(wild, now).is_some(), "an address that goes on is not forgotten");
    }
}
