//! One client that takes all connections there are, in each way there is: every other client still gets page, snapshot
//! and stream within a second.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, goes_on, open_many};
use crate::https::{Folder, start};

use client::{Answer, Outcome, Trust, Viewer, ensure, request_from, wait_for};

/// The client that takes what it can.
const GREEDY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
/// One that comes later and has done nothing wrong, ...
const HONEST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// ... and one that has been watching all the time.
const WATCHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// How soon everything must be answered.
const SOON: Duration = Duration::from_secs(1);

/// A limit that is soon reached.
const LIMIT: usize = 40;

type Reader = BufReader<TcpStream>;

fn small(more: &[&str]) -> Outcome<Boardcam> {
    let limit = LIMIT.to_string();
    let options = ["--camera", "pattern", "--size", "64x48", "--max-connections", &limit];
    Boardcam::start(&[&options[..], more].concat())
}

fn watch(from: IpAddr, address: SocketAddr) -> Outcome<Viewer> {
    let reader = request_from(from, address, b"GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let socket = reader.get_ref().try_clone()?;
    Ok(Viewer::follow(reader, socket))
}

/// As many connections of the greedy client, each with these bytes, as are more than `limit`.
fn too_many(boardcam: &Boardcam, limit: usize, bytes: &[u8]) -> Outcome<Vec<Reader>> {
    // Those that are refused at once may be reset while they send.
    Ok((0..limit + limit / 4).filter_map(|_| request_from(GREEDY, boardcam.address, bytes).ok()).collect())
}

/// Opens these one after the other and returns the longest time that one took.
fn longest(open: impl Fn(&str) -> Outcome<()>) -> Outcome<Duration> {
    let mut longest = Duration::ZERO;
    for path in ["/", "/snapshot", "/stream"] {
        let begin = Instant::now();
        open(path).map_err(|why| format!("{path}: {why}"))?;
        longest = longest.max(begin.elapsed());
    }
    Ok(longest)
}

/// Reads an answer, or the head and first frame of a stream.
fn read(path: &str, reader: &mut impl BufRead) -> Outcome {
    let head = Answer::read_head(reader)?;
    ensure!(head.status == 200, "status {}", head.status);
    if path == "/stream" {
        reader.read_line(&mut String::new())?; // the boundary
        Answer::read_part(reader)?;
        return Ok(());
    }
    let length: usize = head.headers.get("content-length").ok_or("no Content-Length")?.parse()?;
    reader.read_exact(&mut vec![0; length])?;
    Ok(())
}

/// Page, snapshot and stream are there at each of three tries, and at one of them within a second each: the machine that
/// the tests run on may be busy.
fn is_served(open: impl Fn(&str) -> Outcome<()>) -> Outcome {
    let times = (0..3).map(|_| longest(&open)).collect::<Outcome<Vec<_>>>()?;
    println!("the slowest of page, snapshot and stream: {times:?}");
    ensure!(times.iter().any(|time| *time < SOON), "not within a second: {times:?}");
    Ok(())
}

fn honest_is_served(boardcam: &Boardcam) -> Outcome {
    is_served(|path| {
        let ask = format!("GET {path} HTTP/1.0\r\n\r\n");
        read(path, &mut request_from(HONEST, boardcam.address, ask.as_bytes())?)
    })
}

/// The number of connections that were closed so that others could be served.
fn displaced(boardcam: &Boardcam) -> Outcome<u64> {
    let answer = Answer::read(&mut request_from(
        HONEST,
        boardcam.address,
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )?)?;
    let text = answer.text();
    let value = text.lines().find_map(|line| line.strip_prefix("boardcam_connections_displaced_total "));
    Ok(value.ok_or("no such metric")?.parse::<f64>()? as u64)
}

#[test]
fn a_thousand_and_a_hundred_idle_connections_that_are_renewed_lock_nobody_out() -> Outcome {
    // As many as can be if the system lets neither side open so many.
    let limit = usize::try_from(open_many()?.min(8_192))? / 8;
    let idle = limit + 76;
    ensure!(limit > 100, "this test needs more open files; see ulimit -Hn");
    let options = ["--camera", "pattern", "--size", "64x48", "--max-connections", &limit.to_string()];
    let boardcam = Boardcam::start(&options)?;
    let viewer = watch(WATCHER, boardcam.address)?;
    viewer.next()?;
    let connect = || request_from(GREEDY, boardcam.address, b"").map(BufReader::into_inner);
    let mut held = (0..idle).map(|_| connect()).collect::<Outcome<VecDeque<_>>>()?;
    let end = AtomicBool::new(false);
    thread::scope(|scope| -> Outcome {
        let greedy = scope.spawn(|| -> Outcome {
            while !end.load(Ordering::Relaxed) {
                held.pop_front();
                held.push_back(connect()?);
                thread::sleep(Duration::from_millis(1)); // leaves the processor to the others
            }
            Ok(())
        });
        let served = honest_is_served(&boardcam).and_then(|()| goes_on(&viewer, 10));
        end.store(true, Ordering::Relaxed);
        greedy.join().map_err(|_| "the greedy client panicked")??;
        served
    })?;
    let displaced = displaced(&boardcam)?;
    ensure!(displaced >= 76, "{displaced} were closed for others");
    let log = boardcam.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("were closed for new ones")).collect();
    ensure!(lines.len() == 1 && lines[0].contains("127.0.0.1 had most, "), "{log}");
    goes_on(&viewer, 10)
}

/// Beside requests of which only these bytes come.
fn served_beside(unfinished: &[u8]) -> Outcome {
    let boardcam = small(&[])?;
    let viewer = watch(WATCHER, boardcam.address)?;
    let held = too_many(&boardcam, LIMIT, unfinished)?;
    honest_is_served(&boardcam)?;
    drop(held);
    goes_on(&viewer, 10)
}

#[test]
fn heads_that_come_slowly_lock_nobody_out() -> Outcome {
    served_beside(b"GET /stream HTTP/1.1\r\nHost: local")
}

#[test]
fn bodies_that_come_slowly_lock_nobody_out() -> Outcome {
    served_beside(b"PUT /api/quality HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{\"quality")
}

#[test]
fn connections_that_are_kept_after_an_answer_lock_nobody_out() -> Outcome {
    let boardcam = small(&[])?;
    let viewer = watch(WATCHER, boardcam.address)?;
    let mut held = too_many(&boardcam, LIMIT, b"GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let answered = held.iter_mut().filter_map(|reader| Answer::read(reader).ok());
    ensure!(answered.filter(|answer| answer.status == 200).count() >= LIMIT / 2, "not kept");
    honest_is_served(&boardcam)?;
    goes_on(&viewer, 10)?;
    // Those that made room are closed and not reset: the client reads an end.
    let ended = |reader: &mut Reader| {
        let brief = reader.get_ref().set_read_timeout(Some(Duration::from_millis(1)));
        brief.is_ok() && reader.read(&mut [0]).is_ok_and(|count| count == 0)
    };
    ensure!(held.iter_mut().any(ended), "none has an end");
    Ok(())
}

#[test]
fn half_handshakes_lock_nobody_out_of_either_port() -> Outcome {
    const HALF_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let folder = Folder::new()?;
    let limit = LIMIT.to_string();
    let (boardcam, https) = start(&folder, "auto", &["--size", "64x48", "--max-connections", &limit])?;
    let viewer = watch(WATCHER, boardcam.address)?;
    viewer.next()?;
    let held: Vec<_> = (0..2 * LIMIT).filter_map(|_| request_from(GREEDY, https, HALF_HELLO).ok()).collect();
    is_served(|path| {
        let socket = request_from(HONEST, https, b"")?.into_inner();
        let mut reader = Trust::any()?.shake_hands(socket, "localhost")?;
        reader.get_mut().write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
        read(path, &mut reader)
    })?;
    is_served(|path| {
        // Not redirected to HTTPS, since it is a program on this machine.
        let ask = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        read(path, &mut request_from(HONEST, boardcam.address, ask.as_bytes())?)
    })?;
    drop(held);
    goes_on(&viewer, 10)
}

#[test]
fn idle_connections_of_one_port_make_room_for_clients_of_the_other() -> Outcome {
    const EACH: usize = 10;
    let folder = Folder::new()?;
    let limit = EACH.to_string();
    let (boardcam, https) = start(&folder, "auto", &["--size", "64x48", "--max-connections", &limit])?;
    let secure = || Trust::any()?.shake_hands(request_from(GREEDY, https, b"")?.into_inner(), "localhost");
    let mut held = (0..EACH).map(|_| secure()).collect::<Outcome<Vec<_>>>()?;
    let plain = (0..EACH / 2).map(|_| request_from(HONEST, boardcam.address, b""));
    let plain = plain.collect::<Outcome<Vec<_>>>()?;
    for reader in &mut held[..EACH / 2] {
        // Sooner than idle ones are closed anyway.
        reader.get_ref().sock.set_read_timeout(Some(Duration::from_secs(8)))?;
        ensure!(reader.read(&mut [0])? == 0, "it says something");
    }
    drop(plain);
    Ok(())
}

#[test]
fn a_slow_handshake_is_not_dropped_for_those_of_an_address_that_has_more() -> Outcome {
    /// More handshakes than there may be at once.
    const MANY: usize = 200;
    open_many()?;
    let folder = Folder::new()?;
    let (_boardcam, https) = start(&folder, "auto", &["--size", "64x48"])?;
    let slow = request_from(HONEST, https, b"")?.into_inner();
    let held = (0..MANY).map(|_| request_from(GREEDY, https, b"\x16")).collect::<Outcome<Vec<_>>>()?;
    // All are accepted in the order in which they came, so once this one is served, all others have been judged.
    let served = |socket| -> Outcome {
        let mut reader = Trust::any()?.shake_hands(socket, "localhost")?;
        reader.get_mut().write_all(b"GET /healthz HTTP/1.0\r\n\r\n")?;
        read("/healthz", &mut reader)
    };
    served(request_from(WATCHER, https, b"")?.into_inner())?;
    served(slow)?;
    drop(held);
    Ok(())
}

/// Which viewers watch, by the names that they gave themselves.
fn watching(boardcam: &Boardcam) -> Outcome<Vec<String>> {
    let ask = b"GET /state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = Answer::read(&mut request_from(HONEST, boardcam.address, ask)?)?;
    ensure!(answer.status == 200, "/state: status {}", answer.status);
    let state: serde_json::Value = serde_json::from_slice(&answer.body)?;
    let viewers = state["viewers"].as_array().ok_or("no viewers")?;
    Ok(viewers.iter().map(|viewer| viewer["id"].as_str().unwrap_or_default().to_owned()).collect())
}

#[test]
fn many_streams_of_one_address_lock_nobody_out_and_half_of_them_stay() -> Outcome {
    let boardcam = small(&[])?;
    let viewer = watch(WATCHER, boardcam.address)?;
    viewer.next()?;
    let held = too_many(&boardcam, LIMIT, b"GET /stream?id=greedy HTTP/1.0\r\n\r\n")?;
    let follow = |reader: Reader| {
        Ok(Viewer::follow(BufReader::new(reader.get_ref().try_clone()?), reader.into_inner()))
    };
    let streams = held.into_iter().map(follow).collect::<Outcome<Vec<_>>>()?;
    // More than there may be are refused, since all are of the same address.
    let refused = |viewer: &Viewer| viewer.next().is_err_and(|why| why.to_string().contains("status 503"));
    ensure!(streams.iter().filter(|viewer| refused(viewer)).count() > 0, "nobody was refused in words");
    honest_is_served(&boardcam)?;
    let honest = (0..LIMIT).map(|_| watch(HONEST, boardcam.address)).collect::<Outcome<Vec<_>>>()?;
    // The last of them are refused, since all others are busy, and nobody has more than half any more.
    ensure!(honest.last().is_some_and(|last| last.next().is_err()), "more than half were taken away");
    drop(honest);
    let left = wait_for("the honest to be gone", || {
        let watching = watching(&boardcam).unwrap_or_default(); // refused until they are gone
        Ok((watching.len() == LIMIT / 2 + 1).then_some(watching))
    })?;
    ensure!(left.iter().filter(|name| *name == "greedy").count() == LIMIT / 2, "{left:?}");
    goes_on(&viewer, 10)?;
    let log = boardcam.log();
    ensure!(log.contains("its address had more than half of all connections, and others waited"), "{log}");
    drop(streams);
    Ok(())
}

#[test]
fn one_greedy_client_of_a_trusted_proxy_costs_its_other_clients_nothing() -> Outcome {
    const OTHERS: usize = 15;
    let boardcam = small(&["--trusted-proxy", "127.0.0.1"])?;
    let through_proxy = |client: String| {
        let id = format!("GET /stream?id=c{client} HTTP/1.0\r\n");
        let ask = format!("{id}Host: localhost\r\nX-Forwarded-For: 10.0.0.{client}\r\n\r\n");
        let reader = request_from(GREEDY, boardcam.address, ask.as_bytes())?;
        let viewer = Viewer::follow(BufReader::new(reader.get_ref().try_clone()?), reader.into_inner());
        viewer.next()?;
        Ok(viewer)
    };
    let others = (0..OTHERS).map(|last| through_proxy(last.to_string()));
    let others = others.collect::<Outcome<Vec<_>>>()?;
    let greedy = (OTHERS..LIMIT).map(|_| through_proxy("99".to_owned())).collect::<Outcome<Vec<_>>>()?;
    honest_is_served(&boardcam)?;
    let watching = watching(&boardcam)?;
    let of = |name: String| watching.iter().filter(|id| **id == name).count();
    ensure!((0..OTHERS).all(|last| of(format!("c{last}")) == 1), "another client has lost it: {watching:?}");
    ensure!((LIMIT / 2..LIMIT - OTHERS).contains(&of("c99".to_owned())), "the greedy has not: {watching:?}");
    others.iter().try_for_each(|viewer| goes_on(viewer, 2))?;
    drop(greedy);
    Ok(())
}
