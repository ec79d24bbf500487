//! Debian's `motion` as another program that watches a network camera, which is played to it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use socket2::SockRef;

use super::Watched;

/// How long it may take to connect.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the kernel keeps for it: about a picture, so that it does not see what is long past.
const SEND_BUFFER: usize = 64 << 10;

/// Clock ticks in a second, in which the kernel counts CPU time for programs (proc(5), `/proc/pid/stat`).
const TICKS: f64 = 100.0;

/// Ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays a film to it; `None` if it is not installed. All settings are its defaults, but for what it would write and
/// serve, and for `quiet`, the seconds after which its events end.
pub fn watch(film: &[Vec<u8>], rate: f32, quiet: f32) -> io::Result<Option<Watched>> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("boardcam-motion-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder)?;
    let watched = watch_in(&folder, film, rate, quiet);
    fs::remove_dir_all(&folder)?;
    match watched {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        watched => watched.map(Some),
    }
}

fn watch_in(folder: &Path, film: &[Vec<u8>], rate: f32, quiet: f32) -> io::Result<Watched> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (settings, events) = (folder.join("motion.conf"), folder.join("events"));
    let text = format!(
        "daemon off\nnetcam_url http://{}/stream\ntarget_dir {}\nlog_file {}\nevent_gap {quiet:.0}\n\
         picture_output off\nmovie_output off\nstream_port 0\nwebcontrol_port 0\n\
         on_event_start date +%s.%N >> {}\n",
        listener.local_addr()?,
        folder.display(),
        folder.join("log").display(),
        events.display()
    );
    fs::write(&settings, text)?;
    fs::write(&events, "")?;
    let mut command = Command::new("motion");
    command.arg("-n").arg("-c").arg(&settings).stdin(Stdio::null());
    let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    let mut viewer = accept(&listener, Instant::now() + PATIENCE)?;
    let (start, began, before) = (Instant::now(), SystemTime::now(), cpu_ticks(process.0.id())?);
    let mut sent = 0;
    let mut next = 0;
    while let Some(jpeg) = film.get(next) {
        let due = start + Duration::from_secs_f32(next as f32 / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        while send(&mut viewer, jpeg).is_err() {
            viewer = accept(&listener, due + PATIENCE)?;
        }
        sent += 1;
        // A camera leaves out pictures that its viewer is too slow for.
        next = (next + 1).max((start.elapsed().as_secs_f32() * rate) as usize);
    }
    let ticks = cpu_ticks(process.0.id())? - before;
    let began = began.duration_since(SystemTime::UNIX_EPOCH).map_err(io::Error::other)?.as_secs_f64();
    let events = fs::read_to_string(&events)?;
    let begins = events.lines().filter_map(|line| Some((line.parse::<f64>().ok()? - began) as f32)).collect();
    Ok(Watched { begins, ms: ticks / TICKS * 1e3 / sent as f64 })
}

/// Waits for it to connect, and answers it.
fn accept(listener: &TcpListener, deadline: Instant) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let mut viewer = loop {
        match listener.accept() {
            Ok((viewer, _)) => break viewer,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    };
    viewer.set_nonblocking(false)?;
    SockRef::from(&viewer).set_send_buffer_size(SEND_BUFFER)?;
    viewer.set_read_timeout(Some(PATIENCE))?;
    viewer.set_write_timeout(Some(PATIENCE))?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && viewer.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    viewer.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=film\r\n\r\n")?;
    Ok(viewer)
}

fn send(viewer: &mut TcpStream, jpeg: &[u8]) -> io::Result<()> {
    write!(viewer, "--film\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len())?;
    viewer.write_all(jpeg)?;
    viewer.write_all(b"\r\n")
}

/// The CPU time of all its threads.
fn cpu_ticks(process: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may hold anything: fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum())
}
