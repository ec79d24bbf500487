//! What moved: the list, and pictures of it. Answers come from what [`Events`](crate::events::Events) has in memory.

use std::collections::HashSet;

use jiff::Timestamp;
use rouille::Response;
use serde::Serialize;

use super::request::RequestContext;
use super::response::plain_text;
use crate::events::{Entry, LISTED_MAX};
use crate::names::is_camera_name;
use crate::problem::text;
use crate::record::Name;

/// Events in one answer, unless the client asks for another number.
const LISTED: usize = 100;

/// The size in which a list shows pictures.
const PICTURE_SIZE: &str = "320x240";

#[derive(Serialize)]
struct List {
    events: Vec<Listed>,
    /// There are older ones: `?before=` and the last one's number lists them.
    more: bool,
}

#[derive(Serialize)]
struct Listed {
    number: u64,
    camera: String,
    /// When it began (RFC 3339).
    start: String,
    /// When it ended; `null` while it lasts.
    end: Option<String>,
    kind: &'static str,
    /// The recording that it is in, ...
    recording: Option<String>,
    /// ... and where in that it begins, in seconds of playing.
    at_s: Option<f64>,
    /// The URL of a small picture.
    picture: Option<String>,
}

fn listed(entry: Entry, is_there: impl Fn(&Name) -> bool) -> Listed {
    let time = |ms| Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
    let recording = entry.recording.filter(|name| Name::parse(name).is_some_and(|name| is_there(&name)));
    let at_s = recording.as_ref().and(entry.at_ms).map(|ms| ms as f64 / 1000.0);
    let in_memory = entry.picture.map(|_| format!("/api/events/{}/picture", entry.number));
    let picture = match (&recording, at_s) {
        (Some(name), Some(at)) => Some(format!("/api/recordings/{name}/frame?at={at}&size={PICTURE_SIZE}")),
        _ => in_memory,
    };
    Listed {
        number: entry.number,
        camera: entry.camera,
        start: time(entry.start_ms),
        end: (!entry.lasts).then(|| time(entry.end_ms)),
        kind: "motion",
        recording,
        at_s,
        picture,
    }
}

/// `GET /api/events`: the newest first; behind `/cameras/NAME` or with `?camera=NAME` only that camera's. `?before=NUMBER`
/// lists those older than that one, `?limit=N` at most N of them.
pub(super) fn list(ctx: &RequestContext<'_>) -> Response {
    let limit = match ctx.param("limit").map(|text| text.parse()) {
        None => LISTED,
        Some(Ok(limit @ 1..=LISTED_MAX)) => limit,
        Some(_) => {
            return plain_text(400, text!("limit must be a whole number from {} to {}.", 1, LISTED_MAX));
        }
    };
    let before = match ctx.param("before").map(|text| text.parse()) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return plain_text(400, text!("before must be the number of an event.")),
    };
    let camera = if ctx.names_camera { Some(ctx.feed().name.clone()) } else { ctx.param("camera") };
    if camera.as_ref().is_some_and(|camera| !is_camera_name(camera)) {
        return plain_text(400, text!("camera must be the name of a camera."));
    }
    let (entries, more) = ctx.app.events.newest(camera.as_deref(), before, limit);
    let recordings = &ctx.app.recordings;
    let listing = recordings.listing();
    let closed: HashSet<&Name> = listing.entries.iter().map(|entry| &entry.name).collect();
    let is_there = |name: &Name| closed.contains(name) || recordings.is_being_written(name);
    let events = entries.into_iter().map(|entry| listed(entry, is_there)).collect();
    Response::json(&List { events, more }).with_no_cache()
}

/// `GET /api/events/NAME/picture`, where the name is a number
pub(super) fn picture(ctx: &RequestContext<'_>) -> Response {
    let rest = ctx.target.path.strip_prefix("/api/events/").and_then(|rest| rest.strip_suffix("/picture"));
    let picture =
        rest.and_then(|number| number.parse().ok()).and_then(|number| ctx.app.events.picture(number));
    match picture {
        Some(jpeg) => Response::from_data("image/jpeg", jpeg.to_vec()).with_no_cache(),
        None => plain_text(404, text!("There is no such picture. /api/events lists the events.")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::super::tests::{app, ask};
    use crate::events::{Event, Kind, RecordedFile};
    use crate::record::{self, Name, Recordings};
    use crate::site::AppState;
    use rouille::Response;
    use serde_json::Value;
    use std::io::Read;

    fn body(response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        response.data.into_reader_and_size().0.read_to_end(&mut body).unwrap();
        body
    }

    fn list(app: &AppState, url: &str) -> Value {
        let response = ask(app, "GET", url, &[], "");
        assert_eq!(response.status_code, 200, "{url}");
        serde_json::from_slice(&body(response)).unwrap()
    }

    fn status(app: &AppState, url: &str) -> u16 {
        ask(app, "GET", url, &[], "").status_code
    }

    fn publish(app: &AppState, camera: &str, kind: Kind) {
        let picture: Arc<[u8]> = b"a small picture".as_slice().into();
        app.events.publish(Event::new(camera, kind).with_picture(Some(picture)));
    }

    fn numbers(list: &Value) -> Vec<u64> {
        list["events"].as_array().unwrap().iter().map(|event| event["number"].as_u64().unwrap()).collect()
    }

    #[test]
    fn events_are_listed_the_newest_first_by_camera_and_in_steps() {
        let app = app();
        for camera in ["door", "garden", "door"] {
            publish(&app, camera, Kind::MotionBegan);
            publish(&app, camera, Kind::CameraBack); // has a number, and is none in the list
            publish(&app, camera, Kind::MotionEnded);
        }
        let whole = list(&app, "/api/events");
        assert_eq!((numbers(&whole), &whole["more"]), (vec![5, 3, 1], &Value::Bool(false)));
        let first = &whole["events"][0];
        assert_eq!((&first["camera"], &first["kind"]), (&Value::from("door"), &Value::from("motion")));
        assert!(first["start"].as_str() <= first["end"].as_str() && first["end"].is_string(), "{first}");
        assert_eq!(numbers(&list(&app, "/api/events?camera=garden")), [3]);
        assert_eq!(numbers(&list(&app, "/cameras/door/api/events")), [5, 1]);
        let some = list(&app, "/api/events?limit=1&before=5");
        assert_eq!((numbers(&some), &some["more"]), (vec![3], &Value::Bool(true)));
        publish(&app, "door", Kind::MotionBegan);
        assert!(list(&app, "/api/events?limit=1")["events"][0]["end"].is_null(), "it lasts");
        for wrong in ["limit=0", "limit=1001", "limit=x", "before=x", "before=-1", "camera=a/b", "camera="] {
            assert_eq!(status(&app, &format!("/api/events?{wrong}")), 400, "{wrong}");
        }
    }

    #[test]
    fn a_picture_is_that_of_the_recording_as_long_as_there_is_one_and_else_the_one_in_memory() {
        let settings = record::Settings { folder: Some("/nowhere".into()), ..record::Settings::default() };
        let app = AppState { recordings: Recordings::new(&settings), ..app() };
        publish(&app, "door", Kind::MotionBegan);
        let event = || list(&app, "/api/events")["events"][0].clone();
        let in_memory = "/api/events/1/picture";
        assert_eq!((&event()["picture"], &event()["recording"]), (&Value::from(in_memory), &Value::Null));
        assert_eq!(body(ask(&app, "GET", in_memory, &[], "")), b"a small picture");
        let name = Name { camera: "door".to_owned(), start: 1_800_000_000, time_lapse: false };
        let captured = Instant::now();
        app.events.file_begins("door", RecordedFile { name: name.to_string(), captured, every: None });
        assert!(event()["recording"].is_null(), "it is not in the folder");
        let entry = record::Entry { name: name.clone(), bytes: 9, modified: (0, 0), duration: None };
        app.recordings.set_listing(vec![entry], 0, false);
        let found = event();
        assert_eq!(
            (&found["recording"], &found["at_s"]),
            (&Value::from(name.to_string()), &Value::from(0.0))
        );
        let url = format!("/api/recordings/{name}/frame?at=0&size=320x240");
        assert_eq!(found["picture"], Value::from(url));
        app.recordings.delete(&name).unwrap();
        let left = event();
        assert_eq!((&left["recording"], &left["at_s"]), (&Value::Null, &Value::Null));
        assert_eq!(left["picture"], Value::from(in_memory), "nobody who has events was told");
    }

    #[test]
    fn who_deletes_a_recording_deletes_the_picture_of_its_event_and_no_other() {
        let settings = record::Settings { folder: Some("/nowhere".into()), ..record::Settings::default() };
        let app = AppState { recordings: Recordings::new(&settings), ..app() };
        publish(&app, "garden", Kind::MotionBegan);
        let names = [1_800_000_000, 1_800_000_100].map(|start| Name {
            camera: "door".to_owned(),
            start,
            time_lapse: false,
        });
        for name in &names {
            publish(&app, "door", Kind::MotionBegan);
            let file = RecordedFile { name: name.to_string(), captured: Instant::now(), every: None };
            app.events.file_begins("door", file);
            app.events.file_ends("door", Some(&name.to_string()));
            publish(&app, "door", Kind::MotionEnded);
        }
        let entry =
            |name: &Name| record::Entry { name: name.clone(), bytes: 9, modified: (0, 0), duration: None };
        app.recordings.set_listing(names.iter().rev().map(entry).collect(), 0, false);
        let picture = |number: u64| status(&app, &format!("/api/events/{number}/picture"));
        assert_eq!([1, 2, 3].map(picture), [200, 200, 200]);
        let url = format!("/api/recordings/{}", names[0]);
        assert_eq!(ask(&app, "DELETE", &url, &[], "").status_code, 202);
        assert_eq!([1, 2, 3].map(picture), [200, 404, 200]);
        let events = list(&app, "/api/events");
        assert!(
            events["events"][1]["picture"].is_null() && events["events"][2]["picture"].is_string(),
            "{events}"
        );
    }

    #[test]
    fn a_picture_that_is_not_there_is_not_found_whatever_its_number() {
        let app = app();
        publish(&app, "door", Kind::MotionBegan);
        assert_eq!(status(&app, "/api/events/1/picture"), 200);
        for wrong in
            ["2/picture", "x/picture", "-1/picture", "99999999999999999999/picture", "1", "1/", "/picture"]
        {
            assert_eq!(status(&app, &format!("/api/events/{wrong}")), 404, "{wrong}");
        }
    }
}
