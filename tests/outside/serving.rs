//! What a user sees who starts boardcam and opens it in a browser or player.

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::time::Duration;

use crate::boardcam::Boardcam;
use ::boardcam::camera::pattern::read_counter;
use rustix::process::Signal;

use client::{Answer, Outcome, Viewer, ensure, request, wait_for};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Width, height and luma of a picture.
fn decode(jpeg: &[u8]) -> Outcome<(usize, usize, Vec<u8>)> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
    let luma = decoder.decode()?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    Ok((width, height, luma))
}

/// Width and height of a picture that can be decoded.
pub fn dimensions(jpeg: &[u8]) -> Outcome<(usize, usize)> {
    decode(jpeg).map(|(width, height, _)| (width, height))
}

/// The frame number that the test pattern draws into each picture.
fn counter(jpeg: &[u8]) -> Outcome<u32> {
    let (width, height, luma) = decode(jpeg)?;
    read_counter(&luma, width as u32, height as u32, width).ok_or_else(|| "no counter in the picture".into())
}

fn counts_up(viewer: &Viewer, frames: usize) -> Outcome {
    let mut last = counter(&viewer.next()?)?;
    for _ in 0..frames {
        let next = counter(&viewer.next()?)?;
        ensure!(next > last, "frame {next} came after frame {last}");
        last = next;
    }
    Ok(())
}

#[test]
fn every_stream_url_shows_the_moving_picture() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for path in ["/stream", "/video_feed", "/stream.mjpg", "/?action=stream", "/cameras/camera/stream?x=1"] {
        counts_up(&boardcam.watch(path)?, 5)?;
    }
    Ok(())
}

#[test]
fn a_stream_is_the_bytes_that_players_understand() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let mut reader = request(boardcam.address, b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut status = String::new();
    reader.read_line(&mut status)?;
    ensure!(status == "HTTP/1.0 200 OK\r\n", "{status:?}");
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line == "\r\n" {
            break;
        }
        headers.push(line);
    }
    let last = headers.last().map_or("", String::as_str);
    ensure!(
        last == "Content-Type: multipart/x-mixed-replace;boundary=boardcamframe\r\n",
        "the last header is {last:?}"
    );
    ensure!(headers.iter().all(|line| line.len() < 128), "{headers:?}");
    ensure!(headers.contains(&"Connection: close\r\n".to_owned()), "{headers:?}");
    ensure!(!headers.iter().any(|line| line.to_lowercase().contains("transfer-encoding")), "{headers:?}");
    let mut opening = [0; 17];
    reader.read_exact(&mut opening)?;
    ensure!(&opening == b"--boardcamframe\r\n", "the body begins with {opening:?}");
    Ok(())
}

/// A pattern at one frame a second, just after a frame: the next one is nearly a second away.
fn just_after_a_frame() -> Outcome<Boardcam> {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "--fps", "1"])?;
    let captured = || {
        Ok::<_, Box<dyn Error + Send + Sync>>(boardcam.state()?["cameras"][0]["frames"]["captured"].as_u64())
    };
    let before = captured()?;
    wait_for("a frame", || Ok((captured()? != before).then_some(())))?;
    Ok(boardcam)
}

/// Less than the time between two of its frames.
const SOON: Duration = Duration::from_millis(600);

#[test]
fn the_answer_begins_before_the_first_frame() -> Outcome {
    let boardcam = just_after_a_frame()?;
    let mut reader = request(boardcam.address, b"GET /stream HTTP/1.0\r\n\r\n")?;
    reader.get_ref().set_read_timeout(Some(SOON))?;
    let answer = Answer::read_head(&mut reader)?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(())
}

#[test]
fn the_end_of_a_frame_comes_with_it_and_not_with_the_next() -> Outcome {
    let boardcam = just_after_a_frame()?;
    let mut reader = request(boardcam.address, b"GET /stream HTTP/1.0\r\n\r\n")?;
    Answer::read_head(&mut reader)?;
    let mut line = String::new();
    reader.read_line(&mut line)?; // the boundary that opens the body
    let part = Answer::read_part(&mut reader)?;
    ensure!(part.starts_with(b"\xff\xd8") && part.ends_with(b"\xff\xd9"), "no JPEG");
    reader.get_ref().set_read_timeout(Some(SOON))?;
    let mut behind = [0; 19];
    reader.read_exact(&mut behind)?;
    ensure!(&behind == b"\r\n--boardcamframe\r\n", "{behind:?}");
    Ok(())
}

#[test]
fn snapshots_come_one_after_the_other_on_one_connection() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    wait_for("the pattern", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    let ask = b"GET /snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut reader = request(boardcam.address, ask)?;
    let mut last = None;
    for _ in 0..10 {
        let answer = Answer::read(&mut reader)?;
        ensure!(answer.status == 200 && answer.headers["content-type"] == "image/jpeg", "{}", answer.status);
        let number = Some(counter(&answer.body)?);
        ensure!(number > last, "snapshot {number:?} after {last:?} is not fresh");
        last = number;
        reader.get_mut().write_all(ask)?;
    }
    Ok(())
}

#[test]
fn pipelined_requests_are_answered_in_their_order() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let one = "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let two = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut reader = request(boardcam.address, [one, two].concat().repeat(20).as_bytes())?;
    for _ in 0..20 {
        let (first, second) = (Answer::read(&mut reader)?, Answer::read(&mut reader)?);
        ensure!((first.status, second.status) == (200, 404), "{} then {}", first.status, second.status);
    }
    Ok(())
}

#[test]
fn the_page_and_its_parts_are_there_and_nothing_comes_from_elsewhere() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/panel.css", "text/css; charset=utf-8"),
        ("/panel.js", "text/javascript; charset=utf-8"),
        ("/recordings.css", "text/css; charset=utf-8"),
        ("/recordings.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = boardcam.get(path)?;
        ensure!(answer.status == 200 && answer.headers["content-type"] == content_type, "{path}");
        let text = answer.text().replace("http://www.w3.org/", "");
        ensure!(!text.contains("http://") && !text.contains("https://"), "{path} names another server");
    }
    ensure!(boardcam.get("/")?.headers["content-security-policy"].contains("default-src 'none'"), "policy");
    Ok(())
}

#[test]
fn state_says_what_is_captured_and_which_viewers_there_are() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "a=pattern", "--camera", "b=pattern", "--size", "64x48"])?;
    let viewer = boardcam.watch("/cameras/b/stream?id=me-1")?;
    viewer.next()?;
    let state = boardcam.state()?;
    ensure!(state["cameras"][0]["viewers"] == 0 && state["cameras"][1]["viewers"] == 1, "{state}");
    let seat = &state["viewers"][0];
    ensure!(seat["id"] == "me-1" && seat["camera"] == "b" && seat["kind"] == "stream", "{seat}");
    let camera = &state["cameras"][1];
    ensure!(camera["state"] == "live" && camera["format"]["width"] == 64, "{camera}");
    let one: serde_json::Value = serde_json::from_slice(&boardcam.get("/cameras/a/state")?.body)?;
    ensure!(one["cameras"].as_array().map(Vec::len) == Some(1) && one["cameras"][0]["name"] == "a", "{one}");
    drop(viewer);
    wait_for("the viewer to be gone", || {
        Ok(boardcam.state()?["viewers"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })
}

#[test]
fn a_camera_has_a_title_for_people_and_a_name_for_urls() -> Outcome {
    let options = ["--camera", "kitchen=pattern", "--title", "Küche", "--size", "64x48"];
    let boardcam = Boardcam::start(&options)?;
    let camera = &boardcam.state()?["cameras"][0];
    ensure!(camera["title"] == "Küche" && camera["name"] == "kitchen", "{camera}");
    ensure!(boardcam.get("/cameras/kitchen/state")?.status == 200, "its URL");
    let metrics = boardcam.get("/metrics")?.text();
    ensure!(
        metrics.contains("boardcam_camera_up{camera=\"kitchen\"}") && !metrics.contains("Küche"),
        "{metrics}"
    );
    Ok(())
}

#[test]
fn nobody_watching_means_no_encoding() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let frames = |kind: &str| -> Outcome<u64> {
        Ok(boardcam.state()?["cameras"][0]["frames"][kind].as_u64().ok_or("no such counter")?)
    };
    wait_for("frames", || Ok((frames("captured")? > 10).then_some(())))?;
    ensure!(frames("encoded")? == 0, "frames were encoded for nobody");
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    ensure!(frames("encoded")? > 0, "frames were sent but not encoded");
    drop(viewer);
    wait_for("the viewer to be gone", || {
        Ok(boardcam.state()?["viewers"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })?;
    let (captured, encoded) = (frames("captured")?, frames("encoded")?);
    wait_for("more frames", || Ok((frames("captured")? > captured + 10).then_some(())))?;
    ensure!(frames("encoded")? <= encoded + 1, "encoding went on for nobody");
    Ok(())
}

#[test]
fn without_a_camera_the_stream_shows_the_card_and_its_clock_moves() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "/dev/video-not-here"])?;
    let viewer = boardcam.watch("/stream")?;
    let first = viewer.next()?;
    viewer.wait_for("another card", |card| card != first)?;
    let camera = boardcam.state()?["cameras"][0].clone();
    ensure!(camera["state"] == "waiting", "{camera}");
    let told = camera["problem"].to_string();
    ensure!(told.contains("/dev/video-not-here"), "{told}");
    let snapshot = boardcam.get("/snapshot")?;
    ensure!(snapshot.status == 503 && snapshot.text().contains("/dev/video-not-here"), "{}", snapshot.text());
    ensure!(boardcam.get("/snapshot?card=1")?.body.starts_with(b"\xff\xd8"), "no card");
    ensure!(boardcam.get("/healthz")?.status == 503, "healthy without a camera");
    Ok(())
}

#[test]
fn ctrl_c_and_sigterm_end_it_within_two_seconds_and_with_success() -> Outcome {
    for signal in [Signal::INT, Signal::TERM] {
        let boardcam = Boardcam::pattern()?;
        let viewer = boardcam.watch("/stream")?;
        viewer.next()?;
        let (code, after) = boardcam.end_by(signal)?;
        ensure!(code == Some(0), "{signal:?}: exit code {code:?}");
        ensure!(after < Duration::from_secs(2), "{signal:?}: ended after {after:?}");
    }
    Ok(())
}

#[test]
fn a_viewer_that_only_half_closes_still_gets_frames() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let mut reader = request(boardcam.address, b"GET /stream HTTP/1.0\r\n\r\n")?;
    reader.get_ref().shutdown(std::net::Shutdown::Write)?;
    Answer::read_head(&mut reader)?;
    let mut much = vec![0; 200_000];
    reader.read_exact(&mut much)?;
    Ok(())
}

#[test]
fn comings_and_goings_are_in_the_log() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "320x240", "-v"])?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    drop(viewer);
    wait_for("the log to tell", || {
        let log = boardcam.log();
        let told = [
            "boardcam 0",
            "camera: opened pattern, 320x240 yuyv at 30/s",
            "started watching\n",
            "stopped watching after",
            "30 frames,",
        ];
        Ok(told.iter().all(|line| log.contains(line)).then_some(()))
    })
}
