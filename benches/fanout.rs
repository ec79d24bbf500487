//! CPU, delay and system calls for each frame and viewer, beside the floor: `cargo bench --bench fanout`, or with
//! other numbers of viewers `cargo bench --bench fanout -- 10 900`.
//!
//! The server is this program started anew in one of two roles, and its CPU time is what the kernel says of
//! all its threads. `boardcam` is the whole house (gate, site, stream, ring, fan-out) around a camera that is
//! memory: 100 KB JPEGs at 30/s without Huffman tables, so that checking and mending are in the figure and
//! only the driver is not. `send()` is the least that a server can do: one thread that gives each socket the
//! same bytes in one call. Both take turns, since what else the machine does changes with time. What the floor
//! lacks is a fixed cost of each frame, seen with few viewers: a second thread to wake, and the copy into the
//! ring.
//!
//! System calls are all that all threads make, counted by the kernel for `strace -c -f` (Debian package strace;
//! without it the line is missing) in a round of its own, since that slows the server.
//!
//! Delay is from the time in the part header to the arrival of the part's last byte, over all viewers. Of the
//! frames expected, a round may see one more or less for each viewer, at its ends.

#[path = "../tests/house/mod.rs"]
mod house;

use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use boardcam::host::limits::raise_open_files;
use boardcam::multipart;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Pid, Signal, kill_process};

/// Compressed bytes of a frame.
const SCAN: usize = 100_000;

/// Frames in a second.
const RATE: u32 = 30;

/// Viewers of the lines, unless others are asked for.
const VIEWERS: [usize; 4] = [1, 10, 100, 500];

/// The most viewers of a line.
const VIEWERS_MAX: usize = 900;

/// Viewers while system calls are counted.
const CALLS_VIEWERS: usize = 100;

/// Rounds of each role for a line, whose median counts.
const ROUNDS: usize = 3;

/// Before a round counts, and while it counts.
const WARM_UP: Duration = Duration::from_secs(1);
const COUNTED: Duration = Duration::from_secs(4);

/// Tells the program started anew what it is, and how many viewers will come.
const ROLE: &str = "FANOUT_BENCH_ROLE";
const COUNT: &str = "FANOUT_BENCH_VIEWERS";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Boardcam,
    Floor,
}

impl Role {
    const ALL: [Role; 2] = [Role::Boardcam, Role::Floor];

    fn name(self) -> &'static str {
        match self {
            Role::Boardcam => "boardcam",
            Role::Floor => "bare `send()`",
        }
    }
}

fn main() -> Outcome<()> {
    raise_open_files();
    let role = std::env::var(ROLE).ok();
    match Role::ALL.into_iter().find(|known| role.as_deref() == Some(known.name())) {
        Some(role) => serve(role),
        None => compare(),
    }
}

// ---- the servers ----

/// Serves until standard input ends, which it does at the latest when the bench does.
fn serve(role: Role) -> Outcome<()> {
    let address = match role {
        Role::Boardcam => {
            house::serve(house::Memory::new(SCAN, RATE)).map_err(|problem| problem.to_string())?
        }
        Role::Floor => {
            let listener = TcpListener::bind(("127.0.0.1", 0))?;
            let (address, viewers) = (listener.local_addr()?, std::env::var(COUNT)?.parse()?);
            thread::spawn(move || send(&listener, viewers)); // until the first viewer goes
            address
        }
    };
    println!("{address}");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The floor. What a socket does not take waits for the next beat.
fn send(listener: &TcpListener, viewers: usize) -> io::Result<()> {
    let mut sockets = Vec::new();
    for _ in 0..viewers {
        let (mut socket, _) = listener.accept()?;
        socket.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
        socket.write_all(multipart::OPENING)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        sockets.push((socket, 0));
    }
    let jpeg = house::mended(&house::bare_jpeg(SCAN));
    let mut part = house::part(&jpeg);
    let mut beat = house::Beat::new(RATE);
    loop {
        beat.wait();
        let head = multipart::part_head(jpeg.len(), SystemTime::now());
        part[..head.len()].copy_from_slice(head.as_bytes());
        for (socket, sent) in &mut sockets {
            let behind = *sent > 0;
            give(socket, &part, sent)?;
            if behind && *sent == 0 {
                give(socket, &part, sent)?;
            }
        }
    }
}

/// Gives the socket what it did not take of `part` yet.
fn give(mut socket: &std::net::TcpStream, part: &[u8], sent: &mut usize) -> io::Result<()> {
    match socket.write(&part[*sent..]) {
        Ok(count) => *sent = (*sent + count) % part.len(),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

// ---- the viewers ----

/// A server that ends with its owner.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(role: Role, viewers: usize) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ROLE, role.name()).env(COUNT, viewers.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    /// CPU time of all its threads (Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat).
    fn cpu(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // fails only if it has ended
        let _ = self.child.wait();
    }
}

struct Viewer {
    socket: TcpStream,
    /// Bytes of the part that is coming in, and the first of them.
    filled: usize,
    head: [u8; multipart::HEAD_MAX],
}

/// What came of one round.
#[derive(Default)]
struct Round {
    /// Of each frame, in seconds.
    delays: Vec<f64>,
    /// Milliseconds for each frame and viewer.
    cpu: f64,
}

struct Viewers {
    poll: Poll,
    events: Events,
    viewers: Vec<Viewer>,
    /// As long as a part.
    buffer: Vec<u8>,
}

impl Viewers {
    fn connect(address: SocketAddr, count: usize) -> Outcome<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(count));
        let buffer = house::part(&house::mended(&house::bare_jpeg(SCAN)));
        let mut viewers = Self { poll, events, viewers: Vec::new(), buffer };
        for number in 0..count {
            let socket = house::watch(address)?;
            socket.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(socket);
            viewers.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
            viewers.viewers.push(Viewer { socket, filled: 0, head: [0; multipart::HEAD_MAX] });
            viewers.read(Duration::ZERO, &mut Round::default())?; // lest those who came first fall behind
        }
        Ok(viewers)
    }

    fn watch(&mut self, time: Duration) -> Outcome<Round> {
        let mut round = Round::default();
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(round);
            }
            self.read(left, &mut round)?;
        }
    }

    /// Reads what is there, after waiting for it at most `patience`.
    fn read(&mut self, patience: Duration, round: &mut Round) -> Outcome<()> {
        self.poll.poll(&mut self.events, Some(patience))?;
        for event in &self.events {
            let viewer = &mut self.viewers[event.token().0];
            while viewer.read(&mut self.buffer, round)? {}
        }
        Ok(())
    }
}

impl Viewer {
    /// Reads up to the end of this part; `false` when nothing is there.
    fn read(&mut self, buffer: &mut [u8], round: &mut Round) -> Outcome<bool> {
        let count = match self.socket.read(&mut buffer[self.filled..]) {
            Ok(0) => return Err("the server closed a stream".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        // The viewers share one buffer, so each keeps the head of its part.
        let new = self.filled.min(self.head.len())..(self.filled + count).min(self.head.len());
        self.head[new.clone()].copy_from_slice(&buffer[new]);
        self.filled += count;
        if self.filled == buffer.len() {
            self.filled = 0;
            round.delays.push(delay(&self.head).ok_or("a part without a time")?);
        }
        Ok(true)
    }
}

/// Seconds since the time in a part's header.
fn delay(head: &[u8]) -> Option<f64> {
    let head = head.utf8_chunks().next()?.valid();
    let taken: f64 = head.split_once("X-Timestamp: ")?.1.split_once("\r\n")?.0.parse().ok()?;
    Some(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64() - taken)
}

fn round(role: Role, count: usize) -> Outcome<Round> {
    let server = Server::start(role, count)?;
    let mut viewers = Viewers::connect(server.address, count)?;
    viewers.watch(WARM_UP)?;
    let before = server.cpu()?;
    let mut round = viewers.watch(COUNTED)?;
    round.cpu = (server.cpu()? - before).as_secs_f64() * 1e3 / round.delays.len() as f64;
    Ok(round)
}

/// System calls for each frame and viewer; `None` where strace is missing or may not look.
fn calls(role: Role) -> Outcome<Option<f64>> {
    let server = Server::start(role, CALLS_VIEWERS)?;
    let mut viewers = Viewers::connect(server.address, CALLS_VIEWERS)?;
    viewers.watch(WARM_UP)?;
    let (mut strace, pid) = (Command::new("strace"), server.child.id());
    strace.args(["-qq", "-c", "-f", "-U", "calls,name", "-p", &pid.to_string()]);
    let Ok(mut strace) = strace.stderr(Stdio::piped()).spawn() else { return Ok(None) };
    let round = viewers.watch(COUNTED)?;
    kill_process(Pid::from_child(&strace), Signal::INT)?;
    let mut told = String::new();
    strace.stderr.take().ok_or("no output")?.read_to_string(&mut told)?;
    strace.wait()?;
    let total =
        told.lines().rev().find_map(|line| line.trim().strip_suffix(" total")?.trim().parse::<f64>().ok());
    Ok(total.map(|total| total / round.delays.len() as f64))
}

// ---- the table ----

/// The value below which the `part` of all values lies.
fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN)
}

fn compare() -> Outcome<()> {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let counts = if asked.is_empty() { VIEWERS.to_vec() } else { asked };
    println!("JPEGs of {SCAN} bytes at {RATE}/s, medians of {ROUNDS} rounds of {COUNTED:?}.");
    println!("CPU ms per frame and viewer; delay p50 / p99 ms; frames received of those expected.\n");
    println!("| viewers | {} | {} | ratios |", Role::Boardcam.name(), Role::Floor.name());
    println!("|---|---|---|---|");
    for count in counts.into_iter().map(|count| count.clamp(1, VIEWERS_MAX)) {
        let mut rounds = Role::ALL.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (role, rounds) in Role::ALL.into_iter().zip(&mut rounds) {
                rounds.push(round(role, count)?);
            }
        }
        let [boardcam, floor] = rounds.map(|rounds| Line::of(&rounds, count));
        let ratio = |of: fn(&Line) -> f64| of(&boardcam) / of(&floor);
        let (cpu, p50, p99) = (ratio(|line| line.cpu), ratio(|line| line.p50), ratio(|line| line.p99));
        println!("| {count} | {boardcam} | {floor} | {cpu:.2}; {p50:.2} / {p99:.2} |");
    }
    for role in Role::ALL {
        if let Some(calls) = calls(role)? {
            println!("\n{}: {calls:.2} system calls per frame and viewer at {CALLS_VIEWERS}", role.name());
        }
    }
    Ok(())
}

/// The medians of some rounds.
struct Line {
    /// Milliseconds for each frame and viewer.
    cpu: f64,
    /// Delays, in milliseconds.
    p50: f64,
    p99: f64,
    frames: usize,
    expected: usize,
}

impl Line {
    fn of(rounds: &[Round], viewers: usize) -> Self {
        let median = |of: &dyn Fn(&Round) -> f64| quantile(rounds.iter().map(of).collect(), 0.5);
        let delay = |part| median(&|round| 1e3 * quantile(round.delays.clone(), part));
        Self {
            cpu: median(&|round| round.cpu),
            p50: delay(0.5),
            p99: delay(0.99),
            frames: rounds.iter().map(|round| round.delays.len()).sum(),
            expected: rounds.len() * viewers * RATE as usize * COUNTED.as_secs() as usize,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, p50, p99, frames, expected } = self;
        write!(f, "{cpu:.4}; {p50:.2} / {p99:.2}; {frames} of {expected}")
    }
}
