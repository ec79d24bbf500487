//! The clients: viewers, all on one thread that measures, and clients that only shake hands.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use boardcam::multipart;
use client::Trust;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustix::process::setpriority_process;
use rustls::ClientConnection;

use crate::{HANDSHAKES, Outcome, SCAN, SHAKERS, service};

/// Shakers leave the processors to the server and the measurement: real clients run elsewhere.
const NICE: i32 = 19;

struct Viewer {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Bytes of the part that is coming in, and the first of them.
    filled: usize,
    head: [u8; multipart::HEAD_MAX],
}

/// What came of one round.
#[derive(Default)]
pub struct Round {
    /// Of each frame, in seconds.
    pub delays: Vec<f64>,
    /// Milliseconds for each frame and viewer.
    pub cpu: f64,
}

pub struct Viewers {
    poll: Poll,
    events: Events,
    viewers: Vec<Viewer>,
    /// As long as a part.
    buffer: Vec<u8>,
}

impl Viewers {
    /// So many viewers at this address, over HTTPS if it is that.
    pub fn connect(address: SocketAddr, secure: bool, count: usize) -> Outcome<Self> {
        let (poll, events) = (Poll::new()?, Events::with_capacity(count));
        let buffer = service::part(&service::mended(&service::bare_jpeg(SCAN)));
        let mut viewers = Self { poll, events, viewers: Vec::new(), buffer };
        let trust = Trust::any().map_err(|error| error.to_string())?;
        for number in 0..count {
            let (socket, tls) = if secure {
                let stream = trust.connect(address, "localhost").map_err(|error| error.to_string())?;
                let mut stream = stream.into_inner();
                service::ask(&mut stream, address)?;
                let (tls, socket) = stream.into_parts();
                (socket, Some(Box::new(tls)))
            } else {
                (service::watch(address)?, None)
            };
            socket.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(socket);
            viewers.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
            viewers.viewers.push(Viewer { socket, tls, filled: 0, head: [0; multipart::HEAD_MAX] });
            viewers.read(Duration::ZERO, &mut Round::default())?; // so the first viewers do not fall behind
        }
        Ok(viewers)
    }

    pub fn watch(&mut self, time: Duration) -> Outcome<Round> {
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
        let count = match take(&mut self.socket, self.tls.as_deref_mut(), &mut buffer[self.filled..]) {
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

/// Reads what is there, decrypted if need be.
fn take(socket: &mut TcpStream, tls: Option<&mut ClientConnection>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(tls) = tls else { return socket.read(buffer) };
    loop {
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => return other,
        }
        tls.read_tls(socket)?;
        tls.process_new_packets().map_err(io::Error::other)?;
    }
}

/// Seconds since the time in a part's header.
fn delay(head: &[u8]) -> Option<f64> {
    let head = head.utf8_chunks().next()?.valid();
    let taken: f64 = head.split_once("X-Timestamp: ")?.1.split_once("\r\n")?.0.parse().ok()?;
    Some(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64() - taken)
}

/// Clients in a process of their own that shake hands and go, again and again.
pub struct Shakers {
    child: Child,
    begin: Instant,
}

impl Shakers {
    pub fn start(address: SocketAddr) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(HANDSHAKES, address.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(Self { child: command.spawn()?, begin: Instant::now() })
    }

    /// Ends them; handshakes in a second.
    pub fn end(mut self) -> Outcome<f64> {
        drop(self.child.stdin.take());
        let seconds = self.begin.elapsed().as_secs_f64();
        let mut told = String::new();
        self.child.stdout.take().ok_or("no output")?.read_to_string(&mut told)?;
        self.child.wait()?;
        Ok(told.trim().parse::<f64>()? / seconds)
    }
}

/// Shakes hands until standard input ends, and says how often.
pub fn shake_hands(address: SocketAddr) -> Outcome<()> {
    setpriority_process(None, NICE)?; // and with it the threads that come
    let (count, end) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..SHAKERS {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    // One of its own for each, or sessions would be resumed, which costs less.
                    let shaken = Trust::any().and_then(|trust| trust.connect(address, "localhost"));
                    count.fetch_add(usize::from(shaken.is_ok()), Ordering::Relaxed);
                }
            });
        }
        let ended = io::stdin().read_to_end(&mut Vec::new());
        end.store(true, Ordering::Relaxed);
        ended
    })?;
    println!("{}", count.load(Ordering::Relaxed));
    Ok(())
}
