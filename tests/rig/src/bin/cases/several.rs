//! Several cameras at once: each with its own settings and name, none disturbed by another, and one for which the bus
//! lacks the bandwidth.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use client::{Outcome, Viewer, ensure, wait_for};
use rig::feed::{SIZES, Size};
use serde_json::Value;

use crate::Case;
use crate::boardcam::{Boardcam, Holdings, count};
use crate::driver::shows_the_bars;
use crate::guest::{Camera, Vivid, feed, nodes};
use crate::picture::Picture;
use crate::replug::see_the_camera;

pub const CASES: &[Case] = &[
    (
        "one_of_four_cameras_unplugged_leaves_the_rest_alone",
        one_of_four_cameras_unplugged_leaves_the_rest_alone,
    ),
    (
        "a_stable_name_shows_its_own_camera_after_numbers_swapped",
        a_stable_name_shows_its_own_camera_after_numbers_swapped,
    ),
    ("a_camera_on_a_full_bus_gets_less_and_says_so", a_camera_on_a_full_bus_gets_less_and_says_so),
];

/// A camera in the settings file.
struct Setting {
    name: &'static str,
    size: Size,
    fps: u32,
    format: &'static str,
}

/// Two of vivid's, then two over USB.
const FOUR: [Setting; 4] = [
    Setting { name: "bars", size: (640, 360), fps: 10, format: "yuyv" },
    Setting { name: "tall-bars", size: (640, 480), fps: 15, format: "yuyv" },
    Setting { name: "door", size: SIZES[0], fps: 15, format: "mjpeg" },
    Setting { name: "garden", size: SIZES[1], fps: 30, format: "mjpeg" },
];
/// The index of the camera that is unplugged.
const UNPLUGGED: usize = 2;

impl Setting {
    fn to_toml(&self, source: &Path) -> String {
        let Self { name, size: (width, height), fps, format } = self;
        let source = source.display();
        format!(
            "[[camera]]\nname = \"{name}\"\nsource = \"{source}\"\nsize = \"{width}x{height}\"\n\
             fps = {fps}\nformat = \"{format}\"\n"
        )
    }

    /// Whether /state says that the camera runs with these settings.
    fn is_met_by(&self, state: &Value) -> bool {
        let format = &state["format"];
        let is = |what: &str, expected: u16| format[what] == expected;
        state["name"] == self.name
            && state["state"] == "live"
            && is("width", self.size.0)
            && is("height", self.size.1)
            && format["layout"] == self.format
            && format["fps"].as_f64().is_some_and(|fps| (fps - f64::from(self.fps)).abs() < 0.1)
    }

    /// Whether `/healthz` of this camera is as expected.
    fn ensure_health(&self, boardcam: &Boardcam, wished: u16) -> Outcome {
        let status = boardcam.get(&format!("/cameras/{}/healthz", self.name))?.status;
        ensure!(status == wished, "/healthz of {} is {status}, not {wished}", self.name);
        Ok(())
    }
}

/// The progress of all cameras and their viewers.
struct Progress {
    at: Instant,
    captured: Vec<u64>,
    received: Vec<usize>,
}

impl Progress {
    /// Frames of the slowest camera over which a rate is measured.
    const ENOUGH: u64 = 25;

    fn of(boardcam: &Boardcam, viewers: &[Viewer]) -> Outcome<Self> {
        let cameras = boardcam.cameras()?;
        let captured = cameras.as_array().ok_or("no list of cameras")?.iter();
        let captured = captured.map(|camera| count(camera, "captured")).collect();
        Ok(Self { at: Instant::now(), captured, received: viewers.iter().map(Viewer::received).collect() })
    }

    /// Captured and received frames per second of a camera since `begin`.
    fn rates(&self, begin: &Self, place: usize) -> [f64; 2] {
        let seconds = (self.at - begin.at).as_secs_f64();
        let captured = self.captured[place] - begin.captured[place];
        let received = self.received[place] - begin.received[place];
        [captured as f64 / seconds, received as f64 / seconds]
    }

    /// Waits until all cameras but the one that is unplugged have captured enough since `begin`.
    fn after(begin: &Self, boardcam: &Boardcam, viewers: &[Viewer]) -> Outcome<Self> {
        wait_for("frames of every other camera", || {
            let now = Self::of(boardcam, viewers)?;
            let is_enough = |place: usize| now.captured[place] >= begin.captured[place] + Self::ENOUGH;
            Ok(the_others().all(is_enough).then_some(now))
        })
    }
}

fn the_others() -> impl Iterator<Item = usize> {
    (0..FOUR.len()).filter(|place| *place != UNPLUGGED)
}

fn one_of_four_cameras_unplugged_leaves_the_rest_alone() -> Outcome {
    const DOOR: &[&str] = &["--isochronous"];
    const SETTINGS: &str = "/tmp/four.toml";
    /// The least fraction of the earlier rate that must remain; the host is busy with other things now and then.
    const UNDISTURBED: f64 = 0.5;
    let _vivid = Vivid::two_webcams()?;
    let vivids: Vec<PathBuf> =
        nodes()?.into_iter().filter(|node| node.1.starts_with("vivid")).map(|node| node.0).collect();
    let door = Camera::plug_in_with(DOOR)?;
    let garden = Camera::plug_in_with(SECOND)?;
    let sources = [vivids.first(), vivids.get(1), Some(&door.node), Some(&garden.node)];
    let tables = FOUR.iter().zip(sources).map(|(camera, source)| Some(camera.to_toml(source?)));
    fs::write(SETTINGS, tables.collect::<Option<String>>().ok_or("not two of vivid's nodes")?)?;

    let boardcam = Boardcam::start(&["--config", SETTINGS])?;
    let feeds = [feed(FOUR[2].size)?, feed(FOUR[3].size)?];
    let is_its = |place: usize, frame: &[u8]| match place {
        0 | 1 => shows_the_bars(frame) && has_size(frame, FOUR[place].size),
        _ => feeds[place - 2].find(frame).is_some(),
    };
    let viewers = FOUR.iter().map(|c| boardcam.watch_camera(c.name)).collect::<Outcome<Vec<_>>>()?;
    let see =
        |place: usize| viewers[place].wait_for(FOUR[place].name, |frame| is_its(place, frame)).map(drop);
    (0..FOUR.len()).try_for_each(see)?;
    let states = boardcam.cameras()?;
    for (camera, state) in FOUR.iter().zip(states.as_array().ok_or("no list of cameras")?) {
        ensure!(camera.is_met_by(state), "not as set: {state}");
        camera.ensure_health(&boardcam, 200)?;
    }

    let begin = Progress::of(&boardcam, &viewers)?;
    let unplugged = Progress::after(&begin, &boardcam, &viewers)?;
    let before: Holdings = boardcam.holdings()?;
    door.unplug()?;
    viewers[UNPLUGGED].wait_for("the card", |frame| !is_its(UNPLUGGED, frame))?;
    for (place, camera) in FOUR.iter().enumerate() {
        camera.ensure_health(&boardcam, if place == UNPLUGGED { 503 } else { 200 })?;
    }
    the_others().try_for_each(see)?;
    let _door = Camera::plug_in_with(DOOR)?;
    see(UNPLUGGED)?;
    let end = Progress::after(&unplugged, &boardcam, &viewers)?;
    for place in the_others() {
        let (usual, meanwhile) = (unplugged.rates(&begin, place), end.rates(&unplugged, place));
        println!("  {}: {usual:.1?} frames per second before, {meanwhile:.1?} meanwhile", FOUR[place].name);
        let is_disturbed = usual.iter().zip(meanwhile).any(|(usual, now)| now < usual * UNDISTURBED);
        ensure!(!is_disturbed, "{} was disturbed", FOUR[place].name);
    }
    (0..FOUR.len()).try_for_each(see)?;
    wait_for("all to be well", || {
        Ok(FOUR.iter().all(|camera| camera.ensure_health(&boardcam, 200).is_ok()).then_some(()))
    })?;
    let openings = boardcam.openings()?;
    ensure!(openings == FOUR.len() + 1, "{openings} openings, not one of each and one more of the fourth");
    boardcam.ensure_no_more_than(before)
}

fn has_size(frame: &[u8], size: Size) -> bool {
    let size = (usize::from(size.0), usize::from(size.1));
    Picture::decode(frame).is_ok_and(|picture| (picture.width, picture.height) == size)
}

/// At another port than the first camera, with another serial number.
const SECOND: &[&str] = &["--port", "1", "--serial", "2"];

/// The names that udev gives to cameras; dropping this removes them all.
struct StableNames;

impl StableNames {
    const FOLDER: &str = "/dev/v4l";
    /// One name by the first camera's serial number, and one by the second camera's port.
    const FIRST: &str = "/dev/v4l/by-id/usb-boardcam_Simulated_UVC_camera_1-video-index0";
    const SECOND: &str = "/dev/v4l/by-path/platform-vhci_hcd.0-usb-0:2:1.0-video-index0";

    fn link(first: &Camera, second: &Camera) -> Outcome<Self> {
        for (name, camera) in [(Self::FIRST, first), (Self::SECOND, second)] {
            let name = Path::new(name);
            fs::create_dir_all(name.parent().ok_or("a name without a folder")?)?;
            let node = camera.node.file_name().ok_or("a node without a name")?;
            symlink(Path::new("../..").join(node), name)?;
        }
        Ok(Self)
    }
}

impl Drop for StableNames {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(Self::FOLDER) {
            println!("  cannot remove {}: {why}", Self::FOLDER);
        }
    }
}

fn a_stable_name_shows_its_own_camera_after_numbers_swapped() -> Outcome {
    // The same model, each with a size that the other lacks.
    let plug_in_first = || Camera::plug_in_with(&["--size", "1280x720"]);
    let plug_in_second = || Camera::plug_in_with(&[SECOND, &["--size", "640x480"]].concat());
    let feeds = [feed(SIZES[0])?, feed(SIZES[1])?];
    let (first, second) = (plug_in_first()?, plug_in_second()?);
    let numbers = (first.node.clone(), second.node.clone());
    let names = StableNames::link(&first, &second)?;
    let cameras = [StableNames::FIRST, StableNames::SECOND];
    let options = [format!("first={}", cameras[0]), format!("second={}", cameras[1])];
    let boardcam = Boardcam::start(&["--camera", &options[0], "--camera", &options[1]])?;
    let viewers = [boardcam.watch_camera("first")?, boardcam.watch_camera("second")?];
    for (viewer, feed) in viewers.iter().zip(&feeds) {
        see_the_camera(viewer, feed)?;
    }
    let before = boardcam.holdings()?;

    drop(names); // as udev does when they are gone
    first.unplug()?;
    second.unplug()?;
    for (viewer, feed) in viewers.iter().zip(&feeds) {
        viewer.wait_for("the card", |frame| feed.find(frame).is_none())?;
    }
    let second = plug_in_second()?;
    let first = plug_in_first()?;
    let swapped = (second.node.clone(), first.node.clone());
    ensure!(swapped == numbers, "the guest did not swap {numbers:?} but gave {swapped:?}");
    let _names = StableNames::link(&first, &second)?;
    for (own, other) in [(0, 1), (1, 0)] {
        viewers[own].wait_for("its own camera's picture", |frame| {
            assert!(feeds[other].find(frame).is_none(), "the other camera under this name");
            feeds[own].find(frame).is_some()
        })?;
    }
    let states = boardcam.cameras()?;
    for (place, name) in cameras.iter().enumerate() {
        ensure!(states[place]["source"] == *name, "not by its stable name: {}", states[place]);
    }
    boardcam.ensure_no_more_than(before)
}

fn a_camera_on_a_full_bus_gets_less_and_says_so() -> Outcome {
    /// Bytes per second that the bus has left, and the mode that the camera can send with them, up to 1280x720 at 30/s.
    const TIGHT: [(&str, Size, u32); 2] = [("10000000", SIZES[0], 15), ("7000000", SIZES[1], 30)];
    const NO_BANDWIDTH: &str = "the USB bus lacks the bandwidth for mjpeg 1280x720 at 30/s";
    let on_a_bus_with = |left| Camera::plug_in_with(&["--isochronous", "--bus", left]);
    for (left, size, fps) in TIGHT {
        let _camera = on_a_bus_with(left)?;
        let boardcam = Boardcam::start(&[])?;
        let state = boardcam.wait_until_live()?;
        let less = Setting { name: "camera", size, fps, format: "mjpeg" };
        ensure!(less.is_met_by(&state), "with {left} bytes per second not {size:?} at {fps}/s: {state}");
        let compromise = format!("{NO_BANDWIDTH}; taking mjpeg {}x{} at {fps}/s", size.0, size.1);
        let compromises = state["compromises"].as_array().ok_or("no compromises")?;
        ensure!(compromises.iter().any(|one| *one == compromise), "/state does not say so: {state}");
        ensure!(boardcam.log()?.contains(&compromise), "the log does not say so");
        see_the_camera(&boardcam.watch_first()?, &feed(size)?)?;
    }
    // Not even for the smallest.
    let _camera = on_a_bus_with("1000000")?;
    let boardcam = Boardcam::start(&[])?;
    let state = boardcam.wait_until_waiting()?;
    let says = |part: &str, text: &str| {
        state["problem"][part].as_str().is_some_and(|problem| problem.contains(text))
    };
    ensure!(says("why", NO_BANDWIDTH) && says("why", "ENOSPC"), "{state}");
    ensure!(says("advice", "another USB port"), "{state}");
    Ok(())
}
