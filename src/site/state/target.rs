//! Who is told what happens, in `/state`.

use serde::Serialize;

use super::ProblemJson;
use crate::notify;
use crate::site::response::load;

#[derive(Serialize)]
pub(super) struct Target<'a> {
    kind: &'static str,
    /// Where it is, without secrets.
    target: &'a str,
    /// Whether it was told the last event, or answers; `null` before the first try.
    works: Option<bool>,
    /// Events that it was told, ...
    sent: u64,
    /// ... could not be told, ...
    failed: u64,
    /// ... and was not told since there were too many.
    dropped: u64,
    problem: Option<ProblemJson>,
}

pub(super) fn target(target: &notify::Target) -> Target<'_> {
    let status = target.status();
    Target {
        kind: target.kind.name(),
        target: &target.shown,
        works: status.works,
        sent: load(&target.sent),
        failed: load(&target.failed),
        dropped: target.dropped(),
        problem: status.problem.as_ref().map(ProblemJson::from),
    }
}
