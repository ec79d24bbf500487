//! CPU, delay and system calls for each frame and viewer, in plain and over HTTPS, each beside its floor; and what many
//! TLS handshakes do to plain viewers: `cargo bench --bench fanout`, or with other numbers of viewers
//! `cargo bench --bench fanout -- 10 900`.
//!
//! The server is another process of this program in one of four roles, and its CPU time is what the kernel says of
//! all its threads. `boardcam` is the whole service (gate, site, stream, ring, fan-out) around a camera that is
//! memory: 100 KB JPEGs at 30/s without Huffman tables, so that checking and mending are in the figure and
//! only the driver is not; `boardcam, HTTPS` is the same with encrypted viewers. The floor is the least that a server
//! with such a camera can do: one thread takes a frame, finds where its tables are to go, and gives each viewer part
//! header, JPEG, tables and boundary with one `writev`. The floor of HTTPS does the same through rustls, with
//! the same ciphers. They take turns, since what else the machine does changes with time. What boardcam does beyond
//! the floor is above all a fixed cost of each frame, seen with few viewers: the copy into the ring, and from some
//! number of viewers on a second thread to wake.
//!
//! System calls are all that all threads make, counted by the kernel for `strace -c -f` (Debian package strace;
//! without it the line is missing) in a round of its own, since that slows the server.
//!
//! Delay is from the time in the part header to the arrival of the part's last byte, over all viewers; over HTTPS
//! decrypting it is in it. Of the frames expected, a round may see one more or less for each viewer, at its ends.

mod floor;
#[path = "../plot/mod.rs"]
mod plot;
mod server;
#[path = "../../tests/service/mod.rs"]
mod service;
mod viewers;

use std::fmt;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use boardcam::host::limits::raise_open_files;
use rustix::process::{Pid, Signal, kill_process};

use plot::Plot;
use server::Server;
use viewers::{Round, Shakers, Viewers};

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

/// Clients that shake hands in a loop, and plain viewers meanwhile.
const SHAKERS: usize = 20;
const BESIDE: usize = 10;

/// Rounds of each role for a line, whose median counts.
const ROUNDS: usize = 3;

/// Before a round counts, and while it counts.
const WARM_UP: Duration = Duration::from_secs(1);
const COUNTED: Duration = Duration::from_secs(4);

/// Give another process of this program its role and the number of viewers, or the address for handshakes.
const ROLE: &str = "FANOUT_BENCH_ROLE";
const COUNT: &str = "FANOUT_BENCH_VIEWERS";
const HANDSHAKES: &str = "FANOUT_BENCH_HANDSHAKES";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Boardcam,
    Https,
    Floor,
    Rustls,
}

impl Role {
    const ALL: [Role; 4] = [Role::Boardcam, Role::Https, Role::Floor, Role::Rustls];

    fn name(self) -> &'static str {
        match self {
            Role::Boardcam => "boardcam",
            Role::Https => "boardcam, HTTPS",
            Role::Floor => "floor",
            Role::Rustls => "rustls alone",
        }
    }

    fn is_encrypted(self) -> bool {
        matches!(self, Role::Https | Role::Rustls)
    }
}

fn main() -> Outcome<()> {
    raise_open_files();
    if let Ok(address) = std::env::var(HANDSHAKES) {
        return viewers::shake_hands(address.parse()?);
    }
    let role = std::env::var(ROLE).ok();
    match Role::ALL.into_iter().find(|known| role.as_deref() == Some(known.name())) {
        Some(role) => server::serve(role),
        None => compare(),
    }
}

/// A server in this role and its viewers, who have watched for a while.
fn begin(role: Role, count: usize) -> Outcome<(Server, Viewers)> {
    let server = Server::start(role, count)?;
    let address = server.secure.unwrap_or(server.plain);
    let mut viewers = Viewers::connect(address, role.is_encrypted(), count)?;
    viewers.watch(WARM_UP)?;
    Ok((server, viewers))
}

fn round(role: Role, count: usize) -> Outcome<Round> {
    let (server, mut viewers) = begin(role, count)?;
    let before = server.cpu()?;
    let mut round = viewers.watch(COUNTED)?;
    round.cpu = (server.cpu()? - before).as_secs_f64() * 1e3 / round.delays.len() as f64;
    Ok(round)
}

/// System calls for each frame and viewer; `None` where strace is missing or may not look.
fn calls(role: Role) -> Outcome<Option<f64>> {
    let (server, mut viewers) = begin(role, CALLS_VIEWERS)?;
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

/// One round of plain viewers alone and one beside clients that shake hands, of the same server; and how many
/// handshakes there were in a second.
fn beside_handshakes() -> Outcome<(Round, Round, f64)> {
    let server = Server::start(Role::Https, BESIDE)?;
    let mut viewers = Viewers::connect(server.plain, false, BESIDE)?;
    viewers.watch(WARM_UP)?;
    let alone = viewers.watch(COUNTED)?;
    let shakers = Shakers::start(server.secure.ok_or("a server without HTTPS")?)?;
    viewers.watch(WARM_UP)?;
    let beside = viewers.watch(COUNTED)?;
    Ok((alone, beside, shakers.end()?))
}

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
    println!("| viewers | boardcam | floor; with HTTPS rustls alone | ratios |");
    println!("|---|---|---|---|");
    let mut plots: [Vec<_>; MEASURED.len()] = Default::default();
    let mut encryption = Vec::new();
    for count in counts.into_iter().map(|count| count.clamp(1, VIEWERS_MAX)) {
        let mut rounds = Role::ALL.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (role, rounds) in Role::ALL.into_iter().zip(&mut rounds) {
                rounds.push(round(role, count)?);
            }
        }
        let lines = rounds.map(|rounds| Line::of(&rounds, count));
        for ((.., of), groups) in MEASURED.into_iter().zip(&mut plots) {
            groups.push((count.to_string(), lines.iter().map(|line| Some(of(line))).collect()));
        }
        let [boardcam, https, plain, rustls] = lines;
        encryption.push(format!("{:.4} at {count}", rustls.cpu - plain.cpu));
        for (how, line, floor) in [("", boardcam, plain), (", HTTPS", https, rustls)] {
            let ratio = |of: fn(&Line) -> f64| of(&line) / of(&floor);
            let (cpu, p50, p99) = (ratio(|line| line.cpu), ratio(|line| line.p50), ratio(|line| line.p99));
            println!("| {count}{how} | {line} | {floor} | {cpu:.2}; {p50:.2} / {p99:.2} |");
        }
    }
    println!("\nEncryption itself (rustls alone less the floor), CPU ms: {}", encryption.join(", "));
    for ((name, title, y_label, _), groups) in MEASURED.into_iter().zip(plots) {
        let series = &Role::ALL.map(Role::name);
        Plot { title, x_label: "viewers", y_label, series, groups }.write(name)?;
    }
    report_calls()?;
    report_handshakes()
}

/// File, title and y axis of each plot, and what it shows.
type Measured = (&'static str, &'static str, &'static str, fn(&Line) -> f64);
const MEASURED: [Measured; 3] = [
    ("fanout-cpu", "CPU time for a frame of 100 KB", "CPU ms per frame and viewer", |line| line.cpu),
    ("fanout-delay-p50", "Delay from capture to a viewer, median", "ms", |line| line.p50),
    ("fanout-delay-p99", "Delay from capture to a viewer, 99 of 100 frames", "ms", |line| line.p99),
];

fn report_calls() -> Outcome<()> {
    for role in Role::ALL {
        if let Some(calls) = calls(role)? {
            println!("\n{}: {calls:.2} system calls per frame and viewer at {CALLS_VIEWERS}", role.name());
        }
    }
    Ok(())
}

fn report_handshakes() -> Outcome<()> {
    let rounds = (0..ROUNDS).map(|_| beside_handshakes()).collect::<Outcome<Vec<_>>>()?;
    let median = |of: fn(&(Round, Round, f64)) -> f64| quantile(rounds.iter().map(of).collect(), 0.5);
    let (alone, beside) = (median(|round| p99(&round.0)), median(|round| p99(&round.1)));
    println!(
        "\n{BESIDE} plain viewers, p99 of delay: {alone:.2} ms; beside {SHAKERS} clients that shake hands in a \
         loop, {:.0} times a second: {beside:.2} ms, ratio {:.2}",
        median(|round| round.2),
        beside / alone
    );
    Ok(())
}

/// Below it is the delay of 99 of 100 frames, in milliseconds.
fn p99(round: &Round) -> f64 {
    1e3 * quantile(round.delays.clone(), 0.99)
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
        Self {
            cpu: median(&|round| round.cpu),
            p50: median(&|round| 1e3 * quantile(round.delays.clone(), 0.5)),
            p99: median(&p99),
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
