//! Slows down whoever tries one wrong password after the other, by address, and tells the log.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::warn;

use crate::names::printable;
use crate::sync::lock;

/// Wrong passwords from one address that are answered at once: people mistype.
pub const FREE_TRIES: u32 = 5;

/// Behind these, the pause after the first; it doubles with each further one ...
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One wrong password is forgiven after so long.
const FORGIVEN: Duration = Duration::from_secs(60);

/// Addresses that are remembered; one more makes the one that was quiet for longest forgotten.
const ADDRESSES_MAX: usize = 512;

/// Lines about wrong passwords that are logged in [`LOG_PERIOD`]; further ones are counted.
const LOG_LINES: u32 = 20;

/// See [`LOG_LINES`].
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// The longest name that is logged, in characters.
const SHOWN: usize = 40;

#[derive(Debug)]
struct Tries {
    /// Wrong ones that are not forgiven yet.
    wrong: u32,
    /// When the last of them came.
    last: Instant,
}

impl Tries {
    fn forgive(&mut self, now: Instant) {
        let past = now.saturating_duration_since(self.last).as_secs() / FORGIVEN.as_secs();
        self.wrong = self.wrong.saturating_sub(u32::try_from(past).unwrap_or(u32::MAX));
    }

    fn pause(&self) -> Duration {
        match self.wrong.checked_sub(FREE_TRIES) {
            None => Duration::ZERO,
            // A shift by more than this is beyond the longest pause.
            Some(more) => (FIRST_PAUSE * (1 << more.min(16))).min(LONGEST_PAUSE),
        }
    }
}

#[derive(Debug, Default)]
struct Told {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

/// Who tried how often.
#[derive(Debug, Default)]
pub struct Throttle {
    tries: Mutex<HashMap<IpAddr, Tries>>,
    told: Mutex<Told>,
}

impl Throttle {
    /// How long this address has to wait; `None` if it may try now.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let tries = lock(&self.tries);
        let tries = tries.get(&whose(address))?;
        let left = (tries.last + tries.pause()).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// A wrong password for user `name` came from this address.
    pub fn wrong(&self, address: IpAddr, name: &str, now: Instant) {
        let pause = {
            let mut all = lock(&self.tries);
            let key = whose(address);
            if all.len() >= ADDRESSES_MAX && !all.contains_key(&key) {
                let quiet = all.iter().min_by_key(|(_, tries)| tries.last).map(|(address, _)| *address);
                quiet.map(|address| all.remove(&address));
            }
            let tries = all.entry(key).or_insert(Tries { wrong: 0, last: now });
            tries.forgive(now);
            tries.wrong = tries.wrong.saturating_add(1);
            tries.last = now;
            tries.pause()
        };
        self.tell(address, name, pause, now);
    }

    #[cfg(test)]
    pub(super) fn forget(&self, address: IpAddr) {
        lock(&self.tries).remove(&whose(address));
    }

    fn tell(&self, address: IpAddr, name: &str, pause: Duration, now: Instant) {
        let mut told = lock(&self.told);
        if told.since.is_none_or(|since| now.saturating_duration_since(since) >= LOG_PERIOD) {
            if told.left_out > 0 {
                warn!("{} more wrong passwords came", told.left_out);
            }
            *told = Told { since: Some(now), lines: 0, left_out: 0 };
        }
        if told.lines >= LOG_LINES {
            told.left_out += 1;
            return;
        }
        told.lines += 1;
        let name: String = printable(name.as_bytes()).chars().take(SHOWN).collect();
        let slowed = match pause.as_secs() {
            0 => String::new(),
            seconds => format!("; the next one from there is looked at after {seconds} s"),
        };
        warn!("a wrong password for user {name:?} came from {address}{slowed}");
    }
}

/// What is given to one customer: an IPv4 address, or 64 bits of IPv6 (RFC 6177).
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn wrong_tries_are_slowed_down_more_and_more_and_forgiven_in_time() {
        let throttle = Throttle::default();
        let one = address("192.0.2.1");
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..14 {
            let wait = throttle.wait(one, now).unwrap_or_default();
            pauses.push(wait.as_secs());
            now += wait;
            throttle.wrong(one, "anna", now);
        }
        assert_eq!(pauses, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(address("192.0.2.2"), now), None, "somebody else");
        now += 20 * FORGIVEN;
        assert_eq!(throttle.wait(one, now), None);
        throttle.wrong(one, "anna", now);
        assert_eq!(throttle.wait(one, now), None);
    }

    #[test]
    fn ten_thousand_wrong_tries_in_one_moment_end_in_the_longest_pause() {
        let throttle = Throttle::default();
        let (one, now) = (address("192.0.2.1"), Instant::now());
        for _ in 0..10_000 {
            throttle.wrong(one, "anna", now);
        }
        assert_eq!(throttle.wait(one, now), Some(LONGEST_PAUSE));
        let told = lock(&throttle.told);
        assert_eq!((told.lines, told.left_out), (LOG_LINES, 10_000 - u64::from(LOG_LINES)));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_ipv4_in_it_is_ipv4() {
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
    fn a_million_addresses_fill_no_memory() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let wild = address("198.51.100.1");
        for number in 0..3 * ADDRESSES_MAX as u32 {
            throttle.wrong(wild, "anna", now + Duration::from_millis(number.into()));
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            throttle.wrong(address.into(), "anna", now + Duration::from_millis(number.into()));
        }
        assert_eq!(lock(&throttle.tries).len(), ADDRESSES_MAX);
        assert!(throttle.wait(wild, now).is_some(), "who goes on is not forgotten");
    }
}
