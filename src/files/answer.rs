//! The answer to a request for a file, as the thread that opened it makes it: so what is said of a file and what is sent
//! of it are of one version. Made by [`super::page`] and [`super::video`], sent by [`crate::fanout::download`].

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::conditions::{Conditions, Wanted};
use super::movie_head::MovieHead;
use super::version::{Representation, Version};
use crate::problem::MESSAGE_HEADER;
use crate::problem::Text;

/// A file that is being sent.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    /// The version that must be sent to its end; `None` for a file that may grow meanwhile.
    version: Option<Version>,
    /// What is sent before the file's bytes; `None` if that is nothing.
    head: Option<Arc<MovieHead>>,
}

impl OpenFile {
    /// A file that may grow meanwhile, such as a recording.
    pub fn growing(file: File) -> Self {
        Self { file, version: None, head: None }
    }

    /// A file that must stay as it is.
    pub(super) fn of_version(file: File, version: Version) -> Self {
        Self { file, version: Some(version), head: None }
    }

    /// This head, followed by the part of the recording `file` that it belongs to.
    pub(super) fn behind(head: Arc<MovieHead>, file: File) -> Self {
        Self { file, version: None, head: Some(head) }
    }

    /// Fills `bytes` with what is `at` this place of what is sent.
    ///
    /// # Errors
    /// The system's error, and when the file was changed that must not be.
    pub(super) fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let (from_head, place) = match &self.head {
            None => (0, at),
            Some(head) => head.read(bytes, at),
        };
        self.file.read_exact_at(&mut bytes[from_head..], place)?;
        let Some(version) = &self.version else { return Ok(()) };
        if Version::of(&self.file.metadata()?) == *version {
            return Ok(());
        }
        Err(io::Error::other("it was changed while it was sent"))
    }
}

/// What is sent behind the head of an answer.
#[derive(Debug)]
pub enum Body {
    /// A file's bytes, from here on.
    File(OpenFile, u64),
    /// This.
    Text(String),
    /// These.
    Bytes(Vec<u8>),
    /// Nothing, since only the head is wanted, or there is nothing to say.
    None,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers that are not the same for every answer, without Content-Length.
    pub headers: Vec<(&'static str, String)>,
    /// Content-Length; `None` for an answer that has none.
    pub length: Option<u64>,
    /// The body.
    pub body: Body,
}

impl Answer {
    pub(super) fn text(
        status: u16,
        headers: Vec<(&'static str, String)>,
        text: impl Into<Text>,
        is_head: bool,
    ) -> Self {
        let text = text.into();
        let kind = ("Content-Type", "text/plain; charset=utf-8".to_owned());
        let message = text.to_header().map(|json| (MESSAGE_HEADER, json));
        let text = format!("{text}\n");
        Self {
            status,
            headers: headers.into_iter().chain([kind]).chain(message).collect(),
            length: Some(text.len() as u64),
            body: if is_head { Body::None } else { Body::Text(text) },
        }
    }

    /// What these conditions want of a file, with these headers where some of it is sent.
    pub(super) fn of_file(
        file: OpenFile,
        version: &Representation,
        with_content: Vec<(&'static str, String)>,
        conditions: &Conditions,
    ) -> Self {
        let wanted = conditions.wanted(version);
        let (status, mut headers) = (wanted.status(), wanted.headers(version));
        let (from, length) = match wanted {
            Wanted::Outside => {
                let why = format!("This range is outside the file, which has {} bytes.", version.bytes);
                return Answer::text(status, headers, why, conditions.is_head);
            }
            Wanted::Nothing => return Answer { status, headers, length: None, body: Body::None },
            Wanted::Whole => (0, version.bytes),
            Wanted::Part { from, length } => (from, length),
        };
        headers.extend(with_content);
        let body = if conditions.is_head || length == 0 { Body::None } else { Body::File(file, from) };
        Answer { status, headers, length: Some(length), body }
    }
}

/// Status and words for a file that is there and cannot be read.
pub(super) fn unreadable(error: &io::Error) -> (u16, &'static str) {
    match error.kind() {
        ErrorKind::PermissionDenied => (403, "boardcam may not read this file."),
        _ => (500, "This file cannot be read; the log says why."),
    }
}
