//! Clients that guess passwords: they are slowed down, and nobody else is.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::boardcam::{Boardcam, File, goes_on};
use crate::passwords::{ANNA, BEN, guarded, hash_password, wrong, wrong_for};

use client::{Answer, Outcome, Viewer, ask, ensure, request, wait_for};
use rustix::process::Signal;

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
