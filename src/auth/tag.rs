//! Short fingerprints of secrets, by which they are found again: BLAKE2b (RFC 7693), which costs a few microseconds.

use std::fmt;

use blake2::{Blake2b256, Digest};

use crate::problem::Problem;

/// The fingerprint of a secret.
pub(super) type Tag = [u8; 32];

/// What makes fingerprints worthless to whoever does not have it.
pub(super) struct Key([u8; 32]);

impl Key {
    /// One that nobody knows.
    pub(super) fn random() -> Result<Self, Problem> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            Problem::new("cannot make a key", error.to_string(), "is /dev/urandom there?")
        })?;
        Ok(Self(key))
    }

    /// None, for secrets that nobody can guess: their fingerprints need not be kept secret.
    pub(super) const NONE: Self = Self([0; 32]);

    /// Of the same secret always the same. BLAKE2 may be keyed by putting the key before the text.
    pub(super) fn tag(&self, secret: &str) -> Tag {
        Blake2b256::new().chain_update(self.0).chain_update(secret).finalize().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
