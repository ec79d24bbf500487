//! The files of recordings, whole or a range of them.

use std::io;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use rouille::{Response, ResponseBody};

use super::{find, not_found};
use crate::problem::text;
use crate::protocol::{FileOrder, HEADER};
use crate::record::Entry;
use crate::site::range::{ByteRange, requested};
use crate::site::request::RequestContext;
use crate::site::response::{names_etag, plain_text};

const CONTENT_TYPE: &str = "video/matroska";

/// The validators by which a client sees whether the file is still the same one that it has a part of.
struct Validators {
    etag: String,
    last_modified: String,
}

impl Validators {
    fn of(entry: &Entry) -> Self {
        let (seconds, nanos) = entry.modified;
        let modified = Timestamp::from_second(seconds).unwrap_or_default();
        Self {
            etag: format!("\"{seconds:x}.{nanos:x}-{:x}\"", entry.bytes),
            last_modified: DateTimePrinter::new().timestamp_to_rfc9110_string(&modified).unwrap_or_default(),
        }
    }

    /// Whether a client that sent this If-Range has a part of this file (RFC 9110 section 13.1.5).
    fn match_range(&self, validator: &str) -> bool {
        validator == self.etag || validator == self.last_modified
    }

    fn add_to(&self, response: Response) -> Response {
        response
            .with_unique_header("Cache-Control", "private, no-cache")
            .with_additional_header("Accept-Ranges", "bytes")
            .with_additional_header("ETag", self.etag.clone())
            .with_additional_header("Last-Modified", self.last_modified.clone())
    }
}

/// `GET /api/recordings/NAME`
pub(in crate::site) fn download(ctx: &RequestContext<'_>) -> Response {
    let Some(entry) = find(ctx) else { return not_found() };
    let header = |name| ctx.request.header(name);
    let validators = Validators::of(&entry);
    if header("If-None-Match").is_some_and(|etags| names_etag(etags, &validators.etag)) {
        return validators.add_to(Response::from_data(CONTENT_TYPE, Vec::new()).with_status_code(304));
    }
    let is_same = header("If-Range").is_none_or(|validator| validators.match_range(validator));
    let range = header("Range").filter(|_| is_same && !ctx.is_head());
    let response = validators.add_to(Response::from_data(CONTENT_TYPE, Vec::new()));
    let (response, from, length) = match requested(range, entry.bytes) {
        ByteRange::Whole => (response, 0, entry.bytes),
        ByteRange::Part { from, length } => {
            let range = format!("bytes {from}-{}/{}", from + length - 1, entry.bytes);
            (response.with_status_code(206).with_additional_header("Content-Range", range), from, length)
        }
        ByteRange::Unsatisfiable => {
            return validators
                .add_to(plain_text(
                    416,
                    text!("This range is outside the recording, which has {} bytes.", entry.bytes),
                ))
                .with_additional_header("Content-Range", format!("bytes */{}", entry.bytes));
        }
    };
    let disposition = format!("attachment; filename=\"{}\"", entry.name);
    let mut response = response.with_additional_header("Content-Disposition", disposition);
    if ctx.is_head() {
        // Gives the length; nothing is read from it.
        response.data =
            ResponseBody::from_reader_and_size(io::empty(), usize::try_from(length).unwrap_or(usize::MAX));
        return response;
    }
    if length == 0 {
        return response;
    }
    let order = FileOrder { name: entry.name, from, length, pass: ctx.pass() };
    response.with_additional_header(HEADER, order.to_header())
}
