use std::sync::Arc;

use super::super::AppState;
use super::super::tests::{app, ask, header};
use super::*;
use crate::protocol::{FileOrder, HEADER, RecordingOrder};
use crate::record::{CameraSettings, Settings};

/// Settings of two cameras; nothing can be recorded.
pub(in super::super) fn settings() -> Settings {
    Settings { cameras: vec![CameraSettings::default(), CameraSettings::default()], ..Settings::default() }
}

fn name(camera: &str, minute: i64) -> Name {
    Name { camera: camera.to_owned(), start: 1_800_000_000 + 60 * minute, time_lapse: false }
}

/// An app with a folder that holds two recordings of each camera.
fn recorded() -> AppState {
    let recordings = Recordings::new(&Settings { folder: Some("/nowhere".into()), ..settings() });
    let entry = |(minute, camera): (i64, &str)| Entry {
        name: name(camera, minute),
        bytes: 100,
        modified: (1_800_000_000, 5),
        duration: (minute > 0).then_some(std::time::Duration::from_millis(2500)),
    };
    let entries = [(3, "garden"), (2, "door"), (1, "garden"), (0, "door")].map(entry);
    recordings.set_listing(entries.to_vec(), 1000, false);
    AppState { recordings, ..app() }
}

fn json(response: Response) -> serde_json::Value {
    let mut text = String::new();
    let (mut reader, _) = response.data.into_reader_and_size();
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| text.into())
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

#[test]
fn without_a_folder_the_answer_says_how_to_set_one() {
    let app = app();
    for (method, url) in [("GET", "/api/recording"), ("POST", "/api/recording"), ("GET", "/api/recordings")] {
        let response = ask(&app, method, url, &[JSON], "{\"on\":true}");
        assert_eq!(response.status_code, 409, "{method} {url}");
        assert!(json(response).as_str().unwrap().contains("record-folder"), "{method} {url}");
    }
}

#[test]
fn each_camera_is_switched_alone_and_not_by_pages_of_others() {
    let app = recorded();
    let post = |url, headers: &[(&str, &str)], body| ask(&app, "POST", url, headers, body);
    assert_eq!(json(post("/cameras/garden/api/recording", &[JSON], "{\"on\":true}"))["on"], true);
    let on = |url| json(ask(&app, "GET", url, &[], ""))["on"].clone();
    assert_eq!((on("/cameras/garden/api/recording"), on("/api/recording")), (true.into(), false.into()));
    let host = ("Host", "board.local");
    let elsewhere = [&[host, ("Origin", "http://elsewhere")][..], &[("Sec-Fetch-Site", "cross-site"), JSON]];
    for headers in elsewhere {
        assert_eq!(post("/api/recording", headers, "{\"on\":true}").status_code, 403, "{headers:?}");
    }
    for bad in ["", "on", "{}", "{\"on\":1}", "{\"on\":true,\"off\":1}", "[]", "{\"on\":true}x"] {
        assert_eq!(post("/api/recording", &[JSON], bad).status_code, 400, "{bad}");
    }
    assert_eq!(on("/api/recording"), false, "a mistake switched it on");
}

#[test]
fn the_list_is_the_newest_first_in_pieces_and_by_camera() {
    let app = recorded();
    let get = |url: &str| json(ask(&app, "GET", url, &[], ""));
    let names = |list: &serde_json::Value| {
        let list = list["recordings"].as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = [("garden", 3), ("door", 2), ("garden", 1), ("door", 0)]
        .map(|(camera, minute)| name(camera, minute).to_string());
    let list = get("/api/recordings");
    assert_eq!((names(&list), &list["bytes"], &list["more"]), (all.to_vec(), &400.into(), &false.into()));
    let duration = |index: usize| &list["recordings"][index]["duration_s"];
    assert_eq!((duration(0), duration(3)), (&2.5.into(), &serde_json::Value::Null));
    let list = get("/api/recordings?limit=3");
    assert_eq!((names(&list), &list["more"]), (all[..3].to_vec(), &true.into()));
    let list = get(&format!("/api/recordings?limit=3&before={}", all[2]));
    assert_eq!((names(&list), &list["more"]), (all[3..].to_vec(), &false.into()));
    assert_eq!(names(&get("/cameras/door/api/recordings")), [all[1].clone(), all[3].clone()]);
    for bad in ["limit=0", "limit=1001", "limit=x", "before=x", "before=../../x"] {
        assert_eq!(ask(&app, "GET", &format!("/api/recordings?{bad}"), &[], "").status_code, 400, "{bad}");
    }
}

#[test]
fn a_range_request_becomes_an_order_for_that_range() {
    let app = recorded();
    let url = format!("/api/recordings/{}", name("door", 2));
    let get = |headers: &[(&str, &str)]| ask(&app, "GET", &url, headers, "");
    let order = |response: &Response| header(response, HEADER).and_then(|text| FileOrder::from_header(&text));
    let whole = get(&[]);
    let client = order(&whole).unwrap().client();
    let expected = RecordingOrder { name: name("door", 2), from: 0, length: 100, client, pass: None };
    assert_eq!((whole.status_code, order(&whole)), (200, Some(FileOrder::Recording(expected.clone()))));
    let tag = header(&whole, "ETag").unwrap();
    let date = header(&whole, "Last-Modified").unwrap();
    assert_eq!(date, "Fri, 15 Jan 2027 08:00:00 GMT");
    for known in [vec![], vec![("If-Range", tag.as_str())], vec![("If-Range", date.as_str())]] {
        let part = get(&[vec![("Range", "bytes=10-19")], known].concat());
        assert_eq!(header(&part, "Content-Range").as_deref(), Some("bytes 10-19/100"));
        assert_eq!(
            (part.status_code, order(&part)),
            (206, Some(FileOrder::Recording(RecordingOrder { from: 10, length: 10, ..expected.clone() })))
        );
    }
    let other = get(&[("Range", "bytes=10-19"), ("If-Range", "\"other\"")]);
    assert_eq!((other.status_code, order(&other)), (200, Some(FileOrder::Recording(expected))));
    let nowhere = get(&[("Range", "bytes=100-")]);
    assert_eq!(
        (nowhere.status_code, header(&nowhere, "Content-Range").as_deref()),
        (416, Some("bytes */100"))
    );
    assert_eq!(get(&[("If-None-Match", &tag)]).status_code, 304);
    let head = ask(&app, "HEAD", &url, &[("Range", "bytes=10-19")], "");
    assert_eq!((head.status_code, order(&head)), (200, None));
    assert_eq!(head.data.into_reader_and_size().1, Some(100));
}

#[test]
fn no_url_names_anything_but_a_recording() {
    let app = recorded();
    let known = name("door", 2);
    for url in [
        format!("/api/recordings/../{known}"),
        format!("/api/recordings/%2e%2e%2f{known}"),
        format!("/api/recordings/{known}%00"),
        "/api/recordings/%2Fetc%2Fpasswd".to_owned(),
        format!("/cameras/garden/api/recordings/{known}"),
        "/api/recordings/..".to_owned(),
        format!("/api/recordings/{}", name("door", 77)),
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            let response = ask(&app, method, &url, &[], "");
            assert_eq!((response.status_code, header(&response, HEADER)), (404, None), "{method} {url}");
        }
    }
    assert!(app.recordings.find(&known).is_some(), "it was deleted");
}

#[test]
fn what_is_deleted_is_gone_at_once_and_what_is_being_recorded_stays() {
    let app = recorded();
    let (gone, busy) = (name("door", 2), name("garden", 3));
    let delete = |name: &Name| ask(&app, "DELETE", &format!("/api/recordings/{name}"), &[], "").status_code;
    app.recordings.cameras[1].set_file(Some(busy.clone()));
    assert_eq!((delete(&gone), delete(&gone), delete(&busy)), (202, 404, 409));
    assert_eq!(json(ask(&app, "GET", "/api/recordings", &[], ""))["count"], 3);
    let get = ask(&app, "GET", &format!("/api/recordings/{gone}"), &[], "");
    assert_eq!(get.status_code, 404);
    assert_eq!(Arc::strong_count(&app.recordings), 1);
}

#[test]
fn a_recording_is_handed_over_to_be_played_and_its_frames_to_be_read() {
    let app = recorded();
    let url = |end: &str| format!("/api/recordings/{}{end}", name("door", 2));
    let order = |end: &str| header(&ask(&app, "GET", &url(end), &[], ""), HEADER);
    let played = order("/stream?start=1.5&speed=2&size=320x180&fps=5&id=page").unwrap();
    let played = crate::protocol::Order::from_header(&played).unwrap();
    let playback = played.playback.clone().unwrap();
    assert_eq!(
        (playback.name, playback.start_ms, playback.speed.to_string()),
        (name("door", 2), 1500, "2".into())
    );
    assert_eq!((played.id.as_deref(), played.client.is_some()), (Some("page"), true));
    assert_eq!(played.variant.unwrap().size, "320x180".parse().ok());
    let Some(FileOrder::Frame(frame)) = FileOrder::from_header(&order("/frame?at=2&step=-1").unwrap()) else {
        panic!("no order for a frame")
    };
    assert_eq!((frame.request.at_ms, frame.request.step, frame.request.smaller), (2000, -1, None));
    for wrong in
        ["/stream?speed=64", "/stream?start=-1", "/frame?at=1e9", "/frame?step=2", "/frame?quality=0"]
    {
        assert_eq!(ask(&app, "GET", &url(wrong), &[], "").status_code, 400, "{wrong}");
    }
    for (method, end) in [("GET", "/x"), ("GET", "/stream/x"), ("DELETE", "/x"), ("GET", "/frame/stream")] {
        assert_eq!(ask(&app, method, &url(end), &[], "").status_code, 404, "{method} {end}");
    }
    assert_eq!(ask(&app, "DELETE", &url("/stream"), &[], "").status_code, 404);
    assert!(order("").is_some(), "it was deleted");
    let other = format!("/cameras/garden{}", url("/stream"));
    assert_eq!(ask(&app, "GET", &other, &[], "").status_code, 404, "a recording of another camera");
}
