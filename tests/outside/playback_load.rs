//! Recordings under load: large pictures, and many who play them.

use std::fs;
use std::io::{BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::thread;
use std::time::SystemTime;

use boardcam::jpeg::encode::Encoder;
use boardcam::picture::{Picture, Range, Raw, Size};
use boardcam::playback::smaller::DECODING_BYTES;
use boardcam::playback::{CLIENT_MAX, PICTURES_BYTES, PLAYBACKS_MAX};
use boardcam::record::matroska::{Cluster, FileHeader};
use client::{Answer, Outcome, ensure, request_from, wait_for};

use crate::boardcam::{Boardcam, goes_on};
use crate::recording::{Place, start};

/// A JPEG of noise, which is as large as JPEGs get.
fn noise(size: Size, quality: u8) -> Outcome<Vec<u8>> {
    let row = Raw::Yuyv.row_len(size.width);
    let mut seed = 1_u32;
    let bytes: Vec<u8> = (0..row as usize * size.height as usize)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 26) as u8 + 96
        })
        .collect();
    let picture = Picture::new(&bytes, Raw::Yuyv, size, row, Range::Full).map_err(|_| "no picture")?;
    let mut jpeg = vec![0; 16 << 20];
    let length = Encoder::new(quality).encode(&picture, &mut jpeg)?;
    jpeg.truncate(length);
    Ok(jpeg)
}

/// A recording with this frame at these times in ms, and its URL once it is listed.
fn put(boardcam: &Boardcam, place: &Place, size: Size, jpeg: &[u8], times: &[u64]) -> Outcome<String> {
    let name = "camera_2026-11-25_22-15-00Z.mkv";
    let mut bytes = FileHeader::new(size, SystemTime::UNIX_EPOCH).bytes;
    for at in times {
        let mut cluster = Cluster::new(*at, jpeg.len());
        cluster.push(*at, jpeg).map_err(|_| "it does not fit")?;
        bytes.extend_from_slice(cluster.seal(0));
    }
    fs::write(place.0.join(name), bytes)?;
    wait_for("it to be listed", || Ok(boardcam.get("/api/recordings")?.text().contains(name).then_some(())))?;
    Ok(format!("/api/recordings/{name}"))
}

/// Asks as a client with an address of its own.
fn ask_as(boardcam: &Boardcam, client: usize, url: &str) -> Outcome<BufReader<TcpStream>> {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 1, client as u8 + 1));
    let head = format!("GET {url} HTTP/1.1\r\nHost: {}\r\n\r\n", boardcam.address);
    request_from(address, boardcam.address, head.as_bytes())
}

#[test]
fn playbacks_and_single_frames_of_pictures_of_16_megapixels_take_no_more_memory_than_they_may() -> Outcome {
    const OTHER: usize = 48 << 20;
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let size = Size { width: 4096, height: 4096 };
    let jpeg = noise(size, 70)?;
    ensure!(jpeg.len() > 3 << 20, "only {} bytes", jpeg.len());
    let url = put(&boardcam, &place, size, &jpeg, &[0, 10, 20, 30, 40, 50])?;
    let before = boardcam.resident()?;
    let clients: Vec<_> = (0..PLAYBACKS_MAX + 4)
        .map(|number| {
            let (client, frame) = (number / CLIENT_MAX, number >= PLAYBACKS_MAX);
            let url = format!("{url}/{}?size=640x480", if frame { "frame" } else { "stream" });
            ask_as(&boardcam, client, &url)
        })
        .collect::<Outcome<_>>()?;
    let waiting = clients.into_iter().map(|mut client| {
        thread::spawn(move || -> Outcome<bool> {
            let head = Answer::read_head(&mut client)?;
            ensure!(head.status == 200 || head.status == 503, "{}", head.status);
            std::io::copy(&mut client, &mut std::io::sink())?;
            Ok(head.status == 200)
        })
    });
    let mut shown = 0;
    for client in waiting.collect::<Vec<_>>() {
        shown += usize::from(client.join().map_err(|_| "a panic")??);
    }
    let took = (boardcam.memory("VmHWM")? - before) << 10;
    ensure!(shown > 0, "nobody saw anything");
    let most = (DECODING_BYTES + PICTURES_BYTES + OTHER) as u64;
    ensure!(took <= most, "{} MiB, and {} are the most", took >> 20, most >> 20);
    Ok(())
}

#[test]
fn a_viewer_that_reads_nothing_of_a_recording_stops_neither_other_playbacks_nor_live_viewers() -> Outcome {
    const FRAMES: u64 = 40;
    let place = Place::new()?;
    let boardcam = start(&place.0, &[])?;
    let size = Size { width: 1280, height: 720 };
    let jpeg = noise(size, 90)?;
    let times: Vec<_> = (0..FRAMES).map(|number| number * 50).collect();
    let url = put(&boardcam, &place, size, &jpeg, &times)?;
    let live = boardcam.watch("/stream")?;
    // More than any socket holds: they are stuck in their first pictures.
    let head = format!("GET {url}/stream?speed=0.25 HTTP/1.1\r\nHost: {}\r\n\r\n", boardcam.address);
    let stuck: Vec<_> =
        (0..CLIENT_MAX).map(|_| client::narrow(boardcam.address, head.as_bytes())).collect::<Outcome<_>>()?;
    wait_for("them to be stuck", || {
        let held = boardcam.state()?["held"]["bytes"].as_u64().ok_or("no number")?;
        Ok((held >= jpeg.len() as u64).then_some(()))
    })?;
    let mut other = ask_as(&boardcam, 1, &format!("{url}/stream"))?;
    ensure!(Answer::read_head(&mut other)?.status == 200, "it is not played");
    let mut bytes = Vec::new();
    other.read_to_end(&mut bytes)?;
    // A machine that is busy may leave some out.
    let pictures = memchr::memmem::find_iter(&bytes, &jpeg).count();
    ensure!(pictures >= 5, "{pictures} of {FRAMES} pictures");
    goes_on(&live, 10)?;
    let held = boardcam.state()?["held"].clone();
    let (bytes, limit) = (held["bytes"].as_u64(), held["limit"].as_u64());
    ensure!(bytes.is_some() && bytes <= limit.map(|limit| limit + 2 * jpeg.len() as u64), "{held}");
    drop(stuck);
    Ok(())
}
