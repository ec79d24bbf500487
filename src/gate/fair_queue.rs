//! A queue that is fair by client: one that waits with a hundred requests costs another that waits with one request at
//! most one turn.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// What waits. Clients take turns; what one client has waiting leaves in the order in which it came.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    /// By client. A client with nothing waiting is not in it, so that it is as large as what waits.
    waiting: BTreeMap<IpAddr, VecDeque<T>>,
    /// The clients in `waiting`, the next one first.
    turns: VecDeque<IpAddr>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), turns: VecDeque::new() }
    }
}

impl<T> FairQueue<T> {
    /// Adds what waits for this client.
    pub(super) fn push(&mut self, client: IpAddr, item: T) {
        let own = self.waiting.entry(client).or_default();
        if own.is_empty() {
            self.turns.push_back(client);
        }
        own.push_back(item);
    }

    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<T> {
        let client = self.turns.pop_front()?;
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
    fn an_empty_queue_holds_nothing() {
        let mut queue = FairQueue::default();
        for number in 0..200 {
            queue.push(client(number), number);
        }
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 200);
        assert!(queue.waiting.is_empty() && queue.turns.is_empty());
    }
}
