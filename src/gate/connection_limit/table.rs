//! Who has which connections, and which of them is closed for another one when all that are allowed are in use.
//!
//! - A connection without a whole request on it goes first: the one that has waited longest, of the client that has
//!   most of them. So whoever opens many and uses none loses their own.
//! - Streams, downloads and requests that are being answered stay, unless one client has more than half of all
//!   connections. That one loses to others what it has beyond half, and takes nothing from them.
//!
//! A client is an IPv4 address or an IPv6 network ([`client_of`](crate::auth::network::client_of)).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A connection without a request for so long is rather closed than the stream of a client that has more than half of
/// all connections. In a younger one, a request may be on its way.
const IDLE_LONG: Duration = Duration::from_secs(1);

/// An event loop, and the token of a connection there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gate) struct Location {
    pub(in crate::gate) event_loop: usize,
    pub(in crate::gate) token: usize,
}

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// No whole request has come, or the last one is answered.
    Idle,
    /// A request is being answered, which includes streams and downloads.
    Busy,
}

/// Where the table has a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    client: IpAddr,
    what: Use,
    number: u64,
}

/// A connection, and since when it has been used as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) location: Location,
    since: Instant,
}

/// A connection that makes room for another one, and whose it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Displaced {
    pub(super) location: Location,
    pub(super) client: IpAddr,
    /// The number of connections that this client had.
    pub(super) had: usize,
}

/// One client's connections, those used as they are for the longest time first.
#[derive(Debug, Default)]
struct Held {
    idle: BTreeMap<u64, Entry>,
    busy: BTreeMap<u64, Entry>,
}

impl Held {
    fn len(&self) -> usize {
        self.idle.len() + self.busy.len()
    }

    fn used_as(&mut self, what: Use) -> &mut BTreeMap<u64, Entry> {
        match what {
            Use::Idle => &mut self.idle,
            Use::Busy => &mut self.busy,
        }
    }
}

/// All connections that are served.
#[derive(Debug, Default)]
pub(super) struct Table {
    clients: BTreeMap<IpAddr, Held>,
    len: usize,
    /// The next connection's number, which is larger than all before.
    next: u64,
}

impl Table {
    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a connection that is used in this way from now on.
    pub(super) fn add(&mut self, client: IpAddr, what: Use, location: Location, now: Instant) -> Key {
        let number = self.next;
        self.next += 1;
        self.len += 1;
        let entry = Entry { location, since: now };
        self.clients.entry(client).or_default().used_as(what).insert(number, entry);
        Key { client, what, number }
    }

    /// Removes a connection; `None` if that was done already.
    pub(super) fn remove(&mut self, key: Key) -> Option<Entry> {
        let held = self.clients.get_mut(&key.client)?;
        let entry = held.used_as(key.what).remove(&key.number)?;
        self.len -= 1;
        if held.len() == 0 {
            self.clients.remove(&key.client);
        }
        Some(entry)
    }

    /// Removes the connection that makes room for one more of this client; `None` if that one must be refused.
    pub(super) fn displace_for(&mut self, newcomer: IpAddr, limit: usize, now: Instant) -> Option<Displaced> {
        let key = self.choose(newcomer, limit, now)?;
        let had = self.clients.get(&key.client).map_or(0, Held::len);
        self.remove(key).map(|entry| Displaced { location: entry.location, client: key.client, had })
    }

    fn choose(&self, newcomer: IpAddr, limit: usize, now: Instant) -> Option<Key> {
        let half = (limit / 2).max(1);
        let own = self.clients.get(&newcomer).map_or(0, Held::len);
        if own + 1 > half {
            return self.oldest(newcomer, Use::Idle);
        }
        let Some((greedy, _)) = self.clients.iter().find(|(_, held)| held.len() > half) else {
            return self.idle_of_most(newcomer, now);
        };
        self.oldest(*greedy, Use::Idle)
            .or_else(|| self.idle_of_most(newcomer, now.checked_sub(IDLE_LONG)?))
            .or_else(|| self.oldest(*greedy, Use::Busy))
    }

    fn oldest(&self, client: IpAddr, what: Use) -> Option<Key> {
        let held = self.clients.get(&client)?;
        let used_so = match what {
            Use::Idle => &held.idle,
            Use::Busy => &held.busy,
        };
        used_so.first_key_value().map(|(number, _)| Key { client, what, number: *number })
    }

    /// The connection that has been idle longest, at least since `until`, of the client that has most of them. The
    /// newcomer is one of its client's.
    fn idle_of_most(&self, newcomer: IpAddr, until: Instant) -> Option<Key> {
        let of = |(client, held): (&IpAddr, &Held)| {
            let (number, entry) = held.idle.first_key_value()?;
            let count = held.idle.len() + usize::from(*client == newcomer);
            (entry.since <= until).then_some((count, Reverse(*number), *client))
        };
        let (_, Reverse(number), client) = self.clients.iter().filter_map(of).max()?;
        Some(Key { client, what: Use::Idle, number })
    }

    /// The client that has most connections, and how many.
    pub(super) fn largest(&self) -> Option<(IpAddr, usize)> {
        self.clients.iter().map(|(client, held)| (*client, held.len())).max_by_key(|(_, count)| *count)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// All that are allowed, in most of these tests.
    const LIMIT: usize = 10;

    fn client(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    /// A table with these connections, opened in this order one second after the other; tokens count them. Returns the
    /// time one second after the last one, too.
    fn table(connections: &[(u8, Use, usize)]) -> (Table, Instant) {
        let (mut table, mut now) = (Table::default(), Instant::now());
        for (last, what, count) in connections {
            for _ in 0..*count {
                let location = Location { event_loop: 0, token: table.len() };
                table.add(client(*last), *what, location, now);
                now += Duration::from_secs(1);
            }
        }
        (table, now)
    }

    /// Whose connection makes room for one of `newcomer`, and its token.
    fn displaced(table: &mut Table, newcomer: u8, now: Instant) -> Option<(IpAddr, usize)> {
        let displaced = table.displace_for(client(newcomer), LIMIT, now)?;
        Some((displaced.client, displaced.location.token))
    }

    #[test]
    fn the_oldest_idle_connection_goes_first_of_the_address_that_has_most() {
        let (mut table, now) = table(&[(1, Use::Idle, 2), (2, Use::Busy, 4), (3, Use::Idle, 4)]);
        let order: Vec<_> = (0..7).map(|_| displaced(&mut table, 4, now)).collect();
        let (one, three) = (|token| Some((client(1), token)), |token| Some((client(3), token)));
        // With two each, the older ones first; streams stay.
        assert_eq!(order, [three(6), three(7), one(0), three(8), one(1), three(9), None]);
        assert_eq!(table.len(), 4);
    }

    #[test]
    fn one_that_opens_more_and_more_takes_from_itself_alone() {
        let (mut table, now) = table(&[(1, Use::Idle, 2), (2, Use::Idle, 3), (3, Use::Busy, 5)]);
        assert_eq!(displaced(&mut table, 2, now), Some((client(2), 2)), "its oldest");
        table.add(client(2), Use::Idle, Location { event_loop: 0, token: 10 }, now);
        assert_eq!(displaced(&mut table, 2, now), Some((client(2), 3)), "then its next");
        assert_eq!(displaced(&mut table, 3, now), None, "who has half takes nothing from others");
    }

    #[test]
    fn streams_of_an_address_with_more_than_half_go_until_it_has_half() {
        let (mut table, now) = table(&[(1, Use::Busy, 3), (2, Use::Busy, 7)]);
        assert_eq!(displaced(&mut table, 2, now), None, "its own streams are not lost to its next");
        assert_eq!(displaced(&mut table, 3, now), Some((client(2), 3)));
        assert_eq!(displaced(&mut table, 3, now), Some((client(2), 4)));
        assert_eq!(displaced(&mut table, 3, now), None, "half may stay");
    }

    #[test]
    fn what_others_leave_idle_goes_before_streams_unless_a_request_may_be_on_its_way() {
        let (mut table, later) = table(&[(2, Use::Busy, 6), (1, Use::Idle, 1), (2, Use::Idle, 1)]);
        let just_then = later.checked_sub(Duration::from_millis(1500)).unwrap();
        assert_eq!(displaced(&mut table, 3, just_then), Some((client(2), 7)), "its own first");
        assert_eq!(displaced(&mut table, 3, just_then), Some((client(2), 0)), "then a stream");
        table.add(client(2), Use::Busy, Location { event_loop: 0, token: 8 }, later);
        assert_eq!(displaced(&mut table, 3, later), Some((client(1), 6)), "idle for over a second");
    }

    #[test]
    fn where_only_one_is_served_it_is_not_greedy() {
        let (mut table, now) = table(&[(1, Use::Idle, 1)]);
        assert_eq!(table.displace_for(client(2), 1, now).map(|displaced| displaced.client), Some(client(1)));
        table.add(client(2), Use::Busy, Location { event_loop: 0, token: 1 }, now);
        assert_eq!(table.displace_for(client(1), 1, now), None);
    }

    #[test]
    fn a_connection_is_removed_once() {
        let (mut table, now) = table(&[(1, Use::Idle, 1)]);
        let key = table.add(client(2), Use::Busy, Location { event_loop: 1, token: 7 }, now);
        assert_eq!(table.largest().map(|(_, count)| count), Some(1));
        assert_eq!(table.remove(key).map(|entry| entry.location.token), Some(7));
        assert!(table.remove(key).is_none());
        assert_eq!((table.len(), table.clients.len()), (1, 1));
    }
}
