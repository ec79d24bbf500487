//! Who may do what: users with passwords, signed-in browsers, and tokens for URLs.
//!
//! Asked by [`crate::site`] for each request; knows nothing of URLs and headers. What it promises:
//!
//! - Only hashes are kept: of passwords slow ones (Argon2id), of what is random anyway fast ones (BLAKE2b).
//! - One password is hashed at a time; [`CHECKS_MAX`] may be under way, more are told to come again. One that was
//!   proven is remembered with the addresses that it came from, so that whoever asks ten times a second costs nothing.
//!   To all other addresses, and to one that sends another password, it is worth no more than a guess: those who are
//!   slowed down learn nothing by it.
//! - Wrong passwords are slowed down by address, and logged.
//! - What streams were opened by is a [`Pass`]; when it ends, so do they.

pub mod network;
pub mod passes;
pub mod password;
pub mod sessions;
mod tag;
pub mod throttle;
pub mod tokens;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use log::{error, warn};
use subtle::ConstantTimeEq;

use crate::host::random::secret;
use crate::problem::Problem;
use crate::sync::lock;
use passes::{Pass, Passes};
use password::{Hash, PASSWORD_MAX};
use sessions::Sessions;
use tag::{Key, Tag};
use throttle::Throttle;
use tokens::Tokens;

/// The most users that can be set.
pub const USERS_MAX: usize = 64;

/// Passwords that may be under way at once, the one that is being hashed included. Each keeps one of the site's
/// workers waiting; the site has at least one more.
pub const CHECKS_MAX: usize = 3;

/// Addresses that a proven password is remembered with; one more makes the one that was quiet for longest forgotten.
const ADDRESSES_MAX: usize = 64;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See: pages, streams, snapshots, state.
    Watch,
    /// And change things.
    Control,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 2] = [Role::Watch, Role::Control];

    /// Its name in the settings and in `/state`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Watch => "watch",
            Role::Control => "control",
        }
    }
}

/// A user as the settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Unique; see [`crate::names::is_user_name`].
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password.
    pub password: Hash,
}

/// As its table in the settings file.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, password } = self;
        writeln!(f, "\n[[user]]\nname = \"{name}\"\nrole = \"{}\"", role.name())?;
        writeln!(f, "password = \"{password}\"")
    }
}

/// Somebody who was recognized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What they may do.
    pub role: Role,
    /// Which user it is; `None` where there are no users, and for a token.
    pub user: Option<String>,
    /// Came by a session's cookie, which can be signed out.
    pub session: bool,
    /// What their streams last as long as; `None` is as long as the program runs.
    pub pass: Option<Pass>,
}

/// Why a password was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordError {
    /// User and password do not fit.
    Wrong,
    /// Too many wrong ones came from this address; the next one is looked at after so long.
    Throttled(Duration),
    /// Too many are being checked.
    Busy,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasswordError::Wrong => f.write_str("User and password do not fit."),
            PasswordError::Throttled(wait) => {
                write!(
                    f,
                    "Too many wrong passwords came from your address; try again in {} s.",
                    whole_seconds(*wait)
                )
            }
            PasswordError::Busy => f.write_str("Other passwords are being checked; try again in a second."),
        }
    }
}

/// Whole seconds, at least one.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs_f32().ceil().max(1.0) as u64
}

#[derive(Debug)]
struct Account {
    user: User,
    /// Its password, once that was proven.
    proven: Mutex<Option<Proven>>,
}

/// A password that was right.
#[derive(Debug)]
struct Proven {
    tag: Tag,
    /// From where it came, and nothing else since; the latest last.
    from: Vec<IpAddr>,
}

/// Everybody who may come in.
#[derive(Debug)]
pub struct Access {
    accounts: Vec<Account>,
    /// Of the tags that live as long as the program.
    key: Key,
    /// Held by whoever hashes a password.
    hashing: Mutex<()>,
    checks: AtomicUsize,
    throttle: Throttle,
    sessions: Sessions,
    /// The tokens for URLs.
    pub tokens: Tokens,
    passes: Arc<Passes>,
}

impl Access {
    /// These users, and the tokens that are kept in `folder`; without users everybody may do everything.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(users: &[User], folder: Option<PathBuf>) -> Result<Self, Problem> {
        let passes = Arc::new(Passes::default());
        let account = |user: &User| Account { user: user.clone(), proven: Mutex::new(None) };
        Ok(Self {
            accounts: users.iter().map(account).collect(),
            key: Key::random()?,
            hashing: Mutex::new(()),
            checks: AtomicUsize::new(0),
            throttle: Throttle::default(),
            sessions: Sessions::new(passes.clone()),
            tokens: if users.is_empty() {
                Tokens::none(passes.clone())
            } else {
                Tokens::load(folder, passes.clone())
            },
            passes,
        })
    }

    /// Whether everybody may come in and do everything.
    pub fn is_open(&self) -> bool {
        self.accounts.is_empty()
    }

    /// What says which streams may go on.
    pub fn passes(&self) -> Arc<Passes> {
        self.passes.clone()
    }

    /// Who everybody is where there are no users.
    pub fn anonymous(&self) -> Option<Identity> {
        self.is_open().then_some(Identity { role: Role::Control, user: None, session: false, pass: None })
    }

    /// The user with this name and password, who asks from this address.
    ///
    /// # Errors
    /// Why it is not taken; only [`PasswordError::Wrong`] says anything about the password.
    pub fn by_password(&self, name: &str, password: &str, from: IpAddr) -> Result<Identity, PasswordError> {
        let account = self.accounts.iter().find(|account| account.user.name == name);
        let tag = self.key.tag(password);
        if let Some(account) = account.filter(|account| account.recalls(&tag, from)) {
            return Ok(account.identity());
        }
        let fits = (1..=PASSWORD_MAX).contains(&password.len());
        self.may_try(from)?;
        let _turn = Turn::take(&self.checks).ok_or(PasswordError::Busy)?;
        let _hashing = lock(&self.hashing);
        // Others may have come to an end while this one waited.
        self.may_try(from)?;
        if let Some(account) = account.filter(|account| account.is_proven(&tag)) {
            account.remember(tag, from);
            return Ok(account.identity());
        }
        // A user that does not exist takes as long as the first one, lest the time tells who does.
        let hash = account.or(self.accounts.first()).map(|account| &account.user.password);
        let right = hash.filter(|_| fits).map_or(Ok(false), |hash| hash.fits(password)).map_err(|why| {
            error!("cannot check a password: {why}");
            PasswordError::Busy
        })?;
        match account.filter(|_| right) {
            Some(account) => {
                account.remember(tag, from);
                Ok(account.identity())
            }
            None => {
                self.throttle.wrong(from, name, Instant::now());
                Err(PasswordError::Wrong)
            }
        }
    }

    fn may_try(&self, from: IpAddr) -> Result<(), PasswordError> {
        self.throttle.wait(from, Instant::now()).map_or(Ok(()), |wait| Err(PasswordError::Throttled(wait)))
    }

    /// Signs a browser in; what its cookie is to hold.
    ///
    /// # Errors
    /// As [`Access::by_password`], or [`PasswordError::Busy`] when the system gives no random numbers.
    pub fn sign_in(&self, name: &str, password: &str, from: IpAddr) -> Result<String, PasswordError> {
        self.by_password(name, password, from)?;
        let secret = secret().map_err(|problem| {
            warn!("{problem}");
            PasswordError::Busy
        })?;
        self.sessions.open(self.key.tag(&secret), name, Instant::now());
        Ok(secret)
    }

    /// Whose session a cookie holds.
    pub fn by_session(&self, secret: &str) -> Option<Identity> {
        let (name, pass) = self.sessions.find(&self.key.tag(secret), Instant::now())?;
        let account = self.accounts.iter().find(|account| account.user.name == name)?;
        Some(Identity { session: true, pass: Some(pass), ..account.identity() })
    }

    /// Ends the session that a cookie holds.
    pub fn sign_out(&self, secret: &str) {
        self.sessions.close(&self.key.tag(secret));
    }

    /// Who comes by a token: it may watch.
    pub fn by_token(&self, secret: &str) -> Option<Identity> {
        let pass = Some(self.tokens.find(secret)?);
        Some(Identity { role: Role::Watch, user: None, session: false, pass })
    }
}

impl Account {
    fn is_proven(&self, tag: &Tag) -> bool {
        lock(&self.proven).as_ref().is_some_and(|proven| bool::from(proven.tag.ct_eq(tag)))
    }

    /// Whether this password was proven from this address. Whoever sends another one from there may be guessing, and
    /// is not told a second time.
    fn recalls(&self, tag: &Tag, from: IpAddr) -> bool {
        let mut proven = lock(&self.proven);
        let Some(Proven { tag: right, from: known }) = proven.as_mut() else { return false };
        let Some(place) = known.iter().position(|known| *known == from) else { return false };
        known.remove(place);
        let right = bool::from(right.ct_eq(tag));
        if right {
            known.push(from);
        }
        right
    }

    fn remember(&self, tag: Tag, from: IpAddr) {
        let mut proven = lock(&self.proven);
        let Proven { from: known, .. } = proven.get_or_insert(Proven { tag, from: Vec::new() });
        known.retain(|known| *known != from);
        if known.len() >= ADDRESSES_MAX {
            known.remove(0);
        }
        known.push(from);
    }

    fn identity(&self) -> Identity {
        Identity { role: self.user.role, user: Some(self.user.name.clone()), session: false, pass: None }
    }
}

/// One of the [`CHECKS_MAX`] that may be under way, given back when dropped.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(checks: &'a AtomicUsize) -> Option<Self> {
        let more = |checks: usize| (checks < CHECKS_MAX).then_some(checks + 1);
        checks.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok().map(|_| Self(checks))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
