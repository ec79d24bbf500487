//! Counts the allocations of boardcam while it passes a camera's frames on to a viewer; there must be none.
//!
//! This is the complete program, from the camera to the socket, with a counting allocator. The viewer, in the same
//! process, reads into a fixed buffer. The camera is the one that `auto` finds.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::error::Error;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use boardcam::{config, serve};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ADDRESS: &str = "127.0.0.1:7999";
/// More than 100 frames of the rig's feed: read before allocations are counted, and again while they are.
const BYTES: usize = 8_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (_, settings) = config::read(["boardcam", "--listen", ADDRESS].map(OsString::from))?;
    thread::spawn(move || {
        if let Err(problem) = serve::serve(&settings) {
            eprintln!("{problem}");
        }
    });
    let mut socket = connect()?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(format!("GET /stream HTTP/1.0\r\nHost: {ADDRESS}\r\n\r\n").as_bytes())?;
    let mut buffer = vec![0; 1 << 16];
    read(&mut socket, &mut buffer)?;
    let region = Region::new(ALLOCATOR);
    read(&mut socket, &mut buffer)?;
    let change = region.change();
    if change.allocations + change.reallocations > 0 {
        return Err(format!("{BYTES} bytes of frames cost memory: {change:?}").into());
    }
    Ok(())
}

fn connect() -> std::io::Result<TcpStream> {
    let begin = Instant::now();
    loop {
        match TcpStream::connect(ADDRESS) {
            Err(_) if begin.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut left = BYTES;
    while left > 0 {
        match socket.read(buffer)? {
            0 => return Err("the stream ended".into()),
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}
