//! How soon the program serves and how much memory it holds: `cargo bench --bench footprint`.
//!
//! It starts the real program with the test pattern at 1280x720, so the picture is encoded here; a camera that
//! makes JPEGs itself needs no encoder's memory. Memory is VmRSS, code and all.

mod plot;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use plot::Plot;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Starts that are timed.
const STARTS: usize = 20;

/// Viewers that come at a time, by which what they add to memory is divided.
const VIEWERS: usize = 100;

/// Time until memory is what it will be.
const SETTLE: Duration = Duration::from_secs(3);

struct Program(Child, SocketAddr);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn start() -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcam"));
        command.args(["--camera", "pattern", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut log = BufReader::new(child.stderr.take().ok_or("no log")?);
        let mut line = String::new();
        while !line.contains("listening on http://") {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                return Err("it ended".into());
            }
        }
        let place = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = place.ok_or("no address")?.parse()?;
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(Self(child, address))
    }

    fn watch(&self) -> Outcome<TcpStream> {
        let mut socket = TcpStream::connect(self.1)?;
        socket.write_all(b"GET /stream HTTP/1.0\r\n\r\n")?;
        Ok(socket)
    }

    /// Resident memory in KiB.
    fn memory(&self) -> Outcome<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

/// Reads until `wanted` has come.
fn until(socket: &mut TcpStream, wanted: &[u8]) -> Outcome<()> {
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let count = socket.read(&mut chunk)?;
        if count == 0 {
            return Err("the stream ended".into());
        }
        seen.extend_from_slice(&chunk[..count]);
    }
    Ok(())
}

fn drain(mut socket: TcpStream) {
    thread::spawn(move || {
        let mut chunk = vec![0; 64 << 10];
        while socket.read(&mut chunk).is_ok_and(|count| count > 0) {}
    });
}

/// The median and the slowest, as two cells of a table.
fn millis(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |place: usize| times[place].as_secs_f64() * 1e3;
    format!("{:.0} | {:.0}", at(times.len() / 2), at(times.len() - 1))
}

fn main() -> Outcome<()> {
    let (mut first_bytes, mut first_frames) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let begin = Instant::now();
        let program = Program::start()?;
        let mut viewer = program.watch()?;
        until(&mut viewer, b"HTTP/1.0 200")?;
        first_bytes.push(begin.elapsed());
        until(&mut viewer, b"\xff\xd8")?;
        first_frames.push(begin.elapsed());
    }
    println!("| {STARTS} starts, from exec to | median ms | slowest ms |");
    println!("|---|---|---|");
    println!("| the first byte at a viewer | {} |", millis(first_bytes));
    println!("| the first picture at a viewer | {} |\n", millis(first_frames));
    memory_by_viewers()
}

fn memory_by_viewers() -> Outcome<()> {
    println!("| viewers at 1280x720 | memory in KiB | KiB for each of the last {VIEWERS} |");
    println!("|---|---|---|");
    let program = Program::start()?;
    drain(program.watch()?);
    thread::sleep(SETTLE);
    let mut before = program.memory()?;
    println!("| 1 | {before} | |");
    let mut groups = vec![("1".into(), vec![Some(before as f64 / 1024.0)])];
    // The first hundred also fill what is allocated once: relays, tables, buffers for reuse.
    for viewers in [VIEWERS, 2 * VIEWERS, 3 * VIEWERS] {
        for _ in 0..VIEWERS {
            drain(program.watch()?);
        }
        thread::sleep(SETTLE);
        let now = program.memory()?;
        let each = now.saturating_sub(before) as f64 / VIEWERS as f64;
        println!("| {} | {now} | {each:.2} |", viewers + 1);
        groups.push(((viewers + 1).to_string(), vec![Some(now as f64 / 1024.0)]));
        before = now;
    }
    let plot = Plot {
        title: "Memory of the whole program, test pattern at 1280x720",
        x_label: "viewers",
        y_label: "resident memory in MiB",
        series: &["boardcam"],
        groups,
    };
    Ok(plot.write("footprint-memory")?)
}
