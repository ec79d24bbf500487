//! Parts that many answers have.

use std::sync::atomic::{AtomicU64, Ordering};

use rouille::Response;
use serde::Serialize;

use crate::problem::Problem;

/// An answer of one or more sentences.
pub(super) fn plain_text(status: u16, text: impl Into<String>) -> Response {
    Response::text(text.into() + "\n").with_status_code(status).with_no_cache()
}

/// A [`Problem`] in JSON.
#[derive(Serialize)]
pub(super) struct ProblemJson {
    what: String,
    why: String,
    advice: String,
}

impl From<&Problem> for ProblemJson {
    fn from(problem: &Problem) -> Self {
        Self { what: problem.what.clone(), why: problem.why.clone(), advice: problem.advice.clone() }
    }
}

/// The value of a counter.
pub(super) fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
