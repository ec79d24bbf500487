//! All mistakes in the settings, in the order of their lines.

use std::fmt;

use crate::problem::{Problem, text};

/// The most lines that a message names besides its own.
const LINES_NAMED: usize = 5;

/// A mistake, and the line of the settings file that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) problem: Box<Problem>,
}

/// At least one mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    first: Box<Problem>,
    /// Those in later lines.
    others: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes of a file; `None` if there are none. Of several in one line, only the first counts: it often leads
    /// to the others.
    pub(super) fn of_file(mut mistakes: Vec<Mistake>) -> Option<Self> {
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes.dedup_by_key(|mistake| mistake.line);
        let mut mistakes = mistakes.into_iter();
        let first = mistakes.next()?.problem;
        Some(Self { first, others: mistakes.collect() })
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &Problem> {
        std::iter::once(&*self.first).chain(self.others.iter().map(|mistake| &*mistake.problem))
    }

    /// The first one, which names the lines of the others.
    pub fn in_one(&self) -> Problem {
        let lines: Vec<_> = self.others.iter().map(|mistake| mistake.line.to_string()).collect();
        let advice = &self.first.advice;
        let advice = match lines.as_slice() {
            [] => advice.clone(),
            [line] => text!("{}; line {} has a mistake too", advice, line),
            lines if lines.len() <= LINES_NAMED => {
                text!("{}; lines {} have mistakes too", advice, lines.join(", "))
            }
            lines => text!("{}; {} more lines have mistakes", advice, lines.len()),
        };
        Problem { advice, ..Problem::clone(&self.first) }
    }
}

/// A mistake that is in no line.
impl From<Problem> for Mistakes {
    fn from(first: Problem) -> Self {
        Self { first: Box::new(first), others: Vec::new() }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.in_one().fmt(f)
    }
}

impl std::error::Error for Mistakes {}
