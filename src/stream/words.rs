//! What card and log call a camera and what it delivers.

use crate::camera::SourceInfo;
use crate::canvas::Canvas;
use crate::feed::Feed;
use crate::problem::Problem;

/// What a card calls the camera: its title, if the font has its letters.
pub(super) fn drawn_name(feed: &Feed) -> &str {
    let title = feed.title();
    if Canvas::can_write(title) { title } else { &feed.name }
}

/// A source and what it delivers, for the log: `/dev/video0 (HD Webcam), 1280x720 mjpeg at 30/s`.
pub(super) fn in_words(info: &SourceInfo) -> String {
    let SourceInfo { source, card, size, layout, .. } = info;
    let card = if card.contains(source.as_str()) { String::new() } else { format!(" ({card})") };
    let rate = info.fps().map_or_else(String::new, |fps| format!(" at {fps}/s"));
    format!("{source}{card}, {size} {layout}{rate}")
}

/// What a card says: the camera's problem, followed by that of the settings file.
pub(super) fn with_settings_problem(problem: &Problem, settings: Option<&Problem>) -> Problem {
    let mut shown = problem.clone();
    if let Some(settings) = settings {
        shown.advice =
            format!("{}. The board runs with the default settings because it {settings}", shown.advice)
                .into();
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::camera::SourceKind;
    use crate::picture::Size;

    #[test]
    fn a_card_shows_a_mistake_in_the_settings_too() {
        let problem = Problem::new("no camera found", "there is none", "plug one in");
        let mistake = Problem::new("cannot use line 3 of boardcam.toml", "it is wrong", "write fps = 5");
        let shown = with_settings_problem(&problem, Some(&mistake)).advice.to_string();
        assert!(shown.starts_with("plug one in. ") && shown.contains("cannot use line 3"), "{shown}");
        assert_eq!(with_settings_problem(&problem, None), problem);
    }

    #[test]
    fn the_log_names_the_card_unless_that_says_no_more_than_the_source() {
        let info = |source: &str, card: &str| SourceInfo {
            card: card.to_owned(),
            interval: Some(Duration::from_millis(40)),
            ..SourceInfo::of_jpegs(SourceKind::Pattern, source.to_owned(), Size { width: 8, height: 6 })
        };
        assert_eq!(in_words(&info("pattern", "test pattern")), "pattern, 8x6 mjpeg at 25/s");
        assert_eq!(in_words(&info("/dev/video0", "Cam")), "/dev/video0 (Cam), 8x6 mjpeg at 25/s");
    }
}
