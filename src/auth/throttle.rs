//! Slows down clients that guess passwords, and logs them.
//!
//! Wrong passwords are counted in three ways, so that more addresses give an attacker little: by address; by the wider
//! networks of an IPv6 address, since whoever has a /48 has 65,536 networks; and by the name that was guessed at, from
//! wherever. Addresses and networks must wait longer and longer. A name that is guessed at from many addresses is
//! slowed down for all of them alike. Addresses where a user was proven never
//! come here ([`super::account`]).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use log::warn;

use super::network::{client_of, prefix};
use super::tag::Tag;
use crate::host::log::bounded::{self, Subject};
use crate::names::printable;
use crate::sync::lock;

/// Wrong passwords from one address that cost no wait: people mistype.
pub const FREE_TRIES: u32 = 5;

/// The wider networks of an IPv6 address, and the wrong passwords from each that cost no wait. Providers give customers a
/// /56 or a /48 (RFC 6177), but some keep customers closer together.
const WIDER: [(u32, u32); 2] = [(56, 4 * FREE_TRIES), (48, 16 * FREE_TRIES)];

/// The first wait. Each further wrong password doubles it, ...
const WAIT_MIN: Duration = Duration::from_secs(1);

/// ... up to this.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Wrong passwords for one name before it counts as guessed at. One address alone does not get there: from its twelfth
/// on it waits as long as one is remembered.
const FREE_GUESSES: u32 = 20;

/// The time between two checks for names that are guessed at. Slow boards take longer for a check anyway.
pub const PACE: Duration = Duration::from_millis(250);

/// After this time without a wrong password, one is forgiven.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// The most wrong passwords that count, so that all are forgiven in less than two hours.
const COUNT_MAX: u32 = 100;

/// Addresses, networks and names that are remembered. One more replaces the one with the fewest wrong passwords.
const OFFENDERS_MAX: usize = 1024;

/// The longest name that is logged, in characters.
const NAME_SHOWN: usize = 40;

/// What wrong passwords are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Offender {
    /// An address, or the first one of a network, and the length of the prefix.
    Network(IpAddr, u32),
    /// The tag of a name, whether or not there is such a user: nobody learns which names exist.
    Name(Tag),
}

#[derive(Debug)]
struct Failures {
    /// Wrong passwords that are not forgiven yet.
    count: u32,
    /// When the last one came.
    last: Instant,
}

impl Failures {
    /// What is left of the count.
    fn left(&self, now: Instant) -> u32 {
        let past = now.saturating_duration_since(self.last).as_secs() / FORGIVEN_AFTER.as_secs();
        self.count.saturating_sub(u32::try_from(past).unwrap_or(u32::MAX))
    }

    fn wait(&self, free: u32) -> Duration {
        match self.count.checked_sub(free) {
            None => Duration::ZERO,
            // 2^16 times the first wait is far more than the longest.
            Some(more) => (WAIT_MIN * (1 << more.min(16))).min(WAIT_MAX),
        }
    }
}

/// An address and its wider networks, and how many wrong passwords from each are free.
fn networks(address: IpAddr) -> impl Iterator<Item = (Offender, u32)> {
    let client = client_of(address);
    let wider = WIDER.into_iter().filter(move |_| client.is_ipv6());
    let wider = wider.map(move |(bits, free)| (Offender::Network(prefix(client, bits), bits), free));
    [(Offender::Network(client, 64), FREE_TRIES)].into_iter().chain(wider)
}

/// Who sent wrong passwords, and for whom.
#[derive(Debug, Default)]
pub struct Throttle {
    failures: Mutex<HashMap<Offender, Failures>>,
    /// When the next check for a name that is guessed at may begin.
    paced: Mutex<Option<Instant>>,
}

impl Throttle {
    /// How long this address must wait; `None` if it may try now.
    pub fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let all = lock(&self.failures);
        let waits = networks(address).filter_map(|(network, free)| {
            let failures = all.get(&network)?;
            Some((failures.last + failures.wait(free)).saturating_duration_since(now))
        });
        waits.max().filter(|left| !left.is_zero())
    }

    /// Whether so many wrong passwords came for the name with this tag that several addresses must have sent them.
    pub fn is_guessed_at(&self, name: &Tag, now: Instant) -> bool {
        lock(&self.failures)
            .get(&Offender::Name(*name))
            .is_some_and(|failures| failures.left(now) > FREE_GUESSES)
    }

    /// Waits until the next check for names that are guessed at may begin.
    pub fn pace(&self) {
        let mut paced = lock(&self.paced); // the others wait for this one
        thread::sleep(paced.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now())));
        *paced = Some(Instant::now() + PACE);
    }

    /// Counts and logs a wrong password for the user `name`, which has this tag, from this address.
    pub fn wrong(&self, address: IpAddr, name: &str, tag: &Tag, now: Instant) {
        let mut longest = Duration::ZERO;
        for (network, free) in networks(address) {
            longest = longest.max(self.count(network, now, |failures| failures.wait(free)));
        }
        self.count(Offender::Name(*tag), now, |_| ());
        Self::log(address, name, longest);
    }

    fn count<T>(&self, offender: Offender, now: Instant, then: impl FnOnce(&Failures) -> T) -> T {
        let mut all = lock(&self.failures);
        if all.len() >= OFFENDERS_MAX && !all.contains_key(&offender) {
            let harmless = all.iter().min_by_key(|(_, failures)| (failures.left(now), failures.last));
            harmless.map(|(offender, _)| *offender).map(|offender| all.remove(&offender));
        }
        let failures = all.entry(offender).or_insert(Failures { count: 0, last: now });
        *failures = Failures { count: (failures.left(now) + 1).min(COUNT_MAX), last: now };
        then(failures)
    }

    #[cfg(test)]
    pub(super) fn forget(&self, address: IpAddr) {
        lock(&self.failures).retain(|offender, _| networks(address).all(|(network, _)| network != *offender));
    }

    fn log(address: IpAddr, name: &str, wait: Duration) {
        if !bounded::may_log(Subject::SignIns, &client_of(address).to_string()) {
            return;
        }
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

    const ANNA: Tag = [1; 32];

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    impl Throttle {
        fn anna(&self, address: IpAddr, now: Instant) {
            self.wrong(address, "anna", &ANNA, now);
        }
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
            throttle.anna(one, now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(throttle.wait(address("192.0.2.2"), now), None, "somebody else");
        assert!(!throttle.is_guessed_at(&ANNA, now), "by one address alone");
        now += 20 * FORGIVEN_AFTER;
        assert_eq!(throttle.wait(one, now), None);
        throttle.anna(one, now);
        assert_eq!(throttle.wait(one, now), None);
    }

    #[test]
    fn ten_thousand_wrong_passwords_in_one_moment_end_in_the_longest_wait() {
        let throttle = Throttle::default();
        let (one, now) = (address("192.0.2.1"), Instant::now());
        for _ in 0..10_000 {
            throttle.anna(one, now);
        }
        assert_eq!(throttle.wait(one, now), Some(WAIT_MAX));
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_mapped_ipv4_is_ipv4() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for number in 0..=FREE_TRIES {
            throttle.anna(address(&format!("2001:db8:0:1:{number}::1")), now);
            throttle.anna(address("::ffff:192.0.2.1"), now);
        }
        assert!(throttle.wait(address("2001:db8:0:1:ffff::9"), now).is_some());
        assert_eq!(throttle.wait(address("2001:db8:0:2::1"), now), None);
        assert!(throttle.wait(address("192.0.2.1"), now).is_some());
        assert_eq!(throttle.wait(address("192.0.2.2"), now), None);
    }

    #[test]
    fn a_fresh_network_for_each_guess_does_not_help_who_has_a_slash_48() {
        // In one /56, and in all of the /48.
        for (step, most) in [(1, 4 * FREE_TRIES), (0x100, 16 * FREE_TRIES)] {
            let throttle = Throttle::default();
            let now = Instant::now();
            let network = |number: u32| address(&format!("2001:db8:0:{:x}::1", number * step));
            let tries = (0..256).take_while(|number| {
                let free = throttle.wait(network(*number), now).is_none();
                throttle.anna(network(*number), now);
                free
            });
            assert_eq!(tries.count() as u32, most, "networks {step} apart");
            assert_eq!(throttle.wait(address("2001:db8:1::1"), now), None, "a neighbour of the /48");
        }
    }

    #[test]
    fn a_name_that_many_guess_at_is_slowed_down_and_nobody_elses() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let mut guess = (0..).map(|number| throttle.anna(std::net::Ipv4Addr::from_bits(number).into(), now));
        let _ = guess.by_ref().nth(FREE_GUESSES as usize - 1);
        assert!(!throttle.is_guessed_at(&ANNA, now));
        guess.next();
        assert!(throttle.is_guessed_at(&ANNA, now) && !throttle.is_guessed_at(&[2; 32], now));
        let _ = guess.nth(1000);
        assert!(!throttle.is_guessed_at(&ANNA, now + COUNT_MAX * FORGIVEN_AFTER), "for ever");
        let begin = Instant::now();
        (0..3).for_each(|_| throttle.pace());
        assert!(begin.elapsed() >= 2 * PACE, "{:?}", begin.elapsed());
    }

    #[test]
    fn the_worst_offender_is_remembered_whoever_comes_after() {
        let throttle = Throttle::default();
        let now = Instant::now();
        let wild = address("198.51.100.1");
        (0..=FREE_TRIES).for_each(|_| throttle.anna(wild, now));
        for number in 0..3 * OFFENDERS_MAX as u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
            throttle.anna(address.into(), now + Duration::from_micros(number.into()));
        }
        assert_eq!(lock(&throttle.failures).len(), OFFENDERS_MAX);
        assert!(throttle.wait(wild, now).is_some(), "it is forgotten");
        assert!(throttle.is_guessed_at(&ANNA, now), "the name is forgotten");
    }
}
