use std::net::Ipv4Addr;
use std::thread;

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A hash that takes no time.
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
fn a_right_password_opens_and_a_wrong_one_does_not() {
    let access = access();
    let anna = access.by_password("anna", "right", HERE).unwrap();
    assert_eq!((anna.role, anna.user.as_deref(), anna.pass), (Role::Control, Some("anna"), None));
    assert_eq!(access.by_password("ben", "other", HERE).unwrap().role, Role::Watch);
    for (name, password) in [("anna", "other"), ("ben", "right"), ("carl", "right"), ("", ""), ("anna", "")] {
        assert_eq!(access.by_password(name, password, HERE), Err(PasswordError::Wrong), "{name}");
    }
}

#[test]
fn a_thousand_wrong_ones_are_slowed_and_one_that_was_proven_elsewhere_is_not() {
    let access = access();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    access.by_password("anna", "right", elsewhere).unwrap();
    access.by_password("ben", "other", HERE).unwrap();
    let tries = (0..1000).map(|number| access.by_password("anna", &format!("wrong {number}"), HERE));
    let (mut wrong, mut slowed) = (0, 0);
    for outcome in tries {
        match outcome.unwrap_err() {
            PasswordError::Wrong => wrong += 1,
            PasswordError::Throttled(_) => slowed += 1,
            PasswordError::Busy => panic!("nobody else is there"),
        }
    }
    assert!(wrong > 0 && slowed > 900, "{wrong} wrong, {slowed} slowed");
    assert!(access.by_password("anna", "right", elsewhere).is_ok(), "proven from there");
    assert!(access.by_password("ben", "other", HERE).is_ok(), "proven from here, and nobody guesses it");
}

#[test]
fn who_is_slowed_down_does_not_learn_which_password_was_proven() {
    let access = access();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    access.by_password("anna", "right", elsewhere).unwrap();
    let guess = |password: &str| access.by_password("anna", password, HERE);
    while guess("wrong") == Err(PasswordError::Wrong) {}
    assert!(
        matches!(guess("right"), Err(PasswordError::Throttled(_))),
        "the right one is told from wrong ones"
    );
    // Also where it was proven before: one wrong guess there, and the next ones wait.
    access.throttle.forget(HERE);
    assert!(guess("right").is_ok());
    while guess("wrong") == Err(PasswordError::Wrong) {}
    assert!(
        matches!(guess("right"), Err(PasswordError::Throttled(_))),
        "the right one is told from wrong ones"
    );
    access.throttle.forget(HERE);
    assert!(guess("right").is_ok());
}

#[test]
fn a_proven_password_is_remembered_with_so_many_addresses_and_no_more() {
    let access = access();
    for number in 0..2 * ADDRESSES_MAX as u32 {
        access.by_password("anna", "right", IpAddr::V4(Ipv4Addr::from_bits(number))).unwrap();
        access.by_password("anna", "right", HERE).unwrap();
    }
    let proven = lock(&access.accounts[0].proven);
    let known = &proven.as_ref().unwrap().from;
    assert!(known.len() == ADDRESSES_MAX && known.contains(&HERE));
}

#[test]
fn more_checks_than_may_be_under_way_are_told_to_come_again() {
    let access = access();
    let held = lock(&access.hashing);
    thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..CHECKS_MAX).map(|_| scope.spawn(|| access.by_password("anna", "right", HERE))).collect();
        while access.checks.load(Ordering::Acquire) < CHECKS_MAX {
            thread::yield_now();
        }
        let one_more = scope.spawn(|| access.by_password("ben", "other", HERE));
        let patience = Instant::now() + Duration::from_secs(20);
        while !one_more.is_finished() && Instant::now() < patience {
            thread::yield_now();
        }
        drop(held); // first, lest one that waits all the same does so for ever
        assert_eq!(one_more.join().unwrap(), Err(PasswordError::Busy));
        assert!(waiting.into_iter().all(|check| check.join().unwrap().is_ok()));
    });
    assert_eq!(access.checks.load(Ordering::Acquire), 0);
    assert!(access.by_password("ben", "other", HERE).is_ok());
}

#[test]
fn a_session_opens_until_it_is_signed_out() {
    let access = access();
    let cookie = access.sign_in("ben", "other", HERE).unwrap();
    let ben = access.by_session(&cookie).unwrap();
    assert_eq!((ben.role, ben.session), (Role::Watch, true));
    assert!(access.passes().holds(ben.pass.unwrap(), Instant::now()));
    for stranger in ["", "x", &cookie[1..], "out"] {
        assert_eq!(access.by_session(stranger), None, "{stranger}");
    }
    access.sign_out(&cookie);
    assert_eq!(access.by_session(&cookie), None);
    assert!(!access.passes().holds(ben.pass.unwrap(), Instant::now()));
}

#[test]
fn without_users_everybody_may_do_everything() {
    let access = Access::new(&[], None).unwrap();
    assert_eq!(access.anonymous().unwrap().role, Role::Control);
    assert_eq!(super::tests::access().anonymous(), None);
    assert_eq!(access.by_password("", "", HERE), Err(PasswordError::Wrong));
}
