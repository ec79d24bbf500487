//! Tokens for URLs: `?token=` lets an `<img>` in another server's page show the picture, and nothing more.
//!
//! They are created and revoked while the program runs, and kept in a file, so that they survive a restart. The file
//! has only hashes of the random secrets, so that a reader of the file cannot watch.

mod file;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{error, info};

use super::passes::{Pass, Passes};
use super::tag::Key;
use crate::host::random::secret;
use crate::names::{NAME_MAX, is_user_name};
use crate::problem::Problem;
use crate::sync::{lock, wait_while};
use file::{FILE, Record};

/// The most tokens at once.
pub const TOKENS_MAX: usize = 32;

/// How long a change waits for an earlier one, which waits for the disk.
const WRITE_WAIT: Duration = Duration::from_secs(2);

/// Why a token was not created or revoked. The text is a sentence for the user.
#[derive(Debug)]
pub enum TokenError {
    /// See [`is_user_name`].
    InvalidName,
    /// There is already a token with this name.
    NameTaken(String),
    /// There are [`TOKENS_MAX`] tokens.
    TooMany,
    /// There is no token with this name.
    NotFound,
    /// The file cannot be written.
    NotSaved(Problem),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::InvalidName => {
                write!(f, "The name of a token has 1 to {NAME_MAX} letters, digits, -, _, . and @.")
            }
            TokenError::NameTaken(name) => {
                write!(f, "There is already a token {name}. Revoke it first.")
            }
            TokenError::TooMany => {
                write!(f, "There are already {TOKENS_MAX} tokens. Revoke one that nobody needs.")
            }
            TokenError::NotFound => f.write_str("There is no such token. /api/tokens lists them."),
            TokenError::NotSaved(problem) => problem.fmt(f),
        }
    }
}

#[derive(Debug)]
struct Token {
    record: Record,
    pass: Pass,
}

/// All tokens.
#[derive(Debug)]
pub struct Tokens {
    /// Never locked while the disk is waited for: every request with a token looks here.
    all: Mutex<Vec<Token>>,
    writer: Writer,
    folder: Option<PathBuf>,
    passes: Arc<Passes>,
}

impl Tokens {
    /// No tokens, and no folder to keep any.
    pub(super) fn none(passes: Arc<Passes>) -> Self {
        Self { all: Mutex::default(), writer: Writer::default(), folder: None, passes }
    }

    /// The tokens that are kept in `folder`. If the file cannot be read, there are none, and the log says why.
    pub(super) fn load(folder: Option<PathBuf>, passes: Arc<Passes>) -> Self {
        let path = folder.as_deref().map(|folder| folder.join(FILE));
        let records = path.map_or_else(Vec::new, |path| {
            file::read(&path).unwrap_or_else(|why| {
                let advice = "no token is valid now; creating one replaces the file";
                error!(
                    "{}",
                    Problem::new(format!("cannot read the tokens in {}", path.display()), why, advice)
                );
                Vec::new()
            })
        });
        let usable = records.into_iter().filter(|record| is_user_name(&record.name)).take(TOKENS_MAX);
        let all = usable.map(|record| Token { pass: passes.issue(None), record }).collect();
        Self { all: Mutex::new(all), writer: Writer::default(), folder, passes }
    }

    /// The name of each token, and when it was created, in seconds since 1970.
    pub fn list(&self) -> Vec<(String, u64)> {
        lock(&self.all).iter().map(|token| (token.record.name.clone(), token.record.made)).collect()
    }

    /// The pass of the token with this secret.
    pub(super) fn find(&self, secret: &str) -> Option<Pass> {
        let hash = hash(secret);
        lock(&self.all).iter().find(|token| token.record.hash == hash).map(|token| token.pass)
    }

    /// Creates a token and saves it. Returns its secret, which cannot be had again.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn create(&self, name: &str) -> Result<String, TokenError> {
        if !is_user_name(name) {
            return Err(TokenError::InvalidName);
        }
        let _permit = self.writer.acquire(WRITE_WAIT).ok_or_else(|| self.busy())?;
        let mut records = self.records();
        if records.iter().any(|record| record.name == name) {
            return Err(TokenError::NameTaken(name.to_owned()));
        }
        if records.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let secret = secret().map_err(TokenError::NotSaved)?;
        let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let record = Record { name: name.to_owned(), made, hash: hash(&secret) };
        records.push(record.clone());
        self.save(&records)?;
        lock(&self.all).push(Token { record, pass: self.passes.issue(None) });
        info!("created token {name}");
        Ok(secret)
    }

    /// Revokes a token, and ends the streams that were opened with it.
    ///
    /// # Errors
    /// See [`TokenError`]. On [`TokenError::NotSaved`] it is invalid as well, but would be valid again after a restart.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        {
            let mut all = lock(&self.all);
            let index = all.iter().position(|token| token.record.name == name).ok_or(TokenError::NotFound)?;
            self.passes.revoke(all.remove(index).pass);
        }
        info!("revoked token {name}");
        let _permit = self.writer.acquire(WRITE_WAIT).ok_or_else(|| self.busy())?;
        self.save(&self.records())
    }

    fn records(&self) -> Vec<Record> {
        lock(&self.all).iter().map(|token| token.record.clone()).collect()
    }

    fn busy(&self) -> TokenError {
        let why = "its disk is busy with an earlier change".to_owned();
        self.not_saved(why, "check the disk, and try again")
    }

    fn not_saved(&self, why: String, advice: &str) -> TokenError {
        let path = self.folder.clone().unwrap_or_default().join(FILE);
        TokenError::NotSaved(Problem::new(
            format!("cannot save the tokens in {}", path.display()),
            why,
            advice,
        ))
    }

    fn save(&self, records: &[Record]) -> Result<(), TokenError> {
        let Some(folder) = &self.folder else {
            return Err(TokenError::NotSaved(Problem::new(
                "cannot save the token",
                "there is no folder for it",
                "name a folder that can be written: STATE_DIRECTORY=/path/to/folder boardcam",
            )));
        };
        file::write(folder, records).map_err(|error| {
            let advice = "is the disk full or read-only? STATE_DIRECTORY names another folder";
            self.not_saved(error.to_string(), advice)
        })
    }
}

/// Lets one thread at a time write the file.
#[derive(Debug, Default)]
struct Writer {
    is_busy: Mutex<bool>,
    free: Condvar,
}

impl Writer {
    /// The permit to write; `None` if others have it for longer than `timeout`.
    fn acquire(&self, timeout: Duration) -> Option<WritePermit<'_>> {
        let mut is_busy = wait_while(&self.free, lock(&self.is_busy), timeout, |is_busy| *is_busy);
        (!std::mem::replace(&mut *is_busy, true)).then(|| WritePermit(self))
    }
}

struct WritePermit<'a>(&'a Writer);

impl Drop for WritePermit<'_> {
    fn drop(&mut self) {
        *lock(&self.0.is_busy) = false;
        self.0.free.notify_one();
    }
}

fn hash(secret: &str) -> String {
    Key::NONE.tag(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
