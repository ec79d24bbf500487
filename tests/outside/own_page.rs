//! `--static`: a page of your own in place of boardcam's.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use client::{Answer, Outcome, ask, ensure, request, request_from, wait_for};

use crate::boardcam::{Boardcam, File, complaint, open_many, run};
use crate::fairness::{GREEDY, OTHER};
use crate::passwords::{BEN, users};
use crate::recording::Place;

const PAGE: &str = "<!doctype html><script>1</script><img src=\"video_feed\">";

/// A folder with a page.
fn page() -> Outcome<Place> {
    let place = Place::new()?;
    fs::write(place.0.join("index.html"), PAGE)?;
    fs::create_dir(place.0.join("sub"))?;
    fs::write(place.0.join("sub/app.js"), "let x = 1;")?;
    Ok(place)
}

fn start(folder: &Path, options: &[&str]) -> Outcome<Boardcam> {
    let folder = folder.to_str().ok_or("an odd path")?;
    let pattern = ["--camera", "pattern", "--size", "64x48", "--static", folder];
    Boardcam::start(&[&pattern, options].concat())
}

fn get(boardcam: &Boardcam, path: &str, headers: &[&str]) -> Outcome<Answer> {
    ask(boardcam.address, "GET", path, headers, "")
}

#[test]
fn the_page_is_ones_own_and_boardcams_urls_stay() -> Outcome {
    let place = page()?;
    for taken in ["stream", "state", "sign-in.css"] {
        fs::write(place.0.join(taken), "not this")?;
    }
    let boardcam = start(&place.0, &[])?;
    for path in ["/", "/index.html", "/cameras/camera/"] {
        let own = boardcam.get(path)?;
        ensure!(own.status == 200 && own.text() == PAGE, "{path}: {} {}", own.status, own.text());
        ensure!(own.headers["content-type"] == "text/html; charset=utf-8", "{path}: {:?}", own.headers);
        ensure!(own.headers["x-content-type-options"] == "nosniff", "{path}: {:?}", own.headers);
        let policy = &own.headers["content-security-policy"];
        ensure!(policy == "frame-ancestors 'self'", "its own scripts must run: {policy}");
    }
    let script = boardcam.get("/sub/app.js?v=1")?;
    ensure!(script.headers["content-type"] == "text/javascript; charset=utf-8", "{:?}", script.headers);
    for gone in ["/page.js", "/page.css", "/icon.svg", "/nothing", "/.hidden", "/%2e%2e/etc/passwd"] {
        let answer = boardcam.get(gone)?;
        ensure!(answer.status == 404 && answer.text().contains("nothing here"), "{gone}: {}", answer.text());
    }
    boardcam.watch("/stream")?.next()?;
    ensure!(boardcam.state()?["cameras"][0]["name"] == "camera", "/state is boardcam's");
    ensure!(boardcam.get("/sign-in.css")?.text() != "not this", "/sign-in.css is boardcam's");
    let folder = boardcam.get("/sub?x=1")?;
    ensure!(
        (folder.status, folder.headers["location"].as_str()) == (303, "./sub/?x=1"),
        "{} {:?}",
        folder.status,
        folder.headers
    );
    let prefix = "X-Forwarded-Prefix: /webcam";
    ensure!(get(&boardcam, "/webcam/sub/app.js", &[prefix])?.text() == "let x = 1;", "below a prefix");
    let folder = get(&boardcam, "/webcam/sub", &[prefix])?;
    ensure!(folder.headers["location"] == "./sub/", "{:?}", folder.headers);
    fs::write(place.0.join("photo.jpg"), "a photo")?;
    let photo = get(&boardcam, "/photo.jpg", &["Accept: image/avif,image/*,*/*;q=0.8"])?;
    ensure!(photo.text() == "a photo", "the <img> of a photo shows it, not the stream");
    let post = ask(boardcam.address, "POST", "/index.html", &[], "")?;
    ensure!(post.status == 405, "{}", post.status);
    Ok(())
}

#[test]
fn a_change_is_seen_at_once_and_what_a_browser_has_is_not_sent_again() -> Outcome {
    let place = page()?;
    let boardcam = start(&place.0, &[])?;
    let first = boardcam.get("/")?;
    let known = format!("If-None-Match: {}", first.headers["etag"]);
    let again = get(&boardcam, "/", &[&known])?;
    ensure!((again.status, again.body.len()) == (304, 0), "{} {:?}", again.status, again.headers);
    fs::write(place.0.join("index.html"), "changed")?;
    let changed = get(&boardcam, "/", &[&known])?;
    ensure!(
        (changed.status, changed.text()) == (200, "changed".to_owned()),
        "{} {:?}",
        changed.status,
        changed.headers
    );
    fs::write(place.0.join("new.txt"), "new")?;
    ensure!(boardcam.get("/new.txt")?.text() == "new", "a new file");
    Ok(())
}

#[test]
fn parts_of_a_film_are_sent_one_after_the_other_on_one_connection() -> Outcome {
    let place = page()?;
    let film: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    fs::write(place.0.join("film.webm"), &film)?;
    let boardcam = start(&place.0, &[])?;
    let line = |method: &str, path: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")
    };
    let film_part = |range: &str| line("GET", "/film.webm", &format!("Range: bytes={range}\r\n"));
    let all = film_part("10-19")
        + &film_part("-300000")
        + &film_part("1000000-")
        + &line("GET", "/nothing", "")
        + &line("GET", "/sub", "")
        + &line("GET", "/state", "");
    let mut connection = request(boardcam.address, all.as_bytes())?;
    for (status, body) in [(206, &film[10..20]), (206, &film[700_000..])] {
        let answer = Answer::read(&mut connection)?;
        ensure!(answer.status == status && answer.body == body, "{} {:?}", answer.status, answer.headers);
    }
    for status in [416, 404, 303, 200] {
        let answer = Answer::read(&mut connection)?;
        ensure!(answer.status == status, "{} instead of {status}: {:?}", answer.status, answer.headers);
    }
    let head = request(boardcam.address, line("HEAD", "/film.webm", "Connection: close\r\n").as_bytes());
    let mut told = String::new();
    head?.read_to_string(&mut told)?;
    ensure!(told.starts_with("HTTP/1.1 200 OK") && told.contains("Content-Length: 1000000\r\n"), "{told}");
    ensure!(told.ends_with("\r\n\r\n"), "{told}");
    Ok(())
}

#[test]
fn links_out_of_the_folder_hidden_files_and_pipes_are_not_there() -> Outcome {
    let place = page()?;
    symlink("/etc/passwd", place.0.join("passwd"))?;
    symlink("/etc", place.0.join("etc"))?;
    fs::write(place.0.join(".htpasswd"), "secret")?;
    let made = Command::new("mkfifo").arg(place.0.join("pipe")).status()?;
    ensure!(made.success(), "mkfifo");
    let boardcam = start(&place.0, &[])?;
    let hidden = ["/passwd", "/etc/passwd", "/.htpasswd", "/%2ehtpasswd", "/sub/..%2f.htpasswd", "/pipe"];
    for path in hidden.into_iter().chain(["/sub/../../etc/passwd", "/sub%00/app.js", "/sub%5capp.js"]) {
        let answer = boardcam.get(path)?;
        ensure!(!answer.text().contains("root:") && !answer.text().contains("secret"), "{path}");
        ensure!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    Ok(())
}

#[test]
fn with_users_the_page_is_for_who_is_signed_in_and_the_form_stays_boardcams() -> Outcome {
    let (place, file) = (page()?, users("own-page")?);
    let boardcam = start(&place.0, &["--config", file.path()])?;
    for path in ["/", "/sub/app.js", "/nothing"] {
        let answer = boardcam.get(path)?;
        ensure!(
            answer.status == 303 && answer.headers["location"].ends_with("sign-in"),
            "{path}: {} {:?}",
            answer.status,
            answer.headers
        );
    }
    let form = boardcam.get("/sign-in")?;
    for part in ["sign-in.css", "sign-in.svg"] {
        ensure!(form.text().contains(part), "{}", form.text());
        ensure!(boardcam.get(&format!("/{part}"))?.status == 200, "{part}");
    }
    let own = get(&boardcam, "/sub/app.js", &[BEN])?;
    ensure!((own.status, own.text()) == (200, "let x = 1;".to_owned()), "{} {:?}", own.status, own.headers);
    Ok(())
}

#[test]
fn clients_that_take_nothing_of_a_large_file_cost_little_and_others_are_served() -> Outcome {
    let place = page()?;
    let large = fs::File::create(place.0.join("large.bin"))?;
    large.set_len(3 << 30)?; // sparse
    let boardcam = start(&place.0, &[])?;
    boardcam.get("/")?;
    let before = boardcam.resident()?;
    let lazy: Vec<_> = (0..40)
        .map(|_| request(boardcam.address, b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .collect::<Outcome<_>>()?;
    for client in
        &mut lazy.iter().map(|client| client.get_ref().try_clone()).collect::<Result<Vec<_>, _>>()?
    {
        client.read_exact(&mut [0; 12])?; // it has begun
    }
    ensure!(boardcam.get("/sub/app.js")?.status == 200, "others are served");
    let after = boardcam.resident()?;
    ensure!(after < before + 20_000, "{before} KiB, then {after}");
    let mut end = request(
        boardcam.address,
        b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=3221225470-\r\n\r\n",
    )?;
    ensure!(Answer::read(&mut end)?.body == [0, 0], "its end");
    Ok(())
}

#[test]
fn one_client_that_takes_nothing_on_any_number_of_connections_keeps_the_page_from_nobody() -> Outcome {
    /// More than two event loops send at once.
    const GREEDY_CONNECTIONS: usize = 2 * 64 + 10;
    open_many()?;
    let place = page()?;
    fs::File::create(place.0.join("large.bin"))?.set_len(3 << 30)?; // sparse
    let boardcam = start(&place.0, &[])?;
    let large = b"GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let greedy: Vec<_> = (0..GREEDY_CONNECTIONS)
        .map(|_| request_from(GREEDY, boardcam.address, large))
        .collect::<Outcome<_>>()?;
    for client in &greedy {
        client.get_ref().peek(&mut [0])?; // it has begun, or is refused
    }
    for _ in 0..GREEDY_CONNECTIONS {
        let get = b"GET /sub/app.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let answer = Answer::read(&mut request_from(OTHER, boardcam.address, get)?)?;
        ensure!(answer.status == 200 && answer.text() == "let x = 1;", "{} {}", answer.status, answer.text());
    }
    Ok(())
}

#[test]
fn a_folder_that_is_missing_is_said_at_the_start_and_by_check() -> Outcome {
    let place = Place::new()?;
    let folder = place.0.to_str().ok_or("an odd path")?;
    let missing = "/no/page";
    let pattern = ["--camera", "pattern", "--listen", "127.0.0.1:0"];
    for (task, status) in [(&["check"][..], 2), (&[], 1)] {
        let line = complaint(&[&pattern, &["--static", missing][..], task].concat(), status)?;
        ensure!(line.contains(&format!("cannot serve the page in {missing}: ")), "{line}");
        ensure!(line.contains("create the folder"), "{line}");
    }
    let output = run(&[&pattern, &["--static", folder, "check"][..]].concat())?;
    let told = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && told.contains("# warning: cannot serve"), "{told}");
    ensure!(told.contains("no index.html") && told.contains(&format!("static = \"{folder}\"")), "{told}");
    // A board that is for nothing else shows boardcam's page.
    let file = File::new("own-page.toml", &format!("static = \"{missing}\"\n"))?;
    let options = ["--appliance", "--config", file.path(), "--camera", "pattern", "--size", "64x48"];
    let boardcam = Boardcam::start(&options)?;
    wait_for("it says so", || Ok(boardcam.log().contains("cannot serve the page in").then_some(())))?;
    ensure!(boardcam.get("/page.js")?.status == 200, "boardcam's page");
    Ok(())
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent_arrives_as_it_was() -> Outcome {
    let place = page()?;
    let (path, film) = (place.0.join("film.webm"), vec![7; 16 << 20]);
    fs::write(&path, &film)?;
    let boardcam = start(&place.0, &[])?;
    let mut client = request(boardcam.address, b"GET /film.webm HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    client.get_ref().peek(&mut [0])?; // it has begun
    fs::File::create(place.0.join("new"))?.write_all(b"another")?;
    fs::rename(place.0.join("new"), &path)?;
    ensure!(Answer::read(&mut client)?.body == film, "the old one");
    ensure!(boardcam.get("/film.webm")?.text() == "another", "the new one");
    Ok(())
}
