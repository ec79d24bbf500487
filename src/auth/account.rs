//! A user, and the addresses from which their password was verified.

use std::net::IpAddr;
use std::sync::Mutex;

use subtle::ConstantTimeEq;

use super::Identity;
use super::tag::Tag;
use super::user::User;
use crate::sync::lock;

/// Addresses that a verified password is remembered for. One more replaces the least recently used.
pub(super) const ADDRESSES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) user: User,
    /// The password, once it was verified.
    pub(super) verified: Mutex<Option<Verified>>,
}

/// A password that was right.
#[derive(Debug)]
pub(super) struct Verified {
    tag: Tag,
    /// The addresses that sent it and have sent no wrong one since, the most recent last.
    pub(super) addresses: Vec<IpAddr>,
}

impl Account {
    pub(super) fn new(user: User) -> Self {
        Self { user, verified: Mutex::new(None) }
    }

    /// Whether this is the password that was verified, from any address.
    pub(super) fn is_verified(&self, tag: &Tag) -> bool {
        lock(&self.verified).as_ref().is_some_and(|verified| bool::from(verified.tag.ct_eq(tag)))
    }

    /// Whether one of these passwords was verified from this address. A client that sends another one may be guessing:
    /// its address is forgotten, so that it cannot tell the right password by a fast answer.
    pub(super) fn recalls(&self, tags: &[Tag], address: IpAddr) -> bool {
        let mut verified = lock(&self.verified);
        let Some(Verified { tag: right, addresses }) = verified.as_mut() else { return false };
        let Some(index) = addresses.iter().position(|known| *known == address) else { return false };
        addresses.remove(index);
        let is_right = tags.iter().any(|tag| bool::from(right.ct_eq(tag)));
        if is_right {
            addresses.push(address);
        }
        is_right
    }

    /// Remembers that the password with this tag was right.
    pub(super) fn remember(&self, tag: Tag, address: IpAddr) {
        let mut verified = lock(&self.verified);
        let Verified { addresses, .. } = verified.get_or_insert(Verified { tag, addresses: Vec::new() });
        addresses.retain(|known| *known != address);
        if addresses.len() >= ADDRESSES_MAX {
            addresses.remove(0);
        }
        addresses.push(address);
    }

    pub(super) fn identity(&self) -> Identity {
        Identity { role: self.user.role, user: Some(self.user.name.clone()), session: false, pass: None }
    }
}
