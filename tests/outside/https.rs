//! HTTPS: it serves everything that plain HTTP does, and clients cannot harm it.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::version::{TLS12, TLS13};

use crate::boardcam::{Boardcam, goes_on};
use crate::passwords::{ANNA, users};
use client::{Answer, Outcome, Secure, Trust, Viewer, certificate, ensure, request, wait_for};

const PROGRAM: &str = env!("CARGO_BIN_EXE_boardcam");

/// The first bytes of an unfinished handshake.
const HALF_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// A folder that is removed when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Outcome<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("boardcam-https-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts boardcam with HTTPS and returns its HTTPS address. Its state goes into the folder.
pub fn start(folder: &Folder, tls: &str, more: &[&str]) -> Outcome<(Boardcam, SocketAddr)> {
    start_by(Command::new(PROGRAM), folder, tls, more)
}

/// The same with a command that has more in its environment.
fn start_by(
    mut command: Command,
    folder: &Folder,
    tls: &str,
    more: &[&str],
) -> Outcome<(Boardcam, SocketAddr)> {
    command.env("STATE_DIRECTORY", &folder.0);
    let options = [&["--camera", "pattern", "--tls", tls, "--tls-listen", "127.0.0.1:0"], more].concat();
    let boardcam = Boardcam::start_by(command, &options)?;
    let address = wait_for("it to listen for HTTPS", || {
        let log = boardcam.log();
        let place = log.split_once("listening on https://").and_then(|(_, rest)| rest.split_once('/'));
        Ok(place.map(|(address, _)| address.parse()).transpose()?)
    })?;
    Ok((boardcam, address))
}

pub fn small(folder: &Folder) -> Outcome<(Boardcam, SocketAddr)> {
    start(folder, "auto", &["--size", "320x240"])
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn ask(connection: &mut Secure, bytes: &str) -> Outcome<Answer> {
    connection.get_mut().write_all(bytes.as_bytes())?;
    connection.get_mut().flush()?;
    Answer::read(connection)
}

fn watching(boardcam: &Boardcam) -> Outcome<usize> {
    Ok(boardcam.state()?["viewers"].as_array().ok_or("no viewers")?.len())
}

#[test]
fn pages_pictures_and_streams_come_over_https_in_both_versions_on_connections_that_stay() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    let kept = certificate(&Trust::any()?.connect(address, "localhost")?)?;
    for name in ["localhost", "127.0.0.1"] {
        Trust::only(&kept)?.connect(address, name)?;
    }
    ensure!(Trust::only(&kept)?.connect(address, "evil.example").is_err(), "it vouches for any name");
    for version in [&TLS12, &TLS13] {
        let trust = Trust::any_by(&[version])?;
        let mut connection = trust.connect(address, "localhost")?;
        for round in 0..3 {
            for path in ["/", "/page.js", "/state", "/healthz"] {
                let answer = ask(&mut connection, &get(path))?;
                ensure!(answer.status == 200, "{path} in round {round}: {}", answer.status);
            }
            let picture = ask(&mut connection, &get("/snapshot"))?.body;
            ensure!(picture.starts_with(b"\xff\xd8") && picture.ends_with(b"\xff\xd9"), "no whole JPEG");
        }
        let body = "x".repeat(64 << 10);
        let post =
            format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        ensure!(ask(&mut connection, &post)?.status == 405, "the body was not taken");
        let many = trust.request(address, get("/icon.svg").repeat(500).as_bytes());
        let mut many = many?;
        for number in 0..500 {
            let answer = Answer::read(&mut many)?;
            ensure!(answer.status == 200 && answer.body.len() > 100, "answer {number}: {}", answer.status);
        }
        let viewer = trust.watch(address, "/stream")?;
        let frames = (0..20).map(|_| viewer.next()).collect::<Outcome<Vec<_>>>()?;
        ensure!(frames.windows(2).all(|two| two[0] != two[1]), "frames repeat");
    }
    ensure!(!boardcam.log().contains("panic"), "{}", boardcam.log());
    Ok(())
}

#[test]
fn frames_larger_than_what_is_encrypted_ahead_come_whole() -> Outcome {
    /// Bytes that are encrypted before the system takes them, as src/socket/tls.rs has it.
    const AHEAD: usize = 64 << 10;
    let folder = Folder::new()?;
    let (_boardcam, address) = start(&folder, "auto", &["--size", "1280x720", "--quality", "100"])?;
    let viewer = Trust::any()?.watch(address, "/stream")?;
    for _ in 0..5 {
        let frame = viewer.wait_for("a large frame", |frame| frame.len() > AHEAD)?;
        ensure!(frame.starts_with(b"\xff\xd8") && frame.ends_with(b"\xff\xd9"), "no whole JPEG");
    }
    let mut snapshot = Trust::any()?.request(address, (get("/snapshot") + &get("/state")).as_bytes())?;
    let picture = Answer::read(&mut snapshot)?;
    ensure!(picture.body.len() > AHEAD, "no whole snapshot: {}", picture.text());
    ensure!(Answer::read(&mut snapshot)?.status == 200, "nothing behind a snapshot");
    Ok(())
}

#[test]
fn plain_http_redirects_to_https_except_for_health_and_local_programs() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = start(&folder, "auto", &["--size", "64x48", "--host", "board.test"])?;
    let plain = |path: &str, host: &str, more: &str| {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        Answer::read(&mut request(boardcam.address, ask.as_bytes())?)
    };
    for path in ["/", "/stream?fps=5", "/snapshot", "/nowhere"] {
        for claim in ["", "X-Boardcam-Secure: 1\r\n", "x-boardcam-secure: 1\r\nX-Forwarded-Proto: https\r\n"]
        {
            let answer = plain(path, "board.test:8080", claim)?;
            let there = format!("https://board.test:{}{path}", address.port());
            ensure!(answer.status == 307, "{path} with {claim:?}: {}", answer.status);
            ensure!(answer.headers["location"] == there, "{}", answer.headers["location"]);
            ensure!(!answer.headers.contains_key("strict-transport-security"), "it may lock its user out");
        }
    }
    wait_for("the first picture", || Ok((plain("/healthz", "board.test", "")?.status == 200).then_some(())))?;
    ensure!(plain("/state", "127.0.0.1", "")?.status == 200, "programs on this machine are led away");
    boardcam.watch("/stream")?.next()?;
    let ask = "GET /state HTTP/1.1\r\nHost: board.test\r\n\r\n";
    let answer = Answer::read(&mut Trust::any()?.request(address, ask.as_bytes())?)?;
    ensure!(answer.status == 200, "HTTPS leads to itself: {}", answer.status);
    ensure!(!answer.headers.contains_key("strict-transport-security"), "it may lock its user out");
    Ok(())
}

#[test]
fn over_https_the_cookie_is_secure_signing_out_ends_streams_and_in_plain_no_password_is_asked() -> Outcome {
    let (folder, file) = (Folder::new()?, users("https-users.toml")?);
    let options = ["--size", "320x240", "--host", "board.test", "--config", file.path()];
    let (boardcam, address) = start(&folder, "auto", &options)?;
    for path in ["/", "/sign-in", "/stream", "/healthz"] {
        for more in ["", ANNA] {
            let head = format!("GET {path} HTTP/1.0\r\nHost: board.test\r\n{more}");
            let answer =
                Answer::read(&mut request(boardcam.address, format!("{}\r\n\r\n", head.trim()).as_bytes())?)?;
            ensure!(answer.status == 307, "{path}: {}", answer.status);
            ensure!(!answer.headers.contains_key("www-authenticate"), "{path} asks for a password in plain");
        }
    }
    let trust = Trust::any()?;
    let post = |path: &str, header: &str, body: &str| {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.0\r\nHost: board.test\r\n{header}\r\nContent-Length: {length}");
        Answer::read(&mut trust.request(address, format!("{head}\r\n\r\n{body}").as_bytes())?)
    };
    let form = "Content-Type: application/x-www-form-urlencoded";
    let answer = post("/sign-in", form, "name=anna&password=password")?;
    let cookie = answer.headers.get("set-cookie").ok_or("no cookie")?;
    ensure!(cookie.contains("; Secure"), "{cookie}");
    let ours = format!("Cookie: {}", cookie.split(';').next().unwrap_or_default());
    let watch = |header: &str| -> Outcome<Viewer> {
        let ask = format!("GET /stream HTTP/1.0\r\nHost: board.test\r\n{header}\r\n\r\n");
        let reader = trust.request(address, ask.as_bytes())?;
        let socket = reader.get_ref().sock.try_clone()?;
        Ok(Viewer::follow(reader, socket))
    };
    let (viewer, other) = (watch(&ours)?, watch(ANNA)?);
    goes_on(&viewer, 5)?;
    ensure!(post("/sign-out", &ours, "")?.status == 303, "signing out");
    viewer.wait_for_end()?;
    goes_on(&other, 5)
}

#[test]
fn http_or_nonsense_on_the_tls_port_gets_a_reason_and_the_other_way_round() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    for bytes in [get("/").as_bytes(), b"\x80\x80\x01\x03\x01", b"\0"] {
        let answer = Answer::read(&mut request(address, bytes)?)?;
        ensure!(answer.status == 400 && answer.text().contains("Use https://"), "{}", answer.text());
    }
    let answer = Answer::read(&mut request(boardcam.address, HALF_HELLO)?)?;
    ensure!(answer.status == 400 && answer.text().contains("http://"), "{}", answer.text());
    let mut alert = Vec::new();
    request(address, b"\x16\x03\x01\x00\x05hello")?.read_to_end(&mut alert)?;
    ensure!(alert.first() == Some(&0x15), "garbage in a handshake is answered with {alert:?}");
    Trust::any()?.watch(address, "/stream")?.next()?;
    Ok(())
}

#[test]
fn handshakes_that_are_slow_or_stop_are_cut_off_after_five_seconds_and_others_served_meanwhile() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    let viewer = Trust::any()?.watch(address, "/stream")?;
    let begin = Instant::now();
    let mut readers = [&b""[..], b"\x16", HALF_HELLO]
        .map(|bytes| request(address, bytes))
        .into_iter()
        .collect::<Outcome<Vec<_>>>()?;
    let trickle = request(address, b"")?;
    let mut socket = trickle.get_ref().try_clone()?;
    readers.push(trickle);
    thread::scope(|scope| -> Outcome {
        scope.spawn(move || {
            for byte in HALF_HELLO.iter().chain(&[0; 20]) {
                if socket.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        let waiting = readers.into_iter().map(|mut reader| {
            scope.spawn(move || {
                let _ = reader.read_to_end(&mut Vec::new()); // or a reset
                begin.elapsed().as_secs_f64()
            })
        });
        let waiting: Vec<_> = waiting.collect();
        while !waiting.iter().all(|client| client.is_finished()) {
            goes_on(&viewer, 1)?;
            Trust::any()?.connect(address, "localhost")?;
        }
        for client in waiting {
            let after = client.join().map_err(|_| "a client panicked")?;
            ensure!((4.0..15.0).contains(&after), "cut off after {after:.1} s");
        }
        Ok(())
    })?;
    wait_for("them to be gone", || Ok((boardcam.connections()? == 2).then_some(())))
}

#[test]
fn a_thousand_half_handshakes_keep_nobody_out_and_cost_little() -> Outcome {
    const MARGIN_KIB: u64 = 6 << 10;
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    crate::boardcam::open_many()?;
    let (secure, plain) = (Trust::any()?.watch(address, "/stream")?, boardcam.watch("/stream")?);
    goes_on(&secure, 5)?;
    let before = boardcam.resident()?;
    let mut most = 0;
    let mut held = Vec::new();
    for number in 0..1_000 {
        held.push(request(address, HALF_HELLO)?);
        if number % 100 == 50 {
            ensure!(
                ask(&mut Trust::any()?.connect(address, "localhost")?, &get("/state"))?.status == 200,
                "kept out"
            );
            most = most.max(boardcam.connections()?);
        }
    }
    ensure!(
        (100..150).contains(&most),
        "{most} connections: more handshakes than there may be, or none waited"
    );
    goes_on(&secure, 5)?;
    goes_on(&plain, 5)?;
    let after = boardcam.resident()?;
    println!("{before} KiB before, {after} KiB after, {most} connections at most");
    ensure!(after < before + MARGIN_KIB, "{before} KiB have become {after}");
    drop(held);
    wait_for("them to be gone", || Ok((boardcam.connections()? == 3).then_some(())))
}

#[test]
fn garbage_within_tls_ends_that_connection_alone() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    let viewer = Trust::any()?.watch(address, "/stream")?;
    let oversized = [&b"\x17\x03\x03\xff\xff"[..], &[7; 1 << 16]].concat();
    let forged = [&b"\x17\x03\x03\x00\x40"[..], &[7; 0x40]].concat();
    let mut held = Vec::new();
    for garbage in [&b"garbage garbage garbage"[..], &oversized, &forged, b"\x15\x03\x03\x00\x02\x02\x28"] {
        for asked in ["", "GET /sta", &get("/state"), &get("/stream")] {
            let mut connection = Trust::any()?.request(address, asked.as_bytes())?;
            let _ = connection.get_mut().sock.write_all(garbage); // it need not take all of that
            let _ = std::io::copy(&mut connection, &mut std::io::sink()); // until the server ends it
            held.push(connection);
        }
    }
    let begin = Instant::now();
    wait_for("them to be gone", || Ok((boardcam.connections()? == 2).then_some(())))?;
    // An idle connection is closed after 15 s.
    ensure!(begin.elapsed() < Duration::from_secs(10), "heard out for {:?}", begin.elapsed());
    goes_on(&viewer, 5)?;
    drop(held);
    ensure!(!boardcam.log().contains("panic"), "{}", boardcam.log());
    Ok(())
}

/// Opens a stream on a connection whose kernel takes next to nothing.
fn narrow(address: SocketAddr) -> Outcome<Secure> {
    let socket = client::narrow(address, b"")?.into_inner();
    let mut connection = Trust::any()?.shake_hands(socket, "localhost")?;
    connection.get_mut().write_all(get("/stream?id=narrow").as_bytes())?;
    connection.get_mut().flush()?;
    Ok(connection)
}

#[test]
fn https_viewers_that_never_read_are_dropped_and_one_that_reads_slowly_stays() -> Outcome {
    const SILENT: usize = 5;
    let folder = Folder::new()?;
    let (boardcam, address) = start(&folder, "auto", &["--size", "1280x720"])?;
    let viewer = Trust::any()?.watch(address, "/stream")?;
    let silent = (0..SILENT).map(|_| narrow(address)).collect::<Outcome<Vec<_>>>()?;
    let mut slow = narrow(address)?;
    let begin = Instant::now();
    wait_for("all to watch", || Ok((watching(&boardcam)? == SILENT + 2).then_some(())))?;
    let dropped = thread::scope(|scope| {
        // So slowly that not even what is encrypted ahead is taken within ten seconds.
        let reading = scope.spawn(move || {
            let mut taken = 0;
            while begin.elapsed() < Duration::from_secs(16) {
                taken += slow.read(&mut [0; 2 << 10])?;
                thread::sleep(Duration::from_millis(500));
            }
            Ok::<_, std::io::Error>((taken, slow))
        });
        let dropped = wait_for("the viewers that never read to be dropped", || {
            Ok((watching(&boardcam)? == 2).then(|| begin.elapsed().as_secs_f64()))
        })?;
        let (taken, slow) = reading.join().map_err(|_| "the reader panicked")??;
        ensure!(watching(&boardcam)? == 2, "it was dropped though it took {taken} bytes");
        drop(slow);
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(dropped)
    })?;
    println!("dropped after {dropped:.1} s");
    ensure!((9.5..30.0).contains(&dropped), "dropped after {dropped:.1} s");
    goes_on(&viewer, 10)?;
    drop(silent);
    wait_for("all to be gone", || Ok((watching(&boardcam)? == 1).then_some(())))
}

#[test]
fn it_ends_soon_with_https_viewers_and_half_handshakes_and_says_goodbye() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = small(&folder)?;
    let silent = narrow(address)?;
    let half = request(address, HALF_HELLO)?;
    let idle = Trust::any()?.connect(address, "localhost")?;
    let mut ended = Trust::any()?.request(address, get("/stream").as_bytes())?;
    wait_for("both to watch", || Ok((watching(&boardcam)? == 2).then_some(())))?;
    let reading = thread::spawn(move || std::io::copy(&mut ended, &mut std::io::sink()));
    let (code, after) = boardcam.end_by(Signal::TERM)?;
    ensure!(code == Some(0) && after < Duration::from_secs(4), "{code:?} after {after:?}");
    let read = reading.join().map_err(|_| "the reader panicked")?;
    ensure!(read.is_ok(), "the stream was cut off without close_notify: {read:?}");
    drop((silent, half, idle));
    Ok(())
}

#[test]
fn both_ports_share_one_limit_on_connections() -> Outcome {
    let folder = Folder::new()?;
    let (boardcam, address) = start(&folder, "auto", &["--size", "64x48", "--max-connections", "6"])?;
    // Streams, since connections without a request would make room.
    let held = (0..3).map(|_| Trust::any()?.watch(address, "/stream")).collect::<Outcome<Vec<_>>>()?;
    let plain = (0..3).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    held.iter().chain(&plain).try_for_each(|viewer| viewer.next().map(|_| ()))?;
    wait_for("one too many to be refused on both", || {
        let refused = boardcam.get("/state").is_ok_and(|answer| answer.status == 503);
        Ok((refused && Trust::any()?.connect(address, "localhost").is_err()).then_some(()))
    })?;
    held.iter().try_for_each(|viewer| goes_on(viewer, 2))?;
    drop(plain);
    wait_for("room on both", || {
        let free = boardcam.get("/state").is_ok_and(|answer| answer.status == 200);
        Ok((free && Trust::any()?.connect(address, "localhost").is_ok()).then_some(()))
    })
}

#[cfg(feature = "inject")]
#[test]
fn inject_a_panic_in_one_https_viewer_ends_that_one() -> Outcome {
    let folder = Folder::new()?;
    let mut command = Command::new(PROGRAM);
    command.env(::boardcam::host::inject::VARIABLE, "viewer");
    let (boardcam, address) = start_by(command, &folder, "auto", &["--size", "320x240"])?;
    let first = Trust::any()?.watch(address, "/stream")?;
    wait_for("the injected panic", || Ok(boardcam.log().contains("injected").then_some(())))?;
    ensure!(first.next().is_err(), "it goes on");
    Trust::any()?.watch(address, "/stream")?.next()?;
    Ok(())
}
