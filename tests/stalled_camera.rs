//! A camera stalls while many clients wait for its picture, and other clients have stopped reading: nobody else
//! notices.

mod service;

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use boardcam::camera::{Frame, Source, SourceError, SourceInfo};
use client::{Answer, Outcome, ensure, get, narrow, request, wait_for};

/// Compressed bytes of a frame.
const SCAN: usize = 20_000;

/// The frame interval that the camera claims. It may stall for ten times as long before it is reopened. In fact it is
/// faster, see [`PAUSE`].
const INTERVAL: Duration = Duration::from_secs(6);
/// The time between two frames.
const PAUSE: Duration = Duration::from_millis(40);

/// Gives frames until it stalls.
struct Stalling {
    info: SourceInfo,
    jpeg: Vec<u8>,
    stalled: Arc<AtomicBool>,
    sequence: u32,
}

impl Source for Stalling {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        thread::sleep(timeout.min(PAUSE));
        if self.stalled.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.sequence += 1;
        let (bytes, captured, sequence) = (&self.jpeg[..], Instant::now(), self.sequence);
        Ok(Some(Frame { bytes, captured, sequence, flaw: None, memory: None }))
    }
}

/// How long a page takes: the median and the maximum of many requests.
fn takes(address: SocketAddr, page: &str) -> Outcome<(Duration, Duration)> {
    const QUESTIONS: usize = 31;
    let mut took = Vec::new();
    for _ in 0..QUESTIONS {
        let begin = Instant::now();
        ensure!(get(address, page)?.status == 200, "no {page}");
        took.push(begin.elapsed());
    }
    took.sort();
    Ok((took[QUESTIONS / 2], took[QUESTIONS - 1]))
}

fn connections(address: SocketAddr) -> Outcome<u64> {
    let state: serde_json::Value = serde_json::from_slice(&get(address, "/state")?.body)?;
    Ok(state["connections"]["open"].as_u64().ok_or("no number of connections")?)
}

/// For each connection of the server, the bytes that it has sent and the client has not taken, sorted. From the
/// kernel's /proc/net/tcp (proc(5)).
fn unsent(server: SocketAddr) -> Outcome<Vec<u64>> {
    let (port, mut unsent) = (format!(":{:04X}", server.port()), Vec::new());
    for line in fs::read_to_string("/proc/self/net/tcp")?.lines() {
        let mut fields = line.split_whitespace();
        let (local, queues) = (fields.nth(1).unwrap_or(""), fields.nth(2).unwrap_or(""));
        if let Some((out, _)) = queues.split_once(':').filter(|_| local.ends_with(&port)) {
            unsent.push(u64::from_str_radix(out, 16)?);
        }
    }
    unsent.sort();
    Ok(unsent)
}

/// Clients that stop reading in the middle of the answers.
const STOPPED: usize = 20;

/// More answers than socket buffers hold.
const BUFFERED: usize = 20;

/// Whether the server has `count` connections, besides that of the request itself.
fn all_there(address: SocketAddr, count: usize) -> impl FnMut() -> Outcome<Option<()>> {
    move || Ok((connections(address)? == count as u64 + 1).then_some(()))
}

/// Clients that have asked for more than they read, each with an answer half sent.
fn readers_that_stop(address: SocketAddr) -> Outcome<Vec<BufReader<TcpStream>>> {
    let asks = "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4 * BUFFERED);
    let stopped = (0..STOPPED).map(|_| narrow(address, asks.as_bytes()));
    let stopped = stopped.collect::<Outcome<Vec<_>>>()?;
    wait_for("the viewers that stop reading", all_there(address, STOPPED))?;
    let mut last = Vec::new();
    wait_for("them to be in the middle of an answer", || {
        let now = unsent(address)?;
        let same = std::mem::replace(&mut last, now.clone()) == now;
        Ok((same && now.iter().filter(|bytes| **bytes > 0).count() >= STOPPED).then_some(()))
    })?;
    Ok(stopped)
}

#[test]
fn state_and_metrics_answer_within_100_ms_beside_50_snapshots_of_a_stalled_camera_and_20_that_stopped_reading()
-> Outcome {
    const PAGES: [&str; 2] = ["/state", "/metrics"];
    const SNAPSHOTS: usize = 50;
    const MEDIAN: Duration = Duration::from_millis(100);
    /// One answer may be late because the machine is busy with something else.
    const WORST: Duration = Duration::from_secs(1);
    /// A snapshot is given up after this.
    const GIVEN_UP: Duration = Duration::from_secs(5);

    let bare = service::bare_jpeg(SCAN);
    let picture = service::mended(&bare);
    let stalled = Arc::new(AtomicBool::new(false));
    let info = SourceInfo { interval: Some(INTERVAL), ..service::info(&bare) };
    let camera = Stalling { info, jpeg: bare, stalled: stalled.clone(), sequence: 0 };
    let address = service::serve(camera)?;
    wait_for("pictures", || Ok((get(address, "/snapshot")?.status == 200).then_some(())))?;
    for page in PAGES {
        let (median, worst) = takes(address, page)?;
        println!("{page} with nothing else to do: {median:?}, at worst {worst:?}");
    }

    let mut stopped = readers_that_stop(address)?;

    stalled.store(true, Ordering::Relaxed);
    thread::sleep(PAUSE); // a frame that is still under way is older than the requests below
    let asked = Instant::now();
    let ask = b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut snapshots = (0..SNAPSHOTS).map(|_| request(address, ask)).collect::<Outcome<Vec<_>>>()?;
    wait_for("the snapshots", all_there(address, STOPPED + SNAPSHOTS))?;
    for page in PAGES {
        let (median, worst) = takes(address, page)?;
        let after = asked.elapsed();
        println!(
            "{page} beside {SNAPSHOTS} snapshots and {STOPPED} that stopped: {median:?}, at worst {worst:?}"
        );
        ensure!(after < GIVEN_UP, "too late: only {after:?} after the snapshots were asked for");
        ensure!(median < MEDIAN && worst < WORST, "{page} took {median:?}, at worst {worst:?}");
    }

    for reader in &mut stopped {
        for _ in 0..BUFFERED {
            ensure!(Answer::read(reader)?.status == 200, "one that reads again was not served");
        }
    }
    for snapshot in &mut snapshots {
        let answer = Answer::read(snapshot)?;
        ensure!(answer.status == 503, "a snapshot of a stalled camera has status {}", answer.status);
    }
    ensure!(asked.elapsed() >= GIVEN_UP, "given up after {:?}", asked.elapsed());

    stalled.store(false, Ordering::Relaxed);
    for snapshot in &mut snapshots {
        snapshot.get_mut().write_all(ask)?;
        let answer = Answer::read(snapshot)?;
        ensure!(answer.status == 200 && answer.body == picture, "status {}", answer.status);
    }
    let (mut viewer, mut part) = (service::watch(address)?, service::part(&picture));
    for _ in 0..10 {
        viewer.read_exact(&mut part)?;
        ensure!(part.starts_with(b"Content-Type: image/jpeg\r\n"), "the stream is torn");
    }
    Ok(())
}
