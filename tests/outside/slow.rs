//! Clients that are slow, silent, or gone to sleep: they wait for themselves, and nobody waits for them.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, POOL, goes_on, open_many};

use client::{Answer, Outcome, PATIENCE, Viewer, ensure, request, wait_for};
use socket2::{Domain, Socket, Type};

/// A client whose kernel takes in next to nothing on its behalf, as behind a dead radio link.
pub fn narrow(address: SocketAddr, bytes: &[u8]) -> Outcome<BufReader<TcpStream>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(4 << 10)?;
    socket.connect_timeout(&address.into(), PATIENCE)?;
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(bytes)?;
    Ok(BufReader::new(socket))
}

#[test]
fn requests_that_do_not_come_whole_are_cut_off_after_five_seconds_and_others_served_meanwhile() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    let begin = Instant::now();
    let stopped = ["GET /st", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"];
    let stopped = stopped.iter().map(|ask| request(boardcam.address, ask.as_bytes()));
    let mut readers = stopped.collect::<Outcome<Vec<_>>>()?;
    let trickle = request(boardcam.address, b"")?;
    let mut socket = trickle.get_ref().try_clone()?;
    readers.push(trickle);
    thread::scope(|scope| -> Outcome {
        scope.spawn(move || {
            for byte in b"GET /state HTTP/1.0\r\n" {
                if socket.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
        let waiting = readers.into_iter().map(|mut reader| {
            scope.spawn(move || Answer::read(&mut reader).map(|answer| (answer, begin.elapsed())))
        });
        let waiting: Vec<_> = waiting.collect();
        while !waiting.iter().all(|client| client.is_finished()) {
            goes_on(&viewer, 1)?;
            boardcam.state()?;
        }
        for client in waiting {
            let (answer, after) = client.join().map_err(|_| "a client panicked")??;
            ensure!(answer.status == 408, "{}", answer.status);
            ensure!((4.0..15.0).contains(&after.as_secs_f64()), "cut off after {after:?}");
        }
        Ok(())
    })
}

#[test]
fn nine_hundred_idle_connections_cost_no_thread_and_are_closed_in_time() -> Outcome {
    const IDLE: u64 = 900;
    let open = open_many()?;
    ensure!(open > 2 * IDLE, "this test needs more open files than {open}; see ulimit -Hn");
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    let (_, threads) = boardcam.holdings()?;
    let idle = (0..IDLE).map(|_| request(boardcam.address, b"")).collect::<Outcome<Vec<_>>>()?;
    // The viewer and the one who asks come on top.
    wait_for("them to be counted", || Ok((boardcam.connections()? == IDLE + 2).then_some(())))?;
    goes_on(&viewer, 10)?;
    let now = boardcam.holdings()?.1;
    ensure!(now <= threads + POOL, "{now} threads in place of {threads}");
    wait_for("them to be closed", || Ok((boardcam.connections()? == 2).then_some(())))?;
    goes_on(&viewer, 10)?;
    drop(idle);
    Ok(())
}

/// Frames that came to each of these viewers while the camera published so many.
fn rates(boardcam: &Boardcam, viewers: &[Viewer], frames: u64) -> Outcome<Vec<f64>> {
    let published = || -> Outcome<u64> {
        Ok(boardcam.state()?["cameras"][0]["frames"]["published"].as_u64().ok_or("no number of frames")?)
    };
    let before: Vec<_> = viewers.iter().map(Viewer::received).collect();
    let begin = published()?;
    let end = wait_for("frames", || Ok(Some(published()?).filter(|now| now - begin >= frames)))?;
    let came = viewers.iter().zip(before).map(|(viewer, before)| viewer.received() - before);
    Ok(came.map(|came| came as f64 / (end - begin) as f64).collect())
}

#[test]
fn ten_viewers_of_sixty_that_never_read_are_dropped_and_the_others_keep_their_rate() -> Outcome {
    const ASLEEP: usize = 10;
    const AWAKE: usize = 50;
    const FRAMES: u64 = 40;
    /// Of the frames that a viewer should have got, a few may be under way when they are counted.
    const LEAST: f64 = 0.85;
    /// A torn frame for each sleeper, their connections, and what the allocator keeps.
    const MARGIN_KIB: u64 = 2 << 10;
    open_many()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "15"])?;
    let awake = (0..AWAKE).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    for viewer in &awake {
        viewer.next()?;
    }
    let alone = rates(&boardcam, &awake, FRAMES)?;
    let before = boardcam.resident()?;
    let begin = Instant::now();
    let asleep = (0..ASLEEP)
        .map(|_| narrow(boardcam.address, b"GET /stream?id=asleep HTTP/1.0\r\n\r\n"))
        .collect::<Outcome<Vec<_>>>()?;
    let sleeping = || -> Outcome<usize> {
        let state = boardcam.state()?;
        let viewers = state["viewers"].as_array().ok_or("no viewers")?;
        Ok(viewers.iter().filter(|viewer| viewer["id"] == "asleep").count())
    };
    wait_for("the sleepers to be there", || Ok((sleeping()? == ASLEEP).then_some(())))?;
    let beside = rates(&boardcam, &awake, FRAMES)?;
    let most = boardcam.resident()?;
    ensure!(sleeping()? == ASLEEP, "dropped before their time");
    for (which, rates) in [("alone", alone), ("beside sleepers", beside)] {
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{which}: each viewer got at least {:.0} % of the frames", 100.0 * least);
        ensure!(least >= LEAST, "{which}: a viewer got {:.0} % of the frames", 100.0 * least);
    }
    println!("{before} KiB before, {most} KiB with {ASLEEP} sleepers");
    ensure!(most < before + MARGIN_KIB, "{before} KiB have become {most}");
    wait_for("the sleepers to be dropped", || Ok((sleeping()? == 0).then_some(())))?;
    println!("dropped {:.1} s after they came", begin.elapsed().as_secs_f64());
    ensure!(boardcam.log().contains("dropped, it took nothing for 10 s"), "{}", boardcam.log());
    for viewer in &awake {
        viewer.next()?;
    }
    drop(asleep);
    Ok(())
}

#[test]
fn state_answers_at_once_beside_waiting_snapshots_and_clients_that_stopped_reading() -> Outcome {
    const SNAPSHOTS: usize = 30;
    const STOPPED: usize = 20;
    const QUESTIONS: usize = 30;
    const MOST: Duration = Duration::from_secs(1);
    // A snapshot waits for the next of its frames, so that nearly all of them wait at any time.
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "1"])?;
    let asks = "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400); // 5 MB, more than a socket buffers
    let stopped = (0..STOPPED).map(|_| narrow(boardcam.address, asks.as_bytes()));
    let mut stopped = stopped.collect::<Outcome<Vec<_>>>()?;
    let mut slowest = Duration::ZERO;
    thread::scope(|scope| -> Outcome {
        let pollers: Vec<_> = (0..SNAPSHOTS)
            .map(|_| {
                scope.spawn(|| -> Outcome {
                    for _ in 0..4 {
                        ensure!(boardcam.get("/snapshot")?.status == 200, "no snapshot");
                    }
                    Ok(())
                })
            })
            .collect();
        let all = (STOPPED + SNAPSHOTS) as u64;
        wait_for("all to be there", || Ok((boardcam.connections()? >= all).then_some(())))?;
        for _ in 0..QUESTIONS {
            let begin = Instant::now();
            boardcam.state()?;
            slowest = slowest.max(begin.elapsed());
            thread::sleep(Duration::from_millis(50)); // over more than one frame
        }
        pollers.into_iter().try_for_each(|poller| poller.join().map_err(|_| "a poller panicked")?)
    })?;
    println!("the slowest of {QUESTIONS} answers took {slowest:?}");
    ensure!(slowest < MOST, "/state took {slowest:?}");
    for reader in &mut stopped {
        let answer = Answer::read(reader)?;
        ensure!(answer.status == 200, "one that reads again got {}", answer.status);
    }
    Ok(())
}
