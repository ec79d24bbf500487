//! Fast hashes of secrets, by which they are looked up: BLAKE2b (RFC 7693), a few microseconds each.

use std::fmt;

use blake2::{Blake2b256, Digest};

use crate::problem::Problem;

/// The hash of a secret.
pub(super) type Tag = [u8; 32];

/// The key of the hash. Without it, nobody can find out a secret from its tag by guessing.
pub(super) struct Key([u8; 32]);

impl Key {
    /// A random key.
    pub(super) fn random() -> Result<Self, Problem> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            Problem::new("cannot make a key", error.to_string(), "is /dev/urandom there?")
        })?;
        Ok(Self(key))
    }

    /// No key: for long random secrets, which nobody can guess.
    pub(super) const NONE: Self = Self([0; 32]);

    /// The tag of a secret. The key is hashed before it; unlike with SHA-2, this is safe with BLAKE2.
    pub(super) fn tag(&self, secret: &str) -> Tag {
        Blake2b256::new().chain_update(self.0).chain_update(secret).finalize().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}
