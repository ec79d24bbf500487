//! Pixels in every layout that vivid offers, through the whole program.

use client::{Outcome, ensure};

use crate::Case;
use crate::boardcam::Boardcam;
use crate::guest::Vivid;
use crate::picture::Picture;

pub const CASES: &[Case] = &[
    ("colours_are_right_in_every_format", colours_are_right_in_every_format),
    ("colours_are_right_with_the_multi_planar_api", colours_are_right_with_the_multi_planar_api),
    ("the_cheapest_raw_format_is_chosen", the_cheapest_raw_format_is_chosen),
];

/// All raw formats by their --format names, the cheapest to encode first.
const FORMATS: [&str; 15] = [
    "nv12", "nv21", "yu12", "yv12", "yuyv", "uyvy", "yvyu", "nv16", "nv61", "yuv422p", "rgb565", "nv24",
    "rgb24", "bgr24", "grey",
];

/// vivid's first test pattern, eight bars of 75 % of full brightness in the order of a television's.
const BARS: [[u8; 3]; 8] = [
    [191, 191, 191],
    [191, 191, 0],
    [0, 191, 191],
    [0, 191, 0],
    [191, 0, 191],
    [191, 0, 0],
    [0, 0, 191],
    [0, 0, 0],
];

fn colours_are_right_in_every_format() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let mut wrong = Vec::new();
    for format in FORMATS {
        if let Err(why) = colours_are_right(format) {
            wrong.push(format!("{format}: {why}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// In one plane, padded and not, and in three of their own, for which vivid has no other name.
fn colours_are_right_with_the_multi_planar_api() -> Outcome {
    let _vivid = Vivid::multiplanar()?;
    for format in ["nv12", "yuyv", "rgb24", "yuv444p"] {
        colours_are_right(format).map_err(|why| format!("{format}: {why}"))?;
    }
    Ok(())
}

fn colours_are_right(format: &str) -> Outcome {
    const TOLERANCE: u8 = 6;
    // Pairs of rows share their chroma at the default quality, but not at a high one.
    for quality in ["85", "95"] {
        let boardcam = Boardcam::start(&["--size", "640x360", "--format", format, "--quality", quality])?;
        let state = boardcam.wait_until_live()?;
        ensure!(state["encoder"] == "software" && state["format"]["layout"] == format, "{state}");
        let snapshot = boardcam.get("/snapshot")?;
        ensure!(snapshot.status == 200, "/snapshot: status {}", snapshot.status);
        let picture = Picture::decode(&snapshot.body)?;
        ensure!((picture.width, picture.height) == (640, 360), "{}x{}", picture.width, picture.height);
        let bar = picture.width / BARS.len();
        // Three quarters down: vivid writes its figures over the upper part.
        let found =
            [0, 1, 2, 3, 4, 5, 6, 7].map(|n| picture.colour(n * bar + bar / 2, picture.height * 3 / 4));
        let near = |a: [u8; 3], b: [u8; 3]| a.into_iter().zip(b).all(|(a, b)| a.abs_diff(b) <= TOLERANCE);
        let right = match format {
            // The driver decides how bright each colour is in grey; the bars are in order of brightness.
            "grey" => {
                let falls =
                    found.is_sorted_by(|left, right| left[0] > right[0] && near(*right, [right[0]; 3]));
                falls && near(found[0], BARS[0]) && near(found[7], BARS[7])
            }
            _ => found.into_iter().zip(BARS).all(|(found, expected)| near(found, expected)),
        };
        ensure!(right, "the bars are {found:?} at quality {quality}");
    }
    Ok(())
}

fn the_cheapest_raw_format_is_chosen() -> Outcome {
    let _vivid = Vivid::webcam()?;
    let boardcam = Boardcam::start(&["--size", "640x360"])?;
    let state = boardcam.wait_until_live()?;
    ensure!(state["format"]["layout"] == FORMATS[0], "{state}");
    Ok(())
}
