//! Tokens for URLs: `?token=` lets an `<img>` elsewhere show the picture, and nothing more.
//!
//! Made and revoked while the program runs, and kept in one file, so that they survive a restart. The file holds
//! hashes of what is random, so that whoever reads it cannot watch.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{error, info};
use serde::{Deserialize, Serialize};

use super::passes::{Pass, Passes};
use super::tag::Key;
use crate::host::random::secret;
use crate::names::is_user_name;
use crate::problem::Problem;
use crate::sync::{lock, wait_while};

/// The most tokens at once.
pub const TOKENS_MAX: usize = 32;

/// The file in the folder for what must survive.
const FILE: &str = "tokens.json";

/// The largest file that is read, in bytes; several times what all tokens need.
const FILE_MAX: u64 = 64 << 10;

/// Whoever changes tokens waits so long for another who does: that one waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// A token as others may see it, and as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    name: String,
    /// In seconds since 1970; what the board's clock said.
    made: u64,
    /// Of the secret, in hexadecimal.
    hash: String,
}

#[derive(Debug)]
struct Token {
    kept: Kept,
    pass: Pass,
}

/// Why a token was not made or revoked.
#[derive(Debug)]
pub enum Failed {
    /// The name cannot be used, is taken, or there are too many tokens.
    Unusable(String),
    /// There is none of this name.
    Unknown,
    /// It could not be kept.
    Unkept(Problem),
}

/// All tokens.
#[derive(Debug)]
pub struct Tokens {
    /// Never held while the disk is waited for: each request with a token looks here.
    all: Mutex<Vec<Token>>,
    writer: Writer,
    folder: Option<PathBuf>,
    passes: Arc<Passes>,
}

impl Tokens {
    /// None, and none can be kept.
    pub(super) fn none(passes: Arc<Passes>) -> Self {
        Self { all: Mutex::default(), writer: Writer::default(), folder: None, passes }
    }

    /// Those that are kept in `folder`. A file that cannot be read is told in the log: then there are none.
    pub(super) fn load(folder: Option<PathBuf>, passes: Arc<Passes>) -> Self {
        let kept = folder.as_deref().map(|folder| read(&folder.join(FILE))).unwrap_or_else(|| Ok(Vec::new()));
        let kept = kept.unwrap_or_else(|why| {
            let path = folder.clone().unwrap_or_default().join(FILE);
            let advice = "none holds now; the next one that is made replaces the file";
            error!("{}", Problem::new(format!("cannot read the tokens in {}", path.display()), why, advice));
            Vec::new()
        });
        let token = |kept: Kept| Token { pass: passes.issue(None), kept };
        let all =
            kept.into_iter().filter(|kept| is_user_name(&kept.name)).take(TOKENS_MAX).map(token).collect();
        Self { all: Mutex::new(all), writer: Writer::default(), folder, passes }
    }

    /// Name of each token, and when it was made, in seconds since 1970.
    pub fn list(&self) -> Vec<(String, u64)> {
        lock(&self.all).iter().map(|token| (token.kept.name.clone(), token.kept.made)).collect()
    }

    /// The pass of a token with this secret.
    pub(super) fn find(&self, secret: &str) -> Option<Pass> {
        let hash = hash(secret);
        lock(&self.all).iter().find(|token| token.kept.hash == hash).map(|token| token.pass)
    }

    /// Makes one and keeps it; its secret, which nobody can get again.
    ///
    /// # Errors
    /// See [`Failed`].
    pub fn make(&self, name: &str) -> Result<String, Failed> {
        if !is_user_name(name) {
            let why =
                format!("A token's name has 1 to {} letters, digits, -, _, . and @.", crate::names::NAME_MAX);
            return Err(Failed::Unusable(why));
        }
        let _turn = self.writer.turn(PATIENCE).ok_or_else(|| self.busy())?;
        let mut kept = self.kept();
        if kept.iter().any(|kept| kept.name == name) {
            return Err(Failed::Unusable(format!("There is a token {name} already; revoke it first.")));
        }
        if kept.len() >= TOKENS_MAX {
            let why = format!("There are {TOKENS_MAX} tokens already; revoke one that nobody needs.");
            return Err(Failed::Unusable(why));
        }
        let secret = secret().map_err(Failed::Unkept)?;
        let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let fresh = Kept { name: name.to_owned(), made, hash: hash(&secret) };
        kept.push(fresh.clone());
        self.keep(&kept)?;
        lock(&self.all).push(Token { kept: fresh, pass: self.passes.issue(None) });
        info!("token {name} is made");
        Ok(secret)
    }

    /// Ends one: it opens nothing any more, and streams that it opened end.
    ///
    /// # Errors
    /// See [`Failed`]; one that could not be taken out of the file holds no more either until a restart.
    pub fn revoke(&self, name: &str) -> Result<(), Failed> {
        {
            let mut all = lock(&self.all);
            let place = all.iter().position(|token| token.kept.name == name).ok_or(Failed::Unknown)?;
            self.passes.revoke(all.remove(place).pass);
        }
        info!("token {name} is revoked");
        let _turn = self.writer.turn(PATIENCE).ok_or_else(|| self.busy())?;
        self.keep(&self.kept())
    }

    fn kept(&self) -> Vec<Kept> {
        lock(&self.all).iter().map(|token| token.kept.clone()).collect()
    }

    fn busy(&self) -> Failed {
        self.unkept("its disk is busy with an earlier change".to_owned(), "check the disk, and try again")
    }

    fn unkept(&self, why: String, advice: &str) -> Failed {
        let path = self.folder.clone().unwrap_or_default().join(FILE);
        Failed::Unkept(Problem::new(format!("cannot keep the tokens in {}", path.display()), why, advice))
    }

    fn keep(&self, tokens: &[Kept]) -> Result<(), Failed> {
        let Some(folder) = &self.folder else {
            return Err(Failed::Unkept(Problem::new(
                "cannot keep the token",
                "there is no folder for it",
                "name one that can be written: STATE_DIRECTORY=/path/to/folder boardcam",
            )));
        };
        let text = serde_json::to_vec_pretty(tokens).map_err(std::io::Error::from);
        text.and_then(|text| replace(folder, &text)).map_err(|error| {
            let advice = "is the disk full or read-only? STATE_DIRECTORY names another folder";
            self.unkept(error.to_string(), advice)
        })
    }
}

/// Lets one after the other write the file.
#[derive(Debug, Default)]
struct Writer {
    taken: Mutex<bool>,
    free: Condvar,
}

impl Writer {
    /// The right to write, given back when dropped; `None` if others have it for longer than `patience`.
    fn turn(&self, patience: Duration) -> Option<WriterTurn<'_>> {
        let mut taken = wait_while(&self.free, lock(&self.taken), patience, |taken| *taken);
        (!std::mem::replace(&mut *taken, true)).then(|| WriterTurn(self))
    }
}

struct WriterTurn<'a>(&'a Writer);

impl Drop for WriterTurn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.taken) = false;
        self.0.free.notify_one();
    }
}

fn hash(secret: &str) -> String {
    Key::NONE.tag(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<Kept>, String> {
    let mut text = Vec::new();
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
        Ok(about) if !about.is_file() => return Err("it is no ordinary file".to_owned()),
        Ok(_) => {}
    }
    File::open(path)
        .and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("it is larger than {FILE_MAX} bytes"));
    }
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

/// The old file or the new one is there, whole, whatever happens meanwhile.
fn replace(folder: &Path, text: &[u8]) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let fresh = folder.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&fresh, folder.join(FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("boardcam-tokens-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path); // of an earlier run
            Self(path)
        }

        fn tokens(&self) -> Tokens {
            Tokens::load(Some(self.0.join("state")), Arc::default())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_token_survives_a_restart_and_a_revoked_one_does_not() {
        let folder = Folder::new("restart");
        let tokens = folder.tokens();
        let (first, second) = (tokens.make("first").unwrap(), tokens.make("second").unwrap());
        let pass = tokens.find(&first).unwrap();
        tokens.revoke("first").unwrap();
        assert!(tokens.find(&first).is_none() && !tokens.passes.holds(pass, Instant::now()));
        let after = folder.tokens();
        assert!(after.find(&first).is_none() && after.find(&second).is_some() && after.find("").is_none());
        let file = fs::read_to_string(folder.0.join("state").join(FILE)).unwrap();
        assert!(!file.contains(&second), "{file}");
    }

    #[test]
    fn names_are_checked_and_tokens_bounded() {
        let folder = Folder::new("bounds");
        let tokens = folder.tokens();
        for bad in ["", "a b", "<script>", &"x".repeat(33)] {
            assert!(matches!(tokens.make(bad), Err(Failed::Unusable(_))), "{bad}");
        }
        for number in 0..TOKENS_MAX {
            tokens.make(&format!("t{number}")).unwrap();
        }
        assert!(matches!(tokens.make("more"), Err(Failed::Unusable(_))));
        tokens.revoke("t0").unwrap();
        assert!(matches!(tokens.make("t1"), Err(Failed::Unusable(_))), "its name is taken");
        tokens.make("more").unwrap();
        assert!(matches!(tokens.revoke("t0"), Err(Failed::Unknown)));
        assert_eq!(folder.tokens().list().len(), TOKENS_MAX);
    }

    #[test]
    fn a_file_that_is_none_means_no_tokens_and_is_replaced_by_the_next_one() {
        let folder = Folder::new("garbage");
        let state = folder.0.join("state");
        fs::create_dir_all(&state).unwrap();
        for garbage in [&b"\xff\0{"[..], b"{}", b"[{\"name\":1}]", &[b' '; FILE_MAX as usize + 1]] {
            fs::write(state.join(FILE), garbage).unwrap();
            assert!(folder.tokens().list().is_empty());
        }
        folder.tokens().make("one").unwrap();
        assert_eq!(folder.tokens().list().len(), 1);
    }

    #[test]
    fn a_disk_that_hangs_holds_up_nobody_who_comes_with_a_token_and_a_revoked_one_is_no_good_at_once() {
        let folder = Folder::new("hangs");
        fs::create_dir_all(folder.0.join("state")).unwrap();
        let tokens = folder.tokens();
        let (kept, revoked) = (tokens.make("kept").unwrap(), tokens.make("revoked").unwrap());
        // Opening a pipe that nobody reads waits as a disk that hangs does.
        let pipe = folder.0.join("state").join(format!("{FILE}.new"));
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::thread::scope(|scope| {
            let held = scope.spawn(|| tokens.make("held"));
            while !*lock(&tokens.writer.taken) {
                std::thread::yield_now();
            }
            let others = scope.spawn(|| {
                assert!(tokens.find(&kept).is_some());
                let Err(Failed::Unkept(problem)) = tokens.revoke("revoked") else { panic!("it was kept") };
                assert!(tokens.find(&revoked).is_none() && tokens.list().len() == 1);
                problem.to_string()
            });
            let begin = Instant::now();
            while !others.is_finished() && begin.elapsed() < 10 * PATIENCE {
                std::thread::yield_now();
            }
            let done = others.is_finished();
            let reader = File::open(&pipe).unwrap(); // lets it go on
            fs::remove_file(&pipe).unwrap(); // and those behind it
            let _ = (held.join().unwrap(), reader);
            assert!(done, "they waited for the disk");
            assert!(others.join().unwrap().contains("its disk is busy with an earlier change"));
        });
    }

    #[test]
    fn a_token_that_cannot_be_kept_is_not_made() {
        let folder = Folder::new("unwritable");
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(folder.0.join("state"), "a file where a folder should be").unwrap();
        let tokens = folder.tokens();
        assert!(matches!(tokens.make("one"), Err(Failed::Unkept(_))));
        assert!(tokens.list().is_empty());
        assert!(matches!(Tokens::none(Arc::default()).make("one"), Err(Failed::Unkept(_))));
    }
}
