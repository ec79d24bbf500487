//! Pictures that are turned, mirrored, smaller, or of lower quality than the camera's, from a camera of JPEGs.

use client::{Outcome, ensure};

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::Camera;
use crate::picture::Picture;

pub const CASES: &[Case] = &[
    ("a_camera_of_jpegs_is_turned_and_made_smaller", a_camera_of_jpegs_is_turned_and_made_smaller),
    ("a_camera_of_jpegs_is_mirrored_in_lower_quality", a_camera_of_jpegs_is_mirrored_in_lower_quality),
];

/// Where a picture is more red than blue, which the camera's grows to the right, and where it is more green than both, which
/// grows downwards: -1, 0 or 1 in the middle of its left, right, upper and lower edge.
fn edges(picture: &Picture) -> [(i8, i8); 4] {
    const INSIDE: usize = 40; // pixels from the edge; the number of the frame is in a corner
    const MUCH: i32 = 25;
    let (width, height) = (picture.width, picture.height);
    let (x, y) = (width / 2, height / 2);
    [(INSIDE, y), (width - INSIDE, y), (x, INSIDE), (x, height - INSIDE)].map(|(x, y)| {
        let [red, green, blue] = picture.colour(x, y).map(i32::from);
        let sign = |difference: i32| if difference.abs() < MUCH { 0 } else { difference.signum() as i8 };
        (sign(red - blue), sign(green - (red + blue) / 2))
    })
}

/// The picture at `url`, and its length in bytes.
fn picture(boardcam: &Boardcam, url: &str, (width, height): (usize, usize)) -> Outcome<(Picture, usize)> {
    let snapshot = boardcam.get(url)?;
    ensure!(snapshot.status == 200, "{url}: status {}", snapshot.status);
    let picture = Picture::decode(&snapshot.body)?;
    let found = (picture.width, picture.height);
    ensure!(found == (width, height), "{url}: {}x{}", found.0, found.1);
    Ok((picture, snapshot.body.len()))
}

fn a_camera_of_jpegs_is_turned_and_made_smaller() -> Outcome {
    let _camera = Camera::plug_in()?;
    let boardcam = Boardcam::start(&["--rotate", "90"])?;
    boardcam.wait_until_live()?;
    // Left becomes top, and top becomes right.
    const TURNED: [(i8, i8); 4] = [(0, 1), (0, -1), (-1, 0), (1, 0)];
    let (whole, length) = picture(&boardcam, "/snapshot", (720, 1280))?;
    ensure!(edges(&whole) == TURNED, "{:?}", edges(&whole));
    let (small, _) = picture(&boardcam, "/snapshot?size=360x640", (360, 640))?;
    ensure!(edges(&small) == TURNED, "smaller: {:?}", edges(&small));
    let (_, shorter) = picture(&boardcam, "/snapshot?quality=40", (720, 1280))?;
    ensure!(shorter < length * 2 / 3, "{shorter} bytes of {length} with quality 40");
    Ok(())
}

fn a_camera_of_jpegs_is_mirrored_in_lower_quality() -> Outcome {
    let _camera = Camera::plug_in()?;
    let length = {
        let boardcam = Boardcam::start(&[])?;
        boardcam.wait_until_live()?;
        let (plain, length) = picture(&boardcam, "/snapshot", (1280, 720))?;
        ensure!(edges(&plain) == [(-1, 0), (1, 0), (0, -1), (0, 1)], "{:?}", edges(&plain));
        length
    };
    let boardcam = Boardcam::start(&["--flip", "h", "--quality", "40"])?;
    boardcam.wait_until_live()?;
    let (mirrored, shorter) = picture(&boardcam, "/snapshot", (1280, 720))?;
    ensure!(edges(&mirrored) == [(1, 0), (-1, 0), (0, -1), (0, 1)], "{:?}", edges(&mirrored));
    ensure!(shorter < length * 2 / 3, "{shorter} bytes of {length} with quality 40");
    Ok(())
}
