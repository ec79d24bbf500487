//! Recordings in the API: the switch, the list, downloads, deletion. What it says is from memory ([`Recordings`]);
//! files are sent by the fan-out, deleted by the keeper.

use std::io;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use rouille::{Response, ResponseBody};
use serde::{Deserialize, Serialize};

use super::range::{Asked, asked};
use super::state::{Told, load};
use super::{RequestContext, api, sentence};
use crate::protocol::{FileOrder, HEADER};
use crate::record::name::Name;
use crate::record::{Entry, Recordings, View};

/// Recordings in a list when nothing else is asked for, ...
const LISTED: usize = 100;

/// ... and at most.
const LISTED_MAX: usize = 1000;

/// What is said where nothing can be recorded.
const NO_FOLDER: &str = "Nothing can be recorded here: the settings name no folder. Write for example \
                         record-folder = \"/var/lib/boardcam\" and start boardcam anew.";

/// How a camera's recording is, also in `/state`.
#[derive(Serialize)]
pub(super) struct Recording {
    on: bool,
    /// When it records by itself.
    plan: String,
    /// Seconds between two frames of a time-lapse; `null` for every frame.
    every_s: Option<u64>,
    /// The file that is being written.
    file: Option<String>,
    /// Frames in files since the start.
    frames: u64,
    /// Frames that are in none, because the disk was too slow, full or gone.
    dropped: u64,
    problem: Option<Told>,
}

/// The folder, in `/state`.
#[derive(Serialize)]
pub(super) struct Folder {
    count: usize,
    bytes: u64,
    /// Free bytes on its disk.
    free: u64,
    problem: Option<Told>,
}

#[derive(Serialize)]
struct List {
    recordings: Vec<Listed>,
    /// There are older ones: ask with `?before=` and the last one's name.
    more: bool,
    #[serde(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    camera: String,
    /// When its first frame was captured.
    start: String,
    bytes: u64,
    url: String,
    /// It is being written.
    recording: bool,
}

/// How the recording of the camera at this place is; `None` where nothing can be recorded.
pub(super) fn of_camera(recordings: &Recordings, camera: usize) -> Option<Recording> {
    recordings.folder.as_ref()?;
    let recording = recordings.cameras.get(camera)?;
    let View { on, file, problem } = recording.view();
    Some(Recording {
        on,
        plan: recording.wish.plan.to_string(),
        every_s: recording.wish.every.map(|every| every.as_secs()),
        file: file.map(|name| name.to_string()),
        frames: load(&recording.recorded),
        dropped: load(&recording.dropped),
        problem: problem.as_ref().map(Told::from),
    })
}

/// How the folder is; `None` where there is none.
pub(super) fn folder(recordings: &Recordings) -> Option<Folder> {
    recordings.folder.as_ref()?;
    let shelf = recordings.shelf();
    Some(Folder {
        count: shelf.entries.len(),
        bytes: shelf.entries.iter().map(|entry| entry.bytes).sum(),
        free: shelf.free,
        problem: shelf.problem.as_ref().map(Told::from),
    })
}

fn no_folder() -> Response {
    sentence(409, NO_FOLDER)
}

/// `GET /api/recording`
pub(super) fn recording(visit: &RequestContext<'_>) -> Response {
    match of_camera(&visit.house.recordings, visit.camera) {
        Some(recording) => Response::json(&recording).with_no_cache(),
        None => no_folder(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

/// `POST /api/recording` with `{"on": true}` or `{"on": false}`.
pub(super) fn switch(visit: &RequestContext<'_>) -> Response {
    let Switch { on } = match api::body(visit, "{\"on\": true}") {
        Ok(switch) => switch,
        Err(refusal) => return refusal,
    };
    let recordings = &visit.house.recordings;
    match recordings.cameras.get(visit.camera).filter(|_| recordings.folder.is_some()) {
        Some(recording) => recording.switch(on),
        None => return no_folder(),
    }
    self::recording(visit)
}

/// `GET /api/recordings`, the newest first; behind `/cameras/NAME` only that camera's. `?before=NAME` goes on behind
/// that one, `?limit=N` is how many.
pub(super) fn list(visit: &RequestContext<'_>) -> Response {
    let recordings = &visit.house.recordings;
    let Some(folder) = folder(recordings) else { return no_folder() };
    let limit = match visit.request.get_param("limit") {
        None => LISTED,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=LISTED_MAX) => limit,
            _ => return sentence(400, format!("limit must be a number from 1 to {LISTED_MAX}.")),
        },
    };
    let before = match visit.request.get_param("before").map(|text| Name::parse(&text)) {
        Some(None) => return sentence(400, "before must be the name of a recording."),
        before => before.flatten(),
    };
    let shelf = recordings.shelf();
    let camera = visit.names_camera.then(|| visit.feed().name.as_str());
    let mut wanted = (shelf.entries.iter())
        .filter(|entry| camera.is_none_or(|camera| entry.name.camera == camera))
        .filter(|entry| before.as_ref().is_none_or(|before| entry.name.rank() < before.rank()));
    let list = wanted.by_ref().take(limit).map(|entry| listed(recordings, entry)).collect();
    Response::json(&List { recordings: list, more: wanted.next().is_some(), folder }).with_no_cache()
}

fn listed(recordings: &Recordings, entry: &Entry) -> Listed {
    let name = entry.name.to_string();
    Listed {
        camera: entry.name.camera.clone(),
        start: Timestamp::from_second(entry.name.start).unwrap_or_default().to_string(),
        bytes: entry.bytes,
        url: format!("/api/recordings/{name}"),
        recording: recordings.is_busy(&entry.name),
        name,
    }
}

/// The recording that the URL names.
fn named(visit: &RequestContext<'_>) -> Option<Entry> {
    let url = visit.request.url();
    let name = Name::parse(url.rsplit("/api/recordings/").next()?)?;
    if visit.names_camera && name.camera != visit.feed().name {
        return None;
    }
    visit.house.recordings.find(&name)
}

fn not_there() -> Response {
    sentence(404, "There is no such recording. /api/recordings lists those there are.")
}

/// `GET /api/recordings/NAME`, also in parts.
pub(super) fn download(visit: &RequestContext<'_>) -> Response {
    let Some(entry) = named(visit) else { return not_there() };
    let header = |name| visit.request.header(name);
    let (seconds, nanos) = entry.modified;
    let tag = format!("\"{seconds:x}.{nanos:x}-{:x}\"", entry.bytes);
    let changed = Timestamp::from_second(seconds).unwrap_or_default();
    let changed = DateTimePrinter::new().timestamp_to_rfc9110_string(&changed).unwrap_or_default();
    let describe = |response: Response| {
        response
            .with_unique_header("Cache-Control", "private, no-cache")
            .with_additional_header("Accept-Ranges", "bytes")
            .with_additional_header("ETag", tag.clone())
            .with_additional_header("Last-Modified", changed.clone())
    };
    let known = header("If-None-Match").is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    if known {
        return describe(Response::from_data("video/matroska", Vec::new()).with_status_code(304));
    }
    // A part belongs to what the client has of an earlier one only if that is of the same file (RFC 9110 section 13.1.5).
    let same = header("If-Range").is_none_or(|known| known == tag || known == changed);
    let range = header("Range").filter(|_| same && !visit.wants_head_only());
    let (status, from, length) = match asked(range, entry.bytes) {
        Asked::Whole => (200, 0, entry.bytes),
        Asked::Part { from, length } => (206, from, length),
        Asked::Nowhere => {
            return describe(sentence(416, "This range is not in the recording."))
                .with_additional_header("Content-Range", format!("bytes */{}", entry.bytes));
        }
    };
    let mut response = describe(Response::from_data("video/matroska", Vec::new()))
        .with_status_code(status)
        .with_additional_header("Content-Disposition", format!("attachment; filename=\"{}\"", entry.name));
    if status == 206 {
        let range = format!("bytes {from}-{}/{}", from + length - 1, entry.bytes);
        response = response.with_additional_header("Content-Range", range);
    }
    if visit.wants_head_only() {
        // Of which nothing is read.
        response.data =
            ResponseBody::from_reader_and_size(io::empty(), usize::try_from(length).unwrap_or(usize::MAX));
        return response;
    }
    if length == 0 {
        return response;
    }
    let pass = visit.visitor.as_ref().and_then(|visitor| visitor.pass);
    let order = FileOrder { name: entry.name, from, length, pass };
    response.with_additional_header(HEADER, order.to_header())
}

/// `DELETE /api/recordings/NAME`
pub(super) fn delete(visit: &RequestContext<'_>) -> Response {
    let Some(entry) = named(visit) else { return not_there() };
    let recordings = &visit.house.recordings;
    if recordings.is_busy(&entry.name) {
        return sentence(409, "This is being recorded; stop the recording first.");
    }
    if !recordings.delete(&entry.name) {
        return sentence(503, "Too many recordings wait to be deleted; try again later.");
    }
    sentence(202, "It is being deleted.")
}

#[cfg(test)]
#[path = "recordings_tests.rs"]
pub(super) mod tests;
