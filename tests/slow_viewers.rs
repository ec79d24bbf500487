//! The memory for viewers that are slower than the camera has a limit, and the camera does not notice them.
//!
//! In one process with the service, with a camera that gives large frames ready-made: encoding them would take longer
//! than everything else.

mod service;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use boardcam::host::limits::raise_open_files;
use client::{Outcome, PATIENCE, ensure, get, wait_for};
use serde_json::Value;

/// Opens a stream and reads no further than the status line.
fn ask(address: SocketAddr, id: usize) -> Outcome<TcpStream> {
    const ADMITTED: &[u8] = b"HTTP/1.0 200 OK\r\n";
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(socket, "GET /stream?id={id} HTTP/1.0\r\n\r\n")?;
    let mut status = [0; ADMITTED.len()];
    socket.read_exact(&mut status)?;
    ensure!(status == ADMITTED, "{}", String::from_utf8_lossy(&status));
    Ok(socket)
}

/// Reads `rate` bytes a second from each of these sockets until `end`.
fn sip(sockets: &mut [TcpStream], rate: usize, end: &AtomicBool) -> Outcome {
    const SIPS: u32 = 20; // a second
    let mut sip = vec![0; rate / SIPS as usize];
    for socket in &*sockets {
        socket.set_nonblocking(true)?;
    }
    while !end.load(Ordering::Relaxed) {
        let next = Instant::now() + Duration::from_secs(1) / SIPS;
        for socket in &mut *sockets {
            match socket.read(&mut sip) {
                Ok(0) => return Err("a viewer that reads was dropped".into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn number(value: &Value) -> Outcome<u64> {
    Ok(value.as_u64().ok_or_else(|| format!("{value} is not a number"))?)
}

/// What /state says. Checks that the memory for slow viewers is within its limit.
fn state(address: SocketAddr) -> Outcome<Value> {
    let state: Value = serde_json::from_slice(&get(address, "/state")?.body)?;
    let (bytes, limit) = (number(&state["spill"]["bytes"])?, number(&state["spill"]["limit"])?);
    ensure!(bytes <= limit, "{bytes} bytes are held for slow viewers, and {limit} is the limit");
    Ok(state)
}

fn viewers(state: &Value) -> Outcome<&Vec<Value>> {
    Ok(state["viewers"].as_array().ok_or("no viewers")?)
}

/// The frames that the camera publishes in a second, measured over `frames` of them.
fn rate(address: SocketAddr, frames: u64) -> Outcome<f64> {
    let published = || number(&state(address)?["cameras"][0]["frames"]["published"]);
    let (first, begin) = (published()?, Instant::now());
    let enough = || Ok(Some(published()? - first).filter(|came| *came >= frames));
    Ok(wait_for("frames", enough)? as f64 / begin.elapsed().as_secs_f64())
}

#[test]
fn a_hundred_viewers_at_one_megabit_a_second_cost_the_camera_nothing_and_all_of_them_stay() -> Outcome {
    const VIEWERS: usize = 100;
    const MEGABIT: usize = 1_000_000 / 8;
    const SCAN: usize = 100_000;
    const FPS: u32 = 15;
    /// Longer than a viewer that takes nothing may stay.
    const TIME: Duration = Duration::from_secs(14);
    const FRAMES: u64 = 40;
    /// The share of the camera's rate that must be left, on processors that also run the viewers.
    const LEAST: f64 = 0.8;
    raise_open_files();
    let address = service::serve(service::Memory::new(SCAN, FPS)).map_err(|problem| problem.to_string())?;
    let first = ask(address, VIEWERS)?; // without a viewer there are no frames
    let alone = rate(address, FRAMES)?;
    drop(first);
    let mut slow = (0..VIEWERS).map(|id| ask(address, id)).collect::<Outcome<Vec<_>>>()?;
    let end = AtomicBool::new(false);
    let (beside, most) = thread::scope(|scope| -> Outcome<(f64, u64)> {
        let sipping = scope.spawn(|| sip(&mut slow, MEGABIT, &end));
        let watch = || -> Outcome<(f64, u64)> {
            let (begin, beside) = (Instant::now(), rate(address, FRAMES)?);
            let mut most = 0;
            while begin.elapsed() < TIME {
                most = most.max(number(&state(address)?["spill"]["bytes"])?);
                thread::sleep(Duration::from_millis(100)); // requests take processor time, too
            }
            Ok((beside, most))
        };
        let seen = watch();
        end.store(true, Ordering::Relaxed);
        sipping.join().map_err(|_| "the reader panicked")??;
        seen
    })?;
    println!("{alone:.1} frames a second alone, {beside:.1} beside them; at most {most} bytes for them");
    ensure!(beside >= LEAST * alone, "the camera made {beside:.1} frames a second in place of {alone:.1}");
    ensure!(most > 0, "none of them was slow");
    let state = state(address)?;
    let dropped = &state["cameras"][0]["frames"]["dropped"];
    ensure!(number(&dropped["no_slot"])? == 0, "they held the ring's slots: {dropped}");
    let all: Vec<_> = viewers(&state)?.iter().filter(|viewer| viewer["id"] != "100").collect();
    ensure!(all.len() == VIEWERS, "{} are left", all.len());
    for viewer in all {
        ensure!(number(&viewer["frames_sent"])? > 3, "one got next to nothing: {viewer}");
        ensure!(number(&viewer["frames_skipped"])? > 3, "one was not slow: {viewer}");
    }
    Ok(())
}

#[test]
fn when_memory_for_slow_viewers_runs_out_those_furthest_behind_go_first() -> Outcome {
    const FIRST: usize = 2;
    const MORE: usize = 6;
    /// The kernel buffers up to 4 MB for a viewer (tcp_wmem).
    const SCAN: usize = 8_000_000;
    const FPS: u32 = 3;
    /// Sooner than a viewer that takes nothing is dropped anyway.
    const SOON: Duration = Duration::from_secs(9);
    raise_open_files();
    let address = service::serve(service::Memory::new(SCAN, FPS)).map_err(|problem| problem.to_string())?;
    let begin = Instant::now();
    let mut sleepers = (0..FIRST).map(|id| ask(address, id)).collect::<Outcome<Vec<_>>>()?;
    wait_for("the first to be behind", || {
        let state = state(address)?;
        let sent = viewers(&state)?.iter().filter(|viewer| viewer["frames_sent"] == 1).count();
        Ok((sent == FIRST).then_some(()))
    })?;
    for id in FIRST..FIRST + MORE {
        sleepers.push(ask(address, id)?);
    }
    let left = wait_for("memory to run out", || {
        let state = state(address)?;
        let behind = viewers(&state)?.iter().all(|viewer| viewer["frames_sent"] == 1);
        let left: Vec<_> = viewers(&state)?.iter().map(|viewer| viewer["id"].to_string()).collect();
        Ok((behind && left.len() < FIRST + MORE).then_some(left))
    })?;
    println!("after {:?} {} of {} are left: {left:?}", begin.elapsed(), left.len(), sleepers.len());
    ensure!(begin.elapsed() < SOON, "this machine is too slow for this test");
    let first: Vec<_> = (0..FIRST).map(|id| format!("\"{id}\"")).collect();
    ensure!(!left.iter().any(|id| first.contains(id)), "others went than those furthest behind");
    ensure!(left.len() > 1, "more went than had to");
    Ok(())
}
