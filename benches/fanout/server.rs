//! The servers, each another process of this program in one role.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::{COUNT, Outcome, RATE, ROLE, Role, SCAN, floor, service};

/// Serves until standard input ends, which it does at the latest when the bench does. Says where: in plain, and
/// over HTTPS if it can.
pub fn serve(role: Role) -> Outcome<()> {
    let camera = || service::Memory::new(SCAN, RATE);
    match role {
        Role::Boardcam => println!("{}", service::serve(camera()).map_err(|problem| problem.to_string())?),
        Role::Https => {
            let (plain, secure) = service::serve_both(camera()).map_err(|problem| problem.to_string())?;
            println!("{plain} {secure}");
        }
        Role::Floor => begin(|listener, viewers| floor::run(listener, viewers, floor::Plain::accept))?,
        Role::Rustls => {
            let config = floor::tls()?;
            begin(move |listener, viewers| {
                floor::run(listener, viewers, |socket| floor::Encrypted::accept(socket, &config))
            })?;
        }
    }
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Runs a floor on a thread of its own until its first viewer goes.
fn begin(floor: impl FnOnce(&TcpListener, usize) -> Outcome<()> + Send + 'static) -> Outcome<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (address, viewers) = (listener.local_addr()?, std::env::var(COUNT)?.parse()?);
    thread::spawn(move || floor(&listener, viewers).map_err(|error| error.to_string()));
    println!("{address}");
    Ok(())
}

/// A server that ends with its owner.
pub struct Server {
    pub child: Child,
    /// Where it serves in plain, ...
    pub plain: SocketAddr,
    /// ... and over HTTPS.
    pub secure: Option<SocketAddr>,
    /// Where it keeps its certificate.
    state: PathBuf,
}

impl Server {
    pub fn start(role: Role, viewers: usize) -> Outcome<Self> {
        let state = std::env::temp_dir().join(format!("boardcam-bench-{}", std::process::id()));
        let mut command = Command::new(std::env::current_exe()?);
        command.env(ROLE, role.name()).env(COUNT, viewers.to_string()).env("STATE_DIRECTORY", &state);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let mut places = line.split_whitespace().map(str::parse);
        let plain = places.next().ok_or("the server does not say where it is")??;
        Ok(Self { child, plain, secure: places.next().transpose()?, state })
    }

    /// CPU time of all its threads (Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat).
    pub fn cpu(&self) -> Outcome<Duration> {
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
        let _ = fs::remove_dir_all(&self.state); // without HTTPS it is not there
    }
}
