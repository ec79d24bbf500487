//! What a request wants of a file: nothing if it has this version, all of it, or a part (RFC 9110 sections 13 and 14).

use serde::{Deserialize, Serialize};

use super::range::{ByteRange, requested};
use super::version::{Representation, names_etag};

/// The headers of a request for a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conditions {
    /// Only the head of the answer is wanted.
    pub is_head: bool,
    /// If-None-Match
    pub if_none_match: Option<String>,
    /// If-Range
    pub if_range: Option<String>,
    /// Range
    pub range: Option<String>,
}

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The client has it (304).
    Nothing,
    /// All of it (200).
    Whole,
    /// `length` bytes from byte `from` on (206).
    Part {
        /// The first byte.
        from: u64,
        /// At least one.
        length: u64,
    },
    /// The part is outside the file (416).
    Outside,
}

impl Wanted {
    /// The status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Wanted::Nothing => 304,
            Wanted::Whole => 200,
            Wanted::Part { .. } => 206,
            Wanted::Outside => 416,
        }
    }

    /// The headers of the answer that say which version of the file it is of, and which part.
    pub fn headers(self, version: &Representation) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Cache-Control", "private, no-cache".to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
            ("ETag", version.etag.clone()),
        ];
        headers.extend(version.last_modified.clone().map(|date| ("Last-Modified", date)));
        let range = match self {
            Wanted::Part { from, length } => {
                Some(format!("bytes {from}-{}/{}", from + length - 1, version.bytes))
            }
            Wanted::Outside => Some(format!("bytes */{}", version.bytes)),
            Wanted::Nothing | Wanted::Whole => None,
        };
        headers.extend(range.map(|range| ("Content-Range", range)));
        headers
    }
}

impl Conditions {
    /// What a request with these headers gets of this version.
    pub fn wanted(&self, version: &Representation) -> Wanted {
        if self.if_none_match.as_deref().is_some_and(|tags| names_etag(tags, &version.etag)) {
            return Wanted::Nothing;
        }
        let is_same = |validator: &str| {
            validator == version.etag || Some(validator) == version.last_modified.as_deref()
        };
        let is_same = self.if_range.as_deref().is_none_or(is_same);
        let range = self.range.as_deref().filter(|_| is_same && !self.is_head);
        match requested(range, version.bytes) {
            ByteRange::Whole => Wanted::Whole,
            ByteRange::Part { from, length } => Wanted::Part { from, length },
            ByteRange::Unsatisfiable => Wanted::Outside,
        }
    }
}
