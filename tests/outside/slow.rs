//! Clients that are slow, silent or asleep: nobody else waits for them.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::boardcam::{Boardcam, goes_on};

use client::{Answer, Outcome, ensure, narrow, request, wait_for};

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

/// The number of frames that the first viewer has missed.
pub fn skipped(boardcam: &Boardcam) -> Outcome<u64> {
    Ok(boardcam.state()?["viewers"][0]["frames_skipped"].as_u64().ok_or("no number of frames")?)
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
