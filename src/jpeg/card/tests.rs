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
    (0..a.size().height).filter(|&y| a.yuyv().row(y) != b.yuyv().row(y)).collect()
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
    let mut out = vec![0; Card::MAX_JPEG];
    for (width, height) in [(1, 1), (320, 180), (321, 1920), (640, 480), (1920, 180), (65_535, 65_535)] {
        let picture = Size { width, height };
        for text in texts {
            let problem = Problem::new(text, text, text);
            let card = Card { title: text, name: text, problem: &problem };
            let len = card.encode(picture, at(u64::MAX / 4_000_000_000), &mut out).expect("room enough");
            let jpeg = Jpeg::check(&out[..len]).expect("a JPEG");
            assert_eq!(jpeg.size(), Card::size(picture));
        }
    }
}

#[test]
fn one_sees_that_the_stream_lives() {
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
fn all_that_it_is_given_can_be_seen() {
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
fn long_text_is_broken_between_words_and_cut_with_dots() {
    assert_eq!(wrap("plug the camera in", 10, 9), ["plug the", "camera in"]);
    assert_eq!(wrap("plug the camera in", 8, 9), ["plug the", "camera", "in"]);
    assert_eq!(wrap("  one\n two  ", 80, 9), ["one two"]);
    assert_eq!(wrap("see /dev/v4l/by-id", 9, 9), ["see", "/dev/v4l/", "by-id"]);
    assert_eq!(wrap("plug the camera in again", 10, 2), ["plug the", "camera ..."]);
    assert_eq!(wrap("plug the camera in", 2, 2), ["pl", ".."]);
    assert!(wrap("x", 0, 9).is_empty() && wrap("x", 9, 0).is_empty() && wrap(" ", 9, 9).is_empty());
}

#[test]
fn one_very_long_side_leaves_the_other_for_the_rest() {
    let long = "word ".repeat(500);
    let columns = Card::size(Size::DEFAULT).width as usize / 20;
    for rows in 1..9 {
        let least = wrap(&long, columns, rows / 2).len();
        let advice = wrap("short", columns, rows - least);
        assert_eq!(wrap(&long, columns, rows - advice.len()).len() + advice.len(), rows);
    }
}
