//! Browsers that sign in by the form, tokens for URLs, and what ends when they do.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::boardcam::{Boardcam, PROGRAM, goes_on};
use crate::passwords::{ANNA, BEN, guarded, users};
use crate::program::Program;

use client::{Answer, Outcome, Viewer, ask, ensure, wait_for};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Signs in; the cookie's name and value.
pub fn sign_in(boardcam: &Boardcam, name: &str) -> Outcome<String> {
    let fields = format!("name={name}&password=password");
    let answer = ask(boardcam.address, "POST", "/sign-in", &[FORM], &fields)?;
    ensure!(
        answer.status == 303 && answer.headers["location"] == "./",
        "{}: {}",
        answer.status,
        answer.text()
    );
    cookie(&answer)
}

fn cookie(answer: &Answer) -> Outcome<String> {
    let set = answer.headers.get("set-cookie").ok_or("no cookie")?;
    ensure!(set.contains("; HttpOnly; SameSite=Lax") && !set.contains("Path"), "{set}");
    Ok(set.split(';').next().unwrap_or_default().to_owned())
}

#[test]
fn a_browser_signs_in_watches_and_signs_out_which_ends_its_streams() -> Outcome {
    let boardcam = guarded("session.toml", &[])?;
    let ours = format!("Cookie: theme=dark; {}", sign_in(&boardcam, "anna")?);
    let state = ask(boardcam.address, "GET", "/state", &[&ours], "")?;
    let state: serde_json::Value = serde_json::from_slice(&state.body)?;
    ensure!(state["you"]["user"] == "anna" && state["you"]["session"] == true, "{}", state["you"]);
    ensure!(ask(boardcam.address, "GET", "/", &[&ours], "")?.status == 200, "the page");
    let viewer = Viewer::connect_with(boardcam.address, "/stream", &[&ours])?;
    let other = Viewer::connect_with(boardcam.address, "/stream", &[ANNA])?;
    goes_on(&viewer, 5)?;
    let out = ask(boardcam.address, "POST", "/sign-out", &[&ours], "")?;
    ensure!(out.status == 303 && out.headers["location"] == "./sign-in", "{}", out.status);
    viewer.wait_for_end()?;
    goes_on(&other, 5)?;
    for header in [ours, format!("Cookie: {}", cookie(&out)?)] {
        ensure!(ask(boardcam.address, "GET", "/", &[&header], "")?.status == 303, "the page for {header}");
        ensure!(
            ask(boardcam.address, "GET", "/stream", &[&header], "")?.status == 401,
            "stream for {header}"
        );
    }
    Ok(())
}

#[test]
fn who_signs_out_while_a_snapshot_waits_is_told_so() -> Outcome {
    let program = Program::new("sign-out", "nothing")?;
    let file = users("sign-out.toml")?;
    // Pictures come, and then none for longer than a snapshot waits.
    let frames = "for n in 1 2 3 4 5 6 7 8 9 10; do cat frame.jpg; sleep 0.05; done; sleep 100";
    let camera = format!("pipe:cd {} && {frames}", program.path("."));
    let boardcam = Boardcam::start(&["--camera", &camera, "--config", file.path()])?;
    let ours = format!("Cookie: {}", sign_in(&boardcam, "anna")?);
    let state = || -> Outcome<serde_json::Value> {
        Ok(serde_json::from_slice(&ask(boardcam.address, "GET", "/state", &[&ours], "")?.body)?)
    };
    wait_for("the last picture", || Ok((state()?["cameras"][0]["frames"]["captured"] == 10).then_some(())))?;
    let request = format!("GET /snapshot HTTP/1.1\r\nHost: localhost\r\n{ours}\r\n\r\n");
    let mut snapshot = client::request(boardcam.address, request.as_bytes())?;
    // Otherwise the request to sign out may overtake it.
    wait_for("the snapshot to wait for a frame", || {
        Ok((state()?["result"]["stream"]["queued_fps"] != 0).then_some(()))
    })?;
    ask(boardcam.address, "POST", "/sign-out", &[&ours], "")?;
    let answer = Answer::read(&mut snapshot)?;
    ensure!(
        answer.status == 401 && answer.text().contains("not signed in any more"),
        "{}: {}",
        answer.status,
        answer.text()
    );
    Ok(())
}

#[test]
fn three_hundred_sign_ins_of_one_user_leave_anothers_session_and_stream() -> Outcome {
    let boardcam = guarded("sign-ins.toml", &[])?;
    let anna = format!("Cookie: {}", sign_in(&boardcam, "anna")?);
    let viewer = Viewer::connect_with(boardcam.address, "/stream", &[&anna])?;
    goes_on(&viewer, 3)?;
    let first = format!("Cookie: {}", sign_in(&boardcam, "ben")?);
    for _ in 1..300 {
        sign_in(&boardcam, "ben")?;
    }
    ensure!(ask(boardcam.address, "GET", "/state", &[&anna], "")?.status == 200, "anna's session");
    goes_on(&viewer, 10)?;
    ensure!(ask(boardcam.address, "GET", "/state", &[&first], "")?.status == 401, "ben's first of 300");
    Ok(())
}

#[test]
fn of_two_cookies_the_valid_one_counts_and_an_old_one_leads_to_the_sign_in_form() -> Outcome {
    let boardcam = guarded("cookies.toml", &[])?;
    let good = sign_in(&boardcam, "ben")?;
    let name = good.split('=').next().unwrap_or_default().to_owned();
    for header in [
        format!("Cookie: {name}=0123; {good}"),
        format!("Cookie: {good}; {name}=0123"),
        format!("Cookie: {name}=0123\r\nCookie: {good}"),
    ] {
        ensure!(ask(boardcam.address, "GET", "/state", &[&header], "")?.status == 200, "{header}");
    }
    drop(boardcam);
    let boardcam = guarded("cookies.toml", &[])?;
    let answer = ask(boardcam.address, "GET", "/", &[&format!("Cookie: {good}")], "")?;
    ensure!(answer.status == 303 && answer.headers["location"] == "./sign-in", "{}", answer.status);
    Ok(())
}

#[test]
fn the_form_says_what_is_wrong_in_the_language_of_the_browser() -> Outcome {
    let boardcam = guarded("form.toml", &[])?;
    let russian = "Accept-Language: ru";
    let answer = ask(boardcam.address, "POST", "/sign-in", &[FORM, russian], "name=anna&password=no")?;
    ensure!(
        answer.status == 403 && answer.text().contains("Неверное имя пользователя или пароль"),
        "{}",
        answer.text()
    );
    ensure!(!answer.headers.contains_key("set-cookie"), "a cookie for a wrong password");
    for (body, status) in
        [("", 403), ("name=anna", 403), ("password=password", 403), ("name=%ff&password=%00", 403)]
    {
        let answer = ask(boardcam.address, "POST", "/sign-in", &[FORM], body)?;
        ensure!(answer.status == status || answer.status == 429, "{body}: {}", answer.status);
        ensure!(!answer.text().contains('{'), "{}", answer.text());
    }
    ensure!(ask(boardcam.address, "POST", "/sign-in", &[], "name=anna")?.status == 400, "no form");
    Ok(())
}

/// A folder for tokens that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("boardcam-{}-{name}", std::process::id())))
    }

    /// The pattern for anna and ben, with tokens in this folder.
    fn start(&self, name: &str) -> Outcome<Boardcam> {
        let file = users(name)?;
        let mut command = Command::new(PROGRAM);
        command.env("STATE_DIRECTORY", &self.0);
        Boardcam::start_by(command, &["--camera", "pattern", "--size", "320x240", "--config", file.path()])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // it may never have been made
    }
}

#[test]
fn a_token_opens_the_stream_and_nothing_more_survives_a_restart_and_ends_with_its_streams() -> Outcome {
    let folder = Folder::new("tokens");
    let boardcam = folder.start("token.toml")?;
    let made = ask(boardcam.address, "POST", "/api/tokens", &[ANNA], "{\"name\": \"mainsail\"}")?;
    ensure!(made.status == 201, "{}: {}", made.status, made.text());
    let made: serde_json::Value = serde_json::from_slice(&made.body)?;
    let (url, token) = (made["url"].as_str().ok_or("no url")?, made["token"].as_str().ok_or("no token")?);
    Viewer::connect_with(boardcam.address, url, &[])?.next()?;
    for (path, status) in [
        (format!("/state?token={token}"), 200),
        (format!("/?action=snapshot&card=1&token={token}"), 200),
        (format!("/?token={token}"), 303),
        (format!("/api/tokens?token={token}"), 403),
        (format!("/state?token={}", &token[1..]), 401),
    ] {
        ensure!(boardcam.get(&path)?.status == status, "{path}");
    }
    drop(boardcam);

    let boardcam = folder.start("token.toml")?;
    let again = ask(boardcam.address, "POST", "/api/tokens", &[ANNA], "{\"name\": \"mainsail\"}")?;
    ensure!(again.status == 409, "two of one name: {}", again.status);
    let list = ask(boardcam.address, "GET", "/api/tokens", &[ANNA], "")?.text();
    ensure!(list.contains("\"mainsail\"") && !list.contains(token), "{list}");
    let viewer = Viewer::connect_with(boardcam.address, url, &[])?;
    let other = Viewer::connect_with(boardcam.address, "/stream", &[BEN])?;
    goes_on(&viewer, 5)?;
    let revoked = ask(boardcam.address, "DELETE", "/api/tokens?name=mainsail", &[ANNA], "")?;
    ensure!(revoked.status == 204, "{}", revoked.status);
    viewer.wait_for_end()?;
    goes_on(&other, 5)?;
    ensure!(boardcam.get(url)?.status == 401, "revoked, and opens still");
    drop(boardcam);
    ensure!(folder.start("token.toml")?.get(url)?.status == 401, "revoked, and opens after a restart");
    Ok(())
}

#[test]
fn two_boardcams_on_one_board_share_their_tokens() -> Outcome {
    let folder = Folder::new("shared");
    let (one, two) = (folder.start("one.toml")?, folder.start("two.toml")?);
    let make = |boardcam: &Boardcam, name: &str| -> Outcome<String> {
        let made =
            ask(boardcam.address, "POST", "/api/tokens", &[ANNA], &format!("{{\"name\": \"{name}\"}}"))?;
        let made: serde_json::Value = serde_json::from_slice(&made.body)?;
        Ok(made["url"].as_str().ok_or("no url")?.to_owned())
    };
    let (first, second) = (make(&one, "first")?, make(&two, "second")?);
    let opens = |boardcam: &Boardcam, url: &str| -> Outcome<bool> {
        Ok(boardcam.get(&url.replace("/stream", "/state"))?.status == 200)
    };
    wait_for("the token of the other boardcam", || Ok(opens(&one, &second)?.then_some(())))?;
    ensure!(opens(&two, &first)?, "made before its own was");
    let viewer = Viewer::connect_with(one.address, &second, &[])?;
    let other = Viewer::connect_with(one.address, &first, &[])?;
    goes_on(&viewer, 3)?;
    ensure!(ask(two.address, "DELETE", "/api/tokens?name=second", &[ANNA], "")?.status == 204, "revoked");
    viewer.wait_for_end()?;
    goes_on(&other, 3)?;
    make(&one, "third")?; // it must not write back what was revoked
    drop((one, two));
    let after = folder.start("one.toml")?;
    ensure!(!opens(&after, &second)?, "revoked, and opens after a restart");
    ensure!(opens(&after, &first)?, "one that was never revoked is gone");
    Ok(())
}

#[test]
fn a_token_that_cannot_be_kept_or_named_is_refused_with_a_reason() -> Outcome {
    let folder = Folder::new("not-a-folder");
    fs::write(&folder.0, "a file")?;
    let boardcam = folder.start("unkept.toml")?;
    let make = |body: &str| ask(boardcam.address, "POST", "/api/tokens", &[ANNA], body);
    let answer = make("{\"name\": \"mainsail\"}")?;
    ensure!(answer.status == 500 && answer.text().contains("STATE_DIRECTORY"), "{}", answer.text());
    for body in ["", "{}", "[]", "name=x", "{\"name\": 5}", "{\"name\":\"a\",\"x\":1}", &"[".repeat(60_000)] {
        ensure!(make(body)?.status == 400, "{body:.20}");
    }
    for name in ["a b", "", "x/y", &"x".repeat(33)] {
        let answer = make(&format!("{{\"name\": \"{name}\"}}"))?;
        ensure!(answer.status == 400 && answer.text().contains("letters"), "{name}: {}", answer.text());
    }
    for (path, status, told) in [
        ("/api/tokens", 400, "?name=NAME"),
        ("/api/tokens?name=", 400, "?name=NAME"),
        ("/api/tokens?name=a%20b", 400, "letters"),
        ("/api/tokens?name=gone", 404, "no such token"),
    ] {
        let answer = ask(boardcam.address, "DELETE", path, &[ANNA], "")?;
        ensure!(answer.status == status && answer.text().contains(told), "{path}: {}", answer.text());
    }
    fs::remove_file(&folder.0)?;
    Ok(())
}
