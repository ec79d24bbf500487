//! The files of recordings, whole or a range of them, as they are or as [`video`].

use std::io;

use rouille::{Response, ResponseBody};

use super::{find, not_found, video};
use crate::files::conditions::Wanted;
use crate::files::version::{Representation, Version};
use crate::problem::text;
use crate::protocol::{FileOrder, HEADER, RecordingOrder};
use crate::site::request::RequestContext;
use crate::site::response::plain_text;

const CONTENT_TYPE: &str = "video/matroska";

/// `GET /api/recordings/NAME`: as it is, or `?format=mp4` or `mov`, of which `&from=S&to=S` cuts out a part.
pub(in crate::site) fn download(ctx: &RequestContext<'_>) -> Response {
    let Some(entry) = find(ctx) else { return not_found() };
    match video::requested(ctx) {
        Ok(None) => {}
        Ok(Some((format, part))) => return video::order(ctx, entry.name, format, part),
        Err(why) => return plain_text(400, why),
    }
    let version: Representation =
        Version { modified: entry.modified, bytes: entry.bytes, inode: None }.into();
    let wanted = ctx.conditions().wanted(&version);
    let response = match wanted {
        Wanted::Outside => {
            plain_text(416, text!("This range is outside the recording, which has {} bytes.", entry.bytes))
        }
        _ => Response::from_data(CONTENT_TYPE, Vec::new()).with_status_code(wanted.status()),
    };
    let headers = wanted.headers(&version).into_iter();
    let response = headers.fold(response, |response, (name, value)| response.with_unique_header(name, value));
    let (from, length) = match wanted {
        Wanted::Nothing | Wanted::Outside => return response,
        Wanted::Whole => (0, entry.bytes),
        Wanted::Part { from, length } => (from, length),
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
    let order = RecordingOrder { name: entry.name, from, length, client: ctx.client(), pass: ctx.pass() };
    response.with_additional_header(HEADER, FileOrder::Recording(order).to_header())
}
