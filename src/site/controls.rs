//! `/api/controls`: a camera's own controls, such as brightness and focus.

use std::collections::BTreeMap;
use std::time::Duration;

use rouille::Response;
use serde::Serialize;
use serde_json::Value;

use super::request::RequestContext;
use super::response::{ProblemJson, plain_text};
use crate::camera::v4l2::controls::{Control, ControlProblem};
use crate::feed::controls::{Order, Unanswered};
use crate::problem::{Problem, Text, text};

/// So long a request waits for the camera.
const PATIENCE: Duration = Duration::from_secs(2);

/// So long a request waits for new values, when there are older ones.
const READ_PATIENCE: Duration = Duration::from_millis(500);

/// As many values may be set at once.
const VALUES_MAX: usize = 256;

/// As many of the wrong ones are told.
const TOLD_MAX: usize = 8;

#[derive(Serialize)]
struct Answer<'a> {
    camera: &'a str,
    /// Whether they can be set now.
    available: bool,
    /// Why not.
    why: Option<String>,
    why_text: Option<Text>,
    controls: Vec<Listed<'a>>,
    left_out: Vec<String>,
    left_out_texts: &'a [Text],
    problems: Vec<Refused>,
    /// Why what was set ends with the program; `null` if it is kept.
    problem: Option<ProblemJson>,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    control: &'a Control,
    /// Whether it was set here, and is set again when the camera is opened.
    kept: bool,
}

#[derive(Serialize)]
struct Refused {
    control: String,
    problem: String,
    /// The same for pages in other languages.
    text: Text,
}

impl From<&ControlProblem> for Refused {
    fn from(ControlProblem { control, problem }: &ControlProblem) -> Self {
        Self { control: control.clone(), problem: problem.to_string(), text: problem.clone() }
    }
}

/// `GET /api/controls`
pub(super) fn show(ctx: &RequestContext<'_>) -> Response {
    // What cannot be read now is shown as it was.
    let _late = ctx.feed().controls.ask(Order::List, READ_PATIENCE);
    answer(ctx, &[], None)
}

/// `PUT /api/controls`: holds from now on, and is set again whenever the camera is opened.
pub(super) fn set(ctx: &RequestContext<'_>) -> Response {
    let wanted: BTreeMap<String, Value> =
        match ctx.json("{\"brightness\": 10, \"auto_exposure\": \"Manual Mode\"}") {
            Ok(wanted) => wanted,
            Err(refusal) => return refusal,
        };
    let (list, why) = ctx.feed().controls.list();
    // Of a camera that rests it is known which controls it had when it was open.
    let rests = ctx.feed().rests() && !list.controls.is_empty();
    if let Some(why) = why.filter(|_| !rests) {
        return plain_text(503, text!("The controls cannot be set now: {}.", why));
    }
    if wanted.len() > VALUES_MAX {
        return plain_text(
            400,
            text!("These are {} values: at most {} can be set at once.", wanted.len(), VALUES_MAX),
        );
    }
    let mut problems = Vec::new();
    let mut right = BTreeMap::new();
    for (name, value) in wanted {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match list.check(&name, &text) {
            Ok(()) => {
                right.insert(name, text);
            }
            Err(problem) => problems.push(ControlProblem { control: name, problem }),
        }
    }
    if right.is_empty() && !problems.is_empty() {
        let told = problems.into_iter().take(TOLD_MAX).map(|problem| problem.problem);
        return plain_text(400, Text::list(told, text!(" ")));
    }
    let names: Vec<_> = right.keys().cloned().collect();
    if rests {
        // First: if it is being opened just now, it gets them either way.
        let kept = right.iter().filter(|(name, _)| list.can_be_kept(name));
        ctx.feed().controls.keep(kept.map(|(name, value)| (name.clone(), Some(value.clone()))));
    }
    match ctx.feed().controls.ask(Order::Set(right), PATIENCE) {
        Ok(refused) => problems.extend(refused),
        Err(Unanswered::Closed) if rests => {
            let lost = names.iter().filter(|name| !list.can_be_kept(name));
            problems.extend(lost.map(|name| late(name, Unanswered::Closed)));
        }
        Err(unanswered) => problems.extend(names.iter().map(|name| late(name, unanswered))),
    }
    let kept = ctx.app.kept.keep_controls(ctx.feed(), &names);
    answer(ctx, &problems, kept.err().as_ref())
}

/// `DELETE /api/controls`: all, or the one that the query names, as the settings say, or else as the driver's own.
pub(super) fn reset(ctx: &RequestContext<'_>) -> Response {
    if ctx.feed().rests() {
        return plain_text(
            503,
            text!(
                "The controls cannot be reset while the camera rests: watch it meanwhile, so that it is open."
            ),
        );
    }
    let controls = &ctx.feed().controls;
    let only = ctx.param("control");
    let (list, _) = controls.list();
    let names: Vec<_> = match &only {
        Some(name) if list.find(name).is_none() && !controls.kept().contains_key(name) => {
            return plain_text(400, list.unknown(name));
        }
        Some(name) => vec![name.clone()],
        None => controls.kept().into_keys().collect(),
    };
    // What was kept is forgotten when it is done: the camera has its values until then.
    match controls.ask(Order::Reset(only), PATIENCE) {
        Ok(problems) => {
            let kept = ctx.app.kept.keep_controls(ctx.feed(), &names);
            answer(ctx, &problems, kept.err().as_ref())
        }
        Err(Unanswered::Late) if !names.is_empty() => {
            let late = |name: String| {
                let problem = text!(
                    "{} is still being reset: the camera takes long. Look again in a few seconds.",
                    &name
                );
                ControlProblem { control: name, problem }
            };
            answer(ctx, &names.into_iter().map(late).collect::<Vec<_>>(), None)
        }
        Err(unanswered) => plain_text(503, not_reset(unanswered)),
    }
}

fn not_reset(unanswered: Unanswered) -> Text {
    match unanswered {
        Unanswered::Late => {
            text!("The controls are still being reset: the camera takes long. Look again in a few seconds.")
        }
        Unanswered::Busy => {
            text!(
                "The controls cannot be reset now: the camera is busy with earlier changes. Try again in a few seconds."
            )
        }
        Unanswered::Closed => text!("The controls cannot be reset now: the camera is not open."),
    }
}

fn late(name: &str, unanswered: Unanswered) -> ControlProblem {
    let problem = match unanswered {
        Unanswered::Late => {
            text!("{} is still being set: the camera takes long. Look again in a few seconds.", name)
        }
        Unanswered::Busy => {
            text!(
                "{} cannot be set now: the camera is busy with earlier changes. Try again in a few seconds.",
                name
            )
        }
        Unanswered::Closed => text!("{} cannot be set now: the camera is not open.", name),
    };
    ControlProblem { control: name.to_owned(), problem }
}

fn answer(ctx: &RequestContext<'_>, problems: &[ControlProblem], kept_problem: Option<&Problem>) -> Response {
    let feed = ctx.feed();
    let (list, why) = feed.controls.list();
    let rests = feed.rests() && !list.controls.is_empty();
    let why =
        why.map(
            |why| {
                if rests { text!("the camera rests: what is set now holds when it is opened") } else { why }
            },
        );
    let why = why.or_else(|| list.controls.is_empty().then(|| text!("the camera has no controls")));
    let kept = feed.controls.kept();
    let is_kept = |control: &Control| kept.contains_key(&control.name);
    let answer = Answer {
        camera: &feed.name,
        available: why.is_none(),
        why: why.as_ref().map(ToString::to_string),
        why_text: why,
        controls: list.controls.iter().map(|control| Listed { control, kept: is_kept(control) }).collect(),
        left_out: list.left_out.iter().map(ToString::to_string).collect(),
        left_out_texts: &list.left_out,
        problems: list.problems.iter().chain(problems).map(Refused::from).collect(),
        problem: kept_problem.map(ProblemJson::from),
    };
    Response::json(&answer).with_no_cache()
}

#[cfg(test)]
mod tests;
