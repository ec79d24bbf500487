//! More connections than anybody needs, from one address: viewers notice nothing, and connections above the limit are
//! refused with an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, POOL, goes_on, open_many};
use crate::slow::skipped;

use client::{Answer, Outcome, PATIENCE, Viewer, ensure, request, wait_for};
use rustix::process::Signal;
use socket2::SockRef;

/// The default limit of connections at once, as `--help` states it.
const CONNECTIONS: u64 = 1_024;

/// A request that keeps its connection alive.
const STATE: &[u8] = b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Closes the connection so that the other side gets a reset.
fn reset(socket: TcpStream) -> Outcome {
    Ok(SockRef::from(&socket).set_linger(Some(Duration::ZERO))?)
}

/// Connects, sends a request every other time, and resets, at least `least` times and until `end`.
fn flood(address: SocketAddr, least: usize, end: &AtomicBool) -> Outcome<usize> {
    let mut count = 0;
    while count < least || !end.load(Ordering::Relaxed) {
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        if count.is_multiple_of(2) {
            let _ = socket.write_all(STATE); // may be refused
        }
        reset(socket)?;
        count += 1;
    }
    Ok(count)
}

/// The frames that a viewer gets in a second, measured over this many frames.
fn rate(viewer: &Viewer, frames: usize) -> Outcome<f64> {
    let begin = Instant::now();
    goes_on(viewer, frames)?;
    Ok(frames as f64 / begin.elapsed().as_secs_f64())
}

#[test]
fn a_flood_of_connections_from_one_address_leaves_a_viewer_its_rate_and_nothing_behind() -> Outcome {
    const FLOODS: usize = 4;
    const EACH: usize = 500;
    const FRAMES: usize = 30;
    /// The share of the viewer's rate that must be left, on processors that also make the flood.
    const LEAST: f64 = 0.3;
    /// The share of the camera's frames that the viewer may miss.
    const MOST_SKIPPED: f64 = 0.25;
    // Small pictures, so that the encoder does not limit the rate.
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48", "--fps", "10"])?;
    let viewer = boardcam.watch("/stream")?;
    // The viewer and the client that sends this request, which may be refused while the flood's requests wait.
    let alone = || Ok(boardcam.connections().is_ok_and(|open| open == 2).then_some(()));
    wait_for("the viewer to be alone", alone)?;
    let before = boardcam.files_and_threads()?;
    let quiet = rate(&viewer, FRAMES)?;
    let (skipped_before, received_before) = (skipped(&boardcam)?, viewer.received());
    let (address, end) = (boardcam.address, AtomicBool::new(false));
    thread::scope(|scope| -> Outcome {
        let floods: Vec<_> = (0..FLOODS).map(|_| scope.spawn(|| flood(address, EACH, &end))).collect();
        let beside = rate(&viewer, FRAMES);
        end.store(true, Ordering::Relaxed);
        let mut count = 0;
        for flood in floods {
            count += flood.join().map_err(|_| "the flood panicked")??;
        }
        let beside = beside?;
        println!("{quiet:.1} frames/s before, {beside:.1} beside {count} connections");
        ensure!(beside >= LEAST * quiet, "{quiet:.1} frames/s have become {beside:.1}");
        Ok(())
    })?;
    wait_for("the flood to be over", alone)?;
    let (skipped, received) = (skipped(&boardcam)? - skipped_before, viewer.received() - received_before);
    println!("{received} frames came, {skipped} were skipped");
    ensure!(skipped as f64 <= MOST_SKIPPED * received as f64, "{skipped} frames skipped, {received} came");
    boardcam.wait_for_no_more_than(before)?;
    ensure!(!boardcam.log().contains("panic"), "{}", boardcam.log());
    Ok(())
}

/// Whether the server has closed a connection on which nothing was sent.
fn is_closed(reader: &mut BufReader<TcpStream>) -> Outcome<bool> {
    reader.get_ref().set_read_timeout(Some(Duration::from_millis(1)))?;
    Ok(!reader.read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock))
}

#[test]
fn a_thousand_idle_connections_cost_no_thread_and_for_more_than_the_limit_the_oldest_are_closed() -> Outcome {
    const IDLE: u64 = 1_000;
    const MORE: u64 = 100;
    /// The number of frames, of about 500, that the viewer may miss.
    const MOST_SKIPPED: u64 = 50;
    let open = open_many()?;
    ensure!(open > IDLE + 2 * MORE, "this test needs more open files than {open}; see ulimit -Hn");
    // Small pictures, so that the first connections are not closed before the last are there.
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let (_, threads) = boardcam.files_and_threads()?;
    let connect = |count| (0..count).map(|_| request(boardcam.address, b"")).collect::<Outcome<Vec<_>>>();
    let mut idle = connect(IDLE)?;
    // The viewer and the client that reads /state are not among them.
    wait_for("them to be counted", || Ok((boardcam.connections()? == IDLE + 2).then_some(())))?;

    let mut more = connect(MORE)?;
    // The viewer has its place, too.
    let too_many = (IDLE + MORE + 1 - CONNECTIONS) as usize;
    wait_for("the oldest to be closed", || Ok(is_closed(&mut idle[too_many - 1])?.then_some(())))?;
    for reader in &mut idle[..too_many] {
        ensure!(is_closed(reader)?, "one of the oldest is still there");
    }
    // One more, for the client that asked for the number of connections.
    for reader in idle[too_many + 1..].iter_mut().chain(&mut more) {
        ensure!(!is_closed(reader)?, "one that is younger was closed");
    }
    goes_on(&viewer, 10)?;
    let now = boardcam.files_and_threads()?.1;
    ensure!(now <= threads + POOL, "{now} threads in place of {threads}");

    wait_for("them to be closed", || {
        let answer = boardcam.get("/state");
        Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
    })?;
    wait_for("the last of them to be closed", || Ok((boardcam.connections()? == 2).then_some(())))?;
    ensure!(skipped(&boardcam)? <= MOST_SKIPPED, "the viewer missed {} frames", skipped(&boardcam)?);
    let displaced = boardcam.state()?["connections"]["displaced"].as_u64().ok_or("no number")?;
    ensure!(displaced >= too_many as u64, "{displaced} were displaced, it says");
    goes_on(&viewer, 10)?;
    drop((idle, more));
    Ok(())
}

/// Sends `count` times the same request while the program is stopped, so that all of them are there when it continues.
fn at_once(boardcam: &Boardcam, count: usize, asks: &[u8]) -> Outcome<Vec<BufReader<TcpStream>>> {
    boardcam.signal(Signal::STOP)?;
    let readers = (0..count).map(|_| request(boardcam.address, asks)).collect();
    boardcam.signal(Signal::CONT)?;
    readers
}

#[test]
fn five_hundred_requests_at_once_are_all_answered() -> Outcome {
    open_many()?;
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    for mut reader in at_once(&boardcam, 500, STATE)? {
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 200, "status {}: {}", answer.status, answer.text());
    }
    goes_on(&viewer, 10)
}

#[test]
fn when_the_router_restarts_three_hundred_viewers_come_back_at_once_and_all_see_the_picture() -> Outcome {
    open_many()?;
    let boardcam = Boardcam::pattern()?;
    for mut reader in at_once(&boardcam, 300, b"GET /stream HTTP/1.0\r\n\r\n")? {
        let head = Answer::read_head(&mut reader)?;
        ensure!(head.status == 200, "status {}", head.status);
        reader.read_line(&mut String::new())?; // the boundary
        Answer::read_part(&mut reader)?;
    }
    Ok(())
}

#[test]
fn without_a_free_descriptor_viewers_continue_and_waiting_clients_are_served_later() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let mut here = request(boardcam.address, STATE)?;
    ensure!(Answer::read(&mut here)?.status == 200, "not served");

    boardcam.limit_open_files(0)?;
    let mut waiting = request(boardcam.address, STATE)?;
    let complaints = || boardcam.log().matches("cannot accept a connection").count();
    wait_for("it to say so", || Ok((complaints() > 0).then_some(())))?;
    here.get_mut().write_all(STATE)?;
    let answer = Answer::read(&mut here)?;
    ensure!(answer.status == 502, "{}", answer.status);
    goes_on(&viewer, 30)?;
    ensure!(complaints() == 1, "it says so {} times", complaints());

    boardcam.limit_open_files(open_many()?)?;
    let answer = Answer::read(&mut waiting)?;
    ensure!(answer.status == 200, "{}", answer.status);
    here.get_mut().write_all(STATE)?;
    ensure!(Answer::read(&mut here)?.status == 200, "one who was here is not served again");
    goes_on(&viewer, 10)
}

#[test]
fn a_site_that_ended_for_lack_of_descriptors_is_restarted() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let mut here = request(boardcam.address, STATE)?;
    ensure!(Answer::read(&mut here)?.status == 200, "not served");
    let mut files = boardcam.files_and_threads()?.0 as u64;
    // At some number there are enough descriptors for the relay, and too few for what the site does next.
    wait_for("the site to be gone", || {
        boardcam.limit_open_files(files)?;
        files += 1;
        here.get_mut().write_all(STATE)?;
        Answer::read(&mut here)?;
        Ok(boardcam.log().contains("Connection refused").then_some(()))
    })?;
    goes_on(&viewer, 10)?;
    boardcam.limit_open_files(open_many()?)?;
    wait_for("the site to be back", || Ok((boardcam.get("/state")?.status == 200).then_some(())))?;
    here.get_mut().write_all(STATE)?;
    ensure!(Answer::read(&mut here)?.status == 200, "one who was here is not served again");
    goes_on(&viewer, 10)
}

#[test]
fn a_large_answer_has_its_length_and_keeps_the_connection() -> Outcome {
    /// From this size on the site's server would send chunks, which the gate must never see.
    const CHUNKED_FROM: usize = 32 << 10;
    const VIEWERS: usize = 250;
    open_many()?;
    let boardcam = Boardcam::pattern()?;
    let ask = format!("GET /stream?id={} HTTP/1.0\r\n\r\n", "v".repeat(32));
    let viewers = (0..VIEWERS).map(|_| {
        let mut reader = request(boardcam.address, ask.as_bytes())?;
        ensure!(Answer::read_head(&mut reader)?.status == 200, "no stream");
        Ok(reader)
    });
    let viewers = viewers.collect::<Outcome<Vec<_>>>()?;
    let mut reader = request(boardcam.address, STATE)?;
    for _ in 0..2 {
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 200 && answer.body.len() > CHUNKED_FROM, "{} bytes", answer.body.len());
        ensure!(!answer.headers.contains_key("transfer-encoding"), "{:?}", answer.headers);
        serde_json::from_slice::<serde_json::Value>(&answer.body)?;
        reader.get_mut().write_all(STATE)?;
    }
    drop(viewers);
    Ok(())
}

#[test]
fn a_client_that_asks_for_the_number_of_connections_is_one_of_them() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for _ in 0..200 {
        ensure!(boardcam.connections()? > 0, "not counted");
    }
    Ok(())
}
