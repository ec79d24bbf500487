use std::net::Ipv4Addr;
use std::thread;

use super::account::ADDRESSES_MAX;
use super::password::Hash;
use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A hash that is computed fast.
fn quick(password: &str) -> Hash {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    argon2.hash_password_with_salt(password.as_bytes(), b"somesalt").unwrap().to_string().parse().unwrap()
}

fn access() -> Access {
    let user = |name: &str, role, password| User { name: name.to_owned(), role, password: quick(password) };
    Access::new(&[user("anna", Role::Control, "right"), user("ben", Role::Watch, "other")], None).unwrap()
}

#[test]
fn a_right_password_is_accepted_and_a_wrong_one_is_not() {
    let access = access();
    let anna = access.by_password("anna", "right", HERE).unwrap();
    assert_eq!((anna.role, anna.user.as_deref(), anna.pass), (Role::Control, Some("anna"), None));
    assert_eq!(access.by_password("ben", "other", HERE).unwrap().role, Role::Watch);
    for (name, password) in [("anna", "other"), ("ben", "right"), ("carl", "right"), ("", ""), ("anna", "")] {
        assert_eq!(access.by_password(name, password, HERE), Err(PasswordError::Wrong), "{name}");
    }
}

#[test]
fn a_thousand_wrong_passwords_are_throttled_and_one_verified_elsewhere_is_not() {
    let access = access();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    access.by_password("anna", "right", elsewhere).unwrap();
    access.by_password("ben", "other", HERE).unwrap();
    let tries = (0..1000).map(|number| access.by_password("anna", &format!("wrong {number}"), HERE));
    let mut wrong = 0;
    let mut throttled = 0;
    for outcome in tries {
        match outcome.unwrap_err() {
            PasswordError::Wrong => wrong += 1,
            PasswordError::Throttled(_) => throttled += 1,
            PasswordError::Busy => panic!("nobody else is there"),
        }
    }
    assert!(wrong > 0 && throttled > 900, "{wrong} wrong, {throttled} throttled");
    assert!(access.by_password("anna", "right", elsewhere).is_ok(), "verified from there");
    assert!(access.by_password("ben", "other", HERE).is_ok(), "verified from here, and nobody guesses it");
}

#[test]
fn a_throttled_client_does_not_learn_which_password_was_verified() {
    let access = access();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    access.by_password("anna", "right", elsewhere).unwrap();
    let guess = |password: &str| access.by_password("anna", password, HERE);
    while guess("wrong") == Err(PasswordError::Wrong) {}
    assert!(
        matches!(guess("right"), Err(PasswordError::Throttled(_))),
        "the right one is distinguishable from wrong ones"
    );
    // The same holds for an address where it was verified before: after one wrong guess, the next ones wait.
    access.throttle.forget(HERE);
    assert!(guess("right").is_ok());
    while guess("wrong") == Err(PasswordError::Wrong) {}
    assert!(
        matches!(guess("right"), Err(PasswordError::Throttled(_))),
        "the right one is distinguishable from wrong ones"
    );
    access.throttle.forget(HERE);
    assert!(guess("right").is_ok());
}

#[test]
fn a_verified_password_is_remembered_for_a_bounded_number_of_addresses() {
    let access = access();
    for number in 0..2 * ADDRESSES_MAX as u32 {
        access.by_password("anna", "right", IpAddr::V4(Ipv4Addr::from_bits(number))).unwrap();
        access.by_password("anna", "right", HERE).unwrap();
    }
    let verified = lock(&access.accounts[0].verified);
    let known = &verified.as_ref().unwrap().addresses;
    assert!(known.len() == ADDRESSES_MAX && known.contains(&HERE));
}

#[test]
fn more_checks_than_may_be_in_progress_are_refused_as_busy() {
    let access = access();
    let held = lock(&access.hashing);
    thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..CHECKS_MAX).map(|_| scope.spawn(|| access.by_password("anna", "right", HERE))).collect();
        while access.checks.load(Ordering::Acquire) < CHECKS_MAX {
            thread::yield_now();
        }
        let one_more = scope.spawn(|| access.by_password("ben", "other", HERE));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !one_more.is_finished() && Instant::now() < deadline {
            thread::yield_now();
        }
        drop(held); // before the join, so that a check that wrongly waits can end
        assert_eq!(one_more.join().unwrap(), Err(PasswordError::Busy));
        assert!(waiting.into_iter().all(|check| check.join().unwrap().is_ok()));
    });
    assert_eq!(access.checks.load(Ordering::Acquire), 0);
    assert!(access.by_password("ben", "other", HERE).is_ok());
}

#[test]
fn whoever_has_many_addresses_and_whoever_guesses_at_a_user_wait_in_one_line() {
    let access = access();
    let line = |name: &str, from: &str| access.line(name, &["x"], from.parse().unwrap());
    let one = line("ben", "2001:db8:0:1::1");
    assert!(
        one.is_some() && line("ben", "2001:db8:0:ff::1") == one && line("anna", "2001:db8:0:2::1") == one
    );
    let others = ["2001:db8:1::1", "192.0.2.1", "192.0.2.2"].map(|from| line("ben", from));
    assert!(others.iter().all(|line| *line != one) && others[1] != others[2], "{others:?}");
    for number in 0..30 {
        let from = IpAddr::V4(Ipv4Addr::from_bits(number));
        access.throttle.wrong(from, "anna", &access.key.tag("anna"), Instant::now());
    }
    assert_eq!(line("anna", "192.0.2.1"), line("anna", "2001:db8::1"), "strangers");
    assert_eq!(line("ben", "192.0.2.1"), others[1], "at whom nobody guesses");
    access.by_password("anna", "right", HERE).unwrap();
    assert_eq!(access.line("anna", &["right"], HERE), None, "proven");
    while access.by_password("ben", "wrong", HERE) == Err(PasswordError::Wrong) {}
    assert_eq!(access.line("ben", &["wrong"], HERE), None, "must wait anyway");
}

#[test]
fn a_check_that_is_refused_in_the_end_gives_the_memory_back() {
    let access = access();
    let mut memory = lock(&access.hashing);
    assert_eq!(access.accounts[0].user.password.matches("x", &mut memory), Ok(false)); // as another check would
    thread::scope(|scope| {
        let waiting = scope.spawn(|| access.by_password("anna", "wrong", HERE));
        while access.checks.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        for _ in 0..=throttle::FREE_TRIES {
            access.throttle.wrong(HERE, "anna", &access.key.tag("anna"), Instant::now());
        }
        drop(memory);
        assert!(matches!(waiting.join().unwrap(), Err(PasswordError::Throttled(_))));
    });
    assert!(lock(&access.hashing).is_released());
}

#[test]
fn a_session_lasts_until_it_is_signed_out() {
    let access = access();
    let cookie = access.sign_in("ben", "other", HERE).unwrap();
    let ben = access.by_session(&cookie).unwrap();
    assert_eq!((ben.role, ben.session), (Role::Watch, true));
    assert!(access.passes().is_valid(ben.pass.unwrap(), Instant::now()));
    for unknown in ["", "x", &cookie[1..], "out"] {
        assert_eq!(access.by_session(unknown), None, "{unknown}");
    }
    access.sign_out(&cookie);
    assert_eq!(access.by_session(&cookie), None);
    assert!(!access.passes().is_valid(ben.pass.unwrap(), Instant::now()));
}

#[test]
fn without_users_everybody_may_do_everything() {
    let access = Access::new(&[], None).unwrap();
    assert_eq!(access.anonymous().unwrap().role, Role::Control);
    assert_eq!(super::tests::access().anonymous(), None);
    assert_eq!(access.by_password("", "", HERE), Err(PasswordError::Wrong));
}

#[test]
fn a_password_that_two_programs_spell_in_two_ways_is_one_attempt() {
    let user = User { name: "anna".to_owned(), role: Role::Watch, password: quick("Küche") };
    let access = Access::new(&[user], None).unwrap();
    let utf8 = spelling::spellings("Küche".as_bytes());
    assert!(access.by_spellings("anna", &spelling::spellings(b"K\xfcche"), HERE).is_ok());
    assert!(access.by_spellings("anna", &utf8, HERE).is_ok());
    // It is remembered although the client sends a second spelling, which is wrong.
    assert!(access.accounts[0].recalls(&[access.key.tag("x"), access.key.tag("Küche")], HERE));
    // As often as a password with one spelling may be wrong.
    let mut wrong = 0;
    while access.by_spellings("anna", &spelling::spellings("Küchen".as_bytes()), HERE)
        == Err(PasswordError::Wrong)
    {
        wrong += 1;
    }
    assert_eq!(wrong, throttle::FREE_TRIES);
}
