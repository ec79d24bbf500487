use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use super::file::FILE;
use super::*;
use crate::host::state_file::FILE_MAX;

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
    let (first, second) = (tokens.create("first").unwrap(), tokens.create("second").unwrap());
    let pass = tokens.find(&first).unwrap();
    tokens.revoke("first").unwrap();
    assert!(tokens.find(&first).is_none() && !tokens.passes.is_valid(pass, Instant::now()));
    let after = folder.tokens();
    assert!(after.find(&first).is_none() && after.find(&second).is_some() && after.find("").is_none());
    let file = fs::read_to_string(folder.0.join("state").join(FILE)).unwrap();
    assert!(!file.contains(&second), "{file}");
}

#[test]
fn names_are_checked_and_the_number_of_tokens_is_bounded() {
    let folder = Folder::new("bounds");
    let tokens = folder.tokens();
    for bad in ["", "a b", "<script>", &"x".repeat(33)] {
        assert!(matches!(tokens.create(bad), Err(TokenError::InvalidName)), "{bad}");
    }
    for number in 0..TOKENS_MAX {
        tokens.create(&format!("t{number}")).unwrap();
    }
    assert!(matches!(tokens.create("more"), Err(TokenError::TooMany)));
    tokens.revoke("t0").unwrap();
    assert!(matches!(tokens.create("t1"), Err(TokenError::NameTaken(_))), "its name is taken");
    tokens.create("more").unwrap();
    assert!(matches!(tokens.revoke("t0"), Err(TokenError::NotFound)));
    assert!(matches!(tokens.revoke(""), Err(TokenError::InvalidName)));
    assert_eq!(folder.tokens().list().len(), TOKENS_MAX);
}

#[test]
fn an_unreadable_file_means_no_tokens_and_is_replaced_by_the_next_one() {
    let folder = Folder::new("garbage");
    let state = folder.0.join("state");
    fs::create_dir_all(&state).unwrap();
    for garbage in [&b"\xff\0{"[..], b"{}", b"[{\"name\":1}]", &[b' '; FILE_MAX as usize + 1]] {
        fs::write(state.join(FILE), garbage).unwrap();
        assert!(folder.tokens().list().is_empty());
    }
    folder.tokens().create("one").unwrap();
    assert_eq!(folder.tokens().list().len(), 1);
}

#[test]
fn two_boardcams_with_one_folder_see_each_others_tokens_and_lose_none() {
    let folder = Folder::new("two");
    let (one, two) = (folder.tokens(), folder.tokens());
    let (first, second) = (one.create("first").unwrap(), two.create("second").unwrap());
    let look = |tokens: &Tokens| tokens.reread("");
    look(&one);
    for tokens in [&one, &two, &folder.tokens()] {
        assert!(tokens.find(&first).is_some() && tokens.find(&second).is_some(), "{:?}", tokens.list());
    }
    assert!(matches!(two.create("first"), Err(TokenError::NameTaken(_))));
    let pass = one.find(&second).unwrap();
    look(&one);
    assert_eq!(one.find(&second), Some(pass), "streams end though nothing happened");
    let third = one.create("third").unwrap();
    two.revoke("third").unwrap(); // which `two` has not seen yet
    two.revoke("second").unwrap();
    look(&one);
    assert!(!one.passes.is_valid(pass, Instant::now()) && one.find(&second).is_none());
    one.create("fourth").unwrap();
    let after = folder.tokens();
    assert!(after.find(&second).is_none() && after.find(&third).is_none(), "revoked, and valid again");
    assert_eq!(after.list().len(), 2);
}

#[test]
fn a_token_that_was_revoked_while_the_disk_was_full_does_not_come_back() {
    let folder = Folder::new("full");
    let (one, two) = (folder.tokens(), folder.tokens());
    let secret = one.create("old").unwrap();
    let unfinished = folder.0.join("state").join(format!("{FILE}.new"));
    fs::create_dir(&unfinished).unwrap(); // nothing can be written
    assert!(matches!(one.revoke("old"), Err(TokenError::NotSaved(_))));
    fs::remove_dir(&unfinished).unwrap();
    two.create("new").unwrap();
    one.reread("");
    assert!(one.find(&secret).is_none() && one.list().len() == 1, "{:?}", one.list());
    one.create("newer").unwrap();
    assert!(folder.tokens().find(&secret).is_none(), "valid again after a restart");
}

#[test]
fn a_hanging_disk_delays_no_client_with_a_token_and_a_revoked_token_is_invalid_at_once() {
    let folder = Folder::new("hangs");
    fs::create_dir_all(folder.0.join("state")).unwrap();
    let tokens = folder.tokens();
    let (kept, revoked) = (tokens.create("kept").unwrap(), tokens.create("revoked").unwrap());
    // Opening a pipe for writing waits until somebody reads it, as a hanging disk would make it wait.
    let pipe = folder.0.join("state").join(format!("{FILE}.new"));
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    std::thread::scope(|scope| {
        let held = scope.spawn(|| tokens.create("held"));
        while tokens.writer.acquire(Duration::ZERO).is_some() {
            std::thread::yield_now();
        }
        let others = scope.spawn(|| {
            assert!(tokens.find(&kept).is_some());
            let Err(TokenError::NotSaved(problem)) = tokens.revoke("revoked") else { panic!("it was saved") };
            assert!(tokens.find(&revoked).is_none() && tokens.list().len() == 1);
            problem.to_string()
        });
        let begin = Instant::now();
        while !others.is_finished() && begin.elapsed() < 10 * WRITE_WAIT {
            std::thread::yield_now();
        }
        let done = others.is_finished();
        let reader = File::open(&pipe).unwrap(); // lets the writer continue
        fs::remove_file(&pipe).unwrap(); // and the next writers
        let _ = (held.join().unwrap(), reader);
        assert!(done, "they waited for the disk");
        assert!(others.join().unwrap().contains("its disk is busy with an earlier change"));
    });
}

#[test]
fn a_token_that_cannot_be_saved_is_not_created() {
    let folder = Folder::new("unwritable");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("state"), "a file where a folder should be").unwrap();
    let tokens = folder.tokens();
    assert!(matches!(tokens.create("one"), Err(TokenError::NotSaved(_))));
    assert!(tokens.list().is_empty());
    assert!(matches!(Tokens::none(Arc::default()).create("one"), Err(TokenError::NotSaved(_))));
}
