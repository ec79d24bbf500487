//! Viewers who want less than the camera gives: another size, quality or rate, and pages on Chromium.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use crate::boardcam::{Boardcam, goes_on};
use crate::fairness::{GREEDY, OTHER};
use crate::serving::dimensions;
use ::boardcam::multipart::{ADVANCE_HEAD, ADVANCE_TRAILER, OPENING};
use ::boardcam::variants::{CLIENT_MAX, VARIANTS_MAX};

use client::{Answer, Outcome, Viewer, ensure, request, request_from, wait_for};
use serde_json::Value;

/// A small pattern: making it smaller yet is little work, also for a busy machine.
fn pattern(fps: &str) -> Outcome<Boardcam> {
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "64x48", "--fps", fps])?;
    wait_for("the pattern", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    Ok(boardcam)
}

/// Opens a stream; what comes next is what follows the answer's head.
fn open(boardcam: &Boardcam, path: &str) -> Outcome<BufReader<TcpStream>> {
    let ask = format!("GET {path} HTTP/1.0\r\n\r\n");
    let mut reader = request(boardcam.address, ask.as_bytes())?;
    let answer = Answer::read_head(&mut reader)?;
    ensure!(answer.status == 200, "{path}: {}", answer.status);
    Ok(reader)
}

fn variants(boardcam: &Boardcam) -> Outcome<Vec<Value>> {
    Ok(boardcam.state()?["variants"].as_array().ok_or("no variants in /state")?.clone())
}

fn number(value: &Value) -> Outcome<u64> {
    value.as_u64().ok_or_else(|| format!("{value} is not a number").into())
}

#[test]
fn every_stream_url_moves_in_another_size_too() -> Outcome {
    let boardcam = pattern("30")?;
    for path in ["/stream?size=32x9999", "/video_feed?size=32x24&quality=60", "/?action=stream&size=32x24"] {
        let viewer = boardcam.watch(path)?;
        let first = viewer.next()?;
        let later = viewer.wait_for("another picture", |frame| frame != first)?;
        ensure!(dimensions(&later)? == (32, 24), "{path}: {:?}", dimensions(&later)?);
    }
    Ok(())
}

#[test]
fn snapshots_come_in_the_size_and_quality_that_were_asked_for() -> Outcome {
    let boardcam = pattern("30")?;
    let take = |query: &str| -> Outcome<Vec<u8>> {
        let _viewer = boardcam.watch(&format!("/stream?{query}"))?;
        wait_for("a snapshot", || {
            let answer = boardcam.get(&format!("/snapshot?{query}"))?;
            ensure!([200, 503].contains(&answer.status), "{query}: {}", answer.status);
            Ok((answer.status == 200).then_some(answer.body))
        })
    };
    for (query, size) in [("size=32x32", (32, 24)), ("size=9999x9999", (64, 48))] {
        let is = dimensions(&take(query)?)?;
        ensure!(is == size, "{query}: {is:?}");
    }
    let (low, high) = (take("quality=5")?, take("quality=95")?);
    ensure!(dimensions(&low)? == (64, 48), "quality changed the size: {:?}", dimensions(&low)?);
    ensure!(low.len() + 200 < high.len(), "{} and {} bytes", low.len(), high.len());
    Ok(())
}

#[test]
fn two_viewers_of_the_same_variant_cost_one_transcode_which_ends_with_them() -> Outcome {
    let boardcam = pattern("30")?;
    let main = boardcam.watch("/stream")?;
    main.next()?;
    let before = boardcam.files_and_threads()?;
    let path = "/stream?size=40x30&quality=50";
    let viewers = [boardcam.watch(path)?, boardcam.watch(path)?];
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 10))?;
    let state = boardcam.state()?;
    let [variant] = &state["variants"].as_array().ok_or("no variants")?[..] else {
        return Err(format!("{}", state["variants"]).into());
    };
    ensure!(variant["size"] == "40x30" && variant["quality"] == 50, "{variant}");
    ensure!(variant["viewers"] == 2 && variant["camera"] == "camera", "{variant}");
    ensure!(variant["ms_per_frame"].as_f64() > Some(0.0), "{variant}");
    // Each of the camera's frames at most once, though two get it.
    let (encoded, of) = (&variant["frames"]["encoded"], &state["cameras"][0]["frames"]["published"]);
    ensure!(number(encoded)? >= 10 && number(encoded)? <= number(of)?, "{encoded} of {of}");
    let wishes: Vec<_> =
        state["viewers"].as_array().ok_or("no viewers")?.iter().map(|v| &v["variant"]).collect();
    ensure!(wishes.iter().filter(|wish| wish["quality"] == 50).count() == 2, "{wishes:?}");
    drop((viewers, main));
    wait_for("it to end", || Ok(variants(&boardcam)?.is_empty().then_some(())))?;
    boardcam.wait_for_no_more_than(before)?;
    // And nobody makes the camera encode any more.
    let encoded = || number(&boardcam.state()?["cameras"][0]["frames"]["encoded"]);
    let captured = || number(&boardcam.state()?["cameras"][0]["frames"]["captured"]);
    let (from, was) = (captured()?, encoded()?);
    wait_for("more frames", || Ok((captured()? > from + 10).then_some(())))?;
    ensure!(encoded()? <= was + 1, "{} frames were encoded for nobody", encoded()? - was);
    Ok(())
}

/// The part of the pattern's frames that reached the ring, over this many frames, while somebody watches.
fn share(boardcam: &Boardcam, frames: u64) -> Outcome<f64> {
    let count = || -> Outcome<(u64, u64)> {
        let counts = &boardcam.state()?["cameras"][0]["frames"];
        Ok((number(&counts["captured"])?, number(&counts["published"])?))
    };
    let first = count()?;
    let last = wait_for("frames", || Ok(Some(count()?).filter(|count| count.0 >= first.0 + frames)))?;
    Ok((last.1 - first.1) as f64 / (last.0 - first.0) as f64)
}

#[test]
fn the_cameras_own_stream_loses_nothing_while_three_others_are_made_of_it() -> Outcome {
    let boardcam = pattern("20")?;
    let own = boardcam.watch("/stream")?;
    goes_on(&own, 1)?;
    let alone = share(&boardcam, 100)?;
    let others = [10, 60, 90].map(|quality| boardcam.watch(&format!("/stream?quality={quality}")));
    let others = others.into_iter().collect::<Outcome<Vec<_>>>()?;
    others.iter().try_for_each(|viewer| goes_on(viewer, 1))?;
    let beside = share(&boardcam, 100)?;
    others.iter().try_for_each(|viewer| goes_on(viewer, 1))?;
    ensure!(beside > 0.85 * alone, "{beside:.2} of the frames in place of {alone:.2}");
    let dropped = boardcam.state()?["cameras"][0]["frames"]["dropped"]["no_slot"].clone();
    ensure!(dropped == 0, "{dropped} frames found no slot");
    Ok(())
}

/// A viewer at one of this computer's own addresses.
fn watch_from(from: IpAddr, boardcam: &Boardcam, path: &str) -> Outcome<Viewer> {
    let ask = format!("GET {path} HTTP/1.0\r\n\r\n");
    let mut reader = request_from(from, boardcam.address, ask.as_bytes())?;
    if !reader.fill_buf()?.starts_with(b"HTTP/1.0 200 ") {
        let head = Answer::read_head(&mut reader)?;
        let mut body = String::new();
        reader.read_to_string(&mut body)?;
        return Err(format!("{}: {body}", head.status).into());
    }
    let socket = reader.get_ref().try_clone()?;
    Ok(Viewer::follow(reader, socket))
}

#[test]
fn one_variant_too_many_is_refused_with_the_names_of_the_others() -> Outcome {
    const SIZES: [&str; VARIANTS_MAX] = ["16x12", "32x24", "40x30", "64x48"];
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "128x96", "--fps", "30"])?;
    wait_for("the pattern", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    let watch = |(number, size): (usize, &&str)| {
        let from = if number < CLIENT_MAX { GREEDY } else { OTHER };
        watch_from(from, &boardcam, &format!("/stream?size={size}"))
    };
    let viewers = SIZES.iter().enumerate().map(watch).collect::<Outcome<Vec<_>>>()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 1))?;
    for quality in 1..50 {
        let answer = boardcam.get(&format!("/stream?quality={quality}"))?;
        ensure!(answer.status == 503 && answer.headers.contains_key("retry-after"), "{}", answer.status);
        let told = answer.text();
        ensure!(SIZES.iter().all(|size| told.contains(size)), "{told}");
    }
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 2))?;
    ensure!(variants(&boardcam)?.len() == VARIANTS_MAX, "{:?}", variants(&boardcam)?);
    boardcam.watch(&format!("/stream?size={}", SIZES[0]))?.next()?;
    boardcam.watch("/stream?fps=20")?.next()?;
    // When one of them ends, another is possible.
    drop(viewers);
    wait_for("a free variant", || Ok((boardcam.get("/snapshot?quality=20")?.status == 200).then_some(())))
}

#[test]
fn a_client_with_many_odd_sizes_keeps_nobody_from_a_smaller_picture() -> Outcome {
    const PAGE: &str = "/stream?size=480x360&quality=60&fps=10";
    let boardcam = Boardcam::start(&["--camera", "pattern", "--size", "640x480", "--fps", "5"])?;
    wait_for("the pattern", || Ok((boardcam.get("/healthz")?.status == 200).then_some(())))?;
    let (mut odd, mut told) = (Vec::new(), String::new());
    for side in 100..160 {
        match watch_from(GREEDY, &boardcam, &format!("/stream?size={side}x{side}&quality={}", side % 100 + 1))
        {
            Ok(viewer) => odd.push(viewer),
            Err(why) => told = why.to_string(),
        }
    }
    let made = variants(&boardcam)?;
    ensure!(made.len() == CLIENT_MAX, "one client has {} kinds: {made:?}", made.len());
    ensure!(
        odd.len() < 20 && told.starts_with("503: You watch 2 kinds"),
        "{} are watched; {told}",
        odd.len()
    );
    let page = watch_from(OTHER, &boardcam, PAGE)?;
    ensure!(dimensions(&page.next()?)? == (480, 360), "not the page's size");
    let own = watch_from(OTHER, &boardcam, "/stream?size=333x333&quality=33")?;
    ensure!(dimensions(&own.next()?)? == (320, 240), "not a size near to what was asked for");
    // The greedy client is not kept from the page's either.
    ensure!(dimensions(&watch_from(GREEDY, &boardcam, PAGE)?.next()?)? == (480, 360), "the page's size");
    goes_on(&odd[0], 1)
}

#[test]
fn impossible_parameters_are_answered_with_possible_ones_and_disturb_nobody() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewer = boardcam.watch("/stream")?;
    viewer.next()?;
    for (query, told) in [
        ("size=0x0", "1280x720"),
        ("size=99999x1", "1280x720"),
        ("size=", "1280x720"),
        ("quality=abc", "1 to 100"),
        ("quality=5&quality=6", "2 times"),
        ("fps=-1", "0.01 to 240"),
        ("fps=", "0.01 to 240"),
    ] {
        let answer = boardcam.get(&format!("/stream?{query}"))?;
        ensure!(answer.status == 400, "{query}: {}", answer.status);
        ensure!(answer.text().contains(told) && answer.text().lines().count() == 1, "{}", answer.text());
    }
    ensure!(boardcam.get("/snapshot.jpg?size=0x0")?.status == 400, "a snapshot of no size");
    ensure!(variants(&boardcam)?.is_empty(), "{:?}", variants(&boardcam)?);
    goes_on(&viewer, 5)
}

#[test]
fn the_card_comes_in_another_size_too() -> Outcome {
    let boardcam = Boardcam::start(&["--camera", "/dev/video-not-here", "--size", "320x180"])?;
    let card = boardcam.watch("/stream?size=100x100")?.next()?;
    ensure!(dimensions(&card)? == (100, 56), "{:?}", dimensions(&card)?);
    Ok(())
}

/// The time in the next part's header, in seconds; the rest of the part is read, too.
fn timestamp(reader: &mut impl BufRead) -> Outcome<f64> {
    let mut header = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => header.insert(name.to_owned(), value.to_owned()),
            None if header.is_empty() => continue, // the boundary, and what ends the frame before it
            None => break,
        };
    }
    let length: u64 = header.get("Content-Length").ok_or("no length")?.parse()?;
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(header.get("X-Timestamp").ok_or("no time")?.parse()?)
}

#[test]
fn five_frames_a_second_of_thirty_are_five_no_more_are_encoded_and_none_counts_as_missed() -> Outcome {
    const INTERVALS: u32 = 25;
    let boardcam = pattern("30")?;
    let frames = || -> Outcome<(u64, u64)> {
        let frames = boardcam.state()?["cameras"][0]["frames"].clone();
        Ok((number(&frames["captured"])?, number(&frames["encoded"])?))
    };
    for path in ["/stream?fps=5", "/stream?fps=5&quality=40"] {
        let mut reader = open(&boardcam, path)?;
        timestamp(&mut reader)?;
        let before = frames()?;
        // A machine that is busy for a while may give fewer, but never more.
        wait_for("a second of five frames", || {
            let first = timestamp(&mut reader)?;
            let mut last = first;
            for _ in 0..INTERVALS {
                last = timestamp(&mut reader)?;
            }
            let fps = f64::from(INTERVALS) / (last - first);
            ensure!(fps < 5.5, "{path}: {fps:.2} frames a second");
            Ok((fps > 4.5).then_some(()))
        })?;
        let after = frames()?;
        let (captured, encoded) = (after.0 - before.0, after.1 - before.1);
        ensure!(encoded * 4 < captured, "{path}: {encoded} frames of {captured} were encoded");
        let viewers = boardcam.state()?["viewers"].clone();
        let viewer = viewers.as_array().and_then(|all| all.last()).ok_or("no viewer")?;
        let (sent, skipped) = (number(&viewer["frames_sent"])?, number(&viewer["frames_skipped"])?);
        ensure!(skipped < sent, "{path}: {skipped} missed and {sent} sent");
    }
    Ok(())
}

/// Less than the time between two frames of a pattern of one frame a second.
const SOON: Duration = Duration::from_millis(600);

/// Reads until these bytes, and gives what came before them.
fn up_to(reader: &mut impl BufRead, end: &[u8]) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let last = *end.last().ok_or("nothing to wait for")?;
    while !bytes.ends_with(end) {
        ensure!(reader.read_until(last, &mut bytes)? > 0, "the stream ended");
        ensure!(bytes.len() < 16 << 20, "no end in sight");
    }
    bytes.truncate(bytes.len() - end.len());
    Ok(bytes)
}

fn is_whole(jpeg: &[u8]) -> Outcome {
    ensure!(jpeg.starts_with(b"\xff\xd8") && jpeg.ends_with(b"\xff\xd9"), "{} bytes are no JPEG", jpeg.len());
    dimensions(jpeg).map(|_| ())
}

#[test]
fn with_advance_headers_a_frame_and_the_next_ones_header_come_before_the_next_one_exists() -> Outcome {
    for options in ["", "&quality=50", "&size=32x24", "&fps=1"] {
        let boardcam = pattern("1")?;
        let mut reader = open(&boardcam, &format!("/stream?advance_headers=1{options}"))?;
        let mut opening = vec![0; OPENING.len() + ADVANCE_HEAD.len()];
        reader.read_exact(&mut opening)?;
        ensure!(opening == [OPENING, ADVANCE_HEAD.as_bytes()].concat(), "{:?}", String::from_utf8(opening));
        for _ in 0..2 {
            // From the first byte of a frame on there is less than a second until the next one.
            reader.fill_buf()?;
            reader.get_ref().set_read_timeout(Some(SOON))?;
            is_whole(&up_to(&mut reader, ADVANCE_TRAILER)?)?;
            reader.get_ref().set_read_timeout(Some(client::PATIENCE))?;
        }
    }
    Ok(())
}
