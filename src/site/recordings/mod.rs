//! Recordings: the switch, the list, downloads and deletion. Answers come from what [`Recordings`] has in memory. The
//! fan-out sends the files, and the worker deletes them.

mod download;
mod playing;
mod video;

use jiff::Timestamp;
use rouille::Response;
use serde::{Deserialize, Serialize};

use super::request::RequestContext;
use super::response::{ProblemJson, plain_text};
use crate::problem::text;
use crate::record::name::Name;
use crate::record::{Entry, RecordingStatus, Recordings, TooManyDeletions};
pub(super) use download::download;
pub(super) use playing::{frame, stream};

/// Recordings in one answer, unless the client asks for another number.
const LISTED: usize = 100;

/// The most recordings in one answer.
const LISTED_MAX: usize = 1000;

/// Whether and how a camera records, also in `/state`.
#[derive(Serialize)]
pub(super) struct Recording {
    /// Whether it records: it is turned on, or something moves.
    on: bool,
    /// Whether it is left to motion when to record.
    armed: bool,
    /// Whether it would be left to motion, had nobody switched that off; switched on, it is again.
    disarmed: bool,
    /// The times at which it records by itself.
    plan: String,
    /// Seconds between two frames of a time-lapse; `null` for every frame.
    every_s: Option<u64>,
    /// The file that is being written.
    file: Option<String>,
    /// The file of the time-lapse that is being written beside what is recorded on motion.
    time_lapse_file: Option<String>,
    /// Frames that were written to files since the start.
    frames: u64,
    /// Frames that were lost because the disk was too slow, full or missing.
    dropped: u64,
    problem: Option<ProblemJson>,
}

/// The folder of all recordings, also in `/state`.
#[derive(Serialize)]
pub(super) struct Folder {
    count: usize,
    bytes: u64,
    /// Free space on its disk, in bytes.
    free: u64,
    problem: Option<ProblemJson>,
    /// Whether that problem keeps cameras from being recorded.
    blocked: bool,
}

#[derive(Serialize)]
struct List {
    recordings: Vec<Listed>,
    /// There are older ones: `?before=` and the last one's name lists them.
    more: bool,
    #[serde(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    camera: String,
    /// The time of its first frame (RFC 3339).
    start: String,
    bytes: u64,
    /// From its first frame to its last, in seconds; `null` while that is not known, as of one that is being written.
    duration_s: Option<f64>,
    url: String,
    /// Whether it is a time-lapse.
    time_lapse: bool,
    /// Whether it is still being written.
    recording: bool,
}

/// The recording of the camera with this index; `None` if nothing can be recorded.
pub(super) fn of_camera(recordings: &Recordings, camera: usize) -> Option<Recording> {
    recordings.folder.as_ref()?;
    let recording = recordings.cameras.get(camera)?;
    let RecordingStatus { on, armed, disarmed, file, time_lapse_file, problem } = recording.status();
    let (frames, dropped) = recording.frames();
    Some(Recording {
        on,
        armed,
        disarmed,
        plan: recording.settings.plan.to_string(),
        every_s: recording.all().find_map(|each| each.settings.every).map(|every| every.as_secs()),
        file: file.map(|name| name.to_string()),
        time_lapse_file: time_lapse_file.map(|name| name.to_string()),
        frames,
        dropped,
        problem: problem.as_ref().map(ProblemJson::from),
    })
}

/// The folder; `None` if nothing can be recorded.
pub(super) fn folder(recordings: &Recordings) -> Option<Folder> {
    recordings.folder.as_ref()?;
    let listing = recordings.listing();
    Some(Folder {
        count: listing.entries.len(),
        bytes: listing.entries.iter().map(|entry| entry.bytes).sum(),
        free: listing.free,
        problem: listing.problem.as_ref().map(ProblemJson::from),
        blocked: listing.blocked,
    })
}

fn no_folder() -> Response {
    let text = text!(
        "Nothing can be recorded: the settings name no folder. Write for example record-folder = \
         \"/var/lib/boardcam\" and restart boardcam."
    );
    plain_text(409, text)
}

/// `GET /api/recording`
pub(super) fn recording(ctx: &RequestContext<'_>) -> Response {
    match of_camera(&ctx.app.recordings, ctx.camera) {
        Some(recording) => Response::json(&recording).with_no_cache(),
        None => no_folder(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

/// `POST /api/recording` with `{"on": true}` or `{"on": false}`
pub(super) fn switch(ctx: &RequestContext<'_>) -> Response {
    let Switch { on } = match ctx.json("{\"on\": true}") {
        Ok(switch) => switch,
        Err(refusal) => return refusal,
    };
    let recordings = &ctx.app.recordings;
    match recordings.cameras.get(ctx.camera).filter(|_| recordings.folder.is_some()) {
        Some(recording) => recording.switch(on),
        None => return no_folder(),
    }
    self::recording(ctx)
}

/// `GET /api/recordings`: the newest first; behind `/cameras/NAME` only that camera's. `?before=NAME` lists those older
/// than that one, `?limit=N` at most N of them.
pub(super) fn list(ctx: &RequestContext<'_>) -> Response {
    let recordings = &ctx.app.recordings;
    let Some(folder) = folder(recordings) else { return no_folder() };
    let limit = match ctx.param("limit") {
        None => LISTED,
        Some(text) => match text.parse() {
            Ok(limit @ 1..=LISTED_MAX) => limit,
            _ => return plain_text(400, text!("limit must be a whole number from {} to {}.", 1, LISTED_MAX)),
        },
    };
    let before = match ctx.param("before").map(|text| Name::parse(&text)) {
        Some(None) => return plain_text(400, text!("before must be the name of a recording.")),
        before => before.flatten(),
    };
    let listing = recordings.listing();
    let camera = ctx.names_camera.then(|| ctx.feed().name.as_str());
    let mut matching = (listing.entries.iter())
        .filter(|entry| camera.is_none_or(|camera| entry.name.camera == camera))
        .filter(|entry| before.as_ref().is_none_or(|before| entry.name.rank() < before.rank()));
    let list = matching.by_ref().take(limit).map(|entry| listed(recordings, entry)).collect();
    Response::json(&List { recordings: list, more: matching.next().is_some(), folder }).with_no_cache()
}

fn listed(recordings: &Recordings, entry: &Entry) -> Listed {
    let name = entry.name.to_string();
    Listed {
        camera: entry.name.camera.clone(),
        start: Timestamp::from_second(entry.name.start).unwrap_or_default().to_string(),
        bytes: entry.bytes,
        duration_s: entry.duration.map(|duration| duration.as_secs_f64()),
        url: format!("/api/recordings/{name}"),
        time_lapse: entry.name.time_lapse,
        recording: recordings.is_being_written(&entry.name),
        name,
    }
}

/// The recording that the URL names.
fn find(ctx: &RequestContext<'_>) -> Option<Entry> {
    find_before(ctx, "")
}

/// The recording that the URL names before this end.
fn find_before(ctx: &RequestContext<'_>, end: &str) -> Option<Entry> {
    let name = Name::parse(ctx.target.path.strip_prefix("/api/recordings/")?.strip_suffix(end)?)?;
    if ctx.names_camera && name.camera != ctx.feed().name {
        return None;
    }
    ctx.app.recordings.find(&name)
}

fn not_found() -> Response {
    plain_text(404, text!("There is no such recording. /api/recordings lists them."))
}

/// `DELETE /api/recordings/NAME`
pub(super) fn delete(ctx: &RequestContext<'_>) -> Response {
    let Some(entry) = find(ctx) else { return not_found() };
    let recordings = &ctx.app.recordings;
    if recordings.is_being_written(&entry.name) {
        return plain_text(409, text!("This recording is still being written. Stop it first."));
    }
    if let Err(TooManyDeletions) = recordings.delete(&entry.name) {
        return plain_text(503, text!("Too many recordings are waiting to be deleted. Try again later."));
    }
    let name = entry.name.to_string();
    ctx.app.events.keep_pictures(|recording| recording != name);
    plain_text(202, text!("The recording is being deleted."))
}

#[cfg(test)]
pub(super) mod tests;
