//! Who may do what: users with passwords, signed-in browsers, and tokens for URLs.
//!
//! [`crate::site`] asks for each request. This module knows nothing of URLs and headers. It promises:
//!
//! - Only hashes are kept: slow ones of passwords (Argon2id), fast ones of random secrets (BLAKE2b).
//! - One password is hashed at a time. [`CHECKS_MAX`] may be in progress; further ones are refused as busy.
//! - A password that was right is remembered for the addresses that sent it, so that a client that asks ten times a
//!   second costs nothing. From other addresses it counts as a guess like any other. So clients that are throttled
//!   learn nothing from it.
//! - Clients that send wrong passwords are throttled by address and network, and logged. A name that many guess at is
//!   slowed down for all of them ([`throttle`]), but not where its user was proven.
//! - A stream belongs to the [`Pass`] of the session or token that it was opened with, and ends with it.

mod account;
pub mod network;
pub mod passes;
pub mod password;
pub mod sessions;
pub mod spelling;
mod tag;
mod throttle;
pub mod tokens;
mod user;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use log::{error, warn};

use crate::host::log::bounded::{self, Subject};
use crate::host::random::secret;
use crate::problem::Problem;
use crate::sync::lock;
use account::Account;
use network::{client_of, prefix};
use passes::{Pass, Passes};
use password::{Memory, PASSWORD_MAX};
use sessions::Sessions;
use tag::{Key, Tag};
use throttle::Throttle;
use tokens::Tokens;
pub use user::{Role, User};

/// The most users that can be set.
pub const USERS_MAX: usize = 64;

/// Password checks that may be in progress at once: one is hashed, the others wait. Each occupies one of the site's
/// workers; the site has more workers than this.
pub const CHECKS_MAX: usize = 3;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What they may do.
    pub role: Role,
    /// The user's name; `None` for a token, and if there are no users.
    pub user: Option<String>,
    /// Whether they came by the cookie of a session, which can be signed out.
    pub session: bool,
    /// Their streams end with this pass; `None` means that they may continue until the program ends.
    pub pass: Option<Pass>,
}

/// Why a password was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordError {
    /// There is no such user, or the password does not match.
    Wrong,
    /// Too many wrong passwords came from this address; the next one is checked after this time.
    Throttled(Duration),
    /// Too many checks are in progress.
    Busy,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Wrong => f.write_str("Wrong user name or password."),
            PasswordError::Throttled(wait) => {
                let seconds = whole_seconds(*wait);
                write!(f, "Too many wrong passwords came from your address. Try again in {seconds} s.")
            }
            PasswordError::Busy => f.write_str("Other passwords are being checked. Try again in a second."),
        }
    }
}

/// Seconds, rounded up, at least one.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs_f32().ceil().max(1.0) as u64
}

/// Users, sessions and tokens.
#[derive(Debug)]
pub struct Access {
    accounts: Vec<Account>,
    /// For the tags of passwords and cookies; made at each start.
    key: Key,
    /// Locked while a password is hashed. The memory is given back when no other check waits for it.
    hashing: Mutex<Memory>,
    /// The number of [`CheckPermit`]s.
    checks: AtomicUsize,
    throttle: Throttle,
    sessions: Sessions,
    /// The tokens for URLs.
    pub tokens: Arc<Tokens>,
    passes: Arc<Passes>,
}

impl Access {
    /// These users, and the tokens that are kept in `folder`. Without users everybody may do everything.
    ///
    /// # Errors
    /// When the system cannot provide random numbers.
    pub fn new(users: &[User], folder: Option<PathBuf>) -> Result<Self, Problem> {
        let passes = Arc::new(Passes::default());
        let tokens = Arc::new(if users.is_empty() {
            Tokens::none(passes.clone())
        } else {
            Tokens::load(folder, passes.clone())
        });
        tokens.watch();
        Ok(Self {
            accounts: users.iter().cloned().map(Account::new).collect(),
            key: Key::random()?,
            hashing: Mutex::default(),
            checks: AtomicUsize::new(0),
            throttle: Throttle::default(),
            sessions: Sessions::new(passes.clone()),
            tokens,
            passes,
        })
    }

    /// Whether there are no users, so that everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.accounts.is_empty()
    }

    /// The passes of sessions and tokens.
    pub fn passes(&self) -> Arc<Passes> {
        self.passes.clone()
    }

    /// The identity of every client if there are no users.
    pub fn anonymous(&self) -> Option<Identity> {
        self.is_open().then_some(Identity { role: Role::Control, user: None, session: false, pass: None })
    }

    /// The user with this name and password. `from` is the client's address.
    ///
    /// # Errors
    /// Why it is not accepted. Only [`PasswordError::Wrong`] reveals anything about the password.
    pub fn by_password(&self, name: &str, password: &str, from: IpAddr) -> Result<Identity, PasswordError> {
        self.by_spellings(name, &[password], from)
    }

    /// The same for a password that can mean several texts, such as those of [`spelling::spellings`]. All of them
    /// together are one attempt.
    ///
    /// # Errors
    /// As [`Access::by_password`].
    pub fn by_spellings<S: AsRef<str>>(
        &self,
        name: &str,
        spellings: &[S],
        from: IpAddr,
    ) -> Result<Identity, PasswordError> {
        let account = self.account(name);
        let tags: Vec<Tag> = spellings.iter().map(|password| self.key.tag(password.as_ref())).collect();
        if let Some(account) = account.filter(|account| account.recalls(&tags, from)) {
            return Ok(account.identity());
        }
        self.check_throttle(from)?;
        let _permit = CheckPermit::take(&self.checks).ok_or(PasswordError::Busy)?;
        let name_tag = self.key.tag(name);
        if self.throttle.is_guessed_at(&name_tag, Instant::now()) {
            self.throttle.pace();
        }
        let mut memory = lock(&self.hashing);
        // While this check waited, others from the same address may have failed.
        let may_check = self.check_throttle(from);
        let right = may_check.and_then(|()| self.right_one(account, spellings, &tags, &mut memory));
        if self.checks.load(Ordering::Acquire) <= 1 {
            memory.release(); // nobody waits for it
        }
        match (account, right?) {
            (Some(account), Some(tag)) => {
                account.remember(tag, from);
                Ok(account.identity())
            }
            _ => {
                self.throttle.wrong(from, name, &name_tag, Instant::now());
                Err(PasswordError::Wrong)
            }
        }
    }

    /// The line in which a request waits until [`Access::by_spellings`] may hash its password, which takes long: that of
    /// its address (IPv6: its /48, in which one client may have any number of addresses), or for a user that is guessed
    /// at, one line for all strangers. `None` if nothing must be hashed, since
    /// the password was proven from this address, or the address must wait.
    pub fn line<S: AsRef<str>>(&self, name: &str, spellings: &[S], from: IpAddr) -> Option<u64> {
        let tags: Vec<Tag> = spellings.iter().map(|password| self.key.tag(password.as_ref())).collect();
        let is_proven = self.account(name).is_some_and(|account| account.recalls(&tags, from));
        if is_proven || self.check_throttle(from).is_err() {
            return None;
        }
        let mut tag = self.key.tag(name);
        if !self.throttle.is_guessed_at(&tag, Instant::now()) {
            tag = self.key.tag(&prefix(client_of(from), 48).to_string());
        }
        Some(tag.iter().take(8).fold(0, |line, byte| line << 8 | u64::from(*byte)))
    }

    fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.user.name == name)
    }

    fn check_throttle(&self, from: IpAddr) -> Result<(), PasswordError> {
        self.throttle.wait(from, Instant::now()).map_or(Ok(()), |wait| Err(PasswordError::Throttled(wait)))
    }

    /// The tag of the spelling that is this account's password. Without an account, it means nothing.
    fn right_one<S: AsRef<str>>(
        &self,
        account: Option<&Account>,
        spellings: &[S],
        tags: &[Tag],
        memory: &mut Memory,
    ) -> Result<Option<Tag>, PasswordError> {
        let verified = account.and_then(|account| tags.iter().find(|tag| account.is_verified(tag)));
        if verified.is_some() {
            return Ok(verified.copied());
        }
        for (password, tag) in spellings.iter().zip(tags) {
            if self.hash_matches(account, password.as_ref(), memory)? {
                return Ok(Some(*tag));
            }
        }
        Ok(None)
    }

    /// Whether the password is this account's. Without an account, the first one's hash is computed and the answer
    /// means nothing: so the time does not reveal which users exist.
    fn hash_matches(
        &self,
        account: Option<&Account>,
        password: &str,
        memory: &mut Memory,
    ) -> Result<bool, PasswordError> {
        let Some(account) = account.or(self.accounts.first()) else { return Ok(false) };
        if !(1..=PASSWORD_MAX).contains(&password.len()) {
            return Ok(false);
        }
        account.user.password.matches(password, memory).map_err(|why| {
            if bounded::may_log(Subject::SignIns, "") {
                error!("cannot check a password: {why}");
            }
            PasswordError::Busy
        })
    }

    /// Signs a browser in. Returns the value of its cookie.
    ///
    /// # Errors
    /// As [`Access::by_password`]; also [`PasswordError::Busy`] when the system cannot provide random numbers.
    pub fn sign_in(&self, name: &str, password: &str, from: IpAddr) -> Result<String, PasswordError> {
        self.by_password(name, password, from)?;
        let secret = secret().map_err(|problem| {
            if bounded::may_log(Subject::SignIns, "") {
                warn!("{problem}");
            }
            PasswordError::Busy
        })?;
        self.sessions.open(self.key.tag(&secret), name, Instant::now());
        Ok(secret)
    }

    /// The user whose session this cookie belongs to.
    pub fn by_session(&self, secret: &str) -> Option<Identity> {
        let (name, pass) = self.sessions.find(&self.key.tag(secret), Instant::now())?;
        Some(Identity { session: true, pass: Some(pass), ..self.account(&name)?.identity() })
    }

    /// Ends the session of this cookie.
    pub fn sign_out(&self, secret: &str) {
        self.sessions.close(&self.key.tag(secret));
    }

    /// The identity of a client with this token. It may watch.
    pub fn by_token(&self, secret: &str) -> Option<Identity> {
        let pass = Some(self.tokens.find(secret)?);
        Some(Identity { role: Role::Watch, user: None, session: false, pass })
    }
}

/// One of the [`CHECKS_MAX`] checks that may be in progress, until it is dropped.
struct CheckPermit<'a>(&'a AtomicUsize);

impl<'a> CheckPermit<'a> {
    fn take(checks: &'a AtomicUsize) -> Option<Self> {
        let add = |checks: usize| (checks < CHECKS_MAX).then_some(checks + 1);
        checks.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok().map(|_| Self(checks))
    }
}

impl Drop for CheckPermit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
