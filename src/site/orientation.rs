//! `/api/orientation`: how a camera's pictures are turned and mirrored.

use rouille::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::RequestContext;
use super::response::{ProblemJson, plain_text};
use crate::picture::{Flip, Orientation, Rotation};
use crate::problem::{Problem, Text, text};

/// What is not named stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Any value, so that a wrong one is refused as that.
    rotate: Option<Value>,
    flip: Option<Value>,
}

#[derive(Serialize)]
struct Answer {
    rotate: u16,
    flip: &'static str,
    /// Which of them overrule the settings.
    overruled: Vec<&'static str>,
    /// What the settings say.
    settings: Setting,
    /// Why this ends with the program; `null` if it is kept.
    problem: Option<ProblemJson>,
}

#[derive(Serialize)]
struct Setting {
    rotate: u16,
    flip: &'static str,
}

impl From<Orientation> for Setting {
    fn from(Orientation { rotation, flip }: Orientation) -> Self {
        Self { rotate: rotation.degrees(), flip: flip.name() }
    }
}

/// `GET /api/orientation`
pub(super) fn show(ctx: &RequestContext<'_>) -> Response {
    answer(ctx, None)
}

/// `PUT /api/orientation`: holds from the next frame on, and after a restart.
pub(super) fn set(ctx: &RequestContext<'_>) -> Response {
    let wanted = match ctx.json("{\"rotate\": 90, \"flip\": \"horizontal\"}") {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    match change(&wanted) {
        Ok((rotation, flip)) => keep(ctx, |now| Orientation {
            rotation: rotation.unwrap_or(now.rotation),
            flip: flip.unwrap_or(now.flip),
        }),
        Err(why) => plain_text(400, why),
    }
}

/// `DELETE /api/orientation`: as the settings say.
pub(super) fn reset(ctx: &RequestContext<'_>) -> Response {
    keep(ctx, |_| ctx.feed().config.orientation)
}

fn change(wanted: &Wanted) -> Result<(Option<Rotation>, Option<Flip>), Text> {
    let rotation = |rotate: &Value| {
        let degrees = rotate.as_u64().or_else(|| rotate.as_str()?.parse().ok());
        degrees.and_then(Rotation::of_degrees).ok_or_else(|| {
            text!(
                "Pictures cannot be turned by {}: expected 0, 90, 180 or 270 degrees, clockwise.",
                rotate.to_string()
            )
        })
    };
    let flip = |flip: &Value| {
        flip.as_str().and_then(|name| name.parse().ok()).ok_or_else(|| {
            text!("Pictures cannot be flipped by {}: expected \"horizontal\", \"vertical\", \"both\" or \"none\".", flip.to_string())
        })
    };
    Ok((wanted.rotate.as_ref().map(rotation).transpose()?, wanted.flip.as_ref().map(flip).transpose()?))
}

fn keep(ctx: &RequestContext<'_>, change: impl Fn(Orientation) -> Orientation) -> Response {
    let kept = ctx.app.kept.change_orientation(ctx.feed(), change);
    answer(ctx, kept.err().as_ref())
}

fn answer(ctx: &RequestContext<'_>, problem: Option<&Problem>) -> Response {
    let feed = ctx.feed();
    let now = Setting::from(feed.orientation());
    let answer = Answer {
        rotate: now.rotate,
        flip: now.flip,
        overruled: feed.overruled(),
        settings: feed.config.orientation.into(),
        problem: problem.map(ProblemJson::from),
    };
    Response::json(&answer).with_no_cache()
}

#[cfg(test)]
mod tests {
    use crate::site::tests::{app, ask, text};

    #[test]
    fn a_picture_is_turned_while_it_runs_and_a_wrong_turn_is_refused_in_words() {
        let app = app();
        let put = |body: &str| {
            let response = ask(&app, "PUT", "/cameras/garden/api/orientation", &[], body);
            (response.status_code, text(response))
        };
        let (status, answer) = put("{\"rotate\": 90, \"flip\": \"h\"}");
        assert!(status == 200 && answer.contains("\"rotate\":90,\"flip\":\"horizontal\""), "{answer}");
        assert!(
            answer.contains("\"overruled\":[\"rotate\",\"flip\"]") && answer.contains("STATE_DIRECTORY"),
            "{answer}"
        );
        assert!(answer.contains("\"settings\":{\"rotate\":0,\"flip\":\"none\"}"), "{answer}");
        assert_eq!(
            app.feeds[1].transform(),
            coefficients::Transform::ROTATE_90.then(coefficients::Transform::FLIP_HORIZONTAL)
        );
        assert_eq!(app.feeds[0].transform(), coefficients::Transform::NONE);
        let state = text(ask(&app, "GET", "/cameras/garden/state", &[], ""));
        assert!(
            state.contains("\"rotate\":90,\"flip\":\"horizontal\",\"overruled\":[\"rotate\",\"flip\"]"),
            "{state}"
        );
        assert!(
            put("{\"flip\": \"none\"}").1.contains("\"rotate\":90,\"flip\":\"none\""),
            "what is not named stays"
        );
        for wrong in [
            "{\"rotate\": 45}",
            "{\"rotate\": -90}",
            "{\"rotate\": \"left\"}",
            "{\"flip\": 1}",
            "{\"flip\": \"up\"}",
        ] {
            let (status, why) = put(wrong);
            assert!(
                status == 400 && why.contains("Pictures cannot be ") && why.contains(": expected "),
                "{wrong}: {why}"
            );
        }
        assert_eq!(put("{\"turn\": 90}").0, 400);
        let reset = text(ask(&app, "DELETE", "/cameras/garden/api/orientation", &[], ""));
        assert!(reset.contains("\"rotate\":0") && reset.contains("\"overruled\":[]"), "{reset}");
        assert!(text(ask(&app, "GET", "/cameras/garden/api/orientation", &[], "")).contains("\"rotate\":0"));
    }
}
