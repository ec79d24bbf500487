//! Cameras that are plugged in and out while somebody watches.

use std::fs::File;
use std::time::{Duration, Instant, SystemTime};

use client::{Outcome, Viewer, ensure};
use rig::feed::{Feed, SIZES, start_of_scan};

use crate::Case;
use crate::boardcam::{Boardcam, Holdings, count};
use crate::guest::{Camera, feed, setting};
use crate::picture::Picture;

pub const CASES: &[Case] = &[
    ("unplugging_and_replugging_many_times_is_fine", unplugging_and_replugging_many_times_is_fine),
    ("my_camera_comes_back_in_another_size", my_camera_comes_back_in_another_size),
    ("two_cameras_of_one_model_are_not_mixed_up", two_cameras_of_one_model_are_not_mixed_up),
    ("a_twin_that_came_later_is_not_shown_as_my_camera", a_twin_that_came_later_is_not_shown_as_my_camera),
    ("my_camera_comes_back_with_another_number", my_camera_comes_back_with_another_number),
    ("a_camera_that_comes_late_is_shown", a_camera_that_comes_late_is_shown),
    ("a_waiting_viewer_sees_the_camera_within_100_ms", a_waiting_viewer_sees_the_camera_within_100_ms),
];

fn unplugging_and_replugging_many_times_is_fine() -> Outcome {
    const CYCLES: u64 = 20;
    let cycles = setting("RIG_CYCLES", CYCLES)?;
    let feed = feed(SIZES[0])?;
    let mut camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch_first()?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    let before = boardcam.holdings()?;
    for _ in 0..cycles {
        camera.unplug()?;
        viewer.wait_for("the card", |frame| feed.find(frame).is_none())?;
        camera = Camera::plug_in()?;
        see_the_camera(&viewer, &feed)?;
        boardcam.ensure_no_more_than(before)?;
    }
    println!("  {cycles} cycles: {before:?} before, {:?} after", boardcam.holdings()?);
    Ok(())
}

fn my_camera_comes_back_in_another_size() -> Outcome {
    let feeds = [feed(SIZES[0])?, feed(SIZES[1])?];
    let camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch_first()?;
    see_the_camera(&viewer, &feeds[0])?;
    let before = boardcam.holdings()?;
    camera.unplug()?;
    viewer.wait_for("the card", |frame| feeds[0].find(frame).is_none())?;
    let smaller = Camera::plug_in_with(&["--size", "640x480"])?;
    see_the_camera(&viewer, &feeds[1])?;
    smaller.unplug()?;
    let card = viewer.wait_for("the card", |frame| feeds[1].find(frame).is_none())?;
    let picture = Picture::decode(&card)?;
    ensure!((picture.width, picture.height) == (640, 480), "a card of {}x{}", picture.width, picture.height);
    let _camera = Camera::plug_in()?;
    see_the_camera(&viewer, &feeds[0])?;
    boardcam.ensure_no_more_than(before)
}

/// Like [`see_the_camera`], and measures the time from the camera's first frame.
fn a_waiting_viewer_sees_the_camera_within_100_ms() -> Outcome {
    const LIMIT: Duration = Duration::from_millis(100);
    /// The host is busy with other things now and then: one try within the limit is enough.
    const TRIES: usize = 12;
    let feed = feed(SIZES[0])?;
    let boardcam = Boardcam::start(&[])?;
    let viewer = boardcam.watch_first()?;
    let mut delays = Vec::new();
    for _ in 0..TRIES {
        see_the_card(&viewer, &feed)?;
        let mut camera = Camera::plug_in()?;
        see_the_camera(&viewer, &feed)?;
        let delay = SystemTime::now().duration_since(camera.first_frame()?)?;
        delays.push(delay);
        if delay <= LIMIT {
            println!("  from the camera's first frame to the viewer: {delays:?}");
            return Ok(());
        }
        camera.unplug()?;
    }
    Err(format!("it took {delays:?}").into())
}

/// Two cameras with the same name and serial number; only their pictures differ.
const A: &[&str] = &[];
const B: &[&str] = &["--port", "1", "--without-tables"];

/// Whether it is a frame of [`B`]: boardcam has added the tables as one segment, which no frame of the feed has.
fn is_bs(feed: &Feed, frame: &[u8]) -> bool {
    feed.find(frame).is_none() && start_of_scan(frame).is_some_and(|scan| feed.has_scan(&frame[scan..]))
}

fn two_cameras_of_one_model_are_not_mixed_up() -> Outcome {
    let feed = feed(SIZES[0])?;
    let is_as = |frame: &[u8]| feed.find(frame).is_some();
    let is_bs = |frame: &[u8]| is_bs(&feed, frame);
    let (a, b) = (Camera::plug_in_with(A)?, Camera::plug_in_with(B)?);
    let options = ["--camera", &format!("a={}", a.path()?), "--camera", &format!("b={}", b.path()?)];
    let boardcam = Boardcam::start(&options)?;
    let (viewer_a, viewer_b) = (boardcam.watch_camera("a")?, boardcam.watch_camera("b")?);
    viewer_a.wait_for("a's picture", is_as)?;
    viewer_b.wait_for("b's picture", is_bs)?;
    let before = boardcam.holdings()?;

    let undisturbed = boardcam.cameras()?[1].take();
    a.unplug()?;
    viewer_a.wait_for("a's card", |frame| !is_as(frame))?;
    let a = Camera::plug_in_with(A)?;
    viewer_a.wait_for("a's picture again", |frame| {
        assert!(!is_bs(frame), "b's picture under a's name");
        is_as(frame)
    })?;
    let still = boardcam.cameras()?[1].take();
    ensure!(still["state"] == "live", "b was disturbed: {still}");
    ensure!(count(&still, "captured") > count(&undisturbed, "captured"), "b stood still: {still}");
    let openings = boardcam.openings()?;
    ensure!(openings == 3, "opened {openings} times, not a twice and b once");

    // Unplugs both, and plugs them in with swapped numbers.
    a.unplug()?;
    b.unplug()?;
    viewer_a.wait_for("a's card", |frame| !is_as(frame))?;
    viewer_b.wait_for("b's card", |frame| !is_bs(frame))?;
    let _b = Camera::plug_in_with(B)?;
    viewer_b.wait_for("b's picture again", is_bs)?;
    let _a = Camera::plug_in_with(A)?;
    viewer_a.wait_for("a's picture again", |frame| {
        assert!(!is_bs(frame), "b's picture under a's name");
        is_as(frame)
    })?;
    boardcam.ensure_no_more_than(before)
}

fn a_twin_that_came_later_is_not_shown_as_my_camera() -> Outcome {
    /// Of which there is one a second, and at least one more search in that time.
    const CARDS: usize = 4;
    let feed = feed(SIZES[0])?;
    let a = Camera::plug_in_with(A)?;
    let boardcam = Boardcam::start(&["--camera", a.path()?])?;
    let viewer = boardcam.watch_first()?;
    see_the_camera(&viewer, &feed)?;
    let before = boardcam.holdings()?;
    let _b = Camera::plug_in_with(B)?;
    a.unplug()?;
    viewer.wait_for("a's card", |frame| feed.find(frame).is_none())?;
    for _ in 0..CARDS {
        ensure!(!is_bs(&feed, &viewer.next()?), "b's picture in place of a's");
    }
    let _a = Camera::plug_in_with(A)?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    boardcam.ensure_no_more_than(before)
}

fn my_camera_comes_back_with_another_number() -> Outcome {
    let feed = feed(SIZES[0])?;
    // Both with `auto` and with the camera configured by its number.
    for by_number in [false, true] {
        let camera = Camera::plug_in()?;
        let old = camera.node.clone();
        let source = if by_number { old.display().to_string() } else { "auto".to_owned() };
        let boardcam = Boardcam::start(&["--camera", &source])?;
        let viewer = boardcam.watch_first()?;
        see_the_camera(&viewer, &feed)?;
        let _keeps_the_number = File::open(&old)?;
        camera.unplug()?;
        see_the_card(&viewer, &feed)?;
        let camera = Camera::plug_in()?;
        ensure!(camera.node != old, "the guest gave the old number {} again", old.display());
        see_the_camera(&viewer, &feed)?;
        let state = boardcam.wait_until_live()?;
        ensure!(state["device"]["path"].as_str() == camera.node.to_str(), "not on the new node: {state}");
    }
    Ok(())
}

fn a_camera_that_comes_late_is_shown() -> Outcome {
    /// In seconds: into the pauses between searches that repeat forever (1, 2, 4, then 5 each).
    const LATE: u64 = 10;
    let late = Duration::from_secs(setting("RIG_LATE", LATE)?);
    let begin = Instant::now();
    let feed = feed(SIZES[0])?;
    let boardcam = Boardcam::start(&[])?;
    boardcam.wait_until_waiting()?;
    ensure!(boardcam.get("/healthz")?.status == 503, "/healthz is well without a camera");
    let viewer = boardcam.watch_first()?;
    while begin.elapsed() < late {
        see_the_card(&viewer, &feed)?;
    }
    let _camera = Camera::plug_in()?;
    see_the_camera(&viewer, &feed)?;
    boardcam.wait_until_live()?;
    ensure!(boardcam.get("/healthz")?.status == 200, "/healthz is unwell with a camera");
    Ok(())
}

/// A camera that is plugged in, the program, and a viewer that sees the camera's picture.
pub struct Watched {
    pub feed: Feed,
    pub camera: Camera,
    pub boardcam: Boardcam,
    pub viewer: Viewer,
    /// The program's resources from then on.
    pub before: Holdings,
}

impl Watched {
    pub fn start() -> Outcome<Self> {
        let feed = feed(SIZES[0])?;
        let camera = Camera::plug_in()?;
        let boardcam = Boardcam::start(&[])?;
        let viewer = boardcam.watch_first()?;
        see_the_camera(&viewer, &feed)?;
        let before = boardcam.holdings()?;
        Ok(Self { feed, camera, boardcam, viewer, before })
    }
}

pub fn see_the_camera(viewer: &Viewer, feed: &Feed) -> Outcome {
    viewer.wait_for("the camera's picture", |frame| feed.find(frame).is_some()).map(drop)
}

/// Checks that the card has the size of the last picture, and that its clock moves.
pub fn see_the_card(viewer: &Viewer, feed: &Feed) -> Outcome {
    let card = viewer.wait_for("the card", |frame| feed.find(frame).is_none())?;
    let picture = Picture::decode(&card)?;
    ensure!((picture.width, picture.height) == (1280, 720), "{}x{}", picture.width, picture.height);
    viewer.wait_for("a moving card", |frame| *frame != *card && feed.find(frame).is_none()).map(drop)
}
