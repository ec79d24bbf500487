//! One client that asks for more than its share, and another one, which notices nothing of it.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, File, PROGRAM, open_many};
use crate::passwords::{ANNA, guarded, wrong};
use crate::pictures::PICTURES;

use client::{Answer, Outcome, ask, ensure, request, request_from, wait_for};
use rustix::process::Signal;

/// The address of the client that wants more than its share.
pub const GREEDY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

/// The address of the other one.
pub const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));

fn ask_for(path: &str, header: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n").into_bytes()
}

/// Whether something has come on this connection.
fn is_answered(reader: &BufReader<TcpStream>) -> Outcome<bool> {
    let socket = reader.get_ref();
    socket.set_nonblocking(true)?;
    let peeked = socket.peek(&mut [0]);
    socket.set_nonblocking(false)?;
    match peeked {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn count_answered(readers: &[BufReader<TcpStream>]) -> Outcome<usize> {
    let answered = readers.iter().map(is_answered).collect::<Outcome<Vec<_>>>()?;
    Ok(answered.into_iter().filter(|answered| *answered).count())
}

#[test]
fn three_hundred_arrivals_at_once_are_all_served() -> Outcome {
    const ARRIVALS: usize = 300;
    /// Generous: this may be an unoptimized program on a busy machine.
    const WAIT_MAX: Duration = Duration::from_secs(8);
    open_many()?;
    for (boardcam, header) in [
        (Boardcam::pattern()?, String::new()),
        (guarded("arrivals.toml", &[])?, format!("{ANNA}\r\n")), // proven by the first request
    ] {
        let first = Answer::read(&mut request(boardcam.address, &ask_for("/state", &header))?)?;
        ensure!(first.status == 200, "the first: {}", first.status);
        boardcam.signal(Signal::STOP)?;
        let ask = ask_for("/state", &header);
        let readers = (0..ARRIVALS).map(|_| request(boardcam.address, &ask)).collect::<Outcome<Vec<_>>>();
        boardcam.signal(Signal::CONT)?;
        let begin = Instant::now();
        for mut reader in readers? {
            let answer = Answer::read(&mut reader)?;
            ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
        }
        let longest = begin.elapsed();
        let whom = if header.is_empty() { "without users" } else { "with users" };
        println!("{ARRIVALS} arrivals at once {whom}: the longest wait was {longest:.0?}");
        ensure!(longest < WAIT_MAX, "the longest wait was {longest:.1?}");
    }
    Ok(())
}

#[test]
fn who_asks_once_does_not_wait_behind_three_hundred_requests_of_another_address() -> Outcome {
    const REQUESTS: usize = 300;
    /// A proxy that says whose requests it passes on.
    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 4));
    open_many()?;
    let options = ["--camera", "pattern", "--size", "64x48", "--trusted-proxy", "127.0.0.4"];
    let boardcam = Boardcam::start(&options)?;
    boardcam.state()?;
    let forwarded = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    for ([greedy, other], [greedy_says, other_says]) in [
        ([GREEDY, OTHER], [String::new(), String::new()]),
        ([PROXY, PROXY], [forwarded("192.0.2.1"), forwarded("192.0.2.2")]),
    ] {
        let ask = |from, says: &str| request_from(from, boardcam.address, &ask_for("/state", says));
        boardcam.signal(Signal::STOP)?;
        let greedy = (0..REQUESTS).map(|_| ask(greedy, &greedy_says)).collect::<Outcome<Vec<_>>>();
        let other = ask(other, &other_says);
        boardcam.signal(Signal::CONT)?;
        // When the program answered; this test may read late.
        let answered = |mut reader| -> Outcome<f64> {
            let answer = Answer::read(&mut reader)?;
            ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
            let state: serde_json::Value = serde_json::from_slice(&answer.body)?;
            Ok(state["program"]["uptime_s"].as_f64().ok_or("no time")?)
        };
        let (greedy, other) = (greedy?, answered(other?)?);
        let greedy = greedy.into_iter().map(answered).collect::<Outcome<Vec<_>>>()?;
        let before = greedy.iter().filter(|time| **time < other).count();
        println!("{before} of {REQUESTS} requests were answered before the other client's");
        ensure!(before < REQUESTS * 9 / 10, "{before} of {REQUESTS} requests were answered first");
    }
    Ok(())
}

/// Keeps `connections` requests waiting from one address until the end; returns how many were answered.
fn ask_without_pause(to: SocketAddr, connections: usize, end: &AtomicBool) -> Outcome<usize> {
    let ask = ask_for("/state", "");
    let mut readers: Vec<_> =
        (0..connections).map(|_| request_from(GREEDY, to, &ask)).collect::<Outcome<Vec<_>>>()?;
    let mut count = 0;
    while !end.load(Ordering::Relaxed) {
        for reader in &mut readers {
            let answer = Answer::read(reader)?;
            ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
            reader.get_mut().write_all(&ask)?;
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn beside_a_hundred_and_twenty_connections_that_ask_without_pause_others_get_page_picture_and_stream()
-> Outcome {
    const THREADS: usize = 4;
    const EACH: usize = 30;
    const TRIES: usize = 12;
    const SOON: Duration = Duration::from_secs(1);
    /// Tries that may take longer, on a machine that is busy with other tests.
    const LATE_MAX: usize = 2;
    open_many()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48"])?;
    let (address, end) = (boardcam.address, AtomicBool::new(false));
    let watching = boardcam.watch("/stream")?; // so that there are pictures
    watching.next()?;
    thread::scope(|scope| -> Outcome {
        let greedy: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| ask_without_pause(address, EACH, &end))).collect();
        let served = others(address, TRIES, SOON);
        end.store(true, Ordering::Relaxed);
        let mut answered = 0;
        for one in greedy {
            answered += one.join().map_err(|_| "the greedy client panicked")??;
        }
        let (late, longest) = served?;
        println!("{answered} requests beside; the other client waited {longest:.0?} at most");
        ensure!(
            late <= LATE_MAX,
            "{late} of {TRIES} tries took longer than {SOON:?}, the longest {longest:.1?}"
        );
        Ok(())
    })
}

/// Takes page, snapshot and stream as another client; returns how many tries took longer than `soon`, and the longest.
fn others(address: SocketAddr, tries: usize, soon: Duration) -> Outcome<(usize, Duration)> {
    let (mut late, mut longest) = (0, Duration::ZERO);
    for number in 0..tries {
        let begin = Instant::now();
        for path in ["/", "/snapshot", "/stream"] {
            let mut reader = request_from(OTHER, address, &ask_for(path, ""))?;
            let head = Answer::read_head(&mut reader)?;
            ensure!(head.status == 200, "try {number}, {path}: status {}", head.status);
            reader.read_exact(&mut [0; 100])?;
        }
        longest = longest.max(begin.elapsed());
        late += usize::from(begin.elapsed() > soon);
    }
    Ok((late, longest))
}

/// Settings with `anna`, whose password takes as long to check as hash-password makes it.
fn slow_user() -> Outcome<File> {
    let mut process = Command::new(PROGRAM)
        .args(["hash-password", "anna", "--role", "control"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    process.stdin.take().ok_or("no stdin")?.write_all(b"password\n")?;
    File::new("slow-user.toml", &String::from_utf8(process.wait_with_output()?.stdout)?)
}

#[test]
fn a_page_load_does_not_wait_behind_the_passwords_of_others() -> Outcome {
    const GUESSES: u8 = 20; // one more, and they would be slowed down
    let file = slow_user()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48", "--config", file.path()])?;
    let page = ask_for("/", &format!("{ANNA}\r\n"));
    ensure!(Answer::read(&mut request(boardcam.address, &page)?)?.status == 200, "the first");
    boardcam.signal(Signal::STOP)?;
    // Each from an address of its own, so that none is slowed.
    let guess = |number: u8| {
        let header = format!("{}\r\n", wrong(number.into()));
        request_from(IpAddr::from([127, 0, 1, number]), boardcam.address, &ask_for("/state", &header))
    };
    let guesses = (1..=GUESSES).map(guess).collect::<Outcome<Vec<_>>>();
    let loads = ["/", "/page.css", "/page.js", "/state"]
        .map(|path| request(boardcam.address, &ask_for(path, &format!("{ANNA}\r\n"))));
    boardcam.signal(Signal::CONT)?;
    let (guesses, begin) = (guesses?, Instant::now());
    for load in loads {
        ensure!(Answer::read(&mut load?)?.status == 200, "the page");
    }
    let (time, checked) = (begin.elapsed(), count_answered(&guesses)?);
    println!("the page was there after {time:.0?}, when {checked} of {GUESSES} passwords had been checked");
    ensure!(checked < usize::from(GUESSES) / 2, "it waited behind {checked} of {GUESSES} passwords");
    for mut reader in guesses {
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 401, "a password was not checked: {} {}", answer.status, answer.text());
    }
    Ok(())
}

#[test]
fn streams_and_tokens_that_come_and_go_cost_few_lines_and_hide_no_camera_and_no_sign_in() -> Outcome {
    const STREAMS: usize = 300;
    const TOKENS: usize = 30;
    /// Lines about one client's viewers, and about tokens, in a minute.
    const LINES: (usize, usize) = (6, 20);
    let stop = File::new("stop", "")?;
    let command = format!(
        "door=pipe:cd {PICTURES}; while ! rm {}-now 2>/dev/null; do cat small.jpg; sleep 0.1; done",
        stop.path()
    );
    let boardcam = guarded("lines.toml", &["--camera", &command])?;
    let (ours, address) = (format!("{ANNA}\r\n"), boardcam.address);
    for _ in 0..STREAMS {
        let mut stream = request_from(GREEDY, address, &ask_for("/stream", &ours))?;
        ensure!(Answer::read_head(&mut stream)?.status == 200, "no stream");
    }
    for number in 0..TOKENS {
        let body = format!("{{\"name\":\"t{number}\"}}");
        ensure!(ask(address, "POST", "/api/tokens", &[ANNA], &body)?.status < 300, "no token");
        let revoke = format!("/api/tokens?name=t{number}");
        ensure!(ask(address, "DELETE", &revoke, &[ANNA], "")?.status < 300, "not revoked");
    }
    for (from, tries) in [(GREEDY, 20), (OTHER, 1)] {
        for number in 0..tries {
            let guess = format!("{}\r\n", wrong(number));
            let status = Answer::read(&mut request_from(from, address, &ask_for("/state", &guess))?)?.status;
            ensure!([401, 429].contains(&status), "{status}");
        }
    }
    std::fs::write(format!("{}-now", stop.path()), "")?;
    wait_for("the line about the camera", || {
        Ok(boardcam.log().contains("camera door: pipe:cd ended").then_some(()))
    })?;
    boardcam.signal(Signal::TERM)?;
    wait_for("the end", || Ok(boardcam.log().contains("boardcam stopped").then_some(())))?;
    let log = boardcam.log();
    let count = |words: &str| log.matches(words).count();
    let (viewers, tokens) =
        (count(&format!("viewer {GREEDY}:")), count("created token") + count("revoked token"));
    println!("{viewers} lines about {STREAMS} streams, {tokens} about {} tokens", 2 * TOKENS);
    ensure!((viewers, tokens) == LINES, "{viewers} lines about viewers, {tokens} about tokens: {log}");
    ensure!(count(&format!("viewers from {GREEDY} also started watching")) == 1, "{log}");
    ensure!(count("40 more log lines about tokens were left out") == 1, "{log}");
    ensure!(count(&format!("sign-in as \"anna\" from {OTHER} failed")) == 1, "{log}");
    Ok(())
}
