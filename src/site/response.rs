//! Parts that many answers have.

use std::sync::atomic::{AtomicU64, Ordering};

use rouille::Response;
use serde::Serialize;

use crate::problem::{MESSAGE_HEADER, Problem, Text};

/// An answer of one or more sentences. The page shows those made by [`text!`](crate::problem::text) in its language.
pub(super) fn plain_text(status: u16, text: impl Into<Text>) -> Response {
    let text = text.into();
    let response = Response::text(format!("{text}\n")).with_status_code(status).with_no_cache();
    match text.to_header() {
        Some(header) => response.with_additional_header(MESSAGE_HEADER, header),
        None => response,
    }
}

/// A [`Problem`] in JSON: in English, and for a page in another language as templates with values.
#[derive(Serialize)]
pub(super) struct ProblemJson {
    what: String,
    why: String,
    advice: String,
    texts: Texts,
}

#[derive(Serialize)]
struct Texts {
    what: Text,
    why: Text,
    advice: Text,
}

impl From<&Problem> for ProblemJson {
    fn from(problem: &Problem) -> Self {
        let Problem { what, why, advice } = problem.clone();
        let [english_what, english_why, english_advice] = [&what, &why, &advice].map(Text::to_string);
        Self {
            what: english_what,
            why: english_why,
            advice: english_advice,
            texts: Texts { what, why, advice },
        }
    }
}

/// The value of a counter.
pub(super) fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
