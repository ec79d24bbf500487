//! Clients that are slow, silent, or gone to sleep: they wait for themselves, and nobody waits for them.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, goes_on, open_many};

use client::{Answer, Outcome, Viewer, ensure, narrow, request, wait_for};

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

/// Of the frames that a viewer should have got, a few may be under way when they are counted.
const LEAST_SHARE: f64 = 0.85;

/// How many frames the camera has published.
fn published(boardcam: &Boardcam) -> Outcome<u64> {
    Ok(boardcam.state()?["cameras"][0]["frames"]["published"].as_u64().ok_or("no number of frames")?)
}

/// How many frames the first viewer has missed.
pub fn skipped(boardcam: &Boardcam) -> Outcome<u64> {
    Ok(boardcam.state()?["viewers"][0]["frames_skipped"].as_u64().ok_or("no number of frames")?)
}

/// The share of the next frames of the camera, `frames` of them or a few more, that came to each of these viewers.
fn shares(boardcam: &Boardcam, viewers: &[Viewer], frames: u64) -> Outcome<Vec<f64>> {
    let before: Vec<_> = viewers.iter().map(Viewer::received).collect();
    let begin = published(boardcam)?;
    let enough = || Ok(Some(published(boardcam)?).filter(|now| now - begin >= frames));
    let end = wait_for("frames", enough)?;
    let came = viewers.iter().zip(before).map(|(viewer, before)| viewer.received() - before);
    Ok(came.map(|came| came as f64 / (end - begin) as f64).collect())
}

#[test]
fn ten_viewers_of_sixty_that_never_read_are_dropped_and_the_others_keep_their_rate() -> Outcome {
    const ASLEEP: usize = 10;
    const AWAKE: usize = 50;
    const FRAMES: u64 = 40;
    /// A torn frame for each sleeper, their connections, and what the allocator keeps.
    const MARGIN_KIB: u64 = 2 << 10;
    open_many()?;
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "15"])?;
    let awake = (0..AWAKE).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    for viewer in &awake {
        viewer.next()?;
    }
    let alone = shares(&boardcam, &awake, FRAMES)?;
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
    let beside = shares(&boardcam, &awake, FRAMES)?;
    let most = boardcam.resident()?;
    ensure!(sleeping()? == ASLEEP, "dropped before their time");
    for (which, shares) in [("alone", alone), ("beside sleepers", beside)] {
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{which}: each viewer got at least {:.0} % of the frames", 100.0 * least);
        ensure!(least >= LEAST_SHARE, "{which}: a viewer got {:.0} % of the frames", 100.0 * least);
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
fn a_client_that_takes_nothing_of_its_answer_is_dropped_after_ten_seconds() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let asks = "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400); // 5 MB, more than a socket buffers
    let begin = Instant::now();
    let stopped = narrow(boardcam.address, asks.as_bytes())?;
    ensure!(boardcam.connections()? >= 2, "it is not there");
    wait_for("it to be dropped", || Ok((boardcam.connections()? == 1).then_some(())))?;
    let after = begin.elapsed().as_secs_f64();
    println!("dropped after {after:.1} s");
    ensure!((9.5..25.0).contains(&after), "dropped after {after:.1} s");
    drop(stopped);
    Ok(())
}

#[test]
fn one_that_was_refused_and_talks_on_is_heard_out_for_two_seconds_and_no_longer() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let mut reader = request(boardcam.address, b"?")?;
    let begin = Instant::now();
    ensure!(Answer::read(&mut reader)?.status == 400, "not refused");
    let heard = wait_for("it to be cut off", || {
        let cut = reader.get_mut().write_all(b"more").is_err();
        Ok(cut.then(|| begin.elapsed().as_secs_f64()))
    })?;
    println!("heard out for {heard:.1} s");
    ensure!((1.5..15.0).contains(&heard), "heard out for {heard:.1} s");
    Ok(())
}

#[test]
fn one_that_sends_a_megabyte_before_it_reads_still_gets_its_refusal() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(1 << 20));
    let answer = Answer::read(&mut request(boardcam.address, head.as_bytes())?)?;
    ensure!(answer.status == 431, "{}", answer.status);
    Ok(())
}
