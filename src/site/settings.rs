//! `/api/settings`: size, rate, format and quality of a camera, which can be changed while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rouille::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use super::request::RequestContext;
use super::response::{ProblemJson, plain_text};
use crate::camera::Choices;
use crate::feed::{CaptureState, Changes, Feed};
use crate::picture::{MAX_FPS, Size, spelling};
use crate::problem::Text;

/// How long the answer to a change waits for the camera. Most are reopened within a second or two; the program waits at
/// most 10 s for an answer.
const WAIT: Duration = Duration::from_secs(4);

/// Whether an answer waits. Only one does, so that not all of the site's threads can be busy with that.
static IS_WAITING: AtomicBool = AtomicBool::new(false);

#[derive(Serialize)]
struct Answer {
    settings: Settings,
    /// Whether pictures come with them, or came before the camera was lost. Otherwise the camera is being opened with
    /// them.
    applied: bool,
    /// Why the last change was refused, or why it ends with the program; `null` if nothing is wrong.
    problem: Option<ProblemJson>,
}

#[derive(Serialize)]
struct Settings {
    size: Setting,
    fps: Setting,
    format: Setting,
    quality: Setting,
}

#[derive(Serialize, Default)]
struct Setting {
    /// What was set here, otherwise what the settings say, otherwise what the camera gives.
    value: Value,
    /// What the settings say; `null` if nothing.
    configured: Value,
    /// Whether what was set here overrules the settings.
    overruled: bool,
    /// What the camera gives now; `null` if that is not known.
    actual: Value,
    /// What the camera lists; empty if any value can be tried, or nothing is known.
    choices: Vec<Value>,
    /// The least and the greatest number that can be set; `null` if it is no number, or nothing can be set.
    range: Option<Limits>,
}

#[derive(Serialize)]
struct Limits {
    min: u32,
    max: u32,
}

/// `GET /api/settings`
pub(super) fn show(ctx: &RequestContext<'_>) -> Response {
    answer(ctx.feed(), None)
}

/// `PUT /api/settings`: the camera is reopened with them.
pub(super) fn set(ctx: &RequestContext<'_>) -> Response {
    let wanted: Map<String, Value> = match ctx.json("{\"size\": \"640x480\", \"fps\": 15, \"format\": null}")
    {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let sets_quality = wanted.get("quality").is_some_and(|quality| !quality.is_null());
    if sets_quality && !ctx.feed().obeys_quality() {
        return plain_text(409, super::quality::untouched());
    }
    change(ctx, |now| {
        wanted.iter().try_fold(now, |changes, (name, value)| match value {
            Value::Null => changes.with(name, None),
            Value::String(text) => changes.with(name, Some(text)),
            other => changes.with(name, Some(&other.to_string())),
        })
    })
}

/// `DELETE /api/settings`: as the settings say.
pub(super) fn reset(ctx: &RequestContext<'_>) -> Response {
    change(ctx, |_| Ok(Changes::default()))
}

fn change(ctx: &RequestContext<'_>, change: impl FnOnce(Changes) -> Result<Changes, Text>) -> Response {
    let feed = ctx.feed();
    if let Err(why) = feed.change(change) {
        return plain_text(400, why);
    }
    // A camera that rests is opened with them when somebody wants it.
    if !feed.rests() && !feed.is_private() && !IS_WAITING.swap(true, Ordering::AcqRel) {
        feed.changing.wait(WAIT);
        IS_WAITING.store(false, Ordering::Release);
    }
    let kept = ctx.app.kept.keep_changes(feed);
    answer(feed, kept.err().as_ref().map(ProblemJson::from))
}

fn answer(feed: &Feed, problem: Option<ProblemJson>) -> Response {
    let refused = feed.changing.refused().as_ref().map(ProblemJson::from);
    let applied = feed.changing.is_settled(); // first: the camera may have reopened in the meantime
    let answer = Answer { settings: settings(feed), applied, problem: refused.or(problem) };
    Response::json(&answer).with_no_cache()
}

fn settings(feed: &Feed) -> Settings {
    let (changes, config) = (feed.changing.wanted(), &feed.config);
    let (info, choices) = {
        let status = feed.status();
        let info = match &status.state {
            CaptureState::Live(info) => Some(info.clone()),
            _ => None,
        };
        (info, status.choices.clone())
    };
    let Choices { sizes, rates, layouts } = choices;
    let setting = |set: Option<Value>, configured: Option<Value>, actual: Option<Value>| Setting {
        value: set.clone().or_else(|| configured.clone()).or_else(|| actual.clone()).unwrap_or_default(),
        configured: configured.unwrap_or_default(),
        overruled: set.is_some(),
        actual: actual.unwrap_or_default(),
        choices: Vec::new(),
        range: None,
    };
    let size = |size: Size| Value::from(size.to_string());
    let quality = (!feed.is_passthrough()).then(|| Value::from(feed.quality()));
    let layout = |layout| Value::from(spelling::layout_name(layout));
    let formats = layouts.into_iter().map(|listed| layout(Some(listed)));
    Settings {
        size: Setting {
            choices: sizes.into_iter().map(size).collect(),
            ..setting(
                changes.size.map(size),
                config.size.map(size),
                info.as_ref().map(|info| size(info.size)),
            )
        },
        fps: Setting {
            choices: rates.into_iter().map(Value::from).collect(),
            range: Some(Limits { min: 1, max: MAX_FPS }),
            ..setting(
                changes.fps.map(Value::from),
                config.fps.map(Value::from),
                info.as_ref().and_then(|info| info.fps()).map(Value::from),
            )
        },
        format: Setting {
            choices: Some(layout(None)).filter(|_| formats.len() > 0).into_iter().chain(formats).collect(),
            ..setting(
                changes.layout.map(layout),
                config.layout.map(|configured| layout(Some(configured))),
                info.as_ref().map(|info| layout(Some(info.layout))),
            )
        },
        quality: Setting {
            range: feed.obeys_quality().then_some(Limits { min: 1, max: 100 }),
            ..setting(changes.quality.map(Value::from), config.quality.map(Value::from), quality)
        },
    }
}
