//! Many viewers at once, of whom some are asleep: nobody else notices.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::boardcam::{Boardcam, open_many};

use client::{Outcome, PATIENCE, Viewer, ensure, wait_for};

/// Asks for a stream and reads no further than that it is admitted; its kernel takes in next to nothing for it.
fn asleep(address: SocketAddr) -> Outcome<TcpStream> {
    const ADMITTED: &[u8] = b"HTTP/1.0 200 OK\r\n";
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(4 << 10)?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(socket, "GET /stream?id=asleep HTTP/1.0\r\n\r\n")?;
    let mut status = [0; ADMITTED.len()];
    socket.read_exact(&mut status)?;
    ensure!(status == ADMITTED, "{}", String::from_utf8_lossy(&status));
    Ok(socket)
}

/// How many frames the camera has published.
fn published(boardcam: &Boardcam) -> Outcome<u64> {
    Ok(boardcam.state()?["cameras"][0]["frames"]["published"].as_u64().ok_or("no number of frames")?)
}

/// The smallest share of the camera's next `frames` frames that came to one of these viewers.
fn least_share(boardcam: &Boardcam, viewers: &[Viewer], frames: u64) -> Outcome<f64> {
    let before: Vec<_> = viewers.iter().map(Viewer::received).collect();
    let first = published(boardcam)?;
    let enough = || Ok(Some(published(boardcam)? - first).filter(|came| *came >= frames));
    let all = wait_for("frames", enough)? as f64;
    let came = viewers.iter().zip(before).map(|(viewer, before)| viewer.received() - before);
    Ok(came.map(|came| came as f64 / all).fold(f64::INFINITY, f64::min))
}

#[test]
fn ten_viewers_of_a_hundred_that_never_read_are_dropped_and_the_others_keep_their_rate() -> Outcome {
    const ASLEEP: usize = 10;
    const AWAKE: usize = 90;
    const AT_ONCE: usize = 30;
    const FRAMES: u64 = 40;
    /// Of the frames that a viewer should have got, a few may be under way when they are counted.
    const LEAST: f64 = 0.85;
    /// A torn frame for each sleeper, their connections, and what the allocator keeps.
    const MARGIN_KIB: u64 = 2 << 10;
    open_many()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "10"])?;
    let mut awake: Vec<Viewer> = Vec::new();
    while awake.len() < AWAKE {
        // Not all at once: no more requests than this wait for their answer at a time.
        let more = (0..AT_ONCE).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
        for viewer in &more {
            viewer.next()?;
        }
        awake.extend(more);
    }
    let alone = least_share(&boardcam, &awake, FRAMES)?;
    let before = boardcam.resident()?;
    let sleeping = || -> Outcome<usize> {
        let state = boardcam.state()?;
        let viewers = state["viewers"].as_array().ok_or("no viewers")?;
        Ok(viewers.iter().filter(|viewer| viewer["id"] == "asleep").count())
    };
    let sleepers = (0..ASLEEP).map(|_| asleep(boardcam.address)).collect::<Outcome<Vec<_>>>()?;
    wait_for("the sleepers", || Ok((sleeping()? == ASLEEP).then_some(())))?;
    let beside = least_share(&boardcam, &awake, FRAMES)?;
    let most = boardcam.resident()?;
    ensure!(sleeping()? == ASLEEP, "dropped before their time");
    wait_for("the sleepers to be dropped", || Ok((sleeping()? == 0).then_some(())))?;
    let after = least_share(&boardcam, &awake, FRAMES)?;
    println!("each got {alone:.2} of all frames, beside sleepers {beside:.2}, after them {after:.2}");
    println!("{before} KiB before, {most} KiB with {ASLEEP} sleepers");
    ensure!(alone.min(beside).min(after) >= LEAST, "a viewer missed frames");
    ensure!(most < before + MARGIN_KIB, "{before} KiB have become {most}");
    let log = boardcam.log();
    ensure!(log.matches("dropped, it took nothing for 10 s").count() == ASLEEP, "{log}");
    drop(sleepers);
    Ok(())
}
