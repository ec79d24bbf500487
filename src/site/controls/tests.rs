use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use rouille::Response;
use serde_json::Value;

use crate::camera::v4l2::controls::{ControlList, ControlProblem};
use crate::feed::controls::{Order, Unanswered};
use crate::site::AppState;
use crate::site::tests::{app, ask};

const SOON: Duration = Duration::from_millis(1);

fn reset(app: &AppState, query: &str) -> (u16, String) {
    let Response { status_code, data, .. } = ask(app, "DELETE", &format!("/api/controls{query}"), &[], "");
    let mut text = String::new();
    data.into_reader_and_size().0.read_to_string(&mut text).unwrap();
    (status_code, text)
}

fn keep(app: &AppState, values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    app.feeds[0].controls.keep(values.map(|(name, value)| (name, Some(value))));
    app.feeds[0].controls.kept()
}

#[test]
fn a_camera_that_is_closed_or_busy_is_not_said_to_be_reset_and_nothing_is_forgotten() {
    let app = app();
    let controls = app.feeds[0].controls.clone();
    let kept = keep(&app, &[("brightness", "10"), ("gain", "20")]);
    for query in ["", "?control=gain"] {
        let (status, why) = reset(&app, query);
        assert!(status == 503 && why.contains("cannot be reset now: the camera is not open"), "{why}");
        assert_eq!(controls.kept(), kept);
    }
    let (_open, _thread) = controls.open().unwrap();
    while controls.ask(Order::List, SOON) != Err(Unanswered::Busy) {}
    for query in ["", "?control=gain"] {
        let (status, why) = reset(&app, query);
        assert!(status == 503 && why.contains("cannot be reset now: the camera is busy"), "{why}");
        assert_eq!(controls.kept(), kept);
    }
}

#[test]
fn a_reset_that_takes_long_says_so_of_all_that_was_kept_and_forgets_nothing_yet() {
    let app = app();
    let controls = app.feeds[0].controls.clone();
    let (_open, thread) = controls.open().unwrap();
    thread.publish(Ok(ControlList::default()));
    let (status, why) = reset(&app, "");
    assert!(status == 503 && why.contains("The controls are still being reset"), "{why}");

    let kept = keep(&app, &[("brightness", "10"), ("gain", "20")]);
    let (status, answer) = reset(&app, "");
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    for (problem, name) in answer["problems"].as_array().unwrap().iter().zip(["brightness", "gain"]) {
        assert_eq!(problem["control"], name, "{answer}");
        assert!(problem["problem"].as_str().unwrap().contains("is still being reset"), "{answer}");
    }
    assert_eq!(answer["problems"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(controls.kept(), kept);
    let asked: Vec<_> = thread.requests.try_iter().collect();
    controls.forget(None);
    let changed = asked.into_iter().filter_map(|request| thread.answer(request, Vec::new())).next_back();
    assert_eq!(changed.unwrap(), ["brightness", "gain"], "what is now to be forgotten in the file");
}

#[test]
fn a_value_that_is_refused_after_its_request_gave_up_is_kept_no_longer() {
    let controls = Arc::clone(&app().feeds[0].controls);
    let (_open, thread) = controls.open().unwrap();
    let values = |values: &[(&str, &str)]| -> BTreeMap<String, String> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let wanted = values(&[("brightness", "10"), ("contrast", "30"), ("gain", "20")]);
    assert_eq!(controls.ask(Order::Set(wanted.clone()), SOON), Err(Unanswered::Late));
    assert_eq!(controls.kept(), wanted, "as far as is known");
    controls.keep([("contrast".to_owned(), Some("31".to_owned()))]); // somebody else, since then
    let problem = |name: &str| ControlProblem { control: name.to_owned(), problem: "refused".into() };
    let request = thread.requests.try_recv().unwrap();
    let changed = thread.answer(request, vec![problem("contrast"), problem("gain")]);
    assert_eq!(changed.unwrap(), ["brightness", "contrast", "gain"]);
    assert_eq!(controls.kept(), values(&[("brightness", "10"), ("contrast", "31")]));
}
