//! Pictures from the camera to the viewer.

use client::{Outcome, ensure};
use rig::feed::{SIZES, huffman_tables, start_of_scan};

use crate::boardcam::Boardcam;
use crate::guest::{Camera, Vivid, feed, run};
use crate::picture::Picture;

use crate::Case;

pub const CASES: &[Case] = &[
    ("my_cameras_jpegs_arrive_byte_for_byte", my_cameras_jpegs_arrive_byte_for_byte),
    ("a_camera_that_leaves_out_huffman_tables_works", a_camera_that_leaves_out_huffman_tables_works),
    ("passing_frames_on_allocates_nothing", passing_frames_on_allocates_nothing),
    (
        "passing_frames_on_to_a_viewer_takes_less_than_11_mb",
        passing_frames_on_to_a_viewer_takes_less_than_11_mb,
    ),
    ("nobody_watching_costs_no_encoding", nobody_watching_costs_no_encoding),
    ("a_size_that_the_camera_lacks_gives_the_nearest", a_size_that_the_camera_lacks_gives_the_nearest),
];

/// Frames that are compared: more than a feed has, so that it repeats.
const COMPARED: usize = 40;

fn my_cameras_jpegs_arrive_byte_for_byte() -> Outcome {
    let feed = feed(SIZES[0])?;
    // By bulk transfers, and by isochronous transfers, which most webcams use.
    for options in [&[][..], &["--isochronous"]] {
        let _camera = Camera::plug_in_with(options)?;
        let boardcam = Boardcam::start(&[])?;
        boardcam.wait_until_live()?;
        let viewer = boardcam.watch_first()?;
        viewer.wait_for("the camera's picture", |frame| feed.find(frame).is_some())?;
        let mut last = None;
        for number in 0..COMPARED {
            let frame = viewer.next()?;
            let found = feed.find(&frame);
            ensure!(found.is_some(), "{options:?}: frame {number} is none of the camera's");
            ensure!(last != found, "{options:?}: frame {number} came twice");
            last = found;
        }
        let state = boardcam.camera()?;
        ensure!(state["encoder"] == "passthrough" && state["format"]["layout"] == "mjpeg", "{state}");
        ensure!(state["frames"]["mended"] == 0, "{options:?}: mended whole frames: {state}");
    }
    Ok(())
}

fn a_camera_that_leaves_out_huffman_tables_works() -> Outcome {
    const TABLES_LENGTH: usize = 420; // ITU T.81 K.3 as one segment
    let whole = feed(SIZES[0])?;
    let tables = huffman_tables(whole.frame(0));
    let bare = whole.without_huffman_tables();
    let _camera = Camera::plug_in_without_tables()?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    let viewer = boardcam.watch_first()?;
    for number in 0..COMPARED {
        let frame = viewer.next()?;
        let scan = start_of_scan(&frame).ok_or("a frame without SOS")?;
        ensure!(scan > TABLES_LENGTH, "frame {number} has no room for tables before SOS");
        ensure!(huffman_tables(&frame) == tables, "frame {number} has other tables than the standard's");
        let mut rest = frame.clone();
        rest.drain(scan - TABLES_LENGTH..scan);
        ensure!(bare.find(&rest).is_some(), "frame {number} is none of the camera's but for the tables");
        if number == 0 {
            let picture = Picture::decode(&frame)?;
            ensure!((picture.width, picture.height) == (1280, 720), "{}x{}", picture.width, picture.height);
        }
    }
    let mended = boardcam.camera()?["frames"]["mended"].as_u64();
    ensure!(mended >= Some(COMPARED as u64), "mended: {mended:?}");
    Ok(())
}

fn passing_frames_on_allocates_nothing() -> Outcome {
    let _camera = Camera::plug_in()?;
    run("/bin/allocs", &[])
}

fn passing_frames_on_to_a_viewer_takes_less_than_11_mb() -> Outcome {
    const LIMIT_KIB: u64 = 11_000_000 / 1024;
    let _camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_live()?;
    let viewer = boardcam.watch_first()?;
    for _ in 0..COMPARED {
        viewer.next()?;
    }
    let kib = boardcam.resident_without_buffers()?;
    println!("  {kib} KiB with one viewer of 1280x720, code and all, without the driver's buffers");
    ensure!(kib < LIMIT_KIB, "{kib} KiB");
    Ok(())
}

fn nobody_watching_costs_no_encoding() -> Outcome {
    const FRAMES: u64 = 20;
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--size", "640x360"])?;
    let before = boardcam.wait_until_live()?["frames"].clone();
    let count = |state: &serde_json::Value, what: &str| state["frames"][what].as_u64().unwrap_or(0);
    let captured = before["captured"].as_u64().unwrap_or(0);
    let after =
        boardcam.wait_until("more captured frames", |state| count(state, "captured") >= captured + FRAMES)?;
    ensure!(after["frames"]["encoded"] == before["encoded"], "encoded for nobody: {before} -> {after}");
    let _viewer = boardcam.watch_first()?;
    let encoded = count(&after, "encoded");
    boardcam.wait_until("encoded frames", |state| count(state, "encoded") >= encoded + FRAMES)?;
    Ok(())
}

fn a_size_that_the_camera_lacks_gives_the_nearest() -> Outcome {
    let feed = feed(SIZES[1])?;
    let _camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&["--size", "700x500"])?;
    let state = boardcam.wait_until_live()?;
    ensure!((&state["format"]["width"], &state["format"]["height"]) == (&640.into(), &480.into()), "{state}");
    let told = state["compromises"].as_array().is_some_and(|list| {
        list.iter()
            .filter_map(|one| one.as_str())
            .any(|one| one.contains("700x500") && one.contains("640x480"))
    });
    ensure!(told, "/state does not report the compromise: {state}");
    let log = boardcam.log()?;
    ensure!(log.lines().any(|l| l.contains("700x500") && l.contains("640x480")), "the log does not tell it");
    boardcam.watch_first()?.wait_for("a frame of the smaller size", |frame| feed.find(frame).is_some())?;
    Ok(())
}
