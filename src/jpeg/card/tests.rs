use std::time::Duration;

use super::*;
use crate::jpeg::passthrough::Jpeg;

fn problem() -> Problem {
    Problem::new("cannot open /dev/video0", "permission denied (EACCES)", "add your user to group video")
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// Rows of the picture that differ, as a list.
fn changed_rows(a: &Canvas, b: &Canvas) -> Vec<u32> {
    (0..a.size().height).filter(|&y| a.picture().row(0, y) != b.picture().row(0, y)).collect()
}

#[test]
fn a_card_has_the_size_of_the_picture_within_bounds() {
    let cases = [
        ((1280, 720), (1280, 720)),
        ((333, 777), (333, 777)),
        ((3840, 2160), (1920, 1080)),
        ((1080, 3840), (540, 1920)),
        ((1, 1), (320, 180)),
        ((0, 0), (320, 180)),
        ((65_535, 1), (1920, 180)),
        ((1, 65_535), (320, 1920)),
        ((65_535, 65_535), (1920, 1920)),
    ];
    for ((width, height), (drawn_width, drawn_height)) in cases {
        let card = Size { width: drawn_width, height: drawn_height };
        assert_eq!(Card::size(Size { width, height }), card, "for {width}x{height}");
    }
}

#[test]
fn a_card_can_be_drawn_in_any_size_whatever_it_says() {
    let long = "W@#g ".repeat(2000) + &"%".repeat(5000);
    let texts = ["", "x", "\n\r\t\0\u{1b}[31m", "не найдено 📷", &long];
    for (width, height) in [(1, 1), (320, 180), (321, 1920), (640, 480), (1920, 180), (65_535, 65_535)] {
        let picture = Size { width, height };
        for text in texts {
            let problem = Problem::new(text, text, text);
            let card = Card { title: text, name: text, problem: &problem };
            assert_eq!(card.draw(picture, at(u64::MAX / 4_000_000_000)).size(), Card::size(picture));
        }
    }
}

#[test]
fn the_fullest_card_fits_into_its_bound() {
    let full = "%&".repeat(5000);
    let problem = Problem::new(full.as_str(), full.as_str(), full.as_str());
    let card = Card { title: &full, name: &full, problem: &problem };
    let picture = Size { width: 65_535, height: 65_535 };
    let mut out = vec![0; Card::MAX_JPEG];
    let len = card.encode(picture, at(0), &mut out).expect("the card fits");
    assert_eq!(Jpeg::parse(&out[..len]).map(|jpeg| jpeg.size()), Ok(Card::size(picture)));
    assert!(len > Card::MAX_JPEG / 4, "the bound is far above {len}");
}

#[test]
fn the_clock_shows_that_the_stream_works() {
    let problem = problem();
    let card = Card { title: Card::NO_PICTURE, name: "door", problem: &problem };
    let size = Size { width: 640, height: 480 };
    for second in 0..61 {
        let (one, next) = (card.draw(size, at(second)), card.draw(size, at(second + 1)));
        let changed = changed_rows(&one, &next);
        assert!(changed.contains(&479), "the light stood still after second {second}");
        assert!(changed.iter().any(|&y| y < 470), "the clock stood still after second {second}");
        assert!(changed.iter().all(|&y| y > 400), "something else moved after second {second}");
    }
}

#[test]
fn everything_on_the_card_can_be_seen() {
    let plain = problem();
    let card = Card { title: Card::NO_PICTURE, name: "door", problem: &plain };
    let size = Size { width: 640, height: 480 };
    let drawn = card.draw(size, at(0));
    let [what, why, advice] = [
        Problem { what: "cannot start /dev/video0".into(), ..plain.clone() },
        Problem { why: "no such file (ENOENT)".into(), ..plain.clone() },
        Problem { advice: "plug it in".into(), ..plain.clone() },
    ];
    for other in [
        Card { title: Card::NO_CAMERA, ..card },
        Card { name: "yard", ..card },
        Card { problem: &what, ..card },
        Card { problem: &why, ..card },
        Card { problem: &advice, ..card },
    ] {
        assert!(!changed_rows(&drawn, &other.draw(size, at(0))).is_empty(), "not seen: {other:?}");
    }
}

#[test]
fn the_end_of_a_long_advice_can_still_be_read() {
    let (why, advice) = ("tried this device and that one ".repeat(8), "do this and then that, ".repeat(12));
    let problem = Problem::new("no camera found", why, &advice);
    let other = Problem { advice: (advice + "now").into(), ..problem.clone() };
    for (width, height) in [(1280, 720), (640, 480), (480, 640)] {
        let drawn = |problem| {
            let card = Card { title: Card::NO_CAMERA, name: "door", problem };
            card.draw(Size { width, height }, at(0))
        };
        let changed = changed_rows(&drawn(&problem), &drawn(&other));
        assert!(!changed.is_empty(), "{width}x{height}");
    }
}

#[test]
fn the_problem_can_be_seen_however_long_the_advice() {
    let advice = "do this and then that, ".repeat(200);
    let problems = ["tried this ", "tried that "].map(|why| Problem::new("it", why.repeat(200), &advice));
    let [one, other] = [&problems[0], &problems[1]].map(|problem| {
        Card { title: Card::NO_CAMERA, name: "door", problem }.draw(Size { width: 640, height: 480 }, at(0))
    });
    assert!(changed_rows(&one, &other).len() > 40, "less than a few lines of it");
}

#[test]
fn long_text_is_broken_between_words_and_cut_with_dots() {
    assert_eq!(wrap("plug the camera in", 10, 9), ["plug the", "camera in"]);
    assert_eq!(wrap("plug the camera in", 8, 9), ["plug the", "camera", "in"]);
    assert_eq!(wrap("  one\n two  ", 80, 9), ["one two"]);
    assert_eq!(wrap("see /dev/v4l/by-id", 9, 9), ["see", "/dev/v4l/", "by-id"]);
    assert_eq!(wrap("plug the camera in again", 10, 2), ["plug the", "camera ..."]);
    assert_eq!(wrap("plug the camera in", 2, 2), ["pl", ".."]);
    assert!(wrap("x", 0, 9).is_empty() && wrap("x", 9, 0).is_empty() && wrap(" ", 9, 9).is_empty());
}
