//! Users and passwords, from the settings to wrong guesses.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::boardcam::{Boardcam, File, PROGRAM, complaint, goes_on, run};

use client::{Answer, Outcome, Viewer, ask, ensure, request, wait_for};
use rustix::process::Signal;

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
fn wrong_for(user: &str, number: usize) -> String {
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
fn hash_password(name: &str, password: &[u8]) -> Outcome<std::process::Output> {
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
        for path in ["/page.css", "/page.js", "/icon.svg", "/sign-in"] {
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
fn a_thousand_wrong_passwords_are_slowed_and_logged_and_harm_nobody() -> Outcome {
    let boardcam = guarded("thousand.toml", &["-v"])?;
    let viewer = Viewer::connect_with(boardcam.address, "/stream", &[ANNA])?;
    viewer.next()?;
    ensure!(ask(boardcam.address, "GET", "/state", &[BEN], "")?.status == 200, "ben");
    let (mut refused, mut slowed) = (0, 0);
    let mut reader = request(boardcam.address, b"")?;
    for number in 0..1000 {
        // What a client says of others counts nothing.
        let head =
            format!("GET /state HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 10.0.0.{}\r\n", number % 250);
        reader.get_mut().write_all(format!("{head}{}\r\n\r\n", wrong(number)).as_bytes())?;
        let answer = Answer::read(&mut reader)?;
        match answer.status {
            401 => refused += 1,
            429 if answer.headers["retry-after"].parse::<u64>()? > 0 => slowed += 1,
            status => return Err(format!("try {number}: {status}").into()),
        }
    }
    ensure!(refused >= 5 && slowed > 900, "{refused} refused, {slowed} slowed");
    // Proven before: whose password is not guessed is not locked out by others behind the same address.
    ensure!(ask(boardcam.address, "GET", "/state", &[BEN], "")?.status == 200, "ben");
    // But guesses from there get the same answer, right or wrong.
    ensure!(ask(boardcam.address, "GET", "/state", &[ANNA], "")?.status == 429, "anna");
    goes_on(&viewer, 10)?;
    let told = boardcam
        .log()
        .matches("sign-in as \"anna\" from 127.0.0.1 failed: wrong user name or password")
        .count();
    ensure!((1..=20).contains(&told), "{told} lines");
    Ok(())
}

#[test]
fn many_wrong_passwords_at_once_keep_nobody_from_the_page() -> Outcome {
    let boardcam = guarded("at-once.toml", &["--trusted-proxy", "127.0.0.1"])?;
    ensure!(ask(boardcam.address, "GET", "/state", &[ANNA], "")?.status == 200, "anna");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let attackers: Vec<_> = (0..6)
            .map(|attacker| {
                let (boardcam, stop) = (&boardcam, &stop);
                scope.spawn(move || -> Outcome<[usize; 3]> {
                    let mut seen = [0; 3];
                    for number in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        // Each from an address of its own, so that none is slowed.
                        let from =
                            format!("X-Forwarded-For: 10.{attacker}.{}.{}", number / 250, number % 250);
                        let status =
                            ask(boardcam.address, "GET", "/state", &[&wrong(number), &from], "")?.status;
                        let kind = [401, 503, 429].iter().position(|known| *known == status);
                        seen[kind.ok_or_else(|| format!("{status}"))?] += 1;
                    }
                    Ok(seen)
                })
            })
            .collect();
        let others = || -> Outcome {
            for number in 0..100 {
                let path = ["/page.css", "/state"][number % 2];
                let status = ask(boardcam.address, "GET", path, &[ANNA], "")?.status;
                ensure!(status == 200, "{path}: {status}");
            }
            Ok(())
        };
        let served = others();
        stop.store(true, Ordering::Relaxed);
        let mut all = [0; 3];
        for attacker in attackers {
            let seen = attacker.join().map_err(|_| "an attacker panicked")??;
            (0..3).for_each(|kind| all[kind] += seen[kind]);
        }
        let [wrong, busy, _] = all;
        ensure!(wrong > 0 && busy == 0, "{all:?}: each waits its turn, and none is refused");
        served
    })
}

#[test]
fn wrong_passwords_from_many_addresses_take_the_memory_of_one() -> Outcome {
    // With a hash that takes what it should: 12 MiB.
    let user = String::from_utf8(hash_password("anna", b"password\n")?.stdout)?;
    let file = File::new("memory.toml", &user)?;
    let pattern = ["--camera", "pattern", "--size", "320x240", "--config", file.path()];
    let boardcam = Boardcam::start(&[&pattern[..], &["--trusted-proxy", "127.0.0.1"]].concat())?;
    ensure!(ask(boardcam.address, "GET", "/state", &[ANNA], "")?.status == 200, "anna");
    let (before, peak) = (boardcam.resident()?, boardcam.memory("VmHWM")?);
    let guess = |number: usize| -> Outcome<u16> {
        let from = format!("X-Forwarded-For: 10.{number}.0.1");
        let user = ["anna", "otto"][number % 2]; // two, so that none is slowed down
        Ok(ask(boardcam.address, "GET", "/state", &[&wrong_for(user, number), &from], "")?.status)
    };
    // Three at a time, so that several threads take part.
    thread::scope(|scope| {
        let clients = [0, 1, 2]
            .map(|client| scope.spawn(move || (0..10).try_for_each(|n| guess(10 * client + n).map(drop))));
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })?;
    ensure!(ask(boardcam.address, "GET", "/state", &[ANNA], "")?.status == 200, "anna, proven before");
    let (after, highest) = (boardcam.resident()?, boardcam.memory("VmHWM")?);
    ensure!(highest < peak.max(before + (16 << 10)), "{before} KiB became {highest} at most");
    ensure!(after < before + (4 << 10), "{before} KiB became {after}: it is not given back");
    Ok(())
}

#[test]
fn a_user_whom_many_guess_at_is_slowed_for_strangers_and_not_where_they_were_proven() -> Outcome {
    let boardcam = guarded("guessed.toml", &["--trusted-proxy", "127.0.0.1"])?;
    let ask_from = |from: &str, user: &str| -> Outcome<u16> {
        let from = format!("X-Forwarded-For: {from}");
        Ok(ask(boardcam.address, "GET", "/state", &[user, &from], "")?.status)
    };
    ensure!(ask_from("192.0.2.1", ANNA)? == 200, "anna at home");
    for number in 0..21 {
        ensure!(ask_from(&format!("10.0.0.{number}"), &wrong(number))? == 401, "guess {number}");
    }
    let begin = Instant::now();
    for number in 21..24 {
        ensure!(ask_from(&format!("10.0.0.{number}"), &wrong(number))? == 401, "guess {number}");
    }
    ensure!(begin.elapsed().as_secs_f32() > 0.45, "three more guesses took {:?}", begin.elapsed());
    ensure!(ask_from("192.0.2.1", ANNA)? == 200, "anna at home");
    ensure!(ask_from("192.0.2.2", ANNA)? == 200, "anna where she never was before");
    ensure!(ask_from("192.0.2.3", BEN)? == 200, "ben, at whom nobody guesses");
    Ok(())
}

#[test]
fn while_twelve_clients_guess_from_many_addresses_others_sign_in_for_the_first_time() -> Outcome {
    const TRIES: usize = 20;
    let boardcam = guarded("flood.toml", &["--trusted-proxy", "127.0.0.1"])?;
    let ask_from = |from: &str, user: &str| -> Outcome<u16> {
        let from = format!("X-Forwarded-For: {from}");
        Ok(ask(boardcam.address, "GET", "/state", &[user, &from], "")?.status)
    };
    thread::scope(|scope| {
        let attackers: Vec<_> = (0..12)
            .map(|attacker| {
                let ask_from = &ask_from;
                let guess = move |n| ask_from(&format!("10.{attacker}.{}.{}", n / 250, n % 250), &wrong(n));
                let guesses = move || (0..).map(guess).map_while(Result::ok).filter(|status| *status == 401);
                scope.spawn(move || guesses().count())
            })
            .collect();
        let begin = Instant::now();
        let first_time = || -> Outcome {
            for number in 0..TRIES {
                let status = ask_from(&format!("192.0.2.{number}"), BEN)?;
                ensure!(status == 200, "try {number} of ben: {status}");
            }
            println!("{TRIES} sign-ins of ben took {:.1?}", begin.elapsed());
            let status = ask_from("192.0.2.200", ANNA)?;
            println!("one of anna, at whom they guess, was over after {:.1?}", begin.elapsed());
            ensure!(status == 200, "anna, slowed down: {status}");
            Ok(())
        };
        let signed_in = first_time();
        boardcam.signal(Signal::KILL)?; // which ends the attackers
        let guesses: Vec<_> = attackers.into_iter().map(|attacker| attacker.join()).collect();
        signed_in?;
        ensure!(guesses.iter().all(|guesses| matches!(guesses, Ok(1..))), "guesses: {guesses:?}");
        Ok(())
    })
}

#[test]
fn an_attacker_with_a_fresh_ipv6_network_for_each_guess_is_slowed() -> Outcome {
    let boardcam = guarded("slash-48.toml", &["--trusted-proxy", "127.0.0.1"])?;
    let ask_from = |from: &str, user: &str| -> Outcome<u16> {
        let from = format!("X-Forwarded-For: {from}");
        Ok(ask(boardcam.address, "GET", "/state", &[user, &from], "")?.status)
    };
    let guess = |number: usize| ask_from(&format!("2001:db8:0:{number:x}::1"), &wrong_for("otto", number));
    let guesses = (0..100).map(guess).take_while(|status| matches!(status, Ok(401))).count();
    ensure!(guesses == 20, "{guesses} guesses were free");
    ensure!(guess(200)? == 429, "another network of the same /56");
    for (from, user) in [("2001:db8:1::1", ANNA), ("192.0.2.1", BEN)] {
        ensure!(ask_from(from, user)? == 200, "{from}");
    }
    Ok(())
}

#[test]
fn a_proxy_that_is_trusted_says_whom_to_slow_down() -> Outcome {
    let boardcam = guarded("proxy.toml", &["--trusted-proxy", "127.0.0.0/8"])?;
    let tries = |from: &str| -> Outcome<Vec<u16>> {
        let from = format!("X-Forwarded-For: 203.0.113.9, {from}");
        (0..6).map(|n| Ok(ask(boardcam.address, "GET", "/state", &[&wrong(n), &from], "")?.status)).collect()
    };
    for from in ["192.0.2.1", "192.0.2.2"] {
        ensure!(tries(from)?[..5] == [401; 5], "{from}");
    }
    wait_for("both to be in the log", || {
        let log = boardcam.log();
        let told = |from: &str| log.contains(&format!("from {from}"));
        Ok((told("192.0.2.1") && told("192.0.2.2")).then_some(()))
    })
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
