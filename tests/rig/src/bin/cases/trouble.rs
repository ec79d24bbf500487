//! What cannot work as configured: boardcam reports it with advice, serves the card, and does not hang.

use std::fs;
use std::process::Command;
use std::time::Duration;

use client::{Outcome, ensure, wait_for};
use rig::feed::SIZES;
use serde_json::Value;

use crate::Case;
use crate::boardcam::{Boardcam, PROGRAM};
use crate::guest::{Camera, Vivid, feed, nodes};
use crate::replug::see_the_card;

pub const CASES: &[Case] = &[
    ("auto_finds_the_camera_among_other_nodes", auto_finds_the_camera_among_other_nodes),
    ("probe_lists_every_node", probe_lists_every_node),
    ("a_busy_camera_is_shown_once_it_is_free", a_busy_camera_is_shown_once_it_is_free),
    ("no_permission_names_the_group", no_permission_names_the_group),
    ("a_node_that_is_not_a_camera_is_reported_by_name", a_node_that_is_not_a_camera_is_reported_by_name),
    ("stopping_the_service_frees_the_camera", stopping_the_service_frees_the_camera),
];

fn auto_finds_the_camera_among_other_nodes() -> Outcome {
    let feed = feed(SIZES[0])?;
    let camera = Camera::plug_in()?;
    let path = camera.node.to_str().ok_or("a node whose name is not UTF-8")?;
    // While another program has the camera, every node is tried and none is used.
    let other = Boardcam::start(&["--camera", path])?;
    other.wait_until_live()?;
    let boardcam = Boardcam::start(&["--camera", "auto"])?;
    ensure_told(&boardcam, &[path, "EBUSY"])?;
    let _vivid = Vivid::without_a_webcam()?;
    let nodes: Vec<String> = nodes()?.into_iter().map(|(node, _)| node.display().to_string()).collect();
    wait_for("a line on each node", || {
        let log = boardcam.log()?;
        Ok(nodes.iter().all(|node| log.contains(node)).then_some(()))
    })?;
    // The camera's metadata node was there from the first search on, but is reported only once.
    let log = boardcam.log()?;
    for node in nodes.iter().filter(|node| *node != path) {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(node)).collect();
        ensure!(lines.len() == 1, "not one line on {node} but {lines:?}");
    }
    other.terminate()?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["device"]["path"] == path, "not the camera: {state}");
    boardcam.watch_first()?.wait_for("the camera's picture", |frame| feed.find(frame).is_some()).map(drop)
}

fn probe_lists_every_node() -> Outcome {
    let _vivid = Vivid::without_a_webcam()?;
    let camera = Camera::plug_in()?;
    let output = Command::new(PROGRAM).arg("probe").output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{}: {text}", output.status);
    let (usable, others) = text.split_once("not cameras:").ok_or_else(|| format!("no others in:\n{text}"))?;
    for (node, _) in nodes()? {
        let part = if node == camera.node { usable } else { others };
        ensure!(
            part.contains(&node.display().to_string()),
            "{} is not in its place in:\n{text}",
            node.display()
        );
    }
    ensure!(usable.contains("1280x720") && usable.contains("can be used"), "no verdict in:\n{text}");
    Ok(())
}

fn a_busy_camera_is_shown_once_it_is_free() -> Outcome {
    let feed = feed(SIZES[0])?;
    let camera = Camera::plug_in()?;
    let node = camera.node.to_str().ok_or("a node whose name is not UTF-8")?;
    let other = Boardcam::start(&["--camera", node])?;
    other.wait_until_live()?;
    let boardcam = Boardcam::start(&["--camera", node])?;
    let viewer = boardcam.watch_first()?;
    see_the_card(&viewer, &feed)?;
    ensure_told(&boardcam, &["EBUSY"])?;
    other.terminate()?;
    viewer.wait_for("the camera's picture", |frame| feed.find(frame).is_some())?;
    Ok(())
}

fn no_permission_names_the_group() -> Outcome {
    const NOBODY: u32 = 65_534;
    let camera = Camera::plug_in()?;
    let node = camera.node.to_str().ok_or("a node whose name is not UTF-8")?;
    let boardcam = Boardcam::start_as(Some(NOBODY), &["--camera", node])?;
    ensure_told(&boardcam, &["EACCES", "group video"])
}

fn a_node_that_is_not_a_camera_is_reported_by_name() -> Outcome {
    let feed = feed(SIZES[0])?;
    const FILE: &str = "/tmp/file";
    fs::write(FILE, "no camera")?;
    for path in ["/dev/null", FILE, "/dev/video99"] {
        let boardcam = Boardcam::start(&["--camera", path])?;
        see_the_card(&boardcam.watch_first()?, &feed)?;
        ensure_told(&boardcam, &[path])?;
        boardcam.terminate()?;
    }
    Ok(())
}

fn stopping_the_service_frees_the_camera() -> Outcome {
    const LIMIT: Duration = Duration::from_secs(2);
    let _camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch_first()?;
    boardcam.wait_until_live()?;
    viewer.next()?;
    let took = boardcam.terminate()?;
    ensure!(took < LIMIT, "it took {:.1} s", took.as_secs_f32());
    let again = Boardcam::start(&[])?;
    again.wait_until_live()?;
    ensure!(!again.log()?.contains("EBUSY"), "the camera was still held");
    Ok(())
}

/// Checks that the problem in /state and in the log contains these words, and advice.
fn ensure_told(boardcam: &Boardcam, words: &[&str]) -> Outcome {
    let state = boardcam.wait_until_waiting()?;
    let text = |part: &str| state["problem"][part].as_str().unwrap_or_default().to_owned();
    let told = [text("what"), text("why"), text("advice")];
    ensure!(told.iter().all(|part| !part.is_empty()), "not what, why and what to do: {}", state["problem"]);
    let log = boardcam.log()?;
    for word in words {
        ensure!(told.iter().any(|part| part.contains(word)), "no {word:?} in {}", Value::from(told.to_vec()));
        ensure!(log.lines().any(|line| line.contains(word)), "no {word:?} in the log");
    }
    ensure!(!log.contains("panicked"), "it panicked");
    Ok(())
}
