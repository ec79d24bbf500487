//! A queue that is fair by client, or by another key: one that waits with a hundred requests costs one that waits with a
//! single request at most one turn.

use std::collections::{BTreeMap, VecDeque};

/// What waits. Clients take turns; what one client has waiting leaves in the order in which it came.
#[derive(Debug)]
pub(super) struct FairQueue<K, T> {
    /// By client. A client with nothing waiting is not in it, so that it is as large as what waits.
    waiting: BTreeMap<K, VecDeque<T>>,
    /// The clients in `waiting`, the next one first.
    turns: VecDeque<K>,
}

impl<K, T> Default for FairQueue<K, T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Ord + Copy, T> FairQueue<K, T> {
    /// Adds what waits for this client.
    pub(super) fn push(&mut self, client: K, item: T) {
        let own = self.waiting.entry(client).or_default();
        if own.is_empty() {
            self.turns.push_back(client);
        }
        own.push_back(item);
    }

    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.pop_of(|_| true)
    }

    /// Takes the next one of the clients that may have a turn now. The others keep theirs.
    pub(super) fn pop_of(&mut self, may: impl Fn(K) -> bool) -> Option<T> {
        let index = self.turns.iter().position(|client| may(*client))?;
        let client = self.turns.remove(index)?;
        let own = self.waiting.get_mut(&client)?;
        let item = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn client(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn a_client_with_a_hundred_requests_delays_the_others_by_one() {
        let mut queue = FairQueue::default();
        for number in 0..100 {
            queue.push(client(1), (1, number));
        }
        queue.push(client(2), (2, 0));
        queue.push(client(2), (2, 1));
        queue.push(client(3), (3, 0));
        let first: Vec<_> = (0..6).map_while(|_| queue.pop()).collect();
        assert_eq!(first, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2)]);
        queue.push(client(2), (2, 2)); // who comes again waits behind those who are waiting
        assert_eq!([queue.pop(), queue.pop()], [Some((1, 3)), Some((2, 2))]);
    }

    #[test]
    fn a_client_that_may_not_have_a_turn_now_keeps_it() {
        let mut queue = FairQueue::default();
        for number in 0..3 {
            queue.push(number, number);
        }
        assert_eq!(queue.pop_of(|client| client != 0), Some(1));
        assert_eq!(queue.pop_of(|_| false), None);
        assert_eq!([queue.pop(), queue.pop()], [Some(0), Some(2)]);
    }

    #[test]
    fn an_empty_queue_holds_nothing() {
        let mut queue = FairQueue::default();
        for number in 0..200 {
            queue.push(client(number), number);
        }
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 200);
        assert!(queue.waiting.is_empty() && queue.turns.is_empty());
    }
}
