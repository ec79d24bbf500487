//! Hashes of passwords, as they are written in the settings: Argon2id (RFC 9106) in the PHC string format.
//!
//! A new hash takes 12 MiB of memory and three passes over it. OWASP's Password Storage Cheat Sheet counts that as
//! strong as 19 MiB and two passes, and a board with 512 MB needs its memory for cameras and viewers. It takes 0.03 s
//! on a fast PC (`time boardcam hash-password NAME`); the slowest boards take about forty times as long.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::PasswordHasher;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version};
use subtle::ConstantTimeEq;

use crate::problem::{Problem, Text, text};

/// Memory for a new hash, in KiB.
const MEMORY: u32 = 12 << 10;

/// Passes over the memory for a new hash.
const PASSES: u32 = 3;

/// The most memory that a hash in the settings may ask for, in KiB.
pub const MEMORY_MAX: u32 = 64 << 10;

/// The most work that a hash in the settings may ask for: KiB times passes. The slowest boards finish it within the
/// time that the site has for an answer.
const WORK_MAX: u64 = 256 << 10;

/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;

/// Shorter passwords, in characters, are warned of (NIST SP 800-63B section 3.1.1.2).
const LENGTH_ADVISED: usize = 8;

/// Why a user's password is easily guessed, and what to do about it. It is taken nevertheless: who has a camera at home,
/// reached by nobody else, may choose a short one.
pub fn weakness(name: &str, password: &str) -> Option<Problem> {
    let length = password.chars().count();
    let why = if password.eq_ignore_ascii_case(name) {
        "it is the user's name".to_owned()
    } else if length < LENGTH_ADVISED {
        format!("it has {length} character{}", if length == 1 { "" } else { "s" })
    } else {
        return None;
    };
    let what = format!("the password of {name} is easily guessed");
    let advice =
        format!("take {LENGTH_ADVISED} or more, such as three words, and replace the table by the new one");
    Some(Problem::new(what, why, advice))
}

/// Address space that is reserved for a check; only what the hash needs of it is touched. glibc maps more than 32 MiB
/// directly and gives it back to the system as soon as it is freed (mallopt(3), `M_MMAP_THRESHOLD`). Less it may keep,
/// for each thread: 24 checks once took 250 MB.
const RESERVED: usize = 33 << 20;

/// The memory for checking passwords, one after the other.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    /// As many blocks as a hash needs.
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], String> {
        if self.0.capacity() < count {
            self.0 = Vec::new();
            let whole = count.max(RESERVED / Block::SIZE);
            let reserved = self.0.try_reserve_exact(whole);
            reserved.or_else(|_| self.0.try_reserve_exact(count)).map_err(|error| error.to_string())?;
        }
        if self.0.len() < count {
            self.0.resize(count, Block::new());
        }
        Ok(self.0.get_mut(..count).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn is_released(&self) -> bool {
        self.0.capacity() == 0
    }

    /// Gives it back to the system.
    pub fn release(&mut self) {
        self.0 = Vec::new();
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} KiB)", self.0.len())
    }
}

/// The hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(PasswordHash);

impl Hash {
    /// A new hash, with a salt of its own.
    ///
    /// # Errors
    /// When the password is empty or longer than [`PASSWORD_MAX`], or there are no random numbers or no memory.
    pub fn of(password: &str) -> Result<Self, Problem> {
        let failed = |why: String| Problem::new("cannot hash the password", why, "try it on another machine");
        if !(1..=PASSWORD_MAX).contains(&password.len()) {
            let why = format!("it has {} bytes", password.len());
            let advice = format!("choose one with 1 to {PASSWORD_MAX} bytes");
            return Err(Problem::new("cannot use this password", why, advice));
        }
        let mut salt = [0; argon2::RECOMMENDED_SALT_LEN];
        getrandom::fill(&mut salt).map_err(|error| failed(error.to_string()))?;
        let params =
            Params::new(MEMORY, PASSES, Params::DEFAULT_P_COST, None).map_err(|e| failed(e.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(Self)
            .map_err(|error| failed(error.to_string()))
    }

    /// Whether it is the hash of this password.
    ///
    /// # Errors
    /// When there is not enough memory to check it.
    pub fn matches(&self, password: &str, memory: &mut Memory) -> Result<bool, String> {
        let (Some(salt), Some(expected)) = (&self.0.salt, &self.0.hash) else { return Ok(false) };
        let params = Params::try_from(&self.0).map_err(|error| error.to_string())?;
        let blocks = memory.blocks(params.block_count())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut output = vec![0; expected.len()];
        argon2
            .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, blocks)
            .map_err(|error| error.to_string())?;
        Ok(output.ct_eq(expected.as_bytes()).into())
    }
}

impl FromStr for Hash {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let expected = || text!("expected what boardcam hash-password prints, $argon2id$...");
        let hash = PasswordHash::new(text).map_err(|_| expected())?;
        let is_complete =
            hash.salt.is_some() && hash.hash.is_some() && hash.version == Some(Version::V0x13.into());
        if hash.algorithm != ARGON2ID_IDENT || !is_complete {
            return Err(expected());
        }
        let params = Params::try_from(&hash).map_err(|_| expected())?;
        if params.m_cost() > MEMORY_MAX || u64::from(params.m_cost()) * u64::from(params.t_cost()) > WORK_MAX
        {
            return Err(text!(
                "expected a hash that takes at most {} MiB and {} MiB in all passes; this one takes {} KiB in each of {}",
                MEMORY_MAX >> 10,
                WORK_MAX >> 10,
                params.m_cost(),
                params.t_cost(),
            ));
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without the hash, so that no log shows it.
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_only_its_password_also_after_it_was_written_and_read() {
        let hash = Hash::of("correct horse").unwrap();
        let text = hash.to_string();
        assert!(text.starts_with("$argon2id$v=19$m=12288,t=3,p=1$"), "{text}");
        let read: Hash = text.parse().unwrap();
        let matches = |password| read.matches(password, &mut Memory::default());
        assert_eq!((matches("correct horse"), matches("correct hors")), (Ok(true), Ok(false)));
        assert_ne!(Hash::of("correct horse").unwrap(), hash, "each has a salt of its own");
        assert!(!format!("{hash:?}").contains('$'));
    }

    #[test]
    fn a_hash_of_the_reference_implementation_is_accepted() {
        let made =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(65_536, 2, 1, Some(32)).unwrap())
                .hash_password_with_salt(b"password", b"somesalt")
                .unwrap();
        // From src/test.c of phc-winner-argon2.
        assert_eq!(
            made.to_string(),
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        );
        assert_eq!(
            made.to_string().parse::<Hash>().unwrap().matches("password", &mut Memory::default()),
            Ok(true)
        );
    }

    #[test]
    fn one_memory_serves_small_and_large_hashes_in_any_order() {
        let hash = |kib: u32, lanes: u32| -> Hash {
            let params = Params::new(kib, 1, lanes, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            Hash(argon2.hash_password_with_salt(b"password", b"somesalt").unwrap())
        };
        let mut memory = Memory::default();
        for hash in [hash(256, 1), hash(8, 1), hash(40 << 10, 4), hash(256, 2)] {
            assert_eq!(hash.matches("password", &mut memory), Ok(true), "{hash}");
            assert_eq!(hash.matches("passwort", &mut memory), Ok(false), "{hash}");
        }
        memory.release();
        assert!(memory.is_released());
    }

    #[test]
    fn a_malformed_or_too_costly_hash_is_refused_with_the_reason() {
        let salt_and_hash = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for bad in [
            "".to_owned(),
            "secret".to_owned(),
            "$".repeat(1000),
            "$argon2id$v=19$m=12288,t=3,p=1$c29tZXNhbHQ".to_owned(),
            format!("$argon2i$v=19$m=12288,t=3,p=1${salt_and_hash}"),
            format!("$argon2id$v=16$m=12288,t=3,p=1${salt_and_hash}"),
            format!("$argon2id$m=12288,t=3,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=12288,t=0,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=4194304,t=1,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295${salt_and_hash}"),
            format!("$argon2id$v=19$m=65537,t=1,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=12288,t=1000000,p=1${salt_and_hash}"),
            format!("$argon2id$v=19$m=8,t=1,p=99${salt_and_hash}"),
        ] {
            let why = bad.parse::<Hash>().unwrap_err();
            assert!(why.to_string().starts_with("expected "), "{bad}: {why}");
        }
    }

    #[test]
    fn an_empty_password_and_one_that_is_too_long_are_refused() {
        for bad in [String::new(), "x".repeat(PASSWORD_MAX + 1)] {
            assert!(Hash::of(&bad).unwrap_err().to_string().contains("1 to 256 bytes"));
        }
    }
}
