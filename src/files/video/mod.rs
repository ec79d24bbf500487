//! Recordings as MP4 and QuickTime files, whole or cut, for programs that cannot open Matroska.
//!
//! Such a file is not stored anywhere. It is a head, made in memory ([`movie`]), followed by a part of the recording as
//! it lies on the disk, from the first wanted frame to the last: the head's tables say where in it the frames are. So
//! byte ranges are as cheap as those of a recording, once the head is there; and the heads that were made last are kept,
//! since players ask for many ranges ([`Heads`]).
//!
//! A recording that is being written is sent as it is at that moment. Recordings only grow, so the same tables mean the
//! same bytes, and the ETag is made from them: that of a cut stays the same while the recording goes on behind it.

mod cut;
mod heads;
pub mod movie;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use jiff::Timestamp;
use log::warn;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, OpenFile, unreadable};
use super::conditions::Conditions;
use super::version::{Representation, Version};
use crate::host::log::bounded::{self, Subject};
use crate::problem::{Text, Value, text};
use crate::record::{self, Name};
use cut::CutError;
pub use cut::WALK_TIME;
pub use heads::Heads;
use heads::{HeadKey, TooManyHeads};
use movie::{FRAMES_MAX, Unfit};

/// What a recording is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// MP4.
    Mp4,
    /// QuickTime.
    Mov,
}

impl Format {
    /// Both, under their names in URLs, which are also the ends of file names.
    pub const NAMED: [(&'static str, Format); 2] = [("mp4", Format::Mp4), ("mov", Format::Mov)];

    fn name(self) -> &'static str {
        match self {
            Format::Mp4 => "mp4",
            Format::Mov => "mov",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Mp4 => "video/mp4",
            Format::Mov => "video/quicktime",
        }
    }
}

/// A request for a recording in another format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoRequest {
    /// The recording.
    pub name: Name,
    /// As what.
    pub format: Format,
    /// The part of it.
    pub part: Part,
    /// What is wanted of the file.
    pub conditions: Conditions,
}

/// A part of a recording, in ms from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Begins with the frame that is shown at this time.
    pub from: u64,
    /// Has the frames that are shown before this time, which is after `from`; `None` for all.
    pub to: Option<u64>,
}

impl Part {
    /// All of it.
    pub const WHOLE: Part = Part { from: 0, to: None };
}

/// Why there is no such file.
#[derive(Debug)]
enum NoVideo {
    Unreadable(io::Error),
    Cut(CutError),
    TooManyHeads(TooManyHeads),
}

impl From<io::Error> for NoVideo {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<CutError> for NoVideo {
    fn from(error: CutError) -> Self {
        match error {
            CutError::Unreadable(error) => Self::Unreadable(error),
            error => Self::Cut(error),
        }
    }
}

/// Answers a request from the recordings in `folder`. Waits for the disk, as long as the answer is wanted.
pub(super) fn answer(
    folder: &Path,
    request: &VideoRequest,
    heads: &Heads,
    is_wanted: &dyn Fn() -> bool,
) -> Answer {
    match find(folder, request, heads, is_wanted) {
        Ok((file, version)) => {
            let disposition = format!("attachment; filename=\"{}\"", request.file_name());
            let headers = vec![
                ("Content-Disposition", disposition),
                ("Content-Type", request.format.content_type().to_owned()),
            ];
            Answer::of_file(file, &version, headers, &request.conditions)
        }
        Err(error) => {
            let (status, why) = error.words();
            if let NoVideo::Unreadable(error) = &error
                && status >= 500
                && bounded::may_log(Subject::Downloads, "")
            {
                warn!("cannot read recording {}: {error}", request.name);
            }
            let uncached = vec![("Cache-Control", "no-store".to_owned())];
            Answer::text(status, uncached, why, request.conditions.is_head)
        }
    }
}

fn find(
    folder: &Path,
    request: &VideoRequest,
    heads: &Heads,
    is_wanted: &dyn Fn() -> bool,
) -> Result<(OpenFile, Representation), NoVideo> {
    let file = record::open(folder, &request.name)?;
    let version = Version::of(&file.metadata()?);
    let VideoRequest { name, format, part, .. } = request;
    let key = HeadKey { name: name.clone(), format: *format, part: *part, version };
    let head = match heads.find(&key) {
        Some(head) => head,
        None => {
            let (bytes, start, length) = head(file.try_clone()?, request, is_wanted)?;
            heads.keep(key, bytes, start, length).map_err(NoVideo::TooManyHeads)?
        }
    };
    let representation = Representation { etag: head.etag(), last_modified: None, bytes: head.length() };
    Ok((OpenFile::behind(head, file), representation))
}

/// The head of the file, and the part of the recording that follows it: where it begins, and its length.
fn head(
    file: File,
    request: &VideoRequest,
    is_wanted: &dyn Fn() -> bool,
) -> Result<(Vec<u8>, u64, u64), CutError> {
    let cut = cut::read(file, request.part, is_wanted)?;
    let (start, length) = cut.frames.part();
    let bytes = cut.frames.head(request.format, cut.size, request.captured(), cut.end);
    Ok((bytes.map_err(CutError::Unfit)?, start, length))
}

impl VideoRequest {
    /// When the first frame was captured, to the second; 0 if the clock was not set.
    fn captured(&self) -> i64 {
        if !self.name.has_time() {
            return 0;
        }
        self.name.start.saturating_add(i64::try_from(self.part.from / 1000).unwrap_or(i64::MAX))
    }

    /// The name that the file gets: that of the recording, with the time at which the part begins.
    fn file_name(&self) -> String {
        let seconds = i64::try_from(self.part.from / 1000).unwrap_or(i64::MAX);
        let start = self.name.start.saturating_add(seconds);
        let start = if Timestamp::from_second(start).is_ok() { start } else { self.name.start };
        let name = Name { start, ..self.name.clone() };
        format!("{}.{}", name.without_end(), self.format.name())
    }
}

impl NoVideo {
    fn words(&self) -> (u16, Text) {
        match self {
            Self::Unreadable(error) if error.kind() == ErrorKind::NotFound => {
                (404, text!("There is no such recording. /api/recordings lists them."))
            }
            Self::Unreadable(error) => {
                let (status, why) = unreadable(error);
                (status, why.into())
            }
            Self::TooManyHeads(TooManyHeads) => (
                503,
                text!("This board already makes as many video files as it has memory for; try again later."),
            ),
            Self::Cut(error) => error.words(),
        }
    }
}

impl CutError {
    fn words(&self) -> (u16, Text) {
        match self {
            Self::Unreadable(error) => {
                let (status, why) = unreadable(error);
                (status, why.into())
            }
            Self::NotOurs(why) => {
                (409, text!("This recording cannot be converted: {}. Download it as it is.", why.clone()))
            }
            Self::NoFrame => (409, text!("This recording has no whole picture yet.")),
            Self::Behind { end_ms } => {
                let end = Value::Decimal((*end_ms as f64 / 1000.0).to_string());
                (400, text!("from must be before the end of the recording, which is at {} s.", end))
            }
            Self::Unfit(Unfit::TooMany) => (
                409,
                text!("This part has more than {} pictures; take less of it, with from and to.", FRAMES_MAX),
            ),
            Self::Unfit(Unfit::TooLarge) => (
                409,
                text!(
                    "This part is too large for this format, or damaged; take less of it, with from and to."
                ),
            ),
            Self::Unfit(Unfit::NoMemory) => {
                (503, text!("There is not enough memory for this now; try again later."))
            }
            Self::TooSlow => (
                503,
                text!(
                    "The disk took more than {} s to find the pictures; take less of the recording, with from and to.",
                    WALK_TIME.as_secs()
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
