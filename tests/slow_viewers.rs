//! The memory for viewers that are slower than the camera has a limit, and the camera does not notice them.
//!
//! In one process with the service, with a camera that gives large frames ready-made: encoding them would take longer
//! than everything else.

mod service;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use boardcam::host::limits::raise_open_files;
use client::{Outcome, PATIENCE, ensure, get, wait_for};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// Opens a stream and reads no further than the status line.
fn ask(address: SocketAddr, id: usize) -> Outcome<TcpStream> {
    const ADMITTED: &[u8] = b"HTTP/1.0 200 OK\r\n";
    /// Of a fixed size: one that the kernel lets grow may take a whole frame.
    const RECEIVED: usize = 32 << 10;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(RECEIVED)?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut socket = TcpStream::from(socket);
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

fn state(address: SocketAddr) -> Outcome<Value> {
    Ok(serde_json::from_slice(&get(address, "/state")?.body)?)
}

/// The memory for slow viewers in bytes, which is within its limit. `frame` is a frame's length: the one that is one too
/// many is held until its oldest viewer is dropped.
fn held(state: &Value, frame: usize) -> Outcome<u64> {
    let (bytes, limit) = (number(&state["held"]["bytes"])?, number(&state["held"]["limit"])?);
    ensure!(
        bytes <= limit + 2 * frame as u64,
        "{bytes} bytes are held for slow viewers, and {limit} is the limit"
    );
    Ok(bytes)
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
                most = most.max(held(&state(address)?, SCAN)?);
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

/// Memory of this process that is in RAM, in bytes.
fn resident() -> Outcome<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = pages.split_whitespace().nth(1).ok_or("no resident memory")?.parse()?;
    Ok(pages * rustix::param::page_size())
}

#[test]
fn six_hundred_viewers_that_pause_for_three_seconds_all_go_on_and_disturb_nobody() -> Outcome {
    const VIEWERS: usize = 600;
    const OTHERS: usize = 10;
    const PAUSE: Duration = Duration::from_secs(3);
    const SCAN: usize = 100_000;
    const FPS: u32 = 10;
    const FRAMES: u64 = 20;
    const GROWN: usize = 24 << 20;
    /// Of the rate without them, on processors that also run the viewers.
    const LEAST: f64 = 0.8;
    raise_open_files();
    let address = service::serve(service::Memory::new(SCAN, FPS)).map_err(|problem| problem.to_string())?;
    let end = Arc::new(AtomicBool::new(false));
    let watching: Vec<_> = (0..OTHERS)
        .map(|_| {
            let (mut socket, end) = (service::watch(address)?, end.clone());
            Ok(thread::spawn(move || {
                let mut bytes = vec![0; 64 << 10];
                while !end.load(Ordering::Relaxed) && socket.read(&mut bytes).is_ok_and(|count| count > 0) {}
            }))
        })
        .collect::<Outcome<_>>()?;
    let sent = || -> Outcome<u64> {
        let state = state(address)?;
        let others = viewers(&state)?.iter().filter(|viewer| viewer["id"].is_null());
        others.map(|viewer| number(&viewer["frames_sent"])).sum()
    };
    let rate = || -> Outcome<f64> {
        let (first, begin) = (sent()?, Instant::now());
        let enough = || Ok(Some(sent()? - first).filter(|more| *more >= FRAMES * OTHERS as u64));
        Ok(wait_for("frames", enough)? as f64 / begin.elapsed().as_secs_f64())
    };
    let (alone, before) = (rate()?, resident()?);
    let mut pausing = (0..VIEWERS).map(|id| ask(address, id)).collect::<Outcome<Vec<_>>>()?;
    let (begin, beside) = (Instant::now(), rate()?);
    let mut most = 0;
    while begin.elapsed() < PAUSE {
        most = most.max(held(&state(address)?, SCAN)?);
        thread::sleep(Duration::from_millis(100)); // requests take processor time, too
    }
    let grown = resident()?.saturating_sub(before);
    println!(
        "{alone:.0} frames a second to {OTHERS} viewers, {beside:.0} beside {VIEWERS} that pause; {grown} bytes more \
         memory, of which at most {most} are frames that they hold"
    );
    let mut two_frames = vec![0; 2 * SCAN];
    for socket in &mut pausing {
        socket
            .read_exact(&mut two_frames)
            .map_err(|error| format!("one that paused was dropped: {error}"))?;
    }
    end.store(true, Ordering::Relaxed);
    watching.into_iter().for_each(|watcher| drop(watcher.join()));
    ensure!(most > 0, "none of them was slow");
    ensure!(grown < GROWN, "{grown} bytes more memory");
    ensure!(beside >= LEAST * alone, "{beside:.0} frames a second in place of {alone:.0}");
    Ok(())
}

#[test]
fn when_memory_for_slow_viewers_runs_out_those_furthest_behind_go_first() -> Outcome {
    const FIRST: usize = 2;
    /// More frames than viewers may hold of frames that are so large.
    const MORE: usize = 9;
    /// The kernel buffers up to 4 MB for a viewer (tcp_wmem).
    const SCAN: usize = 8_000_000;
    const FPS: u32 = 3;
    /// Sooner than a viewer that takes nothing is dropped anyway.
    const SOON: Duration = Duration::from_secs(9);
    raise_open_files();
    let address = service::serve(service::Memory::new(SCAN, FPS)).map_err(|problem| problem.to_string())?;
    let begin = Instant::now();
    let ids = |state: &Value| -> Outcome<Vec<String>> {
        Ok(viewers(state)?.iter().map(|viewer| viewer["id"].to_string()).collect())
    };
    let published = || number(&state(address)?["cameras"][0]["frames"]["published"]);
    let mut sleepers = Vec::new();
    while sleepers.len() < FIRST + MORE {
        let before = published()?;
        sleepers.push(ask(address, sleepers.len())?);
        wait_for("it to be behind", || {
            let state = state(address)?;
            let behind = viewers(&state)?.iter().all(|viewer| viewer["frames_sent"] == 1);
            Ok(behind.then_some(()))
        })?;
        if sleepers.len() >= FIRST {
            wait_for("the next frame", || Ok((published()? > before).then_some(())))?;
        }
    }
    let left = ids(&state(address)?)?;
    println!("after {:?} {} of {} are left: {left:?}", begin.elapsed(), left.len(), sleepers.len());
    ensure!(begin.elapsed() < SOON, "this machine is too slow for this test");
    let first: Vec<_> = (0..FIRST).map(|id| format!("\"{id}\"")).collect();
    ensure!(left.len() < FIRST + MORE, "all of them may stay");
    ensure!(!left.contains(&first[0]), "others went than those furthest behind");
    ensure!(left.len() >= MORE - 1, "more went than had to");
    Ok(())
}
