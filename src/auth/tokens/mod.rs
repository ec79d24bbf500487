//! Tokens for URLs: `?token=` lets an `<img>` in another server's page show the picture, and nothing more.
//!
//! They are created and revoked while the program runs, and kept in a file, so that they survive a restart. The file
//! has only hashes of the random secrets, so that a reader of the file cannot watch.
//!
//! Several boardcams on one board have the same file. So each changes it under a lock, from what is in it at that time,
//! and looks once a second whether another one changed it.

mod file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use log::{error, info, warn};

use super::passes::{Pass, Passes};
use super::tag::Key;
use crate::host::folder_lock::FolderLock;
use crate::host::log::bounded::{self, Subject};
use crate::host::random::secret;
use crate::host::state_file::{self, WRITE_WAIT, Writer};
use crate::names::{NAME_MAX, is_user_name};
use crate::problem::Problem;
use crate::sync::lock;
use file::{FILE, Record, Version};

/// The most tokens at once.
pub const TOKENS_MAX: usize = 32;

/// How often the file is looked at.
const WATCH_PERIOD: Duration = Duration::from_secs(1);

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

/// What is known of the tokens.
#[derive(Debug, Default)]
struct Known {
    tokens: Vec<Token>,
    /// Hashes of those that were revoked, while the file may still have them because it cannot be written.
    revoked: Vec<String>,
    /// The version of the file that this is from.
    version: Version,
}

/// All tokens.
#[derive(Debug)]
pub struct Tokens {
    /// Never locked while the disk is waited for: every request with a token looks here.
    known: Mutex<Known>,
    /// Held while the file is read or written.
    writer: Writer,
    folder: Option<PathBuf>,
    passes: Arc<Passes>,
}

impl Tokens {
    /// No tokens, and no folder to keep any.
    pub(super) fn none(passes: Arc<Passes>) -> Self {
        Self { known: Mutex::default(), writer: Writer::default(), folder: None, passes }
    }

    /// The tokens that are kept in `folder`. If the file cannot be read, there are none, and the log says why.
    pub(super) fn load(folder: Option<PathBuf>, passes: Arc<Passes>) -> Self {
        let tokens = Self { folder, ..Self::none(passes) };
        tokens.reread("no token is valid now; creating one replaces the file");
        tokens
    }

    /// Looks now and then, on a thread of its own, whether another boardcam changed the file.
    pub(super) fn watch(self: &Arc<Self>) {
        if self.folder.is_none() {
            return;
        }
        let tokens = Arc::downgrade(self);
        let look = move || {
            while let Some(tokens) = tokens.upgrade() {
                tokens.reread("the tokens stay as they are");
                drop(tokens);
                thread::sleep(WATCH_PERIOD);
            }
        };
        if let Err(error) = thread::Builder::new().name("tokens".to_owned()).spawn(look) {
            warn!("tokens that another boardcam on this board makes or revokes are not seen: {error}");
        }
    }

    /// Reads the file, if it was changed. If it cannot be read, the log says why, and what that means.
    fn reread(&self, consequence: &'static str) {
        let Some(path) = self.path() else { return };
        let Some(_permit) = self.writer.acquire(Duration::ZERO) else { return }; // it is being changed, or its disk hangs
        let version = file::version(&path);
        if version == lock(&self.known).version {
            return;
        }
        match state_file::read(&path) {
            Ok(records) => self.adopt(records, version),
            Err(why) => {
                lock(&self.known).version = version;
                let what = format!("cannot read the tokens in {}", path.display());
                error!("{}", Problem::new(what, why, consequence));
            }
        }
    }

    /// From now on, these are the tokens.
    fn adopt(&self, records: Vec<Record>, version: Version) {
        let mut known = lock(&self.known);
        let mut before = std::mem::take(&mut known.tokens);
        for record in records {
            let is_valid = is_user_name(&record.name) && !known.revoked.contains(&record.hash);
            if !is_valid || known.tokens.len() >= TOKENS_MAX {
                continue;
            }
            let same = before.iter().position(|token| token.record.hash == record.hash);
            let pass = same.map_or_else(|| self.passes.issue(None), |index| before.swap_remove(index).pass);
            known.tokens.push(Token { record, pass });
        }
        before.iter().for_each(|token| self.passes.revoke(token.pass));
        known.version = version;
    }

    /// The name of each token, and when it was created, in seconds since 1970.
    pub fn list(&self) -> Vec<(String, u64)> {
        let known = lock(&self.known);
        known.tokens.iter().map(|token| (token.record.name.clone(), token.record.made)).collect()
    }

    /// The pass of the token with this secret.
    pub(super) fn find(&self, secret: &str) -> Option<Pass> {
        let hash = hash(secret);
        lock(&self.known).tokens.iter().find(|token| token.record.hash == hash).map(|token| token.pass)
    }

    /// Creates a token and saves it. Returns its secret, which cannot be had again.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn create(&self, name: &str) -> Result<String, TokenError> {
        if !is_user_name(name) {
            return Err(TokenError::InvalidName);
        }
        let secret = secret().map_err(TokenError::NotSaved)?;
        let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let record = Record { name: name.to_owned(), made, hash: hash(&secret) };
        self.change(|records| {
            if records.iter().any(|record| record.name == name) {
                return Err(TokenError::NameTaken(name.to_owned()));
            }
            if records.len() >= TOKENS_MAX {
                return Err(TokenError::TooMany);
            }
            records.push(record);
            Ok(())
        })?;
        if bounded::may_log(Subject::Tokens, "") {
            info!("created token {name}");
        }
        Ok(secret)
    }

    /// Revokes a token, and ends the streams that were opened with it.
    ///
    /// # Errors
    /// See [`TokenError`]. On [`TokenError::NotSaved`] it is invalid as well, but would be valid again after a restart.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        if !is_user_name(name) {
            return Err(TokenError::InvalidName);
        }
        if !self.invalidate(name) {
            self.reread("the tokens stay as they are"); // another boardcam may just have made it
            if !self.invalidate(name) {
                return Err(TokenError::NotFound);
            }
        }
        if bounded::may_log(Subject::Tokens, "") {
            info!("revoked token {name}");
        }
        self.change(|records| {
            records.retain(|record| record.name != name);
            Ok(())
        })
    }

    /// Makes the token with this name invalid; whether there is one.
    fn invalidate(&self, name: &str) -> bool {
        let mut known = lock(&self.known);
        let Some(index) = known.tokens.iter().position(|token| token.record.name == name) else {
            return false;
        };
        let Token { record, pass } = known.tokens.remove(index);
        self.passes.revoke(pass);
        known.revoked.push(record.hash);
        true
    }

    /// Changes the file.
    fn change(
        &self,
        edit: impl FnOnce(&mut Vec<Record>) -> Result<(), TokenError>,
    ) -> Result<(), TokenError> {
        let _permit = self.writer.acquire(WRITE_WAIT).ok_or_else(|| {
            let why = "its disk is busy with an earlier change".to_owned();
            self.not_saved(why, "check the disk, and try again")
        })?;
        let (Some(folder), Some(path)) = (&self.folder, self.path()) else {
            return Err(TokenError::NotSaved(Problem::new(
                "cannot save the token",
                "there is no folder for it",
                "name a folder that can be written: STATE_DIRECTORY=/path/to/folder boardcam",
            )));
        };
        let failed = |error: io::Error| {
            let advice = "is the disk full or read-only? STATE_DIRECTORY names another folder";
            self.not_saved(error.to_string(), advice)
        };
        state_file::make_folder(folder).map_err(failed)?;
        let _lock = FolderLock::acquire(folder, WRITE_WAIT).map_err(failed)?;
        let mut records = self.newest(&path);
        edit(&mut records)?;
        state_file::write(folder, FILE, &records).map_err(failed)?;
        let written: Vec<_> = records.iter().map(|record| record.hash.clone()).collect();
        self.adopt(records, file::version(&path));
        // One may have been revoked since the file was read; the others are not in it any more.
        lock(&self.known).revoked.retain(|hash| written.contains(hash));
        Ok(())
    }

    /// The tokens in the file. If it cannot be read, those that are known here: it will be replaced.
    fn newest(&self, path: &Path) -> Vec<Record> {
        let known: Vec<Record> = lock(&self.known).tokens.iter().map(|token| token.record.clone()).collect();
        let mut records = state_file::read(path).unwrap_or(known);
        let known = lock(&self.known);
        records.retain(|record| is_user_name(&record.name) && !known.revoked.contains(&record.hash));
        records
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_deref().map(|folder| folder.join(FILE))
    }

    fn not_saved(&self, why: String, advice: &str) -> TokenError {
        let path = self.path().unwrap_or_default();
        let what = format!("cannot save the tokens in {}", path.display());
        TokenError::NotSaved(Problem::new(what, why, advice))
    }
}

fn hash(secret: &str) -> String {
    Key::NONE.tag(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
