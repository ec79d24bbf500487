//! Numbers for the clients of sockets in the file system, which have no address of their own.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::sync::lock;

/// The numbers of clients that are connected now, and the last one that was given.
struct Numbers {
    connected: BTreeSet<u16>,
    last: u16,
}

/// Of all listeners of this program.
static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers { connected: BTreeSet::new(), last: 0 });

impl Numbers {
    /// The next one that nobody has, from 1 on; after 65,535 they begin again.
    fn next(&mut self) -> u16 {
        for _ in 0..u16::MAX {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.connected.insert(self.last) {
                break;
            }
        }
        self.last
    }
}

/// A client's number, which no other client has until this is dropped (more than 65,535 at once share some).
#[derive(Debug)]
pub struct ClientNumber(u16);

impl ClientNumber {
    /// For a new client.
    pub fn next() -> Self {
        Self(lock(&NUMBERS).next())
    }

    /// The number itself.
    pub fn get(&self) -> u16 {
        self.0
    }
}

impl Drop for ClientNumber {
    fn drop(&mut self) {
        lock(&NUMBERS).connected.remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_stays_keeps_its_number_to_itself_however_many_come_and_go() {
        let mut numbers = Numbers { connected: BTreeSet::new(), last: 0 };
        assert_eq!([numbers.next(), numbers.next(), numbers.next()], [1, 2, 3]);
        for _ in 0..70_000 {
            let number = numbers.next();
            assert!(number > 3, "{number} was given twice");
            numbers.connected.remove(&number);
        }
        assert_eq!(numbers.connected.len(), 3);
        numbers.connected.extend(1..=u16::MAX);
        assert!(numbers.next() > 0, "with no number left, one is shared");
    }
}
