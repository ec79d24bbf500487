//! `/api/motion`: whether something moves in a camera's picture, and how that is looked for.

use jiff::Timestamp;
use rouille::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::RequestContext;
use super::response::{ProblemJson, plain_text};
use crate::feed::Feed;
use crate::feed::motion::{Seen, Sensitivity, ZONES_MAX, Zone, name_of};
use crate::problem::{Problem, Text, text};

/// What a body must look like.
const EXAMPLE: &str = "{\"sensitivity\": \"medium\", \"ignore\": [[0, 0, 1, 0.25]]}";

/// What is not named stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Any value, so that a wrong one is refused as that.
    sensitivity: Option<Value>,
    ignore: Option<Value>,
}

/// What is seen, also in `/state`.
#[derive(Serialize)]
pub(super) struct Motion {
    sensitivity: &'static str,
    /// The share of the picture that moves, 0 to 1; `null` if that is not known.
    level: Option<f32>,
    /// The level from which it counts as motion.
    threshold: Option<f32>,
    moving: bool,
    /// Since when (RFC 3339); `null` if nothing moves.
    since: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    /// Whether motion would be noticed, if it is looked for.
    available: bool,
    /// Why not.
    why: Option<String>,
    why_text: Option<Text>,
    #[serde(flatten)]
    motion: Motion,
    fps: u32,
    /// Parts of the picture as it is shown where motion counts for nothing: left, top, width, height, 0 to 1.
    ignore: Vec<[f64; 4]>,
    /// The most of them.
    ignore_max: usize,
    /// The options of the settings that this overrules.
    overruled: Vec<&'static str>,
    /// Why this ends with the program; `null` if it is kept.
    problem: Option<ProblemJson>,
}

fn motion(feed: &Feed) -> Motion {
    let sight = match feed.motion.seen() {
        Seen::Sight(sight) => Some(sight),
        Seen::Nothing | Seen::Blind(_) => None,
    };
    let since = sight.and_then(|sight| sight.since);
    Motion {
        sensitivity: name_of(feed.motion.wanted().sensitivity),
        level: sight.map(|sight| sight.level),
        threshold: sight.map(|sight| sight.threshold),
        moving: since.is_some(),
        since: since.map(|since| Timestamp::try_from(since).unwrap_or_default().to_string()),
    }
}

/// What `/state` says; `None` while motion is not looked for.
pub(super) fn of_camera(feed: &Feed) -> Option<Motion> {
    feed.motion.is_on().then(|| motion(feed))
}

/// `GET /api/motion`
pub(super) fn show(ctx: &RequestContext<'_>) -> Response {
    answer(ctx, None)
}

/// `PUT /api/motion`: holds from the next frame on, and after a restart.
pub(super) fn set(ctx: &RequestContext<'_>) -> Response {
    let wanted: Wanted = match ctx.json(EXAMPLE) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let sensitivity = wanted.sensitivity.as_ref().map(sensitivity).transpose();
    let ignored = wanted.ignore.as_ref().map(zones).transpose();
    let (sensitivity, ignored) = match (sensitivity, ignored) {
        (Ok(sensitivity), Ok(ignored)) => (sensitivity, ignored),
        (Err(why), _) | (_, Err(why)) => return plain_text(400, why),
    };
    // As the camera gives the picture.
    let way = ctx.feed().transform().inverse();
    let ignored = ignored.map(|zones| zones.into_iter().map(|zone| zone.turned(way)).collect());
    keep(ctx, |wanted| {
        wanted.sensitivity = sensitivity.unwrap_or(wanted.sensitivity);
        if let Some(ignored) = ignored {
            wanted.ignored = ignored;
        }
    })
}

/// `DELETE /api/motion`: as the settings say.
pub(super) fn reset(ctx: &RequestContext<'_>) -> Response {
    let configured = ctx.feed().motion.configured.clone();
    keep(ctx, |wanted| *wanted = configured)
}

fn sensitivity(value: &Value) -> Result<Option<Sensitivity>, Text> {
    value.as_str().and_then(|name| Sensitivity::parse(name).ok()).ok_or_else(|| {
        text!(
            "The sensitivity cannot be {}: expected \"off\", \"low\", \"medium\" or \"high\".",
            short(value)
        )
    })
}

fn zones(value: &Value) -> Result<Vec<Zone>, Text> {
    let zones = value.as_array().filter(|zones| zones.len() <= ZONES_MAX).ok_or_else(|| {
        text!(
            "The parts to leave out cannot be {}: expected a list of at most {} of them.",
            short(value),
            ZONES_MAX
        )
    })?;
    zones.iter().map(zone).collect()
}

fn zone(value: &Value) -> Result<Zone, Text> {
    let parts = value.as_array().map(|parts| parts.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
    let parts = parts.flatten().and_then(|parts| <[f64; 4]>::try_from(parts).ok());
    parts.and_then(Zone::of_parts).ok_or_else(|| {
        text!(
            "A part to leave out cannot be {}: expected left, top, width and height within the picture, each from 0 to 1.",
            short(value)
        )
    })
}

/// As much of a value as a message repeats.
fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn keep(ctx: &RequestContext<'_>, change: impl FnOnce(&mut crate::feed::motion::Wanted)) -> Response {
    let kept = ctx.app.kept.change_motion(ctx.feed(), change);
    ctx.app.motion.follow(ctx.camera);
    answer(ctx, kept.err().as_ref())
}

fn answer(ctx: &RequestContext<'_>, problem: Option<&Problem>) -> Response {
    let feed = ctx.feed();
    let why = match feed.motion.seen() {
        Seen::Blind(why) => Some(why),
        Seen::Nothing | Seen::Sight(_) => None,
    };
    let wanted = feed.motion.wanted();
    let shown = |zone: &Zone| zone.turned(feed.transform()).parts();
    let answer = Answer {
        available: why.is_none(),
        why: why.as_ref().map(Text::to_string),
        why_text: why,
        motion: motion(feed),
        fps: feed.motion.fps,
        ignore: wanted.ignored.iter().map(shown).collect(),
        ignore_max: ZONES_MAX,
        overruled: feed.motion.overruled().collect(),
        problem: problem.map(ProblemJson::from),
    };
    Response::json(&answer).with_no_cache()
}
