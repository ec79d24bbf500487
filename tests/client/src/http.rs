//! HTTP/1.0 as the simplest clients speak it, and multipart streams.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use crate::{Outcome, PATIENCE, ensure};

/// The largest answer or frame that is believed.
const MOST: u64 = 16 << 20;
/// Frames kept for a case that is busy elsewhere; the viewer reads on, the oldest are forgotten.
const KEPT: usize = 60;

/// An answer that has ended.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: HashMap<String, String>,
    /// What came behind the head.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads the head of an answer; its body is left where it is.
    pub fn read_head(reader: &mut impl BufRead) -> Outcome<Self> {
        let (status, headers) = head(reader)?;
        Ok(Self { status, headers, body: Vec::new() })
    }

    /// Reads an answer whose head says how long it is; the connection may go on.
    pub fn read(reader: &mut impl BufRead) -> Outcome<Self> {
        let mut answer = Self::read_head(reader)?;
        let length: u64 = answer.headers.get("content-length").ok_or("no Content-Length")?.parse()?;
        ensure!(length <= MOST, "an answer of {length} bytes");
        reader.take(length).read_to_end(&mut answer.body)?;
        ensure!(answer.body.len() as u64 == length, "the connection was closed inside an answer");
        Ok(answer)
    }

    /// Reads one part of a stream, from behind the boundary to the end of its JPEG.
    pub fn read_part(reader: &mut impl BufRead) -> Outcome<Vec<u8>> {
        let part = headers(reader)?;
        let value = |name| part.get(name).ok_or_else(|| format!("a part without {name}"));
        ensure!(value("content-type")? == "image/jpeg", "a part of type {}", value("content-type")?);
        let _: f64 = value("x-timestamp")?.parse()?;
        let length: u64 = value("content-length")?.parse()?;
        ensure!(length <= MOST, "a part of {length} bytes");
        let mut frame = Vec::new();
        reader.take(length).read_to_end(&mut frame)?;
        ensure!(frame.len() as u64 == length, "the connection was closed inside a frame");
        Ok(frame)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks once.
pub fn get(address: SocketAddr, path: &str) -> Outcome<Answer> {
    ask(address, "GET", path, &[], "")
}

/// Asks once with further headers, as `Name: value`, and a body.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> Outcome<Answer> {
    let head = head_for(address, method, path, headers);
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut reader = self::request(address, request.as_bytes())?;
    let mut answer = Answer::read_head(&mut reader)?;
    reader.take(MOST).read_to_end(&mut answer.body)?;
    Ok(answer)
}

fn head_for(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}")
}

/// Connects and sends these bytes as they are.
pub fn request(address: SocketAddr, bytes: &[u8]) -> Outcome<BufReader<TcpStream>> {
    let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(bytes)?;
    Ok(BufReader::new(socket))
}

/// The same from one of this machine's own addresses, as another client.
pub fn request_from(source: IpAddr, address: SocketAddr, bytes: &[u8]) -> Outcome<BufReader<TcpStream>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(bytes)?;
    Ok(BufReader::new(socket))
}

/// The same as a client whose kernel takes in next to nothing on its behalf, as behind a dead radio link.
pub fn narrow(address: SocketAddr, bytes: &[u8]) -> Outcome<BufReader<TcpStream>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(4 << 10)?;
    socket.set_tcp_mss(1460)?; // as on Ethernet; with loopback's 64 KB the other side buffers megabytes
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(bytes)?;
    Ok(BufReader::new(socket))
}

/// The status and the headers, with names in lower case.
fn head(reader: &mut impl BufRead) -> Outcome<(u16, HashMap<String, String>)> {
    let status = line(reader)?;
    let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let code = code.ok_or_else(|| format!("the answer begins with {status:?}"))?;
    Ok((code, headers(reader)?))
}

fn headers(reader: &mut impl BufRead) -> Outcome<HashMap<String, String>> {
    let mut found = HashMap::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Ok(found);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is not a header"))?;
        found.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// A line that ends in CRLF, without it.
fn line(reader: &mut impl BufRead) -> Outcome<String> {
    const LONGEST: u64 = 8 << 10;
    let mut line = Vec::new();
    reader.take(LONGEST).read_until(b'\n', &mut line)?;
    ensure!(!line.is_empty(), "the connection was closed");
    let line = line.strip_suffix(b"\r\n").ok_or("a line without CRLF")?;
    Ok(String::from_utf8(line.to_vec())?)
}

/// A viewer that watches a stream on one connection for as long as this value lives.
pub struct Viewer {
    inbox: Arc<Inbox>,
    socket: TcpStream,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<InboxState>,
    changed: Condvar,
}

#[derive(Default)]
struct InboxState {
    frames: VecDeque<Vec<u8>>,
    received: usize,
    ended: Option<String>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, InboxState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Viewer {
    /// Opens a stream.
    pub fn connect(address: SocketAddr, path: &str) -> Outcome<Self> {
        Self::connect_with(address, path, &[])
    }

    /// Opens a stream with further headers.
    pub fn connect_with(address: SocketAddr, path: &str, headers: &[&str]) -> Outcome<Self> {
        let request = head_for(address, "GET", path, headers) + "\r\n";
        let reader = self::request(address, request.as_bytes())?;
        let socket = reader.get_ref().try_clone()?;
        Ok(Self::follow(reader, socket))
    }

    /// Watches the answer that comes next; `socket` is the connection.
    pub fn follow(mut reader: impl BufRead + Send + 'static, socket: TcpStream) -> Self {
        let inbox = Arc::new(Inbox::default());
        let shared = inbox.clone();
        thread::spawn(move || {
            let Err(why) = watch(&mut reader, &shared);
            shared.lock().ended = Some(why.to_string());
            shared.changed.notify_all();
        });
        Self { inbox, socket }
    }

    /// The next frame.
    pub fn next(&self) -> Outcome<Vec<u8>> {
        let state = self.inbox.lock();
        let (mut state, _) = self
            .inbox
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.frames.is_empty() && state.ended.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        match (state.frames.pop_front(), &state.ended) {
            (Some(frame), _) => Ok(frame),
            (None, Some(why)) => Err(format!("the stream ended: {why}").into()),
            (None, None) => Err("the stream stands still".into()),
        }
    }

    /// Waits until the stream has ended; frames that came before are thrown away.
    pub fn wait_for_end(&self) -> Outcome {
        crate::wait_for("the stream to end", || Ok(self.inbox.lock().ended.as_ref().map(|_| ())))
    }

    /// How many frames have come, also those that nobody asked for.
    pub fn received(&self) -> usize {
        self.inbox.lock().received
    }

    /// The first frame from now on that meets the condition.
    pub fn wait_for(&self, what: &str, mut wished: impl FnMut(&[u8]) -> bool) -> Outcome<Vec<u8>> {
        let begin = Instant::now();
        self.inbox.lock().frames.clear();
        loop {
            let frame = self.next()?;
            if wished(&frame) {
                return Ok(frame);
            }
            ensure!(begin.elapsed() < PATIENCE, "waited {} s for {what} in the stream", PATIENCE.as_secs());
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both); // ends the thread
    }
}

/// Reads parts until the connection ends or says something that no player would understand.
fn watch(reader: &mut impl BufRead, inbox: &Inbox) -> Outcome<Infallible> {
    let (status, head) = head(reader)?;
    let content_type = head.get("content-type").map_or("", String::as_str);
    ensure!(status == 200, "status {status}");
    let boundary = content_type
        .strip_prefix("multipart/x-mixed-replace;boundary=")
        .ok_or_else(|| format!("Content-Type: {content_type}"))?;
    let separator = format!("--{boundary}");
    loop {
        let found = line(reader)?;
        ensure!(found == separator, "{found:?} where {separator:?} belongs");
        let frame = Answer::read_part(reader)?;
        let behind = line(reader)?;
        ensure!(behind.is_empty(), "{behind:?} behind a frame");
        let mut state = inbox.lock();
        if state.frames.len() == KEPT {
            state.frames.pop_front();
        }
        state.frames.push_back(frame);
        state.received += 1;
        inbox.changed.notify_all();
    }
}
