use std::collections::HashSet;
use std::time::Duration;

use proptest::prelude::*;
use rouille::Request;

use super::*;
use crate::feed::histogram::BOUNDS;
use crate::site::tests::{app, app_with_cameras};
use crate::site::url::Target;

fn page(app: &AppState, camera: Option<usize>) -> String {
    let request = Request::fake_http("GET", "/metrics", vec![], vec![]);
    let names_camera = camera.is_some();
    let ctx = RequestContext {
        app,
        request: &request,
        target: &Target::of(&request),
        identity: None,
        camera: camera.unwrap_or(0),
        names_camera,
    };
    let (mut reader, _) = metrics(&ctx).data.into_reader_and_size();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    text
}

/// Name, label values and value of a sample, by the rules of the format and nothing else.
fn parse(line: &str) -> Option<(&str, Vec<String>, f64)> {
    let Some((name, mut rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ')?;
        return Some((name, Vec::new(), value.parse().ok()?));
    };
    let mut labels = Vec::new();
    loop {
        let (label, after) = rest.split_once("=\"")?;
        if label.is_empty() || !label.bytes().all(|b| b.is_ascii_lowercase()) {
            return None;
        }
        let (mut value, mut chars) = (String::new(), after.chars());
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                c => value.push(c),
            }
        }
        labels.push(value);
        rest = chars.as_str();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((name, labels, rest.strip_prefix("} ")?.parse().ok()?)),
        }
    }
}

#[test]
fn every_name_has_help_and_type_once_and_all_its_samples_follow() {
    let app = app();
    app.feeds[1].counters.delay.observe(Duration::from_millis(3));
    let text = page(&app, None);
    let (mut names, mut current) = (HashSet::new(), "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            current = rest.split_once(' ').unwrap().0;
            assert!(names.insert(current), "{current} twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split_once(' ').unwrap().0, current);
        } else {
            let (name, ..) = parse(line).unwrap_or_else(|| panic!("{line}"));
            let own = ["_bucket", "_sum", "_count", ""].map(|end| name.strip_suffix(end));
            assert!(own.contains(&Some(current)), "{line} behind {current}");
        }
    }
    assert!(
        text.contains("boardcam_frame_publish_delay_seconds_bucket{camera=\"garden\",le=\"0.0025\"} 0\n")
    );
    assert!(text.contains("boardcam_frame_publish_delay_seconds_bucket{camera=\"garden\",le=\"0.005\"} 1\n"));
    assert!(text.contains("boardcam_frame_publish_delay_seconds_sum{camera=\"garden\"} 0.003\n"));
    assert!(!page(&app, Some(0)).contains("garden"));
}

proptest! {
    #[test]
    fn whatever_a_camera_is_called_it_cannot_break_the_format(name in "[a\"\\\\{},= \n\u{0}\r\u{e9}\u{2028}]{1,12}") {
        let text = page(&app_with_cameras(&[&name]), None);
        let samples = text.split('\n').filter(|line| !line.is_empty() && !line.starts_with("# "));
        let mut seen = 0;
        for line in samples {
            let (_, labels, _) = parse(line).ok_or_else(|| TestCaseError::fail(line.to_owned()))?;
            seen += usize::from(labels.contains(&name));
        }
        let own: usize = METRICS
                .iter()
                .map(|metric| match metric.values {
                    Values::Camera(_) => 1,
                    Values::Dropped => crate::feed::DropReason::all().count(),
                    Values::Delay(_) => BOUNDS.len() + 3,
                    _ => 0,
                })
                .sum();
        prop_assert_eq!(seen, own);
    }
}
