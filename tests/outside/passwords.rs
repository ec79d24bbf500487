//! Users and passwords, from the settings to signing in.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::boardcam::{Boardcam, File, PROGRAM, complaint, goes_on, run};

use client::{Outcome, Viewer, ask, ensure};

/// The hash of `password`; it takes 256 KiB for two passes, which is nothing on a busy machine either.
const HASH: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// `anna:password`, who may change things.
pub const ANNA: &str = "Authorization: Basic YW5uYTpwYXNzd29yZA==";

/// `ben:password`, who may watch.
pub const BEN: &str = "Authorization: Basic YmVuOnBhc3N3b3Jk";

/// Settings with these two users.
pub fn users(name: &str) -> Outcome<File> {
    let user = |name: &str, role: &str| {
        format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\npassword = \"{HASH}\"\n")
    };
    File::new(name, &(user("anna", "control") + &user("ben", "watch")))
}

/// The test pattern for these two users.
pub fn guarded(name: &str, options: &[&str]) -> Outcome<Boardcam> {
    let file = users(name)?;
    let pattern = ["--camera", "pattern", "--size", "320x240", "--config", file.path()];
    Boardcam::start(&[&pattern[..], options].concat())
}

/// `anna` with a wrong password that nobody else tries.
pub fn wrong(number: usize) -> String {
    wrong_for("anna", number)
}

/// A user of four letters with a wrong password that nobody else tries.
pub fn wrong_for(user: &str, number: usize) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let credentials = format!("{user}:wrong-{number:07}"); // 18 bytes, which need no padding in base64
    let encode = |three: &[u8]| {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
    };
    let encoded: String = credentials.as_bytes().chunks(3).flat_map(encode).collect();
    format!("Authorization: Basic {encoded}")
}

/// A hash-password that reads `password` on its standard input.
pub fn hash_password(name: &str, password: &[u8]) -> Outcome<std::process::Output> {
    let mut process = Command::new(PROGRAM)
        .args(["hash-password", name, "--role", "watch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    process.stdin.take().ok_or("no stdin")?.write_all(password)?;
    Ok(process.wait_with_output()?)
}

#[test]
fn without_passwords_each_start_says_who_can_watch_and_how_to_change_that() -> Outcome {
    // It listens on this computer only.
    let told = "every program on this computer, and everybody whom a proxy on it lets in, can watch";
    let open = Boardcam::pattern()?;
    let line = open.log().lines().find(|line| line.contains(told)).map(str::to_owned);
    ensure!(line.is_some_and(|line| line.contains("boardcam hash-password NAME")), "{}", open.log());
    let state = open.state()?;
    ensure!(state["you"]["open"] == true && state["you"]["role"] == "control", "{}", state["you"]);
    let guarded = guarded("each-start.toml", &[])?;
    ensure!(!guarded.log().contains(told), "{}", guarded.log());
    Ok(())
}

#[test]
fn hash_password_makes_a_user_for_the_file_and_shows_the_password_nowhere() -> Outcome {
    let made = hash_password("carl", b"s3cret with spaces\r\n")?;
    let table = String::from_utf8(made.stdout)?;
    ensure!(made.status.success() && !table.contains("s3cret"), "{table}");
    let file = File::new("hashed.toml", &table)?;
    let checked = run(&["--config", file.path(), "check", "--secrets"])?;
    ensure!(checked.status.success() && String::from_utf8(checked.stdout)?.contains(table.trim()), "check");
    let shown = String::from_utf8(run(&["--config", file.path(), "check"])?.stdout)?;
    ensure!(shown.contains("name = \"carl\"") && !shown.contains("argon2"), "{shown}");
    let boardcam = Boardcam::start(&["--camera", "pattern", "--config", file.path(), "-v"])?;
    // carl:s3cret with spaces
    let carl = "Authorization: Basic Y2FybDpzM2NyZXQgd2l0aCBzcGFjZXM=";
    let answer = ask(boardcam.address, "GET", "/state", &[carl], "")?;
    let state: serde_json::Value = serde_json::from_slice(&answer.body)?;
    ensure!(state["you"]["user"] == "carl" && state["you"]["role"] == "watch", "{}", state["you"]);
    ensure!(!boardcam.log().contains("s3cret") && !boardcam.log().contains("Y2Fyb"), "{}", boardcam.log());
    for bad in [&b""[..], b"\n", b"\xff\xfe\n", &[b'x'; 257]] {
        let refused = hash_password("carl", bad)?;
        ensure!(!refused.status.success() && refused.stdout.is_empty(), "{bad:?} was taken");
    }
    Ok(())
}

#[test]
fn hash_password_warns_of_a_password_that_is_easily_guessed() -> Outcome {
    for (password, warned) in [
        ("x", "1 character"),
        ("secret7", "7 characters"),
        ("carl", "name"),
        ("пароль-8", ""),
        ("correct horse", ""),
    ] {
        let made = hash_password("carl", password.as_bytes())?;
        let told = String::from_utf8(made.stderr)?;
        ensure!(
            made.status.success() && made.stdout.starts_with(b"\n[[user]]"),
            "{password} was refused: {told}"
        );
        ensure!(told.is_empty() == warned.is_empty() && told.contains(warned), "{password}: {told}");
    }
    Ok(())
}

#[test]
fn a_password_with_an_umlaut_works_in_home_assistant_and_in_curl() -> Outcome {
    let made = hash_password("carl", "Grüße\n".as_bytes())?;
    let file = File::new("umlaut.toml", &String::from_utf8(made.stdout)?)?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--config", file.path()])?;
    let ask = |credentials: &str| -> Outcome<u16> {
        let header = format!("Authorization: Basic {credentials}");
        Ok(ask(boardcam.address, "GET", "/state", &[&header], "")?.status)
    };
    ensure!(ask("Y2FybDpHcsO8w59l")? == 200, "UTF-8, as curl sends it");
    ensure!(ask("Y2FybDpHcvzfZQ==")? == 200, "Latin-1, as aiohttp and requests send it");
    ensure!(ask("Y2FybDpHcvzf")? == 401, "another password");
    Ok(())
}

#[test]
fn mistakes_in_users_are_reported_with_their_line() -> Outcome {
    let user = |hash: &str| format!("[[user]]\nname = \"anna\"\nrole = \"control\"\npassword = \"{hash}\"\n");
    for (text, told) in [
        (user(HASH) + &user(HASH), "line 5 of the settings file"),
        (
            user(HASH) + &user(HASH).replace("anna", "Anna"),
            "users anna and Anna, who differ only in capital letters",
        ),
        (
            user(HASH).replace("role = \"control\"\n", ""),
            "user anna has no role; \
         give it one: role = \"watch\" to see everything, role = \"control\" to change things, too",
        ),
        (user(&HASH.replace("m=256", "m=4194304")), "this one takes 4194304 KiB"),
        (user("password"), "expected what boardcam hash-password prints"),
        (user(""), "line 4 of the settings file"),
    ] {
        let file = File::new("wrong-user.toml", &text)?;
        let line = complaint(&["--config", file.path()], 2)?;
        ensure!(line.contains(told), "{text} said {line}");
    }
    Ok(())
}

#[test]
fn after_ctrl_c_at_the_question_for_a_password_the_terminal_shows_again_what_is_typed() -> Outcome {
    // script(1) runs the shell on a terminal of its own; Ctrl-C goes to the shell as well.
    let typed = format!("trap : INT; {PROGRAM} hash-password anna; echo ended with $?; stty -a");
    let mut terminal = Command::new("script")
        .args(["-qc", &typed, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut keys = terminal.stdin.take().ok_or("no stdin")?;
    let mut screen = terminal.stdout.take().ok_or("no stdout")?;
    let mut seen = String::new();
    let mut piece = [0; 512];
    while let count @ 1.. = screen.read(&mut piece)? {
        let asked = seen.contains("Password: ");
        seen += &String::from_utf8_lossy(&piece[..count]);
        if !asked && seen.contains("Password: ") {
            keys.write_all(b"\x03")?;
        }
    }
    terminal.wait()?;
    ensure!(seen.contains("ended with 130"), "{seen}");
    ensure!(seen.split_whitespace().any(|word| word == "echo"), "{seen}");
    Ok(())
}

#[test]
fn strangers_see_the_form_and_nothing_else() -> Outcome {
    let boardcam = guarded("strangers.toml", &[])?;
    let stranger = "Authorization: Basic eDp5"; // x:y
    let own = format!("boardcam-{}", boardcam.address.port());
    let (ended, twice) = (format!("Cookie: {own}=0"), format!("Cookie: {own}=a; {own}=b"));
    for headers in [&[][..], &[stranger], &[ended.as_str()], &[twice.as_str()]] {
        for (method, path) in [
            ("GET", "/stream"),
            ("GET", "/?action=stream"),
            ("GET", "/stream?token="),
            ("GET", "/stream?token=00000000000000000000000000000000"),
            ("GET", "/snapshot"),
            ("HEAD", "/snapshot"),
            ("GET", "/state"),
            ("GET", "/healthz"),
            ("GET", "/cameras/camera/stream"),
            ("GET", "/cameras/no-such-camera/stream"),
            ("PUT", "/api/quality"),
            ("PUT", "/api/orientation"),
            ("DELETE", "/api/orientation"),
            ("GET", "/api/settings"),
            ("PUT", "/api/cameras/camera/settings"),
            ("GET", "/api/tokens"),
            ("POST", "/api/tokens"),
            ("DELETE", "/api/tokens?name=x"),
        ] {
            let answer = ask(boardcam.address, method, path, headers, "")?;
            let asks = answer.headers.get("www-authenticate").is_some_and(|asks| asks.starts_with("Basic "));
            // A browser that was signed in once would show a window of its own.
            let once = headers.iter().any(|header| header.starts_with("Cookie"));
            let slowed = headers.contains(&stranger) && answer.status == 429;
            ensure!(
                slowed || (answer.status == 401 && asks != once),
                "{method} {path} {headers:?}: {}",
                answer.status
            );
            ensure!(!answer.text().contains("camera"), "{path}: {}", answer.text());
        }
        for path in ["/page.css", "/page.js", "/panel.js", "/recordings.js", "/icon.svg", "/sign-in"] {
            ensure!(ask(boardcam.address, "GET", path, headers, "")?.status == 200, "{path}");
        }
    }
    let page = boardcam.get("/")?;
    ensure!(page.status == 303 && page.headers["location"] == "./sign-in", "/: {}", page.status);
    ensure!(
        boardcam.get("/sign-in")?.headers["content-security-policy"].contains("default-src 'none'"),
        "form"
    );
    Ok(())
}

#[test]
fn a_user_who_may_watch_sees_everything_and_changes_nothing() -> Outcome {
    let boardcam = guarded("roles.toml", &[])?;
    for user in [ANNA, BEN] {
        for path in ["/", "/state", "/healthz", "/snapshot?card=1"] {
            let status = ask(boardcam.address, "GET", path, &[user], "")?.status;
            ensure!(status == 200 || path == "/healthz", "{path}: {status}");
        }
        Viewer::connect_with(boardcam.address, "/stream", &[user])?.next()?;
    }
    for (method, path, body, allowed) in [
        ("PUT", "/api/quality", "{\"quality\":50}", 200),
        ("PUT", "/api/orientation", "{\"flip\":\"h\"}", 200),
        ("DELETE", "/api/orientation", "", 200),
        ("PUT", "/api/cameras/camera/settings", "{\"fps\":20}", 200),
        ("DELETE", "/api/settings", "", 200),
        ("GET", "/api/tokens", "", 200),
        ("DELETE", "/api/tokens?name=x", "", 404),
    ] {
        let status =
            |user| -> Outcome<u16> { Ok(ask(boardcam.address, method, path, &[user], body)?.status) };
        ensure!((status(ANNA)?, status(BEN)?) == (allowed, 403), "{method} {path}");
    }
    Ok(())
}

#[test]
fn odd_credentials_are_refused_and_harm_nobody() -> Outcome {
    let boardcam = guarded("odd.toml", &[])?;
    let viewer = Viewer::connect_with(boardcam.address, "/stream", &[BEN])?;
    let long = format!("Authorization: Basic {}", "YW5u".repeat(1700));
    let oversize = format!("Authorization: Basic {}", "YW5u".repeat(8400));
    for (header, status) in [
        ("Authorization:", 401),
        ("Authorization: Basic", 401),
        ("Authorization: Basic ", 401),
        ("Authorization: Basic !!!", 401),
        ("Authorization: Basic YW5uYQ==", 401), // anna, no colon
        ("Authorization: Basic /////w==", 401), // no UTF-8
        ("Authorization: Basic YW5uYTo=", 401), // an empty password
        ("Authorization: Basic Og==", 401),     // nothing at all
        ("Authorization: Bearer YW5uYTpwYXNzd29yZA==", 401),
        ("Authorization: Basic YW5uYTpwYXNzd29yZA== YW5uYTpwYXNzd29yZA==", 401),
        (long.as_str(), 401),
        (oversize.as_str(), 431),
        ("Cookie: ;;;=;boardcam-;boardcam-=;boardcam-x==", 401),
    ] {
        let answer = ask(boardcam.address, "GET", "/state", &[header], "")?;
        let shown: String = header.chars().take(60).collect();
        ensure!(answer.status == status || answer.status == 429, "{shown}: {}", answer.status);
    }
    goes_on(&viewer, 10)
}

#[test]
fn a_password_that_was_proven_costs_nothing_any_more() -> Outcome {
    // With a hash that costs what it should.
    let user = String::from_utf8(hash_password("ben", b"password\n")?.stdout)?;
    let file = File::new("proven.toml", &user)?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--config", file.path()])?;
    let ask_once = || -> Outcome {
        ensure!(ask(boardcam.address, "GET", "/state", &[BEN], "")?.status == 200, "ben");
        Ok(())
    };
    let begin = Instant::now();
    ask_once()?;
    let first = begin.elapsed();
    let begin = Instant::now();
    (0..100).try_for_each(|_| ask_once())?;
    let hundred = begin.elapsed();
    ensure!(hundred < first * 50, "the first took {first:?}, a hundred more {hundred:?}");
    Ok(())
}
